/// What becomes of a command. The numbers stand in the journal and never change.
package enum CommandState: Int, Codable, CaseIterable, Hashable, Sendable {
    /// Waits for its terminal, or for those before it.
    case waiting = 0
    /// Went out; its answer has not come yet.
    case sent = 1
    /// The terminal says it did it.
    case done = 2
    /// The terminal says it will not: `words` tells why.
    case refused = 3
    /// Tried as often as it may be, without an answer that could be understood.
    case failed = 4
    /// Its time was over before it could be sent.
    case expired = 5
    case cancelled = 6
    /// It went out, no answer came, and it must not be sent twice: whether the terminal did it is not known.
    case unknown = 7

    package var isFinal: Bool { self != .waiting && self != .sent }
}

/// Which commands go first. Within a lane they go in the order in which they were ordered.
package enum CommandLane: Int, Codable, Hashable, Sendable {
    /// Someone waits for it.
    case interactive = 0
    /// The gateway's own work: people, clocks, logs.
    case background = 1
}

/// A command that is to be kept until its terminal has carried it out.
package struct NewCommand: Hashable, Sendable {
    package var terminal: SerialNumber
    package var request: CommandRequest
    package var lane: CommandLane
    /// Who takes the result beside the journal, such as `people` or `pull`; nil where nobody does.
    package var purpose: String?
    /// What the purpose needs to know its command again; at most 200 characters.
    package var reference: String?
    /// Why, in the words of who ordered it. Needed where the catalogue says that a word wipes or opens.
    package var reason: String?
    /// Not sent after this moment.
    package var expires: UnixTime

    package init(
        terminal: SerialNumber, request: CommandRequest, lane: CommandLane = .interactive,
        purpose: String? = nil, reference: String? = nil, reason: String? = nil, expires: UnixTime
    ) {
        self.terminal = terminal
        self.request = request
        self.lane = lane
        self.purpose = purpose
        self.reference = reference
        self.reason = reason
        self.expires = expires
    }
}

/// A command as the journal has it. What nobody may read (templates, photos, PINs, card numbers) is not in it.
package struct CommandRecord: Hashable, Sendable {
    package var id: Int64
    package var terminal: SerialNumber
    package var word: String
    /// The fields, secrets left out: strict JSON with sorted keys.
    package var fields: String
    package var lane: CommandLane
    package var purpose: String?
    package var reference: String?
    package var author: Author
    package var reason: String?
    package var queued: UnixTime
    package var expires: UnixTime
    /// How often it went out.
    package var attempts: Int
    /// When it went out last.
    package var sent: UnixTime?
    package var state: CommandState
    package var finished: UnixTime?
    /// What the terminal or the gateway says about how it ended, for a person to read.
    package var words: String?
    /// What the terminal answered beside success, secrets left out: strict JSON with sorted keys; or how far it has come.
    package var result: String?

    package init(
        id: Int64, terminal: SerialNumber, word: String, fields: String, lane: CommandLane,
        purpose: String? = nil, reference: String? = nil, author: Author, reason: String? = nil,
        queued: UnixTime, expires: UnixTime, attempts: Int = 0, sent: UnixTime? = nil,
        state: CommandState = .waiting, finished: UnixTime? = nil, words: String? = nil,
        result: String? = nil
    ) {
        self.id = id
        self.terminal = terminal
        self.word = word
        self.fields = fields
        self.lane = lane
        self.purpose = purpose
        self.reference = reference
        self.author = author
        self.reason = reason
        self.queued = queued
        self.expires = expires
        self.attempts = attempts
        self.sent = sent
        self.state = state
        self.finished = finished
        self.words = words
        self.result = result
    }
}
