extension Reply.Approval {
    /// Nobody passes whose record could not be kept.
    fileprivate var shut: Reply.Approval {
        opens ? Reply.Approval(opens: false, message: AccessPolicy.Refusal.unsure.rawValue) : self
    }
}

/// One connection's conversation, as decisions without clock, socket or store: a message in, actions out.
///
/// The edge decodes nothing and decides nothing: it hands over bytes, carries out the actions in order, and reports
/// how storing ended. Rules: docs/protocol.md §3.5, §5 and §9.
package struct TerminalSession: Sendable {
    package enum Action: Hashable, Sendable {
        case reply(Reply)
        /// Keep this, then carry out what `FollowUp` says for how it ended. Nothing is sent for it before.
        case store(IntakeBatch, FollowUp)
        /// Keep this credential, sealed, then carry out what `FollowUp` says for how it ended. Secret.
        case collect(Enrolment, from: SerialNumber, FollowUp)
        /// Somebody shows a code or types a PIN: say whether they may pass.
        case admit(PresentedCode, at: SerialNumber)
        /// The terminal has introduced itself; `skew` is its clock minus ours in seconds.
        case register(SerialNumber, Registration, skew: Int?)
        /// The terminal has introduced itself and was told to wait for its approval.
        case wait(SerialNumber, Registration, skew: Int?)
        /// Something an operator may want to know.
        case notice(Notice)
        /// End the connection after what was said so far.
        case close(Ending)

        /// Stores a page that a command has asked for.
        package var isPage: Bool { if case .store(_, let followUp) = self { followUp.isPage } else { false } }
    }

    /// What is answered once it is known whether a batch is durable.
    package struct FollowUp: Hashable, Sendable {
        package var stored: Reply?
        /// The terminal keeps its batch and sends it again.
        package var notStored: Reply?
        /// It is a page of logs that a command has asked for, and the exchange waits for it to be durable.
        package var isPage = false
        /// Of these, one of what the terminal counts as unsent (`getnewlog`).
        package var isBacklog = false

        static let silent = FollowUp(stored: nil, notStored: nil)
    }

    package enum Notice: Hashable, Sendable {
        /// Not JSON; `kept` says whether the bytes went to quarantine.
        case unreadable(FrameError, kept: Bool)
        case serialNotAllowed(SerialNumber?)
        /// Nothing was taken of it, for this reason.
        case turnedAway(SerialNumber?, TerminalAdmission)
        /// A second object stood behind the first in one message; it is kept and not answered (quirk Q33).
        case trailingObject(bytes: Int)
        /// A message's own serial differs from the one registered on this connection, which is kept.
        case foreignSerial(SerialNumber)
        case emptyBatch(word: String)
        case unknownWord(String)
        /// Records of the batch that went to quarantine, with the first one's reason.
        case quarantined(Int, firstReason: String)
        case doubtfulTimes(Int)
        /// A credential that cannot be taken; nothing of it is repeated.
        case unusableCredential(CredentialDefect)
        /// An answer nobody waits for.
        case strayAnswer(String)
    }

    package enum Ending: Hashable, Sendable {
        /// Close code 1007: bytes that are no UTF-8.
        case notUTF8
        /// Close code 1008: this serial may not connect here.
        case notAllowed
    }

    /// After so many unreadable messages a connection's further ones are answered but no longer kept.
    package static let keptUnreadable = 100
    /// So many different unknown words, and foreign serials, are remarked on in one connection, each of them once.
    package static let remarks = 20

    package private(set) var serial: SerialNumber?
    private let connection: Int64
    private let admits: @Sendable (SerialNumber?) -> Bool
    private let admission: @Sendable (SerialNumber, TerminalOccasion) -> TerminalAdmission
    /// Said once a connection: a terminal that waits comes back every 20 s.
    private var hasRemarkedWaiting = false
    private var policy: TerminalPolicy
    private var intake: Intake
    private var zone: ZoneRules
    /// `fpalgo` of the terminal, where its credentials are taken in.
    private var algorithm: String?
    private var unreadable = 0
    private var lastEmptyLogIndex: Int64?
    /// Words and serials remarked on already: some firmwares send theirs every few seconds, all day.
    private var remarkedWords: Set<String> = []
    private var remarkedSerials: Set<SerialNumber> = []

    /// - `admits`: decides on serials (`AdmissionRules.admits`): who may use this listener at all.
    /// - `admission`: what the registry says of a terminal now.
    package init(
        connection: Int64, policy: TerminalPolicy,
        admission: @escaping @Sendable (SerialNumber, TerminalOccasion) -> TerminalAdmission = { _, _ in
            .served
        }, admits: @escaping @Sendable (SerialNumber?) -> Bool
    ) {
        self.connection = connection
        self.policy = policy
        self.admits = admits
        self.admission = admission
        zone = policy.zone(of: nil)
        intake = policy.intake(of: nil)
    }

    /// A whole message. `policy` is the one in force now. `exchange` sees each message first: what answers a command is
    /// never taken for something the terminal asks, and never answered.
    package mutating func received(
        _ bytes: UnsafeRawBufferPointer, at now: UnixTime, policy current: () -> TerminalPolicy,
        exchange: (TerminalMessage, UnsafeRawBufferPointer) -> CommandExchange.Reception = { _, _ in .notMine
        }
    ) -> [Action] {
        let frame: FrameDecoder.Frame
        do {
            frame = try FrameDecoder().read(bytes)
        } catch {
            return received(unreadable: bytes, because: error, at: now)
        }
        let actions: [Action] =
            switch (exchange(frame.message, bytes), frame.message) {
            case (.taken(let outputs), _):
                outputs.compactMap {
                    if case .stray(let word, _) = $0 { .notice(.strayAnswer(word)) } else { nil }
                }
            case (.store, .log(let log)): take(log, bytes, isPage: true, at: now)
            case (_, .junk), (_, .wordless): []
            case (_, .registration(let registration)): register(registration, policy: current(), at: now)
            case (_, .log(let log)): take(log, bytes, at: now)
            case (_, .request(let request)): answer(request, bytes, at: now)
            case (_, .answer(let answer)): [.notice(.strayAnswer(answer.word))]
            }
        guard let rest = frame.rest else { return actions }
        return actions + keep(rest, of: bytes, at: now)
    }

    // MARK: Registration

    private mutating func register(
        _ registration: Registration, policy: TerminalPolicy, at now: UnixTime
    ) -> [Action] {
        guard let serial = registration.serial else {
            return [.reply(.registrationRefused(reason: "Missing serial number"))]
        }
        guard admits(serial) else { return refuse(serial, .registrationRefused(reason: "Not registered")) }
        let verdict = admission(serial, .registration)
        switch verdict {
        case .served, .held: break
        case .withheld:
            let ours = policy.zone(of: serial).wallTime(at: now.seconds)
            let skew = registration.clock.map { Int($0.seconds - ours.seconds) }
            // It comes again every 20 s and is served on this very connection once it is approved.
            return [
                .wait(serial, registration, skew: skew),
                .reply(.registrationRefused(reason: "Waiting for approval")),
            ] + remark(onWaiting: serial)
        case .blocked: return refuse(serial, .registrationRefused(reason: "Blocked"), verdict)
        case .withoutToken: return refuse(serial, .registrationRefused(reason: "Token required"), verdict)
        case .unregistered:
            return refuse(serial, .registrationRefused(reason: "Not registered"), verdict)
        }
        self.policy = policy
        self.serial = serial
        zone = policy.zone(of: serial)
        intake = policy.intake(of: serial)
        algorithm =
            policy.collects(serial) ? DeviceTraits(deviceInfo: registration.deviceInfo).algorithm : nil
        let ours = zone.wallTime(at: now.seconds)
        let skew = registration.clock.map { Int($0.seconds - ours.seconds) }
        // The answer first: a terminal sends nothing before it, and keeping what it said of itself may take a while.
        return [
            .reply(.registered(cloudTime: clock(at: now), noSendUser: !policy.wantsUsers)),
            .register(serial, registration, skew: skew),
        ]
    }

    private func refuse(_ serial: SerialNumber?, _ reply: Reply, _ verdict: TerminalAdmission? = nil)
        -> [Action]
    {
        let notice = verdict.map { Notice.turnedAway(serial, $0) } ?? .serialNotAllowed(serial)
        return [.notice(notice), .reply(reply), .close(.notAllowed)]
    }

    private mutating func remark(onWaiting serial: SerialNumber, _ verdict: TerminalAdmission = .withheld)
        -> [Action]
    {
        if hasRemarkedWaiting { return [] }
        hasRemarkedWaiting = true
        return [.notice(.turnedAway(serial, verdict))]
    }

    /// The wall time of the terminal's zone, where the clock is sent at all.
    private mutating func clock(at now: UnixTime) -> WallTime? {
        policy.sendsClock ? zone.wallTime(at: now.seconds) : nil
    }

    // MARK: Logs

    private mutating func take(
        _ log: LogMessage, _ bytes: UnsafeRawBufferPointer, isPage: Bool = false, at now: UnixTime
    ) -> [Action] {
        let word = Reply.word(for: log)
        var actions: [Action] = []
        let terminal = self.serial ?? log.serial
        actions.append(contentsOf: remark(onForeign: log.serial))
        guard admits(terminal) else {
            return actions + refuse(terminal, .logRefused(word: word, reason: .code(1)))
        }
        let verdict = admission(
            terminal ?? .unknown, self.serial == nil ? .unregisteredBatch : .batch)
        if let refusal = turnAway(terminal ?? .unknown, verdict, log) { return actions + refusal }
        guard log.list == .records else {
            if log.key == .ret { return actions }
            actions.append(.notice(.emptyBatch(word: log.word)))
            actions.append(.reply(answerToEmpty(log, at: now)))
            return actions
        }
        lastEmptyLogIndex = nil
        var batch = takeIn(log, bytes, from: terminal ?? .unknown, at: now)
        batch.isHeld = verdict == .held
        if let first = batch.quarantined.first {
            actions.append(.notice(.quarantined(batch.quarantined.count, firstReason: first.reason)))
        }
        let doubtful = batch.punches.count { $0.doubt.isDoubtful }
        if doubtful > 0 { actions.append(.notice(.doubtfulTimes(doubtful))) }
        // A page of a pull stands under `ret`, or was asked for: an answer is never answered.
        let followUp =
            log.key == .ret || isPage
            ? FollowUp(
                stored: nil, notStored: nil, isPage: isPage,
                isBacklog: isPage && log.word == PullScope.new.word)
            : answers(to: log, batch, word, at: now)
        actions.append(.store(batch, followUp))
        return actions
    }

    /// The answers to a batch. Who may pass is decided here, from memory, so that it waits for nothing but the commit.
    private mutating func answers(
        to log: LogMessage, _ batch: IntakeBatch, _ word: String, at now: UnixTime
    ) -> FollowUp {
        let approval = policy.approves(batch.terminal, AccessPolicy.Occasion(batch))
        return FollowUp(
            stored: .stored(log, cloudTime: clock(at: now), approval: approval),
            notStored: approval.map { .logRefusedShut(word: word, approval: $0.shut) }
                ?? .logRefused(word: word, reason: .code(1)))
    }

    /// What is done with a batch of which nothing is taken; nil where it is taken. The terminal keeps it.
    private mutating func turnAway(
        _ terminal: SerialNumber, _ verdict: TerminalAdmission, _ log: LogMessage
    ) -> [Action]? {
        let reply = Reply.logRefused(word: Reply.word(for: log), reason: .code(1))
        switch verdict {
        case .served, .held: return nil
        case .blocked, .withoutToken: return refuse(terminal, reply, verdict)
        case .withheld, .unregistered:
            // An answer is never answered.
            return remark(onWaiting: terminal, verdict) + (log.key == .ret ? [] : [.reply(reply)])
        }
    }

    /// The message's records as a batch, in the zone of the terminal it is from.
    private mutating func takeIn(
        _ log: LogMessage, _ bytes: UnsafeRawBufferPointer, from terminal: SerialNumber, at now: UnixTime
    ) -> IntakeBatch {
        guard self.serial == nil else {
            return intake.take(log, bytes: bytes, from: terminal, connection: connection, at: now)
        }
        // Never registered (a client of the older service): the zone follows the message's own serial.
        zone = policy.zone(of: terminal)
        let intake = policy.intake(of: terminal)
        return intake.take(log, bytes: bytes, from: terminal, connection: connection, at: now)
    }

    /// False the first time, as the older service answers; true when the terminal comes with the same empty batch
    /// again, so that it moves on (§9.2).
    private mutating func answerToEmpty(_ log: LogMessage, at now: UnixTime) -> Reply {
        if let index = log.logIndex, index == lastEmptyLogIndex {
            lastEmptyLogIndex = nil
            return .stored(log, cloudTime: clock(at: now))
        }
        lastEmptyLogIndex = log.logIndex
        return .noRecords(log)
    }

    // MARK: Everything else

    private mutating func answer(_ request: Request, _ bytes: UnsafeRawBufferPointer, at now: UnixTime)
        -> [Action]
    {
        var actions: [Action] = []
        actions.append(contentsOf: remark(onForeign: request.serial))
        if !Self.knownWords.contains(request.word), remarkedWords.count < Self.remarks,
            remarkedWords.insert(request.word).inserted
        {
            actions.append(.notice(.unknownWord(request.word)))
        }
        guard let reply = Reply.answer(to: request, cloudTime: clock(at: now)) else { return actions }
        // Only for a terminal that has registered, and is one of ours now.
        if let serial, admits(serial), let code = PresentedCode.read(bytes, word: request.word),
            admission(serial, .batch) == .served
        {
            return actions + [.admit(code, at: serial)]
        }
        actions.append(contentsOf: collect(request, bytes, reply) ?? [.reply(reply)])
        return actions
    }

    /// Takes in what a push tells of a person; nil where it is none, or nobody wants it. A credential that cannot be
    /// taken is acknowledged all the same: refused, it would come again for ever.
    private func collect(_ request: Request, _ bytes: UnsafeRawBufferPointer, _ reply: Reply) -> [Action]? {
        guard EnrolmentReader.words.contains(request.word), let serial, policy.collects(serial),
            admits(serial)
        else { return nil }
        let enrolment: Enrolment?
        do {
            enrolment = try EnrolmentReader.read(bytes, word: request.word, algorithm: algorithm)
        } catch {
            // The whole message was read once before: only what follows the first object can fail here.
            return nil
        }
        guard let enrolment else { return nil }
        var actions: [Action] = enrolment.defect.map { [.notice(.unusableCredential($0))] } ?? []
        actions.append(
            .collect(
                enrolment, from: serial,
                FollowUp(stored: reply, notStored: .logRefused(word: request.word, reason: .code(1)))))
        return actions
    }

    private mutating func remark(onForeign claimed: SerialNumber?) -> [Action] {
        guard let claimed, let own = serial, claimed != own, remarkedSerials.count < Self.remarks,
            remarkedSerials.insert(claimed).inserted
        else { return [] }
        return [.notice(.foreignSerial(claimed))]
    }

    private mutating func received(
        unreadable bytes: UnsafeRawBufferPointer, because error: FrameError, at now: UnixTime
    ) -> [Action] {
        unreadable += 1
        let keeps =
            unreadable <= Self.keptUnreadable && admits(serial)
            && admission(serial ?? .unknown, .unreadable).isTaken
        var actions: [Action] = [.notice(.unreadable(error, kept: keeps))]
        var answer: [Action] = [.reply(.unreadable)]
        if case .notUTF8 = error { answer = [.close(.notUTF8)] }
        if keeps { actions.append(quarantine(bytes, "the message could not be read: \(error)", at: now)) }
        return actions + answer
    }

    private mutating func keep(_ rest: Range<Int>, of bytes: UnsafeRawBufferPointer, at now: UnixTime)
        -> [Action]
    {
        unreadable += 1
        guard unreadable <= Self.keptUnreadable, admits(serial),
            admission(serial ?? .unknown, .unreadable).isTaken
        else { return [] }
        let trailing = UnsafeRawBufferPointer(rebasing: bytes[rest])
        return [
            .notice(.trailingObject(bytes: rest.count)),
            quarantine(trailing, "it stood behind another object in one message", at: now),
        ]
    }

    private func quarantine(_ bytes: UnsafeRawBufferPointer, _ reason: String, at now: UnixTime) -> Action {
        let raw = UnreadableText.keep(bytes)
        let batch = IntakeBatch(
            terminal: serial ?? .unknown, connection: connection, received: now, raw: raw,
            quarantined: [QuarantinedRecord(reason: reason, raw: raw.indices)],
            isHeld: admission(serial ?? .unknown, .unreadable) != .served)
        return .store(batch, .silent)
    }

    /// Words of docs/protocol.md §5 that need no remark in the log.
    private static let knownWords: Set<String> = [
        "senduser", "sendqrcode", "checklive", "heartbeat", "sendpin", "sendgps", "otacheck", "otaget",
        "talkcall",
        "vicheckonline", "sendface", "sendfp", "sendpalm", "sendcard", "sendpwd",
    ]
}
