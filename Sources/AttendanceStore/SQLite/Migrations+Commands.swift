extension Migrations {
    /// - `command`: what is to be sent to terminals, and what became of it. `fields` holds no secret; those are in
    ///   `secrets`, sealed, and gone once the command has ended. Long columns stand last: what is read often is found
    ///   without walking over a photo.
    /// - `firmware_word`: which words a firmware knows, as its answers have shown.
    static let commands = """
        CREATE TABLE command (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            terminal INTEGER NOT NULL REFERENCES terminal(id),
            lane INTEGER NOT NULL,
            state INTEGER NOT NULL DEFAULT 0,
            word TEXT NOT NULL,
            queued INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            attempts INTEGER NOT NULL DEFAULT 0,
            sent INTEGER,
            finished INTEGER,
            author TEXT NOT NULL,
            purpose TEXT,
            reference TEXT,
            reason TEXT,
            words TEXT,
            fields TEXT NOT NULL,
            result TEXT,
            secrets BLOB
        ) STRICT;
        CREATE INDEX command_open ON command (terminal, lane, id) WHERE state <= 1;
        CREATE INDEX command_sent ON command (id) WHERE state = 1;
        CREATE INDEX command_expiry ON command (expires) WHERE state = 0;
        CREATE INDEX command_ended ON command (finished) WHERE finished IS NOT NULL;
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
