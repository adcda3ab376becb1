import AttendanceCore
import Foundation

/// What a backup says of itself, in `manifest.json` beside its `journal.sqlite`.
package struct BackupManifest: Codable, Hashable, Sendable {
    /// Of this document; 1.
    package var format: Int
    /// The program that made it.
    package var program: String
    /// The migrations that the copy holds.
    package var schema: [String]
    /// When it was begun: ISO 8601, and milliseconds since 1970 UTC. What came later is not in it.
    package var taken: String
    package var takenMilliseconds: Int64
    package var punches: Int
    /// Number of the newest punch, 0 for none, and when it was received.
    package var newestPunch: Int64
    package var newestReceived: String?
    package var auditRows: Int64
    /// Hash of the last row of the audit trail; empty when there is none.
    package var auditHead: String
    package var bytes: Int64
    /// Of `journal.sqlite`, 64 hexadecimal digits.
    package var sha256: String
    /// Always false: the key file of the vault lies apart, and whoever has the backup alone cannot open what is sealed.
    package var holdsKeyFile: Bool

    package var takenAt: UnixTime { UnixTime(milliseconds: takenMilliseconds) }
}

/// A backup that lies in a folder.
package struct JournalBackup: Hashable, Sendable {
    /// Of the backup itself, with `journal.sqlite` and `manifest.json` in it.
    package var path: String
    package var manifest: BackupManifest

    package init(path: String, manifest: BackupManifest) {
        self.path = path
        self.manifest = manifest
    }
}

/// Why a backup could not be made, or cannot be used. An operator reads it.
package enum BackupError: LocalizedError, Hashable, Sendable {
    case noRoom(folder: String, needed: Int64, free: Int64)
    case io(detail: String)
    /// The copy was made, and is not what it should be.
    case faulty(path: String, detail: String)
    case noBackup(path: String, detail: String)
    case newer(path: String, found: String)

    package var errorDescription: String? {
        switch self {
        case .noRoom(let folder, let needed, let free):
            "\(folder) has room for \(free >> 20) MiB, and the copy needs \(needed >> 20) MiB. Make room there, keep "
                + "fewer backups (Keep in [Backup]), or take another disk"
        case .io(let detail):
            "the backup could not be made (\(detail)). Look at the folder's disk and permissions"
        case .faulty(let path, let detail):
            "\(path) is no good (\(detail)). Take another backup; where a fresh one is faulty too, look at the disk, "
                + "and run attendance-gateway verify"
        case .noBackup(let path, let detail): "\(path) is no backup of this program (\(detail))"
        case .newer(let path, let found):
            "\(path) was made by a newer version of attendance-gateway (\(found)). Install that version, then restore"
        }
    }
}

/// What a look at a journal or a backup found.
package struct JournalVerification: Codable, Hashable, Sendable {
    package struct Check: Codable, Hashable, Sendable {
        package enum Result: String, Codable, Sendable {
            case ok
            /// Something to know, and no fault.
            case note
            case skipped
            case failed
        }
        package var name: String
        package var result: Result
        /// One line.
        package var words: String

        package init(_ name: String, _ result: Result, _ words: String) {
            self.name = name
            self.result = result
            self.words = words
        }
    }
    package var checks: [Check]

    package init(checks: [Check] = []) { self.checks = checks }

    package var isSound: Bool { !checks.contains { $0.result == .failed } }
}
