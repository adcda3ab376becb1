import AttendanceCore
import AttendanceStore
import Crypto
import Foundation

/// What somebody needs to set up an authenticator program. Shown once.
package struct CodeEnrolment: Hashable, Sendable {
    /// To be typed, base32.
    package let secret: String
    /// For a QR code.
    package let uri: String
}

/// A token of the API that was just made.
package struct IssuedToken: Hashable, Sendable {
    package let id: Int64
    /// Shown once, kept nowhere.
    package let text: String
}

extension Accounts {
    // MARK: The first administrator

    /// Whether there is no account yet.
    package func needsSetup() async throws -> Bool {
        if withState({ $0.hasAccounts }) { return false }
        let has = try await store.hasAccounts()
        if has { withState { $0.hasAccounts = true } }
        return !has
    }

    /// The secret of the one-time setup link, the same until the program ends or an account is made; nil as soon as there
    /// is one. That of an earlier run does not work any more.
    package func setupToken() async throws -> String? {
        guard try await needsSetup() else {
            withState { $0.setupToken = nil }
            return nil
        }
        // One for all who ask, also at the same time.
        let token = withState { state in
            let token = state.setupToken ?? SecretToken.new()
            state.setupToken = token
            return token
        }
        guard try await store.setSetupToken(token.digest, at: now) else {
            withState { $0.setupToken = nil }
            return nil
        }
        return token.text
    }

    /// Whether this is the secret of the setup link, so that the first page may be shown. Looks at all of it.
    package func isSetupToken(_ text: String) -> Bool {
        guard let token = SecretToken(text), let right = withState({ $0.setupToken }) else { return false }
        return right.digest.matches(token.digest)
    }

    /// Makes the first account and signs it in. The link works once. Throws `AccountRefusal`.
    package func createFirstAdministrator(
        setupToken: String, name: String, password: String, language: String? = nil, address: String,
        userAgent: String
    ) async throws -> SignedIn {
        guard isSetupToken(setupToken), let token = SecretToken(setupToken) else {
            throw AccountRefusal(.wrongSetupToken, field: .setupToken)
        }
        let name = try Self.checked(name)
        let language = try Self.checked(language: language)
        let hash = try await hash(password, of: name)
        let now = self.now
        let id = try await refusable {
            try await store.createFirstAccount(
                NewAccount(name: name, role: .administrator, password: hash, language: language),
                token: token.digest, by: Author(name.text), at: now)
        }
        withState {
            $0.hasAccounts = true
            $0.setupToken = nil
        }
        guard let account = try await store.account(id),
            let signedIn = try await open(
                account, password: hash, codeStep: nil, address: address, userAgent: userAgent)
        else { throw AccountRefusal(.unknownAccount) }
        return signedIn
    }

    // MARK: Accounts

    /// Returns its number. Throws `AccountRefusal`.
    @discardableResult
    package func create(
        name: String, password: String, role: Role, reach: Reach? = nil, language: String? = nil,
        by author: Author
    ) async throws -> Int64 {
        let name = try Self.checked(name)
        let language = try Self.checked(language: language)
        guard role != .administrator || reach == nil else {
            throw AccountRefusal(.limitedAdministrator, field: .reach)
        }
        let hash = try await hash(password, of: name)
        let id = try await refusable {
            try await store.createAccount(
                NewAccount(name: name, role: role, reach: reach, password: hash, language: language),
                by: author,
                at: now)
        }
        withState {
            $0.hasAccounts = true
            $0.setupToken = nil
        }
        return id
    }

    /// Role, reach, language, disabled or not; holds from the next request of those who are signed in. Throws
    /// `AccountRefusal`; the last active administrator stays one.
    package func change(_ id: Int64, _ change: AccountChange, by author: Author) async throws {
        if let language = change.language { _ = try Self.checked(language: language) }
        try await refusable { try await store.changeAccount(id, change, by: author, at: now) }
        forget(account: id)
    }

