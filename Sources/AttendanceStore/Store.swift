import AttendanceCore

/// Looking at a journal without changing it: what command-line verbs may do beside a running gateway.
///
/// Every answer is a page: no read lasts longer than the call, so that nothing slow holds the journal's past in place.
package protocol JournalReading: Sendable {
    /// Oldest wall time first, by (wall time, number), at most `limit`.
    func punches(_ filter: PunchFilter, after: PunchCursor?, limit: Int) async throws -> [JournalEntry]
    /// With a number greater than `after`, by number, at most `limit`.
    func quarantine(after: Int64, limit: Int) async throws -> [QuarantineEntry]
    /// With a number greater than `after`, by number, at most `limit`.
    func deadLetters(_ filter: DeadLetterFilter, after: Int64, limit: Int) async throws -> [DeadLetter]
    /// In a `Store` cheap: counters kept while running, and one look at each queue's head.
    func status() async throws -> StoreStatus
}

/// The journal and all that hangs on it, as few and coarse operations: the seam behind which engines differ.
///
/// Every operation that changes something returns after the commit that holds the change is durable, and not before.
/// Order: operations of one caller that await each other are seen in that order by every later read. All of it is
/// held to by the conformance suite in `Tests/AttendanceStoreTests/Conformance`, which takes any engine.
package protocol Store: JournalReading {
    // MARK: Intake

    /// Keeps a batch: new punches with what they owe to the sinks, repeats recognised, odd records in quarantine.
    /// All in one commit. Throws `StoreError`; then nothing of the batch is kept and nothing may be acknowledged.
    func record(_ batch: IntakeBatch) async throws -> IntakeReceipt

    /// Keeps what a terminal said of itself at `reg`, and creates it if it was never seen.
    func note(_ sighting: TerminalSighting) async throws

    // MARK: Delivery

    /// Makes the sinks known: from now on each forwarded punch is owed to each of them. Punches recorded earlier are
    /// not owed to a sink that is new. A sink that is no longer named keeps what it is owed. Idempotent.
    func setSinks(_ sinks: [SinkName]) async throws

    /// Punches owed to a sink with a number greater than `after`, by number, at most `limit`; also those not yet due.
    func owed(to sink: SinkName, after: Int64, limit: Int) async throws -> [OwedPunch]

    /// Marks attempts as begun and freezes what is sent, before anything leaves. A `frozen` that is already there
    /// stays as it is. Rows that are no longer owed are ignored.
    func begin(_ attempts: [AttemptStart], for sink: SinkName, at now: UnixTime) async throws

    /// Writes down what became of attempts. Rows that are no longer owed are ignored, their attempt and report too.
    /// A punch that was once reported as failed is not reported as failed again, only a success still is.
    func settle(_ settlements: [Settlement], for sink: SinkName) async throws

    /// Reports punches as failed so far that were received before `received`, are still owed and were not yet
    /// reported, at most `limit`, oldest first. Returns how many.
    func reportFailing(sink: SinkName, receivedBefore: UnixTime, at now: UnixTime, limit: Int) async throws
        -> Int

    // MARK: Outcomes (what the CSV follows)

    /// Outcomes with a number greater than `after`, by number, at most `limit`.
    func outcomes(of sink: SinkName, after: Int64, limit: Int) async throws -> [ReportedOutcome]
    /// A sink's own place in what it follows, with whatever it needs to go on; nil at first.
    func bookmark(of sink: SinkName) async throws -> String?
    func setBookmark(_ bookmark: String, of sink: SinkName) async throws

    // MARK: Dead letters

    /// Owed again at once, attempts counted from nought, what was frozen forgotten. Returns how many.
    func retryDeadLetters(_ filter: DeadLetterFilter, at now: UnixTime) async throws -> Int
    /// No longer owed. The punch stays in the journal. Returns how many.
    func discardDeadLetters(_ filter: DeadLetterFilter, reason: String, at now: UnixTime) async throws -> Int

    // MARK: Health

    /// Cheap enough for each health request, and never waits: whether the last commit succeeded.
    var health: StoreHealth { get }
    /// Commits something tiny through the writer: answers only when the writer can still make things durable.
    func proveWritable() async throws
}

/// One attempt about to be made.
package struct AttemptStart: Hashable, Sendable {
    package var punch: Int64
    /// JSON text of what the sink decided (fields of the request).
    package var frozen: String

    package init(punch: Int64, frozen: String) {
        self.punch = punch
        self.frozen = frozen
    }
}

/// What a terminal said of itself at `reg`.
package struct TerminalSighting: Sendable {
    package var serial: SerialNumber
    package var at: UnixTime
    /// Peer address without port.
    package var address: String
    package var model: String?
    package var firmware: String?
    /// Logs in the terminal that no server has acknowledged (`usednewlog`).
    package var backlog: Int?
    /// The terminal's clock minus ours, whole seconds; nil when it sent no time.
    package var skew: Int?
    /// The `devinfo` object as sent, strict JSON.
    package var deviceInfo: String?

    package init(
        serial: SerialNumber, at: UnixTime, address: String, model: String? = nil, firmware: String? = nil,
        backlog: Int? = nil, skew: Int? = nil, deviceInfo: String? = nil
    ) {
        self.serial = serial
        self.at = at
        self.address = address
        self.model = model
        self.firmware = firmware
        self.backlog = backlog
        self.skew = skew
        self.deviceInfo = deviceInfo
    }
}

