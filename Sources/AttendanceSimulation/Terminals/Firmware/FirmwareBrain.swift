import AttendanceCore

/// A terminal without its socket and its flash: what it knows, and what it says to what it hears.
///
/// A value: messages, people and time go in, effects come out (`takeEffects`). `FaithfulTerminal` gives it a socket, a
/// file and a clock; tests may do without. Source: docs/protocol.md.
package struct FirmwareBrain: Sendable {
    package let profile: FirmwareProfile
    /// As it goes into messages.
    package let serial: String
    package var habits: DeviceHabits
    package var faults: FaultPlan
    package var ledger = DeviceLedger()
    package internal(set) var clock: DeviceClock
    /// What is on the flash, as the firmware believes.
    package internal(set) var content: DeviceContent

    // From here on: gone when the power goes.
    var link = Link.off
    /// False after `disabledevice`.
    package internal(set) var recognises = true
    /// The link lives and nothing is pushed any more; commands are answered (Q21). A restart ends it.
    package internal(set) var pushesStalled = false
    /// The link lives and nothing moves.
    package internal(set) var isStalled = false
    /// Messages that wait for the Wi-Fi.
    var stalled: [String] = []
    /// Messages of the server that were on their way up when the Wi-Fi stalled.
    var unheard: [String] = []
    var pages: [String: PageCursor] = [:]
    var enrolment: Enrolment?
    var delayed: [Delayed] = []
    var code: CodeQuestion?
    /// The highest number of a record that ever went out: a batch below it is a repetition.
    var highestSent = 0
    private var effects: [FirmwareEffect] = []

    struct Delayed: Sendable {
        var due: Duration
        var text: String
    }
    enum Link: Sendable {
        case off
        case waiting(until: Duration)
        case dialling
        case open(LinkState)
    }

    package init(
        serial: String, profile: FirmwareProfile, content: DeviceContent? = nil, clock: DeviceClock,
        habits: DeviceHabits = DeviceHabits(), faults: FaultPlan = FaultPlan()
    ) {
        self.serial = serial
        self.profile = profile
        self.content = content ?? DeviceContent(logCapacity: profile.capacities.logs)
        self.clock = clock
        self.habits = habits
        self.faults = faults
    }

    /// What is to be done since the last call, in order.
    package mutating func takeEffects() -> [FirmwareEffect] {
        defer { effects = [] }
        return effects
    }

    mutating func effect(_ effect: FirmwareEffect) { effects.append(effect) }

    /// Writes a change down and makes it in memory.
    mutating func store(_ entry: FlashEntry) {
        content.apply(entry)
        effects.append(.write(entry))
    }

    mutating func storeLazily(_ entry: FlashEntry) {
        content.apply(entry)
        effects.append(.writeLazily(entry))
    }

    /// Sends a text, or keeps it while the Wi-Fi stalls.
    mutating func send(_ text: String, at now: Moment) {
        guard session != nil else { return }
        session?.lastSent = now.elapsed
        if isStalled {
            // A socket's buffer: what does not fit is not taken, and the terminal gives the link up before long.
            if stalled.count < 256 { stalled.append(text) }
        } else {
            effects.append(.send(text))
        }
    }

    var session: LinkState? {
        get { if case .open(let session) = link { session } else { nil } }
        set { if let newValue { link = .open(newValue) } }
    }

    package var hasPower: Bool { if case .off = link { false } else { true } }
    package var isConnected: Bool { session != nil }
    /// Connected, and `reg` was answered with success.
    package var isRegistered: Bool { session?.isRegistered ?? false }
    /// A batch is on its way and not answered.
    package var awaitsAcknowledgement: Bool { session.map { !$0.batches.isEmpty } ?? false }

    /// What the terminal's clock shows.
    package func wallTime(at now: Moment) -> WallTime { clock.time(at: now.time) }

    mutating func setClock(_ text: String?, at now: Moment) {
        guard let text, let time = WallTime(text) else { return }
        let before = wallTime(at: now)
        if abs(clock.set(time, at: now.time)) >= 1 {
            ledger.note(DeviceLedger.ClockJump(from: before, to: time))
        }
    }

    /// A hand on the clock's menu, or a battery that died.
    package mutating func setClock(to time: WallTime, at now: Moment) { clock.set(time, at: now.time) }

    // MARK: Power and link

    /// The plug goes in: boots, then dials.
    package mutating func powerOn(at now: Moment) {
        guard !hasPower else { return }
        link = .waiting(until: now.elapsed + habits.boot)
    }

    /// The plug is out. `content`: what the flash has kept.
    package mutating func powerOff(keeping content: DeviceContent) {
        ledger.powerCuts += 1
        if isConnected { effect(.hangUp) }
        self.content = content
        forgetWorkingMemory()
        link = .off
    }

    /// An orderly restart, as after the command.
    mutating func restart(at now: Moment) {
        ledger.reboots += 1
        effect(.settle)
        if isConnected { effect(.hangUp) }
        forgetWorkingMemory()
        link = .waiting(until: now.elapsed + habits.boot)
    }

    private mutating func forgetWorkingMemory() {
        recognises = true
        pushesStalled = false
        isStalled = false
        stalled = []
        unheard = []
        pages = [:]
        enrolment = nil
        delayed = []
        code = nil
    }

    /// The connection that was asked for by `dial` stands.
    package mutating func connected(at now: Moment) {
        guard case .dialling = link else { return effect(.hangUp) }
        ledger.connections += 1
        link = .open(LinkState(number: ledger.connections, lastSent: now.elapsed))
        register(at: now)
    }

    /// It waits for a connection that is being made.
    package var isDialling: Bool { if case .dialling = link { true } else { false } }

    /// The connection could not be made, or ended.
    package mutating func disconnected(at now: Moment) {
        switch link {
        case .off, .waiting: return
        case .dialling, .open: lose(at: now)
        }
    }

    /// Forgets what belonged to the connection and dials again later.
    private mutating func lose(at now: Moment) {
        delayed = []
        stalled = []
        unheard = []
        code = nil
        link = .waiting(until: now.elapsed + habits.redial)
    }

    /// Ends the connection from this side.
    mutating func hangUp(at now: Moment) {
        guard isConnected else { return }
        effect(isStalled ? .abandon : .hangUp)
        lose(at: now)
    }

    /// Loses the link, and dials again as usual: someone pulled the cable.
    package mutating func dropLink(at now: Moment) { hangUp(at: now) }

    /// Nothing moves over the living link, until it does again. A link that was given up meanwhile stays half open at
    /// the server.
    package mutating func stall(_ isOn: Bool, at now: Moment) {
        isStalled = isOn
        guard !isOn else { return }
        let (said, heard) = (stalled, unheard)
        stalled = []
        unheard = []
        for text in said { effect(.send(text)) }
        for text in heard { received(text, at: now) }
        pump(at: now)
    }

    /// These records count as delivered, whoever took them: so looks what was lost after its acknowledgement.
    package mutating func markDelivered(_ numbers: [Int]) { store(.delivered(numbers)) }

    package mutating func stallPushes(_ isOn: Bool, at now: Moment) {
        pushesStalled = isOn
        pump(at: now)
    }

    // MARK: Time

    /// Does what is due.
    package mutating func tick(at now: Moment) {
        if case .waiting(let until) = link, until <= now.elapsed, !isStalled {
            link = .dialling
            effect(.dial)
        }
        if let enrolment, let due = enrolment.due, due <= now.elapsed { completeEnrolment(at: now) }
        tickLink(at: now)
        pump(at: now)
    }

    /// When `tick` has something to do next, in the terms of `Moment.elapsed`; nil: not before something happens.
    package var nextDeadline: Duration? {
        var deadlines: [Duration] = []
        switch link {
        case .waiting(let until): if !isStalled { deadlines.append(until) }
        case .open(let session):
            deadlines += session.deadlines
            if let beat = habits.heartbeat { deadlines.append(session.lastSent + beat) }
            if mayPushLogs, session.batches.isEmpty, let until = session.logsHeldUntil {
                deadlines.append(until)
            }
        case .off, .dialling: break
        }
        deadlines += delayed.map(\.due)
        if let due = enrolment?.due { deadlines.append(due) }
        if let due = code?.due { deadlines.append(due) }
        return deadlines.min()
    }

    // MARK: Hearing

    /// A whole message of the server.
    package mutating func received(_ text: String, at now: Moment) {
        guard isConnected else { return }
        guard !isStalled else {
            if unheard.count < 256 { unheard.append(text) }
            return
        }
        let message: ServerMessage
        do {
            message = try ServerMessage(text)
        } catch {
            // Terminals ignore what they cannot read.
            return ledger.noteSurprise("no strict JSON object: \(text)")
        }
        if let word = message.command {
            carryOut(CommandOrder(word: word, fields: message.fields), at: now)
        } else if let word = message.answeredWord {
            answered(word, message, at: now)
        } else {
            ledger.noteSurprise("neither cmd nor ret: \(text)")
        }
        pump(at: now)
    }
}
