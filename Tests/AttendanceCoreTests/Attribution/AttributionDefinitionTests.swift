import AttendanceCore
import Testing

/// The rules against their definition, over made-up weeks about a change of the clock: bursts of punches a few seconds
/// apart, hours between them, four terminals with a rule each.
@Suite struct AttributionDefinitionTests {
    private static let entrance = SerialNumber("ENTRANCE")!
    private static let exit = SerialNumber("EXIT")!
    private static let hall = SerialNumber("HALL")!
    private static let canteen = SerialNumber("CANTEEN")!
    private static let start = 14 * 3600

    private struct Week: CustomTestStringConvertible, Sendable {
        var seed: UInt64
        var window: Int64
        /// Where the clock is set forward, and where it is set back.
        var from: String
        var testDescription: String { "seed \(seed), window \(window) s, from \(from)" }
    }

    private static let weeks: [Week] = (0..<120).map { seed in
        Week(
            seed: seed, window: [0, 20, 60, 300][Int(seed % 4)],
            from: seed % 8 < 4 ? "2026-03-27 12:00:00" : "2026-10-23 12:00:00")
    }

    private func rules(_ week: Week) -> AttributionRules {
        AttributionRules(
            repeatWindow: .seconds(week.window),
            rule: {
                switch $0 {
                case Self.entrance: .fixed(.in)
                case Self.exit: .terminal(.standard)
                case Self.hall: .alternate
                default: .none
                }
            }, dayStart: { _ in Self.start })
    }

    private func punches(_ week: Week) throws -> [DayPunch] {
        let zone = try #require(ZoneRules(identifier: "Europe/Berlin"))
        var random = SeededGenerator(seed: week.seed)
        var instant = zone.instant(of: try #require(WallTime(week.from)))
        var punches: [DayPunch] = []
        let end = instant + 4 * 86_400
        while instant < end {
            instant += .random(in: 600...18_000, using: &random)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let terminal = [Self.entrance, Self.exit, Self.hall, Self.hall, Self.canteen]
                    .randomElement(using: &random)
                punches.append(
                    DayPunch(
                        id: Int64(punches.count + 1), terminal: terminal ?? Self.hall,
                        time: zone.wallTime(at: instant), instant: instant,
                        inOut: .random(in: 0...7, using: &random)))
                instant += .random(in: 0...90, using: &random)
            }
        }
        return punches
    }

    /// The same said another way: each punch asks back, where the rules walk forward.
    @Test(arguments: weeks)
    private func `each punch is what the definition says of it`(_ week: Week) throws {
        let rules = rules(week)
        let punches = try punches(week)
        var known: [AttributionRules.Ruling] = []
        for (index, punch) in punches.enumerated() {
            let kept = known.indices.last { if case .forward = known[$0] { true } else { false } }
            let before = known.indices.reversed().lazy.compactMap { other -> (Int, Direction)? in
                guard case .forward(let direction?) = known[other] else { return nil }
                return (other, direction)
            }.first { _ in true }
            var direction: Direction?
            switch punch.terminal {
            case Self.entrance, Self.exit: direction = stated(punch)
            case Self.hall:
                direction = .in
                if let (other, last) = before, last == .in,
                    ShiftDay.number(of: punches[other].time, start: Self.start)
                        == ShiftDay.number(of: punch.time, start: Self.start)
                {
                    direction = .out
                }
            default: break
            }
            var expected = AttributionRules.Ruling.forward(direction)
            if week.window > 0, let kept {
                let age = punch.instant - punches[kept].instant
                let stated = stated(punch)
                if age <= week.window, stated == nil || stated == self.stated(punches[kept]) {
                    expected = .repeats(punch: punches[kept].id, seconds: Int(age))
                }
            }
            known.append(expected)
            #expect(rules.ruling(on: punch, day: punches) == expected, "punch \(index + 1)")
        }
    }

    private func stated(_ punch: DayPunch) -> Direction? {
        switch punch.terminal {
        case Self.entrance: .in
        case Self.exit: CodeTable.standard.direction(inOut: punch.inOut, event: nil, mode: nil)
        default: nil
        }
    }

    @Test(arguments: weeks)
    private func `what is asked of the journal is enough`(_ week: Week) throws {
        let rules = rules(week)
        let punches = try punches(week)
        for punch in punches {
            let needed = rules.needs(punch).map { span in punches.filter { span.contains($0.instant) } }
            #expect(
                rules.ruling(on: punch, day: needed ?? []) == rules.ruling(on: punch, day: punches),
                "punch \(punch.id)")
        }
    }

    @Test func `what nobody stated contradicts nobody`() throws {
        let hours = try DirectionHours("04:00-12:00 in, 12:00-04:00 out")
        let times = ["2026-11-22 11:59:50", "2026-11-22 12:00:10"].compactMap { WallTime($0) }
        let day = times.enumerated().map {
            DayPunch(id: Int64($0), terminal: Self.hall, time: $1, instant: $1.seconds)
        }
        let byHours = AttributionRules(repeatWindow: .seconds(60), rule: { _ in .hours(hours) })
        #expect(byHours.ruling(on: day[1], day: day) == .repeats(punch: 0, seconds: 20))
        // But what is stated is sent, also after a guess.
        let mixed = AttributionRules(
            repeatWindow: .seconds(60), rule: { $0 == Self.hall ? .alternate : .fixed(.in) })
        var second = day[1]
        second.terminal = Self.entrance
        #expect(mixed.ruling(on: second, day: day) == .forward(.in))
    }

    @Test func `the window goes by the time that passed, not by the clock`() throws {
        let zone = try #require(ZoneRules(identifier: "Europe/Berlin"))
        // One minute before the clock is set forward, and half a minute after.
        let walls = [WallTime(valid: "2026-03-29 01:59:00"), WallTime(valid: "2026-03-29 03:00:30")]
        let day = walls.enumerated().map {
            DayPunch(id: Int64($0), terminal: Self.hall, time: $1, instant: zone.instant(of: $1))
        }
        let rules = AttributionRules(repeatWindow: .seconds(120), rule: { _ in .alternate })
        #expect(rules.ruling(on: day[1], day: day) == .repeats(punch: 0, seconds: 90))
    }
}
