/// The limit of the whole site, as `rate_limit` in its configuration sets it: so much server time for each window of
/// the clock. What is over is refused until the window ends.
struct SiteRateLimit: Sendable {
    /// Microseconds of server time.
    let limit: Int
    /// Seconds.
    let window: Int
    /// Microseconds a request, or a document of many, is taken to need.
    let cost: Int

    private var number: Int64 = 0
    private var used = 0

    init(limit: Int, window: Int, cost: Int) {
        self.limit = limit
        self.window = max(1, window)
        self.cost = cost
    }

    /// Enters the window of a moment (seconds since 1970 UTC).
    mutating func check(at seconds: Int64) throws(SiteError) {
        if seconds / Int64(window) != number {
            number = seconds / Int64(window)
            used = 0
        }
        if used > limit { throw SiteError.siteLimit(reset: reset(at: seconds), limit: limit) }
    }

    mutating func spend(documents: Int) { used += cost * max(1, documents) }

    /// What every answer that was not refused carries.
    func headers(at seconds: Int64) -> [(String, String)] {
        [
            ("X-RateLimit-Reset", "\(reset(at: seconds))"), ("X-RateLimit-Limit", "\(limit)"),
            ("X-RateLimit-Remaining", "\(max(0, limit - used) / 1_000_000 * 1_000_000)"),
            ("X-RateLimit-Used", "\(cost)"),
        ]
    }

    private func reset(at seconds: Int64) -> Int { window - Int(seconds % Int64(window)) }
}
