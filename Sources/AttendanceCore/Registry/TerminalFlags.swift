/// What of one terminal a person should look at: it waits, it moves, or two hold its serial number.
package struct TerminalFlags: Hashable, Sendable {
    package struct Waiting: Hashable, Sendable {
        package var since: UnixTime
        /// Punches that are kept and not forwarded.
        package var held: Int
        /// Whether nothing at all is taken of it.
        package var isWithheld: Bool

        package init(since: UnixTime, held: Int, isWithheld: Bool) {
            self.since = since
            self.held = held
            self.isWithheld = isWithheld
        }
    }
    package var serial: SerialNumber
    package var name: String?
    package var address: String?
    package var previousAddress: String?
    /// When it was first seen at its present address, having been elsewhere before.
    package var moved: UnixTime?
    /// Changes of address within the last day, and those between networks.
    package var moves: Int
    package var jumps: Int
    /// See `SerialWatch.contest`.
    package var contest: Int
    /// Nil for a terminal that is approved or blocked.
    package var waiting: Waiting?

    package init(
        serial: SerialNumber, name: String? = nil, address: String? = nil, previousAddress: String? = nil,
        moved: UnixTime? = nil, moves: Int = 0, jumps: Int = 0, contest: Int = 0, waiting: Waiting? = nil
    ) {
        self.serial = serial
        self.name = name
        self.address = address
        self.previousAddress = previousAddress
        self.moved = moved
        self.moves = moves
        self.jumps = jumps
        self.contest = contest
        self.waiting = waiting
    }

    /// Whether there is anything to look at.
    package var isRaised: Bool { waiting != nil || jumps > 0 || contest > 0 }

    var title: String { name.map { "\($0) (\(serial))" } ?? serial.text }
}
