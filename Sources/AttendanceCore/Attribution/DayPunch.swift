/// One of a person's punches, as the rules for directions and repeats see it: what the terminal sent, with the time
/// as corrected.
package struct DayPunch: Hashable, Sendable {
    /// Number in the journal.
    package var id: Int64
    package var terminal: SerialNumber
    /// The terminal's own clock.
    package var time: WallTime
    /// Seconds since 1970 UTC.
    package var instant: Int64
    package var inOut: Int64?
    package var event: Int64?
    package var mode: Int64?

    package init(
        id: Int64, terminal: SerialNumber, time: WallTime, instant: Int64, inOut: Int64? = nil,
        event: Int64? = nil,
        mode: Int64? = nil
    ) {
        self.id = id
        self.terminal = terminal
        self.time = time
        self.instant = instant
        self.inOut = inOut
        self.event = event
        self.mode = mode
    }
}
