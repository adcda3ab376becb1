import AttendanceCore

/// Who may use the console and the API: accounts, sessions, tokens, and requests that must not be carried out twice.
///
/// No secret is kept: of passwords a slow hash, of sessions and tokens SHA-256, of one-time codes the secret sealed by the
/// vault. What a person changes is written into the audit trail in the same commit. Expected refusals are thrown as
/// `AccountError`, and nothing is changed then.
package protocol AccountKeeping: Sendable {
    // MARK: Accounts

    /// Returns its number. Whatever setup token there was is forgotten. Throws `AccountError.nameTaken`,
    /// `.tooMany`, `.limitedAdministrator`.
    func createAccount(_ account: NewAccount, by author: Author, at now: UnixTime) async throws -> Int64
    /// Keeps the hash of the token by which the first administrator may be made, in place of an older one. False when
    /// there is an account: then no token is kept, and an older one is forgotten.
    func setSetupToken(_ digest: TokenDigest, at now: UnixTime) async throws -> Bool
    /// Makes the first account, by the token: it works once. Throws `AccountError.wrongSetupToken` for another one, and
    /// when there is an account.
    func createFirstAccount(_ account: NewAccount, token: TokenDigest, by author: Author, at now: UnixTime)
        async throws -> Int64
    /// Throws `AccountError.unknown`, `.lastAdministrator`, `.limitedAdministrator`. Who was disabled is signed out everywhere.
    func changeAccount(_ id: Int64, _ change: AccountChange, by author: Author, at now: UnixTime) async throws
    /// Another password; all its sessions end but `session`. Throws `AccountError.unknown`.
    func setPassword(
        _ hash: String, of id: Int64, keeping session: Int64?, by author: Author, at now: UnixTime
    ) async throws
    /// The same password by another cost, unless it was changed meanwhile; nobody did that, so it is not audited.
    func renewPasswordHash(_ hash: String, insteadOf old: String, of id: Int64) async throws
    /// The sealed secret of one-time codes and the last half minute that was used; nil: codes are not asked for any
    /// more. Throws `AccountError.unknown`.
    func setCodes(_ codes: SealedCodes?, of id: Int64, by author: Author, at now: UnixTime) async throws
    /// With its sessions. Its tokens stay, they are the installation's. Throws `AccountError.unknown`,
    /// `.lastAdministrator`.
    func removeAccount(_ id: Int64, by author: Author, at now: UnixTime) async throws

    // MARK: Sessions

    /// Somebody has signed in: keeps the session, the address as known, and the half minute of the code, if one was
    /// used, as used up. Forgets sessions that ended, and the account's oldest beyond a bound. Nil when the account was
    /// disabled, removed or given another password meanwhile, or the code was used meanwhile: then nothing is kept.
    func openSession(_ session: NewSession, at now: UnixTime) async throws -> Int64?
    /// Returns those that there were; each signing out is written into the audit trail.
    func endSessions(_ ids: [Int64], by author: Author, at now: UnixTime) async throws -> [Int64]
    /// All of an account, but `session`. Returns how many. Throws `AccountError.unknown`.
    func endSessions(of account: Int64, keeping session: Int64?, by author: Author, at now: UnixTime)
        async throws -> Int
    /// When a session or token was last used, never backwards; those that are gone are ignored.
    func noteUse(_ use: AccountUse) async throws

    // MARK: Tokens

    /// Returns its number. Throws `AccountError.nameTaken`, `.tooMany`.
    func issueToken(_ token: NewAPIToken, by author: Author, at now: UnixTime) async throws -> Int64
    /// Returns those that there were; they are gone.
    func revokeTokens(_ ids: [Int64], by author: Author, at now: UnixTime) async throws -> [Int64]

    // MARK: Requests

    /// Claims an idempotency key for a request, before it is carried out. Forgets keys older than
    /// `IdempotencyBounds.kept`, and the oldest beyond `IdempotencyBounds`.
    func beginRequest(_ request: IdempotentRequest, at now: UnixTime) async throws -> IdempotencyState
    /// Keeps the answer for whoever asks the same again; nil: the request was not carried out, the key is free again.
    func settleRequest(_ request: IdempotentRequest, _ answer: IdempotentAnswer?) async throws
}

