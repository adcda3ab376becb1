import AttendanceCore
import Testing

@Suite struct `Directions and repeats` {
    private static let zone = ZoneRules(identifier: "Asia/Kolkata")!
    private static let gate = SerialNumber("GATE")!

    private static func punch(
        _ id: Int64, _ time: String, terminal: String = "GATE", inOut: Int64? = 0, event: Int64? = 0,
        zone: ZoneRules = zone
    ) -> DayPunch {
        let wall = WallTime(time)!
        return DayPunch(
            id: id, terminal: SerialNumber(terminal)!, time: wall, instant: zone.instant(of: wall),
            inOut: inOut,
            event: event, mode: 8)
    }

    /// The rulings of a whole day, as a row of letters: i, o, - (no direction), r (repeat).
    private func walk(_ rules: AttributionRules, _ punches: [DayPunch]) -> String {
        punches.map { punch in
            switch rules.ruling(on: punch, day: punches) {
            case .forward(.in): "i"
            case .forward(.out): "o"
            case .forward(nil): "-"
            case .repeats: "r"
            }
        }.joined()
    }

    private func times(_ day: String, _ times: [String]) -> [DayPunch] {
        times.enumerated().map { Self.punch(Int64($0 + 1), "\(day) \($1)") }
    }

    // MARK: Directions

    @Test(
        arguments: [
            (0, nil, Direction.in), (1, nil, .out), (2, nil, .out), (3, nil, .in), (4, nil, .in),
            (5, nil, .out),
            (7, nil, nil), (nil, nil, nil), (9, 0, nil),
        ] as [(Int64?, Int64?, Direction?)])
    func `the standard table reads inout`(inOut: Int64?, event: Int64?, direction: Direction?) {
        #expect(CodeTable.standard.direction(inOut: inOut, event: event, mode: 8) == direction)
    }

    @Test func `a pressed key comes before what the terminal says of itself`() throws {
        let table = try CodeTable(incoming: "inout 0, event 1\nevent 3", outgoing: "event 2")
        #expect(table.direction(inOut: 0, event: 2, mode: nil) == .out)
        #expect(table.direction(inOut: 0, event: 0, mode: nil) == .in)
        #expect(table.direction(inOut: 1, event: 3, mode: nil) == .in)
        #expect(CodeTable.turnstile.direction(inOut: 7, event: 0, mode: nil) == nil)
    }

