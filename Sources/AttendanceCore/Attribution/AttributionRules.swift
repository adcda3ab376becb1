/// Directions and accidental repeats, decided from a person's punches in the journal and nothing else.
///
/// What was delivered when, in which order, or not at all has no influence: two gateways with the same journal decide
/// the same (docs/decisions/0024). The walk, over the punches in order of time (then of their number):
/// - a punch is a **repeat** when the last punch that was kept lies at most `repeatWindow` before it; where the
///   terminal's own codes tell directions, only when both have the same direction or one has none. A chain of repeats
///   is measured from the punch that was kept, so that it ends;
/// - a kept punch of a terminal that **alternates** is the opposite of the last kept punch of its shift day, and `IN`
///   where there is none; whatever gave that punch its direction counts.
package struct AttributionRules: Sendable {
    package enum Ruling: Hashable, Sendable {
        /// Nil leaves the direction to the site.
        case forward(Direction?)
        /// An accidental repeat of that punch, so many seconds after it.
        case repeats(punch: Int64, seconds: Int)
    }

    /// A further punch within so long is a repeat; zero suppresses nothing.
    package var repeatWindow: Duration
    package var rule: @Sendable (SerialNumber) -> DirectionRule
    /// Where the shift day begins, in seconds of the day, for punches of that terminal.
    package var dayStart: @Sendable (SerialNumber) -> Int

    package init(
        repeatWindow: Duration = .zero,
        rule: @escaping @Sendable (SerialNumber) -> DirectionRule = { _ in .none },
        dayStart: @escaping @Sendable (SerialNumber) -> Int = { _ in ShiftDay.usualStart }
    ) {
        self.repeatWindow = repeatWindow
        self.rule = rule
        self.dayStart = dayStart
    }

    /// Instants (seconds since 1970 UTC) of the punches that must be known to rule on one: up to and with its own. Nil
    /// when its own is enough.
    package func needs(_ punch: DayPunch) -> ClosedRange<Int64>? {
        let window = Int64(repeatWindow.components.seconds)
        var from = punch.instant
        if case .alternate = rule(punch.terminal) {
            let begun = ShiftDay.beginning(of: punch.time, start: dayStart(punch.terminal))
            // Two hours more for days on which the clock was changed.
            from = min(from, punch.instant - (punch.time.seconds - begun.seconds) - 7_200)
        }
        // A chain of repeats reaches back further than one window; a walk that starts too late in it may keep another
        // punch than the one that was kept. The longest that is looked at is a day.
        if window > 0 { from = min(from, punch.instant - max(window * 10, 3_600)) }
        return from < punch.instant ? from...punch.instant : nil
    }

    /// - Parameter day: the person's punches around `punch`, in any order, with or without it; later ones are ignored.
    package func ruling(on punch: DayPunch, day: [DayPunch]) -> Ruling {
        var punches = day.filter { ($0.instant, $0.id) < (punch.instant, punch.id) }
        punches.sort { ($0.instant, $0.id) < ($1.instant, $1.id) }
        var walk = Walk()
        for earlier in punches { _ = step(&walk, earlier) }
        return step(&walk, punch)
    }

    private struct Walk {
        var kept: (punch: DayPunch, direction: Direction?)?
        /// The last kept punch with a direction, by the day it counts for.
        var last: (time: WallTime, direction: Direction)?
    }

    private func step(_ walk: inout Walk, _ punch: DayPunch) -> Ruling {
        let rule = rule(punch.terminal)
        let told = told(punch, by: rule)
        if let kept = walk.kept, isRepeat(punch, told, rule, of: kept) {
            return .repeats(punch: kept.punch.id, seconds: Int(punch.instant - kept.punch.instant))
        }
        var direction = told
        if case .alternate = rule {
            let start = dayStart(punch.terminal)
            if let last = walk.last,
                ShiftDay.number(of: last.time, start: start) == ShiftDay.number(of: punch.time, start: start)
            {
                direction = last.direction == .in ? .out : .in
            } else {
                direction = .in
            }
        }
        walk.kept = (punch, direction)
        if let direction { walk.last = (punch.time, direction) }
        return .forward(direction)
    }

    /// What the rule says without looking at other punches.
    private func told(_ punch: DayPunch, by rule: DirectionRule) -> Direction? {
        switch rule {
        case .none, .alternate: nil
        case .fixed(let direction): direction
        case .terminal(let table):
            table.direction(inOut: punch.inOut, event: punch.event, mode: punch.mode)
        case .hours(let hours): hours.direction(at: punch.time)
        }
    }

    private func isRepeat(
        _ punch: DayPunch, _ told: Direction?, _ rule: DirectionRule,
        of kept: (punch: DayPunch, direction: Direction?)
    ) -> Bool {
        guard repeatWindow > .zero,
            .seconds(punch.instant - kept.punch.instant) <= repeatWindow
        else { return false }
        // Somebody who comes through one door and leaves by another at once has not repeated anything; and with a key
        // that was pressed wrongly, the second punch is the correction.
        guard case .alternate = rule else {
            guard let told, let before = kept.direction else { return true }
            return told == before
        }
        return true
    }
}
