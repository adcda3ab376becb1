import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// What the journal holds as the site should show it.
struct ExpectedCheckins: Sendable {
    /// The zone in which times were sent where no decision is kept; nil: the terminals' own.
    let zone: ZoneRules?
    /// As the gateway has read them.
    let people: PeopleOfSite
    /// Only this employee's must be there; those of others only explain what is found.
    let employee: String?

    /// Nil for a punch whose time nobody knows.
    func make(_ entry: JournalEntry) -> ExpectedCheckin? {
        guard let time = time(of: entry) else { return nil }
        let decided = entry.decision?.employee
        let employee =
            decided
            ?? people.employee(entry.punch.enrollID, alias: entry.punch.alias, at: entry.terminal)?.name
        var standing: ExpectedCheckin.Standing
        var reference: String?
        switch entry.state {
        case .owed: standing = .pending
        case .delivered(_, let name):
            standing = .delivered
            reference = name
        case .dead, .discarded: standing = .refused
        case .suppressed: standing = .suppressed
        case .held, .notOwed: standing = .notMeant
        }
        if let wanted = self.employee, wanted.lowercased() != employee?.lowercased() { standing = .notMeant }
        return ExpectedCheckin(
            punch: entry.id, terminal: entry.terminal, enrollID: entry.punch.enrollID,
            name: entry.employeeName ?? entry.punch.name, standing: standing, reference: reference,
            employee: employee, employeeIsDecided: decided != nil, time: time,
            direction: entry.decision?.direction)
    }

    private func time(of entry: JournalEntry) -> WallTime? {
        if let decision = entry.decision { return decision.time }
        return entry.believedTime.map { zone?.wallTime(at: $0.instant) ?? $0.wall }
    }
}

/// Goes through the journal in order of the terminals' clocks and hands it out in order of the site's.
struct JournalWindows {
    /// No two clocks on earth are further apart (UTC+14 and UTC-12).
    static let margin: Int64 = 26 * 3600
    private static let page = 500

    private let journal: any JournalReading
    private let make: @Sendable (JournalEntry) -> ExpectedCheckin?
    private let filter: PunchFilter
    private let lower: WallTime
    /// Punches with a greater number came in meanwhile.
    private var known: Int64
    private var cursor: PunchCursor?
    private var isAtEnd = false
    private var waiting: [ExpectedCheckin] = []

    /// - Parameters:
    ///   - range: of the site's time.
    init(
        journal: any JournalReading, sink: SinkName, range: Range<WallTime>,
        make: @escaping @Sendable (JournalEntry) -> ExpectedCheckin?
    ) async throws {
        self.journal = journal
        self.make = make
        lower = range.lowerBound
        filter = PunchFilter(
            from: WallTime(seconds: range.lowerBound.seconds - Self.margin),
            until: WallTime(seconds: range.upperBound.seconds + Self.margin), kinds: [.person], sink: sink)
        // Rows are never deleted: the count is also the highest number.
        known = Int64(try await journal.status().punches)
        try await readCorrected(in: range, sink: sink)
    }

    /// Those with a time before `end` that were not handed out yet.
    mutating func next(before end: WallTime) async throws -> [ExpectedCheckin] {
        let enough = WallTime(seconds: end.seconds + Self.margin)
        while !isAtEnd, cursor.map({ $0.time < enough }) ?? true {
            let page = try await journal.punches(filter, after: cursor, limit: Self.page)
            guard let last = page.last else {
                isAtEnd = true
                break
            }
            for entry in page where entry.id <= known && !entry.punch.doubt.isDoubtful {
                if let expected = make(entry), expected.time >= lower { waiting.append(expected) }
            }
            cursor = PunchCursor(time: last.punch.time, id: last.id)
        }
        let now = waiting.filter { $0.time < end }
        waiting.removeAll { $0.time < end }
        return now
    }

    /// Punches of `range` that came in since the start. They are read after the site was, so that one that was delivered
    /// in between explains its check-in; whether it must be there already is not to be said without its name.
    mutating func newcomers(in range: Range<WallTime>) async throws -> [ExpectedCheckin] {
        var found: [ExpectedCheckin] = []
        var number = known
        while true {
            let page = try await journal.punches(
                numbered: (1...Int64(Self.page)).map { number + $0 }, at: filter.sink)
            for entry in page where entry.punch.kind == .person {
                guard var expected = make(entry), range.contains(expected.time) else { continue }
                if expected.standing == .delivered, expected.reference == nil { expected.standing = .pending }
                found.append(expected)
            }
            guard page.count == Self.page else { return found }
            number += Int64(Self.page)
        }
    }

    /// A doubtful time may stand anywhere in the journal, and what it was corrected to decides where it belongs.
    private mutating func readCorrected(in range: Range<WallTime>, sink: SinkName) async throws {
        var after: Int64 = 0
        while true {
            let page = try await journal.doubtful(after: after, limit: Self.page)
            guard let last = page.last else { return }
            after = last.id
            let corrected = page.filter { $0.id <= known && $0.believedTime != nil }.map(\.id)
            guard !corrected.isEmpty else { continue }
            waiting += try await journal.punches(numbered: corrected, at: sink).compactMap(make)
                .filter { range.contains($0.time) }
        }
    }
}
