extension Migrations {
    /// - The triggers on `audit`: rows are appended behind the last one and never change or go. Whoever edits the file
    ///   with a tool of their own can drop them; then the chain tells (`audit verify`).
    /// - `access_code`: codes by which somebody may pass. `digest` is keyed by the vault, of the PIN or of the nonce in
    ///   the QR text; neither stands here. A code holds for one `terminal` (its serial number), or for those of a group.
    /// - `clock_step`: clocks of terminals that were set. `before` and `after` are the terminal's clock minus ours in
    ///   seconds, `after` NULL as long as the terminal has not told; `unread` how many punches it held then, NULL: unknown.
    static let access = """
        CREATE TRIGGER audit_rows_stay BEFORE UPDATE ON audit BEGIN
            SELECT RAISE(ABORT, 'rows of the audit trail cannot be changed');
        END;
        CREATE TRIGGER audit_rows_go_nowhere BEFORE DELETE ON audit BEGIN
            SELECT RAISE(ABORT, 'rows of the audit trail cannot be deleted');
        END;
        CREATE TRIGGER audit_rows_follow BEFORE INSERT ON audit
        WHEN NEW.id IS NULL OR NEW.id <= (SELECT COALESCE(MAX(id), 0) FROM audit) BEGIN
            SELECT RAISE(ABORT, 'rows of the audit trail are appended at its end');
        END;

        CREATE TABLE access_code (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            kind INTEGER NOT NULL,
            digest BLOB NOT NULL UNIQUE,
            space TEXT NOT NULL,
            enroll TEXT NOT NULL,
            name TEXT NOT NULL,
            terminal TEXT,
            grouping TEXT,
            starts INTEGER NOT NULL,
            ends INTEGER NOT NULL,
            uses INTEGER NOT NULL,
            used INTEGER NOT NULL DEFAULT 0,
            author TEXT NOT NULL,
            issued INTEGER NOT NULL,
            revoked INTEGER,
            last_used INTEGER,
            last_terminal TEXT
        ) STRICT;
        CREATE INDEX access_code_end ON access_code (ends);

        CREATE TABLE clock_step (
            id INTEGER PRIMARY KEY,
            terminal INTEGER NOT NULL REFERENCES terminal(id),
            at INTEGER NOT NULL,
            before INTEGER NOT NULL,
            after INTEGER,
            unread INTEGER
        ) STRICT;
        CREATE INDEX clock_step_of ON clock_step (terminal, at);
        """
}
