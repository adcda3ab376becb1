import AttendanceCore
import GRDB

// What is owed: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// See `Store.setSinks`.
    func setSinks(_ names: [SinkName]) throws -> [SinkName] {
        var new: [SinkName] = []
        for name in Set(names).sorted() where state.index(of: name) == nil {
            try db.execute(sql: "INSERT INTO sink (name, active) VALUES (?, 1)", arguments: [name.text])
            state.sinks.append(.init(id: lastRow, name: name, active: true, owed: 0, dead: 0))
            new.append(name)
        }
        for index in state.sinks.indices {
            let active = names.contains(state.sinks[index].name)
            state.sinks[index].active = active
            try db.execute(
                sql: "UPDATE sink SET active = ? WHERE id = ?", arguments: [active, state.sinks[index].id])
        }
        return new
    }

    /// See `Store.owe`.
    func owe(_ punches: [Int64], to name: SinkName, again: Bool, by author: Author?, at now: UnixTime) throws
        -> Int
    {
        guard let index = state.index(of: name) else { return 0 }
        let sink = state.sinks[index].id
        var owed = 0
        for punch in punches {
            let find = try db.cachedStatement(
                sql: """
                    SELECT p.kind, p.doubt, c.punch IS NOT NULL AS decided, c.wall AS corrected,
                        EXISTS (SELECT 1 FROM outbox WHERE sink = ?1 AND punch = ?2) AS owed,
                        EXISTS (SELECT 1 FROM dead_letter WHERE sink = ?1 AND punch = ?2) AS dead,
                        EXISTS (SELECT 1 FROM held WHERE terminal = p.terminal AND punch = p.id) AS held,
                        EXISTS (SELECT 1 FROM discarded WHERE sink = ?1 AND punch = ?2)
                            OR EXISTS (SELECT 1 FROM attempt WHERE sink = ?1 AND punch = ?2
                                AND fate IN (\(FateCode.delivered.rawValue), \(FateCode.suppressed.rawValue))) AS ended
                    FROM punch p LEFT JOIN correction c ON c.punch = p.id WHERE p.id = ?2
                    """)
            guard let row = try Row.fetchOne(find, arguments: [sink, punch]),
                row["kind"] == PunchKind.person.rawValue,
                (row["decided"] as Bool) ? row["corrected"] as Int64? != nil : row["doubt"] == 0,
                !(row["owed"] as Bool), !(row["dead"] as Bool), !(row["held"] as Bool),
                again || !(row["ended"] as Bool)
            else { continue }
            if again { try forget(punch, sink: sink) }
            try owe(punch, index: index)
            owed += 1
        }
        if owed > 0, let author {
            try audit(
                AuditEntry(
                    at: now, author: author, action: "punches.send-again", subject: name.text,
                    detail: "\(owed) punches: \(punches.prefix(50).map(String.init).joined(separator: ", "))"
                        + (punches.count > 50 ? ", …" : "")))
        }
        return owed
    }

    /// What was decided for a punch at a sink, and that somebody gave it up there.
    private func forget(_ punch: Int64, sink: Int64) throws {
        for table in ["decision", "discarded"] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE sink = ? AND punch = ?")
                .execute(arguments: [sink, punch])
        }
    }

    /// One row more in the outbox, which must not be there yet.
    func owe(_ punch: Int64, index: Int, reported: Bool = false) throws {
        try db.cachedStatement(sql: "INSERT INTO outbox (sink, punch, reported, begun) VALUES (?, ?, ?, ?)")
            .execute(arguments: [state.sinks[index].id, punch, reported, try mayHaveBeenSent(number: punch)])
        state.sinks[index].owed += 1
        // It may be older than all that were looked at.
        if !reported {
            state.sinks[index].reportedThrough = min(state.sinks[index].reportedThrough, punch - 1)
        }
    }

    /// See `Store.begin`.
    func begin(_ attempts: [AttemptStart], for name: SinkName, at now: UnixTime) throws {
        guard let index = state.index(of: name) else { return }
        let statement = try db.cachedStatement(
            sql: "UPDATE outbox SET begun = ?, frozen = COALESCE(frozen, ?) WHERE sink = ? AND punch = ?")
        let decide = try db.cachedStatement(
            sql: """
                INSERT INTO decision (sink, punch, person, employee, time, direction) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (sink, punch) DO NOTHING
                """)
        for attempt in attempts {
            try statement.execute(arguments: [
                now.milliseconds, attempt.frozen, state.sinks[index].id, attempt.punch,
            ])
            guard changes > 0, let decision = attempt.decision else { continue }
            try decide.execute(arguments: [
                state.sinks[index].id, attempt.punch, decision.person, decision.employee,
                decision.time.seconds,
                decision.direction?.rawValue,
            ])
        }
    }

    /// See `Store.settle`.
    func settle(_ settlements: [Settlement], for name: SinkName) throws {
        guard let index = state.index(of: name) else { return }
        let sink = state.sinks[index].id
        let find = try db.cachedStatement(
            sql: "SELECT attempts, reported FROM outbox WHERE sink = ? AND punch = ?")
        for settlement in settlements {
            guard let row = try Row.fetchOne(find, arguments: [sink, settlement.punch]) else { continue }
            let attempts: Int = row["attempts"]
            let wasReported: Bool = row["reported"]
            let isFailure = settlement.report == .failed
            switch settlement.fate {
            case .delivered:
                try removeOwed(settlement.punch, index: index)
            case .again(let due, let counted, let mayBeStored):
                let update = try db.cachedStatement(
                    sql: """
                        UPDATE outbox SET attempts = ?, due = ?, begun = CASE WHEN ? THEN begun END, reported = ?
                        WHERE sink = ? AND punch = ?
                        """)
                try update.execute(arguments: [
                    attempts + (counted ? 1 : 0), due.milliseconds, mayBeStored, wasReported || isFailure,
                    sink,
                    settlement.punch,
                ])
            case .dead(let cause, let reason):
                try removeOwed(settlement.punch, index: index)
                let bury = try db.cachedStatement(
                    sql: """
                        INSERT INTO dead_letter (sink, punch, cause, reason, attempts, reported, died)
                        VALUES (?, ?, ?, ?, ?, ?, ?)
                        """)
                try bury.execute(arguments: [
                    sink, settlement.punch, cause.rawValue, reason, attempts + 1, wasReported || isFailure,
                    settlement.attempt.ended.milliseconds,
                ])
                state.sinks[index].dead += 1
                // It is certainly not there, so everything about it may be decided anew.
                try db.cachedStatement(sql: "DELETE FROM decision WHERE sink = ? AND punch = ?")
                    .execute(arguments: [sink, settlement.punch])
            case .suppressed:
                try removeOwed(settlement.punch, index: index)
            }
            try add(settlement, sink: sink)
            if let missed = settlement.missedShift {
                try db.cachedStatement(
                    sql: """
                        INSERT OR REPLACE INTO late (sink, punch, shift, shift_end, reference, at)
                        VALUES (?, ?, ?, ?, ?, ?)
                        """
                ).execute(arguments: [
                    sink, settlement.punch, missed.shift, missed.end.seconds, settlement.attempt.reference,
                    settlement.attempt.ended.milliseconds,
                ])
            }
            if let report = settlement.report, !(isFailure && wasReported) {
                try addOutcome(report, sink: sink, punch: settlement.punch, at: settlement.attempt.ended)
            }
        }
    }

    private func removeOwed(_ punch: Int64, index: Int) throws {
        let remove = try db.cachedStatement(sql: "DELETE FROM outbox WHERE sink = ? AND punch = ?")
        try remove.execute(arguments: [state.sinks[index].id, punch])
        state.sinks[index].owed -= 1
    }

    func add(_ settlement: Settlement, sink: Int64) throws {
        let attempt = settlement.attempt
        var words = attempt.words
        if case .suppressed(let reason) = settlement.fate { words = reason }
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO attempt
                    (sink, punch, number, started, duration_ms, status, answer, reference, words, fate)
                VALUES (?1, ?2,
                    (SELECT COALESCE(MAX(number), 0) + 1 FROM attempt WHERE sink = ?1 AND punch = ?2),
                    ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                """)
        try statement.execute(arguments: [
            sink, settlement.punch, attempt.started.milliseconds, attempt.durationMilliseconds,
            attempt.status,
            attempt.answer.rawValue, attempt.reference, words, settlement.fate.code.rawValue,
        ])
    }

    private func addOutcome(_ status: ReportedStatus, sink: Int64, punch: Int64, at: UnixTime) throws {
        let statement = try db.cachedStatement(
            sql: "INSERT INTO outcome (sink, punch, status, at) VALUES (?, ?, ?, ?)")
        try statement.execute(arguments: [sink, punch, status.rawValue, at.milliseconds])
    }

    /// See `Store.reportFailing`.
    ///
    /// Punches are numbered as they arrived, so the search goes by number, from the first that may be unreported. It
    /// looks at a bounded stretch: a clock that was set back makes later numbers older, and those are still found.
    func reportFailing(_ name: SinkName, receivedBefore: UnixTime, at now: UnixTime, limit: Int) throws -> Int
    {
        guard let index = state.index(of: name), limit > 0 else { return 0 }
        let sink = state.sinks[index].id
        let stretch = max(limit, 4_096)
        let unreported = try db.cachedStatement(
            sql: """
                SELECT o.punch, p.received FROM outbox o CROSS JOIN punch p ON p.id = o.punch
                WHERE o.sink = ? AND o.punch > ? AND o.reported = 0 ORDER BY o.punch LIMIT ?
                """)
        let rows = try Row.fetchAll(
            unreported, arguments: [sink, state.sinks[index].reportedThrough, stretch])
        let mark = try db.cachedStatement(sql: "UPDATE outbox SET reported = 1 WHERE sink = ? AND punch = ?")
        var reported = 0
        var firstLeft: Int64?
        for row in rows {
            let punch: Int64 = row[0]
            guard reported < limit, row[1] < receivedBefore.milliseconds else {
                firstLeft = firstLeft ?? punch
                continue
            }
            try mark.execute(arguments: [sink, punch])
            try addOutcome(.failed, sink: sink, punch: punch, at: now)
            reported += 1
        }
        // Up to the first that was left alone everything is reported; without one, up to where the search ended.
        let last: Int64? = rows.last?[0]
        let end = rows.count < stretch ? Int64(state.punches) : last ?? 0
        state.sinks[index].reportedThrough = firstLeft.map { $0 - 1 } ?? end
        return reported
    }

    /// See `Store.setBookmark`.
    func setBookmark(_ bookmark: String, named name: String) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO bookmark (sink, place) VALUES (?, ?)
                ON CONFLICT (sink) DO UPDATE SET place = excluded.place
                """)
        try statement.execute(arguments: [name, bookmark])
    }
}

/// What an attempt meant, as the `attempt` table keeps it.
typealias FateCode = RecordedAttempt.Meaning

extension Settlement.Fate {
    var code: FateCode {
        switch self {
        case .delivered: .delivered
        case .again: .again
        case .dead: .dead
        case .suppressed: .suppressed
        }
    }
}

extension Attempt {
    var ended: UnixTime { started + duration }

    var durationMilliseconds: Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}
