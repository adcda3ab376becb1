import AttendanceCore
import Foundation
import GRDB

// Accounts, sessions and tokens: runs on the writer's thread, inside its transaction. An `AccountError` is thrown before
// anything is written.

extension WriterConnection {
    // MARK: Accounts

    /// See `AccountKeeping.createAccount`.
    func createAccount(_ account: NewAccount, by author: Author, at now: UnixTime) throws -> Int64 {
        guard account.role != .administrator || account.reach == nil else {
            throw AccountError.limitedAdministrator
        }
        guard try Queries.account(db, named: account.name) == nil else { throw AccountError.nameTaken }
        let count = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM account") ?? 0
        guard count < AccountBounds.accounts else { throw AccountError.tooMany }
        try db.execute(sql: "DELETE FROM setup")
        try db.execute(
            sql: """
                INSERT INTO account (name, folded, role, reach, password, language, created)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                account.name.text, account.name.folded, account.role.rawValue,
                try Queries.text(of: account.reach), account.password, account.language, now.milliseconds,
            ])
        let id = db.lastInsertedRowID
        try audit(
            account.name, "accounts.create", "\(account.role.rawValue), reaches \(account.reach.words)",
            author, now)
        return id
    }

    /// See `AccountKeeping.setSetupToken`.
    func setSetupToken(_ digest: TokenDigest, at now: UnixTime) throws -> Bool {
        try db.execute(sql: "DELETE FROM setup")
        guard try !Queries.hasAccounts(db) else { return false }
        try db.execute(
            sql: "INSERT INTO setup (id, digest, at) VALUES (1, ?, ?)",
            arguments: [Data(digest.bytes), now.milliseconds])
        return true
    }

    /// See `AccountKeeping.createFirstAccount`.
    func createFirstAccount(
        _ account: NewAccount, token: TokenDigest, by author: Author, at now: UnixTime
    ) throws -> Int64 {
        let kept = try Data.fetchOne(db, sql: "SELECT digest FROM setup")
        guard let kept, let digest = TokenDigest(Array(kept)), digest.matches(token),
            try !Queries.hasAccounts(db)
        else { throw AccountError.wrongSetupToken }
        return try createAccount(account, by: author, at: now)
    }

    /// See `AccountKeeping.changeAccount`.
    func changeAccount(_ id: Int64, _ change: AccountChange, by author: Author, at now: UnixTime) throws {
        let before = try known(id)
        var after = before
        if let role = change.role { after.role = role }
        if let reach = change.reach { after.reach = reach }
        if let isDisabled = change.isDisabled { after.isDisabled = isDisabled }
        if let language = change.language { after.language = language }
        guard after != before else { return }
        guard after.role != .administrator || after.reach == nil else {
            throw AccountError.limitedAdministrator
        }
        if before.administers, !after.administers { try expectAnotherAdministrator(than: id) }
        try db.execute(
            sql: "UPDATE account SET role = ?, reach = ?, disabled = ?, language = ? WHERE id = ?",
            arguments: [
                after.role.rawValue, try Queries.text(of: after.reach), after.isDisabled, after.language, id,
            ])
        if after.isDisabled != before.isDisabled {
            if after.isDisabled {
                try db.execute(sql: "DELETE FROM session WHERE account = ?", arguments: [id])
            }
            try audit(
                before.name, after.isDisabled ? "accounts.disable" : "accounts.enable",
                after.isDisabled ? "signed out everywhere" : "", author, now)
        }
        var words: [String] = []
        if after.role != before.role { words.append("\(before.role.rawValue) became \(after.role.rawValue)") }
        if after.reach != before.reach {
            words.append("reaches \(after.reach.words), before: \(before.reach.words)")
        }
        if after.language != before.language { words.append("language \(after.language ?? "the browser's")") }
        guard !words.isEmpty else { return }
        try audit(before.name, "accounts.change", words.joined(separator: "; "), author, now)
    }

    /// See `AccountKeeping.setPassword`.
    func setPassword(
        _ hash: String, of id: Int64, keeping session: Int64?, by author: Author, at now: UnixTime
    ) throws {
        let account = try known(id)
        try db.execute(sql: "UPDATE account SET password = ? WHERE id = ?", arguments: [hash, id])
        try db.execute(
            sql: "DELETE FROM session WHERE account = ? AND id <> ?", arguments: [id, session ?? 0])
        try audit(account.name, "accounts.password", "\(changes) other sessions ended", author, now)
    }

    func renewPasswordHash(_ hash: String, insteadOf old: String, of id: Int64) throws {
        try db.execute(
            sql: "UPDATE account SET password = ? WHERE id = ? AND password = ?", arguments: [hash, id, old])
    }

    /// See `AccountKeeping.setCodes`.
    func setCodes(_ codes: SealedCodes?, of id: Int64, by author: Author, at now: UnixTime) throws {
        let account = try known(id)
        guard codes != nil || account.usesCodes else { return }
        try db.execute(
            sql: "UPDATE account SET code_secret = ?, code_step = ? WHERE id = ?",
            arguments: [codes.map { Data($0.secret) }, codes?.usedStep ?? 0, id])
        try audit(account.name, codes == nil ? "accounts.codes-off" : "accounts.codes-on", "", author, now)
    }

    /// See `AccountKeeping.removeAccount`.
    func removeAccount(_ id: Int64, by author: Author, at now: UnixTime) throws {
        let account = try known(id)
        if account.administers { try expectAnotherAdministrator(than: id) }
        for table in ["session", "account_network"] {
            try db.execute(sql: "DELETE FROM \(table) WHERE account = ?", arguments: [id])
        }
        try db.execute(sql: "DELETE FROM account WHERE id = ?", arguments: [id])
        try audit(account.name, "accounts.remove", account.role.rawValue, author, now)
    }

    private func known(_ id: Int64) throws -> AccountRecord {
        guard let account = try Queries.account(db, id) else { throw AccountError.unknown }
        return account
    }

    private func expectAnotherAdministrator(than id: Int64) throws {
        let isThere = try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM account WHERE role = ? AND NOT disabled AND id <> ?)",
            arguments: [Role.administrator.rawValue, id])
        guard isThere == true else { throw AccountError.lastAdministrator }
    }

    private func audit(
        _ account: AccountName, _ action: String, _ detail: String, _ author: Author, _ now: UnixTime
    ) throws {
        try audit(
            AuditEntry(at: now, author: author, action: action, subject: "account \(account)", detail: detail)
        )
    }

    // MARK: Sessions

    /// See `AccountKeeping.openSession`.
    func openSession(_ session: NewSession, at now: UnixTime) throws -> Int64? {
        try db.execute(
            sql: """
                UPDATE account SET last_sign_in = :now, code_step = COALESCE(:step, code_step)
                WHERE id = :id AND password = :password AND NOT disabled
                    AND CASE WHEN :step IS NULL THEN code_secret IS NULL
                        ELSE code_secret IS NOT NULL AND code_step < :step END
                """,
            arguments: [
                "now": now.milliseconds, "step": session.codeStep, "id": session.account,
                "password": session.password,
            ])
        guard changes > 0 else { return nil }
        try db.execute(
            sql: """
                DELETE FROM session WHERE id IN
                    (SELECT id FROM session WHERE expires <= ? ORDER BY expires LIMIT 100)
                """, arguments: [now.milliseconds])
        try keepNewest(AccountBounds.sessions - 1, of: "session", by: "last_used", account: session.account)
        try db.execute(
            sql: """
                INSERT INTO session (digest, account, created, last_used, expires, address, agent)
                VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?6)
                """,
            arguments: [
                Data(session.digest.bytes), session.account, now.milliseconds, session.expires.milliseconds,
                session.address, session.agent,
            ])
        let id = db.lastInsertedRowID
        try db.execute(
            sql: "DELETE FROM account_network WHERE account = ? AND at < ?",
            arguments: [
                session.account, now.milliseconds - AccountBounds.addressKept.milliseconds,
            ])
        try db.execute(
            sql: "INSERT OR REPLACE INTO account_network (account, network, at) VALUES (?, ?, ?)",
            arguments: [session.account, session.network, now.milliseconds])
        try db.execute(
            sql: """
                DELETE FROM account_network WHERE account = ?1 AND network NOT IN
                    (SELECT network FROM account_network WHERE account = ?1 ORDER BY at DESC, network LIMIT ?2)
                """, arguments: [session.account, AccountBounds.addresses])
        let name = try known(session.account).name
        try audit(name, "accounts.sign-in", "from \(session.address)", Author(name.text), now)
        return id
    }

    private func keepNewest(_ most: Int, of table: String, by column: String, account: Int64) throws {
        try db.execute(
            sql: """
                DELETE FROM \(table) WHERE account = ?1 AND id NOT IN
                    (SELECT id FROM \(table) WHERE account = ?1 ORDER BY \(column) DESC, id DESC LIMIT ?2)
                """, arguments: [account, most])
    }

    /// See `AccountKeeping.endSessions`.
    func endSessions(_ ids: [Int64], by author: Author, at now: UnixTime) throws -> [Int64] {
        var ended: [Int64] = []
        for id in ids.prefix(1000) {
            let name = try String.fetchOne(
                db, sql: "SELECT a.name FROM session s JOIN account a ON a.id = s.account WHERE s.id = ?",
                arguments: [id])
            guard let name else { continue }
            try db.execute(sql: "DELETE FROM session WHERE id = ?", arguments: [id])
            ended.append(id)
            try audit(
                AuditEntry(
                    at: now, author: author, action: "accounts.sign-out", subject: "account \(name)",
                    detail: "session \(id)"))
        }
        return ended
    }

    func endSessions(of account: Int64, keeping session: Int64?, by author: Author, at now: UnixTime) throws
        -> Int
    {
        let name = try known(account).name
        try db.execute(
            sql: "DELETE FROM session WHERE account = ? AND id <> ?", arguments: [account, session ?? 0])
        let count = changes
        if count > 0 { try audit(name, "accounts.sign-out", "\(count) sessions", author, now) }
        return count
    }

    func noteUse(_ use: AccountUse) throws {
        let (table, id, at) =
            switch use {
            case .session(let id, let at): ("session", id, at)
            case .token(let id, let at): ("api_token", id, at)
            }
        try db.execute(
            sql: "UPDATE \(table) SET last_used = MAX(COALESCE(last_used, 0), ?) WHERE id = ?",
            arguments: [at.milliseconds, id])
    }

    // MARK: Tokens

    /// See `AccountKeeping.issueToken`.
    func issueToken(_ token: NewAPIToken, by author: Author, at now: UnixTime) throws -> Int64 {
        let folded = token.name.lowercased()
        let isTaken = try Bool.fetchOne(
            db, sql: "SELECT EXISTS (SELECT 1 FROM api_token WHERE folded = ?)", arguments: [folded])
        guard isTaken != true else { throw AccountError.nameTaken }
        let count = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM api_token") ?? 0
        guard count < AccountBounds.tokens else { throw AccountError.tooMany }
        let scopes = token.scopes.sorted().map(\.rawValue).joined(separator: " ")
        try db.execute(
            sql: """
                INSERT INTO api_token (digest, name, folded, scopes, reach, created, author, expires)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                Data(token.digest.bytes), token.name, folded, scopes, try Queries.text(of: token.reach),
                now.milliseconds, author.name, token.expires?.milliseconds,
            ])
        let id = db.lastInsertedRowID
        try audit(
            AuditEntry(
                at: now, author: author, action: "tokens.issue", subject: "token \(token.name)",
                detail: "\(scopes), reaches \(token.reach.words), "
                    + (token.expires.map { "until \($0.iso8601)" } ?? "without end")))
        return id
    }

    /// See `AccountKeeping.revokeTokens`.
    func revokeTokens(_ ids: [Int64], by author: Author, at now: UnixTime) throws -> [Int64] {
        var revoked: [Int64] = []
        for id in ids.prefix(1000) {
            let name = try String.fetchOne(
                db, sql: "SELECT name FROM api_token WHERE id = ?", arguments: [id])
            guard let name else { continue }
            try db.execute(sql: "DELETE FROM api_token WHERE id = ?", arguments: [id])
            revoked.append(id)
            try audit(AuditEntry(at: now, author: author, action: "tokens.revoke", subject: "token \(name)"))
        }
        return revoked
    }

    // MARK: Requests

    /// See `AccountKeeping.beginRequest`.
    func beginRequest(_ request: IdempotentRequest, at now: UnixTime) throws -> IdempotencyState {
        try db.execute(
            sql: """
                DELETE FROM idempotency WHERE id IN
                    (SELECT id FROM idempotency WHERE at < ? ORDER BY at LIMIT 200)
                """, arguments: [now.milliseconds - IdempotencyBounds.kept.milliseconds])
        let row = try Row.fetchOne(
            db, sql: "SELECT hash, at, status, type, body FROM idempotency WHERE asker = ? AND key = ?",
            arguments: [request.asker, request.key])
        if let row {
            let at = UnixTime(milliseconds: row["at"])
            if now - at < IdempotencyBounds.kept {
                guard row["hash"] as Data == Data(request.hash.bytes) else { return .otherRequest }
                guard let status = row["status"] as Int? else { return .underWay(since: at) }
                return .answered(
                    IdempotentAnswer(
                        status: status, contentType: row["type"] ?? "",
                        body: (row["body"] as Data?).map { Array($0) }))
            }
            try settle(request, nil)
        }
        try makeRoom("asker = ?", [request.asker], most: IdempotencyBounds.perAsker)
        try makeRoom("TRUE", [], most: IdempotencyBounds.most)
        try db.execute(
            sql: "INSERT INTO idempotency (asker, key, hash, at) VALUES (?, ?, ?, ?)",
            arguments: [request.asker, request.key, Data(request.hash.bytes), now.milliseconds])
        return .claimed
    }

    private func makeRoom(_ condition: String, _ arguments: StatementArguments, most: Int) throws {
        let count =
            try Int.fetchOne(
                db, sql: "SELECT COUNT(*) FROM idempotency WHERE \(condition)", arguments: arguments) ?? 0
        guard count >= most else { return }
        try db.execute(
            sql: """
                DELETE FROM idempotency WHERE id IN
                    (SELECT id FROM idempotency WHERE \(condition) ORDER BY at, id LIMIT \(count - most + 1))
                """, arguments: arguments)
    }

    /// See `AccountKeeping.settleRequest`.
    func settle(_ request: IdempotentRequest, _ answer: IdempotentAnswer?) throws {
        guard let answer else {
            try db.execute(
                sql: "DELETE FROM idempotency WHERE asker = ? AND key = ?",
                arguments: [request.asker, request.key])
            return
        }
        let body = answer.body.flatMap { $0.count <= IdempotencyBounds.longestAnswer ? Data($0) : nil }
        try db.execute(
            sql:
                "UPDATE idempotency SET status = ?, type = ?, body = ? WHERE asker = ? AND key = ? AND hash = ?",
            arguments: [
                answer.status, answer.contentType, body, request.asker, request.key, Data(request.hash.bytes),
            ])
    }
}

