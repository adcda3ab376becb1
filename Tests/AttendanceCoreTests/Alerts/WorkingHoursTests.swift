import AttendanceCore
import Testing

@Suite struct WorkingHoursTests {
    private let kolkata = ZoneRules(identifier: "Asia/Kolkata")!
    private let berlin = ZoneRules(identifier: "Europe/Berlin")!

    private func hours(_ text: String) throws -> WorkingHours { try WorkingHours(text) }

    private func moment(_ wall: String, _ zone: ZoneRules) throws -> UnixTime {
        UnixTime(seconds: zone.instant(of: try #require(WallTime(wall))))
    }

    // 2026-11-22 is a Sunday.
    @Test(arguments: [
        ("Mon-Fri 08:00-18:00, Sat 09:00-13:00", "2026-11-20 08:00:00", true),
        ("Mon-Fri 08:00-18:00, Sat 09:00-13:00", "2026-11-20 07:59:59", false),
        ("Mon-Fri 08:00-18:00, Sat 09:00-13:00", "2026-11-20 17:59:59", true),
        ("Mon-Fri 08:00-18:00, Sat 09:00-13:00", "2026-11-20 18:00:00", false),
        ("Mon-Fri 08:00-18:00, Sat 09:00-13:00", "2026-11-21 12:30:00", true),
        ("Mon-Fri 08:00-18:00, Sat 09:00-13:00", "2026-11-21 13:30:00", false),
        ("Mon-Fri 08:00-18:00, Sat 09:00-13:00", "2026-11-22 10:00:00", false),
        ("mon-fri 8:00 - 12:00 13:00 – 17:00", "2026-11-20 12:30:00", false),
        ("mon-fri 8:00 - 12:00 13:00 – 17:00", "2026-11-20 13:30:00", true),
        ("Sun-Thu 22:00-06:00", "2026-11-22 23:00:00", true),
        ("Sun-Thu 22:00-06:00", "2026-11-23 05:59:00", true),
        ("Sun-Thu 22:00-06:00", "2026-11-22 05:00:00", false),
        ("Sun 22:00-06:00", "2026-11-23 03:00:00", true),
        ("Fri-Mon 10:00-11:00", "2026-11-22 10:30:00", true),
        ("Fri-Mon 10:00-11:00", "2026-11-24 10:30:00", false),
        ("Mon/Wednesday/Fri 10:00-11:00", "2026-11-25 10:30:00", true),
        ("Mon/Wednesday/Fri 10:00-11:00", "2026-11-24 10:30:00", false),
        ("daily 00:00-24:00", "2026-11-22 23:59:59", true),
        ("09:00-10:00", "2026-11-22 09:30:00", true),
        ("", "2026-11-22 03:00:00", true),
        ("Always", "2026-11-22 03:00:00", true),
    ])
    func `are read as people write them`(text: String, wall: String, isWork: Bool) throws {
        let (hours, moment) = (try hours(text), try moment(wall, kolkata))
        #expect(hours.contains(moment, in: kolkata) == isWork)
    }

    @Test(arguments: [
        ("Mon-Fri 08:00-18:00, Sab 09:00-13:00", "Sab", "no day"),
        ("Mon-Fri 08:00-25:00", "08:00-25:00", "no span"),
        ("Mon-Fri 8-18", "8-18", "no span"),
        ("Mon-Fri 24:00-06:00", "24:00-06:00", "no span"),
        ("Mon-Fri 08:00-08:00", "08:00-08:00", "same time"),
        ("Mon-Fri", "Mon-Fri", "no hours"),
        ("Mon-Fri-Sun 08:00-18:00", "Mon-Fri-Sun", "no day"),
        (", ;", ", ;", "no hours"),
        ("Mo 08:00-18:00", "Mo", "no day"),
        ("Mon-Fri 08:00-18:00 07:6-08:00", "07:6-08:00", "no span"),
    ])
    func `a mistake is told with the part that has it`(text: String, part: String, problem: String) {
        do {
            let hours = try WorkingHours(text)
            Issue.record("read as \(hours)")
        } catch {
            #expect(error.part == part)
            #expect(error.problem.contains(problem))
            #expect(!error.remedy.isEmpty)
        }
    }

    @Test func `a text without end is refused, and any bytes are read or refused`() {
        #expect(throws: RuleTextError.self) {
            try WorkingHours(String(repeating: "Mon 08:00-09:00,", count: 100))
        }
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("Mon-Fri/,; 0189:24\u{0}é–")
        for _ in 0..<2000 {
            let text = String((0..<20).map { _ in alphabet.randomElement(using: &generator) ?? " " })
            // Either is well; it must not trap.
            _ = try? WorkingHours(text)
        }
    }

    @Test(arguments: [
        // From Friday's end over the weekend to Monday 08:10.
        ("2026-11-20 18:00:00", "2026-11-23 08:10:00", 600),
        ("2026-11-20 17:50:00", "2026-11-23 08:10:00", 1200),
        ("2026-11-20 07:00:00", "2026-11-20 19:00:00", 36_000),
        ("2026-11-21 00:00:00", "2026-11-22 23:00:00", 0),
        ("2026-11-20 09:00:00", "2026-11-20 09:00:30", 30),
        ("2026-11-20 09:00:30", "2026-11-20 09:00:00", 0),
        ("2026-11-09 08:00:00", "2026-11-22 08:00:00", 360_000),
    ])
    func `time away is counted within them`(from: String, to: String, seconds: Int64) throws {
        let hours = try hours("Mon-Fri 08:00-18:00")
        let time = hours.time(
            from: try moment(from, kolkata), to: try moment(to, kolkata), in: kolkata,
            atMost: .seconds(1_000_000))
        #expect(time == .seconds(seconds))
    }

    @Test func `spans that overlap count once, and the limit ends the count`() throws {
        let hours = try hours("Mon-Fri 08:00-12:00 10:00-14:00; daily 11:00-15:00")
        let (from, to) = (
            try moment("2026-11-20 00:00:00", kolkata), try moment("2026-11-20 23:00:00", kolkata)
        )
        #expect(hours.time(from: from, to: to, in: kolkata, atMost: .seconds(100_000)) == .seconds(7 * 3600))
        #expect(hours.time(from: from, to: to, in: kolkata, atMost: .seconds(900)) == .seconds(900))
        #expect(
            hours.time(from: UnixTime(seconds: 0), to: to, in: kolkata, atMost: .seconds(900))
                == .seconds(900))
    }

    @Test func `a night of a clock change is as long as it is there`() throws {
        let hours = try hours("Sat 22:00-06:00")
        func length(_ from: String, _ to: String) throws -> Duration {
            hours.time(
                from: try moment(from, berlin), to: try moment(to, berlin), in: berlin,
                atMost: .seconds(1_000_000))
        }
        #expect(try length("2026-03-28 12:00:00", "2026-03-29 12:00:00") == .seconds(7 * 3600))
        #expect(try length("2026-10-24 12:00:00", "2026-10-25 12:00:00") == .seconds(9 * 3600))
        #expect(try length("2026-11-21 12:00:00", "2026-11-22 12:00:00") == .seconds(8 * 3600))
    }
}
