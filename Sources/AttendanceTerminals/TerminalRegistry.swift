import AttendanceCore
import AttendanceStore
import Logging
import Synchronization

/// Which terminals are ours, in memory: asked at each `reg` and each batch, without waiting for anything.
///
/// It follows the journal: a change is committed there first and taken over here after. What is created here (a serial
/// that nobody has heard of) is bounded, so that a flood of invented ones fills neither the memory nor the journal.
package final class TerminalRegistry: Sendable {
    /// What the settings say.
    package struct Rules: Sendable {
        package var unknown: UnknownTerminals
        /// Whether punches are taken from a connection that has not registered.
        package var trustsUnregistered: Bool
        /// Terminals that may wait for approval at one time.
        package var maximumPending: Int
        /// New ones from one address within an hour.
        package var pendingPerHour: Int
        /// Punches of one pending terminal that are kept; beyond it they stay in the terminal.
        package var maximumHeld: Int
        /// Those that the settings name: they are ours.
        package var named: Set<SerialNumber>
        package var tokens: [SerialNumber: TokenDigest]

        package init(
            unknown: UnknownTerminals = .accept, trustsUnregistered: Bool = true, maximumPending: Int = 1000,
            pendingPerHour: Int = 100, maximumHeld: Int = 100_000, named: Set<SerialNumber> = [],
            tokens: [SerialNumber: TokenDigest] = [:]
        ) {
            self.unknown = unknown
            self.trustsUnregistered = trustsUnregistered
            self.maximumPending = maximumPending
            self.pendingPerHour = pendingPerHour
            self.maximumHeld = maximumHeld
            self.named = named
            self.tokens = tokens
        }
    }

    /// Something that happened to a terminal, for those who watch.
    package struct Event: Hashable, Sendable {
        package enum Kind: String, Hashable, Sendable {
            case connected, disconnected, waiting, moved, replaced, approved, blocked, refused
        }
        /// Grows by one with each.
        package var number: Int64
        package var at: UnixTime
        package var kind: Kind
        package var serial: SerialNumber
        package var address: String?
    }

    /// What became of a `reg` beside being admitted.
    struct Arrival: Hashable {
        /// The address that the terminal had before, where it is another one now.
        var movedFrom: String?
        /// From one network to another.
        var isJump = false
    }

    fileprivate struct Entry {
        var standing: TerminalStanding
        var since: UnixTime
        /// Punches that wait; of an approved one: that are being made owed.
        var held = 0
        var token: TokenDigest?
        var address: String?
        var previousAddress: String?
        var moved: UnixTime?
        var watch = SerialWatch()
        /// Whether it has been told that it waits.
        var isTold = false
        /// When it was told that it was refused.
        var refusalTold: UnixTime?
    }

    fileprivate struct State {
        var rules: Rules
        var entries: [SerialNumber: Entry] = [:]
        /// Of those that are not approved, or of which something is said.
        var details: [SerialNumber: TerminalDetails] = [:]
        var pending = 0
        /// Those of which there may be something to tell: all that wait, and who has moved or was contested lately.
        var noted: Set<SerialNumber> = []
        /// New pending ones from each source within the hour that began then.
        var sources: [String: (since: UnixTime, count: Int)] = [:]
        /// Turned away because too many wait, since that was last told.
        var overflow = 0
        var overflowTold: UnixTime?
        var events: [Event] = []
        var lastEvent: Int64 = 0
    }

    /// Beyond so many, further ones are not kept in memory.
    package static let maximum = 200_000
    fileprivate static let maximumSources = 4096
    fileprivate static let keptEvents = 1000
    private static let page = 1000

    private let state: Mutex<State>

    /// Without rules everyone is accepted.
    package init(rules: Rules = Rules()) { state = Mutex(State(rules: rules)) }

    package var rules: Rules {
        get { state.withLock { $0.rules } }
        set { state.withLock { $0.rules = newValue } }
    }

    // MARK: Following the journal

    /// Takes over all terminals that the journal knows. Before anything is served.
    /// Answers how many it could not hold.
    package func load(_ journal: any JournalReading) async throws -> Int {
        var last: SerialNumber?
        var left = 0
        repeat {
            let page = try await journal.terminals(after: last, limit: Self.page)
            state.withLock { state in
                for record in page {
                    if state.entries.count < Self.maximum { state.take(record) } else { left += 1 }
                }
            }
            last = page.count == Self.page ? page.last?.serial : nil
        } while last != nil
        return left
    }

    /// Takes over what the journal knows of one now, after a change was committed. Answers whether it is approved by that,
    /// and was not before.
    @discardableResult
    package func take(_ record: TerminalRecord, at now: UnixTime) -> Bool {
        state.withLock { state in
            let before = state.entries[record.serial]?.standing
            state.take(record)
            guard before != record.standing else { return false }
            switch record.standing {
            case .approved: state.tell(.approved, record.serial, nil, at: now)
            case .blocked: state.tell(.blocked, record.serial, nil, at: now)
            case .pending: break
            }
            return record.standing == .approved
        }
    }

    /// The journal knows it no more. One that comes again is new.
    package func forget(_ serial: SerialNumber) {
        state.withLock { state in
            if state.entries.removeValue(forKey: serial)?.standing == .pending { state.pending -= 1 }
            state.details[serial] = nil
            state.noted.remove(serial)
        }
    }

    /// All that waited is owed: from now on its punches are so at once.
    package func released(_ serial: SerialNumber) {
        state.withLock { state in
            guard state.entries[serial]?.standing == .approved else { return }
            state.entries[serial]?.held = 0
        }
    }

    // MARK: Deciding

    /// What becomes of a terminal that speaks now. Makes an unknown one known where there is room.
    func admission(
        of serial: SerialNumber, _ occasion: TerminalOccasion, _ tokens: PresentedTokens,
        from address: String,
        at now: UnixTime
    ) -> TerminalAdmission {
        state.withLock { state in
            if occasion == .unregisteredBatch, !state.rules.trustsUnregistered { return .unregistered }
            let known = state.entries[serial]
            if known?.standing == .blocked { return .blocked }
            if occasion != .unreadable, let token = state.rules.tokens[serial] ?? known?.token,
                !tokens.contain(token)
            {
                return .withoutToken
            }
            switch known?.standing {
            case .approved: return known?.held == 0 ? .served : .held
            case .pending: return state.pendingAdmission(held: known?.held ?? 0)
            case .blocked: return .blocked
            case nil: return state.unknownAdmission(of: serial, occasion, from: address, at: now)
            }
        }
    }

    /// Whether a terminal is one of ours.
    package func isApproved(_ serial: SerialNumber) -> Bool {
        state.withLock { state in
            guard let entry = state.entries[serial] else {
                return state.rules.named.contains(serial) || state.rules.unknown == .accept
            }
            return entry.standing == .approved
        }
    }

    /// The standing with which a terminal is written down; nil for an unknown one that found no room.
    package func standing(of serial: SerialNumber) -> TerminalStanding? {
        state.withLock { state in
            if let entry = state.entries[serial] { return entry.standing }
            return state.rules.named.contains(serial) || state.rules.unknown == .accept ? .approved : nil
        }
    }

    /// Those that wait although the settings let them in by now.
    package func promotable() -> [SerialNumber] {
        state.withLock { state in
            guard state.pending > 0 else { return [] }
            let all = state.rules.unknown == .accept
            return state.entries.filter { serial, entry in
                entry.standing == .pending && (all || state.rules.named.contains(serial))
            }.map(\.key)
        }
    }

    /// Approved ones of which something waits still.
    package func releasable() -> [SerialNumber] {
        state.withLock { state in
            state.entries.filter { $0.value.standing == .approved && $0.value.held > 0 }.map(\.key)
        }
    }

    // MARK: Noticing

    /// A terminal has registered.
    func arrived(_ serial: SerialNumber, isNew: Bool, from address: String, at now: UnixTime) -> Arrival {
        state.withLock { state in
            if isNew { state.tell(.connected, serial, address, at: now) }
            guard var entry = state.entries[serial] else { return Arrival() }
            defer { state.entries[serial] = entry }
            guard let before = entry.address, before != address else {
                entry.address = address
                return Arrival()
            }
            let isJump = !NetworkAddress.areNear(before, address)
            entry.watch.moved(isJump: isJump, at: now)
            state.noted.insert(serial)
            entry.previousAddress = before
            entry.moved = now
            entry.address = address
            state.tell(.moved, serial, address, at: now)
            return Arrival(movedFrom: before, isJump: isJump)
        }
    }

    /// A connection has taken the place of another one.
    func replaced(
        _ serial: SerialNumber, from address: String, older: String, lastHeard: UnixTime?, at now: UnixTime
    ) {
        state.withLock { state in
            if state.entries[serial] != nil {
                state.entries[serial]?.watch.replaced(
                    lastHeard: lastHeard, isSameAddress: older == address, at: now)
                state.noted.insert(serial)
            }
            state.tell(.replaced, serial, address, at: now)
        }
    }

    func left(_ serial: SerialNumber, at now: UnixTime) {
        state.withLock { $0.tell(.disconnected, serial, nil, at: now) }
    }

    /// Somebody was refused. Answers whether that is to be told in the log: once an hour of one terminal, which comes
    /// again every 20 s.
    func refused(_ serial: SerialNumber, from address: String, at now: UnixTime) -> Bool {
        state.withLock { state in
            state.tell(.refused, serial, address, at: now)
            guard let entry = state.entries[serial] else { return true }
            if let told = entry.refusalTold, now - told < .seconds(3600), now >= told { return false }
            state.entries[serial]?.refusalTold = now
            return true
        }
    }

    /// Punches of a terminal that waits were stored.
    func held(_ count: Int, of serial: SerialNumber) {
        guard count > 0 else { return }
        state.withLock { state in
            guard let entry = state.entries[serial], entry.standing == .pending || entry.held > 0 else {
                // It was approved, and all that waited was made owed, since that was stored.
                return
            }
            state.entries[serial]?.held += count
        }
    }

    /// Whether a waiting terminal is to be told of in the log: once in a run.
    func isToBeTold(_ serial: SerialNumber) -> Bool {
        state.withLock { state in
            guard let entry = state.entries[serial], entry.standing == .pending, !entry.isTold else {
                return false
            }
            state.entries[serial]?.isTold = true
            return true
        }
    }

    /// How many unknown serials found no room since this was last told; nil while that is less than a minute ago.
    func overflowToTell(at now: UnixTime) -> Int? {
        state.withLock { state in
            if let told = state.overflowTold, now - told < .seconds(60), now >= told { return nil }
            guard state.overflow > 0 else { return nil }
            defer { state.overflow = 0 }
            state.overflowTold = now
            return state.overflow
        }
    }

    // MARK: Asking

    package var pendingCount: Int { state.withLock { $0.pending } }

    /// What people have said of terminals, and which are not approved; others are left out.
    package var details: [SerialNumber: TerminalDetails] { state.withLock { $0.details } }

    /// Of every terminal that somebody should look at, in no order.
    package func flags(at now: UnixTime) -> [TerminalFlags] {
        state.withLock { state in
            var raised: [TerminalFlags] = []
            state.noted = state.noted.filter { serial in
                guard let entry = state.entries[serial] else { return false }
                let flags = state.flags(serial, entry, at: now)
                if flags.isRaised { raised.append(flags) }
                return flags.isRaised || entry.standing == .pending
            }
            return raised
        }
    }

    /// Of one terminal; nil for one that is not known.
    package func flags(of serial: SerialNumber, at now: UnixTime) -> TerminalFlags? {
        state.withLock { state in state.entries[serial].map { state.flags(serial, $0, at: now) } }
    }

    /// Events with a greater number, oldest first, of the last thousand. Nil: none yet, only where to begin.
    package func events(after number: Int64?) -> (events: [Event], next: Int64) {
        state.withLock { state in
            guard let number else { return ([], state.lastEvent) }
            return (state.events.filter { $0.number > number }, state.lastEvent)
        }
    }
}

