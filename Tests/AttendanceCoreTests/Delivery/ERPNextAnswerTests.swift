import AttendanceCore
import Testing

/// Bodies as a live site sent them, shortened: docs/erpnext.md.
private enum Body {
    static let duplicate = error(
        "ValidationError",
        #"This employee already has a log with the same timestamp.<Br><a href=\\\\\\\"/app/employee-checkin/EMP-CKIN-11-2026-000007\\\\\\\">EMP-CKIN-11-2026-000007</a>"#
    )
    static let unknown = error(
        "ValidationError",
        "No Employee found for the given employee field value. 'attendance_device_id': 77777")
    static let nginx = "<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"

    static func stored(time: String = "2026-11-22 08:01:09", name: String = "EMP-CKIN-11-2026-000001")
        -> String
    {
        #"{"message":{"name":"\#(name)","employee":"HR-EMP-00007","log_type":"","time":"\#(time)","#
            + #""device_id":"gate-1","doctype":"Employee Checkin"}}"#
    }

    /// A Frappe error: the words double-encoded in `_server_messages`, and a traceback.
    static func error(_ type: String, _ words: String) -> String {
        #"{"exception":"frappe.exceptions.\#(type): x","exc_type":"\#(type)","exc":"[\"Traceback\\n  File\\n\"]","#
            + #""_server_messages":"[\"{\\\"message\\\": \\\"\#(words)\\\", \\\"indicator\\\": \\\"red\\\"}\"]"}"#
    }

    /// The same with tracebacks and messages switched off: only the exception type.
    static func bare(_ type: String) -> String { #"{"exc_type":"\#(type)"}"# }
    static func exception(_ type: String, _ text: String) -> String {
        #"{"exception":"\#(type): \#(text)","exc_type":"\#(type)","exc":"[\"Traceback\"]"}"#
    }
}

/// What an outcome is, without its words.
private enum Kind: Equatable {
    case delivered, alreadyThere
    case rejected(RejectionCause)
    case retry(counted: Bool)
    case unavailable(ambiguous: Bool)
    case misconfigured(SiteFault)

    init(_ outcome: DeliveryOutcome) {
        self =
            switch outcome {
            case .delivered: .delivered
            case .alreadyThere: .alreadyThere
            case .rejected(let cause, _): .rejected(cause)
            case .retry(_, let counted): .retry(counted: counted)
            case .siteUnavailable(_, _, let ambiguous): .unavailable(ambiguous: ambiguous)
            case .siteMisconfigured(let fault, _, _): .misconfigured(fault)
            }
    }
}

private struct Row: CustomTestStringConvertible, Sendable {
    var what: String
    var status: Int
    var body: String
    var kind: Kind
    var answer: AnswerClass
    var testDescription: String { "\(status) \(what)" }

