/// When the clock of a terminal is set by command: computed from what is known of it, and from nothing else.
///
/// Every answer carries `cloudtime`, by which most terminals set their clocks already; a command is for those that do
/// not, or are not told. A step forward moves no punch before another one. A step backward does, where the terminal still
/// holds punches that it has not sent: those wait first, and when they do not come, the step is written down.
/// Source: docs/protocol.md §5.1, §8.3, quirk Q16.
package struct ClockRule: Hashable, Sendable {
    /// Nil: clocks are never set by command.
    package var limit: Duration?
    /// Whether answers carry the time.
    package var sendsClock: Bool

    /// Between two steps of one terminal.
    package static let rest = Duration.seconds(3600)
    /// The same after three steps that did not help.
    package static let longRest = Duration.seconds(86_400)
    package static let hopeless = 3
    /// So long a step backward waits for the terminal's unread punches.
    package static let patience = Duration.seconds(3600)

    package init(limit: Duration?, sendsClock: Bool) {
        self.limit = limit
        self.sendsClock = sendsClock
    }

    package struct Facts: Hashable, Sendable {
        /// The terminal's clock minus ours in seconds, as it has just introduced itself.
        package var skew: Int
        /// Punches it has not sent; nil: it does not say.
        package var unread: Int?
        /// Since when each of its readings is beyond the limit, this one included.
        package var wrongSince: UnixTime
        /// Readings beyond the limit in a row, this one included, each from a connection of its own.
        package var wrongReadings: Int
        package var lastStep: UnixTime?
        /// Steps in a row after which the clock was still wrong.
        package var uselessSteps: Int

        package init(
            skew: Int, unread: Int?, wrongSince: UnixTime, wrongReadings: Int = 1, lastStep: UnixTime? = nil,
            uselessSteps: Int = 0
        ) {
            self.skew = skew
            self.unread = unread
            self.wrongSince = wrongSince
            self.wrongReadings = wrongReadings
            self.lastStep = lastStep
            self.uselessSteps = uselessSteps
        }
    }

    package enum Verdict: Hashable, Sendable {
        case leave
        /// The answer to `reg` has just told the time; the next reading shows whether that was enough.
        case watch
        /// A step backward must wait until the terminal has sent what it holds.
        case waitForPunches
        /// It was set a short while ago.
        case rest
        /// `crosses`: backward although the terminal holds punches, or may.
        case set(crosses: Bool)
    }

    package func isWrong(_ skew: Int) -> Bool {
        guard let limit else { return false }
        return skew.magnitude > UInt(clamping: limit.components.seconds)
    }

    package func verdict(_ facts: Facts, at now: UnixTime) -> Verdict {
        guard isWrong(facts.skew) else { return .leave }
        if sendsClock, facts.wrongReadings < 2 { return .watch }
        if let last = facts.lastStep, now >= last {
            let rest = facts.uselessSteps >= Self.hopeless ? Self.longRest : Self.rest
            if now - last < rest { return .rest }
        }
        guard facts.skew > 0, facts.unread != 0 else { return .set(crosses: false) }
        return now - facts.wrongSince < Self.patience ? .waitForPunches : .set(crosses: true)
    }
}
