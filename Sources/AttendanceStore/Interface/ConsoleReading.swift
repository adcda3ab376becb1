import AttendanceCore

/// What a browser or a program asks of the journal while terminals go on sending: pages, newest first, each answered
/// in bounded work.
///
/// A question that would have to look at too much is answered as far as it was looked at: the page then has fewer
/// items than asked for, says how far back it has seen (`Page.searchedBackTo`), and goes on from `next`. So no question
/// holds the journal's past in place, and none is slow, however rare what it asks for.
///
/// Everywhere `limit` is 1 to 500 and more is cut to that. A reach (`terminals`, of a limited account) is nil for all;
/// empty finds nothing.
package protocol ConsoleReading: Sendable {
    // MARK: Punches

    /// Those behind `before` in the order that the search names, which is newest first.
    func latestPunches(_ search: PunchSearch, before: PunchCursor?, limit: Int) async throws
        -> Page<JournalEntry, PunchCursor>
    /// Punches with a number above `number`, by number, with their state at `sink`: what has come since.
    func punches(numberedAbove number: Int64, at sink: SinkName, limit: Int) async throws -> [JournalEntry]
    /// Everything the journal knows of one punch, of one moment; nil where there is none.
    func explanation(of punch: Int64) async throws -> PunchExplanation?
    /// Whoever bears these words in a name, or this number: of rosters, of the sites' employees, of the operator's mapping
    /// and as terminals sent it. Capital or small letters; a match at the beginning of a name comes first. At most 50.
    /// Names that only terminals know are those that searches have met since the start, so some may be missing then.
    func people(matching text: String, limit: Int) async throws -> [PersonMatch]

    // MARK: Deliveries

    /// Attempts at one sink, by when they began, the newest first.
    func latestAttempts(_ search: AttemptSearch, before: AttemptCursor?, limit: Int) async throws
        -> Page<LatestAttempt, AttemptCursor>
    /// By number, the newest first: in the order in which they died.
    func latestDeadLetters(_ search: DeadLetterSearch, before: Int64?, limit: Int) async throws
        -> Page<DeadLetter, Int64>
    /// By number, the newest first.
    func latestQuarantine(_ search: QuarantineSearch, before: Int64?, limit: Int) async throws
        -> Page<QuarantineEntry, Int64>

    // MARK: The gateway

    /// By number, the newest first.
    func auditTrail(_ search: AuditSearch, before: Int64?, limit: Int) async throws
        -> Page<AuditEntry, Int64>
}

/// What changes while one looks: kept in memory, and free of the journal's file.
package protocol LiveReading: Sendable {
    /// The newest punch's number, and word of newer ones.
    var feed: PunchFeed { get }
    /// Punches by when they were received. Counted from the start on, and soon after it also what came before.
    var rates: PunchRates { get }
}

/// Some of what was asked for, and where the rest begins.
package struct Page<Item: Sendable, Cursor: Sendable>: Sendable {
    package var items: [Item]
    /// What to ask for next; nil at the end of the journal.
    package var next: Cursor?
    /// Set where the search stopped at its bound before it had found as many as were asked for: it has looked at
    /// everything newer than this, and goes on from `next`.
    package var searchedBackTo: UnixTime?

    package init(items: [Item], next: Cursor?, searchedBackTo: UnixTime? = nil) {
        self.items = items
        self.next = next
        self.searchedBackTo = searchedBackTo
    }
}

extension Page: Equatable where Item: Equatable, Cursor: Equatable {}

