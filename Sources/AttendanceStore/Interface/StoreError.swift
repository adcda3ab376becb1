import Foundation

/// Why the store could not do something. An operator reads it.
package enum StoreError: LocalizedError, Hashable, Sendable {
    /// The disk (or a quota) is full. Nothing of the batch is kept; the next batch tries again.
    case full(detail: String)
    /// Writing or syncing failed in a way that needs the file opened afresh.
    case io(detail: String)
    /// More is waiting for the writer than the bound allows; the terminal will send it again.
    case overloaded(waiting: Int)
    /// The store is shutting down or not open.
    case closed
    /// The database was made by a newer version of the program.
    case newerVersion(path: String, found: String)
    /// Full synchronous commits could not be switched on.
    case notDurable(detail: String)
    /// Another process holds the store.
    case locked(path: String, holder: String?)
    /// The file is damaged.
    case damaged(path: String, detail: String)
    /// The file is a database, and none of ours.
    case foreign(path: String, detail: String)
    case other(detail: String)

    package var errorDescription: String? {
        switch self {
        case .full(let detail):
            "the disk that holds the journal is full (\(detail)). Make room; the gateway goes on by itself"
        case .io(let detail):
            "the journal cannot be written (\(detail)). Check the disk and the file system's messages; "
                + "the gateway opens the journal again by itself"
        case .overloaded(let waiting):
            "\(waiting) batches wait for the journal's writer. The disk is slower than the terminals; "
                + "they keep their punches and send them again"
        case .closed: "the journal is closed because the gateway is stopping"
        case .newerVersion(let path, let found):
            "\(path) was made by a newer version of attendance-gateway (\(found)). Install that version, "
                + "or restore the backup made before the upgrade"
        case .notDurable(let detail):
            "the database refuses full synchronous commits (\(detail)). Put the data folder on a local disk"
        case .locked(let path, let holder):
            "\(path) is in use by another attendance-gateway\(holder.map { " (process \($0))" } ?? ""). "
                + "Stop it first, or give this one another data folder"
        case .damaged(let path, let detail):
            "\(path) is damaged (\(detail)). Keep it. attendance-gateway serve sets it aside and "
                + "rebuilds what can be read"
        case .foreign(let path, let detail):
            "\(path) is in the way: \(detail). Move it elsewhere, or give Directory in [Store] another folder"
        case .other(let detail): "the journal failed: \(detail)"
        }
    }
}
