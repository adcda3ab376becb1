import NIOCore
import NIOHTTP1
import Synchronization

/// One connection: gathers a request, hands it over, writes the answer.
final class SiteConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// A request whose answer is owed, told of once: by the answer or by the connection's end.
    private final class Owed: Sendable {
        private let isOpen = Atomic(true)
        private let ended: @Sendable () -> Void

        init(ended: @escaping @Sendable () -> Void) { self.ended = ended }

        func end() { if isOpen.exchange(false, ordering: .relaxed) { ended() } }
    }

    private let erp: SimulatedERPNext
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLong = false
    private var owed: Owed?

    init(erp: SimulatedERPNext) { self.erp = erp }

    func channelActive(context: ChannelHandlerContext) {
        erp.opened(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        owed?.end()
        erp.closed(context.channel)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
            isTooLong = false
        case .body(let part):
            if body.count + part.readableBytes <= SiteRequest.maximumBody {
                body.append(contentsOf: part.readableBytesView)
            } else {
                isTooLong = true
            }
        case .end:
            guard let head else { return }
            self.head = nil
            var headers: [String: String] = [:]
            for (name, value) in head.headers { headers[name.lowercased()] = value }
            var request = SiteRequest(
                method: head.method.rawValue, uri: head.uri, headers: headers, body: body)
            request.isTooLong = isTooLong
            let channel = context.channel
            let keepAlive = head.isKeepAlive
            let erp = erp
            let owed = Owed { erp.answered() }
            self.owed = owed
            erp.receive(request, on: context.eventLoop) { reply in
                owed.end()
                Self.write(reply, to: channel, keepAlive: keepAlive)
            }
        }
    }

    private static func write(_ reply: FrappeReply?, to channel: any Channel, keepAlive: Bool) {
        guard let reply else { return channel.close(promise: nil) }
        var headers = HTTPHeaders(reply.headers)
        let length = reply.claimedLength ?? reply.body.count
        if reply.status != 204 {
            headers.add(name: "Content-Type", value: reply.type)
            headers.add(name: "Content-Length", value: "\(length)")
        }
        headers.add(name: "Connection", value: keepAlive ? "keep-alive" : "close")
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status), headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        let body = channel.writeAndFlush(
            HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: reply.body))))
        if length > reply.body.count {
            return body.whenComplete { _ in channel.close(promise: nil) }
        }
        // The client may have left meanwhile: then there is nobody to tell.
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in
            if !keepAlive { channel.close(promise: nil) }
        }
    }
}