/// Which punches to look for; all given fields must hold. Empty fields ask for nothing.
package struct PunchSearch: Hashable, Sendable {
    package enum Order: String, Hashable, Sendable, CaseIterable {
        /// As they came to the gateway: by number.
        case arrival
        /// By the terminal's clock, then by number.
        case time
    }
    /// What a punch is at a sink: `DeliveryState` without its words.
    package enum State: String, Hashable, Sendable, CaseIterable {
        case owed
        case delivered
        case dead
        case discarded
        case suppressed
        case held
        case notOwed = "not-owed"
    }

    /// More are not looked for.
    package static let mostPeople = 200

    package var order: Order
    /// Any of these canonical enroll ids; nil: everybody's. Of more than `mostPeople` the first are taken.
    package var people: [EnrollID]?
    /// Any of these; nil: of all. Both what was asked for and the reach of who asks.
    package var terminals: Set<SerialNumber>?
    /// The terminal's own clock, `from` included, `until` excluded.
    package var from: WallTime?
    package var until: WallTime?
    package var kinds: Set<PunchKind>
    /// With a doubtful time (true), or without (false); decided on or not.
    package var isDoubtful: Bool?
    /// At `sink`.
    package var state: State?
    /// Whose delivery state is asked for and told.
    package var sink: SinkName

    package init(
        order: Order = .arrival, people: [EnrollID]? = nil, terminals: Set<SerialNumber>? = nil,
        from: WallTime? = nil, until: WallTime? = nil, kinds: Set<PunchKind> = Set(PunchKind.allCases),
        isDoubtful: Bool? = nil, state: State? = nil, sink: SinkName = .erpnext
    ) {
        self.order = order
        self.people = people
        self.terminals = terminals
        self.from = from
        self.until = until
        self.kinds = kinds
        self.isDoubtful = isDoubtful
        self.state = state
        self.sink = sink
    }
}

extension DeliveryState {
    package var kind: PunchSearch.State {
        switch self {
        case .owed: .owed
        case .delivered: .delivered
        case .dead: .dead
        case .discarded: .discarded
        case .suppressed: .suppressed
        case .held: .held
        case .notOwed: .notOwed
        }
    }
}

/// Everything the journal knows of one punch.
package struct PunchExplanation: Sendable {
    /// One sink's share of it.
    package struct AtSink: Sendable {
        package var sink: SinkName
        /// Whether new punches are owed to it now.
        package var isActive: Bool
        package var state: DeliveryState
        /// What was decided at the first attempt; forgotten when it became a dead letter.
        package var decision: Decision?
        /// The employee's name at that site, where it is known.
        package var employeeName: String?
        /// While it is owed.
        package var owed: Owed?
        package var deadLetter: DeadLetter?
        package var discarded: Discarded?
        /// The check-in came too late for its shift.
        package var missedShift: LateDelivery?
        /// By number, the latest 100.
        package var attempts: [RecordedAttempt]

        package init(sink: SinkName, isActive: Bool, state: DeliveryState) {
            self.sink = sink
            self.isActive = isActive
            self.state = state
            attempts = []
        }
    }

    package struct Owed: Hashable, Sendable {
        /// Attempts that count.
        package var attempts: Int
        /// Not tried before; nil: at once.
        package var due: UnixTime?
        /// What is sent, once that is decided: JSON text of the request's fields.
        package var frozen: String?
        /// Since when an attempt is under way, or was when the gateway stopped.
        package var begun: UnixTime?

        package init(attempts: Int, due: UnixTime?, frozen: String?, begun: UnixTime?) {
            self.attempts = attempts
            self.due = due
            self.frozen = frozen
            self.begun = begun
        }
    }

    package struct Discarded: Hashable, Sendable {
        package var cause: RejectionCause
        package var reason: String
        package var at: UnixTime

        package init(cause: RejectionCause, reason: String, at: UnixTime) {
            self.cause = cause
            self.reason = reason
            self.at = at
        }
    }

    /// With the record's own text, the connection, when it was received, the zone, and any correction. Its `state` and
    /// `decision` are those at the first of `sinks` (`notOwed` without one).
    package var entry: JournalEntry
    /// As it is known now; the punch may have come under other settings.
    package var terminal: TerminalRecord
    /// By name.
    package var sinks: [AtSink]
    /// The terminal's clock at its `reg` before the punch was received, or else the first after it.
    package var clock: ClockReading?
    /// The last time that its clock was set before the punch was received.
    package var clockStep: ClockStep?
    /// The quarantined record it was made from by hand, and who did that.
    package var resolution: (record: Int64, made: QuarantineResolution)?
    /// Bytes of the photo that is kept of it; nil without one.
    package var photoBytes: Int?
    /// What people did to it, the newest first; of the newest 2,000 rows of the trail.
    package var audit: [AuditEntry]

    package init(entry: JournalEntry, terminal: TerminalRecord, sinks: [AtSink]) {
        self.entry = entry
        self.terminal = terminal
        self.sinks = sinks
        audit = []
    }
}