    /// Signs it out as well. Throws `AccountRefusal`.
    package func remove(_ id: Int64, by author: Author) async throws {
        try await refusable { try await store.removeAccount(id, by: author, at: now) }
        forget(account: id)
    }

    private func forget(account id: Int64) { cache.forget { $0.kind == .session && $0.id == id } }

    // MARK: Passwords

    /// For whoever is signed in: with the old password, and every other session of theirs ends. Throws
    /// `AccountRefusal`.
    package func changePassword(of principal: Principal, old: String, new: String, address: String)
        async throws
    {
        let found = try await prove(principal, password: old, address: address)
        try await setPassword(new, of: found.account, keeping: principal.session, by: principal.author)
    }

    /// By somebody who may administer: without the old one, and all sessions end. Throws `AccountRefusal`.
    package func setPassword(_ new: String, of id: Int64, by author: Author) async throws {
        guard let account = try await store.account(id) else { throw AccountRefusal(.unknownAccount) }
        try await setPassword(new, of: account, keeping: nil, by: author)
    }

    private func setPassword(
        _ new: String, of account: AccountRecord, keeping session: Int64?, by author: Author
    ) async throws {
        let hash = try await hash(new, of: account.name)
        try await refusable {
            try await store.setPassword(hash, of: account.id, keeping: session, by: author, at: now)
        }
        forget(account: account.id)
        withState { $0.throttle.forget(account: account.name.folded) }
    }

    /// Returns when the password is that of whoever is signed in; slowed down like signing in. Throws `AccountRefusal`.
    @discardableResult
    func prove(_ principal: Principal, password: String, address: String) async throws -> AccountCredentials {
        guard principal.kind == .session, let name = AccountName(principal.name),
            let found = try await store.credentials(
                named: name, from: SignInThrottle.network(of: address)), found.account.id == principal.id
        else { throw AccountRefusal(.unknownAccount) }
        // Whoever has the session counts as known: nobody else can keep them out of their own password.
        let attempt = SignInThrottle.Attempt(account: name.text, address: address, isKnown: true)
        if let wait = begin(attempt) { throw AccountRefusal(.throttled(wait)) }
        let isRight: Bool
        do {
            isRight = try await hasher.matches(PasswordRules.normalised(password), found.password)
        } catch {
            undo(attempt)
            if error is PasswordHasher.Busy { throw AccountRefusal(.busy) }
            throw error
        }
        guard isRight else {
            await noteRefusal(
                "accounts.password-refused", subject: "account \(name)", detail: "the old password was wrong",
                by: principal.author)
            throw AccountRefusal(.wrongPassword, field: .oldPassword)
        }
        undo(attempt)
        return found
    }

    private func hash(_ password: String, of name: AccountName) async throws -> String {
        if let problem = PasswordRules.problem(with: password, of: name) {
            throw AccountRefusal(.password(problem), field: .password)
        }
        guard let bytes = PasswordRules.normalised(password) else {
            throw AccountRefusal(.password(.tooLong), field: .password)
        }
        return try await refusable { try await hasher.hash(bytes) }
    }

    // MARK: One-time codes

    /// A new secret for whoever is signed in, with their password. Codes are asked for once `confirmCodes` has seen one;
    /// ten minutes are left for that. Throws `AccountRefusal`.
    ///
    /// - `issuer`: what the authenticator program shows beside the account, such as the gateway's host.
    package func beginCodes(of principal: Principal, password: String, issuer: String, address: String)
        async throws -> CodeEnrolment
    {
        let found = try await prove(principal, password: password, address: address)
        let secret = SymmetricKey(size: .init(bitCount: OneTimeCode.secretLength * 8))
            .withUnsafeBytes { Array($0) }
        let time = surroundings.uptime()
        let isFull = withState { state in
            state.enrolments = state.enrolments.filter { time - $0.value.began < Self.enrolmentTime }
            guard state.enrolments.count < Self.mostEnrolments else { return true }
            state.enrolments[principal.id] = (secret, time)
            return false
        }
        if isFull { throw AccountRefusal(.busy) }
        return CodeEnrolment(
            secret: OneTimeCode.base32(secret),
            uri: OneTimeCode.uri(secret: secret, account: found.account.name, issuer: issuer))
    }