/// A line for the audit CSV.
package struct ReportedOutcome: Hashable, Sendable {
    package var id: Int64
    package var status: ReportedStatus
    package var at: UnixTime
    package var terminal: SerialNumber
    package var enrollID: EnrollID
    package var name: String?
    package var time: WallTime

    package init(
        id: Int64, status: ReportedStatus, at: UnixTime, terminal: SerialNumber, enrollID: EnrollID,
        name: String?,
        time: WallTime
    ) {
        self.id = id
        self.status = status
        self.at = at
        self.terminal = terminal
        self.enrollID = enrollID
        self.name = name
        self.time = time
    }
}

/// Which punches. Empty fields ask for nothing.
package struct PunchFilter: Sendable {
    /// Canonical enroll id.
    package var person: EnrollID?
    package var terminal: SerialNumber?
    /// Wall times, `from` included, `until` excluded. Without them the whole journal is read.
    package var from: WallTime?
    package var until: WallTime?
    package var kinds: Set<PunchKind>

    package init(
        person: EnrollID? = nil, terminal: SerialNumber? = nil, from: WallTime? = nil, until: WallTime? = nil,
        kinds: Set<PunchKind> = Set(PunchKind.allCases)
    ) {
        self.person = person
        self.terminal = terminal
        self.from = from
        self.until = until
        self.kinds = kinds
    }
}

/// A place in the order (wall time, number), oldest first.
package struct PunchCursor: Hashable, Sendable {
    package var time: WallTime
    package var id: Int64

    package init(time: WallTime, id: Int64) {
        self.time = time
        self.id = id
    }
}

/// How far a punch has come at one sink.
package enum DeliveryState: Hashable, Sendable {
    case owed(attempts: Int)
    case delivered(at: UnixTime, reference: String?)
    case dead(cause: RejectionCause, reason: String)
    case discarded(reason: String)
    /// Never owed: a stranger, a door event, a doubtful time, or recorded before the sink existed.
    case notOwed
}

/// A punch with its place in the journal and its state at the ERPNext sink.
package struct JournalEntry: Sendable {
    package var id: Int64
    package var terminal: SerialNumber
    package var punch: Punch
    package var received: UnixTime
    package var connection: Int64
    /// The record's own text.
    package var raw: [UInt8]
    package var state: DeliveryState

    package init(
        id: Int64, terminal: SerialNumber, punch: Punch, received: UnixTime, connection: Int64, raw: [UInt8],
        state: DeliveryState
    ) {
        self.id = id
        self.terminal = terminal
        self.punch = punch
        self.received = received
        self.connection = connection
        self.raw = raw
        self.state = state
    }
}

package struct QuarantineEntry: Hashable, Sendable {
    package var id: Int64
    package var terminal: SerialNumber
    package var reason: String
    package var raw: [UInt8]
    package var firstReceived: UnixTime
    package var lastReceived: UnixTime
    /// How often the same text came from this terminal.
    package var times: Int

    package init(
        id: Int64, terminal: SerialNumber, reason: String, raw: [UInt8], firstReceived: UnixTime,
        lastReceived: UnixTime, times: Int
    ) {
        self.id = id
        self.terminal = terminal
        self.reason = reason
        self.raw = raw
        self.firstReceived = firstReceived
        self.lastReceived = lastReceived
        self.times = times
    }
}

package struct DeadLetter: Hashable, Sendable {
    /// Number of the dead letter: what the command line takes.
    package var id: Int64
    package var sink: SinkName
    package var punch: Int64
    package var terminal: SerialNumber
    package var enrollID: EnrollID
    package var name: String?
    package var time: WallTime
    package var cause: RejectionCause
    package var reason: String
    package var attempts: Int
    package var died: UnixTime

    package init(
        id: Int64, sink: SinkName, punch: Int64, terminal: SerialNumber, enrollID: EnrollID, name: String?,
        time: WallTime, cause: RejectionCause, reason: String, attempts: Int, died: UnixTime
    ) {
        self.id = id
        self.sink = sink
        self.punch = punch
        self.terminal = terminal
        self.enrollID = enrollID
        self.name = name
        self.time = time
        self.cause = cause
        self.reason = reason
        self.attempts = attempts
        self.died = died
    }
}

/// Which dead letters; all given fields must hold. All empty means all.
package struct DeadLetterFilter: Sendable, Hashable {
    package var sink: SinkName?
    package var ids: [Int64]?
    package var cause: RejectionCause?
    package var person: EnrollID?
    package var terminal: SerialNumber?
    /// Wall times, `from` included, `until` excluded.
    package var from: WallTime?
    package var until: WallTime?

    package init(
        sink: SinkName? = nil, ids: [Int64]? = nil, cause: RejectionCause? = nil, person: EnrollID? = nil,
        terminal: SerialNumber? = nil, from: WallTime? = nil, until: WallTime? = nil
    ) {
        self.sink = sink
        self.ids = ids
        self.cause = cause
        self.person = person
        self.terminal = terminal
        self.from = from
        self.until = until
    }
}

/// Figures for `/health` and `/metrics`.
package struct StoreStatus: Sendable {
    package struct Queue: Sendable {
        package var owed: Int
        /// When the punch was received that has been owed longest.
        package var oldest: UnixTime?
        package var dead: Int

        package init(owed: Int = 0, oldest: UnixTime? = nil, dead: Int = 0) {
            self.owed = owed
            self.oldest = oldest
            self.dead = dead
        }
    }
    package var punches: Int
    package var quarantined: Int
    package var queues: [SinkName: Queue]
    package var databaseBytes: Int64

    package init(punches: Int, quarantined: Int, queues: [SinkName: Queue], databaseBytes: Int64) {
        self.punches = punches
        self.quarantined = quarantined
        self.queues = queues
        self.databaseBytes = databaseBytes
    }
}

package enum StoreHealth: Hashable, Sendable {
    case writable
    /// Since when and why nothing can be made durable, in words for the operator.
    case failing(since: UnixTime, reason: String)
}
