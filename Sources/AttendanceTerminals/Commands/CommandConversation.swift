import AttendanceCore
import Synchronization

/// The commands of one connection while somebody drives them: shared by the connection's task, which shows it every
/// message, and the desk's, which sends, waits and writes down.
///
/// What is between the two is bounded: an exchange asks for one thing at a time, and what answers nothing is not kept.
final class CommandConversation: Sendable {
    private struct State {
        var exchange: CommandExchange
        var outputs: [CommandExchange.Output] = []
        var hasEnded = false
    }

    /// What is to be done next.
    enum Step {
        case carryOut([CommandExchange.Output])
        /// A command may be sent.
        case ready
        /// Nothing before this moment, unless the bell rings.
        case wait(until: Duration?)
        /// The connection is gone, and all that was to be said of it has been said.
        case ended
    }

    private let state: Mutex<State>
    private let moment: @Sendable () -> Duration
    /// Rings when `step` may have something new.
    let bells: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation
    private let writing = Atomic(false)

    /// `moment` is any monotonic clock.
    init(_ exchange: CommandExchange, moment: @escaping @Sendable () -> Duration) {
        state = Mutex(State(exchange: exchange))
        self.moment = moment
        (bells, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// A command is on its way out of this process.
    var isWriting: Bool { writing.load(ordering: .acquiring) }
    func setWriting(_ isWriting: Bool) { writing.store(isWriting, ordering: .releasing) }

    func ring() { bell.yield() }

    // MARK: In the connection's task

    /// Any message, before it is taken for anything else. `taken` holds only what answers nothing, for the log.
    func received(_ message: TerminalMessage, bytes: UnsafeRawBufferPointer) -> CommandExchange.Reception {
        let reception = state.withLock { state -> CommandExchange.Reception in
            guard !state.hasEnded else { return .notMine }
            let reception = state.exchange.received(message, bytes: bytes, at: moment())
            guard case .taken(let outputs) = reception else { return reception }
            state.outputs += outputs.filter { !$0.isStray }
            return .taken(outputs.filter(\.isStray))
        }
        if case .taken = reception { ring() }
        return reception
    }

    /// The page of logs that was asked for is durable, or is not. Nothing when there is none.
    func pageStored(_ isStored: Bool) {
        state.withLock { $0.outputs += $0.exchange.pageStored(isStored, at: moment()) }
        ring()
    }

    /// See `CommandExchange.stop`.
    func stop(_ id: Int64, _ words: String) { state.withLock { $0.exchange.stop(id, words) } }

    /// The connection is gone, or is no longer this terminal's.
    func hungUp() {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.hasEnded = true
            state.outputs += state.exchange.ended()
        }
        ring()
    }

    // MARK: In the desk's task

    func start(_ order: CommandExchange.Order, wallTime: WallTime?) {
        state.withLock { state in
            guard !state.hasEnded else {
                state.outputs.append(
                    .settled(
                        order.id, .init(state: .waiting, words: "the connection ended before it was sent")))
                return
            }
            state.outputs += state.exchange.start(order, wallTime: wallTime, at: moment())
        }
    }

    func step() -> Step {
        state.withLock { state in
            let now = moment()
            if !state.hasEnded, let wakes = state.exchange.wakes, wakes <= now {
                state.outputs += state.exchange.passed(at: now)
            }
            if !state.outputs.isEmpty {
                defer { state.outputs = [] }
                return .carryOut(state.outputs)
            }
            if state.hasEnded { return .ended }
            if state.exchange.isReady(at: now) { return .ready }
            return .wait(until: state.exchange.wakes)
        }
    }
}

extension CommandExchange.Output {
    fileprivate var isStray: Bool { if case .stray = self { true } else { false } }
}