package protocol AccountReading: Sendable {
    /// With a number greater than `after`, by number, at most `limit`.
    func accounts(after: Int64, limit: Int) async throws -> [AccountRecord]
    func account(_ id: Int64) async throws -> AccountRecord?
    func account(named name: AccountName) async throws -> AccountRecord?
    /// What signing in needs to know, and whether the account has signed in from that network before.
    func credentials(named name: AccountName, from network: String) async throws -> AccountCredentials?
    func hasAccounts() async throws -> Bool
    /// With its account; nil when there is none. Also one that has expired.
    func session(_ digest: TokenDigest) async throws -> (session: SessionRecord, account: AccountRecord)?
    /// Of an account, the one used last first.
    func sessions(of account: Int64) async throws -> [SessionRecord]
    /// With a number greater than `after`, by number, at most `limit`.
    func apiTokens(after: Int64, limit: Int) async throws -> [APITokenRecord]
    /// Also one that has expired.
    func apiToken(_ digest: TokenDigest) async throws -> APITokenRecord?
}

/// How much of each there may be. Further ones are refused, or take the place of the oldest.
package enum AccountBounds {
    package static let accounts = 2000
    package static let tokens = 2000
    /// Of one account.
    package static let sessions = 50
    /// Networks of one account that are remembered as known.
    package static let addresses = 20
    /// A network is known for so long after the last sign-in from it.
    package static let addressKept = Duration.seconds(90 * 86_400)
}

/// Why an order makes no sense. Nothing was changed.
package enum AccountError: Error, Hashable, Sendable {
    case unknown
    case nameTaken
    case tooMany
    /// Without it nobody could administer the console any more.
    case lastAdministrator
    /// An administrator whose reach is limited could give themselves all of it.
    case limitedAdministrator
    case wrongSetupToken
}

package struct NewAccount: Hashable, Sendable {
    package var name: AccountName
    package var role: Role
    /// Nil: everything.
    package var reach: Reach?
    /// As `PasswordHash` writes it.
    package var password: String
    package var language: String?

    package init(
        name: AccountName, role: Role, reach: Reach? = nil, password: String, language: String? = nil
    ) {
        self.name = name
        self.role = role
        self.reach = reach
        self.password = password
        self.language = language
    }
}

/// What is nil stays as it is; `.some(nil)` is everything, or the browser's language.
package struct AccountChange: Hashable, Sendable {
    package var role: Role?
    package var reach: Reach??
    package var isDisabled: Bool?
    package var language: String??

    package init(
        role: Role? = nil, reach: Reach?? = nil, isDisabled: Bool? = nil, language: String?? = nil
    ) {
        self.role = role
        self.reach = reach
        self.isDisabled = isDisabled
        self.language = language
    }
}

package struct AccountRecord: Hashable, Sendable {
    package var id: Int64
    package var name: AccountName
    package var role: Role
    /// Nil: everything.
    package var reach: Reach?
    /// Whether signing in takes a one-time code.
    package var usesCodes: Bool
    package var isDisabled: Bool
    package var language: String?
    package var created: UnixTime
    package var lastSignIn: UnixTime?

    package init(
        id: Int64, name: AccountName, role: Role, reach: Reach?, usesCodes: Bool, isDisabled: Bool,
        language: String?, created: UnixTime, lastSignIn: UnixTime?
    ) {
        self.id = id
        self.name = name
        self.role = role
        self.reach = reach
        self.usesCodes = usesCodes
        self.isDisabled = isDisabled
        self.language = language
        self.created = created
        self.lastSignIn = lastSignIn
    }
}

/// Never leaves the program.
package struct AccountCredentials: Hashable, Sendable {
    package var account: AccountRecord
    package var password: String
    package var codes: SealedCodes?
    package var isKnownAddress: Bool

    package init(account: AccountRecord, password: String, codes: SealedCodes?, isKnownAddress: Bool) {
        self.account = account
        self.password = password
        self.codes = codes
        self.isKnownAddress = isKnownAddress
    }
}

package struct SealedCodes: Hashable, Sendable {
    /// For `VaultContext.codes(of:)`.
    package var secret: [UInt8]
    /// The half minute of the code that was used last.
    package var usedStep: Int64

    package init(secret: [UInt8], usedStep: Int64) {
        self.secret = secret
        self.usedStep = usedStep
    }
}

