/// Whether a peer still lives, decided from what was heard and when. A value without a clock: time is passed in.
///
/// Any inbound byte counts as life (docs/protocol.md §3.3). After `pingInterval` of silence a ping is sent, and again
/// each further interval; after `silenceLimit` the connection is given up. Before the first message a shorter patience
/// holds (§12), and a message that has begun must be whole in time: a peer that sends a byte now and then would hold
/// its memory for ever.
package struct Liveness: Hashable, Sendable {
    package struct Limits: Hashable, Sendable {
        package var pingInterval: Duration
        package var silenceLimit: Duration
        package var firstMessage: Duration
        /// From the first byte of a message to its last; in five minutes 8 MiB come over a line of 230 kbit/s.
        package var wholeMessage: Duration

        package init(
            pingInterval: Duration = .seconds(20), silenceLimit: Duration = .seconds(90),
            firstMessage: Duration = .seconds(60), wholeMessage: Duration = .seconds(300)
        ) {
            self.pingInterval = pingInterval
            self.silenceLimit = silenceLimit
            self.firstMessage = firstMessage
            self.wholeMessage = wholeMessage
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
        case unfinished = "a message took too long to come"
    }

    private let opened: Duration
    private var heard: Duration
    private var pinged: Duration?
    /// Since when bytes have come that are not yet known to be a whole message or frame.
    private var begun: Duration?
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
        begun = begun ?? now
    }

    /// A whole message came in.
    package mutating func spoke() {
        hasSpoken = true
        begun = nil
    }

    /// What came in was a ping or the like, and no message is under way.
    package mutating func settled() { begun = nil }

    /// To be asked at least every `pingInterval`.
    package mutating func step(at now: Duration, limits: Limits) -> Step {
        if !hasSpoken, now - opened >= limits.firstMessage { return .giveUp(.noFirstMessage) }
        if now - heard >= limits.silenceLimit { return .giveUp(.silent) }
        if let begun, now - begun >= limits.wholeMessage { return .giveUp(.unfinished) }
        if now - (pinged ?? heard) >= limits.pingInterval {
            pinged = now
            return .ping
        }
        return .wait
    }
}
