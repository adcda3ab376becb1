import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import GRDB
import Logging
import Testing

@testable import AttendanceGateway

/// Who did what, as the command line shows it, and what it makes of a trail that somebody has edited.
@Suite(.timeLimit(.minutes(10))) struct `The audit trail` {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func config(in folder: TemporaryFolder) throws -> [String] {
        let path = folder.path + "/config.ini"
        try "[Server]\nHost = 127.0.0.1\n[Terminals]\nTimeZone = UTC\n".write(
            toFile: path, atomically: true, encoding: .utf8)
        return ["--config", path, "--set", "Store.Directory=\(folder.path)/data"]
    }

    private static func write(_ actions: [String], in folder: TemporaryFolder) async throws {
        let store = try SQLiteStore(
            folder: folder.path + "/data", options: StoreOptions(now: { UnixTime(seconds: 1_795_312_800) }),
            logger: quiet)
        for action in actions {
            try await store.audit(
                AuditEntry(
                    at: UnixTime(seconds: 1_795_312_800), author: Author("ada"), action: action, subject: "s",
                    detail: "d"))
        }
        await store.close()
    }

    /// As somebody would with a tool of their own.
    private static func edit(_ sql: String, in folder: TemporaryFolder) async throws {
        let database = try DatabaseQueue(path: folder.path + "/data/journal.sqlite")
        try await database.write { database in
            for trigger in ["audit_rows_stay", "audit_rows_go_nowhere", "audit_rows_follow"] {
                try database.execute(sql: "DROP TRIGGER \(trigger)")
            }
            try database.execute(sql: sql)
        }
        try database.close()
    }

    @Test(arguments: [
        ("UPDATE audit SET author = 'eve' WHERE id = 2", "row 2 "),
        ("UPDATE audit SET detail = 'x' WHERE id = 3", "row 3 "),
        ("UPDATE audit SET at = at + 1 WHERE id = 1", "row 1 "),
        ("DELETE FROM audit WHERE id = 2", "2"),
        ("UPDATE audit SET id = 9 WHERE id = 3", "9"),
    ])
    func `that was edited is told with the row, and ends with 1`(sql: String, words: String) async throws {
        let folder = try TemporaryFolder()
        let source = try Self.config(in: folder)
        try await Self.write(["one", "two", "three", "four"], in: folder)
        let sound = try await GatewayProcess.run(["audit", "verify"] + source, in: folder)
        #expect(sound.status == 0 && sound.output.contains("4 rows, nothing was changed"))
        try await Self.edit(sql, in: folder)
        let edited = try await GatewayProcess.run(["audit", "verify"] + source, in: folder)
        #expect(edited.status == 1)
        #expect(edited.output.contains("the audit trail was changed"))
        #expect(
            edited.output.split(separator: "\n").contains { $0.hasPrefix("2026-11: ") && $0.contains(words) },
            "\(edited.output)")
    }

    @Test func `that was shortened is found by a hash that was kept`() async throws {
        let folder = try TemporaryFolder()
        let source = try Self.config(in: folder)
        try await Self.write(["one", "two", "three"], in: folder)
        let before = try await GatewayProcess.run(
            ["audit", "verify", "--format", "csv"] + source, in: folder)
        let cells = before.output.split { $0 == "," || $0 == "\n" }.map { String($0) }
        let hash = try #require(cells.last { $0.count == 64 }, "\(before.output)")
        try await Self.edit("DELETE FROM audit WHERE id = 3", in: folder)
        // Without what was kept nobody can tell.
        #expect(try await GatewayProcess.run(["audit", "verify"] + source, in: folder).status == 0)
        let asked = try await GatewayProcess.run(
            ["audit", "verify", "--expect", hash] + source, in: folder)
        #expect(asked.status == 1)
        #expect(asked.output.contains("no row has the hash \(hash)"), "\(asked.output)")
    }

    @Test func `tells who took punches and people out, by what filter, and how many`() async throws {
        let people = ["people", "export"]
        let punches = ["export", "--terminal", "ZX01", "--format", "json"]
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            _ = try await terminal.register()
            _ = try await terminal.sendLog((1...3).map { .tfs($0, at: wallNow(-60)) })
            let roster = gateway.folder + "/people.csv"
            try ",7,Ada\n,8,Bo\n".write(toFile: roster, atomically: true, encoding: .utf8)
            #expect(try await gateway.command(["people", "import", roster]).status == 0)
            let file = gateway.folder + "/punches.csv"
            #expect(try await gateway.command(["export", "--output", file]).status == 0)
            #expect(try await gateway.command(punches).output.split(separator: "\n").count == 3)
            #expect(try await gateway.command(people).output.contains("Ada"))
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 100)
            let told = trail.filter { $0.action.hasSuffix(".export") }
            #expect(told.map(\.action) == ["punches.export", "punches.export", "people.export"])
            #expect(
                told.map(\.detail) == [
                    "3 rows; everything", "3 rows; terminal ZX01", "2 rows; everybody",
                ])
            #expect(told.allSatisfy { $0.author.name.hasSuffix("(command line)") })
        }
        // And without a running gateway.
        let folder = try TemporaryFolder()
        let source = try Self.config(in: folder)
        try await Self.write([], in: folder)
        #expect(try await GatewayProcess.run(punches + source, in: folder).status == 0)
        let listed = try await GatewayProcess.run(
            ["audit", "--action", "punches.export", "--format", "csv"] + source, in: folder)
        #expect(listed.output.contains("0 rows; terminal ZX01"), "\(listed.output)")
    }

    // MARK: Settings

    private static func load(_ text: String, in folder: TemporaryFolder) throws -> LoadedSettings {
        let path = folder.path + "/config.ini"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return SettingsLoader(
            path: path, environment: [:], workingFolder: folder.path, executableFolder: nil,
            machineTimeZone: "Asia/Kolkata"
        ).load()
    }

    @Test func `tells changed settings at a reload and between two runs, and no secret`() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(
            folder: folder.path + "/data", options: StoreOptions(now: { UnixTime(seconds: 1_795_312_800) }),
            logger: Self.quiet)
        let audit = SettingsAudit(
            store: store, now: { UnixTime(seconds: 1_795_312_800) }, logger: Self.quiet)
        var seen: Int64 = 0
        func news() async throws -> [AuditEntry] {
            let rows = try await store.auditTrail(after: seen, limit: 1_000)
            seen = rows.last?.id ?? seen
            return rows
        }
        let first = try Self.load(
            "[Security]\nAuthToken = old-token-1\n[Server]\nPort = 8081\n[Terminal A]\nName = Gate\n",
            in: folder)
        await audit.started(with: first)
        var rows = try await news()
        #expect(rows.map(\.action) == ["settings.known"])
        #expect(rows.first?.detail.hasSuffix("settings at the first start") == true)
        // The same again says nothing.
        await audit.started(with: first)
        #expect(try await news().isEmpty)

        let second = try Self.load(
            "[Security]\nAuthToken = new-token-2\n[Server]\nPort = 8082\n[Terminal A]\nName = Door\n",
            in: folder)
        await audit.reloaded(SettingsDifference(from: first, to: second), second)
        rows = try await news()
        #expect(rows.allSatisfy { $0.action == "settings.change" && $0.author == .gateway })
        func detail(_ subject: String) -> String? { rows.first { $0.subject == subject }?.detail }
        #expect(detail("[Terminal A] Name") == "Gate -> Door; by a reload")
        #expect(detail("[Server] Port") == "8081 -> 8082; by a reload, in force from the next start")
        #expect(detail("[Security] AuthToken") == "redacted -> redacted; by a reload")
        // What a reload has told is not told again at the next start.
        await audit.started(with: second)
        #expect(try await news().isEmpty)

        let third = try Self.load("[Server]\nPort = 8082\n", in: folder)
        await audit.started(with: third)
        rows = try await news()
        #expect(detail("[Terminal A] Name") == "Door -> (not there); found at the start")
        #expect(detail("[Security] AuthToken")?.contains("; found at the start") == true)
        let all = try await store.auditTrail(after: 0, limit: 1_000)
        #expect(!all.contains { "\($0)".contains("-token-") })

        // More than anybody reads is counted.
        let many = try Self.load(
            "[Server]\nPort = 8082\n" + (1...300).map { "[Terminal T\($0)]\nName = N\($0)\n" }.joined(),
            in: folder)
        await audit.reloaded(SettingsDifference(from: third, to: many), many)
        rows = try await news()
        #expect(rows.count == SettingsAudit.mostRows + 1)
        #expect(rows.last?.detail.hasSuffix(" more; by a reload") == true)
        await store.close()
        // A journal that cannot be written costs the note, and nothing else.
        await audit.started(with: first)
    }
}
