import Testing

@testable import AttendanceCore

@Suite struct `The moment up to which a shift may be counted` {
    private let kolkata = ZoneRules(identifier: "Asia/Kolkata")!
    private let berlin = ZoneRules(identifier: "Europe/Berlin")!
    /// 2026-03-02 08:00:00 in Kolkata.
    private let now: Int64 = 1_772_418_600

    private func source(
        _ title: String, _ point: Int64?, owed: Int64? = nil, connected: Bool = true, backlog: Int? = 0,
        heard: Int64? = nil, lag: Int64? = 0
    ) -> ShiftWatermark.Source {
        .init(
            figures: TerminalFigures(
                serial: SerialNumber(title)!, isConnected: connected,
                lastHeard: heard.map { UnixTime(seconds: $0) },
                backlog: backlog, lag: lag, completeUntil: point), title: title, oldestOwed: owed)
    }

    private func shift(_ lastSync: String?, marks: Bool = true, moves: Bool = false) -> ShiftType {
        ShiftType(
            name: "Day", start: 9 * 3600, end: 18 * 3600, marksAttendance: marks,
            lastSync: lastSync.map { WallTime($0)! }, movesLastSyncItself: moves)
    }

    @Test func `is the least of what its terminals have brought and the site has taken`() {
        let early = now - 3600
        #expect(ShiftWatermark([source("A", now - 60), source("B", early)], at: now).point == early)
        let owing = ShiftWatermark([source("A", now - 60, owed: early), source("B", now - 60)], at: now)
        #expect(owing.point == early - 1)
        #expect(ShiftWatermark([source("A", now - 60, owed: now + 5)], at: now).point == now - 60)
        #expect(ShiftWatermark([source("A", now - 60), source("B", nil)], at: now).point == nil)
        #expect(ShiftWatermark([], at: now).point == nil)
    }

