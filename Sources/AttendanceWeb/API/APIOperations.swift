import AttendanceCore
import AttendanceStore

/// What the API asks of the gateway beside everything that the console asks of it too.
package struct APIOperations: Sendable {
    /// Where terminals and a site's employees do not fit together; nil for a sink that is no site.
    package var employeeFindings: @Sendable (SinkName, _ days: Int) async throws -> [EmployeeFinding]?
    /// Mappings in force; nil for a sink that is no site.
    package var mappings: @Sendable (SinkName) async throws -> [MappingReport]?

    package init(
        employeeFindings: @escaping @Sendable (SinkName, _ days: Int) async throws -> [EmployeeFinding]?,
        mappings: @escaping @Sendable (SinkName) async throws -> [MappingReport]?
    ) {
        self.employeeFindings = employeeFindings
        self.mappings = mappings
    }
}

/// Where terminals and employees do not fit together.
package struct EmployeeFinding: Encodable, Hashable, Sendable {
    package var finding: String
    package var needsWork: Bool
    package var space: String
    package var id: String?
    package var name: String?
    package var employees: [String]
    package var terminals: [String]
    package var punches: Int
    package var lastPunch: String?
    package var remedy: String

    package init(
        finding: EmployeePreview.Kind, space: String, id: String?, name: String?, employees: [String],
        terminals: [String], punches: Int, lastPunch: String?, remedy: String
    ) {
        self.finding = finding.rawValue
        needsWork = finding.needsWork
        self.space = space
        self.id = id
        self.name = name
        self.employees = employees
        self.terminals = terminals
        self.punches = punches
        self.lastPunch = lastPunch
        self.remedy = remedy
    }

    package init(_ finding: EmployeePreview.Finding) {
        self.init(
            finding: finding.kind, space: finding.space, id: finding.id, name: finding.name,
            employees: finding.employees, terminals: finding.terminals.map(\.text), punches: finding.punches,
            lastPunch: finding.lastPunch?.description, remedy: finding.remedy)
    }
}

package struct MappingReport: Encodable, Hashable, Sendable {
    /// The id space; empty for all terminals without one of their own.
    package var space: String
    package var id: String
    package var employee: String
    /// Of the employee; nil where there is none of that name.
    package var name: String?
    package var status: String?
    /// Whether the settings' file says it.
    package var isFromFile: Bool

    package init(_ mapping: EmployeeMapping, employee: Employee?, isFromFile: Bool) {
        space = mapping.space
        id = mapping.enrollID.sent
        self.employee = mapping.employee
        name = employee?.fullName
        status = employee?.status
        self.isFromFile = isFromFile
    }
}
