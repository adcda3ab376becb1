import AttendanceCore
import Testing

@testable import AttendanceGateway

@Suite struct CommandSettingsTests {
    @Test func `commands wait a day and are kept ninety days unless the file says otherwise`() throws {
        let standard = try loadSettings(soundSettings).get().commands
        #expect(standard.expireAfter == .seconds(86_400) && standard.mostWaiting == 5_000)
        #expect(standard.keep == .seconds(90 * 86_400))
        let own = try loadSettings(
            soundSettings + "\n[Commands]\nExpireAfterHours = 2\nKeepDays = 7\nMaxWaiting = 50\n"
        ).get().commands
        #expect(own == .init(expireAfter: .seconds(7_200), keep: .seconds(7 * 86_400), mostWaiting: 50))
    }

    @Test(arguments: ["90s", "90m", "24h", "7d", "0h", "x", "5", "-1d", "99999999999999999d", "1.5h", ""])
    func `a time to wait is a number and a unit`(text: String) {
        let seconds = ["90s": 90, "90m": 5_400, "24h": 86_400, "7d": 604_800]
        #expect(DurationText.seconds(text) == seconds[text])
    }
}
