import Synchronization

/// Values put in from an event loop and taken out by one waiting task at a time.
///
/// Holds what nobody has asked for yet. It does not refuse values: whoever fills it asks `isFull` before fetching more
/// from the network, and is told by `room` when to go on.
final class Mailbox<Element: Sendable>: Sendable {
    /// Values held before the sender is asked to wait.
    static var bound: Int { 1024 }

    private struct State {
        /// Newest last; taken from `head` on.
        var values: [Element] = []
        var head = 0
        var receiver: CheckedContinuation<Element, any Error>?
        var end: (any Error)?
        var count: Int { values.count - head }
    }
    private enum Taken { case value(Element, wasFull: Bool), ended(any Error), waits, busy }

    private let state = Mutex(State())
    private let room: @Sendable () -> Void

    init(room: @escaping @Sendable () -> Void = {}) { self.room = room }

    var isFull: Bool { state.withLock { $0.count >= Self.bound } }

    func put(_ value: Element) {
        let receiver = state.withLock { state -> CheckedContinuation<Element, any Error>? in
            if state.end != nil { return nil }
            if let receiver = state.receiver.take() { return receiver }
            state.values.append(value)
            return nil
        }
        receiver?.resume(returning: value)
    }

    /// No more values come. Those held can still be taken; after them every `next` throws `error`.
    func finish(throwing error: any Error) {
        let receiver = state.withLock { state -> CheckedContinuation<Element, any Error>? in
            if state.end == nil { state.end = error }
            return state.receiver.take()
        }
        receiver?.resume(throwing: error)
    }

    /// The oldest value held, or the next that comes. Throws what `finish` was given, or `CancellationError`.
    func next() async throws -> Element {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                switch take(orWaitWith: continuation) {
                case .value(let value, let wasFull):
                    if wasFull { room() }
                    continuation.resume(returning: value)
                case .ended(let error): continuation.resume(throwing: error)
                case .busy: continuation.resume(throwing: TerminalError.twoReceivers)
                case .waits: break
                }
            }
        } onCancel: {
            state.withLock { $0.receiver.take() }?.resume(throwing: CancellationError())
        }
    }

    private func take(orWaitWith continuation: CheckedContinuation<Element, any Error>) -> Taken {
        state.withLock { state in
            if state.count > 0 {
                let wasFull = state.count >= Self.bound
                let value = state.values[state.head]
                state.head += 1
                if state.head == state.values.count {
                    state.values.removeAll(keepingCapacity: true)
                    state.head = 0
                } else if state.head >= Self.bound {
                    state.values.removeFirst(state.head)
                    state.head = 0
                }
                return .value(value, wasFull: wasFull)
            }
            if let end = state.end { return .ended(end) }
            // The cancellation handler may have run before there was anything to cancel.
            if Task.isCancelled { return .ended(CancellationError()) }
            if state.receiver != nil { return .busy }
            state.receiver = continuation
            return .waits
        }
    }
}
