import Metrics
import Synchronization

/// swift-metrics' way to `GET /metrics`: keeps every instrument and writes them in Prometheus' text format 0.0.4.
///
/// Names are made fit for Prometheus: `attendance.punches` becomes `attendance_punches`, counters end in `_total`,
/// timers are histograms in seconds and end in `_seconds`. Recorders that aggregate are histograms, others gauges.
///
/// A family has at most `maximumSeries` series. Labels beyond that (a serial number as a label, say) are counted
/// together in one series whose labels all read `other`, so that a flood of names cannot eat the memory.
package final class PrometheusMetrics: MetricsFactory {
    /// Upper bounds of a histogram's buckets, ascending.
    package struct Buckets: Sendable {
        /// Seconds, from a fast commit to a hanging ERP.
        package static let seconds = [
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
        ]
        /// Counts, such as punches in a batch.
        package static let counts: [Double] = [
            1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000,
        ]
    }

    private enum Kind: String {
        case counter, gauge, histogram
    }
    private struct Series {
        var labels: String
        var instrument: any PrometheusInstrument
    }
    private struct Family {
        var kind: Kind
        var series: [String: Series] = [:]
        /// Takes what is beyond the bound.
        var other: (any PrometheusInstrument)?
    }
    private struct State {
        var families: [String: Family] = [:]
        var help: [String: String] = [:]
        var computed: [@Sendable () -> [MetricFamily]] = []
    }
    private let state = Mutex(State())
    private let maximumSeries: Int
    private let buckets: [String: [Double]]

    /// `buckets` by label, for histograms that need others than the usual ones.
    package init(maximumSeries: Int = 200, buckets: [String: [Double]] = [:]) {
        self.maximumSeries = max(1, maximumSeries)
        self.buckets = buckets
    }

    /// Gives a metric, named by its label in the program or by its exposed name, the sentence that explains it.
    package func describe(_ label: String, _ help: String) {
        state.withLock { $0.help[MetricText.name(label)] = help }
    }

    /// Adds figures that are worked out at each scrape. `families` must not block and not log.
    package func addComputed(_ families: @escaping @Sendable () -> [MetricFamily]) {
        state.withLock { $0.computed.append(families) }
    }

    // MARK: The text

    /// What `Content-Type` says of the text.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All figures by name. `adding` holds those that the caller had to wait for.
    package func exposition(adding extra: [MetricFamily] = []) -> String {
        let (families, help, computed) = state.withLock { ($0.families, $0.help, $0.computed) }
        var blocks: [(name: String, text: String)] = []
        for (name, family) in families {
            var text = header(name, kind: family.kind.rawValue, help: help)
            for series in family.series.values.sorted(by: { $0.labels < $1.labels }) {
                series.instrument.append(name: name, labels: series.labels, to: &text)
            }
            blocks.append((name, text))
        }
        var seen = Set(families.keys)
        for family in extra + computed.flatMap({ $0() }) where !family.samples.isEmpty {
            let name = MetricText.name(family.name)
            // Two families of one name make the whole scrape invalid.
            guard seen.insert(name).inserted else { continue }
            var text = header(name, kind: family.kind.rawValue, help: [name: family.help])
            for sample in family.samples.prefix(maximumSeries) {
                text.appendSample(name, MetricText.labels(sample.labels), sample.value.exposed)
            }
            blocks.append((name, text))
        }
        return blocks.sorted { $0.name < $1.name }.map(\.text).joined()
    }

    private func header(_ name: String, kind: String, help: [String: String]) -> String {
        var bare = name
        for suffix in ["_total", "_seconds"] where bare.hasSuffix(suffix) { bare.removeLast(suffix.count) }
        let words = help[name] ?? help[bare] ?? bare.replacing("_", with: " ")
        return "# HELP \(name) \(MetricText.escapedHelp(words))\n# TYPE \(name) \(kind)\n"
    }

    // MARK: MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        instrument(label, dimensions, .counter, suffix: "_total") { PrometheusCounter() }
    }
    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        instrument(label, dimensions, .counter, suffix: "_total") { PrometheusFloatingPointCounter() }
    }
    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        instrument(label, dimensions, .gauge, suffix: "") { PrometheusGauge() }
    }
    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else {
            return instrument(label, dimensions, .gauge, suffix: "") { PrometheusGauge() }
        }
        let bounds = buckets[label] ?? Buckets.counts
        return instrument(label, dimensions, .histogram, suffix: "") { PrometheusHistogram(bounds: bounds) }
    }
    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        let bounds = buckets[label] ?? Buckets.seconds
        return instrument(label, dimensions, .histogram, suffix: "_seconds") {
            PrometheusHistogram(bounds: bounds)
        }
    }

    package func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
    package func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
    package func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
    package func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

    /// The instrument of a name and its labels: the one that is there, or a new one.
    private func instrument<Instrument: PrometheusInstrument>(
        _ label: String, _ dimensions: [(String, String)], _ kind: Kind, suffix: String,
        make: () -> Instrument
    ) -> Instrument {
        var name = MetricText.name(label)
        if !name.hasSuffix(suffix) { name += suffix }
        let labels = MetricText.labels(dimensions)
        return state.withLock { state in
            // A name has one type in Prometheus; a second type gets a name of its own.
            if let family = state.families[name], !Self.fits(family, kind, Instrument.self) {
                name += "_\(Instrument.self)".lowercased()
            }
            var family = state.families[name] ?? Family(kind: kind)
            defer { state.families[name] = family }
            if let known = family.series[labels]?.instrument as? Instrument { return known }
            guard family.series.count >= maximumSeries else {
                let new = make()
                family.series[labels] = Series(labels: labels, instrument: new)
                return new
            }
            if let other = family.other as? Instrument { return other }
            let other = make()
            let otherLabels = MetricText.labels(dimensions.map { ($0.0, "other") })
            family.other = other
            family.series[otherLabels] = Series(labels: otherLabels, instrument: other)
            return other
        }
    }

    private static func fits<Instrument>(_ family: Family, _ kind: Kind, _: Instrument.Type) -> Bool {
        family.kind == kind
            && (family.series.first.map { $0.value.instrument is Instrument } ?? true)
    }

    private func remove(_ handler: AnyObject) {
        state.withLock { state in
            for (name, family) in state.families {
                guard let key = family.series.first(where: { $0.value.instrument === handler })?.key,
                    family.other !== handler
                else { continue }
                state.families[name]?.series[key] = nil
                if family.series.count == 1 { state.families[name] = nil }
            }
        }
    }
}

