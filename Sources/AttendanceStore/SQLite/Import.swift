import AttendanceCore
import GRDB

// Punches of another service: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// See `Store.importPunches`.
    func importPunches(_ batch: ImportBatch) throws -> ImportReceipt {
        if state.index(of: batch.sink) == nil {
            try db.execute(
                sql: "INSERT INTO sink (name, active) VALUES (?, 1)", arguments: [batch.sink.text])
            state.sinks.append(.init(id: lastRow, name: batch.sink, active: true, owed: 0, dead: 0))
        }
        guard let index = state.index(of: batch.sink) else { return ImportReceipt() }
        // No connection: they came by no line.
        let origin = IntakeBatch(terminal: .unknown, connection: 0, received: batch.at)
        var receipt = ImportReceipt()
        try batch.raw.withUnsafeBytes { raw in
            for entry in batch.punches {
                guard entry.punch.raw.lowerBound >= 0, entry.punch.raw.upperBound <= raw.count else {
                    throw StoreError.other(detail: "a record's text lies outside of its batch")
                }
                let text = UnsafeRawBufferPointer(rebasing: raw[entry.punch.raw])
                let terminal = try terminalID(entry.terminal, at: batch.at, standing: entry.standing)
                if try insert(
                    entry.punch, of: origin, terminal: terminal, raw: text, isText: text.isPlainText)
                {
                    receipt.added += 1
                    state.punches += 1
                    try settle(new: lastRow, entry, index: index, at: batch.at, &receipt)
                } else {
                    receipt.known += 1
                    try settle(known: entry, of: terminal, index: index, at: batch.at, &receipt)
                }
            }
        }
        return receipt
    }

    private func settle(
        new punch: Int64, _ entry: ImportedPunch, index: Int, at now: UnixTime,
        _ receipt: inout ImportReceipt
    ) throws {
        if entry.isDelivered {
            try add(Self.delivered(punch, at: now), sink: state.sinks[index].id)
            receipt.delivered += 1
        } else if entry.punch.isForwarded {
            // The other service's CSV has its failure already: only a success is still told.
            try owe(punch, index: index, reported: true)
            receipt.owed += 1
        } else {
            receipt.unforwarded += 1
        }
    }

    private func settle(
        known entry: ImportedPunch, of terminal: Int64, index: Int, at now: UnixTime,
        _ receipt: inout ImportReceipt
    ) throws {
        let sink = state.sinks[index].id
        let find = try db.cachedStatement(
            sql: """
                SELECT p.id, p.kind, p.doubt,
                    EXISTS (SELECT 1 FROM outbox WHERE sink = ?1 AND punch = p.id) AS owed,
                    EXISTS (SELECT 1 FROM dead_letter WHERE sink = ?1 AND punch = p.id) AS dead,
                    EXISTS (SELECT 1 FROM held WHERE terminal = p.terminal AND punch = p.id) AS held,
                    EXISTS (SELECT 1 FROM discarded WHERE sink = ?1 AND punch = p.id)
                        OR EXISTS (SELECT 1 FROM attempt WHERE sink = ?1 AND punch = p.id
                            AND fate IN (\(FateCode.delivered.rawValue), \(FateCode.suppressed.rawValue))) AS ended
                FROM punch p WHERE p.wall = ?2 AND p.terminal = ?3 AND p.enroll = ?4 AND p.door_event = ?5
                """)
        guard
            let row = try Row.fetchOne(
                find,
                arguments: [
                    sink, entry.punch.time.seconds, terminal, entry.punch.enrollID.canonical,
                    entry.punch.identityEvent,
                ])
        else { return }
        let punch: Int64 = row["id"]
        let (isOwed, isHeld): (Bool, Bool) = (row["owed"], row["held"])
        if (row["dead"] as Bool) || (row["ended"] as Bool) && !isOwed { return }
        if entry.isDelivered {
            receipt.delivered += 1
            if isOwed {
                receipt.settled += 1
                try settle([Self.delivered(punch, at: now)], for: state.sinks[index].name)
                return
            }
            if isHeld {
                try db.cachedStatement(sql: "DELETE FROM held WHERE terminal = ? AND punch = ?")
                    .execute(arguments: [terminal, punch])
            }
            try add(Self.delivered(punch, at: now), sink: sink)
        } else if !isOwed, !isHeld, row["kind"] == PunchKind.person.rawValue, row["doubt"] == 0 {
            try owe(punch, index: index, reported: true)
            receipt.owed += 1
        }
    }

    private static func delivered(_ punch: Int64, at now: UnixTime) -> Settlement {
        Settlement(
            punch: punch,
            attempt: Attempt(
                started: now, duration: .zero, answer: .delivered, words: "delivered by the older service"),
            fate: .delivered, report: nil)
    }
}
