import GRDB

@testable import AttendanceStore

extension SQLiteStore {
    /// A disk that is full: SQLite itself refuses to let the file grow beyond so many pages (never below what it has).
    func setPageQuota(_ pages: Int) async throws {
        try await onWriter { try $0.db.execute(sql: "PRAGMA max_page_count = \(pages)") }
    }
}
