import AttendanceCore
import Crypto
import Foundation
import GRDB

// The audit trail and the alerts: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// Appends a row, chained to the one before it.
    func audit(_ entry: AuditEntry) throws {
        let last = try Row.fetchOne(db, sql: "SELECT id, chain FROM audit ORDER BY id DESC LIMIT 1")
        let previous = last.map { $0["chain"] as Data } ?? AuditChain.start
        try db.cachedStatement(
            sql:
                "INSERT INTO audit (id, at, author, action, subject, detail, chain) VALUES (?, ?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            (last.map { $0["id"] as Int64 } ?? 0) + 1, entry.at.milliseconds, entry.author.name, entry.action,
            entry.subject, entry.detail,
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
