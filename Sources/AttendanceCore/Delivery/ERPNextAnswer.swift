/// What came back from an ERPNext site, as little of HTTP as is needed to judge it.
package struct ERPNextAnswer: Hashable, Sendable {
    package var status: Int
    /// Seconds of a `Retry-After` header, if it held a whole number.
    package var retryAfter: Int?
    /// The `Location` header of a redirect.
    package var location: String?
    /// The `Date` header, as sent.
    package var date: String?
    /// At most `maximumBody` bytes; what a site sends beyond is never read.
    package var body: [UInt8]

    package static let maximumBody = 1 << 20

    package init(
        status: Int, retryAfter: Int? = nil, location: String? = nil, body: [UInt8] = [], date: String? = nil
    ) {
        self.date = date
        self.status = status
        self.retryAfter = retryAfter
        self.location = location
        self.body = body
    }

    /// Which of the two ways in was asked.
    package enum Dialect: Hashable, Sendable {
        /// `add_log_based_on_employee_field`; `time` is what the answer must echo (`YYYY-MM-DD HH:MM:SS`).
        case hrms(time: String)
        /// The site's own method, as the older service called it (docs/erpnext.md §9).
        case customMethod
    }

    /// What is known beside the answer.
    package struct Context: Hashable, Sendable {
        package var dialect: Dialect
        /// Counted attempts for this punch before this one.
        package var attemptsBefore: Int
        /// Answers 200 without JSON that came one after the other just before this one.
        package var pagesBefore: Int

        package init(_ dialect: Dialect, attemptsBefore: Int = 0, pagesBefore: Int = 0) {
            self.dialect = dialect
            self.attemptsBefore = attemptsBefore
            self.pagesBefore = pagesBefore
        }
    }

    /// The judgement: what it means for the punch and the site, under which class it is counted, and the site's words
    /// (one line, no markup, at most 500 characters).
    package struct Verdict: Hashable, Sendable {
        package var outcome: DeliveryOutcome
        package var answer: AnswerClass
        package var words: String?
        /// The name of what the site stored or had, also when it stored it wrongly.
        package var reference: String?
        /// 200 and no JSON: to be counted by whoever keeps `Context.pagesBefore`.
        package var isPage = false
    }

    /// The table of docs/erpnext.md §8, corrected by what a live site answered. Never fails, whatever the bytes.
    package func verdict(_ context: Context) -> Verdict {
        Judge(answer: self, body: FrappeBody(body), context: context).verdict()
    }
}

/// The table itself. A value per answer, so that each rule reads as a line.
private struct Judge {
    let answer: ERPNextAnswer
    let body: FrappeBody
    let context: ERPNextAnswer.Context
    private let words: String?

    init(answer: ERPNextAnswer, body: FrappeBody, context: ERPNextAnswer.Context) {
        self.answer = answer
        self.body = body
        self.context = context
        words = body.words
    }

    private typealias Verdict = ERPNextAnswer.Verdict

    func verdict() -> ERPNextAnswer.Verdict {
        switch answer.status {
        case 200: success()
        case 300...399: redirect()
        case 400: badRequest()
        case 401: authentication()
        case 403: forbidden()
        case 404: notFound()
        case 408: unavailable("the site gave up waiting for the request (408)")
        case 409: conflict()
        // A record that is too large is this record's fault: names of any length are forwarded as they came.
        case 413: rejected(.invalidData)
        case 417: expectationFailed()
        case 429: rateLimited()
        case 500: serverError()
        case 502, 504: unavailable("the proxy got no answer from ERPNext (\(answer.status))", ambiguous: true)
        case 503:
            answer.retryAfter == nil
                ? unavailable(
                    body.exceptionType == "SessionStopped"
                        ? "ERPNext is in maintenance mode (503)" : "ERPNext is not available (503)")
                : rateLimited()
        // Cloudflare's own: 521 to 523, 525 and 526 never reached the site.
        case 520, 524, 527:
            unavailable("the proxy got no answer from ERPNext (\(answer.status))", ambiguous: true)
        case 501, 505...599: unavailable("the site answers \(answer.status)")
        case 405, 410, 414, 415, 431:
            misconfigured("the site answers \(answer.status)", "check URL and APIEndpoint in [ERP]")
        case 402...499:
            body.isJSON
                ? rejected(.refusedByRule)
                : misconfigured("the site answers \(answer.status)", "check URL and APIEndpoint in [ERP]")
        default:
            misconfigured(
                "the site answers \(answer.status), which ERPNext never does",
                "check that URL in [ERP] is the ERPNext site itself")
        }
    }

    // MARK: 200

    private func success() -> Verdict {
        guard body.isJSON else { return page() }
        switch context.dialect {
        case .hrms(let time): return hrmsSuccess(time)
        case .customMethod: return customSuccess()
        }
    }

