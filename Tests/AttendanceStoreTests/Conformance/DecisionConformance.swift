import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: decisions and routing", .timeLimit(.minutes(10))) struct DecisionConformance {
    static let decision = Decision(
        person: "hr-emp-1", employee: "HR-EMP-1", time: Sample.morning, direction: .in)

    @Test(arguments: Engine.allCases)
    func `what was decided first stays, also after delivery`(engine: Engine) async throws {
        try await engine.withOwed(1) { journal, ids in
            let store = journal.store
            try await store.begin(
                [.init(punch: ids[0], frozen: "{a}", decision: Self.decision)], for: .erpnext, at: Sample.now)
            var other = Self.decision
            other.direction = .out
            try await store.begin(
                [.init(punch: ids[0], frozen: "{b}", decision: other)], for: .erpnext, at: Sample.now)
            #expect(try await store.owed(to: .erpnext, after: 0, limit: 1).first?.frozen == "{a}")
            try await store.settle([Sample.delivered(ids[0], reference: "CK-1")], for: .erpnext)
            let entry = try #require(try await store.punches(numbered: ids, at: .erpnext).first)
            #expect(entry.decision == Self.decision)
            try await journal.reopen()
            #expect(try await journal.store.allPunches().first?.decision == Self.decision)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a dead letter's decision is forgotten with it`(engine: Engine) async throws {
        try await engine.withOwed(1) { journal, ids in
            let store = journal.store
            try await store.begin(
                [.init(punch: ids[0], frozen: "{a}", decision: Self.decision)], for: .erpnext, at: Sample.now)
            try await store.settle([Sample.dead(ids[0])], for: .erpnext)
            #expect(try await store.allPunches().first?.decision == nil)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a suppressed punch is owed no more and says why`(engine: Engine) async throws {
        try await engine.withOwed(2) { journal, ids in
            let store = journal.store
            try await store.settle(
                [
                    Settlement(
                        punch: ids[1], attempt: Sample.attempt(),
                        fate: .suppressed(reason: "repeats punch \(ids[0])"),
                        report: nil)
                ], for: .erpnext)
            #expect(
                try await store.allPunches().map(\.state) == [
                    .owed(attempts: 0), .suppressed(reason: "repeats punch \(ids[0])"),
                ])
            #expect(try await store.status().queues[.erpnext]?.owed == 1)
            let attempts = try await store.attempts(for: ids[1])
            #expect(attempts.map(\.meaning) == [.suppressed] && attempts.map(\.number) == [1])
            #expect(try await store.outcomes(of: .erpnext, after: 0, limit: 9).isEmpty)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a batch is owed to the sinks it is routed to`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            let (first, second) = (SinkName.erpnext, SinkName("branch")!)
            #expect(try await store.setSinks([first, second]) == [second, first].sorted())
            #expect(try await store.setSinks([first, second]).isEmpty)
            var batch = Sample.batch([Sample.punch("1")])
            batch.sinks = [second, SinkName("nobody")!]
            #expect(try await store.record(batch).owed == 1)
            batch = Sample.batch([Sample.punch("2")])
            batch.sinks = []
            #expect(try await store.record(batch).owed == 0)
            _ = try await store.record(Sample.batch([Sample.punch("3")]))
            #expect(try await store.owed(to: first, after: 0, limit: 9).map(\.enrollID.sent) == ["3"])
            #expect(try await store.owed(to: second, after: 0, limit: 9).map(\.enrollID.sent) == ["1", "3"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `owing anew takes what was never owed, and again what was taken`(engine: Engine) async throws {
        try await engine.withOwed(4) { journal, ids in
            let store = journal.store
            _ = try await store.record(
                Sample.batch([
                    Sample.punch("99999999", second: 50, kind: .stranger),
                    Sample.punch("5", second: 51, doubt: .inFuture),
                ]))
            let odd = try await store.allPunches().map(\.id).filter { !ids.contains($0) }
            try await store.begin(
                [.init(punch: ids[0], frozen: "{a}", decision: Self.decision)], for: .erpnext, at: Sample.now)
            try await store.settle(
                [Sample.delivered(ids[0]), Sample.dead(ids[1]), Sample.dead(ids[2])], for: .erpnext)
            let letters = try await store.deadLetters(.init(), after: 0, limit: 9)
            _ = try await store.discardDeadLetters(
                .init(ids: [letters[1].id]), reason: "no", by: .gateway, at: Sample.now)
            func owe(again: Bool) async throws -> Int {
                try await store.owe(
                    ids + odd + [4711], to: .erpnext, again: again, by: Author("ada"), at: Sample.now)
            }
            // Delivered, dead, discarded, still owed, and two that are never forwarded.
            #expect(try await owe(again: false) == 0)
            #expect(try await owe(again: true) == 2)
            #expect(
                try await store.owed(to: .erpnext, after: 0, limit: 9).map(\.id) == [ids[0], ids[2], ids[3]])
            #expect(try await store.allPunches().first?.decision == nil)
            #expect(try await store.status().queues[.erpnext]?.owed == 3)
            // And a new sink from the beginning.
            let new = SinkName("branch")!
            _ = try await store.setSinks([.erpnext, new])
            #expect(
                try await store.owe(ids + odd, to: new, again: false, by: nil, at: Sample.now) == 4)
            let trail = try await store.auditTrail(after: 0, limit: 9)
            #expect(trail.map(\.action) == ["dead-letters.discard", "punches.send-again"])
            #expect(trail.last?.author == Author("ada"))
        }
    }

    @Test(arguments: Engine.allCases)
    func `check-ins made wrongly and too late are listed`(engine: Engine) async throws {
        try await engine.withOwed(2) { journal, ids in
            let store = journal.store
            try await store.begin(
                [.init(punch: ids[0], frozen: "{a}", decision: Self.decision)], for: .erpnext, at: Sample.now)
            var wrong = Sample.again(ids[0], counted: false)
            wrong.attempt.answer = .configuration
            wrong.attempt.reference = "CK-9"
            wrong.attempt.words = "stored 09:00"
            let late = Settlement(
                punch: ids[1], attempt: Sample.attempt(reference: "CK-10"), fate: .delivered,
                report: .success,
                missedShift: .init(shift: "Day", end: Sample.morning))
            try await store.settle([wrong, late], for: .erpnext)
            let misfiled = try await store.misfiled(at: .erpnext, after: 0, limit: 9)
            #expect(misfiled.map(\.reference) == ["CK-9"] && misfiled.first?.decision == Self.decision)
            #expect(misfiled.first?.words == "stored 09:00")
            #expect(try await store.misfiled(at: .erpnext, after: ids[0], limit: 9).isEmpty)
            let lates = try await store.lateDeliveries(at: .erpnext, after: 0, limit: 9)
            #expect(lates.map(\.shift) == ["Day"] && lates.first?.shiftEnd == Sample.morning)
            #expect(lates.first?.reference == "CK-10" && lates.first?.punch == ids[1])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a check-in that was named and not seen is wrong once the punch is sent again`(
        engine: Engine
    ) async throws {
        try await engine.withOwed(2) { journal, ids in
            let store = journal.store
            func listed() async throws -> [String] {
                try await store.misfiled(at: .erpnext, after: 0, limit: 9).map(\.reference)
            }
            let starts = ids.map { AttemptStart(punch: $0, frozen: "{a}", decision: Self.decision) }
            try await store.begin(starts, for: .erpnext, at: Sample.now)
            for (id, name) in zip(ids, ["CK-1", "CK-2"]) {
                var unseen = Sample.again(id, counted: false)
                unseen.attempt.answer = .transient
                unseen.attempt.reference = name
                try await store.settle([unseen], for: .erpnext)
            }
            var unanswered = Sample.again(ids[0], counted: false)
            unanswered.attempt.answer = .transient
            try await store.settle([unanswered], for: .erpnext)
            #expect(try await listed() == [])
            // A resend that is refused may mean that nobody could look before it.
            var refused = Sample.again(ids[0], counted: false)
            refused.attempt.answer = .authentication
            try await store.settle([refused], for: .erpnext)
            // One is found with its time; the other is not, and is sent again.
            for (id, answer) in [(ids[0], AnswerClass.alreadyThere), (ids[1], .delivered)] {
                var attempt = Sample.attempt(reference: id == ids[0] ? "CK-1" : "CK-3")
                attempt.answer = answer
                let settlement = Settlement(punch: id, attempt: attempt, fate: .delivered, report: .success)
                try await store.settle([settlement], for: .erpnext)
            }
            #expect(try await listed() == ["CK-2"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a group of dead letters has the words of the newest`(engine: Engine) async throws {
        try await engine.withOwed(3) { journal, ids in
            let store = journal.store
            // The newest letter is neither that of the earliest nor of the latest punch, nor the first that died.
            for (punch, words) in [(2, "second"), (0, "first"), (1, "third")] {
                var dead = Sample.dead(ids[punch])
                dead.fate = .dead(cause: .unknownEmployee, reason: words)
                try await store.settle([dead], for: .erpnext)
            }
            #expect(try await store.deadLetterGroups(.init()).map(\.example) == ["third"])
        }
    }

    @Test(arguments: Engine.allCases)
    func `dead letters are grouped by what they died of`(engine: Engine) async throws {
        try await engine.withOwed(4) { journal, ids in
            let store = journal.store
            try await store.settle(
                [
                    Sample.dead(ids[0]), Sample.dead(ids[1]), Sample.dead(ids[2]),
                    Sample.dead(ids[3], .inactiveEmployee),
                ], for: .erpnext)
            let groups = try await store.deadLetterGroups(DeadLetterFilter())
            #expect(groups.map(\.cause) == [.unknownEmployee, .inactiveEmployee])
            #expect(groups.map(\.count) == [3, 1] && groups.map(\.people) == [3, 1])
            #expect(groups[0].first == Sample.morning)
            #expect(groups[0].last == WallTime(seconds: Sample.morning.seconds + 2))
            #expect(
                try await store.deadLetterGroups(.init(sink: .csv)).isEmpty)
            let inactive = try await store.deadLetterGroups(.init(cause: .inactiveEmployee))
            #expect(inactive == [groups[1]])
            let two = try await store.deadLetterGroups(
                .init(until: WallTime(seconds: Sample.morning.seconds + 2)))
            #expect(two.map(\.count) == [2])
        }
    }
}
