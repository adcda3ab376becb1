import AttendanceCore
import Foundation
import GRDB

// Retention: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// Rows of one step at most: some milliseconds of the writer's time.
    static let forgottenAtOnce = 1_000
    private static let rawBookmark = "retention raw"

    /// See `RetentionKeeping.forget`.
    func forget(_ rules: RetentionRules, after place: RetentionPlace, atMost limit: Int) throws
        -> RetentionStep
    {
        let limit = min(max(limit, 1), Self.forgottenAtOnce)
        switch place.kind {
        case .raw:
            guard let before = rules.raw else { break }
            return try forgetRaw(before: before, now: rules.now, limit: limit)
        case .attempts:
            guard let before = rules.attempts else { break }
            return try forgetAttempts(before: before, after: place, limit: limit)
        case .quarantine:
            guard let before = rules.quarantine else { break }
            return try forgetQuarantine(before: before, now: rules.now, after: place, limit: limit)
        }
        return RetentionStep(kind: place.kind, removed: 0, next: place.nextKind)
    }

    /// In the order in which they came, from where the last run ended, up to the first that is to stay.
    ///
    /// The rows are taken out and put back, shorter. Only that lets SQLite join pages: punches are appended, so room
    /// inside of a page that is half empty would never be used again. Their numbers stay, nobody sees them gone (it is
    /// one transaction), and whatever is missing at the end undoes the step.
    private func forgetRaw(before: UnixTime, now: UnixTime, limit: Int) throws -> RetentionStep {
        let place = try Queries.bookmark(db, named: Self.rawBookmark).flatMap { Int64($0) } ?? 0
        let find = try db.cachedStatement(sql: "SELECT * FROM punch WHERE id > ? ORDER BY id LIMIT ?")
        let rows = try Row.fetchAll(find, arguments: [place, limit]).prefix {
            ($0["received"] as Int64) < before.milliseconds
        }
        guard let first = rows.first, let last = rows.last else {
            return RetentionStep(kind: .raw, removed: 0, next: RetentionPlace.start.nextKind)
        }
        let (from, through): (Int64, Int64) = (first["id"], last["id"])
        let take = try db.cachedStatement(sql: "DELETE FROM punch WHERE id BETWEEN ? AND ?")
        try take.execute(arguments: [from, through])
        let columns = Array(first.columnNames)
        let put = try db.cachedStatement(
            sql: """
                INSERT INTO punch (\(columns.joined(separator: ", ")))
                VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
                """)
        let mark = NotKept.text(at: now).databaseValue
        var removed = 0
        for row in rows {
            let isKept = NotKept.since([UInt8](row["raw"] as Data)) == nil
            if isKept { removed += 1 }
            let values = zip(columns, row.databaseValues).map { $0 == "raw" && isKept ? mark : $1 }
            try put.execute(arguments: StatementArguments(values))
        }
        let count = try Int.fetchOne(
            db.cachedStatement(sql: "SELECT COUNT(*) FROM punch WHERE id BETWEEN ? AND ?"),
            arguments: [from, through])
        guard count == rows.count else {
            throw StoreError.other(
                detail: "\(rows.count) punches were to be shortened, \(count ?? 0) came back")
        }
        try setBookmark("\(through)", named: Self.rawBookmark)
        let isEnd = rows.count < limit
        return RetentionStep(
            kind: .raw, removed: removed, next: isEnd ? RetentionPlace.start.nextKind : .start)
    }

    /// Of what has ended at a sink: each attempt but the last one, which tells how; and but those that name a check-in,
    /// which may have to be looked for.
    private func forgetAttempts(before: UnixTime, after place: RetentionPlace, limit: Int) throws
        -> RetentionStep
    {
        var place = place
        let sinks = state.sinks.map(\.id).sorted()
        let fates = RecordedAttempt.Meaning.allCases.filter { $0 != .delivered && $0 != .suppressed }
            .map(\.rawValue).sorted()
        // The first pair of sink and fate that has not been looked through.
        let pairs = sinks.flatMap { sink in fates.map { (sink: sink, fate: $0) } }
        guard let at = pairs.firstIndex(where: { ($0.sink, $0.fate) >= (place.sink, place.fate) }) else {
            return RetentionStep(kind: .attempts, removed: 0, next: place.nextKind)
        }
        let pair = pairs[at]
        if (pair.sink, pair.fate) != (place.sink, place.fate) {
            place = RetentionPlace(kind: .attempts, sink: pair.sink, fate: pair.fate)
        }
        let find = try db.cachedStatement(
            sql: """
                SELECT started, punch, number FROM attempt INDEXED BY attempt_latest
                WHERE sink = ? AND fate = ? AND started >= ? AND started < ? AND (started, punch, number) > (?, ?, ?)
                ORDER BY started, punch, number LIMIT ?
                """)
        let rows = try Row.fetchAll(
            find,
            arguments: [
                pair.sink, pair.fate, place.started, before.milliseconds, place.started, place.punch,
                place.number, limit,
            ])
        let remove = try db.cachedStatement(
            sql: """
                DELETE FROM attempt WHERE sink = ?1 AND punch = ?2 AND number = ?3 AND reference IS NULL
                    AND EXISTS (SELECT 1 FROM attempt l WHERE l.sink = ?1 AND l.punch = ?2 AND l.number > ?3)
                    AND NOT EXISTS (SELECT 1 FROM outbox WHERE sink = ?1 AND punch = ?2)
                    AND NOT EXISTS (SELECT 1 FROM dead_letter WHERE sink = ?1 AND punch = ?2)
                """)
        var removed = 0
        for row in rows {
            try remove.execute(
                arguments: [pair.sink, row["punch"] as Int64, row["number"] as Int64])
            removed += db.changesCount
        }
        var next: RetentionPlace? = place
        if rows.count == limit, let last = rows.last {
            next?.started = last["started"]
            next?.punch = last["punch"]
            next?.number = last["number"]
        } else if at + 1 < pairs.count {
            next = RetentionPlace(kind: .attempts, sink: pairs[at + 1].sink, fate: pairs[at + 1].fate)
        } else {
            next = place.nextKind
        }
        return RetentionStep(kind: .attempts, removed: removed, next: next)
    }

    /// The row stays with its hash, so that a record that comes again is recognised.
    private func forgetQuarantine(
        before: UnixTime, now: UnixTime, after place: RetentionPlace, limit: Int
    ) throws -> RetentionStep {
        let find = try db.cachedStatement(
            sql: """
                SELECT r.quarantine, r.at, q.raw FROM resolution r CROSS JOIN quarantine q ON q.id = r.quarantine
                WHERE r.quarantine > ? ORDER BY r.quarantine LIMIT ?
                """)
        let rows = try Row.fetchAll(find, arguments: [place.number, limit])
        let empty = try db.cachedStatement(sql: "UPDATE quarantine SET raw = ? WHERE id = ?")
        var removed = 0
        for row in rows {
            let (id, at): (Int64, Int64) = (row["quarantine"], row["at"])
            guard at < before.milliseconds, NotKept.since([UInt8](row["raw"] as Data)) == nil else {
                continue
            }
            try empty.execute(arguments: [NotKept.text(at: now), id])
            removed += 1
        }
        var next: RetentionPlace?
        if rows.count == limit, let last = rows.last {
            next = RetentionPlace(kind: .quarantine, number: last["quarantine"])
        }
        return RetentionStep(kind: .quarantine, removed: removed, next: next)
    }

    /// See `RetentionKeeping.giveBack`.
    func giveBack(pages: Int) throws -> Int {
        let free = try freePages()
        guard pages > 0, free > 0, try Int.fetchOne(db, sql: "PRAGMA auto_vacuum") == 2 else { return 0 }
        try db.execute(sql: "PRAGMA incremental_vacuum(\(pages))")
        return free - (try freePages())
    }

    private func freePages() throws -> Int { try Int.fetchOne(db, sql: "PRAGMA freelist_count") ?? 0 }
}

extension RetentionPlace {
    /// Where what comes after its kind begins.
    fileprivate var nextKind: RetentionPlace? {
        let kinds = RetentionKind.allCases
        guard let at = kinds.firstIndex(of: kind), at + 1 < kinds.count else { return nil }
        return RetentionPlace(kind: kinds[at + 1])
    }
}
