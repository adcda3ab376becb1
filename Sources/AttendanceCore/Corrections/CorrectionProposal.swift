/// What a time that could not be believed most probably was, for a person to accept or change.
///
/// The rule, in this order:
/// 1. The terminal's clock was found wrong at a `reg` near the punch's arrival: the sent time, less that error, unless
///    that lies after the arrival or more than `longestMemory` before it.
/// 2. Else the moment of arrival: a connected terminal sends a punch within seconds.
package struct CorrectionProposal: Hashable, Sendable {
    /// In the terminal's zone.
    package var time: WallTime
    /// Seconds since 1970 UTC.
    package var instant: Int64
    /// On what it rests, in words.
    package var basis: String

    /// Errors of a clock that explain something, in seconds: smaller ones are those of any clock, larger ones are longer
    /// than there are terminals.
    private static let errors: ClosedRange<UInt> = 60...(100 * 366 * 86_400)
    /// No terminal's memory reaches back further than this.
    package static let longestMemory: Duration = .seconds(400 * 86_400)
    /// How far a corrected time may lie after the arrival: clocks are read in whole seconds.
    package static let tolerance: Duration = .seconds(120)

    /// - `sent`: what the terminal said; nil where that is no date and time at all.
    /// - `reading`: the terminal's clock against ours, as near to the arrival as there is one.
    package init(sent: WallTime?, received: UnixTime, zone: ZoneRules, reading: ClockReading?) {
        if let sent, let reading, Self.errors.contains(reading.skew.magnitude) {
            let instant = zone.instant(of: sent) - Int64(reading.skew)
            let moment = UnixTime(seconds: instant)
            if moment <= received + Self.tolerance, received - moment <= Self.longestMemory {
                self.init(
                    time: zone.wallTime(at: instant), instant: instant,
                    basis:
                        "the terminal's clock was \(Self.words(reading.skew)) at its registration on \(reading.at.iso8601)"
                )
                return
            }
        }
        let instant = received.seconds
        self.init(
            time: zone.wallTime(at: instant), instant: instant,
            basis: reading == nil
                ? "it arrived then, and nothing is known of the terminal's clock"
                : "it arrived then; the error of the terminal's clock does not explain the time it sent")
    }

    private init(time: WallTime, instant: Int64, basis: String) {
        self.time = time
        self.instant = instant
        self.basis = basis
    }

    /// `2 h 5 min 0 s ahead`
    static func words(_ skew: Int) -> String {
        let seconds = skew.magnitude
        var parts: [String] = []
        if seconds >= 86_400 { parts.append("\(seconds / 86_400) d") }
        if seconds >= 3_600 { parts.append("\(seconds % 86_400 / 3_600) h") }
        if seconds < 86_400 {
            parts.append("\(seconds % 3_600 / 60) min")
            parts.append("\(seconds % 60) s")
        }
        return parts.joined(separator: " ") + (skew < 0 ? " behind" : " ahead")
    }
}
