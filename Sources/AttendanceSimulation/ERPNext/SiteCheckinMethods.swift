import AttendanceCore

/// The ways in for new check-ins.
extension SimulatedSite {
    /// HRMS's `add_log_based_on_employee_field`.
    mutating func addByField(_ call: Call) throws(SiteError) -> Outcome {
        let arguments = try call.request.arguments()
        let missing = ["employee_field_value", "timestamp"].filter { arguments[$0] == nil }
        guard let value = arguments["employee_field_value"], let time = arguments["timestamp"] else {
            throw SiteError.raised(
                500, "TypeError",
                "add_log_based_on_employee_field() missing \(missing.count) required positional "
                    + "argument\(missing.count > 1 ? "s" : ""): "
                    + missing.map { "'\($0)'" }.joined(separator: " and "))
        }
        guard value.isTrue, time.isTrue else { throw SiteError.shown(.requiredValues) }
        let field = arguments["employee_fieldname"]?.string ?? "attendance_device_id"
        guard employees.has(column: field) else {
            throw SiteError.database(1054, "Unknown column '\(field)' in 'where clause'")
        }
        guard let employee = employee(field, value) else {
            throw SiteError.shown(.noEmployee(field: field, value: value.string ?? ""))
        }
        return try insertion(
            CheckinDraft(
                employee: employee.name, person: value.string ?? "", time: time,
                deviceID: arguments["device_id"]?.string ?? "", logType: arguments["log_type"]?.string ?? "",
                skipsAutoAttendance: arguments["skip_auto_attendance"]?.integer == 1,
                latitude: arguments["latitude"]?.number, longitude: arguments["longitude"]?.number),
            call)
    }

    /// The method of its own that a site had for the older service: a server script that asks nobody for a login.
    mutating func addByCustomMethod(_ call: Call) throws(SiteError) -> Outcome {
        let arguments = try call.request.arguments()
        let person = arguments["punchingcode"]?.string ?? ""
        guard let sent = arguments["time"]?.string else {
            throw SiteError.raised(500, "TypeError", "missing 1 required positional argument: 'time'")
        }
        guard let time = Self.dayFirst(sent) else {
            throw SiteError.raised(
                500, "ValueError", "time data '\(sent)' does not match format '%d-%m-%Y %H:%M:%S'")
        }
        guard let employee = employee("attendance_device_id", .text(person)) else {
            throw SiteError.shown(
                404, "DoesNotExistError", .untranslated("Employee \(person) not found"))
        }
        var call = call
        // A server script may write what its user may not.
        call.writesTime = true
        return try insertion(
            CheckinDraft(
                employee: employee.name, person: person, time: .text(time.description),
                deviceID: arguments["device_id"]?.string ?? "", logType: arguments["log_type"]?.string ?? "",
                skipsAutoAttendance: false),
            call)
    }

    /// `frappe.client.insert` and a POST of a document.
    mutating func insertOne(_ fields: [String: FrappeValue], _ call: Call) throws(SiteError) -> Outcome {
        try insertion(Self.draft(fields), call)
    }

    /// `frappe.client.insert_many`: looks up no employee, and is all or nothing.
    mutating func insertMany(_ call: Call) throws(SiteError) -> Outcome {
        guard call.request.commits, call.request.method != "DELETE" else {
            throw SiteError.shown(403, "PermissionError", .notPermitted)
        }
        let given = try call.request.arguments()["docs"]
        let docs = given?.list ?? FrappeValue(json: (given?.string ?? "").utf8)?.list
        guard let docs else {
            throw SiteError.raised(500, "TypeError", "object of type 'NoneType' has no len()")
        }
        statistics.inserted(many: docs.count)
        guard docs.count <= 200 else { throw SiteError.shown(.only200) }
        rateLimit?.spend(documents: docs.count - 1)
        var new: [SimulatedCheckin] = []
        for doc in docs {
            guard let fields = doc.object else {
                throw SiteError.raised(500, "AttributeError", "'str' object has no attribute 'get'")
            }
            let doctype = fields["doctype"]?.string ?? ""
            guard doctype == "Employee Checkin" else { throw SiteError.notFound("DocType", doctype) }
            new.append(try checked(Self.draft(fields), call, earlier: new))
        }
        let checkins = new
        return .commit(employees: checkins.map { collated($0.employee) }, documents: checkins.count) {
            (site: inout SimulatedSite) throws(SiteError) -> FrappeReply in
            let names = try site.insert(checkins, call).map { FrappeValue.text($0.name) }
            return Self.success(.list(names), call)
        }
    }

    private mutating func insertion(_ draft: CheckinDraft, _ call: Call) throws(SiteError) -> Outcome {
        let checkin = try checked(draft, call)
        return .commit(employees: [collated(checkin.employee)], documents: 1) {
            (site: inout SimulatedSite) throws(SiteError) -> FrappeReply in
            guard let stored = try site.insert([checkin], call).first else { return Self.success(nil, call) }
            return Self.success(site.echo(stored), call)
        }
    }

    private static func draft(_ fields: [String: FrappeValue]) -> CheckinDraft {
        let employee = fields["employee"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        return CheckinDraft(
            employee: employee, person: employee ?? "", time: fields["time"],
            deviceID: fields["device_id"]?.string ?? "", logType: fields["log_type"]?.string ?? "",
            skipsAutoAttendance: fields["skip_auto_attendance"]?.integer == 1,
            latitude: fields["latitude"]?.number, longitude: fields["longitude"]?.number)
    }

    /// The first that is found; on a site that takes everybody, somebody new if there is none.
    private mutating func employee(_ field: String, _ value: FrappeValue) -> SimulatedEmployee? {
        if let known = employees.find(field, value).first { return known }
        guard registersUnknown, field == "attendance_device_id", case .text(let person) = value,
            !person.isEmpty
        else { return nil }
        employees.put(SimulatedEmployee(name: "HR-EMP-\(person)", deviceID: person), stamp: clock.stamp())
        return employees["HR-EMP-\(person)"]
    }

    static func dayFirst(_ text: String) -> WallTime? {
        let parts = text.split(separator: " ")
        let date = (parts.first ?? "").split(separator: "-")
        guard parts.count == 2, date.count == 3, date[0].count == 2, date[2].count == 4 else { return nil }
        return WallTime("\(date[2])-\(date[1])-\(date[0]) \(parts[1])")
    }

    // MARK: Who a delivery is for

    /// The keys of a request that stores check-ins, as they were sent; nil for any other request.
    func deliveryKeys(of request: SiteRequest, _ route: SiteRoute) -> [String]? {
        // What cannot be read is answered as such later; here it is nobody's.
        let arguments = (try? request.arguments()) ?? [:]
        if request.path == customMethod { return [arguments["punchingcode"]?.string ?? ""] }
        switch route {
        case .method(version.checkinMethod): return [arguments["employee_field_value"]?.string ?? ""]
        case .method("frappe.client.insert"):
            let doc = arguments["doc"].map {
                $0.object ?? FrappeValue(json: ($0.string ?? "").utf8)?.object ?? [:]
            }
            return [doc?["employee"]?.string ?? ""]
        case .method("frappe.client.insert_many"):
            let docs = arguments["docs"].map {
                $0.list ?? FrappeValue(json: ($0.string ?? "").utf8)?.list ?? []
            }
            return (docs ?? []).map { $0.object?["employee"]?.string ?? "" }
        case .list(doctype: "Employee Checkin") where request.method == "POST":
            return [arguments["employee"]?.string ?? ""]
        default: return nil
        }
    }
}
