import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import Logging
import ServiceLifecycle

/// Every place that punches go to, put together: the sites, and the CSV that follows the first of them.
package final class Sinks: Sendable {
    let sites: [RunningSite]
    let csv: AuditCSVSink?
    private let store: SQLiteStore
    private let terminals: TerminalsInForce
    private let backfill: Backfill
    private let requeue: RuleRequeue
    private let logger: Logger

    init(
        _ settings: Settings, terminals: TerminalsInForce, store: SQLiteStore, client: HTTPClient,
        surroundings: Gateway.Surroundings
    ) throws {
        let reported = WakeUp()
        let sites = try settings.sites.map { site in
            try RunningSite(
                site, terminals: terminals, store: store, client: client,
                reported: site.name == .erpnext ? reported : nil, surroundings: surroundings)
        }
        self.sites = sites
        self.store = store
        self.terminals = terminals
        logger = surroundings.logger
        csv =
            settings.csv.isEnabled
            ? AuditCSVSink(
                store: store, wakeUp: reported, settings: .init(folder: settings.csv.directory),
                timing: surroundings.delivery, logger: surroundings.logger) : nil
        let wakeUps = Dictionary(sites.map { ($0.name, $0.owing) }, uniquingKeysWith: { $1 })
        backfill = Backfill(
            store: store, sinks: settings.sinks.map { ($0, settings.startFrom(of: $0)) },
            isRouted: { terminals.now.sinks(of: $1).contains($0) },
            owing: { wakeUps[$0]?.ringForRequeued() }, now: surroundings.now, logger: surroundings.logger)
        requeue = RuleRequeue(
            store: store, sites: settings.sites.map(\.name), terminals: terminals,
            owing: { wakeUps[$0]?.ringForRequeued() }, now: surroundings.now, logger: surroundings.logger)
    }

    /// Makes the sinks known to the journal and takes from it what it knows of the sites. Before anything runs.
    func load() async throws {
        try await backfill.registerSinks()
        for site in sites { try await site.sync?.load() }
    }

    /// Started from left to right.
    var services: [any Service] {
        let csv: [any Service] = csv.map { [$0] } ?? []
        return csv + sites.flatMap(\.services) + [backfill, requeue]
    }

    var directories: [SinkName: SiteDirectory] {
        Dictionary(
            sites.compactMap { site in site.directory.map { (site.name, $0) } }, uniquingKeysWith: { $1 })
    }

    // MARK: Waking

    /// Something new may be owed to any of them.
    func ring() {
        for site in sites { site.owing.ring() }
    }

    /// Something older may be owed again: to one sink, or to any.
    func ringForRequeued(_ sink: SinkName? = nil) {
        for site in sites where sink == nil || sink == site.name { site.owing.ringForRequeued() }
    }

    // MARK: Changing

    /// Takes over what may change while running; `terminals` has taken over before.
    func apply(_ new: Settings) {
        requeue.look()
        for site in sites {
            guard let wanted = new.sites.first(where: { $0.name == site.name }) else { continue }
            // The reload itself waits for nothing; a reading of dead letters may take a while.
            site.reapply(wanted, terminals: terminals)
        }
    }
}

extension Settings {
    /// The most requests at one time to any site.
    var mostRequests: Int { sites.map(\.concurrency).max() ?? 1 }
}
