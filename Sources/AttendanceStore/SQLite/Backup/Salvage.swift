import AttendanceCore
import Foundation
import GRDB
import GRDBSQLite
import Logging

/// Takes over what can be read of a damaged journal into one that is whole.
struct Salvage {
    private let target: WriterConnection
    private let source: DatabaseQueue?
    private let isBasedOnBackup: Bool
    private let zone: String
    private let now: UnixTime
    private let logger: Logger

    private(set) var punches = 0
    private(set) var fromBackup = 0
    private(set) var fromIndex = 0
    private(set) var fromCSV = 0
    private(set) var lost = 0
    /// Tables of which not every row was read.
    private(set) var torn: Set<String> = []
    private(set) var missingSince: UnixTime

    /// Rows of one transaction.
    private static let atOnce = 2_000
    /// Numbers of one table that are tried one by one, in a part of it that cannot be read as a whole.
    private static let mostProbes = 20_000
    private static let mostCSVLines = 5_000_000

    /// In an order in which what is referred to comes first.
    private static let tables = [
        "terminal", "zone", "sink", "punch", "outbox", "attempt", "decision", "dead_letter", "discarded",
        "outcome",
        "bookmark", "quarantine", "employee", "mapping", "site_fact", "correction", "resolution", "clock",
        "late",
        "audit", "alert", "held", "command", "firmware_word", "person", "credential", "enrolled", "erasure",
        "erasure_place", "photo", "access_code", "clock_step", "account", "account_network", "session",
        "api_token",
    ]
    /// Rows of these never go: an older one is as good as none is bad. Of the others a row that was read from the
    /// backup may have gone since.
    private static let growing: Set<String> = [
        "terminal", "zone", "sink", "punch", "attempt", "outcome", "quarantine", "correction", "resolution",
        "audit", "erasure", "late",
    ]
    /// By sink and punch: read sink by sink, in ranges of punches.
    private static let bySink: Set<String> = ["outbox", "attempt", "decision", "discarded", "late"]

    init(
        into target: WriterConnection, from source: DatabaseQueue?, basedOnBackup: Bool, zone: String,
        now: UnixTime, logger: Logger
    ) {
        self.target = target
        self.source = source
        isBasedOnBackup = basedOnBackup
        self.zone = zone
        self.now = now
        self.logger = logger
        missingSince = UnixTime(milliseconds: 0)
    }

    /// Commands, codes or sessions are as the backup has them, in part.
    var isOldInParts: Bool {
        isBasedOnBackup && (source == nil || !torn.isDisjoint(with: ["command", "access_code", "session"]))
    }

    /// Not one row could be taken over.
    var isUnread: Bool { rowsRead == 0 }
    private var rowsRead = 0

    mutating func run(csv: String?) throws {
        let before = try target.access { try Int64.fetchAll(target.db, sql: "SELECT id FROM punch") }
        var newest: Int64 = 0
        var read: Set<Int64> = []
        if let source {
            try source.inDatabase { db in
                for table in Self.tables { try take(table, from: db) }
            }
            read = salvagedPunches
            newest = read.max() ?? 0
            try source.inDatabase { db in try completeFromIndex(db, &read) }
        } else {
            torn.formUnion(Self.tables)
        }
        fromBackup = before.count { !read.contains($0) }
        try mend()
        try oweWhatIsUnsure()
        if let csv { try takeCSV(csv) }
        try count(newestRead: newest)
    }

    // MARK: Tables

    /// Numbers of punches that were read as rows.
    private var salvagedPunches: Set<Int64> = []

