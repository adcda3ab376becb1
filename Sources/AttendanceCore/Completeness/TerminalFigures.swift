/// How one terminal fares at this moment, as the gateway has it at hand.
package struct TerminalFigures: Hashable, Sendable {
    package var serial: SerialNumber
    package var isConnected: Bool
    /// When anything at all was last heard of it; nil when it never was, as far as the journal knows.
    package var lastHeard: UnixTime?
    /// Records that it has not yet brought, by its own count minus what has come since; nil when it does not count.
    package var backlog: Int?
    /// Its clock minus ours in seconds, at its last `reg`.
    package var skew: Int?
    /// How far behind its next stamps may be, seconds; nil when not connected or not known.
    package var lag: Int64?
    /// Every punch up to this moment (seconds since 1970 UTC) is in the journal; nil as long as that is not known.
    package var completeUntil: Int64?
    package var memory: DeviceMemory
    /// How often in a row it has sent the same batch again; 0 when its last one held something new.
    package var resends: Int
    /// Batches of its present connection in which nothing was new, and records that were new.
    package var repeatedBatches: Int
    package var records: Int

    package init(
        serial: SerialNumber, isConnected: Bool = false, lastHeard: UnixTime? = nil, backlog: Int? = nil,
        skew: Int? = nil, lag: Int64? = nil, completeUntil: Int64? = nil,
        memory: DeviceMemory = DeviceMemory(), resends: Int = 0,
        repeatedBatches: Int = 0, records: Int = 0
    ) {
        self.serial = serial
        self.isConnected = isConnected
        self.lastHeard = lastHeard
        self.backlog = backlog
        self.skew = skew
        self.lag = lag
        self.completeUntil = completeUntil
        self.memory = memory
        self.resends = resends
        self.repeatedBatches = repeatedBatches
        self.records = records
    }

    /// A terminal that is not connected, as the journal knows it.
    package init(_ record: TerminalRecord) {
        self.init(
            serial: record.serial,
            lastHeard: record.wasSeen ? [record.lastHeard, record.lastSeen].compactMap(\.self).max() : nil,
            backlog: record.backlog, skew: record.skew, completeUntil: record.completeUntil,
            memory: DeviceMemory(deviceInfo: record.deviceInfo))
    }
}

/// The same over all terminals, for `/health` and `/metrics`.
package struct FleetFigures: Hashable, Sendable {
    /// Heard of within `TerminalFigures.remembered`, or named by the settings.
    package var known: Int
    package var offline: Int
    /// Of those that are connected.
    package var largestBacklog: Int
    /// Seconds, without its sign; of those that are connected.
    package var largestSkew: Int

    package init(known: Int = 0, offline: Int = 0, largestBacklog: Int = 0, largestSkew: Int = 0) {
        self.known = known
        self.offline = offline
        self.largestBacklog = largestBacklog
        self.largestSkew = largestSkew
    }

    /// `terminals` with each serial once.
    package init(
        _ terminals: some Sequence<TerminalFigures>, isNamed: (SerialNumber) -> Bool, at now: UnixTime
    ) {
        self.init()
        for terminal in terminals where isNamed(terminal.serial) || terminal.isRemembered(at: now) {
            known += 1
            guard terminal.isConnected else {
                offline += 1
                continue
            }
            largestBacklog = max(largestBacklog, terminal.backlog ?? 0)
            largestSkew = max(largestSkew, Int(clamping: (terminal.skew ?? 0).magnitude))
        }
    }
}

extension TerminalFigures {
    /// A terminal that no setting names and that nobody heard of for so long was taken away: it is missed no more.
    package static let remembered = Duration.seconds(31 * 86_400)

    package func isRemembered(at now: UnixTime) -> Bool {
        isConnected || lastHeard.map { now - $0 <= Self.remembered } ?? false
    }
}
