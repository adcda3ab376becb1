import AttendanceCore

/// A check-in as somebody wants to have it.
struct CheckinDraft: Sendable {
    var employee: String?
    /// The key it was found by.
    var person: String
    /// Nil for `Now`.
    var time: FrappeValue?
    var deviceID: String
    var logType: String
    var skipsAutoAttendance: Bool
    var latitude: Double?
    var longitude: Double?
}

/// What happens when an Employee Checkin is inserted or saved: docs/erpnext.md §2, from the third check on.
extension SimulatedSite {
    var checkinTable: SiteTable {
        SimulatedCheckin.table(takesCoordinates: version.takesCoordinates, major: version.major)
    }

    /// The checks, in Frappe's order. `earlier` are documents of the same transaction.
    mutating func checked(
        _ draft: CheckinDraft, _ call: Call, earlier: [SimulatedCheckin] = []
    ) throws(SiteError) -> SimulatedCheckin {
        let employee = draft.employee.flatMap { name in employees.find("name", .text(name)).first }
        if version.checksLinks, employee == nil, let name = draft.employee {
            throw SiteError.shown(417, "LinkValidationError", .couldNotFind(doctype: "Employee", name: name))
        }
        guard rights.createCheckin else { throw SiteError.insufficient("Employee Checkin", "create") }
        if let name = draft.employee, !sees(name) {
            throw SiteError.linkedRecord("Employee Checkin", employee: name)
        }
        // Here the name is taken from the series, and then fields of level 1 go back to their defaults.
        var sent = draft.time.flatMap { $0.isTrue ? $0.string : nil }
        if sent == nil || !call.writesTime { sent = clock.stamp() }
        var checkin = SimulatedCheckin(
            name: "", employee: employee?.name ?? draft.employee ?? "",
            person: employee.map(\.deviceID).flatMap { $0.isEmpty ? nil : $0 } ?? draft.person,
            time: sent ?? "",
            deviceID: draft.deviceID, logType: draft.logType, employeeName: employee?.employeeName ?? "",
            skipsAutoAttendance: draft.skipsAutoAttendance,
            latitude: version.takesCoordinates ? draft.latitude : nil,
            longitude: version.takesCoordinates ? draft.longitude : nil)
        try validate(&checkin, employee, earlier: earlier)
        if draft.employee == nil {
            throw SiteError.raised(
                417, "MandatoryError", module: "frappe.exceptions", "[Employee Checkin, None]: employee")
        }
        try checkFields(checkin)
        return checkin
    }

    /// Employee Checkin's own `validate`, the same for an insert and for a later change.
    mutating func validate(
        _ checkin: inout SimulatedCheckin, _ employee: SimulatedEmployee?, earlier: [SimulatedCheckin] = []
    ) throws(SiteError) {
        let sent = checkin.time
        let timestamp = FrappeTimestamp(sent)
        if version.readsTimes { try read(timestamp, into: &checkin) }
        if employee?.status == .inactive {
            throw SiteError.shown(
                417, "InactiveEmployeeStatusError", module: "erpnext.setup.doctype.employee.employee",
                .inactiveEmployee(name: checkin.employee))
        }
        if !version.readsTimes, case .stored(let text, _) = timestamp { checkin.time = text }
        try checkRepeat(checkin, earlier)
        if !version.readsTimes, timestamp == .unreadable { throw Self.unreadable(sent) }
        try placeInShift(&checkin, employee, timestamp)
        // The coordinates 0, 0 are as good as none to HRMS too.
        if wantsCoordinates, (checkin.latitude ?? 0) == 0, (checkin.longitude ?? 0) == 0 {
            throw SiteError.shown(.coordinatesRequired)
        }
        checkin.echo = version.readsTimes ? checkin.time : sent
        switch timestamp {
        case .dayFirst, .zoned:
            if !version.readsTimes {
                throw SiteError.database(
                    1292, "Incorrect datetime value: '\(sent)' for column 'time' at row 1")
            }
        case .stored, .unreadable: break
        }
    }

    /// Newer HRMS makes a time of the text first, and drops what is below a second.
    private func read(_ timestamp: FrappeTimestamp, into checkin: inout SimulatedCheckin) throws(SiteError) {
        switch timestamp {
        case .stored(let text, _): checkin.time = String(text.prefix(19))
        case .dayFirst(let swapped): checkin.time = swapped.description
        case .zoned:
            throw SiteError.raised(500, "TypeError", "can't compare offset-naive and offset-aware datetimes")
        case .unreadable: throw Self.unreadable(checkin.time)
        }
    }