    @Test func `names those that hold it back, and why`() {
        let early = now - 7200
        let mark = ShiftWatermark(
            [
                source("live", now - 60), source("owing", now - 60, owed: early + 10),
                source("gone", early, connected: false, heard: early + 60),
                source("never", nil, connected: false), source("full", early + 20, backlog: 17),
                source("slow", early + 30, lag: 5000), source("blind", nil, lag: nil),
                source("new", early + 40), source("ahead", now + 999),
            ], at: now)
        #expect(
            mark.holders == [
                .init(title: "ahead", point: nil, reason: .ownClock),
                .init(title: "blind", point: nil, reason: .clockUnknown),
                .init(title: "never", point: nil, reason: .neverHeard),
                .init(title: "gone", point: early, reason: .offline(UnixTime(seconds: early + 60))),
                .init(title: "owing", point: early + 9, reason: .owed(early + 10)),
                .init(title: "full", point: early + 20, reason: .backlog(17)),
                .init(title: "slow", point: early + 30, reason: .clockBehind(5000)),
                .init(title: "new", point: early + 40, reason: .settling),
            ])
        #expect(mark.point == nil)
    }

    @Test(arguments: [
        (nil, "move 2026-03-02 07:59:00"), ("2026-03-02 07:58:59", "move 2026-03-02 07:59:00"),
        ("2026-03-02 07:59:00", "current"), ("2026-03-02 08:00:00", "current"),
        ("2026-03-02 08:00:01", "ahead"), ("2031-01-01 00:00:00", "ahead"),
    ])
    func `moves the site's value forward and never back or beyond now`(present: String?, expected: String) {
        let decision = ShiftWatermark([source("A", now - 60)], at: now).decide(
            shift(present), zone: kolkata, at: now)
        let words =
            switch decision {
            case .move(let to): "move \(to)"
            default: "\(decision)"
            }
        #expect(words == expected)
    }

    @Test func `leaves alone what the site moves itself or does not use, and what is not known`() {
        let mark = ShiftWatermark([source("A", now - 60)], at: now)
        #expect(mark.decide(shift(nil, moves: true), zone: kolkata, at: now) == .leftToSite)
        #expect(mark.decide(shift(nil, marks: false), zone: kolkata, at: now) == .notMarked)
        #expect(
            ShiftWatermark([source("A", nil)], at: now).decide(shift(nil), zone: kolkata, at: now)
                == .nothingKnown)
    }

    @Test func `keeps the site's value when its zone is changed to one further west`() {
        let mark = ShiftWatermark([source("A", now - 60)], at: now)
        // Written while the site was in Kolkata; now its clock shows 03:30.
        #expect(mark.decide(shift("2026-03-02 07:59:00"), zone: berlin, at: now) == .ahead)
        #expect(
            mark.decide(shift("2026-03-02 03:00:00"), zone: berlin, at: now)
                == .move(to: WallTime("2026-03-02 03:29:00")!))
    }

    @Test(arguments: [
        // Berlin, 25 October 2026: at 01:00 UTC the clock goes from 03:00 back to 02:00.
        ("2026-10-24 23:59:59", "2026-10-25 01:59:59"), ("2026-10-25 00:00:00", "2026-10-25 01:59:59"),
        ("2026-10-25 00:59:59", "2026-10-25 01:59:59"), ("2026-10-25 01:00:00", "2026-10-25 02:00:00"),
        ("2026-10-25 01:30:00", "2026-10-25 02:30:00"),
        // 29 March: at 01:00 UTC it goes from 02:00 on to 03:00.
        ("2026-03-29 00:59:59", "2026-03-29 01:59:59"), ("2026-03-29 01:00:00", "2026-03-29 03:00:00"),
    ])
    func `claims an hour that comes twice from its second pass on`(utc: String, wall: String) {
        #expect(berlin.settledWallTime(at: WallTime(utc)!.seconds).description == wall)
    }

    @Test(arguments: ["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca", "UTC"])
    func `never falls as time goes on, in any zone`(name: String) throws {
        let zone = try #require(ZoneRules(identifier: name))
        var last = WallTime(seconds: 0)
        var isMonotone = true
        var isSafe = true
        // Every quarter of an hour of three years, and a second less.
        for quarter in 0..<(3 * 365 * 96) {
            let instant = 1_767_225_600 + Int64(quarter) * 900 - Int64(quarter % 2)
            let wall = zone.settledWallTime(at: instant)
            isMonotone = isMonotone && wall >= last
            isSafe = isSafe && wall <= zone.wallTime(at: instant)
            last = wall
        }
        #expect(isMonotone)
        #expect(isSafe)
    }

    @Test(arguments: [
        (9, 18, 0, "2026-03-02 08:00:00", "2026-03-01 18:00:00", "2026-03-02 18:00:00"),
        (9, 18, 0, "2026-03-02 18:00:00", "2026-03-02 18:00:00", "2026-03-03 18:00:00"),
        // A night shift ends on the next day, and its last check-out may be later still.
        (22, 6, 3600, "2026-03-02 06:59:59", "2026-03-01 07:00:00", "2026-03-02 07:00:00"),
        (22, 6, 3600, "2026-03-02 07:00:00", "2026-03-02 07:00:00", "2026-03-03 07:00:00"),
        // A shift whose last check-out is after midnight.
        (14, 23, 7200, "2026-03-02 00:30:00", "2026-03-01 01:00:00", "2026-03-02 01:00:00"),
    ])
    func `knows when a shift ends`(
        start: Int, end: Int, allows: Int, at: String, latest: String, next: String
    ) {
        let shift = ShiftType(
            name: "Any", start: start * 3600, end: end * 3600, allowsCheckOutAfter: allows)
        #expect(shift.latestEnd(at: WallTime(at)!).description == latest)
        #expect(shift.nextEnd(after: WallTime(at)!).description == next)
    }

    /// Days of a shift whose terminals come and go at random, over both changes of the clock and a change of zone.
    @Test func `over months the site's value only grows, and stays behind every punch still to come`() throws
    {
        for seed in 1...20 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            var now = WallTime("2026-03-20 00:00:00")!.seconds
            let end = WallTime("2026-11-10 00:00:00")!.seconds
            let move = Int64.random(in: now..<end, using: &random)
            var site: WallTime?
            var points: [Int64] = [now - 60, now - 60, now - 60]
            var moved = 0
            while now < end {
                now += Int64.random(in: 300...7200, using: &random)
                let zone = now < move ? berlin : kolkata
                for index in points.indices where Int.random(in: 0..<3, using: &random) > 0 {
                    points[index] = max(points[index], now - Int64.random(in: 60...90_000, using: &random))
                }
                let owed =
                    Bool.random(using: &random) ? nil : now - Int64.random(in: 0...90_000, using: &random)
                let sources = points.enumerated().map { source("T\($0)", $1, owed: $0 == 0 ? owed : nil) }
                let mark = ShiftWatermark(sources, at: now)
                guard
                    case .move(let to) = mark.decide(
                        shift(site?.description), zone: zone, at: now)
                else { continue }
                moved += 1
                #expect(to > site ?? WallTime(seconds: 0))
                #expect(to <= zone.wallTime(at: now))
                // Whatever is punched after a terminal's point is shown by the site as later than what was written.
                let point = try #require(mark.point)
                for later in [1, 60, 1800, 3600, 7200, 86_400] as [Int64] {
                    #expect(zone.wallTime(at: point + later) > to)
                }
                site = to
            }
            #expect(moved > 100)
        }
    }
}
