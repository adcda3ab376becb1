import GRDB

extension SQLiteReader {
    /// What SQLite's `quick_check` finds wrong with the file, one line each, at most `limit`; empty when it is whole.
    /// Reads all of it; a cancelled task stops that.
    package func faults(limit: Int) async throws -> [String] {
        try await readers.read { db in
            let lines = try String.fetchAll(db, sql: "PRAGMA quick_check(\(max(1, limit)))")
            return lines == ["ok"] ? [] : lines
        }
    }
}
