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
        let punches: [Int64]
        /// Where the next stretch begins; nil at the end.
        let next: Int64?
    }

    /// See `Store.retryDeadLetters`. What was reported stays reported.
    func retry(_ stretch: DeadLetterStretch, by author: Author, at now: UnixTime) throws -> DeadLetterProgress
    {
        let progress = try each(stretch) { _, row, sink, punch in
            // What is owed again was dead until now, so it is in no outbox.
            guard let index = state.sinks.firstIndex(where: { $0.id == sink }) else { return }
            try owe(punch, index: index, reported: row["reported"])
        }
        try audit(progress, "dead-letters.retry", stretch, by: author, at: now)
        return progress
    }

    /// See `Store.discardDeadLetters`.
    func discard(
        _ stretch: DeadLetterStretch, reason: String, by author: Author, at now: UnixTime
    ) throws -> DeadLetterProgress {
        let progress = try each(stretch) { db, row, sink, punch in
            try db.cachedStatement(
                sql: "INSERT INTO discarded (sink, punch, cause, reason, at) VALUES (?, ?, ?, ?, ?)"
            ).execute(arguments: [sink, punch, row["cause"] as String, reason, now.milliseconds])
        }
        try audit(progress, "dead-letters.discard", stretch, words: reason, by: author, at: now)
        return progress
    }

    /// One line for what one transaction has done.
    private func audit(
        _ progress: DeadLetterProgress, _ action: String, _ stretch: DeadLetterStretch, words: String = "",
        by author: Author, at now: UnixTime
    ) throws {
        guard progress.done > 0 else { return }
        var detail = "\(progress.done) dead letters: punches "
        detail += progress.punches.prefix(50).map(String.init).joined(separator: ", ")
        if progress.punches.count > 50 { detail += ", …" }
        if !words.isEmpty { detail += "; \(words)" }
        try audit(
            AuditEntry(
                at: now, author: author, action: action, subject: stretch.filter.summary, detail: detail))
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
        return DeadLetterProgress(done: rows.count, punches: rows.map { $0["punch"] }, next: next)
    }
}

extension DeadLetterFilter {
    /// What was asked for, in words.
    fileprivate var summary: String {
        var parts: [String] = []
        if let sink { parts.append("sink \(sink)") }
        if let ids { parts.append("\(ids.count) by number") }
        if let cause { parts.append("cause \(cause.rawValue)") }
        if let person { parts.append("person \(person)") }
        if let terminal { parts.append("terminal \(terminal)") }
        if let from { parts.append("from \(from)") }
        if let until { parts.append("until \(until)") }
        return parts.isEmpty ? "all" : parts.joined(separator: ", ")
    }
}
