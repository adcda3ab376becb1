import AttendanceCore

/// What a test may ask about a terminal afterwards. It is no part of the device: it survives every power cut.
///
/// Lists keep their newest `DeviceLedger.bound` entries; counters count everything.
package struct DeviceLedger: Sendable {
    package static let bound = 20_000

    /// A command that reached the terminal.
    package struct Executed: Hashable, Sendable {
        package var word: String
        /// Its fields as JSON with sorted keys; what stood under `record` is replaced by its length and a checksum.
        package var fields: String
        /// Nil where there is no answer to speak of, as of `reboot`.
        package var succeeded: Bool?
        /// The connection it came over, counted from 1.
        package var connection: Int
        package var time: UnixTime
    }

    package enum DoorCause: Hashable, Sendable {
        case command(door: Int?)
        /// The terminal recognised someone and asked nobody.
        case local(UInt64)
        /// A server answered a punch with `access`.
        case approved(UInt64)
        /// Nobody could be asked, and the habits say open.
        case offline(UInt64)
        case code
        case pin
    }
    package struct DoorOpening: Hashable, Sendable {
        package var cause: DoorCause
        package var time: UnixTime
    }
    package struct ClockJump: Hashable, Sendable {
        package var from: WallTime
        package var to: WallTime
        package var seconds: Int64 { to.seconds - from.seconds }
    }

    package private(set) var executed: [Executed] = []
    package private(set) var executions = 0
    private var countByCommand: [String: Int] = [:]
    private var countByWord: [String: Int] = [:]
    package private(set) var doorOpenings: [DoorOpening] = []
    package private(set) var clockJumps: [ClockJump] = []
    /// What the server gave for the screen: reasons of a refusal, messages.
    package private(set) var screens: [String] = []
    /// Answers to nothing that was asked, and texts that are no strict JSON object.
    package private(set) var surprises: [String] = []
    /// Messages sent, by word.
    package private(set) var sent: [String: Int] = [:]

    package var connections = 0
    /// Answers to `reg` that were a success.
    package var registrations = 0
    package var batchesSent = 0
    package var batchesAcknowledged = 0
    /// Batches whose records had gone out before.
    package var batchesRepeated = 0
    package var batchesRefused = 0
    package var recordsAcknowledged = 0
    package var usersAcknowledged = 0
    package var powerCuts = 0
    package var reboots = 0
    package var wordsUnknown = 0
    package var faultsShown = 0
    /// Templates that were taken although this terminal's sensor cannot match them.
    package var foreignTemplates = 0
    package var doorRefusals = 0
    /// Commands that came before `reg` was answered, which must not be (docs/protocol.md §3.5).
    package var commandsBeforeRegistration = 0
    /// Commands that came while another one's answer was held back by a fault or by the terminal.
    package var commandsWhileBusy = 0

    package init() {}

    /// How often this word was carried out, whatever its fields.
    package func count(_ word: String) -> Int { countByWord[word] ?? 0 }

    /// Commands of these words that came more than once with the same fields, and how often; at most the 20,000 newest
    /// different commands are known.
    package func repeated(_ words: Set<String>) -> [String: Int] {
        countByCommand.filter { key, count in
            count > 1 && words.contains(String(key.prefix { $0 != " " }))
        }
    }

    package mutating func note(_ command: Executed) {
        executions += 1
        countByWord[command.word, default: 0] += 1
        if countByCommand.count >= Self.bound { countByCommand.removeAll() }
        countByCommand["\(command.word) \(command.fields)", default: 0] += 1
        Self.append(command, to: &executed)
    }
    package mutating func note(_ opening: DoorOpening) { Self.append(opening, to: &doorOpenings) }
    package mutating func note(_ jump: ClockJump) { Self.append(jump, to: &clockJumps) }
    package mutating func noteScreen(_ text: String) { Self.append(String(text.prefix(200)), to: &screens) }
    package mutating func noteSurprise(_ text: String) {
        Self.append(String(text.prefix(200)), to: &surprises)
    }
    package mutating func noteSent(_ word: String) { sent[word, default: 0] += 1 }

    private static func append<Element>(_ element: Element, to list: inout [Element]) {
        // Halved at once, so that the price of it is spread over many entries.
        if list.count >= bound { list.removeFirst(bound / 2) }
        list.append(element)
    }
}
