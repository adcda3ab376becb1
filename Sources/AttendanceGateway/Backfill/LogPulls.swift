import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import Foundation
import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// Pulls records that terminals do not push: orders `getnewlog` and `getalllog` where `PullBook` says so, and follows
/// every pull, also those that people order, to its end.
///
/// Holds a few hundred bytes for each terminal that has registered. What must outlive the process is in one bookmark,
/// written once a minute: a kill costs at most a pull that brings nothing new.
package final class LogPulls: Service {
    package struct Timing: Sendable {
        package var now: @Sendable () -> UnixTime
        package var sleep: @Sendable (Duration) async throws -> Void
        /// Between two looks at what is due.
        package var interval: Duration
        /// Between two writings of the bookmark.
        package var saving: Duration
        /// The rules as they are used; for tests, which cannot wait for minutes.
        package var adapt: @Sendable (GapRules) -> GapRules

        package init(
            now: @escaping @Sendable () -> UnixTime,
            sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
            interval: Duration = .seconds(5), saving: Duration = .seconds(60),
            adapt: @escaping @Sendable (GapRules) -> GapRules = { $0 }
        ) {
            self.now = now
            self.sleep = sleep
            self.interval = interval
            self.saving = saving
            self.adapt = adapt
        }
    }

    /// What it must know of terminals beside the journal.
    struct Surroundings: Sendable {
        /// False for those that are not approved.
        var mayPull: @Sendable (SerialNumber) -> Bool
        var group: @Sendable (SerialNumber) -> String?
        var wallTime: @Sendable (SerialNumber, UnixTime) -> WallTime
        /// Whether people are expected at the terminal at that moment.
        var isWorkingTime: @Sendable (SerialNumber, UnixTime) -> Bool
    }

    /// One pull, running or over.
    package struct Progress: Hashable, Sendable {
        package var command: Int64
        package var serial: SerialNumber
        package var pages = 0
        package var entries = 0
        /// Records that the journal did not have, and those that it had.
        package var new = 0
        package var repeated = 0
        package var state: CommandState = .sent
    }

    /// What is known of one terminal.
    package struct Standing: Hashable, Sendable {
        package var serial: SerialNumber
        package var isConnected: Bool
        package var kept: PullBook.Kept
        package var running: PullScope?
        package var progress: Progress?
    }

    package static let purpose = "pull"
    private static let bookmark = "log pulls"
    private static let maximumKnown = 50_000
    /// Pulls that have ended and are still told of.
    private static let mostRecent = 1_000
    /// How long a pull that was ordered by the gateway may wait for its terminal.
    private static let expiry = Duration.seconds(3600)

    private let store: any Store
    private let desk: CommandDesk
    private let presence: Presence
    private let surroundings: Surroundings
    private let timing: Timing
    private let logger: Logger
    private let state: Mutex<State>
    private let counters = Counters()

    /// An object each: in the dictionary itself they would take up room for twice as many.
    fileprivate final class Entry {
        var book: PullBook
        var connection: Int64?
        var group = ""
        /// New records that it has pushed since the last look.
        var brought = 0
        /// Open pulls by the number of their command.
        var open: Set<Int64> = []
        var progress: Progress?
        /// Of the pull that is under way.
        var new = 0
        var repeated = 0

        init(book: PullBook) { self.book = book }
    }

    fileprivate struct State {
        var pull: Settings.Pull
        var entries: [SerialNumber: Entry] = [:]
        /// New records that were pushed since the last look, by group.
        var brought: [String: Int] = [:]
        var recent: [Progress] = []
        var hasChanged = false
        /// Ordered by the gateway and not ended.
        var running = 0
    }

    private struct Counters {
        let new = Counter(label: "gateway_pulled_records_total", dimensions: [("result", "new")])
        let repeated = Counter(label: "gateway_pulled_records_total", dimensions: [("result", "repeated")])
        let complete = Counter(label: "gateway_pulls_total", dimensions: [("result", "complete")])
        let failed = Counter(label: "gateway_pulls_total", dimensions: [("result", "failed")])
    }

    init(
        store: any Store, desk: CommandDesk, presence: Presence, pull: Settings.Pull,
        surroundings: Surroundings, timing: Timing, logger: Logger
    ) {
        self.store = store
        self.desk = desk
        self.presence = presence
        self.surroundings = surroundings
        self.timing = timing
        self.logger = logger
        state = Mutex(State(pull: pull))
        desk.handle(purpose: Self.purpose) { [weak self] event in self?.heard(event) }
    }

    var pull: Settings.Pull {
        get { state.withLock { $0.pull } }
        set { state.withLock { $0.pull = newValue } }
    }

    private var rules: GapRules { timing.adapt(pull.rules) }

    // MARK: Hearing

    /// A terminal has registered; the answer was sent.
    func arrived(_ serial: SerialNumber, _ registration: Registration) {
        guard surroundings.mayPull(serial) else { return }
        let connection = presence.entry(of: serial)?.connection
        let group = surroundings.group(serial)?.lowercased() ?? ""
        let used = DeviceMemory(deviceInfo: registration.deviceInfo).logs
        let said = LogCounters(used: used, backlog: registration.backlog.map(Int.init(clamping:)))
        let (now, rules) = (timing.now(), rules)
        state.withLock { state in
            guard let entry = state.entry(of: serial, atMost: Self.maximumKnown) else { return }
            let isNew = entry.connection != connection
            entry.connection = connection
            entry.group = group
            entry.book.registered(
                said, firmware: registration.firmware, isNew: isNew, spread: serial.spread, at: now,
                rules: rules)
            state.entries[serial] = entry
            state.hasChanged = true
        }
    }

    /// Records of a log are durable.
    func stored(_ logs: StoredLogs) {
        if logs.pulled != nil {
            counters.new.increment(by: logs.receipt.stored)
            counters.repeated.increment(by: logs.receipt.repeated)
        }
        state.withLock { state in
            // What an unapproved terminal sends is held, and none of our business yet.
            guard let entry = state.entries.removeValue(forKey: logs.terminal) else { return }
            let new = logs.receipt.stored + logs.receipt.quarantined
            entry.book.received(new: new, repeated: logs.receipt.repeated, by: logs.pulled, at: logs.at)
            if logs.pulled != nil, !entry.open.isEmpty {
                entry.new += new
                entry.repeated += logs.receipt.repeated
            }
            if logs.pulled == nil {
                entry.brought += new
                state.brought[entry.group, default: 0] += new
            }
            state.entries[logs.terminal] = entry
            state.hasChanged = true
        }
    }

    private func heard(_ event: CommandDesk.Event) {
        switch event {
        case .page(let record, _, let summary):
            state.withLock { state in
                guard let entry = state.entry(of: record.terminal, atMost: Self.maximumKnown) else { return }
                entry.open.insert(record.id)
                entry.progress = Progress(
                    command: record.id, serial: record.terminal, pages: summary.pages,
                    entries: summary.entries, new: entry.new, repeated: entry.repeated)
                state.entries[record.terminal] = entry
            }
        case .ended(let record, let settlement): ended(record, settlement)
        }
    }

    private func ended(_ record: CommandRecord, _ settlement: CommandExchange.Settlement) {
        let reference = record.reference.flatMap(PullScope.init)
        let isOrdered = record.author != .gateway
        var scope = reference ?? .new
        if reference == nil, record.word == PullScope.range.word {
            scope = record.fields == "{}" ? .everything : .range
        }
        var end = PullEnd.failed
        var summary = PageWalk.Summary(pages: 0, entries: 0, ending: .complete)
        if settlement.state == .done, case .pages(let told)? = settlement.result {
            summary = told
            if told.ending == .complete { end = .complete(entries: told.entries) }
        } else if settlement.failure == .unsupported {
            end = .unsupported
        }
        let (now, rules) = (timing.now(), rules)
        let before = gap(of: record.terminal)
        let progress = state.withLock { state -> Progress in
            var progress = Progress(
                command: record.id, serial: record.terminal, pages: summary.pages, entries: summary.entries,
                state: settlement.state)
            guard let entry = state.entry(of: record.terminal, atMost: Self.maximumKnown) else {
                return progress
            }
            (progress.new, progress.repeated) = (entry.new, entry.repeated)
            (entry.new, entry.repeated, entry.progress) = (0, 0, nil)
            entry.open.remove(record.id)
            entry.book.ended(
                scope, end, new: progress.new, isOrdered: isOrdered, at: now, rules: rules)
            state.entries[record.terminal] = entry
            state.recent.append(progress)
            if state.recent.count > Self.mostRecent { state.recent.removeFirst(Self.mostRecent / 10) }
            state.hasChanged = true
            if !isOrdered { state.running = max(0, state.running - 1) }
            return progress
        }
        if case .complete = end { counters.complete.increment() } else { counters.failed.increment() }
        var fields: Logger.Metadata = [
            "serial": "\(record.terminal)", "command": "\(record.id)", "scope": "\(scope.rawValue)",
            "entries": "\(progress.entries)", "new": "\(progress.new)",
        ]
        if settlement.state != .done { fields["state"] = "\(settlement.state)" }
        // Looks that bring nothing are the rule.
        logger.log(
            level: progress.new > 0 || isOrdered ? .info : .debug, "logs pulled", metadata: fields)
        let after = gap(of: record.terminal)
        if let before, after == nil {
            logger.notice(
                "a gap in a terminal's log is closed",
                metadata: [
                    "serial": "\(record.terminal)", "missing": "\(before.missing)", "new": "\(progress.new)",
                ])
        } else if let after, after.isStuck, before?.isStuck == false {
            logger.warning(
                "a gap in a terminal's log could not be closed",
                metadata: ["serial": "\(record.terminal)", "missing": "\(after.missing)"])
        }
    }

    private func gap(of serial: SerialNumber) -> PullBook.Gap? {
        state.withLock { $0.entries[serial]?.book.kept.gap }
    }

    /// A terminal that the journal knows no more.
    func forget(_ serial: SerialNumber) {
        state.withLock { state in
            if state.entries.removeValue(forKey: serial) != nil { state.hasChanged = true }
        }
    }

    // MARK: Telling

    /// Of one terminal, or of all that have registered since pulls are followed; by serial number.
    package func standings(of serial: SerialNumber? = nil) -> [Standing] {
        // Entries stay behind the lock.
        state.withLock { state in
            (serial.map { [$0] } ?? Array(state.entries.keys)).compactMap { serial in
                state.entries[serial].map { entry in
                    Standing(
                        serial: serial, isConnected: presence.entry(of: serial) != nil,
                        kept: entry.book.kept, running: entry.book.running, progress: entry.progress)
                }
            }
        }
        .sorted { $0.serial.folded < $1.serial.folded }
    }

    /// Running pulls of which something has come, and the last that have ended.
    package var recent: [Progress] {
        state.withLock { state in state.recent + state.entries.values.compactMap(\.progress) }
    }

    /// Pulls that run, terminals with a gap, terminals that push no more.
    var figures: (running: Int, gaps: Int, stalled: Int) {
        state.withLock { state in
            var figures = (running: 0, gaps: 0, stalled: 0)
            for entry in state.entries.values {
                if entry.progress != nil || entry.book.running != nil { figures.running += 1 }
                if entry.book.kept.gap != nil { figures.gaps += 1 }
                if entry.book.kept.stall != nil { figures.stalled += 1 }
            }
            return figures
        }
    }

    /// Of approved terminals with something to tell.
    func flags(name: (SerialNumber) -> String?) -> [PullFlags] {
        standings().compactMap { standing in
            guard standing.kept.gap != nil || standing.kept.stall != nil,
                surroundings.mayPull(standing.serial)
            else { return nil }
            return PullFlags(
                serial: standing.serial, name: name(standing.serial), isConnected: standing.isConnected,
                kept: standing.kept)
        }
    }

    // MARK: Running

    /// Until the service group shuts down; what is known then is still written.
    package func run() async throws {
        await cancelWhenGracefulShutdown { await self.keepLooking() }
        await keep()
    }

    /// Ends by cancellation.
    private func keepLooking() async {
        var saved = timing.now()
        repeat {
            do {
                try await look()
            } catch is CancellationError {
                return
            } catch {
                // The journal tells of itself; here only what does not happen.
                logger.debug(
                    "logs could not be looked after", metadata: ["error": "\(error.localizedDescription)"])
            }
            let now = timing.now()
            if now - saved >= timing.saving || saved > now {
                saved = now
                await keep()
            }
        } while (try? await timing.sleep(timing.interval)) != nil
    }

    private func keep() async {
        do {
            try await save()
        } catch {
            // It is tried again; what is lost by a kill before is a look.
            logger.debug(
                "what is known of logs was not kept", metadata: ["error": "\(error.localizedDescription)"])
        }
    }

    private func look() async throws {
        let now = timing.now()
        let (rules, atOnce) = (rules, pull.atOnce)
        let due: [(SerialNumber, PullScope, PullBook.Gap?)] = state.withLock { state in
            var due: [(SerialNumber, PullScope, PullBook.Gap?)] = []
            let brought = state.takeBrought()
            for serial in Array(state.entries.keys) {
                guard let entry = state.entries[serial], let connection = entry.connection else { continue }
                if let all = brought[entry.group], all > 0 {
                    state.entries[serial]?.book.othersReceived(max(0, all - entry.brought))
                    state.entries[serial]?.brought = 0
                }
                guard state.running + due.count < atOnce else { continue }
                let scope = state.entries[serial]?.book.next(at: now, rules: rules) {
                    surroundings.isWorkingTime(serial, now)
                }
                guard let scope, presence.entry(of: serial)?.connection == connection,
                    surroundings.mayPull(serial)
                else { continue }
                state.entries[serial]?.book.began(scope, at: now)
                due.append((serial, scope, state.entries[serial]?.book.kept.gap))
            }
            state.running += due.count
            return due
        }
        for (index, (serial, scope, gap)) in due.enumerated() {
            do {
                try await order(serial, scope, gap, at: now)
            } catch let error as CommandNotKnown {
                logger.debug(
                    "logs not pulled",
                    metadata: ["serial": "\(serial)", "error": "\(error.localizedDescription)"])
                notOrdered(serial, scope, .unsupported, at: now)
            } catch {
                for (serial, scope, _) in due[index...] { notOrdered(serial, scope, .failed, at: now) }
                throw error
            }
        }
    }

    private func order(
        _ serial: SerialNumber, _ scope: PullScope, _ gap: PullBook.Gap?, at now: UnixTime
    ) async throws {
        var request = CommandRequest.getNewLog
        switch scope {
        case .new: break
        case .range:
            // A day more at both ends: the terminal's clock may have been wrong, or another zone's.
            let from = UnixTime(seconds: (gap?.from ?? now.seconds) - 86_400)
            request = .getAllLog(
                from: surroundings.wallTime(serial, from),
                to: surroundings.wallTime(serial, now + .seconds(86_400)))
        case .everything: request = .getAllLog()
        }
        let command = NewCommand(
            terminal: serial, request: request, lane: .background, purpose: Self.purpose,
            reference: scope.rawValue, expires: now + Self.expiry)
        let ids = try await desk.order([command], by: .gateway)
        state.withLock { $0.entries[serial]?.open.formUnion(ids) }
    }

    private func notOrdered(_ serial: SerialNumber, _ scope: PullScope, _ end: PullEnd, at now: UnixTime) {
        let rules = rules
        state.withLock { state in
            state.running = max(0, state.running - 1)
            state.entries[serial]?.book.ended(scope, end, new: 0, at: now, rules: rules)
        }
    }

    /// What people order is followed from here on, also before its first page.
    package func follow(_ ids: [Int64], of commands: [NewCommand]) {
        state.withLock { state in
            for (id, command) in zip(ids, commands) {
                guard let entry = state.entry(of: command.terminal, atMost: Self.maximumKnown) else {
                    continue
                }
                // One that is over by now was told of.
                if !state.recent.contains(where: { $0.command == id }) { entry.open.insert(id) }
                state.entries[command.terminal] = entry
            }
        }
    }

    // MARK: Remembering

    /// Takes over what an earlier run has known. To be called before anyone connects. Throws `StoreError`.
    func load() async throws {
        var kept: [String: PullBook.Kept] = [:]
        if let text = try await store.bookmark(named: Self.bookmark) {
            do {
                kept = try JSONDecoder().decode([String: PullBook.Kept].self, from: Data(text.utf8))
            } catch {
                logger.warning("what was known of terminals' logs cannot be read; it is found out anew")
            }
        }
        var open: [CommandRecord] = []
        for state in [CommandState.waiting, .sent] {
            open += try await store.commands(
                CommandFilter(states: [state], purpose: Self.purpose), after: 0, limit: 10_000)
        }
        state.withLock { state in
            for (text, kept) in kept {
                guard let serial = SerialNumber(text), state.entries.count < Self.maximumKnown else {
                    continue
                }
                state.entries[serial] = Entry(book: PullBook(kept))
            }
            for record in open {
                guard let entry = state.entry(of: record.terminal, atMost: Self.maximumKnown) else {
                    continue
                }
                entry.open.insert(record.id)
                if record.author == .gateway, let scope = record.reference.flatMap(PullScope.init) {
                    entry.book.resumed(scope)
                    state.running += 1
                }
                state.entries[record.terminal] = entry
            }
        }
    }

    private func save() async throws {
        let kept = state.withLock { state -> [String: PullBook.Kept]? in
            guard state.hasChanged else { return nil }
            state.hasChanged = false
            return Dictionary(
                state.entries.filter { !$0.value.book.isPlain }.map { ($0.key.text, $0.value.book.kept) },
                uniquingKeysWith: { first, _ in first })
        }
        guard let kept else { return }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        do {
            try await store.setBookmark(
                String(decoding: try encoder.encode(kept), as: UTF8.self), named: Self.bookmark)
        } catch {
            state.withLock { $0.hasChanged = true }
            throw error
        }
    }
}

extension LogPulls.State {
    fileprivate func entry(of serial: SerialNumber, atMost limit: Int) -> LogPulls.Entry? {
        if let entry = entries[serial] { return entry }
        return entries.count < limit ? LogPulls.Entry(book: PullBook()) : nil
    }

    /// Records that each group has pushed since this was last asked.
    fileprivate mutating func takeBrought() -> [String: Int] {
        defer { brought = [:] }
        return brought
    }
}

extension SerialNumber {
    /// 0..<1, the same whenever it is asked.
    fileprivate var spread: Double { Double(PageWalk.digest([folded.utf8]) % 1_000) / 1_000 }
}
