import AttendanceCore

/// What a terminal says by itself: `reg`, `sendlog`, `senduser`, signs of life. Source: docs/protocol.md §3.4, §5.
extension FirmwareBrain {
    // MARK: reg

    mutating func register(at now: Moment) {
        ledger.noteSent("reg")
        send(
            TerminalWords.registration(serial: serial, deviceInfo: deviceInfo(at: now).json), at: now)
        let due = now.elapsed + habits.registrationRepeat
        session?.registrationDue = due
    }

    /// `devinfo` of `reg`: capacities, what is used, the clock.
    func deviceInfo(at now: Moment) -> AnswerFields {
        let room = profile.capacities
        let users = content.users
        var info = AnswerFields()
        info.set("modelname", profile.model)
        info.set("usersize", room.users)
        if profile.kinds.contains(.photo) { info.set("facesize", room.faces) }
        info.set("fpsize", room.fingers)
        if profile.kinds.contains(.palmVein) { info.set("palmsize", room.palms) }
        info.set("cardsize", room.cards)
        info.set("pwdsize", room.passwords)
        info.set("logsize", room.logs)
        info.set("useduser", users.count)
        if profile.kinds.contains(.photo) { info.set("usedface", users.faces) }
        info.set("usedfp", users.used(.finger))
        if profile.kinds.contains(.palmVein) {
            info.set("usedpalm", users.used(.palm) + users.used(.palmVein))
        }
        info.set("usedcard", users.used(.card))
        info.set("usedpwd", users.used(.password))
        info.set("usedlog", content.logs.count)
        info.set("usednewlog", content.logs.newCount)
        if profile.tellsRealTimeLogs { info.set("usedrtlog", content.logs.pushable) }
        info.set("fpalgo", profile.fingerAlgorithm.rawValue)
        info.set("firmware", profile.firmware)
        info.set("time", wallTime(at: now).description)
        info.set("mac", "00-01-A9-" + macTail)
        info.set("curip", "192.168.000.001")
        return info
    }

    private var macTail: String {
        let sum = serial.checksum
        return [16, 8, 0].map { shift in
            let byte = String(UInt8(truncatingIfNeeded: sum >> UInt64(shift)), radix: 16, uppercase: true)
            return byte.utf8.count == 1 ? "0" + byte : byte
        }.joined(separator: "-")
    }

    private mutating func registered(_ answer: ServerMessage, at now: Moment) {
        guard answer.isSuccess else {
            if let reason = answer.reason { ledger.noteScreen(reason) }
            let due = now.elapsed + habits.refusalWait
            session?.registrationDue = due
            return
        }
        ledger.registrations += 1
        setClock(answer.cloudTime, at: now)
        guard var session else { return }
        session.isRegistered = true
        session.wantsUsers = answer["nosenduser"]?.truth == false
        session.wantsLogs = !(profile.checksLive && answer["nosendlog"]?.truth == true)
        let interval = profile.checksLive ? answer["tryseconds"]?.wholeNumber : nil
        session.registrationDue = interval.map { now.elapsed + .seconds(min(max(1, $0), 86_400)) }
        self.session = session
    }

    // MARK: Pumping

    var mayPushLogs: Bool {
        guard let session else { return false }
        return session.isRegistered && session.wantsLogs && !pushesStalled && content.logs.pushable > 0
    }

    /// Sends what may go now.
    mutating func pump(at now: Moment) {
        while let index = delayed.indices.first(where: { delayed[$0].due <= now.elapsed }) {
            send(delayed.remove(at: index).text, at: now)
        }
        guard let session, session.isRegistered else { return }
        if mayPushLogs, !session.batches.contains(where: { $0.question == nil }),
            session.logsHeldUntil.map({ $0 <= now.elapsed }) ?? true
        {
            let inFlight = Set(session.batches.flatMap(\.numbers))
            let numbers = content.logs.nextToPush(profile.pushBatch, skipping: inFlight)
            if !numbers.isEmpty { push(numbers, question: nil, at: now) }
        }
        pushUser(at: now)
    }

    mutating func push(_ numbers: [Int], question: LinkState.Question?, at now: Moment) {
        guard var session else { return }
        let index = session.nextLogIndex
        session.nextLogIndex += 1
        session.logsHeldUntil = nil
        session.batches.append(
            LinkState.Batch(
                logIndex: index, numbers: numbers, due: now.elapsed + habits.patience, question: question))
        self.session = session
        ledger.batchesSent += 1
        if let first = numbers.first, first <= highestSent { ledger.batchesRepeated += 1 }
        highestSent = max(highestSent, numbers.last ?? 0)
        ledger.noteSent("sendlog")
        let records = numbers.compactMap { content.logs[$0].map { record($0, withImage: true) } }
        send(TerminalWords.log(serial: serial, logIndex: index, records: records), at: now)
    }

    /// A log record as this firmware writes it.
    func record(_ log: StoredLog, withImage: Bool) -> String {
        var fields = AnswerFields()
        fields.set("enrollid", log.person)
        if profile.namesInLogs { fields.set("name", content.users[log.person]?.name ?? "") }
        fields.set("time", log.timeText)
        fields.set("mode", log.mode)
        fields.set("inout", log.inOut)
        fields.set("event", log.event)
        if profile.measuresTemperature, log.person != 0 { fields.set("temp", json: "36.5") }
        if let mode = log.verifyMode { fields.set("verifymode", mode) }
        if withImage, let image = log.image { fields.set("image", image) }
        return fields.json
    }