extension TerminalRegistry.State {
    mutating func take(_ record: TerminalRecord) {
        let serial = record.serial
        var entry = entries[serial] ?? .init(standing: record.standing, since: record.firstSeen)
        if entries[serial]?.standing == .pending { pending -= 1 }
        if record.standing == .pending {
            pending += 1
            noted.insert(serial)
        }
        entry.standing = record.standing
        // What was stored a moment ago may be counted in neither or in both: more is certain, less is not.
        entry.held = record.standing == .blocked ? 0 : max(record.held, record.held > 0 ? entry.held : 0)
        entry.token = record.token
        entry.address = entry.address ?? record.address
        entry.previousAddress = entry.previousAddress ?? record.previousAddress
        entry.moved = entry.moved ?? record.moved
        entries[serial] = entry
        let said = TerminalDetails(record)
        details[serial] = said.isPlain ? nil : said
    }

    func pendingAdmission(held: Int) -> TerminalAdmission {
        rules.unknown == .withhold || held >= rules.maximumHeld ? .withheld : .held
    }

    mutating func unknownAdmission(
        of serial: SerialNumber, _ occasion: TerminalOccasion, from address: String, at now: UnixTime
    ) -> TerminalAdmission {
        let isOurs = rules.named.contains(serial) || rules.unknown == .accept
        // Bytes that nobody could read say nothing of who sent them.
        if occasion == .unreadable { return isOurs ? .served : pendingAdmission(held: 0) }
        if isOurs {
            if entries.count < TerminalRegistry.maximum {
                entries[serial] = .init(standing: .approved, since: now)
            }
            return .served
        }
        guard pending < rules.maximumPending, entries.count < TerminalRegistry.maximum,
            takesAnother(from: NetworkAddress.source(of: address), at: now)
        else {
            overflow += 1
            return .withheld
        }
        pending += 1
        noted.insert(serial)
        entries[serial] = .init(standing: .pending, since: now, address: address)
        details[serial] = TerminalDetails(standing: .pending)
        tell(.waiting, serial, address, at: now)
        return pendingAdmission(held: 0)
    }

