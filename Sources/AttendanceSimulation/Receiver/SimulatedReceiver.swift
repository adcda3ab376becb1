import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A stand-in for whatever takes HTTP posts, on 127.0.0.1: a chat service, a push service, a program of one's own.
/// Keeps every request and answers as it is told. Nothing is kept but in memory.
package final class SimulatedReceiver: Sendable {
    package struct Request: Hashable, Sendable {
        package var method: String
        /// With the query.
        package var path: String
        /// Names in lower case.
        package var headers: [String: String]
        package var body: String
    }

    package enum Answer: Hashable, Sendable {
        case reply(status: Int, headers: [String: String] = [:], body: String = "")
        /// No answer, until the client leaves.
        case hang
        /// The connection is closed without an answer.
        case close
    }

    private struct Shared {
        var requests: [Request] = []
        var script: [Answer] = []
        var usual = Answer.reply(status: 200, body: "ok")
        var waiters: [Int: (count: Int, wake: CheckedContinuation<Void, Never>)] = [:]
        var nextWaiter = 0
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var port = 0
    }
    private let shared = Mutex(Shared())
    private let group: any EventLoopGroup

    package init(group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton) { self.group = group }

    package var requests: [Request] { shared.withLock(\.requests) }
    package var port: Int { shared.withLock(\.port) }
    package var url: String { "http://127.0.0.1:\(port)" }

    /// To every request from now on for which nothing else is scripted.
    package func answer(_ answer: Answer) { shared.withLock { $0.usual = answer } }

    /// To the next requests, one each, in this order.
    package func answer(next answers: [Answer]) { shared.withLock { $0.script += answers } }

    package func requestCount(reaches count: Int) async {
        let id = shared.withLock { shared in
            shared.nextWaiter += 1
            return shared.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = shared.withLock { shared in
                    if shared.requests.count >= count || Task.isCancelled { return true }
                    shared.waiters[id] = (count, continuation)
                    return false
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            shared.withLock { $0.waiters.removeValue(forKey: id) }?.wake.resume()
        }
    }

    // MARK: Listening

    /// Takes a free port; after a `stop` the same again.
    package func start() async throws {
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(ReceiverConnection(receiver: self))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        shared.withLock { shared in
            shared.listener = listener
            shared.port = listener.localAddress?.port ?? shared.port
        }
    }

    /// From now on a connection is refused.
    package func stop() async throws {
        let (listener, connections) = shared.withLock { shared in
            let listener = shared.listener
            shared.listener = nil
            return (listener, Array(shared.connections.values))
        }
        try await listener?.close().get()
        for connection in connections { connection.close(promise: nil) }
    }

    fileprivate func opened(_ channel: any Channel) {
        shared.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
    }

    fileprivate func closed(_ channel: any Channel) {
        shared.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    fileprivate func receive(_ request: Request) -> Answer {
        let (answer, due) = shared.withLock { shared in
            shared.requests.append(request)
            let due = shared.waiters.filter { $0.value.count <= shared.requests.count }
            for id in due.keys { shared.waiters[id] = nil }
            return (
                shared.script.isEmpty ? shared.usual : shared.script.removeFirst(), due.values.map(\.wake)
            )
        }
        for continuation in due { continuation.resume() }
        return answer
    }
}

private final class ReceiverConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// Tests send little; more is cut off.
    private static let maximumBody = 1 << 20

    private let receiver: SimulatedReceiver
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(receiver: SimulatedReceiver) { self.receiver = receiver }

    func channelActive(context: ChannelHandlerContext) {
        receiver.opened(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        receiver.closed(context.channel)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let part):
            body.append(contentsOf: part.readableBytesView.prefix(Self.maximumBody - body.count))
        case .end:
            guard let head else { return }
            self.head = nil
            let headers = Dictionary(head.headers.map { ($0.name.lowercased(), $0.value) }) { "\($0), \($1)" }
            let answer = receiver.receive(
                .init(
                    method: head.method.rawValue, path: head.uri, headers: headers,
                    body: String(decoding: body, as: UTF8.self)))
            switch answer {
            case .hang: break
            case .close: context.close(promise: nil)
            case .reply(let status, let extra, let text):
                var headers: HTTPHeaders = ["Content-Length": "\(text.utf8.count)"]
                for (name, value) in extra { headers.add(name: name, value: value) }
                let reply = HTTPResponseHead(
                    version: .http1_1, status: HTTPResponseStatus(statusCode: status), headers: headers)
                context.write(wrapOutboundOut(.head(reply)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}