    private func hrmsSuccess(_ time: String) -> Verdict {
        guard let name = body.document["name"], !name.isEmpty else {
            return misconfigured(
                "the site answered 200 without naming the check-in it made",
                "check APIEndpoint in [ERP]: the method must be HRMS's own add_log_based_on_employee_field")
        }
        let reference = PlainText.line(name, limit: 140)
        guard let echoed = body.document["time"], Self.sameSecond(echoed, time) else {
            return Verdict(
                outcome: .siteMisconfigured(
                    fault: .wrongTime,
                    reason: "the site stored check-in \(reference) with another time than the one sent",
                    remedy:
                        "give the API user the role HR User (write at permission level 1 on Employee Checkin), "
                        + "then correct the named check-ins"),
                answer: .configuration, words: words, reference: reference)
        }
        return Verdict(
            outcome: .delivered(reference: reference), answer: .delivered, words: nil, reference: reference)
    }

    /// The same moment, written with a blank or `T`, with or without a fraction of a second.
    private static func sameSecond(_ a: String, _ b: String) -> Bool {
        guard let first = WallTime(a), let second = WallTime(b) else { return a == b }
        return first == second
    }

    /// A function of the site's own may report its failure in a 200.
    private func customSuccess() -> Verdict {
        let reference = body.document["name"].map { PlainText.line($0, limit: 140) }
        guard body.reportsFailure else {
            return Verdict(
                outcome: .delivered(reference: reference), answer: .delivered, words: nil,
                reference: reference)
        }
        return textRule() ?? retry("the site's method reports a failure: \(words ?? "no words")")
    }

    private func page() -> Verdict {
        let reason = "the site answered 200 with something that is not JSON (a login or proxy page?)"
        var verdict =
            context.pagesBefore >= 2
            ? misconfigured(reason, "check URL and APIEndpoint in [ERP], and any proxy in between")
            : unavailable(reason)
        verdict.isPage = true
        return verdict
    }

    // MARK: 3xx, 4xx

    private func redirect() -> Verdict {
        guard let location = answer.location.map({ PlainText.line($0, limit: 200) }), !location.isEmpty else {
            return misconfigured(
                "the site redirects (\(answer.status)) without saying where",
                "set URL in [ERP] to the final address")
        }
        return misconfigured(
            "the site redirects to \(location) (\(answer.status)), and a redirected punch would be lost",
            "set URL in [ERP] to the address it redirects to")
    }

    private func badRequest() -> Verdict {
        switch body.exceptionType {
        case "CSRFTokenError": misconfigured("the site wants a CSRF token", "remove cookies added by a proxy")
        case "InvalidAuthorizationToken", "InvalidAuthorizationHeader", "InvalidAuthorizationPrefix":
            authentication()
        case .some: rejected(.refusedByRule)
        case nil:
            body.isJSON
                ? rejected(.refusedByRule)
                : misconfigured(
                    "a proxy refuses the request (400)", "check URL in [ERP] (http or https, port)")
        }
    }

    private func authentication() -> Verdict {
        let reason = "the site does not accept the API key and secret (\(answer.status))"
        return Verdict(
            outcome: .siteMisconfigured(
                fault: .authentication, reason: withWords(reason),
                remedy:
                    "make new keys in ERPNext (User > Settings > API Access) and set APIKey and APISecret in [ERP]"
            ),
            answer: .authentication, words: words)
    }

    private func forbidden() -> Verdict {
        // A User Permission: other employees may work.
        if says("is linked to") || says("user permission") {
            return context.attemptsBefore >= 1
                ? rejected(.notPermitted) : retry("not permitted for this employee")
        }
        return Verdict(
            outcome: .siteMisconfigured(
                fault: .authentication,
                reason: withWords(
                    body.isJSON
                        ? "the API user may not create check-ins, or no key is sent (403)"
                        : "a proxy or firewall in front of the site refuses the request (403)"),
                remedy: "give the API user the role HR User and check APIKey and APISecret in [ERP]"),
            answer: .authentication, words: words)
    }

    private func notFound() -> Verdict {
        // The site's own script says so when it finds no employee; ERPNext says it of a whole doctype too.
        if body.exceptionType == "DoesNotExistError", !says("DocType") {
            return rejected(.unknownEmployee)
        }
        return misconfigured(
            "there is no such site or method (404)", "check URL and APIEndpoint in [ERP]; is HRMS installed?")
    }

    /// A collision of generated names after a series was reset: the punch is not there.
    private func conflict() -> Verdict {
        guard context.attemptsBefore >= 4 else { return retry("the site's naming series collides (409)") }
        return misconfigured(
            "the site's naming series for Employee Checkin collides with existing names (409)",
            "raise the current value of the series EMP-CKIN in ERPNext (Document Naming Settings)")
    }

