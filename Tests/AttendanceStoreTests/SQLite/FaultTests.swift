import AttendanceCore
import Foundation
import GRDB
import GRDBSQLite
import Synchronization
import Testing

@testable import AttendanceStore

@Suite("SQLite: faults", .timeLimit(.minutes(10))) struct FaultTests {
    @Test func `a full database refuses, keeps nothing of the batch, and goes on when there is room`()
        async throws
    {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                try await store.setSinks([.erpnext])
                _ = try await store.record(Sample.batch(Sample.punches(10)))
                try await store.setPageQuota(toPagesNow: true)
                let large = Sample.batch(Sample.punches(1_000, from: 100))
                let error = try await storeError { _ = try await store.record(large) }
                #expect(error.isFull)
                #expect(store.health == .failing(since: Sample.now, reason: error.errorDescription ?? ""))
                // What needs no room still works, and does not hide that punches cannot be stored.
                try await store.proveWritable()
                #expect(store.health != .writable)
                #expect(try await store.status().punches == 10)

                try await store.setPageQuota(toPagesNow: false)
                try await store.until { $0 == .writable }
                #expect(try await store.record(large) == IntakeReceipt(stored: 1_000, owed: 1_000))
                try await store.expectConsistent()
            }
        }
    }

    @Test func `a full disk refuses, and the store goes on by itself`() async throws {
        try await withFaultyStore { disk, store in
            _ = try await store.record(Sample.batch(Sample.punches(10)))
            disk.set { $0.writes = ("-wal", SQLITE_FULL) }
            #expect(
                try await storeError { _ = try await store.record(Sample.batch([Sample.punch("1")])) }.isFull)
            #expect(try await storeError { try await store.proveWritable() }.isFull)
            disk.set { $0.writes = nil }
            try await store.until { $0 == .writable }
            #expect(try await store.record(Sample.batch([Sample.punch("1")])).stored == 1)
            try await store.expectConsistent()
        }
    }

    @Test(arguments: ["-wal", "journal.sqlite"], [SQLITE_IOERR_WRITE, SQLITE_READONLY])
    func `a disk that cannot be written fails everyone at once until it can`(suffix: String, code: Int32)
        async throws
    {
        // Each commit is copied into the database at once, so that both files are written.
        try await withFaultyStore(options: testOptions { $0.checkpointPages = 1 }) { disk, store in
            _ = try await store.record(Sample.batch(Sample.punches(10)))
            // Behind the first batch's own copying into the database file, which must not meet the fault.
            try await store.onWriter { _ in }
            disk.set { $0.writes = (suffix, code) }
            if suffix == "-wal" {
                #expect(
                    try await storeError { _ = try await store.record(Sample.batch([Sample.punch("1")])) }
                        .isIO)
            } else {
                // The commit itself is durable; copying it fails after that.
                _ = try await store.record(Sample.batch([Sample.punch("1")]))
                try await store.until { $0 != .writable }
            }
            #expect(
                try await storeError { _ = try await store.record(Sample.batch([Sample.punch("2")])) }.isIO)
            disk.set { $0.writes = nil }
            try await store.until { $0 == .writable }
            #expect(try await store.record(Sample.batch([Sample.punch("3")])).stored == 1)
            #expect(try await store.allPunches().contains { $0.punch.enrollID.sent == "3" })
            try await store.expectConsistent()
        }
    }

    @Test(arguments: ["-wal", "journal.sqlite"])
    func `after a failed sync nothing acknowledged is lost by a power cut`(suffix: String) async throws {
        try await withFaultyStore(options: testOptions { $0.checkpointPages = 1 }) { disk, store in
            try await store.setSinks([.erpnext])
            _ = try await store.record(Sample.batch(Sample.punches(10)))
            // Behind the first batch's own copying into the database file, which must not meet the fault.
            try await store.onWriter { _ in }
            disk.set { $0.syncsFail = suffix }
            var acknowledged = 10
            do {
                acknowledged += try await store.record(Sample.batch(Sample.punches(5, from: 100))).stored
                #expect(suffix == "journal.sqlite")
            } catch let error as StoreError {
                #expect(suffix == "-wal")
                #expect(error.isIO)
            }
            try await store.until { $0 != .writable }
            // Nothing is tried again as if nothing had happened: those who come now are refused.
            #expect(try await storeError { try await store.proveWritable() }.isIO)
            disk.set { $0.syncsFail = nil }
            try await store.until { $0 == .writable }
            #expect(disk.failedSyncs > 0)
            acknowledged += try await store.record(Sample.batch(Sample.punches(20, from: 200))).stored
            try await store.expectConsistent()
            try await withTemporaryFolder { folder in
                try disk.powerCut(into: folder)
                try await withSQLiteStore(in: folder) { store in
                    #expect(try await store.status().punches >= acknowledged)
                    try await store.expectConsistent()
                }
            }
        }
    }

    /// The hardest case: the process dies of the failed sync. The next one reads pages that only the kernel's memory
    /// has, and what it appends behind them would be lost with them.
    @Test func `after a failed sync and a kill nothing acknowledged later is lost by a power cut`()
        async throws
    {
        let options = testOptions { $0.retryInterval = .seconds(3_600) }
        try await withFaultyStore(options: options) { disk, store in
            _ = try await store.record(Sample.batch(Sample.punches(10)))
            // Behind the first batch's own copying into the database file, which must not meet the fault.
            try await store.onWriter { _ in }
            disk.set { $0.syncsFail = "-wal" }
            try await withTemporaryFolder { second in
                // The failed transaction is the last thing that happens: its frames are visible and not durable.
                let error = try await storeError {
                    _ = try await store.record(Sample.batch(Sample.punches(5, from: 100)))
                }
                #expect(error.isIO)
                let disk = try disk.killed(into: second)
                defer { disk.eject() }
                try await withSQLiteStore(in: second) { store in
                    #expect(try await store.record(Sample.batch(Sample.punches(20, from: 200))).stored == 20)
                    let kept = try await store.status().punches
                    try await withTemporaryFolder { third in
                        try disk.powerCut(into: third)
                        try await withSQLiteStore(in: third) { store in
                            #expect(try await store.status().punches == kept)
                            try await store.expectConsistent()
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func `what was acknowledged survives a crash at any moment`(isPowerCut: Bool) async throws {
        var random = SystemRandomNumberGenerator()
        let options = testOptions { $0.checkpointPages = 20 }
        try await withFaultyStore(options: options) { disk, store in
            try await store.setSinks([.erpnext])
            let acknowledged = Count()
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for worker in 0..<8 {
                    tasks.addTask {
                        for number in 0..<40 {
                            let punches = (0..<5).map {
                                Sample.punch(String(worker + 1), second: Int64(number * 10 + $0))
                            }
                            _ = try await store.record(Sample.batch(punches))
                            acknowledged.add(5)
                            let owed = try await store.owed(to: .erpnext, after: 0, limit: 2)
                            try await store.settle(owed.map { Sample.delivered($0.id) }, for: .erpnext)
                        }
                    }
                }
                for _ in 0..<8 {
                    let next = Int.random(in: 1...200, using: &random)
                    let goal = min(acknowledged.value + next, 1_600)
                    while acknowledged.value < goal { await Task.yield() }
                    try await withTemporaryFolder { folder in
                        let before = acknowledged.value
                        if isPowerCut {
                            try disk.powerCut(into: folder, survives: { Bool.random(using: &random) })
                        } else {
                            try disk.killed(into: folder).eject()
                        }
                        try await withSQLiteStore(in: folder) { copy in
                            #expect(try await copy.status().punches >= before)
                            try await copy.expectConsistent()
                        }
                    }
                }
                try await tasks.waitForAll()
            }
            try await store.expectConsistent()
        }
    }

    private func withFaultyStore(
        options: StoreOptions = testOptions(), _ body: (FaultyDisk, SQLiteStore) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let disk = FaultyDisk(folder: folder)
            defer { disk.eject() }
            try await withSQLiteStore(in: folder, options: options) { try await body(disk, $0) }
        }
    }
}

extension SQLiteStore {
    /// Lets the database grow no further than it is, or without a bound again.
    fileprivate func setPageQuota(toPagesNow: Bool) async throws {
        try await onWriter { connection in
            let pages =
                toPagesNow ? try Int.fetchOne(connection.db, sql: "PRAGMA page_count") ?? 0 : 1_073_741_823
            try connection.db.execute(sql: "PRAGMA max_page_count = \(pages)")
        }
    }
}

private final class Count: Sendable {
    private let kept = Mutex(0)

    var value: Int { kept.withLock { $0 } }
    func add(_ more: Int) { kept.withLock { $0 += more } }
}
