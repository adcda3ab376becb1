import GRDB

/// The schema, version by version. Append; a released version is never edited.
///
/// Foreign keys are written down for the reader and not enforced by the engine: every write is ours and goes through
/// one place, a check per row costs the hot path, and the tests run `PRAGMA foreign_key_check`.
enum Migrations {
    /// Stands in the file's header ("ATGW"): this file is a journal of the attendance gateway and nothing else.
    static let applicationID: Int32 = 0x4154_4757

    static var migrator: DatabaseMigrator {
        // Without this GRDB would read the whole database after each migration to check foreign keys.
        var migrator = DatabaseMigrator().disablingDeferredForeignKeyChecks()
        migrator.registerMigration("v1") { db in try db.execute(sql: v1) }
        migrator.registerMigration("v2") { db in try db.execute(sql: v2) }
        migrator.registerMigration("v3") { db in
            for part in [registry, commands, people, access] { try db.execute(sql: part) }
        }
        migrator.registerMigration("v4") { db in
            for part in [accounts, console] { try db.execute(sql: part) }
        }
        return migrator
    }

    /// Brings the database to the newest version, and writes its number into the file's header, where a package's
    /// script reads it without SQLite before it would put an older program in place (byte 60, four of them).
    static func migrate(_ queue: DatabaseQueue) throws {
        let migrator = migrator
        try migrator.migrate(queue)
        let newest = migrator.migrations.count
        try queue.inDatabase { db in
            guard try Int.fetchOne(db, sql: "PRAGMA user_version") != newest else { return }
            try db.execute(sql: "PRAGMA user_version = \(newest)")
        }
    }

    /// Marks a new file as ours. Throws `StoreError.foreign` for a database of another program and
    /// `.newerVersion` for one that this program does not understand. Changes neither.
    static func claim(_ db: Database, path: String) throws {
        let found = try Int32.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM sqlite_schema") ?? 0
        if tables == 0 {
            // A file that can be made shorter while it is in use. Only before the first page is written.
            try db.execute(sql: "PRAGMA auto_vacuum = INCREMENTAL")
            // Before the first table, so that a crash in between leaves nothing that looks like someone else's.
            try db.execute(sql: "PRAGMA application_id = \(applicationID)")
        } else if found != applicationID {
            throw StoreError.foreign(
                path: path, detail: "it is a database of another program (application id \(found))")
        }
        try refuseNewer(db, path: path)
    }

    /// For those who only look: throws `StoreError` unless this program knows every table there, and no other.
    static func check(_ db: Database, path: String) throws {
        try refuseForeign(db, path: path)
        guard try migrator.hasCompletedMigrations(db) else {
            throw StoreError.other(
                detail:
                    "\(path) was made by an older version; start the gateway once, it brings it up to date")
        }
    }

    /// For whoever looks at a file of any version: throws `StoreError` for another program's or a newer one.
    static func refuseForeign(_ db: Database, path: String) throws {
        guard try Int32.fetchOne(db, sql: "PRAGMA application_id") == applicationID else {
            throw StoreError.foreign(path: path, detail: "it is no journal of this program")
        }
        try refuseNewer(db, path: path)
    }

    /// The migrations that the database holds, the oldest first.
    static func applied(_ db: Database) throws -> [String] { try migrator.appliedIdentifiers(db).sorted() }

    /// Throws `StoreError.newerVersion` when the database holds migrations that this program does not know.
    private static func refuseNewer(_ db: Database, path: String) throws {
        let unknown = try migrator.appliedIdentifiers(db).subtracting(migrator.migrations)
        guard unknown.isEmpty else {
            throw StoreError.newerVersion(path: path, found: unknown.sorted().joined(separator: ", "))
        }
    }

