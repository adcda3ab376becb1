import AttendanceCore
import GRDB

/// What the writer knows without asking the database. Changes with a transaction and goes back with it.
struct WriterState {
    struct Sink {
        let id: Int64
        let name: SinkName
        /// Whether new punches are owed to it.
        var active: Bool
        var owed: Int
        var dead: Int
        /// No punch up to this number is owed and not yet reported: where `reportFailing` begins to look.
        var reportedThrough: Int64 = 0
    }
    var punches = 0
    var quarantined = 0
    var sinks: [Sink] = []
    /// When the journal was last put back or rebuilt. Punches from before that may have been sent already.
    var restored: UnixTime?

    func index(of name: SinkName) -> Int? { sinks.firstIndex { $0.name == name } }
}

extension WriterState {
    /// As the database has it now.
    init(_ db: Database) throws {
        // Numbers have no gaps and rows are never deleted: the highest is the count.
        punches = try Int.fetchOne(db, sql: "SELECT MAX(id) FROM punch") ?? 0
        quarantined = try Int.fetchOne(db, sql: "SELECT MAX(id) FROM quarantine") ?? 0
        // These two tables hold what is owed and dead, not what was: a count reads a few bytes a row.
        restored = try Queries.bookmark(db, named: WriterConnection.restoredBookmark).flatMap(Int64.init)
            .map(UnixTime.init(milliseconds:))
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT id, name, active, (SELECT COUNT(*) FROM outbox WHERE outbox.sink = s.id) AS owed,
                    (SELECT COUNT(*) FROM dead_letter WHERE dead_letter.sink = s.id) AS dead
                FROM sink s ORDER BY id
                """)
        sinks = try rows.map { row in
            Sink(
                id: row["id"], name: try SinkName(stored: row["name"]), active: row["active"],
                owed: row["owed"],
                dead: row["dead"])
        }
    }
}
