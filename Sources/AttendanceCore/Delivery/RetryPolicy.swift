/// How long a punch waits after a failed attempt: the first delay, doubled each time up to a ceiling, spread by jitter.
package struct RetryPolicy: Hashable, Sendable {
    /// Wait after the first failed attempt (`RetryDelaySec`). Never used below `shortest`.
    package var first: Duration
    /// The longest wait before jitter.
    package var ceiling: Duration
    /// How far a wait is spread, as a share of it: 0.2 is +-20 %. Also spreads waits at the ceiling.
    package var jitter: Double

    /// A delay of nought would be a busy loop against somebody else's server.
    package static let shortest: Duration = .milliseconds(50)

    package init(first: Duration = .seconds(5), ceiling: Duration = .seconds(900), jitter: Double = 0.2) {
        self.first = first
        self.ceiling = ceiling
        self.jitter = jitter
    }

    /// - Parameters:
    ///   - attempt: attempts that ended so far; anything below 1 counts as 1.
    ///   - random: -1...1, where 0 means no jitter; anything outside is cut off.
    package func delay(afterAttempt attempt: Int, random: Double) -> Duration {
        spread(base(afterAttempt: attempt), random)
    }

    /// How long it takes until the given number of attempts has failed, each failing at once: the time after which a
    /// punch that could not even be tried is called failed so far.
    package func time(ofAttempts attempts: Int) -> Duration {
        guard attempts > 1 else { return .zero }
        var total = Duration.zero
        for attempt in 1..<min(attempts, 1000) { total += base(afterAttempt: attempt) }
        return total
    }

    private func base(afterAttempt attempt: Int) -> Duration {
        var delay = max(first, Self.shortest)
        for _ in 1..<max(2, min(attempt, 64)) where attempt > 1 && delay < ceiling { delay *= 2 }
        return min(delay, max(ceiling, Self.shortest))
    }

    private func spread(_ delay: Duration, _ random: Double) -> Duration {
        let random = random.isFinite ? min(max(random, -1), 1) : 0
        return delay * (1 + min(max(jitter, 0), 1) * random)
    }
}