    private static func unreadable(_ text: String) -> SiteError {
        .raised(500, "ParserError", module: "dateutil.parser._parser", "Unknown string format: \(text)")
    }

    private func checkRepeat(_ checkin: SimulatedCheckin, _ earlier: [SimulatedCheckin]) throws(SiteError) {
        let inTransaction = earlier.filter {
            $0.time == checkin.time && collated($0.employee) == collated(checkin.employee)
        }
        let there = (checkins.of(checkin.employee, at: checkin.time) + inTransaction).first {
            $0.name != checkin.name || checkin.name.isEmpty
                ? version.ignoresLogTypeOfRepeats || $0.logType == checkin.logType : false
        }
        guard let there else { return }
        throw SiteError.shown(.alreadyThere(link: link(to: there)))
    }

    /// From version 14 on the link shows the document's title, which is the employee's name; the document's own name is
    /// in the address.
    private func link(to checkin: SimulatedCheckin) -> String {
        let title = version.major >= 14 && !checkin.employeeName.isEmpty ? checkin.employeeName : checkin.name
        return "<a href=\"/app/Form/Employee Checkin/\(checkin.name)\" style=\"font-weight: bold;\">"
            + "Employee Checkin \(title)</a>"
    }

    private func placeInShift(
        _ checkin: inout SimulatedCheckin, _ employee: SimulatedEmployee?, _ timestamp: FrappeTimestamp
    ) throws(SiteError) {
        let time = WallTime(checkin.time) ?? timestamp.wall
        let shift = employee?.defaultShift.flatMap { name in shiftTypes.first { $0.name == name } }
        let window = time.flatMap { shift?.window(at: $0) }
        if let shift, window != nil, shift.determination == .byLogType, checkin.logType.isEmpty,
            !checkin.skipsAutoAttendance
        {
            throw SiteError.shown(.logTypeRequired(shift: shift.name))
        }
        guard checkin.attendance == nil else { return }
        checkin.shift = window == nil ? nil : shift?.name
        checkin.shiftStart = window?.start.description
        checkin.shiftEnd = window?.end.description
        checkin.shiftActualStart = window?.actualStart.description
        checkin.shiftActualEnd = window?.actualEnd.description
    }

    /// What Frappe checks of every document by its fields.
    func checkFields(_ checkin: SimulatedCheckin) throws(SiteError) {
        if !["", "IN", "OUT"].contains(checkin.logType) {
            throw SiteError.shown(
                .notAllowedValue(
                    label: "Log Type", value: checkin.logType, allowed: "\"\", \"IN\", \"OUT\""))
        }
        if checkin.deviceID.unicodeScalars.count > 140 {
            throw SiteError.shown(
                417, "CharacterLengthExceededError",
                .tooLong(
                    document: "Employee Checkin \(nextName(0).name)", label: "Location / Device ID",
                    limit: 140))
        }
    }

    // MARK: Committing

    /// Names the check-ins and, where the call lasts, keeps them: all or none.
    mutating func insert(_ new: [SimulatedCheckin], _ call: Call) throws(SiteError) -> [SimulatedCheckin] {
        var named: [SimulatedCheckin] = []
        for (index, checkin) in new.enumerated() {
            var checkin = checkin
            checkin.name = nextName(index).name
            if checkins[checkin.name] != nil { throw SiteError.nameTaken(checkin.name) }
            checkin.creation = clock.stamp()
            checkin.modified = checkin.creation
            named.append(checkin)
        }
        guard call.commits else { return named }
        // The number goes with the transaction: one that failed leaves the series where it was.
        series[nextName(0).prefix, default: 0] += named.count
        for checkin in named { checkins.append(checkin) }
        return named
    }

    /// The name the `ahead`th insert from now gets: with the month of insertion, not that of the check-in.
    private func nextName(_ ahead: Int) -> (prefix: String, name: String) {
        let date = clock.wallTime.components
        let prefix = "EMP-CKIN-\(date.month.padded(2))-\(date.year.padded(4))-"
        return (prefix, prefix + (series[prefix, default: 0] + 1 + ahead).padded(6))
    }

    /// The document as the answer to its insert shows it.
    func echo(_ checkin: SimulatedCheckin) -> FrappeValue {
        var document = checkin.document(checkinTable)
        document["time"] = .text(checkin.echo)
        return .object(document)
    }
}

extension FrappeTimestamp {
    /// What Python takes it for, even where the database will not.
    var wall: WallTime? {
        switch self {
        case .stored(_, let wall): wall
        case .dayFirst(let swapped): swapped
        case .zoned, .unreadable: nil
        }
    }
}
