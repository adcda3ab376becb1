/// What becomes of a terminal that speaks. Decided anew at each `reg` and at each batch, so that an approval or a block
/// takes effect while the terminal is connected.
package enum TerminalAdmission: Hashable, Sendable {
    /// Served, and what it sends is forwarded.
    case served
    /// Served; what it sends is kept and acknowledged, and waits until it is approved.
    case held
    /// Nothing of it is taken: it keeps what it has until it is approved.
    case withheld
    /// Refused, and its connection is closed.
    case blocked
    /// Refused in the same way: it has a token and came without it.
    case withoutToken
    /// It has sent punches without a `reg`, which is not trusted here. It keeps them.
    case unregistered

    /// Whether something of it is stored.
    package var isTaken: Bool { self == .served || self == .held }
}

/// What a terminal does when it is decided on.
package enum TerminalOccasion: Hashable, Sendable {
    case registration
    /// Punches on a connection that has registered.
    case batch
    /// Punches on one that has not.
    case unregisteredBatch
    /// Bytes that nobody could read. They make no terminal known.
    case unreadable
}

/// What becomes of serial numbers that nobody has approved.
package enum UnknownTerminals: String, Hashable, Sendable, CaseIterable {
    /// Punches are kept and acknowledged, and forwarded once the terminal is approved.
    case pending
    /// Nothing is taken before the terminal is approved; it keeps its punches.
    case withhold
    /// Whoever connects is approved.
    case accept
}
