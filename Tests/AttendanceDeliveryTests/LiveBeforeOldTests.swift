import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

/// Backlog and live punches, directions and repeats, through the whole engine.
@Suite(.timeLimit(.minutes(10))) struct LiveBeforeOldTests {
    @Test func `after an outage live punches do not wait for the backlog`() async throws {
        try await withWorld(speed: 50, concurrency: 1, runs: false) { world in
            world.erp.setHandlingTime(.milliseconds(4))
            try await world.record((0..<300).map { "o\($0)" })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await world.worker.run() }
                await world.erp.checkinCount(reaches: 20)
                try await world.record((0..<30).map { "l\($0)" }, from: 400)
                try await world.nothingIsOwed()
                group.cancelAll()
            }
            let order = world.erp.checkins.map(\.person)
            #expect(Set(order).count == 330)
            let last = order.lastIndex { $0.hasPrefix("l") } ?? 0
            let first = order.firstIndex { $0.hasPrefix("l") } ?? 0
            // Four live ones for each old one.
            let between = order[first...last].filter { $0.hasPrefix("o") }.count
            #expect((5...9).contains(between))
            #expect(last < 120)
        }
    }

    @Test func `what came in during a long outage is old when the site is back`() async throws {
        try await withWorld(speed: 50, concurrency: 1) { world in
            world.erp.setHandlingTime(.milliseconds(4))
            world.erp.inject(.maintenance)
            try await world.record((0..<200).map { "o\($0)" })
            try await world.trouble()
            try await world.timing.sleep(.seconds(90))
            world.erp.clearFaults()
            await world.erp.checkinCount(reaches: 20)
            try await world.record((0..<12).map { "l\($0)" }, from: 400)
            try await world.nothingIsOwed()
            let order = world.erp.checkins.map(\.person)
            #expect(Set(order).count == 212)
            #expect(order.lastIndex { $0.hasPrefix("l") } ?? 0 < 120)
        }
    }

    @Test func `between old punches the site is left alone for a tenth of the time`() async throws {
        try await withWorld(speed: 1, concurrency: 1, runs: false) { world in
            world.erp.setHandlingTime(.milliseconds(40))
            try await world.record((0..<40).map { "o\($0)" })
            let start = ContinuousClock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await world.worker.run() }
                try await world.nothingIsOwed()
                group.cancelAll()
            }
            let took = ContinuousClock.now - start
            let attempts = try await (1...40).asyncMap { try await world.store.attempts(for: Int64($0)) }
            let busy = attempts.flatMap(\.self).map(\.attempt.duration).reduce(Duration.zero, +)
            // 39 pauses of a tenth each; the first few milliseconds of each are rounded by the clock.
            #expect(took - busy >= busy * 0.09)
        }
    }

    @Test func `nothing is sent before the site's time zone is known, and then all of it`() async throws {
        let directory = SiteDirectory(.init(knowsEmployees: true))
        try await withWorld(speed: 20, directory: directory) { world in
            try await world.record((0..<20).map { "\($0)" })
            try await world.timing.sleep(.seconds(10))
            #expect(world.worker.state.condition == .running)
            try await world.trouble()
            guard case .paused(.configuration, _, let reason, let remedy) = world.worker.state.condition
            else {
                Issue.record("not paused")
                return
            }
            #expect(reason.contains("time zone"))
            #expect(remedy.contains("SiteTimeZone"))
            #expect(world.erp.checkinRequests == 0)
            directory.update {
                $0.zone = ZoneRules(identifier: "UTC")
                $0.zoneAsked = true
            }
            world.wakeUp.ringForRequeued()
            try await world.nothingIsOwed()
            #expect(world.erp.checkins.count == 20)
            #expect(world.erp.checkins.allSatisfy { $0.time.hasPrefix("2026-11-22 02:30:") })
            #expect(world.worker.state.condition == .running)
        }
    }

    @Test func `directions alternate by what the journal holds, and repeats are kept and not sent`()
        async throws
    {
        try await withWorld(
            speed: 100, concurrency: 4,
            attribution: { store in
                let ruling = JournalRuling(
                    journal: store, repeatWindow: { .seconds(30) },
                    rule: { $0.text == "gate-1" ? .alternate : .none })
                return Attribution(ruling: { try await ruling($0, usualShift: $1) })
            }
        ) { world in
            // Five people, each every 20 s: the second of each is a repeat of the first, the third is not.
            for round in 0..<6 {
                try await world.record((1...5).map { "\($0)" }, from: Int64(round) * 20)
            }
            try await world.nothingIsOwed()
            let byPerson = Dictionary(grouping: world.erp.checkins, by: \.person)
            #expect(byPerson.count == 5)
            for checkins in byPerson.values {
                // On a busy machine the site may seem away for a while: then new ones arrive before the first.
                let byTime = checkins.sorted { $0.time < $1.time }
                #expect(byTime.map(\.logType) == ["IN", "OUT", "IN"])
            }
            let entries = try await world.store.punches(PunchFilter(), after: nil, limit: 100)
            let repeats = entries.compactMap { entry -> String? in
                if case .suppressed(let reason) = entry.state { reason } else { nil }
            }
            #expect(repeats.count == 15)
            #expect(repeats.contains("it repeats punch 1, 20 s after it"))
            #expect(world.worker.state.answers == [.delivered: 15, .suppressed: 15])
        }
    }

    @Test func `a wrong check-in of a single punch is listed for repair`() async throws {
        try await withWorld(speed: 500) { world in
            world.erp.inject(.wrongTime, times: 1)
            try await world.record(["1", "2"])
            try await world.nothingIsOwed()
            let misfiled = try await world.store.misfiled(at: .erpnext, after: 0, limit: 10)
            #expect(misfiled.count == 1)
            let wrong = try #require(misfiled.first)
            #expect(
                world.erp.checkins.first { $0.name == wrong.reference }?.time.hasPrefix("2026-11-22 08:")
                    == false)
            #expect(wrong.decision?.time == WallTime("2026-11-22 08:00:00"))
        }
    }
}

extension Sequence where Element: Sendable {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
