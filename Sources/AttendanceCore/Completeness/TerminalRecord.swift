/// What the journal knows of a terminal.
package struct TerminalRecord: Hashable, Sendable {
    package var serial: SerialNumber
    package var firstSeen: UnixTime
    /// Its last `reg` or first punch; `neverSeen` for one that was approved before it ever came.
    package var lastSeen: UnixTime
    /// When anything at all was last heard of it, as far as it was written down (about once a minute).
    package var lastHeard: UnixTime?
    package var address: String?
    package var model: String?
    package var firmware: String?
    /// Punches in the terminal that no server had acknowledged, as it said at its last `reg`.
    package var backlog: Int?
    /// The terminal's clock minus ours at its last `reg`, whole seconds.
    package var skew: Int?
    /// Every punch up to this moment (seconds since 1970 UTC) has been received; nil as long as that is not known.
    package var completeUntil: Int64?
    /// The `devinfo` object as sent, strict JSON.
    package var deviceInfo: String?
    package var standing: TerminalStanding
    package var name: String?
    package var location: String?
    package var group: String?
    package var zone: String?
    package var dialect: String?
    /// SHA-256 of the secret that the terminal must bring.
    package var token: TokenDigest?
    /// Where it came from before, and when it was first seen where it is now.
    package var previousAddress: String?
    package var moved: UnixTime?
    /// Punches that wait for its approval, or behind others that did.
    package var held: Int

    package init(
        serial: SerialNumber, firstSeen: UnixTime, lastSeen: UnixTime, lastHeard: UnixTime? = nil,
        address: String? = nil, model: String? = nil, firmware: String? = nil, backlog: Int? = nil,
        skew: Int? = nil, completeUntil: Int64? = nil, deviceInfo: String? = nil,
        standing: TerminalStanding = .approved, name: String? = nil, location: String? = nil,
        group: String? = nil, zone: String? = nil, dialect: String? = nil, token: TokenDigest? = nil,
        previousAddress: String? = nil, moved: UnixTime? = nil, held: Int = 0
    ) {
        self.standing = standing
        self.name = name
        self.location = location
        self.group = group
        self.zone = zone
        self.dialect = dialect
        self.token = token
        self.previousAddress = previousAddress
        self.moved = moved
        self.held = held
        self.serial = serial
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.lastHeard = lastHeard
        self.address = address
        self.model = model
        self.firmware = firmware
        self.backlog = backlog
        self.skew = skew
        self.completeUntil = completeUntil
        self.deviceInfo = deviceInfo
    }
}

extension TerminalRecord {
    /// Stands for a moment that has not come.
    package static let neverSeen = UnixTime(milliseconds: 0)
    package var wasSeen: Bool { lastSeen != Self.neverSeen || lastHeard != nil }
}

/// How far a terminal has come, written down now and then.
package struct TerminalProgress: Hashable, Sendable {
    package var serial: SerialNumber
    package var lastHeard: UnixTime
    /// Seconds since 1970 UTC; nil leaves what is known. Never moves backwards.
    package var completeUntil: Int64?

    package init(serial: SerialNumber, lastHeard: UnixTime, completeUntil: Int64?) {
        self.serial = serial
        self.lastHeard = lastHeard
        self.completeUntil = completeUntil
    }
}

/// A check-in that reached the site after its shift was marked: HR must mark that day again.
package struct LateDelivery: Hashable, Sendable {
    package var punch: Int64
    package var terminal: SerialNumber
    package var enrollID: EnrollID
    package var name: String?
    /// Site time of the check-in.
    package var time: WallTime
    package var employee: String?
    /// The site's name for the check-in.
    package var reference: String?
    package var shift: String
    /// End of the shift as the site counts it, its own time.
    package var shiftEnd: WallTime
    package var delivered: UnixTime

    package init(
        punch: Int64, terminal: SerialNumber, enrollID: EnrollID, name: String?, time: WallTime,
        employee: String?,
        reference: String?, shift: String, shiftEnd: WallTime, delivered: UnixTime
    ) {
        self.punch = punch
        self.terminal = terminal
        self.enrollID = enrollID
        self.name = name
        self.time = time
        self.employee = employee
        self.reference = reference
        self.shift = shift
        self.shiftEnd = shiftEnd
        self.delivered = delivered
    }
}
