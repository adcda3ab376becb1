import AttendanceCore
import AttendanceStore
import Synchronization

/// Who is behind a session or token, in memory, so that a request costs no read. Bounded: when it is full it begins
/// anew.
final class PrincipalCache: Sendable {
    struct Entry: Sendable {
        var principal: Principal
        /// Of a session; nil: of a token.
        var created: UnixTime?
        /// Nil: never.
        var expires: UnixTime?
        var lastUsed: UnixTime
        /// What of `lastUsed` stands in the store.
        var written: UnixTime

        /// Whether it holds no more.
        func isOver(at now: UnixTime, _ limits: Accounts.Limits) -> Bool {
            if let expires, now >= expires { return true }
            guard let created else { return false }
            return now >= created + limits.absolute || now - lastUsed >= limits.idle
        }
    }

    private static let most = 10_000

    private struct State {
        var entries: [TokenDigest: Entry] = [:]
        /// Counts what was forgotten: what was read before that is not put in after it.
        var generation = 0
    }
    private let state = Mutex(State())

    /// To be taken before the store is read.
    var generation: Int { state.withLock(\.generation) }

    func put(_ entry: Entry, for digest: TokenDigest, readAt generation: Int) {
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.entries.count >= Self.most { state.entries.removeAll(keepingCapacity: true) }
            state.entries[digest] = entry
        }
    }

    enum Found: Sendable {
        case unknown
        case over
        /// With what is to be written down, if it is time again.
        case known(Principal, AccountUse?)
    }

    func find(_ digest: TokenDigest, at now: UnixTime, _ limits: Accounts.Limits, isActivity: Bool) -> Found {
        state.withLock { state in
            guard var entry = state.entries[digest] else { return .unknown }
            guard !entry.isOver(at: now, limits) else {
                state.entries[digest] = nil
                return .over
            }
            guard isActivity, now > entry.lastUsed else { return .known(entry.principal, nil) }
            entry.lastUsed = now
            var use: AccountUse?
            if now - entry.written >= Accounts.noteInterval {
                entry.written = now
                use =
                    entry.principal.session.map { .session($0, at: now) }
                    ?? .token(entry.principal.id, at: now)
            }
            state.entries[digest] = entry
            return .known(entry.principal, use)
        }
    }

    /// After the commit that changed something about them.
    func forget(_ isMeant: (Principal) -> Bool) {
        state.withLock { state in
            state.generation += 1
            state.entries = state.entries.filter { !isMeant($0.value.principal) }
        }
    }
}
