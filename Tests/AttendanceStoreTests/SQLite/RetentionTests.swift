import AttendanceCore
import Foundation
import GRDB
import Logging
import Testing

@testable import AttendanceStore

@Suite struct `Retention` {
    private let day = Duration.seconds(86_400)
    private let author = Author("ada")

    /// A whole run. Returns what was removed in each step that removed something.
    private func run(_ store: SQLiteStore, _ rules: RetentionRules, atMost limit: Int = 500) async throws
        -> [RetentionStep]
    {
        var steps: [RetentionStep] = []
        var place: RetentionPlace? = .start
        while let after = place {
            let step = try await store.forget(rules, after: after, atMost: limit)
            #expect(step.removed <= limit)
            if step.removed > 0 { steps.append(step) }
            place = step.next
        }
        return steps
    }

    private func isKept(_ raw: [UInt8]) -> Bool { NotKept.since(raw) == nil }

    @Test(.timeLimit(.minutes(10)))
    func `records as they came go by age, and punches stay with all else and are recognised`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder + "/data") { store in
                try await store.setSinks([.erpnext])
                let old = Sample.batch(Sample.punches(1_200))
                _ = try await store.record(old)
                let later = Sample.now + day
                _ = try await store.record(Sample.batch(Sample.punches(3, from: 5_000), received: later))
                let before = try await store.allPunches()
                #expect(before.allSatisfy { isKept($0.raw) })

                let rules = RetentionRules(now: later, raw: Sample.now + .seconds(1))
                let steps = try await run(store, rules)
                #expect(steps.map(\.removed) == [500, 500, 200])
                let after = try await store.allPunches()
                #expect(after.count == 1_203)
                #expect(after.filter { isKept($0.raw) }.map(\.id) == [1_201, 1_202, 1_203])
                #expect(NotKept.since(after[0].raw) == "2026-03-03")
                for (was, now) in zip(before, after) {
                    var now = now
                    now.punch.raw = was.punch.raw
                    #expect(now.punch == was.punch)
                    #expect(now.id == was.id && now.state == was.state && now.received == was.received)
                }
                // A terminal that sends them again is told that they are there.
                let receipt = try await store.record(old)
                #expect(receipt.repeated == 1_200 && receipt.stored == 0)
                #expect(try await store.owed(to: .erpnext, after: 0, limit: 2_000).count == 1_203)
                // Nothing is done twice, and new ones go on with the next number.
                #expect(try await run(store, rules).isEmpty)
                _ = try await store.record(Sample.batch([Sample.punch(second: 9_000)], received: later))
                #expect(try await store.allPunches().last?.id == 1_204)
                #expect(try await run(store, .init(now: later, raw: later + day)).map(\.removed) == [4])
                try await store.expectConsistent()
            }
            let verified = try await JournalCheck(folder: folder + "/data", keyFile: nil).run()
            #expect(verified.isSound, "\(verified)")
        }
    }

    @Test func `attempts go once the punch has ended, but the last one, and those that name a check-in`()
        async throws
    {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder + "/data") { store in
                try await store.setSinks([.erpnext])
                _ = try await store.record(Sample.batch(Sample.punches(6)))
                for _ in 0..<3 { try await store.settle((1...6).map { Sample.again($0) }, for: .erpnext) }
                // Delivered, suppressed, still owed, dead, given up, delivered after a check-in was named.
                var named = Sample.again(6)
                named.attempt = Sample.attempt(.transient, reference: "EMP-CKIN-1")
                let suppressed = Settlement(
                    punch: 2, attempt: Sample.attempt(), fate: .suppressed(reason: "repeat of 1"), report: nil
                )
                try await store.settle(
                    [Sample.delivered(1), suppressed, Sample.dead(4), Sample.dead(5), named], for: .erpnext)
                try await store.settle([Sample.delivered(6, reference: "EMP-CKIN-2")], for: .erpnext)
                let fifth = try #require(
                    try await store.deadLetters(.init(), after: 0, limit: 10).last { $0.punch == 5 }?.id)
                _ = try await store.discardDeadLetters(
                    .init(ids: [fifth]), reason: "left", by: author, at: Sample.now)
                let states = try await store.allPunches().map(\.state)

                #expect(try await run(store, .init(now: Sample.now, attempts: Sample.now)).isEmpty)
                let rules = RetentionRules(now: Sample.now, attempts: Sample.now + .seconds(1))
                let removed = try await run(store, rules, atMost: 2).map(\.removed).reduce(0, +)
                #expect(removed == 12)
                var left: [[Int]] = []
                for punch in 1...6 as ClosedRange<Int64> {
                    left.append(try await store.attempts(for: punch).map(\.number))
                }
                #expect(left == [[4], [4], [1, 2, 3], [1, 2, 3, 4], [4], [4, 5]])
                #expect(try await store.allPunches().map(\.state) == states)
                try await store.expectConsistent()
            }
        }
    }

    @Test func `a record in quarantine goes once it is decided, and is recognised afterwards`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder + "/data") { store in
                let odd = Sample.batch(
                    [], quarantined: [("no date", Array(#"{"a":1}"#.utf8)), ("time", [0xFF, 0x00])])
                _ = try await store.record(odd)
                try await store.resolveQuarantine(
                    1, as: nil, by: author, basis: "nobody's", at: Sample.now)
                let rules = RetentionRules(now: Sample.now + day, quarantine: Sample.now + .seconds(1))
                #expect(try await run(store, rules).map(\.removed) == [1])
                #expect(try await run(store, rules).isEmpty)
                _ = try await store.record(odd)
                let rows = try await store.quarantine(after: 0, limit: 10)
                #expect(rows.map(\.times) == [2, 2])
                #expect(rows.map { isKept($0.raw) } == [false, true])
                #expect(rows.first?.resolution?.basis == "nobody's")
                try await store.expectConsistent()
            }
        }
    }

    @Test func `the audit trail stays whole, whatever the rules say`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder + "/data") { store in
                try await store.audit(
                    AuditEntry(at: Sample.now, author: author, action: "test", subject: "x", detail: ""))
                let all = Sample.now + day
                _ = try await run(store, .init(now: all, raw: all, attempts: all, quarantine: all))
                let rows = try await store.onWriter {
                    try Int.fetchOne($0.db, sql: "SELECT COUNT(*) FROM audit")
                }
                #expect(rows == 1)
            }
        }
    }

    private func pages(_ store: SQLiteStore) async throws -> (all: Int, free: Int) {
        try await store.onWriter {
            (
                try Int.fetchOne($0.db, sql: "PRAGMA page_count") ?? 0,
                try Int.fetchOne($0.db, sql: "PRAGMA freelist_count") ?? 0
            )
        }
    }

    private func fill(_ store: SQLiteStore) async throws {
        for part in 0..<10 as Range<Int64> {
            _ = try await store.record(Sample.batch(Sample.punches(500, from: part * 500)))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a new journal's file gets shorter, some pages at a time`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder + "/data") { store in
                try await fill(store)
                let before = try await pages(store)
                _ = try await run(store, .init(now: Sample.now, raw: Sample.now + day))
                let forgotten = try await pages(store)
                #expect(forgotten.free > 10)
                #expect(try await store.giveBack(pages: 4) == 4)
                while try await store.giveBack(pages: 10) > 0 {}
                let after = try await pages(store)
                #expect(after.free == 0)
                #expect(after.all <= before.all - forgotten.free)
                try await store.expectConsistent()
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `an older journal uses its free pages again`() async throws {
        try await withTemporaryFolder { folder in
            try FileManager.default.createDirectory(
                atPath: folder + "/data", withIntermediateDirectories: true)
            let made = try DatabaseQueue(path: folder + "/data/journal.sqlite")
            try await made.write {
                try $0.execute(sql: "PRAGMA application_id = \(Migrations.applicationID)")
            }
            try made.close()
            try await withSQLiteStore(in: folder + "/data") { store in
                try await fill(store)
                _ = try await run(store, .init(now: Sample.now, raw: Sample.now + day))
                let forgotten = try await pages(store)
                #expect(forgotten.free > 10)
                #expect(try await store.giveBack(pages: 10) == 0)
                _ = try await store.record(Sample.batch(Sample.punches(500, from: 9_000)))
                let after = try await pages(store)
                #expect(after.all == forgotten.all && after.free < forgotten.free)
            }
        }
    }
}
