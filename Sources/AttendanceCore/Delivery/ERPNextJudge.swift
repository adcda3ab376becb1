/// The table of docs/erpnext.md §8. A value per answer, so that each rule reads as a line.
///
/// Words are translated, so it goes by status, then by the exception's type, then by what no translation changes (names
/// of fields and methods, links), and by English words last.
struct ERPNextJudge {
    private let answer: ERPNextAnswer
    private let body: FrappeBody
    private let context: ERPNextAnswer.Context

    private typealias Verdict = ERPNextAnswer.Verdict

    init(answer: ERPNextAnswer, body: FrappeBody, context: ERPNextAnswer.Context) {
        self.answer = answer
        self.body = body
        self.context = context
    }

    func verdict() -> ERPNextAnswer.Verdict {
        var verdict = byStatus()
        verdict.isTooLarge = answer.status == 413
        return verdict
    }

    private func byStatus() -> Verdict {
        switch answer.status {
        case 200: success()
        case 300...399: redirect()
        case 400: badRequest()
        case 401: authentication()
        case 403: forbidden()
        case 404: notFound()
        case 408: unavailable("the site gave up waiting for the request (408)")
        case 409: conflict()
        case 413: tooLarge()
        case 417: expectationFailed()
        case 429: rateLimited()
        case 500: serverError()
        case 502, 504: unavailable("the proxy got no answer from ERPNext (\(answer.status))", ambiguous: true)
        case 503: answer.wait == nil ? unavailable(whyUnavailable) : rateLimited()
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
        guard let reference = name(body.document["name"]) else {
            return misconfigured(
                "the site answered 200 without naming the check-in it made",
                "check APIEndpoint in [ERP]: the method must be HRMS's own add_log_based_on_employee_field")
        }
        let echoed = body.document["time"]
        let isRight = echoed.map { Self.sameSecond($0, time) } ?? false
        var verdict =
            isRight ? delivered(reference) : .wrongTime(reference, stored: echoed, sent: time)
        verdict.employee = name(body.document["employee"])
        verdict.shift = name(body.document["shift"])
        verdict.shiftActualEnd = body.document["shift_actual_end"].flatMap { WallTime($0) }
        verdict.storedTime = echoed.flatMap { WallTime($0) }
        return verdict
    }

    /// The answer's fields are kept one by one, as names fit for one line.
    private func name(_ text: String?) -> String? {
        text.map { PlainText.line($0, limit: 140) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private func delivered(_ reference: String?) -> Verdict {
        Verdict(outcome: .delivered(reference: reference), answer: .delivered, reference: reference)
    }

    /// The same moment, written with a blank or `T`, with or without a fraction of a second.
    private static func sameSecond(_ a: String, _ b: String) -> Bool {
        guard let first = WallTime(a), let second = WallTime(b) else { return a == b }
        return first == second
    }

    /// A function of the site's own may report its failure in a 200.
    private func customSuccess() -> Verdict {
        guard body.reportsFailure else { return delivered(name(body.document["name"])) }
        return textRule() ?? retry("the site's method reports a failure: \(body.words ?? "no words")")
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
            answer: .authentication, words: body.words)
    }

    private func forbidden() -> Verdict {
        // A User Permission: other employees may work.
        if says("is linked to") || says("user permission") || namesThePerson {
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
            answer: .authentication, words: body.words)
    }

    /// In whatever language: the employee's document name in quotation marks.
    private var namesThePerson: Bool {
        guard let lookup = context.lookup, lookup.field == "name", !lookup.value.isEmpty else { return false }
        return says("'\(lookup.value)'")
    }

    private func notFound() -> Verdict {
        // A script of the site says so when it finds no employee; ERPNext says it of a whole doctype too.
        if body.exceptionType == "DoesNotExistError", !says("DocType"), isCustom || says("Employee") {
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

    /// A check-in as HRMS takes it is small: a site that refuses it refuses all. To the site's own method goes the
    /// person's name as well, of any length: that is the record's own fault.
    private func tooLarge() -> Verdict {
        isCustom
            ? rejected(.invalidData)
            : misconfigured(
                "the site takes no request of this size (413)",
                "raise the proxy's limit for bodies (nginx: client_max_body_size)")
    }

    // MARK: 417

    private func expectationFailed() -> Verdict {
        guard body.isJSON else {
            return misconfigured(
                "a proxy refuses the request (417)", "check URL in [ERP], and any proxy in between")
        }
        return byType() ?? textRule() ?? methodRule() ?? requirement() ?? byLink() ?? rejected(.refusedByRule)
    }

    private func byType() -> Verdict? {
        switch body.exceptionType {
        case "InactiveEmployeeStatusError": rejected(.inactiveEmployee)
        case "RateLimitExceededError": rateLimited()
        case "TimestampMismatchError", "DocumentLockedError":
            retry("another user was faster", counted: false)
        case "AppNotInstalledError": wrongMethod()
        case "FrappeTypeError": wrongFields()
        case "CheckinRadiusExceededError": rejected(.refusedByRule)
        case "LinkValidationError" where says("Could not find Employee:"): rejected(.unknownEmployee)
        case "LinkValidationError", "MandatoryError", "CharacterLengthExceededError", "DataTooLongException",
            "InvalidDates":
            rejected(.invalidData)
        default: nil
        }
    }

    /// The outcome of a single punch that only words tell apart.
    private func textRule() -> Verdict? {
        if says("already has a log with the same timestamp")
            || isCustom && Self.alreadyThere.contains(where: says)
        {
            return alreadyThere(body.linkedCheckin ?? body.linkText)
        }
        if says("No Employee found") || namesTheLookup { return rejected(.unknownEmployee) }
        if says("Inactive Employee") { return rejected(.inactiveEmployee) }
        guard isCustom else { return nil }
        if ["not found", "does not exist", "no employee", "unknown employee"].contains(where: says) {
            return rejected(.unknownEmployee)
        }
        return nil
    }

    /// `… 'attendance_device_id': 77777`: the end of "No Employee found" in every language.
    private var namesTheLookup: Bool {
        guard let lookup = context.lookup, !lookup.field.isEmpty else { return false }
        return says("'\(lookup.field)': \(PlainText.line(lookup.value))")
    }

    private static let alreadyThere = [
        "already has a log", "already exists", "duplicate entry", "duplicate punch", "duplicate check",
    ]

    private func alreadyThere(_ reference: String?) -> Verdict {
        Verdict(
            outcome: .alreadyThere(reference: reference), answer: .alreadyThere, words: body.words,
            reference: reference)
    }

    private func methodRule() -> Verdict? {
        if says("Failed to get method") || says("add_log_based_on_employee_field") { return wrongMethod() }
        if says("'employee_field_value'"), says("'timestamp'") {
            return misconfigured(
                "the site did not understand the request's fields", "check for a proxy that changes requests")
        }
        if says("should be of type") { return wrongFields() }
        if says("Log Type cannot be") {
            return misconfigured("the site does not take this log type", "check the direction settings")
        }
        return nil
    }

    private func wrongMethod() -> Verdict {
        misconfigured(
            "the site has no such method (\(answer.status))",
            "check APIEndpoint in [ERP]: HRMS 14 and later hrms.hr.doctype..., before that erpnext.hr.doctype..."
        )
    }

    private func wrongFields() -> Verdict {
        misconfigured("the method does not take these fields", "check APIEndpoint in [ERP]")
    }

    /// What this terminal's settings lack for this site.
    private func requirement() -> Verdict? {
        if says("Log Type is required") { return rejected(.directionRequired) }
        if says("Latitude and longitude values are required") { return rejected(.coordinatesRequired) }
        return nil
    }

    /// Of HRMS's rules only the one against repeats links to a check-in. A rule of the customer's may do so too, so
    /// this is not certain.
    private func byLink() -> Verdict? {
        guard body.exceptionType == nil || body.exceptionType == "ValidationError",
            let reference = body.linkedCheckin
        else { return nil }
        var verdict = alreadyThere(reference)
        verdict.ifAbsent = rejected(.refusedByRule).outcome
        return verdict
    }

    // MARK: 429, 5xx

    private func rateLimited() -> Verdict {
        Verdict(
            outcome: .siteUnavailable(
                reason: withWords("the site asks to wait (\(answer.status))"), retryAfter: answer.wait,
                ambiguous: false),
            answer: .rateLimited, words: body.words)
    }

    private var whyUnavailable: String {
        switch body.exceptionType {
        case "SessionStopped": "ERPNext is in maintenance mode (503)"
        case "InReadOnlyMode": "ERPNext is in read-only mode (503)"
        case "QueueOverloaded": "ERPNext's queues are full (503)"
        default: "ERPNext is not available (503)"
        }
    }

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
        if says("required positional argument"), Self.sentFields.contains(where: { says("'\($0)'") }) {
            return misconfigured(
                "the site did not get the request's fields (500)",
                "check APIEndpoint in [ERP], and for a proxy that changes requests")
        }
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
        return retry(body.words ?? "ERPNext failed (500)")
    }

    /// What a method misses of these, no request of ours will bring.
    private static let sentFields = [
        "employee_field_value", "timestamp", "punchingcode", "employee_name", "time", "device_id",
    ]

    // MARK: Words

    private var isCustom: Bool { context.dialect == .customMethod }

    private func says(_ text: String) -> Bool { body.says(text) }

    private func withWords(_ reason: String) -> String {
        guard let words = body.words, !words.isEmpty else { return reason }
        return PlainText.line("\(reason): \(words)")
    }

    private func rejected(_ cause: RejectionCause) -> Verdict {
        Verdict(
            outcome: .rejected(
                cause: cause, reason: body.words ?? "ERPNext refused it with status \(answer.status)"),
            answer: .rejected, words: body.words)
    }

    private func retry(_ reason: String, counted: Bool = true) -> Verdict {
        Verdict(outcome: .retry(reason: reason, counted: counted), answer: .transient, words: body.words)
    }

    private func unavailable(_ reason: String, ambiguous: Bool = false) -> Verdict {
        Verdict(
            outcome: .siteUnavailable(reason: reason, retryAfter: nil, ambiguous: ambiguous),
            answer: .transient, words: body.words)
    }

    private func misconfigured(_ reason: String, _ remedy: String) -> Verdict {
        Verdict(
            outcome: .siteMisconfigured(fault: .configuration, reason: withWords(reason), remedy: remedy),
            answer: .configuration, words: body.words)
    }
}
