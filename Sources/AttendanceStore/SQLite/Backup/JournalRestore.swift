import AttendanceCore
import Foundation
import GRDB
import Logging

/// Puts a backup in the place of the journal in a folder. No gateway may have that open.
package struct JournalRestore: Sendable {
    /// What would happen, or has.
    package struct Outcome: Codable, Hashable, Sendable {
        package var backup: String
        package var manifest: BackupManifest
        /// Punches in the journal that is there now; nil when there is none that can be read.
        package var present: Int?
        /// How many of them are newer than the backup.
        package var newer: Int?
        /// Where the present journal was put; nil when nothing was done yet, or there was none.
        package var setAside: String?
        /// Deliveries that are looked for before they are sent again.
        package var owed = 0
        /// Commands that had not ended when the backup was made, and that are not carried out any more.
        package var commands = 0
    }

    private let folder: DataFolder
    private let backup: JournalBackup

    package init(folder: String, backup: JournalBackup) {
        self.folder = DataFolder(path: folder)
        self.backup = backup
    }

    /// Looks at both and changes nothing. Throws `StoreError.locked` while a gateway runs, `BackupError` for a backup
    /// that must not be used.
    package func plan() throws -> Outcome {
        try folder.create()
        let lock = try LockFile(path: folder.lock)
        defer { withExtendedLifetime(lock) {} }
        return try look()
    }

    /// Sets the present journal aside and puts the backup in its place, all at once. Throws as `plan`, and `StoreError`.
    package func apply(by author: Author, at now: UnixTime) throws -> Outcome {
        try folder.create()
        let lock = try LockFile(path: folder.lock)
        defer { withExtendedLifetime(lock) {} }
        let replacement = JournalReplacement(folder: folder)
        try replacement.finish()
        var outcome = try look()
        replacement.removeDraft()
        do {
            try DurableFile.copy(backup.database, to: replacement.draft)
            guard try DurableFile.sha256(replacement.draft) == backup.manifest.sha256 else {
                throw BackupError.faulty(path: replacement.draft, detail: "the copy differs from the backup")
            }
            var owed = 0
            var commands = 0
            let connection = try WriterConnection(path: replacement.draft)
            try connection.transaction {
                let taken = backup.manifest.takenAt
                owed = try connection.markRestored(at: now, missingSince: taken)
                commands = try connection.endWhatIsOld(at: now)
                try connection.audit(
                    AuditEntry(
                        at: now, author: author, action: "journal.restore",
                        subject: PlainText.line(backup.path, limit: 200),
                        detail:
                            "backup of \(backup.manifest.taken), \(backup.manifest.punches) punches; the journal "
                            + "before it had \(outcome.present.map(String.init) ?? "an unknown number")"))
            }
            outcome.owed = owed
            outcome.commands = commands
        } catch {
            replacement.removeDraft()
            throw error
        }
        outcome.setAside = try replacement.setAside(as: "replaced", at: now)
        try replacement.carryOut()
        return outcome
    }

    private func look() throws -> Outcome {
        try backup.check()
        var outcome = Outcome(backup: backup.path, manifest: backup.manifest)
        guard DurableFile.size(folder.database) != nil else { return outcome }
        // A journal that cannot be read is no reason not to restore: it is the usual one.
        let newest = try? DatabaseQueue(path: folder.database, configuration: .looking).inDatabase { db in
            try Int.fetchOne(db, sql: "SELECT COALESCE(MAX(id), 0) FROM punch")
        }
        if let newest {
            outcome.present = newest
            outcome.newer = max(0, newest - backup.manifest.punches)
        }
        return outcome
    }
}

extension WriterConnection {
    static let restoredBookmark = "restored"
    static let missingBookmark = "missing since"
    /// Terminals' clocks may be ahead by so much, in seconds, and their punches have been sent all the same.
    private static let clocksAhead: Int64 = 600

    /// What to write into `outbox.begun` for a punch of that time: set, it is looked for before it is sent.
    func mayHaveBeenSent(_ instant: Int64) -> Int64? {
        guard let restored = state.restored, instant <= restored.seconds + Self.clocksAhead else {
            return nil
        }
        return restored.milliseconds
    }

    func mayHaveBeenSent(number: Int64) throws -> Int64? {
        guard state.restored != nil else { return nil }
        let instant = try Int64.fetchOne(
            db, sql: "SELECT instant FROM punch WHERE id = ?", arguments: [number])
        return instant.flatMap { mayHaveBeenSent($0) }
    }

    /// After a journal was put back or rebuilt: whatever is owed, and every punch of an earlier time that comes yet,
    /// may have been sent by the journal that was there before. Returns how much is owed.
    ///
    /// - `missingSince`: since when punches may be missing; terminals are asked for them.
    func markRestored(at now: UnixTime, missingSince: UnixTime) throws -> Int {
        try db.execute(
            sql: "UPDATE outbox SET begun = COALESCE(begun, ?)", arguments: [now.milliseconds])
        let owed = changes
        state.restored = now
        try setBookmark(String(now.milliseconds), named: Self.restoredBookmark)
        try setBookmark(String(missingSince.milliseconds), named: Self.missingBookmark)
        return owed
    }

    /// What was to happen when the backup was made may have happened since: no door opens twice, nobody stays signed in,
    /// no code that was used up opens again. Returns how many commands were ended.
    func endWhatIsOld(at now: UnixTime) throws -> Int {
        try db.execute(
            sql: """
                UPDATE command SET state = CASE state WHEN 0 THEN \(CommandState.cancelled.rawValue)
                    ELSE \(CommandState.unknown.rawValue) END,
                    finished = ?, secrets = NULL, words = 'a backup was restored'
                WHERE state <= 1
                """, arguments: [now.milliseconds])
        let commands = changes
        try db.execute(
            sql: "UPDATE access_code SET revoked = ?1 WHERE revoked IS NULL AND ends > ?1",
            arguments: [now.milliseconds])
        for table in ["session", "setup", "idempotency"] { try db.execute(sql: "DELETE FROM \(table)") }
        return commands
    }
}

/// Numbers whose punches could not be read any more when the journal was rebuilt.
enum LostPunches {
    static let bookmark = "lost punches"

    static func count(_ db: Database) throws -> Int {
        try Queries.bookmark(db, named: bookmark).flatMap(Int.init) ?? 0
    }
}
