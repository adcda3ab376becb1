import AttendanceCore
import AttendanceStore
import Logging

/// Serves the commands of one terminal over its present connection, until there are none, the connection is gone, or
/// others wait for the place. Confined to its task.
final class CommandRunner {
    enum Ending: Sendable {
        /// It has no open commands.
        case empty
        /// Not connected, or no longer; its next `reg` wakes it.
        case offline
        /// What waits may not be sent to a terminal that is not approved.
        case notApproved
        case turnIsOver
        /// The journal could not be read or written, or somebody could not take a result.
        case tryLater
    }

    /// The command that is under way.
    private struct Flight {
        var record: CommandRecord
        /// The answer is repeated to be kept, up to a bound, where nobody else takes it.
        var rows: [JSONValue] = []
        var isCut = false
        var hasLeft = false
        let mask: SecretMask
        let began: Duration
        var told: Duration
    }

    private let desk: CommandDesk
    private let serial: SerialNumber
    private var flight: Flight?
    private var served = 0
    private var firmware = ""
    private var known: [String: Bool] = [:]
    private var zoneTime: WallTime? { desk.surroundings.wallTime(serial, desk.timing.now()) }

    init(_ desk: CommandDesk, _ serial: SerialNumber) {
        self.desk = desk
        self.serial = serial
    }

    /// Rows of a list that are kept with a command for a person to see.
    private static let mostRows = 500
    /// How often at most the progress of a list is written down.
    private static let progressInterval = Duration.seconds(2)

    func run() async -> Ending {
        guard let entry = desk.presence.entry(of: serial) else {
            return await nothingIsOpen() ? .empty : .offline
        }
        do {
            guard let target = try await target() else { return .empty }
            firmware = target.firmware ?? ""
            known = firmware.isEmpty ? [:] : try await desk.store.knownWords(of: firmware)
            let conversation = CommandConversation(
                CommandExchange(terminal: serial, dialect: target.traits.dialect),
                moment: desk.timing.moment)
            guard entry.pulse.attach(conversation) else { return absence(entry) }
            defer { entry.pulse.detach(conversation) }
            return try await converse(conversation, entry)
        } catch {
            // Cancelled, or the journal fails. What is under way is taken for lost at the next turn or start.
            desk.logger.debug(
                "commands of a terminal wait",
                metadata: ["serial": "\(serial)", "error": "\(error.localizedDescription)"])
            return .tryLater
        }
    }

    /// Where a conversation ended and the connection stands, nothing will wake this terminal.
    private func absence(_ entry: Presence.Entry) -> Ending {
        desk.presence.entry(of: serial)?.connection == entry.connection ? .tryLater : .offline
    }

    private func nothingIsOpen() async -> Bool {
        // What cannot be read may be there.
        (try? await desk.store.openCommands(of: serial, limit: 1).isEmpty) ?? false
    }

    /// What is known of the terminal, what it has just said of itself first.
    private func target() async throws -> CommandTarget? {
        guard var target = try await desk.store.commandTarget(serial) else { return nil }
        if let said = desk.introduction(of: serial) {
            target.model = said.model ?? target.model
            target.firmware = said.firmware ?? target.firmware
            target.deviceInfo = said.deviceInfo ?? target.deviceInfo
        }
        return target
    }

    private func converse(_ conversation: CommandConversation, _ entry: Presence.Entry) async throws -> Ending
    {
        while true {
            if Task.isCancelled { conversation.hungUp() }
            switch conversation.step() {
            case .carryOut(let outputs):
                for output in outputs { try await carryOut(output, conversation, entry) }
            case .ended: return absence(entry)
            case .ready:
                if served >= desk.turn, desk.isCrowded { return .turnIsOver }
                if let ending = try await startNext(conversation, entry) { return ending }
            case .wait(let until): await wait(for: conversation, until: until)
            }
        }
    }

    /// Returns when the bell rings or the moment has come, or earlier.
    private func wait(for conversation: CommandConversation, until: Duration?) async {
        let timing = desk.timing
        await withDiscardingTaskGroup { group in
            if let until {
                group.addTask {
                    // A cancelled wait has been answered.
                    if (try? await timing.sleep(max(.zero, until - timing.moment()))) != nil {
                        conversation.ring()
                    }
                }
            }
            for await _ in conversation.bells { break }
            group.cancelAll()
        }
    }

