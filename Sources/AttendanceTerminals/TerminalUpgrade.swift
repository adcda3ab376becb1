import AttendanceCore
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket

/// One port for both: a WebSocket handshake on any path becomes a terminal, everything else goes to the router.
package struct TerminalOrHTTPChannel: ServerChildChannel, HTTPChannelHandler {
    package let responder: HTTPChannelHandler.Responder
    let listener: TerminalListener

    package init(responder: @escaping HTTPChannelHandler.Responder, listener: TerminalListener) {
        self.responder = responder
        self.listener = listener
    }

    enum Negotiated: Sendable {
        case terminal(NIOAsyncChannel<InboundMessage, OutboundMessage>, TerminalPulse, target: String)
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
    }

    /// Carries the future, not its result: set-up must be done before the first request comes.
    package struct Value: ServerChildChannelValue {
        package let channel: any Channel
        /// Nil for a connection over the limit, which is closed already.
        let negotiated: EventLoopFuture<Negotiated>?
        let address: String
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let address = channel.remoteAddress?.ipAddress ?? "local"
        guard listener.limits.acquire(address) else {
            listener.metrics.refused(.limit)
            if let refused = listener.limits.refusalsToTell(at: FrameState.now) {
                listener.service.logger.warning(
                    "too many connections, new ones are closed",
                    metadata: [
                        "listener": "\(listener.name)", "peer": "\(address)", "refused": "\(refused)",
                        "open": "\(listener.limits.open)",
                    ])
            }
            channel.close(promise: nil)
            return channel.eventLoop.makeSucceededFuture(
                Value(channel: channel, negotiated: nil, address: address))
        }
        // A terminal's messages are short; what was read last stays with the connection.
        let small = channel.setOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 512, maximum: 65_536))
        let limits = listener.limits
        channel.closeFuture.whenComplete { _ in limits.release(address) }
        return small.flatMapThrowing {
            Value(
                channel: channel, negotiated: try negotiate(on: channel, address: address, logger: logger),
                address: address)
        }
    }

    private func negotiate(
        on channel: any Channel, address: String, logger: Logger
    ) throws -> EventLoopFuture<Negotiated> {
        let listener = self.listener
        let webSocket = NIOTypedWebSocketServerUpgrader<Negotiated>(
            maxFrameSize: listener.bounds.messageBytes,
            // Our own handler turns every error into its close code.
            enableAutomaticErrorHandling: false,
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture {
                    let pulse = TerminalPulse(now: listener.service.now)
                    let messages = try listener.prepare(channel, address: address, pulse: pulse)
                    return .terminal(messages, pulse, target: head.uri)
                }
            })
        let otherwise = NIOTypedHTTPServerUpgradeConfiguration<Negotiated>(
            upgraders: [webSocket],
            notUpgradingCompletionHandler: { channel in
                let lifetime = channel.eventLoop.scheduleTask(
                    in: .nanoseconds(listener.bounds.httpLifetime.nanoseconds)
                ) { channel.close(promise: nil) }
                channel.closeFuture.whenComplete { _ in lifetime.cancel() }
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: listener.secure != nil))
                    try pipeline.addHandler(
                        HTTPConnectionStateHandler(idleTimeout: listener.bounds.httpIdle, logger: logger))
                    return .http(
                        try NIOAsyncChannel(
                            wrappingChannelSynchronously: channel,
                            configuration: .init(isOutboundHalfClosureEnabled: true)))
                }
            })

        try listener.secure?(channel)
        // Built by hand instead of by NIO's helper, to get the gate in between.
        let pipeline = channel.pipeline.syncOperations
        let patience = FirstRequestGuard(patience: .nanoseconds(listener.bounds.handshake.nanoseconds))
        try pipeline.addHandler(patience)
        var decoderLimits = NIOHTTPDecoderLimitConfiguration()
        decoderLimits.maxHeaderListSize = 16 << 10
        decoderLimits.maxHeaderFieldSize = 8 << 10
        decoderLimits.maxHeaderFieldCount = 100
        let encoder = HTTPResponseEncoder()
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoderLimits))
        let gate = UpgradeGate(
            admit: { listener.admit($0, address: address) },
            malformed: { listener.metrics.refused(.malformed) })
        let upgrade = NIOTypedHTTPServerUpgradeHandler<Negotiated>(
            httpEncoder: encoder, extraHTTPHandlers: [decoder, gate], upgradeConfiguration: otherwise)
        try pipeline.addHandler(encoder)
        try pipeline.addHandler(decoder)
        try pipeline.addHandler(gate)
        try pipeline.addHandler(upgrade)
        let settled = NIOLoopBound(patience, eventLoop: channel.eventLoop)
        upgrade.upgradeResultFuture.whenComplete { _ in
            channel.pipeline.syncOperations.removeHandler(settled.value, promise: nil)
        }
        return upgrade.upgradeResultFuture
    }

    package func handle(value: Value, logger: Logger) async {
        guard let negotiated = value.negotiated else { return }
        do {
            // A future knows nothing of cancellation, and a group that is cancelled waits for this task.
            let result = try await withTaskCancellationHandler {
                try await negotiated.get()
            } onCancel: {
                value.channel.close(promise: nil)
            }
            switch result {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .terminal(let channel, let pulse, let target):
                await listener.serve(channel, pulse: pulse, address: value.address, target: target)
            }
        } catch {
            // Hung up or gave up before the handshake was done: nothing was received, nothing is lost.
            logger.debug("connection ended before it became one", metadata: ["peer": "\(value.address)"])
            value.channel.close(promise: nil)
        }
    }
}

extension String {
    var withoutQuery: String { String(prefix { $0 != "?" }) }
}
