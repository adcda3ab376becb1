extension Migrations {
    /// - `standing`: `TerminalStanding`. Terminals from before there was one serve already: they are approved.
    /// - `token`: SHA-256 of the secret that the terminal must bring, where it has one of its own.
    /// - `previous_address`, `moved`: where it came from before, and when it was first seen where it is now.
    /// - `held`: punches that are owed to nobody because their terminal was pending, until they are made owed. As long as
    ///   there is one of an approved terminal, its new ones are held behind it.
    static let registry = """
        ALTER TABLE terminal ADD COLUMN standing INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE terminal ADD COLUMN name TEXT;
        ALTER TABLE terminal ADD COLUMN location TEXT;
        ALTER TABLE terminal ADD COLUMN grouping TEXT;
        ALTER TABLE terminal ADD COLUMN zone TEXT;
        ALTER TABLE terminal ADD COLUMN dialect TEXT;
        ALTER TABLE terminal ADD COLUMN token BLOB;
        ALTER TABLE terminal ADD COLUMN previous_address TEXT;
        ALTER TABLE terminal ADD COLUMN moved INTEGER;

        CREATE TABLE held (
            terminal INTEGER NOT NULL REFERENCES terminal(id),
            punch INTEGER NOT NULL REFERENCES punch(id),
            PRIMARY KEY (terminal, punch)
        ) STRICT, WITHOUT ROWID;
        """
}
