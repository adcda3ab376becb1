import AttendanceCore
import GRDB

// Dead letters: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// How many dead letters one transaction moves, so that a bulk of them keeps no terminal waiting.
    static let deadLettersAtOnce = 1_000

    /// One stretch of a bulk operation: those that `filter` names with a number above `after` and up to `last`.
    struct DeadLetterStretch: Sendable {
        let filter: DeadLetterFilter
        let after: Int64
        let last: Int64
    }

    struct DeadLetterProgress: Sendable {
        let done: Int
        /// Where the next stretch begins; nil at the end.
        let next: Int64?
    }

    /// See `Store.retryDeadLetters`. What was reported stays reported.
    func retry(_ stretch: DeadLetterStretch) throws -> DeadLetterProgress {
        try each(stretch) { db, row, sink, punch in
            // What is owed again was dead until now, so it is in no outbox.
            try db.cachedStatement(
                sql: "INSERT INTO outbox (sink, punch, reported) VALUES (?, ?, ?)"
            ).execute(arguments: [sink, punch, row["reported"] as Bool])
            if let index = state.sinks.firstIndex(where: { $0.id == sink }) {
                state.sinks[index].owed += 1
                // It may be older than all that were looked at.
                if !(row["reported"] as Bool) {
                    state.sinks[index].reportedThrough = min(state.sinks[index].reportedThrough, punch - 1)
                }
            }
        }
    }

    /// See `Store.discardDeadLetters`.
    func discard(_ stretch: DeadLetterStretch, reason: String, at now: UnixTime) throws -> DeadLetterProgress
    {
        try each(stretch) { db, row, sink, punch in
            try db.cachedStatement(
                sql: "INSERT INTO discarded (sink, punch, cause, reason, at) VALUES (?, ?, ?, ?, ?)"
            ).execute(arguments: [sink, punch, row["cause"] as String, reason, now.milliseconds])
        }
    }

    /// Takes dead letters out of their table and gives each to `body`.
    private func each(
        _ stretch: DeadLetterStretch,
        _ body: (_ db: Database, _ row: Row, _ sink: Int64, _ punch: Int64) throws -> Void
    ) throws -> DeadLetterProgress {
        let rows = try Queries.deadLetterRows(
            db, stretch.filter, after: stretch.after, through: stretch.last, limit: Self.deadLettersAtOnce)
        let remove = try db.cachedStatement(sql: "DELETE FROM dead_letter WHERE id = ?")
        for row in rows {
            let sink: Int64 = row["sink_id"]
            try remove.execute(arguments: [row["id"] as Int64])
            if let index = state.sinks.firstIndex(where: { $0.id == sink }) { state.sinks[index].dead -= 1 }
            try body(db, row, sink, row["punch"])
        }
        let next: Int64? = rows.count < Self.deadLettersAtOnce ? nil : rows.last?["id"]
        return DeadLetterProgress(done: rows.count, next: next)
    }
}
