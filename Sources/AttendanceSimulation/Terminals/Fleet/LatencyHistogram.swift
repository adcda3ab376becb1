/// Counts of durations in log-linear buckets: 32 to a power of two, from 1 microsecond to about an hour, so that a
/// quantile is off by at most 3 % whatever its size, and memory stays at 8 KiB.
package struct LatencyHistogram: Sendable {
    private static let steps = 32
    private var counts = [UInt64](repeating: 0, count: 32 * 29)
    package private(set) var total: UInt64 = 0
    package private(set) var maximum: Duration = .zero

    package init() {}

    package mutating func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let microseconds =
            UInt64(max(0, seconds)) * 1_000_000 + UInt64(max(0, attoseconds)) / 1_000_000_000_000
        counts[min(Self.bucket(microseconds), counts.count - 1)] += 1
        total += 1
        maximum = max(maximum, duration)
    }

    /// The duration that a share of all (0 to 1) did not exceed; zero when there are none.
    package func quantile(_ share: Double) -> Duration {
        guard total > 0 else { return .zero }
        let wanted = UInt64(share * Double(total))
        var seen: UInt64 = 0
        for (index, count) in counts.enumerated() {
            seen += count
            if seen > wanted { return min(.microseconds(Self.upperEdge(index)), maximum) }
        }
        return maximum
    }

    private static func bucket(_ microseconds: UInt64) -> Int {
        guard microseconds >= 32 else { return Int(microseconds) }
        let power = 63 - microseconds.leadingZeroBitCount
        return (power - 4) * steps + Int(microseconds >> UInt64(power - 5)) & 31
    }

    private static func upperEdge(_ index: Int) -> Int {
        guard index >= steps else { return index + 1 }
        let power = index / steps + 4
        return (1 << power) / steps * (steps + index % steps + 1)
    }
}
