import AttendanceCore
import AttendanceStore
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Commands to terminals: keeps what is ordered, and carries it out when the terminal is there, in order, one at a time.
///
/// For each terminal that is connected and has commands there is one task, and at most `Bounds.lanes` of them; a
/// terminal without commands costs nothing. A command is marked as sent, durably, before it leaves. After a lost
/// connection, a restart or a kill, what may be repeated waits again and everything else is `unknown`.
package final class CommandDesk: Service {
    package struct Timing: Sendable {
        package var now: @Sendable () -> UnixTime
        /// The monotonic clock, as a duration since any fixed start.
        package var moment: @Sendable () -> Duration
        package var sleep: @Sendable (Duration) async throws -> Void
        /// Between two looks at what has expired.
        package var interval: Duration

        package init(
            now: @escaping @Sendable () -> UnixTime,
            moment: @escaping @Sendable () -> Duration = { FrameState.now },
            sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
            interval: Duration = .seconds(5)
        ) {
            self.now = now
            self.moment = moment
            self.sleep = sleep
            self.interval = interval
        }
    }

    package struct Bounds: Hashable, Sendable {
        /// Commands of one terminal that have not ended.
        package var mostWaiting: Int
        /// How long those that have ended are kept.
        package var keep: Duration
        /// Terminals that are served at the same time; the others wait for their turn.
        package var lanes: Int
        /// Commands of one terminal before another one gets its turn, where others wait.
        package var turn: Int

        package init(
            mostWaiting: Int = 5_000, keep: Duration = .seconds(90 * 86_400), lanes: Int = 256, turn: Int = 20
        ) {
            self.mostWaiting = mostWaiting
            self.keep = keep
            self.lanes = max(1, lanes)
            self.turn = max(1, turn)
        }
    }

    /// What the desk must know of the terminals, beside the journal.
    package struct Surroundings: Sendable {
        /// False for terminals to which only what a person has ordered is sent: those not approved.
        package var mayCommand: @Sendable (SerialNumber) -> Bool
        /// The terminal's wall time of a moment.
        package var wallTime: @Sendable (SerialNumber, UnixTime) -> WallTime?
        /// Shown what is sent, where somebody looks.
        package var tap: FrameTap

        package init(
            mayCommand: @escaping @Sendable (SerialNumber) -> Bool = { _ in true },
            wallTime: @escaping @Sendable (SerialNumber, UnixTime) -> WallTime? = { _, _ in nil },
            tap: FrameTap = FrameTap()
        ) {
            self.mayCommand = mayCommand
            self.wallTime = wallTime
            self.tap = tap
        }
    }

    /// What whoever gave a purpose is told of its commands.
    package enum Event: Sendable {
        /// A part of a list, once each; with secrets. For logs nil: they are in the journal.
        case page(CommandRecord, CommandResult?, PageWalk.Summary)
        /// A command has ended, with secrets in its result. Told before it is written down, so that a result is never
        /// lost: after a kill in between it is told again where the command may be repeated.
        case ended(CommandRecord, CommandExchange.Settlement)
    }
    /// When it throws, a command that may be repeated waits again, as after a lost answer.
    package typealias Handler = @Sendable (Event) async throws -> Void

    let store: any Store
    let presence: Presence
    let timing: Timing
    let logger: Logger
    let sealing: CommandSealing
    let surroundings: Surroundings
    let metrics = CommandMetrics()
    private let state: Mutex<State>
    private let bells: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation
    private let endings = Atomic(0)

    struct State {
        var bounds: Bounds
        var handlers: [String: Handler] = [:]
        /// Terminals that have open commands, or may have.
        var waiting: Set<SerialNumber> = []
        /// What some of them have said of themselves since, which may not be in the journal yet.
        var introduced: [SerialNumber: Registration] = [:]
        /// Those whose turn it is, in order.
        var queue: [SerialNumber] = []
        var queued: Set<SerialNumber> = []
        var running: Set<SerialNumber> = []
        /// Woken while they ran.
        var again: Set<SerialNumber> = []
        /// Something failed them; tried again at the next interval.
        var failed: Set<SerialNumber> = []
        var standing = CommandStanding()
        var hasChanged = true
        var isRecovered = false
    }

    package init(
        store: any Store, presence: Presence, box: any SecretBox, bounds: Bounds = Bounds(),
        surroundings: Surroundings = Surroundings(), timing: Timing, logger: Logger
    ) {
        self.store = store
        self.presence = presence
        self.timing = timing
        self.logger = logger
        self.surroundings = surroundings
        sealing = CommandSealing(box)
        state = Mutex(State(bounds: bounds))
        (bells, bell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Commands that have ended since the start: as long as it stays, there is no new result.
    package var ended: Int { endings.load(ordering: .relaxed) }

    package var bounds: Bounds {
        get { state.withLock { $0.bounds } }
        set { state.withLock { $0.bounds = newValue } }
    }

    // MARK: Ordering

    /// Keeps commands until their terminals have carried them out. Their requests were checked by `CommandCatalogue`.
    ///
    /// Throws `CommandError`; `CommandNotKnown` for a word that the terminal's firmware was seen to refuse, unless
    /// `isForced`; what the vault throws. More than 1,000 are several orders: then those before the one that failed
    /// are kept. Returns their numbers in the same order.
    package func order(_ commands: [NewCommand], by author: Author, isForced: Bool = false) async throws
        -> [Int64]
    {
        // Also where some of them could not be kept.
        defer { for serial in Set(commands.map(\.terminal)) { ordered(serial) } }
        return try await Self.keep(
            commands, by: author, isForced: isForced, in: store, sealing: sealing, at: timing.now(),
            mostWaiting: bounds.mostWaiting)
    }

    /// The same with no gateway running: they wait in the journal.
    package static func keep(
        _ commands: [NewCommand], by author: Author, isForced: Bool, in store: any Store,
        sealing: CommandSealing, at now: UnixTime, mostWaiting: Int
    ) async throws -> [Int64] {
        if !isForced { try await CommandNotKnown.check(commands, in: store) }
        var ids: [Int64] = []
        for start in stride(from: 0, to: commands.count, by: 1_000) {
            let part = try commands[start..<min(start + 1_000, commands.count)].map(sealing.seal)
            ids += try await store.enqueue(part, by: author, at: now, mostWaiting: mostWaiting)
        }
        return ids
    }

    /// Those that wait are not sent, and a list that is being read ends after the page that is under way. Returns how many.
    package func cancel(_ filter: CommandFilter, by author: Author) async throws -> Int {
        var told: [Int64] = []
        if state.withLock({ !$0.handlers.isEmpty }) {
            var open = filter
            open.states = [.waiting]
            var after: Int64 = 0
            while let last = try await {
                let page = try await store.commands(open, after: after, limit: 1_000)
                told += page.filter { $0.purpose != nil }.map(\.id)
                return page.last
            }() {
                after = last.id
            }
        }
        let count = try await store.cancelCommands(filter, by: author, at: timing.now())
        for _ in 0..<count { metrics.ended(.cancelled) }
        changed()
        for start in stride(from: 0, to: told.count, by: 1_000) {
            let ids = Set(told[start..<min(start + 1_000, told.count)])
            for record in try await store.commands(
                CommandFilter(ids: ids, states: [.cancelled]), after: 0, limit: ids.count)
            {
                await tellEnd(of: record)
            }
        }
        let stopped = try await Self.stopLists(filter, by: author, in: store, at: timing.now())
        for record in stopped {
            presence.entry(of: record.terminal)?.pulse.conversation?.stop(record.id, "cancelled by \(author)")
        }
        return count + stopped.count
    }

    /// The lists that are being read: when what is under way is over they are not asked for again, be it that the gateway
    /// is killed meanwhile.
    package static func stopLists(
        _ filter: CommandFilter, by author: Author, in store: any Store, at now: UnixTime
    ) async throws -> [CommandRecord] {
        var sent = filter
        sent.states = [.sent]
        var lists: [CommandRecord] = []
        var after: Int64 = 0
        while let last = try await {
            let page = try await store.commands(sent, after: after, limit: 1_000)
            lists += page.filter { CommandCatalogue.word($0.word)?.answer.isPaged == true }
            return page.last
        }() {
            after = last.id
        }
        guard !lists.isEmpty else { return [] }
        let stopped = Set(try await store.stopCommands(lists.map(\.id), by: author, at: now))
        return lists.filter { stopped.contains($0.id) }
    }

    /// Who is told of the commands of a purpose. To be set before the service runs; one for each purpose.
    package func handle(purpose: String, _ handler: @escaping Handler) {
        state.withLock { $0.handlers[purpose] = handler }
    }

    func handler(of record: CommandRecord) -> Handler? {
        guard let purpose = record.purpose else { return nil }
        return state.withLock { $0.handlers[purpose] }
    }

    /// An end that nobody at the terminal had a part in.
    private func tellEnd(of record: CommandRecord) async {
        guard let handler = handler(of: record) else { return }
        do {
            try await handler(.ended(record, .init(state: record.state, words: record.words)))
        } catch {
            logger.warning(
                "the end of a command was not taken note of",
                metadata: ["command": "\(record.id)", "error": "\(error.localizedDescription)"])
        }
    }

    // MARK: Waking

    /// A terminal has registered; the answer was sent. Costs nothing where it has no commands.
    package func arrived(_ serial: SerialNumber, _ registration: Registration) {
        let isWanted = state.withLock { state -> Bool in
            guard state.waiting.contains(serial) else { return false }
            state.introduced[serial] = registration
            return state.wake(serial)
        }
        if isWanted { bell.yield() }
    }

    /// Something has changed that may let commands of this terminal go, such as its approval.
    package func wake(_ serial: SerialNumber) {
        if state.withLock({ $0.waiting.contains(serial) && $0.wake(serial) }) { bell.yield() }
    }

    private func ordered(_ serial: SerialNumber) {
        let isNew = state.withLock { state -> Bool in
            state.hasChanged = true
            state.waiting.insert(serial)
            return state.wake(serial)
        }
        if isNew { bell.yield() }
    }

    func changed() { state.withLock { $0.hasChanged = true } }

    /// What a terminal has said of itself since it was last asked; taken once.
    func introduction(of serial: SerialNumber) -> Registration? {
        state.withLock { $0.introduced.removeValue(forKey: serial) }
    }

    /// As of a moment ago. Never waits.
    package var standing: CommandStanding { state.withLock { $0.standing } }

    /// Whether others wait for the place of a terminal that is being served.
    var isCrowded: Bool { state.withLock { !$0.queue.isEmpty && $0.running.count >= $0.bounds.lanes } }

    var turn: Int { bounds.turn }

    // MARK: Running

    /// Until the service group shuts down. What is under way then is written down as after a lost connection.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepTime() }
                for await _ in bells {
                    while let serial = next() {
                        group.addTask {
                            self.finished(serial, await CommandRunner(self, serial).run())
                        }
                    }
                }
                group.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
            self.bell.finish()
        }
    }

    private func next() -> SerialNumber? {
        state.withLock { state in
            guard state.isRecovered, state.running.count < state.bounds.lanes, !state.queue.isEmpty else {
                return nil
            }
            let serial = state.queue.removeFirst()
            state.queued.remove(serial)
            state.running.insert(serial)
            return serial
        }
    }

    private func finished(_ serial: SerialNumber, _ ending: CommandRunner.Ending) {
        state.withLock { state in
            state.running.remove(serial)
            let isWoken = state.again.remove(serial) != nil
            switch ending {
            case .empty where !isWoken:
                state.waiting.remove(serial)
                state.introduced[serial] = nil
            case .turnIsOver: state.wake(serial)
            case .tryLater: state.failed.insert(serial)
            default: if isWoken { state.wake(serial) }
            }
        }
        bell.yield()
    }

    // MARK: Time

    /// Takes over what is there, then looks again and again at what has expired and what may be forgotten.
    private func keepTime() async {
        var forgets: Duration?
        repeat {
            do {
                if !state.withLock({ $0.isRecovered }) { try await recover() }
                try await expire()
                if forgets.map({ $0 <= timing.moment() }) ?? true {
                    try await forget()
                    forgets = timing.moment() + .seconds(3_600)
                }
                try await look()
            } catch is CancellationError {
                return
            } catch {
                // The journal tells of itself; here only what does not happen.
                logger.debug(
                    "commands could not be looked after", metadata: ["error": "\(error.localizedDescription)"]
                )
            }
            let isWoken = state.withLock { state -> Bool in
                defer { state.failed = [] }
                return state.failed.reduce(false) { state.wake($1) || $0 }
            }
            if isWoken { bell.yield() }
            // Ends by cancellation.
        } while (try? await timing.sleep(timing.interval)) != nil
    }

    /// Commands that an earlier run of the gateway has left, under way or waiting.
    private func recover() async throws {
        let now = timing.now()
        while true {
            let left = try await store.commands(CommandFilter(states: [.sent]), after: 0, limit: 500)
            if left.isEmpty { break }
            try await store.settleCommands(left.map { $0.afterLoss("the gateway stopped") }, at: now)
            for record in left {
                let settlement = record.afterLoss("the gateway stopped")
                tell(record, settlement.state, settlement.words)
                if settlement.state.isFinal {
                    var ended = record
                    (ended.state, ended.words) = (settlement.state, settlement.words)
                    await tellEnd(of: ended)
                }
            }
        }
        var last: SerialNumber?
        repeat {
            let page = try await store.terminalsWithCommands(after: last, limit: 1_000)
            state.withLock { state in
                for serial in page {
                    state.waiting.insert(serial)
                    if presence.entry(of: serial) != nil { state.wake(serial) }
                }
            }
            last = page.count == 1_000 ? page.last : nil
        } while last != nil
        state.withLock { $0.isRecovered = true }
        bell.yield()
    }

    func expire() async throws {
        while true {
            let expired = try await store.expireCommands(at: timing.now(), limit: 500)
            for record in expired {
                tell(record, .expired, record.words)
                await tellEnd(of: record)
            }
            if expired.isEmpty { return }
            changed()
        }
    }

    private func forget() async throws {
        let moment = UnixTime(milliseconds: timing.now().milliseconds - bounds.keep.milliseconds)
        while try await store.pruneCommands(endedBefore: moment, limit: 1_000) == 1_000 {}
    }

    private func look() async throws {
        guard state.withLock({ $0.hasChanged }) else { return }
        state.withLock { $0.hasChanged = false }
        let standing = try await store.commandStanding(longest: 20)
        state.withLock { $0.standing = standing }
    }

    // MARK: Telling

    /// Counts an end and tells it in the log; nothing for one that goes on.
    func tell(
        _ record: CommandRecord, _ state: CommandState, _ words: String?,
        _ failure: CommandFailure.Kind? = nil
    ) {
        guard state.isFinal else { return }
        metrics.ended(state)
        endings.add(1, ordering: .relaxed)
        changed()
        let level: Logger.Level =
            switch state {
            case .failed, .unknown, .expired: .warning
            // A word that a firmware does not know is news to nobody but who has asked, and they read the answer.
            case .refused: record.author == .gateway || failure == .unsupported ? .info : .warning
            default: record.author == .gateway ? .debug : .info
            }
        logger.log(
            level: level, "command ended",
            metadata: [
                "serial": "\(record.terminal)", "command": "\(record.id)", "cmd": "\(record.word)",
                "state": "\(state)", "words": "\(words ?? "-")",
            ])
    }
}

