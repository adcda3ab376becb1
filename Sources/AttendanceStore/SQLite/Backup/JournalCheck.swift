import AttendanceCore
import Foundation
import GRDB

/// Looks whether a journal is what it must be: the file, the tables among each other, the audit trail, what is sealed.
package struct JournalCheck: Sendable {
    private let path: String
    private let keyFile: String?
    /// Lines that one check tells at most.
    private static let mostLines = 10

    /// Of the journal in this folder, also while a gateway has it open.
    ///
    /// - `keyFile`: of the vault; nil leaves what is sealed alone.
    package init(folder: String, keyFile: String?) {
        self.init(database: DataFolder(path: folder).database, keyFile: keyFile)
    }

    package init(backup: JournalBackup, keyFile: String?) {
        self.init(database: backup.database, keyFile: keyFile)
    }

    init(database: String, keyFile: String?) {
        path = database
        self.keyFile = keyFile
    }

    /// Reads all of it, one snapshot. Throws `StoreError` where there is nothing to be read.
    package func run() async throws -> JournalVerification {
        guard DurableFile.size(path) != nil else {
            throw StoreError.io(detail: "there is no journal at \(path)")
        }
        return try await Aside.run { [self] in
            var result = JournalVerification()
            do {
                let queue = try DatabaseQueue(path: path, configuration: .looking)
                try queue.inDatabase { db in
                    try db.execute(sql: "BEGIN")
                    // It only reads: there is nothing in it to lose.
                    defer { try? db.execute(sql: "ROLLBACK") }
                    look(at: db, &result)
                }
                try queue.close()
            } catch {
                let told = StoreError(error, path: path)
                guard case .damaged(_, let detail) = told else { throw told }
                result.checks.append(.init("file", .failed, detail))
            }
            return result
        }
    }

    private func look(at db: Database, _ result: inout JournalVerification) {
        check("schema", &result) {
            try Migrations.refuseForeign(db, path: path)
            let known = try Migrations.migrator.hasCompletedMigrations(db)
            let applied = try Migrations.applied(db).joined(separator: ", ")
            return known
                ? (.ok, applied) : (.note, "\(applied): older than this program, which brings it up to date")
        }
        // Tables are only compared where the program knows them.
        guard result.isSound, result.checks.last?.result == .ok else {
            check("file", &result) { try integrity(db) }
            return
        }
        check("file", &result) { try integrity(db) }
        check("references", &result) {
            let faults = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").prefix(Self.mostLines)
            let words = faults.map {
                "\($0["table"] as String) refers to a \($0["parent"] as String) that is not there"
            }
            return faults.isEmpty
                ? (.ok, "every row refers to one that is there") : (.failed, words.joined(separator: "; "))
        }
        check("numbers", &result) { try numbers(db) }
        check("deliveries", &result) { try deliveries(db) }
        check("audit trail", &result) { try audit(db) }
        check("sealed", &result) { try sealed(db) }
    }

    private func check(
        _ name: String, _ result: inout JournalVerification,
        _ body: () throws -> (JournalVerification.Check.Result, String)
    ) {
        do {
            let (outcome, words) = try body()
            result.checks.append(.init(name, outcome, PlainText.line(words, limit: 2_000)))
        } catch {
            result.checks.append(
                .init(name, .failed, PlainText.line(StoreError(error, path: path).localizedDescription)))
        }
    }

    private func integrity(_ db: Database) throws -> (JournalVerification.Check.Result, String) {
        let lines = try String.fetchAll(db, sql: "PRAGMA integrity_check(\(Self.mostLines))")
        return lines == ["ok"]
            ? (.ok, "every page and every index is whole") : (.failed, lines.joined(separator: "; "))
    }

    private func numbers(_ db: Database) throws -> (JournalVerification.Check.Result, String) {
        let row = try Row.fetchOne(
            db, sql: "SELECT COUNT(*) AS rows, COALESCE(MAX(id), 0) AS last FROM punch")
        let (rows, last): (Int64, Int64) = (row?["rows"] ?? 0, row?["last"] ?? 0)
        guard rows != last else { return (.ok, "\(rows) punches, no number missing") }
        let lost = try LostPunches.count(db)
        return last - rows <= lost
            ? (.note, "\(rows) punches; \(last - rows) numbers are missing since the journal was rebuilt")
            : (.failed, "\(last - rows) numbers of punches below \(last) are missing")
    }

    /// What one punch at one sink cannot be at the same time.
    private func deliveries(_ db: Database) throws -> (JournalVerification.Check.Result, String) {
        let contradictions: [(String, String)] = [
            (
                "owed and a dead letter",
                "outbox o JOIN dead_letter d ON d.sink = o.sink AND d.punch = o.punch"
            ),
            ("owed and given up", "outbox o JOIN discarded d ON d.sink = o.sink AND d.punch = o.punch"),
            (
                "a dead letter and given up",
                "dead_letter o JOIN discarded d ON d.sink = o.sink AND d.punch = o.punch"
            ),
            ("owed and held back", "outbox o JOIN held d ON d.punch = o.punch"),
            (
                "owed, and none that is forwarded",
                """
                outbox o JOIN punch p ON p.id = o.punch LEFT JOIN correction c ON c.punch = p.id
                WHERE p.kind <> 0 OR (p.doubt <> 0 AND c.wall IS NULL)
                """
            ),
            (
                "a dead letter that was never tried",
                """
                dead_letter o WHERE NOT EXISTS
                    (SELECT 1 FROM attempt a WHERE a.sink = o.sink AND a.punch = o.punch)
                """
            ),
        ]
        var faults: [String] = []
        for (words, query) in contradictions {
            let count = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM \(query)") ?? 0
            if count > 0 { faults.append("\(count) punches are \(words)") }
        }
        let owed = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM outbox") ?? 0
        return faults.isEmpty
            ? (.ok, "\(owed) owed, none in two states") : (.failed, faults.joined(separator: "; "))
    }

    private func audit(_ db: Database) throws -> (JournalVerification.Check.Result, String) {
        var check = AuditCheck()
        let rows = try Row.fetchCursor(db, sql: "SELECT * FROM audit ORDER BY id")
        while let row = try rows.next() {
            check.take(
                AuditRow(
                    id: row["id"], at: UnixTime(milliseconds: row["at"]), author: row["author"],
                    action: row["action"], subject: row["subject"], detail: row["detail"],
                    hash: Array(row["chain"] as Data)))
        }
        check.finish()
        guard check.findings.isEmpty else {
            return (.failed, check.findings.prefix(Self.mostLines).map(\.words).joined(separator: "; "))
        }
        let head = check.months.last.map { ", the last hash is \(AuditChain.text($0.head))" } ?? ""
        return (.ok, "\(check.rows) rows, nothing was changed\(head)")
    }

    private func sealed(_ db: Database) throws -> (JournalVerification.Check.Result, String) {
        guard let keyFile, DurableFile.size(keyFile) != nil else {
            let isAny = try SealedRow.Table.allCases.contains {
                try !Queries.sealed(db, in: $0, after: Int64.min, limit: 1).isEmpty
            }
            return isAny
                ? (.skipped, "the key file is not here, so what is sealed was not opened")
                : (.ok, "nothing is sealed")
        }
        let vault = Vault(path: keyFile, isInUse: true)
        var (whole, broken) = (0, 0)
        var trouble: String?
        for table in SealedRow.Table.allCases {
            var after = Int64.min
            while true {
                let page = try Queries.sealed(db, in: table, after: after, limit: 100)
                guard let last = page.last else { break }
                for row in page {
                    do {
                        _ = try vault.open(row.sealed, for: row.context)
                        whole += 1
                    } catch {
                        broken += 1
                        trouble = trouble ?? error.localizedDescription
                    }
                }
                after = last.id
            }
        }
        return broken == 0
            ? (.ok, "\(whole) sealed rows can be opened")
            : (.failed, "\(broken) of \(whole + broken) sealed rows cannot be opened: \(trouble ?? "")")
    }
}
