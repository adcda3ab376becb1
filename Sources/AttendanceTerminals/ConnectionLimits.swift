import Synchronization

/// How many connections a listener holds, in all and from one address, and how much memory unfinished and unread
/// messages may take. Shared by all listeners of the process, because they share its descriptors and its memory.
package final class ConnectionLimits: Sendable {
    package struct Bounds: Hashable, Sendable {
        /// Open connections of any kind, HTTP included.
        package var total: Int
        /// From one source address. As large as `total` by default: 10,000 terminals may stand behind one router.
        package var perAddress: Int
        /// Bytes of messages that are larger than `freeMessageBytes`, over all connections.
        package var messageMemory: Int

        package init(total: Int, perAddress: Int? = nil, messageMemory: Int = 256 << 20) {
            self.total = total
            self.perAddress = perAddress ?? total
            self.messageMemory = messageMemory
        }
    }

    /// A message up to this size is not counted against the shared memory.
    package static let freeMessageBytes = 64 << 10

    private struct State {
        var bounds: Bounds
        var total = 0
        var byAddress: [String: Int] = [:]
        /// Refusals not yet told, and when the last were.
        var refused = 0
        var told: Duration?
    }
    private let state: Mutex<State>
    private let memoryInUse = Atomic<Int>(0)

    package init(_ bounds: Bounds) { state = Mutex(State(bounds: bounds)) }

    package var bounds: Bounds {
        get { state.withLock { $0.bounds } }
        set { state.withLock { $0.bounds = newValue } }
    }

    package var open: Int { state.withLock { $0.total } }

    /// Takes a place for a connection; false when there is none. `release` gives it back.
    func acquire(_ address: String) -> Bool {
        state.withLock { state in
            let here = state.byAddress[address, default: 0]
            guard state.total < state.bounds.total, here < state.bounds.perAddress else {
                state.refused += 1
                return false
            }
            state.total += 1
            state.byAddress[address] = here + 1
            return true
        }
    }

    /// How many were refused since this was last told; nil while that is less than ten seconds ago. A flood of
    /// connections must not become a flood of log lines. `now` is a time of any monotonic clock.
    func refusalsToTell(at now: Duration) -> Int? {
        state.withLock { state in
            guard state.refused > 0, state.told.map({ now - $0 >= .seconds(10) }) ?? true else { return nil }
            defer { state.refused = 0 }
            state.told = now
            return state.refused
        }
    }

    func release(_ address: String) {
        state.withLock { state in
            state.total -= 1
            let here = state.byAddress[address, default: 0] - 1
            state.byAddress[address] = here > 0 ? here : nil
        }
    }

    /// Memory for a large message; nil when all of it is taken. It is given back when the lease goes.
    func lease(_ bytes: Int) -> MessageLease? {
        let bound = state.withLock { $0.bounds.messageMemory }
        let lease = MessageLease(limits: self)
        return lease.grow(to: bytes, bound: bound) ? lease : nil
    }

    func grow(_ lease: MessageLease, to bytes: Int) -> Bool {
        lease.grow(to: bytes, bound: state.withLock { $0.bounds.messageMemory })
    }

    fileprivate func take(_ bytes: Int, bound: Int) -> Bool {
        let (_, now) = memoryInUse.add(bytes, ordering: .relaxed)
        if now <= bound { return true }
        memoryInUse.subtract(bytes, ordering: .relaxed)
        return false
    }

    fileprivate func giveBack(_ bytes: Int) { memoryInUse.subtract(bytes, ordering: .relaxed) }

    package var leasedMemory: Int { memoryInUse.load(ordering: .relaxed) }
}

/// A share of the memory for large messages, held as long as the message is.
package final class MessageLease: Sendable {
    private let limits: ConnectionLimits
    private let bytes = Atomic<Int>(0)

    fileprivate init(limits: ConnectionLimits) { self.limits = limits }

    fileprivate func grow(to wanted: Int, bound: Int) -> Bool {
        let more = wanted - bytes.load(ordering: .relaxed)
        guard more > 0 else { return true }
        guard limits.take(more, bound: bound) else { return false }
        bytes.add(more, ordering: .relaxed)
        return true
    }

    deinit { limits.giveBack(bytes.load(ordering: .relaxed)) }
}
