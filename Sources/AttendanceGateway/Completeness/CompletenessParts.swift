import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import ServiceLifecycle

/// The parts that know how far terminals and shifts have come, put together.
package final class Completeness: Sendable {
    let keeper: CompletenessKeeper
    let watch: CompletenessWatch
    private let terminals: TerminalsInForce
    private let watermarks: [ShiftWatermarks]
    private let sites: [(name: SinkName, moves: Bool)]
    private let zones: @Sendable (SinkName) -> ZoneRules?
    private let now: @Sendable () -> UnixTime

    /// - Parameters:
    ///   - terminals: the settings of terminals as they are in force.
    ///   - directories: what is known of each site; where there is none, only `SiteTimeZone` tells a zone.
    init(
        settings: Settings, terminals: TerminalsInForce, store: SQLiteStore, presence: Presence,
        client: HTTPClient, surroundings: Gateway.Surroundings, directories: [SinkName: SiteDirectory] = [:]
    ) throws {
        let keeper = CompletenessKeeper(
            store: store, presence: presence,
            timing: .init(now: surroundings.now, sleep: surroundings.delivery.sleep),
            logger: surroundings.logger)
        let set = Dictionary(
            settings.sites.map { ($0.name, $0.siteTimeZone.flatMap { ZoneRules(identifier: $0) }) },
            uniquingKeysWith: { first, _ in first })
        let zones: @Sendable (SinkName) -> ZoneRules? = { (set[$0] ?? nil) ?? directories[$0]?.now.zone }
        let now = surroundings.now
        var timing = surroundings.delivery
        timing.now = now
        let watermarks = settings.sites.compactMap { site -> ShiftWatermarks? in
            guard let url = site.url, site.movesLastSync, site.mode == .deliver, site.dialect == .hrms else {
                return nil
            }
            let name = site.name
            return ShiftWatermarks(
                settings: .init(sink: name, interval: site.lastSyncInterval),
                site: SiteReader(
                    client: SiteClient(
                        client: client, base: url.absoluteString,
                        authorization: site.authorizationHeader?.reveal(),
                        userAgent: "attendance-gateway/\(Version.current)"),
                    timeout: site.timeout, now: now),
                store: store, zone: { zones(name) }, siteShifts: { directories[name]?.now.shifts ?? [:] },
                terminals: { terminals.now.mapped(to: name, keeper.figures(), at: now()) },
                // A punch is late when its shift was marked before it came: the latest value tells.
                read: { shift in directories[name]?.update { $0.shifts[shift.name] = shift } },
                timing: timing, logger: surroundings.logger)
        }
        self.keeper = keeper
        self.terminals = terminals
        self.watermarks = watermarks
        self.zones = zones
        self.now = now
        sites = settings.sitesWithShifts
        watch = CompletenessWatch(
            keeper: keeper, terminals: terminals, standings: { watermarks.flatMap(\.standings) }, now: now)
    }

    /// After the journal, before the listeners.
    var services: [any Service] { [keeper] + watermarks }

    var settingsOfTerminals: Settings.Terminals { terminals.now }

    /// Of every terminal that the settings name or that was heard of within 31 days, by serial number, with what the
    /// operator calls it. Never waits.
    package func figures() -> [(figures: TerminalFigures, name: String?)] {
        let settings = terminals.now
        return settings.expected(of: keeper.figures(), at: now()).values
            .sorted { $0.serial.folded < $1.serial.folded }
            .map { ($0, settings.name(of: $0.serial)) }
    }

    /// Each shift of each site whose `last_sync_of_checkin` is moved, as of the last look. Never waits.
    package func standings() -> [ShiftStanding] { watermarks.flatMap(\.standings) }

    func desk(_ journal: any JournalReading, registry: TerminalRegistry) -> CompletenessDesk {
        var desk = CompletenessDesk(
            terminals: { [terminals] in terminals.now }, sites: sites, journal: journal,
            figures: { [keeper] in keeper.figures() },
            standings: { [watermarks] in watermarks.flatMap(\.standings) },
            zone: zones, now: now)
        desk.flags = { [now] in registry.flags(of: $0, at: now()) }
        return desk
    }

    func routes(_ desk: CompletenessDesk) -> TerminalRoutes {
        TerminalRoutes(
            terminals: { try await desk.terminals(after: $0, limit: $1) }, shifts: { try await desk.shifts() }
        )
    }
}
