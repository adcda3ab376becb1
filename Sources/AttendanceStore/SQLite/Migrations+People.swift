extension Migrations {
    /// People and their credentials.
    ///
    /// - `person`: whom terminals shall know, by id space and number. `state`: `PersonState`.
    /// - `credential`: `sealed` by the vault; `digest` and `card` are keyed and tell nothing without it. `seen`: when a
    ///   terminal showed last that it has it.
    /// - `enrolled`: what a terminal was last seen to hold. Slot -1 is the person as such. `digest` is of what was read
    ///   back (NULL: not read yet), `given` of what it was given before that, `refused` of what it would not take.
    /// - `erasure`, `erasure_place`: receipts. `verified`: when the terminal said that it does not know them any more.
    /// - `photo`: of punches, sealed.
    static let people = """
        CREATE TABLE person (
            space TEXT NOT NULL,
            enroll TEXT NOT NULL,
            sent TEXT,
            name TEXT NOT NULL,
            role INTEGER NOT NULL,
            state INTEGER NOT NULL,
            employee TEXT,
            source TEXT NOT NULL,
            valid_from INTEGER,
            valid_until INTEGER,
            changed INTEGER NOT NULL,
            PRIMARY KEY (space, enroll)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE credential (
            id INTEGER PRIMARY KEY,
            space TEXT NOT NULL,
            enroll TEXT NOT NULL,
            slot INTEGER NOT NULL,
            algorithm TEXT,
            digest BLOB NOT NULL,
            card BLOB,
            size INTEGER NOT NULL,
            source TEXT,
            at INTEGER NOT NULL,
            seen INTEGER NOT NULL,
            sealed BLOB NOT NULL,
            UNIQUE (space, enroll, slot)
        ) STRICT;
        CREATE INDEX credential_by_digest ON credential (digest);

        CREATE TABLE enrolled (
            terminal INTEGER NOT NULL REFERENCES terminal(id),
            enroll TEXT NOT NULL,
            slot INTEGER NOT NULL,
            name TEXT,
            role INTEGER,
            filled INTEGER NOT NULL,
            digest BLOB,
            card BLOB,
            given BLOB,
            refused BLOB,
            at INTEGER NOT NULL,
            PRIMARY KEY (terminal, enroll, slot)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE erasure (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            space TEXT NOT NULL,
            enroll TEXT NOT NULL,
            author TEXT NOT NULL,
            reason TEXT NOT NULL,
            ordered INTEGER NOT NULL,
            credentials INTEGER NOT NULL,
            photos INTEGER NOT NULL,
            finished INTEGER
        ) STRICT;
        CREATE INDEX erasure_open ON erasure (space, enroll) WHERE finished IS NULL;

        CREATE TABLE erasure_place (
            erasure INTEGER NOT NULL REFERENCES erasure(id),
            terminal INTEGER NOT NULL REFERENCES terminal(id),
            verified INTEGER,
            words TEXT,
            PRIMARY KEY (erasure, terminal)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX erasure_owed ON erasure_place (terminal) WHERE verified IS NULL;

        CREATE TABLE photo (
            punch INTEGER PRIMARY KEY REFERENCES punch(id),
            at INTEGER NOT NULL,
            size INTEGER NOT NULL,
            sealed BLOB NOT NULL
        ) STRICT;
        CREATE INDEX photo_by_age ON photo (at);
        """
}
