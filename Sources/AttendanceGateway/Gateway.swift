import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// The composition root: builds the parts from settings and puts them into one service group, in order of need.
///
/// Nothing runs before the group does, except that the journal is open: a gateway whose journal cannot be opened is
/// not made at all.
package final class Gateway: Sendable {
    package struct Surroundings: Sendable {
        package var logger: Logger
        /// The wall clock.
        package var now: @Sendable () -> UnixTime
        /// What `/metrics` prints; the instruments themselves go to the process's metrics system.
        package var metrics: PrometheusMetrics
        /// Descriptors the process may open.
        package var openFiles: Int
        package var eventLoops: any EventLoopGroup
        package var delivery: DeliveryTiming
        package var store: StoreOptions
        /// How long a journal that was not closed in order is looked through at the start.
        package var checkAfterCrash: Duration? = .seconds(20)
        package var roster: RosterSync.Timing
        package var pulls: LogPulls.Timing
        package var accounts: Accounts.Surroundings
        /// Nil: nothing is known of how the program was started, and so nothing of it can be changed.
        package var startup: Startup?
        package var notifier: SystemdNotifier
        /// Of the file the settings came from; nil where there is none to load afresh.
        package var settings: SettingsControl?
        /// Where the log goes to; nil where it goes nowhere that could be read.
        package var log: LogOutput?

        package init(
            logger: Logger, metrics: PrometheusMetrics, openFiles: Int,
            notifier: SystemdNotifier = SystemdNotifier(environment: [:]),
            eventLoops: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
            now: @escaping @Sendable () -> UnixTime = Surroundings.systemTime,
            delivery: DeliveryTiming = .live
        ) {
            self.logger = logger
            self.metrics = metrics
            self.openFiles = openFiles
            self.notifier = notifier
            self.eventLoops = eventLoops
            self.now = now
            self.delivery = delivery
            store = StoreOptions(now: now)
            roster = RosterSync.Timing(now: now)
            pulls = LogPulls.Timing(now: now)
            accounts = Accounts.Surroundings(now: now)
        }

        package static let systemTime = LogOutput.systemTime
    }

    package let store: SQLiteStore
    package let presence: Presence
    /// What is known of every terminal and shift.
    package let completeness: Completeness
    package let alerts: AlertParts
    /// Commands to terminals.
    package let commands: CommandDesk
    package let ports: BoundPorts
    let reporter: HealthReporter
    let probes: HealthProbes
    package let roster: RosterParts
    /// Records that terminals do not push.
    package let pulls: LogPulls
    /// Who may use the console and the API.
    package let accounts: Accounts
    let setup: SetupParts
    private let access: AccessDesk
    private let clocks: ClockDesk
    let settings: Settings
    let commandSettings: CommandSettingsInForce
    let surroundings: Surroundings
    let terminals: TerminalService
    private let listeners: [TerminalListener]
    private let certificates: [ServingCertificate]
    private let limits: ConnectionLimits
    private let workingHours: WorkingHoursInForce
    let terminalsInForce: TerminalsInForce
    package let registry: TerminalRegistry
    let registryDesk: RegistryDesk
    let client: HTTPClient
    /// Copies of the journal.
    package let backups: BackupDesk
    package let retention: RetentionService
    let sinks: Sinks
    private let templates: ConsoleTemplates

    /// Throws `StoreError` when the journal cannot be opened, `SettingsError` when the settings cannot be put to work.
    package init(settings: Settings, surroundings: Surroundings) async throws {
        self.settings = settings
        self.surroundings = surroundings
        let logger = surroundings.logger
        // First what may be wrong with files of the operator's: nothing is open yet that would need closing.
        let certificates = try settings.listeners.map { listener in
            try listener.certificate.map { try ServingCertificate($0, logger: logger) }
        }
        store = try JournalOpening.open(settings, surroundings)
        try await store.recallRebuilding()
        let registry = TerminalRegistry(rules: settings.registryRules)
        self.registry = registry
        let left = try await registry.load(store)
        if left > 0 {
            logger.error(
                "the journal knows more terminals than fit into memory; some are not served",
                metadata: ["left_out": "\(left)"])
        }
        let terminalsInForce = TerminalsInForce(settings.terminals) { registry.details }
        self.terminalsInForce = terminalsInForce
        backups = BackupDesk(
            settings: settings.backup, store: store, zone: { terminalsInForce.file.timeZone },
            now: surroundings.now, sleep: surroundings.delivery.sleep, logger: logger)
        retention = RetentionService(
            settings: settings.retention, store: store, now: surroundings.now,
            sleep: surroundings.delivery.sleep, logger: logger)
        client = HTTPClient(
            eventLoopGroupProvider: .shared(surroundings.eventLoops),
            configuration: SiteClient.configuration(concurrency: settings.mostRequests))
        let sinks = try Sinks(
            settings, terminals: terminalsInForce, store: store, client: client, surroundings: surroundings)
        try await sinks.load()
        self.sinks = sinks

        limits = ConnectionLimits(settings.connectionBounds(openFiles: surroundings.openFiles))
        presence = Presence()
        let vault = try await RosterParts.vault(of: settings, store: store, logger: logger)
        accounts = Accounts(
            store: store, vault: vault, surroundings: surroundings.accounts,
            limits: settings.console.limits, logger: logger)
        let credentials = RosterIntake(
            vault: vault, store: store, terminals: terminalsInForce, now: surroundings.now)
        let terminals = TerminalService(
            store: store, policy: try terminalsInForce.now.policy(), presence: presence,
            registry: registry, logger: logger, credentials: credentials.intake, now: surroundings.now,
            owing: { sinks.ring() })
        self.terminals = terminals
        let access = AccessDesk(
            settings: settings, store: store, vault: vault, terminals: terminalsInForce,
            directories: sinks.people.directories, timing: surroundings.roster, logger: logger)
        self.access = access
        terminals.setPolicy(try Self.policy(terminalsInForce.now, registry, access))
        terminals.onCode { await access.decide($0, at: $1) }
        registryDesk = RegistryDesk(
            registry: registry, store: store, presence: presence, terminals: terminalsInForce,
            changed: {
                Self.setPolicy(of: terminals, to: terminalsInForce.now, registry, access, logger)
                sinks.rulesChanged()
            }, owing: { sinks.ringForRequeued() }, timing: surroundings.delivery, now: surroundings.now,
            logger: logger)
        commandSettings = CommandSettingsInForce(settings.commands)
        commands = CommandDesk(
            store: store, presence: presence, box: vault,
            bounds: settings.commandBounds,
            surroundings: .init(
                mayCommand: { registry.standing(of: $0) == .approved },
                wallTime: { terminals.wallTime(of: $0, at: $1) }, tap: terminals.tap),
            timing: .init(now: surroundings.now), logger: logger)
        let hours = WorkingHoursInForce(settings.alerts.workingHours ?? .always)
        workingHours = hours
        let pulls = LogPulls(
            store: store, desk: commands, presence: presence, pull: settings.pull,
            surroundings: .init(
                mayPull: { registry.standing(of: $0) == .approved },
                group: { terminalsInForce.now.group(of: $0)?.name },
                wallTime: { terminals.wallTime(of: $0, at: $1) },
                isWorkingTime: { serial, moment in
                    guard let zone = ZoneRules(identifier: terminalsInForce.now.timeZone(of: serial)) else {
                        return true
                    }
                    return hours.now.contains(moment, in: zone)
                }), timing: surroundings.pulls, logger: logger)
        try await pulls.load()
        self.pulls = pulls
        terminals.onStored { pulls.stored($0) }
        let clocks = ClockDesk(
            rule: settings.terminals.clockRule, store: store, desk: commands,
            isApproved: { registry.standing(of: $0) == .approved },
            wallTime: { terminals.wallTime(of: $0, at: $1) }, now: surroundings.now, logger: logger)
        self.clocks = clocks
        terminals.onArrival { [commands] in
            pulls.arrived($0, $1)
            clocks.arrived($0, $1)
            commands.arrived($0, $1)
        }
        roster = RosterParts(
            settings: settings, terminals: terminalsInForce, store: store, vault: vault,
            credentials: credentials, desk: commands, presence: presence,
            directories: sinks.people.directories,
            isApproved: { registry.standing(of: $0) == .approved }, timing: surroundings.roster,
            logger: logger)
        registryDesk.onApproval { [presence, commands, roster, now = surroundings.now] record in
            // One that is connected is looked at as if it had registered now: it may not do so again for days.
            guard let entry = presence.entry(of: record.serial) else { return }
            let clock =
                terminalsInForce.now.sendsClock ? nil : terminals.wallTime(of: record.serial, at: now())
            let registration = entry.registration(record, clock: clock)
            pulls.arrived(record.serial, registration)
            clocks.arrived(record.serial, registration)
            commands.wake(record.serial)
            roster.sync.changed()
        }
        self.certificates = certificates.compactMap { $0 }
        listeners = try zip(settings.listeners, certificates).map {
            [terminals, limits] listener, certificate in
            TerminalListener(
                name: listener.title, bounds: settings.listenerBounds, rules: listener.admission.rules,
                limits: limits, service: terminals, secure: try certificate?.handler())
        }
        completeness = try Completeness(
            settings: settings, terminals: terminalsInForce, store: store, presence: presence, client: client,
            surroundings: surroundings, directories: sinks.people.directories)
        registryDesk.onForgetting { [keeper = completeness.keeper, roster] in
            keeper.forget($0)
            pulls.forget($0)
            roster.sync.forget($0)
        }
        alerts = try AlertParts(
            settings: settings, terminals: terminalsInForce, registry: registry, store: store, sinks: sinks,
            completeness: completeness, pulls: pulls, backups: backups,
            client: client, surroundings: surroundings)
        ports = BoundPorts(expected: Set(listeners.map(\.name)))
        setup = SetupParts(
            settings: settings, store: store, vault: vault, ports: ports, surroundings: surroundings)
        templates = try ConsoleTemplates()
        reporter = HealthReporter(
            store: store, presence: presence, limits: limits, sinks: sinks, watch: completeness.watch,
            alerts: alerts.service, commands: commands, pulls: pulls, roster: roster.sync,
            registry: registry, backups: backups, metrics: surroundings.metrics,
            now: surroundings.now)
        let start = ContinuousClock.now
        probes = HealthProbes(
            of: store,
            JournalPulse(
                prove: { [store] in try await store.proveWritable() },
                moment: { ContinuousClock.now - start }))
    }

    /// For a service group: started from left to right, stopped from right to left.
    ///
    /// The journal is first and therefore last: whatever is still stored or settled while the rest stops finds it open.
    /// The listeners are last, so no punch comes in before everything behind them stands.
    package var services: [any Service] {
        var services: [any Service] = [
            store, HTTPClientService(client: client), terminals.sightings, backups, retention,
        ]
        services += completeness.services + alerts.services + sinks.services + [registryDesk]
        // Behind the listeners when stopping: what was under way has lost its connection by then and is written down.
        services.append(commands)
        services += roster.services + [pulls, access, clocks]
        let operations = makeOperations()
        services.append(adminServer(operations))
        services +=
            ConsoleParts(
                settings: settings.console, operations: operations, accounts: accounts, templates: templates,
                ports: ports, surroundings: surroundings,
                served: { [setup, accounts] in await setup.invite(at: $0, accounts: accounts) }
            ).services + [setup.simulator]
        services.append(
            MissingPunches(
                store: store, pull: operations.logs.pull,
                isApproved: { [registry] in registry.standing(of: $0) == .approved },
                wallTime: { [terminals] in terminals.wallTime(of: $0, at: $1) }, logger: surroundings.logger))
        services += certificates
        for (index, listener) in listeners.enumerated() {
            services.append(server(of: listener, settings.listeners[index]))
        }
        let store = self.store
        services.append(
            Watchdog(notifier: surroundings.notifier, logger: surroundings.logger) {
                do {
                    try await store.proveWritable()
                } catch is StoreError {
                    // The writer answered, so it lives. A full or broken disk is told by /health and the log; a
                    // restart would not mend it and would cut every terminal off.
                }
            })
        services.append(
            Announcement(
                ports: ports, notifier: surroundings.notifier, logger: surroundings.logger,
                listeners: settings.listeners))
        return services
    }

    /// Takes over what may change while running (`SettingsReload`).
    package func apply(_ new: Settings) {
        terminalsInForce.take(new.terminals)
        registry.rules = new.registryRules
        registryDesk.look()
        sinks.apply(new)
        alerts.apply(new)
        roster.apply(new)
        commandSettings.take(new.commands)
        commands.bounds = new.commandBounds
        pulls.pull = new.pull
        backups.apply(new.backup)
        retention.apply(new.retention)
        workingHours.take(new.alerts.workingHours ?? .always)
        access.apply(new)
        clocks.rule = new.terminals.clockRule
        accounts.limits = new.console.limits
        Self.setPolicy(of: terminals, to: terminalsInForce.now, registry, access, surroundings.logger)
        for (listener, running) in zip(listeners, settings.listeners) {
            if let rules = new.rules(for: running) {
                listener.setRules(rules)
            } else {
                surroundings.logger.warning(
                    "listener keeps its admission rules until the restart",
                    metadata: ["listener": "\(running.title)"])
            }
        }
    }

    private static func policy(
        _ terminals: Settings.Terminals, _ registry: TerminalRegistry, _ access: AccessDesk
    ) throws -> TerminalPolicy {
        var policy = try terminals.policy()
        // What somebody's body is told by is kept of our own terminals only.
        if terminals.collectsPeople { policy.collects = { registry.standing(of: $0) == .approved } }
        policy.approves = { access.approval(of: $0, $1) }
        return policy
    }

    private static func setPolicy(
        of terminals: TerminalService, to new: Settings.Terminals, _ registry: TerminalRegistry,
        _ access: AccessDesk, _ logger: Logger
    ) {
        do {
            terminals.setPolicy(try policy(new, registry, access))
        } catch {
            // The loader has checked every zone; it would have refused the file.
            logger.error("terminal settings not applied", metadata: ["error": "\(error)"])
        }
    }

    private func server(of listener: TerminalListener, _ wanted: Settings.Listener) -> any Service {
        let routes = PublicRoutes(
            health: { [reporter] in await reporter.recentReport() },
            metrics: { [reporter] in await reporter.metricsText() },
            version: Version.current, logger: surroundings.logger, probes: probes)
        let ports = self.ports
        return Application(
            router: routes.router(),
            server: HTTPServerBuilder { TerminalOrHTTPChannel(responder: $0, listener: listener) },
            configuration: ApplicationConfiguration(
                address: .hostname(wanted.host, port: wanted.port), serverName: nil, backlog: 4096),
            onServerRunning: { channel in
                await ports.bound(listener.name, port: channel.localAddress?.port ?? wanted.port)
            },
            eventLoopGroupProvider: .shared(surroundings.eventLoops), logger: surroundings.logger.quieter)
    }

    private func adminServer(_ operations: Operations) -> any Service {
        let routes = adminRoutes(operations)
        let path = settings.admin.socketPath
        let logger = surroundings.logger
        return Application(
            router: routes.router(), server: .http1(configuration: .init(idleTimeout: .seconds(30))),
            configuration: ApplicationConfiguration(
                address: .unixDomainSocket(path: path), serverName: nil),
            onServerRunning: { _ in
                // The folder is the operator's, and may be open to others.
                if chmod(path, 0o600) != 0 {
                    logger.error(
                        "the admin socket could not be closed to other users",
                        metadata: ["path": "\(path)", "error": "\(String(cString: strerror(errno)))"])
                }
            },
            eventLoopGroupProvider: .shared(surroundings.eventLoops), logger: surroundings.logger.quieter)
    }
}

extension Logger {
    /// For parts that tell every connection and every start: their INFO is our DEBUG.
    var quieter: Logger {
        var copy = self
        if copy.logLevel > .debug { copy.logLevel = max(copy.logLevel, .warning) }
        return copy
    }
}

/// Closes the shared HTTP client after everyone who uses it.
private struct HTTPClientService: Service {
    let client: HTTPClient

    func run() async throws {
        try? await gracefulShutdown()  // cancellation ends the wait too, and the client is closed either way
        try await client.shutdown()
    }
}
