import AttendanceCore

/// Codes by which people may pass, and clocks that were set.
package protocol AccessKeeping: Sendable {
    /// Keeps a code and writes that into the audit trail; what it opens by does not stand there. Nil when another code
    /// has the same digest. Forgets some of those that ended long ago.
    func issueCode(_ code: AccessCode, digest: [UInt8], by author: Author, at now: UnixTime) async throws
        -> Int64?
    /// Uses up one use of the code with any of these digests, if it opens here and now; that is durable before it
    /// opens. `isActive` is asked last, in memory.
    func redeemCode(
        _ digests: [[UInt8]], at terminal: SerialNumber, of group: String?, now: UnixTime,
        isActive: @escaping @Sendable (AccessCode) -> Bool
    ) async throws -> CodeRedemption
    /// They open nothing any more. Returns those that did until now; written into the audit trail.
    func revokeCodes(_ ids: [Int64], by author: Author, at now: UnixTime) async throws -> [Int64]

    /// Writes down that a clock was set: before that, what it showed. Returns the number of the note; nil for a
    /// terminal that was never heard of.
    func noteClockStep(_ step: ClockStep) async throws -> Int64?
    /// What the clock showed after it, as the terminal told.
    func settleClockStep(_ id: Int64, after: Int) async throws
}

package protocol AccessReading: Sendable {
    /// With a number greater than `after`, by number, at most `limit`.
    func accessCodes(after: Int64, limit: Int) async throws -> [AccessCodeRecord]
    /// The newest first, at most `limit`.
    func clockSteps(of terminal: SerialNumber, limit: Int) async throws -> [ClockStep]
}

package enum CodeRedemption: Hashable, Sendable {
    case opened(AccessCode)
    case refused(AccessCode.Refusal, AccessCode?)
}

package struct AccessCodeRecord: Hashable, Sendable {
    package var id: Int64
    package var code: AccessCode
    package var used: Int
    package var author: Author
    package var issued: UnixTime
    package var revoked: UnixTime?
    package var lastUsed: UnixTime?
    package var lastTerminal: String?

    package init(
        id: Int64, code: AccessCode, used: Int, author: Author, issued: UnixTime, revoked: UnixTime?,
        lastUsed: UnixTime?, lastTerminal: String?
    ) {
        self.id = id
        self.code = code
        self.used = used
        self.author = author
        self.issued = issued
        self.revoked = revoked
        self.lastUsed = lastUsed
        self.lastTerminal = lastTerminal
    }
}

/// A terminal's clock was set by command. Clocks are given as theirs minus ours, in seconds.
package struct ClockStep: Hashable, Sendable {
    package var terminal: SerialNumber
    package var at: UnixTime
    package var before: Int
    /// Nil: the terminal has not told.
    package var after: Int?
    /// Punches it had not sent then; nil: it did not say.
    package var unread: Int?

    /// Backward while the terminal held punches, or may have: their order may differ from what happened.
    package var crossesUnread: Bool { before > 0 && unread != 0 }

    /// Whether a punch stands where the clock went twice, such that its time does not tell when it was: it was made
    /// before the step, or nobody can say.
    ///
    /// - Parameters:
    ///   - instant: the punch's time, in seconds since 1970.
    ///   - received: when it came.
    package func obscures(instant: Int64, received: UnixTime) -> Bool {
        let time = UnixTime(seconds: instant)
        guard before > 0, time > at, time <= at + .seconds(before) else { return false }
        return received <= at || unread != 0
    }

    package init(
        terminal: SerialNumber, at: UnixTime, before: Int, after: Int? = nil, unread: Int? = nil
    ) {
        self.terminal = terminal
        self.at = at
        self.before = before
        self.after = after
        self.unread = unread
    }
}
