import AttendanceCore

/// What people do at a terminal.
extension FirmwareBrain {
    /// Someone is recognised, or not. `method` nil: by the first thing of theirs that this terminal can read. `time` nil:
    /// what its clock shows. `known` false: the record is made although nobody of that number is in the memory.
    package mutating func punch(
        _ person: UInt64, by method: PunchMethod? = nil, inOut: Int = 0, event: Int = 0,
        time: WallTime? = nil, image: String? = nil, known: Bool = true, at now: Moment
    ) -> PunchOutcome {
        guard hasPower else { return .noPower }
        guard recognises else { return .recognitionOff }
        let usable = method ?? firstMethod(of: person) ?? (known ? nil : .face)
        guard let usable, !known || canRecognise(person, by: usable) else {
            if habits.reportsStrangers {
                remember(
                    StoredLog(
                        person: StoredLog.stranger, time: time ?? wallTime(at: now), mode: profile.modes.face,
                        image: image), at: now)
            }
            return .unknown
        }
        if known, content.users[person]?.isEnabled == false { return .notAllowed }
        let log = StoredLog(
            person: person, time: time ?? wallTime(at: now), mode: mode(of: usable), inOut: inOut,
            event: event, image: image)
        guard habits.asksApproval else {
            let number = remember(log, at: now)
            open(.local(person), at: now)
            return .accepted(number)
        }
        guard isRegistered else {
            guard habits.offline == .open else {
                ledger.doorRefusals += 1
                return .serverNeeded
            }
            let number = remember(log, at: now)
            open(.offline(person), at: now)
            return .accepted(number)
        }
        let number = keep(log)
        // Two people at one door: the second is one of the backlog, and waits for nobody's word.
        let question = LinkState.Question(person: person, until: now.elapsed + habits.approvalPatience)
        push([number], question: question, at: now)
        return .asked(number)
    }

    /// The door or the device speaks: event numbers of docs/protocol.md §6.4.
    package mutating func doorEvent(_ event: Int, at now: Moment) {
        guard hasPower else { return }
        remember(
            StoredLog(person: 0, time: wallTime(at: now), mode: 0, inOut: 1, event: event), at: now)
    }

    /// Puts a record into the memory as it is: an odd time, an odd mode.
    @discardableResult
    package mutating func remember(_ log: StoredLog, at now: Moment) -> Int {
        let number = keep(log)
        pump(at: now)
        return number
    }

    private mutating func keep(_ log: StoredLog) -> Int {
        let number = content.logs.nextNumber
        let isHeldBack =
            habits.pushesFirstOfDayOnly && content.logs.hasPunch(of: log.person, onDayOf: log.time)
        store(.log(number, log, heldBack: isHeldBack))
        return number
    }

    private func mode(of method: PunchMethod) -> Int {
        switch method {
        case .finger: profile.modes.finger
        case .card: profile.modes.card
        case .password: profile.modes.password
        case .face: profile.modes.face
        }
    }

    private func firstMethod(of person: UInt64) -> PunchMethod? {
        [.face, .finger, .card, .password].first { canRecognise(person, by: $0) }
    }

    /// Whether `person` has something of that kind that this terminal's sensors can match.
    package func canRecognise(_ person: UInt64, by method: PunchMethod) -> Bool {
        (content.users[person]?.credentials ?? []).contains { credential in
            switch (method, credential.kind) {
            case (.finger, .finger):
                SimulatedCredential.algorithm(of: credential.record).map { $0 == profile.fingerAlgorithm }
                    ?? true
            case (.card, .card), (.password, .password), (.face, .photo), (.face, .faceTemplate),
                (.face, .faceFeature):
                true
            default: false
            }
        }
    }

    // MARK: Enrolling

    /// Someone is enrolled at the keypad: what is new waits to be pushed by `senduser`.
    package mutating func enrol(
        _ person: UInt64, name: String, admin: Int = 0, credentials: [StoredCredential], at now: Moment
    ) {
        var user = content.users[person] ?? StoredUser()
        user.name = name
        user.admin = admin
        for credential in credentials { user.set(credential) }
        store(.user(person, user))
        pump(at: now)
    }

