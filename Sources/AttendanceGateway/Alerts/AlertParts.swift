import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// The parts that call for help, put together: what is looked at, and who is told.
package final class AlertParts: Sendable {
    package let service: AlertService
    private let certificates: CertificateWatch
    private let repairs: RepairWatch
    private let logger: Logger

    init(
        settings: Settings, terminals: TerminalsInForce, registry: TerminalRegistry, store: SQLiteStore,
        sinks: Sinks,
        completeness: Completeness, pulls: LogPulls, backups: BackupDesk, client: HTTPClient,
        surroundings: Gateway.Surroundings
    ) throws {
        logger = surroundings.logger
        certificates = CertificateWatch(
            servers: settings.sites.compactMap { $0.url.flatMap(CertificateWatch.Server.init) },
            group: surroundings.eventLoops, timing: surroundings.delivery, logger: surroundings.logger)
        repairs = RepairWatch(
            sites: settings.sites, journal: store, client: client, timing: surroundings.delivery,
            logger: surroundings.logger)
        let snapshots = AlertSnapshots(
            settings: settings, terminals: terminals, registry: registry, store: store, sinks: sinks,
            completeness: completeness, pulls: pulls, backups: backups, certificates: certificates,
            repairs: repairs,
            now: surroundings.delivery.now)
        service = AlertService(
            channels: settings.alerts.channels(client: client), settings: try settings.alertSettings(),
            gateway: Self.hostName, snapshot: { await snapshots.take() },
            memory: .init(
                load: { try await store.alerts() }, save: { try await store.setAlerts($0) }),
            timing: surroundings.delivery, logger: surroundings.logger)
    }

    /// After the journal and the HTTP client, before the listeners.
    var services: [any Service] { [certificates, repairs, service] }

    /// Takes over what may change while running.
    func apply(_ new: Settings) {
        do {
            service.set(try new.alertSettings())
        } catch {
            // The loader has checked the zone; it would have refused the file.
            logger.error("alert settings not applied", metadata: ["error": "\(error)"])
        }
    }

    var routes: AlertRoutes {
        AlertRoutes(
            list: { [service] in AlertList(service) },
            test: { [service] in AlertTestReport(await service.test()) })
    }

    /// The name of this machine, by which messages say which gateway speaks.
    static let hostName: String = {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "attendance-gateway" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()
}

/// Gathers what alert rules look at from the parts of the gateway.
private final class AlertSnapshots: Sendable {
    private let store: SQLiteStore
    private let completeness: Completeness
    private let pulls: LogPulls
    private let backups: BackupDesk
    private let certificates: CertificateWatch
    private let repairs: RepairWatch
    private let folders: [(path: String, holds: String)]
    private let sinks: Sinks
    private let terminals: TerminalsInForce
    private let registry: TerminalRegistry
    private let now: @Sendable () -> UnixTime
    private let started: UnixTime
    private let known = Mutex(Known())

    /// What was read of the journal when it last could be read: a journal that cannot be read mends nothing.
    private struct Known {
        var queues: [SinkName: StoreStatus.Queue] = [:]
        var wrongCheckins: [SinkName: (count: Int, isAll: Bool)] = [:]
    }

    init(
        settings: Settings, terminals: TerminalsInForce, registry: TerminalRegistry, store: SQLiteStore,
        sinks: Sinks, completeness: Completeness, pulls: LogPulls, backups: BackupDesk,
        certificates: CertificateWatch,
        repairs: RepairWatch,
        now: @escaping @Sendable () -> UnixTime
    ) {
        self.repairs = repairs
        self.store = store
        self.completeness = completeness
        self.pulls = pulls
        self.backups = backups
        self.certificates = certificates
        self.sinks = sinks
        self.terminals = terminals
        self.registry = registry
        self.now = now
        started = now()
        folders =
            [(settings.store.directory, "the journal"), (settings.logging.directory, "the log")]
            + (settings.csv.isEnabled ? [(settings.csv.directory, "the CSV files")] : [])
    }

    func take() async -> AlertSnapshot {
        var snapshot = AlertSnapshot(at: now(), started: started)
        if case .failing(let since, let reason) = store.health {
            snapshot.journal = .failing(since: since, reason: reason)
        }
        let sinks = self.sinks.states
        let known = await look(at: sinks.map(\.name))
        snapshot.sinks = sinks.map { name, state in
            let queue = known.queues[name] ?? .init()
            return AlertSnapshot.Sink(
                name: name, condition: state.condition, lastSuccess: state.lastSuccess, owed: queue.owed,
                oldestOwed: queue.oldest, deadLetters: queue.dead,
                wrongCheckins: known.wrongCheckins[name]?.count ?? 0,
                mayHoldWrongCheckins: !(known.wrongCheckins[name]?.isAll ?? false))
        }
        // A sink that is configured no more keeps what it is owed, and nobody delivers it.
        snapshot.sinks += known.queues.filter { queue in !sinks.contains { $0.name == queue.key } }
            .map { .init(name: $0, owed: $1.owed, oldestOwed: $1.oldest, deadLetters: $1.dead) }
        snapshot.terminals = lookAtTerminals()
        let names = terminals.now
        snapshot.flags = registry.flags(at: now()).map { flags in
            var flags = flags
            flags.name = names.name(of: flags.serial)
            return flags
        }
        snapshot.pulls = pulls.flags { names.name(of: $0) }
        snapshot.shifts = completeness.standings()
        snapshot.certificates = certificates.states.map { .init(server: $0.description, state: $1) }
        snapshot.disks = disks()
        let backup = backups.figures
        if let due = backup.due {
            snapshot.backup = .init(
                last: backup.last?.manifest.takenAt, due: due, isOverdue: backup.isOverdue(at: snapshot.at),
                failingSince: backup.failure?.since, reason: backup.failure?.reason ?? "")
        }
        if let words = store.rebuilt(at: snapshot.at), let at = store.rebuiltAt {
            snapshot.rebuilt = (at, words)
        }
        return snapshot
    }

    private func look(at sinks: [SinkName]) async -> Known {
        do {
            let queues = try await store.status().queues
            var wrong: [SinkName: (count: Int, isAll: Bool)] = [:]
            for name in sinks { wrong[name] = try await repairs.standing(at: name) }
            let fresh = Known(queues: queues, wrongCheckins: wrong)
            known.withLock { $0 = fresh }
            return fresh
        } catch {
            // The journal's own alert and health tell of it; what was known of the sinks still holds.
            return known.withLock { $0 }
        }
    }

    private func lookAtTerminals() -> [AlertSnapshot.Terminal] {
        let terminals = self.terminals.now
        var zones: [String: ZoneRules] = [:]
        return completeness.figures().compactMap { figures, name in
            let identifier = terminals.timeZone(of: figures.serial)
            // The settings hold no zone that is none.
            guard let zone = zones[identifier] ?? ZoneRules(identifier: identifier) else { return nil }
            zones[identifier] = zone
            return AlertSnapshot.Terminal(figures, name: name, zone: zone)
        }
    }

    /// Each file system once.
    private func disks() -> [AlertSnapshot.Disk] {
        var seen: Set<UInt64> = []
        return folders.compactMap { path, holds in
            guard let space = DiskSpace(of: path), seen.insert(space.device).inserted else { return nil }
            return AlertSnapshot.Disk(path: path, holds: holds, free: space.free, total: space.total)
        }
    }
}

extension Sinks {
    /// What each of them says of itself now; a site without an address says nothing.
    fileprivate var states: [(name: SinkName, state: SinkState)] {
        var states = sites.compactMap { site in site.worker.map { (site.name, $0.state) } }
        states += webhooks.map { ($0.name, $0.worker.state) }
        if let csv { states.append((.csv, csv.state)) }
        return states
    }
}

// MARK: For health, pages and the command line

extension AlertList {
    init(_ service: AlertService) {
        self.init(
            alerts: service.current.map(AlertReport.init),
            channels: service.channelStates.map(AlertChannelReport.init))
    }
}

extension AlertReport {
    init(_ record: AlertRecord) {
        self.init(
            kind: record.kind, subject: record.subject, severity: record.severity.rawValue,
            title: record.title,
            detail: record.detail, remedy: record.remedy, since: record.since.iso8601,
            told: record.told?.iso8601)
    }
}

extension AlertChannelReport {
    init(_ state: AlertChannelState) {
        self.init(
            name: state.name, kind: state.kind, isFailing: state.isFailing,
            lastSuccess: state.lastSuccess?.iso8601,
            lastFailure: state.lastFailure?.at.iso8601, reason: state.lastFailure?.reason,
            waiting: state.waiting)
    }
}

extension AlertTestReport {
    init(_ results: [AlertService.TestResult]) {
        self.init(
            channels: results.map { result in
                var reason: String?
                if case .failed(let why, _, _) = result.sending { reason = why }
                return .init(name: result.channel, kind: result.kind, isTaken: reason == nil, reason: reason)
            })
    }
}

extension HealthReport.Alert {
    /// By kind: `/health` is seen by whoever reaches the terminals' port, so it names neither terminals nor people.
    static func summary(of records: [AlertRecord]) -> [HealthReport.Alert] {
        Dictionary(grouping: records, by: \.kind).map { kind, records in
            HealthReport.Alert(
                kind: kind, severity: (records.map(\.severity).max() ?? .warning).rawValue,
                count: records.count,
                since: records.map(\.since).min()?.iso8601 ?? "")
        }.sorted { ($0.severity, $0.kind) < ($1.severity, $1.kind) }
    }
}
