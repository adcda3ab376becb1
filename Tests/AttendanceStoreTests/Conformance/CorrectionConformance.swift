import AttendanceCore
import AttendanceStore
import Testing

@Suite("Conformance: corrections", .timeLimit(.minutes(10))) struct CorrectionConformance {
    static let right = WallTime(seconds: Sample.morning.seconds + 7200)
    static let correction = Correction(
        ruling: .time(right, instant: right.seconds - 19_800), author: Author("ada"), at: Sample.now,
        basis: "the clock was two hours behind")

    @Test(arguments: Engine.allCases)
    func `a corrected punch is owed with the new time and keeps its own`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            _ = try await store.record(Sample.batch([Sample.punch(doubt: .inFuture), Sample.punch("13")]))
            let doubtful = try await store.doubtful(after: 0, limit: 9)
            let punch = try #require(doubtful.first?.id)
            #expect(doubtful.count == 1 && doubtful[0].correction == nil && doubtful[0].believedTime == nil)
            try await store.correct(punch, as: Self.correction, owedTo: nil)
            let owed = try await store.owed(to: .erpnext, after: 0, limit: 9)
            #expect(owed.first { $0.id == punch }?.time == Self.right)
            #expect(owed.first { $0.id == punch }?.instant == Self.right.seconds - 19_800)
            let entry = try #require(try await store.punches(numbered: [punch], at: .erpnext).first)
            #expect(entry.punch.time == Sample.morning && entry.correction == Self.correction)
            #expect(entry.believedTime?.wall == Self.right)
            #expect(try await store.status().queues[.erpnext]?.owed == 2)
            #expect(try await store.auditTrail(after: 0, limit: 9).map(\.action) == ["corrections.decide"])
            // The rules see it where it was moved to.
            let day = try await store.dayPunches(
                of: ["12"], from: Self.right.seconds - 19_800, until: Self.right.seconds, limit: 9)
            #expect(day.map(\.id) == [punch] && day.map(\.time) == [Self.right])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a ruling may be replaced until the punch was sent`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            _ = try await store.record(Sample.batch([Sample.punch(doubt: .tooOld)]))
            try await store.correct(1, as: Self.correction, owedTo: nil)
            var rejected = Self.correction
            rejected.ruling = .rejected
            try await store.correct(1, as: rejected, owedTo: nil)
            #expect(try await store.owed(to: .erpnext, after: 0, limit: 9).isEmpty)
            #expect(try await store.status().queues[.erpnext]?.owed == 0)
            #expect(try await store.doubtful(after: 0, limit: 9).first?.correction == rejected)
            try await store.correct(1, as: Self.correction, owedTo: [.erpnext])
            try await store.begin([.init(punch: 1, frozen: "{}")], for: .erpnext, at: Sample.now)
            await #expect(throws: CorrectionError.alreadyDecided, "it is on its way") {
                try await store.correct(1, as: rejected, owedTo: nil)
            }
            try await store.settle([Sample.delivered(1)], for: .erpnext)
            #expect(try await store.outcomes(of: .erpnext, after: 0, limit: 9).map(\.time) == [Self.right])
            await #expect(throws: CorrectionError.alreadyDecided) {
                try await store.correct(1, as: rejected, owedTo: nil)
            }
            await #expect(throws: CorrectionError.unknown) {
                try await store.correct(99, as: rejected, owedTo: nil)
            }
        }
    }

    @Test(arguments: Engine.allCases)
    func `a time that is believed cannot be corrected`(engine: Engine) async throws {
        try await engine.withOwed(1) { journal, ids in
            await #expect(throws: CorrectionError.notDoubtful) {
                try await journal.store.correct(ids[0], as: Self.correction, owedTo: nil)
            }
            let trail = try await journal.store.auditTrail(after: 0, limit: 9)
            #expect(trail.isEmpty)
        }
    }

    @Test(arguments: Engine.allCases)
    func `a record in quarantine becomes a punch, once`(engine: Engine) async throws {
        try await engine.withJournal { journal in
            let store = journal.store
            try await store.setSinks([.erpnext])
            _ = try await store.record(
                Sample.batch(
                    [Sample.punch("1")],
                    quarantined: [("time is no date", Array("{}".utf8)), ("time", Array("[]".utf8))]))
            let author = Author("ada")
            func resolve(_ id: Int64, _ punch: Punch?) async throws {
                try await store.resolveQuarantine(
                    id, as: punch.map { Sample.batch([$0]) }, by: author, basis: "seen on the camera",
                    at: Sample.now)
            }
            await #expect(throws: CorrectionError.alreadyThere) { try await resolve(1, Sample.punch("1")) }
            try await resolve(1, Sample.punch("1", second: 60))
            await #expect(throws: CorrectionError.alreadyDecided) { try await resolve(1, nil) }
            try await resolve(2, nil)
            await #expect(throws: CorrectionError.unknown) { try await resolve(3, nil) }
            let records = try await store.quarantine(after: 0, limit: 9)
            #expect(records.map { $0.resolution?.punch } == [2, nil])
            #expect(records.map { $0.resolution?.author } == [author, author])
            #expect(try await store.owed(to: .erpnext, after: 0, limit: 9).map(\.id) == [1, 2])
        }
    }
}
