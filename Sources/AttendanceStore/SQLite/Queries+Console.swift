import AttendanceCore
import Foundation
import GRDB

// What a console asks, newest first; each answer in bounded work. Searching punches: `PunchFinder`.

extension Queries {
    /// Rows that one question looks at where each costs a look into other tables.
    static let deadLetterWindow = 10_000
    static let quarantineWindow: Int64 = 10_000
    static let auditWindow: Int64 = 40_000
    static let attemptWindow = 6_000
    static let auditOfPunch: Int64 = 2_000

    /// What `limit` is cut to.
    static func page(_ limit: Int) -> Int { min(max(limit, 1), 500) }

    /// As one JSON list, because a statement takes a limited number of parameters.
    static func list(_ numbers: [Int64]) -> String {
        "[" + numbers.map(String.init).joined(separator: ",") + "]"
    }

    private static func list(_ texts: some Collection<String>) -> String {
        "[" + texts.map { JSONText.quoted($0) }.joined(separator: ",") + "]"
    }

    static func newestPunch(_ db: Database) throws -> Int64 {
        try Int64.fetchOne(db.cachedStatement(sql: "SELECT MAX(id) FROM punch")) ?? 0
    }

    static func sinkRow(_ db: Database, _ sink: SinkName) throws -> Int64? {
        try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT id FROM sink WHERE name = ?"), arguments: [sink.text])
    }

    static func terminalRows(_ db: Database, _ terminals: Set<SerialNumber>) throws -> Set<Int64> {
        try Int64.fetchSet(
            db.cachedStatement(
                sql: "SELECT t.id FROM json_each(?) n CROSS JOIN terminal t ON t.folded = n.value"),
            arguments: [list(terminals.map(\.folded))])
    }

    static func punches(_ db: Database, above number: Int64, at sink: SinkName, limit: Int) throws
        -> [JournalEntry]
    {
        var conditions = Conditions()
        conditions.add("p.id > ?", number)
        return try entries(db, at: sink, conditions, order: "p.id", limit: page(limit))
    }

    // MARK: One punch

    static func explanation(_ db: Database, of punch: Int64) throws -> PunchExplanation? {
        let names = try Row.fetchAll(db, sql: "SELECT id, name, active FROM sink ORDER BY name")
        let first = try names.first.map { try SinkName(stored: $0["name"]) } ?? .erpnext
        guard let entry = try punches(db, numbered: [punch], at: first).first,
            let terminal = try terminal(db, entry.terminal)
        else { return nil }
        let attempts = Dictionary(grouping: try attempts(db, for: punch), by: \.sink)
        let sinks = try names.map { row in
            let name = try SinkName(stored: row["name"])
            // One after the other: there are few, and each is a handful of rows.
            let there = name == first ? entry : try punches(db, numbered: [punch], at: name).first
            var sink = PunchExplanation.AtSink(
                sink: name, isActive: row["active"], state: there?.state ?? .notOwed)
            sink.decision = there?.decision
            sink.employeeName = there?.employeeName
            sink.attempts = (attempts[name] ?? []).suffix(100)
            try complete(&sink, db, row: row["id"], punch: punch)
            return sink
        }
        var explanation = PunchExplanation(entry: entry, terminal: terminal, sinks: sinks)
        explanation.clock = try clockReading(db, of: entry.terminal, near: entry.received)
        explanation.clockStep = try clockSteps(db, of: entry.terminal, limit: 50)
            .first { $0.at <= entry.received }
        explanation.photoBytes = try Int.fetchOne(
            db, sql: "SELECT size FROM photo WHERE punch = ?", arguments: [punch])
        // Few are decided on by hand, so there is no key for it.
        if let row = try Row.fetchOne(
            db, sql: "SELECT * FROM resolution WHERE punch = ?", arguments: [punch])
        {
            let made = QuarantineResolution(
                punch: punch, author: Author(row["author"]), at: UnixTime(milliseconds: row["at"]),
                basis: row["basis"])
            explanation.resolution = (row["quarantine"], made)
        }
        explanation.audit = try audit(db, of: punch, record: explanation.resolution?.record)
        return explanation
    }

