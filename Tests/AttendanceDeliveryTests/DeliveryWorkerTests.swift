import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import Testing

@Suite struct DeliveryWorkerTests {
    @Test(.timeLimit(.minutes(10)), arguments: DialectChoice.allCases)
    func `everything owed arrives once, in order per person, one request per person at a time`(
        dialect: DialectChoice
    ) async throws {
        try await withWorld(dialect, concurrency: 4) { world in
            world.erp.setHandlingTime(.milliseconds(2))
            let persons = (0..<120).map { "\($0 % 7)0" }
            try await world.record(persons)
            try await world.nothingIsOwed()
            let checkins = world.erp.checkins
            #expect(checkins.count == 120)
            #expect(Set(checkins).count == 120)
            #expect(world.erp.overlaps == 0)
            for times in Dictionary(grouping: checkins, by: \.person).values.map({ $0.map(\.time) }) {
                #expect(times == times.sorted())
            }
            let first = try #require(checkins.first { $0.time == "2026-11-22 08:00:01" })
            #expect(first.person == "10")
            #expect(first.deviceID == "gate-1")
            #expect(world.worker.state.condition == .running)
            #expect(world.worker.state.answers == [.delivered: 120])
            #expect(try await world.outcomes().allSatisfy { $0.status == .success })
        }
    }

    /// Faults that pass by themselves: all is there afterwards, once.
    private static let passing: [ERPNextFault] = [
        .rateLimited(retryAfter: 30), .rateLimited(retryAfter: nil), .maintenance, .databaseGone,
        .badGateway(stored: false), .badGateway(stored: true), .gatewayTimeout(stored: true),
        .closed(stored: false), .closed(stored: true), .hang, .redirect(to: "https://other.example/"),
        .unauthorized, .forbidden, .page, .slow(.milliseconds(100)),
        .serverError(exceptionType: "QueryDeadlockError", message: "(1213, 'Deadlock found')"),
        .serverError(exceptionType: "KeyError", message: "'x'"),
        .refused(exceptionType: "ValidationError", message: "Failed to get method for command x"),
    ]

