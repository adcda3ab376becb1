import AttendanceCore
import AttendanceDelivery
import AttendanceTerminals
import Synchronization

/// What `/health` and `/metrics` tell of terminals and shifts. Looked up at most every few seconds, however many ask:
/// it goes over all terminals.
final class CompletenessWatch: Sendable {
    /// Terminals with a section of their own that have figures of their own in `/metrics`, by serial number. More
    /// would be more series than a Prometheus likes; which they are must not change from scrape to scrape.
    static let maximumSeries = 100
    private static let lasting = Duration.seconds(5)

    struct Figures: Sendable {
        var fleet = FleetFigures()
        var named: [TerminalFigures] = []
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
        let named = settings.overrides.keys.sorted { $0.folded < $1.folded }.prefix(Self.maximumSeries)
        let figures = Figures(
            fleet: FleetFigures(expected.values, isNamed: settings.isNamed, at: now()),
            named: named.compactMap { expected[$0] }, shifts: standings())
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
        func perTerminal(_ name: String, _ help: String, _ value: (TerminalFigures) -> Double?) {
            let samples = figures.named.compactMap { terminal in
                value(terminal).map {
                    MetricFamily.Sample($0, labels: [("serial", PlainText.line(terminal.serial.text))])
                }
            }
            if !samples.isEmpty { families.append(MetricFamily(name, help: help, samples: samples)) }
        }
        perTerminal("gateway_terminal_connected", "1 while a terminal that the settings name is connected.") {
            $0.isConnected ? 1 : 0
        }
        perTerminal("gateway_terminal_backlog", "Records that it has yet to send.") {
            $0.backlog.map(Double.init)
        }
        perTerminal("gateway_terminal_skew_seconds", "Its clock minus ours at its registration.") {
            $0.skew.map(Double.init)
        }
        perTerminal(
            "gateway_terminal_complete_until_seconds",
            "Every punch of it up to this moment (seconds since 1970 UTC) is in the journal."
        ) { $0.completeUntil.map(Double.init) }
        let shifts = figures.shifts.compactMap { standing in
            standing.point.map {
                MetricFamily.Sample(
                    Double($0),
                    labels: [("sink", standing.sink.text), ("shift", PlainText.line(standing.shift))])
            }
        }
        if !shifts.isEmpty {
            families.append(
                MetricFamily(
                    "gateway_shift_complete_until_seconds",
                    help: "All punches of a shift's terminals up to this moment have come to the site.",
                    samples: shifts))
        }
        return families
    }
}