    private static func complete(
        _ sink: inout PunchExplanation.AtSink, _ db: Database, row: Int64, punch: Int64
    ) throws {
        let place: StatementArguments = [row, punch]
        sink.owed = try Row.fetchOne(
            db, sql: "SELECT * FROM outbox WHERE sink = ? AND punch = ?", arguments: place
        ).map {
            PunchExplanation.Owed(
                attempts: $0["attempts"], due: UnixTime(stored: $0["due"]), frozen: $0["frozen"],
                begun: UnixTime(stored: $0["begun"]))
        }
        sink.deadLetter = try Row.fetchOne(
            db,
            sql: "SELECT \(deadLetterColumns) FROM \(deadLetterTables) WHERE d.sink = ? AND d.punch = ?",
            arguments: place
        ).map(deadLetter)
        sink.discarded = try Row.fetchOne(
            db, sql: "SELECT * FROM discarded WHERE sink = ? AND punch = ?", arguments: place
        ).map {
            PunchExplanation.Discarded(
                cause: try stored(RejectionCause(rawValue: $0["cause"]), "discarded.cause"),
                reason: $0["reason"], at: UnixTime(milliseconds: $0["at"]))
        }
        if try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM late WHERE sink = ? AND punch = ?)", arguments: place)
            == true
        {
            sink.missedShift = try lateDeliveries(db, at: sink.sink, after: punch - 1, limit: 1).first
        }
    }

    private static func audit(_ db: Database, of punch: Int64, record: Int64?) throws -> [AuditEntry] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM audit WHERE id > (SELECT MAX(id) FROM audit) - ?1
                    AND (action = 'corrections.decide' AND subject = ?2
                        OR action = 'quarantine.decide' AND subject = ?3
                        OR action IN ('punches.send-again', 'dead-letters.retry', 'dead-letters.discard')
                            AND instr(detail, ?4) > 0)
                ORDER BY id DESC
                """,
            arguments: [
                auditOfPunch, "punch \(punch)", record.map { "record \($0)" }, String(punch),
            ])
        return rows.map(auditEntry).filter { entry in
            guard entry.action != "corrections.decide", entry.action != "quarantine.decide" else {
                return true
            }
            // Such as `2 dead letters: punches 3, 5; the reason that was given`.
            let list = entry.detail.drop { $0 != ":" }.prefix { $0 != ";" }
            return list.split { !$0.isNumber }.contains { $0 == String(punch) }
        }
    }

    // MARK: People

    /// See `ConsoleReading.people`. `names` are those that terminals have sent, by canonical enroll id.
    static func people(
        _ db: Database, matching text: String, limit: Int, names: [String: String]
    ) throws -> [PersonMatch] {
        let text = String(text.trimmingBlanks().prefix(100))
        guard !text.isEmpty else { return [] }
        let limit = min(max(limit, 1), 50)
        let needle = NameNeedle(text)
        let number = EnrollID(text)?.canonical ?? text
        let employees = try employees(db, needle, number: number, limit: limit)
        let known = Set(employees.compactMap(\.employee))
        var found = employees
        found += try rosterMatches(db, needle, number: number, limit: limit)
            .filter { $0.employee.map(known.contains) != true }
        found += try mappingMatches(db, needle, number: number, limit: limit)
        let ids = Set(found.flatMap(\.enrollIDs))
        var heard: [PersonMatch] = []
        for (enroll, name) in names where enroll == number || needle.rank(name) != nil {
            guard let id = EnrollID(enroll), !ids.contains(id) else { continue }
            heard.append(PersonMatch(name: name, enrollIDs: [id], source: .punches))
        }
        found += heard
        return Array(
            found.map { match in
                (
                    match,
                    match.enrollIDs.contains { $0.canonical == number } ? -1 : needle.rank(match.name) ?? 3
                )
            }
            .sorted { a, b in
                if a.1 != b.1 { return a.1 < b.1 }
                if a.0.name != b.0.name { return a.0.name < b.0.name }
                return a.0.enrollIDs.first?.canonical ?? "" < b.0.enrollIDs.first?.canonical ?? ""
            }
            .map(\.0).prefix(limit))
    }

    private static func employees(
        _ db: Database, _ needle: NameNeedle, number: String, limit: Int
    ) throws -> [PersonMatch] {
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT e.sink, s.name AS sink_name, e.name, e.full_name, e.keys
                FROM employee e CROSS JOIN sink s ON s.id = e.sink
                WHERE \(needle.condition("e.full_name")) OR e.name LIKE :start ESCAPE '\\'
                    OR (e.sink, e.name) IN (SELECT sink, employee FROM mapping WHERE enroll = :number)
                    OR instr(e.keys, :number) > 0 AND EXISTS (SELECT 1 FROM json_each(e.keys)
                        WHERE value = :number OR ltrim(value, '0') = :number)
                ORDER BY \(needle.order("e.full_name")), e.full_name, e.sink, e.name LIMIT :limit
                """, arguments: needle.arguments(number: number, limit: limit))
        guard !rows.isEmpty else { return [] }
        let documents = list(Set(rows.map { $0["name"] as String }))
        // Neither has a key by employee: each is read once, whatever was found.
        let mapped = Dictionary(
            grouping: try Row.fetchAll(
                db,
                sql: """
                    SELECT sink, employee, enroll FROM mapping
                    WHERE employee IN (SELECT value FROM json_each(?)) LIMIT 1000
                    """, arguments: [documents]), by: { $0["employee"] as String })
        let enrolled = Dictionary(
            grouping: try Row.fetchAll(
                db,
                sql: """
                    SELECT employee, enroll, sent FROM person
                    WHERE employee IN (SELECT value FROM json_each(?)) LIMIT 1000
                    """, arguments: [documents]), by: { $0["employee"] as String })
        return try rows.map { row in
            let name: String = row["name"]
            let keys = try JSONDecoder().decode(
                [String: String].self, from: Data((row["keys"] as String).utf8))
            var ids: [EnrollID] = []
            func add(_ id: EnrollID?) {
                if let id, ids.count < 20, !ids.contains(id) { ids.append(id) }
            }
            for other in mapped[name] ?? [] where other["sink"] as Int64 == row["sink"] {
                add(EnrollID(other["enroll"] as String))
            }
            for other in enrolled[name] ?? [] { add(try EnrollID(other)) }
            for key in keys.sorted(by: { $0.key < $1.key }) { add(EnrollID(key.value)) }
            return PersonMatch(
                name: row["full_name"], enrollIDs: ids, employee: name,
                sink: try SinkName(stored: row["sink_name"]), source: .employee)
        }
    }

    private static func rosterMatches(
        _ db: Database, _ needle: NameNeedle, number: String, limit: Int
    ) throws -> [PersonMatch] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT space, enroll, sent, name, employee FROM person
                WHERE \(needle.condition("name")) OR enroll = :number OR employee LIKE :start ESCAPE '\\'
                ORDER BY \(needle.order("name")), name, space, enroll LIMIT :limit
                """, arguments: needle.arguments(number: number, limit: limit)
        ).map { row in
            PersonMatch(
                name: row["name"], enrollIDs: [try EnrollID(row)], employee: row["employee"],
                space: row["space"], source: .roster)
        }
    }

    private static func mappingMatches(
        _ db: Database, _ needle: NameNeedle, number: String, limit: Int
    ) throws -> [PersonMatch] {
        // Of employees that are not in the copy of the site: the others were found there.
        try Row.fetchAll(
            db,
            sql: """
                SELECT s.name AS sink_name, m.space, m.enroll, m.employee
                FROM mapping m CROSS JOIN sink s ON s.id = m.sink
                WHERE (\(needle.condition("m.employee")) OR m.enroll = :number OR m.employee LIKE :start ESCAPE '\\')
                    AND NOT EXISTS (SELECT 1 FROM employee e WHERE e.sink = m.sink AND e.name = m.employee)
                ORDER BY \(needle.order("m.employee")), m.employee, m.sink, m.space, m.enroll LIMIT :limit
                """, arguments: needle.arguments(number: number, limit: limit)
        ).compactMap { row in
            guard let id = EnrollID(row["enroll"] as String) else { return nil }
            return PersonMatch(
                name: row["employee"], enrollIDs: [id], employee: row["employee"],
                sink: try SinkName(stored: row["sink_name"]), space: row["space"], source: .mapping)
        }
    }

    // MARK: Deliveries

    static func latestAttempts(
        _ db: Database, _ search: AttemptSearch, before: AttemptCursor?, limit: Int
    ) throws -> Page<LatestAttempt, AttemptCursor> {
        let limit = page(limit)
        let terminals = try search.terminals.map { try terminalRows(db, $0) }
        guard let sink = try sinkRow(db, search.sink), terminals?.isEmpty != true,
            search.answers?.isEmpty != true
        else { return Page(items: [], next: nil) }
        var conditions = Conditions()
        if let answers = search.answers {
            conditions.add(
                "a.answer IN (SELECT value FROM json_each(?))", list(answers.map(\.rawValue).sorted()))
        }
        if let terminals {
            conditions.add("p.terminal IN (SELECT value FROM json_each(?))", list(terminals.sorted()))
        }
        var found: [LatestAttempt] = []
        var cursor = before
        var looked = 0
        var size = limit + 1
        while found.count <= limit {
            if looked >= attemptWindow, let cursor {
                return Page(items: found, next: cursor, searchedBackTo: cursor.started)
            }
            let places = try attemptPlaces(db, sink, search.meanings, before: cursor, limit: size)
            looked += places.count
            found += try attempts(db, search.sink, sink, at: places, conditions)
            guard places.count == size, let last = places.last else { break }
            cursor = last
            if search.answers != nil || terminals != nil { size = max(size, 1_500) }
        }
        guard found.count > limit else { return Page(items: found, next: nil) }
        let items = Array(found.prefix(limit))
        return Page(items: items, next: items.last?.cursor)
    }

    static let attemptPlaces = """
        SELECT started, punch, number FROM attempt INDEXED BY attempt_latest
        WHERE sink = ?1 AND fate = ?2 AND started <= ?3 AND (started < ?3 OR (punch, number) < (?4, ?5))
        ORDER BY started DESC, punch DESC, number DESC LIMIT ?6
        """

    /// The latest places of each kind, and of these together the latest.
    private static func attemptPlaces(
        _ db: Database, _ sink: Int64, _ meanings: Set<RecordedAttempt.Meaning>, before: AttemptCursor?,
        limit: Int
    ) throws -> [AttemptCursor] {
        var places: [AttemptCursor] = []
        for meaning in meanings {
            let rows = try Row.fetchCursor(
                db.cachedStatement(sql: attemptPlaces),
                arguments: [
                    sink, meaning.rawValue, before?.started.milliseconds ?? .max, before?.punch ?? .max,
                    before?.number ?? .max, limit,
                ])
            while let row = try rows.next() {
                places.append(
                    AttemptCursor(
                        started: UnixTime(milliseconds: row[0]), punch: row[1], number: row[2]))
            }
        }
        places.sort { ($0.started, $0.punch, $0.number) > ($1.started, $1.punch, $1.number) }
        return Array(places.prefix(limit))
    }

    private static func attempts(
        _ db: Database, _ name: SinkName, _ sink: Int64, at places: [AttemptCursor], _ conditions: Conditions
    ) throws -> [LatestAttempt] {
        let list = "[" + places.map { "[\($0.punch),\($0.number)]" }.joined(separator: ",") + "]"
        return try Row.fetchAll(
            db,
            sql: """
                SELECT s.name AS sink_name, a.*, p.enroll, p.sent, COALESCE(p.name, e.full_name) AS name,
                    \(believedWall) AS wall, t.serial
                FROM json_each(?) k CROSS JOIN attempt a ON a.sink = ? AND a.punch = json_extract(k.value, '$[0]')
                        AND a.number = json_extract(k.value, '$[1]')
                    CROSS JOIN sink s ON s.id = a.sink
                    CROSS JOIN punch p ON p.id = a.punch CROSS JOIN terminal t ON t.id = p.terminal
                    LEFT JOIN correction c ON c.punch = p.id
                    LEFT JOIN decision n ON n.sink = a.sink AND n.punch = a.punch
                    LEFT JOIN employee e ON e.sink = a.sink AND e.name = n.employee
                WHERE \(conditions.sql) ORDER BY k.key
                """, arguments: [list, sink] + conditions.arguments
        ).map { row in
            LatestAttempt(
                punch: row["punch"], terminal: try SerialNumber(stored: row["serial"]),
                enrollID: try EnrollID(row), name: row["name"], time: WallTime(seconds: row["wall"]),
                recorded: try attempt(row))
        }
    }

    static func latestDeadLetters(
        _ db: Database, _ search: DeadLetterSearch, before: Int64?, limit: Int
    ) throws -> Page<DeadLetter, Int64> {
        let limit = page(limit)
        var conditions = deadLetterConditions(search.filter)
        if let terminals = search.terminals {
            let rows = try terminalRows(db, terminals).sorted()
            conditions.add("p.terminal IN (SELECT value FROM json_each(?))", list(rows))
        }
        if let sinks = search.sinks {
            conditions.add("s.name IN (SELECT value FROM json_each(?))", list(sinks.map(\.text).sorted()))
        }
        // Their numbers have gaps, so the end of what is looked at is itself looked for.
        let before = before ?? .max
        let last = try Row.fetchOne(
            db.cachedStatement(
                sql: "SELECT id, died FROM dead_letter WHERE id < ? ORDER BY id DESC LIMIT 1 OFFSET ?"),
            arguments: [before, deadLetterWindow - 1])
        conditions.add("d.id < ?", before)
        conditions.add("d.id >= ?", last.map { $0["id"] as Int64 } ?? 0)
        let found = try Row.fetchAll(
            db,
            sql: """
                SELECT \(deadLetterColumns) FROM \(deadLetterTables)
                WHERE \(conditions.sql) ORDER BY d.id DESC LIMIT ?
                """, arguments: conditions.arguments + [limit + 1]
        ).map(deadLetter)
        return cut(
            found, limit, by: \.id,
            stopped: last.map { ($0["id"], UnixTime(milliseconds: $0["died"])) })
    }

    static func latestQuarantine(
        _ db: Database, _ search: QuarantineSearch, before: Int64?, limit: Int
    ) throws -> Page<QuarantineEntry, Int64> {
        let limit = page(limit)
        let newest = try Int64.fetchOne(db, sql: "SELECT MAX(id) FROM quarantine") ?? 0
        let before = min(before ?? .max, newest + 1)
        // Numbers have no gaps.
        let last = max(before, 0) - quarantineWindow
        var conditions = Conditions()
        conditions.add("q.id < ?", before)
        conditions.add("q.id >= ?", last)
        if let isOpen = search.isOpen { conditions.add("(r.quarantine IS NULL) = ?", isOpen) }
        if let terminals = search.terminals {
            let rows = try terminalRows(db, terminals).sorted()
            conditions.add("q.terminal IN (SELECT value FROM json_each(?))", list(rows))
        }
        let found = try Row.fetchAll(
            db,
            sql: "\(quarantineRows) WHERE \(conditions.sql) ORDER BY q.id DESC LIMIT ?",
            arguments: conditions.arguments + [limit + 1]
        ).map(quarantineEntry)
        guard last > 1, found.count <= limit else { return cut(found, limit, by: \.id, stopped: nil) }
        let moment =
            try Int64.fetchOne(
                db, sql: "SELECT first_received FROM quarantine WHERE id = ?", arguments: [last]) ?? 0
        return cut(found, limit, by: \.id, stopped: (last, UnixTime(milliseconds: moment)))
    }

    static func auditTrail(
        _ db: Database, _ search: AuditSearch, before: Int64?, limit: Int
    ) throws -> Page<AuditEntry, Int64> {
        let limit = page(limit)
        let newest = try Int64.fetchOne(db, sql: "SELECT MAX(id) FROM audit") ?? 0
        let before = min(before ?? .max, newest + 1)
        let last = max(before, 0) - auditWindow
        var conditions = Conditions()
        conditions.add("id < ?", before)
        conditions.add("id >= ?", last)
        if let action = search.action {
            conditions.add("substr(action, 1, length(?)) = ?", action, action)
        }
        if let author = search.author { conditions.add("author = ? COLLATE NOCASE", author) }
        if let subject = search.subject { conditions.add("instr(lower(subject), lower(?)) > 0", subject) }
        if let from = search.from { conditions.add("at >= ?", from.milliseconds) }
        if let until = search.until { conditions.add("at < ?", until.milliseconds) }
        let found = try Row.fetchAll(
            db, sql: "SELECT * FROM audit WHERE \(conditions.sql) ORDER BY id DESC LIMIT ?",
            arguments: conditions.arguments + [limit + 1]
        ).map(auditEntry)
        guard last > 1, found.count <= limit else { return cut(found, limit, by: \.id, stopped: nil) }
        let moment = UnixTime(
            milliseconds: try Int64.fetchOne(
                db, sql: "SELECT at FROM audit WHERE id = ?", arguments: [last]) ?? 0)
        // Rows follow each other in time but for clocks that were set.
        if let from = search.from, moment + .seconds(86_400) < from {
            return cut(found, limit, by: \.id, stopped: nil)
        }
        return cut(found, limit, by: \.id, stopped: (last, moment))
    }

    static func auditEntry(_ row: Row) -> AuditEntry {
        AuditEntry(
            id: row["id"], at: UnixTime(milliseconds: row["at"]), author: Author(row["author"]),
            action: row["action"], subject: row["subject"], detail: row["detail"])
    }

    /// A page of what was found, of which one more than `limit` was asked for.
    private static func cut<Item>(
        _ found: [Item], _ limit: Int, by number: (Item) -> Int64, stopped: (Int64, UnixTime)?
    ) -> Page<Item, Int64> {
        if found.count > limit {
            let items = Array(found.prefix(limit))
            return Page(items: items, next: items.last.map(number))
        }
        return Page(items: found, next: stopped?.0, searchedBackTo: stopped?.1)
    }

    // MARK: Figures

    /// How many punches were received when, up to a number: found by looking at one row here and there, since they are
    /// numbered in the order in which they came. Where a clock was set back, roughly.
    static func rates(_ db: Database, through newest: Int64, at now: UnixTime) throws -> PunchRates {
        let statement = try db.cachedStatement(sql: "SELECT received FROM punch WHERE id = ?")
        var known: [Int64: Int64] = [:]
        func received(_ number: Int64) throws -> Int64 {
            if let known = known[number] { return known }
            let moment = try Int64.fetchOne(statement, arguments: [number]) ?? 0
            known[number] = moment
            return moment
        }
        let horizon = PunchRates.horizon(at: now).milliseconds
        guard newest >= 1, try received(newest) >= horizon else { return PunchRates() }
        var (low, high) = (Int64(1), newest)
        while low < high {
            let middle = (low + high) / 2
            if try received(middle) >= horizon { high = middle } else { low = middle + 1 }
        }
        // Minutes are only asked for of the last hour.
        let recent = now.milliseconds - 3_660_000
        func bucket(_ moment: Int64) -> Int64 {
            moment >= recent ? moment / 60_000 : -1 - moment / 900_000
        }
        var rates = PunchRates()
        var stretches = [(low, newest)]
        while let (first, last) = stretches.popLast() {
            let moment = try received(first)
            if try first == last || bucket(moment) == bucket(received(last)) || known.count > 100_000 {
                rates.add(Int(last - first + 1), at: UnixTime(milliseconds: moment))
            } else {
                let middle = (first + last) / 2
                stretches.append((middle + 1, last))
                stretches.append((first, middle))
            }
        }
        return rates
    }
}

/// A piece of a name, whatever the case of its letters.
struct NameNeedle {
    private let text: String
    private let folded: String
    private let bytes: [UInt8]?
    /// SQLite knows capital and small letters of ASCII only: with others each way to write them is looked for.
    private let spellings: [String]

    init(_ text: String) {
        self.text = text
        folded = text.lowercased()
        bytes = text.utf8.allSatisfy { $0 < 0x80 } ? Array(folded.utf8) : nil
        spellings =
            bytes != nil ? [text] : Array(Set([text, folded, text.uppercased(), text.capitalized])).sorted()
    }

    /// 0: the name begins with it. 1: a word of it does. 2: it is somewhere in it. Nil: it is not.
    func rank(_ name: String) -> Int? {
        if let bytes, let rank = rank(name, bytes) { return rank < 3 ? rank : nil }
        let name = name.lowercased()
        if name.hasPrefix(folded) { return 0 }
        if name.contains(" " + folded) { return 1 }
        return name.contains(folded) ? 2 : nil
    }

    /// The same byte by byte; 3: it is not in there. Nil where the name cannot be read so.
    private func rank(_ name: String, _ bytes: [UInt8]) -> Int? {
        name.utf8.withContiguousStorageIfAvailable { name in
            guard name.count >= bytes.count else { return 3 }
            var best = 3
            for start in 0...name.count - bytes.count {
                var index = 0
                while index < bytes.count, Self.small(name[start + index]) == bytes[index] { index += 1 }
                guard index == bytes.count else { continue }
                if start == 0 { return 0 }
                best = min(best, name[start - 1] == 0x20 ? 1 : 2)
            }
            return best
        }
    }

    private static func small(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

    func condition(_ column: String) -> String {
        let parts = spellings.indices.map { "\(column) LIKE :part\($0) ESCAPE '\\'" }
        return "(" + parts.joined(separator: " OR ") + ")"
    }

    func order(_ column: String) -> String {
        let starts = spellings.indices.map { "\(column) LIKE :start\($0) ESCAPE '\\'" }
        return "NOT (" + starts.joined(separator: " OR ") + ")"
    }

    func arguments(number: String, limit: Int) -> StatementArguments {
        var values: [String: (any DatabaseValueConvertible)?] = [
            "number": number, "limit": limit, "start": Self.pattern(text) + "%",
        ]
        for (index, spelling) in spellings.enumerated() {
            values["part\(index)"] = "%" + Self.pattern(spelling) + "%"
            values["start\(index)"] = Self.pattern(spelling) + "%"
        }
        return StatementArguments(values)
    }

    private static func pattern(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("%", with: "\\%").replacing("_", with: "\\_")
    }
}
