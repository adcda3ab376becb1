import AttendanceCore
import Foundation

/// Puts another database in the journal's place such that at no moment there is none, and nothing is deleted.
///
/// First the present files get second names in a folder of their own; then the new database gets the name
/// `journal.ready.sqlite`, which decides it; then the old log goes and the new one takes its place. Whatever
/// interrupts that, the next opening finishes it. The log must go first: one of another database must never be found
/// beside the new one.
struct JournalReplacement {
    let folder: DataFolder

    private var ready: String { folder.path + "/journal.ready.sqlite" }
    /// Where the new database is made.
    var draft: String { folder.path + "/journal.new.sqlite" }

    /// Throws `StoreError`.
    func finish() throws {
        guard DurableFile.size(ready) != nil else { return }
        try translated { () throws(BackupError) in
            for suffix in ["-wal", "-shm"] where unlink(folder.database + suffix) != 0 && errno != ENOENT {
                throw DurableFile.failure(folder.database + suffix)
            }
            try DurableFile.sync(folder.path)
            try DurableFile.rename(ready, to: folder.database)
            try DurableFile.sync(folder.path)
        }
    }

    func removeDraft() {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(draft + suffix) }
    }

    /// The draft, which must be closed, becomes the journal. Throws `StoreError`.
    func carryOut() throws {
        guard (DurableFile.size(draft + "-wal") ?? 0) == 0 else {
            throw StoreError.io(detail: "\(draft) is still open")
        }
        for suffix in ["-wal", "-shm"] { unlink(draft + suffix) }
        try translated { () throws(BackupError) in
            try DurableFile.sync(draft)
            try DurableFile.rename(draft, to: ready)
            try DurableFile.sync(folder.path)
        }
        try finish()
    }

    /// The present files under second names in `WORD-YYYYMMDD-HHMMSS` below the journal's folder. Returns it, or nil
    /// when there are none. Throws `StoreError`; then nothing has changed.
    func setAside(as word: String, at now: UnixTime) throws -> String? {
        let files = ["", "-wal", "-shm"].map { folder.database + $0 }.filter { DurableFile.size($0) != nil }
        guard !files.isEmpty else { return nil }
        let name = DurableFile.unused("\(word)-\(BackupFolder.stamp(now))", in: folder.path)
        let place = "\(folder.path)/\(name)"
        try translated { () throws(BackupError) in
            try DurableFile.makeFolder(place)
            for file in files {
                let name = place + "/" + (file as NSString).lastPathComponent
                if link(file, name) != 0 { try DurableFile.copy(file, to: name) }
            }
            try DurableFile.sync(place)
            try DurableFile.sync(folder.path)
        }
        return place
    }

    private func translated(_ body: () throws(BackupError) -> Void) throws {
        do throws(BackupError) { try body() } catch {
            throw StoreError.io(detail: error.localizedDescription)
        }
    }
}
