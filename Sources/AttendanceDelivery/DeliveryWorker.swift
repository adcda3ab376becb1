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
    private let watch: SiteWatch
    private let attempts: DeliveryAttempts
    private let logger: Logger

    /// - `wakeUp`: rung by whoever records punches, sends dead letters again, or changes who is who; this worker is its
    ///   one listener.
    /// - `reported`: rung here when outcomes were written that the CSV follows.
    /// - `strangers`: rung here when a punch died because of its person.
    package init(
        sink: any Sink, store: any Store, wakeUp: WakeUp, reported: WakeUp? = nil, strangers: WakeUp? = nil,
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
        rules.isIdempotent = sink.isIdempotent
        watch = SiteWatch(
            sink: sink.name, concurrency: settings.concurrency, timing: timing, logger: logger)
        attempts = DeliveryAttempts(
            sink: sink, store: store, rules: rules, reported: reported, strangers: strangers, timing: timing,
            watch: watch, logger: logger)
    }

    /// How this sink fares; never waits.
    package var state: SinkState { watch.state }

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
        case finished(Int, DeliveryAttempts.Result)
        case stop
        case shutdownLimit
    }

    /// The deciding task's own state.
    private struct Loop {
        /// An attempt on its way.
        struct Flight {
            /// The breaker's, in which it began.
            var epoch: Int
            var age: DeliveryQueue.Age
            var count: Int
            /// See `Bundle`.
            var failures: Int
        }
        /// Punches that go again as the same request. They stay marked as on their way in the queue.
        struct Bundle {
            var punches: [OwedPunch]
            var age: DeliveryQueue.Age
            /// Answers to it that say "not now".
            var failures = 0
        }

        let worker: DeliveryWorker
        let emit: @Sendable (Event) -> Void
        var queue: DeliveryQueue
        var flights: [Int: Flight] = [:]
        var bundles: [Bundle] = []
        var lastWasBundle = false
        var nextFlight = 0
        var stopping = false
        var alarm: Duration?
        var nextPoll: Duration
        var polls = 0
        var nextReport: Duration = .zero
        /// Punches reported as failed so far in the present trouble.
        var reportedWaiting = 0
        var readAgain: Duration?
        /// What is recorded by now is old, as soon as it is known how much that is.
        var floorIsDue = true
        /// No old punch before this moment: the site is left to the people who work in it.
        var rest: Duration = .zero
        /// Nothing at all before this moment.
        var hold: Duration?
        var owed = 0
        var nextCount: Duration = .zero

        init(worker: DeliveryWorker, emit: @escaping @Sendable (Event) -> Void) {
            self.worker = worker
            self.emit = emit
            let sink = worker.sink
            queue = DeliveryQueue(lane: { sink.lane(of: $0) })
            nextPoll = worker.timing.moment() + worker.settings.poll
        }

        /// Punches looked for in one request.
        static let looks = 100
        /// The owed are counted when so many old ones are at hand, and no more often.
        static let countFrom = 64
        static let countEvery: Duration = .seconds(5)
        static let holdFor: Duration = .milliseconds(500)
        /// A request that is answered so often with "not now" is sent in halves: it may be the doing of one punch.
        static let bundleFailures = 4

        var now: Duration { worker.timing.moment() }

        mutating func run(_ events: AsyncStream<Event>, in group: inout DiscardingTaskGroup) async {
            var events = events.makeAsyncIterator()
            while true {
                if stopping {
                    if flights.isEmpty { return }
                } else {
                    await read()
                    start(in: &group)
                    await reportFailing()
                    setAlarm(in: &group)
                }
                guard let event = await events.next() else { return }
                switch event {
                case .wake:
                    if worker.wakeUp.takeRequeued() {
                        queue.restart()
                        hold = nil
                    }
                    queue.wake()
                case .timer:
                    alarm = nil
                    if now >= nextPoll { poll() }
                case .probed: break
                case .finished(let flight, let result): finish(flight, result)
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
            do {
                try await setFloor()
                while let read = queue.nextRead() {
                    let rows = try await worker.store.owed(
                        to: worker.sink.name, after: read.rows.after, limit: read.rows.limit)
                    let unixNow = worker.timing.now()
                    queue.take(rows, from: read, at: now) { row in
                        // A wall clock that was set back must not hold a punch for days.
                        min(
                            (row.due ?? unixNow) - unixNow,
                            worker.settings.rules.longestWait(afterAttempts: row.attempts))
                    }
                }
                try await count()
                if readAgain != nil { worker.logger.notice("owed punches can be read again") }
                readAgain = nil
            } catch {
                if readAgain == nil {
                    worker.logger.error(
                        "owed punches cannot be read; trying again", metadata: ["error": "\(error)"])
                }
                readAgain = now + .seconds(1)
            }
        }

        private mutating func setFloor() async throws {
            guard floorIsDue else { return }
            // Numbers have no gaps, so their count is the highest one.
            queue.restart(floor: Int64(try await worker.store.status().punches))
            floorIsDue = false
        }

        private mutating func count() async throws {
            guard queue.oldCount >= Self.countFrom else { return owed = queue.oldCount }
            guard now >= nextCount else { return }
            nextCount = now + Self.countEvery
            owed = try await worker.store.status().queues[worker.sink.name]?.owed ?? 0
        }

        /// A wake-up may have been missed, and when nothing is at hand the whole queue is looked at once more.
        private mutating func poll() {
            nextPoll = now + worker.settings.poll
            polls += 1
            // What is held here is no copy that counts: reading it afresh costs a page or two, and mends whatever
            // could have been overlooked.
            if queue.isEmpty || polls % 20 == 0 { queue.restart() }
            queue.wake()
        }

        // MARK: Sending

        private mutating func start(in group: inout DiscardingTaskGroup) {
            if let hold, now < hold { return }
            hold = nil
            let (step, epoch) = worker.watch.step()
            switch step {
            case .send(let allowed):
                while flights.values.count(where: { $0.epoch == epoch }) < allowed {
                    // By turns, so that a request which the sink chokes on does not keep it from all others.
                    let isStarted =
                        lastWasBundle
                        ? startTurn(epoch, in: &group) || startBundle(epoch, in: &group)
                        : startBundle(epoch, in: &group) || startTurn(epoch, in: &group)
                    guard isStarted else { return }
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

        private mutating func startBundle(_ epoch: Int, in group: inout DiscardingTaskGroup) -> Bool {
            guard !bundles.isEmpty else { return false }
            let bundle = bundles.removeFirst()
            lastWasBundle = true
            launch(
                bundle.punches, bundle.age, sharing: bundle.punches.count, failures: bundle.failures, epoch,
                in: &group)
            return true
        }

        private mutating func startTurn(_ epoch: Int, in group: inout DiscardingTaskGroup) -> Bool {
            let (sink, now) = (worker.sink, now)
            // A site that may be in trouble is tried with one punch.
            let isInTrouble = worker.watch.isInTrouble
            let batches = flights.values.count { $0.count > 1 }
            let rested = now >= rest
            var limits: [DeliveryQueue.Age: Int] = [:]
            for age in DeliveryQueue.Age.allCases {
                let limit = sink.batchLimit(BatchSituation(age: age, owed: owed, batches: batches))
                limits[age] = isInTrouble ? min(limit, 1) : limit
            }
            let turn = queue.next(
                at: now,
                mayGo: { age in limits[age, default: 1] > 0 && (age == .live || rested) },
                company: { age, punch in
                    if punch.begun != nil, !sink.isIdempotent {
                        return .init(limit: sink.canLook ? Self.looks : 1, matching: { $0.begun != nil })
                    }
                    guard let limit = limits[age], limit > 1, sink.mayShare(punch) else { return .none }
                    return .init(
                        limit: limit,
                        matching: { ($0.begun == nil || sink.isIdempotent) && sink.mayShare($0) })
                })
            guard let turn else { return false }
            lastWasBundle = false
            launch(turn.punches, turn.age, sharing: limits[turn.age, default: 1], epoch, in: &group)
            return true
        }

        private mutating func launch(
            _ punches: [OwedPunch], _ age: DeliveryQueue.Age, sharing: Int, failures: Int = 0, _ epoch: Int,
            in group: inout DiscardingTaskGroup
        ) {
            nextFlight += 1
            let id = nextFlight
            flights[id] = Flight(epoch: epoch, age: age, count: punches.count, failures: failures)
            let (attempts, emit) = (worker.attempts, emit)
            group.addTask {
                emit(.finished(id, await attempts.attempt(punches, sharing: sharing, epoch: epoch)))
            }
        }

        private mutating func finish(_ id: Int, _ result: DeliveryAttempts.Result) {
            guard let flight = flights.removeValue(forKey: id) else { return }
            for ended in result.ended {
                switch ended.next {
                case .done: queue.done(ended.punch)
                case .again(let delay):
                    queue.again(ended.punch, due: delay > .zero ? now + delay : nil)
                }
            }
            if let (punches, isAnswered) = result.together {
                bundle(punches, flight.age, failures: flight.failures + (isAnswered ? 1 : 0))
            }
            if let latency = result.latency, flight.age == .old {
                rest = max(rest, now + DeliveryPace.pause(after: latency))
            }
            if let reason = result.hold {
                hold = now + Self.holdFor
                worker.watch.hold(reason)
            } else if !result.ended.isEmpty {
                worker.watch.hold(nil)
            }
            if worker.watch.takeRecovery() { floorIsDue = true }
        }

        private mutating func bundle(_ punches: [OwedPunch], _ age: DeliveryQueue.Age, failures: Int) {
            guard failures >= Self.bundleFailures, punches.count > 1 else {
                return bundles.append(Bundle(punches: punches, age: age, failures: failures))
            }
            for half in [punches.prefix(punches.count / 2), punches.dropFirst(punches.count / 2)] {
                bundles.append(Bundle(punches: Array(half), age: age))
            }
        }

        // MARK: Reporting and waiting

        /// While the site takes nothing, punches that would have had all their tries by now are reported as failed so
        /// far, a bounded batch at a time.
        private mutating func reportFailing() async {
            guard worker.watch.isInTrouble else {
                if reportedWaiting > 0 {
                    worker.logger.info(
                        "the wait of punches for the site is over",
                        metadata: ["reported": "\(reportedWaiting)"])
                }
                return reportedWaiting = 0
            }
            guard now >= nextReport else { return }
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
                // The first of a trouble is news; how many it was in the end is told when it is over.
                worker.logger.log(
                    level: reportedWaiting == 0 ? .warning : .debug, "punches wait for the site",
                    metadata: ["reported": "\(count)"])
                reportedWaiting += count
                if count >= limit { nextReport = now }
            } catch {
                worker.logger.warning(
                    "failing punches cannot be reported yet", metadata: ["error": "\(error)"])
            }
        }

        /// One sleeper for whatever comes first; a later one that is already asleep only wakes the loop for nothing.
        private mutating func setAlarm(in group: inout DiscardingTaskGroup) {
            var moments = [nextPoll]
            // What was due before now waits for a request to end, or for the site.
            if let due = queue.nextDue, due > now { moments.append(due) }
            if let retry = worker.watch.nextTry { moments.append(retry) }
            if let readAgain { moments.append(readAgain) }
            if let hold { moments.append(hold) }
            if queue.oldCount > 0, rest > now { moments.append(rest) }
            if worker.watch.isInTrouble { moments.append(nextReport) }
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
