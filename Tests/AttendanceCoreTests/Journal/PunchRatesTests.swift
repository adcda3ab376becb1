import AttendanceCore
import Testing

@Suite("Rates") struct PunchRatesTests {
    /// 2026-03-02 08:00:00 UTC.
    private static let now = UnixTime(seconds: 1_772_438_400)

    private func ago(_ seconds: Int64) -> UnixTime { UnixTime(seconds: Self.now.seconds - seconds) }

    @Test func `counts by minute, hour and day, the running one last`() {
        var rates = PunchRates()
        rates.add(3, at: Self.now)
        rates.add(2, at: ago(1))
        rates.add(5, at: ago(60 * 59))
        rates.add(7, at: ago(60 * 60))
        rates.add(11, at: ago(47 * 3_600))
        rates.add(13, at: ago(29 * 86_400))
        rates.add(0, at: ago(5))
        #expect(rates.perMinute(until: Self.now).count == 60)
        #expect(rates.perMinute(until: Self.now, count: 2) == [2, 3])
        #expect(rates.perMinute(until: Self.now).first == 5)
        #expect(rates.perMinute(until: Self.now).reduce(0, +) == 10)
        #expect(rates.perHour(until: Self.now, count: 3) == [0, 14, 3])
        #expect(rates.perHour(until: Self.now).first == 11)
        let days = rates.perDay(until: Self.now)
        #expect(days.count == 30 && days.last == 17 && days.first == 13 && days[27] == 11)
    }

    /// Received at half past seven, looked at eight.
    @Test(arguments: [
        (0, [0, 4]), (19_800, [0, 4]), (-27_000, [0, 4]), (-27_900, [4, 0]), (-28_800, [4, 0]),
    ])
    func `a day is the zone's own`(offset: Int, days: [Int]) {
        var rates = PunchRates()
        rates.add(4, at: ago(1_800))
        #expect(rates.perDay(until: Self.now, offset: offset, count: 2) == days)
    }

    @Test func `what is too old is not counted, and an hour of a clock that was wrong does no harm`() {
        var rates = PunchRates()
        rates.add(1, at: Self.now)
        rates.add(9, at: ago(33 * 86_400))
        rates.add(9, at: UnixTime(seconds: 0))
        rates.add(9, at: UnixTime(seconds: -5))
        #expect(rates.perDay(until: Self.now).reduce(0, +) == 1)
        #expect(rates.perMinute(until: Self.now).reduce(0, +) == 1)
        rates.add(4, at: UnixTime(seconds: Self.now.seconds + 400 * 86_400))
        rates.add(2, at: Self.now + .seconds(60))
        #expect(rates.perMinute(until: Self.now + .seconds(60), count: 1) == [2])
    }

    @Test func `two counts make one`() {
        var a = PunchRates()
        var b = PunchRates()
        a.add(2, at: Self.now)
        b.add(3, at: Self.now)
        b.add(4, at: ago(7_200))
        a.add(b)
        #expect(a.perMinute(until: Self.now, count: 1) == [5])
        #expect(a.perHour(until: Self.now, count: 3) == [4, 0, 5])
    }

    @Test func `asks for more than there is, or nothing, are cut`() {
        let rates = PunchRates()
        #expect(rates.perMinute(until: Self.now, count: 0).count == 1)
        #expect(rates.perHour(until: Self.now, count: 10_000).count == 48)
        #expect(rates.perDay(until: Self.now, offset: .max, count: 10_000).count == 30)
    }
}
