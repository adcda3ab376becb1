import AttendanceCore
import Foundation
import GRDB

/// Looks at the journal in a folder, also while a gateway has it open. Cannot change anything.
package final class SQLiteReader: ReaderBacked {
    private let folder: DataFolder
    let readers: ReaderPool
    let personDays = PersonDays()
    let columns = PunchColumns()

    /// Throws `StoreError`: `.io` when there is no journal in `folder`, `.newerVersion`, `.damaged`,
    /// `.other` when it is older than this program: the gateway itself brings it up to date.
    package init(folder: String) throws {
        let folder = DataFolder(path: folder)
        self.folder = folder
        guard FileManager.default.fileExists(atPath: folder.database) else {
            throw StoreError.io(detail: "there is no journal in \(folder.path)")
        }
        readers = ReaderPool(path: folder.database)
        try readers.open()
        try readers.check { try Migrations.check($0, path: folder.database) }
    }

    package func close() { readers.close() }

    /// Counts what is owed and dead: not as cheap as asking the gateway that has the journal open.
    package func status() async throws -> StoreStatus {
        let bytes = folder.bytes
        return try await readers.read { try Queries.status($0, of: WriterState($0), bytes: bytes) }
    }
}
