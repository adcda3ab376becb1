import AttendanceCore
import Testing

@Suite struct `Comparing the journal with the site` {
    private static let gate = SerialNumber("GATE-1")!
    private static let start = WallTime("2026-11-02 00:00:00")!

    private func punch(
        _ number: Int64, _ time: String, employee: String? = "HR-EMP-1", decided: Bool = true,
        reference: String? = nil, direction: Direction? = nil,
        standing: ExpectedCheckin.Standing = .delivered,
        terminal: SerialNumber = gate
    ) throws -> ExpectedCheckin {
        ExpectedCheckin(
            punch: number, terminal: terminal, enrollID: EnrollID(number: 1), standing: standing,
            reference: reference, employee: employee, employeeIsDecided: decided,
            time: try #require(WallTime(time)), direction: direction)
    }

    private func checkin(
        _ name: String, _ time: String, employee: String = "HR-EMP-1", logType: String = "",
        device: String = "GATE-1"
    ) throws -> FoundCheckin {
        FoundCheckin(
            name: name, employee: employee, time: try #require(WallTime(time)), logType: logType,
            deviceID: device)
    }

    /// The kinds that are found, each with the number of its punch or the name of its check-in.
    private func findings(
        _ expected: [ExpectedCheckin], _ found: [FoundCheckin], lookedUp: [FoundCheckin] = []
    ) -> [String] {
        var reconciliation = Reconciliation(devices: [Self.gate])
        let first = reconciliation.compare(.init(expected: expected, found: found), lookedUp: lookedUp)
        return (first + reconciliation.finish()).map(Self.label).sorted()
    }

    private static func label(_ finding: ReconciliationFinding) -> String {
        "\(finding.kind.rawValue) \(finding.expected.map { "\($0.punch)" } ?? finding.found?.name ?? "")"
    }

    @Test func `what stands there as it was sent agrees, with or without a kept name`() throws {
        let time = "2026-11-02 08:00:00"
        #expect(findings([try punch(1, time, reference: "A")], [try checkin("A", time)]).isEmpty)
        #expect(findings([try punch(1, time)], [try checkin("A", time)]).isEmpty)
        #expect(
            findings(
                [try punch(1, time, employee: "hr-emp-1", direction: .in)],
                [try checkin("A", time, logType: "IN", device: "")]
            ).isEmpty)
    }

    @Test func `a journal without decisions is matched by terminal and time`() throws {
        let time = "2026-11-02 08:00:00"
        let expected = [
            try punch(1, time, employee: nil, decided: false),
            try punch(2, time, employee: nil, decided: false),
        ]
        let found = [
            try checkin("A", time, employee: "HR-EMP-7", device: "gate-1"),
            try checkin("B", time, employee: "HR-EMP-8"),
        ]
        #expect(findings(expected, found).isEmpty)
        #expect(findings(expected, Array(found.prefix(1))) == ["missing 2"])
    }

