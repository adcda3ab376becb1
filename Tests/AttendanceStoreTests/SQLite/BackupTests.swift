import AttendanceCore
import Foundation
import GRDB
import Logging
import Testing

@testable import AttendanceStore

@Suite struct `Backups` {
    @Test(.timeLimit(.minutes(10)))
    func `a copy is made while punches keep coming, and is whole`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder + "/data") { store in
                try await store.setSinks([.erpnext])
                for part in 0..<20 {
                    _ = try await store.record(Sample.batch(Sample.punches(500, from: Int64(part) * 500)))
                }
                let (backup, during) = try await withThrowingTaskGroup(of: Int.self) { group in
                    group.addTask {
                        var stored = 0
                        for part in 20..<40 {
                            stored += try await store.record(
                                Sample.batch(Sample.punches(100, from: Int64(part) * 500))
                            ).stored
                        }
                        return stored
                    }
                    let made = try await store.backUp(
                        to: folder + "/backups", program: "test", at: Sample.now)
                    return (made, try await group.next() ?? 0)
                }
                #expect(during == 2_000)
                try backup.check()
                let manifest = backup.manifest
                #expect((10_000...12_000).contains(manifest.punches))
                #expect(manifest.punches % 100 == 0)
                #expect(manifest.holdsKeyFile == false)
                #expect(manifest.schema == ["v1", "v2", "v3", "v4"])
                #expect(try mode(backup.path) == 0o700)
                #expect(try mode(backup.path + "/journal.sqlite") == 0o600)
                #expect(try mode(backup.path + "/manifest.json") == 0o600)
                let copy = try DatabaseQueue(path: backup.database, configuration: .looking)
                let count = try await copy.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM punch") }
                #expect(count == manifest.punches)
                let verified = try await JournalCheck(backup: backup, keyFile: nil).run()
                #expect(verified.isSound, "\(verified)")
                #expect(try await store.status().punches == 12_000)
            }
        }
    }

    @Test func `old copies go, the newest stay, and what is no copy is left alone`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder + "/data") { store in
                let place = BackupFolder(path: folder + "/backups")
                for hour in 0..<5 {
                    _ = try await store.backUp(
                        to: place.path, program: "test", at: Sample.now + .seconds(hour * 3600))
                }
                try FileManager.default.createDirectory(
                    atPath: place.path + "/journal-of-somebody", withIntermediateDirectories: false)
                let before = place.backups().map(\.path)
                #expect(before.count == 5)
                let removed = try place.prune(keeping: 2)
                #expect(removed.count == 3)
                #expect(place.backups().map(\.path) == Array(before.prefix(2)))
                #expect(FileManager.default.fileExists(atPath: place.path + "/journal-of-somebody"))
                #expect(try place.prune(keeping: 0).count == 1)
                #expect(place.backups().count == 1)
            }
        }
    }

    @Test func `a copy that was changed later is refused`() async throws {
        try await withTemporaryFolder { folder in
            let backup = try await withSQLiteStore(in: folder + "/data") { store in
                _ = try await store.record(Sample.batch(Sample.punches(100)))
                return try await store.backUp(to: folder + "/backups", program: "test", at: Sample.now)
            }
            try overwrite(backup.database, at: 8192, with: [UInt8](repeating: 7, count: 64))
            let error = #expect(throws: BackupError.self) { try backup.check() }
            guard case .faulty = try #require(error) else { throw try #require(error) }
            #expect(throws: BackupError.self) {
                try JournalRestore(folder: folder + "/data", backup: backup).apply(
                    by: Author("test"), at: Sample.now)
            }
            #expect(try await withSQLiteStore(in: folder + "/data") { try await $0.status().punches } == 100)
        }
    }

    @Test func `a folder that cannot be written fails the backup and nothing else`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder + "/data") { store in
                try Data().write(to: URL(fileURLWithPath: folder + "/file"))
                await #expect(throws: BackupError.self) {
                    _ = try await store.backUp(to: folder + "/file/below", program: "test", at: Sample.now)
                }
                #expect(try await store.record(Sample.batch(Sample.punches(3))).stored == 3)
            }
        }
    }

    @Test func `restoring sets the present journal aside and marks what is owed`() async throws {
        try await withTemporaryFolder { folder in
            let data = folder + "/data"
            let backup = try await withSQLiteStore(in: data) { store in
                try await store.setSinks([.erpnext])
                _ = try await store.record(Sample.batch(Sample.punches(10)))
                try await store.settle([Sample.delivered(1)], for: .erpnext)
                let made = try await store.backUp(to: folder + "/backups", program: "test", at: Sample.now)
                _ = try await store.record(Sample.batch(Sample.punches(5, from: 100)))
                // No gateway may run.
                #expect(throws: StoreError.self) {
                    _ = try JournalRestore(folder: data, backup: made).plan()
                }
                return made
            }
            let restore = JournalRestore(folder: data, backup: backup)
            let plan = try restore.plan()
            #expect(plan.present == 15)
            #expect(plan.newer == 5)
            #expect(plan.setAside == nil)
            let later = Sample.now + .seconds(60)
            let outcome = try restore.apply(by: Author("test"), at: later)
            #expect(outcome.owed == 9)
            let aside = try #require(outcome.setAside)
            let old = try DatabaseQueue(path: aside + "/journal.sqlite")
            #expect(try await old.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM punch") } == 15)
            try old.close()
            try await withSQLiteStore(in: data) { store in
                #expect(try await store.status().punches == 10)
                let owed = try await store.owed(to: .erpnext, after: 0, limit: 100)
                #expect(owed.count == 9)
                #expect(owed.allSatisfy { $0.begun == later })
                // One of an earlier time may have been sent by the journal that was there before; a later one not.
                _ = try await store.record(Sample.batch([Sample.punch("77", second: 100)]))
                let new = Sample.punch("78", second: 40 * 86_400)
                _ = try await store.record(Sample.batch([new]))
                let more = try await store.owed(to: .erpnext, after: 10, limit: 100)
                #expect(more.map { $0.begun != nil } == [true, false])
                try await store.expectConsistent()
                let trail = try await store.auditTrail(after: 0, limit: 10)
                #expect(trail.map(\.action) == ["journal.restore"])
            }
        }
    }

    @Test func `a restore that was interrupted is finished at the next opening`() async throws {
        try await withTemporaryFolder { folder in
            let backup = try await withSQLiteStore(in: folder) { store in
                _ = try await store.record(Sample.batch(Sample.punches(10)))
                let made = try await store.backUp(to: folder + "/backups", program: "test", at: Sample.now)
                _ = try await store.record(Sample.batch(Sample.punches(5, from: 100)))
                return made
            }
            try FileManager.default.copyItem(
                atPath: backup.database, toPath: folder + "/journal.ready.sqlite")
            try Data("of another database".utf8).write(
                to: URL(fileURLWithPath: folder + "/journal.sqlite-wal"))
            try await withSQLiteStore(in: folder) { store in
                #expect(try await store.status().punches == 10)
                try await store.expectConsistent()
            }
        }
    }

    @Test func `what cannot be is found by the check`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                try await store.setSinks([.erpnext])
                _ = try await store.record(Sample.batch(Sample.punches(10)))
                try await store.audit(
                    AuditEntry(at: Sample.now, author: Author("a"), action: "b", subject: "c", detail: "d"))
                let sound = try await JournalCheck(folder: folder, keyFile: nil).run()
                #expect(sound.isSound, "\(sound)")
                #expect(
                    sound.checks.map(\.name) == [
                        "schema", "file", "references", "numbers", "deliveries", "audit trail", "sealed",
                    ])
                try await store.onWriter { connection in
                    let db = connection.db
                    try db.execute(sql: "DELETE FROM punch WHERE id = 5")
                    try db.execute(
                        sql:
                            "INSERT INTO discarded (sink, punch, cause, reason, at) VALUES (1, 3, 'x', 'y', 0)"
                    )
                    try db.execute(sql: "DROP TRIGGER audit_rows_stay")
                    try db.execute(sql: "UPDATE audit SET detail = 'e'")
                }
                let check = try await JournalCheck(folder: folder, keyFile: nil).run()
                #expect(
                    Set(check.checks.filter { $0.result == .failed }.map(\.name)) == [
                        "references", "numbers", "deliveries", "audit trail",
                    ])
            }
        }
    }
}

private func mode(_ path: String) throws -> Int {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int ?? -1
}

func overwrite(_ path: String, at offset: UInt64, with bytes: [UInt8]) throws {
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.seek(toOffset: offset)
    try file.write(contentsOf: bytes)
    try file.close()
}