    // MARK: The next command

    /// Nil when one was sent, or another look is worth while.
    private func startNext(_ conversation: CommandConversation, _ entry: Presence.Entry) async throws
        -> Ending?
    {
        let mayAll = desk.surroundings.mayCommand(serial)
        let open = try await desk.store.openCommands(of: serial, limit: mayAll ? 1 : 10)
        if open.isEmpty { return .empty }
        guard let next = open.first(where: { mayAll || $0.record.author != .gateway }) else {
            return .notApproved
        }
        let record = next.record
        let now = desk.timing.now()
        if record.state == .sent {
            // Nothing is under way here, so it is left over from a time when the journal could not be written.
            try await settle(record, record.afterLoss("the journal failed"))
            return nil
        }
        if record.expires <= now {
            try await desk.expire()
            return nil
        }
        let request: CommandRequest
        do {
            request = try desk.sealing.open(next)
        } catch {
            // Text of the vault's own: it tells a path and a key's name, never what was sealed.
            try await settle(
                record,
                .init(id: record.id, state: .failed, words: PlainText.line(error.localizedDescription)))
            return nil
        }
        guard try await desk.store.beginCommand(record.id, at: now) else { return nil }
        served += 1
        var begun = record
        begun.state = .sent
        begun.attempts += 1
        begun.sent = now
        flight = Flight(
            record: begun, mask: SecretMask(request), began: desk.timing.moment(), told: desk.timing.moment())
        let memory = entry.figures.memory
        let expected: Int? =
            switch request.catalogueWord.answer {
            case .users, .allUsers: memory.users
            case .logs: memory.logs
            default: nil
            }
        conversation.start(
            .init(
                id: record.id, request: request, attempt: begun.attempts, expected: expected.map(Int64.init)),
            wallTime: zoneTime)
        return nil
    }

    // MARK: What the exchange says

    private func carryOut(
        _ output: CommandExchange.Output, _ conversation: CommandConversation, _ entry: Presence.Entry
    ) async throws {
        switch output {
        case .send(let bytes): send(bytes, conversation, entry)
        case .page(_, let result, let summary): try await page(result, summary, conversation)
        case .settled(_, let settlement): try await ended(settlement, conversation, entry)
        case .learned(let word, let isKnown): await learned(word, isKnown)
        case .stray: break
        }
    }

    private func send(_ bytes: [UInt8], _ conversation: CommandConversation, _ entry: Presence.Entry) {
        conversation.setWriting(true)
        let isOnItsWay = entry.line.send(bytes) { conversation.setWriting(false) }
        if isOnItsWay {
            let tap = desk.surroundings.tap
            if tap.isOn {
                bytes.withUnsafeBytes {
                    _ = tap.saw(serial, isFromTerminal: false, $0, at: desk.timing.now())
                }
            }
            flight?.hasLeft = true
            desk.metrics.sent.increment()
        } else {
            conversation.setWriting(false)
            // A line that takes nothing ends the conversation, and the command with it.
            conversation.hungUp()
            entry.line.hangUp()
        }
    }

    private func page(
        _ result: CommandResult?, _ summary: PageWalk.Summary, _ conversation: CommandConversation
    ) async throws {
        guard var flight else { return }
        if let handler = desk.handler(of: flight.record) {
            do {
                try await handler(.page(flight.record, result, summary))
            } catch {
                // Asked for again from the start, where that is allowed.
                desk.logger.warning(
                    "a part of a list was not taken",
                    metadata: [
                        "serial": "\(serial)", "command": "\(flight.record.id)",
                        "error": "\(error.localizedDescription)",
                    ])
                conversation.hungUp()
                return
            }
        } else if let result {
            let rows = result.shownRows
            let room = Self.mostRows - flight.rows.count
            flight.rows += rows.prefix(room)
            flight.isCut = flight.isCut || rows.count > room
        }
        let moment = desk.timing.moment()
        if moment - flight.told >= Self.progressInterval {
            flight.told = moment
            await note("progress") {
                try await desk.store.settleCommands(
                    [
                        .init(
                            id: flight.record.id, state: .sent, words: "\(summary.entries) entries so far",
                            result: CommandResult.pages(summary).maskedText)
                    ], at: desk.timing.now())
            }
        }
        self.flight = flight
    }