    @Test(arguments: [
        ("inout", "", "inout"), ("inout x", "", "inout x"), ("key 1", "", "key 1"),
        ("inout 0, inout 0", "", "inout 0"), ("inout 0", "inout 0", "inout 0"), ("inout -1", "", "inout -1"),
        ("inout 70000", "", "inout 70000"),
    ])
    func `a code list that cannot be read names the part`(incoming: String, outgoing: String, part: String) {
        let error = #expect(throws: RuleTextError.self) {
            try CodeTable(incoming: incoming, outgoing: outgoing)
        }
        #expect(error?.part == part && error?.remedy.isEmpty == false)
    }

    @Test(
        arguments: [
            ("03:59:59", Direction.out), ("04:00:00", .in), ("11:59:59", .in), ("12:00:00", .out),
            ("23:30:00", nil),
            ("00:00:00", .out),
        ] as [(String, Direction?)])
    func `hours give a direction, also over midnight`(time: String, direction: Direction?) throws {
        let hours = try DirectionHours("04:00-12:00 in, 12:00-23:00 OUT\n00:00-04:00 out")
        #expect(hours.direction(at: WallTime("2026-11-22 \(time)")!) == direction)
        let overMidnight = try DirectionHours("22:00-06:00 in")
        #expect(overMidnight.direction(at: WallTime("2026-11-22 23:00:00")!) == .in)
        #expect(overMidnight.direction(at: WallTime("2026-11-22 05:59:59")!) == .in)
        #expect(overMidnight.direction(at: WallTime("2026-11-22 06:00:00")!) == nil)
    }

    @Test(arguments: [
        "04:00-12:00", "04:00 in", "4-12 in", "04:00-04:00 in", "25:00-26:00 in", "04:00-12:00 in-out",
        "04:00-12:00 in, 11:59-13:00 out", "22:00-06:00 in, 05:00-07:00 out",
        "00:00-24:00 in, 09:00-10:00 out",
    ])
    func `hours that cannot be read are refused`(text: String) {
        #expect(throws: RuleTextError.self) { try DirectionHours(text) }
    }

    @Test(arguments: [
        (9 * 3600, 18 * 3600, 1 * 3600 + 1800), (22 * 3600, 6 * 3600, 14 * 3600), (0, 0, 4 * 3600),
        (6 * 3600, 14 * 3600, 22 * 3600), (14 * 3600, 22 * 3600, 6 * 3600), (0, 8 * 3600, 16 * 3600),
    ])
    func `a shift day begins in the middle of the time off`(start: Int, end: Int, expected: Int) {
        #expect(ShiftDay.start(ofShiftFrom: start, until: end) == expected)
    }

    @Test func `people take turns, afresh each shift day`() {
        let rules = AttributionRules(rule: { _ in .alternate })
        let day = times("2026-11-22", ["08:00:00", "12:00:00", "12:30:00", "17:00:00", "23:59:00"])
        #expect(walk(rules, day) == "ioioi")
        // After midnight and before 04:00 it is still the same day, then a new one begins.
        let next =
            day + [
                Self.punch(6, "2026-11-23 03:59:59"), Self.punch(7, "2026-11-23 04:00:00"),
                Self.punch(8, "2026-11-23 09:00:00"),
            ]
        #expect(walk(rules, next) == "ioioioio")
        let odd =
            Array(day.dropLast()) + [
                Self.punch(5, "2026-11-22 20:00:00"), Self.punch(6, "2026-11-23 08:00:00"),
            ]
        #expect(walk(rules, odd) == "ioioii")
    }

    @Test func `a night shift is one day`() {
        let start = ShiftDay.start(ofShiftFrom: 22 * 3600, until: 6 * 3600)
        let rules = AttributionRules(rule: { _ in .alternate }, dayStart: { _ in start })
        let nights = [
            Self.punch(1, "2026-11-21 21:55:00"), Self.punch(2, "2026-11-22 02:00:00"),
            Self.punch(3, "2026-11-22 02:30:00"), Self.punch(4, "2026-11-22 06:05:00"),
            Self.punch(5, "2026-11-22 21:50:00"), Self.punch(6, "2026-11-23 06:01:00"),
        ]
        #expect(walk(rules, nights) == "ioioio")
        // One forgotten punch spoils its own night only.
        #expect(walk(rules, nights.filter { $0.id != 4 }) == "ioiio")
    }

    @Test(arguments: [
        ("Europe/Berlin", "2026-03-29"), ("Europe/Berlin", "2026-10-25"),
        ("Australia/Lord_Howe", "2026-04-05"),
    ])
    func `days on which the clock is changed are days like others`(name: String, date: String) {
        let zone = ZoneRules(identifier: name)!
        let rules = AttributionRules(rule: { _ in .alternate }, dayStart: { _ in 0 })
        let day = ["00:30:00", "01:45:00", "03:30:00", "12:00:00", "23:59:59"].enumerated().map {
            Self.punch(Int64($0 + 1), "\(date) \($1)", zone: zone)
        }
        #expect(walk(rules, day) == "ioioi")
        for punch in day {
            let needed = rules.needs(punch)!
            #expect(day.filter { $0.instant <= punch.instant }.allSatisfy { needed.contains($0.instant) })
        }
    }

    @Test func `an alternating terminal goes on from what another one knows`() {
        let rules = AttributionRules(rule: { $0 == Self.gate ? .alternate : .fixed(.in) })
        let day = [
            Self.punch(1, "2026-11-22 08:00:00", terminal: "DOOR"), Self.punch(2, "2026-11-22 12:00:00"),
            Self.punch(3, "2026-11-22 13:00:00", terminal: "DOOR"), Self.punch(4, "2026-11-22 17:00:00"),
        ]
        #expect(walk(rules, day) == "ioio")
    }

    // MARK: Repeats

    @Test func `a repeat within the window is not sent, measured from the one that was kept`() {
        let rules = AttributionRules(repeatWindow: .seconds(60))
        let day = times(
            "2026-11-22",
            ["08:00:00", "08:00:20", "08:00:40", "08:01:00", "08:01:01", "08:01:30", "08:03:00"])
        #expect(walk(rules, day) == "-rrr-r-")
        #expect(rules.ruling(on: day[2], day: day) == .repeats(punch: 1, seconds: 40))
        #expect(walk(AttributionRules(), day) == "-------")
    }

    @Test func `repeats do not turn directions round`() {
        let rules = AttributionRules(repeatWindow: .seconds(60), rule: { _ in .alternate })
        let day = times("2026-11-22", ["08:00:00", "08:00:05", "17:00:00", "17:00:10", "17:00:20"])
        #expect(walk(rules, day) == "irorr")
    }

    @Test func `another direction within the window is no repeat where the terminal tells it`() {
        let rules = AttributionRules(repeatWindow: .seconds(60), rule: { _ in .terminal(.standard) })
        let day = [
            Self.punch(1, "2026-11-22 08:00:00", inOut: 0), Self.punch(2, "2026-11-22 08:00:10", inOut: 1),
            Self.punch(3, "2026-11-22 08:00:20", inOut: 1), Self.punch(4, "2026-11-22 08:00:30", inOut: 9),
        ]
        #expect(walk(rules, day) == "iorr")
    }

    // MARK: Properties

    @Test(arguments: 0..<200)
    func `the order of the journal and later punches change nothing`(seed: UInt64) {
        var random = Numbers(state: seed)
        let rules = AttributionRules(
            repeatWindow: .seconds(Int64(random.next(120))),
            rule: { serial in
                switch serial.text {
                case "A": .alternate
                case "B": .terminal(.standard)
                default: .fixed(.out)
                }
            }, dayStart: { $0.text == "A" ? 14 * 3600 : 4 * 3600 })
        let base = WallTime("2026-10-24 00:00:00")!.seconds
        let zone = ZoneRules(identifier: "Europe/Berlin")!
        var punches: [DayPunch] = (1...40).map { id in
            let wall = WallTime(seconds: base + Int64(random.next(3 * 86_400)) / 20 * 20)
            return DayPunch(
                id: Int64(id), terminal: SerialNumber(["A", "B", "C"][random.next(3)])!, time: wall,
                instant: zone.instant(of: wall), inOut: Int64(random.next(3)), event: 0)
        }
        let rulings = punches.map { rules.ruling(on: $0, day: punches) }
        let order = punches
        for index in punches.indices.reversed() { punches.swapAt(index, random.next(index + 1)) }
        for (punch, ruling) in zip(order, rulings) {
            #expect(rules.ruling(on: punch, day: punches) == ruling)
            let known = punches.filter { ($0.instant, $0.id) <= (punch.instant, punch.id) }
            #expect(rules.ruling(on: punch, day: known) == ruling)
            // What is asked of the journal is enough, unless a chain of repeats is longer than anybody's patience.
            let needed = rules.needs(punch).map { range in known.filter { range.contains($0.instant) } } ?? []
            if case .fixed = rules.rule(punch.terminal) {
                #expect(rules.ruling(on: punch, day: needed) == ruling || rules.repeatWindow > .zero)
            }
            if case .repeats(let other, let seconds) = ruling {
                let kept = rulings[Int(other) - 1]
                guard case .forward = kept else {
                    Issue.record("a repeat of a repeat")
                    continue
                }
                #expect(.seconds(seconds) <= rules.repeatWindow && seconds >= 0)
            }
        }
    }

    /// SplitMix64.
    private struct Numbers {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return bound > 0 ? Int((mixed ^ (mixed >> 31)) % UInt64(bound)) : 0
        }
    }
}
