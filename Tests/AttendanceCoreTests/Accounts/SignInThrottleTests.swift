import Testing

@testable import AttendanceCore

@Suite struct SignInThrottleTests {
    private typealias Attempt = SignInThrottle.Attempt

    private func elsewhere(_ account: String = "ada", _ address: String = "203.0.113.9")
        -> SignInThrottle.Attempt
    {
        Attempt(account: account, address: address, isKnown: false)
    }

    private func atHome(_ address: String = "10.0.0.5") -> SignInThrottle.Attempt {
        Attempt(account: "ada", address: address, isKnown: true)
    }

    /// Fails so often, each as soon as it may; returns the time of the last one.
    private func fail(
        _ throttle: inout SignInThrottle, _ attempt: SignInThrottle.Attempt, times: Int,
        from start: Duration = .zero
    ) -> Duration {
        var now = start
        for _ in 0..<times {
            while let wait = throttle.begin(attempt, at: now) { now += wait }
        }
        return now
    }

    @Test func `the first failures cost nothing, then each one twice the wait, up to five minutes`() {
        var throttle = SignInThrottle()
        for _ in 0..<5 { #expect(throttle.begin(elsewhere(), at: .zero) == nil) }
        var waits: [Int] = []
        var now = Duration.zero
        for _ in 0..<12 {
            #expect(throttle.begin(elsewhere(), at: now) == nil)
            let wait = throttle.begin(elsewhere(), at: now) ?? .zero
            waits.append(Int(wait / .seconds(1)))
            now += wait
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300])
    }

    @Test func `a try that was turned away prolongs nothing`() {
        var throttle = SignInThrottle()
        let now = fail(&throttle, elsewhere(), times: 10)
        let wait = throttle.begin(elsewhere(), at: now)
        for _ in 0..<1000 { #expect(throttle.begin(elsewhere(), at: now) == wait) }
    }

    @Test func `a thousand tries at once get no further than the free ones`() {
        var throttle = SignInThrottle()
        let through = (0..<1000).count { _ in throttle.begin(elsewhere(), at: .zero) == nil }
        #expect(through == 6)
    }

    @Test func `nobody elsewhere keeps the owner out at an address where they have signed in`() {
        var throttle = SignInThrottle()
        var now = Duration.zero
        for round in 0..<3000 {
            _ = throttle.begin(elsewhere("ada", "198.51.\(round / 250).\(round % 250)"), at: now)
            now += .seconds(1)
        }
        #expect(throttle.begin(elsewhere("ada", "192.0.2.1"), at: now) != nil)
        #expect(throttle.begin(atHome(), at: now) == nil)
    }

    @Test func `somebody behind the same address delays the owner by a minute at most`() {
        var throttle = SignInThrottle()
        let now = fail(&throttle, atHome(), times: 100)
        let wait = throttle.begin(atHome(), at: now)
        #expect(wait == .seconds(60))
        #expect(throttle.begin(atHome(), at: now + .seconds(60)) == nil)
    }

    @Test func `guesses for a thousand accounts from one address are slowed by the address`() {
        var throttle = SignInThrottle()
        let through = (0..<1000).count { throttle.begin(elsewhere("user\($0)"), at: .zero) == nil }
        #expect(through == 21)
    }

    @Test func `the addresses of one IPv6 network count as one`() {
        #expect(
            SignInThrottle.network(of: "2001:db8:1:2::7")
                == SignInThrottle.network(of: "2001:db8:1:2:ffff::1"))
        #expect(
            SignInThrottle.network(of: "2001:db8:1:2::7") != SignInThrottle.network(of: "2001:db8:1:3::7"))
        #expect(SignInThrottle.network(of: "::ffff:10.0.0.1") == "10.0.0.1")
        #expect(SignInThrottle.network(of: String(repeating: "x", count: 10_000)).count == 64)
    }

    @Test func `signing in forgets the account's failures and not those of the address`() {
        var throttle = SignInThrottle()
        var now = fail(&throttle, elsewhere("bob"), times: 25)
        while let wait = throttle.begin(elsewhere("ada"), at: now) { now += wait }
        throttle.succeeded(elsewhere("ada"), at: now)
        // The account of somebody's own buys no tries at the passwords of others.
        #expect(throttle.begin(elsewhere("carol"), at: now) != nil)
        #expect(throttle.begin(elsewhere("ada", "192.0.2.77"), at: now) == nil)
    }

    @Test func `a try that is undone counts for nothing`() {
        var throttle = SignInThrottle()
        for _ in 0..<1000 {
            #expect(throttle.begin(elsewhere(), at: .zero) == nil)
            throttle.undo(elsewhere(), at: .zero)
        }
        #expect(throttle.count == 0)
        // And takes nothing from others.
        let now = fail(&throttle, elsewhere(), times: 9)
        let wait = throttle.begin(elsewhere(), at: now)
        throttle.undo(elsewhere("bob", "192.0.2.1"), at: now)
        #expect(throttle.begin(elsewhere(), at: now) == wait)
    }

    @Test func `an hour without a failure forgets those before, and a new password does at once`() {
        var throttle = SignInThrottle()
        let now = fail(&throttle, elsewhere(), times: 12)
        for second in 0..<5 {
            #expect(throttle.begin(elsewhere(), at: now + .seconds(3600 + second)) == nil)
        }
        _ = fail(&throttle, elsewhere(), times: 12, from: now + .seconds(9000))
        throttle.forget(account: "ADA")
        #expect(throttle.begin(elsewhere("ada", "192.0.2.1"), at: now + .seconds(30_000)) == nil)
    }

    @Test func `a flood of names stays within bounds and does not wash out the one under attack`() {
        var rules = SignInThrottle.Rules()
        rules.most = 100
        var throttle = SignInThrottle(rules: rules)
        let now = fail(&throttle, elsewhere(), times: 12)
        for number in 0..<5000 {
            _ = throttle.begin(elsewhere("user\(number)", "10.\(number / 250).0.\(number % 250)"), at: now)
        }
        #expect(throttle.count <= 200)
        #expect(throttle.begin(elsewhere("ada", "192.0.2.1"), at: now) != nil)
    }
}
