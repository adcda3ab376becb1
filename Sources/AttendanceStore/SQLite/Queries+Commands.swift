import AttendanceCore
import Foundation
import GRDB

// Commands for terminals.

extension Queries {
    enum CommandPlace {
        case after(Int64)
        case before(Int64)
    }

    /// All but the secrets, which are read only to be sent.
    private static let commandColumns = """
        c.id, c.lane, c.state, c.word, c.queued, c.expires, c.attempts, c.sent, c.finished, c.author, c.purpose,
            c.reference, c.reason, c.words, c.fields, c.result
        """

    static func commands(
        _ db: Database, _ filter: CommandFilter, _ place: CommandPlace, limit: Int
    ) throws -> [CommandRecord] {
        var conditions = Conditions()
        var order = "c.id"
        switch place {
        case .after(let number): conditions.add("c.id > ?", number)
        case .before(let number):
            conditions.add("c.id < ?", number)
            order = "c.id DESC"
        }
        conditions.add(filter)
        let sql = """
            SELECT \(commandColumns), t.serial FROM command c CROSS JOIN terminal t ON t.id = c.terminal
            WHERE \(conditions.sql) ORDER BY \(order) LIMIT ?
            """
        return try Row.fetchAll(db, sql: sql, arguments: conditions.arguments + [limit])
            .map(CommandRecord.init(row:))
    }

    static func openCommands(_ db: Database, of terminal: SerialNumber, limit: Int) throws -> [OpenCommand] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(commandColumns), c.secrets, t.serial FROM terminal t CROSS JOIN command c ON c.terminal = t.id
                WHERE t.folded = ? AND c.state <= 1 ORDER BY c.lane, c.id LIMIT ?
                """)
        return try Row.fetchAll(statement, arguments: [terminal.folded, limit]).map { row in
            OpenCommand(
                record: try CommandRecord(row: row), secrets: (row["secrets"] as Data?).map(Array.init))
        }
    }

    static func terminalsWithCommands(_ db: Database, after: SerialNumber?, limit: Int) throws
        -> [SerialNumber]
    {
        try String.fetchAll(
            db,
            sql: """
                SELECT t.serial FROM terminal t WHERE t.folded > ?
                    AND EXISTS (SELECT 1 FROM command c WHERE c.terminal = t.id AND c.state <= 1)
                ORDER BY t.folded LIMIT ?
                """, arguments: [after?.folded ?? "", limit]
        ).map { try SerialNumber(stored: $0) }
    }

    static func commandTarget(_ db: Database, _ serial: SerialNumber) throws -> CommandTarget? {
        try Row.fetchOne(
            db,
            sql: """
                SELECT serial, model, firmware, device_info, dialect FROM terminal
                WHERE folded = ? AND standing <> \(WriterConnection.forgotten)
                """, arguments: [serial.folded]
        ).map { row in
            CommandTarget(
                serial: try SerialNumber(stored: row["serial"]), model: row["model"],
                firmware: row["firmware"], deviceInfo: row["device_info"], dialect: row["dialect"])
        }
    }

    static func commandStanding(_ db: Database, longest: Int) throws -> CommandStanding {
        var standing = CommandStanding()
        let totals = try Row.fetchOne(
            db,
            sql: """
                SELECT COUNT(*) AS open, COUNT(DISTINCT terminal) AS terminals,
                    (SELECT COUNT(*) FROM command WHERE state = 1) AS sent
                FROM command WHERE state <= 1
                """)
        guard let totals, (totals["open"] as Int) > 0 else { return standing }
        standing.sent = totals["sent"]
        standing.waiting = (totals["open"] as Int) - standing.sent
        standing.terminals = totals["terminals"]
        // Numbers grow with time, so the lowest is the oldest; and the index alone tells it.
        standing.longest = try Row.fetchAll(
            db,
            sql: """
                SELECT t.serial, o.open, (SELECT queued FROM command WHERE id = o.first) AS oldest
                FROM (
                    SELECT terminal, COUNT(*) AS open, MIN(id) AS first FROM command WHERE state <= 1
                    GROUP BY terminal ORDER BY first LIMIT ?
                ) o CROSS JOIN terminal t ON t.id = o.terminal ORDER BY o.first
                """, arguments: [max(1, longest)]
        ).map { row in
            CommandStanding.Terminal(
                serial: try SerialNumber(stored: row["serial"]), open: row["open"],
                oldest: UnixTime(milliseconds: row["oldest"]))
        }
        standing.oldest = standing.longest.first?.oldest
        return standing
    }

    static func knownWords(_ db: Database, of firmware: String) throws -> [String: Bool] {
        let rows = try Row.fetchAll(
            db, sql: "SELECT word, is_known FROM firmware_word WHERE firmware = ?", arguments: [firmware])
        return Dictionary(
            rows.map { ($0["word"] as String, $0["is_known"] as Bool) }, uniquingKeysWith: { $1 })
    }
}

extension Conditions {
    /// Conditions on `command` as `c`, joined with `terminal` as `t`.
    mutating func add(_ filter: CommandFilter) {
        if !filter.ids.isEmpty {
            let list = "[" + filter.ids.map(String.init).joined(separator: ",") + "]"
            add("c.id IN (SELECT value FROM json_each(?))", list)
        }
        if let terminal = filter.terminal {
            add("c.terminal = (SELECT id FROM terminal WHERE folded = ?)", terminal.folded)
        }
        if !filter.states.isEmpty {
            // Written out, so that the indexes over what has not ended may be used.
            if filter.states.allSatisfy({ !$0.isFinal }) { add("c.state <= 1") }
            let list = filter.states.map { String($0.rawValue) }.sorted().joined(separator: ",")
            add("c.state IN (\(list))")
        }
        if let word = filter.word { add("c.word = ?", word) }
        if let purpose = filter.purpose { add("c.purpose = ?", purpose) }
    }
}

extension CommandRecord {
    /// From a row of `command` with `terminal.serial`.
    init(row: Row) throws {
        self.init(
            id: row["id"], terminal: try SerialNumber(stored: row["serial"]), word: row["word"],
            fields: row["fields"],
            lane: try Queries.stored(CommandLane(rawValue: row["lane"]), "command.lane"),
            purpose: row["purpose"], reference: row["reference"], author: Author(row["author"]),
            reason: row["reason"], queued: UnixTime(milliseconds: row["queued"]),
            expires: UnixTime(milliseconds: row["expires"]), attempts: row["attempts"],
            sent: UnixTime(stored: row["sent"]),
            state: try Queries.stored(CommandState(rawValue: row["state"]), "command.state"),
            finished: UnixTime(stored: row["finished"]), words: row["words"], result: row["result"])
    }
}
