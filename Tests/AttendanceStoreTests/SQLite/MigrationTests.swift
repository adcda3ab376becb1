import AttendanceCore
import Foundation
import GRDB
import Testing

@testable import AttendanceStore

/// A journal that the first schema left behind, full of everything it could hold, under the present program.
@Suite("SQLite: migration", .timeLimit(.minutes(10))) struct MigrationTests {
    private static let raw = #"{"enrollid":1,"time":"2026-03-02 08:00:00"}"#
    private static let odd: [UInt8] = [0x7B, 0xFF, 0x00, 0x7D]
    private static let decision = Decision(
        person: "hr-emp-2", employee: "HR-EMP-2", time: Sample.morning, direction: .in)

    /// Tables of the first schema with their columns.
    private static let tables = [
        "terminal", "zone", "punch", "sink", "outbox", "attempt", "dead_letter", "discarded", "outcome",
        "bookmark", "quarantine", "proof",
    ]

    private static func path(_ folder: String) -> String { folder + "/journal.sqlite" }

    /// Writes the file that a gateway of the first schema would have left after a busy week.
    private func makeFirst(in folder: String) throws {
        let queue = try DatabaseQueue(path: Self.path(folder))
        try queue.inDatabase { db in
            try db.execute(sql: "PRAGMA application_id = \(Migrations.applicationID)")
            try db.execute(sql: "PRAGMA journal_mode = WAL")
        }
        try Migrations.migrator.migrate(queue, upTo: "v1")
        try queue.write { try Self.fill($0) }
        try queue.close()
    }

    private static func fill(_ db: Database) throws {
        let now = Sample.now.milliseconds
        try db.execute(
            sql: """
                INSERT INTO terminal VALUES
                    (1, 'T1', ?1, ?3, ?3 + 5000, '10.0.0.7', 'AiFace', 'v3', 12, -40, '{"modelname":"AiFace"}'),
                    (2, 'Gate-2', ?2, ?3, ?3, NULL, NULL, NULL, NULL, NULL, NULL);
                INSERT INTO zone VALUES (1, 'Asia/Kolkata'), (2, 'Asia/Dubai');
                INSERT INTO sink VALUES (1, 'erpnext', 1), (2, 'old-site', 0);
                """,
            arguments: [Sample.terminal.folded, SerialNumber("Gate-2")?.folded, now])
        let kinds: [(enroll: String, sent: String?, kind: PunchKind, doubt: TimeDoubt)] = [
            ("1", nil, .person, .none), ("2", "0002", .person, .none), ("3", nil, .person, .none),
            ("4", nil, .person, .none), ("5", nil, .person, .none), ("A-17", nil, .person, .none),
            ("7", nil, .person, .inFuture), ("99999999", nil, .stranger, .none),
            ("0", nil, .doorEvent, .none),
            ("10", nil, .person, .none), ("11", nil, .person, .none),
        ]
        for (index, (enroll, sent, kind, doubt)) in kinds.enumerated() {
            let wall =
                Sample.morning.seconds + Int64(index) + (doubt == .inFuture ? 400 * 86_400 : 0)
            let raw: any DatabaseValueConvertible = index == 5 ? Data(odd) : Self.raw
            try db.execute(
                sql: """
                    INSERT INTO punch VALUES
                        (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 8, 0, ?, NULL, 365, ?, 7, ?)
                    """,
                arguments: [
                    index + 1, wall, index == 5 ? 2 : 1, enroll, kind == .doorEvent ? 3 : -1, sent,
                    index == 3 ? "E-4" : nil, index == 0 ? "Ada" : nil, wall - 19_800, index == 5 ? 2 : 1,
                    kind.rawValue, doubt.rawValue, kind == .doorEvent ? 3 : nil, now + Int64(index), raw,
                ])
        }
        // 1 delivered at the second try, 2 never tried, 3 tried twice, 4 on its way when the power went, 5 and 10 dead,
        // 6 given up, 11 stored wrongly once. The site that is no more is still owed 1.
        try db.execute(
            sql: """
                INSERT INTO outbox (sink, punch) VALUES (1, 2);
                INSERT INTO outbox VALUES (1, 3, 2, :now + 900000, '{"timestamp":"3"}', NULL, 1),
                    (1, 4, 0, NULL, '{"timestamp":"4"}', :now, 0), (1, 11, 0, NULL, '{"timestamp":"11"}', NULL, 0),
                    (2, 1, 5, :now, NULL, NULL, 1);
                INSERT INTO attempt VALUES
                    (1, 1, 1, :now, 30000, NULL, 'transient', NULL, 'no answer', 1),
                    (1, 1, 2, :now + 60000, 250, 200, 'delivered', 'CK-1', NULL, 0),
                    (1, 3, 1, :now, 10, 502, 'transient', NULL, 'Bad Gateway', 1),
                    (1, 3, 2, :now + 5000, 10, 502, 'transient', NULL, 'Bad Gateway', 1),
                    (1, 5, 1, :now, 90, 417, 'rejected', NULL, 'No Employee', 2),
                    (1, 6, 1, :now, 90, 417, 'rejected', NULL, 'No Employee', 2),
                    (1, 10, 1, :now, 90, 417, 'rejected', NULL, 'Inactive', 2),
                    (1, 11, 1, :now, 90, 200, 'configuration', 'CK-9', 'CK-9 holds 2026-03-02 09:00:00', 1);
                INSERT INTO dead_letter VALUES
                    (4, 1, 5, 'unknown-employee', 'no such employee', 1, 1, :now + 90),
                    (6, 1, 10, 'inactive-employee', 'left', 1, 1, :now + 90);
                INSERT INTO discarded VALUES (1, 6, 'unknown-employee', 'a visitor', :now + 7000);
                INSERT INTO outcome VALUES (1, 1, 3, 1, :now), (2, 1, 5, 1, :now + 90), (3, 1, 6, 1, :now + 90),
                    (4, 1, 1, 0, :now + 60250), (5, 1, 10, 1, :now + 90);
                INSERT INTO bookmark VALUES ('csv', '3 2026-03 4096');
                """, arguments: ["now": now])
        var batch = IntakeBatch(terminal: Sample.terminal, connection: 7, received: Sample.now)
        for raw in [Array(#"{"enrollid":8,"time":"soon"}"#.utf8), odd] {
            let start = batch.raw.count
            batch.raw += raw
            batch.quarantined.append(.init(reason: "time is no date", raw: start..<batch.raw.count))
        }
        for (index, hash) in batch.quarantineHashes.enumerated() {
            let bytes = Array(batch.raw[batch.quarantined[index].raw])
            let raw: any DatabaseValueConvertible =
                index == 0 ? String(decoding: bytes, as: UTF8.self) : Data(bytes)
            try db.execute(
                sql: "INSERT INTO quarantine VALUES (?, 1, ?, 'time is no date', ?, ?, ?, 2)",
                arguments: [index + 1, hash, raw, now, now + 1000])
        }
        try db.execute(sql: "UPDATE proof SET count = 42")
    }

    /// Every row of every table of the first schema, in the columns it has there.
    private func rows(_ folder: String, columns: [String: [String]]) throws -> [String: [String]] {
        let queue = try DatabaseQueue(path: Self.path(folder))
        let rows = try queue.read { db in
            try columns.reduce(into: [String: [String]]()) { all, table in
                let list = table.value.joined(separator: ", ")
                all[table.key] = try Row.fetchAll(
                    db, sql: "SELECT \(list) FROM \(table.key) ORDER BY \(list)"
                ).map(\.description)
            }
        }
        try queue.close()
        return rows
    }

    private func columns(_ folder: String) throws -> [String: [String]] {
        let queue = try DatabaseQueue(path: Self.path(folder))
        let columns = try queue.read { db in
            try Self.tables.reduce(into: [String: [String]]()) { all, table in
                all[table] = try db.columns(in: table).map(\.name)
            }
        }
        try queue.close()
        return columns
    }

    // MARK: -

    @Test func `every row of a journal of the first version is there after the way to the newest`()
        async throws
    {
        try await withTemporaryFolder { folder in
            try makeFirst(in: folder)
            let columns = try columns(folder)
            let before = try rows(folder, columns: columns)
            #expect(Self.tables.allSatisfy { before[$0]?.isEmpty == false }, "each table holds something")
            let reading = try await storeError { _ = try SQLiteReader(folder: folder) }
            #expect(
                reading.errorDescription?.contains("made by an older version; start the gateway once") == true
            )
            #expect(try rows(folder, columns: columns) == before)

            try await withSQLiteStore(in: folder) { store in
                let applied = try await store.onWriter { try Migrations.migrator.appliedIdentifiers($0.db) }
                #expect(applied == Set(Migrations.migrator.migrations))
                try await store.expectConsistent()
            }
            #expect(try rows(folder, columns: columns) == before)
            // And once more, with nothing left to migrate.
            try await withSQLiteStore(in: folder) { try await $0.expectConsistent() }
            #expect(try rows(folder, columns: columns) == before)
            let reader = try SQLiteReader(folder: folder)
            #expect(try await reader.allPunches().count == 11)
            reader.close()
        }
    }

    @Test func `all of it is read as it was written`() async throws {
        try await withTemporaryFolder { folder in
            try makeFirst(in: folder)
            try await withSQLiteStore(in: folder) { store in
                let entries = try await store.allPunches().sorted { $0.id < $1.id }
                #expect(
                    entries.map(\.state) == [
                        .delivered(at: Sample.now + .milliseconds(60_250), reference: "CK-1"),
                        .owed(attempts: 0), .owed(attempts: 2), .owed(attempts: 0),
                        .dead(cause: .unknownEmployee, reason: "no such employee"),
                        .discarded(reason: "a visitor"), .notOwed, .notOwed, .notOwed,
                        .dead(cause: .inactiveEmployee, reason: "left"), .owed(attempts: 0),
                    ])
                #expect(entries.map(\.punch.enrollID.sent).prefix(6) == ["1", "0002", "3", "4", "5", "A-17"])
                #expect(entries[0].punch.name == "Ada" && entries[3].punch.alias == "E-4")
                #expect(entries[5].terminal.text == "Gate-2" && entries[5].punch.zone == "Asia/Dubai")
                #expect(entries[5].raw == Self.odd && entries[0].raw == Array(Self.raw.utf8))
                #expect(entries[6].punch.doubt == .inFuture && entries[8].punch.kind == .doorEvent)
                #expect(entries.allSatisfy { $0.decision == nil && $0.correction == nil })

                #expect(try await store.attempts(for: 1).map(\.meaning) == [.again, .delivered])
                let letters = try await store.deadLetters(.init(), after: 0, limit: 9)
                #expect(letters.map(\.id) == [4, 6] && letters.map(\.punch) == [5, 10])
                #expect(try await store.deadLetterGroups(.init()).map(\.count) == [1, 1])
                let outcomes = try await store.outcomes(of: .erpnext, after: 0, limit: 9)
                #expect(outcomes.map(\.status) == [.failed, .failed, .failed, .success, .failed])
                #expect(try await store.bookmark(named: "csv") == "3 2026-03 4096")
                let quarantine = try await store.quarantine(after: 0, limit: 9)
                #expect(quarantine.map(\.times) == [2, 2] && quarantine[1].raw == Self.odd)
                #expect(quarantine.allSatisfy { $0.resolution == nil })
                let terminals = try await store.terminals(after: nil, limit: 9)
                #expect(terminals.count == 2 && terminals.allSatisfy { $0.lastHeard == nil })
                #expect(terminals.first { $0.serial == Sample.terminal }?.skew == -40)
                // Partial indexes of later versions know the rows of earlier ones.
                #expect(try await store.doubtful(after: 0, limit: 9).map(\.id) == [7])
                let misfiled = try await store.misfiled(at: .erpnext, after: 0, limit: 9)
                #expect(misfiled.map(\.punch) == [11] && misfiled.map(\.reference) == ["CK-9"])

                let status = try await store.status()
                #expect(status.punches == 11 && status.quarantined == 2)
                #expect(status.queues[.erpnext]?.owed == 4 && status.queues[.erpnext]?.dead == 2)
                let old = try #require(SinkName("old-site"))
                #expect(status.queues[old]?.owed == 1)
                #expect(try await store.auditTrail(after: 0, limit: 9).isEmpty)
            }
        }
    }

    @Test func `delivery and intake go on where the first version left them`() async throws {
        try await withTemporaryFolder { folder in
            try makeFirst(in: folder)
            try await withSQLiteStore(in: folder) { store in
                #expect(try await store.setSinks([.erpnext]) == [])
                let owed = try await store.owed(to: .erpnext, after: 0, limit: 9)
                #expect(owed.map(\.id) == [2, 3, 4, 11])
                #expect(owed.map(\.attempts) == [0, 2, 0, 0])
                #expect(
                    owed.map(\.frozen)
                        == [nil, #"{"timestamp":"3"}"#, #"{"timestamp":"4"}"#, #"{"timestamp":"11"}"#])
                #expect(owed[1].due == Sample.now + .seconds(900) && owed[2].begun == Sample.now)

                // What was frozen then stays, and is settled as ever.
                try await store.begin(
                    owed.map { .init(punch: $0.id, frozen: "{new}", decision: Self.decision) }, for: .erpnext,
                    at: Sample.now)
                #expect(
                    try await store.owed(to: .erpnext, after: 0, limit: 9).map(\.frozen)
                        == ["{new}", #"{"timestamp":"3"}"#, #"{"timestamp":"4"}"#, #"{"timestamp":"11"}"#])
                try await store.settle(
                    owed.map { Sample.delivered($0.id, reference: "CK-\($0.id + 100)") }, for: .erpnext)
                #expect(try await store.attempts(for: 3).map(\.number) == [1, 2, 3])

                // Dead letters, corrections and discarded ones are people's, who go on too.
                #expect(
                    try await store.retryDeadLetters(.init(ids: [4]), by: .gateway, at: Sample.now) == 1)
                #expect(
                    try await store.discardDeadLetters(
                        .init(ids: [6]), reason: "left", by: .gateway, at: Sample.now) == 1)
                try await store.correct(
                    7,
                    as: Correction(
                        ruling: .time(Sample.morning, instant: Sample.morning.seconds - 19_800),
                        author: .gateway, at: Sample.now, basis: "seen"), owedTo: nil)
                #expect(
                    try await store.owe([1, 6], to: .erpnext, again: true, by: .gateway, at: Sample.now) == 2)
                let due = try await store.owed(to: .erpnext, after: 0, limit: 9)
                #expect(due.map(\.id) == [1, 5, 6, 7])
                try await store.settle(due.map { Sample.delivered($0.id) }, for: .erpnext)

                // The terminal sends everything again, and one more.
                let again = try await store.record(
                    Sample.batch(
                        [Sample.punch("1"), Sample.punch("2", second: 1), Sample.punch("12", second: 60)],
                        quarantined: [("time is no date", Self.odd)]))
                #expect(again.stored == 1)
                #expect(try await store.quarantine(after: 0, limit: 9).map(\.times) == [2, 3])
                #expect(try await store.owed(to: .erpnext, after: 0, limit: 9).map(\.id) == [12])
                #expect(
                    try await store.outcomes(of: .erpnext, after: 5, limit: 20).allSatisfy {
                        $0.status == .success
                    })
                try await store.expectConsistent()
            }
        }
    }

    @Test func `a newer journal with all its rows is refused and not touched, by name`() async throws {
        try await withTemporaryFolder { folder in
            try makeFirst(in: folder)
            try await withSQLiteStore(in: folder) { store in
                try await store.onWriter {
                    try $0.db.execute(
                        sql: """
                            CREATE TABLE novelty (id INTEGER PRIMARY KEY);
                            INSERT INTO grdb_migrations (identifier) VALUES ('v98'), ('v99');
                            """)
                }
            }
            let file = URL(fileURLWithPath: Self.path(folder))
            let before = try Data(contentsOf: file)
            let error = try await storeError { try await withSQLiteStore(in: folder) { _ in } }
            #expect(
                error.errorDescription
                    == "\(file.path) was made by a newer version of attendance-gateway (v98, v99). "
                    + "Install that version, or restore the backup made before the upgrade")
            #expect(try await storeError { _ = try SQLiteReader(folder: folder) } == error)
            #expect(try Data(contentsOf: file) == before)
            // Looking leaves SQLite's own files behind, with nothing in them that would change the journal.
            let log = FileManager.default.contents(atPath: file.path + "-wal")
            #expect(log?.isEmpty != false)
        }
    }
}
