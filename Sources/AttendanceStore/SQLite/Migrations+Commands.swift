extension Migrations {
    /// - `command`: what is to be sent to terminals, and what became of it. `fields` holds no secret; those are in
    ///   `secrets`, sealed, and gone once the command has ended.
    /// - `firmware_word`: which words a firmware knows, as its answers have shown.
    static let commands = """
        CREATE TABLE command (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            terminal INTEGER NOT NULL REFERENCES terminal(id),
            lane INTEGER NOT NULL,
            word TEXT NOT NULL,
            fields TEXT NOT NULL,
            secrets BLOB,
            purpose TEXT,
            reference TEXT,
            author TEXT NOT NULL,
            reason TEXT,
            queued INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            sent INTEGER,
            state INTEGER NOT NULL DEFAULT 0,
            finished INTEGER,
            words TEXT,
            result TEXT
        ) STRICT;
        CREATE INDEX command_open ON command (terminal, lane, id) WHERE state <= 1;
        CREATE INDEX command_of_terminal ON command (terminal, id);

        CREATE TABLE firmware_word (
            firmware TEXT NOT NULL,
            word TEXT NOT NULL,
            is_known INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (firmware, word)
        ) STRICT, WITHOUT ROWID;
        """
}
