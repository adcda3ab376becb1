/// Whether a terminal is one of ours. The numbers stand in the journal and never change.
package enum TerminalStanding: Int, Codable, CaseIterable, Hashable, Sendable {
    /// Never approved: what it sends is kept and acknowledged, and forwarded once it is approved.
    case pending = 0
    case approved = 1
    /// Refused at `reg` and at every batch; it keeps what it has.
    case blocked = 2
}
