import AttendanceCore

/// Taking over what another service has kept. No part of `Store`: nothing of a running gateway may ask for it.
package protocol ImportKeeping: Sendable {
    /// Keeps punches of which another service says whether the ERP took them, all in one commit; at most 10,000 at a
    /// time. Identity is the journal's own, so the same punch again, from here or from its terminal, changes nothing.
    ///
    /// - One that was delivered is recorded as delivered to `batch.sink`, and is owed there no more where it was. A dead
    ///   letter stays one.
    /// - Another becomes owed there, unless it was delivered, given up or is dead or held already. A stranger, a door
    ///   event or a doubtful time is kept and not owed.
    ///
    /// No outcome is written: the other service's CSV says it already. The sink is made known where it is not.
    func importPunches(_ batch: ImportBatch) async throws -> ImportReceipt
}

package struct ImportedPunch: Hashable, Sendable {
    package var terminal: SerialNumber
    /// With which a terminal that was never heard of is made known.
    package var standing: TerminalStanding
    /// Its `raw` is a range of `ImportBatch.raw`.
    package var punch: Punch
    package var isDelivered: Bool

    package init(terminal: SerialNumber, standing: TerminalStanding, punch: Punch, isDelivered: Bool) {
        self.terminal = terminal
        self.standing = standing
        self.punch = punch
        self.isDelivered = isDelivered
    }
}

package struct ImportBatch: Hashable, Sendable {
    package var sink: SinkName
    package var at: UnixTime
    package var raw: [UInt8] = []
    package var punches: [ImportedPunch] = []

    package init(sink: SinkName, at: UnixTime) {
        self.sink = sink
        self.at = at
    }
}

/// What became of imported punches.
package struct ImportReceipt: Hashable, Sendable, Encodable {
    /// New to the journal.
    package var added = 0
    /// The journal had them.
    package var known = 0
    /// Recorded as delivered now, of new and known ones.
    package var delivered = 0
    /// Of the delivered ones: were owed here, and are no more.
    package var settled = 0
    /// Made owed now.
    package var owed = 0
    /// New, not delivered, and nothing that is forwarded: strangers, door events, doubtful times.
    package var unforwarded = 0

    package init() {}

    package static func += (sum: inout ImportReceipt, other: ImportReceipt) {
        sum.added += other.added
        sum.known += other.known
        sum.delivered += other.delivered
        sum.settled += other.settled
        sum.owed += other.owed
        sum.unforwarded += other.unforwarded
    }
}
