import AttendanceCore
import Foundation

/// What the simulated site holds and how it answers: no network in here, so a request is a function call.
struct SimulatedSite: Sendable {
    /// What is to be done with a request.
    enum Plan: Sendable {
        case reply(FrappeReply)
        /// After the site's handling time: `finish` is to be called and answered.
        case work(Work, after: Duration)
        /// Nothing, until the client leaves.
        case hang
        /// Nothing, until `release`.
        case hold(Work)
        case close
    }

    /// A check-in that has passed all checks and is not yet committed. The gap between is what makes two equal requests
    /// at once store two rows, as on the real site.
    struct Work: Sendable {
        var checkin: SimulatedCheckin?
        /// The person whose request is on its way inside the site.
        var person: String?
        /// Nil: the connection is closed without an answer.
        var reply: FrappeReply?
        var asDocument = false
    }

    var employees: [String: SimulatedEmployee] = [:]
    var registersUnknown = false
    var credential: String?
    var customMethod: String
    var handlingTime: Duration = .zero
    var checkins: [SimulatedCheckin] = []
    var requests: [String: Int] = [:]
    var overlaps = 0
    var faults: [Fault] = []

    private var seen: [String: String] = [:]
    private var atWork: [String: Int] = [:]

    struct Fault: Sendable {
        var fault: ERPNextFault
        var left: Int?
        var person: String?
    }

    static let hrmsMethod =
        "api/method/hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field"

    init(customMethod: String) { self.customMethod = customMethod }

    // MARK: Requests

    mutating func plan(_ request: SiteRequest) -> Plan {
        let path = request.path.split(separator: "/").joined(separator: "/")
        requests["\(request.method) \(path)", default: 0] += 1
        let arguments = request.arguments
        let isCheckin = path == Self.hrmsMethod || path == customMethod
        let person = isCheckin ? arguments["employee_field_value"] ?? arguments["punchingcode"] : nil
        let fault = takeFault(person: person, isCheckin: isCheckin)
        if let fault, !isCheckin || request.method == "GET" {
            if let plan = siteWide(fault) { return plan }
        }
        if path != customMethod, let refusal = refusal(of: request, path: path) { return .reply(refusal) }
        switch path {
        case "api/method/ping": return .reply(.json(["message": "pong"]))
        case "api/method/frappe.auth.get_logged_user":
            return .reply(.json(["message": "hr-gateway@example.com"]))
        case "api/method/frappe.client.get_time_zone":
            return .reply(.json(["message": ["time_zone": "Asia/Kolkata"]]))
        case "api/resource/Employee": return .reply(list(employeeRows, request.query))
        case "api/resource/Employee Checkin": return .reply(list(checkinRows, request.query))
        case Self.hrmsMethod, customMethod: return checkin(request, arguments, path == customMethod, fault)
        default:
            if path.hasPrefix("api/method/") {
                let name = path.dropFirst("api/method/".count)
                return .reply(
                    .error(
                        417, "ValidationError",
                        "Failed to get method for command \(name) with No module named"))
            }
            return .reply(.html(404, "<h1>Not Found</h1>"))
        }
    }

    private func refusal(of request: SiteRequest, path: String) -> FrappeReply? {
        guard let credential, path != "api/method/ping", path != "api/method/frappe.client.get_time_zone"
        else {
            return nil
        }
        guard let sent = request.authorization else {
            return .error(403, "PermissionError", "Function is not whitelisted.")
        }
        return sent == "token \(credential)" ? nil : .json(401, ["exc_type": "AuthenticationError"])
    }

