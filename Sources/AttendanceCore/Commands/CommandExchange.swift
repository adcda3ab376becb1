/// The commands of one connection, one at a time: what to send, what an answer means, when to give up.
///
/// A value without clock or socket: times are durations since any fixed moment of a monotonic clock. Whoever runs it
/// writes down that a command is sent (`CommandKeeping.beginCommand`) before `start`, carries out the outputs in their
/// order, calls `passed` when `wakes` has come, and passes it every message of the terminal.
///
/// There is no number that ties an answer to its command (docs/protocol.md §8): the word does, and the user's number
/// where the answer has one. Late answers, second answers, answers of another kind, in another terminal's name or
/// without sense cost the command that waits at most its own time.
package struct CommandExchange: Sendable {
    /// A command that is to be sent now.
    package struct Order: Hashable, Sendable {
        package var id: Int64
        /// With its secrets.
        package var request: CommandRequest
        /// How often it has been sent, this time included: 1 is the first.
        package var attempt: Int
        /// `useduser` or `usedlog` where the terminal's counters are known: tells an empty list from one that wants
        /// to be asked for in another way.
        package var expected: Int64?

        package init(id: Int64, request: CommandRequest, attempt: Int = 1, expected: Int64? = nil) {
            self.id = id
            self.request = request
            self.attempt = attempt
            self.expected = expected
        }
    }

    /// How a command ended, or goes on when the state is `waiting`.
    package struct Settlement: Hashable, Sendable {
        package var state: CommandState
        /// For a person to read, one line; no secrets.
        package var words: String?
        /// With secrets: `CommandResult.masked` is what may be kept.
        package var result: CommandResult?
        package var failure: CommandFailure.Kind?

        package init(
            state: CommandState, words: String? = nil, result: CommandResult? = nil,
            failure: CommandFailure.Kind? = nil
        ) {
            self.state = state
            self.words = words
            self.result = result
            self.failure = failure
        }
    }

    package enum Output: Hashable, Sendable {
        case send([UInt8])
        /// A part of a list: `users` or `credential`, each part once. (Logs are stored by the session.) `summary` is how
        /// far the list has come.
        case page(Int64, CommandResult?, PageWalk.Summary)
        case settled(Int64, Settlement)
        /// What the answer shows of this firmware. Once for each word and connection.
        case learned(word: String, isKnown: Bool)
        /// An answer nobody waits for; for the log.
        case stray(word: String, StrayReason)
    }

    package enum StrayReason: String, Hashable, Sendable {
        case nobodyWaits = "nobody waits for it"
        case otherTerminal = "it names another terminal"
        case otherUser = "it is about another user"
    }

    /// What became of a message of the terminal.
    package enum Reception: Hashable, Sendable {
        /// No answer to anything: treat it as if there were no commands.
        case notMine
        /// An answer. It is not answered.
        case taken([Output])
        /// A page of logs that was asked for. Store its records, send nothing for it, then call `pageStored`.
        case store
    }

    /// Answers that did not come or made no sense, in one connection, before a command that may be repeated fails.
    package static let maximumTimeOuts = 3
    /// Sent so often altogether, over however many connections, it fails: it may be what ends them.
    package static let maximumAttempts = 20
    /// How long another page may take where one came twice.
    package static let repeatedPageGrace = Duration.seconds(5)
    /// How long a terminal has for refusing a command that has no answer.
    package static let silentGrace = Duration.seconds(5)

    private enum State: Sendable {
        case idle(until: Duration?)
        case waiting(Flight)
        /// A page of logs is being stored.
        case storing(Flight, PageWalk.Step)
    }

    private struct Flight: Sendable {
        let order: Order
        let word: CommandWord
        let timeOut: Duration
        var sent: Duration
        var deadline: Duration
        var walk: PageWalk?
        /// The last page was one that had come before.
        var isRepeated = false
        /// Why an answer was not taken, to be told when none comes.
        var oddity: String?
        /// What the terminal said before it was asked in another way.
        var refusal: CommandFailure?
        /// Why no further page is to be asked for.
        var stops: String?
    }

    private let terminal: SerialNumber?
    private let dialect: CommandDialect
    private var state = State.idle(until: nil)
    private var timeOuts: [Int64: Int] = [:]
    private var learned: Set<String> = []
    /// Words whose answer did not come in time and may still come.
    private var late: Set<String> = []

    /// `terminal` is the one that is registered on this connection.
    package init(terminal: SerialNumber?, dialect: CommandDialect) {
        self.terminal = terminal
        self.dialect = dialect
    }

    // MARK: What is asked of it

    /// The command in flight.
    package var current: Int64? {
        switch state {
        case .idle: nil
        case .waiting(let flight), .storing(let flight, _): flight.order.id
        }
    }

    /// Whether a command may be sent now.
    package func isReady(at now: Duration) -> Bool {
        guard case .idle(let until) = state else { return false }
        return until.map { $0 <= now } ?? true
    }

    /// When `passed` is to be called next; nil while there is nothing to wait for.
    package var wakes: Duration? {
        switch state {
        case .idle(let until): until
        case .waiting(let flight): flight.deadline
        case .storing: nil
        }
    }

    /// Whether a message that stands under `cmd` is the answer to what was asked (quirk Q22). To be known before the
    /// message is taken for a request of the terminal.
    package func awaits(_ message: TerminalMessage) -> Bool {
        guard case .waiting(let flight) = state else { return false }
        switch message {
        case .log(let log): return log.word == flight.word.name
        case .request(let request):
            // `checklive` is a word of both sides; its answer is told by its `result`, which `received` looks for.
            return request.word == flight.word.name
        default: return false
        }
    }

    // MARK: What happens

    /// Sends a command. `wallTime` is the terminal's wall time of this moment. When it is not ready the command waits.
    package mutating func start(_ order: Order, wallTime: WallTime?, at now: Duration) -> [Output] {
        guard isReady(at: now) else {
            return [.settled(order.id, Settlement(state: .waiting, words: "another command comes first"))]
        }
        let word = order.request.catalogueWord
        let timeOut = word.answer == .nothing ? Self.silentGrace : order.request.timeOut
        var flight = Flight(
            order: order, word: word, timeOut: timeOut, sent: now, deadline: now + timeOut, walk: nil)
        var first: [String: JSONValue] = [:]
        // Someone who pages by hand in raw mode gets the page that was asked for.
        if word.answer.isPaged, ["stn", "page"].allSatisfy({ order.request.fields[$0] == nil }) {
            let walk = PageWalk(
                range: order.request.fields, expected: order.expected, triesPages: dialect == .aifaceBS)
            first = walk.first
            flight.walk = walk
        }
        state = .waiting(flight)
        return [.send(order.request.encoded(for: dialect, at: wallTime, adding: first))]
    }

    /// Any message of the terminal; `bytes` are those it was decoded from.
    package mutating func received(
        _ message: TerminalMessage, bytes: UnsafeRawBufferPointer, at now: Duration
    ) -> Reception {
        switch message {
        case .log(let log): return received(log, bytes: bytes, at: now)
        case .answer:
            guard let answer = CommandAnswer(reading: bytes) else { return .taken([]) }
            return .taken(received(answer, at: now))
        case .request(let request) where awaits(message):
            guard let answer = CommandAnswer(reading: bytes),
                answer.result != nil || !Self.wordsOfTerminals.contains(request.word)
            else { return notMine(at: now) }
            return .taken(received(answer, at: now))
        default: return notMine(at: now)
        }
    }

    /// Words under `cmd` that terminals send by themselves.
    private static let wordsOfTerminals: Set<String> = ["checklive", "reg", "heartbeat"]

    /// A terminal that pushes lives and is busy: its answer may take a little longer.
    private mutating func notMine(at now: Duration) -> Reception {
        if case .waiting(var flight) = state, flight.word.answer != .nothing, !flight.isRepeated {
            let limit = flight.sent + flight.timeOut * 3
            flight.deadline = max(flight.deadline, min(limit, now + .seconds(5)))
            state = .waiting(flight)
        }
        return .notMine
    }

    /// The records of a page of logs are durable, or could not be stored.
    package mutating func pageStored(_ isStored: Bool, at now: Duration) -> [Output] {
        guard case .storing(let flight, let step) = state else { return [] }
        state = .waiting(flight)
        guard isStored else { return fail(flight, "the logs could not be stored", at: now) }
        return go(on: step, flight, result: nil, at: now)
    }

    /// A list that is being read ends after the page that is under way: no other is asked for. What has come is kept.
    /// Other commands cannot be called back. `words` tell who wants it.
    package mutating func stop(_ id: Int64, _ words: String) {
        switch state {
        case .waiting(var flight) where flight.order.id == id && flight.walk != nil:
            flight.stops = words
            state = .waiting(flight)
        case .storing(var flight, let step) where flight.order.id == id && flight.walk != nil:
            flight.stops = words
            state = .storing(flight, step)
        default: break
        }
    }

    /// Time has passed.
    package mutating func passed(at now: Duration) -> [Output] {
        switch state {
        case .idle(let until?) where until <= now:
            state = .idle(until: nil)
            return []
        case .waiting(let flight) where flight.deadline <= now:
            if flight.word.answer == .nothing {
                return settle(flight, Settlement(state: .done, words: "sent; this command has no answer"))
            }
            if flight.isRepeated, let walk = flight.walk {
                return go(on: walk.nothingElseCame(), flight, result: nil, at: now)
            }
            late.insert(flight.word.name)
            let seconds = (now - flight.sent).components.seconds
            let words = ["no answer within \(seconds) s", flight.oddity].compactMap(\.self)
            return fail(flight, words.joined(separator: "; "), at: now)
        default:
            return []
        }
    }

    /// The connection is gone. The exchange ends with it.
    package mutating func ended() -> [Output] {
        defer { state = .idle(until: nil) }
        switch state {
        case .idle: return []
        case .waiting(let flight), .storing(let flight, _):
            if flight.word.answer == .nothing {
                return settle(flight, Settlement(state: .done, words: "the connection dropped, as it should"))
            }
            if let words = flight.stops { return stopped(flight, words) }
            let words = "the connection ended before the answer came"
            guard flight.order.request.isRepeatable else {
                return settle(flight, Settlement(state: .unknown, words: words))
            }
            let isLast = flight.order.attempt >= Self.maximumAttempts
            return settle(
                flight,
                Settlement(
                    state: isLast ? .failed : .waiting,
                    words: isLast ? "\(words), \(flight.order.attempt) times" : words))
        }
    }

    // MARK: Answers

    private mutating func received(_ answer: CommandAnswer, at now: Duration) -> [Output] {
        guard case .waiting(var flight) = state, isAnswer(answer, to: flight) else {
            // What was late has come: nothing more of it is to be feared.
            if late.remove(answer.word) != nil, case .idle(let until?) = state {
                state = .idle(until: min(until, now + .seconds(1)))
            }
            return [.stray(word: answer.word, .nobodyWaits)]
        }
        if let reason = mismatch(answer, flight) {
            if reason == .otherTerminal { flight.oddity = "an answer came in the name of another terminal" }
            state = .waiting(flight)
            return [.stray(word: answer.word, reason)]
        }
        late.remove(answer.word)
        if flight.walk != nil { return page(answer, flight, at: now) }
        if let failure = answer.failure { return refuse(flight, failure) }
        var outputs = learn(flight.word.name, isKnown: true)
        guard let result = CommandResult(flight.word.answer, from: answer, to: flight.order.request) else {
            return outputs + fail(flight, "the answer could not be understood", at: now)
        }
        outputs += settle(
            flight,
            Settlement(
                state: .done, words: answer.result == nil && flight.word.answer == .plain ? "answered" : nil,
                result: result))
        return outputs
    }

    private func isAnswer(_ answer: CommandAnswer, to flight: Flight) -> Bool {
        if answer.word == flight.word.name { return true }
        // Another word's own late answer must not be taken for this one's.
        guard flight.word.alsoAnswered.contains(answer.word), !late.contains(answer.word) else {
            return false
        }
        return answer.isRefusal || !answer.fields.isEmpty
    }

    private func mismatch(_ answer: CommandAnswer, _ flight: Flight) -> StrayReason? {
        if let terminal, let serial = answer.serial, serial != terminal { return .otherTerminal }
        let asked = flight.order.request.fields
        if let id = answer.enrollID, let wanted = asked["enrollid"]?.plainText.flatMap({ EnrollID($0) }),
            id != wanted
        {
            return .otherUser
        }
        if flight.word.answer == .credential, let slot = answer.fields["backupnum"]?.wholeNumber,
            let wanted = asked["backupnum"]?.wholeNumber, slot != wanted
        {
            return .otherUser
        }
        return nil
    }

    private mutating func received(_ log: LogMessage, bytes: UnsafeRawBufferPointer, at now: Duration)
        -> Reception
    {
        guard case .waiting(var flight) = state, log.word == flight.word.name else {
            return log.key == .ret ? .notMine : notMine(at: now)
        }
        if let terminal, let serial = log.serial, serial != terminal {
            flight.oddity = "an answer came in the name of another terminal"
            state = .waiting(flight)
            return .notMine
        }
        late.remove(log.word)
        // The few fields beside the records, and the reason of a refusal.
        if log.list != .records {
            return CommandAnswer(reading: bytes).map { .taken(self.page($0, flight, at: now)) } ?? .taken([])
        }
        let raw = log.records.lazy.map { UnsafeRawBufferPointer(rebasing: bytes[$0.raw]) }
        let step = flight.walk?.take(
            PageWalk.Page(
                result: log.result, count: log.count, from: log.from, to: log.to, entries: log.records.count,
                digest: PageWalk.digest(raw)))
        flight.isRepeated = false
        let single = PageWalk.Summary(pages: 1, entries: log.records.count, ending: .complete)
        state = .storing(flight, step ?? .last(single))
        return .store
    }

    /// A page of users, or one without entries.
    private mutating func page(_ answer: CommandAnswer, _ given: Flight, at now: Duration) -> [Output] {
        var flight = given
        guard var walk = flight.walk else {
            // Paged by hand, and nothing is there.
            if let failure = answer.failure { return refuse(flight, failure) }
            return finish(flight, PageWalk.Summary(pages: 1, entries: 0, ending: .complete))
        }
        if let failure = answer.failure, failure.kind == .unsupported || !meansEmpty(failure, flight) {
            guard failure.kind != .unsupported, walk.pages == 0 else { return refuse(flight, failure) }
            flight.refusal = flight.refusal ?? failure
        }
        let result = answer.isRefusal ? nil : part(answer, flight)
        let step = walk.take(
            PageWalk.Page(
                result: answer.isRefusal ? false : answer.result, count: answer.fields["count"]?.wholeNumber,
                from: answer.fields["from"]?.wholeNumber, to: answer.fields["to"]?.wholeNumber,
                index: answer.fields["index"]?.wholeNumber, entries: result.map(\.entries) ?? 0,
                digest: PageWalk.digest([
                    JSONValue.object(
                        answer.fields.filter { !["count", "from", "to", "index"].contains($0.key) }
                    )
                    .strictText.utf8
                ])))
        flight.walk = walk
        flight.isRepeated = false
        return go(on: step, flight, result: result, at: now)
    }

    private func part(_ answer: CommandAnswer, _ flight: Flight) -> CommandResult? {
        if flight.word.answer == .logs { return nil }
        return CommandResult(flight.word.answer, from: answer, to: flight.order.request)
    }

    /// Firmwares before 1.1 say no where a list is empty, others that they have no data.
    private func meansEmpty(_ failure: CommandFailure, _ flight: Flight) -> Bool {
        failure.kind == .notFound || flight.order.expected == 0 || (flight.walk?.pages ?? 0) > 0
    }

    // MARK: Going on

    private mutating func go(
        on step: PageWalk.Step, _ given: Flight, result: CommandResult?, at now: Duration
    ) -> [Output] {
        var flight = given
        let summary = flight.walk?.summary ?? PageWalk.Summary(pages: 0, entries: 0, ending: .complete)
        switch step {
        case .next(let fields):
            return learn(flight.word.name, isKnown: true) + [.page(flight.order.id, result, summary)]
                + (flight.stops.map { stopped(flight, $0) } ?? ask(flight, fields, at: now))
        case .retry(let fields):
            return flight.stops.map { stopped(flight, $0) } ?? ask(flight, fields, at: now)
        case .repeated:
            flight.isRepeated = true
            flight.deadline = now + Self.repeatedPageGrace
            state = .waiting(flight)
            return []
        case .last(let summary):
            return learn(flight.word.name, isKnown: true) + [.page(flight.order.id, result, summary)]
                + finish(flight, summary)
        case .finished(let summary):
            if let refusal = flight.refusal, summary.pages == 0 { return refuse(flight, refusal) }
            return learn(flight.word.name, isKnown: true) + finish(flight, summary)
        }
    }

    private mutating func ask(_ given: Flight, _ fields: [String: JSONValue], at now: Duration) -> [Output] {
        var flight = given
        flight.sent = now
        flight.deadline = now + flight.timeOut
        state = .waiting(flight)
        // The range belongs to the first request alone; with `page` it comes under other names.
        let request = CommandRequest(word: flight.word.name)
        return [.send(request.encoded(for: dialect, at: nil, adding: fields))]
    }

    private mutating func finish(_ flight: Flight, _ summary: PageWalk.Summary) -> [Output] {
        let words =
            summary.ending == .tooMany
            ? "stopped after \(summary.pages) pages: there may be more"
            : summary.told
        return settle(flight, Settlement(state: .done, words: words, result: .pages(summary)))
    }

    private mutating func stopped(_ flight: Flight, _ words: String) -> [Output] {
        let summary = flight.walk?.summary ?? PageWalk.Summary(pages: 0, entries: 0, ending: .complete)
        return settle(
            flight,
            Settlement(
                state: .cancelled, words: "\(words) after \(summary.told)", result: .pages(summary)))
    }

    private mutating func refuse(_ flight: Flight, _ failure: CommandFailure) -> [Output] {
        let outputs = failure.kind == .unsupported ? learn(flight.word.name, isKnown: false) : []
        let deletes = flight.word.name == "deleteuser" || flight.word.name == "deleteuserlock"
        // Sent again because its answer was lost: the first one did it.
        if deletes, failure.kind == .notFound, flight.order.attempt > 1 {
            return outputs
                + settle(flight, Settlement(state: .done, words: "it is not there any more", result: .plain))
        }
        return outputs
            + settle(flight, Settlement(state: .refused, words: failure.words, failure: failure.kind))
    }

    /// An attempt that came to nothing while the connection lives.
    private mutating func fail(_ flight: Flight, _ words: String, at now: Duration) -> [Output] {
        let outputs: [Output]
        if let stops = flight.stops {
            outputs = stopped(flight, "\(stops); \(words)")
            state = .idle(until: now + flight.word.quiet)
            return outputs
        }
        let count = timeOuts[flight.order.id, default: 0] + 1
        if !flight.order.request.isRepeatable {
            outputs = settle(flight, Settlement(state: .unknown, words: words))
        } else if count >= Self.maximumTimeOuts || flight.order.attempt >= Self.maximumAttempts {
            outputs = settle(flight, Settlement(state: .failed, words: "\(words), \(count) times"))
        } else {
            outputs = settle(flight, Settlement(state: .waiting, words: words))
            timeOuts[flight.order.id] = count
        }
        state = .idle(until: now + flight.word.quiet)
        return outputs
    }

    private mutating func settle(_ flight: Flight, _ settlement: Settlement) -> [Output] {
        state = .idle(until: nil)
        if settlement.state.isFinal { timeOuts[flight.order.id] = nil }
        return [.settled(flight.order.id, settlement)]
    }

    private mutating func learn(_ word: String, isKnown: Bool) -> [Output] {
        learned.insert(word).inserted ? [.learned(word: word, isKnown: isKnown)] : []
    }
}

extension CommandResult {
    /// How many rows of a list it holds.
    fileprivate var entries: Int {
        switch self {
        case .users(let rows): rows.count
        case .credential: 1
        default: 0
        }
    }
}

extension PageWalk.Summary {
    fileprivate var told: String {
        "\(entries) \(entries == 1 ? "entry" : "entries") in \(pages) \(pages == 1 ? "page" : "pages")"
    }
}
