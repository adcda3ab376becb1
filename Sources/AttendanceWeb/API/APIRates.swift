import AttendanceCore
import Synchronization

/// How many calls each asker may make: as many at once as in a minute, and no more in the long run. Bounded: whoever
/// comes when very many are remembered shares one account with all others who come then.
final class APIRates: Sendable {
    static let mostAskers = 10_000
    /// A time of rest after which a bucket is full again.
    private static let minute = Duration.seconds(60)

    private struct State {
        var buckets: [String: (bucket: TokenBucket, last: Duration)] = [:]
        var rest: TokenBucket?
    }
    private let state = Mutex(State())

    /// Takes one. Nil: go on; else whole seconds to wait.
    func wait(for asker: String, perMinute: Int, at time: Duration) -> Int64? {
        // The bucket counts whole ones a second: a second of it is a minute.
        let slow = time / 60
        let isFree = state.withLock { state -> Bool in
            if var entry = state.buckets[asker], Int(entry.bucket.burst) == perMinute {
                let isFree = entry.bucket.takeNow(at: slow)
                entry.last = time
                state.buckets[asker] = entry
                return isFree
            }
            if state.buckets.count >= Self.mostAskers {
                state.buckets = state.buckets.filter { time - $0.value.last < Self.minute }
            }
            var fresh = TokenBucket(burst: perMinute, perSecond: perMinute, at: slow)
            guard state.buckets.count < Self.mostAskers || state.buckets[asker] != nil else {
                var rest = state.rest ?? fresh
                defer { state.rest = rest }
                return rest.takeNow(at: slow)
            }
            let isFree = fresh.takeNow(at: slow)
            state.buckets[asker] = (fresh, time)
            return isFree
        }
        return isFree ? nil : max(1, Int64((60 + perMinute - 1) / perMinute))
    }
}
