import Testing

@testable import AttendanceCore

@Suite struct TimeOfDayTests {
    @Test(arguments: [("00:00", 0), ("4:30", 16_200), ("04:30", 16_200), ("23:59", 86_340)])
    func `reads hours and minutes`(text: String, seconds: Int) throws {
        let time = try #require(TimeOfDay(text))
        #expect(time.seconds == seconds)
        #expect(TimeOfDay(time.description) == time)
    }

    @Test(arguments: [
        "", ":", "24:00", "12:60", "12", "12:5", "012:05", "12:05:00", "-1:00", "12:+5", " 1:00",
        "\u{661}2:00",
        "99999999999999999999:00",
    ])
    func `refuses what no clock shows`(text: String) {
        #expect(TimeOfDay(text) == nil)
    }

    @Test func `sorts by the clock and writes two digits`() throws {
        #expect(try #require(TimeOfDay("9:05")) < #require(TimeOfDay("10:00")))
        #expect(TimeOfDay("9:05")?.description == "09:05")
        #expect(TimeOfDay(hour: 24, minute: 0) == nil && TimeOfDay(hour: 0, minute: 0) == .midnight)
    }
}
