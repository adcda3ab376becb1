import GRDB
import GRDBSQLite

/// A prepared statement bound through SQLite's own C interface.
///
/// For the few statements that run once per punch: GRDB's argument arrays cost as much there as the insert itself.
/// Parameters are bound by position from 1 and stay bound. Only for the writer's thread.
struct HotStatement {
    // Keeps the pointer alive, and finalises it when the connection lets go of its statements.
    private let statement: Statement
    private let pointer: OpaquePointer
    private let connection: OpaquePointer?
    private let path: String

    init(_ sql: String, in db: Database, path: String) throws {
        statement = try db.makeStatement(sql: sql)
        pointer = statement.sqliteStatement
        connection = db.sqliteConnection
        self.path = path
    }

    func bind(_ value: Int64, at index: Int32) { sqlite3_bind_int64(pointer, index, value) }

    func bind(_ value: Int64?, at index: Int32) {
        if let value {
            sqlite3_bind_int64(pointer, index, value)
        } else {
            sqlite3_bind_null(pointer, index)
        }
    }

    /// Copies the text.
    func bind(_ text: String?, at index: Int32) {
        guard var text else {
            sqlite3_bind_null(pointer, index)
            return
        }
        text.withUTF8 { bytes in
            _ = bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(pointer, index, $0.baseAddress, Int32($0.count), Self.copied)
            }
        }
    }

    /// Does not copy: the bytes must stay where they are until the statement has run.
    func bind(uncopied bytes: UnsafeRawBufferPointer, isText: Bool, at index: Int32) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else {
            if isText {
                sqlite3_bind_text(pointer, index, "", 0, nil)
            } else {
                sqlite3_bind_zeroblob(pointer, index, 0)
            }
            return
        }
        if isText {
            sqlite3_bind_text(
                pointer, index, base.assumingMemoryBound(to: CChar.self), Int32(bytes.count), nil)
        } else {
            sqlite3_bind_blob(pointer, index, base, Int32(bytes.count), nil)
        }
    }

    /// Runs it to its end. Throws `StoreError`.
    func run() throws(StoreError) {
        let code = sqlite3_step(pointer)
        if code == SQLITE_DONE {
            sqlite3_reset(pointer)
            return
        }
        try fail(code)
    }

    /// Runs it and gives the first column of its first row as a number, nil without a row. Throws `StoreError`.
    func firstNumber() throws(StoreError) -> Int64? {
        let code = sqlite3_step(pointer)
        defer { sqlite3_reset(pointer) }
        switch code {
        case SQLITE_ROW: return sqlite3_column_int64(pointer, 0)
        case SQLITE_DONE: return nil
        default: throw error(code)
        }
    }

    private func fail(_ code: Int32) throws(StoreError) -> Never {
        let error = error(code)
        sqlite3_reset(pointer)
        throw error
    }

    private func error(_ code: Int32) -> StoreError {
        StoreError(connection: connection, code: code, path: path)
    }

    // SQLITE_TRANSIENT: a C macro that Swift does not import.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
