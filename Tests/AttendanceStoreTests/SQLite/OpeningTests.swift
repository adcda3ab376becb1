import AttendanceCore
import Foundation
import GRDB
import Logging
import ServiceLifecycle
import Testing

@testable import AttendanceStore

@Suite("SQLite: opening", .timeLimit(.minutes(10))) struct OpeningTests {
    @Test func `the writer's commits are full and synchronous`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                let pragmas = try await store.onWriter { connection in
                    try ["synchronous", "journal_mode", "page_size", "foreign_keys", "application_id"].map {
                        try String.fetchOne(connection.db, sql: "PRAGMA \($0)") ?? "none"
                    }
                }
                #expect(pragmas == ["2", "wal", "4096", "0", "1096042327"])
            }
        }
    }

    @Test func `folder and files are the owner's alone`() async throws {
        try await withTemporaryFolder { parent in
            let folder = parent + "/a/data"
            try await withSQLiteStore(in: folder) { store in
                _ = try await store.record(Sample.batch([Sample.punch()]))
                for (path, mode) in [
                    (folder, 0o700), (folder + "/journal.sqlite", 0o600),
                    (folder + "/journal.sqlite-wal", 0o600),
                    (folder + "/journal.lock", 0o600),
                ] {
                    let attributes = try FileManager.default.attributesOfItem(atPath: path)
                    #expect(attributes[.posixPermissions] as? Int == mode, "\(path)")
                }
            }
        }
    }

    @Test func `a second store on the same folder is refused and told by whom`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { _ in
                let error = try await storeError { try await withSQLiteStore(in: folder) { _ in } }
                #expect(error == .locked(path: folder + "/journal.lock", holder: String(getpid())))
            }
            // Closed, so free again.
            try await withSQLiteStore(in: folder) { _ in }
        }
    }

    @Test func `a journal of a newer version is refused and left as it is`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                try await store.onWriter {
                    try $0.db.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('v99')")
                }
            }
            let before = try Data(contentsOf: URL(fileURLWithPath: folder + "/journal.sqlite"))
            let error = try await storeError { try await withSQLiteStore(in: folder) { _ in } }
            #expect(error == .newerVersion(path: folder + "/journal.sqlite", found: "v99"))
            #expect(error.errorDescription?.contains("newer version") == true)
            #expect(try await storeError { _ = try SQLiteReader(folder: folder) }.isNewer)
            #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/journal.sqlite")) == before)
        }
    }

    @Test func `the header of an open journal tells the schema to whoever has no SQLite`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { _ in
                // Bytes 60 to 63, big-endian: https://www.sqlite.org/fileformat.html
                let header = try Data(contentsOf: URL(fileURLWithPath: folder + "/journal.sqlite")).prefix(
                    100)
                #expect(
                    header[60..<64].reduce(0) { $0 << 8 | Int($1) } == Migrations.migrator.migrations.count)
            }
        }
    }

    @Test func `another program's database is refused and left as it is`() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/journal.sqlite"
            let other = try DatabaseQueue(path: path)
            try await other.write { try $0.execute(sql: "CREATE TABLE theirs (a)") }
            try other.close()
            let before = try Data(contentsOf: URL(fileURLWithPath: path))
            #expect(try await storeError { try await withSQLiteStore(in: folder) { _ in } }.isForeign)
            #expect(try await storeError { _ = try SQLiteReader(folder: folder) }.isForeign)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        }
    }

    @Test func `a file that is no database is refused as damaged`() async throws {
        try await withTemporaryFolder { folder in
            try Data("not a database, but long enough to be looked at for one".utf8).write(
                to: URL(fileURLWithPath: folder + "/journal.sqlite"))
            #expect(try await storeError { try await withSQLiteStore(in: folder) { _ in } }.isDamaged)
        }
    }

    @Test func `a folder that cannot be made is an error that names it`() async throws {
        try await withTemporaryFolder { folder in
            try Data().write(to: URL(fileURLWithPath: folder + "/file"))
            let error = try await storeError { try await withSQLiteStore(in: folder + "/file/data") { _ in } }
            #expect(error.isIO)
            #expect(error.errorDescription?.contains(folder + "/file/data") == true)
        }
    }

    // Permissions do not bind root.
    @Test(.enabled(if: geteuid() != 0)) func `a read-only folder is an error`() async throws {
        try await withTemporaryFolder { folder in
            try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: folder)
            #expect(try await storeError { try await withSQLiteStore(in: folder) { _ in } }.isIO)
        }
    }

    @Test func `a reader looks beside an open store and cannot write`() async throws {
        try await withTemporaryFolder { folder in
            #expect(try await storeError { _ = try SQLiteReader(folder: folder) }.isIO)
            try await withSQLiteStore(in: folder) { store in
                try await store.setSinks([.erpnext])
                let reader = try SQLiteReader(folder: folder)
                defer { reader.close() }
                _ = try await store.record(Sample.batch(Sample.punches(3), quarantined: [("x", [1])]))
                #expect(try await reader.allPunches().count == 3)
                #expect(try await reader.quarantine(after: 0, limit: 9).count == 1)
                #expect(try await reader.deadLetters(.init(), after: 0, limit: 9).isEmpty)
                let status = try await reader.status()
                #expect(status.punches == 3)
                #expect(status.queues[.erpnext]?.owed == 3)
                #expect(status.queues[.erpnext]?.oldest == Sample.now)
            }
            // And without a store.
            let reader = try SQLiteReader(folder: folder)
            #expect(try await reader.allPunches().count == 3)
            reader.close()
            try await withSQLiteStore(in: folder) { try await $0.expectConsistent() }
        }
    }

    @Test func `as a service it stays open until the group shuts down`() async throws {
        try await withTemporaryFolder { folder in
            let store = try SQLiteStore(folder: folder, options: testOptions(), logger: Logger(label: "test"))
            let group = ServiceGroup(
                configuration: .init(services: [.init(service: store)], logger: Logger(label: "test")))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                _ = try await store.record(Sample.batch([Sample.punch()]))
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(try await storeError { try await store.proveWritable() } == .closed)
            // The log went into the database, so that the file alone is whole.
            #expect(!FileManager.default.fileExists(atPath: folder + "/journal.sqlite-wal"))
            let punches = try await withSQLiteStore(in: folder) { try await $0.status().punches }
            #expect(punches == 1)
        }
    }
}
