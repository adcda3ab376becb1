import AttendanceCore
import GRDB

// Times that could not be believed: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// See `Store.correct`.
    func correct(_ punch: Int64, as correction: Correction, owedTo sinks: Set<SinkName>?) throws {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT p.doubt, p.kind, p.wall, p.terminal, t.serial, p.enroll,
                    EXISTS (SELECT 1 FROM attempt WHERE punch = p.id)
                        OR EXISTS (SELECT 1 FROM decision WHERE punch = p.id)
                        OR EXISTS (SELECT 1 FROM outbox WHERE punch = p.id AND begun IS NOT NULL) AS sent
                FROM punch p CROSS JOIN terminal t ON t.id = p.terminal WHERE p.id = ?
                """, arguments: [punch])
        guard let row else { throw CorrectionError.unknown }
        guard row["doubt"] != 0, row["kind"] == PunchKind.person.rawValue else {
            throw CorrectionError.notDoubtful
        }
        guard !(row["sent"] as Bool) else { throw CorrectionError.alreadyDecided }
        // An earlier ruling that left nothing behind may be replaced.
        try unowe(punch)
        var (wall, instant): (Int64?, Int64?) = (nil, nil)
        var words = "rejected"
        if case .time(let time, let moment) = correction.ruling {
            (wall, instant) = (time.seconds, moment)
            words = time.description
        }
        try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO correction (punch, wall, instant, author, at, basis)
                VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            punch, wall, instant, correction.author.name, correction.at.milliseconds, correction.basis,
        ])
        if wall != nil, try waits(row["terminal"]) {
            try hold(punch, of: row["terminal"])
        } else if wall != nil {
            for index in state.sinks.indices
            where state.sinks[index].active && sinks?.contains(state.sinks[index].name) != false {
                try owe(punch, index: index)
            }
        }
        let was = WallTime(seconds: row["wall"]).description
        try audit(
            AuditEntry(
                at: correction.at, author: correction.author, action: "corrections.decide",
                subject: "punch \(punch)",
                detail:
                    "person \(row["enroll"] as String) at \(row["serial"] as String): \(was) → \(words); \(correction.basis)"
            ))
    }

    private func unowe(_ punch: Int64) throws {
        try db.cachedStatement(
            sql: "DELETE FROM held WHERE punch = ?1 AND terminal = (SELECT terminal FROM punch WHERE id = ?1)"
        ).execute(arguments: [punch])
        for index in state.sinks.indices {
            try db.cachedStatement(sql: "DELETE FROM outbox WHERE sink = ? AND punch = ?")
                .execute(arguments: [state.sinks[index].id, punch])
            state.sinks[index].owed -= changes
        }
    }

    /// See `Store.resolveQuarantine`.
    func resolveQuarantine(
        _ id: Int64, as batch: IntakeBatch?, by author: Author, basis: String, at now: UnixTime
    ) throws {
        let known = try Row.fetchOne(
            db,
            sql: """
                SELECT r.quarantine IS NOT NULL AS decided FROM quarantine q
                    LEFT JOIN resolution r ON r.quarantine = q.id WHERE q.id = ?
                """, arguments: [id])
        guard let known else { throw CorrectionError.unknown }
        guard !(known["decided"] as Bool) else { throw CorrectionError.alreadyDecided }
        var punch: Int64?
        var words = "given up"
        if let batch {
            guard batch.punches.count == 1, batch.quarantined.isEmpty,
                try record(batch, hashes: []).stored == 1
            else { throw CorrectionError.alreadyThere }
            // `lastRow` is that of an outbox without numbers or of the punch; its own number is the highest.
            punch = Int64(state.punches)
            words = "\(batch.punches[0].enrollID) at \(batch.punches[0].time)"
        }
        try db.cachedStatement(
            sql: "INSERT INTO resolution (quarantine, punch, author, at, basis) VALUES (?, ?, ?, ?, ?)"
        ).execute(arguments: [id, punch, author.name, now.milliseconds, basis])
        try audit(
            AuditEntry(
                at: now, author: author, action: "quarantine.decide", subject: "record \(id)",
                detail: "\(words); \(basis)"))
    }
}
