import AttendanceCore

/// Which punches. Empty fields ask for nothing.
package struct PunchFilter: Sendable {
    /// Canonical enroll id.
    package var person: EnrollID?
    package var terminal: SerialNumber?
    /// Wall times, `from` included, `until` excluded. Without them the whole journal is read.
    package var from: WallTime?
    package var until: WallTime?
    package var kinds: Set<PunchKind>
    /// Whose delivery state is told.
    package var sink: SinkName

    package init(
        person: EnrollID? = nil, terminal: SerialNumber? = nil, from: WallTime? = nil, until: WallTime? = nil,
        kinds: Set<PunchKind> = Set(PunchKind.allCases), sink: SinkName = .erpnext
    ) {
        self.sink = sink
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
    /// Kept and not sent: an accidental repeat, or a sink that only renders.
    case suppressed(reason: String)
    /// Its terminal waits for approval, or is being given what waited.
    case held
    /// Never owed: a stranger, a door event, a doubtful time, or recorded before the sink existed.
    case notOwed
}

/// A punch with its place in the journal and its state at one sink.
package struct JournalEntry: Sendable {
    package var id: Int64
    package var terminal: SerialNumber
    package var punch: Punch
    package var received: UnixTime
    package var connection: Int64
    /// The record's own text.
    package var raw: [UInt8]
    package var state: DeliveryState
    /// What was decided at the first attempt at that sink.
    package var decision: Decision?
    package var correction: Correction?
    /// The employee's name at that sink's site, where it is known.
    package var employeeName: String?

    package init(
        id: Int64, terminal: SerialNumber, punch: Punch, received: UnixTime, connection: Int64, raw: [UInt8],
        state: DeliveryState, decision: Decision? = nil, correction: Correction? = nil,
        employeeName: String? = nil
    ) {
        self.decision = decision
        self.correction = correction
        self.employeeName = employeeName
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
    /// Nil as long as nobody has decided on it.
    package var resolution: QuarantineResolution?

    package init(
        id: Int64, terminal: SerialNumber, reason: String, raw: [UInt8], firstReceived: UnixTime,
        lastReceived: UnixTime, times: Int, resolution: QuarantineResolution? = nil
    ) {
        self.resolution = resolution
        self.id = id
        self.terminal = terminal
        self.reason = reason
        self.raw = raw
        self.firstReceived = firstReceived
        self.lastReceived = lastReceived
        self.times = times
    }
}

extension JournalEntry {
    /// The terminal's clock, or what somebody corrected it to; nil when it is not to be believed.
    package var believedTime: (wall: WallTime, instant: Int64)? {
        switch correction?.ruling {
        case .time(let wall, let instant): (wall, instant)
        case .rejected: nil
        case nil: punch.doubt.isDoubtful ? nil : (punch.time, punch.instant)
        }
    }
}

/// What has become of a record in quarantine.
package struct QuarantineResolution: Hashable, Sendable {
    /// The punch it was made into; nil when it was given up.
    package var punch: Int64?
    package var author: Author
    package var at: UnixTime
    package var basis: String

    package init(punch: Int64?, author: Author, at: UnixTime, basis: String) {
        self.punch = punch
        self.author = author
        self.at = at
        self.basis = basis
    }
}
