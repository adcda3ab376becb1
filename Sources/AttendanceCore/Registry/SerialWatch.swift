/// From where one serial number has come, and whether two terminals hold it. A value without a clock.
package struct SerialWatch: Hashable, Sendable {
    private struct Move: Hashable {
        var at: UnixTime
        var isJump: Bool
    }
    private struct Contest: Hashable {
        var at: UnixTime
        var weight: Int
    }

    package static let day = Duration.seconds(86_400)
    /// Two that hold one serial replace each other again and again: that long is looked back.
    package static let contestWindow = Duration.seconds(600)
    /// A replaced connection that was heard of within so long was alive; one that was not is what a terminal leaves
    /// behind after it lost its network.
    package static let alive = Duration.seconds(60)
    /// Three times from different addresses, or six times from the same.
    package static let contested = 6

    private static let kept = 64

    private var moves: [Move] = []
    private var contests: [Contest] = []

    package init() {}

    /// The terminal has registered from another address than before.
    package mutating func moved(isJump: Bool, at now: UnixTime) {
        moves.removeAll { now - $0.at > Self.day }
        if moves.count == Self.kept { moves.removeFirst() }
        moves.append(Move(at: now, isJump: isJump))
    }

    /// A connection took the place of another one of the same serial.
    /// - `lastHeard`: when anything was last heard on the one that was replaced.
    package mutating func replaced(lastHeard: UnixTime?, isSameAddress: Bool, at now: UnixTime) {
        guard let lastHeard, now - lastHeard <= Self.alive else { return }
        contests.removeAll { now - $0.at > Self.contestWindow }
        if contests.count == Self.kept { contests.removeFirst() }
        contests.append(Contest(at: now, weight: isSameAddress ? 1 : 2))
    }

    /// Changes of address within the last day.
    package func moves(at now: UnixTime) -> Int { moves.count { now - $0.at <= Self.day } }

    /// Those of them from one network to another.
    package func jumps(at now: UnixTime) -> Int { moves.count { $0.isJump && now - $0.at <= Self.day } }

    /// How strongly it looks as if two held the serial; from `contested` on it is said.
    package func contest(at now: UnixTime) -> Int {
        contests.reduce(0) { now - $1.at <= Self.contestWindow ? $0 + $1.weight : $0 }
    }
}

extension NetworkAddress {
    /// Whether both are probably of one network, between which a terminal may move by itself (DHCP, NAT): /16 of
    /// private IPv4 addresses, /24 of public ones, /48 of IPv6.
    package func isNear(_ other: NetworkAddress) -> Bool {
        guard isIPv4 == other.isIPv4 else { return false }
        if isLoopback, other.isLoopback { return true }
        guard isIPv4 else { return bits >> 80 == other.bits >> 80 }
        let host: UInt128 = isPrivate && other.isPrivate ? 16 : 8
        return bits >> host == other.bits >> host
    }

    private var isPrivate: Bool {
        let first = (bits >> 24) & 0xFF
        let second = (bits >> 16) & 0xFF
        switch first {
        case 10: return true
        case 100: return (64..<128).contains(second)
        case 169: return second == 254
        case 172: return (16..<32).contains(second)
        case 192: return second == 168
        default: return false
        }
    }

    /// The same for texts; two that are no addresses are near when they are the same.
    package static func areNear(_ a: String, _ b: String) -> Bool {
        guard let first = NetworkAddress(a), let second = NetworkAddress(b) else { return a == b }
        return first.isNear(second)
    }

    /// What is counted as one source: the address, or the /64 of an IPv6 address, in which a peer has all it wants.
    package static func source(of text: String) -> String {
        guard let address = NetworkAddress(text), !address.isIPv4 else { return text }
        return NetworkAddress(bits: (address.bits >> 64) << 64, isIPv4: false).description
    }
}