    init(_ status: Int, _ what: String, _ body: String, _ kind: Kind, _ answer: AnswerClass) {
        (self.what, self.status, self.body, self.kind, self.answer) = (what, status, body, kind, answer)
    }
}

private func isOneLine(_ text: String) -> Bool { !text.unicodeScalars.contains(where: \.isControl) }

private let sent = "2026-11-22 08:01:09"

@Suite struct ERPNextAnswerTests {
    private static let everywhere: [Row] = [
        Row(400, "CSRF", Body.bare("CSRFTokenError"), .misconfigured(.configuration), .configuration),
        Row(
            400, "bad header", Body.bare("InvalidAuthorizationToken"), .misconfigured(.authentication),
            .authentication),
        Row(400, "nginx", Body.nginx, .misconfigured(.configuration), .configuration),
        Row(400, "other JSON", "{}", .rejected(.refusedByRule), .rejected),
        Row(
            401, "no message", Body.bare("AuthenticationError"), .misconfigured(.authentication),
            .authentication),
        Row(
            401, "words", #"{"message":"Invalid login credentials"}"#, .misconfigured(.authentication),
            .authentication),
        Row(401, "HTML", Body.nginx, .misconfigured(.authentication), .authentication),
        Row(
            403, "no right", #"{"exc_type":"PermissionError","_error_message":"Insufficient Permission"}"#,
            .misconfigured(.authentication), .authentication),
        Row(403, "firewall", Body.nginx, .misconfigured(.authentication), .authentication),
        Row(
            403, "User Permission",
            Body.error("PermissionError", "not allowed, it is linked to Employee 'HR-EMP-1'"),
            .retry(counted: true), .transient),
        Row(
            404, "JSON of a script", Body.error("DoesNotExistError", "Employee 7 not found"),
            .rejected(.unknownEmployee), .rejected),
        Row(
            404, "JSON of a doctype", Body.error("DoesNotExistError", "DocType X not found"),
            .misconfigured(.configuration), .configuration),
        Row(404, "no such site", "<h1>x does not exist</h1>", .misconfigured(.configuration), .configuration),
        Row(405, "HTML", Body.nginx, .misconfigured(.configuration), .configuration),
        Row(408, "HTML", Body.nginx, .unavailable(ambiguous: false), .transient),
        Row(
            409, "name collision", Body.error("DuplicateEntryError", "already exists"), .retry(counted: true),
            .transient),
        Row(410, "link", Body.bare("LinkExpired"), .misconfigured(.configuration), .configuration),
        Row(413, "HTML", Body.nginx, .rejected(.invalidData), .rejected),
        Row(414, "HTML", Body.nginx, .misconfigured(.configuration), .configuration),
        Row(415, "JSON", Body.bare("UnsupportedMediaType"), .misconfigured(.configuration), .configuration),
        Row(431, "HTML", Body.nginx, .misconfigured(.configuration), .configuration),
        Row(422, "JSON", Body.bare("X"), .rejected(.refusedByRule), .rejected),
        Row(422, "HTML", Body.nginx, .misconfigured(.configuration), .configuration),
        Row(417, "already there", Body.duplicate, .alreadyThere, .alreadyThere),
        Row(417, "unknown", Body.unknown, .rejected(.unknownEmployee), .rejected),
        Row(
            417, "inactive by type", Body.bare("InactiveEmployeeStatusError"), .rejected(.inactiveEmployee),
            .rejected),
        Row(
            417, "inactive by words",
            Body.error("ValidationError", "Transactions cannot be created for an Inactive Employee x."),
            .rejected(.inactiveEmployee), .rejected),
        Row(
            417, "fields not understood",
            Body.error("ValidationError", "'employee_field_value' and 'timestamp' are required."),
            .misconfigured(.configuration), .configuration),
        Row(
            417, "log type of a shift",
            Body.error("ValidationError", "Log Type is required for check-ins falling in the shift: Day."),
            .rejected(.refusedByRule), .rejected),
        Row(
            417, "coordinates", Body.error("ValidationError", "Latitude and longitude values are required"),
            .rejected(.refusedByRule), .rejected),
        Row(417, "radius", Body.bare("CheckinRadiusExceededError"), .rejected(.refusedByRule), .rejected),
        Row(
            417, "log type",
            Body.error("ValidationError", "Log Type cannot be X. It should be one of IN, OUT"),
            .misconfigured(.configuration), .configuration),
        Row(417, "link", Body.bare("LinkValidationError"), .rejected(.invalidData), .rejected),
        Row(417, "mandatory", Body.bare("MandatoryError"), .rejected(.invalidData), .rejected),
        Row(417, "length", Body.bare("CharacterLengthExceededError"), .rejected(.invalidData), .rejected),
        Row(417, "too long", Body.bare("DataTooLongException"), .rejected(.invalidData), .rejected),
        Row(417, "dates", Body.bare("InvalidDates"), .rejected(.invalidData), .rejected),
        Row(
            417, "argument type", Body.bare("FrappeTypeError"), .misconfigured(.configuration), .configuration
        ),
        Row(
            417, "wrong method", Body.error("ValidationError", "Failed to get method for command x with y"),
            .misconfigured(.configuration), .configuration),
        Row(
            417, "app missing", Body.bare("AppNotInstalledError"), .misconfigured(.configuration),
            .configuration),
        Row(417, "stale", Body.bare("TimestampMismatchError"), .retry(counted: false), .transient),
        Row(417, "locked", Body.bare("DocumentLockedError"), .retry(counted: false), .transient),
        Row(
            417, "old rate limit", Body.bare("RateLimitExceededError"), .unavailable(ambiguous: false),
            .rateLimited),
        Row(
            417, "a rule of the site", Body.error("ValidationError", "Not on Sundays"),
            .rejected(.refusedByRule), .rejected),
        Row(417, "no JSON", Body.nginx, .rejected(.refusedByRule), .rejected),
        Row(429, "JSON", Body.bare("TooManyRequestsError"), .unavailable(ambiguous: false), .rateLimited),
        Row(500, "deadlock", Body.bare("QueryDeadlockError"), .retry(counted: false), .transient),
        Row(
            500, "lock wait", Body.exception("QueryTimeoutError", "(1205, 'Lock wait timeout exceeded')"),
            .retry(counted: false), .transient),
        Row(
            500, "missing argument", Body.exception("TypeError", "missing 1 required positional argument"),
            .rejected(.invalidData), .rejected),
        Row(
            500, "bad date", Body.exception("ParserError", "Unknown string format"), .rejected(.invalidData),
            .rejected),
        Row(500, "cut JSON", Body.bare("JSONDecodeError"), .rejected(.invalidData), .rejected),
        Row(
            500, "1292", Body.exception("pymysql.err.OperationalError", "(1292, 'Incorrect datetime value')"),
            .rejected(.invalidData), .rejected),
        Row(
            500, "1054", Body.exception("OperationalError", "(1054, 'Unknown column')"),
            .misconfigured(.configuration), .configuration),
        Row(
            500, "database away", Body.exception("OperationalError", "(2003, 'cannot connect')"),
            .unavailable(ambiguous: false), .transient),
        Row(
            500, "other database error", Body.exception("OperationalError", "(1114, 'full')"),
            .retry(counted: true), .transient),
        Row(500, "other", Body.exception("KeyError", "'x'"), .retry(counted: true), .transient),
        Row(
            500, "gunicorn's page", "<html><title>Internal Server Error</title></html>",
            .unavailable(ambiguous: false), .transient),
        Row(500, "nothing", "", .unavailable(ambiguous: false), .transient),
        Row(501, "HTML", Body.nginx, .unavailable(ambiguous: false), .transient),
        Row(502, "HTML", Body.nginx, .unavailable(ambiguous: true), .transient),
        Row(503, "maintenance", Body.bare("SessionStopped"), .unavailable(ambiguous: false), .transient),
        Row(503, "HTML", Body.nginx, .unavailable(ambiguous: false), .transient),
        Row(504, "HTML", Body.nginx, .unavailable(ambiguous: true), .transient),
        Row(508, "HTML", Body.nginx, .unavailable(ambiguous: false), .transient),
        Row(520, "HTML", Body.nginx, .unavailable(ambiguous: true), .transient),
        Row(521, "HTML", Body.nginx, .unavailable(ambiguous: false), .transient),
        Row(524, "HTML", Body.nginx, .unavailable(ambiguous: true), .transient),
        Row(201, "JSON", Body.stored(), .misconfigured(.configuration), .configuration),
        Row(204, "nothing", "", .misconfigured(.configuration), .configuration),
        Row(301, "HTML", Body.nginx, .misconfigured(.configuration), .configuration),
        Row(307, "HTML", Body.nginx, .misconfigured(.configuration), .configuration),
        Row(999, "nonsense", "", .misconfigured(.configuration), .configuration),
        Row(-1, "nonsense", "", .misconfigured(.configuration), .configuration),
    ]

