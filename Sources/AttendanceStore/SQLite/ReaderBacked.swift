import AttendanceCore
import GRDB

/// Whoever reads from a pool of read-only connections: the running store, and those who look beside it.
protocol ReaderBacked: JournalReading {
    var readers: ReaderPool { get }
    var personDays: PersonDays { get }
    var columns: PunchColumns { get }
}

extension ReaderBacked {
    // MARK: Punches

    package func punches(_ filter: PunchFilter, after: PunchCursor?, limit: Int) async throws
        -> [JournalEntry]
    {
        try await readers.read { try Queries.punches($0, filter, after: after, limit: limit) }
    }

    package func punches(numbered ids: [Int64], at sink: SinkName) async throws -> [JournalEntry] {
        try await readers.read { try Queries.punches($0, numbered: ids, at: sink) }
    }

    package func attempts(for punch: Int64) async throws -> [RecordedAttempt] {
        try await readers.read { try Queries.attempts($0, for: punch) }
    }

    package func dayPunches(of ids: [String], from: Int64, until: Int64, limit: Int) async throws
        -> [DayPunch]
    {
        try await readers.read { [personDays] db in
            try personDays.punches(db, of: ids, from: from, until: until, limit: limit)
        }
    }

    package func seenPeople(from: WallTime, limit: Int) async throws -> [SeenPerson] {
        try await readers.read { try Queries.seenPeople($0, from: from, limit: limit) }
    }

    // MARK: What could not be understood

    package func quarantine(after: Int64, limit: Int) async throws -> [QuarantineEntry] {
        try await readers.read { try Queries.quarantine($0, after: after, limit: limit) }
    }

    package func doubtful(after: Int64, limit: Int) async throws -> [JournalEntry] {
        try await readers.read { try Queries.doubtful($0, after: after, limit: limit) }
    }

    // MARK: Delivery

    package func deadLetters(_ filter: DeadLetterFilter, after: Int64, limit: Int) async throws
        -> [DeadLetter]
    {
        try await readers.read { try Queries.deadLetters($0, filter, after: after, limit: limit) }
    }

    package func deadLetterGroups(_ filter: DeadLetterFilter) async throws -> [DeadLetterGroup] {
        try await readers.read { try Queries.deadLetterGroups($0, filter) }
    }

    package func misfiled(at sink: SinkName, after: Int64, limit: Int) async throws -> [MisfiledCheckin] {
        try await readers.read { try Queries.misfiled($0, at: sink, after: after, limit: limit) }
    }

    package func lateDeliveries(at sink: SinkName, after: Int64, limit: Int) async throws -> [LateDelivery] {
        try await readers.read { try Queries.lateDeliveries($0, at: sink, after: after, limit: limit) }
    }

    package func oldestOwed(to sink: SinkName) async throws -> [SerialNumber: Int64] {
        try await readers.read { try Queries.oldestOwed($0, to: sink) }
    }

    // MARK: Sites

    package func employees(of sink: SinkName, after: String, limit: Int) async throws -> [Employee] {
        try await readers.read { try Queries.employees($0, of: sink, after: after, limit: limit) }
    }

    package func mappings(of sink: SinkName) async throws -> [EmployeeMapping] {
        try await readers.read { try Queries.mappings($0, of: sink) }
    }

    package func facts(of sink: SinkName) async throws -> [String: SiteFact] {
        try await readers.read { try Queries.facts($0, of: sink) }
    }

    // MARK: Terminals

    package func terminals(after: SerialNumber?, limit: Int) async throws -> [TerminalRecord] {
        try await readers.read { try Queries.terminals($0, after: after, limit: limit) }
    }

    package func terminal(_ serial: SerialNumber) async throws -> TerminalRecord? {
        try await readers.read { try Queries.terminal($0, serial) }
    }

    package func clockReading(of terminal: SerialNumber, near moment: UnixTime) async throws -> ClockReading?
    {
        try await readers.read { try Queries.clockReading($0, of: terminal, near: moment) }
    }

    // MARK: Commands

    package func commands(_ filter: CommandFilter, after: Int64, limit: Int) async throws -> [CommandRecord] {
        try await readers.read { try Queries.commands($0, filter, .after(after), limit: limit) }
    }

    package func latestCommands(_ filter: CommandFilter, before: Int64, limit: Int) async throws
        -> [CommandRecord]
    {
        try await readers.read { try Queries.commands($0, filter, .before(before), limit: limit) }
    }

    package func commandTarget(_ serial: SerialNumber) async throws -> CommandTarget? {
        try await readers.read { try Queries.commandTarget($0, serial) }
    }

    package func commandStanding(longest: Int) async throws -> CommandStanding {
        try await readers.read { try Queries.commandStanding($0, longest: longest) }
    }

    package func knownWords(of firmware: String) async throws -> [String: Bool] {
        try await readers.read { try Queries.knownWords($0, of: firmware) }
    }

    // MARK: The gateway

    package func auditTrail(after: Int64, limit: Int) async throws -> [AuditEntry] {
        try await readers.read { try Queries.auditTrail($0, after: after, limit: limit) }
    }

    package func auditRows(after: Int64, limit: Int) async throws -> [AuditRow] {
        try await readers.read { try Queries.auditRows($0, after: after, limit: limit) }
    }

    package func alerts() async throws -> [AlertRecord] {
        try await readers.read { try Queries.alerts($0) }
    }

    // MARK: The console

    package func latestPunches(_ search: PunchSearch, before: PunchCursor?, limit: Int) async throws
        -> Page<JournalEntry, PunchCursor>
    {
        try await readers.read { [columns] db in
            try PunchFinder.page(db, search, before: before, limit: Queries.page(limit), columns: columns)
        }
    }

    package func punches(numberedAbove number: Int64, at sink: SinkName, limit: Int) async throws
        -> [JournalEntry]
    {
        try await readers.read { try Queries.punches($0, above: number, at: sink, limit: limit) }
    }

    package func explanation(of punch: Int64) async throws -> PunchExplanation? {
        try await readers.read { try Queries.explanation($0, of: punch) }
    }

    package func people(matching text: String, limit: Int) async throws -> [PersonMatch] {
        try await readers.read { [columns] db in
            // The names that terminals have sent come with the columns.
            _ = try columns.snapshot(db)
            return try Queries.people(db, matching: text, limit: limit, names: columns.names)
        }
    }

    package func latestAttempts(_ search: AttemptSearch, before: AttemptCursor?, limit: Int) async throws
        -> Page<LatestAttempt, AttemptCursor>
    {
        try await readers.read { try Queries.latestAttempts($0, search, before: before, limit: limit) }
    }

    package func latestDeadLetters(_ search: DeadLetterSearch, before: Int64?, limit: Int) async throws
        -> Page<DeadLetter, Int64>
    {
        try await readers.read { try Queries.latestDeadLetters($0, search, before: before, limit: limit) }
    }

    package func latestQuarantine(_ search: QuarantineSearch, before: Int64?, limit: Int) async throws
        -> Page<QuarantineEntry, Int64>
    {
        try await readers.read { try Queries.latestQuarantine($0, search, before: before, limit: limit) }
    }

    package func auditTrail(_ search: AuditSearch, before: Int64?, limit: Int) async throws
        -> Page<AuditEntry, Int64>
    {
        try await readers.read { try Queries.auditTrail($0, search, before: before, limit: limit) }
    }
}