    private mutating func take(_ table: String, from db: Database) throws {
        let columns: [String]
        do {
            let there = Set(try db.columns(in: table).map(\.name))
            columns = try target.access { try target.db.columns(in: table).map(\.name) }
                .filter { there.contains($0) }
        } catch {
            torn.insert(table)
            return
        }
        guard !columns.isEmpty else { return }
        let idPlace = columns.firstIndex(of: "id")
        var rows: [[DatabaseValue]] = []
        var found: Set<Int64> = []
        var taken = 0
        let list = columns.map { "\"\($0)\"" }.joined(separator: ", ")
        let marks = columns.map { _ in "?" }.joined(separator: ", ")
        // The trail only grows at its end.
        let sql =
            table == "audit"
            ? "INSERT INTO audit (\(list)) SELECT \(marks) WHERE ? > (SELECT COALESCE(MAX(id), 0) FROM audit)"
            : "INSERT OR REPLACE INTO \(table) (\(list)) VALUES (\(marks))"
        func store() throws {
            try target.transaction {
                for var values in rows {
                    let id = idPlace.map { values[$0] }
                    if table == "audit", let id { values.append(id) }
                    do {
                        let statement = try target.db.cachedStatement(sql: sql)
                        try statement.execute(arguments: StatementArguments(values))
                        if table == "punch", let number = id.flatMap(Int64.fromDatabaseValue) {
                            found.insert(number)
                        }
                    } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                        continue  // it is not what a row of this table can be
                    }
                }
            }
            taken += rows.count
            rows.removeAll(keepingCapacity: true)
        }
        let isWhole = try read(table, list: list, from: db) { row in
            rows.append(row)
            if rows.count >= Self.atOnce { try store() }
        }
        try store()
        rowsRead += taken
        salvagedPunches.formUnion(found)
        // What is read whole replaces what the backup had; what is torn is added to it.
        if !isWhole { torn.insert(table) }
        if isWhole, isBasedOnBackup, !Self.growing.contains(table) {
            do {
                try removeWhatHasGone(table, from: db)
            } catch is Unreadable {
                torn.insert(table)  // its rows could be read, but not the index of its keys
            }
        }
        logger.log(
            level: isWhole ? .debug : .warning, "read from the damaged journal",
            metadata: ["table": "\(table)", "rows": "\(taken)", "whole": "\(isWhole)"])
    }

    /// Rows of the backup that the damaged journal, which was read whole, does not have.
    private func removeWhatHasGone(_ table: String, from db: Database) throws {
        let key = try target.access { try target.db.primaryKey(table).columns }
        let list = key.map { "\"\($0)\"" }.joined(separator: ", ")
        let test = key.map { "\"\($0)\" IS ?" }.joined(separator: " AND ")
        var present: Set<[DatabaseValue]> = []
        let rows = try Row.fetchCursor(db, sql: "SELECT \(list) FROM \(table)")
        while let row = try next(rows) { present.insert(Array(row.databaseValues)) }
        try target.transaction {
            let rows = try Row.fetchAll(target.db, sql: "SELECT \(list) FROM \(table)")
            for row in rows where !present.contains(Array(row.databaseValues)) {
                try target.db.execute(
                    sql: "DELETE FROM \(table) WHERE \(test)",
                    arguments: StatementArguments(Array(row.databaseValues)))
            }
        }
    }

    /// Hands every row to `take` that can be read. False when there are others.
    private func read(
        _ table: String, list: String, from db: Database, _ take: ([DatabaseValue]) throws -> Void
    ) throws -> Bool {
        var probes = 0
        if Self.bySink.contains(table) {
            var isWhole = true
            let last = try highest("SELECT MAX(punch) FROM \(table)", db) ?? Int64(bound(db))
            for sink in sinks(db) {
                isWhole =
                    try range(
                        1...max(1, last), &probes, db,
                        sql:
                            "SELECT punch, \(list) FROM \(table) WHERE sink = ? AND punch BETWEEN ? AND ? ORDER BY punch",
                        { [sink, $0.lowerBound, $0.upperBound] }, take) && isWhole
            }
            return isWhole
        }
        if let key = try? db.primaryKey(table),
            key.isRowID || key.columns == ["id"] || key.columns == ["punch"]
        {
            let top = try highest("SELECT MAX(rowid) FROM \(table)", db)
            let last = max(top ?? Int64(bound(db)), table == "punch" ? highestInIndex(db) : 0)
            return try range(
                1...max(1, last), &probes, db,
                sql: "SELECT rowid, \(list) FROM \(table) WHERE rowid BETWEEN ? AND ? ORDER BY rowid",
                { [$0.lowerBound, $0.upperBound] }, take)
        }
        // Small ones: from both ends, as far as it goes.
        let key = (try? db.primaryKey(table).columns) ?? []
        for order in ["ASC", "DESC"] {
            let by = key.isEmpty ? "rowid \(order)" : key.map { "\"\($0)\" \(order)" }.joined(separator: ", ")
            do {
                let rows = try Row.fetchCursor(db, sql: "SELECT 0, \(list) FROM \(table) ORDER BY \(by)")
                while let row = try next(rows) { try take(Array(row.databaseValues.dropFirst())) }
                return order == "ASC"
            } catch is Unreadable {
                continue
            }
        }
        return false
    }

    private struct Unreadable: Error {}

    /// The next row; `Unreadable` for what is the file's fault.
    private func next(_ cursor: RowCursor) throws -> Row? {
        do {
            return try cursor.next().map { $0.copy() }
        } catch let error as DatabaseError where Self.isDamage(error) {
            throw Unreadable()
        }
    }

    private static func isDamage(_ error: DatabaseError) -> Bool {
        [.SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_IOERR, .SQLITE_MISMATCH, .SQLITE_TOOBIG].contains(
            error.resultCode)
    }

    private func highest(_ sql: String, _ db: Database) throws -> Int64? {
        do { return try Int64.fetchOne(db, sql: sql) ?? 0 } catch { return nil }
    }

    private func highestInIndex(_ db: Database) -> Int64 {
        // Where that cannot be read either, the rows alone tell.
        let newest = try? Int64.fetchAll(db, sql: "SELECT id FROM punch ORDER BY wall DESC LIMIT 5000").max()
        return newest.flatMap { $0 } ?? 0
    }

    /// No table can hold more rows than that.
    private func bound(_ db: Database) -> Int {
        let pages = (try? Int.fetchOne(db, sql: "PRAGMA page_count")) ?? 0
        return min(pages * 200, 50_000_000)
    }

    private func sinks(_ db: Database) -> [Int64] {
        let known = (try? target.access { try Int64.fetchAll(target.db, sql: "SELECT id FROM sink") }) ?? []
        return known.isEmpty ? Array(1...8) : known
    }

    /// Reads what can be read of a range. Where a number cannot be read, the next that can is looked for in growing
    /// steps and then exactly; what was stepped over so is tried number by number at the end, as far as there is time.
    private func range(
        _ numbers: ClosedRange<Int64>, _ probes: inout Int, _ db: Database, sql: String,
        _ arguments: (ClosedRange<Int64>) -> StatementArguments, _ take: ([DatabaseValue]) throws -> Void
    ) throws -> Bool {
        /// Reads from `part`'s first number on. Nil: all of it; else the number up to which it was read.
        func attempt(_ part: ClosedRange<Int64>) throws -> Int64? {
            var reached = part.lowerBound - 1
            do {
                let cursor: RowCursor
                do {
                    cursor = try Row.fetchCursor(try db.cachedStatement(sql: sql), arguments: arguments(part))
                } catch let error as DatabaseError where Self.isDamage(error) {
                    throw Unreadable()
                }
                while let row = try next(cursor) {
                    let number: Int64 = row[0]
                    try take(Array(row.databaseValues.dropFirst()))
                    reached = number
                }
                return nil
            } catch is Unreadable {
                return reached
            }
        }
        var skipped: [ClosedRange<Int64>] = []
        var from = numbers.lowerBound
        while from <= numbers.upperBound, let reached = try attempt(from...numbers.upperBound) {
            // Several rows may have one number: the last one is tried again, below.
            let bad = max(from, reached)
            var (low, step) = (bad, Int64(1))
            var high: Int64?
            while low < numbers.upperBound {
                let place = min(numbers.upperBound, bad + step)
                if try attempt(place...place) == nil {
                    high = place
                    break
                }
                low = place
                step *= 2
            }
            guard var good = high else {
                skipped.append(bad...numbers.upperBound)
                break
            }
            while good - low > 1 {
                let middle = low + (good - low) / 2
                if try attempt(middle...middle) == nil { good = middle } else { low = middle }
            }
            skipped.append(bad...good - 1)
            from = good
        }
        // Where not one could be read it is the table's first page: looking further is of little use.
        let most = skipped.first == numbers ? probes + 200 : Self.mostProbes
        for part in skipped.sorted(by: { $0.count < $1.count }) {
            for number in part {
                guard probes < most else { return false }
                probes += 1
                _ = try attempt(number...number)
            }
        }
        return skipped.isEmpty
    }

    // MARK: The index

    /// Punches of which only the key is left: who, where and when, which is all that a site is told.
    private mutating func completeFromIndex(_ db: Database, _ read: inout Set<Int64>) throws {
        guard torn.contains("punch") else { return }
        var found: [(id: Int64, wall: Int64, terminal: Int64, enroll: String, event: Int64)] = []
        for order in ["ASC", "DESC"] {
            do {
                // All of it stands in the index of the key: no row is touched.
                let cursor = try Row.fetchCursor(
                    db,
                    sql: """
                        SELECT id, wall, terminal, enroll, door_event FROM punch
                        ORDER BY wall \(order), terminal \(order), enroll \(order), door_event \(order)
                        """)
                while let row = try next(cursor) {
                    let id: Int64 = row["id"]
                    guard !read.contains(id), let enroll = String.fromDatabaseValue(row["enroll"]) else {
                        continue
                    }
                    read.insert(id)
                    found.append((id, row["wall"], row["terminal"], enroll, row["door_event"]))
                }
                break
            } catch is Unreadable {
                continue
            }
        }
        let isInBackup = try target.access {
            Set(try Int64.fetchAll(target.db, sql: "SELECT id FROM punch"))
        }
        for part in found.filter({ !isInBackup.contains($0.id) }).chunks(of: Self.atOnce) {
            try target.transaction {
                for punch in part {
                    let kind: PunchKind =
                        punch.event != -1 ? .doorEvent : punch.enroll == "99999999" ? .stranger : .person
                    if try put(
                        id: punch.id, wall: punch.wall, terminal: punch.terminal, enroll: punch.enroll,
                        event: punch.event, name: nil, kind: kind, raw: #"{"rebuilt":"from the index"}"#)
                    {
                        fromIndex += 1
                    }
                }
            }
        }
    }

    /// False when there is such a punch already.
    private func put(
        id: Int64?, wall: Int64, terminal: Int64, enroll: String, event: Int64, name: String?,
        kind: PunchKind,
        raw: String
    ) throws -> Bool {
        let db = target.db
        let neighbour = try Row.fetchOne(
            db,
            sql: """
                SELECT p.zone, z.name FROM punch p JOIN zone z ON z.id = p.zone
                WHERE p.terminal = ? ORDER BY p.id DESC LIMIT 1
                """, arguments: [terminal])
        let zoneName: String = neighbour?["name"] ?? zone
        let zoneID = try neighbour.map { $0["zone"] as Int64 } ?? target.zoneID(zone)
        let instant = ZoneRules(identifier: zoneName)?.instant(of: WallTime(seconds: wall)) ?? wall
        try db.execute(
            sql: """
                INSERT OR IGNORE INTO punch (id, wall, terminal, enroll, door_event, name, instant, zone, kind, doubt,
                    event, received, connection, raw)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, 0, ?)
                """,
            arguments: [
                id, wall, terminal, enroll, event, name, instant, zoneID, kind.rawValue,
                event == -1 ? nil : event,
                max(0, min(instant * 1000, now.milliseconds)), raw,
            ])
        return target.changes > 0
    }

    // MARK: Making it fit together

    /// What refers to rows that are not there any more.
    private func mend() throws {
        try target.transaction {
            let db = target.db
            try db.execute(
                sql: """
                    INSERT INTO terminal (id, serial, folded, first_seen, last_seen)
                    SELECT DISTINCT p.terminal, 'LOST-' || p.terminal, 'lost-' || p.terminal, 0, 0 FROM punch p
                    WHERE p.terminal NOT IN (SELECT id FROM terminal);
                    """)
            for lost in try Int64.fetchAll(
                db, sql: "SELECT DISTINCT zone FROM punch WHERE zone NOT IN (SELECT id FROM zone)")
            {
                // The instants of its punches stay as they were worked out.
                try db.execute(
                    sql: "INSERT OR IGNORE INTO zone (id, name) VALUES (?, ?)",
                    arguments: [lost, lost == 1 ? zone : "\(zone) \(lost)"])
            }
            for sink in try Int64.fetchAll(
                db, sql: "SELECT DISTINCT sink FROM outbox WHERE sink NOT IN (SELECT id FROM sink)")
            {
                try db.execute(
                    sql: "INSERT OR IGNORE INTO sink (id, name, active) VALUES (?, ?, 0)",
                    arguments: [sink, sink == 1 ? SinkName.erpnext.text : "lost-\(sink)"])
            }
            for table in Self.tables where table != "punch" {
                for key in try db.foreignKeys(on: table) {
                    guard let (column, parent) = key.mapping.first.map({ ($0.origin, $0.destination) }) else {
                        continue
                    }
                    try db.execute(
                        sql: """
                            DELETE FROM \(table) WHERE \(column) IS NOT NULL AND \(column) NOT IN
                                (SELECT \(parent) FROM \(key.destinationTable))
                            """)
                }
            }
            // One state at one sink.
            try db.execute(
                sql: """
                    DELETE FROM dead_letter WHERE EXISTS
                        (SELECT 1 FROM outbox o WHERE o.sink = dead_letter.sink AND o.punch = dead_letter.punch);
                    DELETE FROM discarded WHERE EXISTS
                        (SELECT 1 FROM outbox o WHERE o.sink = discarded.sink AND o.punch = discarded.punch);
                    DELETE FROM outbox WHERE EXISTS
                        (SELECT 1 FROM held h JOIN punch p ON p.id = h.punch AND p.terminal = h.terminal
                         WHERE h.punch = outbox.punch);
                    DELETE FROM outbox WHERE punch IN
                        (SELECT p.id FROM outbox o JOIN punch p ON p.id = o.punch
                         LEFT JOIN correction c ON c.punch = p.id
                         WHERE p.kind <> 0 OR (p.doubt <> 0 AND c.wall IS NULL));
                    """)
        }
    }

    /// Where what was owed could not be read to the end, everything is owed of which it is not known that it ended: it
    /// is looked for before it is sent. Only where the sink has had punches of that terminal, and none from before it
    /// was there.
    private func oweWhatIsUnsure() throws {
        guard torn.contains("outbox") || source == nil else { return }
        let ended = [FateCode.delivered, .suppressed].map { String($0.rawValue) }.joined(separator: ", ")
        try target.transaction {
            try target.db.execute(
                sql: """
                    WITH seen AS (SELECT sink, punch FROM attempt UNION SELECT sink, punch FROM outbox
                                  UNION SELECT sink, punch FROM dead_letter),
                    places AS (SELECT s.sink, p.terminal, MIN(s.punch) AS first FROM seen s
                               JOIN punch p ON p.id = s.punch GROUP BY s.sink, p.terminal)
                    INSERT OR IGNORE INTO outbox (sink, punch)
                    SELECT f.sink, p.id FROM places f JOIN punch p ON p.terminal = f.terminal AND p.id >= f.first
                    LEFT JOIN correction c ON c.punch = p.id
                    WHERE p.kind = 0 AND (p.doubt = 0 OR c.wall IS NOT NULL)
                        AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.sink = f.sink AND a.punch = p.id
                                        AND a.fate IN (\(ended)))
                        AND NOT EXISTS (SELECT 1 FROM dead_letter d WHERE d.sink = f.sink AND d.punch = p.id)
                        AND NOT EXISTS (SELECT 1 FROM discarded d WHERE d.sink = f.sink AND d.punch = p.id)
                        AND NOT EXISTS (SELECT 1 FROM held h WHERE h.punch = p.id)
                    """)
        }
    }

    // MARK: The CSV files

    /// Lines of punches that are in no other place. A line tells who, where, when, and whether the site took it.
    private mutating func takeCSV(_ folder: String) throws {
        // A folder that is not there holds no lines.
        let all = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        var lines = 0
        for name in all.filter({ $0.hasSuffix("-attendance.csv") }).sorted() {
            guard let data = FileManager.default.contents(atPath: folder + "/" + name) else {
                logger.warning("a CSV file cannot be read", metadata: ["file": "\(name)"])
                continue
            }
            for part in data.split(separator: UInt8(ascii: "\n")).chunks(of: Self.atOnce) {
                lines += part.count
                guard lines <= Self.mostCSVLines else { return }
                var new = 0
                try target.transaction {
                    for line in part { if try takeLine(String(decoding: line, as: UTF8.self)) { new += 1 } }
                }
                fromCSV += new
            }
        }
    }

    private func takeLine(_ line: String) throws -> Bool {
        guard let cells = CSVCells.of(line), cells.count == 5, let time = WallTime(cells[0]),
            let person = EnrollID(cells[1]), let serial = SerialNumber(cells[3])
        else { return false }
        let db = target.db
        let terminal = try target.terminalID(serial, at: now)
        let found = try Int64.fetchOne(
            db,
            sql: "SELECT id FROM punch WHERE wall = ? AND terminal = ? AND enroll = ? AND door_event = -1",
            arguments: [time.seconds, terminal, person.canonical])
        let isTaken = cells[4] == ReportedStatus.success.text
        let sink = try sinkID(.erpnext)
        // Owed, and the line says that the site has it: it is looked for all the same, which costs a question.
        guard found == nil else { return false }
        let isNew = try put(
            id: nil, wall: time.seconds, terminal: terminal, enroll: person.canonical, event: -1,
            name: cells[2].isEmpty ? nil : cells[2], kind: .person, raw: #"{"rebuilt":"from the CSV"}"#)
        if isNew { try settle(target.lastRow, at: sink, isTaken: isTaken) }
        return isNew
    }

    private func settle(_ punch: Int64, at sink: Int64, isTaken: Bool) throws {
        if isTaken {
            try target.db.execute(
                sql: """
                    INSERT OR IGNORE INTO attempt (sink, punch, number, started, duration_ms, answer, words, fate)
                    VALUES (?, ?, 1, ?, 0, ?, 'as the CSV says', \(FateCode.delivered.rawValue))
                    """, arguments: [sink, punch, now.milliseconds, AnswerClass.alreadyThere.rawValue])
        } else {
            try target.db.execute(
                sql: "INSERT OR IGNORE INTO outbox (sink, punch, reported) VALUES (?, ?, 1)",
                arguments: [sink, punch])
        }
    }

    private func sinkID(_ name: SinkName) throws -> Int64 {
        if let known = try Int64.fetchOne(
            target.db, sql: "SELECT id FROM sink WHERE name = ?", arguments: [name.text])
        {
            return known
        }
        try target.db.execute(sql: "INSERT INTO sink (name, active) VALUES (?, 1)", arguments: [name.text])
        return target.lastRow
    }

    // MARK: Counting

    private mutating func count(newestRead: Int64) throws {
        let db = target.db
        let (rows, last, since) = try target.access {
            let rows = try Int64.fetchOne(db, sql: "SELECT COUNT(*) FROM punch") ?? 0
            let last = try Int64.fetchOne(db, sql: "SELECT MAX(id) FROM punch") ?? 0
            // The last one before the first gap; without a gap the newest, since what came after it may be lost.
            let firstGap =
                rows == last
                ? last + 1
                : try Int64.fetchOne(
                    db,
                    sql: """
                        SELECT MIN(p.id) + 1 FROM (SELECT 0 AS id UNION ALL SELECT id FROM punch) p
                        WHERE NOT EXISTS (SELECT 1 FROM punch q WHERE q.id = p.id + 1)
                        """) ?? 1
            let since = try Int64.fetchOne(
                db, sql: "SELECT MAX(received) FROM punch WHERE id < ?", arguments: [firstGap])
            return (rows, last, since)
        }
        punches = Int(rows)
        lost = Int(last - rows)
        missingSince = UnixTime(milliseconds: max(0, (since ?? 0) - 3_600_000))
    }
}

extension Sequence {
    fileprivate func chunks(of size: Int) -> [[Element]] {
        var chunks: [[Element]] = []
        var chunk: [Element] = []
        for element in self {
            chunk.append(element)
            if chunk.count == size {
                chunks.append(chunk)
                chunk.removeAll(keepingCapacity: true)
            }
        }
        if !chunk.isEmpty { chunks.append(chunk) }
        return chunks
    }
}
