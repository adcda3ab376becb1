/// A punch as a sink gets it: what is frozen in the journal, and how far its delivery has come.
package struct OwedPunch: Hashable, Sendable {
    /// The punch's number in the journal; numbers grow with arrival.
    package var id: Int64
    package var terminal: SerialNumber
    package var enrollID: EnrollID
    package var alias: String?
    package var name: String?
    /// The terminal's own clock, or what an operator corrected it to.
    package var time: WallTime
    package var zone: String
    /// Seconds since 1970 UTC, of `time`.
    package var instant: Int64
    /// Raw codes of the record, for the direction.
    package var inOut: Int64?
    package var event: Int64?
    package var mode: Int64?
    package var verifyMode: Int64?
    package var received: UnixTime
    /// Attempts that ended and are counted. 0 for a punch that was never tried.
    package var attempts: Int
    /// Not before this moment; nil when it may go at once.
    package var due: UnixTime?
    /// What was decided at the first attempt (request fields as JSON text) and never changes afterwards.
    package var frozen: String?
    /// Set while an attempt was begun and not settled: after a crash this punch may have reached the sink.
    package var begun: UnixTime?

    package init(
        id: Int64, terminal: SerialNumber, enrollID: EnrollID, alias: String? = nil, name: String? = nil,
        time: WallTime, zone: String, instant: Int64, received: UnixTime, attempts: Int = 0,
        due: UnixTime? = nil,
        frozen: String? = nil, begun: UnixTime? = nil, inOut: Int64? = nil, event: Int64? = nil,
        mode: Int64? = nil, verifyMode: Int64? = nil
    ) {
        self.inOut = inOut
        self.event = event
        self.mode = mode
        self.verifyMode = verifyMode
        self.id = id
        self.terminal = terminal
        self.enrollID = enrollID
        self.alias = alias
        self.name = name
        self.time = time
        self.zone = zone
        self.instant = instant
        self.received = received
        self.attempts = attempts
        self.due = due
        self.frozen = frozen
        self.begun = begun
    }

    /// The lane that keeps order and lets only one request be in flight: one person of one id space.
    package var lane: String { enrollID.canonical }
}
