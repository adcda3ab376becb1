import AttendanceCore
import Crypto
import Foundation

/// A folder that holds backups, each in a folder of its own: `journal-YYYYMMDD-HHMMSS` (UTC).
///
/// Whatever has another name is nobody's business here.
package struct BackupFolder: Sendable {
    package let path: String
    static let partial = ".partial-"
    static let database = "journal.sqlite"
    static let manifest = "manifest.json"
    /// A manifest is a few hundred bytes; more is none.
    private static let mostManifestBytes = 64 << 10

    package init(path: String) { self.path = path }

    /// The newest first. Such without a manifest that can be read are left out.
    package func backups() -> [JournalBackup] {
        names().sorted(by: >).compactMap { name in
            // One that is not whole is none; whoever asks for it by name is told why.
            try? Self.backup(at: path + "/" + name)
        }
    }

    /// The backup in this folder, by its manifest alone. Throws `BackupError`.
    package static func backup(at path: String) throws(BackupError) -> JournalBackup {
        let file = path + "/" + manifest
        guard let handle = FileHandle(forReadingAtPath: file) else {
            throw .noBackup(path: path, detail: "there is no \(manifest) in it that can be read")
        }
        do {
            let data = try handle.read(upToCount: mostManifestBytes) ?? Data()
            let found = try JSONDecoder().decode(BackupManifest.self, from: data)
            guard found.format == 1 else {
                throw BackupError.newer(path: path, found: "manifest of format \(found.format)")
            }
            return JournalBackup(path: path, manifest: found)
        } catch let error as BackupError {
            throw error
        } catch {
            throw .noBackup(path: path, detail: "its \(manifest) cannot be read")
        }
    }

    /// Removes all but the newest `keep` (at least one) that have a manifest, and what earlier tries left over.
    /// Returns the names of those removed. Only after a new one was found good: so it is never the last good one.
    package func prune(keeping keep: Int) throws(BackupError) -> [String] {
        var removed: [String] = []
        let old = backups().dropFirst(max(1, keep)).map { ($0.path as NSString).lastPathComponent }
        do {
            for name in old {
                // Out of sight first: one that is half gone must not look like a backup.
                let hidden = path + "/" + Self.partial + name
                try FileManager.default.moveItem(atPath: path + "/" + name, toPath: hidden)
                try FileManager.default.removeItem(atPath: hidden)
                removed.append(name)
            }
        } catch {
            throw .io(detail: error.localizedDescription)
        }
        return removed
    }

    private func names() -> [String] {
        // A folder that is not there, or may not be read, holds none.
        let all = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return all.filter { $0.hasPrefix("journal-") && !$0.contains("/") }
    }

    func removeLeftOvers() {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        for name in all where name.hasPrefix(Self.partial) {
            // What cannot be removed takes up room and nothing else; the next time tries again.
            try? FileManager.default.removeItem(atPath: path + "/" + name)
        }
    }

    /// A name that is not taken.
    func name(at moment: UnixTime) -> String {
        DurableFile.unused("journal-\(Self.stamp(moment))", in: path)
    }

    /// `YYYYMMDD-HHMMSS` in UTC.
    package static func stamp(_ moment: UnixTime) -> String {
        String(moment.iso8601.prefix(19)).replacing("-", with: "").replacing(":", with: "")
            .replacing("T", with: "-")
    }
}

/// Files as backups and restores need them: durable, or an error.
enum DurableFile {
    static func sync(_ path: String) throws(BackupError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        // Some network file systems cannot sync a folder, and say so; their own rules hold then.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw failure(path) }
    }

    /// For its owner alone, whole and durable.
    static func write(_ data: Data, to path: String) throws(BackupError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        let written = data.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == data.count, fsync(descriptor) == 0 else { throw failure(path) }
    }

    static func makeFolder(_ path: String) throws(BackupError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .io(detail: "\(path) cannot be made: \(error.localizedDescription)")
        }
    }

    static func rename(_ old: String, to new: String) throws(BackupError) {
        guard Glibc.rename(old, new) == 0 else { throw failure(new) }
    }

    static func copy(_ old: String, to new: String) throws(BackupError) {
        do {
            try FileManager.default.copyItem(atPath: old, toPath: new)
        } catch {
            throw .io(detail: "\(old) cannot be copied: \(error.localizedDescription)")
        }
        guard chmod(new, 0o600) == 0 else { throw failure(new) }
        try sync(new)
    }

    /// The name, or the first of `NAME-2`, `NAME-3` … that nothing in the folder has.
    static func unused(_ name: String, in folder: String) -> String {
        var found = name
        var number = 2
        while size("\(folder)/\(found)") != nil {
            found = "\(name)-\(number)"
            number += 1
        }
        return found
    }

    static func size(_ path: String) -> Int64? {
        var info = stat()
        return stat(path, &info) == 0 ? Int64(info.st_size) : nil
    }

    /// Bytes that this process may still write there.
    static func free(_ folder: String) -> Int64? {
        var info = statvfs()
        guard statvfs(folder, &info) == 0 else { return nil }
        return Int64(clamping: UInt64(info.f_bavail) &* UInt64(info.f_frsize))
    }

    static func sha256(_ path: String) throws(BackupError) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { throw failure(path) }
        var hash = SHA256()
        do {
            while let part = try file.read(upToCount: 1 << 20), !part.isEmpty { hash.update(data: part) }
            try file.close()
        } catch {
            throw .io(detail: "\(path) cannot be read: \(error.localizedDescription)")
        }
        return Hexadecimal.text(Array(hash.finalize()))
    }

    /// Of the call that has just failed.
    static func failure(_ path: String) -> BackupError {
        .io(detail: "\(path): \(String(cString: strerror(errno)))")
    }
}

/// Work that blocks for long: on a thread of its own, and not on those that everything else runs on.
enum Aside {
    static func run<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let thread = Thread { continuation.resume(with: Result(catching: body)) }
            thread.name = "journal-backup"
            thread.start()
        }
    }
}