    private mutating func checkin(
        _ request: SiteRequest, _ arguments: [String: String], _ isCustom: Bool, _ fault: ERPNextFault?
    ) -> Plan {
        if let fault, let plan = atOnce(fault) { return plan }
        let person = (isCustom ? arguments["punchingcode"] : arguments["employee_field_value"]) ?? ""
        guard let time = isCustom ? arguments["time"] : arguments["timestamp"] else {
            return .reply(.error(500, "TypeError", "missing 1 required positional argument: 'timestamp'"))
        }
        guard let wall = isCustom ? Self.dayFirst(time) : WallTime(time) else {
            return .reply(
                Self.dayFirst(time) == nil
                    ? .error(500, "ParserError", "Unknown string format: \(time)")
                    : .error(500, "OperationalError", "(1292, \"Incorrect datetime value: '\(time)'\")"))
        }
        guard let employee = employee(person) else {
            return .reply(
                isCustom
                    ? .error(404, "DoesNotExistError", "Employee \(person) not found")
                    : .error(
                        417, "ValidationError",
                        "No Employee found for the given employee field value. 'attendance_device_id': \(person)"
                    ))
        }
        guard employee.status != .inactive else {
            return .reply(
                .error(
                    417, "InactiveEmployeeStatusError",
                    "Transactions cannot be created for an Inactive Employee <a href=\"/app/employee/x\">x</a>."
                ))
        }
        var stored = SimulatedCheckin(
            name: "", employee: employee.name, person: person, time: wall.description,
            deviceID: arguments["device_id"] ?? "", logType: arguments["log_type"] ?? "")
        if let existing = seen[Self.identity(stored)] {
            return .reply(
                .error(
                    417, "ValidationError",
                    "This employee already has a log with the same timestamp.<Br>"
                        + "<a href=\"/app/employee-checkin/\(existing)\">\(existing)</a>"))
        }
        if fault == .wrongTime { stored.time = "2026-11-22 23:59:59" }
        let key = person.lowercased()
        if atWork[key, default: 0] > 0 { overlaps += 1 }
        atWork[key, default: 0] += 1
        // A GET is answered like a POST and rolled back.
        let commits = request.method != "GET"
        var work = Work(checkin: commits ? stored : nil, person: key, reply: .json([:]), asDocument: true)
        if !commits { work.reply = .json(["message": Self.document(stored)]) }
        switch fault {
        case .badGateway(true):
            work.reply = Self.badGateway
            work.asDocument = false
        case .gatewayTimeout(true):
            work.reply = Self.gatewayTimeout
            work.asDocument = false
        case .closed(true):
            work.reply = nil
            work.asDocument = false
        case .frozen: return .hold(work)
        case .slow(let delay): return .work(work, after: handlingTime + delay)
        default: break
        }
        return .work(work, after: handlingTime)
    }

    /// Commits what is left to commit. Nil: close without an answer.
    mutating func finish(_ work: Work) -> FrappeReply? {
        if let person = work.person {
            atWork[person, default: 1] -= 1
            if atWork[person] == 0 { atWork[person] = nil }
        }
        guard var checkin = work.checkin else { return work.reply }
        let digits = String(checkins.count + 1)
        checkin.name =
            "EMP-CKIN-11-2026-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
        checkins.append(checkin)
        seen[Self.identity(checkin)] = checkin.name
        return work.asDocument ? .json(["message": Self.document(checkin)]) : work.reply
    }

    private static func identity(_ checkin: SimulatedCheckin) -> String {
        "\(checkin.employee)\t\(checkin.time)\t\(checkin.logType)"
    }

    private mutating func employee(_ person: String) -> SimulatedEmployee? {
        // MariaDB's usual collation takes no notice of letter case; nothing is trimmed.
        if let known = employees[person.lowercased()] { return known }
        guard registersUnknown, !person.isEmpty else { return nil }
        let made = SimulatedEmployee(name: "HR-EMP-\(person)", deviceID: person)
        employees[person.lowercased()] = made
        return made
    }

    static func dayFirst(_ text: String) -> WallTime? {
        let parts = text.split(separator: " ")
        let date = (parts.first ?? "").split(separator: "-")
        guard parts.count == 2, date.count == 3, date[0].count == 2, date[2].count == 4 else { return nil }
        return WallTime("\(date[2])-\(date[1])-\(date[0]) \(parts[1])")
    }

    private static func document(_ checkin: SimulatedCheckin) -> [String: Any] {
        [
            "name": checkin.name, "owner": "hr-gateway@example.com", "creation": "2026-11-22 08:00:00.000000",
            "docstatus": 0, "idx": 0, "employee": checkin.employee, "employee_name": checkin.employee,
            "log_type": checkin.logType, "time": checkin.time, "device_id": checkin.deviceID,
            "skip_auto_attendance": 0, "doctype": "Employee Checkin",
        ]
    }

    // MARK: Lists

