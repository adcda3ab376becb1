/// `/api/method/…` apart from what stores check-ins.
extension SimulatedSite {
    mutating func method(_ name: String, _ call: Call) throws(SiteError) -> Outcome {
        if missingMethods.contains(name) { throw Self.noSuch(name) }
        switch name {
        case "ping", "frappe.ping": return .reply(Self.success("pong", call))
        case "frappe.client.get_time_zone":
            guard tellsTimeZone else { throw Self.noSuch(name) }
            return .reply(Self.success(["time_zone": .text(clock.zone.identifier)], call))
        case version.checkinMethod:
            try admit(name, call)
            return try addByField(call)
        case "frappe.auth.get_logged_user":
            try admit(name, call)
            return .reply(Self.success(.text(Self.user), call))
        case "frappe.utils.change_log.get_versions":
            try admit(name, call)
            return .reply(Self.success(versions, call))
        case "frappe.client.has_permission":
            try admit(name, call)
            return .reply(
                Self.success(["has_permission": .bool(hasPermission(try call.request.arguments()))], call))
        case "frappe.client.get_list":
            try admit(name, call)
            return .reply(Self.success(.list(try rows(try call.request.arguments())), call))
        case "frappe.client.get_count":
            try admit(name, call)
            return .reply(Self.success(.int(try count(try call.request.arguments())), call))
        case "frappe.client.insert":
            try admit(name, call)
            guard ["POST", "PUT"].contains(call.request.method) else {
                throw SiteError.shown(403, "PermissionError", .notPermitted)
            }
            let given = try call.request.arguments()["doc"]
            let doc = given?.object ?? FrappeValue(json: (given?.string ?? "").utf8)?.object ?? [:]
            let doctype = doc["doctype"]?.string ?? ""
            guard doctype == "Employee Checkin" else { throw SiteError.notFound("DocType", doctype) }
            return try insertOne(doc, call)
        case "frappe.client.insert_many":
            try admit(name, call)
            return try insertMany(call)
        default: throw Self.noSuch(name)
        }
    }

    /// Frappe finds the method first and asks then whether a guest may call it, in words that mislead.
    private func admit(_ name: String, _ call: Call) throws(SiteError) {
        guard call.visitor == .guest else { return }
        throw SiteError.shown(403, "PermissionError", .notWhitelisted(function: name))
    }

    private static func noSuch(_ name: String) -> SiteError {
        let parts = name.split(separator: ".")
        let module = parts.dropLast().joined(separator: ".")
        let isFrappe = parts.first == "frappe"
        return .noMethod(
            name,
            isFrappe
                ? "module '\(module)' has no attribute '\(parts.last ?? "")'"
                : "No module named '\(parts.first ?? "")'")
    }

    private var versions: FrappeValue {
        .object(
            version.apps.mapValues { number in
                [
                    "title": "App", "description": "", "branch": .text("version-\(version.major)"),
                    "version": .text(number),
                ]
            })
    }

    private func hasPermission(_ arguments: [String: FrappeValue]) -> Bool {
        let action = arguments["perm_type"]?.string?.lowercased() ?? "read"
        switch (arguments["doctype"]?.string ?? "", action) {
        case ("Employee Checkin", "create"): return rights.createCheckin
        case ("Employee Checkin", "write"): return rights.writeCheckin
        case ("Employee Checkin", "delete"): return rights.deleteCheckin
        case ("Shift Type", "write"): return rights.writeShiftType
        case (let doctype, "read"): return mayRead(doctype)
        default: return false
        }
    }

    /// `frappe.client.get_list` and `get_count` name the doctype among their arguments.
    private func rows(_ arguments: [String: FrappeValue]) throws(SiteError) -> [FrappeValue] {
        try rows(of: arguments["doctype"]?.string ?? "", arguments)
    }

    private func count(_ arguments: [String: FrappeValue]) throws(SiteError) -> Int {
        var all = arguments
        all["fields"] = nil
        all["limit_page_length"] = 0
        all["limit_start"] = 0
        return try rows(all).count
    }
}