extension CommandDesk.State {
    /// True when there is something new for the run loop.
    @discardableResult
    mutating func wake(_ serial: SerialNumber) -> Bool {
        if running.contains(serial) {
            again.insert(serial)
            return false
        }
        guard queued.insert(serial).inserted else { return false }
        queue.append(serial)
        return true
    }
}

extension CommandRecord {
    /// How a command that was under way goes on when nobody can hear its answer any more.
    func afterLoss(_ cause: String) -> CommandSettlement {
        let known = CommandCatalogue.word(word)
        if known?.answer == .nothing {
            return CommandSettlement(id: id, state: .done, words: "sent; this command has no answer")
        }
        let words = "\(cause) before the answer came"
        // A row that cannot be read is not repeated.
        let isRepeatable = (try? request().isRepeatable) ?? false
        guard isRepeatable else { return CommandSettlement(id: id, state: .unknown, words: words) }
        guard attempts < CommandExchange.maximumAttempts else {
            return CommandSettlement(id: id, state: .failed, words: "\(words), \(attempts) times")
        }
        return CommandSettlement(id: id, state: .waiting, words: words)
    }
}

/// A word that this firmware was seen to refuse.
package struct CommandNotKnown: LocalizedError, Hashable, Sendable {
    package let terminal: SerialNumber
    package let word: String
    package let firmware: String

    package var errorDescription: String? {
        "the firmware of \(terminal) (\(PlainText.line(firmware, limit: 60))) does not know \(word), as it said before. "
            + "Use another command or update the firmware; --force tries again"
    }

    /// Throws the first such among commands to be ordered.
    package static func check(_ commands: [NewCommand], in journal: any JournalReading) async throws {
        var known: [SerialNumber: (firmware: String, words: [String: Bool])] = [:]
        for command in commands {
            if known[command.terminal] == nil {
                let firmware = try await journal.commandTarget(command.terminal)?.firmware ?? ""
                known[command.terminal] = (
                    firmware, firmware.isEmpty ? [:] : try await journal.knownWords(of: firmware)
                )
            }
            if let facts = known[command.terminal], facts.words[command.request.word] == false {
                throw CommandNotKnown(
                    terminal: command.terminal, word: command.request.word, firmware: facts.firmware)
            }
        }
    }
}