    @Test(arguments: everywhere)
    fileprivate func `sorts errors alike in both dialects`(_ row: Row) {
        for dialect in [ERPNextAnswer.Dialect.hrms(time: sent), .customMethod] {
            let verdict = judge(row.status, row.body, dialect)
            #expect(Kind(verdict.outcome) == row.kind)
            #expect(verdict.answer == row.answer)
        }
    }

    private static let hrms: [Row] = [
        Row(200, "stored", Body.stored(), .delivered, .delivered),
        Row(
            200, "with T and fraction", Body.stored(time: "2026-11-22T08:01:09.000000"), .delivered,
            .delivered),
        Row(
            200, "another time", Body.stored(time: "2026-11-22 08:01:10"), .misconfigured(.wrongTime),
            .configuration),
        Row(
            200, "no time", #"{"message":{"name":"EMP-CKIN-1"}}"#, .misconfigured(.wrongTime), .configuration),
        Row(
            200, "no name", #"{"message":{"time":"2026-11-22 08:01:09"}}"#, .misconfigured(.configuration),
            .configuration),
        Row(200, "null", #"{"message":null}"#, .misconfigured(.configuration), .configuration),
        Row(200, "a text", #"{"message":"ok"}"#, .misconfigured(.configuration), .configuration),
        Row(200, "empty object", "{}", .misconfigured(.configuration), .configuration),
        Row(200, "login page", "<!DOCTYPE html><html>", .unavailable(ambiguous: false), .transient),
        Row(200, "nothing", "", .unavailable(ambiguous: false), .transient),
    ]

    @Test(arguments: hrms)
    fileprivate func `believes HRMS only a named check-in with the sent time`(_ row: Row) {
        let verdict = judge(row.status, row.body, .hrms(time: sent))
        #expect(Kind(verdict.outcome) == row.kind)
        #expect(verdict.answer == row.answer)
    }

    private static let custom: [Row] = [
        Row(200, "a document", Body.stored(), .delivered, .delivered),
        Row(200, "nothing returned", "{}", .delivered, .delivered),
        Row(200, "null", #"{"message":null}"#, .delivered, .delivered),
        Row(200, "a text", #"{"message":"Checkin added"}"#, .delivered, .delivered),
        Row(200, "success", #"{"message":{"status":"success"}}"#, .delivered, .delivered),
        Row(200, "no error", #"{"message":{"error":null}}"#, .delivered, .delivered),
        Row(200, "error", #"{"message":{"status":"error"}}"#, .retry(counted: true), .transient),
        Row(200, "no success", #"{"message":{"success":false}}"#, .retry(counted: true), .transient),
        Row(200, "error text", #"{"message":{"error":"boom"}}"#, .retry(counted: true), .transient),
        Row(200, "not found", #"{"message":"Employee not found"}"#, .rejected(.unknownEmployee), .rejected),
        Row(
            200, "not found inside", #"{"message":{"status":"error","message":"No employee 7"}}"#,
            .rejected(.unknownEmployee), .rejected),
        Row(200, "already there", #"{"message":"already has a log"}"#, .alreadyThere, .alreadyThere),
        Row(200, "exception", Body.bare("ValidationError"), .retry(counted: true), .transient),
        Row(200, "login page", "<!DOCTYPE html>", .unavailable(ambiguous: false), .transient),
        Row(
            417, "already there", Body.error("ValidationError", "Duplicate entry"), .alreadyThere,
            .alreadyThere),
        Row(
            417, "not found", Body.error("ValidationError", "Employee does not exist"),
            .rejected(.unknownEmployee), .rejected),
    ]

    @Test(arguments: custom)
    fileprivate func `reads failures that a site's own method reports in a 200`(_ row: Row) {
        let verdict = judge(row.status, row.body, .customMethod)
        #expect(Kind(verdict.outcome) == row.kind)
        #expect(verdict.answer == row.answer)
    }

    @Test func `takes the name of what was there from the link`() {
        let verdict = judge(417, Body.duplicate, .hrms(time: sent))
        #expect(verdict.outcome == .alreadyThere(reference: "EMP-CKIN-11-2026-000007"))
        #expect(
            verdict.words
                == "This employee already has a log with the same timestamp. EMP-CKIN-11-2026-000007")
    }

    @Test func `names the check-in that was stored wrongly`() {
        let verdict = judge(200, Body.stored(time: "2026-11-22 09:00:00"), .hrms(time: sent))
        #expect(verdict.reference == "EMP-CKIN-11-2026-000001")
    }

    @Test(arguments: [(30, Duration.seconds(30)), (-4, .zero), (1_000_000, .seconds(3600))])
    func `honours Retry-After within an hour`(seconds: Int, wait: Duration) {
        let answer = ERPNextAnswer(status: 429, retryAfter: seconds)
        guard case .siteUnavailable(_, let retryAfter, _) = answer.verdict(.init(.customMethod)).outcome
        else {
            Issue.record("not unavailable")
            return
        }
        #expect(retryAfter == wait)
        let maintenance = ERPNextAnswer(status: 503, retryAfter: seconds).verdict(.init(.customMethod))
        #expect(maintenance.answer == .rateLimited)
    }

    @Test func `a redirect names the address to use, on one line`() {
        let answer = ERPNextAnswer(status: 301, location: "https://erp.example.com/\u{1B}[31m\nx")
        guard case .siteMisconfigured(_, let reason, _) = answer.verdict(.init(.customMethod)).outcome else {
            Issue.record("not misconfigured")
            return
        }
        #expect(reason.contains("https://erp.example.com/"))
        #expect(isOneLine(reason))
    }

    @Test func `the third page in a row is a fault of the settings`() {
        let page = ERPNextAnswer(status: 200, body: Array("<html>".utf8))
        let kinds = (0...3).map { Kind(page.verdict(.init(.customMethod, pagesBefore: $0)).outcome) }
        #expect(
            kinds == [
                .unavailable(ambiguous: false), .unavailable(ambiguous: false),
                .misconfigured(.configuration),
                .misconfigured(.configuration),
            ])
    }

    @Test func `a name collision is retried five times, a User Permission twice`() {
        let collision = ERPNextAnswer(status: 409)
        #expect(
            Kind(collision.verdict(.init(.customMethod, attemptsBefore: 3)).outcome) == .retry(counted: true))
        #expect(
            Kind(collision.verdict(.init(.customMethod, attemptsBefore: 4)).outcome)
                == .misconfigured(.configuration))
        let linked = ERPNextAnswer(
            status: 403, body: Array(Body.error("PermissionError", "is linked to Employee").utf8))
        #expect(
            Kind(linked.verdict(.init(.customMethod, attemptsBefore: 1)).outcome) == .rejected(.notPermitted))
    }

    @Test func `hostile bytes never trap and words stay short and on one line`() {
        var random = SystemRandomNumberGenerator()
        var seeds = (Self.everywhere + Self.hrms + Self.custom).map { Array($0.body.utf8) }
        seeds.append(Array(String(repeating: "[", count: 200_000).utf8))
        seeds.append(Array(String(repeating: #"{"message":"#, count: 5_000).utf8))
        seeds.append(Array(#"{"_server_messages":"[[[[\"{\\\"message\\\"}]","exc":"[1,2"}"#.utf8))
        seeds.append(
            Array(#"{"message":{"name":"\#(String(repeating: "x", count: 300_000))","time":1e999}}"#.utf8))
        seeds.append([UInt8](repeating: 0x22, count: ERPNextAnswer.maximumBody + 1))
        for seed in seeds {
            for _ in 0..<8 {
                var body = seed
                for _ in 0..<Int.random(in: 0...4, using: &random) where !body.isEmpty {
                    body[Int.random(in: body.indices, using: &random)] = .random(in: 0...255, using: &random)
                }
                if body.count < 2_000, Bool.random(using: &random) { body.removeLast(body.count / 3) }
                for status in [200, 417, 500] {
                    let verdict = ERPNextAnswer(status: status, body: body).verdict(.init(.hrms(time: sent)))
                    let words = verdict.words ?? ""
                    #expect(words.count <= 501)
                    #expect(isOneLine(words))
                }
                if body.count > 2_000 { break }
            }
        }
    }

    private func judge(_ status: Int, _ body: String, _ dialect: ERPNextAnswer.Dialect)
        -> ERPNextAnswer.Verdict
    {
        ERPNextAnswer(status: status, body: Array(body.utf8)).verdict(.init(dialect))
    }
}

@Suite struct PlainTextTests {
    @Test(arguments: [
        ("a<Br>b", "a b"), ("<a href=\"x\">link</a>", "link"),
        ("1 &lt; 2 &amp; 3 &#39;x&#x27;", "1 < 2 & 3 'x'"),
        ("a < b", "a < b"), ("x\r\n\ty\u{0}z\u{2028}w", "x y z w"), ("<unclosed", ""),
        ("&bogus; &#xFFFFFFFF;", "&bogus; &#xFFFFFFFF;"),
        ("&#27;[31mred", "[31mred"), ("", ""),
    ])
    func `strips markup and control characters`(html: String, plain: String) {
        #expect(PlainText.words(ofHTML: html) == plain)
    }

    @Test func `cuts long words with an ellipsis`() {
        let long = PlainText.words(ofHTML: String(repeating: "word ", count: 10_000))
        #expect(long.count <= 501)
        #expect(long.hasSuffix("…"))
    }
}