extension AccountRecord {
    fileprivate var administers: Bool { role == .administrator && !isDisabled }
}

// MARK: -

extension SQLiteStore {
    /// An expected refusal is thrown before anything is written, and travels as a value: the writer's own errors say
    /// something of the store.
    private func refusable<Value: Sendable>(
        _ body: @escaping @Sendable (WriterConnection) throws -> Value
    ) async throws -> Value {
        try await onWriter { connection -> Result<Value, AccountError> in
            do {
                return .success(try body(connection))
            } catch let error as AccountError {
                return .failure(error)
            }
        }.get()
    }

    package func createAccount(_ account: NewAccount, by author: Author, at now: UnixTime) async throws
        -> Int64
    {
        try await refusable { try $0.createAccount(account, by: author, at: now) }
    }

    package func setSetupToken(_ digest: TokenDigest, at now: UnixTime) async throws -> Bool {
        try await onWriter { try $0.setSetupToken(digest, at: now) }
    }

    package func createFirstAccount(
        _ account: NewAccount, token: TokenDigest, by author: Author, at now: UnixTime
    ) async throws -> Int64 {
        try await refusable { try $0.createFirstAccount(account, token: token, by: author, at: now) }
    }

    package func changeAccount(_ id: Int64, _ change: AccountChange, by author: Author, at now: UnixTime)
        async throws
    {
        try await refusable { try $0.changeAccount(id, change, by: author, at: now) }
    }

