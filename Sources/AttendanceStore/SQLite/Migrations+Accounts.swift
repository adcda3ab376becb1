extension Migrations {
    /// - Numbers are AUTOINCREMENT: that of somebody who was removed is given to nobody else.
    /// - `account.password` is a slow hash with its cost and salt, `code_secret` sealed by the vault, `code_step` the
    ///   half minute of the one-time code used last.
    /// - `account_network`: where an account has signed in from, so that others cannot keep its owner out there.
    /// - `digest` of sessions, tokens and the setup token is SHA-256; they themselves stand nowhere.
    /// - `reach` is a JSON object, NULL: everything. `scopes` are names, separated by blanks.
    /// - `idempotency`: requests of the API; `status` NULL while one is carried out. The body comes last in its row.
    static let accounts = """
        CREATE TABLE account (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL,
            folded TEXT NOT NULL UNIQUE,
            role TEXT NOT NULL,
            reach TEXT,
            password TEXT NOT NULL,
            code_secret BLOB,
            code_step INTEGER NOT NULL DEFAULT 0,
            disabled INTEGER NOT NULL DEFAULT 0,
            language TEXT,
            created INTEGER NOT NULL,
            last_sign_in INTEGER
        ) STRICT;

        CREATE TABLE account_network (
            account INTEGER NOT NULL REFERENCES account(id),
            network TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (account, network)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE session (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            digest BLOB NOT NULL UNIQUE,
            account INTEGER NOT NULL REFERENCES account(id),
            created INTEGER NOT NULL,
            last_used INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            address TEXT NOT NULL,
            agent TEXT NOT NULL
        ) STRICT;
        CREATE INDEX session_of ON session (account, last_used);
        CREATE INDEX session_end ON session (expires);

        CREATE TABLE api_token (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            digest BLOB NOT NULL UNIQUE,
            name TEXT NOT NULL,
            folded TEXT NOT NULL UNIQUE,
            scopes TEXT NOT NULL,
            reach TEXT,
            created INTEGER NOT NULL,
            author TEXT NOT NULL,
            expires INTEGER,
            last_used INTEGER
        ) STRICT;

        CREATE TABLE setup (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            digest BLOB NOT NULL,
            at INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE idempotency (
            id INTEGER PRIMARY KEY,
            asker TEXT NOT NULL,
            key TEXT NOT NULL,
            hash BLOB NOT NULL,
            at INTEGER NOT NULL,
            status INTEGER,
            type TEXT,
            body BLOB,
            UNIQUE (asker, key)
        ) STRICT;
        CREATE INDEX idempotency_by_age ON idempotency (at);
        """
}
