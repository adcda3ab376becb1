import AttendanceCore
import Foundation
import GRDB

// Commands for terminals: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// See `CommandKeeping.enqueue`. Throws `CommandError` before anything is written.
    func enqueue(_ commands: [SealedCommand], by author: Author, at now: UnixTime, mostWaiting: Int) throws
        -> [Int64]
    {
        var terminals: [SerialNumber: Int64] = [:]
        for (serial, more) in Dictionary(grouping: commands, by: \.command.terminal) {
            statements.findTerminal.bind(serial.folded, at: 1)
            guard let terminal = try statements.findTerminal.firstNumber() else {
                throw CommandError.unknownTerminal(serial)
            }
            let open =
                try Int.fetchOne(
                    db.cachedStatement(sql: "SELECT COUNT(*) FROM command WHERE terminal = ? AND state <= 1"),
                    arguments: [terminal]) ?? 0
            guard open + more.count <= mostWaiting else {
                throw CommandError.tooMany(serial, limit: mostWaiting)
            }
            terminals[serial] = terminal
        }
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO command (terminal, lane, word, queued, expires, author, purpose, reference, reason,
                    fields, secrets) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        var ids: [Int64] = []
        for sealed in commands {
            let command = sealed.command
            try insert.execute(arguments: [
                terminals[command.terminal], command.lane.rawValue, command.request.word, now.milliseconds,
                command.expires.milliseconds, author.name, command.purpose, command.reference,
                command.reason, JSONValue.object(command.request.fields).json,
                sealed.secrets.map { Data($0) },
            ])
            ids.append(lastRow)
        }
        if author != .gateway { try auditOrders(commands, ids, by: author, at: now) }
        return ids
    }

    /// A row for each word and terminal: hundreds of people for one terminal are one order.
    private func auditOrders(_ commands: [SealedCommand], _ ids: [Int64], by author: Author, at now: UnixTime)
        throws
    {
        struct Key: Hashable {
            let terminal: SerialNumber
            let word: String
            let reason: String?
        }
        var order: [Key] = []
        var groups: [Key: [(id: Int64, command: NewCommand)]] = [:]
        for (sealed, id) in zip(commands, ids) {
            let command = sealed.command
            let key = Key(terminal: command.terminal, word: command.request.word, reason: command.reason)
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append((id, command))
        }
        for key in order {
            guard let group = groups[key], let first = group.first else { continue }
            var detail = key.word
            if group.count == 1 {
                detail += first.command.request.plainFields + ", command \(first.id)"
            } else {
                detail += ", \(group.count) commands from \(first.id)"
            }
            if let reason = key.reason { detail += "; \(reason)" }
            try audit(
                AuditEntry(
                    at: now, author: author, action: "commands.send", subject: key.terminal.text,
                    detail: detail))
        }
    }

    /// See `CommandKeeping.beginCommand`.
    func beginCommand(_ id: Int64, at now: UnixTime) throws -> Bool {
        try db.cachedStatement(
            sql: """
                UPDATE command SET state = 1, attempts = attempts + 1, sent = ?2
                WHERE id = ?1 AND state = 0 AND expires > ?2
                """
        ).execute(arguments: [id, now.milliseconds])
        return changes > 0
    }

    /// See `CommandKeeping.settleCommands`.
    func settleCommands(_ settlements: [CommandSettlement], at now: UnixTime) throws {
        let goesOn = try db.cachedStatement(
            sql: """
                UPDATE command SET state = ?2, words = ?3, result = ?4, attempts = MAX(0, attempts - ?5)
                WHERE id = ?1 AND state <= 1
                """)
        let ends = try db.cachedStatement(
            sql: """
                UPDATE command SET state = ?2, words = ?3, result = ?4, finished = ?5, secrets = NULL
                WHERE id = ?1 AND state <= 1
                """)
        for settlement in settlements {
            if settlement.state.isFinal {
                try ends.execute(arguments: [
                    settlement.id, settlement.state.rawValue, settlement.words, settlement.result,
                    now.milliseconds,
                ])
            } else {
                try goesOn.execute(arguments: [
                    settlement.id, settlement.state.rawValue, settlement.words, settlement.result,
                    settlement.neverLeft ? 1 : 0,
                ])
            }
        }
    }

    /// How many commands one transaction cancels or forgets, so that it keeps no terminal waiting.
    static let commandsAtOnce = 1_000

    /// One stretch of `CommandKeeping.cancelCommands`: at most `commandsAtOnce`.
    func cancelCommands(_ filter: CommandFilter, by author: Author, at now: UnixTime) throws -> Int {
        var conditions = Conditions()
        conditions.add("c.state = 0")
        conditions.add(filter)
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT c.id, c.word, t.serial FROM command c CROSS JOIN terminal t ON t.id = c.terminal
                WHERE \(conditions.sql) ORDER BY c.id LIMIT ?
                """, arguments: conditions.arguments + [Self.commandsAtOnce])
        let words = "cancelled by \(author)"
        try settleCommands(
            rows.map { CommandSettlement(id: $0["id"], state: .cancelled, words: words) }, at: now)
        try auditCancelled(rows, by: author, at: now)
        return rows.count
    }

    /// See `CommandKeeping.stopCommands`.
    func stopCommands(_ ids: [Int64], by author: Author, at now: UnixTime) throws -> [Int64] {
        var conditions = Conditions()
        conditions.add("c.state = 1")
        conditions.add(CommandFilter(ids: Set(ids)))
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT c.id, c.word, t.serial FROM command c CROSS JOIN terminal t ON t.id = c.terminal
                WHERE \(conditions.sql) ORDER BY c.id
                """, arguments: conditions.arguments)
        let expire = try db.cachedStatement(
            sql: "UPDATE command SET expires = MIN(expires, ?2) WHERE id = ?1 AND state = 1")
        for row in rows { try expire.execute(arguments: [row["id"] as Int64, now.milliseconds]) }
        try auditCancelled(rows, by: author, at: now)
        return rows.map { $0["id"] }
    }

    private func auditCancelled(_ rows: [Row], by author: Author, at now: UnixTime) throws {
        guard author != .gateway else { return }
        for (serial, group) in Dictionary(grouping: rows, by: { $0["serial"] as String })
            .sorted(by: { $0.key < $1.key })
        {
            var detail = group.prefix(50).map { "\($0["id"] as Int64) \($0["word"] as String)" }
                .joined(separator: ", ")
            if group.count > 50 { detail += ", … (\(group.count) in all)" }
            try audit(
                AuditEntry(
                    at: now, author: author, action: "commands.cancel", subject: serial, detail: detail))
        }
    }

    /// See `CommandKeeping.expireCommands`.
    func expireCommands(at now: UnixTime, limit: Int) throws -> [CommandRecord] {
        let ids = try Int64.fetchAll(
            db.cachedStatement(
                sql: "SELECT id FROM command WHERE state = 0 AND expires <= ? ORDER BY expires LIMIT ?"),
            arguments: [now.milliseconds, limit])
        guard !ids.isEmpty else { return [] }
        try settleCommands(
            ids.map {
                CommandSettlement(
                    id: $0, state: .expired, words: "its time was over before the terminal could take it")
            }, at: now)
        return try Queries.commands(db, CommandFilter(ids: Set(ids)), .after(0), limit: ids.count)
    }

    /// See `CommandKeeping.pruneCommands`.
    func pruneCommands(endedBefore moment: UnixTime, limit: Int) throws -> Int {
        try db.cachedStatement(
            sql: """
                DELETE FROM command WHERE id IN
                    (SELECT id FROM command WHERE finished IS NOT NULL AND finished < ? ORDER BY finished LIMIT ?)
                """
        ).execute(arguments: [moment.milliseconds, limit])
        return changes
    }

    /// See `CommandKeeping.learnWord`.
    func learnWord(_ word: String, of firmware: String, isKnown: Bool, at now: UnixTime) throws {
        try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO firmware_word (firmware, word, is_known, at) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [firmware, word, isKnown, now.milliseconds])
    }
}

extension CommandRequest {
    /// Numbers and switches, for the audit trail: which door, which person. Texts are left out: names and worse are among
    /// them, and the trail is for ever. In brackets with a blank before them; empty without any.
    fileprivate var plainFields: String {
        let parts = fields.sorted { $0.key < $1.key }.compactMap { key, value -> String? in
            switch value {
            case .integer(let number): "\(key) \(number)"
            case .flag(let flag): "\(key) \(flag)"
            default: nil
            }
        }
        return parts.isEmpty ? "" : " (" + PlainText.line(parts.joined(separator: ", "), limit: 200) + ")"
    }
}
