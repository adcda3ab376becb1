import AttendanceCore
import Testing

/// docs/erpnext.md §8, row by row: from bytes to class to what happens to the punch and the site.
@Suite struct ERPNextTableTests {
    @Test(arguments: [
        AnswerRow(201, "JSON", .raw(storedCheckin()), .paused(.configuration), .configuration),
        AnswerRow(202, "JSON", .raw(#"{"message":"ok"}"#), .paused(.configuration), .configuration),
        AnswerRow(204, "nothing", .nothing, .paused(.configuration), .configuration),
        AnswerRow(301, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(302, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(307, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(308, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(400, "cookies were sent", .type("CSRFTokenError"), .paused(.configuration), .configuration),
        AnswerRow(
            400, "bad token", .type("InvalidAuthorizationToken"), .paused(.authentication), .authentication),
        AnswerRow(
            400, "bad header", .type("InvalidAuthorizationHeader"), .paused(.authentication), .authentication),
        AnswerRow(
            400, "bad scheme", .type("InvalidAuthorizationPrefix"), .paused(.authentication), .authentication),
        AnswerRow(400, "another type", .type("BadRequestError"), .dead(.refusedByRule), .rejected),
        AnswerRow(400, "other JSON", .raw("{}"), .dead(.refusedByRule), .rejected),
        AnswerRow(400, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(401, "type", .type("AuthenticationError"), .paused(.authentication), .authentication),
        AnswerRow(401, "session", .type("SessionExpired"), .paused(.authentication), .authentication),
        AnswerRow(
            401, "words", .raw(#"{"message":"Invalid login credentials"}"#), .paused(.authentication),
            .authentication),
        AnswerRow(401, "page", .page, .paused(.authentication), .authentication),
        AnswerRow(402, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(402, "JSON", .raw("{}"), .dead(.refusedByRule), .rejected),
        AnswerRow(
            403, "guest",
            .thrown("PermissionError", "You are not permitted to access this resource. Login to access"),
            .paused(.authentication), .authentication),
        AnswerRow(
            403, "no right",
            .raw(
                #"{"exc_type":"PermissionError","_error_message":"Insufficient Permission for <strong>Employee Checkin</strong>"}"#
            ),
            .paused(.authentication), .authentication),
        AnswerRow(
            403, "role missing",
            .thrown("PermissionError", "You do not have enough permissions to complete the action"),
            .paused(.authentication), .authentication),
        AnswerRow(
            403, "in another language", .type("PermissionError"), .paused(.authentication), .authentication),
        AnswerRow(403, "firewall", .page, .paused(.authentication), .authentication),
        AnswerRow(
            403, "User Permission",
            .thrown(
                "PermissionError",
                "You are not allowed to access this Employee Checkin record because it is linked to Company 'A' in field Company"
            ), .again(counted: true), .transient),
        AnswerRow(
            404, "doctype", .thrown("DoesNotExistError", "DocType Employee Checkin not found"),
            .paused(.configuration), .configuration),
        AnswerRow(
            404, "no such site", .raw("<h1>x does not exist</h1>"), .paused(.configuration), .configuration),
        AnswerRow(405, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(408, "page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(
            409, "name collision",
            .thrown("DuplicateEntryError", "Employee Checkin EMP-CKIN-11-2026-000007 already exists"),
            .again(counted: true), .transient),
        AnswerRow(410, "link", .type("LinkExpired"), .paused(.configuration), .configuration),
        AnswerRow(414, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(415, "JSON", .type("UnsupportedMediaType"), .paused(.configuration), .configuration),
        AnswerRow(418, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(431, "page", .page, .paused(.configuration), .configuration),
        AnswerRow(429, "site", .type("TooManyRequestsError"), .owed(mayBeThere: false), .rateLimited),
        AnswerRow(429, "method", .type("RateLimitExceededError"), .owed(mayBeThere: false), .rateLimited),
        AnswerRow(429, "page", .page, .owed(mayBeThere: false), .rateLimited),
        AnswerRow(501, "page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(502, "page", .page, .owed(mayBeThere: true), .transient),
        AnswerRow(503, "maintenance", .type("SessionStopped"), .owed(mayBeThere: false), .transient),
        AnswerRow(503, "read only", .type("InReadOnlyMode"), .owed(mayBeThere: false), .transient),
        AnswerRow(503, "queues", .type("QueueOverloaded"), .owed(mayBeThere: false), .transient),
        AnswerRow(503, "page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(504, "page", .page, .owed(mayBeThere: true), .transient),
        AnswerRow(505, "page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(508, "old deadlock page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(520, "page", .page, .owed(mayBeThere: true), .transient),
        AnswerRow(521, "page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(522, "page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(523, "page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(524, "page", .page, .owed(mayBeThere: true), .transient),
        AnswerRow(525, "page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(526, "page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(527, "page", .page, .owed(mayBeThere: true), .transient),
        AnswerRow(100, "nothing", .nothing, .paused(.configuration), .configuration),
        AnswerRow(999, "nonsense", .nothing, .paused(.configuration), .configuration),
        AnswerRow(-1, "nonsense", .nothing, .paused(.configuration), .configuration),
    ])
    func `sorts by status`(_ row: AnswerRow) {
        row.check(.hrms(time: sentTime))
        row.check(.customMethod)
    }

    @Test(arguments: [
        AnswerRow(
            417, "already there",
            .thrown(
                "ValidationError",
                #"This employee already has a log with the same timestamp.<Br><a href="/app/Form/Employee Checkin/EMP-CKIN-11-2026-000007" style="font-weight: bold;">Employee Checkin EMP-CKIN-11-2026-000007</a>"#
            ), .settled, .alreadyThere),
        AnswerRow(
            417, "unknown",
            .thrown(
                "ValidationError",
                "No Employee found for the given employee field value. 'attendance_device_id': 77777"),
            .dead(.unknownEmployee), .rejected),
        AnswerRow(
            417, "inactive by type", .type("InactiveEmployeeStatusError"), .dead(.inactiveEmployee), .rejected
        ),
        AnswerRow(
            417, "inactive by words",
            .thrown(
                "ValidationError",
                #"Transactions cannot be created for an Inactive Employee <a href="/app/employee/HR-EMP-7">x</a>."#
            ),
            .dead(.inactiveEmployee), .rejected),
        AnswerRow(
            417, "fields not understood",
            .thrown("ValidationError", "'employee_field_value' and 'timestamp' are required."),
            .paused(.configuration), .configuration),
        AnswerRow(
            417, "strict shift",
            .thrown("ValidationError", "Log Type is required for check-ins falling in the shift: Day."),
            .dead(.directionRequired), .rejected),
        AnswerRow(
            417, "geolocation",
            .thrown("ValidationError", "Latitude and longitude values are required for checking in."),
            .dead(.coordinatesRequired), .rejected),
        AnswerRow(417, "too far", .type("CheckinRadiusExceededError"), .dead(.refusedByRule), .rejected),
        AnswerRow(
            417, "log type",
            .thrown("ValidationError", #"Log Type cannot be "X". It should be one of "", "IN", "OUT""#),
            .paused(.configuration), .configuration),
        AnswerRow(417, "link", .type("LinkValidationError"), .dead(.invalidData), .rejected),
        AnswerRow(
            417, "link to an employee", .thrown("LinkValidationError", "Could not find Employee: HR-EMP-9"),
            .dead(.unknownEmployee), .rejected),
        AnswerRow(417, "mandatory", .type("MandatoryError"), .dead(.invalidData), .rejected),
        AnswerRow(417, "length", .type("CharacterLengthExceededError"), .dead(.invalidData), .rejected),
        AnswerRow(417, "too long", .type("DataTooLongException"), .dead(.invalidData), .rejected),
        AnswerRow(417, "dates", .type("InvalidDates"), .dead(.invalidData), .rejected),
        AnswerRow(417, "argument by type", .type("FrappeTypeError"), .paused(.configuration), .configuration),
        AnswerRow(
            417, "argument by words",
            .thrown("ValidationError", "Argument 'timestamp' should be of type 'str' but got 'int' instead."),
            .paused(.configuration), .configuration),
        AnswerRow(
            417, "wrong method",
            .thrown("ValidationError", "Failed to get method for command hrms.x with No module named 'hrms'"),
            .paused(.configuration), .configuration),
        AnswerRow(417, "app missing", .type("AppNotInstalledError"), .paused(.configuration), .configuration),
        AnswerRow(417, "stale", .type("TimestampMismatchError"), .again(counted: false), .transient),
        AnswerRow(417, "locked", .type("DocumentLockedError"), .again(counted: false), .transient),
        AnswerRow(
            417, "old rate limit", .type("RateLimitExceededError"), .owed(mayBeThere: false), .rateLimited),
        AnswerRow(
            417, "a rule of the site", .thrown("ValidationError", "Not on Sundays"), .dead(.refusedByRule),
            .rejected),
        AnswerRow(417, "a rule by type", .type("NotOnSundaysError"), .dead(.refusedByRule), .rejected),
        AnswerRow(417, "page", .page, .paused(.configuration), .configuration),
    ])
    func `sorts 417, which is a mixed bag`(_ row: AnswerRow) {
        row.check(.hrms(time: sentTime))
        row.check(.customMethod)
    }

    @Test(arguments: [
        AnswerRow(500, "deadlock", .type("QueryDeadlockError"), .again(counted: false), .transient),
        AnswerRow(500, "lock wait by type", .type("QueryTimeoutError"), .again(counted: false), .transient),
        AnswerRow(
            500, "deadlock by words",
            .raised("pymysql.err.OperationalError", "(1213, 'Deadlock found when')"),
            .again(counted: false), .transient),
        AnswerRow(
            500, "lock wait by words",
            .raised("OperationalError", "(1205, 'Lock wait timeout exceeded; try restarting')"),
            .again(counted: false), .transient),
        AnswerRow(
            500, "snapshot",
            .raised(
                "OperationalError", "(1020, \"Record has changed since last read in table 'tabSeries'\")"),
            .again(counted: false), .transient),
        AnswerRow(
            500, "missing arguments",
            .raised(
                "TypeError",
                "add_log_based_on_employee_field() missing 2 required positional arguments: 'employee_field_value' and 'timestamp'"
            ), .paused(.configuration), .configuration),
        AnswerRow(
            500, "arguments of somebody's hook",
            .raised("TypeError", "on_checkin() missing 1 required positional argument: 'branch'"),
            .again(counted: true), .transient),
        AnswerRow(500, "another TypeError", .type("TypeError"), .again(counted: true), .transient),
        AnswerRow(
            500, "offset", .raised("TypeError", "can't compare offset-naive and offset-aware datetimes"),
            .dead(.invalidData), .rejected),
        AnswerRow(500, "bad date", .type("ParserError"), .dead(.invalidData), .rejected),
        AnswerRow(500, "bad value", .type("ValueError"), .dead(.invalidData), .rejected),
        AnswerRow(500, "cut JSON", .type("JSONDecodeError"), .dead(.invalidData), .rejected),
        AnswerRow(
            500, "1292",
            .raised("pymysql.err.OperationalError", "(1292, \"Incorrect datetime value: '22-11-2026'\")"),
            .dead(.invalidData), .rejected),
        AnswerRow(
            500, "1054", .raised("OperationalError", "(1054, \"Unknown column 'pin' in 'where clause'\")"),
            .paused(.configuration), .configuration),
        AnswerRow(
            500, "database away", .raised("OperationalError", "(2003, \"Can't connect to MySQL server\")"),
            .owed(mayBeThere: false), .transient),
        AnswerRow(
            500, "other database error", .raised("OperationalError", "(1114, 'The table is full')"),
            .again(counted: true), .transient),
        AnswerRow(500, "other", .raised("KeyError", "'x'"), .again(counted: true), .transient),
        AnswerRow(500, "no words", .raw("{}"), .again(counted: true), .transient),
        AnswerRow(500, "gunicorn's page", .page, .owed(mayBeThere: false), .transient),
        AnswerRow(500, "nothing", .nothing, .owed(mayBeThere: false), .transient),
    ])
    func `sorts 500, permanent and passing`(_ row: AnswerRow) {
        row.check(.hrms(time: sentTime))
        row.check(.customMethod)
    }

    @Test func `what a site's own method finds missing may be the record's fault`() {
        for row in [
            AnswerRow(
                404, "employee", .thrown("DoesNotExistError", "Employee 77777 not found"),
                .dead(.unknownEmployee), .rejected),
            AnswerRow(
                413, "a name of a megabyte", .page, .dead(.invalidData), .rejected),
        ] { row.check(.customMethod) }
        for row in [
            AnswerRow(
                404, "employee", .thrown("DoesNotExistError", "Employee HR-EMP-7 not found"),
                .dead(.unknownEmployee), .rejected),
            AnswerRow(
                404, "shift", .thrown("DoesNotExistError", "Shift Type Day not found"),
                .paused(.configuration),
                .configuration),
            AnswerRow(413, "the proxy takes nothing", .page, .paused(.configuration), .configuration),
        ] { row.check(.hrms(time: sentTime)) }
        for dialect in [ERPNextAnswer.Dialect.customMethod, .hrms(time: sentTime)] {
            #expect(ERPNextAnswer(status: 413).verdict(.init(dialect)).isTooLarge)
        }
    }

    // MARK: What depends on what was before

    @Test func `a server error is given up after eight attempts, an unlucky one never`() {
        let failing = ERPNextAnswer(status: 500, body: SiteSays.raised("KeyError", "'x'").body())
        let busy = ERPNextAnswer(status: 500, body: SiteSays.type("QueryDeadlockError").body())
        for before in 0...20 {
            let context = ERPNextAnswer.Context(.customMethod, attemptsBefore: before)
            let end: Effect = before < 7 ? .again(counted: true) : .dead(.serverError)
            #expect(Effect(failing.verdict(context).outcome, attemptsBefore: before) == end)
            #expect(Effect(busy.verdict(context).outcome, attemptsBefore: before) == .again(counted: false))
        }
    }

    @Test func `a name collision is tried five times, a User Permission twice`() {
        let collision = ERPNextAnswer(status: 409)
        let linked = ERPNextAnswer(
            status: 403, body: SiteSays.thrown("PermissionError", "is linked to Employee").body())
        func effects(_ answer: ERPNextAnswer) -> [Effect] {
            (0...5).map {
                Effect(
                    answer.verdict(.init(.hrms(time: sentTime), attemptsBefore: $0)).outcome,
                    attemptsBefore: $0)
            }
        }
        let again = Effect.again(counted: true)
        #expect(
            effects(collision) == [
                again, again, again, again, .paused(.configuration), .paused(.configuration),
            ])
        #expect(effects(linked) == [again] + Array(repeating: .dead(.notPermitted), count: 5))
    }

    @Test func `the third page in a row is a fault of the settings`() {
        let page = ERPNextAnswer(status: 200, body: Array("<html>".utf8))
        let effects = (0...3).map { Effect(page.verdict(.init(.customMethod, pagesBefore: $0)).outcome) }
        #expect(
            effects == [
                .owed(mayBeThere: false), .owed(mayBeThere: false), .paused(.configuration),
                .paused(.configuration),
            ])
        #expect(page.verdict(.init(.customMethod)).isPage)
        #expect(!ERPNextAnswer(status: 502).verdict(.init(.customMethod)).isPage)
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
}
