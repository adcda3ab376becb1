import AttendanceCore
import Foundation
import GRDB
import Logging

/// Makes a journal out of what is left of a damaged one: from the newest good backup, from every row of the damaged
/// file and of its log that can still be read, from the index where rows cannot, and from the lines of the CSV files.
///
/// The damaged files stay as they are and keep a name. Whatever is owed afterwards is looked for before it is sent.
/// Decision: docs/decisions/0042-damaged-journal.md.
package struct JournalRescue: Sendable {
    package struct Report: Codable, Hashable, Sendable {
        package var reason: String
        /// Where the damaged files are.
        package var setAside = ""
        /// The backup that was taken to fill gaps; nil when there is no good one.
        package var backup: String?
        /// Punches in the journal now.
        package var punches = 0
        /// Of these: not in the damaged file any more, but in the backup; without their record, from an index; from
        /// the CSV files.
        package var fromBackup = 0
        package var fromIndex = 0
        package var fromCSV = 0
        /// Numbers of which nothing is left. Punches behind the last number that was found are not among them.
        package var lost = 0
        /// Nothing of the damaged file could be read: how many came after the backup cannot be told.
        package var isUnread = false
        package var owed = 0
        /// Tables of which not every row could be read.
        package var torn: [String] = []

        /// For the log, the alert and `/health`.
        package var words: String {
            var parts = ["\(punches) punches are in the journal"]
            if fromBackup > 0 { parts.append("\(fromBackup) of them from the backup") }
            if fromIndex > 0 { parts.append("\(fromIndex) without their records") }
            if fromCSV > 0 { parts.append("\(fromCSV) from the CSV files") }
            if lost > 0 { parts.append("\(lost) are lost here") }
            if isUnread {
                let known = backup == nil ? "what no CSV file has" : "what came after the backup"
                parts.append(
                    "nothing of the damaged file could be read: \(known) is lost here, and how much cannot be told"
                )
            } else if !torn.isEmpty {
                parts.append("not whole: \(torn.joined(separator: ", "))")
            }
            return parts.joined(separator: ", ")
                + ". Terminals are asked for their logs again; the damaged files are kept beside the journal"
        }
    }

    static let bookmark = "rebuilt"

    private let folder: DataFolder
    private let backups: String?
    private let csv: String?
    private let zone: String
    private let logger: Logger

    /// - `backups`: folder with backups, if there is one.
    /// - `csv`: folder of the CSV files, if they are written.
    /// - `zone`: that of terminals of which nothing else is known.
    package init(folder: String, backups: String?, csv: String?, zone: String, logger: Logger) {
        self.folder = DataFolder(path: folder)
        self.backups = backups
        self.csv = csv
        self.zone = zone
        self.logger = logger
    }

    /// Throws `StoreError` where nothing could be made: no room, no permission, a gateway that runs. Then nothing has
    /// changed.
    package func run(reason: String, at now: UnixTime) throws -> Report {
        let lock = try LockFile(path: folder.lock)
        defer { withExtendedLifetime(lock) {} }
        let replacement = JournalReplacement(folder: folder)
        replacement.removeDraft()
        var report = Report(reason: reason)
        let scratch = folder.path + "/journal.salvage.sqlite"
        defer {
            replacement.removeDraft()
            for suffix in ["", "-wal", "-shm"] { unlink(scratch + suffix) }
        }
        do {
            let direct = readable(folder.database)
            let backup = goodBackup(like: direct)
            report.backup = backup?.path
            if let backup { try DurableFile.copy(backup.database, to: replacement.draft) }
            try WriterConnection.close(after: { try WriterConnection(path: replacement.draft) }) {
                connection in
                let source = direct ?? grafted(backup: backup, scratch: scratch)
                var salvage = Salvage(
                    into: connection, from: source, basedOnBackup: backup != nil, zone: zone, now: now,
                    logger: logger)
                try salvage.run(csv: csv)
                report.take(salvage)
                try connection.transaction {
                    report.owed = try connection.markRestored(at: now, missingSince: salvage.missingSince)
                    try connection.setBookmark(String(report.lost), named: LostPunches.bookmark)
                    if salvage.isOldInParts { _ = try connection.endWhatIsOld(at: now) }
                }
            }
            report.setAside = try replacement.setAside(as: "damaged", at: now) ?? ""
            // Now that the place has its name, it can be told.
            try WriterConnection.close(after: { try WriterConnection(path: replacement.draft) }) {
                connection in
                try connection.transaction {
                    let told = ToldRebuilding(at: now.milliseconds, words: report.words)
                    try connection.setBookmark(
                        String(decoding: try JSONEncoder().encode(told), as: UTF8.self), named: Self.bookmark)
                    try connection.audit(
                        AuditEntry(
                            at: now, author: .gateway, action: "journal.rebuild",
                            subject: PlainText.line(report.setAside, limit: 200),
                            detail: PlainText.line("\(report.reason). \(report.words)", limit: 1_000)))
                }
            }
            try replacement.carryOut()
            return report
        } catch let error as BackupError {
            throw StoreError.io(detail: error.localizedDescription)
        }
    }

    /// The newest that is whole, and of the same journal as far as that can be told.
    private func goodBackup(like source: DatabaseQueue?) -> JournalBackup? {
        guard let backups else { return nil }
        for backup in BackupFolder(path: backups).backups() {
            do {
                try backup.check()
                if let source, try !isSameJournal(backup, source) {
                    throw BackupError.faulty(path: backup.path, detail: "it is of another journal")
                }
                return backup
            } catch {
                logger.warning(
                    "a backup is passed over",
                    metadata: ["path": "\(backup.path)", "reason": "\(error.localizedDescription)"])
            }
        }
        return nil
    }

    // MARK: Reading what is left

    /// Whether punches of one number are the same punch in both: not so after a restore of an older backup.
    private func isSameJournal(_ backup: JournalBackup, _ source: DatabaseQueue) throws -> Bool {
        let sql = "SELECT wall, terminal, enroll, door_event FROM punch WHERE id = ?"
        let newest = backup.manifest.newestPunch
        let copy = try DatabaseQueue(path: backup.database, configuration: .looking)
        return try copy.inDatabase { copy in
            try source.inDatabase { source in
                for number in stride(from: newest, to: max(0, newest - 200), by: -1) {
                    let known = try Row.fetchOne(copy, sql: sql, arguments: [number])
                    // A page that cannot be read says nothing.
                    guard let found = try? Row.fetchOne(source, sql: sql, arguments: [number]) else {
                        continue
                    }
                    if found != known { return false }
                }
                return true
            }
        }
    }

    /// The damaged database by the tables of another journal: of the backup, else of a new one; nil when not even then
    /// its rows can be told.
    private func grafted(backup: JournalBackup?, scratch: String) -> DatabaseQueue? {
        let new = folder.path + "/journal.model.sqlite"
        defer { for suffix in ["", "-wal", "-shm"] { unlink(new + suffix) } }
        for model in [backup?.database, new].compactMap({ $0 }) {
            do {
                if model == new {
                    try WriterConnection.close(after: { try WriterConnection(path: new) }) { _ in }
                }
                try JournalGraft(damaged: folder.database, scratch: scratch).graft(tablesOf: model)
            } catch {
                logger.warning(
                    "the damaged file's tables cannot be made up for",
                    metadata: ["model": "\(model)", "error": "\(error)"])
                continue
            }
            if let queue = readable(scratch) { return queue }
        }
        return nil
    }

    private func readable(_ path: String) -> DatabaseQueue? {
        do {
            let queue = try DatabaseQueue(path: path, configuration: .looking)
            let fits = try queue.inDatabase { db -> Bool in
                guard try Int32.fetchOne(db, sql: "PRAGMA application_id") == Migrations.applicationID else {
                    return false
                }
                _ = try Row.fetchAll(db, sql: "SELECT * FROM sqlite_schema")
                // The index must lead to the rows that it was made from.
                let rows =
                    (try? Row.fetchAll(
                        db, sql: "SELECT id, wall, terminal, enroll, door_event FROM punch LIMIT 20")) ?? []
                return rows.allSatisfy { row in
                    let found = try? Int64.fetchOne(
                        db,
                        sql:
                            "SELECT id FROM punch WHERE wall = ? AND terminal = ? AND enroll = ? AND door_event = ?",
                        arguments: [
                            row["wall"] as DatabaseValue, row["terminal"] as DatabaseValue,
                            row["enroll"] as DatabaseValue, row["door_event"] as DatabaseValue,
                        ])
                    return found == nil || found == row["id"] as Int64?
                }
            }
            return fits ? queue : nil
        } catch {
            logger.info("not readable as it is", metadata: ["path": "\(path)", "error": "\(error)"])
            return nil
        }
    }
}

