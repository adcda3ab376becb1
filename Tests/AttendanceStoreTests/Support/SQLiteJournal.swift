import AttendanceCore
import Foundation
import GRDB
import Logging
import Testing

@testable import AttendanceStore

/// Options for tests: failing stores try again soon.
func testOptions(_ change: (inout StoreOptions) -> Void = { _ in }) -> StoreOptions {
    var options = StoreOptions(now: { Sample.now })
    options.retryInterval = .milliseconds(20)
    change(&options)
    return options
}

/// Gives `body` a store in `folder` and closes it afterwards.
func withSQLiteStore<Value>(
    in folder: String, options: StoreOptions = testOptions(), _ body: (SQLiteStore) async throws -> Value
) async throws -> Value {
    let store = try SQLiteStore(folder: folder, options: options, logger: Logger(label: "test"))
    do {
        let value = try await body(store)
        await store.close()
        return value
    } catch {
        await store.close()
        throw error
    }
}

extension SQLiteStore {
    /// Returns once the store says it is in that state. The test's time limit ends the wait.
    func until(_ isWanted: (StoreHealth) -> Bool) async throws {
        while !isWanted(health) {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Compares what the store counts by heart with what is in the tables, and the tables with each other.
    func expectConsistent(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let status = try await status()
        let counted = try await onWriter { connection in
            let db = connection.db
            let faults = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").count
            let integrity = try String.fetchAll(db, sql: "PRAGMA integrity_check")
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT name, (SELECT COUNT(*) FROM outbox WHERE outbox.sink = s.id) AS owed,
                        (SELECT COUNT(*) FROM dead_letter d WHERE d.sink = s.id) AS dead FROM sink s
                    """)
            return Counted(
                punches: try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM punch") ?? -1,
                quarantined: try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM quarantine") ?? -1,
                queues: Dictionary(
                    uniqueKeysWithValues: rows.map { ($0["name"], [$0["owed"], $0["dead"]]) }),
                danglingKeys: faults, integrity: integrity)
        }
        #expect(
            counted
                == Counted(
                    punches: status.punches, quarantined: status.quarantined,
                    queues: Dictionary(
                        uniqueKeysWithValues: status.queues.map { ($0.text, [$1.owed, $1.dead]) }),
                    danglingKeys: 0, integrity: ["ok"]), sourceLocation: sourceLocation)
    }
}

private struct Counted: Equatable, Sendable {
    var punches: Int
    var quarantined: Int
    /// Owed and dead by sink.
    var queues: [String: [Int]]
    var danglingKeys: Int
    var integrity: [String]
}

extension StoreError {
    var isFull: Bool { if case .full = self { true } else { false } }
    var isIO: Bool { if case .io = self { true } else { false } }
    var isOverloaded: Bool { if case .overloaded = self { true } else { false } }
    var isNewer: Bool { if case .newerVersion = self { true } else { false } }
    var isDamaged: Bool { if case .damaged = self { true } else { false } }
    var isForeign: Bool { if case .foreign = self { true } else { false } }
    var isLocked: Bool { if case .locked = self { true } else { false } }
}

/// The `StoreError` that `body` throws; a failure of the test when it throws none.
func storeError(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
) async throws -> StoreError {
    let error = await #expect(throws: StoreError.self, sourceLocation: sourceLocation) { try await body() }
    return try #require(error, sourceLocation: sourceLocation)
}
