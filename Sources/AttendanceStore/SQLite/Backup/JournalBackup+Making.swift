import AttendanceCore
import Foundation
import GRDB

extension SQLiteStore {
    /// Makes a copy of the journal in a folder of its own below `folder`, while everything else goes on: copied page by
    /// page from one snapshot, checked, synced, and only then given its name. Throws `BackupError` or `StoreError`.
    ///
    /// The snapshot keeps the write-ahead log from being emptied meanwhile: it grows by what is written in that time.
    package func backUp(to folder: String, program: String, at now: UnixTime) async throws -> JournalBackup {
        let database = self.folder.database
        return try await Aside.run {
            try JournalBackup.make(of: database, in: BackupFolder(path: folder), program: program, at: now)
        }
    }
}

extension JournalBackup {
    /// Pages copied at once, and how long the disk is left to others in between.
    private static let pages: CInt = 256
    private static let pause = 0.002
    /// What must stay free beside the copy: the journal may be on the same disk.
    private static let reserve: Int64 = 64 << 20

    static func make(
        of database: String, in folder: BackupFolder, program: String, at now: UnixTime
    ) throws -> JournalBackup {
        try DurableFile.makeFolder(folder.path)
        folder.removeLeftOvers()
        let size = (DurableFile.size(database) ?? 0) + (DurableFile.size(database + "-wal") ?? 0)
        if let free = DurableFile.free(folder.path), free < size + max(reserve, size / 10) {
            throw BackupError.noRoom(folder: folder.path, needed: size + max(reserve, size / 10), free: free)
        }
        let name = folder.name(at: now)
        let draft = folder.path + "/" + BackupFolder.partial + name
        try DurableFile.makeFolder(draft)
        do {
            let manifest = try copy(database, into: draft, program: program, at: now)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try DurableFile.write(try encoder.encode(manifest), to: draft + "/" + BackupFolder.manifest)
            try DurableFile.sync(draft)
            let place = folder.path + "/" + name
            try DurableFile.rename(draft, to: place)
            try DurableFile.sync(folder.path)
            return JournalBackup(path: place, manifest: manifest)
        } catch {
            // What is left is a folder of no use; if it stays, the next backup removes it.
            try? FileManager.default.removeItem(atPath: draft)
            throw error
        }
    }

    private static func copy(
        _ database: String, into folder: String, program: String, at now: UnixTime
    ) throws -> BackupManifest {
        let file = folder + "/" + BackupFolder.database
        // For its owner alone from the first byte.
        try DurableFile.write(Data(), to: file)
        var manifest: BackupManifest
        do {
            let source = try DatabaseQueue(path: database, configuration: .looking)
            let copy = try DatabaseQueue(path: file)
            manifest = try source.inDatabase { source in
                // One snapshot from the first page to the last: else each commit would begin the copy anew.
                try source.execute(sql: "BEGIN")
                // The connection is closed next; there is nothing in the transaction to lose.
                defer { try? source.execute(sql: "ROLLBACK") }
                let manifest = try BackupManifest(of: source, program: program, at: now)
                try copy.inDatabase { copy in
                    // It is synced as a whole at the end.
                    try copy.execute(sql: "PRAGMA synchronous = OFF")
                    try source.backup(to: copy, pagesPerStep: pages) { _ in
                        Thread.sleep(forTimeInterval: pause)
                    }
                    // One file that can be read from a medium that cannot be written.
                    try copy.execute(sql: "PRAGMA journal_mode = DELETE")
                    let faults = try String.fetchAll(copy, sql: "PRAGMA integrity_check(10)")
                    guard faults == ["ok"] else {
                        throw BackupError.faulty(path: file, detail: faults.joined(separator: "; "))
                    }
                }
                return manifest
            }
            try copy.close()
            try source.close()
        } catch let error as BackupError {
            throw error
        } catch {
            throw StoreError(error, path: file)
        }
        try DurableFile.sync(file)
        manifest.bytes = DurableFile.size(file) ?? 0
        manifest.sha256 = try DurableFile.sha256(file)
        return manifest
    }

    package var database: String { path + "/" + BackupFolder.database }

    /// Throws `BackupError` unless the copy is what the manifest says, whole, and no newer than this program.
    package func check() throws {
        guard let size = DurableFile.size(database) else {
            throw BackupError.noBackup(path: path, detail: "there is no \(BackupFolder.database) in it")
        }
        guard size == manifest.bytes, try DurableFile.sha256(database) == manifest.sha256 else {
            throw BackupError.faulty(path: path, detail: "it was changed after it was made")
        }
        do {
            let queue = try DatabaseQueue(path: database, configuration: .looking)
            try queue.inDatabase { db in
                try Migrations.refuseForeign(db, path: database)
                let faults = try String.fetchAll(db, sql: "PRAGMA integrity_check(10)")
                guard faults == ["ok"] else {
                    throw BackupError.faulty(path: path, detail: faults.joined(separator: "; "))
                }
            }
            try queue.close()
        } catch let error as BackupError {
            throw error
        } catch StoreError.newerVersion(_, let found) {
            throw BackupError.newer(path: path, found: found)
        } catch {
            throw BackupError.faulty(path: path, detail: "\(error)")
        }
    }
}

extension GRDB.Configuration {
    /// For one who only reads, beside whoever writes.
    static var looking: Self {
        var configuration = Self()
        configuration.readonly = true
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(5)
        configuration.label = "journal.backup"
        return configuration
    }
}

extension BackupManifest {
    /// What the snapshot holds; the size and the hash are those of the file, later.
    init(of db: Database, program: String, at now: UnixTime) throws {
        let audit = try Row.fetchOne(db, sql: "SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1")
        let newest = try Int64.fetchOne(db, sql: "SELECT MAX(id) FROM punch") ?? 0
        let received = try Int64.fetchOne(
            db, sql: "SELECT received FROM punch WHERE id = ?", arguments: [newest])
        self.init(
            format: 1, program: program, schema: try Migrations.applied(db), taken: now.iso8601,
            takenMilliseconds: now.milliseconds,
            // Numbers have no gaps and rows are never deleted: the highest is the count.
            punches: Int(newest), newestPunch: newest,
            newestReceived: received.map { UnixTime(milliseconds: $0).iso8601 },
            auditRows: audit.map { $0["id"] } ?? 0,
            auditHead: audit.map { Hexadecimal.text(Array($0["chain"] as Data)) } ?? "", bytes: 0, sha256: "",
            holdsKeyFile: false)
    }
}
