import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceWeb
import Logging
import ServiceLifecycle
import Synchronization

/// The parts that know who is who on each ERPNext site, put together.
package final class People: Sendable {
    private struct Site: Sendable {
        var directory: SiteDirectory
        var sync: SiteSync
        /// Rung when a punch died because of its person.
        var strangers: WakeUp
    }

    private let sites: [SinkName: Site]
    private let order: [SinkName]
    private let terminals: TerminalsInForce
    private let store: SQLiteStore
    private let now: @Sendable () -> UnixTime
    private let logger: Logger

    /// - Parameters:
    ///   - terminals: the settings of terminals as they are in force.
    ///   - owing: of each sink's worker; sites without one are left alone.
    init(
        settings: Settings, terminals: TerminalsInForce, store: SQLiteStore, client: HTTPClient,
        owing: [SinkName: WakeUp],
        surroundings: Gateway.Surroundings
    ) throws {
        var sites: [SinkName: Site] = [:]
        var order: [SinkName] = []
        for site in settings.sites {
            guard let owing = owing[site.name] else { continue }
            let directory = SiteDirectory()
            let strangers = WakeUp()
            guard
                let sync = settings.siteSync(
                    of: site, store: store, client: client, directory: directory, strangers: strangers,
                    owing: owing, terminals: terminals, timing: surroundings.delivery,
                    logger: surroundings.logger)
            else { continue }
            sites[site.name] = Site(directory: directory, sync: sync, strangers: strangers)
            order.append(site.name)
        }
        self.sites = sites
        self.order = order
        self.terminals = terminals
        self.store = store
        now = surroundings.now
        logger = surroundings.logger
    }

    /// Brings what the journal knows into memory, so that people are known before their site answers. Before anything
    /// runs. Throws `StoreError`.
    func load() async throws {
        for name in order { try await sites[name]?.sync.load() }
    }

    /// After the journal and the HTTP client, before what delivers.
    var services: [any Service] { order.compactMap { sites[$0]?.sync } }

    var directories: [SinkName: SiteDirectory] { sites.mapValues(\.directory) }

    func sync(of sink: SinkName) -> SiteSync? { sites[sink]?.sync }

    func strangers(of sink: SinkName) -> WakeUp? { sites[sink]?.strangers }

    /// Takes over what may change while running; `terminals` has taken over before.
    func apply(_ new: Settings) {
        for site in new.sites {
            sites[site.name]?.sync.setRules(new.peopleRules(of: site, terminals: terminals))
        }
    }

    func health(of sink: SinkName) -> HealthReport.Site? {
        guard let site = sites[sink] else { return nil }
        let state = site.sync.state
        return HealthReport.Site(
            employees: state.employees, lastRead: state.lastRead?.iso8601,
            timeZone: site.directory.now.zone?.identifier, problem: state.problem?.reason,
            remedy: state.problem?.remedy, since: state.since?.iso8601)
    }

    var routes: EmployeeRoutes {
        EmployeeRoutes(
            store: store, sites: Set(order),
            sync: { [sites] in await sites[$0]?.sync.readNow().map(EmployeeSyncReport.init) },
            remap: { [sites] in await sites[$0]?.sync.mappingsChanged()?.requeued ?? 0 }, now: now)
    }
}

extension Settings {
    /// Nil for a site that is not read: without an address, or with a method of its own.
    func siteSync(
        of site: ERP, store: SQLiteStore, client: HTTPClient, directory: SiteDirectory, strangers: WakeUp,
        owing: WakeUp, terminals: TerminalsInForce, timing: DeliveryTiming, logger: Logger
    ) -> SiteSync? {
        guard site.dialect == .hrms, let siteClient = site.client(over: client) else { return nil }
        return SiteSync(
            reader: SiteReader(client: siteClient, timeout: site.timeout, now: timing.now), store: store,
            directory: directory, wakeUp: strangers, owing: owing,
            settings: .init(
                sink: site.name, interval: site.employeeSync ?? .seconds(3600),
                readsEmployees: site.employeeSync != nil,
                keyFields: keyFields(of: site)
                    + (people.removesLeavers ? [Employee.relievingDateField] : []),
                personKey: site.personKey),
            rules: peopleRules(of: site, terminals: terminals), timing: timing, logger: logger)
    }

    func peopleRules(of site: ERP, terminals: TerminalsInForce) -> SiteSync.Rules {
        SiteSync.Rules(mappings: site.mappings, leadingZeros: site.zeros) { serial in
            terminals.now.idSpace(of: serial, at: site)
        }
    }

    /// Every Employee field that ids of terminals are looked up in, that of the site first.
    func keyFields(of site: ERP) -> [String] {
        let groups = terminals.groups.compactMap(\.traits.employeeField)
        let own = terminals.overrides.values.compactMap(\.traits.employeeField)
        let others = Set(groups + own + [terminals.traits.employeeField].compactMap(\.self))
        return [site.employeeField] + others.subtracting([site.employeeField]).sorted()
    }
}

extension Settings.Terminals {
    func idSpace(of serial: SerialNumber, at site: Settings.ERP) -> IDSpace {
        IDSpace(name: idSpace(of: serial), field: employeeField(of: serial) ?? site.employeeField)
    }
}

extension Settings.ERP {
    var personKey: ERPNextSink.PersonKey { personID == .alias ? .aliasFirst : .enrollID }
    var zeros: EmployeeDirectory.LeadingZeros { leadingZeros == .exact ? .exact : .ignored }
}

extension EmployeeSyncReport {
    init(_ report: SiteSync.Report) {
        self.init(
            employees: report.employees, changed: report.changed, removed: report.removed,
            requeued: report.requeued, problem: report.problem?.reason, remedy: report.problem?.remedy)
    }
}
