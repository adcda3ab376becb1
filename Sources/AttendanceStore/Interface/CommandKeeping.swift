import AttendanceCore

/// Commands that wait for their terminals, and what became of them.
///
/// A command is marked as sent, durably, before it leaves: one that must not run twice is never sent again by a gateway
/// that was killed in between.
package protocol CommandKeeping: Sendable {
    /// Keeps commands until their terminals have carried them out, and writes the orders into the audit trail. All in
    /// one commit. At most 1,000. Throws `CommandError.unknownTerminal` for one that was never heard of.
    func enqueue(_ commands: [SealedCommand], by author: Author, at now: UnixTime) async throws -> [Int64]
    /// Of one terminal, not final, by lane and number, at most `limit`; with their secrets, still sealed.
    func openCommands(of terminal: SerialNumber, limit: Int) async throws -> [OpenCommand]
    /// Terminals that have such commands, after `after`, by serial number (folded), at most `limit`.
    func terminalsWithCommands(after: SerialNumber?, limit: Int) async throws -> [SerialNumber]
    /// Marks one as sent, before it leaves. False when it is no longer waiting.
    func beginCommand(_ id: Int64, at now: UnixTime) async throws -> Bool
    /// Writes down how one ended or goes on (`waiting`: to be sent again). Ignored for one that has ended.
    func settleCommand(
        _ id: Int64, as state: CommandState, words: String?, result: String?, at now: UnixTime
    ) async throws
    /// Those that wait are not sent. Those that were sent already cannot be called back. Returns how many.
    func cancelCommands(_ filter: CommandFilter, by author: Author, at now: UnixTime) async throws -> Int
    /// Ends those whose time is over: waiting ones as `expired`. At most `limit`. Returns how many.
    func expireCommands(at now: UnixTime, limit: Int) async throws -> Int
    /// What a firmware's answer has shown.
    func learnWord(_ word: String, of firmware: String, isKnown: Bool, at now: UnixTime) async throws
    /// Words that a firmware was seen to refuse (false) or to know (true).
    func knownWords(of firmware: String) async throws -> [String: Bool]
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

package enum CommandError: Error, Hashable, Sendable {
    case unknownTerminal(SerialNumber)
}
