import AttendanceCore
import AttendanceDelivery
import Synchronization

/// The day's own time: it runs so many times faster than ours, and is put forward to when somebody next does something.
///
/// Pauses and measurements go by what runs, not by what is put forward.
final class DayClock: Sendable {
    private let start = ContinuousClock.now
    private let begin: UnixTime
    private let factor: Int
    private let skipped = Mutex(Duration.zero)

    init(from begin: UnixTime, factor: Int) {
        self.begin = begin
        self.factor = factor
    }

    var now: UnixTime { begin + moment + skipped.withLock { $0 } }

    /// Never goes back.
    func advance(to time: UnixTime) {
        let ahead = time - now
        if ahead > .zero { skipped.withLock { $0 += ahead } }
    }

    private var moment: Duration { (ContinuousClock.now - start) * factor }

    var timing: DeliveryTiming {
        DeliveryTiming(
            now: { self.now }, moment: { self.moment },
            sleep: { [factor] in try await Task.sleep(for: $0 / factor) },
            random: { Double.random(in: -1...1) })
    }
}
