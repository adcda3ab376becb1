import AttendanceCore
import Foundation
import GRDB

// Terminals, the audit trail and alerts.

extension Queries {
    static func terminals(_ db: Database, after: SerialNumber?, limit: Int) throws -> [TerminalRecord] {
        try Row.fetchAll(
            db, sql: "\(terminalColumns) AND folded > ? ORDER BY folded LIMIT ?",
            arguments: [after?.folded ?? "", limit]
        ).map(terminal)
    }

    static func terminal(_ db: Database, _ serial: SerialNumber) throws -> TerminalRecord? {
        try Row.fetchOne(db, sql: "\(terminalColumns) AND folded = ?", arguments: [serial.folded])
            .map(terminal)
    }

    /// Of those that were not forgotten.
    private static let terminalColumns = """
        SELECT t.*, (SELECT COUNT(*) FROM held h WHERE h.terminal = t.id) AS held FROM terminal t
        WHERE standing <> \(WriterConnection.forgotten)
        """

    private static func terminal(_ row: Row) throws -> TerminalRecord {
        TerminalRecord(
            serial: try SerialNumber(stored: row["serial"]),
            firstSeen: UnixTime(milliseconds: row["first_seen"]),
            lastSeen: UnixTime(milliseconds: row["last_seen"]),
            lastHeard: UnixTime(stored: row["last_heard"]), address: row["address"], model: row["model"],
            firmware: row["firmware"], backlog: row["backlog"], skew: row["skew"],
            completeUntil: row["complete_until"], deviceInfo: row["device_info"],
            standing: try stored(TerminalStanding(rawValue: row["standing"]), "terminal.standing"),
            name: row["name"], location: row["location"], group: row["grouping"], zone: row["zone"],
            dialect: row["dialect"],
            token: try (row["token"] as Data?).map {
                try stored(TokenDigest([UInt8]($0)), "terminal.token")
            }, previousAddress: row["previous_address"], moved: UnixTime(stored: row["moved"]),
            held: row["held"])
    }

    static func clockReading(_ db: Database, of terminal: SerialNumber, near moment: UnixTime) throws
        -> ClockReading?
    {
        func reading(_ condition: String) throws -> ClockReading? {
            try Row.fetchOne(
                db,
                sql: """
                    SELECT at, skew FROM clock
                    WHERE terminal = (SELECT id FROM terminal WHERE folded = ?) AND \(condition) LIMIT 1
                    """, arguments: [terminal.folded, moment.milliseconds]
            ).map { ClockReading(at: UnixTime(milliseconds: $0["at"]), skew: $0["skew"]) }
        }
        return try reading("at <= ? ORDER BY at DESC") ?? reading("at > ? ORDER BY at")
    }

    static func auditTrail(_ db: Database, after: Int64, limit: Int) throws -> [AuditEntry] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?", arguments: [after, limit]
        ).map(auditEntry)
    }

    static func auditRows(_ db: Database, after: Int64, limit: Int) throws -> [AuditRow] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM audit WHERE id > ? ORDER BY id LIMIT ?", arguments: [after, limit]
        ).map { row in
            AuditRow(
                id: row["id"], at: UnixTime(milliseconds: row["at"]), author: row["author"],
                action: row["action"], subject: row["subject"], detail: row["detail"],
                hash: Array(row["chain"] as Data))
        }
    }

    static func alerts(_ db: Database) throws -> [AlertRecord] {
        try Row.fetchAll(db, sql: "SELECT * FROM alert ORDER BY since, kind, subject").map { row in
            AlertRecord(
                kind: row["kind"], subject: row["subject"],
                severity: try stored(
                    AlertRecord.Severity(rawValue: row["severity"] as String), "alert.severity"),
                title: row["title"], detail: row["detail"], remedy: row["remedy"],
                since: UnixTime(milliseconds: row["since"]), told: UnixTime(stored: row["told"]),
                clearSince: UnixTime(stored: row["clear_since"]))
        }
    }
}
