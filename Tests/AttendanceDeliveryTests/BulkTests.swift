import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import Testing

/// Draining a backlog with `insert_many`.
@Suite(.timeLimit(.minutes(10))) struct BulkTests {
    private static let insertMany = "api/method/frappe.client.insert_many"
    private static let people = (1...60).map { "\($0)" }

    private static func directory(_ status: [String: String] = [:], without: Set<String> = [])
        -> SiteDirectory
    {
        let employees = people.filter { !without.contains($0) }.map { id in
            Employee(
                name: "HR-EMP-\(id)", fullName: "P\(id)", status: status[id] ?? "Active",
                keys: ["attendance_device_id": id])
        }
        return SiteDirectory(
            .init(
                employees: EmployeeDirectory(employees: employees), knowsEmployees: true,
                zone: ZoneRules(identifier: "Asia/Kolkata"), zoneAsked: true))
    }

    /// A world whose worker finds a backlog of so many punches of all people in turn, and employees on the site.
    private func withBacklog(
        _ count: Int = 600, above: Int? = 50, directory: SiteDirectory? = nil,
        timeout: Duration = .seconds(10),
        speed: Double = 100, rules: SettlementRules = SettlementRules(),
        prepare: @escaping @Sendable (World) async throws -> Void = { _ in },
        _ body: @escaping @Sendable (World) async throws -> Void
    ) async throws {
        let directory = directory ?? Self.directory()
        try await withWorld(
            speed: speed, timeout: timeout, rules: rules, runs: false, directory: directory, bulkAbove: above
        ) { world in
            for id in Self.people { world.erp.add(.init(name: "HR-EMP-\(id)", deviceID: id)) }
            try await world.record((0..<count).map { Self.people[$0 % Self.people.count] })
            try await prepare(world)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await world.worker.run() }
                try await body(world)
                group.cancelAll()
            }
        }
    }

    private func expectAllOnce(_ world: World, _ count: Int = 600) {
        let checkins = world.erp.checkins
        #expect(checkins.count == count)
        #expect(Set(checkins.map { "\($0.employee) \($0.time)" }).count == count)
        #expect(world.erp.overlaps == 0)
    }

    @Test func `a backlog goes many at a time, in order per person, after one that went alone`() async throws
    {
        try await withBacklog { world in
            try await world.nothingIsOwed()
            expectAllOnce(world)
            for times in Dictionary(grouping: world.erp.checkins, by: \.employee).values.map({
                $0.map(\.time)
            }) {
                #expect(times == times.sorted())
            }
            let statistics = world.erp.statistics
            #expect(statistics.insertManyDocuments > 400)
            #expect(statistics.largestInsertMany <= 60)  // one punch of a person in a request
            // Above `BulkAbove` many at a time; the rest, and the first, one by one.
            #expect((1...100).contains(world.erp.checkinRequests))
            #expect(world.erp.checkins.allSatisfy { $0.deviceID == "gate-1" })
            let delivered = try await world.store.punches(PunchFilter(), after: nil, limit: 1_000)
            for entry in delivered {
                guard case .delivered(_, let reference?) = entry.state else {
                    Issue.record("not delivered: \(entry.state)")
                    return
                }
                let checkin = world.erp.checkins.first { $0.name == reference }
                #expect(checkin?.time == entry.punch.time.description)
                #expect(checkin?.employee == "HR-EMP-\(entry.punch.enrollID)")
                #expect(entry.decision?.employee == checkin?.employee)
            }
            #expect(world.worker.state.answers == [.delivered: 600])
        }
    }

    @Test(arguments: [
        ERPNextFault.unknownSite, .proxyPage(status: 403, stored: false), .unauthorized, .maintenance,
    ])
    func `many go together again after a trouble of the whole site`(fault: ERPNextFault) async throws {
        try await withBacklog { world in
            await world.erp.statistics { $0.insertManyCalls >= 2 }
            world.erp.inject(fault)
            await world.erp.statistics { $0.faults[fault, default: 0] >= 2 }
            let before = world.erp.statistics.insertManyDocuments
            world.erp.clearFaults()
            try await world.nothingIsOwed()
            expectAllOnce(world)
            #expect(world.erp.statistics.insertManyDocuments > before + 100)
        }
    }

    @Test(arguments: [nil, 700] as [Int?]) func `not without being told to, and not for a short queue`(
        above: Int?
    ) async throws {
        try await withBacklog(120, above: above) { world in
            try await world.nothingIsOwed()
            expectAllOnce(world, 120)
            #expect(world.erp.statistics.insertManyCalls == 0)
        }
    }

    @Test func `whom the directory does not know, or knows as inactive, goes alone`() async throws {
        let directory = Self.directory(["7": "Inactive"], without: ["8", "9"])
        try await withBacklog(
            directory: directory,
            prepare: { world in
                world.erp.update("HR-EMP-7") { $0.status = .inactive }
                world.erp.removeEmployee("HR-EMP-9")
            }
        ) { world in
            while try await world.store.status().queues[.erpnext]?.owed ?? 0 > 0 {
                try await world.timing.sleep(.seconds(1))
            }
            // The stand-in takes anybody it does not know.
            expectAllOnce(world, 590)
            let dead = try await world.store.deadLetters(.init(), after: 0, limit: 100)
            #expect(dead.map(\.cause) == Array(repeating: .inactiveEmployee, count: 10))
            #expect(world.erp.checkins.filter { $0.employee == "HR-EMP-8" }.count == 10)
            #expect(world.erp.statistics.insertManyDocuments > 300)
        }
    }

    @Test func `one that is refused is found by halving, and judged by its own answer`() async throws {
        try await withBacklog(prepare: { world in
            // The gateway's directory has not heard of it yet.
            world.erp.update("HR-EMP-33") { $0.status = .inactive }
            // And some were there before: by hand, or from a backup that was restored.
            for punch in try await world.store.owed(to: .erpnext, after: 100, limit: 20) {
                let sink = world.sink
                _ = await sink.deliver(punch, frozen: try await sink.freeze(punch))
            }
        }) { world in
            try await world.nothingIsOwed()
            expectAllOnce(world, 590)
            let dead = try await world.store.deadLetters(.init(), after: 0, limit: 100)
            #expect(dead.map(\.enrollID.sent) == Array(repeating: "33", count: 10))
            #expect(dead.map(\.cause) == Array(repeating: .inactiveEmployee, count: 10))
            #expect(world.worker.state.answers[.alreadyThere] == 20)
            #expect(world.worker.state.condition == .running)
        }
    }

    /// The site's answer to `insert_many` only; single ones are well.
    private static let passing: [ERPNextFault] = [
        .closed(stored: false), .closed(stored: true), .gatewayTimeout(stored: true),
        .gatewayTimeout(stored: false),
        .badGateway(stored: true), .brokenJSON(stored: true), .cutOff(stored: true), .hang, .page,
        .maintenance,
        .rateLimited(retryAfter: 20), .deadlock, .lockTimeout, .databaseGone, .slow(.milliseconds(50)),
        .serverError(exceptionType: "KeyError", message: "'x'"),
    ]

    @Test(arguments: passing) func `after any fault under many every punch is there once`(
        fault: ERPNextFault
    ) async throws {
        try await withBacklog(
            timeout: .seconds(2), speed: 400, rules: SettlementRules(quiet: .seconds(60))
        ) { world in
            world.erp.inject(fault, times: 2, path: Self.insertMany)
        } _: { world in
            try await world.nothingIsOwed()
            expectAllOnce(world)
            #expect(try await world.store.deadLetters(.init(), after: 0, limit: 10).isEmpty)
            #expect(world.erp.statistics.insertManyDocuments > 100)
        }
    }

    @Test func `what became of many without an answer is seen with one read`() async throws {
        try await withBacklog(200, speed: 200) { world in
            world.erp.inject(.closed(stored: true), times: 1, path: Self.insertMany)
        } _: { world in
            try await world.nothingIsOwed()
            expectAllOnce(world, 200)
            let reads = world.erp.requests["GET api/resource/Employee Checkin", default: 0]
            // One for the lost answer, and one after each of the few others.
            #expect(reads <= 1 + world.erp.statistics.insertManyCalls)
            #expect(world.worker.state.answers[.alreadyThere] == 25)
        }
    }

    @Test(arguments: [
        ERPNextFault.forbidden, .unknownSite,
        .refused(
            exceptionType: "ValidationError",
            message: "Failed to get method for command frappe.client.insert_many"),
        .withoutDocument, .oddStatus(405),
    ]) func `where it is not allowed, they go one by one`(fault: ERPNextFault) async throws {
        try await withBacklog(200, speed: 400, rules: SettlementRules(quiet: .seconds(60))) { world in
            world.erp.inject(fault, path: Self.insertMany)
        } _: { world in
            try await world.nothingIsOwed()
            expectAllOnce(world, 200)
            #expect(world.erp.requests["POST \(Self.insertMany)"] == 1)
            #expect(world.worker.state.condition == .running)
        }
    }

    @Test func `other times under many are listed although nobody could look at them then`() async throws {
        try await withBacklog(200, speed: 400, rules: SettlementRules(quiet: .seconds(60))) { world in
            world.erp.inject(.wrongTime, times: 1, path: Self.insertMany)
            world.erp.inject(.databaseGone, times: 1, path: "api/resource/Employee Checkin")
        } _: { world in
            try await world.nothingIsOwed()
            let wrong = world.erp.checkins.filter { !$0.time.hasPrefix("2026-11-22 08:") }
            #expect(wrong.count == 25)
            #expect(world.erp.checkins.count == 225)
            let misfiled = try await world.store.misfiled(at: .erpnext, after: 0, limit: 100)
            #expect(Set(misfiled.map(\.reference)) == Set(wrong.map(\.name)))
        }
    }

    @Test func `a site that writes other times under many is stopped, and the wrong check-ins are listed`()
        async throws
    {
        try await withBacklog(200, speed: 500) { world in
            world.erp.inject(.wrongTime, times: 1, path: Self.insertMany)
        } _: { world in
            try await world.trouble()
            guard case .paused(.wrongTime, _, let reason, _) = world.worker.state.condition else {
                Issue.record("not paused: \(world.worker.state.condition)")
                return
            }
            var misfiled: [MisfiledCheckin] = []
            while misfiled.isEmpty {
                misfiled = try await world.store.misfiled(at: .erpnext, after: 0, limit: 100)
            }
            #expect(misfiled.count == 25)
            let wrong = world.erp.checkins.filter {
                $0.time != "2026-11-22" && !$0.time.hasPrefix("2026-11-22 08:")
            }
            #expect(Set(misfiled.map(\.reference)) == Set(wrong.map(\.name)))
            #expect(misfiled.contains { reason.contains($0.reference) })
            let told = world.lines.having("error the site stored wrong times")
            #expect(told.count == 1)
            #expect(told.first?.contains("count=25") == true)
            #expect(world.lines.having("stored a wrong time;").isEmpty)
            #expect(misfiled.allSatisfy { $0.decision?.employee == "HR-EMP-\($0.enrollID)" })
            #expect(world.erp.requests["POST \(Self.insertMany)"] == 1)
            try await world.nothingIsOwed()
            #expect(world.erp.checkins.count == 225)
        }
    }

    @Test func `a check-in that comes after its shift was counted is reported, alone and among many`()
        async throws
    {
        let directory = Self.directory()
        directory.update {
            $0.shifts["Early"] = ShiftType(
                name: "Early", start: 7 * 3600, end: 9 * 3600, marksAttendance: true,
                lastSync: WallTime("2026-11-22 12:00:00"))
        }
        try await withBacklog(
            200, directory: directory,
            prepare: { world in
                world.erp.add(
                    SimulatedShiftType(
                        name: "Early", start: "07:00", end: "09:00", lastSync: "2026-11-22 12:00:00"))
                for id in Self.people { world.erp.update("HR-EMP-\(id)") { $0.defaultShift = "Early" } }
            }
        ) { world in
            try await world.nothingIsOwed()
            let late = try await world.store.lateDeliveries(at: .erpnext, after: 0, limit: 1_000)
            #expect(late.allSatisfy { $0.shift == "Early" && $0.shiftEnd == WallTime("2026-11-22 10:00:00") })
            #expect(late.count >= world.erp.statistics.insertManyDocuments)
            #expect(late.count > 100)
        }
    }
}
