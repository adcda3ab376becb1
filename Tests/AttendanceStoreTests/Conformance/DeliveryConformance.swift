import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: delivery", .timeLimit(.minutes(10))) struct DeliveryConformance {
    @Test(arguments: Engine.allCases)
    func `what is owed comes in order of arrival, page by page`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            // Arrival is not the order of the times.
            for second in [500, 100, 300] as [Int64] {
                _ = try await store.record(
                    Sample.batch([Sample.punch(second: second), Sample.punch("9", second: second)]))
            }
            let all = try await store.owed(to: .erpnext, after: 0, limit: 100)
            #expect(all.map { $0.time.seconds - Sample.morning.seconds } == [500, 500, 100, 100, 300, 300])
            #expect(all.map(\.id) == all.map(\.id).sorted())
            let page = try await store.owed(to: .erpnext, after: all[1].id, limit: 2)
            #expect(page == Array(all[2...3]))
            let first = all[0]
            #expect(first.terminal == Sample.terminal)
            #expect(first.name == "Ada")
            #expect(first.zone == "Asia/Kolkata")
            #expect(first.instant == first.time.seconds - 19_800)
            #expect(first.received == Sample.now)
            #expect((first.attempts, first.due, first.frozen, first.begun) == (0, nil, nil, nil))
            #expect(try await store.owed(to: SinkName("nobody")!, after: 0, limit: 5).isEmpty)
        }
    }

    @Test(arguments: Engine.allCases)
    func `each sink is owed what arrives while it is named`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let hook = SinkName("hook")!
            _ = try await journal.store.record(Sample.batch([Sample.punch(second: 0)]))
            try await journal.store.setSinks([.erpnext])
            _ = try await journal.store.record(Sample.batch([Sample.punch(second: 1)]))
            try await journal.store.setSinks([.erpnext, hook])
            try await journal.store.setSinks([hook, .erpnext, hook])
            _ = try await journal.store.record(Sample.batch([Sample.punch(second: 2)]))
            try await journal.store.setSinks([hook])
            _ = try await journal.store.record(Sample.batch([Sample.punch(second: 3)]))
            try await journal.reopen()
            // Named before the restart, so named after it.
            _ = try await journal.store.record(Sample.batch([Sample.punch(second: 4)]))
            func seconds(_ sink: SinkName) async throws -> [Int64] {
                try await journal.store.owed(to: sink, after: 0, limit: 9)
                    .map { $0.time.seconds - Sample.morning.seconds }
            }
            #expect(try await seconds(.erpnext) == [1, 2])
            #expect(try await seconds(hook) == [2, 3, 4])
            let queues = try await journal.store.status().queues
            #expect(queues[.erpnext]?.owed == 2)
            #expect(queues[hook]?.owed == 3)
        }
    }

    @Test(arguments: Engine.allCases)
    func `what is frozen at the first attempt stays`(engine: Engine) async throws {
        try await engine.withOwed(2) { journal, ids in
            let later = UnixTime(seconds: Sample.now.seconds + 9)
            try await journal.store.begin(
                [.init(punch: ids[0], frozen: "{1}")], for: .erpnext, at: Sample.now)
            try await journal.reopen()
            var owed = try await journal.store.owed(to: .erpnext, after: 0, limit: 9)
            #expect(owed.map(\.frozen) == ["{1}", nil])
            #expect(owed.map(\.begun) == [Sample.now, nil])
            try await journal.store.begin(
                [.init(punch: ids[0], frozen: "{2}"), .init(punch: 999, frozen: "{}")], for: .erpnext,
                at: later)
            owed = try await journal.store.owed(to: .erpnext, after: 0, limit: 9)
            #expect(owed.map(\.frozen) == ["{1}", nil])
            #expect(owed.map(\.begun) == [later, nil])
            #expect(owed.map(\.attempts) == [0, 0])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a delivered punch is owed no more and says so`(engine: Engine) async throws {
        try await engine.withOwed(2) { journal, ids in
            let store = journal.store
            let settlement = Sample.delivered(ids[0], reference: "CHK-1")
            try await store.settle([settlement], for: .erpnext)
            // A second word about it changes nothing.
            try await store.settle([settlement, Sample.dead(ids[0]), Sample.again(ids[0])], for: .erpnext)
            try await store.begin([.init(punch: ids[0], frozen: "x")], for: .erpnext, at: Sample.now)
            #expect(try await store.owed(to: .erpnext, after: 0, limit: 9).map(\.id) == [ids[1]])
            let ended = Sample.now + .milliseconds(250)
            #expect(
                try await store.allPunches().map(\.state) == [
                    .delivered(at: ended, reference: "CHK-1"), .owed(attempts: 0),
                ])
            let outcomes = try await store.outcomes(of: .erpnext, after: 0, limit: 9)
            #expect(outcomes.count == 1)
            #expect(outcomes.first?.status == .success)
            #expect(outcomes.first?.at == ended)
            #expect(outcomes.first?.enrollID.sent == "1000")
            let queue = try #require(try await store.status().queues[.erpnext])
            #expect((queue.owed, queue.dead) == (1, 0))
        }
    }

    @Test(arguments: Engine.allCases, [(true, true), (true, false), (false, true), (false, false)])
    func `a punch to be tried again keeps its place`(engine: Engine, how: (counted: Bool, mayBeStored: Bool))
        async throws
    {
        try await engine.withOwed(2) { journal, ids in
            let store = journal.store
            let due = UnixTime(seconds: Sample.now.seconds + 30)
            try await store.begin([.init(punch: ids[0], frozen: "{}")], for: .erpnext, at: Sample.now)
            let settlement = Sample.again(
                ids[0], due: due, counted: how.counted, mayBeStored: how.mayBeStored)
            try await store.settle([settlement], for: .erpnext)
            let owed = try await store.owed(to: .erpnext, after: 0, limit: 9)
            #expect(owed.map(\.id) == ids)
            #expect(owed[0].attempts == (how.counted ? 1 : 0))
            #expect(owed[0].due == due)
            #expect(owed[0].begun == (how.mayBeStored ? Sample.now : nil))
            #expect(owed[0].frozen == "{}")
            #expect(try await store.outcomes(of: .erpnext, after: 0, limit: 9).isEmpty)
        }
    }

    @Test(arguments: Engine.allCases)
    func `sinks settle on their own`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let hook = SinkName("hook")!
            try await store.setSinks([.erpnext, hook])
            _ = try await store.record(Sample.batch(Sample.punches(2)))
            let ids = try await store.owed(to: hook, after: 0, limit: 9).map(\.id)
            try await store.settle([Sample.delivered(ids[0]), Sample.dead(ids[1])], for: hook)
            try await store.settle([Sample.delivered(ids[1])], for: .erpnext)
            #expect(try await store.owed(to: .erpnext, after: 0, limit: 9).map(\.id) == [ids[0]])
            #expect(try await store.owed(to: hook, after: 0, limit: 9).isEmpty)
            #expect(
                try await store.outcomes(of: hook, after: 0, limit: 9).map(\.status) == [.success, .failed])
            #expect(try await store.outcomes(of: .erpnext, after: 0, limit: 9).map(\.status) == [.success])
            // The state that is shown is ERPNext's.
            #expect(
                try await store.allPunches().map(\.state) == [
                    .owed(attempts: 0), .delivered(at: Sample.now + .milliseconds(250), reference: nil),
                ])
        }
    }

    // MARK: Outcomes

    @Test(arguments: Engine.allCases)
    func `a failure is reported once, a later success too`(engine: Engine) async throws {
        try await engine.withOwed(3) { journal, ids in
            let store = journal.store
            try await store.settle([Sample.again(ids[0], report: .failed)], for: .erpnext)
            try await store.settle([Sample.again(ids[0], report: .failed)], for: .erpnext)
            let after = UnixTime(milliseconds: Sample.now.milliseconds + 1)
            #expect(
                try await store.reportFailing(
                    sink: .erpnext, receivedBefore: Sample.now, at: after, limit: 9) == 0)
            #expect(
                try await store.reportFailing(sink: .erpnext, receivedBefore: after, at: after, limit: 1) == 1
            )
            #expect(
                try await store.reportFailing(sink: .erpnext, receivedBefore: after, at: after, limit: 9) == 1
            )
            #expect(
                try await store.reportFailing(sink: .erpnext, receivedBefore: after, at: after, limit: 9) == 0
            )
            try await store.settle([Sample.dead(ids[1]), Sample.delivered(ids[0])], for: .erpnext)
            let outcomes = try await store.outcomes(of: .erpnext, after: 0, limit: 9)
            #expect(outcomes.map(\.status) == [.failed, .failed, .failed, .success])
            #expect(outcomes.map(\.enrollID.sent) == ["1000", "1001", "1002", "1000"])
            #expect(outcomes[1].at == after)
            let page = try await store.outcomes(of: .erpnext, after: outcomes[0].id, limit: 2)
            #expect(page == Array(outcomes[1...2]))
        }
    }

    @Test(arguments: Engine.allCases)
    func `punches received before a clock was set back are reported in their turn`(engine: Engine)
        async throws
    {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            let future = UnixTime(seconds: Sample.now.seconds + 1_000_000)
            _ = try await store.record(Sample.batch([Sample.punch("1")], received: future))
            _ = try await store.record(Sample.batch([Sample.punch("2")]))
            func report(before moment: UnixTime) async throws -> Int {
                try await store.reportFailing(
                    sink: .erpnext, receivedBefore: moment, at: Sample.now, limit: 10)
            }
            #expect(try await report(before: Sample.now + .seconds(1)) == 1)
            #expect(try await report(before: future + .seconds(1)) == 1)
            let outcomes = try await store.outcomes(of: .erpnext, after: 0, limit: 9)
            #expect(outcomes.map(\.enrollID.sent) == ["2", "1"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `what arrives after all was reported is reported in its turn`(engine: Engine) async throws {
        try await engine.withOwed(3) { journal, ids in
            let later = Sample.now + .seconds(1)
            func report() async throws -> Int {
                try await journal.store.reportFailing(
                    sink: .erpnext, receivedBefore: later, at: later, limit: 10)
            }
            var counts = [try await report(), try await report()]
            try await journal.reopen()
            counts.append(try await report())
            _ = try await journal.store.record(Sample.batch([Sample.punch("5"), Sample.punch("6")]))
            counts += [try await report(), try await report()]
            #expect(counts == [3, 0, 0, 2, 0])
        }
    }

    @Test(arguments: Engine.allCases) func `a bookmark is kept per sink`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            #expect(try await journal.store.bookmark(named: SinkName.csv.text) == nil)
            try await journal.store.setBookmark("a", named: SinkName.csv.text)
            try await journal.store.setBookmark("17 ✓", named: SinkName.csv.text)
            try await journal.reopen()
            #expect(try await journal.store.bookmark(named: SinkName.csv.text) == "17 ✓")
            #expect(try await journal.store.bookmark(named: SinkName.erpnext.text) == nil)
        }
    }
}

extension Engine {
    /// A journal with `count` punches owed to ERPNext, of persons 1000 and up, and their numbers.
    func withOwed(
        _ count: Int, _ body: (_ journal: OpenJournal, _ ids: [Int64]) async throws -> Void
    ) async throws {
        try await withJournal { journal in
            try await journal.store.setSinks([.erpnext])
            _ = try await journal.store.record(Sample.batch(Sample.punches(count)))
            let ids = try await journal.store.owed(to: .erpnext, after: 0, limit: count).map(\.id)
            try await body(journal, ids)
        }
    }
}
