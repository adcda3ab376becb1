import AttendanceCore
import AttendanceStore

/// What the API asks of the gateway beside everything that the console asks of it too.
package struct APIOperations: Sendable {
    /// Times that could not be believed: open cases, or all of them, behind a case's name; and where the next page
    /// begins.
    package var corrections:
        @Sendable (_ all: Bool, _ after: String?, _ limit: Int) async throws -> (
            cases: [CorrectionCase], next: String?
        )
    /// Where terminals and a site's employees do not fit together; nil for a sink that is no site.
    package var employeeFindings: @Sendable (SinkName, _ days: Int) async throws -> [EmployeeFinding]?
    /// Mappings in force; nil for a sink that is no site.
    package var mappings: @Sendable (SinkName) async throws -> [MappingReport]?
    /// Every setting that has a value, with where it came from; empty where nobody has told.
    package var settings: @Sendable () -> [SettingReport]

    package init(
        corrections:
            @escaping @Sendable (_ all: Bool, _ after: String?, _ limit: Int) async throws -> (
                cases: [CorrectionCase], next: String?
            ),
        employeeFindings: @escaping @Sendable (SinkName, _ days: Int) async throws -> [EmployeeFinding]?,
        mappings: @escaping @Sendable (SinkName) async throws -> [MappingReport]?,
        settings: @escaping @Sendable () -> [SettingReport]
    ) {
        self.corrections = corrections
        self.employeeFindings = employeeFindings
        self.mappings = mappings
        self.settings = settings
    }
}

/// A time that could not be believed.
package struct CorrectionCase: Encodable, Hashable, Sendable {
    /// `P12` or `R3`.
    package var id: String
    package var terminal: String
    package var person: String?
    package var name: String?
    /// What the terminal said, or why it cannot be read.
    package var sent: String
    package var received: String
    package var proposed: String?
    package var basis: String?
    package var decision: String?

    package init(
        id: String, terminal: String, person: String?, name: String?, sent: String, received: String,
        proposed: String?, basis: String?, decision: String?
    ) {
        self.id = id
        self.terminal = terminal
        self.person = person
        self.name = name
        self.sent = sent
        self.received = received
        self.proposed = proposed
        self.basis = basis
        self.decision = decision
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

    package init(_ finding: EmployeePreview.Finding) {
        self.finding = finding.kind.rawValue
        needsWork = finding.kind.needsWork
        space = finding.space
        id = finding.id
        name = finding.name
        employees = finding.employees
        terminals = finding.terminals.map(\.text)
        punches = finding.punches
        lastPunch = finding.lastPunch?.description
        remedy = finding.remedy
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

/// A setting as it is in force.
package struct SettingReport: Encodable, Hashable, Sendable {
    /// `Server`, or `Listener second`.
    package var section: String
    package var key: String
    /// `redacted` for a secret, empty for nothing.
    package var value: String
    package var origin: String
    package var isSecret: Bool
    package var isDefault: Bool
    package var takesEffectAtReload: Bool
    package var help: String

    package init(
        section: String, key: String, value: String, origin: String, isSecret: Bool, isDefault: Bool,
        takesEffectAtReload: Bool, help: String
    ) {
        self.section = section
        self.key = key
        self.value = value
        self.origin = origin
        self.isSecret = isSecret
        self.isDefault = isDefault
        self.takesEffectAtReload = takesEffectAtReload
        self.help = help
    }
}
