import Synchronization

/// Says how far the journal has come, and when it goes on: for those who show it live. The writer tells it after each
/// commit; nobody who follows it touches the journal's file, nor waits for its writer.
package final class PunchFeed: Sendable {
    private let number = Atomic<Int64>(0)
    private struct Followers {
        var last = 0
        var streams: [Int: AsyncStream<Int64>.Continuation] = [:]
    }
    private let followers = Mutex(Followers())

    package init() {}

    /// The number of the newest punch; 0 while there is none. Numbers have no gaps, so it is how many there are, too.
    package var newest: Int64 { number.load(ordering: .acquiring) }

    /// The newest number now, and again whenever it has grown. Who is slow is told the last one only. Ends when the
    /// feed does. Each commit costs a moment for each who follows: whoever serves many follows once for all of them.
    package func numbers() -> AsyncStream<Int64> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Int64.self, bufferingPolicy: .bufferingNewest(1))
        let place = followers.withLock { followers in
            followers.last += 1
            followers.streams[followers.last] = continuation
            // Inside, so that a commit in between cannot be told before it.
            continuation.yield(newest)
            return followers.last
        }
        continuation.onTermination = { [weak self] _ in
            // Only taken out here: destroyed outside of the lock.
            _ = self?.followers.withLock { $0.streams.removeValue(forKey: place) }
        }
        return stream
    }

    /// How many follow.
    package var following: Int { followers.withLock { $0.streams.count } }

    /// Everything up to this number is in the journal.
    func advance(to newest: Int64) {
        guard newest > number.load(ordering: .relaxed) else { return }
        followers.withLock { followers in
            number.store(newest, ordering: .releasing)
            for stream in followers.streams.values { stream.yield(newest) }
        }
    }
}
