extension Migrations {
    /// - `standing`: `TerminalStanding`. Terminals from before there was one serve already: they are approved.
    /// - `held_from`: the first punch that is owed to nobody because its terminal was pending.
    /// - `token`: SHA-256 of the secret that the terminal must bring, where it has one of its own.
    /// - `previous_address`, `moved`: where it came from before, and when it was first seen where it is now.
    static let registry = """
        ALTER TABLE terminal ADD COLUMN standing INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE terminal ADD COLUMN name TEXT;
        ALTER TABLE terminal ADD COLUMN location TEXT;
        ALTER TABLE terminal ADD COLUMN grouping TEXT;
        ALTER TABLE terminal ADD COLUMN zone TEXT;
        ALTER TABLE terminal ADD COLUMN dialect TEXT;
        ALTER TABLE terminal ADD COLUMN token BLOB;
        ALTER TABLE terminal ADD COLUMN held_from INTEGER;
        ALTER TABLE terminal ADD COLUMN previous_address TEXT;
        ALTER TABLE terminal ADD COLUMN moved INTEGER;
        """
}
