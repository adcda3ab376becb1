import Synchronization

/// Lets so many things through at once and so many a second in the long run, and counts the rest: for log lines that
/// a hostile peer could otherwise write by the million. Shared by whoever writes the same kind of line.
package final class Throttle: Sendable {
    private struct State {
        var bucket: TokenBucket
        var suppressed = 0
    }
    private let state: Mutex<State>

    /// Times are durations since any fixed moment of a monotonic clock.
    package init(burst: Int, perSecond: Int, at now: Duration) {
        state = Mutex(State(bucket: TokenBucket(burst: burst, perSecond: perSecond, at: now)))
    }

    /// How many were suppressed since the last that was let through; nil when this one is suppressed too.
    package func admit(at now: Duration) -> Int? {
        state.withLock { state in
            guard state.bucket.takeNow(at: now) else {
                state.suppressed += 1
                return nil
            }
            defer { state.suppressed = 0 }
            return state.suppressed
        }
    }
}
