import AttendanceCore
import AttendanceStore
import Logging
import ServiceLifecycle
import Synchronization

/// Keeps a local copy of what one ERPNext site knows (employees, shift types, time zone, versions), and sends dead
/// letters again once their people are known.
///
/// Reads the site every so often, at once when it is asked to, and soon after `wakeUp` was rung. Without a site it
/// goes on with what the journal has kept; without the right to read employees, delivery goes on by the site's own
/// lookup. The work is `SiteCopy`'s; here is when.
package final class SiteSync: Service {
    package struct Settings: Sendable {
        package var sink: SinkName
        /// Between two reads of the site.
        package var interval: Duration
        /// False: only the site's time zone, versions and shift types are read, and people known from before stay.
        package var readsEmployees: Bool
        /// Columns of Employee that hold ids of terminals.
        package var keyFields: [String]
        package var personKey: ERPNextSink.PersonKey
        /// How often all employees are read, which alone shows that one was removed.
        package var wholeListInterval: Duration
        /// The site is not read more often than this because of `wakeUp`.
        package var minimumPause: Duration

        package init(
            sink: SinkName = .erpnext, interval: Duration = .seconds(300), readsEmployees: Bool = true,
            keyFields: [String] = ["attendance_device_id"], personKey: ERPNextSink.PersonKey = .aliasFirst,
            wholeListInterval: Duration = .seconds(86_400), minimumPause: Duration = .seconds(60)
        ) {
            self.sink = sink
            self.interval = interval
            self.readsEmployees = readsEmployees
            self.keyFields = keyFields
            self.personKey = personKey
            self.wholeListInterval = wholeListInterval
            self.minimumPause = minimumPause
        }
    }

    /// What an operator says of who is who; may change while running.
    package struct Rules: Sendable {
        /// The mapping file's. What is mapped by command wins over it.
        package var mappings: [EmployeeMapping]
        package var leadingZeros: EmployeeDirectory.LeadingZeros
        /// The id space of a terminal.
        package var space: @Sendable (SerialNumber) -> IDSpace

        package init(
            mappings: [EmployeeMapping] = [], leadingZeros: EmployeeDirectory.LeadingZeros = .ignored,
            space: @escaping @Sendable (SerialNumber) -> IDSpace
        ) {
            self.mappings = mappings
            self.leadingZeros = leadingZeros
            self.space = space
        }
    }

    /// How the copy fares, for `/health`.
    package struct State: Hashable, Sendable {
        /// When the site was last read without a problem; nil before the first time since the start.
        package var lastRead: UnixTime?
        package var employees: Int
        /// What keeps the copy from being right; delivery goes on.
        package var problem: SiteProblem?
        /// Since when there is a problem.
        package var since: UnixTime?
    }

    /// What one reading has brought.
    package struct Report: Hashable, Sendable {
        package var employees: Int
        /// New or changed.
        package var changed: Int
        package var removed: Int
        /// Dead letters that are sent again.
        package var requeued: Int
        package var problem: SiteProblem?
    }

    private enum Event: Sendable {
        case wake, alarm, asked
    }

    private enum Wish: Sendable {
        case read, mappings
    }

    private struct Shared {
        var state = State(lastRead: nil, employees: 0, problem: nil, since: nil)
        var asked: [(wish: Wish, answer: CheckedContinuation<Report?, Never>)] = []
        var emit: AsyncStream<Event>.Continuation?
        /// Set and not yet taken over.
        var rules: Rules?
    }

    private let settings: Settings
    private let copy: SiteCopy
    private let wakeUp: WakeUp
    private let timing: DeliveryTiming
    private let shared = Mutex(Shared())
    private let logger: Logger

    /// - `directory`: written here only.
    /// - `wakeUp`: rung when somebody turned out to be unknown; this service is its one listener.
    /// - `owing`: of the sink's worker; rung when dead letters are sent again.
    package init(
        reader: SiteReader, store: any Store, directory: SiteDirectory, wakeUp: WakeUp, owing: WakeUp,
        settings: Settings = Settings(), rules: Rules,
        timing: DeliveryTiming = .live, logger: Logger
    ) {
        var logger = logger
        logger[metadataKey: "sink"] = "\(settings.sink)"
        self.settings = settings
        self.wakeUp = wakeUp
        self.timing = timing
        self.logger = logger
        copy = SiteCopy(
            reader: reader, store: store, directory: directory, owing: owing, settings: settings,
            rules: rules,
            timing: timing, logger: logger)
    }

    /// Never waits.
    package var state: State { shared.withLock(\.state) }

    /// Brings what the journal has kept into the directory. Once, before `run`.
    package func load() async throws {
        let count = try await copy.load()
        shared.withLock { $0.state.employees = count }
    }

    /// Reads the site now, all of it, without the service running: for the command line.
    package func readOnce() async -> Report {
        let round = await copy.read(whole: true)
        note(round)
        return round.report
    }

    /// Has the running service read the site now. Nil when it does not run.
    package func readNow() async -> Report? { await ask(.read) }

    /// Has the running service take over mappings that were changed in the journal, without asking the site. Nil when
    /// it does not run.
    package func mappingsChanged() async -> Report? { await ask(.mappings) }

    /// From now on these rules hold, also for dead letters. Never waits.
    package func setRules(_ rules: Rules) {
        shared.withLock { shared in
            shared.rules = rules
            shared.emit?.yield(.asked)
        }
    }

    private func ask(_ wish: Wish) async -> Report? {
        await withCheckedContinuation { answer in
            let emit = shared.withLock { shared -> AsyncStream<Event>.Continuation? in
                guard let emit = shared.emit else { return nil }
                shared.asked.append((wish, answer))
                return emit
            }
            if let emit { emit.yield(.asked) } else { answer.resume(returning: nil) }
        }
    }

    // MARK: Running

    package func run() async throws {
        let (events, emit) = AsyncStream.makeStream(of: Event.self)
        shared.withLock { $0.emit = emit }
        // Ends at once, also in the middle of a request: a site that is read again later is none the worse.
        await cancelWhenGracefulShutdown { await self.loop(events, emit) }
        let left = shared.withLock { shared in
            defer { shared.asked = [] }
            shared.emit = nil
            return shared.asked
        }
        for (_, answer) in left { answer.resume(returning: nil) }
    }

    private func loop(_ events: AsyncStream<Event>, _ emit: AsyncStream<Event>.Continuation) async {
        await withDiscardingTaskGroup { group in
            group.addTask { for await _ in self.wakeUp.signals { emit.yield(.wake) } }
            var due = timing.moment()
            var earliest = due
            var failures = 0
            var alarm: Duration?
            emit.yield(.alarm)
            for await event in events {
                let (asked, rules) = shared.withLock { shared in
                    defer {
                        shared.asked = []
                        shared.rules = nil
                    }
                    return (shared.asked, shared.rules)
                }
                if let rules { await copy.setRules(rules) }
                switch event {
                case .wake: due = min(due, earliest)
                case .alarm: alarm = nil
                case .asked: break
                }
                if timing.moment() >= due || asked.contains(where: { $0.wish == .read }) {
                    let round = await copy.read(whole: asked.contains { $0.wish == .read })
                    if Task.isCancelled {
                        for (_, answer) in asked { answer.resume(returning: nil) }
                        break
                    }
                    note(round)
                    for (_, answer) in asked { answer.resume(returning: round.report) }
                    failures = round.isUnavailable ? failures + 1 : 0
                    let now = timing.moment()
                    earliest = now + settings.minimumPause
                    due = now + pause(afterFailures: failures, asked: round.retryAfter)
                    // Perhaps nothing can be sent until the zone is known: as often as deliveries try a wrong key.
                    if round.isDenied { due = min(due, now + SiteBreaker.pace(.authentication)) }
                } else if rules != nil || !asked.isEmpty {
                    let round = await copy.remap()
                    for (_, answer) in asked { answer.resume(returning: round.report) }
                }
                if alarm.map({ due < $0 }) ?? true {
                    alarm = due
                    let wait = max(due - timing.moment(), .milliseconds(1))
                    group.addTask {
                        // Cancelled only when nobody listens any more.
                        try? await self.timing.sleep(wait)
                        emit.yield(.alarm)
                    }
                }
            }
            group.cancelAll()
        }
    }

    /// After failures sooner than usual, from half a minute on, twice as late each time.
    private func pause(afterFailures failures: Int, asked: Duration?) -> Duration {
        guard failures > 0 else { return settings.interval }
        let step = Duration.seconds(30) * (1 << min(failures - 1, 10))
        return max(min(settings.interval, step), asked ?? .zero)
    }

    private func note(_ round: SiteCopy.Round) {
        let now = timing.now()
        let problem = round.report.problem
        let before = shared.withLock { shared in
            let before = shared.state.problem
            shared.state.employees = round.report.employees
            shared.state.problem = problem
            if problem == nil {
                shared.state.lastRead = now
                shared.state.since = nil
            } else if before == nil {
                shared.state.since = now
            }
            return before
        }
        guard problem != before else { return }
        if let problem {
            logger.warning(
                "the site cannot be read as it should; delivery goes on",
                metadata: ["reason": "\(problem.reason)", "remedy": "\(problem.remedy ?? "none")"])
        } else {
            logger.notice("the site can be read again")
        }
    }
}
