import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import ServiceLifecycle

/// One ERPNext site at work: what delivers to it, and what reads it.
final class RunningSite: Sendable {
    let name: SinkName
    let settings: Settings.ERP
    /// Rung when something became owed to this site.
    let owing = WakeUp()
    /// Nil without an address.
    let worker: DeliveryWorker?
    /// Nil where the site is not read: without an address, without credentials, in the custom dialect.
    let reader: SiteReader?
    let directory: SiteDirectory?
    let sync: SiteSync?
    private let newRules: AsyncStream<SiteSync.Rules>
    private let rules: AsyncStream<SiteSync.Rules>.Continuation

    /// - Parameters:
    ///   - terminals: the settings of terminals as they are in force.
    ///   - reported: rung when outcomes were written that the CSV follows; nil for a site that it does not follow.
    init(
        _ site: Settings.ERP, terminals: TerminalsInForce, store: SQLiteStore, client: HTTPClient,
        reported: WakeUp?, surroundings: Gateway.Surroundings
    ) throws {
        (newRules, rules) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        name = site.name
        settings = site
        let logger = surroundings.logger
        guard let sinkSettings = try site.sinkSettings() else {
            (worker, reader, directory, sync) = (nil, nil, nil, nil)
            return
        }
        let isRead = site.dialect == .hrms && site.authorizationHeader != nil
        let unknown = WakeUp()
        let name = site.name
        let ruling = JournalRuling(
            journal: store, repeatWindow: { site.repeatWindow ?? .zero },
            rule: { terminals.now.directionRule(of: $0) },
            dayStart: { terminals.now.dayStartSeconds(of: $0) },
            space: { terminals.now.idSpace(of: $0) },
            isRouted: { terminals.now.sinks(of: $0).contains(name) })
        let attribution = Attribution(
            employeeField: { terminals.now.employeeField(of: $0) },
            space: { terminals.now.idSpace(of: $0) },
            coordinates: { serial in
                terminals.now.coordinates(of: serial).map {
                    .init(latitude: $0.latitude, longitude: $0.longitude)
                }
            },
            ruling: { try await ruling($0, usualShift: $1) })
        if isRead {
            let directory = SiteDirectory()
            let reader = SiteReader(settings: sinkSettings, client: client, now: surroundings.now)
            self.directory = directory
            self.reader = reader
            sync = SiteSync(
                reader: reader, store: store, directory: directory, wakeUp: unknown, owing: owing,
                settings: SiteSync.Settings(
                    sink: name, interval: site.employeeSync ?? .seconds(3600),
                    readsEmployees: site.employeeSync != nil,
                    keyFields: Self.keyFields(site, terminals.now), personKey: sinkSettings.personKey),
                rules: Self.rules(site, terminals), timing: surroundings.delivery, logger: logger)
        } else {
            (directory, reader, sync) = (nil, nil, nil)
        }
        let sink = ERPNextSink(
            name: name, settings: sinkSettings, client: client, directory: directory,
            attribution: attribution, logger: logger)
        worker = DeliveryWorker(
            sink: sink, store: store, wakeUp: owing, reported: reported, unknown: isRead ? unknown : nil,
            settings: site.deliverySettings, timing: surroundings.delivery, logger: logger)
    }

    /// Started from left to right: who is who must be known before anything is decided.
    var services: [any Service] {
        var services: [any Service] = []
        if let sync { services += [sync, RulesService(rules: newRules, sync: sync)] }
        if let worker { services.append(worker) }
        return services
    }

    private static func keyFields(_ site: Settings.ERP, _ terminals: Settings.Terminals) -> [String] {
        let own = terminals.overrides.keys.compactMap { terminals.employeeField(of: $0) }
        let groups = terminals.groups.compactMap(\.traits.employeeField)
        return Set([site.employeeField] + own + groups).sorted()
    }

    private static func rules(_ site: Settings.ERP, _ terminals: TerminalsInForce) -> SiteSync.Rules {
        SiteSync.Rules(
            mappings: site.mappings, leadingZeros: site.leadingZeros,
            space: { serial in
                IDSpace(
                    name: terminals.now.idSpace(of: serial),
                    field: terminals.now.employeeField(of: serial) ?? site.employeeField)
            })
    }

    /// Takes over what may change while running: mappings, and what terminals are to this site.
    func reapply(_ site: Settings.ERP, terminals: TerminalsInForce) {
        rules.yield(Self.rules(site, terminals))
    }
}

/// Hands new rules on to the reading of a site, one after the other.
private struct RulesService: Service {
    let rules: AsyncStream<SiteSync.Rules>
    let sync: SiteSync

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await rules in self.rules { await self.sync.setRules(rules) }
        }
    }
}
