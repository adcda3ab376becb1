import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import Foundation
import Synchronization
import Testing

/// What is decided about a punch before its first attempt, and that it stays so.
@Suite(.timeLimit(.minutes(10))) struct DecidingTests {
    private static func punch(
        _ person: String = "12", alias: String? = nil, terminal: String = "gate-1", name: String? = "Ada"
    ) -> OwedPunch {
        OwedPunch(
            id: 7, terminal: SerialNumber(terminal)!, enrollID: EnrollID(person)!, alias: alias, name: name,
            time: WallTime("2026-11-05 08:01:09")!, zone: "Asia/Kolkata", instant: 1_793_845_869,
            received: UnixTime(seconds: 1_793_845_870))
    }

    private static let ada = Employee(
        name: "HR-EMP-00001", fullName: "Ada", defaultShift: "Night",
        keys: ["attendance_device_id": "12", "badge": "A-1"])
    private static let bo = Employee(
        name: "HR-EMP-00002", fullName: "Bo", keys: ["attendance_device_id": "13"])
    private static let twins = ["HR-EMP-8", "HR-EMP-9"].map {
        Employee(name: $0, fullName: "Twin", keys: ["attendance_device_id": "77"])
    }

    private static func directory(
        _ mappings: [EmployeeMapping] = [], zone: String? = "Asia/Kolkata", zoneAsked: Bool = true
    ) -> SiteDirectory {
        SiteDirectory(
            .init(
                employees: EmployeeDirectory(employees: [ada, bo] + twins, mappings: mappings),
                knowsEmployees: true, zone: zone.flatMap { ZoneRules(identifier: $0) }, zoneAsked: zoneAsked))
    }

    private func withSink<Value>(
        directory: SiteDirectory?, attribution: Attribution = Attribution(),
        dialect: ERPNextSink.Dialect = .hrms(employeeField: "attendance_device_id", siteZone: nil),
        mode: ERPNextSink.Mode = .deliver, _ body: (ERPNextSink) async throws -> Value
    ) async throws -> Value {
        let client = SiteClient.makeHTTPClient(concurrency: 1)
        let sink = ERPNextSink(
            settings: .init(
                url: "http://127.0.0.1:1", dialect: dialect,
                credential: APICredential(key: "key", secret: "s3cret"), mode: mode),
            client: client, directory: directory, attribution: attribution)
        let result: Result<Value, any Error>
        do { result = .success(try await body(sink)) } catch { result = .failure(error) }
        try await client.shutdown()
        return try result.get()
    }

    private func fields(_ sink: ERPNextSink, _ punch: OwedPunch) async throws -> [String: String] {
        try JSONDecoder().decode([String: String].self, from: Data(await sink.freeze(punch).utf8))
    }

    // MARK: Who

    @Test func `a known employee is sent by name, with the facts`() async throws {
        try await withSink(directory: Self.directory()) { sink in
            guard case .send(let frozen, let decision) = try await sink.decide(Self.punch("0012")) else {
                Issue.record("not sent")
                return
            }
            let fields = try JSONDecoder().decode([String: String].self, from: Data(frozen.utf8))
            #expect(
                fields == [
                    "employee_fieldname": "name", "employee_field_value": "HR-EMP-00001",
                    "timestamp": "2026-11-05 08:01:09", "device_id": "gate-1",
                ])
            #expect(
                decision
                    == Decision(
                        person: "hr-emp-00001", employee: "HR-EMP-00001",
                        time: WallTime("2026-11-05 08:01:09")!))
        }
    }

    @Test func `whom nobody knows the site shall look for, by the key as it was sent`() async throws {
        try await withSink(directory: Self.directory()) { sink in
            let fields = try await fields(sink, Self.punch("0099", alias: "E-99"))
            #expect(fields["employee_fieldname"] == "attendance_device_id")
            #expect(fields["employee_field_value"] == "E-99")
        }
    }

    @Test func `an id of several employees is nobody's`() async throws {
        try await withSink(directory: Self.directory()) { sink in
            let decision = try await sink.decide(Self.punch("77"))
            #expect(
                decision
                    == .reject(
                        cause: .severalEmployees,
                        reason: "2 employees have attendance_device_id 77: HR-EMP-8, HR-EMP-9"))
        }
    }

    @Test func `an operator's word goes before the key field, also for an employee that is not known yet`()
        async throws
    {
        let mappings = [
            EmployeeMapping(enrollID: EnrollID("12")!, employee: "HR-EMP-00002"),
            EmployeeMapping(space: "yard", enrollID: EnrollID("12")!, employee: "HR-EMP-77777"),
        ]
        let attribution = Attribution(space: { $0.text.hasPrefix("yard") ? "yard" : "" })
        try await withSink(directory: Self.directory(mappings), attribution: attribution) { sink in
            try await #expect(fields(sink, Self.punch())["employee_field_value"] == "HR-EMP-00002")
            let yard = try await fields(sink, Self.punch(terminal: "yard-1"))
            #expect(yard["employee_field_value"] == "HR-EMP-77777")
            #expect(yard["employee_fieldname"] == "name")
        }
    }

    @Test func `each terminal's ids are looked up in its own field`() async throws {
        let attribution = Attribution(employeeField: { $0.text == "old-1" ? "badge" : nil })
        try await withSink(directory: Self.directory(), attribution: attribution) { sink in
            try await #expect(
                fields(sink, Self.punch("A-1", terminal: "old-1"))["employee_field_value"]
                    == "HR-EMP-00001")
            let unknown = try await fields(sink, Self.punch("12", terminal: "old-1"))
            #expect(unknown["employee_fieldname"] == "badge")
            #expect(unknown["employee_field_value"] == "12")
        }
    }

    @Test func `one employee is one lane, under whatever id, and a frozen punch stays in its own`()
        async throws
    {
        let attribution = Attribution(employeeField: { $0.text == "old-1" ? "badge" : nil })
        let directory = Self.directory()
        try await withSink(directory: directory, attribution: attribution) { sink in
            var frozen = Self.punch("12")
            #expect(sink.lane(of: frozen) == sink.lane(of: Self.punch("a-1", terminal: "old-1")))
            frozen.frozen = try await sink.freeze(frozen)
            directory.update { $0.employees = EmployeeDirectory(employees: []) }
            #expect(sink.lane(of: frozen) == "hr-emp-00001")
            #expect(sink.lane(of: Self.punch("12")) == "12")
        }
    }

    // MARK: When

    @Test(
        arguments: [
            (nil, "UTC", true, "2026-11-05 02:31:09"), ("Europe/Berlin", "UTC", true, "2026-11-05 03:31:09"),
            (nil, nil, true, "2026-11-05 08:01:09"), ("UTC", nil, false, "2026-11-05 02:31:09"),
            (nil, nil, false, nil),
        ] as [(String?, String?, Bool, String?)])
    func `the time is the site's: by hand, else as it says, else as it cannot say`(
        byHand: String?, told: String?, asked: Bool, time: String?
    ) async throws {
        let dialect = ERPNextSink.Dialect.hrms(
            employeeField: "attendance_device_id", siteZone: byHand.flatMap { ZoneRules(identifier: $0) })
        let directory = Self.directory(zone: told, zoneAsked: asked)
        try await withSink(directory: directory, dialect: dialect) { sink in
            let decision = try await sink.decide(Self.punch())
            guard let time else {
                guard case .wait(let reason, let remedy, _) = decision else {
                    Issue.record("does not wait")
                    return
                }
                #expect(reason.contains("time zone"))
                #expect(remedy.contains("SiteTimeZone"))
                return
            }
            try await #expect(fields(sink, Self.punch())["timestamp"] == time)
        }
    }

    @Test
    func `why the zone is not known is told: the key with its remedy, a site that is down by its words`()
        async throws
    {
        let directory = Self.directory(zone: nil, zoneAsked: false)
        try await withSink(directory: directory) { sink in
            directory.update {
                $0.zoneProblem = SiteProblem(
                    reason: "no such key", remedy: "make one", fault: .authentication)
            }
            try await #expect(
                sink.decide(Self.punch())
                    == .wait(reason: "no such key", remedy: "make one", fault: .authentication))
            directory.update { $0.zoneProblem = SiteProblem(reason: "connection refused") }
            guard case .wait(let reason, let remedy, _) = try await sink.decide(Self.punch()) else {
                Issue.record("does not wait")
                return
            }
            #expect(reason == "the site's time zone is not known yet: connection refused")
            #expect(remedy.contains("SiteTimeZone"))
        }
    }

    // MARK: Which way, and where

    @Test func `direction and coordinates are sent, the coordinates as numbers`() async throws {
        let site = try await ScriptedSite { _ in
            .json(#"{"message":{"name":"EMP-CKIN-1","time":"2026-11-05 08:01:09"}}"#)
        }
        let client = SiteClient.makeHTTPClient(concurrency: 1)
        let sink = ERPNextSink(
            settings: .init(url: site.url), client: client, directory: Self.directory(),
            attribution: Attribution(
                coordinates: { _ in .init(latitude: 12.9716, longitude: -0.5) },
                ruling: { _, _ in .forward(.out) }))
        let delivery = await sink.deliver(Self.punch(), frozen: try await sink.freeze(Self.punch()))
        try await client.shutdown()
        #expect(delivery.answer == .delivered)
        #expect(
            site.requests.last?.body
                == #"{"device_id":"gate-1","employee_field_value":"HR-EMP-00001","employee_fieldname":"name","#
                + #""latitude":12.9716,"log_type":"OUT","longitude":-0.5,"timestamp":"2026-11-05 08:01:09"}"#)
    }

    @Test func `an accidental repeat is not sent`() async throws {
        let attribution = Attribution(ruling: { _, _ in .repeats(punch: 3, seconds: 20) })
        for dialect in [ERPNextSink.Dialect.hrms(employeeField: "x", siteZone: nil), .customMethod] {
            try await withSink(directory: Self.directory(), attribution: attribution, dialect: dialect) {
                sink in
                try await #expect(
                    sink.decide(Self.punch())
                        == .suppress(reason: "it repeats punch 3, 20 s after it"))
            }
        }
    }

    @Test func `the rules are told the person's usual shift`() async throws {
        let directory = Self.directory()
        let night = ShiftType(name: "Night", start: 22 * 3600, end: 6 * 3600)
        directory.update { $0.shifts = ["Night": night] }
        let attribution = Attribution(ruling: { _, shift in .forward(shift?.name == "Night" ? .in : nil) })
        try await withSink(directory: directory, attribution: attribution) { sink in
            try await #expect(fields(sink, Self.punch())["log_type"] == "IN")
            try await #expect(fields(sink, Self.punch("13"))["log_type"] == nil)
        }
    }

    @Test func `the older method gets the employee's name where the terminal sends none`() async throws {
        try await withSink(directory: Self.directory(), dialect: .customMethod) { sink in
            try await #expect(fields(sink, Self.punch("13", name: nil))["employee_name"] == "Bo")
            try await #expect(fields(sink, Self.punch("13", name: "Bodo"))["employee_name"] == "Bodo")
        }
        try await withSink(directory: nil, dialect: .customMethod) { sink in
            try await #expect(fields(sink, Self.punch("13", name: nil))["employee_name"] == "")
        }
    }

    // MARK: A shadow

    @Test func `a shadow renders the request, without secrets, and sends nothing`() async throws {
        try await withSink(directory: Self.directory(), mode: .shadow) { sink in
            guard case .suppress(let words) = try await sink.decide(Self.punch()) else {
                Issue.record("not suppressed")
                return
            }
            #expect(
                words
                    == "POST \(ERPNextSink.Settings.hrmsEndpoint) "
                    + #"{"device_id":"gate-1","employee_field_value":"HR-EMP-00001","employee_fieldname":"name","#
                    + #""timestamp":"2026-11-05 08:01:09"}"#)
            try await #expect(
                sink.decide(Self.punch("77"))
                    == .suppress(
                        reason:
                            "several-employees: 2 employees have attendance_device_id 77: HR-EMP-8, HR-EMP-9")
            )
        }
    }

    @Test func `a shadow settles each punch with the request it would have made`() async throws {
        try await withWorld(directory: Self.directory(), mode: .shadow) { world in
            try await world.record((0..<250).map { "\($0 % 60)" })
            try await world.nothingIsOwed()
            #expect(world.erp.checkinRequests == 0)
            let entries = try await world.store.punches(PunchFilter(), after: nil, limit: 1_000)
            #expect(entries.count == 250)
            for entry in entries {
                guard case .suppressed(let words) = entry.state else {
                    Issue.record("not suppressed: \(entry.state)")
                    return
                }
                #expect(words.contains(#""timestamp":"\#(entry.punch.time)""#) || words.contains("several"))
                #expect(!words.contains("secret"))
            }
            #expect(world.worker.state.answers == [.suppressed: 250])
        }
    }

    // MARK: What is frozen stays frozen

    /// What a person may change between two attempts.
    struct Change: Sendable, CustomTestStringConvertible {
        var name: String
        var apply: @Sendable (SiteDirectory, Rules) -> Void
        var testDescription: String { name }
    }

    final class Rules: Sendable {
        let direction = Mutex(Direction.in)
        let field = Mutex("attendance_device_id")
        let place = Mutex(Attribution.Coordinates(latitude: 1, longitude: 2))
    }

    private static let changes: [Change] = [
        Change(
            name: "the mapping",
            apply: { directory, _ in
                let mapping = EmployeeMapping(enrollID: EnrollID("12")!, employee: "HR-EMP-00002")
                directory.update {
                    $0.employees = EmployeeDirectory(employees: [ada, bo], mappings: [mapping])
                }
            }),
        Change(
            name: "the employee's id",
            apply: { directory, _ in
                var (ada, bo) = (ada, bo)
                swap(&ada.keys, &bo.keys)
                let changed = [ada, bo]
                directory.update { $0.employees = EmployeeDirectory(employees: changed) }
            }),
        Change(
            name: "who is there at all",
            apply: { directory, _ in
                directory.update { $0.employees = EmployeeDirectory(employees: []) }
            }),
        Change(name: "the direction", apply: { _, rules in rules.direction.withLock { $0 = .out } }),
        Change(name: "the field", apply: { _, rules in rules.field.withLock { $0 = "badge" } }),
        Change(name: "the place", apply: { _, rules in rules.place.withLock { $0.latitude = 50 } }),
        Change(
            name: "the site's zone",
            apply: { directory, _ in
                directory.update { $0.zone = ZoneRules(identifier: "America/New_York") }
            }),
        Change(
            name: "everything",
            apply: { directory, rules in
                directory.update {
                    $0.employees = EmployeeDirectory(employees: [])
                    $0.zone = ZoneRules(identifier: "America/New_York")
                }
                rules.direction.withLock { $0 = .out }
                rules.field.withLock { $0 = "badge" }
            }),
    ]

    @Test(arguments: changes, ["12", "555"])
    func `whatever changes between two attempts, the second is the first again`(
        change: Change, person: String
    ) async throws {
        let directory = Self.directory()
        let rules = Rules()
        let bodies = Mutex<[String]>([])
        let site = try await ScriptedSite { request in
            guard request.method == "POST" else {
                return .json(request.uri.contains("ping") ? #"{"message":"pong"}"# : #"{"data":[]}"#)
            }
            let isFirst = bodies.withLock { bodies in
                bodies.append(request.body)
                return bodies.count == 1
            }
            // The first answer is lost; the second is any that settles it.
            return isFirst
                ? nil
                : .json(
                    #"{"exc_type":"ValidationError","exception":"already has a log with the same timestamp"}"#,
                    status: 417)
        }
        let client = SiteClient.makeHTTPClient(concurrency: 1)
        try await withWorld(runs: false) { world in
            try await world.record([person])
            let sink = ERPNextSink(
                settings: .init(url: site.url), client: client, directory: directory,
                attribution: Attribution(
                    employeeField: { _ in rules.field.withLock { $0 } },
                    coordinates: { _ in rules.place.withLock { $0 } },
                    ruling: { _, _ in .forward(rules.direction.withLock { $0 }) }))
            func run(until condition: @escaping @Sendable () async throws -> Bool) async throws {
                let worker = DeliveryWorker(
                    sink: sink, store: world.store, wakeUp: WakeUp(), reported: world.reported,
                    timing: world.timing, logger: quiet)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await worker.run() }
                    while try await !condition() { try await world.timing.sleep(.milliseconds(500)) }
                    group.cancelAll()
                }
            }
            try await run {
                try await world.store.owed(to: .erpnext, after: 0, limit: 1).first?.begun != nil
                    && bodies.withLock { $0.count } == 1
            }
            change.apply(directory, rules)
            // As after a restart: another worker, which knows only what the journal holds.
            try await run { try await world.store.status().queues[.erpnext]?.owed == 0 }
        }
        try await client.shutdown()
        let sent = bodies.withLock { $0 }
        #expect(sent.count == 2)
        #expect(sent.first == sent.last)
        #expect(sent.first?.contains(person == "12" ? "HR-EMP-00001" : #""attendance_device_id""#) == true)
    }
}
