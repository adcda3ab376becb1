import Foundation

/// The file that holds a vault's keys: for its owner alone, whole or not there, and never overwritten by a new one.
struct VaultFile: Sendable {
    let path: String

    /// Nil when there is none. Throws `VaultError` for one that must not be used.
    func read() throws(VaultError) -> VaultKeys? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure()
        }
        defer { close(descriptor) }
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { throw failure() }
        guard info.st_mode & S_IFMT == S_IFREG else {
            throw .unreadable(path: path, detail: "it is no ordinary file")
        }
        guard info.st_mode & 0o077 == 0 else {
            throw .readableByOthers(path: path, mode: Int(info.st_mode & 0o777))
        }
        guard info.st_size <= VaultKeys.maximumBytes else {
            throw .damaged(path: path, detail: "it has \(info.st_size) bytes")
        }
        var bytes = [UInt8](repeating: 0, count: Int(info.st_size))
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw failure() }
        do {
            return try VaultKeys(text: String(decoding: bytes.prefix(count), as: UTF8.self))
        } catch {
            throw .damaged(path: path, detail: error.words)
        }
    }

    /// Makes the file; false when somebody else has made one meanwhile, which stays as it is.
    func create(_ keys: VaultKeys) throws(VaultError) -> Bool {
        let draft = try writeDraft(keys)
        defer { unlink(draft) }
        // Unlike a rename this never replaces what is there, and unlike writing in place it is whole or not there.
        guard link(draft, path) == 0 else {
            if errno == EEXIST { return false }
            throw failure()
        }
        try syncFolder()
        return true
    }

    /// Puts other keys in its place, all at once.
    func replace(with keys: VaultKeys) throws(VaultError) {
        let draft = try writeDraft(keys)
        guard rename(draft, path) == 0 else {
            defer { unlink(draft) }
            throw failure()
        }
        try syncFolder()
    }

    /// Writes the keys, durably, into a file beside it.
    private func writeDraft(_ keys: VaultKeys) throws(VaultError) -> String {
        let draft = path + ".new"
        // One that was left over by a crash holds a key that nothing was sealed with.
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        let bytes = Array(keys.text.utf8)
        guard write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            defer { unlink(draft) }
            throw failure()
        }
        return draft
    }

    /// So that the name outlives a power cut too.
    private func syncFolder() throws(VaultError) {
        let folder = (path as NSString).deletingLastPathComponent
        let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure() }
    }

    /// Of the call that has just failed.
    private func failure() -> VaultError {
        .unreadable(path: path, detail: String(cString: strerror(errno)))
    }
}
