import AttendanceCore
import AttendanceSimulation
import Foundation

/// A check-in as it has to stand in ERPNext.
struct DayCheckin: Hashable, Sendable {
    var employee: String
    /// By the site's clock.
    var time: String
    var direction: String
    var terminal: String
}

/// Somebody at a terminal, and what has to come of it.
struct DayRecord: Sendable {
    var badge: SimulatedRecord.Identifier
    /// Nil for strangers and doors.
    var person: Int?
    var terminal: String
    var office: DayOffice
    /// Seconds since 1970 UTC.
    var instant: Int64
    /// `inout` as the terminal sends it.
    var key = 0
    /// What the person did; nil for what must not arrive.
    var direction: String?

    var sent: SimulatedRecord {
        SimulatedRecord(
            enrollID: badge, time: Self.text(instant + office.offset(at: instant)), name: nil, mode: 1,
            inOut: key)
    }

    var wanted: DayCheckin? {
        guard let person, let direction else { return nil }
        return DayCheckin(
            employee: DayPerson.all[person].name, time: Self.text(instant + DayOffice.siteOffset),
            direction: direction, terminal: terminal)
    }

    /// A wall clock that shows so many seconds since 1970.
    static func text(_ seconds: Int64) -> String {
        String(Date(timeIntervalSince1970: TimeInterval(seconds)).description.prefix(19))
    }
}

/// What everybody does on that day, in the order in which it is sent, and what must stand in ERPNext afterwards.
///
/// Directions are told by what people do (come, go, come, go), never by a rule over punches.
struct DayPlan: Sendable {
    let seed: UInt64
    /// One for each turn of the weather.
    let slices: [[DayRecord]]
    /// Newcomers who become employees at the beginning of a turn.
    let hired: [Int: [Int]]
    /// Accidental repeats.
    let repeats: Int
    let others: Int

    var records: [DayRecord] { slices.flatMap(\.self) }

    init(seed: UInt64, turns: Int) {
        self.seed = seed
        var maker = DayMaker(generator: SeededGenerator(seed: seed))
        for index in DayPerson.all.indices { maker.live(index) }
        maker.addOthers()
        repeats = maker.repeats
        others = maker.records.count { $0.person == nil }
        let order = maker.records.enumerated().sorted {
            ($0.element.instant, $0.offset) < ($1.element.instant, $1.offset)
        }
        .map(\.element)

        // Terminals send at the same time within a turn, so what somebody does at another terminal comes in a later one.
        var turn: [Int] = []
        var last: [Int: (turn: Int, terminal: String)] = [:]
        var visits: [Int: [Int]] = [:]
        for (place, record) in order.enumerated() {
            var own = place * turns / order.count
            if let person = record.person {
                if let before = last[person] {
                    own = max(own, before.turn + (before.terminal == record.terminal ? 0 : 1))
                }
                last[person] = (own, record.terminal)
                if record.direction != nil { visits[person, default: []].append(own) }
            }
            turn.append(min(own, turns - 1))
        }
        // Keys tell the direction there, so a terminal that is hours late changes nothing.
        let away = turns / 4..<turns * 6 / 10
        for place in order.indices
        where order[place].terminal == DayOffice.wandering && away.contains(turn[place]) {
            turn[place] = away.upperBound
        }
        var slices = [[DayRecord]](repeating: [], count: turns)
        for (record, turn) in zip(order, turn) { slices[turn].append(record) }
        self.slices = slices
        var hired: [Int: [Int]] = [:]
        for (index, person) in DayPerson.all.enumerated() where person.isNewcomer {
            hired[min(visits[index, default: []].dropFirst(2).first ?? 0, turns - 1), default: []].append(
                index)
        }
        self.hired = hired
    }
}

/// Makes up what people do.
private struct DayMaker {
    var generator: SeededGenerator
    var records: [DayRecord] = []
    var repeats = 0

    init(generator: SeededGenerator) { self.generator = generator }

    private mutating func number(_ range: ClosedRange<Int64>) -> Int64 {
        Int64.random(in: range, using: &generator)
    }

    /// Comes, leaves for a meal, comes back, leaves.
    mutating func live(_ index: Int) {
        let person = DayPerson.all[index]
        let midnight = DayOffice.midnight - person.office.offset(at: DayOffice.midnight)
        let times: [Int64]
        if person.worksAtNight {
            // In Berlin the meal begins about when the clocks are set forward.
            let start = midnight + number(78_000...79_500)
            let meal = start + number(12_000...16_000)
            times = [start, meal, meal + number(1_800...3_000), start + number(28_000...30_000)]
        } else {
            times = [
                midnight + number(26_000...33_500), midnight + number(43_300...45_500),
                midnight + number(46_000...48_000), midnight + number(60_000...67_000),
            ]
        }
        let doorsOnly = person.worksAtNight || number(0...1) == 0
        let keys = number(0...1) == 0 ? [0, 1, 0, 1] : [0, 2, 3, 1]
        for (visit, time) in times.enumerated() {
            var record = DayRecord(
                badge: person.badge, person: index, terminal: "", office: person.office, instant: time,
                direction: visit % 2 == 0 ? "IN" : "OUT")
            switch person.office {
            case .works, .branch:
                record.terminal = person.office.terminals.randomElement(using: &generator) ?? ""
            case .plant:
                let isOuter = visit == 0 || visit == 3
                record.terminal =
                    isOuter && !doorsOnly
                    ? DayOffice.gate : visit % 2 == 0 ? DayOffice.doorIn : DayOffice.doorOut
            }
            if person.office == .works { record.key = keys[visit] }
            records.append(record)
            addOddity(after: record, visit: visit, person)
        }
    }

    private mutating func addOddity(after record: DayRecord, visit: Int, _ person: DayPerson) {
        var further = record
        switch (person.office, person.number % 40) {
        case (.works, 3) where visit == 0:
            // The wrong key, and then the right one: both are somebody's word.
            further.instant -= 8
            further.key = 1
            further.direction = "OUT"
            records.append(further)
        case (.plant, 3) where visit == 2:
            // Forgot something: out again and back.
            further.instant += number(15...40)
            further.terminal = DayOffice.doorOut
            further.direction = "OUT"
            records.append(further)
            further.instant = record.instant + number(90...120)
            further.terminal = DayOffice.doorIn
            further.direction = "IN"
            records.append(further)
        case (_, 3): break
        default:
            guard generator.happens(0.03) else { return }
            further.direction = nil
            // At the next terminal, where taking turns makes no difference between them.
            if person.office == .branch, generator.happens(0.4) {
                further.terminal = person.office.terminals.randomElement(using: &generator) ?? ""
            }
            var after: Int64 = 0
            for _ in 0..<(generator.happens(0.2) ? 2 : 1) {
                after += number(2...(DayOffice.repeatWindow / 2))
                further.instant = record.instant + after
                records.append(further)
                repeats += 1
            }
        }
    }

    /// Doors that were opened and faces that no terminal knows.
    mutating func addOthers() {
        for office in DayOffice.allCases {
            for terminal in office.terminals {
                for visit in 0..<6 {
                    let instant = DayOffice.midnight + number(20_000...70_000)
                    records.append(
                        DayRecord(
                            badge: .number(visit % 2 == 0 ? 0 : 99_999_999), person: nil, terminal: terminal,
                            office: office, instant: instant))
                }
            }
        }
    }
}
