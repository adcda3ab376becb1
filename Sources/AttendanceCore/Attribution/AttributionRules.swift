/// Directions and accidental repeats, decided from a person's punches in the journal and nothing else.
///
/// What was delivered when, in which order, or not at all has no influence: two gateways with the same journal decide
/// the same (docs/decisions/0024). The walk, over the punches in order of time (then of their number):
/// - a punch is a **repeat** when the last punch that was kept lies at most `repeatWindow` before it; one that states a
///   direction (`fixed`, `terminal`) only of one that stated the same. What is computed from other punches or from the
///   time of day states nothing: whether a punch is a repeat hangs on its near neighbours alone. A chain of repeats is
///   measured from the punch that was kept, so that it ends;
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
        // A chain of repeats reaches back further than one window; a walk that starts too late in it may keep another
        // punch than the one that was kept. So long a chain is nobody's accident.
        var reach = window > 0 ? max(window * 10, 3_600) : 0
        if case .alternate = rule(punch.terminal) {
            let begun = ShiftDay.beginning(of: punch.time, start: dayStart(punch.terminal))
            // Two hours more for days on which the clock was changed.
            reach += punch.time.seconds - begun.seconds + 7_200
        }
        return reach > 0 ? (punch.instant - reach)...punch.instant : nil
    }

    /// - `day`: the person's punches around `punch`, in any order, with or without it; later ones are ignored.
    package func ruling(on punch: DayPunch, day: [DayPunch]) -> Ruling {
        var punches = day.filter { ($0.instant, $0.id) < (punch.instant, punch.id) }
        punches.sort { ($0.instant, $0.id) < ($1.instant, $1.id) }
        var walk = Walk()
        for earlier in punches { _ = step(&walk, earlier) }
        return step(&walk, punch)
    }

    private struct Walk {
        var kept: (punch: DayPunch, stated: Direction?)?
        /// The last kept punch with a direction, by the day it counts for.
        var last: (time: WallTime, direction: Direction)?
    }

    private func step(_ walk: inout Walk, _ punch: DayPunch) -> Ruling {
        let rule = rule(punch.terminal)
        let told = told(punch, by: rule)
        let stated = rule.isStated ? told : nil
        if let kept = walk.kept, isRepeat(punch, stated, of: kept) {
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
        walk.kept = (punch, stated)
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
        _ punch: DayPunch, _ stated: Direction?, of kept: (punch: DayPunch, stated: Direction?)
    ) -> Bool {
        guard repeatWindow > .zero,
            .seconds(punch.instant - kept.punch.instant) <= repeatWindow
        else { return false }
        // Somebody who comes through one door and leaves by another at once has not repeated anything; and with a key
        // that was pressed wrongly, the second punch is the correction.
        return stated == nil || stated == kept.stated
    }
}

extension DirectionRule {
    /// Whether a direction comes from the place or from what the person did there.
    fileprivate var isStated: Bool {
        switch self {
        case .fixed, .terminal: true
        case .none, .alternate, .hours: false
        }
    }
}
