import Foundation

/// Converts between a terminal's wall clock and instants in one IANA zone.
///
/// The written rule, in both directions of a clock change:
/// - a wall time that exists twice (clocks set back) is the **earlier** of the two instants;
/// - a wall time that does not exist (clocks set forward) is read with the offset in force **before** the change, so
///   02:30 in a gap from 02:00 to 03:00 is the instant that the changed clock shows as 03:30.
///
/// Keeps no memory of earlier answers: Foundation answers in about 50 ns.
package struct ZoneRules: Sendable {
    package let identifier: String
    private let zone: TimeZone

    /// Nil for a name that Foundation's zone data does not know, and for abbreviations: `CET` or `EST` name an offset
    /// and not the place whose clock changes are meant.
    package init?(identifier: String) {
        guard identifier.contains("/") || identifier == "UTC" || identifier == "GMT",
            let zone = TimeZone(identifier: identifier)
        else { return nil }
        self.identifier = identifier
        self.zone = zone
    }

    /// Seconds east of UTC at an instant (seconds since 1970 UTC).
    package func offset(at instant: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(instant))))
    }

    /// The instant (seconds since 1970 UTC) of a wall time, by the rule above.
    package func instant(of wall: WallTime) -> Int64 {
        // No offset is as large as a day, so these two bracket every instant the wall time may mean; and no zone
        // changed twice within two days.
        let before = offset(at: wall.seconds - 86_400)
        let after = offset(at: wall.seconds + 86_400)
        if before == after { return wall.seconds - before }
        // A change is near. The larger offset gives the earlier instant.
        for candidate in [wall.seconds - max(before, after), wall.seconds - min(before, after)]
        where candidate + offset(at: candidate) == wall.seconds {
            return candidate
        }
        return wall.seconds - before  // in a gap
    }

    /// What a clock in this zone shows at an instant (seconds since 1970 UTC).
    package func wallTime(at instant: Int64) -> WallTime {
        WallTime(seconds: instant + offset(at: instant))
    }
}