/// What the next start tells of it.
package struct ToldRebuilding: Codable, Sendable {
    package var at: Int64
    package var words: String
}

extension SQLiteStore {
    /// Tells of a rebuilding that this journal has behind it, as long as that is news.
    package func recallRebuilding() async throws {
        guard let text = try await bookmark(named: JournalRescue.bookmark) else { return }
        let told = try JSONDecoder().decode(ToldRebuilding.self, from: Data(text.utf8))
        tellOfRebuilding(at: UnixTime(milliseconds: told.at), told.words)
    }

    /// Since when punches may be missing that terminals still hold: after a restore or a rebuilding, once.
    package func missingSince() async throws -> UnixTime? {
        try await bookmark(named: WriterConnection.missingBookmark).flatMap(Int64.init)
            .map(UnixTime.init(milliseconds:))
    }
    package func missingWasAskedFor() async throws {
        try await setBookmark("", named: WriterConnection.missingBookmark)
    }
}

extension WriterConnection {
    /// Opens, lets `body` use it, and closes before it returns.
    static func close(
        after open: () throws -> WriterConnection, _ body: (WriterConnection) throws -> Void
    ) throws {
        let connection = try open()
        try body(connection)
    }
}

extension JournalRescue.Report {
    fileprivate mutating func take(_ salvage: Salvage) {
        punches = salvage.punches
        fromBackup = salvage.fromBackup
        fromIndex = salvage.fromIndex
        fromCSV = salvage.fromCSV
        lost = salvage.lost
        torn = salvage.torn.sorted()
        isUnread = salvage.isUnread
    }
}
