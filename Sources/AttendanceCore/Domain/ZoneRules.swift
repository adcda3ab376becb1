import Foundation

/// Converts between a terminal's wall clock and instants in one IANA zone.
///
/// The written rule, in both directions of a clock change:
/// - a wall time that exists twice (clocks set back) is the **earlier** of the two instants;
/// - a wall time that does not exist (clocks set forward) is read with the offset in force **before** the change, so
///   02:30 in a gap from 02:00 to 03:00 is the instant that the changed clock shows as 03:30.
///
/// Keeps the last stretch of constant offset, because punches of one terminal lie close together and asking
/// Foundation for each costs more than storing the punch. A value, to be held by whoever converts.
package struct ZoneRules: Sendable {
    package let identifier: String
    private let zone: TimeZone
    /// Instants (seconds) between which `offset` holds: `from..<until`.
    private var from: Int64 = .max
    private var until: Int64 = .min
    private var offset: Int64 = 0

    /// Nil when the machine's zone data does not know the name.
    package init?(identifier: String) {
        guard identifier.contains("/") || identifier == "UTC" || identifier == "GMT",
            let zone = TimeZone(identifier: identifier)
        else { return nil }
        self.identifier = identifier
        self.zone = zone
    }

    /// Seconds east of UTC at an instant.
    package mutating func offset(at instant: Int64) -> Int64 {
        if instant >= from, instant < until { return offset }
        let date = Date(timeIntervalSince1970: TimeInterval(instant))
        offset = Int64(zone.secondsFromGMT(for: date))
        // A stretch is found by walking out from the instant in steps short enough that no zone changes twice in one.
        from = instant
        until = instant + 1
        if let next = zone.nextDaylightSavingTimeTransition(after: date) {
            until = max(until, Int64(next.timeIntervalSince1970.rounded(.down)))
        } else {
            until = instant + 86_400
        }
        var probe = instant
        let step: Int64 = 86_400
        for _ in 0..<2 {
            let earlier = probe - step
            guard
                Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: TimeInterval(earlier)))) == offset
            else {
                break
            }
            probe = earlier
        }
        from = probe
        return offset
    }

    /// The instant (seconds since 1970 UTC) of a wall time, by the rule above.
    package mutating func instant(of wall: WallTime) -> Int64 {
        // Inside a known stretch, a day clear of its ends, there is nothing to decide.
        let guess = wall.seconds - offset
        if guess - 86_400 >= from, guess + 86_400 < until { return guess }
        let before = offset(at: wall.seconds - 86_400)
        let after = offset(at: wall.seconds + 86_400)
        if before == after {
            // No change within a day on either side, or two that cancel out: the offset at the guess decides.
            let instant = wall.seconds - before
            let there = offset(at: instant)
            return there == before ? instant : wall.seconds - there
        }
        // One change nearby. The earlier candidate is the one with the larger offset.
        let candidates = [wall.seconds - max(before, after), wall.seconds - min(before, after)]
        for candidate in candidates where candidate + offset(at: candidate) == wall.seconds {
            return candidate
        }
        return wall.seconds - before  // a gap
    }

    /// What a clock in this zone shows at an instant.
    package mutating func wallTime(at instant: Int64) -> WallTime {
        WallTime(seconds: instant + offset(at: instant))
    }
}
