import AttendanceCore
import GRDB
import Synchronization
import Testing

@testable import AttendanceStore

@Suite("SQLite: writer", .timeLimit(.minutes(10))) struct WriterTests {
    @Test func `two hundred overlapping batches at once are each stored once`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                try await store.setSinks([.erpnext, .csv])
                let total = try await withThrowingTaskGroup(of: IntakeReceipt.self) { tasks in
                    for number in 0..<200 {
                        // Batches overlap by half with their neighbours, and every tenth holds an odd record.
                        let odd: [(reason: String, raw: [UInt8])] =
                            number % 10 == 0 ? [("x", [UInt8(number)])] : []
                        let punches = (0..<10).map { Sample.punch(second: Int64(number * 5 + $0)) }
                        tasks.addTask { try await store.record(Sample.batch(punches, quarantined: odd)) }
                    }
                    return try await tasks.reduce(into: IntakeReceipt()) { sum, receipt in
                        sum.stored += receipt.stored
                        sum.repeated += receipt.repeated
                        sum.quarantined += receipt.quarantined
                        sum.owed += receipt.owed
                    }
                }
                #expect(total == IntakeReceipt(stored: 1_005, repeated: 995, quarantined: 20, owed: 1_005))
                try await store.expectConsistent()
                let status = try await store.status()
                #expect(status.punches == 1_005)
                #expect(status.queues[.csv]?.owed == 1_005)
            }
        }
    }

    @Test func `one bad operation of a group fails alone`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                try await store.setSinks([.erpnext])
                var bad = Sample.batch(
                    Sample.punches(2, from: 1_000), terminal: SerialNumber("bad")!, quarantined: [("x", [1])])
                bad.punches[1].raw = 0..<10_000
                let broken = bad
                try await store.whileWriterIsHeld(until: 9) {
                    try await withThrowingTaskGroup(of: Bool.self) { tasks in
                        for number in 0..<8 {
                            tasks.addTask {
                                _ = try await store.record(
                                    Sample.batch([Sample.punch(second: Int64(number))]))
                                return true
                            }
                        }
                        tasks.addTask {
                            do {
                                _ = try await store.record(broken)
                                return true
                            } catch is StoreError {
                                return false
                            }
                        }
                        let succeeded = try await tasks.reduce(0) { $0 + ($1 ? 1 : 0) }
                        #expect(succeeded == 8)
                    }
                }
                #expect(store.health == .writable)
                #expect(try await store.status().punches == 8)
                try await store.expectConsistent()
                let terminals = try await store.onWriter {
                    try String.fetchAll($0.db, sql: "SELECT serial FROM terminal")
                }
                #expect(terminals == ["T1"])
            }
        }
    }

    @Test func `beyond its bounds the queue refuses batches, and only batches`() async throws {
        try await withTemporaryFolder { folder in
            let options = testOptions {
                $0.maximumWaitingPunches = 10
                $0.maximumWaitingBytes = 2_000
            }
            try await withSQLiteStore(in: folder, options: options) { store in
                let first = try Held()
                async let held: Void = store.onWriter { _ in first.hold() }
                await first.isHolding()
                async let waiting = store.record(Sample.batch(Sample.punches(9)))
                while store.waitingOperations < 2 { await Task.yield() }
                let tooMany = try await storeError {
                    _ = try await store.record(Sample.batch([Sample.punch("9")]))
                }
                #expect(tooMany == .overloaded(waiting: 2))
                async let proof: Void = store.proveWritable()
                while store.waitingOperations < 3 { await Task.yield() }
                first.release()
                _ = try await (held, waiting, proof)

                // By bytes too, while a batch larger than the bound is taken when nothing waits.
                var large = Sample.batch([Sample.punch("10")])
                large.raw += [UInt8](repeating: 0x20, count: 10_000)
                let second = try Held()
                async let heldAgain: Void = store.onWriter { _ in second.hold() }
                await second.isHolding()
                let largeBatch = large
                #expect(try await storeError { _ = try await store.record(largeBatch) }.isOverloaded)
                second.release()
                try await heldAgain
                #expect(try await store.record(large).stored == 1)
                #expect(store.waitingOperations == 0)
                try await store.expectConsistent()
            }
        }
    }

    @Test func `a group larger than one transaction is committed in several, in order`() async throws {
        try await withTemporaryFolder { folder in
            let options = testOptions { $0.groupPunches = 4 }
            try await withSQLiteStore(in: folder, options: options) { store in
                let order = NumberList()
                try await store.whileWriterIsHeld(until: 6) {
                    try await withThrowingTaskGroup(of: Void.self) { tasks in
                        for number in 0..<6 {
                            tasks.addTask { try await store.onWriter { _ in order.append(number) } }
                            while store.waitingOperations < number + 2 { await Task.yield() }
                        }
                        try await tasks.waitForAll()
                    }
                }
                #expect(order.numbers == Array(0..<6))
                // One batch beyond the bound is a commit of its own.
                #expect(try await store.record(Sample.batch(Sample.punches(50))).stored == 50)
            }
        }
    }

    @Test func `what was handed over is stored though the caller is cancelled`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                let held = try Held()
                async let holding: Void = store.onWriter { _ in held.hold() }
                await held.isHolding()
                let task = Task { try await store.record(Sample.batch([Sample.punch()])) }
                while store.waitingOperations < 2 { await Task.yield() }
                task.cancel()
                held.release()
                #expect(try await task.value.stored == 1)
                try await holding
            }
        }
    }

    @Test func `closing finishes what waits`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                let held = try Held()
                async let holding: Void = store.onWriter { _ in held.hold() }
                await held.isHolding()
                async let receipt = store.record(Sample.batch([Sample.punch()]))
                while store.waitingOperations < 2 { await Task.yield() }
                async let closing: Void = store.close()
                while !store.isClosing { await Task.yield() }
                held.release()
                try await holding
                await closing
                #expect(try await receipt.stored == 1)
            }
            let punches = try await withSQLiteStore(in: folder) { try await $0.status().punches }
            #expect(punches == 1)
        }
    }

    @Test func `plain text is told from bytes`() {
        let text: [(String, Bool)] = [
            ("", true), ("a", true), ("1234567", true), ("12345678", true), ("123456789é", true),
            ("\u{1}\u{7F}1234567", true), ("1234567\u{0}", false), ("\u{0}12345678", false),
            ("é\u{0}", false),
        ]
        for (text, expected) in text {
            #expect(
                Array(text.utf8).withUnsafeBytes { $0.isPlainText } == expected, "\(text.debugDescription)")
        }
        for bytes in [[0xFF], [0x61, 0xC3], [0xED, 0xA0, 0x80], Array(repeating: 0x80, count: 9)] as [[UInt8]]
        {
            #expect(!bytes.withUnsafeBytes { $0.isPlainText })
            #expect(!bytes.isPlainASCII)
        }
    }
}

/// Numbers in the order they came.
private final class NumberList: Sendable {
    private let kept = Mutex<[Int]>([])

    var numbers: [Int] { kept.withLock { $0 } }
    func append(_ number: Int) { kept.withLock { $0.append(number) } }
}
