import AttendanceCore
import AttendanceStore
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// What open pages are told: new punches, and that something changed which they show.
///
/// One task looks at the journal for all of them, at most twice a second and only while somebody looks; each viewer has
/// a short queue of its own, of which the oldest is dropped when the browser does not keep up. Nothing here can hold up
/// intake, whether nobody looks or thousands do.
package final class LiveHub: Service {
    /// What a page may wait for.
    package enum Topic: String, CaseIterable, Sendable {
        case punches, deliveries, terminals, commands, people, alerts, store
        /// Messages of terminals that somebody looks at.
        case traffic
    }

    enum Event: Sendable {
        case changed(Set<Topic>)
        case punches([LivePunch])
        /// Nothing happened.
        case alive
    }

    /// Viewers at one time; one more is asked to come back later.
    package static let maximumViewers = 5_000
    /// Punches told in one go: who wants all of them looks into the journal.
    static let maximumPunches = 50
    private static let queue = 16

    private struct State {
        var viewers: [Int: AsyncStream<Event>.Continuation] = [:]
        var next = 0
        var waiting: [ConsolePlace: Int] = [:]
        var pending: Set<Topic> = []
        var hasEnded = false
        var hasPlace: Bool { !hasEnded && viewers.count < LiveHub.maximumViewers }
    }
    private let state = Mutex(State())
    private let operations: Operations
    private let interval: Duration
    private let logger: Logger

    package init(operations: Operations, every interval: Duration = .milliseconds(500), logger: Logger) {
        self.operations = operations
        self.interval = interval
        self.logger = logger
    }

    /// How much waits for somebody at a place of the console, as of a moment ago.
    var waiting: [ConsolePlace: Int] { state.withLock { $0.waiting } }

    /// For the badges of a page that is about to be shown.
    func note(_ report: HealthReport) { state.withLock { $0.waiting = Self.waiting(of: report) } }

    package var viewers: Int { state.withLock { $0.viewers.count } }

    /// Something was changed by hand: told at the next look.
    package func changed(_ topic: Topic) { state.withLock { _ = $0.pending.insert(topic) } }

    /// What happens from now on; nil where too many look already, or the gateway stops. It ends with `leave`, or when the gateway stops.
    func join() -> (id: Int, events: AsyncStream<Event>)? {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Event.self, bufferingPolicy: .bufferingNewest(Self.queue))
        let id = state.withLock { state -> Int? in
            guard state.hasPlace else { return nil }
            state.next += 1
            state.viewers[state.next] = continuation
            return state.next
        }
        return id.map { ($0, stream) }
    }

    func leave(_ id: Int) {
        state.withLock { $0.viewers.removeValue(forKey: id) }?.finish()
    }

    /// Server-sent events of what happens from now on, as long as both sides like; nil where `join` would refuse.
    ///
    /// - Parameters:
    ///   - holds: asked every quarter of a minute; the events end where it answers false.
    ///   - text: an event as this viewer is told it; empty where it is none of theirs.
    func stream(
        while holds: @escaping @Sendable () async -> Bool,
        text: @escaping @Sendable (Event) throws -> String
    ) -> Response? {
        guard state.withLock({ $0.hasPlace }) else { return nil }
        var headers = HTTPFields()
        headers[.contentType] = "text/event-stream"
        headers[.cacheControl] = "no-store"
        headers[.named("X-Accel-Buffering")] = "no"
        // Joined only when it is read: whoever asks by HEAD, or has gone, follows nothing.
        let body = ResponseBody { [self] writer in
            guard let (id, events) = join() else { return try await writer.finish(nil) }
            defer { leave(id) }
            try await withThrowingTaskGroup(of: Void.self) { group in
                // Something must pass now and then, else a viewer who has gone is noticed by nobody.
                group.addTask { [self] in
                    while !Task.isCancelled {
                        try await Task.sleep(for: .seconds(15))
                        prod(id)
                    }
                }
                try await writer.write(ByteBuffer(string: "retry: 3000\n\n"))
                for await event in events {
                    if case .alive = event, await !holds() { break }
                    let text = try text(event)
                    if !text.isEmpty { try await writer.write(ByteBuffer(string: text)) }
                }
                group.cancelAll()
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    /// Lets a viewer's connection show whether it is there still.
    private func prod(_ id: Int) { state.withLock { $0.viewers[id] }?.yield(.alive) }

    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.look() }
        for viewer in state.withLock({ state in
            defer { state.viewers = [:] }
            state.hasEnded = true
            return Array(state.viewers.values)
        }) { viewer.finish() }
    }

    private func look() async {
        var seen = operations.store.feed.newest
        var before: [Topic: String] = [:]
        var told: Set<Topic> = []
        while !Task.isCancelled {
            // Whatever the parts keep for a moment must not become older because of us: nobody looks, nobody asks.
            guard viewers > 0 else {
                // Who joins from now on is told of whatever comes from now on.
                seen = operations.store.feed.newest
                before = [:]
                try? await Task.sleep(for: interval)  // a cancelled wait ends the loop by its condition
                continue
            }
            let report = await (operations.freshHealth ?? operations.health)()
            var prints = Self.prints(of: report)
            for (topic, count) in operations.field.activity() { prints[topic, default: ""] += " \(count)" }
            var topics = Set(prints.keys.filter { prints[$0] != before[$0] && before[$0] != nil })
            before = prints
            let isWatched = state.withLock { state in
                state.waiting = Self.waiting(of: report)
                topics.formUnion(state.pending)
                state.pending = []
                return !state.viewers.isEmpty
            }
            let newest = operations.store.feed.newest
            if isWatched {
                if newest > seen { await tellPunches(after: seen, upTo: newest) }
                // Told twice: a page that was made just before a change may have begun to listen just after it.
                let all = topics.union(told)
                if !all.isEmpty { tell(.changed(all)) }
            }
            told = topics
            seen = newest
            // A cancelled wait ends the loop by its condition.
            try? await Task.sleep(for: isWatched ? interval : interval * 4)
        }
    }

    private func tellPunches(after: Int64, upTo newest: Int64) async {
        let first = max(after + 1, newest - Int64(Self.maximumPunches) + 1)
        do {
            let entries = try await operations.store.punches(
                numbered: Array(first...newest), at: operations.sinks.first ?? .erpnext)
            if !entries.isEmpty {
                tell(.punches(entries.map { LivePunch($0, at: operations.place($0.terminal)) }))
            }
        } catch {
            logger.debug("live punches could not be read", metadata: ["error": "\(error)"])
        }
    }

    private func tell(_ event: Event) {
        for viewer in state.withLock({ Array($0.viewers.values) }) { viewer.yield(event) }
    }

    /// What each topic looks like: where it differs, pages that show it are told.
    private static func prints(of report: HealthReport) -> [Topic: String] {
        [
            .punches: "\(report.store.punches)",
            .deliveries: report.sinks.map {
                "\($0.name) \($0.state) \($0.since ?? "") \($0.queue.owed) \($0.queue.deadLetters) \($0.lastSuccess ?? "")"
            }.joined(separator: "\n"),
            .terminals:
                "\(report.connectedDevices) \(report.terminals.known) \(report.terminals.offline) \(report.terminals.pending)",
            .commands: "\(report.commands.waiting) \(report.commands.inFlight) \(report.pulls.running)",
            .alerts: report.alerts.map { "\($0.kind) \($0.count) \($0.severity)" }.joined(separator: "\n"),
            .store: "\(report.store.status) \(report.store.quarantined)",
        ]
    }

    private static func waiting(of report: HealthReport) -> [ConsolePlace: Int] {
        [
            .deliveries: report.queue.deadLetters, .terminals: report.terminals.pending,
            .alerts: report.alerts.reduce(0) { $0 + $1.count },
        ]
    }
}

/// A punch as a row that has just come in.
struct LivePunch: Encodable, Sendable {
    var id: Int64
    var link: String
    var time: String
    var zone: String
    var person: String
    var name: String
    var terminal: String
    /// Not sent: whose it is decides who is told.
    let group: String?
    let serial: SerialNumber

    private enum CodingKeys: String, CodingKey { case id, link, time, zone, person, name, terminal }

    init(_ entry: JournalEntry, at place: TerminalPlace) {
        id = entry.id
        link = "/punches/\(entry.id)"
        time = entry.punch.time.description
        zone = place.zone
        person = entry.punch.enrollID.sent
        name = PlainText.line(entry.employeeName ?? entry.punch.name ?? "", limit: 80)
        terminal = place.name ?? entry.terminal.text
        group = place.group
        serial = entry.terminal
    }
}
