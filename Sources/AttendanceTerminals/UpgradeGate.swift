import AttendanceCore
import NIOCore
import NIOHTTP1

/// Stands between the HTTP decoder and the WebSocket upgrader and decides which handshakes reach it.
///
/// A refused handshake goes on as a plain request without its `Upgrade` header and with `refusalHeader` telling why,
/// so the router answers it like everything else: logged and counted in one place, with a real status. (Refusing
/// inside the upgrader would lose the request's head.)
final class UpgradeGate: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Told to the router; taken from every client request first, so nobody can forge it.
    static let refusalHeader = AdmissionRules.Refusal.header

    private let admit: @Sendable (HTTPRequestHead) -> AdmissionRules.Verdict
    private let malformed: @Sendable () -> Void
    /// Bytes of all request bodies that one connection may send.
    static let maximumBody = 64 << 10

    private var bodyBytes = 0
    private var seenHead = false
    private var upgrading = false

    /// `admit` decides on a well-formed handshake and counts its refusals; `malformed` is told of every other one.
    init(
        admit: @escaping @Sendable (HTTPRequestHead) -> AdmissionRules.Verdict,
        malformed: @escaping @Sendable () -> Void
    ) {
        self.admit = admit
        self.malformed = malformed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(var head):
            let first = !seenHead
            seenHead = true
            head.headers.remove(name: Self.refusalHeader)
            if head.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" }) {
                // Negotiated once: a connection that has begun with a plain request stays one of plain requests.
                switch verdict(on: head, isFirst: first) {
                case .admitted:
                    upgrading = true
                    return context.fireChannelRead(wrapInboundOut(.head(head)))
                case .refused(let refusal):
                    head.headers.add(name: Self.refusalHeader, value: "\(refusal.status) \(refusal.rawValue)")
                    head.headers.replaceOrAdd(name: "connection", value: "close")
                }
            }
            head.headers.remove(name: "upgrade")
            context.fireChannelRead(wrapInboundOut(.head(head)))
        case .body where upgrading:
            // A body after an accepted handshake would leave the upgrader waiting for ever.
            context.close(promise: nil)
        case .body(let bytes):
            // No request of ours has a body; one that is long, or never ends, must not hold a place.
            bodyBytes += bytes.readableBytes
            if bodyBytes > Self.maximumBody { return context.close(promise: nil) }
            context.fireChannelRead(data)
        case .end:
            context.fireChannelRead(data)
        }
    }

    private func verdict(on head: HTTPRequestHead, isFirst: Bool) -> AdmissionRules.Verdict {
        let wellFormed =
            isFirst && head.method == .GET && head.version == .http1_1
            && head.headers["sec-websocket-version"] == ["13"]
            && head.headers["sec-websocket-key"].count == 1
            && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
        guard wellFormed else {
            malformed()
            return .refused(.malformed)
        }
        return admit(head)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !seenHead, error is HTTPParserError else { return context.fireErrorCaught(error) }
        seenHead = true
        let head = HTTPResponseHead(
            version: .http1_1, status: .badRequest, headers: ["content-length": "0", "connection": "close"])
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}

/// Closes a connection that has not asked for anything in time, or at once when the server is stopping. First in the
/// pipeline, gone once the protocol is settled.
final class FirstRequestGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let patience: TimeAmount
    private var deadline: Scheduled<Void>?

    init(patience: TimeAmount) { self.patience = patience }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = nil
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent: context.close(promise: nil)
        case let event as ChannelEvent where event == .inputClosed: context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }
}
