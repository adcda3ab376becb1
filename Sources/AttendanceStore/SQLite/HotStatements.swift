import GRDB

/// The statements that run once per group, batch or punch, prepared once per connection.
struct HotStatements {
    /// IMMEDIATE: the one writer never has to wait in the middle of a transaction.
    let begin: HotStatement
    let commit: HotStatement
    let savepoint: HotStatement
    let release: HotStatement
    let undo: HotStatement
    let touch: HotStatement
    /// 1 folded serial number.
    let findTerminal: HotStatement
    /// 1 serial number, 2 folded, 3 first and last seen, 4 standing.
    let addTerminal: HotStatement
    /// 1 name.
    let findZone: HotStatement
    /// 1 name.
    let addZone: HotStatement
    /// Columns in the order of the table, from 1 for `wall`. Changes nothing for a repeat.
    let addPunch: HotStatement
    /// 1 sink, 2 punch, 3 since when it may have been sent already.
    let addOwed: HotStatement

    init(_ db: Database, path: String) throws {
        func prepare(_ sql: String) throws -> HotStatement { try HotStatement(sql, in: db, path: path) }
        begin = try prepare("BEGIN IMMEDIATE")
        commit = try prepare("COMMIT")
        savepoint = try prepare("SAVEPOINT operation")
        release = try prepare("RELEASE operation")
        undo = try prepare("ROLLBACK TO operation")
        touch = try prepare("UPDATE proof SET count = count + 1 WHERE id = 1")
        findTerminal = try prepare("SELECT id FROM terminal WHERE folded = ?")
        addTerminal = try prepare(
            "INSERT INTO terminal (serial, folded, first_seen, last_seen, standing) VALUES (?1, ?2, ?3, ?3, ?4)"
        )
        findZone = try prepare("SELECT id FROM zone WHERE name = ?")
        addZone = try prepare("INSERT INTO zone (name) VALUES (?)")
        addPunch = try prepare(
            """
            INSERT INTO punch (wall, terminal, enroll, door_event, sent, alias, name, instant, zone, kind, doubt, mode,
                inout, event, verify_mode, temperature, received, connection, raw)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (wall, terminal, enroll, door_event) DO NOTHING
            """)
        addOwed = try prepare("INSERT INTO outbox (sink, punch, begun) VALUES (?, ?, ?)")
    }
}
