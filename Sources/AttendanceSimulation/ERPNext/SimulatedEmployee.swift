/// An employee of the simulated site.
package struct SimulatedEmployee: Hashable, Sendable {
    package enum Status: String, Sendable, CaseIterable {
        case active = "Active"
        case inactive = "Inactive"
        case left = "Left"
        case suspended = "Suspended"
    }
    /// Document name, such as `HR-EMP-00007`.
    package var name: String
    /// `employee_name`.
    package var employeeName: String
    /// `attendance_device_id`; empty if there is none.
    package var deviceID: String
    package var status: Status
    package var company: String
    package var branch: String?
    /// Name of a Shift Type.
    package var defaultShift: String?
    /// Further columns with their texts, such as `employee_number` or a custom field.
    package var fields: [String: String]
    /// `YYYY-MM-DD HH:MM:SS.ffffff` in the site's zone; set by the site.
    package internal(set) var modified = ""
    /// Likewise.
    package internal(set) var creation = ""

    /// - `employeeName`: nil for the document name.
    package init(
        name: String, deviceID: String, status: Status = .active, employeeName: String? = nil,
        company: String = "Example Works", branch: String? = nil, defaultShift: String? = nil,
        fields: [String: String] = [:]
    ) {
        self.name = name
        self.deviceID = deviceID
        self.status = status
        self.employeeName = employeeName ?? name
        self.company = company
        self.branch = branch
        self.defaultShift = defaultShift
        self.fields = fields
    }
}

extension SimulatedEmployee: SiteDocument {
    static let columns: [String: SiteTable.Column] = [
        "employee_name": .text, "first_name": .text, "attendance_device_id": .text, "status": .text,
        "company": .text, "branch": .text, "department": .text, "designation": .text, "default_shift": .text,
        "employee_number": .text, "user_id": .text, "cell_number": .text, "date_of_joining": .date,
        "relieving_date": .date, "holiday_list": .text,
    ]

    func value(of column: String) -> FrappeValue {
        switch column {
        case "name": .text(name)
        case "employee_name", "first_name": .text(employeeName)
        case "attendance_device_id": deviceID.isEmpty ? .null : .text(deviceID)
        case "status": .text(status.rawValue)
        case "company": .text(company)
        case "branch": .text(branch)
        case "default_shift": .text(defaultShift)
        case "creation": .text(creation)
        case "modified": .text(modified)
        case "owner", "modified_by": "Administrator"
        case "docstatus", "idx": 0
        default: .text(fields[column])
        }
    }
}

/// All employees, found by any column without looking at each.
struct EmployeeTable: Sendable {
    private(set) var rows: [String: SimulatedEmployee] = [:]
    /// Names in the order in which they were added, as a list without an order gives them.
    private(set) var names: [String] = []
    /// Custom columns that exist although no employee may have a value there.
    private var customColumns: Set<String> = []
    /// Per column: names by collated value. Made for a column when it is first asked for.
    private var indexes: [String: [String: [String]]] = [:]

    var table: SiteTable {
        var columns = SimulatedEmployee.columns
        for column in customColumns { columns[column] = .text }
        return SiteTable("Employee", columns)
    }

    var all: [SimulatedEmployee] { names.compactMap { rows[$0] } }

    subscript(name: String) -> SimulatedEmployee? { rows[name] }

    mutating func put(_ employee: SimulatedEmployee, stamp: String) {
        var employee = employee
        employee.modified = stamp
        employee.creation = rows[employee.name]?.creation ?? stamp
        customColumns.formUnion(employee.fields.keys)
        if let old = rows[employee.name] {
            unindex(old)
        } else {
            names.append(employee.name)
        }
        rows[employee.name] = employee
        for column in indexes.keys { index(employee, column) }
    }

    mutating func remove(_ name: String) {
        guard let old = rows.removeValue(forKey: name) else { return }
        unindex(old)
        names.removeAll { $0 == name }
    }

    mutating func addColumn(_ column: String) { customColumns.insert(column) }

    func has(column: String) -> Bool {
        SimulatedEmployee.columns[column] != nil || customColumns.contains(column)
            || ["name", "owner", "modified", "creation"].contains(column)
    }

    /// Those whose column equals the value as MariaDB compares, the last changed first. A number is compared as a
    /// number with whatever the texts begin with.
    mutating func find(_ column: String, _ value: FrappeValue) -> [SimulatedEmployee] {
        let found: [SimulatedEmployee]
        switch value {
        case .int, .double, .bool:
            let number = value.number ?? 0
            found = rows.values.filter { employee in
                guard case .text(let text) = employee.value(of: column) else { return false }
                return leadingNumber(text) == number
            }
        default:
            if indexes[column] == nil {
                indexes[column] = [:]
                for name in names { if let employee = rows[name] { index(employee, column) } }
            }
            found = (indexes[column]?[collated(value.string ?? "")] ?? []).compactMap { rows[$0] }
        }
        return found.sorted { $0.modified > $1.modified }
    }

    private mutating func index(_ employee: SimulatedEmployee, _ column: String) {
        guard let text = employee.value(of: column).string else { return }
        indexes[column]?[collated(text), default: []].append(employee.name)
    }

    private mutating func unindex(_ employee: SimulatedEmployee) {
        for column in indexes.keys {
            guard let text = employee.value(of: column).string else { continue }
            indexes[column]?[collated(text)]?.removeAll { $0 == employee.name }
        }
    }
}
