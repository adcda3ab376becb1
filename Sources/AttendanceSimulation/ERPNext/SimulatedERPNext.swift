import AttendanceCore
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization

/// A stand-in for an ERPNext site on 127.0.0.1: HRMS's check-in method, the other ways in, the older service's own
/// method, the reads the gateway makes, and every fault that was recorded or is feared, switched while it runs.
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

    /// The machine's clock.
    package static let systemTime: @Sendable () -> UnixTime = {
        UnixTime(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded()))
    }

    /// - `employees`: who is known; with `registersUnknown` anybody else becomes an employee when first sent.
    /// - `credential`: `key:secret` that HRMS's method and the reads ask for; nil lets everybody in.
    /// - `port`: 0 takes a free one at the first `start`, which is kept from then on.
    /// - `record`: a file that gets a line per committed check-in (person, time, device, tab-separated).
    /// - `version`: of Frappe and HRMS.
    /// - `zone`: the site's own; an IANA name, UTC if there is none of that name.
    /// - `now`: the site's clock.
    package init(
        employees: [SimulatedEmployee] = [], registersUnknown: Bool = false, credential: String? = nil,
        customMethod: String = SimulatedERPNext.customMethod, port: Int = 0,
        recordingTo record: String? = nil, version: SimulatedSiteVersion = .recorded,
        zone: String = "Asia/Kolkata",
        now: @escaping @Sendable () -> UnixTime = SimulatedERPNext.systemTime,
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) throws {
        var site = SimulatedSite(
            customMethod: customMethod, clock: SiteClock(zone: Self.zone(zone), now: now))
        site.registersUnknown = registersUnknown
        site.credential = credential
        site.version = version
        for employee in employees { site.employees.put(employee, stamp: site.clock.stamp()) }
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

    static func zone(_ identifier: String) -> ZoneRules {
        guard let zone = ZoneRules(identifier: identifier) ?? ZoneRules(identifier: "UTC") else {
            preconditionFailure("this machine has no zone data")
        }
        return zone
    }

    // MARK: The site

    func read<Value: Sendable>(_ value: (SimulatedSite) -> Value) -> Value {
        shared.withLock { value($0.site) }
    }

    /// Waits of tests that ask about what changed are looked at afterwards.
    @discardableResult
    func change<Value: Sendable>(_ change: (inout SimulatedSite) -> Value) -> Value {
        let value = shared.withLock { change(&$0.site) }
        wakeWaiters()
        return value
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

    /// Returns when the condition holds, or when the task is cancelled.
    func wait(until condition: @escaping @Sendable (SimulatedSite) -> Bool) async {
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

    func opened(_ channel: any Channel) {
        shared.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
    }

    func closed(_ channel: any Channel) {
        shared.withLock { _ = $0.connections.removeValue(forKey: ObjectIdentifier(channel)) }
    }

    // MARK: Answering

    /// `respond` is called at most once, from any thread; nil closes the connection.
    func receive(
        _ request: SiteRequest, on loop: any EventLoop, respond: @escaping @Sendable (FrappeReply?) -> Void
    ) {
        let plan = shared.withLock { shared in
            shared.site.statistics.began(request)
            let plan = shared.site.plan(request)
            // In the same breath: who sees the request may clear the faults at once, and means it as well.
            if case .hold(let work) = plan {
                shared.held.append { respond(self.finish(work)) }
            }
            return plan
        }
        switch plan {
        case .reply(let reply): respond(dressed(reply))
        case .close: respond(nil)
        case .hang, .hold: break
        case .work(let work, let delay):
            if delay == .zero {
                respond(finish(work))
            } else {
                loop.scheduleTask(in: TimeAmount(delay)) { respond(self.finish(work)) }
            }
        }
        wakeWaiters()
    }

    /// A request is answered, or its client has gone.
    func answered() { shared.withLock { $0.site.statistics.ended() } }

    private func finish(_ work: SimulatedSite.Work) -> FrappeReply? {
        let reply = shared.withLock { shared in
            let before = shared.site.checkins.rows.count
            let reply = shared.site.finish(work)
            if let record = shared.record {
                for new in shared.site.checkins.rows.dropFirst(before) {
                    // One write per line, so that a killed process leaves whole lines; a full disk fails the test
                    // itself.
                    try? record.write(contentsOf: Data("\(new.person)\t\(new.time)\t\(new.deviceID)\n".utf8))
                }
            }
            return reply
        }
        wakeWaiters()
        return reply.map(dressed)
    }

    /// The answer with the headers that all answers have.
    private func dressed(_ reply: FrappeReply) -> FrappeReply {
        shared.withLock { shared in
            shared.site.statistics.answers[reply.status, default: 0] += 1
            return shared.site.dressed(reply)
        }
    }
}