    private mutating func takesAnother(from source: String, at now: UnixTime) -> Bool {
        let hour = Duration.seconds(3600)
        if sources.count >= TerminalRegistry.maximumSources, sources[source] == nil {
            sources = sources.filter { now - $0.value.since < hour && now >= $0.value.since }
            if sources.count >= TerminalRegistry.maximumSources { return false }
        }
        var (since, count) = sources[source] ?? (now, 0)
        // A clock that was set back must not shut anyone out for longer.
        if now - since >= hour || now < since { (since, count) = (now, 0) }
        guard count < rules.pendingPerHour else { return false }
        sources[source] = (since, count + 1)
        return true
    }

    func flags(_ serial: SerialNumber, _ entry: TerminalRegistry.Entry, at now: UnixTime) -> TerminalFlags {
        var flags = TerminalFlags(
            serial: serial, name: details[serial]?.name, address: entry.address,
            previousAddress: entry.previousAddress, moved: entry.moved, moves: entry.watch.moves(at: now),
            jumps: entry.watch.jumps(at: now), contest: entry.watch.contest(at: now))
        // The name under which punches without any serial are kept is no terminal that waits, as long as there are none.
        if entry.standing == .pending, serial != .unknown || entry.held > 0 {
            flags.waiting = .init(
                since: entry.since, held: entry.held, isWithheld: rules.unknown == .withhold)
        }
        return flags
    }

    mutating func tell(
        _ kind: TerminalRegistry.Event.Kind, _ serial: SerialNumber, _ address: String?, at now: UnixTime
    ) {
        lastEvent += 1
        if events.count >= TerminalRegistry.keptEvents { events.removeFirst(TerminalRegistry.keptEvents / 4) }
        events.append(.init(number: lastEvent, at: now, kind: kind, serial: serial, address: address))
    }
}
