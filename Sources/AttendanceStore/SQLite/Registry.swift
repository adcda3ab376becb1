import AttendanceCore
import Foundation
import GRDB

// Which terminals are ours, and what waits for it: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// Whether new punches of a terminal wait: until it is approved, and then behind those that waited.
    func waits(_ terminal: Int64) throws -> Bool {
        let statement = try db.cachedStatement(
            sql: """
                SELECT standing <> \(TerminalStanding.approved.rawValue)
                    OR EXISTS (SELECT 1 FROM held WHERE terminal = ?1)
                FROM terminal WHERE id = ?1
                """)
        return try Bool.fetchOne(statement, arguments: [terminal]) ?? false
    }

    func hold(_ punch: Int64, of terminal: Int64) throws {
        try db.cachedStatement(sql: "INSERT OR IGNORE INTO held (terminal, punch) VALUES (?, ?)")
            .execute(arguments: [terminal, punch])
    }

    /// See `Store.setStanding`.
    func setStanding(
        _ standing: TerminalStanding, of terminals: [SerialNumber], reason: String?, by author: Author,
        at now: UnixTime
    ) throws -> [SerialNumber] {
        var changed: [SerialNumber] = []
        for serial in terminals {
            var before: TerminalStanding?
            if let id = try knownTerminal(serial) {
                let was = try Int.fetchOne(
                    db, sql: "SELECT standing FROM terminal WHERE id = ?", arguments: [id])
                before = was.flatMap(TerminalStanding.init)
                guard before != standing else { continue }
                if before == nil {
                    try recall(id, at: now, standing: standing)
                    try db.cachedStatement(sql: "UPDATE terminal SET last_seen = ? WHERE id = ?")
                        .execute(arguments: [TerminalRecord.neverSeen.milliseconds, id])
                }
                try db.cachedStatement(sql: "UPDATE terminal SET standing = ? WHERE id = ?")
                    .execute(arguments: [standing.rawValue, id])
            } else {
                let id = try terminalID(serial, at: now, standing: standing)
                try db.cachedStatement(sql: "UPDATE terminal SET last_seen = ? WHERE id = ?")
                    .execute(arguments: [TerminalRecord.neverSeen.milliseconds, id])
            }
            changed.append(serial)
            let words = "\(before.map { "\($0)" } ?? "never heard of") → \(standing)"
            try audit(
                AuditEntry(
                    at: now, author: author, action: "terminals.\(standing.verb)", subject: serial.text,
                    detail: words + (reason.map { "; \($0)" } ?? "")))
        }
        return changed
    }

    /// See `Store.setField`.
    func setField(
        _ field: TerminalField, to value: String?, of serial: SerialNumber, by author: Author,
        at now: UnixTime
    ) throws -> Bool {
        guard let id = try listedTerminal(serial) else { return false }
        // A name of ours, none from outside.
        let column = field == .group ? "grouping" : field.rawValue
        let before = try String.fetchOne(
            db, sql: "SELECT \(column) FROM terminal WHERE id = ?", arguments: [id])
        guard before != value else { return true }
        try db.execute(sql: "UPDATE terminal SET \(column) = ? WHERE id = ?", arguments: [value, id])
        try audit(
            AuditEntry(
                at: now, author: author, action: "terminals.set", subject: serial.text,
                detail: "\(field.rawValue): \(before ?? "nothing") → \(value ?? "nothing")"))
        return true
    }

    /// See `Store.setToken`.
    func setToken(_ token: TokenDigest?, of serial: SerialNumber, by author: Author, at now: UnixTime) throws
        -> Bool
    {
        guard let id = try listedTerminal(serial) else { return false }
        try db.execute(
            sql: "UPDATE terminal SET token = ? WHERE id = ?", arguments: [token.map { Data($0.bytes) }, id])
        try audit(
            AuditEntry(
                at: now, author: author, action: "terminals.token", subject: serial.text,
                detail: token == nil ? "removed" : "a new one"))
        return true
    }

    /// In the journal the standing of a terminal that was forgotten: its row stays, for the punches that name it.
    static let forgotten = 3

    /// See `RegistryKeeping.forgetTerminal`.
    func forgetTerminal(
        _ serial: SerialNumber, reason: String?, by author: Author, at now: UnixTime
    ) throws -> TerminalForgetting {
        guard let id = try listedTerminal(serial) else { return .neverHeardOf }
        func count(_ condition: String) throws -> Int {
            try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM \(condition)", arguments: [id]) ?? 0
        }
        let open = try count("command WHERE terminal = ? AND state <= 1")
        if open > 0 { return .hasCommands(open) }
        let held = try count("held WHERE terminal = ?")
        if held > 0 { return .hasHeld(held) }
        try db.execute(
            sql: """
                UPDATE terminal SET standing = \(Self.forgotten), name = NULL, location = NULL, grouping = NULL,
                    zone = NULL, dialect = NULL, token = NULL, address = NULL, previous_address = NULL, moved = NULL,
                    model = NULL, firmware = NULL, backlog = NULL, skew = NULL, device_info = NULL,
                    last_heard = NULL, complete_until = NULL
                WHERE id = ?
                """, arguments: [id])
        // What it holds of people is not known any more. What it owes of an erasure stays owed: nobody has seen it done.
        try db.execute(sql: "DELETE FROM enrolled WHERE terminal = ?", arguments: [id])
        terminals[serial.folded] = nil
        try audit(
            AuditEntry(
                at: now, author: author, action: "terminals.forget", subject: serial.text,
                detail: reason ?? ""))
        return .done
    }

    /// A terminal that was forgotten is heard of again, as if for the first time.
    func recall(_ id: Int64, at now: UnixTime, standing: TerminalStanding) throws {
        try db.cachedStatement(
            sql: """
                UPDATE terminal SET standing = ?2, first_seen = ?3, last_seen = ?3
                WHERE id = ?1 AND standing = \(Self.forgotten)
                """
        ).execute(arguments: [id, standing.rawValue, now.milliseconds])
    }

    /// Nil also for one that was forgotten.
    private func listedTerminal(_ serial: SerialNumber) throws -> Int64? {
        try Int64.fetchOne(
            db,
            sql: "SELECT id FROM terminal WHERE folded = ? AND standing <> \(Self.forgotten)",
            arguments: [serial.folded])
    }

    /// See `Store.releaseHeld`.
    func releaseHeld(of serial: SerialNumber, to sinks: Set<SinkName>?, limit: Int) throws -> HeldRelease {
        guard let id = try knownTerminal(serial),
            try Int.fetchOne(db, sql: "SELECT standing FROM terminal WHERE id = ?", arguments: [id])
                == TerminalStanding.approved.rawValue
        else { return HeldRelease() }
        let next = try db.cachedStatement(
            sql: "SELECT punch FROM held WHERE terminal = ? ORDER BY punch LIMIT ?")
        // One more than is released, which tells whether something is left.
        let punches = try Int64.fetchAll(next, arguments: [id, limit + 1])
        let owing = state.sinks.indices.filter { index in
            state.sinks[index].active && sinks?.contains(state.sinks[index].name) != false
        }
        let add = try db.cachedStatement(
            sql:
                "INSERT INTO outbox (sink, punch, begun) VALUES (?, ?, ?) ON CONFLICT (sink, punch) DO NOTHING"
        )
        let remove = try db.cachedStatement(sql: "DELETE FROM held WHERE terminal = ? AND punch = ?")
        for punch in punches.prefix(limit) {
            for index in owing {
                try add.execute(arguments: [
                    state.sinks[index].id, punch, try mayHaveBeenSent(number: punch),
                ])
                guard changes > 0 else { continue }
                state.sinks[index].owed += 1
                // It is older than much that was looked at.
                state.sinks[index].reportedThrough = min(state.sinks[index].reportedThrough, punch - 1)
            }
            try remove.execute(arguments: [id, punch])
        }
        return HeldRelease(released: min(punches.count, limit), isDone: punches.count <= limit)
    }

    /// Nil for one that was never heard of.
    func knownTerminal(_ serial: SerialNumber) throws -> Int64? {
        if let known = terminals[serial.folded] { return known }
        statements.findTerminal.bind(serial.folded, at: 1)
        return try statements.findTerminal.firstNumber()
    }
}

extension TerminalStanding {
    fileprivate var verb: String {
        switch self {
        case .pending: "wait"
        case .approved: "approve"
        case .blocked: "block"
        }
    }
}