    /// - `punch`: its unique key begins with the time, because punches of all terminals arrive in about the order of
    ///   their times: inserting is then an append to the index. With the terminal first, each punch of a rush would
    ///   touch a page of its own (a quarter of the rate, measured). Rows are never deleted, so numbers have no gaps
    ///   and the highest is also the count.
    /// - `outbox`: only what is owed, a row of a few bytes until the first attempt.
    /// - `attempt`: append-only. Its last row for a punch at a sink says how and when it was delivered.
    /// - `quarantine`: found again by a hash and then by its text, so that a clash of hashes hides nothing.
    /// - Times are milliseconds since 1970 UTC, except `wall` (seconds of the terminal's clock) and `instant` (seconds).
    private static let v1 = """
        CREATE TABLE terminal (
            id INTEGER PRIMARY KEY,
            serial TEXT NOT NULL,
            folded TEXT NOT NULL UNIQUE,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL,
            address TEXT,
            model TEXT,
            firmware TEXT,
            backlog INTEGER,
            skew INTEGER,
            device_info TEXT
        ) STRICT;

        CREATE TABLE zone (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE
        ) STRICT;

        CREATE TABLE punch (
            id INTEGER PRIMARY KEY,
            wall INTEGER NOT NULL,
            terminal INTEGER NOT NULL REFERENCES terminal(id),
            enroll TEXT NOT NULL,
            door_event INTEGER NOT NULL,
            sent TEXT,
            alias TEXT,
            name TEXT,
            instant INTEGER NOT NULL,
            zone INTEGER NOT NULL REFERENCES zone(id),
            kind INTEGER NOT NULL,
            doubt INTEGER NOT NULL,
            mode INTEGER,
            inout INTEGER,
            event INTEGER,
            verify_mode INTEGER,
            temperature INTEGER,
            received INTEGER NOT NULL,
            connection INTEGER NOT NULL,
            raw ANY NOT NULL,
            UNIQUE (wall, terminal, enroll, door_event)
        ) STRICT;

        CREATE TABLE sink (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            active INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE outbox (
            sink INTEGER NOT NULL REFERENCES sink(id),
            punch INTEGER NOT NULL REFERENCES punch(id),
            attempts INTEGER NOT NULL DEFAULT 0,
            due INTEGER,
            frozen TEXT,
            begun INTEGER,
            reported INTEGER NOT NULL DEFAULT 0,
            PRIMARY KEY (sink, punch)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE attempt (
            sink INTEGER NOT NULL REFERENCES sink(id),
            punch INTEGER NOT NULL REFERENCES punch(id),
            number INTEGER NOT NULL,
            started INTEGER NOT NULL,
            duration_ms INTEGER NOT NULL,
            status INTEGER,
            answer TEXT NOT NULL,
            reference TEXT,
            words TEXT,
            fate INTEGER NOT NULL,
            PRIMARY KEY (sink, punch, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE dead_letter (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            sink INTEGER NOT NULL REFERENCES sink(id),
            punch INTEGER NOT NULL REFERENCES punch(id),
            cause TEXT NOT NULL,
            reason TEXT NOT NULL,
            attempts INTEGER NOT NULL,
            reported INTEGER NOT NULL,
            died INTEGER NOT NULL,
            UNIQUE (sink, punch)
        ) STRICT;

        CREATE TABLE discarded (
            sink INTEGER NOT NULL REFERENCES sink(id),
            punch INTEGER NOT NULL REFERENCES punch(id),
            cause TEXT NOT NULL,
            reason TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (sink, punch)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE outcome (
            id INTEGER PRIMARY KEY,
            sink INTEGER NOT NULL REFERENCES sink(id),
            punch INTEGER NOT NULL REFERENCES punch(id),
            status INTEGER NOT NULL,
            at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE bookmark (
            sink TEXT PRIMARY KEY,
            place TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE quarantine (
            id INTEGER PRIMARY KEY,
            terminal INTEGER NOT NULL REFERENCES terminal(id),
            hash INTEGER NOT NULL,
            reason TEXT NOT NULL,
            raw ANY NOT NULL,
            first_received INTEGER NOT NULL,
            last_received INTEGER NOT NULL,
            times INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX quarantine_by_hash ON quarantine (hash, terminal);

        -- What the writer writes to prove that it can: one row, and one that comes and goes to prove there is room.
        CREATE TABLE proof (
            id INTEGER PRIMARY KEY,
            count INTEGER NOT NULL,
            room BLOB
        ) STRICT;
        INSERT INTO proof (id, count) VALUES (1, 0);
        """