    /// Throws `AccountRefusal`.
    package func confirmCodes(of principal: Principal, code: String) async throws {
        let time = surroundings.uptime()
        guard principal.kind == .session, let begun = withState({ $0.enrolments[principal.id] }),
            time - begun.began < Self.enrolmentTime
        else { throw AccountRefusal(.codesNotBegun, field: .code) }
        guard let step = OneTimeCode.matchingStep(code, at: now, after: nil, by: Self.mac(begun.secret))
        else {
            throw AccountRefusal(.wrongCode, field: .code)
        }
        let sealed: [UInt8]
        do {
            sealed = try vault.seal(begun.secret, for: VaultContext.codes(of: principal.id))
        } catch {
            throw AccountRefusal(.vault(error.localizedDescription))
        }
        try await refusable {
            try await store.setCodes(
                SealedCodes(secret: sealed, usedStep: step), of: principal.id, by: principal.author, at: now)
        }
        withState { $0.enrolments[principal.id] = nil }
    }

    /// For whoever is signed in, with their password. Throws `AccountRefusal`.
    package func removeCodes(of principal: Principal, password: String, address: String) async throws {
        try await prove(principal, password: password, address: address)
        try await removeCodes(of: principal.id, by: principal.author)
    }

    /// By somebody who may administer, for an account whose device is lost. Throws `AccountRefusal`.
    package func removeCodes(of id: Int64, by author: Author) async throws {
        try await refusable { try await store.setCodes(nil, of: id, by: author, at: now) }
    }

    // MARK: Tokens

    /// Throws `AccountRefusal`.
    ///
    /// - `expires`: nil: never.
    package func issueToken(
        name: String, scopes: Set<Scope>, reach: Reach? = nil, expires: UnixTime? = nil, by author: Author
    ) async throws -> IssuedToken {
        let name = name.trimmingBlanks()
        guard !name.isEmpty, name.isOneLine(ofAtMost: Self.longestTokenName) else {
            throw AccountRefusal(.badTokenName, field: .name)
        }
        guard !scopes.isEmpty else { throw AccountRefusal(.badScopes, field: .scopes) }
        guard !scopes.contains(.administer) || reach == nil else {
            throw AccountRefusal(.limitedAdministrator, field: .reach)
        }
        let now = self.now
        if let expires, expires <= now { throw AccountRefusal(.expiryHasPassed, field: .expires) }
        let token = SecretToken.new(prefix: SecretToken.apiPrefix)
        let id = try await refusable {
            try await store.issueToken(
                NewAPIToken(digest: token.digest, name: name, scopes: scopes, reach: reach, expires: expires),
                by: author, at: now)
        }
        return IssuedToken(id: id, text: token.text)
    }

    /// They hold no more, from the next request. Returns those that there were.
    @discardableResult
    package func revokeTokens(_ ids: [Int64], by author: Author) async throws -> [Int64] {
        let revoked = try await store.revokeTokens(ids, by: author, at: now)
        cache.forget { $0.kind == .token && ids.contains($0.id) }
        return revoked
    }

    // MARK: Checks

    private static func checked(_ name: String) throws -> AccountName {
        guard let name = AccountName(name) else { throw AccountRefusal(.badName, field: .name) }
        return name
    }

    /// Like `en` or `pt-BR`.
    @discardableResult
    private static func checked(language: String?) throws -> String? {
        guard let language else { return nil }
        let parts = language.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2, (2...3).contains(parts[0].utf8.count),
            parts.allSatisfy({ part in
                (2...8).contains(part.utf8.count)
                    && part.utf8.allSatisfy { Character(Unicode.Scalar($0)).isLetter }
            })
        else { throw AccountRefusal(.badLanguage, field: .language) }
        return language
    }
}
