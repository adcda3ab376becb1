import NIOCore
import NIOWebSocket
import Synchronization

/// The end of a simulated terminal's pipeline: gives whole messages to the mailbox, answers pings, does the closing
/// handshake, and remembers how the connection ended.
final class TerminalFrameHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let link: TerminalLink
    /// While true nothing is read and no ping answered: a terminal that lost its Wi-Fi.
    private var isSilent = false
    private var isReadHeld = false
    private var isClosing = false

    init(link: TerminalLink) { self.link = link }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        var payload = frame.unmaskedData
        switch frame.opcode {
        case .text, .binary:
            link.messages.put(String(buffer: payload))
        case .ping:
            link.countPing()
            send(.pong, payload, context)
        case .pong:
            link.pongs.put(Array(buffer: payload))
        case .connectionClose:
            link.noteClose(code: payload.readInteger(as: UInt16.self).map(Int.init) ?? 1005)
            guard !isClosing else { return context.close(promise: nil) }
            isClosing = true
            send(.connectionClose, frame.unmaskedData, context)
            context.close(promise: nil)
        default:
            context.close(promise: nil)
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if unwrapOutboundIn(data).opcode == .connectionClose { isClosing = true }
        context.write(data, promise: promise)
    }

    func read(context: ChannelHandlerContext) {
        if isSilent || link.messages.isFull {
            isReadHeld = true
        } else {
            isReadHeld = false
            context.read()
        }
    }

    func triggerUserOutboundEvent(
        context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
    ) {
        guard let silence = event as? Silence else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        isSilent = silence.isOn
        if !isSilent, isReadHeld { context.channel.read() }
        promise?.succeed()
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.end()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { link.end() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset, or frames that are no WebSocket: either way the terminal hangs up, and `closed` says 1006.
        context.close(promise: nil)
    }

    private func send(_ opcode: WebSocketOpcode, _ data: ByteBuffer, _ context: ChannelHandlerContext) {
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: link.maskKey(), data: data)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    /// Sent down a pipeline to make its terminal deaf and dumb, or to end that.
    struct Silence: Sendable { let isOn: Bool }
}

/// What a connection's event loop and the terminal's task share.
final class TerminalLink: Sendable {
    private struct State {
        var generator: SeededGenerator
        var closeCode: Int?
        var ended = false
        var pings = 0
    }
    let messages: Mailbox<String>
    let pongs = Mailbox<[UInt8]>()
    private let state: Mutex<State>

    init(seed: UInt64, room: @escaping @Sendable () -> Void) {
        messages = Mailbox(room: room)
        state = Mutex(State(generator: SeededGenerator(seed: seed)))
    }

    /// Nil while the connection is open.
    var closeCode: Int? { state.withLock { $0.ended ? $0.closeCode ?? 1006 : nil } }
    var pings: Int { state.withLock(\.pings) }

    func maskKey() -> WebSocketMaskingKey {
        let random = state.withLock { $0.generator.next() }
        return [
            UInt8(truncatingIfNeeded: random), UInt8(truncatingIfNeeded: random >> 8),
            UInt8(truncatingIfNeeded: random >> 16), UInt8(truncatingIfNeeded: random >> 24),
        ]
    }

    func countPing() { state.withLock { $0.pings += 1 } }

    func noteClose(code: Int) { state.withLock { if $0.closeCode == nil { $0.closeCode = code } } }

    func end() {
        let code = state.withLock { state in
            state.ended = true
            return state.closeCode ?? 1006
        }
        messages.finish(throwing: TerminalError.closed(code: code))
        pongs.finish(throwing: TerminalError.closed(code: code))
    }
}
