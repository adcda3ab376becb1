/// What somebody decided about a time that could not be believed. A new fact beside the punch, never an edit of it.
package struct Correction: Hashable, Sendable {
    package enum Ruling: Hashable, Sendable {
        /// The punch was at this wall time of its terminal's zone; `instant` is that in seconds since 1970 UTC.
        case time(WallTime, instant: Int64)
        /// It cannot be told; the punch is never forwarded.
        case rejected
    }
    package var ruling: Ruling
    package var author: Author
    package var at: UnixTime
    /// On what the ruling rests, in words.
    package var basis: String

    package init(ruling: Ruling, author: Author, at: UnixTime, basis: String) {
        self.ruling = ruling
        self.author = author
        self.at = at
        self.basis = basis
    }
}

/// A terminal's clock against ours at one `reg`.
package struct ClockReading: Hashable, Sendable {
    package var at: UnixTime
    /// The terminal's clock minus ours, whole seconds.
    package var skew: Int

    package init(at: UnixTime, skew: Int) {
        self.at = at
        self.skew = skew
    }
}
