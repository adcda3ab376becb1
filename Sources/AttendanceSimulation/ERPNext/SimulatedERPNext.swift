import AttendanceCore
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A stand-in for an ERPNext site on 127.0.0.1: HRMS's check-in method, the older service's own method, the reads the
/// gateway makes, and every fault that was recorded or is feared, switched while it runs.
///
/// Its duplicate check is not atomic: two equal requests at once store two rows, as on the real site. Nothing is kept
/// but in memory and, if asked for, in a file that outlives a killed process.
package final class SimulatedERPNext: Service {
    private struct Shared {
        var site: SimulatedSite
        var held: [@Sendable () -> Void] = []
        var waiters:
            [Int: (condition: @Sendable (SimulatedSite) -> Bool, wake: CheckedContinuation<Void, Never>)] =
                [:]
        var nextWaiter = 0
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
        var port = 0
        var record: FileHandle?
    }
    private let shared: Mutex<Shared>
    private let group: any EventLoopGroup

    /// The older service's method, as its default settings name it.
    package static let customMethod = "api/method/clean_plus.services.biometric_server_erp2.add_checkin"

    /// - Parameters:
    ///   - employees: who is known; with `registersUnknown` anybody else becomes an employee when first sent.
    ///   - credential: `key:secret` that HRMS's method and the reads ask for; nil lets everybody in.
    ///   - port: 0 takes a free one at the first `start`, which is kept from then on.
    ///   - record: a file that gets a line per committed check-in (person, time, device, tab-separated).
    package init(
        employees: [SimulatedEmployee] = [], registersUnknown: Bool = false, credential: String? = nil,
        customMethod: String = SimulatedERPNext.customMethod, port: Int = 0,
        recordingTo record: String? = nil,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) throws {
        var site = SimulatedSite(customMethod: customMethod)
        site.registersUnknown = registersUnknown
        site.credential = credential
        for employee in employees { site.employees[employee.deviceID.lowercased()] = employee }
        var shared = Shared(site: site, port: port)
        if let record {
            if !FileManager.default.fileExists(atPath: record) {
                try Data().write(to: URL(fileURLWithPath: record))
            }
            shared.record = try FileHandle(forWritingTo: URL(fileURLWithPath: record))
            try shared.record?.seekToEnd()
        }
        self.shared = Mutex(shared)
        self.group = group
    }

    // MARK: What it holds

    package var checkins: [SimulatedCheckin] { shared.withLock { $0.site.checkins } }
    /// Requests so far by method and path, such as `GET api/method/ping`.
    package var requests: [String: Int] { shared.withLock { $0.site.requests } }
    /// How often a check-in arrived while another of the same person was at work inside the site.
    package var overlaps: Int { shared.withLock { $0.site.overlaps } }
    package var checkinRequests: Int {
        shared.withLock { shared in
            ["POST \(SimulatedSite.hrmsMethod)", "POST \(shared.site.customMethod)"]
                .reduce(0) { $0 + shared.site.requests[$1, default: 0] }
        }
    }
    package var probes: Int { requests["GET api/method/ping", default: 0] }

    package func add(_ employee: SimulatedEmployee) {
        shared.withLock { $0.site.employees[employee.deviceID.lowercased()] = employee }
    }

    /// Between the check for a repeat and the commit.
    package func setHandlingTime(_ time: Duration) { shared.withLock { $0.site.handlingTime = time } }

    package func setCredential(_ credential: String?) { shared.withLock { $0.site.credential = credential } }

    // MARK: Faults

    /// - Parameters:
    ///   - times: for so many check-ins; nil until cleared, and then for all requests where the fault is the site's.
    ///   - person: only for check-ins of this person key.
    package func inject(_ fault: ERPNextFault, times: Int? = nil, person: String? = nil) {
        shared.withLock { $0.site.faults.append(.init(fault: fault, left: times, person: person)) }
    }

    /// All is well again; requests that were held are finished and committed.
    package func clearFaults() {
        let held = shared.withLock { shared in
            shared.site.faults = []
            return exchange(&shared.held, with: [])
        }
        for finish in held { finish() }
    }

    private func exchange<Value>(_ value: inout Value, with new: Value) -> Value {
        defer { value = new }
        return value
    }

    // MARK: Waiting

    package func checkinCount(reaches count: Int) async {
        await wait { $0.checkins.count >= count }
    }

    /// Requests of a method and path, such as `GET api/method/ping`.
    package func requestCount(of request: String, reaches count: Int) async {
        await wait { $0.requests[request, default: 0] >= count }
    }

    package func checkinRequestCount(reaches count: Int) async {
        await wait { site in
            ["POST \(SimulatedSite.hrmsMethod)", "POST \(site.customMethod)"]
                .reduce(0) { $0 + site.requests[$1, default: 0] } >= count
        }
    }

    /// Returns when the condition holds, or when the task is cancelled.
    private func wait(until condition: @escaping @Sendable (SimulatedSite) -> Bool) async {
        let id = shared.withLock { shared in
            shared.nextWaiter += 1
            return shared.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = shared.withLock { shared in
                    if Task.isCancelled || condition(shared.site) { return true }
                    shared.waiters[id] = (condition, continuation)
                    return false
                }
                if now { continuation.resume() }
            }
        } onCancel: {
            shared.withLock { $0.waiters.removeValue(forKey: id) }?.wake.resume()
        }
    }

    private func wakeWaiters() {
        let due = shared.withLock { shared in
            let due = shared.waiters.filter { $0.value.condition(shared.site) }
            for id in due.keys { shared.waiters[id] = nil }
            return due.values.map(\.wake)
        }
        for continuation in due { continuation.resume() }
    }

    // MARK: Listening

    package var port: Int { shared.withLock(\.port) }
    package var url: String { "http://127.0.0.1:\(port)" }

    /// Listens, after a `stop` on the same port again.
    package func start() async throws {
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(SiteConnection(erp: self))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        shared.withLock { shared in
            shared.listener = listener
            shared.port = listener.localAddress?.port ?? shared.port
        }
    }

    /// Listens no more and drops all connections: from now on a connection is refused. Held requests stay held.
    package func stop() async throws {
        let (listener, connections) = shared.withLock { shared in
            (exchange(&shared.listener, with: nil), Array(shared.connections.values))
        }
        try await listener?.close().get()
        for connection in connections { connection.close(promise: nil) }
    }

    package func run() async throws {
        if shared.withLock({ $0.listener == nil }) { try await start() }
        // Ends by graceful shutdown or by cancellation: either way the listener must go.
        try? await gracefulShutdown()
        try await stop()
    }

    fileprivate func opened(_ channel: any Channel) {
        shared.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
    }

    fileprivate func closed(_ channel: any Channel) {
        shared.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    /// `respond` is called at most once, from any thread; nil closes the connection.
    fileprivate func receive(
        _ request: SiteRequest, on loop: any EventLoop, respond: @escaping @Sendable (FrappeReply?) -> Void
    ) {
        let plan = shared.withLock { $0.site.plan(request) }
        switch plan {
        case .reply(let reply): respond(reply)
        case .close: respond(nil)
        case .hang: break
        case .work(let work, let delay):
            if delay == .zero {
                respond(finish(work))
            } else {
                loop.scheduleTask(in: TimeAmount(delay)) { respond(self.finish(work)) }
            }
        case .hold(let work):
            shared.withLock { $0.held.append { respond(self.finish(work)) } }
        }
        wakeWaiters()
    }

    private func finish(_ work: SimulatedSite.Work) -> FrappeReply? {
        let reply = shared.withLock { shared in
            let before = shared.site.checkins.count
            let reply = shared.site.finish(work)
            if let record = shared.record, shared.site.checkins.count > before,
                let new = shared.site.checkins.last
            {
                // One write per line, so that a killed process leaves whole lines; a full disk fails the test itself.
                try? record.write(contentsOf: Data("\(new.person)\t\(new.time)\t\(new.deviceID)\n".utf8))
            }
            return reply
        }
        wakeWaiters()
        return reply
    }
}

