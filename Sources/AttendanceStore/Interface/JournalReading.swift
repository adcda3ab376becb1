import AttendanceCore

/// Looking at a journal without changing it: what command-line verbs may do beside a running gateway.
///
/// Every answer is a page: no read lasts longer than the call, so that nothing slow holds the journal's past in place.
package protocol JournalReading: PeopleReading, AccessReading, AccountReading,
    ConsoleReading
{
    // MARK: Punches

    /// Oldest wall time first, by (wall time, number), at most `limit`.
    func punches(_ filter: PunchFilter, after: PunchCursor?, limit: Int) async throws -> [JournalEntry]
    /// Punches by number, in that order, with their state at `sink`; those that do not exist are left out.
    func punches(numbered ids: [Int64], at sink: SinkName) async throws -> [JournalEntry]
    /// Every attempt at a punch, by sink and number.
    func attempts(for punch: Int64) async throws -> [RecordedAttempt]
    /// Punches of people with any of these canonical enroll ids, of any terminal, whose believed instant (seconds
    /// since 1970 UTC) lies in `from..<until`; the earliest first, at most `limit`. For ranges of a few days.
    func dayPunches(of ids: [String], from: Int64, until: Int64, limit: Int) async throws -> [DayPunch]
    /// Whom terminals have seen since `from`: by enroll id and terminal, at most `limit`. Reads all that while.
    func seenPeople(from: WallTime, limit: Int) async throws -> [SeenPerson]

    // MARK: What could not be understood

    /// With a number greater than `after`, by number, at most `limit`.
    func quarantine(after: Int64, limit: Int) async throws -> [QuarantineEntry]
    /// Punches with a doubtful time, decided on or not, with a number greater than `after`, by number.
    func doubtful(after: Int64, limit: Int) async throws -> [JournalEntry]

    // MARK: Delivery

    /// With a number greater than `after`, by number, at most `limit`.
    func deadLetters(_ filter: DeadLetterFilter, after: Int64, limit: Int) async throws -> [DeadLetter]
    /// By sink and cause, the largest group first. Reads all dead letters.
    func deadLetterGroups(_ filter: DeadLetterFilter) async throws -> [DeadLetterGroup]
    /// Check-ins that a site made wrongly, of punches with a number greater than `after`.
    func misfiled(at sink: SinkName, after: Int64, limit: Int) async throws -> [MisfiledCheckin]
    /// Check-ins that came too late to be counted, of punches with a number greater than `after`.
    func lateDeliveries(at sink: SinkName, after: Int64, limit: Int) async throws -> [LateDelivery]
    /// For each terminal the earliest instant (seconds since 1970 UTC) of what is still owed of it to a sink. Reads
    /// all that is owed.
    func oldestOwed(to sink: SinkName) async throws -> [SerialNumber: Int64]

    // MARK: Sites

    /// By document name, names greater than `after` (at first ""), at most `limit`.
    func employees(of sink: SinkName, after: String, limit: Int) async throws -> [Employee]
    func mappings(of sink: SinkName) async throws -> [EmployeeMapping]
    func facts(of sink: SinkName) async throws -> [String: SiteFact]

    // MARK: Terminals

    /// By serial number (folded), those after `after`, at most `limit`.
    func terminals(after: SerialNumber?, limit: Int) async throws -> [TerminalRecord]
    /// Nil for one that was never heard of.
    func terminal(_ serial: SerialNumber) async throws -> TerminalRecord?
    /// The last clock reading at or before a moment; without one, the first after it.
    func clockReading(of terminal: SerialNumber, near moment: UnixTime) async throws -> ClockReading?

    // MARK: Commands

    /// With a number greater than `after`, by number, at most `limit`.
    func commands(_ filter: CommandFilter, after: Int64, limit: Int) async throws -> [CommandRecord]
    /// With a number below `before`, the newest first, at most `limit`.
    func latestCommands(_ filter: CommandFilter, before: Int64, limit: Int) async throws -> [CommandRecord]
    /// Nil for a terminal that was never heard of.
    func commandTarget(_ serial: SerialNumber) async throws -> CommandTarget?
    /// Reads all commands that have not ended.
    func commandStanding(longest: Int) async throws -> CommandStanding
    /// Words that a firmware was seen to refuse (false) or to know (true).
    func knownWords(of firmware: String) async throws -> [String: Bool]

    // MARK: The gateway

    /// With a number greater than `after`, by number, at most `limit`.
    func auditTrail(after: Int64, limit: Int) async throws -> [AuditEntry]
    /// The same rows as they stand there, with their hashes.
    func auditRows(after: Int64, limit: Int) async throws -> [AuditRow]
    func alerts() async throws -> [AlertRecord]
    /// In a `Store` cheap: counters kept while running, and one look at each queue's head.
    func status() async throws -> StoreStatus
}

/// Something a site said of itself, and when.
package struct SiteFact: Hashable, Sendable {
    package var value: String
    package var at: UnixTime

    package init(value: String, at: UnixTime) {
        self.value = value
        self.at = at
    }
}