    private var employeeRows: [[String: String]] {
        employees.values.map {
            ["name": $0.name, "attendance_device_id": $0.deviceID, "status": $0.status.rawValue]
        }
    }

    private var checkinRows: [[String: String]] {
        checkins.map {
            [
                "name": $0.name, "employee": $0.employee, "time": $0.time, "device_id": $0.deviceID,
                "log_type": $0.logType,
            ]
        }
    }

    private func list(_ rows: [[String: String]], _ query: [String: String]) -> FrappeReply {
        func parsed(_ text: String?) -> [Any] {
            // An unreadable filter is answered as no filter.
            (text.flatMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) }) as? [Any] ?? []
        }
        let filters = parsed(query["filters"]).compactMap { $0 as? [Any] }
        let fields = parsed(query["fields"]).compactMap { $0 as? String }
        var found = rows.filter { row in
            filters.allSatisfy { filter in
                guard filter.count == 3, let field = filter[0] as? String,
                    let value = row[field]?.lowercased()
                else { return false }
                switch filter[2] {
                case let text as String: return value == text.lowercased()
                case let texts as [String]: return texts.contains { $0.lowercased() == value }
                default: return false
                }
            }
        }
        let limit = query["limit_page_length"].flatMap { Int($0) } ?? 20
        if limit > 0 { found = Array(found.prefix(limit)) }
        let wanted = fields.isEmpty ? ["name"] : fields
        return .json(["data": found.map { row in row.filter { wanted.contains($0.key) } }])
    }

    // MARK: Faults

    private mutating func takeFault(person: String?, isCheckin: Bool) -> ERPNextFault? {
        let index = faults.firstIndex { fault in
            if let bound = fault.person { return bound == person }
            return isCheckin || (fault.left == nil && fault.fault.isSiteWide)
        }
        guard let index else { return nil }
        let fault = faults[index].fault
        if let left = faults[index].left {
            if left <= 1 { faults.remove(at: index) } else { faults[index].left = left - 1 }
        }
        return fault
    }

    /// Faults that are answered before the site does anything.
    private func atOnce(_ fault: ERPNextFault) -> Plan? {
        switch fault {
        case .badGateway(true), .gatewayTimeout(true), .closed(true), .frozen, .wrongTime, .slow: nil
        default: siteWide(fault)
        }
    }

    private func siteWide(_ fault: ERPNextFault) -> Plan? {
        switch fault {
        case .refused(let type, let message): .reply(.error(417, type, message))
        case .unauthorized: .reply(.json(401, ["exc_type": "AuthenticationError"]))
        case .forbidden:
            .reply(
                .json(
                    403,
                    [
                        "exc_type": "PermissionError",
                        "_error_message":
                            "Insufficient Permission for <strong>Employee Checkin</strong> (create)",
                    ]))
        case .rateLimited(let seconds):
            .reply(
                .error(
                    429, seconds == nil ? "RateLimitExceededError" : "TooManyRequestsError",
                    "You hit the rate limit because of too many requests. Please try after sometime.",
                    headers: seconds.map { [("Retry-After", "\($0)")] } ?? []))
        case .maintenance: .reply(.error(503, "SessionStopped", "Session Stopped"))
        case .databaseGone:
            .reply(.html(500, "<html><head><title>Internal Server Error</title></head></html>"))
        case .serverError(let type, let message): .reply(.error(500, type, message))
        case .badGateway: .reply(Self.badGateway)
        case .gatewayTimeout: .reply(Self.gatewayTimeout)
        case .hang: .hang
        case .frozen: .hold(Work(reply: .json(["message": "pong"])))
        case .closed: .close
        case .redirect(let location):
            .reply(.html(301, "<h1>301 Moved Permanently</h1>", headers: [("Location", location)]))
        case .page: .reply(.html(200, "<!DOCTYPE html><html><body>Please log in</body></html>"))
        case .longPage(let bytes): .reply(.html(200, String(repeating: "<p>", count: bytes / 3)))
        case .wrongTime, .slow: nil
        }
    }

    private static let badGateway = FrappeReply.html(502, "<html><h1>502 Bad Gateway</h1><hr>nginx</html>")
    private static let gatewayTimeout = FrappeReply.html(
        504, "<html><h1>504 Gateway Time-out</h1><hr>nginx</html>")
}
