import AttendanceStore
import Foundation
import Hummingbird
import Logging

/// `POST /backups`: makes a copy of the journal now.
package struct BackupRoutes: Sendable {
    package let make: @Sendable (BackupOrder) async throws -> BackupReceipt

    /// - `make`: throws a `RefusedOrder` where none can be made now.
    package init(make: @escaping @Sendable (BackupOrder) async throws -> BackupReceipt) { self.make = make }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("backups") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: BackupOrder) in
                try await make(order)
            }
        }
    }
}

/// Body of `POST /backups`.
package struct BackupOrder: Codable, Sendable, Hashable {
    /// An absolute path; nil for the folder of the settings.
    package var folder: String?
    package var author: String

    package init(folder: String?, author: String) {
        self.folder = folder
        self.author = author
    }
}

package struct BackupReceipt: Codable, Sendable, Hashable {
    package var place: String
    package var taken: String
    package var punches: Int
    package var newestReceived: String?
    package var bytes: Int64
    package var sha256: String

    package init(_ backup: JournalBackup) {
        place = backup.path
        taken = backup.manifest.taken
        punches = backup.manifest.punches
        newestReceived = backup.manifest.newestReceived
        bytes = backup.manifest.bytes
        sha256 = backup.manifest.sha256
    }
}
