import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import Foundation
import Logging
import Testing

/// A journal, a simulated site with its sink, and what keeps the copy of its employees.
struct SiteWorld: Sendable {
    let store: SQLiteStore
    let erp: SimulatedERPNext
    let client: HTTPClient
    let timing: DeliveryTiming
    let strangers = WakeUp()
    let owing = WakeUp()
    let directory = SiteDirectory()

    static let field = "attendance_device_id"

    /// A fresh one, as after a start.
    func sync(
        _ settings: SiteSync.Settings = .init(), directory: SiteDirectory? = nil,
        mappings: [EmployeeMapping] = [],
        space: @escaping @Sendable (SerialNumber) -> IDSpace = { _ in IDSpace(field: field) }
    ) async throws -> SiteSync {
        let reader = SiteReader(settings: Self.sinkSettings(erp), client: client, now: timing.now)
        let sync = SiteSync(
            reader: reader, store: store, directory: directory ?? self.directory, wakeUp: strangers,
            owing: owing,
            settings: settings, rules: .init(mappings: mappings, space: space), timing: timing,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await sync.load()
        return sync
    }

    static func sinkSettings(_ erp: SimulatedERPNext) -> ERPNextSink.Settings {
        .init(
            url: erp.url, dialect: .hrms(employeeField: field, siteZone: nil), personKey: .enrollID,
            credential: APICredential(key: "key", secret: "secret"), timeout: .seconds(20))
    }

    /// Delivers while `body` runs, knowing what the directory knows.
    func delivering<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws
        -> Value
    {
        let sink = ERPNextSink(settings: Self.sinkSettings(erp), client: client, directory: directory)
        let worker = DeliveryWorker(
            sink: sink, store: store, wakeUp: owing, strangers: strangers, timing: timing,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    func record(_ persons: [String]) async throws {
        _ = try await store.record(World.batch(persons, received: timing.now()))
        owing.ring()
    }

    func deadLetters(reach count: Int) async throws {
        while try await store.status().queues[.erpnext]?.dead != count {
            try await timing.sleep(.milliseconds(200))
        }
    }

    func employees() async throws -> [Employee] {
        try await store.employees(of: .erpnext, after: "", limit: 10_000)
    }

    static func people(_ range: ClosedRange<Int>) -> [SimulatedEmployee] {
        range.map { .init(name: "HR-EMP-\($0.padded(5))", deviceID: "\($0)", employeeName: "Person \($0)") }
    }
}

func withSite<Value: Sendable>(
    _ employees: [SimulatedEmployee], version: SimulatedSiteVersion = .version15,
    _ body: @escaping @Sendable (SiteWorld) async throws -> Value
) async throws -> Value {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("site-\(UUID().uuidString)")
        .path
    defer { try? FileManager.default.removeItem(atPath: folder) }  // what is left over harms no later test
    let timing = DeliveryTiming.faster(100)
    let store = try SQLiteStore(
        folder: folder, options: StoreOptions(now: timing.now),
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await store.setSinks([.erpnext])
    let erp = try SimulatedERPNext(
        employees: employees, credential: "key:secret", version: version, now: timing.now)
    try await erp.start()
    let client = SiteClient.makeHTTPClient(concurrency: 2)
    let result: Result<Value, any Error>
    do {
        result = .success(try await body(SiteWorld(store: store, erp: erp, client: client, timing: timing)))
    } catch {
        result = .failure(error)
    }
    try await erp.stop()
    try await client.shutdown()
    await store.close()
    return try result.get()
}

@Suite(.timeLimit(.minutes(10))) struct SiteSyncTests {
    // MARK: The copy

    @Test(arguments: [SimulatedSiteVersion.version13, .version14, .recorded, .version15, .version16])
    func `all employees, shifts, versions and the zone are read, and known after a restart without the site`(
        _ version: SimulatedSiteVersion
    ) async throws {
        try await withSite(SiteWorld.people(1...1203), version: version) { world in
            world.erp.add(
                SimulatedShiftType(name: "Day", start: "08:00", end: "17:00", processAfter: "2026-01-01"))
            let report = try await world.sync().readOnce()
            #expect(report.problem == nil)
            #expect(report.changed == 1203)
            #expect(world.erp.requests["GET api/resource/Employee"] == 3)

            try await world.erp.stop()
            let known = SiteDirectory()
            let restarted = try await world.sync(directory: known)
            #expect(restarted.state.employees == 1203)
            let now = known.now
            #expect(now.knowsEmployees)
            #expect(now.employees.employee(named: "HR-EMP-00700")?.fullName == "Person 700")
            #expect(now.employees.employee(named: "HR-EMP-00700")?.keys == [SiteWorld.field: "700"])
            #expect(now.zone?.identifier == "Asia/Kolkata")
            #expect(now.zoneAsked)
            #expect(now.shifts["Day"]?.start == 8 * 3600)
            #expect(now.shifts["Day"]?.countsFrom == WallTime(year: 2026, month: 1, day: 1))
            #expect(now.versions == version.apps)
            let again = await restarted.readOnce()
            #expect(again.problem != nil)
            #expect(restarted.state.since != nil)
            #expect(known.now.employees.count == 1203)
        }
    }

    @Test func `only what has changed is asked for, and a removal is seen by the whole list`() async throws {
        try await withSite(SiteWorld.people(1...700)) { world in
            let sync = try await world.sync(.init(interval: .seconds(3 * 3600), minimumPause: .seconds(1)))
            world.erp.setClock { world.timing.now() + .seconds(3 * 3600) }
            _ = await sync.readOnce()
            world.erp.setClock { world.timing.now() + .seconds(6 * 3600) }
            world.erp.update("HR-EMP-00007") { $0.employeeName = "Renamed" }
            world.erp.add(.init(name: "HR-EMP-09999", deviceID: "9999"))
            world.erp.removeEmployee("HR-EMP-00001")
            let before = world.erp.requests["GET api/resource/Employee", default: 0]
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sync.run() }
                while world.directory.now.employees.employee(named: "HR-EMP-09999") == nil {
                    try await world.timing.sleep(.seconds(1))
                }
                #expect(world.erp.requests["GET api/resource/Employee", default: 0] == before + 1)
                #expect(world.directory.now.employees.employee(named: "HR-EMP-00007")?.fullName == "Renamed")
                #expect(world.directory.now.employees.employee(named: "HR-EMP-00001") != nil)
                let report = try #require(await sync.readNow())
                #expect(report.removed == 1)
                #expect(report.employees == 700)
                group.cancelAll()
            }
            #expect(world.directory.now.employees.employee(named: "HR-EMP-00001") == nil)
            #expect(try await world.employees().count == 700)
            #expect(await sync.readNow() == nil)
        }
    }

    @Test func `a list cut off in the middle keeps what was read and removes nobody`() async throws {
        try await withSite(SiteWorld.people(1...1200)) { world in
            let sync = try await world.sync()
            _ = await sync.readOnce()
            for person in 1...1200 { world.erp.update("HR-EMP-\(person.padded(5))") { $0.branch = "North" } }
            world.erp.inject(.slow(.zero), times: 1, path: "api/resource/Employee")
            world.erp.inject(.badGateway(stored: false), times: 1, path: "api/resource/Employee")
            let report = await sync.readOnce()
            #expect(report.changed == 500)
            #expect(report.removed == 0)
            #expect(report.problem != nil)
            let rest = await sync.readOnce()
            #expect(rest.changed == 700)
            #expect(rest.problem == nil)
            #expect(world.directory.now.employees.count == 1200)
        }
    }

    @Test func `a site that suddenly shows hardly anybody is not believed at once`() async throws {
        try await withSite(SiteWorld.people(1...100)) { world in
            let sync = try await world.sync()
            _ = await sync.readOnce()
            world.erp.changeRights { $0.onlyEmployee = "HR-EMP-00005" }
            let report = await sync.readOnce()
            #expect(report.removed == 0)
            #expect(report.problem?.reason == "the site shows only 1 of 100 employees that it had")
            #expect(world.directory.now.employees.count == 100)
            let second = await sync.readOnce()
            #expect(second.removed == 99)
            #expect(second.problem == nil)
        }
    }

    // MARK: Trouble

    @Test func `a user who may not read employees is told, and the rest is known`() async throws {
        try await withSite(SiteWorld.people(1...3)) { world in
            world.erp.changeRights { $0.readEmployee = false }
            let sync = try await world.sync()
            let report = await sync.readOnce()
            #expect(report.problem?.remedy?.contains("HR User") == true)
            #expect(!world.directory.now.knowsEmployees)
            #expect(world.directory.now.zone != nil)
            #expect(sync.state.lastRead == nil)
            world.erp.changeRights { $0.readEmployee = true }
            #expect(await sync.readOnce().problem == nil)
            #expect(world.directory.now.knowsEmployees)
            #expect(sync.state.lastRead != nil)
            #expect(sync.state.since == nil)
        }
    }

    @Test func `a site that cannot tell its zone has been asked; one that does not answer has not`()
        async throws
    {
        try await withSite([]) { world in
            world.erp.inject(.databaseGone)
            let sync = try await world.sync()
            _ = await sync.readOnce()
            #expect(!world.directory.now.zoneAsked)
            world.erp.clearFaults()
            world.erp.setTellsTimeZone(false)
            _ = await sync.readOnce()
            #expect(world.directory.now.zoneAsked)
            #expect(world.directory.now.zone == nil)
            world.erp.setTellsTimeZone(true)
            _ = await sync.readOnce()
            #expect(world.directory.now.zone?.identifier == "Asia/Kolkata")
            world.erp.setZone("Asia/Dubai")
            _ = await sync.readOnce()
            #expect(world.directory.now.zone?.identifier == "Asia/Dubai")
            #expect(try await world.store.facts(of: .erpnext)["time_zone"]?.value == "Asia/Dubai")
        }
    }

    @Test func `a key that the site refuses is why the zone is unknown, and its mending is seen soon`()
        async throws
    {
        try await withSite([]) { world in
            world.erp.setCredential("somebody:else")
            // Far apart, were all well.
            let sync = try await world.sync(.init(interval: .seconds(86_400), minimumPause: .seconds(1)))
            let report = await sync.readOnce()
            let problem = try #require(world.directory.now.zoneProblem)
            #expect(problem == report.problem)
            #expect(problem.reason.contains("does not accept the API key and secret (401)"))
            #expect(problem.remedy?.contains("APIKey") == true)
            #expect(problem.fault == .authentication)
            #expect(!world.directory.now.zoneAsked)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sync.run() }
                let asked = world.erp.probes
                while world.erp.probes <= asked { try await world.timing.sleep(.seconds(1)) }
                world.erp.setCredential("key:secret")
                while world.directory.now.zone == nil { try await world.timing.sleep(.seconds(1)) }
                group.cancelAll()
            }
            #expect(world.directory.now.zoneProblem == nil)
        }
    }

    @Test func `a firewall before the site does not make the terminals' own times right`() async throws {
        try await withSite([]) { world in
            world.erp.inject(
                .proxyPage(status: 403, stored: false), path: "api/method/frappe.client.get_time_zone")
            let sync = try await world.sync()
            let report = await sync.readOnce()
            #expect(report.problem != nil)
            #expect(!world.directory.now.zoneAsked)
            #expect(world.directory.now.zoneProblem?.remedy?.contains("or set SiteTimeZone") == true)
            world.erp.clearFaults()
            _ = await sync.readOnce()
            #expect(world.directory.now.zone?.identifier == "Asia/Kolkata")
        }
    }

    @Test func `a key field that does not exist is named, and the others are read`() async throws {
        try await withSite(SiteWorld.people(1...3)) { world in
            let sync = try await world.sync(.init(keyFields: [SiteWorld.field, "plant_id"]))
            let report = await sync.readOnce()
            #expect(report.problem?.reason == "no employee shows the field plant_id")
            #expect(world.directory.now.employees.count == 3)
            world.erp.addEmployeeField("plant_id")
            world.erp.update("HR-EMP-00002") { $0.fields["plant_id"] = "77" }
            #expect(await sync.readOnce().problem == nil)
            #expect(
                world.directory.now.employees.employee(named: "HR-EMP-00002")?.keys
                    == [SiteWorld.field: "2", "plant_id": "77"])
        }
    }

