/// What the journal knows of a terminal.
package struct TerminalRecord: Hashable, Sendable {
    package var serial: SerialNumber
    package var firstSeen: UnixTime
    /// Its last `reg` or first punch.
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

    package init(
        serial: SerialNumber, firstSeen: UnixTime, lastSeen: UnixTime, lastHeard: UnixTime? = nil,
        address: String? = nil, model: String? = nil, firmware: String? = nil, backlog: Int? = nil,
        skew: Int? = nil, completeUntil: Int64? = nil, deviceInfo: String? = nil
    ) {
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
