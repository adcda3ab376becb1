import AttendanceCore
import Foundation
import GRDB

/// Everything that is read, on whichever connection. Each query stops at its limit and finds its rows by a key.
enum Queries {
    // MARK: Delivery

    static func owed(_ db: Database, to sink: SinkName, after: Int64, limit: Int) throws -> [OwedPunch] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT o.attempts, o.due, o.frozen, o.begun, p.id, p.enroll, p.sent, p.alias, p.name,
                    COALESCE(c.wall, p.wall) AS wall, COALESCE(c.instant, p.instant) AS instant, p.inout, p.event,
                    p.mode, p.verify_mode, p.received, t.serial, z.name AS zone_name
                FROM outbox o CROSS JOIN punch p ON p.id = o.punch CROSS JOIN terminal t ON t.id = p.terminal
                    CROSS JOIN zone z ON z.id = p.zone LEFT JOIN correction c ON c.punch = p.id
                WHERE o.sink = (SELECT id FROM sink WHERE name = ?) AND o.punch > ?
                ORDER BY o.punch LIMIT ?
                """)
        // Every punch comes by here while others are taken in: looking for names in copies of rows took a fifth of the
        // intake's rate (`bench --only store`).
        let rows = try Row.fetchCursor(statement, arguments: [sink.text, after, limit])
        var owed: [OwedPunch] = []
        while let row = try rows.next() {
            let sent: String? = row[6]
            owed.append(
                OwedPunch(
                    id: row[4], terminal: try SerialNumber(stored: row[16]),
                    enrollID: try EnrollID(sent: sent, canonical: row[5]), alias: row[7], name: row[8],
                    time: WallTime(seconds: row[9]), zone: row[17], instant: row[10],
                    received: UnixTime(milliseconds: row[15]), attempts: row[0],
                    due: UnixTime(stored: row[1]), frozen: row[2], begun: UnixTime(stored: row[3]),
                    inOut: row[11], event: row[12], mode: row[13], verifyMode: row[14]))
        }
        return owed
    }

    static func outcomes(_ db: Database, of sink: SinkName, after: Int64, limit: Int) throws
        -> [ReportedOutcome]
    {
        let statement = try db.cachedStatement(
            sql: """
                SELECT c.id, c.status, c.at, p.enroll, p.sent, COALESCE(p.name, e.full_name) AS name,
                    COALESCE(r.wall, p.wall) AS wall, t.serial
                FROM outcome c CROSS JOIN punch p ON p.id = c.punch CROSS JOIN terminal t ON t.id = p.terminal
                    LEFT JOIN correction r ON r.punch = p.id
                    LEFT JOIN decision d ON d.sink = c.sink AND d.punch = c.punch
                    LEFT JOIN employee e ON e.sink = c.sink AND e.name = d.employee
                WHERE c.sink = (SELECT id FROM sink WHERE name = ?) AND c.id > ?
                ORDER BY c.id LIMIT ?
                """)
        let rows = try Row.fetchCursor(statement, arguments: [sink.text, after, limit])
        var outcomes: [ReportedOutcome] = []
        while let row = try rows.next() {
            outcomes.append(
                ReportedOutcome(
                    id: row[0], status: try stored(ReportedStatus(rawValue: row[1]), "outcome.status"),
                    at: UnixTime(milliseconds: row[2]), terminal: try SerialNumber(stored: row[7]),
                    enrollID: try EnrollID(sent: row[4], canonical: row[3]), name: row[5],
                    time: WallTime(seconds: row[6])))
        }
        return outcomes
    }

    static func bookmark(_ db: Database, named name: String) throws -> String? {
        try String.fetchOne(db, sql: "SELECT place FROM bookmark WHERE sink = ?", arguments: [name])
    }

    // MARK: Dead letters

    static let deadLetterTables = """
        dead_letter d CROSS JOIN sink s ON s.id = d.sink CROSS JOIN punch p ON p.id = d.punch
            CROSS JOIN terminal t ON t.id = p.terminal LEFT JOIN correction c ON c.punch = p.id
        """

    static let deadLetterColumns = """
        d.id, d.sink AS sink_id, d.punch, d.cause, d.reason, d.attempts, d.reported, d.died,
            s.name AS sink_name, p.enroll, p.sent, p.name, \(believedWall) AS wall, t.serial
        """

    /// The time that was decided on, else the terminal's own.
    static let believedWall = "COALESCE(c.wall, p.wall)"

    static func deadLetterConditions(_ filter: DeadLetterFilter) -> Conditions {
        var conditions = Conditions()
        if let sink = filter.sink { conditions.add("s.name = ?", sink.text) }
        if let ids = filter.ids {
            // As one JSON list, because a statement takes a limited number of parameters.
            let list = "[" + ids.map(String.init).joined(separator: ",") + "]"
            conditions.add("d.id IN (SELECT value FROM json_each(?))", list)
        }
        if let cause = filter.cause { conditions.add("d.cause = ?", cause.rawValue) }
        if let person = filter.person { conditions.add("p.enroll = ?", person.canonical) }
        if let terminal = filter.terminal { conditions.add("t.folded = ?", terminal.folded) }
        if let from = filter.from { conditions.add("\(believedWall) >= ?", from.seconds) }
        if let until = filter.until { conditions.add("\(believedWall) < ?", until.seconds) }
        return conditions
    }

    /// Rows of dead letters with a number above `after` and up to `through`, with the names of what they refer to.
    static func deadLetterRows(
        _ db: Database, _ filter: DeadLetterFilter, after: Int64, through: Int64 = .max, limit: Int
    ) throws -> [Row] {
        var conditions = deadLetterConditions(filter)
        conditions.add("d.id > ?", after)
        conditions.add("d.id <= ?", through)
        let sql = """
            SELECT \(deadLetterColumns) FROM \(deadLetterTables) WHERE \(conditions.sql) ORDER BY d.id LIMIT ?
            """
        return try Row.fetchAll(db, sql: sql, arguments: conditions.arguments + [limit])
    }

    static func deadLetters(
        _ db: Database, _ filter: DeadLetterFilter, after: Int64, limit: Int
    ) throws -> [DeadLetter] {
        try deadLetterRows(db, filter, after: after, limit: limit).map(deadLetter)
    }

    /// From `deadLetterColumns`.
    static func deadLetter(_ row: Row) throws -> DeadLetter {
        DeadLetter(
            id: row["id"], sink: try SinkName(stored: row["sink_name"]), punch: row["punch"],
            terminal: try SerialNumber(stored: row["serial"]), enrollID: try EnrollID(row),
            name: row["name"], time: WallTime(seconds: row["wall"]),
            cause: try stored(RejectionCause(rawValue: row["cause"]), "dead_letter.cause"),
            reason: row["reason"], attempts: row["attempts"], died: UnixTime(milliseconds: row["died"]))
    }

    /// The highest number of any dead letter now; 0 without one.
    static func lastDeadLetter(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(db, sql: "SELECT MAX(id) FROM dead_letter") ?? 0
    }

    // MARK: The journal

    static func punches(
        _ db: Database, _ filter: PunchFilter, after: PunchCursor?, limit: Int
    ) throws -> [JournalEntry] {
        var conditions = Conditions()
        // The unique key begins with the time, so the range and the order come from it; the person and the terminal
        // stand in it too, and rows of others are passed over without being read.
        if let after {
            conditions.add("p.wall >= ?", after.time.seconds)
            conditions.add("(p.wall > ? OR p.id > ?)", after.time.seconds, after.id)
        }
        if let from = filter.from { conditions.add("p.wall >= ?", from.seconds) }
        if let until = filter.until { conditions.add("p.wall < ?", until.seconds) }
        if let person = filter.person { conditions.add("p.enroll = ?", person.canonical) }
        if let terminal = filter.terminal {
            conditions.add("p.terminal = (SELECT id FROM terminal WHERE folded = ?)", terminal.folded)
        }
        if filter.kinds != Set(PunchKind.allCases) {
            let kinds = filter.kinds.map { String($0.rawValue) }.sorted().joined(separator: ", ")
            conditions.add("p.kind IN (\(kinds))")
        }
        return try entries(db, at: filter.sink, conditions, order: "p.wall, p.id", limit: limit)
    }

    static func punches(_ db: Database, numbered ids: [Int64], at sink: SinkName) throws -> [JournalEntry] {
        var conditions = Conditions()
        // As one JSON list, because a statement takes a limited number of parameters.
        conditions.add(
            "p.id IN (SELECT value FROM json_each(?))",
            "[" + ids.map(String.init).joined(separator: ",") + "]")
        return try entries(db, at: sink, conditions, order: "p.id", limit: ids.count)
    }

    static func doubtful(_ db: Database, after: Int64, limit: Int) throws -> [JournalEntry] {
        var conditions = Conditions()
        conditions.add("p.doubt <> 0")
        conditions.add("p.kind = ?", PunchKind.person.rawValue)
        conditions.add("p.id > ?", after)
        return try entries(db, at: .erpnext, conditions, order: "p.id", limit: limit)
    }

    static func entries(
        _ db: Database, at sink: SinkName, _ conditions: Conditions, order: String, limit: Int
    ) throws -> [JournalEntry] {
        let ended = "\(FateCode.delivered.rawValue), \(FateCode.suppressed.rawValue)"
        let sql = """
            WITH shown (sink) AS (SELECT id FROM sink WHERE name = ?)
            SELECT p.*, t.serial, z.name AS zone_name, o.attempts AS owed_attempts,
                d.cause AS dead_cause, d.reason AS dead_reason, x.reason AS discard_reason,
                a.started AS delivery_started, a.duration_ms AS delivery_took, a.reference AS delivery_reference,
                a.fate AS delivery_fate, a.words AS delivery_words,
                n.person AS decided_person, n.employee AS decided_employee, n.time AS decided_time,
                n.direction AS decided_direction, e.full_name AS employee_name,
                c.punch AS corrected, c.wall AS corrected_wall, c.instant AS corrected_instant,
                c.author AS correction_author, c.at AS corrected_at, c.basis AS correction_basis,
                EXISTS (SELECT 1 FROM held h WHERE h.terminal = p.terminal AND h.punch = p.id) AS is_held
            FROM punch p CROSS JOIN terminal t ON t.id = p.terminal CROSS JOIN zone z ON z.id = p.zone
                LEFT JOIN outbox o ON o.sink = (SELECT sink FROM shown) AND o.punch = p.id
                LEFT JOIN dead_letter d ON d.sink = (SELECT sink FROM shown) AND d.punch = p.id
                LEFT JOIN discarded x ON x.sink = (SELECT sink FROM shown) AND x.punch = p.id
                LEFT JOIN attempt a ON a.sink = (SELECT sink FROM shown) AND a.punch = p.id
                    AND a.number = (SELECT MAX(number) FROM attempt
                        WHERE sink = (SELECT sink FROM shown) AND punch = p.id AND fate IN (\(ended)))
                LEFT JOIN decision n ON n.sink = (SELECT sink FROM shown) AND n.punch = p.id
                LEFT JOIN employee e ON e.sink = (SELECT sink FROM shown) AND e.name = n.employee
                LEFT JOIN correction c ON c.punch = p.id
            WHERE \(conditions.sql) ORDER BY \(order) LIMIT ?
            """
        let arguments = [sink.text] + conditions.arguments + [limit]
        return try Row.fetchAll(db, sql: sql, arguments: arguments).map(entry)
    }

    private static func entry(_ row: Row) throws -> JournalEntry {
        let raw = [UInt8](row["raw"] as Data)
        let punch = Punch(
            enrollID: try EnrollID(row), alias: row["alias"], name: row["name"],
            time: WallTime(seconds: row["wall"]),
            zone: row["zone_name"], instant: row["instant"],
            kind: try stored(PunchKind(rawValue: row["kind"]), "punch.kind"),
            doubt: try stored(TimeDoubt(rawValue: row["doubt"]), "punch.doubt"), mode: row["mode"],
            inOut: row["inout"], event: row["event"], verifyMode: row["verify_mode"],
            temperature: row["temperature"], raw: raw.indices)
        return JournalEntry(
            id: row["id"], terminal: try SerialNumber(stored: row["serial"]), punch: punch,
            received: UnixTime(milliseconds: row["received"]), connection: row["connection"], raw: raw,
            state: try state(row), decision: try decision(row), correction: correction(row),
            employeeName: row["employee_name"])
    }

    /// From columns that begin with `decided_`.
    static func decision(_ row: Row) throws -> Decision? {
        guard let person: String = row["decided_person"] else { return nil }
        let direction: String? = row["decided_direction"]
        return Decision(
            person: person, employee: row["decided_employee"], time: WallTime(seconds: row["decided_time"]),
            direction: try direction.map { try stored(Direction(rawValue: $0), "decision.direction") })
    }

    private static func correction(_ row: Row) -> Correction? {
        guard row["corrected"] as Int64? != nil else { return nil }
        let wall: Int64? = row["corrected_wall"]
        let instant: Int64? = row["corrected_instant"]
        let ruling: Correction.Ruling =
            if let wall, let instant { .time(WallTime(seconds: wall), instant: instant) } else { .rejected }
        return Correction(
            ruling: ruling, author: Author(row["correction_author"]),
            at: UnixTime(milliseconds: row["corrected_at"]), basis: row["correction_basis"])
    }

    private static func state(_ row: Row) throws -> DeliveryState {
        if let attempts: Int = row["owed_attempts"] { return .owed(attempts: attempts) }
        if let cause: String = row["dead_cause"] {
            return .dead(
                cause: try stored(RejectionCause(rawValue: cause), "dead_letter.cause"),
                reason: row["dead_reason"])
        }
        if let reason: String = row["discard_reason"] { return .discarded(reason: reason) }
        guard let started: Int64 = row["delivery_started"] else {
            return (row["is_held"] as Bool) ? .held : .notOwed
        }
        if row["delivery_fate"] == FateCode.suppressed.rawValue {
            return .suppressed(reason: row["delivery_words"] ?? "")
        }
        return .delivered(
            at: UnixTime(milliseconds: started + (row["delivery_took"] as Int64)),
            reference: row["delivery_reference"])
    }

    static func quarantine(_ db: Database, after: Int64, limit: Int) throws -> [QuarantineEntry] {
        let statement = try db.cachedStatement(
            sql: "\(quarantineRows) WHERE q.id > ? ORDER BY q.id LIMIT ?")
        return try Row.fetchAll(statement, arguments: [after, limit]).map(quarantineEntry)
    }

    static let quarantineRows = """
        SELECT q.*, t.serial, r.quarantine AS decided, r.punch AS made, r.author, r.at AS decided_at, r.basis
        FROM quarantine q CROSS JOIN terminal t ON t.id = q.terminal
            LEFT JOIN resolution r ON r.quarantine = q.id
        """

    static func quarantineEntry(_ row: Row) throws -> QuarantineEntry {
        QuarantineEntry(
            id: row["id"], terminal: try SerialNumber(stored: row["serial"]), reason: row["reason"],
            raw: [UInt8](row["raw"] as Data),
            firstReceived: UnixTime(milliseconds: row["first_received"]),
            lastReceived: UnixTime(milliseconds: row["last_received"]), times: row["times"],
            resolution: (row["decided"] as Int64?).map { _ in
                QuarantineResolution(
                    punch: row["made"], author: Author(row["author"]),
                    at: UnixTime(milliseconds: row["decided_at"]), basis: row["basis"])
            })
    }

    // MARK: Figures

    /// When the punch that has been owed longest was received, for each sink that is owed one.
    static func oldestOwed(_ db: Database) throws -> [String: UnixTime] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT s.name, p.received FROM sink s
                    CROSS JOIN punch p ON p.id = (SELECT MIN(punch) FROM outbox WHERE sink = s.id)
                """)
        return Dictionary(
            rows.map { (($0["name"] as String), UnixTime(milliseconds: $0["received"])) },
            uniquingKeysWith: { $1 })
    }

    static func status(_ db: Database, of state: WriterState, bytes: Int64) throws -> StoreStatus {
        let oldest = try oldestOwed(db)
        return StoreStatus(
            punches: state.punches, quarantined: state.quarantined,
            queues: Dictionary(
                state.sinks.map { sink in
                    // The counters may be a commit ahead of or behind what is read here: an empty queue has no oldest.
                    let first = sink.owed > 0 ? oldest[sink.name.text] : nil
                    return (sink.name, StoreStatus.Queue(owed: sink.owed, oldest: first, dead: sink.dead))
                }, uniquingKeysWith: { $1 }),
            databaseBytes: bytes)
    }

    static func stored<Value>(_ value: Value?, _ column: String) throws -> Value {
        guard let value else { throw StoreError.other(detail: "\(column) holds a value that is none") }
        return value
    }
}

