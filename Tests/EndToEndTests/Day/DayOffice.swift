import AttendanceSimulation

/// Terminals in one place, as they are set up in `config.ini`, and what their clocks show.
///
/// The offsets are those of 28 and 29 March 2026, written out by hand, so that nothing of the gateway's own
/// arithmetic is in what is expected.
enum DayOffice: CaseIterable, Sendable {
    /// In the site's own zone; people press a key.
    case works
    /// Where the clocks are set forward in the night; people take turns.
    case branch
    /// With a numbering of its own; doors that lead one way, and a gate that goes by the hour.
    case plant

    /// 28 March 2026, 00:00 UTC, in seconds since 1970.
    static let midnight: Int64 = 1_774_656_000
    static let siteZone = "Asia/Kolkata"
    /// Seconds east of UTC.
    static let siteOffset: Int64 = 19_800
    static let repeatWindow: Int64 = 60

    func offset(at instant: Int64) -> Int64 {
        switch self {
        case .works: 19_800
        // Central European Summer Time begins on 29 March 2026 at 01:00 UTC.
        case .branch: instant < Self.midnight + 90_000 ? 3_600 : 7_200
        // Eastern Daylight Time has begun on 8 March 2026.
        case .plant: -14_400
        }
    }

    var terminals: [String] {
        switch self {
        case .works: ["WORKS-1", "WORKS-2", "WORKS-3", "WORKS-4"]
        case .branch: ["BRANCH-1", "BRANCH-2", "BRANCH-3"]
        case .plant: [Self.doorIn, Self.doorOut, Self.gate]
        }
    }
    static let doorIn = "PLANT-IN"
    static let doorOut = "PLANT-OUT"
    static let gate = "PLANT-GATE"
    /// Without a network for some hours; then it sends what it has kept.
    static let wandering = "WORKS-4"

    /// The people's numbers on these terminals: those of works and plant are the same.
    var badges: ClosedRange<Int> {
        switch self {
        case .works: 1...800
        case .branch: 2_001...2_600
        case .plant: 1...600
        }
    }

    static let plantField = "plant_number"

    static let settings = """
        [Group Works]
        TimeZone = Asia/Kolkata
        Direction = terminal
        [Group Branch]
        TimeZone = Europe/Berlin
        Direction = alternate
        [Group Plant]
        TimeZone = America/New_York
        EmployeeField = \(plantField)
        Direction = in
        [Terminal WORKS-1]
        Group = Works
        [Terminal WORKS-2]
        Group = Works
        [Terminal WORKS-3]
        Group = Works
        [Terminal WORKS-4]
        Group = Works
        [Terminal BRANCH-1]
        Group = Branch
        [Terminal BRANCH-2]
        Group = Branch
        [Terminal BRANCH-3]
        Group = Branch
        [Terminal \(doorIn)]
        Group = Plant
        [Terminal \(doorOut)]
        Group = Plant
        Direction = out
        [Terminal \(gate)]
        Group = Plant
        Direction = hours
        DirectionHours = 04:00-12:00 in, 12:00-04:00 out
        """
}

/// One of the two thousand.
struct DayPerson: Sendable {
    let office: DayOffice
    let number: Int
    let worksAtNight: Bool
    /// Punches before anybody has made an Employee of them.
    let isNewcomer: Bool

    /// Every tenth works at night, every fiftieth is new.
    static let all: [DayPerson] = DayOffice.allCases.flatMap { office in
        office.badges.map { number in
            DayPerson(
                office: office, number: number, worksAtNight: number % 10 == 0,
                isNewcomer: number % 50 == 7)
        }
    }

    var name: String { "HR-EMP-\(office)-\(number)".uppercased() }

    /// As the terminal sends it. In the branch half of them have leading zeros that ERPNext does not know.
    var badge: SimulatedRecord.Identifier {
        office == .branch && number % 2 == 0 ? .text("00\(number)") : .number(UInt64(number))
    }

    var employee: SimulatedEmployee {
        SimulatedEmployee(
            name: name, deviceID: office == .plant ? "" : "\(number)", employeeName: "Person \(number)",
            defaultShift: worksAtNight ? "Night" : number % 3 == 0 ? nil : "Day",
            fields: office == .plant ? [DayOffice.plantField: "\(number)"] : [:])
    }
}