    @Test func `a directory's word finds the employee and judges nobody`() throws {
        let time = "2026-11-02 08:00:00"
        let hinted = try punch(1, time, employee: "HR-EMP-1", decided: false)
        #expect(findings([hinted], [try checkin("A", time, employee: "HR-EMP-2")]).isEmpty)
        #expect(
            findings(
                [hinted],
                [try checkin("A", time, employee: "HR-EMP-2"), try checkin("B", time, employee: "HR-EMP-1")])
                == ["extra A"])
    }

    @Test func `each difference is told for itself`() throws {
        let time = "2026-11-02 08:00:00"
        let sent = try punch(1, time, reference: "A", direction: .in)
        #expect(
            findings([sent], [try checkin("A", "2026-11-02 08:00:01", employee: "HR-EMP-2", logType: "OUT")])
                == ["different-direction 1", "different-employee 1", "different-time 1"])
        #expect(findings([sent], [try checkin("A", time)]) == ["different-direction 1"])
        #expect(
            findings([try punch(1, time, reference: "A")], [try checkin("A", time, logType: "OUT")]).isEmpty)
        // Without a name: the same terminal in the same second.
        #expect(
            findings([try punch(1, time)], [try checkin("B", time, employee: "HR-EMP-2")])
                == ["different-employee 1"])
    }

    @Test func `one check-in answers for two terminals in one second`() throws {
        let time = "2026-11-02 08:00:00"
        let other = try #require(SerialNumber("GATE-2"))
        for reference in ["A", nil] {
            let expected = [
                try punch(1, time, reference: reference),
                try punch(2, time, reference: reference, terminal: other),
            ]
            #expect(findings(expected, [try checkin("A", time)]).isEmpty)
        }
    }

    @Test func `the same second twice is doubled, from wherever it came`() throws {
        let time = "2026-11-02 08:00:00"
        let sent = try punch(1, time, reference: "A", direction: .in)
        let first = try checkin("A", time, logType: "IN")
        for copy in [
            try checkin("B", time, logType: "IN"),
            try checkin("B", time, logType: "OUT", device: "elsewhere"),
        ] {
            #expect(findings([sent], [copy, first]) == ["doubled 1"])
        }
        // A copy that was made after the first was moved by hand.
        #expect(
            findings(
                [sent], [try checkin("B", time)],
                lookedUp: [try checkin("A", "2026-11-05 08:00:00", logType: "IN")])
                == ["different-time 1", "doubled 1"])
    }

    @Test func `what is owed, refused or suppressed is counted, and explains what is there`() throws {
        let time = "2026-11-02 08:00:00"
        for standing in [ExpectedCheckin.Standing.pending, .refused, .suppressed, .notMeant] {
            let expected = [try punch(1, time, standing: standing)]
            #expect(findings(expected, []).isEmpty)
            #expect(findings(expected, [try checkin("A", time)]).isEmpty)
        }
        // It takes nothing from one that must be there.
        #expect(
            findings([try punch(1, time, standing: .pending), try punch(2, time)], [try checkin("A", time)])
                .isEmpty)
    }

    @Test func `only our terminals' check-ins are extra, others are counted`() throws {
        var reconciliation = Reconciliation(devices: [Self.gate], misfiled: ["B": 17])
        let found = [
            try checkin("A", "2026-11-02 08:00:00", device: "mobile app"),
            try checkin("B", "2026-11-02 08:00:01", device: "gate-1"),
            try checkin("C", "2026-11-02 08:00:02", device: ""),
        ]
        #expect(reconciliation.compare(.init(expected: [], found: found)).isEmpty)
        let extras = reconciliation.finish()
        #expect(extras.map(Self.label) == ["extra B"])
        #expect(extras.first?.misfiledFor == 17)
        #expect(reconciliation.figures.elsewhere == 2)
        #expect(reconciliation.figures.found == 3)
        #expect(!reconciliation.figures.isAgreed)
    }

    @Test func `a check-in moved into the time from outside is no extra`() throws {
        var reconciliation = Reconciliation(devices: [Self.gate])
        _ = reconciliation.compare(
            .init(expected: [], found: [try checkin("A", "2026-11-02 08:00:00")]))
        #expect(reconciliation.holdsExtras)
        let outside = try punch(1, "2026-11-01 08:00:00", reference: "A", standing: .notMeant)
        #expect(reconciliation.claim([outside]).map(Self.label) == ["different-time 1"])
        #expect(reconciliation.finish().isEmpty)
    }

    /// What was done to one check-in of the model site.
    private enum Harm: CaseIterable {
        case none, deleted, moved, turned, givenAway, doubled
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func `all and only the injected differences are found, also across windows`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let terminals = try (1...4).map { try #require(SerialNumber("T\($0)")) }
        let days = 5
        var expected: [ExpectedCheckin] = []
        var site: [FoundCheckin] = []
        var injected: [String] = []
        var figures = ReconciliationFigures()
        /// Each second is used once, so that no two differences can be taken for each other.
        var seconds = (0..<Int64(days) * 86_400).shuffled(using: &random)[...]
        func time() -> WallTime { WallTime(seconds: Self.start.seconds + (seconds.popFirst() ?? 0)) }

        for number in 1...3_000 as ClosedRange<Int64> {
            let standing: ExpectedCheckin.Standing =
                Bool.random(using: &random) || Bool.random(using: &random)
                ? .delivered
                : [.pending, .refused, .suppressed, .notMeant].randomElement(using: &random) ?? .pending
            let isNamed = standing == .delivered && random.next() % 4 != 0
            let isDecided = isNamed || random.next() % 2 == 0
            let name = "EMP-CKIN-\(number)"
            let employee = "HR-EMP-\(random.next() % 200)"
            let punch = ExpectedCheckin(
                punch: number, terminal: try #require(terminals.randomElement(using: &random)),
                enrollID: EnrollID(number: random.next() % 200), standing: standing,
                reference: isNamed ? name : nil, employee: isDecided ? employee : nil,
                employeeIsDecided: isDecided, time: time(),
                direction: isDecided ? [.in, .out, nil].randomElement(using: &random) ?? nil : nil)
            expected.append(punch)
            switch standing {
            case .delivered: figures.delivered += 1
            case .pending: figures.pending += 1
            case .refused: figures.refused += 1
            case .suppressed: figures.suppressed += 1
            case .notMeant: break
            }
            var checkin = FoundCheckin(
                name: name, employee: employee, time: punch.time,
                logType: punch.direction?.rawValue ?? "", deviceID: punch.terminal.text.lowercased())
            guard standing == .delivered else {
                if random.next() % 4 == 0 { site.append(checkin) }
                continue
            }
            let harm =
                random.next() % 5 == 0 ? Harm.allCases.randomElement(using: &random) ?? .none : .none
            switch harm {
            case .none: site.append(checkin)
            case .deleted: injected.append("missing \(number)")
            case .moved:
                checkin.time = time()
                site.append(checkin)
                injected += isNamed ? ["different-time \(number)"] : ["missing \(number)", "extra \(name)"]
            case .turned:
                checkin.logType = checkin.logType == "IN" ? "OUT" : "IN"
                site.append(checkin)
                if punch.direction != nil { injected.append("different-direction \(number)") }
            case .givenAway:
                checkin.employee = "HR-EMP-other"
                site.append(checkin)
                if isDecided { injected.append("different-employee \(number)") }
            case .doubled:
                site.append(checkin)
                checkin.name += "-again"
                site.append(checkin)
                // Without an employee of our own the two cannot be told from one another, but there are two.
                injected.append("doubled \(number)")
            }
        }
        for number in 1...50 {
            let isOurs = random.next() % 2 == 0
            site.append(
                FoundCheckin(
                    name: "BY-HAND-\(number)", employee: "HR-EMP-\(random.next() % 200)", time: time(),
                    deviceID: isOurs ? "t\(random.next() % 4 + 1)" : "phone"))
            if isOurs { injected.append("extra BY-HAND-\(number)") } else { figures.elsewhere += 1 }
        }

        var reconciliation = Reconciliation(devices: Set(terminals))
        var findings: [ReconciliationFinding] = []
        for day in 0..<days {
            let from = WallTime(seconds: Self.start.seconds + Int64(day) * 86_400)
            let window = from..<WallTime(seconds: from.seconds + 86_400)
            let read = Reconciliation.Window(
                expected: expected.filter { window.contains($0.time) },
                found: site.filter { window.contains($0.time) }.shuffled(using: &random))
            let names = Set(read.unseen)
            findings += reconciliation.compare(read, lookedUp: site.filter { names.contains($0.name) })
        }
        findings += reconciliation.finish()
        #expect(findings.map(Self.label).sorted() == injected.sorted())
        #expect(reconciliation.figures.delivered == figures.delivered)
        #expect(reconciliation.figures.pending == figures.pending)
        #expect(reconciliation.figures.refused == figures.refused)
        #expect(reconciliation.figures.suppressed == figures.suppressed)
        #expect(reconciliation.figures.elsewhere == figures.elsewhere)
        #expect(reconciliation.figures.found == site.count)
        #expect(!injected.isEmpty)
    }
}