    private func expectationFailed() -> Verdict {
        if let verdict = textRule() { return verdict }
        switch body.exceptionType {
        case "InactiveEmployeeStatusError": return rejected(.inactiveEmployee)
        case "RateLimitExceededError": return rateLimited()
        case "TimestampMismatchError", "DocumentLockedError":
            return retry("another user was faster", counted: false)
        case "AppNotInstalledError": return wrongMethod()
        case "FrappeTypeError":
            return misconfigured("the method does not take these fields", "check APIEndpoint in [ERP]")
        case "LinkValidationError", "MandatoryError", "CharacterLengthExceededError", "DataTooLongException",
            "InvalidDates":
            return rejected(.invalidData)
        default: break
        }
        if says("Failed to get method") { return wrongMethod() }
        if says("'employee_field_value' and 'timestamp' are required") {
            return misconfigured(
                "the site did not understand the request's fields", "check for a proxy that changes requests")
        }
        if says("should be of type") {
            return misconfigured("the method does not take these fields", "check APIEndpoint in [ERP]")
        }
        if says("Log Type cannot be") {
            return misconfigured("the site does not take this log type", "check the direction settings")
        }
        return rejected(.refusedByRule)
    }

    private func wrongMethod() -> Verdict {
        misconfigured(
            "the site has no such method (\(answer.status))",
            "check APIEndpoint in [ERP]: HRMS 14 and later hrms.hr.doctype..., before that erpnext.hr.doctype..."
        )
    }

    /// What is decided by the site's words alone, because the status is shared by all of it.
    private func textRule() -> Verdict? {
        if says("already has a log with the same timestamp")
            || isCustom && Self.alreadyThere.contains(where: says)
        {
            let reference = body.linkedName
            return Verdict(
                outcome: .alreadyThere(reference: reference), answer: .alreadyThere, words: words,
                reference: reference)
        }
        if says("No Employee found") { return rejected(.unknownEmployee) }
        if says("Inactive Employee") { return rejected(.inactiveEmployee) }
        guard isCustom else { return nil }
        if ["not found", "does not exist", "no employee", "unknown employee"].contains(where: says) {
            return rejected(.unknownEmployee)
        }
        return nil
    }

    private static let alreadyThere = [
        "already has a log", "already exists", "duplicate entry", "duplicate punch", "duplicate check",
    ]

    private func rateLimited() -> Verdict {
        Verdict(
            outcome: .siteUnavailable(
                reason: withWords("the site asks to wait (\(answer.status))"), retryAfter: retryAfter,
                ambiguous: false),
            answer: .rateLimited, words: words)
    }

    /// At most an hour: a wrong header must not stop the gateway for a week.
    private var retryAfter: Duration? {
        answer.retryAfter.map { .seconds(min(max($0, 0), 3600)) }
    }

    // MARK: 500

    private func serverError() -> Verdict {
        // gunicorn's own page: the application itself does not run (database gone).
        guard body.isJSON else { return unavailable("ERPNext fails as a whole (500, no JSON)") }
        if says("Deadlock found") || says("Lock wait timeout") || says("Record has changed since last read")
            || ["QueryDeadlockError", "QueryTimeoutError"].contains(body.exceptionType)
        {
            return retry("ERPNext's database was busy", counted: false)
        }
        if says("Incorrect datetime value") || says("(1292") || says("can't compare offset-naive")
            || ["ParserError", "JSONDecodeError", "ValueError"].contains(body.exceptionType)
        {
            return rejected(.invalidData)
        }
        if body.exceptionType == "TypeError" { return rejected(.invalidData) }
        if says("Unknown column") || says("(1054") {
            return misconfigured(
                "Employee has no such field, or the site is not migrated (500)",
                "check EmployeeField in [ERP]")
        }
        if body.exceptionType == "OperationalError",
            ["(2002", "(2003", "(2006", "(2013"].contains(where: says)
        {
            return unavailable("ERPNext does not reach its database")
        }
        return retry(words ?? "ERPNext failed (500)")
    }

    // MARK: Words

    private var isCustom: Bool { context.dialect == .customMethod }

    private func says(_ text: String) -> Bool { body.says(text) }

    private func withWords(_ reason: String) -> String {
        guard let words, !words.isEmpty else { return reason }
        return PlainText.line("\(reason): \(words)")
    }

    private func rejected(_ cause: RejectionCause) -> Verdict {
        Verdict(
            outcome: .rejected(
                cause: cause, reason: words ?? "ERPNext refused it with status \(answer.status)"),
            answer: .rejected, words: words)
    }

    private func retry(_ reason: String, counted: Bool = true) -> Verdict {
        Verdict(outcome: .retry(reason: reason, counted: counted), answer: .transient, words: words)
    }

    private func unavailable(_ reason: String, ambiguous: Bool = false) -> Verdict {
        Verdict(
            outcome: .siteUnavailable(reason: reason, retryAfter: nil, ambiguous: ambiguous),
            answer: .transient,
            words: words)
    }

    private func misconfigured(_ reason: String, _ remedy: String) -> Verdict {
        Verdict(
            outcome: .siteMisconfigured(fault: .configuration, reason: withWords(reason), remedy: remedy),
            answer: .configuration, words: words)
    }
}
