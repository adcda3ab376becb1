import AttendanceCore
import AttendanceStore
import Foundation
import Logging
import Synchronization

/// Who may use the console and the API: signing in, sessions, tokens. One for the whole program.
///
/// Nothing here knows HTTP. What somebody may do is `Principal`'s to say; that the one who calls may administer accounts
/// is the caller's to check. Refusals that the asker can mend are thrown as `AccountRefusal`; the store's own errors as
/// `StoreError`. Decision: docs/decisions/0037-accounts.md.
package final class Accounts: Sendable {
    /// For how long a session holds.
    package struct Limits: Hashable, Sendable {
        /// Without a request.
        package var idle: Duration
        /// However busy.
        package var absolute: Duration
        /// Of one token or account, by the API.
        package var requestsPerMinute: Int

        package init(
            idle: Duration = .seconds(12 * 3600), absolute: Duration = .seconds(30 * 86_400),
            requestsPerMinute: Int = 600
        ) {
            self.idle = idle
            self.absolute = absolute
            self.requestsPerMinute = requestsPerMinute
        }
    }

    package struct Surroundings: Sendable {
        /// The wall clock.
        package var now: @Sendable () -> UnixTime
        /// Since any fixed moment of a monotonic clock.
        package var uptime: @Sendable () -> Duration
        /// Of new passwords.
        package var cost: PasswordHash.Cost
        package var throttle: SignInThrottle.Rules

        package init(
            now: @escaping @Sendable () -> UnixTime,
            uptime: @escaping @Sendable () -> Duration = Surroundings.monotonic,
            cost: PasswordHash.Cost = .live, throttle: SignInThrottle.Rules = .init()
        ) {
            self.now = now
            self.uptime = uptime
            self.cost = cost
            self.throttle = throttle
        }

        private static let start = ContinuousClock.now
        package static let monotonic: @Sendable () -> Duration = { start.duration(to: .now) }
    }

    package static let longestTokenName = 64
    /// Of a browser's name for itself, in characters.
    static let longestAgent = 120
    /// What was used is written down so often at most.
    static let noteInterval = Duration.seconds(60)
    /// Between beginning with one-time codes and the first code.
    static let enrolmentTime = Duration.seconds(600)
    static let mostEnrolments = 1000

    let store: any Store
    let vault: Vault
    let surroundings: Surroundings
    let hasher: PasswordHasher
    let logger: Logger
    let cache: PrincipalCache
    private let state: Mutex<State>
    private let refusals: Throttle

    struct State {
        var limits: Limits
        var throttle: SignInThrottle
        /// Secrets that are not confirmed yet, by account.
        var enrolments: [Int64: (secret: [UInt8], began: Duration)] = [:]
        var setupToken: SecretToken?
        /// There is an account: there always will be, since the last administrator stays.
        var hasAccounts = false
    }

    /// Reads nothing yet.
    package init(
        store: any Store, vault: Vault, surroundings: Surroundings, limits: Limits = Limits(), logger: Logger
    ) {
        self.store = store
        self.vault = vault
        self.surroundings = surroundings
        self.logger = logger
        hasher = PasswordHasher(cost: surroundings.cost)
        cache = PrincipalCache()
        state = Mutex(State(limits: limits, throttle: SignInThrottle(rules: surroundings.throttle)))
        refusals = Throttle(burst: 60, perSecond: 1, at: Self.slowed(surroundings.uptime()))
    }

    /// May be changed while running; holds for sessions that there are, too.
    package var limits: Limits {
        get { state.withLock(\.limits) }
        set { state.withLock { $0.limits = newValue } }
    }

    var now: UnixTime { surroundings.now() }

    func withState<Value: Sendable>(_ body: (inout sending State) -> sending Value) -> Value {
        state.withLock(body)
    }

    // MARK: Refusals in the audit trail

    /// Somebody asked for what they may not do: written into the audit trail, unless there are too many.
    ///
    /// - `what`: a method and a path, or the name of a page.
    package func noteRefused(_ principal: Principal, scope: Scope, what: String) async {
        await noteRefusal(
            "access.refused", subject: PlainText.line(what, limit: 200), detail: "needs \(scope.rawValue)",
            by: principal.author)
    }

    /// At most 60 at once and two a minute in the long run: the trail is never shortened, and who guesses passwords must
    /// not fill the disk with it.
    func noteRefusal(_ action: String, subject: String, detail: String, by author: Author) async {
        guard let suppressed = refusals.admit(at: Self.slowed(surroundings.uptime())) else { return }
        let more = suppressed > 0 ? "; \(suppressed) more before it were not written down" : ""
        do {
            try await store.audit(
                AuditEntry(at: now, author: author, action: action, subject: subject, detail: detail + more))
        } catch {
            // What was refused is refused, whether it can be written down or not.
            logger.warning(
                "a refusal could not be written into the audit trail",
                metadata: ["action": "\(action)", "error": "\(error.localizedDescription)"])
        }
    }

    /// For a bucket that counts whole ones a second: a second of it is half a minute.
    private static func slowed(_ time: Duration) -> Duration { time / 30 }

    // MARK: Common

    /// What the store refuses as an `AccountRefusal`.
    func refusable<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as AccountError {
            throw AccountRefusal(of: error)
        } catch is PasswordHasher.Busy {
            throw AccountRefusal(.busy)
        }
    }
}