    private mutating func logAnswered(_ answer: ServerMessage, at now: Moment) {
        guard var session else { return }
        let logIndex = answer["logindex"]?.wholeNumber
        guard
            let position = logIndex.map({ index in
                session.batches.firstIndex { $0.logIndex == Int(index) }
            }) ?? (session.batches.isEmpty ? nil : 0)
        else { return ledger.noteSurprise("answer to no batch: \(answer.text)") }
        let batch = session.batches[position]
        if profile.needsEcho, answer.isSuccess,
            logIndex == nil || answer["count"]?.wholeNumber != Int64(batch.numbers.count)
        {
            // Such a firmware goes on waiting, cuts the connection and sends the batch again (Q1).
            return ledger.noteSurprise("acknowledgement without both numbers: \(answer.text)")
        }
        setClock(answer.cloudTime, at: now)
        session.batches.remove(at: position)
        if let question = batch.question { decide(question, by: answer, at: now) }
        if !answer.isSuccess || (profile.needsMark && answer["mark"]?.truth != true) {
            ledger.batchesRefused += 1
            session.logsHeldUntil = now.elapsed + habits.refusalWait
        } else {
            ledger.batchesAcknowledged += 1
            ledger.recordsAcknowledged += batch.numbers.count
            storeLazily(.delivered(batch.numbers))
        }
        self.session = session
    }

    // MARK: senduser

    private mutating func pushUser(at now: Moment) {
        guard var session, session.user == nil, !pushesStalled,
            session.usersHeldUntil.map({ $0 <= now.elapsed }) ?? true
        else { return }
        session.usersHeldUntil = nil
        while let row = session.demandedUsers.first, content.users[row.id]?[row.slot] == nil {
            session.demandedUsers.removeFirst()
        }
        let row =
            session.demandedUsers.first
            ?? (session.wantsUsers || session.pushesEveryUser ? content.users.nextUnacknowledged : nil)
        if let row {
            session.user = LinkState.UserPush(row: row, due: now.elapsed + habits.userRepeat)
        } else {
            session.pushesEveryUser = false
        }
        self.session = session
        if let row { sendUser(row, at: now) }
    }

    private mutating func sendUser(_ row: UserRow, at now: Moment) {
        guard let user = content.users[row.id], let credential = user[row.slot] else {
            session?.user = nil
            return
        }
        var fields = AnswerFields()
        fields.set("cmd", "senduser")
        if profile.signsUsers { fields.set("sn", serial) }
        fields.append(userFields(row.id, user, credential))
        ledger.noteSent("senduser")
        send(fields.json, at: now)
    }

    /// A credential as `senduser` and `getuserinfo` write it.
    func userFields(_ id: UInt64, _ user: StoredUser, _ credential: StoredCredential) -> AnswerFields {
        var fields = AnswerFields()
        fields.set("enrollid", id)
        fields.set("name", user.name)
        fields.set("backupnum", credential.slot)
        fields.set("admin", user.admin)
        let isNumber = credential.kind == .card || credential.kind == .password
        fields.set(
            "record",
            json: isNumber && UInt64(credential.record) != nil
                ? credential.record : quoted(credential.record))
        return fields
    }

    private mutating func userAnswered(_ answer: ServerMessage, at now: Moment) {
        guard var session, let push = session.user else {
            return ledger.noteSurprise("answer to no user: \(answer.text)")
        }
        if let id = answer["enrollid"]?.wholeNumber, id != Int64(clamping: push.row.id) { return }
        if let slot = answer["backupnum"]?.wholeNumber, slot != Int64(push.row.slot) { return }
        setClock(answer.cloudTime, at: now)
        session.user = nil
        if answer.isSuccess {
            session.demandedUsers.removeAll { $0 == push.row }
        } else {
            session.usersHeldUntil = now.elapsed + habits.refusalWait
        }
        self.session = session
        guard answer.isSuccess, var user = content.users[push.row.id],
            var credential = user[push.row.slot]
        else { return }
        ledger.usersAcknowledged += 1
        credential.isAcknowledged = true
        user.set(credential)
        storeLazily(.user(push.row.id, user))
    }

    // MARK: Answers and timers

    mutating func answered(_ word: String, _ answer: ServerMessage, at now: Moment) {
        switch word {
        case "reg": registered(answer, at: now)
        case "sendlog": logAnswered(answer, at: now)
        case "senduser": userAnswered(answer, at: now)
        case "sendqrcode", "sendpin": codeAnswered(word, answer, at: now)
        case "checklive", "heartbeat":
            session?.missedLives = 0
            setClock(answer.cloudTime, at: now)
        default: ledger.noteSurprise("answer to nothing: \(answer.text)")
        }
    }

    mutating func tickLink(at now: Moment) {
        if let code, code.due <= now.elapsed {
            self.code = nil
            ledger.doorRefusals += 1
        }
        guard var session else { return }
        for index in session.batches.indices
        where session.batches[index].question.map({ $0.until <= now.elapsed }) ?? false {
            // Nobody waits at the door for ever; the record still has to be acknowledged.
            session.batches[index].question = nil
            ledger.doorRefusals += 1
        }
        self.session = session
        if session.batches.contains(where: { $0.due <= now.elapsed }) || session.missedLives >= 5 {
            return hangUp(at: now)
        }
        if let due = session.registrationDue, due <= now.elapsed { register(at: now) }
        if let user = session.user, user.due <= now.elapsed {
            let due = now.elapsed + habits.userRepeat
            self.session?.user?.due = due
            sendUser(user.row, at: now)
        }
        if let beat = habits.heartbeat, session.isRegistered, session.lastSent + beat <= now.elapsed {
            let word = profile.checksLive ? "checklive" : "heartbeat"
            ledger.noteSent(word)
            self.session?.missedLives += 1
            send("{\"cmd\":\"\(word)\",\"sn\":\(quoted(serial))}", at: now)
        }
    }
}
