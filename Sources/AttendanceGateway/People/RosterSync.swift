import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Brings the people of the roster to the terminals, and what terminals hold into view: by commands, a few at a time,
/// each of them read back.
///
/// All that matters stands in the journal: what is wanted, what a terminal was last seen to hold, what is owed, which
/// commands are under way. A round of a terminal looks at these and orders the next commands; a restart goes on there.
package final class RosterSync: Service {
    static let purpose = "people"
    /// Steps of one round: so long does a terminal recognise nobody.
    static let steps = 40
    /// Credentials read in one round.
    static let reads = 40

    package struct Timing: Sendable {
        var now: @Sendable () -> UnixTime
        var sleep: @Sendable (Duration) async throws -> Void
        /// Between two looks at all terminals.
        var interval: Duration = .seconds(5)
        /// How often a terminal is asked whom it holds.
        var relist: Duration = .seconds(24 * 3600)
        /// After a round that found nothing to do, unless something changes.
        var rest: Duration = .seconds(600)
        /// After a round that did not bring what it should: at first, twice as long each time, and at most.
        var haste: Duration = .seconds(5)
        var patience: Duration = .seconds(300)

        package init(
            now: @escaping @Sendable () -> UnixTime,
            sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
        ) {
            self.now = now
            self.sleep = sleep
        }
    }

    /// Settings as they are in force now.
    struct Rules: Sendable {
        var people: Settings.People
        var terminals: Settings.Terminals
        /// The sites whose employees are named, with the field of ids for terminals without one of their own.
        var sites: [Settings.ERP]
    }

    private struct State {
        var rules: Rules
        var conflicts: [SerialNumber: [RosterConflict]] = [:]
        /// Pages of a list that is being read, by command.
        var lists: [Int64: [ListedCredential]] = [:]
        /// Terminals with which something went wrong.
        var notBefore: [SerialNumber: UnixTime] = [:]
        /// How often in a row it did, until they held what they shall.
        var failures: [SerialNumber: Int] = [:]
        /// Terminals that were seen not to hold what they shall, since when.
        var behind: [SerialNumber: UnixTime] = [:]
        /// Grows with each change: what was read or planned before it is not to be relied on after it.
        var generation = 0
        /// People in the roster who are not gone.
        var people = 0
        var nextCount = UnixTime(milliseconds: 0)
        /// Terminals that hold what they shall.
        var resting: [SerialNumber: UnixTime] = [:]
        /// By space, as long as nothing changes.
        var rosters: [String: (read: UnixTime, entries: [RosterEntry])] = [:]
        /// Terminals that have refused a name by itself, until when they are not asked again. What their firmware does not
        /// know at all stands in the journal, and holds until that is another one.
        var nameless: [SerialNumber: UnixTime] = [:]
        var nextUpkeep = UnixTime(milliseconds: 0)
    }

    private let store: any Store
    private let seal: CredentialSeal
    private let intake: CredentialIntake
    private let desk: CommandDesk
    private let presence: Presence
    private let terminalsInForce: TerminalsInForce
    /// False for terminals that are not ours, or not yet.
    private let isApproved: @Sendable (SerialNumber) -> Bool
    private let directories: [SinkName: SiteDirectory]
    private let timing: Timing
    private let logger: Logger
    private let state: Mutex<State>
    private let wakeUp = WakeUp()

    init(
        store: any Store, vault: Vault, intake: CredentialIntake, desk: CommandDesk, presence: Presence,
        directories: [SinkName: SiteDirectory], terminals: TerminalsInForce,
        isApproved: @escaping @Sendable (SerialNumber) -> Bool, rules: Rules, timing: Timing, logger: Logger
    ) {
        terminalsInForce = terminals
        self.isApproved = isApproved
        self.store = store
        seal = CredentialSeal(vault: vault)
        self.intake = intake
        self.desk = desk
        self.presence = presence
        self.directories = directories
        self.timing = timing
        self.logger = logger
        state = Mutex(State(rules: rules))
        desk.handle(purpose: Self.purpose) { [weak self] event in try await self?.took(event) }
    }

    var rules: Rules {
        get {
            var rules = state.withLock { $0.rules }
            rules.terminals = terminalsInForce.now
            return rules
        }
        set {
            state.withLock { $0.rules = newValue }
            changed()
        }
    }

    /// Looks soon, rather than at the next interval.
    package func ring() { wakeUp.ring() }

    /// The roster is another one, or a terminal holds something else.
    package func changed() {
        state.withLock { state in
            state.resting = [:]
            state.rosters = [:]
            state.generation += 1
        }
        ring()
    }

    /// Has terminals list again whom they hold, before anything else; with `again` also what they refused is tried.
    func begin(_ terminal: SerialNumber?, again: Bool) async throws {
        if again { try await store.forgetRefusals(of: terminal) }
        state.withLock { state in
            if let terminal {
                state.notBefore[terminal] = nil
            } else {
                state.notBefore = [:]
            }
            if again { state.nameless = [:] }
            state.resting = [:]
        }
        let all = try await terminals()
        for record in all where terminal.map({ $0 == record.serial }) ?? true {
            try await store.setBookmark("", named: Self.listed(record.serial))
        }
        ring()
    }

    /// What the last round of each terminal could not bring about.
    var conflicts: [RosterConflict] {
        state.withLock { state in
            state.conflicts.sorted { $0.key.folded < $1.key.folded }.flatMap(\.value)
        }
    }

    /// People in the roster, terminals that were seen not to hold what they shall, and what cannot be brought about. As of a
    /// moment ago; never waits.
    var figures: (people: Int, behind: Int, conflicts: Int) {
        state.withLock { state in
            (
                state.people, state.behind.keys.count(where: isApproved),
                state.conflicts.values.reduce(0) { $0 + $1.count }
            )
        }
    }

    /// A terminal that the journal knows no more.
    func forget(_ serial: SerialNumber) {
        state.withLock { state in
            state.conflicts[serial] = nil
            state.behind[serial] = nil
            state.notBefore[serial] = nil
            state.failures[serial] = nil
            state.resting[serial] = nil
            state.nameless[serial] = nil
        }
    }

    // MARK: Running

    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    // Ends by cancellation.
                    while (try? await self.timing.sleep(self.timing.interval)) != nil { self.ring() }
                }
                for await _ in self.wakeUp.signals.cancelOnGracefulShutdown() { await self.look() }
                group.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
        }
    }

    /// One look at the sites and at every terminal that is connected.
    func look() async {
        do {
            try await upkeep()
            try await count()
            try await followSites()
            let connected = presence.connected.map(\.serial).sorted { $0.folded < $1.folded }
            guard !connected.isEmpty else { return }
            let records = Dictionary(
                try await terminals().map { ($0.serial, $0) }, uniquingKeysWith: { $1 })
            for serial in connected where isApproved(serial) {
                if Task.isCancelled { return }
                guard let record = records[serial] else { continue }
                do {
                    try await round(record)
                } catch let error as VaultError {
                    logger.error(
                        "credentials cannot be copied",
                        metadata: ["serial": "\(serial)", "error": "\(error.localizedDescription)"])
                    wait(serial, timing.patience)
                }
            }
        } catch {
            // The journal tells of itself; here only what does not happen.
            logger.debug(
                "the roster could not be looked at", metadata: ["error": "\(error.localizedDescription)"])
        }
    }

    func terminals() async throws -> [TerminalRecord] {
        var all: [TerminalRecord] = []
        while true {
            let page = try await store.terminals(after: all.last?.serial, limit: 500)
            if page.isEmpty { return all }
            all += page
        }
    }

    private func wait(_ serial: SerialNumber, _ duration: Duration) {
        state.withLock { $0.notBefore[serial] = timing.now() + duration }
    }

    /// Something did not come about. What is known of the others of the same round makes the wait no longer.
    private func tryLater(_ serial: SerialNumber) {
        let now = timing.now()
        state.withLock { state in
            if let moment = state.notBefore[serial], now < moment { return }
            let failures = state.failures[serial, default: 0]
            state.failures[serial] = failures + 1
            state.notBefore[serial] = now + min(timing.patience, timing.haste * (1 << min(failures, 10)))
        }
    }

    private func count() async throws {
        let now = timing.now()
        guard state.withLock({ $0.nextCount <= now }) else { return }
        let people = try await store.activePeople()
        state.withLock { state in
            state.people = people
            state.nextCount = now + .seconds(10)
        }
    }

    // MARK: Retention

    private func upkeep() async throws {
        let now = timing.now()
        let isDue = state.withLock { state -> Bool in
            guard state.nextUpkeep <= now else { return false }
            state.nextUpkeep = now + .seconds(3600)
            return true
        }
        guard isDue else { return }
        let people = rules.people
        var forgotten = 0
        repeat {
            forgotten = try await store.forgetOld(
                credentialsBefore: people.keep.map { now + (.zero - $0) },
                photosBefore: now + (.zero - people.keepPhotos), limit: 1_000, at: now)
        } while forgotten >= 1_000
    }

    // MARK: Employees

    /// People erased at once for no other reason than that a site says so; more need a person's word.
    static let mostLeavers = 20

    private func followSites() async throws {
        let rules = self.rules
        guard rules.people.givesNames || rules.people.removesLeavers else { return }
        for site in rules.sites {
            guard let contents = directories[site.name]?.now, contents.knowsEmployees else { continue }
            let now = timing.now()
            let today = String(
                (contents.zone?.wallTime(at: now.seconds) ?? WallTime(seconds: now.seconds)).description
                    .prefix(10))
            for (space, field) in rules.terminals.spaces(at: site) {
                try await follow(
                    contents.employees.all, space: space, field: field, today: today, rules, at: now)
            }
        }
    }

    private func follow(
        _ employees: [Employee], space: String, field: String, today: String, _ rules: Rules,
        at now: UnixTime
    ) async throws {
        let roster = try await roster(of: space).map(\.person)
        let due = EmployeeRoster(
            employees: employees, field: field, space: space, roster: roster, today: today,
            givesNames: rules.people.givesNames, removesLeavers: rules.people.removesLeavers, at: now)
        for start in stride(from: 0, to: due.changed.count, by: 500) {
            try await store.putPeople(
                Array(due.changed[start..<min(start + 500, due.changed.count)]), credentials: [], by: nil,
                at: now)
        }
        if !due.changed.isEmpty { changed() }
        guard !due.leavers.isEmpty else { return }
        // A site that lost its employees must not empty the terminals.
        guard due.leavers.count <= max(Self.mostLeavers, roster.count / 10) else {
            logger.error(
                "too many people have left at once, none was erased; erase them with people erase",
                metadata: ["people": "\(due.leavers.count)", "of": "\(roster.count)"])
            return
        }
        for leaver in due.leavers {
            try await erase(
                leaver.person, reason: "left by ERPNext: \(leaver.employee)", by: .gateway,
                employee: leaver.employee)
        }
    }

    func roster(of space: String) async throws -> [RosterEntry] {
        let now = timing.now()
        if let known = state.withLock({ $0.rosters[space] }), now < known.read + .seconds(60) {
            return known.entries
        }
        let generation = state.withLock { $0.generation }
        var all: [RosterEntry] = []
        while true {
            let page = try await store.roster(space: space, after: all.last?.person.key, limit: 500)
            if page.isEmpty { break }
            all += page
        }
        state.withLock { [all] state in
            if state.generation == generation { state.rosters[space] = (now, all) }
        }
        return all
    }

    /// Erases somebody here at once and from every terminal that is heard of in their id space. Returns the receipt.
    @discardableResult
    func erase(_ person: PersonKey, reason: String, by author: Author, employee: String? = nil) async throws
        -> Int64
    {
        let receipt = try await RosterErasure(terminals: rules.terminals, store: store).erase(
            person, reason: reason, by: author, employee: employee, at: timing.now())
        changed()
        return receipt
    }

    // MARK: One terminal

    private static func listed(_ serial: SerialNumber) -> String { "people-listed:\(serial.folded)" }

    /// Orders what is to be done next at a terminal; nothing while something is under way.
    private func round(_ record: TerminalRecord) async throws {
        let serial = record.serial
        let rules = self.rules
        let now = timing.now()
        let (isEarly, generation) = state.withLock { state in
            (
                [state.notBefore[serial], state.resting[serial]].contains { $0.map { now < $0 } ?? false },
                state.generation
            )
        }
        if isEarly { return }
        let open = CommandFilter(terminal: serial, states: [.waiting, .sent], purpose: Self.purpose)
        guard try await store.commands(open, after: 0, limit: 1).isEmpty else { return }

        let owed = try await store.owedErasures(at: serial)
        if !owed.isEmpty {
            noteBehind(serial, true)
            try await order(
                owed.prefix(Self.steps).flatMap { Orders.remove($0.enrollID) }, at: serial)
            return wait(serial, timing.patience)
        }
        let job = Job(serial, rules)
        guard job.isAnything else { return }
        let place = Self.listed(serial)
        let last = try await store.bookmark(named: place).flatMap { Int64($0) }
        guard let last, now < UnixTime(milliseconds: last) + timing.relist else {
            try await order([Orders.list], at: serial)
            return wait(serial, .seconds(60))
        }
        let held = try await store.held(by: serial)
        if job.reads {
            let unread = held.sorted { $0.key.canonical < $1.key.canonical }.flatMap { id, person in
                person.filled.sorted().filter {
                    person.credentials[$0]?.digest == nil && person.credentials[$0]?.given == nil
                        && CredentialKind(slot: $0) != nil
                }.map { (id, $0) }
            }
            if !unread.isEmpty {
                let requests = unread.prefix(Self.reads).compactMap { Orders.read($0.0, slot: $0.1) }
                return try await order(requests, at: serial)
            }
        }
        try await bring(record, job, held, generation)
    }

    private func noteBehind(_ serial: SerialNumber, _ isBehind: Bool) {
        let now = timing.now()
        state.withLock { $0.behind[serial] = isBehind ? $0.behind[serial] ?? now : nil }
    }

    /// - Parameter generation: of when what the terminal holds was read.
    private func bring(
        _ record: TerminalRecord, _ job: Job, _ held: [EnrollID: HeldPerson], _ generation: Int
    ) async throws {
        let serial = record.serial
        let traits = DeviceTraits(deviceInfo: record.deviceInfo)
        let clock = try zone(of: serial).wallTime(at: timing.now().seconds)
        let wanted = job.wanted(try await roster(of: job.space), held)
        let canBeNamed = try await canBeNamed(record)
        let plan = RosterPlan(
            RosterTerminal(
                serial: serial, algorithm: traits.algorithm, places: traits.places, people: traits.people,
                time: clock, takesNames: job.names, canBeNamed: canBeNamed,
                takesCredentials: job.shares), wanted: wanted, held: held)
        state.withLock { $0.conflicts[serial] = plan.conflicts.isEmpty ? nil : plan.conflicts }
        noteBehind(serial, !plan.isEmpty)
        guard !plan.isEmpty else {
            return state.withLock { state in
                state.failures[serial] = nil
                // What changed while this was planned may be something for it.
                if state.generation == generation { state.resting[serial] = timing.now() + timing.rest }
            }
        }
        var orders: [Orders.Order] = []
        let steps = plan.steps.prefix(Self.steps)
        for step in steps {
            switch step {
            case .remove(let id): orders += Orders.remove(id)
            case .name(let id, let name): orders += Orders.name(id, name)
            case .give(let id, let slot, let name, let role):
                let key = PersonKey(space: job.space, enrollID: id)
                guard
                    let credential = try await store.sealedCredentials(of: key).first(where: {
                        $0.facts.slot == slot
                    })
                else { continue }
                let content = try seal.open(credential)
                orders += try await give(
                    content, credential.facts, id, name, role, serial, traits.algorithm)
            }
        }
        guard !orders.isEmpty else { return wait(serial, timing.patience) }
        // Reading back can wait until the terminal recognises people again.
        let (changes, looks) = (orders.filter(\.isChange), orders.filter { !$0.isChange })
        let isBulk = changes.count >= 5
        try await order(
            (isBulk ? [Orders.disable] : []) + changes + (isBulk ? [Orders.enable] : []) + looks, at: serial)
    }

    /// Whether a name by itself is worth asking for: a firmware that does not know the word gets names with credentials
    /// alone, and one that refused it is asked again a day later.
    private func canBeNamed(_ record: TerminalRecord) async throws -> Bool {
        let now = timing.now()
        if state.withLock({ $0.nameless[record.serial].map { now < $0 } ?? false }) { return false }
        guard let firmware = record.firmware else { return true }
        return try await store.knownWords(of: firmware)[Orders.namingWord] != false
    }

    private func give(
        _ content: CredentialContent, _ facts: CredentialFacts, _ id: EnrollID, _ name: String,
        _ role: PersonRole, _ serial: SerialNumber, _ algorithm: String?
    ) async throws -> [Orders.Order] {
        do throws(CommandRefusal) {
            return try Orders.give(content, facts, id, name: name, role: role, algorithm: algorithm)
        } catch {
            // It will not become better by asking the terminal.
            logger.warning(
                "a credential does not fit a terminal and is not sent",
                metadata: [
                    "serial": "\(serial)", "person": "\(id)", "slot": "\(facts.slot)",
                    "error": "\(error.problems.map(\.description).joined(separator: "; "))",
                ])
            try await store.note(
                .refused(id, slot: facts.slot, digest: facts.digest), of: serial, at: timing.now())
            return []
        }
    }

    private func order(_ orders: [Orders.Order], at serial: SerialNumber) async throws {
        let now = timing.now()
        let commands = orders.map { order in
            NewCommand(
                terminal: serial, request: order.request, lane: .background, purpose: Self.purpose,
                reference: order.reference,
                reason: order.reason,
                expires: now + (order.isEnable ? .seconds(7 * 86_400) : .seconds(3600)))
        }
        do {
            _ = try await desk.order(commands, by: .gateway)
        } catch let error as CommandNotKnown {
            logger.warning(
                "a terminal's firmware cannot do what the roster needs",
                metadata: ["serial": "\(serial)", "error": "\(error.localizedDescription)"])
            wait(serial, .seconds(24 * 3600))
        }
    }

    private func zone(of serial: SerialNumber) throws -> ZoneRules {
        try Settings.zone(rules.terminals.timeZone(of: serial))
    }

    // MARK: Answers

    private func took(_ event: CommandDesk.Event) async throws {
        switch event {
        case .page(let record, .users(let rows)?, let summary):
            let listed = rows.map {
                ListedCredential(
                    enrollID: $0.enrollID, slot: Int($0.backupNumber),
                    role: PersonRole(rawValue: Int($0.admin)))
            }
            state.withLock { state in
                if summary.pages <= 1 { state.lists[record.id] = [] }
                state.lists[record.id, default: []] += listed
            }
        case .page: break
        case .ended(let record, let settlement):
            defer { ring() }
            guard let reference = record.reference.flatMap({ Orders.Reference($0) }) else { return }
            try await ended(record, reference, settlement)
        }
    }

    private func ended(
        _ record: CommandRecord, _ reference: Orders.Reference, _ settlement: CommandExchange.Settlement
    ) async throws {
        let serial = record.terminal
        let now = timing.now()
        let isDone = settlement.state == .done
        switch reference {
        case .list:
            let list = state.withLock { $0.lists.removeValue(forKey: record.id) } ?? []
            guard isDone else { return tryLater(serial) }
            // Some firmwares list nobody though they hold people (quirk Q19).
            if list.isEmpty, try await store.held(by: serial).contains(where: \.value.isThere) {
                logger.warning(
                    "a terminal lists nobody, which is not believed", metadata: ["serial": "\(serial)"])
                wait(serial, timing.patience)
            } else {
                try await store.noteList(list, of: serial, at: now)
            }
            try await store.setBookmark(String(now.milliseconds), named: Self.listed(serial))
            state.withLock { $0.notBefore[serial] = nil }
        case .read(let id, let slot), .verify(let id, let slot, _):
            try await read(id, slot, reference, serial, settlement)
        case .give(let id, let slot, let digest):
            if isDone {
                try await store.note(.given(id, slot: slot, digest: digest), of: serial, at: now)
            } else if settlement.state == .refused {
                logger.warning(
                    "a terminal refuses a credential",
                    metadata: [
                        "serial": "\(serial)", "person": "\(id)", "slot": "\(slot)",
                        "error": "\(settlement.words ?? "")",
                    ])
                try await store.note(.refused(id, slot: slot, digest: digest), of: serial, at: now)
            } else {
                tryLater(serial)
            }
        case .name(let id, let name):
            if isDone {
                try await store.note(.named(id, name), of: serial, at: now)
            } else if settlement.state == .refused {
                // A word that its firmware does not know stands in the journal, under the name of that firmware.
                let firmware = try await store.commandTarget(serial)?.firmware ?? ""
                let isRemembered = settlement.failure == .unsupported && !firmware.isEmpty
                if !isRemembered { state.withLock { $0.nameless[serial] = now + timing.relist } }
            } else {
                tryLater(serial)
            }
        case .remove: break  // only what is read back afterwards counts
        case .gone(let id):
            try await gone(id, serial, settlement)
        case .disable: break
        case .enable:
            if !isDone {
                logger.warning(
                    "a terminal may still be disabled; enable it with commands send enabledevice",
                    metadata: ["serial": "\(serial)", "error": "\(settlement.words ?? "")"])
            }
        }
    }

    private func read(
        _ id: EnrollID, _ slot: Int, _ reference: Orders.Reference, _ serial: SerialNumber,
        _ settlement: CommandExchange.Settlement
    ) async throws {
        let now = timing.now()
        var wanted: [UInt8]?
        if case .verify(_, _, let digest) = reference { wanted = digest }
        if settlement.state == .done, case .credential(let found)? = settlement.result {
            var enrolment = Enrolment(
                enrollID: id, name: Person.usableName(found.name),
                role: PersonRole(rawValue: Int(found.admin)),
                algorithm: DeviceTraits(deviceInfo: try await store.commandTarget(serial)?.deviceInfo)
                    .algorithm)
            if let text = found.record.plainText, !(slot == 0 && text == "0") {
                enrolment.content = try? CredentialContent(slot: slot, record: text)  // told below
            }
            try await intake.take(
                enrolment, from: serial, isPush: false, isCollected: wanted == nil && rules.people.collects)
            guard let content = enrolment.content else {
                // It cannot be read; asking again would bring the same.
                return try await store.note(
                    wanted.map { .refused(id, slot: slot, digest: $0) } ?? .gone(id, slot: slot), of: serial,
                    at: now)
            }
            guard let wanted, content.kind != .photo else { return }
            let person = PersonKey(space: rules.terminals.idSpace(of: serial), enrollID: id)
            if try seal.digests(content, of: person).own != wanted {
                try await store.note(.refused(id, slot: slot, digest: wanted), of: serial, at: now)
                logger.warning(
                    "a terminal holds another credential than it was given",
                    metadata: ["serial": "\(serial)", "person": "\(id)", "slot": "\(slot)"])
            }
        } else if settlement.failure == .notFound {
            try await store.note(.gone(id, slot: slot), of: serial, at: now)
            if let wanted {
                try await store.note(.refused(id, slot: slot, digest: wanted), of: serial, at: now)
            }
        } else if settlement.state == .refused, let wanted,
            try await store.held(by: serial)[id]?.credentials[slot]?.refused == wanted
        {
            // It refused the credential itself: there is nothing to read, and terminals without words for it say so
            // by a number that may mean anything. No reason to let the others wait.
        } else if settlement.state != .expired, settlement.state != .cancelled {
            tryLater(serial)
        }
    }

    /// What a terminal says about somebody who was removed there.
    private func gone(_ id: EnrollID, _ serial: SerialNumber, _ settlement: CommandExchange.Settlement)
        async throws
    {
        let person = PersonKey(space: rules.terminals.idSpace(of: serial), enrollID: id)
        let isGone = settlement.failure == .notFound
        let words =
            isGone
            ? "the terminal does not know this number"
            : settlement.state == .done
                ? "the terminal still knows this number" : settlement.words ?? "no answer"
        let finished = try await store.noteErased(
            person, at: serial, isGone: isGone, words: words, at: timing.now())
        for receipt in finished {
            logger.notice(
                "a person is erased everywhere",
                metadata: ["person": "\(person)", "receipt": "\(receipt)"])
        }
        if isGone {
            state.withLock { $0.notBefore[serial] = nil }
        } else {
            wait(serial, timing.patience)
        }
    }
}