/// One connection: gathers a request, hands it over, writes the answer.
private final class SiteConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let erp: SimulatedERPNext
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []

    init(erp: SimulatedERPNext) { self.erp = erp }

    func channelActive(context: ChannelHandlerContext) {
        erp.opened(context.channel)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        erp.closed(context.channel)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let part):
            if body.count < 1 << 20 { body.append(contentsOf: part.readableBytesView) }
        case .end:
            guard let head else { return }
            self.head = nil
            let request = SiteRequest(
                method: head.method.rawValue, uri: head.uri,
                authorization: head.headers.first(name: "authorization"),
                contentType: head.headers.first(name: "content-type") ?? "", body: body)
            let channel = context.channel
            let keepAlive = head.isKeepAlive
            erp.receive(request, on: context.eventLoop) { reply in
                Self.write(reply, to: channel, keepAlive: keepAlive)
            }
        }
    }

    private static func write(_ reply: FrappeReply?, to channel: any Channel, keepAlive: Bool) {
        guard let reply else { return channel.close(promise: nil) }
        var headers = HTTPHeaders(reply.headers)
        headers.add(name: "Content-Type", value: reply.type)
        headers.add(name: "Content-Length", value: String(reply.body.count))
        headers.add(name: "Set-Cookie", value: "sid=Guest; Path=/; HttpOnly")
        headers.add(name: "Connection", value: keepAlive ? "keep-alive" : "close")
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status), headers: headers)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: reply.body))), promise: nil)
        // The client may have left meanwhile: then there is nobody to tell.
        channel.writeAndFlush(HTTPServerResponsePart.end(nil)).whenComplete { _ in
            if !keepAlive { channel.close(promise: nil) }
        }
    }
}
