import AttendanceCore

package struct DeadLetter: Hashable, Sendable {
    /// Number of the dead letter: what the command line takes.
    package var id: Int64
    package var sink: SinkName
    package var punch: Int64
    package var terminal: SerialNumber
    package var enrollID: EnrollID
    package var name: String?
    /// The time that was decided on for a wrong one, else the terminal's own.
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
    /// Wall times as they are believed, `from` included, `until` excluded.
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

/// Dead letters of one sink that died of the same cause.
package struct DeadLetterGroup: Hashable, Sendable {
    package var sink: SinkName
    package var cause: RejectionCause
    package var count: Int
    /// Different enroll ids among them.
    package var people: Int
    /// The earliest and latest punch among them.
    package var first: WallTime
    package var last: WallTime
    /// When the first of them died.
    package var since: UnixTime
    /// The words of the newest one.
    package var example: String

    package init(
        sink: SinkName, cause: RejectionCause, count: Int, people: Int, first: WallTime, last: WallTime,
        since: UnixTime, example: String
    ) {
        self.sink = sink
        self.cause = cause
        self.count = count
        self.people = people
        self.first = first
        self.last = last
        self.since = since
        self.example = example
    }
}
