import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: dead letters", .timeLimit(.minutes(10))) struct DeadLetterConformance {
    @Test(arguments: Engine.allCases) func `a dead letter tells what it is about`(engine: Engine) async throws
    {
        try await engine.withOwed(2) { journal, ids in
            let store = journal.store
            try await store.settle([Sample.again(ids[1])], for: .erpnext)
            try await store.settle([Sample.dead(ids[1])], for: .erpnext)
            let dead = try await store.deadLetters(DeadLetterFilter(), after: 0, limit: 9)
            #expect(
                dead == [
                    DeadLetter(
                        id: dead.first?.id ?? 0, sink: .erpnext, punch: ids[1], terminal: Sample.terminal,
                        enrollID: EnrollID("1001")!, name: "Ada",
                        time: WallTime(seconds: Sample.morning.seconds + 1), cause: .unknownEmployee,
                        reason: "no such employee", attempts: 2, died: Sample.now + .milliseconds(250))
                ])
            #expect(
                try await store.allPunches().map(\.state) == [
                    .owed(attempts: 0), .dead(cause: .unknownEmployee, reason: "no such employee"),
                ])
            let queue = try #require(try await store.status().queues[.erpnext])
            #expect((queue.owed, queue.dead) == (1, 1))
        }
    }

    @Test(arguments: Engine.allCases)
    func `a dead letter sent again is owed as if new, under its old number`(engine: Engine) async throws {
        try await engine.withOwed(2) { journal, ids in
            let store = journal.store
            try await store.begin([.init(punch: ids[0], frozen: "{old}")], for: .erpnext, at: Sample.now)
            try await store.settle([Sample.dead(ids[0])], for: .erpnext)
            let letter = try #require(try await store.deadLetters(.init(), after: 0, limit: 9).first)
            #expect(
                try await store.retryDeadLetters(.init(ids: [letter.id]), by: .gateway, at: Sample.now) == 1)
            #expect(
                try await store.retryDeadLetters(.init(ids: [letter.id]), by: .gateway, at: Sample.now) == 0)
            let owed = try await store.owed(to: .erpnext, after: 0, limit: 9)
            #expect(owed.map(\.id) == ids)
            #expect((owed[0].attempts, owed[0].due, owed[0].frozen, owed[0].begun) == (0, nil, nil, nil))
            // It was reported as failed, and is not again only because someone hopes for better.
            let later = Sample.now + .seconds(1)
            #expect(
                try await store.reportFailing(sink: .erpnext, receivedBefore: later, at: later, limit: 9) == 1
            )
            // A letter that dies again has a number that never stood for another.
            try await store.settle([Sample.dead(ids[0])], for: .erpnext)
            let second = try #require(try await store.deadLetters(.init(), after: 0, limit: 9).first)
            #expect(second.id > letter.id)
            _ = try await store.retryDeadLetters(.init(), by: .gateway, at: Sample.now)
            try await store.settle([Sample.delivered(ids[0])], for: .erpnext)
            #expect(
                try await store.outcomes(of: .erpnext, after: 0, limit: 9).map(\.status) == [
                    .failed, .failed, .success,
                ])
            let queue = try #require(try await store.status().queues[.erpnext])
            #expect((queue.owed, queue.dead) == (1, 0))
        }
    }

    @Test(arguments: Engine.allCases)
    func `a discarded dead letter is gone, its punch is not`(engine: Engine) async throws {
        try await engine.withOwed(1) { journal, ids in
            let store = journal.store
            try await store.settle([Sample.dead(ids[0])], for: .erpnext)
            #expect(
                try await store.discardDeadLetters(
                    .init(), reason: "left in May", by: .gateway, at: Sample.now) == 1)
            #expect(
                try await store.discardDeadLetters(.init(), reason: "again", by: .gateway, at: Sample.now)
                    == 0)
            #expect(try await store.retryDeadLetters(.init(), by: .gateway, at: Sample.now) == 0)
            #expect(try await store.deadLetters(.init(), after: 0, limit: 9).isEmpty)
            #expect(try await store.allPunches().map(\.state) == [.discarded(reason: "left in May")])
            try await journal.reopen()
            let status = try await journal.store.status()
            #expect(status.queues[.erpnext]?.dead == 0)
            #expect(status.punches == 1)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a dead letter is found by the time that was decided on`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            _ = try await store.record(Sample.batch([Sample.punch(doubt: .tooOld)]))
            let correction = CorrectionConformance.correction
            try await store.correct(1, as: correction, owedTo: nil)
            try await store.settle([Sample.dead(1)], for: .erpnext)
            let right = CorrectionConformance.right
            let after = WallTime(seconds: right.seconds + 1)
            let dead = try await store.deadLetters(.init(from: right, until: after), after: 0, limit: 9)
            #expect(dead.map(\.time) == [right])
            #expect(try await store.deadLetters(.init(until: right), after: 0, limit: 9).isEmpty)
            #expect(try await store.deadLetterGroups(.init()).map(\.first) == [right])
            #expect(
                try await store.retryDeadLetters(.init(from: right), by: .gateway, at: Sample.now) == 1)
        }
    }

    /// Four letters: persons 1 and 2 at terminals A and B, an hour apart, two causes.
    static let filters: [(DeadLetterFilter, [Int])] = [
        (.init(), [0, 1, 2, 3]),
        (.init(sink: .erpnext), [0, 1, 2, 3]),
        (.init(sink: .csv), []),
        (.init(ids: []), []),
        (.init(cause: .notPermitted), [1, 3]),
        (.init(person: EnrollID("01")!), [0, 1]),
        (.init(terminal: SerialNumber("b")!), [2, 3]),
        (.init(from: WallTime(seconds: Sample.morning.seconds + 3_600)), [1, 3]),
        (.init(until: WallTime(seconds: Sample.morning.seconds + 3_600)), [0, 2]),
        (.init(cause: .notPermitted, person: EnrollID("2")!, terminal: SerialNumber("B")!), [3]),
        (.init(cause: .serverError), []),
    ]

    @Test(arguments: Engine.allCases, filters.indices)
    func `a filter names the same letters for list, retry and discard`(engine: Engine, row: Int) async throws
    {
        let (filter, expected) = Self.filters[row]
        for action in 0..<3 {
            try await engine.withJournal { journal in
                let store = journal.store
                try await store.setSinks([.erpnext])
                let times: [Int64] = [0, 3_600]
                for (person, terminal) in [("1", "A"), ("2", "B")] {
                    _ = try await store.record(
                        Sample.batch(
                            times.map { Sample.punch(person, second: $0) }, terminal: SerialNumber(terminal)!)
                    )
                }
                let ids = try await store.owed(to: .erpnext, after: 0, limit: 9).map(\.id)
                let causes: [RejectionCause] = [
                    .unknownEmployee, .notPermitted, .unknownEmployee, .notPermitted,
                ]
                try await store.settle(zip(ids, causes).map { Sample.dead($0, $1) }, for: .erpnext)
                let named = expected.map { ids[$0] }
                switch action {
                case 0:
                    #expect(try await store.deadLetters(filter, after: 0, limit: 9).map(\.punch) == named)
                case 1:
                    #expect(
                        try await store.retryDeadLetters(filter, by: .gateway, at: Sample.now) == named.count)
                    #expect(try await store.owed(to: .erpnext, after: 0, limit: 9).map(\.id) == named)
                default:
                    #expect(
                        try await store.discardDeadLetters(filter, reason: "x", by: .gateway, at: Sample.now)
                            == named.count
                    )
                    let rest = try await store.deadLetters(.init(), after: 0, limit: 9).map(\.punch)
                    #expect(rest == ids.filter { !named.contains($0) })
                }
            }
        }
    }

    @Test(arguments: Engine.allCases) func `bulks larger than one transaction are done in full`(
        engine: Engine
    )
        async throws
    {
        let count = 2_500
        try await engine.withOwed(count) { journal, ids in
            let store = journal.store
            try await store.settle(ids.map { Sample.dead($0) }, for: .erpnext)
            let page = try await store.deadLetters(.init(), after: 0, limit: 10)
            #expect(page.count == 10)
            #expect(try await store.deadLetters(.init(), after: page[9].id, limit: 1).first?.punch == ids[10])
            #expect(try await store.retryDeadLetters(.init(), by: .gateway, at: Sample.now) == count)
            let queue = try #require(try await store.status().queues[.erpnext])
            #expect((queue.owed, queue.dead) == (count, 0))
        }
    }
}
