import Foundation
import GRDB

/// A small file beside the database, `journal.state`: whether the database was closed in order. Where it was not, the
/// next opening looks through it, for so long as it may.
struct OpenMark {
    enum State: String {
        case open, closed
        /// Whoever had it open came upon a page that cannot be right, or found it open and did not look through it.
        case suspect
    }
    let folder: DataFolder

    private var path: String { folder.path + "/journal.state" }

    var state: State? {
        // One that is not there says nothing: a new journal, or one from before there were marks.
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return State(rawValue: text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? .open
    }

    func set(_ state: State) throws {
        do throws(BackupError) {
            try DurableFile.write(Data((state.rawValue + "\n").utf8), to: path)
        } catch {
            throw StoreError.io(detail: error.localizedDescription)
        }
    }

    /// At worst it stays at `open`, and the next opening looks through a database that is whole.
    func closed(isTrusted: Bool) { try? set(isTrusted ? .closed : .suspect) }

    /// Throws `StoreError.damaged` when the database is not what it was: no database any more, or pages that cannot be
    /// right after a stop that was none in order. Not getting to the end in time finds nothing wrong.
    ///
    /// False: it should have been looked through, and nobody wanted that (`limit` nil). The next one has to.
    func look(atMost limit: Duration?) throws -> Bool {
        guard let state else { return true }
        let path = folder.database
        // SQLite takes an empty file for a new database, and would begin anew without a word.
        if let size = DurableFile.size(path), size == 0 {
            throw StoreError.damaged(path: path, detail: "it is empty")
        }
        guard state != .closed, DurableFile.size(path) != nil else { return true }
        guard let limit else { return false }
        do {
            let queue = try DatabaseQueue(path: path, configuration: .looking)
            let clock = Timer(limit) { queue.interrupt() }
            defer { clock.stop() }
            let faults = try queue.inDatabase { db in
                try String.fetchAll(db, sql: "PRAGMA quick_check(5)")
            }
            if faults != ["ok"] {
                throw StoreError.damaged(path: path, detail: faults.joined(separator: "; "))
            }
            try queue.close()
            return true
        } catch let error as DatabaseError where error.isInterruptionError {
            return true  // nothing was found so far
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Runs something after a while, unless it is stopped before.
    private final class Timer {
        private let item: DispatchWorkItem

        init(_ limit: Duration, _ body: @escaping @Sendable () -> Void) {
            item = DispatchWorkItem(block: body)
            DispatchQueue.global().asyncAfter(deadline: .now() + limit.dispatchInterval, execute: item)
        }

        func stop() { item.cancel() }
    }
}