/// Figures worked out at a scrape: a gauge or counter with its samples. Without samples it is left out.
package struct MetricFamily: Sendable {
    package enum Kind: String, Sendable { case gauge, counter }
    package struct Sample: Sendable {
        package var labels: [(String, String)]
        package var value: Double

        package init(_ value: Double, labels: [(String, String)] = []) {
            self.labels = labels
            self.value = value
        }
    }
    /// The exposed name; a counter's ends in `_total`.
    package var name: String
    package var kind: Kind
    package var help: String
    package var samples: [Sample]

    package init(_ name: String, _ kind: Kind = .gauge, help: String, samples: [Sample]) {
        self.name = name
        self.kind = kind
        self.help = help
        self.samples = samples
    }
    package init(_ name: String, _ kind: Kind = .gauge, help: String, value: Double) {
        self.init(name, kind, help: help, samples: [Sample(value)])
    }
}

/// Names, labels and escaping of Prometheus' text format 0.0.4.
enum MetricText {
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`; whatever else becomes `_`.
    static func name(_ label: String) -> String { sanitised(label, colons: true) }

    /// `a="b",c="d"`, by name. A label that stands twice keeps its last value; `le` is the histograms' own.
    static func labels(_ dimensions: [(String, String)]) -> String {
        if dimensions.isEmpty { return "" }
        var values: [String: String] = [:]
        for (name, value) in dimensions {
            var name = sanitised(name, colons: false)
            if name == "le" || name == "quantile" || name.hasPrefix("__") { name = "label_" + name }
            values[name] = value
        }
        return values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escapedValue($0.value))\"" }
            .joined(separator: ",")
    }

    private static func sanitised(_ text: String, colons: Bool) -> String {
        var name = ""
        for scalar in text.unicodeScalars {
            let isLetter = ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
            let isDigit = ("0"..."9").contains(scalar)
            if isDigit && name.isEmpty { name = "_" }
            name += isLetter || isDigit || (colons && scalar == ":") ? String(scalar) : "_"
        }
        return name.isEmpty ? "_" : name
    }

    static func escapedHelp(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    }
    static func escapedValue(_ text: String) -> String {
        // By scalars: CR LF is one Character, and its LF must be found.
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
