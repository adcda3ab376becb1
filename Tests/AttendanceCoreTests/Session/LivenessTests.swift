import Testing

@testable import AttendanceCore

@Suite struct `The pulse of a peer` {
    private let limits = Liveness.Limits(
        pingInterval: .seconds(20), silenceLimit: .seconds(90), firstMessage: .seconds(60))

    @Test func `pings after each interval of silence and gives up after the limit`() {
        var pulse = Liveness(openedAt: .zero)
        pulse.spoke()
        var steps: [Int: Liveness.Step] = [:]
        for second in stride(from: 5, through: 95, by: 5) {
            let step = pulse.step(at: .seconds(second), limits: limits)
            if step != .wait { steps[second] = step }
        }
        #expect(
            steps == [20: .ping, 40: .ping, 60: .ping, 80: .ping, 90: .giveUp(.silent), 95: .giveUp(.silent)])
    }

    @Test func `takes any inbound byte as life`() {
        var pulse = Liveness(openedAt: .zero)
        pulse.spoke()
        #expect(pulse.step(at: .seconds(20), limits: limits) == .ping)
        pulse.heard(at: .seconds(21))
        #expect(pulse.step(at: .seconds(40), limits: limits) == .wait)
        #expect(pulse.step(at: .seconds(41), limits: limits) == .ping)
        #expect(pulse.step(at: .seconds(110), limits: limits) == .ping)
        #expect(pulse.step(at: .seconds(111), limits: limits) == .giveUp(.silent))
    }

    @Test func `wants a message that has begun to come to its end`() {
        var pulse = Liveness(openedAt: .zero)
        pulse.spoke()
        var last = Liveness.Step.wait
        for second in 1...320 where last != .giveUp(.unfinished) {
            pulse.heard(at: .seconds(second))
            if second == 10 { pulse.spoke() }
            if second == 15 { pulse.settled() }
            last = pulse.step(at: .seconds(second), limits: limits)
            #expect(last == (second < 316 ? .wait : .giveUp(.unfinished)))
        }
        #expect(last == .giveUp(.unfinished))
    }

    @Test func `has less patience before the first message, however lively the bytes`() {
        var pulse = Liveness(openedAt: .zero)
        pulse.heard(at: .seconds(59))
        #expect(pulse.step(at: .seconds(59), limits: limits) == .wait)
        #expect(pulse.step(at: .seconds(60), limits: limits) == .giveUp(.noFirstMessage))
    }
}

@Suite struct `A token bucket` {
    @Test func `lets a burst through and then holds the pace`() {
        var bucket = TokenBucket(burst: 3, perSecond: 10, at: .zero)
        #expect((0..<3).map { _ in bucket.take(at: .zero) } == [.zero, .zero, .zero])
        #expect(bucket.take(at: .zero) == .milliseconds(100))
        #expect(bucket.take(at: .milliseconds(100)) == .milliseconds(100))
        #expect(bucket.take(at: .seconds(10)) == .zero)
    }

    @Test func `saves up no more than its burst, and never trusts a clock that went back`() {
        var bucket = TokenBucket(burst: 2, perSecond: 1, at: .seconds(100))
        #expect(bucket.take(at: .seconds(1000)) == .zero)
        #expect(bucket.take(at: .seconds(1000)) == .zero)
        #expect(bucket.take(at: .seconds(900)) == .seconds(1))
    }
}

@Suite struct `A throttle` {
    @Test func `lets the first lines through, counts what it keeps back, and tells it with the next`() {
        let throttle = Throttle(burst: 2, perSecond: 1, at: .zero)
        #expect(throttle.admit(at: .zero) == 0)
        #expect(throttle.admit(at: .zero) == 0)
        for _ in 0..<1000 { #expect(throttle.admit(at: .milliseconds(500)) == nil) }
        #expect(throttle.admit(at: .seconds(1)) == 1000)
        #expect(throttle.admit(at: .seconds(1)) == nil)
        #expect(throttle.admit(at: .seconds(60)) == 1)
    }
}
