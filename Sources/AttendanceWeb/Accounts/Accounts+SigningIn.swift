import AttendanceCore
import AttendanceStore
import Crypto
import Foundation
import Logging

/// How a try to sign in ended.
package enum SignInResult: Hashable, Sendable {
    case signedIn(SignedIn)
    /// Name and password are right; ask for the one-time code and try again with all three.
    case needsCode
    case refused(SignInRefusal)
    /// Too many tries; nothing was looked at.
    case throttled(wait: Duration)
}

/// Somebody is signed in. The token is for a cookie (`HttpOnly`, `SameSite`, `Secure` on TLS) and for nothing else.
package struct SignedIn: Hashable, Sendable {
    package let token: String
    package let principal: Principal
    /// At the latest.
    package let expires: UnixTime
}

package enum SignInRefusal: String, Hashable, Sendable, CaseIterable {
    /// Which of both is not told.
    case wrong
    case wrongCode = "wrong-code"
    case disabled
    /// The vault cannot be used, so no code can be checked.
    case codesUnreadable = "codes-unreadable"

    /// In English.
    package var words: String {
        switch self {
        case .wrong: "The name or the password is wrong."
        case .wrongCode: "The code is wrong, or was used before. Check the clock of the device that shows it."
        case .disabled: "This account is disabled. Ask an administrator."
        case .codesUnreadable:
            "One-time codes cannot be checked, because the gateway's key file cannot be used. Its log says why."
        }
    }
}

extension Accounts {
    // MARK: Signing in

    /// Takes as long for a name that nobody has as for a wrong password. Written into the audit trail either way; a name
    /// that nobody has is not, since it may be a password in the wrong field.
    ///
    /// - `code`: nil or blank: none was typed.
    /// - `address`: the peer's, without port; behind a proxy that is trusted the client's.
    /// - `userAgent`: any text.
    package func signIn(name: String, password: String, code: String?, address: String, userAgent: String)
        async throws -> SignInResult
    {
        let network = SignInThrottle.network(of: address)
        var found: AccountCredentials?
        if let name = AccountName(name) { found = try await store.credentials(named: name, from: network) }
        let attempt = SignInThrottle.Attempt(
            account: name, address: address, isKnown: found?.isKnownAddress ?? false)
        if let wait = begin(attempt) { return .throttled(wait: wait) }
        var isOver = false
        // Whatever is thrown says nothing of the password.
        defer { if !isOver { undo(attempt) } }

        let isRight: Bool
        do {
            isRight = try await hasher.matches(PasswordRules.normalised(password), found?.password)
        } catch is PasswordHasher.Busy {
            return .throttled(wait: .seconds(2))
        }
        guard isRight, let found else {
            isOver = true
            await noteRefused(found?.account, "the name or the password was wrong", address)
            return .refused(.wrong)
        }
        guard !found.account.isDisabled else {
            isOver = true
            await noteRefused(found.account, "the account is disabled", address)
            return .refused(.disabled)
        }
        var step: Int64?
        if let codes = found.codes {
            guard let code, !code.trimmingBlanks().isEmpty else { return .needsCode }
            let secret: [UInt8]
            do {
                secret = try vault.open(codes.secret, for: VaultContext.codes(of: found.account.id))
            } catch {
                logger.error(
                    "one-time codes cannot be checked", metadata: ["error": "\(error.localizedDescription)"])
                return .refused(.codesUnreadable)
            }
            step = OneTimeCode.matchingStep(code, at: now, after: codes.usedStep, by: Self.mac(secret))
            guard step != nil else {
                isOver = true
                await noteRefused(found.account, "the one-time code was wrong", address)
                return .refused(.wrongCode)
            }
        }
        let signedIn = try await open(
            found.account, password: found.password, codeStep: step, address: address, userAgent: userAgent)
        guard let signedIn else {
            isOver = true
            return .refused(step == nil ? .wrong : .wrongCode)
        }
        isOver = true
        withState { $0.throttle.succeeded(attempt, at: surroundings.uptime()) }
        if hasher.isOutdated(found.password) { await renew(found, password) }
        return .signedIn(signedIn)
    }

    /// Nil when the account was changed meanwhile, so that what was found right is not any more.
    func open(
        _ account: AccountRecord, password: String, codeStep: Int64?, address: String, userAgent: String
    ) async throws -> SignedIn? {
        let now = self.now
        let token = SecretToken.new()
        let expires = now + limits.absolute
        let network = SignInThrottle.network(of: address)
        let id = try await store.openSession(
            NewSession(
                digest: token.digest, account: account.id, password: password, codeStep: codeStep,
                expires: expires, address: PlainText.line(address, limit: 64), network: network,
                agent: PlainText.line(userAgent, limit: Self.longestAgent)), at: now)
        guard let id else { return nil }
        return SignedIn(
            token: token.text, principal: Self.principal(account, session: id, csrfToken: token.csrfToken),
            expires: expires)
    }

    /// The same password at the present cost, now that it is known.
    private func renew(_ found: AccountCredentials, _ password: String) async {
        guard let bytes = PasswordRules.normalised(password) else { return }
        do {
            let hash = try await hasher.hash(bytes)
            try await store.renewPasswordHash(hash, insteadOf: found.password, of: found.account.id)
        } catch {
            // The old one goes on working; the next sign-in tries again.
            logger.debug("a password was not hashed anew", metadata: ["error": "\(error)"])
        }
    }

