/// How many messages a peer may send: `burst` at once, `perSecond` in the long run. A value without a clock.
package struct TokenBucket: Hashable, Sendable {
    package let burst: Double
    package let perSecond: Double
    private var tokens: Double
    private var last: Duration

    package init(burst: Int, perSecond: Int, at now: Duration) {
        self.burst = Double(burst)
        self.perSecond = Double(perSecond)
        tokens = Double(burst)
        last = now
    }

    /// Takes one if there is one; otherwise nothing changes.
    package mutating func takeNow(at now: Duration) -> Bool {
        refill(at: now)
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// Takes one. Returns how long to wait first: zero while the burst lasts.
    package mutating func take(at now: Duration) -> Duration {
        refill(at: now)
        tokens -= 1
        return tokens >= 0 ? .zero : .milliseconds(Int64((-tokens / perSecond * 1000).rounded(.up)))
    }

    private mutating func refill(at now: Duration) {
        let elapsed = max(.zero, now - last)
        tokens = min(burst, tokens + elapsed / .seconds(1) * perSecond)
        last = now
    }
}