    package func setPassword(
        _ hash: String, of id: Int64, keeping session: Int64?, by author: Author, at now: UnixTime
    ) async throws {
        try await refusable { try $0.setPassword(hash, of: id, keeping: session, by: author, at: now) }
    }

    package func renewPasswordHash(_ hash: String, insteadOf old: String, of id: Int64) async throws {
        try await onWriter { try $0.renewPasswordHash(hash, insteadOf: old, of: id) }
    }

    package func setCodes(_ codes: SealedCodes?, of id: Int64, by author: Author, at now: UnixTime)
        async throws
    {
        try await refusable { try $0.setCodes(codes, of: id, by: author, at: now) }
    }

    package func removeAccount(_ id: Int64, by author: Author, at now: UnixTime) async throws {
        try await refusable { try $0.removeAccount(id, by: author, at: now) }
    }

    package func openSession(_ session: NewSession, at now: UnixTime) async throws -> Int64? {
        try await onWriter { try $0.openSession(session, at: now) }
    }

    package func endSessions(_ ids: [Int64], by author: Author, at now: UnixTime) async throws -> [Int64] {
        try await onWriter { try $0.endSessions(ids, by: author, at: now) }
    }

    package func endSessions(of account: Int64, keeping session: Int64?, by author: Author, at now: UnixTime)
        async throws -> Int
    {
        try await refusable { try $0.endSessions(of: account, keeping: session, by: author, at: now) }
    }

    package func noteUse(_ use: AccountUse) async throws { try await onWriter { try $0.noteUse(use) } }

    package func issueToken(_ token: NewAPIToken, by author: Author, at now: UnixTime) async throws -> Int64 {
        try await refusable { try $0.issueToken(token, by: author, at: now) }
    }

    package func revokeTokens(_ ids: [Int64], by author: Author, at now: UnixTime) async throws -> [Int64] {
        try await onWriter { try $0.revokeTokens(ids, by: author, at: now) }
    }

    package func beginRequest(_ request: IdempotentRequest, at now: UnixTime) async throws -> IdempotencyState
    {
        try await onWriter { try $0.beginRequest(request, at: now) }
    }

    package func settleRequest(_ request: IdempotentRequest, _ answer: IdempotentAnswer?) async throws {
        let bytes = answer?.body?.count ?? 0
        try await submit(punches: 1, bytes: bytes) { try $0.settle(request, answer) }
    }
}