/// Conditions joined by AND, with their arguments in order.
struct Conditions {
    private var parts: [String] = []
    private(set) var arguments = StatementArguments()

    mutating func add(_ condition: String, _ values: (any DatabaseValueConvertible)...) {
        parts.append(condition)
        arguments += StatementArguments(values)
    }

    var sql: String { parts.isEmpty ? "TRUE" : parts.joined(separator: " AND ") }

    /// The same with numbered arguments, the first of them this one: to stand anywhere in a statement.
    func sql(from first: Int) -> String {
        let parts = sql.split(separator: "?", omittingEmptySubsequences: false)
        return zip(parts, parts.indices).map { part, index in
            index == 0 ? String(part) : "?\(first + index - 1)\(part)"
        }.joined()
    }
}

extension EnrollID {
    /// From the columns `enroll` and `sent` of `punch`.
    init(_ row: Row) throws { self = try EnrollID(sent: row["sent"], canonical: row["enroll"]) }

    init(sent: String?, canonical: String) throws {
        self = try Queries.stored(EnrollID(sent ?? canonical), "punch.enroll")
    }
}

extension SerialNumber {
    init(stored text: String) throws {
        self = try Queries.stored(SerialNumber(text), "terminal.serial")
    }
}

extension SinkName {
    init(stored text: String) throws { self = try Queries.stored(SinkName(text), "sink.name") }
}

extension UnixTime {
    init?(stored milliseconds: Int64?) {
        guard let milliseconds else { return nil }
        self.init(milliseconds: milliseconds)
    }
}
