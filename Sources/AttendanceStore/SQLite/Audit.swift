import AttendanceCore
import Crypto
import Foundation
import GRDB

// The audit trail and the alerts: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// Appends a row, chained to the one before it.
    func audit(_ entry: AuditEntry) throws {
        let previous =
            try Data.fetchOne(db, sql: "SELECT chain FROM audit ORDER BY id DESC LIMIT 1") ?? AuditChain.start
        try db.cachedStatement(
            sql: "INSERT INTO audit (at, author, action, subject, detail, chain) VALUES (?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            entry.at.milliseconds, entry.author.name, entry.action, entry.subject, entry.detail,
            AuditChain.link(entry, to: previous),
        ])
    }

    /// See `Store.setAlerts`.
    func setAlerts(_ alerts: [AlertRecord]) throws {
        try db.execute(sql: "DELETE FROM alert")
        let statement = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO alert
                    (kind, subject, severity, title, detail, remedy, since, told, clear_since)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        for alert in alerts {
            try statement.execute(arguments: [
                alert.kind, alert.subject, alert.severity.rawValue, alert.title, alert.detail, alert.remedy,
                alert.since.milliseconds, alert.told?.milliseconds, alert.clearSince?.milliseconds,
            ])
        }
    }
}

/// Each row of the trail holds a hash of itself and of the row before it, so that a row that was changed or taken out
/// later shows.
enum AuditChain {
    static let start = Data(count: 32)

    static func link(_ entry: AuditEntry, to previous: Data) -> Data {
        var hash = SHA256()
        hash.update(data: previous)
        let fields = [
            String(entry.at.milliseconds), entry.author.name, entry.action, entry.subject, entry.detail,
        ]
        for field in fields {
            // Lengths, so that no text can slip from one field into the next.
            withUnsafeBytes(of: UInt64(field.utf8.count).littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: Data(field.utf8))
        }
        return Data(hash.finalize())
    }
}