/// Somebody a search for a name has found.
package struct PersonMatch: Hashable, Sendable {
    package enum Source: String, Hashable, Sendable, CaseIterable {
        case roster
        case employee
        case mapping
        /// Only terminals have told the name.
        case punches
    }
    package var name: String
    /// The numbers under which this person punches: to be given to `PunchSearch.people`. Empty for an employee who has
    /// none yet. At most 20.
    package var enrollIDs: [EnrollID]
    /// Document name of the Employee, where it is known.
    package var employee: String?
    /// The site whose employee it is.
    package var sink: SinkName?
    /// The id space, of a person in the roster or in the mapping.
    package var space: String?
    package var source: Source

    package init(
        name: String, enrollIDs: [EnrollID], employee: String? = nil, sink: SinkName? = nil,
        space: String? = nil, source: Source
    ) {
        self.name = name
        self.enrollIDs = enrollIDs
        self.employee = employee
        self.sink = sink
        self.space = space
        self.source = source
    }
}

/// Which attempts at one sink.
package struct AttemptSearch: Hashable, Sendable {
    package var sink: SinkName
    /// What the attempt meant for its punch; all of them without a choice.
    package var meanings: Set<RecordedAttempt.Meaning>
    /// Of which class the answer was; nil: any.
    package var answers: Set<AnswerClass>?
    package var terminals: Set<SerialNumber>?

    package init(
        sink: SinkName = .erpnext,
        meanings: Set<RecordedAttempt.Meaning> = Set(RecordedAttempt.Meaning.allCases),
        answers: Set<AnswerClass>? = nil, terminals: Set<SerialNumber>? = nil
    ) {
        self.sink = sink
        self.meanings = meanings
        self.answers = answers
        self.terminals = terminals
    }
}

/// A place in the order (beginning, punch, number) of attempts at one sink.
package struct AttemptCursor: Hashable, Sendable {
    package var started: UnixTime
    package var punch: Int64
    package var number: Int

    package init(started: UnixTime, punch: Int64, number: Int) {
        self.started = started
        self.punch = punch
        self.number = number
    }
}

/// An attempt with the punch it was about.
package struct LatestAttempt: Hashable, Sendable {
    package var punch: Int64
    package var terminal: SerialNumber
    package var enrollID: EnrollID
    /// As the terminal sent it, else of the employee it was decided to be.
    package var name: String?
    /// The time that was decided on for a wrong one, else the terminal's own.
    package var time: WallTime
    package var recorded: RecordedAttempt

    package init(
        punch: Int64, terminal: SerialNumber, enrollID: EnrollID, name: String?, time: WallTime,
        recorded: RecordedAttempt
    ) {
        self.punch = punch
        self.terminal = terminal
        self.enrollID = enrollID
        self.name = name
        self.time = time
        self.recorded = recorded
    }

    package var cursor: AttemptCursor {
        AttemptCursor(started: recorded.attempt.started, punch: punch, number: recorded.number)
    }
}

/// Which dead letters, within a reach.
package struct DeadLetterSearch: Hashable, Sendable {
    package var filter: DeadLetterFilter
    package var terminals: Set<SerialNumber>?
    package var sinks: Set<SinkName>?

    package init(
        _ filter: DeadLetterFilter = DeadLetterFilter(), terminals: Set<SerialNumber>? = nil,
        sinks: Set<SinkName>? = nil
    ) {
        self.filter = filter
        self.terminals = terminals
        self.sinks = sinks
    }
}

/// Which records in quarantine.
package struct QuarantineSearch: Hashable, Sendable {
    /// Nobody has decided on it yet (true), or somebody has (false).
    package var isOpen: Bool?
    package var terminals: Set<SerialNumber>?

    package init(isOpen: Bool? = nil, terminals: Set<SerialNumber>? = nil) {
        self.isOpen = isOpen
        self.terminals = terminals
    }
}

/// Which rows of the audit trail; all given fields must hold.
package struct AuditSearch: Hashable, Sendable {
    /// What the action begins with, such as `dead-letters.`; letter by letter.
    package var action: String?
    /// The whole name; capital and small letters of ASCII are the same.
    package var author: String?
    /// Some part of the subject; capital and small letters of ASCII are the same.
    package var subject: String?
    /// `from` included, `until` excluded.
    package var from: UnixTime?
    package var until: UnixTime?

    package init(
        action: String? = nil, author: String? = nil, subject: String? = nil, from: UnixTime? = nil,
        until: UnixTime? = nil
    ) {
        self.action = action
        self.author = author
        self.subject = subject
        self.from = from
        self.until = until
    }
}