    /// Fills the memory with people as from a stick: written down, and whether a server knows them is as it says there.
    package mutating func load(_ people: [(id: UInt64, user: StoredUser)]) {
        for (id, user) in people { store(.user(id, user)) }
    }

    /// The person called by `adduser` puts down their finger or shows their face. False: nobody was called.
    @discardableResult
    package mutating func completeEnrolment(record: String? = nil, at now: Moment) -> Bool {
        guard let enrolment else { return false }
        self.enrolment = nil
        let seed = enrolment.row.id &* 64 &+ UInt64(enrolment.row.slot)
        let record =
            record
            ?? SimulatedCredential.record(
                slot: enrolment.row.slot, seed: seed ^ serial.checksum, algorithm: profile.fingerAlgorithm)
        session?.demandedUsers.append(enrolment.row)
        enrol(
            enrolment.row.id, name: enrolment.name, admin: enrolment.admin,
            credentials: [StoredCredential(slot: enrolment.row.slot, record: record)], at: now)
        return true
    }

    package var isEnrolling: Bool { enrolment != nil }

    /// Someone deletes a user at the keypad.
    package mutating func forget(_ person: UInt64) { store(.removedUser(person)) }

    // MARK: Codes and doors

    /// A QR code is held to the camera. False: nobody can be asked.
    package mutating func showCode(_ text: String, at now: Moment) -> Bool {
        var fields = AnswerFields()
        fields.set("cmd", "sendqrcode")
        fields.set("sn", serial)
        fields.set("record", text)
        return ask("sendqrcode", fields, at: now)
    }

    /// A PIN is typed in; only some firmwares ask the server about it.
    package mutating func typePIN(_ pin: String, at now: Moment) -> Bool {
        guard profile.checksLive else { return false }
        var fields = AnswerFields()
        fields.set("cmd", "sendpin")
        fields.set("sn", serial)
        fields.set("pin", pin)
        fields.set("time", wallTime(at: now).description)
        return ask("sendpin", fields, at: now)
    }

    private mutating func ask(_ word: String, _ fields: AnswerFields, at now: Moment) -> Bool {
        guard isRegistered, recognises, code == nil else { return false }
        code = CodeQuestion(word: word, due: now.elapsed + habits.approvalPatience)
        ledger.noteSent(word)
        send(fields.json, at: now)
        return true
    }

    mutating func codeAnswered(_ word: String, _ answer: ServerMessage, at now: Moment) {
        guard code?.word == word else {
            return ledger.noteSurprise("answer to no code: \(answer.text)")
        }
        code = nil
        setClock(answer.cloudTime, at: now)
        if let text = answer["message"]?.text { ledger.noteScreen(text) }
        guard answer.isSuccess, answer["access"]?.truth == true else {
            ledger.doorRefusals += 1
            return
        }
        open(word == "sendpin" ? .pin : .code, at: now)
        if let person = answer["enrollid"]?.wholeNumber, person > 0 {
            // The punch follows by itself (docs/protocol.md §5.4).
            remember(
                StoredLog(
                    person: UInt64(person), time: wallTime(at: now), mode: 0,
                    verifyMode: word == "sendqrcode" ? 13 : nil), at: now)
        }
    }

    /// The server has answered the punch of someone who waits.
    mutating func decide(_ question: LinkState.Question, by answer: ServerMessage, at now: Moment) {
        if let text = answer["message"]?.text { ledger.noteScreen(text) }
        let access = answer["access"]?.truth ?? (habits.opensWithoutAccess && answer.isSuccess)
        if access, answer.isSuccess {
            open(.approved(question.person), at: now)
        } else {
            ledger.doorRefusals += 1
        }
    }

    mutating func open(_ cause: DeviceLedger.DoorCause, at now: Moment) {
        ledger.note(DeviceLedger.DoorOpening(cause: cause, time: now.time))
    }
}