package struct NewSession: Hashable, Sendable {
    package var digest: TokenDigest
    package var account: Int64
    /// The hash that was found right: another one by now means another password.
    package var password: String
    /// The half minute of the code that was brought; nil without codes.
    package var codeStep: Int64?
    package var expires: UnixTime
    /// As the peer has it, for the list of sessions.
    package var address: String
    /// By which the address is known from now on (`SignInThrottle.network`).
    package var network: String
    /// The browser, shortened.
    package var agent: String

    package init(
        digest: TokenDigest, account: Int64, password: String, codeStep: Int64?, expires: UnixTime,
        address: String, network: String, agent: String
    ) {
        self.digest = digest
        self.account = account
        self.password = password
        self.codeStep = codeStep
        self.expires = expires
        self.address = address
        self.network = network
        self.agent = agent
    }
}

package struct SessionRecord: Hashable, Sendable {
    package var id: Int64
    package var account: Int64
    package var created: UnixTime
    package var lastUsed: UnixTime
    package var expires: UnixTime
    package var address: String
    package var agent: String

    package init(
        id: Int64, account: Int64, created: UnixTime, lastUsed: UnixTime, expires: UnixTime, address: String,
        agent: String
    ) {
        self.id = id
        self.account = account
        self.created = created
        self.lastUsed = lastUsed
        self.expires = expires
        self.address = address
        self.agent = agent
    }
}

package enum AccountUse: Hashable, Sendable {
    case session(Int64, at: UnixTime)
    case token(Int64, at: UnixTime)
}

package struct NewAPIToken: Hashable, Sendable {
    package var digest: TokenDigest
    /// One line of 1 to 64 characters; unlike all others there, whatever the letter case.
    package var name: String
    package var scopes: Set<Scope>
    /// Nil: everything.
    package var reach: Reach?
    /// Nil: never.
    package var expires: UnixTime?

    package init(
        digest: TokenDigest, name: String, scopes: Set<Scope>, reach: Reach? = nil, expires: UnixTime? = nil
    ) {
        self.digest = digest
        self.name = name
        self.scopes = scopes
        self.reach = reach
        self.expires = expires
    }
}

package struct APITokenRecord: Hashable, Sendable {
    package var id: Int64
    package var name: String
    package var scopes: Set<Scope>
    package var reach: Reach?
    package var created: UnixTime
    /// Who issued it.
    package var author: Author
    package var expires: UnixTime?
    package var lastUsed: UnixTime?

    package init(
        id: Int64, name: String, scopes: Set<Scope>, reach: Reach?, created: UnixTime, author: Author,
        expires: UnixTime?, lastUsed: UnixTime?
    ) {
        self.id = id
        self.name = name
        self.scopes = scopes
        self.reach = reach
        self.created = created
        self.author = author
        self.expires = expires
        self.lastUsed = lastUsed
    }
}

// MARK: - Idempotency

package enum IdempotencyBounds {
    package static let kept = Duration.seconds(86_400)
    /// In bytes; a longer answer is not kept, its request is known all the same.
    package static let longestAnswer = 64 << 10
    /// Of a key, in bytes.
    package static let longestKey = 200
    /// The oldest of the asker make room.
    package static let perAsker = 500
    /// The oldest of all make room.
    package static let most = 2000
}

package struct IdempotentRequest: Hashable, Sendable {
    /// `Principal.key`.
    package var asker: String
    /// What the client chose, at most `IdempotencyBounds.longestKey` bytes.
    package var key: String
    /// SHA-256 of method, path and body.
    package var hash: TokenDigest

    package init(asker: String, key: String, hash: TokenDigest) {
        self.asker = asker
        self.key = key
        self.hash = hash
    }
}

package struct IdempotentAnswer: Hashable, Sendable {
    /// Of HTTP.
    package var status: Int
    package var contentType: String
    /// Nil: too long, or not to be kept because it shows a secret once.
    package var body: [UInt8]?

    package init(status: Int, contentType: String, body: [UInt8]?) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }
}

package enum IdempotencyState: Hashable, Sendable {
    /// The key is this request's from now on: carry it out, then `settleRequest`.
    case claimed
    /// It was answered so.
    case answered(IdempotentAnswer)
    /// It is being carried out since then; or was, when the program ended in the middle.
    case underWay(since: UnixTime)
    /// The key was used for another request.
    case otherRequest
}