    @Test(.timeLimit(.minutes(10)), arguments: passing)
    func `after a fault that passes every punch is there once`(fault: ERPNextFault) async throws {
        try await withWorld(speed: 100, timeout: .seconds(1)) { world in
            world.erp.inject(fault, times: 3)
            try await world.record((0..<24).map { "\($0 % 6)1" })
            try await world.nothingIsOwed()
            let checkins = world.erp.checkins
            #expect(checkins.count == 24)
            #expect(Set(checkins.map { "\($0.person) \($0.time)" }).count == 24)
            #expect(world.erp.overlaps == 0)
            #expect(try await world.store.deadLetters(.init(), after: 0, limit: 10).isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `with the older method a missing answer is waited out before the punch goes again`() async throws {
        try await withWorld(.custom, speed: 200, rules: SettlementRules(quiet: .seconds(60))) { world in
            world.erp.inject(.closed(stored: true), times: 1)
            try await world.record(["7"])
            try await world.nothingIsOwed()
            #expect(world.erp.checkins.count == 1)
            #expect(world.erp.checkinRequests == 2)
            #expect(world.erp.requests["GET api/resource/Employee"] == nil)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `what cannot succeed becomes a dead letter and blocks nobody`() async throws {
        try await withWorld { world in
            world.erp.add(.init(name: "HR-EMP-9", deviceID: "9", status: .inactive))
            world.erp.inject(
                .refused(
                    exceptionType: "ValidationError",
                    message: "No Employee found for the given employee field value."),
                person: "8")
            try await world.record(["8", "9", "1", "8", "9", "1"])
            try await world.nothingIsOwed()
            #expect(world.erp.checkins.map(\.person) == ["1", "1"])
            let dead = try await world.store.deadLetters(.init(), after: 0, limit: 10)
            #expect(dead.map(\.cause).filter { $0 == .unknownEmployee }.count == 2)
            #expect(dead.map(\.cause).filter { $0 == .inactiveEmployee }.count == 2)
            let told = world.lines.having("punch became a dead letter")
            #expect(told.count == 4)
            #expect(told.count { $0.hasPrefix("warning") } == 2)
            #expect(told.count { $0.hasPrefix("info") } == 2)

            world.erp.clearFaults()
            let again = try await world.store.retryDeadLetters(
                .init(cause: .unknownEmployee), by: .gateway, at: world.timing.now())
            #expect(again == 2)
            world.wakeUp.ringForRequeued()
            try await world.nothingIsOwed()
            #expect(world.erp.checkins.filter { $0.person == "8" }.count == 2)
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            ERPNextFault.serverError(exceptionType: "KeyError", message: "'x'"), .databaseGone,
            .badGateway(stored: false), .forbidden,
        ])
    func `a poisoned punch blocks nobody and ends as a dead letter`(fault: ERPNextFault) async throws {
        try await withWorld(
            speed: 500, rules: SettlementRules(retry: RetryPolicy(first: .seconds(2)), maxAttempts: 4)
        ) { world in
            world.erp.inject(fault, person: "666")
            try await world.record(["666"] + (1...20).map(String.init))
            await world.erp.checkinCount(reaches: 20)
            // The morning goes on: without others getting through, nobody could tell the punch from the site.
            var second: Int64 = 100
            while try await world.store.deadLetters(.init(), after: 0, limit: 1).isEmpty {
                let before = world.erp.checkins.count
                try await world.record(["1", "2", "3"], from: second)
                second += 10
                await world.erp.checkinCount(reaches: before + 3)
            }
            let dead = try await world.store.deadLetters(.init(), after: 0, limit: 10)
            #expect(dead.map(\.enrollID.sent) == ["666"])
            #expect(dead.map(\.cause) == [.serverError])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a refused connection burns no attempt, is told in the state, and delivery resumes within 10 s`()
        async throws
    {
        try await withWorld(speed: 4) { world in
            try await world.erp.stop()
            try await world.record((0..<30).map { "\($0)" })
            try await world.trouble()
            guard case .unavailable(_, let reason, _) = world.worker.state.condition else {
                Issue.record("not unavailable: \(world.worker.state.condition)")
                return
            }
            #expect(reason.contains("Connection refused"))
            // Through several failed probes.
            try await world.timing.sleep(.seconds(25))
            #expect(
                try await world.store.owed(to: .erpnext, after: 0, limit: 100).allSatisfy { $0.attempts == 0 }
            )
            let back = world.timing.moment()
            try await world.erp.start()
            await world.erp.checkinCount(reaches: 1)
            // 10 s, and the rest for a busy machine: time runs four times as fast here.
            #expect(world.timing.moment() - back < .seconds(90))
            try await world.nothingIsOwed()
            #expect(world.erp.checkins.count == 30)
            #expect(world.worker.state.condition == .running)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a frozen site that wakes and commits gets no punch twice`() async throws {
        try await withWorld(speed: 20, timeout: .seconds(1)) { world in
            world.erp.inject(.frozen)
            try await world.record((0..<20).map { "\($0 % 5)" })
            try await world.trouble()
            world.erp.clearFaults()
            try await world.nothingIsOwed()
            #expect(world.erp.checkins.count == 20)
            #expect(Set(world.erp.checkins.map { "\($0.person) \($0.time)" }).count == 20)
            #expect(world.erp.overlaps == 0)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a wrong key pauses the site, says what to do, and recovers by itself`() async throws {
        try await withWorld(speed: 200, credential: "key:other") { world in
            try await world.record(["1", "2", "3"])
            try await world.trouble()
            guard case .paused(let fault, _, _, let remedy) = world.worker.state.condition else {
                Issue.record("not paused")
                return
            }
            #expect(fault == .authentication)
            #expect(remedy.contains("API Access"))
            await world.erp.checkinRequestCount(reaches: 3)
            #expect(
                try await world.store.owed(to: .erpnext, after: 0, limit: 9).allSatisfy { $0.attempts == 0 })
            world.erp.setCredential("key:secret")
            try await world.nothingIsOwed()
            #expect(world.erp.checkins.count == 3)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a site that writes another time is stopped after the first punch`() async throws {
        try await withWorld(speed: 500) { world in
            world.erp.inject(.wrongTime, times: 1)
            try await world.record((0..<10).map { "\($0)" })
            try await world.trouble()
            #expect(world.erp.checkinRequests == 1)
            guard case .paused(.wrongTime, _, let reason, _) = world.worker.state.condition else {
                Issue.record("not paused")
                return
            }
            #expect(reason.contains("-000001"))
            try await world.nothingIsOwed()
            #expect(world.lines.having("stored a wrong time").count == 1)
            #expect(world.erp.checkins.count == 11)  // the wrong one is the site's to correct
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `after a crash the worker looks before it sends`() async throws {
        try await withWorld(runs: false) { world in
            try await world.record(["1", "2"])
            let owed = try await world.store.owed(to: .erpnext, after: 0, limit: 10)
            let begun = world.timing.moment()
            for punch in owed {
                let start = AttemptStart(punch: punch.id, frozen: try await world.sink.freeze(punch))
                try await world.store.begin([start], for: .erpnext, at: world.timing.now())
            }
            // The first got through, the second did not; then the process died.
            let punch = owed[0]
            _ = await world.sink.deliver(punch, frozen: try await world.sink.freeze(punch))
            #expect(world.erp.checkinRequests == 1)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await world.worker.run() }
                try await world.nothingIsOwed()
                group.cancelAll()
            }
            #expect(world.erp.checkins.map(\.person) == ["1", "2"])
            #expect(world.erp.checkinRequests == 2)
            #expect(world.timing.moment() - begun >= .seconds(120))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `punches are reported as failed so far while the site is down, and once`() async throws {
        try await withWorld(speed: 100) { world in
            world.erp.inject(.maintenance)
            try await world.record((0..<8).map { "\($0)" })
            var signals = world.reported.signals.makeAsyncIterator()
            while try await world.outcomes().count < 8 { _ = await signals.next() }
            let probes = world.erp.probes
            await world.erp.requestCount(of: "GET api/method/ping", reaches: probes + 3)
            #expect(try await world.outcomes().map(\.status) == Array(repeating: .failed, count: 8))
            world.erp.clearFaults()
            try await world.nothingIsOwed()
            #expect(try await world.outcomes().filter { $0.status == .success }.count == 8)
            #expect(try await world.outcomes().count == 16)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `punches that wait are told when a trouble begins, and their number when it is over`() async throws {
        try await withWorld(speed: 100) { world in
            world.erp.inject(.maintenance)
            try await world.record((0..<4).map { "\($0)" })
            var signals = world.reported.signals.makeAsyncIterator()
            while try await world.outcomes().count < 4 { _ = await signals.next() }
            try await world.record((4..<9).map { "\($0)" })
            while try await world.outcomes().count < 9 { _ = await signals.next() }
            world.erp.clearFaults()
            while world.lines.having("the wait of punches").isEmpty {
                try await world.timing.sleep(.milliseconds(100))
            }
            #expect(world.lines.having("punches wait for the site").count == 1)
            #expect(
                world.lines.having("the wait of punches") == [
                    "info the wait of punches for the site is over reported=9"
                ])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a key that the site refuses is the fault, not the zone that it keeps unknown`() async throws {
        let directory = SiteDirectory()
        directory.update {
            $0.zoneProblem = SiteProblem(reason: "no such key", remedy: "make one", fault: .authentication)
        }
        try await withWorld(speed: 400, directory: directory) { world in
            try await world.record(["1"])
            try await world.trouble()
            guard case .paused(.authentication, _, "no such key", "make one") = world.worker.state.condition
            else {
                Issue.record("\(world.worker.state.condition)")
                return
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a request cut off by stopping stays marked as begun`() async throws {
        try await withWorld(timeout: .seconds(30), runs: false) { world in
            world.erp.inject(.hang)
            try await world.record(["1"])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await world.worker.run() }
                await world.erp.checkinRequestCount(reaches: 1)
                group.cancelAll()
                try await group.waitForAll()
            }
            let owed = try await world.store.owed(to: .erpnext, after: 0, limit: 10)
            #expect(owed.count == 1)
            #expect(owed.first?.begun != nil)
            #expect(owed.first?.attempts == 0)
            #expect(owed.first?.frozen?.contains("2026-11-22 08:00:00") == true)
        }
    }
}
