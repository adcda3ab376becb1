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

/// What the handlers of a connection know of it; confined to its event loop.
final class FrameState {
    let limits: ConnectionLimits
    let pulse: TerminalPulse?
    var liveness: Liveness
    /// Bytes read since nothing of a message was in memory.
    var pending = 0
    var lease: MessageLease?
    /// After the first and before the last fragment of a message.
    var isAmongFragments = false

    init(limits: ConnectionLimits, now: Duration, pulse: TerminalPulse? = nil) {
        self.limits = limits
        self.pulse = pulse
        liveness = Liveness(openedAt: now)
    }

    /// A ping, pong or close between messages: it takes no memory, and nothing is unfinished. (A terminal may ping
    /// for days without a message. Between fragments every byte counts: a fragment of one byte keeps the whole
    /// buffer that it came in.)
    func sawControlFrame() {
        guard !isAmongFragments else { return }
        pending = 0
        lease = nil
        liveness.settled()
        pulse?.beat()
    }

    /// Hands over what was lent for a message that is whole now.
    func takeMessage() -> MessageLease? {
        defer { lease = nil }
        pending = 0
        liveness.spoke()
        pulse?.messageCame()
        return lease
    }

    static var now: Duration { NIODeadline.now().uptime }
}

extension NIODeadline {
    /// Time since any fixed moment of the monotonic clock; of an event loop's own clock when it comes from one.
    var uptime: Duration { .nanoseconds(Int64(uptimeNanoseconds)) }
}

/// First in the pipeline after the upgrade: sees raw bytes, so it knows a peer to live that is still sending one
/// long message, and counts what that message will take before it is complete.
final class RawInboundHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let state: FrameState
    private var hasRefused = false

    init(state: FrameState) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // The connection is being closed: what still comes is thrown away, so that it takes no more memory.
        if hasRefused { return }
        state.liveness.heard(at: context.eventLoop.now.uptime)
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
        hasRefused = true
        context.fireErrorCaught(MessageMemoryExhausted())
    }
}

struct MessageMemoryExhausted: Error {}

/// Before the aggregator, which forgets reserved bits and masks of fragments: what a single frame must be, and
/// whether a message is under way.
final class FrameRules: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = WebSocketFrame

    private let state: FrameState
    /// RFC 6455 wants masks of clients; old terminals may send none.
    private let wantsMask: Bool

    init(state: FrameState, wantsMask: Bool) {
        self.state = state
        self.wantsMask = wantsMask
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        if wantsMask, frame.maskKey == nil { return context.fireErrorCaught(FrameFault.unmasked) }
        if frame.rsv1 || frame.rsv2 || frame.rsv3 { return context.fireErrorCaught(FrameFault.reservedBits) }
        switch frame.opcode {
        case .text, .binary, .continuation: state.isAmongFragments = !frame.fin
        default: state.sawControlFrame()
        }
        context.fireChannelRead(data)
    }
}

enum FrameFault: String, Error {
    case unmasked = "frame without a mask"
    case reservedBits = "reserved bits set without an extension"
}

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
        switch state.liveness.step(at: context.eventLoop.now.uptime, limits: settings.liveness) {
        case .wait: break
        case .ping:
            context.writeAndFlush(
                wrapOutboundOut(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer())), promise: nil)
        case .giveUp(let reason):
            end(context, .silence(reason), .goingAway)
        }
    }

    // MARK: In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard !closing || frame.opcode == .connectionClose else { return }
        switch frame.opcode {
        case .text, .binary:
            let message = InboundMessage(bytes: frame.unmaskedData, lease: state.takeMessage())
            context.fireChannelRead(wrapInboundOut(message))
        case .ping:
            // A peer that pings and never reads would have us pile up pongs without end.
            guard context.channel.isWritable else { break }
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
            end(context, .protocolError("unknown opcode"), .protocolError)
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
        // To a peer that does not read the answer never gets out.
        context.eventLoop.scheduleTask(in: settings.closePatience) { channel.close(promise: nil) }
    }

    /// Says once why, and closes.
    private func end(_ context: ChannelHandlerContext, _ reason: EndReason, _ code: WebSocketErrorCode) {
        if closing { return }
        ended(reason)
        close(context, code)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // After its first error the decoder has one for each further read. The peer must have time to read why.
        if closing { return }
        switch error {
        case NIOWebSocketError.invalidFrameLength,
            NIOWebSocketFrameAggregator.Error.accumulatedFrameSizeIsTooLarge,
            NIOWebSocketFrameAggregator.Error.tooManyFragments:
            end(context, .tooLarge, .messageTooLarge)
        case let fault as FrameFault:
            end(context, .protocolError(fault.rawValue), .protocolError)
        case is NIOWebSocketError, is NIOWebSocketFrameAggregator.Error:
            end(context, .protocolError("\(error)"), .protocolError)
        case is MessageMemoryExhausted:
            end(context, .memory, WebSocketErrorCode(codeNumber: 1013))
        default:
            // Reset by the peer, timed out: there is nobody left to tell.
            context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            end(context, .stopping, .goingAway)
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
        case .text where closing:
            // Nothing follows a close frame (RFC 6455 §5.5.1). The peer has not got its answer and comes again.
            promise?.succeed(())
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
