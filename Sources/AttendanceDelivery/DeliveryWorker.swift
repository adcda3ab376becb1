import AttendanceCore
import AttendanceStore
import Logging
import ServiceLifecycle

/// Brings what one sink is owed to it: reads owed punches, makes attempts, settles them.
///
/// One task decides (reading, whose turn it is, when to wait); each attempt is a child task of its own that begins,
/// sends and settles. What was decided how often, in which order and with what pauses is in the core's values
/// (`LaneSchedule`, `SiteBreaker`, `SettlementRules`); here is only the edge to the store, the sink and the clock.
package final class DeliveryWorker: Service {
    package struct Settings: Sendable {
        package var rules: SettlementRules
        /// Requests at once to this sink. More than 4 only wait inside one ERPNext site (docs/erpnext.md §3).
        package var concurrency: Int
        /// How long a shutdown waits for requests on their way before it cuts them off (they stay marked as begun).
        package var shutdownLimit: Duration
        /// Without any wake-up the store is looked at so often.
        package var poll: Duration
        /// Punches reported as failed so far in one commit while the site is down.
        package var reportBatch: Int

        package init(
            rules: SettlementRules = SettlementRules(), concurrency: Int = 2,
            shutdownLimit: Duration = .seconds(3), poll: Duration = .seconds(30), reportBatch: Int = 500
        ) {
            self.rules = rules
            self.concurrency = max(1, concurrency)
            self.shutdownLimit = shutdownLimit
            self.poll = poll
            self.reportBatch = reportBatch
        }
    }

    private let sink: any Sink
    private let store: any Store
    private let wakeUp: WakeUp
    private let settings: Settings
    private let timing: DeliveryTiming
    private let attempts: DeliveryAttempts
    private let logger: Logger

    /// - Parameters:
    ///   - wakeUp: rung by whoever records punches or sends dead letters again; this worker is its one listener.
    ///   - reported: rung here when outcomes were written that the CSV follows.
    package init(
        sink: any Sink, store: any Store, wakeUp: WakeUp, reported: WakeUp? = nil,
        settings: Settings = Settings(), timing: DeliveryTiming = .live, logger: Logger
    ) {
        self.sink = sink
        self.store = store
        self.wakeUp = wakeUp
        self.settings = settings
        self.timing = timing
        var logger = logger
        logger[metadataKey: "sink"] = "\(sink.name)"
        self.logger = logger
        var rules = settings.rules
        rules.canLook = sink.canLook
        attempts = DeliveryAttempts(
            sink: sink, store: store, rules: rules, concurrency: settings.concurrency, reported: reported,
            timing: timing, logger: logger)
    }

    /// How this sink fares; never waits.
    package var state: SinkState { attempts.state }

    package func run() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    for await _ in self.wakeUp.signals { continuation.yield(.wake) }
                }
                var loop = Loop(worker: self, emit: { continuation.yield($0) })
                await loop.run(events, in: &group)
                group.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
            continuation.yield(.stop)
        }
        logger.debug("delivery stopped")
    }

    private enum Event: Sendable {
        case wake
        case timer
        case probed
        case finished(DeliveryAttempts.Ended)
        case stop
        case shutdownLimit
    }

    /// The deciding task's own state.
    private struct Loop {
        let worker: DeliveryWorker
        let emit: @Sendable (Event) -> Void
        var schedule: LaneSchedule
        /// Attempts on their way, with the breaker's epoch in which they began.
        var inFlight: [Int64: Int] = [:]
        var stopping = false
        var alarm: Duration?
        var nextPoll: Duration
        var nextReport: Duration = .zero
        var readAgain: Duration?

        init(worker: DeliveryWorker, emit: @escaping @Sendable (Event) -> Void) {
            self.worker = worker
            self.emit = emit
            let sink = worker.sink
            schedule = LaneSchedule(lane: { sink.lane(of: $0) })
            nextPoll = worker.timing.moment() + worker.settings.poll
        }

        var now: Duration { worker.timing.moment() }

        mutating func run(_ events: AsyncStream<Event>, in group: inout DiscardingTaskGroup) async {
            var events = events.makeAsyncIterator()
            while true {
                if stopping {
                    if inFlight.isEmpty { return }
                } else {
                    await read()
                    start(in: &group)
                    await reportFailing()
                    setAlarm(in: &group)
                }
                guard let event = await events.next() else { return }
                switch event {
                case .wake:
                    if worker.wakeUp.takeRequeued() { schedule.restart() }
                    schedule.wake()
                case .timer:
                    alarm = nil
                    if now >= nextPoll { poll() }
                case .probed: break
                case .finished(let ended): finish(ended)
                case .stop where !stopping:
                    stopping = true
                    after(worker.settings.shutdownLimit, emit: .shutdownLimit, in: &group)
                case .stop: break
                case .shutdownLimit: return
                }
            }
        }

        // MARK: Reading

        private mutating func read() async {
            if let readAgain, now < readAgain { return }
            while let read = schedule.nextRead() {
                do {
                    let rows = try await worker.store.owed(
                        to: worker.sink.name, after: read.after, limit: read.limit)
                    if readAgain != nil { worker.logger.notice("owed punches can be read again") }
                    readAgain = nil
                    let unixNow = worker.timing.now()
                    schedule.take(rows, from: read, at: now) { row in
                        // A wall clock that was set back must not hold a punch for days.
                        min((row.due ?? unixNow) - unixNow, worker.settings.rules.retry.ceiling * 2)
                    }
                } catch {
                    if readAgain == nil {
                        worker.logger.error(
                            "owed punches cannot be read; trying again", metadata: ["error": "\(error)"])
                    }
                    readAgain = now + .seconds(1)
                    return
                }
            }
        }

        /// A wake-up may have been missed, and when nothing is at hand the whole queue is looked at once more.
        private mutating func poll() {
            nextPoll = now + worker.settings.poll
            if schedule.isEmpty { schedule.restart() }
            schedule.wake()
        }

        // MARK: Sending

        private mutating func start(in group: inout DiscardingTaskGroup) {
            let (step, epoch) = worker.attempts.step()
            switch step {
            case .send(let allowed):
                while inFlight.values.count(where: { $0 == epoch }) < allowed,
                    let punch = schedule.next(at: now)
                {
                    inFlight[punch.id] = epoch
                    let (attempts, emit) = (worker.attempts, emit)
                    group.addTask { emit(.finished(await attempts.attempt(punch, epoch: epoch))) }
                }
            case .probe:
                let (attempts, emit) = (worker.attempts, emit)
                group.addTask {
                    await attempts.probe()
                    emit(.probed)
                }
            case .wait: break
            }
        }

        private mutating func finish(_ ended: DeliveryAttempts.Ended) {
            inFlight[ended.punch.id] = nil
            switch ended.next {
            case .done: schedule.done(ended.punch)
            case .again(let delay):
                schedule.again(ended.punch, due: delay > .zero ? now + delay : nil)
            }
        }

        // MARK: Reporting and waiting

        /// While the site takes nothing, punches that would have had all their tries by now are reported as failed so
        /// far, a bounded batch at a time.
        private mutating func reportFailing() async {
            guard worker.attempts.isInTrouble, now >= nextReport else { return }
            nextReport = now + .seconds(10)
            let unixNow = worker.timing.now()
            let patience = worker.settings.rules.retry.time(ofAttempts: worker.settings.rules.maxRetries)
            let limit = worker.settings.reportBatch
            do {
                let count = try await worker.store.reportFailing(
                    sink: worker.sink.name,
                    receivedBefore: UnixTime(milliseconds: unixNow.milliseconds - patience.milliseconds),
                    at: unixNow, limit: limit)
                guard count > 0 else { return }
                worker.attempts.ringReported()
                worker.logger.warning("punches wait for the site", metadata: ["reported": "\(count)"])
                if count >= limit { nextReport = now }
            } catch {
                worker.logger.warning(
                    "failing punches cannot be reported yet", metadata: ["error": "\(error)"])
            }
        }

        /// One sleeper for whatever comes first; a later one that is already asleep only wakes the loop for nothing.
        private mutating func setAlarm(in group: inout DiscardingTaskGroup) {
            var moments = [nextPoll]
            if let due = schedule.nextDue { moments.append(due) }
            if let retry = worker.attempts.nextTry { moments.append(retry) }
            if let readAgain { moments.append(readAgain) }
            if worker.attempts.isInTrouble { moments.append(nextReport) }
            guard let next = moments.min(), alarm.map({ next < $0 }) ?? true else { return }
            alarm = next
            after(max(next - now, .milliseconds(1)), emit: .timer, in: &group)
        }

        private func after(_ delay: Duration, emit event: Event, in group: inout DiscardingTaskGroup) {
            let (timing, emit) = (worker.timing, emit)
            group.addTask {
                // Cancelled only when nobody listens any more.
                try? await timing.sleep(delay)
                emit(event)
            }
        }
    }
}