    private func noteRefused(_ account: AccountRecord?, _ why: String, _ address: String) async {
        let address = PlainText.line(address, limit: 64)
        await noteRefusal(
            "accounts.sign-in-refused", subject: account.map { "account \($0.name)" } ?? "unknown account",
            detail: "\(why); from \(address)", by: account.map { Author($0.name.text) } ?? Author("unknown"))
    }

    func begin(_ attempt: SignInThrottle.Attempt) -> Duration? {
        withState { $0.throttle.begin(attempt, at: surroundings.uptime()) }
    }

    func undo(_ attempt: SignInThrottle.Attempt) {
        withState { $0.throttle.undo(attempt, at: surroundings.uptime()) }
    }

    static func mac(_ secret: [UInt8]) -> OneTimeCode.MAC {
        let key = SymmetricKey(data: secret)
        return { Array(HMAC<Insecure.SHA1>.authenticationCode(for: $0, using: key)) }
    }

    static func principal(_ account: AccountRecord, session: Int64, csrfToken: String) -> Principal {
        Principal(
            kind: .session, id: account.id, name: account.name.text, role: account.role,
            scopes: account.role.scopes, reach: account.reach, session: session, csrfToken: csrfToken,
            language: account.language)
    }

    // MARK: Who asks

    /// Who has this session; nil when it ended, expired, or never was. Mostly without a read.
    ///
    /// - Parameters:
    ///   - text: of the cookie, as it came.
    ///   - isActivity: false for what a page does by itself, such as an open stream: it keeps no session alive.
    package func principal(session text: String, isActivity: Bool = true) async throws -> Principal? {
        guard let token = SecretToken(text) else { return nil }
        let now = self.now
        if let known = await known(token.digest, now, isActivity) { return known }
        let generation = cache.generation
        guard let (session, account) = try await store.session(token.digest), !account.isDisabled else {
            return nil
        }
        let principal = Self.principal(account, session: session.id, csrfToken: token.csrfToken)
        return await take(
            .init(
                principal: principal, created: session.created, expires: session.expires,
                lastUsed: session.lastUsed, written: session.lastUsed), token.digest, generation, now,
            isActivity)
    }

    /// Who has this token (`agw_…`); nil when it was revoked, expired, or never was. Mostly without a read.
    package func principal(apiToken text: String) async throws -> Principal? {
        guard let token = SecretToken(text, prefix: SecretToken.apiPrefix) else { return nil }
        let now = self.now
        if let known = await known(token.digest, now, true) { return known }
        let generation = cache.generation
        guard let record = try await store.apiToken(token.digest) else { return nil }
        let principal = Principal(
            kind: .token, id: record.id, name: record.name, role: nil, scopes: record.scopes,
            reach: record.reach, session: nil, csrfToken: nil, language: nil)
        // One that was never used is written down at once.
        let used = record.lastUsed ?? UnixTime(milliseconds: 0)
        return await take(
            .init(
                principal: principal, created: nil, expires: record.expires, lastUsed: used,
                // One that was never used is written down at once.
                written: record.lastUsed ?? UnixTime(milliseconds: 0)), token.digest, generation, now, true)
    }

    /// Nil when the store must be asked; `.some(nil)` when it is over.
    private func known(_ digest: TokenDigest, _ now: UnixTime, _ isActivity: Bool) async -> Principal?? {
        switch cache.find(digest, at: now, limits, isActivity: isActivity) {
        case .unknown: return nil
        case .over: return .some(nil)
        case .known(let principal, let use):
            if let use { await note(use) }
            return principal
        }
    }

    private func take(
        _ entry: PrincipalCache.Entry, _ digest: TokenDigest, _ generation: Int, _ now: UnixTime,
        _ isActivity: Bool
    ) async -> Principal? {
        guard !entry.isOver(at: now, limits) else { return nil }
        cache.put(entry, for: digest, readAt: generation)
        if case .known(_, let use?) = cache.find(digest, at: now, limits, isActivity: isActivity) {
            await note(use)
        }
        return entry.principal
    }

    private func note(_ use: AccountUse) async {
        do {
            try await store.noteUse(use)
        } catch {
            // Looking must go on when the disk is full; in a minute it is tried again.
            logger.debug("the use of a session was not written down", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Signing out

    /// Ends the session that asks. Nothing for a token.
    package func signOut(_ principal: Principal) async throws {
        guard let session = principal.session else { return }
        try await endSessions([session], by: principal.author)
    }

    /// Ends sessions by their numbers, whoever's they are. Returns those that there were.
    @discardableResult
    package func endSessions(_ ids: [Int64], by author: Author) async throws -> [Int64] {
        let ended = try await store.endSessions(ids, by: author, at: now)
        cache.forget { ids.contains($0.session ?? 0) }
        return ended
    }

    /// Ends all sessions of an account, or all but one. Returns how many. Throws `AccountRefusal`.
    @discardableResult
    package func signOutEverywhere(_ account: Int64, keeping session: Int64? = nil, by author: Author)
        async throws
        -> Int
    {
        let count = try await refusable {
            try await store.endSessions(of: account, keeping: session, by: author, at: now)
        }
        cache.forget { $0.kind == .session && $0.id == account }
        return count
    }

    /// Of an account, the one used last first; those that expired are left out.
    package func sessions(of account: Int64) async throws -> [SessionRecord] {
        let now = self.now
        let limits = self.limits
        return try await store.sessions(of: account).filter {
            now < $0.expires && now < $0.created + limits.absolute && now - $0.lastUsed < limits.idle
        }
    }
}
