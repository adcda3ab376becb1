import AttendanceCore
import AttendanceStore

/// Directions and accidental repeats at one sink, by the rules over what the journal holds of a person.
///
/// A person is one enroll id within one id space, at the terminals that go to this sink: what another terminal calls
/// by the same number is somebody else, and what is not sent here neither turns a direction round nor is repeated. The
/// journal is read only where a rule needs the person's other punches.
package struct JournalRuling: Sendable {
    /// Zero knows no repeats.
    package var repeatWindow: @Sendable () -> Duration
    package var rule: @Sendable (SerialNumber) -> DirectionRule
    /// When the shift day begins by a terminal's clock, in seconds of the day; nil: in the middle of the person's time
    /// off where their shift is known, else at the usual hour.
    package var dayStart: @Sendable (SerialNumber) -> Int?
    package var space: @Sendable (SerialNumber) -> String
    /// Whether a terminal's punches go to this sink.
    package var isRouted: @Sendable (SerialNumber) -> Bool
    private let journal: any JournalReading

    /// More punches of one person are not looked at.
    package static let maximumPunches = 5_000

    package init(
        journal: any JournalReading, repeatWindow: @escaping @Sendable () -> Duration = { .zero },
        rule: @escaping @Sendable (SerialNumber) -> DirectionRule = { _ in .none },
        dayStart: @escaping @Sendable (SerialNumber) -> Int? = { _ in nil },
        space: @escaping @Sendable (SerialNumber) -> String = { _ in "" },
        isRouted: @escaping @Sendable (SerialNumber) -> Bool = { _ in true }
    ) {
        self.journal = journal
        self.repeatWindow = repeatWindow
        self.rule = rule
        self.dayStart = dayStart
        self.space = space
        self.isRouted = isRouted
    }

    package func callAsFunction(
        _ owed: OwedPunch, usualShift shift: ShiftType?
    ) async throws -> AttributionRules.Ruling {
        let usual = shift.map { ShiftDay.start(ofShiftFrom: $0.start, until: $0.end) } ?? ShiftDay.usualStart
        let rules = AttributionRules(
            repeatWindow: repeatWindow(), rule: rule,
            dayStart: { [dayStart] terminal in dayStart(terminal) ?? usual })
        let punch = DayPunch(owed)
        guard let span = rules.needs(punch) else { return rules.ruling(on: punch, day: []) }
        let day = try await journal.dayPunches(
            of: [owed.enrollID.canonical], from: span.lowerBound, until: span.upperBound + 1,
            limit: Self.maximumPunches)
        let home = space(punch.terminal)
        return rules.ruling(
            on: punch, day: day.filter { isRouted($0.terminal) && space($0.terminal) == home })
    }
}

extension DayPunch {
    init(_ punch: OwedPunch) {
        self.init(
            id: punch.id, terminal: punch.terminal, time: punch.time, instant: punch.instant,
            inOut: punch.inOut, event: punch.event, mode: punch.mode)
    }
}
