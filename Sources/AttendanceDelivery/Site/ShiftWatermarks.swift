import AttendanceCore
import AttendanceStore
import Logging
import ServiceLifecycle
import Synchronization

/// Moves `last_sync_of_checkin` of one site's Shift Types on, as far as all terminals of each have delivered, so that
/// the site marks attendance neither without their punches nor never.
///
/// What is to be written is decided by `ShiftWatermark`; here is only when, and the edge to the site. The present value
/// is read just before each write. One request at a time, and none more while the site does not answer.
package final class ShiftWatermarks: Service {
    package struct Settings: Sendable {
        package var sink: SinkName
        /// At most one write for each shift in so long.
        package var interval: Duration
        /// How often it is looked what terminals have brought, at most.
        package var look: Duration

        package init(sink: SinkName, interval: Duration, look: Duration = .seconds(300)) {
            self.sink = sink
            self.interval = interval
            self.look = min(look, interval)
        }
    }

    /// A terminal whose punches go to this site.
    package struct Terminal: Sendable {
        package var figures: TerminalFigures
        /// What the operator calls it.
        package var title: String
        /// Names of Shift Types whose people punch there.
        package var shifts: [String]

        package init(figures: TerminalFigures, title: String, shifts: [String]) {
            self.figures = figures
            self.title = title
            self.shifts = shifts
        }
    }

    /// Beyond so many shifts, further ones (by name) are left alone.
    package static let maximumShifts = 500

    private let settings: Settings
    private let site: SiteReader
    private let store: any Store
    private let zone: @Sendable () -> ZoneRules?
    private let siteShifts: @Sendable () -> [String: ShiftType]
    private let terminals: @Sendable () -> [Terminal]
    private let read: @Sendable (ShiftType) -> Void
    private let timing: DeliveryTiming
    private let logger: Logger
    private let shifts = Mutex<[String: State]>([:])

    /// What is remembered of a shift from look to look.
    private struct State {
        var standing: ShiftStanding
        /// As the site told it last.
        var type: ShiftType?
        /// When the site was last asked, by `timing.moment`.
        var asked: Duration?
        /// The open end that was told.
        var told: WallTime?
    }

    /// - `zone`: the site's own.
    /// - `siteShifts`: what is known of the site's shifts, by name, however old.
    /// - `terminals`: those whose punches go to this site.
    /// - `read`: told each shift as the site has just told it, or as it was just written.
    package init(
        settings: Settings, site: SiteReader, store: any Store, zone: @escaping @Sendable () -> ZoneRules?,
        siteShifts: @escaping @Sendable () -> [String: ShiftType],
        terminals: @escaping @Sendable () -> [Terminal],
        read: @escaping @Sendable (ShiftType) -> Void = { _ in }, timing: DeliveryTiming = .live,
        logger: Logger
    ) {
        self.settings = settings
        self.site = site
        self.store = store
        self.zone = zone
        self.siteShifts = siteShifts
        self.terminals = terminals
        self.read = read
        self.timing = timing
        var logger = logger
        logger[metadataKey: "sink"] = "\(settings.sink)"
        self.logger = logger
    }

    /// How each shift stood at the last look, by name; never waits.
    package var standings: [ShiftStanding] {
        shifts.withLock { $0.values.map(\.standing) }.sorted { $0.shift < $1.shift }
    }

    /// Until the service group shuts down. A write that is on its way then is cut off: the next run reads what the
    /// site holds before it writes.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            // Terminals come back within a minute or so of a start, and a look before that knows nothing new.
            var pause = min(self.settings.look, .seconds(60))
            while (try? await self.timing.sleep(pause)) != nil {
                await self.look()
                pause = self.settings.look
            }  // ends by cancellation
        }
    }

    /// Looks at every shift once, and moves what may be moved.
    func look() async {
        // In this order: a punch that comes in between is later than what its terminal is known to be complete to.
        let terminals = self.terminals()
        let owed: [SerialNumber: Int64]
        do {
            owed = try await store.oldestOwed(to: settings.sink)
        } catch {
            logger.warning(
                "what is owed cannot be read, so no shift is moved on",
                metadata: ["error": "\(error.localizedDescription)"])
            return
        }
        var sources: [String: [ShiftWatermark.Source]] = [:]
        for terminal in terminals {
            let source = ShiftWatermark.Source(
                figures: terminal.figures, title: terminal.title, oldestOwed: owed[terminal.figures.serial])
            for shift in Set(terminal.shifts) { sources[shift, default: []].append(source) }
        }
        let known = siteShifts()
        forget(allBut: sources, known)
        var answers = true
        for shift in sources.keys.sorted().prefix(Self.maximumShifts) {
            let hasAnswered = await look(
                at: shift, sources[shift] ?? [], known[shift], askingSite: answers)
            answers = answers && hasAnswered
        }
    }

    /// Answers false when the site does not answer.
    private func look(
        at name: String, _ sources: [ShiftWatermark.Source], _ known: ShiftType?, askingSite: Bool
    ) async -> Bool {
        let now = timing.now().seconds
        let mark = ShiftWatermark(sources, at: now)
        var state =
            shifts.withLock { $0[name] }
            ?? State(standing: ShiftStanding(sink: settings.sink, shift: name))
        let before = state.standing
        state.type = state.type ?? known
        state.standing.point = mark.point
        state.standing.holders = mark.holders
        state.standing.terminals = sources.count
        var answers = true
        if let zone = zone() {
            if askingSite, state.asked.map({ timing.moment() - $0 >= settings.interval }) ?? true {
                state.asked = timing.moment()
                answers = await move(&state, mark, zone: zone, at: now)
            }
            state.standing.siteValue = state.type?.lastSync
            state.standing.target = mark.point.map { zone.settledWallTime(at: min($0, now)) }
            state.standing.openEnd = state.type.flatMap { mark.openEnd(of: $0, zone: zone, at: now) }
        } else {
            state.standing.condition = .zoneUnknown
            state.standing.openEnd = nil
        }
        tell(&state, before)
        shifts.withLock { $0[name] = state }
        return answers
    }

    /// Reads the site's value and writes a later one where there is one. Answers false when the site does not answer.
    private func move(_ state: inout State, _ mark: ShiftWatermark, zone: ZoneRules, at now: Int64) async
        -> Bool
    {
        let name = state.standing.shift
        let answer = await site.shiftType(named: name)
        guard var type = answer.value else {
            state.standing.condition = Self.condition(answer)
            if case .missing = answer { state.type = nil }
            return state.standing.condition.isAnswer
        }
        defer { read(type) }
        state.type = type
        switch mark.decide(type, zone: zone, at: now) {
        case .current, .nothingKnown: state.standing.condition = .followed
        case .ahead: state.standing.condition = .ahead
        case .notMarked: state.standing.condition = .notMarked
        case .leftToSite: state.standing.condition = .leftToSite
        case .move(let target):
            let written = await site.setLastSync(of: name, to: target)
            guard let stored = written.value else {
                state.standing.condition = Self.condition(written)
                return state.standing.condition.isAnswer
            }
            type.lastSync = stored
            state.type = type
            guard stored == target else {
                state.standing.condition = .denied(
                    reason: "the site took \(target) for last_sync_of_checkin and holds \(stored)",
                    remedy: "look for a server script or a permission level on Shift Type")
                break
            }
            state.standing.condition = .followed
            state.standing.moved = timing.now()
            logger.debug("shift moved on", metadata: ["shift": "\(PlainText.line(name))", "to": "\(target)"])
        }
        return true
    }

    private static func condition<Value>(_ answer: SiteAnswer<Value>) -> ShiftStanding.Condition {
        switch answer {
        case .value: .followed
        case .unavailable(let reason, _): .unavailable(reason: reason)
        case .denied(let reason, _, _):
            .denied(
                reason: reason,
                remedy: "give the API user a role that may read and write Shift Type, such as HR Manager")
        case .missing: .missing
        case .unreadable(let reason):
            .denied(reason: reason, remedy: "check URL and what stands before the site")
        }
    }

    /// Forgets shifts that no terminal names any more, and remembers those that none has ever named.
    private func forget(allBut mapped: [String: [ShiftWatermark.Source]], _ known: [String: ShiftType]) {
        let unmapped = known.values.filter {
            $0.marksAttendance && !$0.movesLastSyncItself && mapped[$0.name] == nil
        }
        let fresh = shifts.withLock { shifts in
            let before = shifts.filter { $0.value.standing.condition == .unmapped }
            shifts = shifts.filter { mapped[$0.key] != nil && $0.value.standing.condition != .unmapped }
            for type in unmapped.sorted(by: { $0.name < $1.name }).prefix(Self.maximumShifts) {
                let standing = ShiftStanding(
                    sink: settings.sink, shift: type.name, condition: .unmapped, siteValue: type.lastSync)
                shifts[type.name] = State(standing: standing, type: type)
            }
            return unmapped.map(\.name).filter { before[$0] == nil }
        }
        if !fresh.isEmpty {
            logger.warning(
                "no terminal names these shifts, so they are left alone",
                metadata: ["shifts": "\(PlainText.line(fresh.sorted().joined(separator: ", ")))"])
        }
    }

    /// Tells changes once: of a condition, and of an end of the shift that was missed.
    private func tell(_ state: inout State, _ before: ShiftStanding) {
        let standing = state.standing
        var fields: Logger.Metadata = ["shift": "\(PlainText.line(standing.shift))"]
        if standing.condition.word != before.condition.word {
            let words = standing.condition.words
            if !words.isEmpty { fields["reason"] = "\(PlainText.line(words))" }
            logger.log(
                level: standing.condition.isTrouble ? .warning : .info,
                "shift is \(standing.condition.word)", metadata: fields)
        }
        guard let end = standing.openEnd else {
            if state.told != nil { logger.notice("all punches of the shift have come", metadata: fields) }
            state.told = nil
            return
        }
        guard state.told != end.wall else { return }
        state.told = end.wall
        fields["shift_end"] = "\(end.wall)"
        let names = standing.waitingFor(end).map(\.words).joined(separator: "; ")
        fields["waits_for"] = "\(PlainText.line(names))"
        logger.warning(
            standing.condition == .leftToSite
                ? "the site marks the shift although punches may be missing"
                : "the shift has ended and is not counted: punches may be missing", metadata: fields)
    }
}

extension ShiftStanding.Condition {
    /// Whether the site has answered at all.
    fileprivate var isAnswer: Bool { if case .unavailable = self { false } else { true } }

    fileprivate var isTrouble: Bool {
        switch self {
        case .waiting, .followed, .notMarked, .leftToSite, .off: false
        case .ahead, .unmapped, .missing, .zoneUnknown, .denied, .unavailable: true
        }
    }
}
