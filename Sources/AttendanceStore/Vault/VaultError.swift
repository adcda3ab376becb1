import AttendanceCore
import Foundation

/// Why something cannot be sealed or opened. An operator reads it; it never tells what was sealed.
package enum VaultError: LocalizedError, Hashable, Sendable {
    /// Others than its owner may read or write the key file.
    case readableByOthers(path: String, mode: Int)
    /// The file is there and is no key file, or not all of one.
    case damaged(path: String, detail: String)
    /// There is no key file, though the journal holds what was sealed with one.
    case missing(path: String)
    /// The key file does not hold the key with which something in the journal was sealed.
    case lacksKey(path: String, key: VaultKeyID)
    case unreadable(path: String, detail: String)
    /// What is stored was changed, or belongs elsewhere: it is not what was sealed in this place.
    case notAuthentic(context: String)

    package var errorDescription: String? {
        switch self {
        case .readableByOthers(let path, let mode):
            "others can read the key file \(path) (mode \(String(mode, radix: 8))). Run: chmod 600 \(path). "
                + "If somebody may have read it, run \"attendance-gateway vault rotate\" afterwards"
        case .damaged(let path, let detail):
            "the key file \(path) is damaged (\(detail)). Keep it, and put back the copy from your backup"
        case .missing(let path):
            "the key file \(path) is missing, and the journal holds what was sealed with it. Put back the copy from "
                + "your backup, or name its place in KeyFile in [Store]"
        case .lacksKey(let path, let key):
            "the key file \(path) does not hold key \(key), with which something in the journal was sealed. Put back "
                + "the copy that belongs to this journal"
        case .unreadable(let path, let detail):
            "the key file \(path) cannot be used (\(detail)). Check KeyFile in [Store] and who owns the folder"
        case .notAuthentic(let context):
            "what is stored as \(PlainText.line(context, limit: 200)) is not what was sealed there: it was changed or moved. "
                + "Restore the journal from a backup, or erase it and enrol anew"
        }
    }
}
