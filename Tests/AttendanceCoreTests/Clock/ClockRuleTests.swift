import AttendanceCore
import Testing

@Suite struct ClockRuleTests {
    private static let now = UnixTime(seconds: 1_000_000)
    private let told = ClockRule(limit: .seconds(60), sendsClock: true)
    private let untold = ClockRule(limit: .seconds(60), sendsClock: false)

    private func facts(
        _ skew: Int, unread: Int? = 0, wrongFor: Int = 0, readings: Int = 1, lastStep: Int? = nil,
        useless: Int = 0
    ) -> ClockRule.Facts {
        ClockRule.Facts(
            skew: skew, unread: unread, wrongSince: Self.now + .seconds(-wrongFor), wrongReadings: readings,
            lastStep: lastStep.map { Self.now + .seconds(-$0) }, uselessSteps: useless)
    }

    @Test func `a clock within the limit is left alone`() {
        for skew in [-60, 0, 60] {
            #expect(untold.verdict(facts(skew), at: Self.now) == .leave)
        }
        #expect(untold.verdict(facts(61), at: Self.now) == .set(crosses: false))
        #expect(untold.verdict(facts(-61), at: Self.now) == .set(crosses: false))
        #expect(untold.verdict(facts(.min), at: Self.now) == .set(crosses: false))
        #expect(
            ClockRule(limit: nil, sendsClock: false).verdict(facts(9_999), at: Self.now) == .leave)
    }

    @Test func `telling the time is tried first`() {
        #expect(told.verdict(facts(300), at: Self.now) == .watch)
        #expect(told.verdict(facts(300, readings: 2), at: Self.now) == .set(crosses: false))
    }

    @Test func `a step back waits for unread punches, a step forward does not`() {
        #expect(untold.verdict(facts(-300, unread: 50), at: Self.now) == .set(crosses: false))
        #expect(untold.verdict(facts(300, unread: 50), at: Self.now) == .waitForPunches)
        #expect(untold.verdict(facts(300, unread: nil), at: Self.now) == .waitForPunches)
        #expect(
            untold.verdict(facts(300, unread: 50, wrongFor: 3_599), at: Self.now) == .waitForPunches)
        #expect(
            untold.verdict(facts(300, unread: 50, wrongFor: 3_600), at: Self.now) == .set(crosses: true))
        #expect(untold.verdict(facts(300, unread: 0), at: Self.now) == .set(crosses: false))
    }

    @Test func `never in a loop`() {
        #expect(untold.verdict(facts(300, lastStep: 3_599), at: Self.now) == .rest)
        #expect(untold.verdict(facts(300, lastStep: 3_600), at: Self.now) == .set(crosses: false))
        #expect(untold.verdict(facts(300, lastStep: 3_600, useless: 3), at: Self.now) == .rest)
        #expect(
            untold.verdict(facts(300, lastStep: 86_400, useless: 3), at: Self.now) == .set(crosses: false))
        // Whatever the readings, at most 24 steps a day.
        var steps = 0
        var last: UnixTime?
        for second in stride(from: 0, to: 86_400, by: 20) {
            let now = Self.now + .seconds(second)
            let facts = ClockRule.Facts(
                skew: second % 40 == 0 ? 400 : -400, unread: 0, wrongSince: Self.now, wrongReadings: 9,
                lastStep: last)
            if case .set = told.verdict(facts, at: now) {
                steps += 1
                last = now
            }
        }
        #expect(steps <= 24)
    }
}