    /// - `decision`: what was sent for a punch, also after it has left the outbox; gone when it became a dead letter.
    /// - `employee`, `mapping`, `site_fact`: a site's people, the operator's own word about them, and what the site says
    ///   of itself. `keys` is a JSON object.
    /// - `correction`: beside the punch, whose own time stays as the terminal sent it. `wall` is NULL for a rejected one.
    /// - `resolution`: the same for records in quarantine. `punch` is NULL for one that was given up.
    /// - `clock`: a terminal's clock at each `reg`.
    /// - `audit`: append-only; `chain` is SHA-256 over the row and the row before it.
    /// - The partial indexes cost a punch or an attempt nothing where all is well.
    private static let v2 = """
        ALTER TABLE terminal ADD COLUMN last_heard INTEGER;
        ALTER TABLE terminal ADD COLUMN complete_until INTEGER;

        CREATE TABLE decision (
            sink INTEGER NOT NULL REFERENCES sink(id),
            punch INTEGER NOT NULL REFERENCES punch(id),
            person TEXT NOT NULL,
            employee TEXT,
            time INTEGER NOT NULL,
            direction TEXT,
            PRIMARY KEY (sink, punch)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE employee (
            sink INTEGER NOT NULL REFERENCES sink(id),
            name TEXT NOT NULL,
            full_name TEXT NOT NULL,
            status TEXT NOT NULL,
            company TEXT,
            branch TEXT,
            default_shift TEXT,
            modified TEXT NOT NULL,
            keys TEXT NOT NULL,
            PRIMARY KEY (sink, name)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE mapping (
            sink INTEGER NOT NULL REFERENCES sink(id),
            space TEXT NOT NULL,
            enroll TEXT NOT NULL,
            employee TEXT NOT NULL,
            PRIMARY KEY (sink, space, enroll)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE site_fact (
            sink INTEGER NOT NULL REFERENCES sink(id),
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (sink, name)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE correction (
            punch INTEGER PRIMARY KEY REFERENCES punch(id),
            wall INTEGER,
            instant INTEGER,
            author TEXT NOT NULL,
            at INTEGER NOT NULL,
            basis TEXT NOT NULL
        ) STRICT;

        CREATE TABLE resolution (
            quarantine INTEGER PRIMARY KEY REFERENCES quarantine(id),
            punch INTEGER REFERENCES punch(id),
            author TEXT NOT NULL,
            at INTEGER NOT NULL,
            basis TEXT NOT NULL
        ) STRICT;

        CREATE TABLE clock (
            terminal INTEGER NOT NULL REFERENCES terminal(id),
            at INTEGER NOT NULL,
            skew INTEGER NOT NULL,
            PRIMARY KEY (terminal, at)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE late (
            sink INTEGER NOT NULL REFERENCES sink(id),
            punch INTEGER NOT NULL REFERENCES punch(id),
            shift TEXT NOT NULL,
            shift_end INTEGER NOT NULL,
            reference TEXT,
            at INTEGER NOT NULL,
            PRIMARY KEY (sink, punch)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE audit (
            id INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            author TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail TEXT NOT NULL,
            chain BLOB NOT NULL
        ) STRICT;

        CREATE TABLE alert (
            kind TEXT NOT NULL,
            subject TEXT NOT NULL,
            severity TEXT NOT NULL,
            title TEXT NOT NULL,
            detail TEXT NOT NULL,
            remedy TEXT NOT NULL,
            since INTEGER NOT NULL,
            told INTEGER,
            clear_since INTEGER,
            PRIMARY KEY (kind, subject)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX punch_doubtful ON punch (id) WHERE doubt <> 0;
        CREATE INDEX attempt_misfiled ON attempt (sink, punch) WHERE fate = 1 AND reference IS NOT NULL;
        """
}
