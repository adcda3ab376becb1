import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import Logging
import ServiceLifecycle

/// Every place that punches go to, put together: sites, webhooks, and the CSV that follows the first site.
package final class Sinks: Sendable {
    let people: People
    let sites: [RunningSite]
    let webhooks: [RunningWebhook]
    let csv: AuditCSVSink?
    private let wakeUps: [SinkName: WakeUp]
    private let backfill: Backfill
    private let requeue: RuleRequeue

    init(
        _ settings: Settings, terminals: TerminalsInForce, store: SQLiteStore, client: HTTPClient,
        surroundings: Gateway.Surroundings
    ) throws {
        let reported = WakeUp()
        let owing = Dictionary(settings.sites.map { ($0.name, WakeUp()) }, uniquingKeysWith: { $1 })
        let people = try People(
            settings: settings, terminals: terminals, store: store, client: client, owing: owing,
            surroundings: surroundings)
        self.people = people
        sites = try settings.sites.map { site in
            try RunningSite(
                site, owing: owing[site.name] ?? WakeUp(), people: people, terminals: terminals, store: store,
                client: client, reported: site.name == .erpnext ? reported : nil, surroundings: surroundings)
        }
        webhooks = settings.webhooks.map { webhook in
            RunningWebhook(
                webhook, terminals: terminals, employees: people.directories[.erpnext],
                field: settings.erp.employeeField, store: store, client: client, surroundings: surroundings)
        }
        csv =
            settings.csv.isEnabled
            ? AuditCSVSink(
                store: store, wakeUp: reported, settings: .init(folder: settings.csv.directory),
                timing: surroundings.delivery, logger: surroundings.logger) : nil
        var wakeUps = owing
        for webhook in webhooks { wakeUps[webhook.name] = webhook.owing }
        self.wakeUps = wakeUps
        backfill = Backfill(
            store: store, sinks: settings.sinks.map { ($0, settings.startFrom(of: $0)) },
            isRouted: { terminals.now.sinks(of: $1).contains($0) },
            owing: { [wakeUps] in wakeUps[$0]?.ringForRequeued() }, now: surroundings.now,
            logger: surroundings.logger)
        requeue = RuleRequeue(
            store: store, sites: settings.sites.map(\.name), terminals: terminals,
            owing: { [wakeUps] in wakeUps[$0]?.ringForRequeued() }, now: surroundings.now,
            logger: surroundings.logger)
    }

    /// Makes the sinks known to the journal and takes from it what it knows of the sites. Before anything runs.
    func load() async throws {
        try await backfill.registerSinks()
        try await people.load()
    }

    /// Started from left to right: who is who must be known before anything is decided.
    var services: [any Service] {
        var services: [any Service] = []
        if let csv { services.append(csv) }
        services += people.services
        services += sites.compactMap(\.worker) + webhooks.map(\.worker)
        return services + [backfill, requeue]
    }

    // MARK: Waking

    /// Something new may be owed to any of them.
    func ring() {
        for wakeUp in wakeUps.values { wakeUp.ring() }
    }

    /// Something older may be owed again: to one sink, or to any.
    func ringForRequeued(_ sink: SinkName? = nil) {
        for (name, wakeUp) in wakeUps where sink == nil || sink == name { wakeUp.ringForRequeued() }
    }

    // MARK: Changing

    /// What holds for terminals has changed.
    func rulesChanged() { requeue.look() }

    /// Takes over what may change while running; `terminals` has taken over before.
    func apply(_ new: Settings) {
        people.apply(new)
        requeue.look()
    }
}

extension Settings {
    /// The most requests at one time to any site.
    var mostRequests: Int { (sites.map(\.concurrency) + webhooks.map(\.concurrency)).max() ?? 1 }
}
