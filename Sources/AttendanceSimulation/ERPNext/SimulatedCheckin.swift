/// An Employee Checkin the simulated site has stored.
package struct SimulatedCheckin: Hashable, Sendable {
    /// Document name, such as `EMP-CKIN-11-2026-000001`.
    package var name: String
    /// Document name of the employee.
    package var employee: String
    /// The employee's `attendance_device_id`, by whatever name they were sent; without one, what was sent.
    package var person: String
    /// As the database holds it: `YYYY-MM-DD HH:MM:SS`, with `.ffffff` unless that is zero.
    package var time: String
    package var deviceID: String
    /// Empty, `IN` or `OUT`.
    package var logType: String
    package var employeeName = ""
    package var skipsAutoAttendance = false
    package var latitude: Double?
    package var longitude: Double?
    /// Name of the Shift Type whose window the time falls in.
    package var shift: String?
    package var shiftStart: String?
    package var shiftEnd: String?
    package var shiftActualStart: String?
    package var shiftActualEnd: String?
    /// Name of the Attendance that was made of it; with one the time cannot be changed.
    package var attendance: String?
    package var creation = ""
    package var modified = ""
    /// The time as the answer shows it: the recorded site echoes what was sent, newer ones what they store.
    var echo = ""
}

extension SimulatedCheckin: SiteDocument {
    static func table(takesCoordinates: Bool, major: Int) -> SiteTable {
        var columns: [String: SiteTable.Column] = [
            "employee": .text, "employee_name": .text, "log_type": .text, "shift": .text, "time": .datetime,
            "device_id": .text, "skip_auto_attendance": .number, "attendance": .text,
            "shift_start": .datetime,
            "shift_end": .datetime, "shift_actual_start": .datetime, "shift_actual_end": .datetime,
        ]
        if takesCoordinates { columns["latitude"] = .number }
        if takesCoordinates { columns["longitude"] = .number }
        if major >= 15 { columns["offshift"] = .number }
        return SiteTable("Employee Checkin", isAscending: true, columns)
    }

    func value(of column: String) -> FrappeValue {
        switch column {
        case "name": .text(name)
        case "employee": .text(employee)
        case "employee_name": .text(employeeName)
        case "log_type": .text(logType)
        case "shift": .text(shift)
        case "time": .text(time)
        case "device_id": deviceID.isEmpty ? .null : .text(deviceID)
        case "skip_auto_attendance": .int(skipsAutoAttendance ? 1 : 0)
        case "attendance": .text(attendance)
        case "latitude": .double(latitude ?? 0)
        case "longitude": .double(longitude ?? 0)
        case "offshift": .int(shift == nil ? 1 : 0)
        case "shift_start": .text(shiftStart)
        case "shift_end": .text(shiftEnd)
        case "shift_actual_start": .text(shiftActualStart)
        case "shift_actual_end": .text(shiftActualEnd)
        case "creation": .text(creation)
        case "modified": .text(modified)
        case "owner", "modified_by": .text(SimulatedSite.user)
        case "docstatus", "idx": 0
        default: .null
        }
    }
}

/// All check-ins, in the order in which they were stored.
struct CheckinTable: Sendable {
    private(set) var rows: [SimulatedCheckin] = []
    private var byName: [String: Int] = [:]
    private var byEmployee: [String: [Int]] = [:]
    private var byMoment: [Moment: [Int]] = [:]

    private struct Moment: Hashable, Sendable {
        var employee: String
        var time: String
    }

    subscript(name: String) -> SimulatedCheckin? { byName[name].map { rows[$0] } }

    mutating func append(_ checkin: SimulatedCheckin) {
        rows.append(checkin)
        enter(rows.count - 1)
    }

    mutating func replace(_ checkin: SimulatedCheckin) {
        guard let index = byName[checkin.name] else { return }
        rows[index] = checkin
        rebuild()
    }

    /// Whether it was there.
    mutating func remove(_ name: String) -> Bool {
        guard let index = byName[name] else { return false }
        rows.remove(at: index)
        rebuild()
        return true
    }

    /// Those of some names, in order. The series makes names in upper case only.
    func named(_ names: [String]) -> [SimulatedCheckin] {
        Set(names.map { $0.uppercased() }).compactMap { byName[$0] }.sorted().map { rows[$0] }
    }

    /// Those of one employee at one moment.
    func of(_ employee: String, at time: String) -> [SimulatedCheckin] {
        (byMoment[Moment(employee: collated(employee), time: time)] ?? []).map { rows[$0] }
    }

    /// Those of some employees, in order.
    func of(_ employees: [String]) -> [SimulatedCheckin] {
        Set(employees.map(collated)).flatMap { byEmployee[$0] ?? [] }.sorted().map { rows[$0] }
    }

    private mutating func enter(_ index: Int) {
        let checkin = rows[index]
        let employee = collated(checkin.employee)
        byName[checkin.name] = index
        byEmployee[employee, default: []].append(index)
        byMoment[Moment(employee: employee, time: checkin.time), default: []].append(index)
    }

    private mutating func rebuild() {
        byName = [:]
        byEmployee = [:]
        byMoment = [:]
        for index in rows.indices { enter(index) }
    }
}
