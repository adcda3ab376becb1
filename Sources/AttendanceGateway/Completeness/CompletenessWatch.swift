import AttendanceCore
import AttendanceDelivery
import AttendanceTerminals
import Synchronization

/// What `/health` and `/metrics` tell of terminals and shifts. Looked up at most every few seconds, however many ask:
/// it goes over all terminals.
final class CompletenessWatch: Sendable {
    private static let lasting = Duration.seconds(5)

    struct Figures: Sendable {
        var fleet = FleetFigures()
        /// The least `completeUntil` of the terminals that the settings name; nil when of one nothing is known.
        var completeUntil: Int64?
        var shifts: [ShiftStanding] = []
    }

    private let keeper: CompletenessKeeper
    private let terminals: TerminalsInForce
    private let standings: @Sendable () -> [ShiftStanding]
    private let now: @Sendable () -> UnixTime
    private let recent = Mutex<(made: ContinuousClock.Instant, figures: Figures)?>(nil)

    init(
        keeper: CompletenessKeeper, terminals: TerminalsInForce,
        standings: @escaping @Sendable () -> [ShiftStanding], now: @escaping @Sendable () -> UnixTime
    ) {
        self.keeper = keeper
        self.terminals = terminals
        self.standings = standings
        self.now = now
    }

    func figures(at moment: ContinuousClock.Instant = .now) -> Figures {
        if let (made, figures) = recent.withLock({ $0 }), moment - made < Self.lasting { return figures }
        let settings = terminals.now
        let expected = settings.expected(of: keeper.figures(), at: now())
        let points = settings.overrides.keys.map { expected[$0]?.completeUntil }
        let figures = Figures(
            fleet: FleetFigures(expected.values, isNamed: settings.isNamed, at: now()),
            completeUntil: points.contains(nil) ? nil : points.compactMap(\.self).min(), shifts: standings())
        recent.withLock { $0 = (moment, figures) }
        return figures
    }

    // MARK: Metrics

    func families() -> [MetricFamily] {
        let figures = figures()
        var families = [
            MetricFamily(
                "gateway_terminals_known",
                help: "Terminals named by the settings or heard of within 31 days.",
                value: Double(figures.fleet.known)),
            MetricFamily(
                "gateway_terminals_offline", help: "Known terminals that are not connected.",
                value: Double(figures.fleet.offline)),
            MetricFamily(
                "gateway_terminal_backlog_largest",
                help: "The most records that a connected terminal has yet to send.",
                value: Double(figures.fleet.largestBacklog)),
            MetricFamily(
                "gateway_terminal_skew_largest_seconds",
                help: "How wrong the worst clock of a connected terminal was at its registration.",
                value: Double(figures.fleet.largestSkew)),
            MetricFamily(
                "gateway_shifts_held_back",
                help: "Shifts that some terminal keeps from being counted up to now.",
                value: Double(figures.shifts.count { $0.isHeldBack })),
        ]
        if let until = figures.completeUntil {
            families.append(
                MetricFamily(
                    "gateway_terminal_complete_until_seconds",
                    help: "Up to this moment (seconds since 1970 UTC) every punch of every terminal that the "
                        + "settings name is in the journal. Missing as long as of one nothing is known.",
                    value: Double(until)))
        }
        // Whatever it is of: the answer goes to anybody who can reach the terminals' port, so it holds no names.
        let sinks = Dictionary(grouping: figures.shifts.filter { $0.condition == .followed }, by: \.sink)
        let samples = sinks.sorted { $0.key.text < $1.key.text }.compactMap { sink, shifts in
            shifts.contains { $0.point == nil }
                ? nil
                : shifts.compactMap(\.point).min().map {
                    MetricFamily.Sample(Double($0), labels: [("sink", sink.text)])
                }
        }
        if !samples.isEmpty {
            families.append(
                MetricFamily(
                    "gateway_shift_complete_until_seconds",
                    help:
                        "Up to this moment all punches of all shifts that are followed have come to the site.",
                    samples: samples))
        }
        return families
    }
}
