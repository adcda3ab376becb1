import AttendanceCore
import GRDB

// Attempts, dead letters by cause, and check-ins that need a person's eye on the site.

extension Queries {
    static func attempts(_ db: Database, for punch: Int64) throws -> [RecordedAttempt] {
        // By way of the few sinks there are: the key begins with them.
        try Row.fetchAll(
            db,
            sql: """
                SELECT s.name AS sink_name, a.* FROM sink s CROSS JOIN attempt a ON a.sink = s.id AND a.punch = ?
                ORDER BY s.name, a.number
                """, arguments: [punch]
        ).map(attempt)
    }

    /// From the columns of `attempt`, and `sink_name`.
    static func attempt(_ row: Row) throws -> RecordedAttempt {
        RecordedAttempt(
            sink: try SinkName(stored: row["sink_name"]), number: row["number"],
            attempt: Attempt(
                started: UnixTime(milliseconds: row["started"]),
                duration: .milliseconds(row["duration_ms"] as Int64), status: row["status"],
                answer: try stored(AnswerClass(rawValue: row["answer"]), "attempt.answer"),
                reference: row["reference"], words: row["words"]),
            meaning: try stored(FateCode(rawValue: row["fate"]), "attempt.fate"))
    }

    static func deadLetterGroups(_ db: Database, _ filter: DeadLetterFilter) throws -> [DeadLetterGroup] {
        let conditions = deadLetterConditions(filter)
        return try Row.fetchAll(
            db,
            sql: """
                WITH grouped AS (
                    SELECT s.name AS sink_name, d.cause, COUNT(*) AS count, COUNT(DISTINCT p.enroll) AS people,
                        MIN(\(believedWall)) AS first, MAX(\(believedWall)) AS last, MIN(d.died) AS since,
                        MAX(d.id) AS newest
                    FROM \(deadLetterTables) WHERE \(conditions.sql) GROUP BY d.sink, d.cause)
                SELECT g.*, d.reason FROM grouped g CROSS JOIN dead_letter d ON d.id = g.newest
                ORDER BY g.count DESC, g.sink_name, g.cause
                """, arguments: conditions.arguments
        ).map { row in
            DeadLetterGroup(
                sink: try SinkName(stored: row["sink_name"]),
                cause: try stored(RejectionCause(rawValue: row["cause"]), "dead_letter.cause"),
                count: row["count"], people: row["people"], first: WallTime(seconds: row["first"]),
                last: WallTime(seconds: row["last"]), since: UnixTime(milliseconds: row["since"]),
                example: row["reason"])
        }
    }

    private static let decided = """
        n.person AS decided_person, n.employee AS decided_employee, n.time AS decided_time,
        n.direction AS decided_direction
        """

    /// A site may have named a check-in that nobody could look at then (transient): it is wrong once something else
    /// than looking was tried since, and it was not what the punch was delivered as in the end.
    static func misfiled(_ db: Database, at sink: SinkName, after: Int64, limit: Int) throws
        -> [MisfiledCheckin]
    {
        try Row.fetchAll(
            db,
            sql: """
                SELECT a.punch, a.reference, a.started, a.words, p.enroll, p.sent, t.serial,
                    COALESCE(p.name, e.full_name) AS name, \(decided)
                FROM attempt a INDEXED BY attempt_misfiled
                    CROSS JOIN punch p ON p.id = a.punch CROSS JOIN terminal t ON t.id = p.terminal
                    LEFT JOIN decision n ON n.sink = a.sink AND n.punch = a.punch
                    LEFT JOIN employee e ON e.sink = a.sink AND e.name = n.employee
                WHERE a.sink = (SELECT id FROM sink WHERE name = ?) AND a.punch > ? AND a.fate = 1
                    AND a.reference IS NOT NULL AND (a.answer <> 'transient' OR EXISTS (
                        SELECT 1 FROM attempt l WHERE l.sink = a.sink AND l.punch = a.punch
                            AND l.number > a.number AND l.answer NOT IN ('transient', 'rate_limited')
                            AND l.reference IS NOT a.reference))
                    AND NOT EXISTS (SELECT 1 FROM attempt d WHERE d.sink = a.sink AND d.punch = a.punch
                        AND d.fate = 0 AND d.reference = a.reference)
                ORDER BY a.punch LIMIT ?
                """, arguments: [sink.text, after, limit]
        ).map { row in
            MisfiledCheckin(
                punch: row["punch"], terminal: try SerialNumber(stored: row["serial"]),
                enrollID: try EnrollID(row), name: row["name"], decision: try decision(row),
                reference: row["reference"], at: UnixTime(milliseconds: row["started"]), words: row["words"])
        }
    }

    static func lateDeliveries(_ db: Database, at sink: SinkName, after: Int64, limit: Int) throws
        -> [LateDelivery]
    {
        try Row.fetchAll(
            db,
            sql: """
                SELECT l.*, p.enroll, p.sent, p.wall, t.serial, COALESCE(p.name, e.full_name) AS name, \(decided)
                FROM late l CROSS JOIN punch p ON p.id = l.punch CROSS JOIN terminal t ON t.id = p.terminal
                    LEFT JOIN decision n ON n.sink = l.sink AND n.punch = l.punch
                    LEFT JOIN employee e ON e.sink = l.sink AND e.name = n.employee
                WHERE l.sink = (SELECT id FROM sink WHERE name = ?) AND l.punch > ?
                ORDER BY l.punch LIMIT ?
                """, arguments: [sink.text, after, limit]
        ).map { row in
            let decision = try decision(row)
            return LateDelivery(
                punch: row["punch"], terminal: try SerialNumber(stored: row["serial"]),
                enrollID: try EnrollID(row), name: row["name"],
                time: decision?.time ?? WallTime(seconds: row["wall"]), employee: decision?.employee,
                reference: row["reference"], shift: row["shift"],
                shiftEnd: WallTime(seconds: row["shift_end"]),
                delivered: UnixTime(milliseconds: row["at"]))
        }
    }

    static func oldestOwed(_ db: Database, to sink: SinkName) throws -> [SerialNumber: Int64] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT t.serial, MIN(COALESCE(c.instant, p.instant)) AS oldest
                FROM outbox o CROSS JOIN punch p ON p.id = o.punch CROSS JOIN terminal t ON t.id = p.terminal
                    LEFT JOIN correction c ON c.punch = p.id
                WHERE o.sink = (SELECT id FROM sink WHERE name = ?) GROUP BY p.terminal
                """, arguments: [sink.text])
        return Dictionary(
            try rows.map { (try SerialNumber(stored: $0["serial"]), $0["oldest"] as Int64) },
            uniquingKeysWith: min)
    }
}
