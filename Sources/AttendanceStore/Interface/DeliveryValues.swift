import AttendanceCore

/// One attempt about to be made.
package struct AttemptStart: Hashable, Sendable {
    package var punch: Int64
    /// JSON text of what the sink decided (fields of the request).
    package var frozen: String
    /// The same as facts; nil for sinks that decide nothing.
    package var decision: Decision?

    package init(punch: Int64, frozen: String, decision: Decision? = nil) {
        self.punch = punch
        self.frozen = frozen
        self.decision = decision
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
    /// The terminal's own clock, or what an operator corrected it to.
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

/// One attempt as the journal has kept it.
package struct RecordedAttempt: Hashable, Sendable {
    /// What it meant for the punch then.
    package enum Meaning: Int, Sendable, CaseIterable {
        case delivered = 0
        case again = 1
        case dead = 2
        case suppressed = 3
    }
    package var sink: SinkName
    /// 1 for the first attempt at that sink.
    package var number: Int
    package var attempt: Attempt
    package var meaning: Meaning

    package init(sink: SinkName, number: Int, attempt: Attempt, meaning: Meaning) {
        self.sink = sink
        self.number = number
        self.attempt = attempt
        self.meaning = meaning
    }
}

/// A check-in that a site has made wrongly, such as with another time than the one sent: to be repaired there.
package struct MisfiledCheckin: Hashable, Sendable {
    package var punch: Int64
    package var terminal: SerialNumber
    package var enrollID: EnrollID
    package var name: String?
    /// What was decided and sent; nil when nothing is kept of it.
    package var decision: Decision?
    /// The site's name for the wrong check-in.
    package var reference: String
    package var at: UnixTime
    package var words: String?

    package init(
        punch: Int64, terminal: SerialNumber, enrollID: EnrollID, name: String?, decision: Decision?,
        reference: String, at: UnixTime, words: String?
    ) {
        self.punch = punch
        self.terminal = terminal
        self.enrollID = enrollID
        self.name = name
        self.decision = decision
        self.reference = reference
        self.at = at
        self.words = words
    }
}
