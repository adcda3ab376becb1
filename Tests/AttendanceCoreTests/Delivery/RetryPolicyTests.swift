import AttendanceCore
import Testing

@Suite struct RetryPolicyTests {
    @Test(arguments: [
        (attempt: 1, seconds: 5), (2, 10), (3, 20), (8, 640), (9, 900), (10_000, 900), (0, 5), (-7, 5),
        (.max, 900),
    ])
    func `waits twice as long each time, up to the ceiling`(attempt: Int, seconds: Int) {
        #expect(RetryPolicy().delay(afterAttempt: attempt, random: 0) == .seconds(seconds))
    }

    @Test(arguments: [(random: 1.0, seconds: 6.0), (-1, 4), (0.5, 5.5), (99, 6), (-99, 4), (.nan, 5)])
    func `spreads a wait by at most a fifth`(random: Double, seconds: Double) {
        let delay = RetryPolicy().delay(afterAttempt: 1, random: random)
        #expect(abs((delay - .seconds(seconds)) / .seconds(1)) < 1e-6)
    }

    @Test func `a first delay of nought does not make a busy loop`() {
        let policy = RetryPolicy(first: .zero)
        #expect(policy.delay(afterAttempt: 1, random: 0) == RetryPolicy.shortest)
        #expect(RetryPolicy(first: .seconds(-1)).delay(afterAttempt: 1, random: -1) > .zero)
    }

    @Test(arguments: [(attempts: 1, seconds: 0), (3, 15), (4, 35), (0, 0)])
    func `tells how long so many attempts take`(attempts: Int, seconds: Int) {
        #expect(RetryPolicy().time(ofAttempts: attempts) == .seconds(seconds))
    }
}
