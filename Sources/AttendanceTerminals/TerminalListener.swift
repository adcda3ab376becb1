import AttendanceCore
import AttendanceStore
import Logging
import NIOCore
import NIOHTTP1
import NIOWebSocket
import Synchronization

/// One listener's terminals: who may connect, within what bounds, and what they are served with.
package final class TerminalListener: Sendable {
    /// Fixed while the listener runs.
    package struct Bounds: Hashable, Sendable {
        /// Longest message, in one frame or many.
        package var messageBytes: Int
        package var messageFragments: Int
        /// From connecting to the first complete request.
        package var handshake: Duration
        /// Between two requests of a plain HTTP connection.
        package var httpIdle: Duration
        /// A plain HTTP connection is closed after this time, however busy: places are for terminals.
        package var httpLifetime: Duration
        package var liveness: Liveness.Limits
        package var acceptsUnmasked: Bool
        /// Messages of one connection: so many at once, so many a second in the long run. Faster peers are read
        /// more slowly; nothing is refused.
        package var messageBurst: Int
        package var messagesPerSecond: Int

        package init(
            messageBytes: Int = 8 << 20, messageFragments: Int = 4096, handshake: Duration = .seconds(10),
            httpIdle: Duration = .seconds(30), httpLifetime: Duration = .seconds(600),
            liveness: Liveness.Limits = .init(),
            acceptsUnmasked: Bool = true,
            messageBurst: Int = 2000, messagesPerSecond: Int = 1000
        ) {
            self.messageBytes = messageBytes
            self.messageFragments = messageFragments
            self.handshake = handshake
            self.httpIdle = httpIdle
            self.httpLifetime = httpLifetime
            self.liveness = liveness
            self.acceptsUnmasked = acceptsUnmasked
            self.messageBurst = messageBurst
            self.messagesPerSecond = messagesPerSecond
        }
    }

    package let name: String
    package let bounds: Bounds
    let limits: ConnectionLimits
    let service: TerminalService
    /// Puts TLS before everything else of a new connection; nil for a plain one.
    let secure: (@Sendable (any Channel) throws -> Void)?
    private let rules: Mutex<AdmissionRules>
    private let refusalLines = Throttle(burst: 50, perSecond: 2, at: FrameState.now)

    var metrics: TerminalMetrics { service.metrics }

    package init(
        name: String, bounds: Bounds, rules: AdmissionRules, limits: ConnectionLimits,
        service: TerminalService, secure: (@Sendable (any Channel) throws -> Void)? = nil
    ) {
        self.secure = secure
        self.name = name
        self.bounds = bounds
        self.limits = limits
        self.service = service
        self.rules = Mutex(rules)
    }

    /// Takes effect for the next handshake; connections that stand are left alone.
    package func setRules(_ new: AdmissionRules) { rules.withLock { $0 = new } }

    func admit(_ head: HTTPRequestHead, address: String) -> AdmissionRules.Verdict {
        let verdict = rules.withLock { $0 }.admit(
            address: address, path: head.uri.withoutQuery, authorization: head.headers["authorization"])
        if case .refused(let refusal) = verdict {
            metrics.refused(refusal)
            if let unsaid = refusalLines.admit(at: FrameState.now) {
                service.logger.warning(
                    "connection refused",
                    metadata: [
                        "listener": "\(name)", "peer": "\(address)", "reason": "\(refusal.rawValue)",
                        "unsaid": "\(unsaid)",
                    ])
            }
        }
        return verdict
    }

    var hasSecretPath: Bool { rules.withLock { $0.secretPath != nil } }

    func admits(_ serial: SerialNumber?) -> Bool { rules.withLock { $0 }.admits(serial) }

    /// The pipeline of a terminal, once the handshake is done.
    func prepare(
        _ channel: any Channel, address: String, pulse: TerminalPulse
    ) throws -> NIOAsyncChannel<InboundMessage, OutboundMessage> {
        let state = FrameState(limits: limits, now: channel.eventLoop.now.uptime, pulse: pulse)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(RawInboundHandler(state: state), position: .first)
        try pipeline.addHandler(FrameRules(state: state, wantsMask: !bounds.acceptsUnmasked))
        try pipeline.addHandler(
            NIOWebSocketFrameAggregator(
                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: bounds.messageFragments,
                maxAccumulatedFrameSize: bounds.messageBytes))
        let service = self.service
        try pipeline.addHandler(
            TerminalFrameHandler(state: state, settings: .init(liveness: bounds.liveness)) { reason in
                service.connectionEnded(reason, address: address)
            })
        // One message at a time is served, one more may wait: a terminal that sends faster waits in its own buffer.
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(backPressureStrategy: .init(lowWatermark: 1, highWatermark: 2)))
    }

    func serve(
        _ channel: NIOAsyncChannel<InboundMessage, OutboundMessage>, pulse: TerminalPulse, address: String,
        target: String
    ) async {
        let connection = TerminalConnection(
            listener: self, channel: channel.channel, pulse: pulse, address: address, target: target)
        do {
            try await channel.executeThenClose { inbound, _ in try await connection.converse(inbound) }
            connection.ended(nil)
        } catch {
            connection.ended(error)
        }
    }
}
