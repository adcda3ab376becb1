import AttendanceCore

/// What an answer that is none means for a read.
struct SiteRefusal {
    private let answer: ERPNextAnswer
    private let body: FrappeBody
    private let subject: String

    init(_ answer: ERPNextAnswer, subject: String) {
        self.answer = answer
        self.subject = subject
        body = FrappeBody(answer.body)
    }

    func verdict<Value>() -> SiteAnswer<Value> {
        switch answer.status {
        case 300...399:
            let location =
                answer.location.map { PlainText.line($0, limit: 200) } ?? "an address it does not name"
            return .denied(
                reason: "the site redirects to \(location) (\(answer.status))",
                remedy: "set URL to the address it redirects to")
        case 400: return badRequest()
        case 401: return unauthenticated()
        case 403: return forbidden()
        case 404, 405, 410: return notFound()
        case 408, 425, 501...599: return unavailable()
        case 417: return expectationFailed()
        case 429: return rateLimited()
        case 500: return serverError()
        default: return refused()
        }
    }

    private func words(_ otherwise: String) -> String {
        let words = body.words.flatMap { $0.isEmpty ? nil : $0 }
        return PlainText.line("\(words ?? otherwise) (\(answer.status))", limit: 300)
    }

    private func badRequest<Value>() -> SiteAnswer<Value> {
        switch body.exceptionType {
        case "InvalidAuthorizationToken", "InvalidAuthorizationHeader", "InvalidAuthorizationPrefix":
            unauthenticated()
        case .some: refused()
        case nil:
            .denied(
                reason: words("a proxy refuses the request"), remedy: "check URL (http or https, port)")
        }
    }

    private func unauthenticated<Value>() -> SiteAnswer<Value> {
        .denied(
            reason: "the site does not accept the API key and secret (\(answer.status))",
            remedy: "make new keys in ERPNext (User > Settings > API Access) and set APIKey and APISecret",
            fault: .authentication)
    }

    private func forbidden<Value>() -> SiteAnswer<Value> {
        guard body.isJSON else {
            return .denied(
                reason: "a proxy or firewall in front of the site refuses the request (403)",
                remedy: "let this machine through to the site's /api")
        }
        return .denied(
            reason: PlainText.line(
                "the API user may not see or change \(subject): \(words("not permitted"))"),
            remedy: "give the API user the role HR User, and no User Permissions on Employee or Company")
    }

    private func notFound<Value>() -> SiteAnswer<Value> {
        .missing(
            reason: body.isJSON
                ? "the site has no \(subject) (\(answer.status))"
                : "there is no ERPNext site at this address (\(answer.status)); check URL")
    }

    private func expectationFailed<Value>() -> SiteAnswer<Value> {
        if body.exceptionType == "RateLimitExceededError" { return rateLimited() }
        if ["TimestampMismatchError", "DocumentLockedError"].contains(body.exceptionType) {
            return .unavailable(reason: words("another user was faster"), retryAfter: nil)
        }
        if body.exceptionType == "PermissionError" { return forbidden() }
        if body.says("Failed to get method") || body.says("Field not permitted in query")
            || ["AppNotInstalledError", "DoesNotExistError", "DataError"].contains(body.exceptionType)
        {
            return .missing(reason: words("the site has no \(subject)"))
        }
        return refused()
    }

    private func serverError<Value>() -> SiteAnswer<Value> {
        if body.says("Unknown column") || body.says("(1054") || body.exceptionType == "ImportError"
            || body.exceptionType == "ModuleNotFoundError"
        {
            return .missing(reason: words("the site has no such field of \(subject)"))
        }
        return .unavailable(reason: words("ERPNext failed"), retryAfter: nil)
    }

    private func rateLimited<Value>() -> SiteAnswer<Value> {
        .unavailable(reason: words("the site asks to wait"), retryAfter: answer.wait)
    }

    private func unavailable<Value>() -> SiteAnswer<Value> {
        if answer.status == 503, answer.wait != nil { return rateLimited() }
        return .unavailable(
            reason: body.exceptionType == "SessionStopped"
                ? "ERPNext is in maintenance mode (503)" : "ERPNext is not available (\(answer.status))",
            retryAfter: nil)
    }

    private func refused<Value>() -> SiteAnswer<Value> {
        .denied(
            reason: words("the site refuses \(subject)"),
            remedy: "see the site's own words, and its Error Log")
    }
}
