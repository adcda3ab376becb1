import AttendanceCore
import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// Looks at the gateway every so often, remembers what is wrong with it and tells people through every channel.
///
/// A channel that does not work holds up neither the others nor the looking: each has a queue and a task of its own,
/// and a message that cannot be sent is tried again some times. An alert counts as told once one channel has taken it,
/// or all have given it up; until then a restart hands it out again.
package final class AlertService: Service {
    package struct Settings: Sendable {
        package var thresholds: AlertThresholds
        /// From one look to the next.
        package var interval: Duration
        /// In which times are written out.
        package var zone: ZoneRules

        package init(thresholds: AlertThresholds, interval: Duration = .seconds(30), zone: ZoneRules) {
            self.thresholds = thresholds
            self.interval = interval
            self.zone = zone
        }
    }

    /// What the journal keeps for us.
    package struct Memory: Sendable {
        package var load: @Sendable () async throws -> [AlertRecord]
        package var save: @Sendable ([AlertRecord]) async throws -> Void

        package init(
            load: @escaping @Sendable () async throws -> [AlertRecord],
            save: @escaping @Sendable ([AlertRecord]) async throws -> Void
        ) {
            self.load = load
            self.save = save
        }
    }

    /// What became of a message sent by hand.
    package struct TestResult: Hashable, Sendable {
        package var channel: String
        package var kind: String
        package var sending: AlertSending

        package init(channel: String, kind: String, sending: AlertSending) {
            self.channel = channel
            self.kind = kind
            self.sending = sending
        }
    }

    private struct Shared {
        var settings: Settings
        var book: AlertBook
        var nextNumber = 0
        /// Notices that no channel has taken yet, with how many still try.
        var open: [Int: (notice: AlertNotice, trying: Int)] = [:]
        /// What the journal was last given.
        var saved: [AlertRecord]?
    }

    /// A message is tried so often: for about an hour.
    private static let maximumTries = 12
    private static let retry = RetryPolicy(first: .seconds(5), ceiling: .seconds(600))
    /// No channel is believed that it wants longer to be left alone.
    private static let longestWait = Duration.seconds(3600)

    private let queues: [AlertQueue]
    private let gateway: String
    private let snapshot: @Sendable () async -> AlertSnapshot
    private let memory: Memory
    private let timing: DeliveryTiming
    private let logger: Logger
    private let shared: Mutex<Shared>
    private let changes: AsyncStream<Void>
    private let changed: AsyncStream<Void>.Continuation

    /// - `gateway`: the name by which messages call this gateway.
    /// - `snapshot`: what is known now; called at every look.
    package init(
        channels: [any AlertChannel], settings: Settings, gateway: String,
        snapshot: @escaping @Sendable () async -> AlertSnapshot, memory: Memory,
        timing: DeliveryTiming = .live,
        logger: Logger
    ) {
        queues = channels.map(AlertQueue.init)
        self.gateway = gateway
        self.snapshot = snapshot
        self.memory = memory
        self.timing = timing
        self.logger = logger
        shared = Mutex(Shared(settings: settings, book: AlertBook(thresholds: settings.thresholds)))
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// What is wrong now, the worst first.
    package var current: [AlertRecord] { shared.withLock { $0.book.current } }

    /// In the order they were given.
    package var channelStates: [AlertChannelState] { queues.map(\.state) }

    /// From the next look on.
    package func set(_ settings: Settings) {
        shared.withLock { shared in
            shared.settings = settings
            shared.book.thresholds = settings.thresholds
        }
    }

    /// Sends one message through every channel at once and tells what became of each.
    package func test() async -> [TestResult] {
        let results = await Self.send(message(of: .test(at: timing.now())), through: queues.map(\.channel))
        for (queue, result) in zip(queues, results) { note(result.sending, queue) }
        return results
    }

    /// The same without a service, in the order of the channels.
    package static func send(_ message: AlertMessage, through channels: [any AlertChannel]) async
        -> [TestResult]
    {
        await withTaskGroup(of: (Int, TestResult).self) { group in
            for (index, channel) in channels.enumerated() {
                group.addTask {
                    let sending = await channel.send(message)
                    return (index, TestResult(channel: channel.name, kind: channel.kind, sending: sending))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Until the service group shuts down. What was not sent by then is handed out again after the next start.
    package func run() async throws {
        await load()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.lookAgainAndAgain() }
            group.addTask { await self.keep() }
            for queue in queues { group.addTask { await self.sendAll(of: queue) } }
        }
        await save()
    }

    // MARK: Looking

    private func lookAgainAndAgain() async {
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            await look()
            // Ended by cancellation or by the shutdown, which the loop's condition sees.
            try? await cancelWhenGracefulShutdown {
                try await self.timing.sleep(self.shared.withLock { $0.settings.interval })
            }
        }
    }

    private func look() async {
        let snapshot = await self.snapshot()
        guard !Task.isCancelled else { return }
        let thresholds = shared.withLock { $0.settings.thresholds }
        let findings = AlertRules.findings(in: snapshot, thresholds: thresholds)
        let now = timing.now()
        let jobs = shared.withLock { shared in
            shared.book.update(findings, at: now).map { notice in
                shared.nextNumber += 1
                if queues.isEmpty {
                    // Nobody is there to be told: the log and the pages are all there is.
                    shared.book.confirm(notice, at: now)
                } else {
                    shared.open[shared.nextNumber] = (notice, queues.count)
                }
                return AlertQueue.Job(number: shared.nextNumber, notice: notice)
            }
        }
        for job in jobs { tell(job.notice) }
        if !jobs.isEmpty {
            for queue in queues {
                for dropped in queue.add(jobs) { givenUp(dropped, queue, reason: "too many messages wait") }
            }
        }
        changed.yield()
    }

    private func tell(_ notice: AlertNotice) {
        let level: Logger.Level =
            switch notice.event {
            case .raised, .worsened: notice.severity == .critical ? .error : .warning
            case .recovered, .test: .notice
            }
        let words: Logger.Message =
            switch notice.event {
            case .raised: "alert"
            case .worsened: "alert is critical now"
            case .recovered: "alert is over"
            case .test: "alert test"
            }
        var metadata: Logger.Metadata = [
            "kind": "\(notice.kind.rawValue)", "title": "\(notice.title)",
            "subject": "\(notice.alerts.prefix(AlertNotice.written).map(\.subject).joined(separator: " "))",
        ]
        if notice.event != .recovered, let first = notice.alerts.first, notice.alerts.count == 1 {
            metadata["detail"] = "\(first.detail)"
        }
        logger.log(level: level, words, metadata: metadata)
    }

    // MARK: Sending

    private func message(of notice: AlertNotice) -> AlertMessage {
        AlertMessage(notice, gateway: gateway, zone: shared.withLock { $0.settings.zone })
    }

    private func sendAll(of queue: AlertQueue) async {
        for await _ in queue.signals.cancelOnGracefulShutdown() {
            while !Task.isCancelled, !Task.isShuttingDownGracefully, let job = queue.next {
                guard await send(job, through: queue) else { return }
                queue.finished(job)
            }
        }
    }

    /// Returns false when the gateway stops before it is known what became of it.
    private func send(_ job: AlertQueue.Job, through queue: AlertQueue) async -> Bool {
        let message = message(of: job.notice)
        for attempt in 1...Self.maximumTries {
            guard let sending = await unlessStopping({ await queue.channel.send(message) }) else {
                return false
            }
            note(sending, queue)
            switch sending {
            case .taken:
                settled(job, isTaken: true)
                return true
            case .failed(let reason, let mayHelp, let retryAfter):
                guard mayHelp, attempt < Self.maximumTries else {
                    givenUp(job, queue, reason: reason)
                    return true
                }
                let pause = max(
                    Self.retry.delay(afterAttempt: attempt, random: timing.random()),
                    min(retryAfter ?? .zero, Self.longestWait))
                do {
                    try await cancelWhenGracefulShutdown { try await self.timing.sleep(pause) }
                } catch {
                    return false  // the gateway stops
                }
                if Task.isShuttingDownGracefully { return false }
            }
        }
        return true
    }

    /// A message under way gets a second to end once the gateway stops; nil when it did not.
    private func unlessStopping(_ work: @escaping @Sendable () async -> AlertSending) async -> AlertSending? {
        await withTaskGroup(of: AlertSending?.self) { group in
            group.addTask { await work() }
            group.addTask {
                // Both end early when the message has been sent: then nobody waits for them.
                try? await gracefulShutdown()
                try? await Task.sleep(for: .seconds(1))
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return Task.isCancelled ? nil : first
        }
    }

    private func note(_ sending: AlertSending, _ queue: AlertQueue) {
        queue.note(sending, at: timing.now())
        let channel = queue.channel
        let result = if case .taken = sending { "sent" } else { "failed" }
        Counter(
            label: "gateway_alert_messages_total",
            dimensions: [("channel", channel.name), ("result", result)]
        ).increment()
        if case .failed(let reason, _, _) = sending {
            logger.warning(
                "alert message not sent",
                metadata: ["channel": "\(channel.name)", "via": "\(channel.kind)", "reason": "\(reason)"])
        }
    }

    private func givenUp(_ job: AlertQueue.Job, _ queue: AlertQueue, reason: String) {
        logger.error(
            "alert message given up",
            metadata: [
                "channel": "\(queue.channel.name)", "title": "\(job.notice.title)", "reason": "\(reason)",
            ])
        settled(job, isTaken: false)
    }

    private func settled(_ job: AlertQueue.Job, isTaken: Bool) {
        let now = timing.now()
        let isTold = shared.withLock { shared in
            guard var open = shared.open[job.number] else { return false }
            open.trying -= 1
            shared.open[job.number] = open
            guard isTaken || open.trying <= 0 else { return false }
            shared.open[job.number] = nil
            shared.book.confirm(open.notice, at: now)
            return true
        }
        if isTold { changed.yield() }
    }

    // MARK: Remembering

    private func load() async {
        do {
            let records = try await memory.load()
            shared.withLock { shared in
                shared.book = AlertBook(thresholds: shared.settings.thresholds, records: records)
                shared.saved = records
            }
        } catch {
            logger.warning(
                "what was told before cannot be read; some of it may be told again",
                metadata: ["error": "\(error.localizedDescription)"])
        }
    }

    /// Rung at every look, so that what could not be written is tried again.
    private func keep() async {
        for await _ in changes.cancelOnGracefulShutdown() { await save() }
    }

    private func save() async {
        let (records, saved) = shared.withLock { ($0.book.records, $0.saved) }
        // Figures in texts change at every look; they are found anew after a start.
        guard saved?.map(Essence.init) != records.map(Essence.init) else { return }
        do {
            try await memory.save(records)
            shared.withLock { $0.saved = records }
        } catch {
            logger.warning(
                "alerts cannot be written down yet", metadata: ["error": "\(error.localizedDescription)"])
        }
    }

    private struct Essence: Equatable {
        var id: AlertID?
        var severity: AlertSeverity
        var told: UnixTime?
        var clearSince: UnixTime?

        init(_ record: AlertRecord) {
            id = record.id
            severity = record.severity
            told = record.told
            clearSince = record.clearSince
        }
    }
}
