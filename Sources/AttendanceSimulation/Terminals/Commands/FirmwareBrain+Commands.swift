import AttendanceCore

typealias CommandHandler = @Sendable (inout FirmwareBrain, CommandOrder, Moment) -> CommandReply

/// What a terminal does when the server commands. Source: docs/protocol.md §8.
extension FirmwareBrain {
    private static let handlers = UserCommands.table
        .merging(UserMoreCommands.table) { first, _ in first }
        .merging(LogCommands.table) { first, _ in first }
        .merging(DeviceCommands.table) { first, _ in first }
        .merging(AccessCommands.table) { first, _ in first }

    mutating func carryOut(_ order: CommandOrder, at now: Moment) {
        if session?.isRegistered == false { ledger.commandsBeforeRegistration += 1 }
        if !delayed.isEmpty { ledger.commandsWhileBusy += 1 }
        let fault = faults.next(for: order.word)
        if fault != nil { ledger.faultsShown += 1 }
        switch fault {
        case .dropAfter(executing: false): return hangUp(at: now)
        case .garbage(let text):
            _ = execute(order, at: now)
            return send(text, at: now)
        case .refusal(let reason, let message):
            return answer(order, .failure(reason: reason, message: message ?? ""), fault: nil, at: now)
        case .pushBetween:
            let reply = execute(order, at: now)
            // Out before the answer, as when someone leaves by the exit button just now.
            doorEvent(2, at: now)
            return answer(order, reply, fault: nil, at: now)
        case .strayAnswer(let word):
            let reply = execute(order, at: now)
            send("{\"ret\":\(quoted(word)),\"sn\":\(quoted(serial)),\"result\":true}", at: now)
            return answer(order, reply, fault: nil, at: now)
        case .dropAfter:
            _ = execute(order, at: now)
            return hangUp(at: now)
        case .silence:
            _ = execute(order, at: now)
        default:
            answer(order, execute(order, at: now), fault: fault, at: now)
        }
    }

    /// Does what the command says, and writes down that it did.
    private mutating func execute(_ order: CommandOrder, at now: Moment) -> CommandReply {
        let connection = session?.number ?? 0
        let reply: CommandReply
        if profile.words.contains(order.word), let handler = Self.handlers[order.word] {
            reply = handler(&self, order, now)
        } else {
            ledger.wordsUnknown += 1
            reply = .unknownWord
        }
        ledger.note(
            DeviceLedger.Executed(
                word: order.word, fields: order.fingerprint, succeeded: reply.isSuccess,
                connection: connection, time: now.time))
        return reply
    }

    private mutating func answer(
        _ order: CommandOrder, _ reply: CommandReply, fault: TerminalFault?, at now: Moment
    ) {
        var serial = self.serial
        if case .foreignSerial(let other) = fault { serial = other }
        guard var text = text(of: reply, to: order.word, serial: serial) else { return }
        switch fault {
        case .twice:
            send(text, at: now)
            send(text, at: now)
        case .late(let wait): delayed.append(Delayed(due: now.elapsed + wait, text: text))
        case .oddJSON:
            text = text.replacing("\"\(order.word)\"", with: "\" \(order.word) \"", maxReplacements: 1)
            text = text.replacing("]", with: ",]")
            send(text.dropLast() + ",}", at: now)
        default: send(text, at: now)
        }
    }

    private func text(of reply: CommandReply, to word: String, serial: String) -> String? {
        var fields = AnswerFields()
        fields.set(profile.echoesCommand ? "cmd" : "ret", word)
        fields.set("sn", serial)
        switch reply {
        case .none: return nil
        case .plain(let more): fields.append(more)
        case .success(let more):
            fields.set("result", true)
            fields.append(more)
        case .failure(let reason, let message):
            fields.set("result", false)
            fields.set("reason", reason)
            // Every firmware says in words what it does not know; only some explain other failures.
            if profile.explainsFailures || reply == .unknownWord { fields.set("msg", message) }
        }
        return fields.json
    }

    // MARK: What several commands need

    /// The user number of an order, or the answer that refuses it.
    func userNumber(_ order: CommandOrder) -> Result<UInt64, Refusal> {
        guard let number = order.integer("enrollid"), number > 0 else { return .failure(.missing) }
        let digits = habits.takesLongIDs ? 18 : profile.idDigits
        guard String(number).utf8.count <= digits else {
            return .failure(Refusal(reply: .refused("enrollid is too long")))
        }
        return .success(UInt64(number))
    }

    /// The user of an order who is in the memory, or the answer that refuses it.
    func knownUser(_ order: CommandOrder) -> Result<(id: UInt64, user: StoredUser), Refusal> {
        userNumber(order).flatMap { id in
            content.users[id].map { .success((id, $0)) } ?? .failure(.noUser)
        }
    }

    struct Refusal: Error {
        var reply: CommandReply
        static let missing = Refusal(reply: .missing)
        static let noUser = Refusal(reply: .noUser)
    }

    /// A page of a list, by the paging of this firmware.
    mutating func page(
        _ order: CommandOrder, size: Int, countsTotal: Bool?,
        rows: (inout FirmwareBrain) -> PageCursor.Rows,
        write: (inout FirmwareBrain, PageCursor.Rows, Range<Int>) -> String
    ) -> CommandReply {
        switch profile.paging {
        case .stn(let total, let isExclusive):
            if order.flag("stn") ?? true { pages[order.word] = PageCursor(rows: rows(&self)) }
            guard var cursor = pages[order.word] else { return emptyList }
            let range = cursor.next..<min(cursor.next + size, cursor.rows.count)
            guard !range.isEmpty else {
                pages[order.word] = nil
                return emptyList
            }
            cursor.next = range.upperBound
            pages[order.word] = cursor
            let list = write(&self, cursor.rows, range)
            return .success {
                $0.set("count", countsTotal ?? total ? cursor.rows.count : range.count)
                $0.set("from", range.lowerBound)
                $0.set("to", isExclusive ? range.upperBound : range.upperBound - 1)
                $0.set("record", json: list)
            }
        case .pages:
            guard let page = order.int("page") else { return emptyList }
            let number = max(1, page)
            if number == 1 || pages[order.word] == nil { pages[order.word] = PageCursor(rows: rows(&self)) }
            let size = min(max(1, order.int("pagesize") ?? size), 200)
            guard let cursor = pages[order.word], number <= 1_000_000,
                (number - 1) * size < cursor.rows.count
            else { return emptyList }
            let start = (number - 1) * size
            let range = start..<min(start + size, cursor.rows.count)
            let list = write(&self, cursor.rows, range)
            return .success {
                $0.set("count", cursor.rows.count)
                $0.set("page", number)
                $0.set("pagesize", size)
                $0.set("record", json: list)
            }
        }
    }

    private var emptyList: CommandReply {
        if profile.refusesEmptyLists { return .refused("have no data", reason: 5) }
        return .success {
            $0.set("count", 0)
            $0.set("from", 0)
            $0.set("to", 0)
            $0.set("record", json: "[]")
        }
    }
}
