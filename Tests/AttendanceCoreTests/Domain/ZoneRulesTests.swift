import AttendanceCore
import Foundation
import Testing

@Suite struct `Zone rules` {
    private static let zones = [
        "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Apia", "America/Caracas", "Asia/Pyongyang", "Africa/Cairo", "Asia/Kathmandu",
        "Pacific/Chatham",
        "America/St_Johns", "Europe/Istanbul", "Antarctica/Troll", "Etc/GMT+12", "Pacific/Kiritimati",
    ]

    @Test(arguments: [
        "", "Foo/Bar", "europe/berlin", "CET", "EST", "+01:00", "../etc", "Europe/", "GMT+1", "utc",
    ])
    func `is no zone`(_ name: String) {
        #expect(ZoneRules(identifier: name) == nil)
    }

    @Test(arguments: ["UTC", "GMT", "Asia/Calcutta", "Europe/Kyiv", "Etc/GMT+3", "US/Eastern"])
    func `is a zone`(_ name: String) {
        #expect(ZoneRules(identifier: name)?.identifier == name)
    }

    /// In words of the rule: the instant, as UTC, of a wall time at a clock change.
    @Test(arguments: [
        // Berlin, clocks forward 2026-03-29 02:00 to 03:00
        ("Europe/Berlin", "2026-03-29 01:59:59", "2026-03-29 00:59:59"),
        ("Europe/Berlin", "2026-03-29 02:00:00", "2026-03-29 01:00:00"),
        ("Europe/Berlin", "2026-03-29 02:30:00", "2026-03-29 01:30:00"),
        ("Europe/Berlin", "2026-03-29 03:00:00", "2026-03-29 01:00:00"),
        ("Europe/Berlin", "2026-03-29 03:30:00", "2026-03-29 01:30:00"),
        // Berlin, clocks back 2026-10-25 03:00 to 02:00
        ("Europe/Berlin", "2026-10-25 01:59:59", "2026-10-24 23:59:59"),
        ("Europe/Berlin", "2026-10-25 02:00:00", "2026-10-25 00:00:00"),
        ("Europe/Berlin", "2026-10-25 02:59:59", "2026-10-25 00:59:59"),
        ("Europe/Berlin", "2026-10-25 03:00:00", "2026-10-25 02:00:00"),
        // New York
        ("America/New_York", "2026-03-08 02:30:00", "2026-03-08 07:30:00"),
        ("America/New_York", "2026-11-01 01:30:00", "2026-11-01 05:30:00"),
        ("America/New_York", "2026-11-01 02:00:00", "2026-11-01 07:00:00"),
        // Lord Howe changes by half an hour
        ("Australia/Lord_Howe", "2026-10-04 02:15:00", "2026-10-03 15:45:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:30:00", "2026-10-03 15:30:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:45:00", "2026-04-04 14:45:00"),
        ("Australia/Lord_Howe", "2026-04-05 02:00:00", "2026-04-04 15:30:00"),
        // Morocco goes back for Ramadan
        ("Africa/Casablanca", "2026-02-15 02:30:00", "2026-02-15 01:30:00"),
        ("Africa/Casablanca", "2026-03-22 02:30:00", "2026-03-22 02:30:00"),
        ("Africa/Casablanca", "2026-03-22 03:00:00", "2026-03-22 02:00:00"),
        // Samoa had no 30 December 2011
        ("Pacific/Apia", "2011-12-29 23:59:59", "2011-12-30 09:59:59"),
        ("Pacific/Apia", "2011-12-30 12:00:00", "2011-12-30 22:00:00"),
        ("Pacific/Apia", "2011-12-31 00:00:00", "2011-12-30 10:00:00"),
        // Changes that are no daylight saving
        ("America/Caracas", "2016-05-01 02:45:00", "2016-05-01 07:15:00"),
        ("Asia/Pyongyang", "2015-08-14 23:45:00", "2015-08-14 14:45:00"),
        ("Asia/Kolkata", "2026-11-22 08:01:09", "2026-11-22 02:31:09"),
        ("UTC", "2026-11-22 08:01:09", "2026-11-22 08:01:09"),
    ])
    func `a wall time at a clock change means`(_ zone: String, _ wall: String, _ utc: String) throws {
        let rules = try #require(ZoneRules(identifier: zone))
        let instant = rules.instant(of: try #require(WallTime(wall)))
        #expect(WallTime(seconds: instant).description == utc)
    }

    @Test(arguments: zones)
    func `every instant shows what Foundation shows, and comes back when it is the only one`(_ zone: String)
        throws
    {
        let rules = try #require(ZoneRules(identifier: zone))
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: zone))
        var random = SeededGenerator(seed: 7)
        for instant in try Self.instants(calendar.timeZone, &random) {
            let wall = rules.wallTime(at: instant)
            let parts = calendar.dateComponents(
                [.year, .month, .day, .hour, .minute, .second],
                from: Date(timeIntervalSince1970: TimeInterval(instant)))
            let foundation = WallTime(
                year: parts.year ?? 0, month: parts.month ?? 0, day: parts.day ?? 0, hour: parts.hour ?? 0,
                minute: parts.minute ?? 0, second: parts.second ?? 0)
            try #require(wall == foundation, "\(zone) at \(instant)")
            // The earliest instant that shows this wall time, found by trying every offset in use nearby.
            let offsets = Set((-2...2).map { rules.offset(at: instant + $0 * 43_200) })
            let showing = offsets.map { wall.seconds - $0 }.filter { rules.wallTime(at: $0) == wall }
            try #require(rules.instant(of: wall) == showing.min(), "\(zone) at \(instant)")
        }
    }

    /// Thousands of moments of 1970 to 2037, half of them within hours of a clock change.
    private static func instants(_ zone: TimeZone, _ random: inout SeededGenerator) throws -> [Int64] {
        let years: Range<Int64> = 0..<2_145_916_800
        var instants = (0..<1500).map { _ in Int64.random(in: years, using: &random) }
        var date = Date(timeIntervalSince1970: 0)
        while let next = zone.nextDaylightSavingTimeTransition(after: date),
            next.timeIntervalSince1970 < 2.1e9
        {
            let change = Int64(next.timeIntervalSince1970)
            instants += [change - 1, change, change + 1]
            instants += (0..<8).map { _ in change + Int64.random(in: -10_000...10_000, using: &random) }
            date = next
        }
        return instants
    }

    /// What the conversion relies on: looking a day back and a day ahead meets one change at most.
    @Test func `no zone changes its clock twice within two days`() {
        for name in TimeZone.knownTimeZoneIdentifiers {
            guard let zone = TimeZone(identifier: name) else { continue }
            var last = Date(timeIntervalSince1970: 0)
            while let next = zone.nextDaylightSavingTimeTransition(after: last),
                next.timeIntervalSince1970 < 2.2e9
            {
                #expect(
                    last.timeIntervalSince1970 == 0 || next.timeIntervalSince(last) > 2 * 86_400,
                    "\(name), \(next)")
                last = next
            }
        }
    }

    @Test(arguments: [
        "0001-01-01 00:00:00", "1582-10-10 12:00:00", "1900-01-01 00:00:00", "9999-12-31 23:59:59",
    ])
    func `a clock that is centuries off still has an instant`(_ wall: String) throws {
        for name in Self.zones {
            let rules = try #require(ZoneRules(identifier: name))
            let time = try #require(WallTime(wall))
            #expect(rules.wallTime(at: rules.instant(of: time)) == time, "\(name)")
        }
    }
}
