import AttendanceCore
import Foundation
import GRDB
import GRDBSQLite

/// The only connection that writes. Belongs to the writer's thread, and is made anew after an I/O error.
///
/// It is closed by letting go of it: then the log is copied into the database file, if nobody else has that open.
final class WriterConnection {
    let path: String
    private let queue: DatabaseQueue
    /// GRDB wants its database touched only inside `access`; everything here that uses it is called from there.
    let db: Database
    private let handle: OpaquePointer?
    let statements: HotStatements
    var state: WriterState
    /// Rows already known, by folded serial number and by zone name. Forgotten after any rollback.
    var terminals: [String: Int64] = [:]
    var zones: [String: Int64] = [:]
    /// Pages in the write-ahead log after the last commit, as SQLite tells its hook.
    private let logPages: UnsafeMutablePointer<Int32>

    /// Opens (or creates) the database, makes it durable and brings its schema up to date. Throws `StoreError`.
    ///
    /// Before anything is accepted, the whole write-ahead log goes into the database file and is synced there. After
    /// a failed sync, in this process or in one that died of it, the log may hold pages that the kernel shows and the
    /// disk does not have; what is appended behind them would be lost with them at a power cut. Writing them again
    /// elsewhere is the only thing that makes them durable.
    ///
    /// There is no `quick_check` here: it reads the whole file (seconds per gigabyte), finds nothing that a torn write
    /// could have caused (the log's checksums see to that), and stands between the terminals and the gateway just
    /// when they have most to send.
    init(path: String) throws {
        self.path = path
        do {
            var configuration = GRDB.Configuration()
            configuration.foreignKeysEnabled = false
            configuration.label = "journal.writer"
            // Readers of other processes hold locks for moments only.
            configuration.busyMode = .timeout(5)
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.inDatabase { db in
                try Migrations.claim(db, path: path)
                try Self.makeDurable(db)
            }
            try Migrations.migrate(queue)
            (db, statements, state) = try queue.inDatabase { db in
                // Migrations change no pragma, but this is the promise everything rests on: look again.
                try Self.makeDurable(db)
                try Self.emptyLog(db)
                return (db, try HotStatements(db, path: path), try WriterState(db))
            }
            self.queue = queue
        } catch {
            throw StoreError(error, path: path)
        }
        handle = queue.inDatabase { $0.sqliteConnection }
        logPages = .allocate(capacity: 1)
        logPages.initialize(to: 0)
        // Takes the place of automatic checkpoints, whose errors SQLite drops: a failed sync must be known.
        sqlite3_wal_hook(
            handle,
            { context, _, _, pages in
                context?.assumingMemoryBound(to: Int32.self).pointee = pages
                return SQLITE_OK
            }, logPages)
    }

    deinit {
        sqlite3_wal_hook(handle, nil, nil)
        logPages.deallocate()
    }

    /// Lets `body` use the connection. Not reentrant.
    func access<Value>(_ body: () throws -> Value) rethrows -> Value {
        try queue.inDatabase { _ in try body() }
    }

    // MARK: Opening

    private static func makeDurable(_ db: Database) throws {
        let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw StoreError.notDurable(detail: "journal mode is \(mode ?? "unknown") in place of wal")
        }
        // GRDB lowers this silently in some configurations, so it is set after opening, and read back.
        try db.execute(sql: "PRAGMA synchronous = FULL")
        let synchronous = try Int.fetchOne(db, sql: "PRAGMA synchronous")
        guard synchronous == 2 else {
            throw StoreError.notDurable(detail: "synchronous is \(synchronous.map(String.init) ?? "unknown")")
        }
        // A log that grew in a rush shrinks again.
        try db.execute(sql: "PRAGMA journal_size_limit = 16777216")
        // What savepoints set aside stays in memory in place of a temporary file.
        try db.execute(sql: "PRAGMA temp_store = MEMORY")
        // Nothing is deleted here to hide it, and overwriting freed pages with zeros costs writes.
        try db.execute(sql: "PRAGMA secure_delete = OFF")
    }

    private static func emptyLog(_ db: Database) throws {
        var inLog: Int32 = 0
        var copied: Int32 = 0
        let code = sqlite3_wal_checkpoint_v2(
            db.sqliteConnection, nil, SQLITE_CHECKPOINT_TRUNCATE, &inLog, &copied)
        guard code == SQLITE_OK else {
            throw StoreError(connection: db.sqliteConnection, code: code, path: "")
        }
        guard inLog <= 0 else {
            throw StoreError.io(detail: "\(inLog - copied) pages of the write-ahead log could not be copied")
        }
    }

    // MARK: Transactions

    /// Whether SQLite still has the transaction open: some errors end it.
    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    /// Runs `body` in one transaction and commits it, or undoes it and throws what went wrong.
    func transaction(_ body: () throws -> Void) throws {
        try access {
            let before = state
            do {
                try statements.begin.run()
                try body()
                try statements.commit.run()
            } catch {
                // An error of the rollback changes nothing: after one of the dangerous kind the connection is dropped,
                // and otherwise the next transaction cannot begin and says why.
                if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
                forget(to: before)
                throw error
            }
        }
    }

    /// Runs one operation so that its failure undoes it alone. Throws the operation's error.
    func savepoint<Value>(_ body: () throws -> Value) throws -> Value {
        let before = state
        try statements.savepoint.run()
        do {
            let value = try body()
            try statements.release.run()
            return value
        } catch {
            if isInTransaction {
                try statements.undo.run()
                try statements.release.run()
            }
            forget(to: before)
            throw error
        }
    }

    private func forget(to before: WriterState) {
        state = before
        terminals.removeAll()
        zones.removeAll()
    }

    /// The number of the row written last.
    var lastRow: Int64 { sqlite3_last_insert_rowid(handle) }
    /// Rows changed by the statement run last.
    var changes: Int { Int(sqlite3_changes(handle)) }

    // MARK: Checkpoints

    /// Copies the log into the database file once it has `threshold` pages, as far as readers let it.
    /// Between commits, after everyone who waited was told. Throws `StoreError`; then the connection must be replaced.
    func checkpoint(atPages threshold: Int32) throws {
        guard logPages.pointee >= threshold else { return }
        let code = sqlite3_wal_checkpoint_v2(handle, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        guard code == SQLITE_OK || code & 0xFF == SQLITE_BUSY || code & 0xFF == SQLITE_LOCKED else {
            throw StoreError(connection: handle, code: code, path: path)
        }
    }

    // MARK: Proof

    /// One row changes: says that a commit can be made.
    func touch() throws {
        try statements.touch.run()
    }

    /// Takes up 64 KiB: says that there is room for more than a commit that overwrites.
    func takeRoom() throws {
        try db.execute(sql: "INSERT INTO proof (id, count, room) VALUES (2, 0, zeroblob(65536))")
    }

    func giveRoomBack() throws {
        try db.execute(sql: "DELETE FROM proof WHERE id = 2")
    }
}
