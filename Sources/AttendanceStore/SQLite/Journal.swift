import AttendanceCore
import Foundation
import GRDB

// Intake: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// See `Store.record`. `hashes` are those of the quarantined records, in their order.
    func record(_ batch: IntakeBatch, hashes: [Int64]) throws -> IntakeReceipt {
        let terminal = try terminalID(
            batch.terminal, at: batch.received, standing: batch.isHeld ? .pending : .approved)
        // Whoever made the batch may not yet know of an approval that was committed before it.
        let isHeld = try batch.isHeld && waits(terminal)
        let owing = state.sinks.indices.filter { index in
            state.sinks[index].active && batch.sinks?.contains(state.sinks[index].name) != false
        }
        var receipt = IntakeReceipt()
        // Nearly all text is ASCII, and then one look at all of it tells what each record's bytes are.
        let isASCII = batch.raw.isPlainASCII
        try batch.raw.withUnsafeBytes { raw in
            func bytes(_ range: Range<Int>) throws(StoreError) -> UnsafeRawBufferPointer {
                guard range.lowerBound >= 0, range.upperBound <= raw.count else {
                    throw .other(detail: "a record's text lies outside of its batch")
                }
                return UnsafeRawBufferPointer(rebasing: raw[range])
            }
            var rows: [Int: Int64] = [:]
            for (index, punch) in batch.punches.enumerated() {
                let text = try bytes(punch.raw)
                guard
                    try insert(
                        punch, of: batch, terminal: terminal, raw: text, isText: isASCII || text.isPlainText)
                else {
                    receipt.repeated += 1
                    continue
                }
                receipt.stored += 1
                if !batch.sealedPhotos.isEmpty { rows[index] = lastRow }
                guard punch.isForwarded else { continue }
                if isHeld {
                    try hold(lastRow, of: terminal)
                    receipt.held += 1
                    continue
                }
                guard !owing.isEmpty else { continue }
                receipt.owed += 1
                let row = lastRow
                for index in owing {
                    statements.addOwed.bind(state.sinks[index].id, at: 1)
                    statements.addOwed.bind(row, at: 2)
                    statements.addOwed.bind(mayHaveBeenSent(punch.instant), at: 3)
                    try statements.addOwed.run()
                    state.sinks[index].owed += 1
                }
            }
            for photo in batch.sealedPhotos {
                if let punch = rows[photo.punch] { try keep(photo, of: punch, at: batch.received) }
            }
            for (record, hash) in zip(batch.quarantined, hashes) {
                try quarantine(record, hash: hash, raw: try bytes(record.raw), of: batch, terminal: terminal)
                receipt.quarantined += 1
            }
        }
        state.punches += receipt.stored
        return receipt
    }

    /// False for a repeat, of which nothing is kept.
    func insert(
        _ punch: Punch, of batch: IntakeBatch, terminal: Int64, raw: UnsafeRawBufferPointer, isText: Bool
    ) throws -> Bool {
        let zone = try zoneID(punch.zone)
        let statement = statements.addPunch
        let id = punch.enrollID
        statement.bind(punch.time.seconds, at: 1)
        statement.bind(terminal, at: 2)
        statement.bind(id.canonical, at: 3)
        statement.bind(punch.identityEvent, at: 4)
        statement.bind(id.sent == id.canonical ? nil : id.sent, at: 5)
        statement.bind(punch.alias, at: 6)
        statement.bind(punch.name, at: 7)
        statement.bind(punch.instant, at: 8)
        statement.bind(zone, at: 9)
        statement.bind(Int64(punch.kind.rawValue), at: 10)
        statement.bind(Int64(punch.doubt.rawValue), at: 11)
        statement.bind(punch.mode, at: 12)
        statement.bind(punch.inOut, at: 13)
        statement.bind(punch.event, at: 14)
        statement.bind(punch.verifyMode, at: 15)
        statement.bind(punch.temperature.map(Int64.init), at: 16)
        statement.bind(batch.received.milliseconds, at: 17)
        statement.bind(batch.connection, at: 18)
        statement.bind(uncopied: raw, isText: isText, at: 19)
        try statement.run()
        return changes > 0
    }

    /// Keeps a record once per terminal, and counts how often it came.
    private func quarantine(
        _ record: QuarantinedRecord, hash: Int64, raw: UnsafeRawBufferPointer, of batch: IntakeBatch,
        terminal: Int64
    ) throws {
        let text: any DatabaseValueConvertible =
            raw.isPlainText ? String(decoding: raw, as: UTF8.self) : Data(raw)
        let again = try db.cachedStatement(
            sql: """
                UPDATE quarantine SET times = times + 1, last_received = ?
                WHERE hash = ? AND terminal = ? AND (raw = ? OR (id IN (SELECT quarantine FROM resolution)
                    AND CAST(substr(raw, 1, \(NotKept.prefix.utf8.count)) AS TEXT) = ?))
                """)
        try again.execute(arguments: [batch.received.milliseconds, hash, terminal, text, NotKept.prefix])
        guard db.changesCount == 0 else { return }
        let new = try db.cachedStatement(
            sql: """
                INSERT INTO quarantine (terminal, hash, reason, raw, first_received, last_received, times)
                VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1)
                """)
        try new.execute(arguments: [terminal, hash, record.reason, text, batch.received.milliseconds])
        state.quarantined += 1
    }

    /// Readings of each terminal's clock that are kept, the newest.
    static let clockReadingsKept = 500

    /// See `Store.note`.
    func note(_ sighting: TerminalSighting) throws {
        let terminal = try terminalID(sighting.serial, at: sighting.at, standing: sighting.standing)
        // What a terminal does not say this time is kept as it said it last.
        let statement = try db.cachedStatement(
            sql: """
                UPDATE terminal SET
                    previous_address = CASE WHEN address <> ?2 THEN address ELSE previous_address END,
                    moved = CASE WHEN address <> ?2 THEN ?1 ELSE moved END,
                    last_seen = ?1, address = ?2, model = COALESCE(?, model),
                    firmware = COALESCE(?, firmware), backlog = COALESCE(?, backlog), skew = COALESCE(?, skew),
                    device_info = COALESCE(?, device_info)
                WHERE id = ?
                """)
        try statement.execute(arguments: [
            sighting.at.milliseconds, sighting.address, sighting.model, sighting.firmware, sighting.backlog,
            sighting.skew, sighting.deviceInfo, terminal,
        ])
        if let skew = sighting.skew {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO clock (terminal, at, skew) VALUES (?, ?, ?)")
                .execute(arguments: [terminal, sighting.at.milliseconds, skew])
            // A terminal on a bad line registers hundreds of times a day.
            try db.cachedStatement(
                sql: """
                    DELETE FROM clock WHERE terminal = ?1 AND at <
                        (SELECT at FROM clock WHERE terminal = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)
                    """
            ).execute(arguments: [terminal, Self.clockReadingsKept - 1])
        }
    }

    /// See `Store.note`.
    func note(_ progress: [TerminalProgress]) throws {
        let statement = try db.cachedStatement(
            sql: """
                UPDATE terminal SET last_heard = MAX(COALESCE(last_heard, 0), ?),
                    complete_until = NULLIF(MAX(COALESCE(complete_until, -1), COALESCE(?, -1)), -1)
                WHERE folded = ?
                """)
        for entry in progress {
            try statement.execute(arguments: [
                entry.lastHeard.milliseconds, entry.completeUntil, entry.serial.folded,
            ])
        }
    }

    /// The terminal's number. One that was never heard of is made known with this standing.
    func terminalID(
        _ serial: SerialNumber, at moment: UnixTime, standing: TerminalStanding = .approved
    ) throws -> Int64 {
        if let known = terminals[serial.folded] { return known }
        statements.findTerminal.bind(serial.folded, at: 1)
        if let found = try statements.findTerminal.firstNumber() {
            try recall(found, at: moment, standing: standing)
            terminals[serial.folded] = found
            return found
        }
        statements.addTerminal.bind(serial.text, at: 1)
        statements.addTerminal.bind(serial.folded, at: 2)
        statements.addTerminal.bind(moment.milliseconds, at: 3)
        statements.addTerminal.bind(Int64(standing.rawValue), at: 4)
        try statements.addTerminal.run()
        let new = lastRow
        terminals[serial.folded] = new
        return new
    }

    func zoneID(_ name: String) throws -> Int64 {
        if let known = zones[name] { return known }
        statements.findZone.bind(name, at: 1)
        if let found = try statements.findZone.firstNumber() {
            zones[name] = found
            return found
        }
        statements.addZone.bind(name, at: 1)
        try statements.addZone.run()
        let new = lastRow
        zones[name] = new
        return new
    }
}

extension IntakeBatch {
    /// Hashes of the quarantined texts, computed before the writer is asked so that it need not.
    var quarantineHashes: [Int64] {
        quarantined.map { record in
            let range = record.raw.clamped(to: raw.indices)
            // FNV-1a, 64 bits. It only narrows the search: the texts themselves are compared too.
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325
            for byte in raw[range] { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
            return Int64(bitPattern: hash)
        }
    }
}
