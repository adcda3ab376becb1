/// Decides on `last_sync_of_checkin` of one Shift Type: up to where a site may believe to have all check-ins.
///
/// Pure: what is known is passed in, what is to be done comes out. The rule and its reasons: docs/completeness.md.
package struct ShiftWatermark: Hashable, Sendable {
    /// One terminal that people of the shift use.
    package struct Source: Hashable, Sendable {
        package var figures: TerminalFigures
        /// What the operator calls it.
        package var title: String
        /// The earliest instant (seconds since 1970 UTC) of its punches still owed to the site; nil: none is.
        package var oldestOwed: Int64?

        package init(figures: TerminalFigures, title: String, oldestOwed: Int64? = nil) {
            self.figures = figures
            self.title = title
            self.oldestOwed = oldestOwed
        }

        /// Up to this instant all of its punches have come to the site; nil: not known.
        func point(at now: Int64) -> Int64? {
            guard let complete = figures.completeUntil, complete <= now else { return nil }
            return min(complete, oldestOwed.map { $0 - 1 } ?? complete)
        }
    }

    /// A terminal that keeps a shift from being counted up to now.
    package struct Holder: Hashable, Sendable {
        package var title: String
        /// Nil: of none of its punches is it known that they are all there.
        package var point: Int64?
        package var reason: HoldReason

        package init(title: String, point: Int64?, reason: HoldReason) {
            self.title = title
            self.point = point
            self.reason = reason
        }
    }

    package enum Decision: Hashable, Sendable {
        /// Write this, in the site's time.
        case move(to: WallTime)
        /// The site has this or a later value already.
        case current
        /// The site's value lies beyond now: somebody set it by hand, or its zone was changed.
        case ahead
        /// Of some terminal nothing is known: nothing can be said of the shift.
        case nothingKnown
        /// The site marks no attendance from this shift's check-ins.
        case notMarked
        /// The site moves the value by itself (`auto_update_last_sync`).
        case leftToSite
    }

    /// How far a terminal may be behind before it is said to hold the shift back.
    package static let tolerance: Int64 = 900
    /// So many holders are named.
    package static let namedHolders = 20

    /// The least of what the terminals have; nil when there are none, or when of some nothing is known.
    package let point: Int64?
    /// Those that have furthest to go first, at most `namedHolders`; empty when all are up to now.
    package let holders: [Holder]

    /// - `now`: our clock, seconds since 1970 UTC.
    package init(_ sources: [Source], at now: Int64) {
        let points = sources.map { $0.point(at: now) }
        point = points.contains(nil) ? nil : points.compactMap(\.self).min()
        holders = Array(
            zip(sources, points)
                .filter { ($1 ?? .min) < now - Self.tolerance }
                .map { Holder(title: $0.title, point: $1, reason: HoldReason($0, point: $1, at: now)) }
                .sorted { ($0.point ?? .min, $0.title) < ($1.point ?? .min, $1.title) }
                .prefix(Self.namedHolders))
    }

    /// What to do about the shift as the site has it now.
    ///
    /// Never a value that is earlier than the site's, never one beyond now, and none at all where the site's clock
    /// will show an earlier time again: an hour that comes twice is claimed only from its second pass on.
    package func decide(_ shift: ShiftType, zone: ZoneRules, at now: Int64) -> Decision {
        if shift.movesLastSyncItself { return .leftToSite }
        guard shift.marksAttendance else { return .notMarked }
        if let present = shift.lastSync, present > zone.wallTime(at: now) { return .ahead }
        guard let point else { return .nothingKnown }
        let target = zone.settledWallTime(at: min(point, now))
        if let present = shift.lastSync, present >= target { return .current }
        return .move(to: target)
    }
}

/// Why a terminal holds a shift back.
package enum HoldReason: Hashable, Sendable {
    case neverHeard
    /// Since when.
    case offline(UnixTime)
    /// Punches that it has brought wait for the site; the earliest is of this instant.
    case owed(Int64)
    /// So many records it has counted are still to come.
    case backlog(Int)
    /// Its clock is so many seconds behind.
    case clockBehind(Int64)
    /// Its clock could not be read yet.
    case clockUnknown
    /// Our own clock was set back: what is known lies in the future.
    case ownClock
    /// It is connected, and has yet to show that nothing is left.
    case settling

    fileprivate init(_ source: ShiftWatermark.Source, point: Int64?, at now: Int64) {
        let figures = source.figures
        if let owed = source.oldestOwed, point == owed - 1 {
            self = .owed(owed)
        } else if let complete = figures.completeUntil, complete > now {
            self = .ownClock
        } else if !figures.isConnected {
            self = figures.lastHeard.map(HoldReason.offline) ?? .neverHeard
        } else if let backlog = figures.backlog, backlog > 0 {
            self = .backlog(backlog)
        } else if let lag = figures.lag {
            self = lag > ShiftWatermark.tolerance ? .clockBehind(lag) : .settling
        } else {
            self = .clockUnknown
        }
    }
}

extension ShiftType {
    private var lastCheckOut: Int64 { Int64(end + allowsCheckOutAfter) }

    /// The last end of the shift (with the time in which a check-out still counts) at or before a moment.
    package func latestEnd(at moment: WallTime) -> WallTime {
        let days = (moment.seconds - lastCheckOut).flooredDivision(by: 86_400)
        return WallTime(seconds: days * 86_400 + lastCheckOut)
    }

    /// The first end of the shift after a moment.
    package func nextEnd(after moment: WallTime) -> WallTime {
        WallTime(seconds: latestEnd(at: moment).seconds + 86_400)
    }
}

extension ZoneRules {
    /// The wall time at an instant, unless the clock will show it or an earlier one again (it is about to be set
    /// back): then the last second before the time that comes twice. So it never falls as the instant grows.
    package func settledWallTime(at instant: Int64) -> WallTime {
        let here = offset(at: instant)
        // No clock is set back by more than a day, and none twice in two days.
        guard offset(at: instant + 86_400) < here else { return wallTime(at: instant) }
        var (before, after) = (instant, instant + 86_400)
        while after - before > 1 {
            let middle = before + (after - before) / 2
            if offset(at: middle) < here { after = middle } else { before = middle }
        }
        let again = WallTime(seconds: wallTime(at: after).seconds - 1)
        return min(wallTime(at: instant), again)
    }
}