    @Test func `another key field is read of everybody after a restart`() async throws {
        try await withSite(
            SiteWorld.people(1...3).map { employee in
                var employee = employee
                employee.fields["plant_id"] = "P\(employee.deviceID)"
                return employee
            }
        ) { world in
            _ = try await world.sync().readOnce()
            world.erp.setClock { world.timing.now() + .seconds(9 * 3600) }
            let sync = try await world.sync(
                .init(interval: .seconds(60), keyFields: ["plant_id"], minimumPause: .seconds(1)))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sync.run() }
                while sync.state.lastRead == nil { try await world.timing.sleep(.seconds(1)) }
                group.cancelAll()
            }
            #expect(world.directory.now.employees.employee(named: "HR-EMP-00002")?.keys == ["plant_id": "P2"])
        }
    }

    @Test func `a site that comes back is read again by itself`() async throws {
        try await withSite(SiteWorld.people(1...3)) { world in
            world.erp.inject(.maintenance)
            let sync = try await world.sync(.init(interval: .seconds(600), minimumPause: .seconds(1)))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sync.run() }
                while sync.state.problem == nil { try await world.timing.sleep(.seconds(1)) }
                world.erp.clearFaults()
                while sync.state.lastRead == nil { try await world.timing.sleep(.seconds(1)) }
                group.cancelAll()
            }
            #expect(sync.state.employees == 3)
            #expect(sync.state.problem == nil)
        }
    }

    // MARK: Dead letters

    @Test func `a punch of somebody unknown goes by itself once the employee is there`() async throws {
        try await withSite(SiteWorld.people(1...3)) { world in
            let sync = try await world.sync(.init(interval: .seconds(86_400), minimumPause: .seconds(5)))
            _ = await sync.readOnce()
            try await world.delivering {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await sync.run() }
                    try await world.record(["77", "78"])
                    try await world.deadLetters(reach: 2)
                    // Read at once after the next stranger, and not only after a day.
                    world.erp.add(.init(name: "HR-EMP-00077", deviceID: "0077"))
                    try await world.record(["79"])
                    await world.erp.checkinCount(reaches: 1)
                    try await world.deadLetters(reach: 2)
                    group.cancelAll()
                }
            }
            #expect(world.erp.checkins.map(\.employee) == ["HR-EMP-00077"])
            let trail = try await world.store.auditTrail(after: 0, limit: 10)
            #expect(trail.map(\.author) == [.gateway])
            #expect(trail.map(\.action) == ["dead-letters.retry"])
        }
    }

    @Test func `an inactive employee's punches go once they are active`() async throws {
        try await withSite(SiteWorld.people(1...2)) { world in
            world.erp.update("HR-EMP-00001") { $0.status = .inactive }
            let sync = try await world.sync()
            _ = await sync.readOnce()
            try await world.delivering {
                try await world.record(["1"])
                try await world.deadLetters(reach: 1)
                #expect(await sync.readOnce().requeued == 0)
                world.erp.update("HR-EMP-00001") { $0.status = .active }
                #expect(await sync.readOnce().requeued == 1)
                await world.erp.checkinCount(reaches: 1)
            }
        }
    }

    @Test func `a mapping by command sends dead letters again, without asking the site`() async throws {
        try await withSite(SiteWorld.people(1...2)) { world in
            let sync = try await world.sync(.init(interval: .seconds(86_400)))
            _ = await sync.readOnce()
            try await world.delivering {
                try await world.record(["4711"])
                try await world.deadLetters(reach: 1)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await sync.run() }
                    await world.erp.requestCount(of: "GET api/resource/Employee", reaches: 2)
                    try await world.store.setMappings(
                        [.init(enrollID: try #require(EnrollID("4711")), employee: "HR-EMP-00002")],
                        removed: [],
                        of: .erpnext, by: Author("tester"), at: world.timing.now())
                    let requests = world.erp.requests
                    let report = try #require(await sync.mappingsChanged())
                    #expect(report.requeued == 1)
                    #expect(
                        world.erp.requests["GET api/resource/Employee"]
                            == requests["GET api/resource/Employee"])
                    await world.erp.checkinCount(reaches: 1)
                    group.cancelAll()
                }
            }
            #expect(world.erp.checkins.map(\.employee) == ["HR-EMP-00002"])
        }
    }

    @Test func `new rules of the settings hold for dead letters too`() async throws {
        try await withSite([.init(name: "HR-EMP-00001", deviceID: "0012", fields: ["plant_id": "5"])]) {
            world in
            let sync = try await world.sync(.init(keyFields: [SiteWorld.field, "plant_id"]))
            _ = await sync.readOnce()
            try await world.delivering {
                try await world.record(["5"])
                try await world.deadLetters(reach: 1)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await sync.run() }
                    sync.setRules(.init { _ in IDSpace(name: "plant", field: "plant_id") })
                    while try await world.store.status().queues[.erpnext]?.owed == 0,
                        try await world.store.auditTrail(after: 0, limit: 9).isEmpty
                    {
                        try await world.timing.sleep(.seconds(1))
                    }
                    group.cancelAll()
                }
            }
            #expect(
                try await world.store.auditTrail(after: 0, limit: 9).map(\.action) == ["dead-letters.retry"])
        }
    }

    @Test
    func
        `what the site refuses although the copy knows the person is tried once, and the list is read again`()
        async throws
    {
        try await withSite(SiteWorld.people(1...20)) { world in
            let sync = try await world.sync()
            _ = await sync.readOnce()
            try await world.delivering {
                // Gone on the site, still in the copy.
                world.erp.removeEmployee("HR-EMP-00007")
                try await world.record(["7"])
                try await world.deadLetters(reach: 1)
                let sent = world.erp.checkinRequests
                try await withThrowingTaskGroup(of: Void.self) { group in
                    // Only what has changed is read: nobody has.
                    let other = try await world.sync(
                        .init(interval: .seconds(120), minimumPause: .seconds(60)))
                    group.addTask { try await other.run() }
                    await world.erp.checkinRequestCount(reaches: sent + 1)
                    while world.directory.now.employees.employee(named: "HR-EMP-00007") != nil {
                        try await world.timing.sleep(.seconds(5))
                    }
                    group.cancelAll()
                }
                try await world.deadLetters(reach: 1)
                #expect(world.erp.checkinRequests == sent + 1)
                #expect(
                    try await world.store.deadLetters(.init(), after: 0, limit: 9).map(\.cause) == [
                        .unknownEmployee
                    ])
            }
        }
    }

    @Test func `more dead letters than a page holds are all looked at`() async throws {
        try await withSite([]) { world in
            let sync = try await world.sync()
            let ids = (1...1100).map { "\($0)" }
            try await world.store.setSinks([.erpnext])
            _ = try await world.store.record(World.batch(ids, received: world.timing.now()))
            var after: Int64 = 0
            while true {
                let page = try await world.store.owed(to: .erpnext, after: after, limit: 500)
                guard let last = page.last else { break }
                let attempt = Attempt(started: world.timing.now(), duration: .zero, answer: .rejected)
                try await world.store.settle(
                    page.map {
                        Settlement(
                            punch: $0.id, attempt: attempt, fate: .dead(cause: .unknownEmployee, reason: "x"),
                            report: nil)
                    }, for: .erpnext)
                after = last.id
            }
            for employee in SiteWorld.people(1...1099) { world.erp.add(employee) }
            let report = await sync.readOnce()
            #expect(report.requeued == 1099)
            #expect(await sync.readOnce().requeued == 0)
            #expect(
                try await world.store.deadLetters(.init(), after: 0, limit: 9).map(\.enrollID.sent) == [
                    "1100"
                ])
        }
    }
}
