import AttendanceCore
import AttendanceStore
import Logging

/// Everything that can be asked and ordered of a running gateway. The command line (over the admin socket), the console
/// and the API do the same things through the same values, so what one can do all can, with the same words.
package struct Operations: Sendable {
    package var store: any Store
    package var now: @Sendable () -> UnixTime
    package var version: String
    /// One line about the program: version, commit, compiler.
    package var build = ""
    /// At most a moment old, and cheap.
    package var health: @Sendable () async -> HealthReport
    /// Of this moment: for the one task that looks for all viewers. It must not make `health` older than it would be
    /// without viewers.
    package var freshHealth: (@Sendable () async -> HealthReport)?

    package var deadLetters: DeadLetterDesk
    package var corrections: CorrectionRoutes
    package var employees: EmployeeRoutes
    package var reconciling: ReconcileRoutes
    package var terminals: TerminalRoutes
    package var registry: RegistryRoutes
    package var commands: CommandRoutes
    package var logs: LogRoutes
    package var people: PeopleRoutes
    package var codes: CodeRoutes
    package var alerts: AlertRoutes
    package var api: APIOperations
    package var field: FieldDesk

    /// What the settings or the registry say of a terminal, at once.
    package var place: @Sendable (SerialNumber) -> TerminalPlace
    /// IANA zone of terminals that have none of their own: that of times which belong to no terminal.
    package var zone: @Sendable () -> String
    /// The sinks in the order of the settings.
    package var sinks: [SinkName]
    /// Where a browser finds the ERPNext site of a sink: no credentials in it, a slash at its end.
    package var addresses: [SinkName: String] = [:]
    package var logger: Logger
    package var setup: SetupDesk

    // What only a gateway that runs as a program has.
    package var settings: SettingsControl?
    /// The last lines of the log, the oldest first.
    package var logTail: @Sendable (_ lines: Int) -> [String] = { _ in [] }
    /// Makes a copy of the journal; answers where it is.
    package var backUp: (@Sendable (Author) async throws -> String)?

    package init(
        store: any Store, now: @escaping @Sendable () -> UnixTime, version: String,
        health: @escaping @Sendable () async -> HealthReport, deadLetters: DeadLetterDesk,
        corrections: CorrectionRoutes, employees: EmployeeRoutes, reconciling: ReconcileRoutes,
        terminals: TerminalRoutes, registry: RegistryRoutes, commands: CommandRoutes, logs: LogRoutes,
        people: PeopleRoutes, codes: CodeRoutes, alerts: AlertRoutes, api: APIOperations, field: FieldDesk,
        place: @escaping @Sendable (SerialNumber) -> TerminalPlace, zone: @escaping @Sendable () -> String,
        sinks: [SinkName], logger: Logger, setup: SetupDesk
    ) {
        self.store = store
        self.now = now
        self.version = version
        self.health = health
        self.deadLetters = deadLetters
        self.corrections = corrections
        self.employees = employees
        self.reconciling = reconciling
        self.terminals = terminals
        self.registry = registry
        self.commands = commands
        self.logs = logs
        self.people = people
        self.codes = codes
        self.alerts = alerts
        self.api = api
        self.field = field
        self.place = place
        self.zone = zone
        self.sinks = sinks
        self.logger = logger
        self.setup = setup
    }
}

/// Where a terminal hangs and whose it is.
package struct TerminalPlace: Hashable, Sendable {
    package var name: String?
    package var group: String?
    /// IANA
    package var zone: String
    /// How its punches get their direction now.
    package var direction: DirectionRule

    package init(name: String?, group: String?, zone: String, direction: DirectionRule = .none) {
        self.name = name
        self.group = group
        self.zone = zone
        self.direction = direction
    }
}
