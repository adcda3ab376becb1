import Metrics
import Synchronization

// Handlers of swift-metrics that Prometheus can read. Incrementing allocates nothing: one atomic, or a short lock
// where several numbers change together.

/// Any of the handlers, as the exposition sees it.
protocol PrometheusInstrument: AnyObject, Sendable {
    /// Appends the lines of one series. `labels` is `a="b",c="d"` or empty.
    func append(name: String, labels: String, to text: inout String)
}

final class PrometheusCounter: CounterHandler, PrometheusInstrument {
    private let value = Atomic<Int64>(0)

    /// A counter never goes down (docs of Prometheus, metric types): negative amounts are ignored.
    func increment(by amount: Int64) {
        if amount > 0 { value.wrappingAdd(amount, ordering: .relaxed) }
    }
    func reset() { value.store(0, ordering: .relaxed) }

    func append(name: String, labels: String, to text: inout String) {
        text.appendSample(name, labels, String(value.load(ordering: .relaxed)))
    }
}

final class PrometheusFloatingPointCounter: FloatingPointCounterHandler, PrometheusInstrument {
    private let value = Mutex(0.0)

    func increment(by amount: Double) {
        if amount > 0 { value.withLock { $0 += amount } }
    }
    func reset() { value.withLock { $0 = 0 } }

    func append(name: String, labels: String, to text: inout String) {
        text.appendSample(name, labels, value.withLock(\.self).exposed)
    }
}

final class PrometheusGauge: MeterHandler, RecorderHandler, PrometheusInstrument {
    private let value = Mutex(0.0)

    func set(_ new: Int64) { set(Double(new)) }
    func set(_ new: Double) { value.withLock { $0 = new } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ new: Int64) { set(Double(new)) }
    func record(_ new: Double) { set(new) }

    func append(name: String, labels: String, to text: inout String) {
        text.appendSample(name, labels, value.withLock(\.self).exposed)
    }
}

final class PrometheusHistogram: TimerHandler, RecorderHandler, PrometheusInstrument {
    private struct Counts {
        /// Of each bucket alone, the last one without a bound.
        var buckets: [UInt64]
        var sum = 0.0
    }
    /// Upper bounds, ascending, without the infinite one.
    private let bounds: [Double]
    private let counts: Mutex<Counts>

    init(bounds: [Double]) {
        self.bounds = bounds
        counts = Mutex(Counts(buckets: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        // What is no number would spoil the sum for ever.
        guard value.isFinite else { return }
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        counts.withLock {
            $0.buckets[index] &+= 1
            $0.sum += value
        }
    }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }

    func append(name: String, labels: String, to text: inout String) {
        let counts = self.counts.withLock { ($0.buckets, $0.sum) }
        let separator = labels.isEmpty ? "" : ","
        var total: UInt64 = 0
        for (bound, count) in zip(bounds.map(\.exposed) + ["+Inf"], counts.0) {
            total &+= count
            text.appendSample("\(name)_bucket", "\(labels)\(separator)le=\"\(bound)\"", String(total))
        }
        text.appendSample("\(name)_sum", labels, counts.1.exposed)
        text.appendSample("\(name)_count", labels, String(total))
    }
}

extension Double {
    /// As the text format writes numbers: whole ones without a fraction, `+Inf`, `-Inf`, `NaN`.
    var exposed: String {
        if isNaN { return "NaN" }
        if isInfinite { return self > 0 ? "+Inf" : "-Inf" }
        return magnitude < 1e15 && self == rounded() ? String(Int64(self)) : String(self)
    }
}

extension String {
    mutating func appendSample(_ name: String, _ labels: String, _ value: String) {
        self += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
    }
}
