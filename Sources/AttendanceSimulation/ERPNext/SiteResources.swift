/// `/api/resource/…`: lists and single documents.
extension SimulatedSite {
    // MARK: Lists

    mutating func resource(_ doctype: String, _ call: Call) throws(SiteError) -> Outcome {
        switch call.request.method {
        case "GET":
            guard call.visitor == .user else { throw SiteError.insufficient(doctype) }
            var arguments = try call.request.arguments()
            // Version 2 has shorter names.
            if call.style.isVersion2, let start = arguments["start"] { arguments["limit_start"] = start }
            return .reply(Self.success(.list(try rows(of: doctype, arguments)), call))
        case "POST":
            guard call.visitor == .user, doctype == "Employee Checkin" else {
                throw SiteError.insufficient(doctype, "create")
            }
            return try insertOne(try call.request.document(), call)
        default: return .reply(Self.wrongVerb)
        }
    }

    func rows(of doctype: String, _ arguments: [String: FrappeValue]) throws(SiteError) -> [FrappeValue] {
        let table = try table(doctype)
        guard mayRead(doctype) else { throw SiteError.insufficient(doctype) }
        let listing = try SiteListing(arguments, table: table, major: version.major)
        switch doctype {
        case "Employee": return listing.rows(employees.all.filter { sees($0.name) })
        case "Employee Checkin":
            let rows =
                listing.filters.values(of: "name").map { checkins.named($0) }
                ?? listing.filters.values(of: "employee").map { checkins.of($0) } ?? checkins.rows
            return listing.rows(rights.onlyEmployee == nil ? rows : rows.filter { sees($0.employee) })
        default: return listing.rows(shiftTypes)
        }
    }

    private func table(_ doctype: String) throws(SiteError) -> SiteTable {
        switch doctype {
        case "Employee": return employees.table
        case "Employee Checkin": return checkinTable
        case "Shift Type": return SimulatedShiftType.table(movesLastSync: version.movesLastSync)
        default: throw SiteError.notFound("DocType", doctype)
        }
    }

    // MARK: Documents

    mutating func resource(_ doctype: String, _ name: String, _ call: Call) throws(SiteError) -> Outcome {
        let table = try table(doctype)
        guard call.visitor == .user else { throw SiteError.insufficient(doctype) }
        let found: (any SiteDocument)? =
            switch doctype {
            case "Employee": employees.find("name", .text(name)).first
            case "Employee Checkin": checkins[name]
            default: shiftTypes.first { collated($0.name) == collated(name) }
            }
        guard let document = found else { throw SiteError.notFound(doctype, name) }
        let employee = (document as? SimulatedCheckin)?.employee ?? (document as? SimulatedEmployee)?.name
        if let employee, !sees(employee) { throw SiteError.linkedRecord(doctype, employee: employee) }
        switch call.request.method {
        case "GET":
            guard mayRead(doctype) else { throw SiteError.insufficient(doctype, "read") }
            return .reply(Self.success(.object(document.document(table)), call))
        case "PUT":
            if let checkin = document as? SimulatedCheckin { return .reply(try update(checkin, call)) }
            if let shift = document as? SimulatedShiftType { return .reply(try update(shift, call)) }
            throw SiteError.insufficient(doctype, "write")
        case "DELETE":
            guard doctype == "Employee Checkin", rights.deleteCheckin else {
                throw SiteError.insufficient(doctype, "delete")
            }
            if call.commits { _ = checkins.remove(name) }
            // Up to version 14 the word stood elsewhere.
            let key = version.major < 15 ? "message" : "data"
            return .reply(.json([key: "ok"], status: 202))
        default: return .reply(Self.wrongVerb)
        }
    }

    private mutating func update(_ old: SimulatedCheckin, _ call: Call) throws(SiteError) -> FrappeReply {
        guard rights.writeCheckin else { throw SiteError.insufficient("Employee Checkin", "write") }
        let fields = try call.request.document()
        try checkLatest(fields, old.modified, "Employee Checkin", old.name)
        var checkin = old
        // Without write at level 1 the time stays what it was, and nothing is said.
        if call.writesTime, let time = fields["time"]?.string {
            checkin.time = time
            if checkin.attendance != nil, FrappeTimestamp(time) != FrappeTimestamp(old.time) {
                throw SiteError.shown(.cannotModifyTime)
            }
        }
        if let logType = fields["log_type"] { checkin.logType = logType.string ?? "" }
        if let device = fields["device_id"] { checkin.deviceID = device.string ?? "" }
        if let skips = fields["skip_auto_attendance"] { checkin.skipsAutoAttendance = skips.integer == 1 }
        if version.takesCoordinates, let latitude = fields["latitude"] { checkin.latitude = latitude.number }
        if version.takesCoordinates, let longitude = fields["longitude"] {
            checkin.longitude = longitude.number
        }
        try validate(&checkin, employees.find("name", .text(checkin.employee)).first)
        try checkFields(checkin)
        checkin.modified = clock.stamp()
        if call.commits { checkins.replace(checkin) }
        return Self.success(echo(checkin), call)
    }

    private mutating func update(_ old: SimulatedShiftType, _ call: Call) throws(SiteError) -> FrappeReply {
        guard rights.writeShiftType else { throw SiteError.insufficient("Shift Type", "write") }
        let fields = try call.request.document()
        try checkLatest(fields, old.modified, "Shift Type", old.name)
        var shift = old
        if let value = fields["last_sync_of_checkin"] {
            shift.lastSync = nil
            if let text = value.string, !text.isEmpty {
                switch FrappeTimestamp(text) {
                case .stored(let stored, _): shift.lastSync = stored
                case .unreadable:
                    throw SiteError.raised(
                        500, "ParserError", module: "dateutil.parser._parser",
                        "Unknown string format: \(text)")
                case .dayFirst, .zoned:
                    throw SiteError.database(
                        1292, "Incorrect datetime value: '\(text)' for column 'last_sync_of_checkin' at row 1"
                    )
                }
            }
        }
        if let value = fields["process_attendance_after"] { shift.processAfter = value.string }
        if let value = fields["enable_auto_attendance"] { shift.marksAttendance = value.integer == 1 }
        if version.movesLastSync, let value = fields["auto_update_last_sync"] {
            shift.movesLastSync = value.integer == 1
        }
        shift.modified = clock.stamp()
        if call.commits, let index = shiftTypes.firstIndex(where: { $0.name == old.name }) {
            shiftTypes[index] = shift
        }
        return Self.success(
            .object(shift.document(SimulatedShiftType.table(movesLastSync: version.movesLastSync))), call)
    }

    /// Who sends the stamp along is refused if the document was changed since.
    private func checkLatest(
        _ fields: [String: FrappeValue], _ modified: String, _ doctype: String, _ name: String
    ) throws(SiteError) {
        guard let sent = fields["modified"]?.string, sent != modified else { return }
        throw SiteError.shown(
            417, "TimestampMismatchError",
            .untranslated(
                "Error: \(doctype) \(name) has been modified after you have opened it. "
                    + "Please refresh to get the latest document."))
    }

    private static let wrongVerb = FrappeReply.html(
        405, "<!doctype html><title>405 Method Not Allowed</title><h1>Method Not Allowed</h1>")
}