extension RosterSync {
    /// What is to be done at one terminal at all.
    struct Job {
        let space: String
        let shares: Bool
        let names: Bool
        let reads: Bool
        private let removes: Bool
        private let isOfGroup: @Sendable (SerialNumber) -> Bool

        init(_ serial: SerialNumber, _ rules: Rules) {
            space = rules.terminals.idSpace(of: serial)
            let group = rules.terminals.group(of: serial)
            shares = rules.people.collects && group?.sharesCredentials == true
            names =
                rules.people.givesNames
                && rules.sites.contains { rules.terminals.sinks(of: serial).contains($0.name) }
            reads = rules.people.collects
            removes = rules.people.removesLeavers
            isOfGroup = { [terminals = rules.terminals] other in
                group != nil && terminals.group(of: other)?.name == group?.name
            }
        }

        var isAnything: Bool { shares || names || reads || removes }

        /// Those whom the terminal concerns, with the credentials that its group shares.
        func wanted(_ roster: [RosterEntry], _ held: [EnrollID: HeldPerson]) -> [RosterEntry] {
            roster.compactMap { entry in
                var entry = entry
                entry.credentials.removeAll { $0.source.map { !isOfGroup($0) } ?? false }
                let isElsewhere =
                    entry.person.source == .terminal && entry.credentials.isEmpty
                    && entry.person.state == .active && held[entry.person.key.enrollID] == nil
                return isElsewhere ? nil : entry
            }
        }
    }
}

/// Who is to be erased where.
struct RosterErasure {
    let terminals: Settings.Terminals
    let store: any Store

    func erase(
        _ person: PersonKey, reason: String, by author: Author, employee: String?, at now: UnixTime
    ) async throws -> Int64 {
        var places: [SerialNumber] = []
        while true {
            let page = try await store.terminals(after: places.last, limit: 500)
            if page.isEmpty { break }
            places += page.map(\.serial)
        }
        let own = places.filter { terminals.idSpace(of: $0) == person.space }
        return try await store.erase(
            person, from: own, photosOf: own, reason: reason, employee: employee, by: author, at: now)
    }
}

extension Settings.Terminals {
    /// Every id space that goes by a field of this site: its name, and the field.
    func spaces(at site: Settings.ERP) -> [(space: String, field: String)] {
        [("", site.employeeField)]
            + groups.compactMap { group in group.traits.employeeField.map { (group.name, $0) } }
    }
}
