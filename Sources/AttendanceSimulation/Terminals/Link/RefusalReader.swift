import NIOCore
import NIOHTTP1

/// Reads the HTTP answer of a server that did not upgrade.
final class RefusalReader: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private var refusal: EventLoopPromise<TerminalError>?
    private var status = 0
    private var body = ByteBuffer()

    init(refusal: EventLoopPromise<TerminalError>) { self.refusal = refusal }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): status = Int(head.status.code)
        case .body(var part):
            if body.readableBytes + part.readableBytes <= 64 << 10 { body.writeBuffer(&part) }
        case .end: finish()
        }
    }

    func channelInactive(context: ChannelHandlerContext) { finish() }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { finish() }

    private func finish() {
        refusal.take()?.succeed(.refused(status: status, body: String(buffer: body)))
    }
}
