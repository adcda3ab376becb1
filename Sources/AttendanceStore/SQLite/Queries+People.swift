import AttendanceCore
import GRDB

// People: what terminals have seen of them, and what the sites say.

extension Queries {
    /// Where the punches of some people are looked for.
    enum DayCandidates: Sendable {
        /// Wall times between which they lie.
        case walls(Range<Int64>)
        /// Their numbers, among others perhaps.
        case numbers([Int64])
    }

    /// See `JournalReading.dayPunches`. A corrected punch may stand anywhere, so corrections are all looked at.
    static func dayPunches(
        _ db: Database, among candidates: DayCandidates, of ids: [String], from: Int64, until: Int64,
        limit: Int
    ) throws -> [DayPunch] {
        let place: String
        var arguments: StatementArguments = [
            from, until, "[" + ids.map { JSONText.quoted($0) }.joined(separator: ",") + "]",
            PunchKind.person.rawValue, limit,
        ]
        switch candidates {
        case .walls(let walls):
            place = "p.wall >= ?6 AND p.wall < ?7"
            arguments += [walls.lowerBound, walls.upperBound]
        case .numbers(let numbers):
            place = "p.id IN (SELECT value FROM json_each(?6))"
            arguments += ["[" + numbers.map(String.init).joined(separator: ",") + "]"]
        }
        let sql = """
            SELECT p.id, p.wall, p.instant, p.inout, p.event, p.mode, t.serial
            FROM punch p CROSS JOIN terminal t ON t.id = p.terminal
            WHERE \(place) AND p.enroll IN (SELECT value FROM json_each(?3))
                AND p.kind = ?4 AND p.doubt = 0 AND p.instant >= ?1 AND p.instant < ?2
            UNION ALL
            SELECT p.id, c.wall, c.instant, p.inout, p.event, p.mode, t.serial
            FROM correction c CROSS JOIN punch p ON p.id = c.punch CROSS JOIN terminal t ON t.id = p.terminal
            WHERE p.enroll IN (SELECT value FROM json_each(?3)) AND p.kind = ?4 AND c.instant >= ?1
                AND c.instant < ?2
            ORDER BY 3, 1 LIMIT ?5
            """
        let statement = try db.cachedStatement(sql: sql)
        return try Row.fetchAll(statement, arguments: arguments).map { row in
            DayPunch(
                id: row["id"], terminal: try SerialNumber(stored: row["serial"]),
                time: WallTime(seconds: row["wall"]), instant: row["instant"], inOut: row["inout"],
                event: row["event"], mode: row["mode"])
        }
    }

    static func seenPeople(_ db: Database, from: WallTime, limit: Int) throws -> [SeenPerson] {
        // Alias, name and spelling are those of the row with the latest time: SQLite's rule for bare columns beside MAX.
        try Row.fetchAll(
            db,
            sql: """
                SELECT p.enroll, p.sent, p.alias, p.name, t.serial, COUNT(*) AS punches, MAX(p.wall) AS last
                FROM punch p CROSS JOIN terminal t ON t.id = p.terminal
                WHERE p.wall >= ? AND p.kind = ? GROUP BY p.enroll, p.terminal ORDER BY p.enroll, t.folded LIMIT ?
                """, arguments: [from.seconds, PunchKind.person.rawValue, limit]
        ).map { row in
            SeenPerson(
                enrollID: try EnrollID(row), alias: row["alias"], name: row["name"],
                terminal: try SerialNumber(stored: row["serial"]), punches: row["punches"],
                lastPunch: WallTime(seconds: row["last"]))
        }
    }

    static func employees(_ db: Database, of sink: SinkName, after: String, limit: Int) throws -> [Employee] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM employee WHERE sink = (SELECT id FROM sink WHERE name = ?) AND name > ?
                ORDER BY name LIMIT ?
                """, arguments: [sink.text, after, limit]
        ).map { row in
            Employee(
                name: row["name"], fullName: row["full_name"], status: row["status"], company: row["company"],
                branch: row["branch"], defaultShift: row["default_shift"], modified: row["modified"],
                keys: try JSONText.decode(row["keys"]))
        }
    }

    static func mappings(_ db: Database, of sink: SinkName) throws -> [EmployeeMapping] {
        try Row.fetchAll(
            db,
            sql: """
                SELECT * FROM mapping WHERE sink = (SELECT id FROM sink WHERE name = ?) ORDER BY space, enroll
                """, arguments: [sink.text]
        ).map { row in
            EmployeeMapping(
                space: row["space"],
                enrollID: try stored(EnrollID(row["enroll"] as String), "mapping.enroll"),
                employee: row["employee"])
        }
    }

    static func facts(_ db: Database, of sink: SinkName) throws -> [String: SiteFact] {
        let rows = try Row.fetchAll(
            db, sql: "SELECT * FROM site_fact WHERE sink = (SELECT id FROM sink WHERE name = ?)",
            arguments: [sink.text])
        return Dictionary(
            rows.map { row in
                (
                    row["name"] as String,
                    SiteFact(value: row["value"], at: UnixTime(milliseconds: row["at"]))
                )
            }, uniquingKeysWith: { $1 })
    }
}
