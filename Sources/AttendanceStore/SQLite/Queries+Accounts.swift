import AttendanceCore
import Foundation
import GRDB

extension Queries {
    // MARK: Accounts

    static func account(_ row: Row) throws -> AccountRecord {
        AccountRecord(
            id: row["id"], name: try stored(AccountName(row["name"] as String), "account.name"),
            role: try stored(Role(rawValue: row["role"]), "account.role"), reach: try reach(row["reach"]),
            usesCodes: row["uses_codes"], isDisabled: row["disabled"], language: row["language"],
            created: UnixTime(milliseconds: row["created"]), lastSignIn: UnixTime(stored: row["last_sign_in"])
        )
    }

    private static let accountColumns = """
        a.id, a.name, a.role, a.reach, a.code_secret IS NOT NULL AS uses_codes, a.disabled, a.language, a.created,
            a.last_sign_in
        """

    static func accounts(_ db: Database, after: Int64, limit: Int) throws -> [AccountRecord] {
        try Row.fetchAll(
            db, sql: "SELECT \(accountColumns) FROM account a WHERE id > ? ORDER BY id LIMIT ?",
            arguments: [after, limit]
        ).map(account)
    }

    static func account(_ db: Database, _ id: Int64) throws -> AccountRecord? {
        try Row.fetchOne(db, sql: "SELECT \(accountColumns) FROM account a WHERE id = ?", arguments: [id])
            .map(account)
    }

    static func account(_ db: Database, named name: AccountName) throws -> AccountRecord? {
        try Row.fetchOne(
            db, sql: "SELECT \(accountColumns) FROM account a WHERE folded = ?", arguments: [name.folded]
        ).map(account)
    }

    static func credentials(_ db: Database, named name: AccountName, from network: String) throws
        -> AccountCredentials?
    {
        guard
            let row = try Row.fetchOne(
                db,
                sql: """
                    SELECT \(accountColumns), a.password, a.code_secret, a.code_step, EXISTS (
                        SELECT 1 FROM account_network n WHERE n.account = a.id AND n.network = ?) AS known
                    FROM account a WHERE a.folded = ?
                    """, arguments: [network, name.folded])
        else { return nil }
        let secret = row["code_secret"] as Data?
        return AccountCredentials(
            account: try account(row), password: row["password"],
            codes: secret.map { SealedCodes(secret: Array($0), usedStep: row["code_step"]) },
            isKnownAddress: row["known"])
    }

    static func hasAccounts(_ db: Database) throws -> Bool {
        try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM account)") ?? false
    }

    // MARK: Sessions

    private static func session(_ row: Row) -> SessionRecord {
        SessionRecord(
            id: row["id"], account: row["account"], created: UnixTime(milliseconds: row["created"]),
            lastUsed: UnixTime(milliseconds: row["last_used"]),
            expires: UnixTime(milliseconds: row["expires"]),
            address: row["address"], agent: row["agent"])
    }

    static func session(_ db: Database, _ digest: TokenDigest) throws -> (SessionRecord, AccountRecord)? {
        guard
            let row = try Row.fetchOne(
                db, sql: "SELECT * FROM session WHERE digest = ?", arguments: [Data(digest.bytes)])
        else { return nil }
        let session = session(row)
        return try account(db, session.account).map { (session, $0) }
    }

    static func sessions(_ db: Database, of account: Int64) throws -> [SessionRecord] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM session WHERE account = ? ORDER BY last_used DESC, id DESC LIMIT ?",
            arguments: [account, AccountBounds.sessions]
        ).map(session)
    }

    // MARK: Tokens

    private static func apiToken(_ row: Row) throws -> APITokenRecord {
        // A right that a later version took away is none.
        let scopes = (row["scopes"] as String).split(separator: " ").compactMap {
            Scope(rawValue: String($0))
        }
        return APITokenRecord(
            id: row["id"], name: row["name"], scopes: Set(scopes), reach: try reach(row["reach"]),
            created: UnixTime(milliseconds: row["created"]), author: Author(row["author"]),
            expires: UnixTime(stored: row["expires"]), lastUsed: UnixTime(stored: row["last_used"]))
    }

    static func apiTokens(_ db: Database, after: Int64, limit: Int) throws -> [APITokenRecord] {
        try Row.fetchAll(
            db, sql: "SELECT * FROM api_token WHERE id > ? ORDER BY id LIMIT ?", arguments: [after, limit]
        ).map(apiToken)
    }

    static func apiToken(_ db: Database, _ digest: TokenDigest) throws -> APITokenRecord? {
        try Row.fetchOne(
            db, sql: "SELECT * FROM api_token WHERE digest = ?", arguments: [Data(digest.bytes)]
        ).map(apiToken)
    }

    // MARK: Reach

    /// One that cannot be read is an error and not everything.
    private static func reach(_ text: String?) throws -> Reach? {
        try text.map { text in
            // The decoder's error names no table; that it failed says all.
            try stored(try? JSONDecoder().decode(Reach.self, from: Data(text.utf8)), "reach")
        }
    }

    static func text(of reach: Reach?) throws -> String? {
        guard let reach else { return nil }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(reach), as: UTF8.self)
    }
}

extension ReaderBacked {
    package func accounts(after: Int64, limit: Int) async throws -> [AccountRecord] {
        try await readers.read { try Queries.accounts($0, after: after, limit: limit) }
    }

    package func account(_ id: Int64) async throws -> AccountRecord? {
        try await readers.read { try Queries.account($0, id) }
    }

    package func account(named name: AccountName) async throws -> AccountRecord? {
        try await readers.read { try Queries.account($0, named: name) }
    }

    package func credentials(named name: AccountName, from network: String) async throws
        -> AccountCredentials?
    {
        try await readers.read { try Queries.credentials($0, named: name, from: network) }
    }

    package func hasAccounts() async throws -> Bool { try await readers.read { try Queries.hasAccounts($0) } }

    package func session(_ digest: TokenDigest) async throws -> (
        session: SessionRecord, account: AccountRecord
    )? {
        try await readers.read { try Queries.session($0, digest) }
    }

    package func sessions(of account: Int64) async throws -> [SessionRecord] {
        try await readers.read { try Queries.sessions($0, of: account) }
    }

    package func apiTokens(after: Int64, limit: Int) async throws -> [APITokenRecord] {
        try await readers.read { try Queries.apiTokens($0, after: after, limit: limit) }
    }

    package func apiToken(_ digest: TokenDigest) async throws -> APITokenRecord? {
        try await readers.read { try Queries.apiToken($0, digest) }
    }
}
