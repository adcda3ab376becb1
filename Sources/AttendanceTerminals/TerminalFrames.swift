import AttendanceCore
import NIOCore
import NIOWebSocket

/// One whole message of a terminal, fragments put together and unmasked.
struct InboundMessage: Sendable {
    var bytes: ByteBuffer
    /// Held while a large message is in memory.
    var lease: MessageLease?
}

/// What the connection's task sends.
enum OutboundMessage: Sendable {
    /// JSON, as a text frame.
    case text(ByteBuffer)
    /// A close frame; the connection goes down when the peer answers it, or after two seconds.
    case close(WebSocketErrorCode)
}

/// What both handlers of a connection know of it; confined to its event loop.
final class FrameState {
    let limits: ConnectionLimits
    var liveness: Liveness
    /// Bytes read since the last whole message.
    var pending = 0
    var lease: MessageLease?

    init(limits: ConnectionLimits, now: Duration) {
        self.limits = limits
        liveness = Liveness(openedAt: now)
    }

    static var now: Duration { .nanoseconds(Int64(NIODeadline.now().uptimeNanoseconds)) }
}

/// First in the pipeline after the upgrade: sees raw bytes, so it knows a peer to live that is still sending one
/// long message, and counts what that message will take before it is complete.
final class RawInboundHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let state: FrameState

    init(state: FrameState) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        state.liveness.heard(at: FrameState.now)
        state.pending += unwrapInboundIn(data).readableBytes
        if state.pending > ConnectionLimits.freeMessageBytes {
            if let lease = state.lease {
                if !state.limits.grow(lease, to: state.pending) { return refuse(context) }
            } else {
                state.lease = state.limits.lease(state.pending)
                if state.lease == nil { return refuse(context) }
            }
        }
        context.fireChannelRead(data)
    }

    /// The terminal keeps its batch and comes again.
    private func refuse(_ context: ChannelHandlerContext) {
        context.fireErrorCaught(MessageMemoryExhausted())
    }
}

struct MessageMemoryExhausted: Error {}

/// Before the aggregator, where a listener insists on RFC 6455's masks; old terminals may send none.
final class MaskRequirement: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = WebSocketFrame

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard unwrapInboundIn(data).maskKey != nil else { return context.fireErrorCaught(UnmaskedFrame()) }
        context.fireChannelRead(data)
    }
}

struct UnmaskedFrame: Error {}

/// Between the frame decoder and the connection's task: answers pings, keeps the peer's pulse, does the close
/// handshake, maps every protocol error to its close code, and passes only whole messages on.
final class TerminalFrameHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = InboundMessage
    typealias OutboundIn = OutboundMessage
    typealias OutboundOut = WebSocketFrame

    struct Settings: Sendable {
        var liveness: Liveness.Limits
        /// How long a peer may take to answer our close frame.
        var closePatience: TimeAmount = .seconds(2)
    }

    private let state: FrameState
    private let settings: Settings
    /// Told once why the connection ended, where it was us who ended it.
    private let ended: @Sendable (EndReason) -> Void
    private var pulse: RepeatedTask?
    private var closing = false

    init(state: FrameState, settings: Settings, ended: @escaping @Sendable (EndReason) -> Void) {
        self.state = state
        self.settings = settings
        self.ended = ended
    }

    enum EndReason: Sendable {
        case silence(Liveness.Reason)
        case tooLarge
        case protocolError(String)
        case memory
        case stopping
    }

    // MARK: Pulse

    func handlerAdded(context: ChannelHandlerContext) {
        let limits = settings.liveness
        let shortest = min(limits.pingInterval, limits.silenceLimit, limits.firstMessage)
        let interval = TimeAmount.nanoseconds(max(10_000_000, (shortest / 2).nanoseconds))
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        pulse = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            let (handler, context) = bound.value
            handler.beat(context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { stopPulse() }

    func channelInactive(context: ChannelHandlerContext) {
        stopPulse()
        context.fireChannelInactive()
    }

    /// A pulse that went on would hold the whole pipeline for ever.
    private func stopPulse() {
        pulse?.cancel()
        pulse = nil
        state.lease = nil
    }

    private func beat(_ context: ChannelHandlerContext) {
        guard !closing else { return }
        switch state.liveness.step(at: FrameState.now, limits: settings.liveness) {
        case .wait: break
        case .ping:
            context.writeAndFlush(
                wrapOutboundOut(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer())), promise: nil)
        case .giveUp(let reason):
            ended(.silence(reason))
            close(context, .goingAway)
        }
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !closing || unwrapInboundIn(data).opcode == .connectionClose else { return }
        let frame = unwrapInboundIn(data)
        if frame.rsv1 || frame.rsv2 || frame.rsv3 {
            return fail(context, "reserved bits set without an extension")
        }
        switch frame.opcode {
        case .text, .binary:
            let message = InboundMessage(bytes: frame.unmaskedData, lease: state.lease)
            state.lease = nil
            state.pending = 0
            state.liveness.spoke()
            context.fireChannelRead(wrapInboundOut(message))
        case .ping:
            let pong = WebSocketFrame(fin: true, opcode: .pong, data: frame.unmaskedData)
            context.writeAndFlush(wrapOutboundOut(pong), promise: nil)
        case .pong:
            break
        case .connectionClose:
            if closing {
                context.close(promise: nil)
            } else {
                answerClose(frame, context)
            }
        default:
            fail(context, "unknown opcode")
        }
    }

    private func answerClose(_ frame: WebSocketFrame, _ context: ChannelHandlerContext) {
        closing = true
        var payload = frame.unmaskedData
        var echo = ByteBuffer()
        if let code = payload.readInteger(as: UInt16.self) { echo.writeInteger(code) }
        let channel = context.channel
        context.writeAndFlush(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: echo))
        )
        .whenComplete { _ in channel.close(promise: nil) }
    }

    private func fail(_ context: ChannelHandlerContext, _ what: String) {
        ended(.protocolError(what))
        close(context, .protocolError)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength,
            NIOWebSocketFrameAggregator.Error.accumulatedFrameSizeIsTooLarge,
            NIOWebSocketFrameAggregator.Error.tooManyFragments:
            ended(.tooLarge)
            close(context, .messageTooLarge)
        case is NIOWebSocketError, is NIOWebSocketFrameAggregator.Error, is UnmaskedFrame:
            fail(context, "\(error)")
        case is MessageMemoryExhausted:
            ended(.memory)
            close(context, WebSocketErrorCode(codeNumber: 1013))
        default:
            // Reset by the peer, timed out: there is nobody left to tell.
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            ended(.stopping)
            close(context, .goingAway)
        case let event as ChannelEvent where event == .inputClosed:
            // The server allows half-closure; a terminal that hung up has nothing more to hear.
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .text(let bytes):
            context.write(
                wrapOutboundOut(WebSocketFrame(fin: true, opcode: .text, data: bytes)), promise: promise)
        case .close(let code):
            close(context, code)
            promise?.succeed(())
        }
    }

    private func close(_ context: ChannelHandlerContext, _ code: WebSocketErrorCode) {
        if closing { return }
        closing = true
        var payload = context.channel.allocator.buffer(capacity: 2)
        payload.write(webSocketErrorCode: code)
        context.writeAndFlush(
            wrapOutboundOut(WebSocketFrame(fin: true, opcode: .connectionClose, data: payload)), promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: settings.closePatience) { channel.close(promise: nil) }
    }
}

extension Duration {
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