    private func ended(
        _ given: CommandExchange.Settlement, _ conversation: CommandConversation, _ entry: Presence.Entry
    ) async throws {
        guard let flight else { return }
        self.flight = nil
        var settlement = given
        settlement.words = given.words.map(flight.mask.masked)
        // What certainly never left is no attempt, and may be sent whatever it is.
        let neverLeft = !flight.hasLeft
        if neverLeft { settlement = .init(state: .waiting, words: "the connection ended before it was sent") }
        var record = flight.record
        record.state = settlement.state
        record.words = settlement.words
        if settlement.state.isFinal, let handler = desk.handler(of: record) {
            do {
                try await handler(.ended(record, settlement))
            } catch {
                let lost = flight.record.afterLoss("the result could not be kept")
                settlement = .init(state: lost.state, words: lost.words)
            }
        }
        if settlement.state != .done, conversation.isWriting {
            // It has not even left yet: a peer that does not read is better dialled anew.
            entry.line.hangUp()
        }
        if settlement.state.isFinal {
            desk.metrics.duration.recordNanoseconds((desk.timing.moment() - flight.began).nanoseconds)
        }
        try await settle(
            flight.record,
            .init(
                id: record.id, state: settlement.state, words: settlement.words.map { PlainText.line($0) },
                result: result(settlement, flight), neverLeft: neverLeft),
            settlement.failure)
    }

    private func result(_ settlement: CommandExchange.Settlement, _ flight: Flight) -> String? {
        guard !flight.rows.isEmpty, case .pages(let summary)? = settlement.result else {
            return settlement.result?.maskedText
        }
        var fields: [String: JSONValue] = [
            "pages": .integer(Int64(summary.pages)), "entries": .integer(Int64(summary.entries)),
            "rows": .list(flight.rows),
        ]
        if flight.isCut { fields["cut"] = .flag(true) }
        let text = JSONValue.object(fields).json
        return text.utf8.count <= CommandResult.maximumShown ? text : settlement.result?.maskedText
    }

    /// Writes down how a command ended or goes on, again and again while the journal cannot be written.
    private func settle(
        _ record: CommandRecord, _ settlement: CommandSettlement, _ failure: CommandFailure.Kind? = nil
    ) async throws {
        while true {
            do {
                try await desk.store.settleCommands([settlement], at: desk.timing.now())
                desk.tell(record, settlement.state, settlement.words, failure)
                return
            } catch {
                desk.logger.error(
                    "the end of a command could not be written down yet",
                    metadata: ["serial": "\(serial)", "command": "\(record.id)"])
                // Throws at the end; then it is taken for lost at the next start.
                try await desk.timing.sleep(.seconds(1))
            }
        }
    }

    private func learned(_ word: String, _ isKnown: Bool) async {
        // What works is the rule; it is written down only where it was thought not to.
        guard !firmware.isEmpty, known[word] != isKnown, !isKnown || known[word] == false else { return }
        known[word] = isKnown
        await note("what the firmware knows") {
            try await desk.store.learnWord(word, of: firmware, isKnown: isKnown, at: desk.timing.now())
        }
    }

    /// Writes down what may be lost: how the command itself ends comes after it.
    private func note(_ what: String, _ body: () async throws -> Void) async {
        do {
            try await body()
        } catch {
            desk.logger.debug(
                "not written down",
                metadata: ["what": "\(what)", "error": "\(error.localizedDescription)"])
        }
    }
}

extension CommandResult {
    /// Rows of a page of a list as a person may see them.
    fileprivate var shownRows: [JSONValue] {
        switch masked {
        case .object(let fields)?:
            if case .list(let rows)? = fields["users"] { rows } else { [.object(fields)] }
        default: []
        }
    }
}
