/// One of all faults, ready to be walked through, with what is left when it has passed.
package struct CataloguedFault: Sendable, CustomStringConvertible {
    package enum Aftermath: Sendable {
        /// Every punch gets there by itself.
        case passes
        /// Punches may have become dead letters: a person has to send them again.
        case mayLeaveDeadLetters
        /// Check-ins with a wrong time stand on the site.
        case leavesWrongTimes
    }
    package let name: String
    package let fault: ERPNextFault
    package let aftermath: Aftermath

    package var description: String { name }

    private init(_ name: String, _ fault: ERPNextFault, _ aftermath: Aftermath = .passes) {
        self.name = name
        self.fault = fault
        self.aftermath = aftermath
    }

    fileprivate static let all = refusals + failures + pages + broken + silent

    private static let refusals: [CataloguedFault] = [
        .init(
            "417 unknown employee",
            .refused(
                exceptionType: "ValidationError",
                message: "No Employee found for the given employee field value. 'attendance_device_id': 7"),
            .mayLeaveDeadLetters),
        .init(
            "417 inactive employee",
            .refused(
                exceptionType: "InactiveEmployeeStatusError",
                message: "Transactions cannot be created for an Inactive Employee <a href=\"/app/x\">x</a>."),
            .mayLeaveDeadLetters),
        .init(
            "417 rule of the site",
            .refused(exceptionType: "ValidationError", message: "Check-ins of Sundays are not taken here."),
            .mayLeaveDeadLetters),
        .init(
            "417 log type required",
            .refused(
                exceptionType: "ValidationError",
                message: "Log Type is required for check-ins falling in the shift: Day."),
            .mayLeaveDeadLetters),
        .init(
            "417 too far away",
            .refused(
                exceptionType: "CheckinRadiusExceededError",
                message: "You must be within 100 meters of your shift location to check in."),
            .mayLeaveDeadLetters),
        .init(
            "417 no such method",
            .refused(
                exceptionType: "ValidationError",
                message: "Failed to get method for command hrms.hr.x with No module named 'hrms'")),
        .init(
            "417 app not installed",
            .refused(exceptionType: "AppNotInstalledError", message: "App hrms is not installed")),
        .init(
            "417 changed meanwhile",
            .refused(exceptionType: "TimestampMismatchError", message: "Document has been modified")),
        .init(
            "417 locked", .refused(exceptionType: "DocumentLockedError", message: "Document is being edited")),
        .init(
            "417 limit of a method",
            .refused(
                exceptionType: "RateLimitExceededError",
                message: "You hit the rate limit because of too many requests.")),
        .init("400 bad token", .badToken),
        .init("400 CSRF", .csrf),
        .init("401", .unauthorized),
        .init("403 no right", .forbidden),
        .init("403 session expired", .sessionExpired),
        .init("403 User Permission", .userPermission, .mayLeaveDeadLetters),
    ]

    private static let failures: [CataloguedFault] = [
        .init("409 name taken", .nameTaken),
        .init("429 of the site", .rateLimited(retryAfter: 5)),
        .init("429 of a method", .rateLimited(retryAfter: nil)),
        .init(
            "500 of a script", .serverError(exceptionType: "KeyError", message: "'shift'"),
            .mayLeaveDeadLetters),
        .init(
            "500 database away",
            .serverError(exceptionType: "OperationalError", message: "(2006, \"MySQL server has gone away\")")
        ),
        .init("500 lock wait", .lockTimeout),
        .init("500 deadlock", .deadlock),
        .init("500 gunicorn", .databaseGone),
        .init("503 maintenance", .maintenance),
        .init("503 read only", .readOnly),
        .init("wrong time", .wrongTime, .leavesWrongTimes),
    ]

    private static let pages: [CataloguedFault] =
        [400, 403, 404, 405, 408, 414, 431, 500, 501, 503, 508].map {
            .init("\($0) of nginx", .proxyPage(status: $0, stored: false))
        } + [
            .init("413 of nginx", .proxyPage(status: 413, stored: false), .mayLeaveDeadLetters),
            .init("502", .badGateway(stored: false)),
            .init("502, stored", .badGateway(stored: true)),
            .init("504", .gatewayTimeout(stored: false)),
            .init("504, stored", .gatewayTimeout(stored: true)),
            .init("520, stored", .proxyPage(status: 520, stored: true)),
            .init("521", .proxyPage(status: 521, stored: false)),
            .init("524, stored", .proxyPage(status: 524, stored: true)),
            .init("526", .proxyPage(status: 526, stored: false)),
            .init("unknown site", .unknownSite),
            .init("redirect to https", .redirectToHTTPS),
            .init("redirect 301", .redirect(to: "https://erp.example.com/elsewhere")),
            .init("redirect 302", .redirected(status: 302, to: "/login")),
            .init("redirect 307", .redirected(status: 307, to: "http://127.0.0.1:9/elsewhere")),
            .init("redirect 308", .redirected(status: 308, to: "https://erp.example.com/")),
            .init("200 login page", .page),
            .init("200 long page", .longPage(bytes: 3 << 20)),
            .init("202", .oddStatus(202)),
            .init("204", .oddStatus(204)),
        ]

    private static let broken: [CataloguedFault] = [
        .init("200 without a document", .withoutDocument),
        .init("cut off", .cutOff(stored: false)),
        .init("cut off, stored", .cutOff(stored: true)),
        .init("broken JSON", .brokenJSON(stored: false)),
        .init("broken JSON, stored", .brokenJSON(stored: true)),
        .init("huge JSON, stored", .hugeJSON(bytes: 3 << 20, stored: true)),
        .init("deep JSON", .deepJSON(depth: 100_000)),
        .init("no UTF-8", .invalidUTF8(stored: false)),
        .init("no UTF-8, stored", .invalidUTF8(stored: true)),
    ]

    private static let silent: [CataloguedFault] = [
        .init("hang", .hang),
        .init("frozen, stored on waking", .frozen),
        .init("closed", .closed(stored: false)),
        .init("closed, stored", .closed(stored: true)),
        .init("slow", .slow(.milliseconds(300))),
    ]
}

extension ERPNextFault {
    /// Every fault, each in the forms that are treated differently, in a fixed order.
    package static let catalogue = CataloguedFault.all

    /// All of them in an order that comes again with the same seed.
    package static func catalogue(seed: UInt64) -> [CataloguedFault] {
        var generator = SeededGenerator(seed: seed)
        return catalogue.shuffled(using: &generator)
    }
}
