import AttendanceCore
import Foundation

/// Commands that wait for their terminals, and what became of them.
///
/// A command is marked as sent, durably, before it leaves: one that must not run twice is never sent again by a gateway
/// that was killed in between.
package protocol CommandKeeping: Sendable {
    /// Keeps commands until their terminals have carried them out, and writes what a person ordered into the audit
    /// trail. All or none, in one commit. At most 1,000. Returns their numbers in the same order.
    ///
    /// Throws `CommandError.unknownTerminal` for a terminal that was never heard of, and `.tooMany` where more than
    /// `mostWaiting` commands of one terminal would then not have ended.
    func enqueue(_ commands: [SealedCommand], by author: Author, at now: UnixTime, mostWaiting: Int)
        async throws -> [Int64]
    /// Of one terminal, not final, by lane and number, at most `limit`; with their secrets, still sealed.
    func openCommands(of terminal: SerialNumber, limit: Int) async throws -> [OpenCommand]
    /// Terminals that have such commands, after `after`, by serial number (folded), at most `limit`.
    func terminalsWithCommands(after: SerialNumber?, limit: Int) async throws -> [SerialNumber]
    /// Marks one as sent, before it leaves. False when it is no longer waiting, or its time is over.
    func beginCommand(_ id: Int64, at now: UnixTime) async throws -> Bool
    /// Writes down how commands ended or go on, all in one commit. Those that have ended already are left as they are.
    func settleCommands(_ settlements: [CommandSettlement], at now: UnixTime) async throws
    /// Those that wait are not sent. Those that were sent already cannot be called back. Returns how many.
    func cancelCommands(_ filter: CommandFilter, by author: Author, at now: UnixTime) async throws -> Int
    /// Commands that are under way are not sent again: their time ends now. Those that have ended, or wait, are left as they
    /// are. At most 1,000 at a time; returns those that were under way, and writes them into the audit trail.
    func stopCommands(_ ids: [Int64], by author: Author, at now: UnixTime) async throws -> [Int64]
    /// Ends those whose time is over: waiting ones as `expired`. At most `limit`. Returns them as they then stand.
    func expireCommands(at now: UnixTime, limit: Int) async throws -> [CommandRecord]
    /// Forgets commands that ended before `moment`, at most `limit`, the earliest first. Returns how many.
    func pruneCommands(endedBefore moment: UnixTime, limit: Int) async throws -> Int
    /// What a firmware's answer has shown. A firmware is named by its text, so another text begins anew.
    func learnWord(_ word: String, of firmware: String, isKnown: Bool, at now: UnixTime) async throws
}

/// What must be known of a terminal to ask something of it.
package struct CommandTarget: Hashable, Sendable {
    package var serial: SerialNumber
    package var model: String?
    package var firmware: String?
    /// The `devinfo` object as sent, strict JSON.
    package var deviceInfo: String?
    /// Set by an operator; nil where it is to be guessed.
    package var dialect: String?

    package init(
        serial: SerialNumber, model: String? = nil, firmware: String? = nil, deviceInfo: String? = nil,
        dialect: String? = nil
    ) {
        self.serial = serial
        self.model = model
        self.firmware = firmware
        self.deviceInfo = deviceInfo
        self.dialect = dialect
    }

    package var traits: TerminalTraits {
        var algorithm: String?
        if let deviceInfo, case .object(let fields)? = JSONValue(parsing: deviceInfo),
            case .text(let text)? = fields["fpalgo"]
        {
            algorithm = text
        }
        return TerminalTraits(
            dialect: dialect.flatMap { CommandDialect(rawValue: $0) }
                ?? CommandDialect.guess(model: model, firmware: firmware), templateAlgorithm: algorithm)
    }
}

/// How a command ended, or goes on.
package struct CommandSettlement: Hashable, Sendable {
    package var id: Int64
    /// `waiting`: to be sent again. `sent`: still under way; only `words` and `result` are taken, as its progress.
    package var state: CommandState
    package var words: String?
    package var result: String?
    /// It was marked as sent, and certainly never left: that is no attempt.
    package var neverLeft: Bool

    package init(
        id: Int64, state: CommandState, words: String? = nil, result: String? = nil, neverLeft: Bool = false
    ) {
        self.id = id
        self.state = state
        self.words = words
        self.result = result
        self.neverLeft = neverLeft
    }
}

/// A command with its secret fields sealed apart from the others.
package struct SealedCommand: Sendable {
    package var command: NewCommand
    /// Sealed JSON object of the fields that nobody may read; these are taken out of `command.request.fields`.
    package var secrets: [UInt8]?

    package init(command: NewCommand, secrets: [UInt8]? = nil) {
        self.command = command
        self.secrets = secrets
    }
}

package struct OpenCommand: Sendable {
    package var record: CommandRecord
    package var secrets: [UInt8]?

    package init(record: CommandRecord, secrets: [UInt8]?) {
        self.record = record
        self.secrets = secrets
    }
}

/// Which commands. Empty fields do not narrow.
package struct CommandFilter: Hashable, Sendable {
    package var ids: Set<Int64> = []
    package var terminal: SerialNumber?
    package var states: Set<CommandState> = []
    package var word: String?
    package var purpose: String?

    package init(
        ids: Set<Int64> = [], terminal: SerialNumber? = nil, states: Set<CommandState> = [],
        word: String? = nil, purpose: String? = nil
    ) {
        self.ids = ids
        self.terminal = terminal
        self.states = states
        self.word = word
        self.purpose = purpose
    }
}

/// How many commands have not ended, and where.
package struct CommandStanding: Hashable, Sendable {
    package struct Terminal: Hashable, Sendable {
        package var serial: SerialNumber
        /// Waiting and sent.
        package var open: Int
        /// When the oldest of them was ordered.
        package var oldest: UnixTime

        package init(serial: SerialNumber, open: Int, oldest: UnixTime) {
            self.serial = serial
            self.open = open
            self.oldest = oldest
        }
    }
    package var waiting = 0
    package var sent = 0
    /// Terminals that have open commands.
    package var terminals = 0
    package var oldest: UnixTime?
    /// Those whose oldest command is the oldest, at most as many as were asked for.
    package var longest: [Terminal] = []

    package init() {}
}

package enum CommandError: LocalizedError, Hashable, Sendable {
    case unknownTerminal(SerialNumber)
    case tooMany(SerialNumber, limit: Int)

    package var errorDescription: String? {
        switch self {
        case .unknownTerminal(let serial):
            "no terminal \(serial) was ever heard of; terminals list shows those that were"
        case .tooMany(let serial, let limit):
            "more than \(limit) commands would wait for \(serial). Cancel some (commands cancel --terminal \(serial)), "
                + "or raise MaxWaiting in the section [Commands]"
        }
    }
}
