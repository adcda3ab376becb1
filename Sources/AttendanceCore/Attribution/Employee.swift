/// An Employee of one ERPNext site, as far as attendance needs it. Source: docs/erpnext.md §4.
package struct Employee: Hashable, Sendable {
    /// Document name, such as `HR-EMP-00007`.
    package var name: String
    package var fullName: String
    /// `Active`, `Inactive`, `Left`, `Suspended`, or what a customised site calls it.
    package var status: String
    package var company: String?
    package var branch: String?
    /// Name of a Shift Type.
    package var defaultShift: String?
    /// The document's `modified`, as the site writes it (its own time, microseconds); orders changes.
    package var modified: String
    /// Key fields that are set, such as `attendance_device_id`, with their values as the site holds them.
    package var keys: [String: String]

    package init(
        name: String, fullName: String, status: String = "Active", company: String? = nil,
        branch: String? = nil,
        defaultShift: String? = nil, modified: String = "", keys: [String: String] = [:]
    ) {
        self.name = name
        self.fullName = fullName
        self.status = status
        self.company = company
        self.branch = branch
        self.defaultShift = defaultShift
        self.modified = modified
        self.keys = keys
    }

    /// ERPNext refuses check-ins of inactive employees, and of no others (docs/erpnext.md §2).
    package var takesCheckins: Bool { status != "Inactive" }
}

/// An operator's word that an enroll id is a certain employee, whatever the key fields say.
package struct EmployeeMapping: Hashable, Sendable {
    /// The id space: name of a group of terminals; empty for all terminals without one of their own.
    package var space: String
    package var enrollID: EnrollID
    /// Document name of the Employee.
    package var employee: String

    package init(space: String = "", enrollID: EnrollID, employee: String) {
        self.space = space
        self.enrollID = enrollID
        self.employee = employee
    }
}

/// A person as terminals know them: what the journal has seen under one enroll id.
package struct SeenPerson: Hashable, Sendable {
    package var enrollID: EnrollID
    package var alias: String?
    /// Newest name a terminal sent.
    package var name: String?
    package var terminal: SerialNumber
    package var punches: Int
    package var lastPunch: WallTime

    package init(
        enrollID: EnrollID, alias: String?, name: String?, terminal: SerialNumber, punches: Int,
        lastPunch: WallTime
    ) {
        self.enrollID = enrollID
        self.alias = alias
        self.name = name
        self.terminal = terminal
        self.punches = punches
        self.lastPunch = lastPunch
    }
}
