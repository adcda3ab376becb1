/// Whether a peer still lives, decided from what was heard and when. A value without a clock: time is passed in.
///
/// Any inbound byte counts as life (docs/protocol.md §3.3). After `pingInterval` of silence a ping is sent, and again
/// each further interval; after `silenceLimit` the connection is given up. Before the first message a shorter patience
/// holds (§12).
package struct Liveness: Hashable, Sendable {
    package struct Limits: Hashable, Sendable {
        package var pingInterval: Duration
        package var silenceLimit: Duration
        package var firstMessage: Duration

        package init(
            pingInterval: Duration = .seconds(20), silenceLimit: Duration = .seconds(90),
            firstMessage: Duration = .seconds(60)
        ) {
            self.pingInterval = pingInterval
            self.silenceLimit = silenceLimit
            self.firstMessage = firstMessage
        }
    }

    package enum Step: Hashable, Sendable {
        case wait
        case ping
        case giveUp(Reason)
    }

    package enum Reason: String, Hashable, Sendable {
        case noFirstMessage = "no message since the handshake"
        case silent = "silent, pings unanswered"
    }

    private let opened: Duration
    private var heard: Duration
    private var pinged: Duration?
    private var hasSpoken = false

    /// Times are durations since any fixed moment of a monotonic clock.
    package init(openedAt now: Duration) {
        opened = now
        heard = now
    }

    /// Bytes came in: a frame of any kind, or part of one.
    package mutating func heard(at now: Duration) {
        heard = now
        pinged = nil
    }

    /// A whole message came in.
    package mutating func spoke() { hasSpoken = true }

    /// To be asked at least every `pingInterval`.
    package mutating func step(at now: Duration, limits: Limits) -> Step {
        if !hasSpoken, now - opened >= limits.firstMessage { return .giveUp(.noFirstMessage) }
        if now - heard >= limits.silenceLimit { return .giveUp(.silent) }
        if now - (pinged ?? heard) >= limits.pingInterval {
            pinged = now
            return .ping
        }
        return .wait
    }
}
