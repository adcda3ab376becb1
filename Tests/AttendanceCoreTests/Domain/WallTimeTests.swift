import Foundation
import Testing

@testable import AttendanceCore

@Suite struct `Wall times` {
    @Test(arguments: [
        ("2026-11-22 08:01:09", "2026-11-22 08:01:09"), ("2026-1-2 3:4:5", "2026-01-02 03:04:05"),
        ("2026/11/22 08:01:09", "2026-11-22 08:01:09"), ("2026.11.22 08:01:09", "2026-11-22 08:01:09"),
        ("2026-11-22T08:01:09", "2026-11-22 08:01:09"), ("2026-11-22 08:01", "2026-11-22 08:01:00"),
        ("2026-11-22 08:01:09.123", "2026-11-22 08:01:09"),
        (" 2026-11-22  08:01:09 \0", "2026-11-22 08:01:09"),
        ("2024-02-29 23:59:59", "2024-02-29 23:59:59"), ("0001-01-01 00:00:00", "0001-01-01 00:00:00"),
        ("9999-12-31 23:59:59", "9999-12-31 23:59:59"), ("2000-02-29 00:00:00", "2000-02-29 00:00:00"),
    ])
    func `is read as`(_ text: String, _ canonical: String) {
        #expect(WallTime(text)?.description == canonical)
    }

    @Test(arguments: [
        "", " ", "2026", "2026-11-22", "08:01:09", "2026-11-22 ", "2026-11-22 8", "26-11-22 08:01:09",
        "22-11-2026 08:01:09", "2026-13-01 00:00:00", "2026-00-01 00:00:00", "2026-11-00 00:00:00",
        "2026-11-31 00:00:00", "2026-02-29 00:00:00", "1900-02-29 00:00:00", "0000-00-00 00:00:00",
        "0000-01-01 00:00:00", "2026-11-22 24:00:00", "2026-11-22 23:60:00", "2026-11-22 23:59:60",
        "2026-11-22T08:01:09Z", "2026-11-22 08:01:09+01:00", "2026-11-22 08:01:09 PM", "2026-11-22 08:01:",
        "2026-11-22 08:01:09.", "2026-11-22-08:01:09", "2026-11-22 08.01.09", "20261122080109", "1763798469",
        "2026-11-22 -8:01:09", "12026-11-22 08:01:09", "2026-111-22 08:01:09", "２０２６-11-22 08:01:09",
    ])
    func `is no time`(_ text: String) {
        #expect(WallTime(text) == nil)
    }

    @Test func `every day there is comes back from its text and its parts`() {
        var previous = WallTime(year: 1, month: 1, day: 1)!.seconds / 86_400 - 1
        for year in 1...9999 {
            for month in 1...12 where year % 97 == 0 || (1995...2105).contains(year) || month == 2 {
                for day in 1...31 {
                    guard
                        let time = WallTime(
                            year: year, month: month, day: day, hour: day % 24, minute: 59, second: 1)
                    else { continue }
                    let parts = time.components
                    guard parts.year == year, parts.month == month, parts.day == day, parts.hour == day % 24
                    else {
                        Issue.record("\(year)-\(month)-\(day) came back as \(parts)")
                        return
                    }
                    guard time.seconds / 86_400 > previous || time.seconds < 0 else {
                        Issue.record("\(year)-\(month)-\(day) is not after the day before")
                        return
                    }
                    previous = time.seconds / 86_400
                }
            }
        }
    }

    @Test func `its seconds are those of Foundation's calendar`() throws {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        var random = SeededGenerator(seed: 1)
        for _ in 0..<2000 {
            // From 1600 on: Foundation changes to the Julian calendar before 1582.
            let seconds = Int64.random(in: -11_676_096_000...253_402_300_799, using: &random)
            let date = Date(timeIntervalSince1970: TimeInterval(seconds))
            let expected = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second], from: date)
            let parts = WallTime(seconds: seconds).components
            #expect(
                [parts.year, parts.month, parts.day, parts.hour, parts.minute, parts.second] == [
                    expected.year, expected.month, expected.day, expected.hour, expected.minute,
                    expected.second,
                ])
            #expect(WallTime(WallTime(seconds: seconds).description)?.seconds == seconds)
        }
    }

    @Test func `its other forms`() {
        let time = WallTime(valid: "2026-01-02 03:04:05")
        #expect(time.dayFirst == "02-01-2026 03:04:05")
        #expect(time.month == "2026-01")
    }

    @Test func `times sort by the clock`() {
        #expect(WallTime(valid: "1969-12-31 23:59:59") < WallTime(valid: "1970-01-01 00:00:00"))
        #expect(WallTime(valid: "1969-12-31 23:59:59").seconds == -1)
    }
}

@Suite struct `Moments` {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (1_795_330_869_123, "2026-11-22T07:01:09.123Z"),
        (-1, "1969-12-31T23:59:59.999Z"), (-1000, "1969-12-31T23:59:59.000Z"),
    ])
    func `is written as`(_ milliseconds: Int64, _ text: String) {
        #expect(UnixTime(milliseconds: milliseconds).iso8601 == text)
    }

    @Test func `differ by durations`() {
        let time = UnixTime(seconds: 100)
        #expect(time + .milliseconds(1500) == UnixTime(milliseconds: 101_500))
        #expect(time + .seconds(-101) == UnixTime(seconds: -1))
        #expect(UnixTime(milliseconds: 101_500) - time == .milliseconds(1500))
        #expect(time < time + .milliseconds(1))
        #expect(UnixTime(milliseconds: -1).seconds == -1)
    }
}
