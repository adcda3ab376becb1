import AttendanceCore
import Foundation

/// Time and chance as a delivery service sees them; tests put in their own.
package struct DeliveryTiming: Sendable {
    /// The journal's stamp.
    package var now: @Sendable () -> UnixTime
    /// The monotonic clock, as a duration since any fixed start. All waiting goes by it.
    package var moment: @Sendable () -> Duration
    package var sleep: @Sendable (Duration) async throws -> Void
    /// -1...1, for the jitter.
    package var random: @Sendable () -> Double

    package init(
        now: @escaping @Sendable () -> UnixTime, moment: @escaping @Sendable () -> Duration,
        sleep: @escaping @Sendable (Duration) async throws -> Void, random: @escaping @Sendable () -> Double
    ) {
        self.now = now
        self.moment = moment
        self.sleep = sleep
        self.random = random
    }

    package static let live: DeliveryTiming = {
        let start = ContinuousClock.now
        return DeliveryTiming(
            now: { UnixTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) },
            moment: { ContinuousClock.now - start },
            sleep: { try await Task.sleep(for: $0) },
            random: { Double.random(in: -1...1) })
    }()
}
