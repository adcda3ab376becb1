import AttendanceCore
import Synchronization

/// What is known of one terminal by its present connection: when it was last heard, what it has brought.
///
/// Written from two sides, read from any: the event loop stores the time of each frame that is no message (an atomic
/// store), the connection's task works the rest out from each message. A sign of life counts for completeness only
/// when every message that came before it was dealt with: a punch that waits for a slow disk is not there yet.
final class TerminalPulse: Sendable {
    private let now: @Sendable () -> UnixTime
    /// Milliseconds since 1970 UTC; 0 before anything was heard.
    private let heard = Atomic<Int64>(0)
    /// Messages handed to the connection's task, and those it has dealt with.
    private let received = Atomic<Int>(0)
    private let served = Atomic<Int>(0)
    private let state = Mutex(State())
    private let commands = Mutex(Commands.none)

    /// Nearly all connections have none.
    private enum Commands {
        case none
        case some(CommandConversation)
        /// The connection is gone.
        case ended
    }

    private struct State {
        var completeness: TerminalCompleteness?
        var skew: Int?
        var memory = DeviceMemory()
        var resends = 0
        var repeatedBatches = 0
        var records = 0
    }

    init(now: @escaping @Sendable () -> UnixTime) { self.now = now }

    // MARK: On the event loop

    /// A whole frame came that is no message: a pong, a ping.
    func beat() { heard.store(now().milliseconds, ordering: .releasing) }

    /// A whole message came and is about to be handed on.
    func messageCame() { received.add(1, ordering: .releasing) }

    // MARK: In the connection's task

    /// A message was dealt with to its end.
    func messageServed(at now: UnixTime) {
        heard.store(now.milliseconds, ordering: .releasing)
        served.add(1, ordering: .releasing)
    }

    /// `isNew`: this connection speaks for this terminal from now on.
    func registered(
        isNew: Bool, at now: UnixTime, backlog: Int?, skew: Int?, setsClock: Bool, deviceInfo: String?
    ) {
        let memory = deviceInfo.map { DeviceMemory(deviceInfo: $0) }
        heard.store(now.milliseconds, ordering: .releasing)
        state.withLock { state in
            if isNew { state = State() }
            if state.completeness == nil {
                state.completeness = TerminalCompleteness(
                    registeredAt: now, backlog: backlog, skew: skew, setsClock: setsClock)
            } else {
                state.completeness?.registered(at: now, backlog: backlog, skew: skew, setsClock: setsClock)
            }
            state.skew = skew ?? state.skew
            state.memory = memory ?? state.memory
        }
    }

    /// Records of the log are in the journal and are being acknowledged.
    ///
    /// - Parameter times: how often this very batch has come in a row; 0 when it held something new.
    func stored(_ batch: IntakeBatch, _ receipt: IntakeReceipt, times: Int, at now: UnixTime) {
        state.withLock { state in
            state.completeness?.stored(batch, at: now)
            state.records += receipt.stored
            state.resends = times
            if times > 0 { state.repeatedBatches += 1 }
        }
    }

    func notStored(at now: UnixTime) { state.withLock { $0.completeness?.notStored(at: now) } }

    // MARK: Commands

    /// What is being asked of the terminal by this connection; nil for nearly all.
    var conversation: CommandConversation? {
        commands.withLock { if case .some(let conversation) = $0 { conversation } else { nil } }
    }

    /// From now on each message is shown to `conversation` first. False when the connection is gone, or has one.
    func attach(_ conversation: CommandConversation) -> Bool {
        commands.withLock { commands in
            guard case .none = commands else { return false }
            commands = .some(conversation)
            return true
        }
    }

    func detach(_ conversation: CommandConversation) {
        commands.withLock { commands in
            if case .some(let present) = commands, present === conversation { commands = .none }
        }
    }

    /// The connection speaks for another terminal from now on, or another connection for this one.
    func dropCommands() {
        conversation?.hungUp()
    }

    /// The connection is gone.
    func ended() {
        let last = commands.withLock { commands in
            defer { commands = .ended }
            return if case .some(let conversation) = commands { conversation } else {
                nil as CommandConversation?
            }
        }
        last?.hungUp()
    }

    // MARK: From anywhere

    /// How the terminal fares now. `isConnected` is what the caller knows.
    func figures(of serial: SerialNumber, isConnected: Bool) -> TerminalFigures {
        let heard = heard.load(ordering: .acquiring)
        // In this order: a message that came before `heard` is counted in both, or the two differ.
        let received = received.load(ordering: .acquiring)
        let isServed = served.load(ordering: .acquiring) == received
        return state.withLock { state in
            if isServed, heard > 0 { state.completeness?.heard(at: UnixTime(milliseconds: heard)) }
            return TerminalFigures(
                serial: serial, isConnected: isConnected,
                lastHeard: heard > 0 ? UnixTime(milliseconds: heard) : nil,
                backlog: state.completeness?.backlog, skew: state.skew,
                lag: isConnected ? state.completeness?.lag : nil,
                completeUntil: state.completeness?.completeUntil, memory: state.memory,
                resends: state.resends, repeatedBatches: state.repeatedBatches,
                records: state.records)
        }
    }
}
