import AttendanceCore
import AttendanceStore
import Foundation
import Logging
import NIOPosix
import ServiceLifecycle
import Synchronization

/// The monthly CSV files that the older service wrote, as a follower of the journal: one whole line per outcome,
/// whatever happens.
///
/// A batch is appended and synced, then the bookmark moves to its last outcome together with the size of each file.
/// After a crash in between, what a file holds beyond its recorded size is compared with the lines about to be
/// written, which are always the same for the same outcomes: only what is missing is written (`CSVAppend`).
///
/// A full disk or an unwritable folder delays the CSV and nothing else: told once, tried again with growing pauses.
package final class AuditCSVSink: Service {
    package struct Settings: Sendable {
        /// Folder of the files; made when it is missing.
        package var folder: String
        /// Outcomes per append and bookmark.
        package var batch: Int
        package var retry: RetryPolicy
        /// Without any wake-up the store is looked at so often.
        package var poll: Duration

        package init(
            folder: String, batch: Int = 500,
            retry: RetryPolicy = RetryPolicy(first: .seconds(1), ceiling: .seconds(60)),
            poll: Duration = .seconds(10)
        ) {
            self.folder = folder
            self.batch = max(1, batch)
            self.retry = retry
            self.poll = poll
        }
    }

    /// What the bookmark holds.
    fileprivate struct Place: Codable {
        /// Number of the last outcome that is in its file.
        var position: Int64 = 0
        /// Bytes of each file after the last append to it.
        var files: [String: Int64] = [:]
    }

    private let store: any Store
    private let wakeUp: WakeUp
    private let settings: Settings
    private let timing: DeliveryTiming
    private let logger: Logger
    private let shared = Mutex(SinkState())

    /// - `wakeUp`: rung by the worker whose outcomes are followed; this sink is its one listener.
    package init(
        store: any Store, wakeUp: WakeUp, settings: Settings, timing: DeliveryTiming = .live, logger: Logger
    ) {
        self.store = store
        self.wakeUp = wakeUp
        self.settings = settings
        self.timing = timing
        var logger = logger
        logger[metadataKey: "sink"] = "\(SinkName.csv)"
        self.logger = logger
    }

    /// How the CSV fares; never waits.
    package var state: SinkState { shared.withLock { $0 } }

    package func run() async throws {
        let (events, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    for await _ in self.wakeUp.signals { continuation.yield() }
                }
                group.addTask {
                    // Ended by cancellation: the group's way to stop it.
                    while (try? await self.timing.sleep(self.settings.poll)) != nil { continuation.yield() }
                }
                await self.follow(events, nudge: { continuation.yield() }, in: &group)
                group.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
            continuation.finish()
        }
    }

    private func follow(
        _ events: AsyncStream<Void>, nudge: @escaping @Sendable () -> Void,
        in group: inout DiscardingTaskGroup
    ) async {
        var follower = Follower()
        var failures = 0
        var notBefore: Duration = .zero
        var events = events.makeAsyncIterator()
        repeat {
            if timing.moment() < notBefore { continue }
            do {
                try await catchUp(&follower)
                failures = 0
            } catch {
                follower = Follower()
                failures += 1
                let delay = settings.retry.delay(afterAttempt: failures, random: timing.random())
                notBefore = timing.moment() + delay
                failed(error, delay)
                group.addTask { [timing] in
                    // Cancelled only when nobody listens any more.
                    try? await timing.sleep(delay)
                    nudge()
                }
            }
        } while await events.next() != nil
    }

    /// How far the files have come. A fresh one, at the start and after a failure, reads the bookmark, and takes into
    /// account that the first batch may be in its files already.
    struct Follower {
        fileprivate var place: Place?
        fileprivate var compare = true
    }

    /// Writes all there is, batch by batch, or until the service is to stop.
    func catchUp(_ follower: inout Follower) async throws {
        var place = if let known = follower.place { known } else { try await readPlace() }
        while try await step(&place, compare: follower.compare) {
            follower.compare = false
            follower.place = place
            recovered()
            if Task.isShuttingDownGracefully || Task.isCancelled { return }
        }
        follower.place = place
        recovered()
    }

    /// Writes one batch. False when there is nothing more to write.
    private func step(_ place: inout Place, compare: Bool) async throws -> Bool {
        let outcomes = try await store.outcomes(of: .erpnext, after: place.position, limit: settings.batch)
        guard let last = outcomes.last else { return false }
        var lines: [String: [UInt8]] = [:]
        for outcome in outcomes {
            lines[CSVLine.fileName(outcome), default: []].append(contentsOf: CSVLine(outcome).bytes)
        }
        try await adopt(Set(lines.keys).subtracting(place.files.keys), &place)
        let (folder, sizes, files) = (settings.folder, place.files, lines)
        // File calls block, and on a network folder for long: not on the threads that everything else runs on.
        let written = try await NIOThreadPool.singleton.runIfActive {
            var written: [String: Int64] = [:]
            for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
                written[name] = try CSVAppend(folder: folder, name: name).append(
                    bytes, header: CSVLine.header, recorded: sizes[name] ?? 0, compare: compare)
            }
            return written
        }
        place.position = last.id
        place.files.merge(written) { _, new in new }
        try await store.setBookmark(try Self.text(place), named: SinkName.csv.text)
        shared.withLock { $0.lastSuccess = timing.now() }
        return true
    }

    /// Before a file is written to for the first time, its size is recorded: it may be the older service's, and after a
    /// crash its lines must be told from ours.
    private func adopt(_ names: Set<String>, _ place: inout Place) async throws {
        guard !names.isEmpty else { return }
        let folder = settings.folder
        let sizes = try await NIOThreadPool.singleton.runIfActive {
            var sizes: [String: Int64] = [:]
            for name in names { sizes[name] = try CSVAppend(folder: folder, name: name).size() }
            return sizes
        }
        place.files.merge(sizes) { _, new in new }
        try await store.setBookmark(try Self.text(place), named: SinkName.csv.text)
    }

    private func readPlace() async throws -> Place {
        guard let text = try await store.bookmark(named: SinkName.csv.text) else { return Place() }
        return try JSONDecoder().decode(Place.self, from: Data(text.utf8))
    }

    private static func text(_ place: Place) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(place), as: UTF8.self)
    }

    private func failed(_ error: any Error, _ delay: Duration) {
        let now = timing.now()
        let reason = PlainText.line("\((error as? any LocalizedError)?.errorDescription ?? "\(error)")")
        let first = shared.withLock { state in
            var since = now
            if case .unavailable(let before, _, _) = state.condition { since = before }
            defer { state.condition = .unavailable(since: since, reason: reason, nextTry: now + delay) }
            return state.condition == .running
        }
        if first {
            logger.error("the CSV cannot be written; its lines wait", metadata: ["reason": "\(reason)"])
        }
    }

    private func recovered() {
        let was = shared.withLock { state in
            defer { state.condition = .running }
            return state.condition
        }
        if was != .running { logger.notice("the CSV is written again") }
    }
}
