import AttendanceCore
import GRDB

// What is owed: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// See `Store.setSinks`.
    func setSinks(_ names: [SinkName]) throws {
        for name in Set(names).sorted() where state.index(of: name) == nil {
            try db.execute(sql: "INSERT INTO sink (name, active) VALUES (?, 1)", arguments: [name.text])
            state.sinks.append(.init(id: lastRow, name: name, active: true, owed: 0, dead: 0))
        }
        for index in state.sinks.indices {
            let active = names.contains(state.sinks[index].name)
            state.sinks[index].active = active
            try db.execute(
                sql: "UPDATE sink SET active = ? WHERE id = ?", arguments: [active, state.sinks[index].id])
        }
    }

    /// See `Store.begin`.
    func begin(_ attempts: [AttemptStart], for name: SinkName, at now: UnixTime) throws {
        guard let index = state.index(of: name) else { return }
        let statement = try db.cachedStatement(
            sql: "UPDATE outbox SET begun = ?, frozen = COALESCE(frozen, ?) WHERE sink = ? AND punch = ?")
        for attempt in attempts {
            try statement.execute(arguments: [
                now.milliseconds, attempt.frozen, state.sinks[index].id, attempt.punch,
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
            }
            try add(settlement, sink: sink)
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

    private func add(_ settlement: Settlement, sink: Int64) throws {
        let attempt = settlement.attempt
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
            attempt.answer.rawValue, attempt.reference, attempt.words, settlement.fate.code.rawValue,
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
            let punch: Int64 = row["punch"]
            guard reported < limit, row["received"] < receivedBefore.milliseconds else {
                firstLeft = firstLeft ?? punch
                continue
            }
            try mark.execute(arguments: [sink, punch])
            try addOutcome(.failed, sink: sink, punch: punch, at: now)
            reported += 1
        }
        // Up to the first that was left alone everything is reported; without one, up to where the search ended.
        let last: Int64? = rows.last?["punch"]
        let end = rows.count < stretch ? Int64(state.punches) : last ?? 0
        state.sinks[index].reportedThrough = firstLeft.map { $0 - 1 } ?? end
        return reported
    }

    /// See `Store.setBookmark`.
    func setBookmark(_ bookmark: String, of sink: SinkName) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO bookmark (sink, place) VALUES (?, ?)
                ON CONFLICT (sink) DO UPDATE SET place = excluded.place
                """)
        try statement.execute(arguments: [sink.text, bookmark])
    }
}

/// What an attempt meant, as the `attempt` table keeps it.
enum FateCode: Int {
    case delivered = 0
    case again = 1
    case dead = 2
}

extension Settlement.Fate {
    var code: FateCode {
        switch self {
        case .delivered: .delivered
        case .again: .again
        case .dead: .dead
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
