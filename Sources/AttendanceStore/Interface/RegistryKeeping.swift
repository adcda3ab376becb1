import AttendanceCore

/// Which terminals are ours, what is said of them, and what waits until one is approved.
///
/// A punch of a batch with `isHeld` is kept and owed to nobody as long as its terminal is not approved, or others of it
/// wait before it. Whoever approves then calls `releaseHeld` until nothing is left; what comes in meanwhile queues up
/// behind. So nothing is owed twice, nothing is forgotten, and each terminal's punches keep their order, wherever the
/// gateway is killed.
package protocol RegistryKeeping: Sendable {
    /// Changes the standing of terminals, and makes those known that were never heard of. At most 1,000 at a time.
    /// Answers those that had another one before; these are written into the audit trail.
    func setStanding(
        _ standing: TerminalStanding, of terminals: [SerialNumber], reason: String?, by author: Author,
        at now: UnixTime
    ) async throws -> [SerialNumber]

    /// Sets or removes (nil) what is said of a terminal, and writes it into the audit trail. False for one that was
    /// never heard of. The value is taken as it is: one line of at most `TerminalField.maximumLength`.
    func setField(
        _ field: TerminalField, to value: String?, of terminal: SerialNumber, by author: Author,
        at now: UnixTime
    ) async throws -> Bool

    /// Sets or removes (nil) the secret that a terminal must bring, and writes that into the audit trail, without it.
    /// False for one that was never heard of.
    func setToken(
        _ token: TokenDigest?, of terminal: SerialNumber, by author: Author, at now: UnixTime
    ) async throws -> Bool

    /// Takes a terminal that nobody hears of any more out of every list, with all that was said of it; its punches stay as
    /// they are. One that comes again is new. Written into the audit trail. Nothing happens where something of it is open.
    func forgetTerminal(
        _ terminal: SerialNumber, reason: String?, by author: Author, at now: UnixTime
    ) async throws -> TerminalForgetting

    /// Makes the oldest `limit` held punches of a terminal owed to those of `sinks` (nil: all) that are active. Nothing
    /// happens unless the terminal is approved.
    func releaseHeld(
        of terminal: SerialNumber, to sinks: Set<SinkName>?, limit: Int
    ) async throws -> HeldRelease
}

/// What `forgetTerminal` has done.
package enum TerminalForgetting: Hashable, Sendable {
    case done
    case neverHeardOf
    /// So many commands have not ended.
    case hasCommands(Int)
    /// So many punches wait for its approval.
    case hasHeld(Int)
}

/// What `releaseHeld` has done.
package struct HeldRelease: Hashable, Sendable {
    /// Punches that wait no more.
    package var released: Int
    /// Whether none is left; also where the terminal is not approved or not known.
    package var isDone: Bool

    package init(released: Int = 0, isDone: Bool = true) {
        self.released = released
        self.isDone = isDone
    }
}
