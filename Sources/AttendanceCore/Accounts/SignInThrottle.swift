/// How fast passwords may be tried. A value without a clock; times are durations since any fixed moment of a monotonic
/// clock.
///
/// Failures are counted by account, by address, and by account from an address where it has signed in before. The
/// first few cost nothing; then each one doubles the wait, up to a ceiling, and an hour without one forgets them.
///
/// - A **known** pair of account and address is bound by its own failures alone. So nobody elsewhere can keep its
///   owner out, however long and from however many addresses they try; and somebody behind the same address can delay
///   them by a minute at most.
/// - From elsewhere both the account's and the address's failures hold: guesses spread over a thousand addresses are
///   slowed by the account's, guesses of one password for a thousand accounts by the address's.
/// - A try that was turned away counts for nothing and so prolongs nothing.
/// - A try counts as failed from its beginning: a thousand at once get no further than one after the other.
///
/// Names that no account has are counted like others, so that a wait tells nothing.
package struct SignInThrottle: Sendable {
    package struct Rule: Hashable, Sendable {
        /// Failures that cost nothing.
        package var free: Int
        /// The wait after the first that does.
        package var first: Duration
        package var longest: Duration

        package init(free: Int, first: Duration, longest: Duration) {
            self.free = free
            self.first = first
            self.longest = longest
        }

        /// After so many failures in a row.
        func wait(after failures: Int) -> Duration {
            guard failures > free else { return .zero }
            return min(longest, first * (1 << min(failures - free - 1, 20)))
        }
    }

    package struct Rules: Hashable, Sendable {
        package var account = Rule(free: 5, first: .seconds(1), longest: .seconds(300))
        package var address = Rule(free: 20, first: .seconds(1), longest: .seconds(900))
        package var known = Rule(free: 10, first: .seconds(1), longest: .seconds(60))
        /// Without a failure for so long, those before are forgotten. Longer than the longest wait.
        package var memory: Duration = .seconds(3600)
        /// Accounts, addresses and pairs that are remembered, each.
        package var most = 10_000

        package init() {}
    }

    /// Who tries, from where.
    package struct Attempt: Hashable, Sendable {
        fileprivate let keys: [Key]

        /// - Parameters:
        ///   - account: what was typed; any text.
        ///   - address: without its port; any text.
        ///   - isKnown: whether the account has signed in from there before.
        package init(account: String, address: String, isKnown: Bool) {
            let account = String(account.trimmingBlanks().lowercased().prefix(64))
            let network = SignInThrottle.network(of: address)
            keys = isKnown ? [.pair(account, network)] : [.account(account), .address(network)]
        }
    }

    fileprivate enum Key: Hashable, Sendable {
        case account(String)
        case address(String)
        case pair(String, String)
    }

    private struct Mark: Sendable {
        var failures = 0
        /// Nothing is let through before.
        var until: Duration
        var last: Duration
    }

    package let rules: Rules
    private var accounts: [Key: Mark] = [:]
    private var addresses: [Key: Mark] = [:]
    private var pairs: [Key: Mark] = [:]

    package init(rules: Rules = Rules()) { self.rules = rules }

    /// Begins a try and counts it as failed; or says how long to wait, and counts nothing.
    package mutating func begin(_ attempt: Attempt, at now: Duration) -> Duration? {
        let wait = attempt.keys.map { max(.zero, (mark($0, at: now)?.until ?? now) - now) }.max() ?? .zero
        guard wait <= .zero else { return wait }
        for key in attempt.keys {
            var mark = mark(key, at: now) ?? Mark(until: now, last: now)
            mark.failures = min(mark.failures + 1, 1_000_000)
            mark.until = now + rule(of: key).wait(after: mark.failures)
            mark.last = now
            put(mark, for: key, at: now)
        }
        return nil
    }

    /// The password was right: the account's failures are forgotten. Those of the address are not, only this try: else
    /// somebody with an account of their own could try the passwords of others for ever.
    package mutating func succeeded(_ attempt: Attempt, at now: Duration) {
        for key in attempt.keys {
            if case .address = key { takeBack(key, at: now) } else { self[key] = nil }
        }
    }

    /// This try was neither right nor wrong, such as one that was asked for a code: as if it had not been.
    package mutating func undo(_ attempt: Attempt, at now: Duration) {
        for key in attempt.keys { takeBack(key, at: now) }
    }

    /// Forgets the failures of an account, everywhere: it has a new password.
    package mutating func forget(account: String) {
        let account = String(account.trimmingBlanks().lowercased().prefix(64))
        self[.account(account)] = nil
        pairs = pairs.filter { if case .pair(account, _) = $0.key { false } else { true } }
    }

    /// What an address is counted as: an IPv4 address by itself, an IPv6 one by its network of 64 bits, since whoever
    /// has one address of it has them all.
    package static func network(of address: String) -> String {
        guard let known = NetworkAddress(address[...]) else { return String(address.prefix(64)) }
        if known.isIPv4 { return known.description }
        return NetworkAddress(bits: (known.bits >> 64) << 64, isIPv4: false).description + "/64"
    }

    // MARK: -

    private func mark(_ key: Key, at now: Duration) -> Mark? {
        guard let mark = self[key], now - mark.last < rules.memory else { return nil }
        return mark
    }

    private mutating func takeBack(_ key: Key, at now: Duration) {
        guard var mark = mark(key, at: now) else { return }
        mark.failures -= 1
        // Of others that failed meanwhile the wait stays.
        mark.until = min(mark.until, mark.last + rule(of: key).wait(after: mark.failures))
        self[key] = mark.failures > 0 ? mark : nil
    }

    private func rule(of key: Key) -> Rule {
        switch key {
        case .account: rules.account
        case .address: rules.address
        case .pair: rules.known
        }
    }

    private subscript(key: Key) -> Mark? {
        get {
            switch key {
            case .account: accounts[key]
            case .address: addresses[key]
            case .pair: pairs[key]
            }
        }
        set {
            switch key {
            case .account: accounts[key] = newValue
            case .address: addresses[key] = newValue
            case .pair: pairs[key] = newValue
            }
        }
    }

    private mutating func put(_ mark: Mark, for key: Key, at now: Duration) {
        if self[key] == nil {
            switch key {
            case .account: makeRoom(in: &accounts, at: now)
            case .address: makeRoom(in: &addresses, at: now)
            case .pair: makeRoom(in: &pairs, at: now)
            }
        }
        self[key] = mark
    }

    /// First those that are forgotten anyhow; then a tenth, those with the fewest failures first: a flood of names must
    /// not wash out the one that is being attacked.
    private func makeRoom(in marks: inout [Key: Mark], at now: Duration) {
        guard marks.count >= rules.most else { return }
        marks = marks.filter { now - $0.value.last < rules.memory }
        guard marks.count >= rules.most else { return }
        let order = marks.sorted { ($0.value.failures, $0.value.last) < ($1.value.failures, $1.value.last) }
        for entry in order.prefix(max(1, rules.most / 10)) { marks[entry.key] = nil }
    }

    /// How many are remembered, of all kinds.
    package var count: Int { accounts.count + addresses.count + pairs.count }
}
