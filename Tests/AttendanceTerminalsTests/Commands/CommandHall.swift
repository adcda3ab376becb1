import AttendanceCore
import AttendanceStore
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

@testable import AttendanceTerminals

/// Time that runs a hundred times faster, and whose date can be moved besides.
final class HastenedClock: Sendable {
    static let factor = 25
    private let start = ContinuousClock.now
    private let shift = Mutex(Duration.zero)

    var moment: Duration { (ContinuousClock.now - start) * Self.factor }
    var now: UnixTime { UnixTime(seconds: 1_772_352_000) + moment + shift.withLock { $0 } }
    func move(by duration: Duration) { shift.withLock { $0 += duration } }
}

/// Not the real box: it only shows that what goes in is not what lies in the journal.
struct MirrorBox: SecretBox {
    struct WrongPlace: Error {}

    func seal(secret bytes: [UInt8], for context: String) throws -> [UInt8] {
        Array(context.utf8) + [0xFF] + bytes.reversed()
    }

    func open(secret sealed: [UInt8], for context: String) throws -> [UInt8] {
        guard sealed.starts(with: Array(context.utf8) + [0xFF]) else { throw WrongPlace() }
        return sealed.dropFirst(context.utf8.count + 1).reversed()
    }
}

/// What a desk has logged from INFO on: level, message, then values by name.
struct DeskLog: LogHandler {
    final class Lines: Sendable { let all = Mutex<[String]>([]) }

    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }
    func log(event: LogEvent) {
        let values = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0)=\($1)" }
        lines.all.withLock { $0.append("\(event.level) \(event.message)" + values.joined()) }
    }
}

/// A connected terminal that is a function: a command in, messages out.
final class ScriptedTerminal: TerminalLine {
    typealias Script = @Sendable (_ word: String, _ fields: [String: JSONValue], _ times: Int) -> [String]

    let serial: SerialNumber
    let pulse: TerminalPulse
    private let script: Script
    private let heard = Mutex<[(word: String, fields: [String: JSONValue])]>([])
    private let isOpen = Atomic(true)

    init(_ serial: SerialNumber, _ clock: HastenedClock, _ script: @escaping Script) {
        self.serial = serial
        self.script = script
        pulse = TerminalPulse(now: { clock.now })
    }

    var words: [String] { heard.withLock { $0.map(\.word) } }
    var fields: [[String: JSONValue]] { heard.withLock { $0.map(\.fields) } }

    func send(_ bytes: [UInt8], written: @escaping @Sendable () -> Void) -> Bool {
        guard isOpen.load(ordering: .acquiring) else { return false }
        written()
        guard case .object(var fields)? = JSONValue(parsing: String(decoding: bytes, as: UTF8.self)),
            case .text(let word)? = fields.removeValue(forKey: "cmd")
        else { return true }
        let times = heard.withLock { heard in
            heard.append((word, fields))
            return heard.count { $0.word == word }
        }
        for answer in script(word, fields, times) { say(answer) }
        return true
    }

    /// A message of the terminal, as the connection's task would show it.
    @discardableResult
    func say(_ text: String) -> CommandExchange.Reception {
        Array(text.utf8).withUnsafeBytes { bytes in
            // What is no message never reaches a conversation.
            guard let frame = try? FrameDecoder().read(bytes) else { return .notMine }
            let reception = pulse.conversation?.received(frame.message, bytes: bytes) ?? .notMine
            if case .store = reception { pulse.conversation?.pageStored(true) }
            return reception
        }
    }

    func replaced() { hangUp() }
    func hangUp() {
        isOpen.store(false, ordering: .releasing)
        pulse.ended()
    }
}

/// A real journal, a desk, and terminals that are scripts.
final class CommandHall: Sendable {
    static let serial = SerialNumber("ZX01")!
    static let author = Author("ada")

    let folder = NSTemporaryDirectory() + "commands-" + UUID().uuidString
    let clock = HastenedClock()
    let presence = Presence()
    let lines = DeskLog.Lines()
    let store: SQLiteStore
    /// Serials to which only what a person orders may go.
    let unapproved = Mutex<Set<SerialNumber>>([])
    private let connections = Atomic<Int64>(0)

    init() throws {
        let clock = self.clock
        store = try SQLiteStore(
            folder: folder, options: StoreOptions(now: { clock.now }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    // What is left over harms no later test.
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func desk(_ bounds: CommandDesk.Bounds = .init()) -> CommandDesk {
        let clock = self.clock
        return CommandDesk(
            store: store, presence: presence, box: MirrorBox(), bounds: bounds,
            surroundings: .init(
                mayCommand: { [weak self] serial in
                    self?.unapproved.withLock { !$0.contains(serial) } ?? true
                }, wallTime: { _, _ in WallTime("2026-03-01 08:00:00") }),
            timing: .init(
                now: { clock.now }, moment: { clock.moment },
                sleep: { try await Task.sleep(for: $0 / HastenedClock.factor) }, interval: .seconds(1)),
            logger: Logger(label: "test") { [lines] _ in DeskLog(lines: lines) })
    }

    /// Runs a desk while `body` does, and closes the journal.
    func withDesk(
        _ bounds: CommandDesk.Bounds = .init(), prepare: (CommandDesk) -> Void = { _ in },
        _ body: (CommandDesk) async throws -> Void
    ) async throws {
        let desk = desk(bounds)
        prepare(desk)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await desk.run() }
            try await body(desk)
            group.cancelAll()
        }
    }

    func introduce(_ serials: SerialNumber..., firmware: String = "ai518_1") async throws {
        for serial in serials {
            try await store.note(
                TerminalSighting(serial: serial, at: clock.now, address: "::1", firmware: firmware))
        }
    }

    @discardableResult
    func connect(
        _ serial: SerialNumber = CommandHall.serial, to desk: CommandDesk,
        _ script: @escaping ScriptedTerminal.Script
    ) -> ScriptedTerminal {
        let terminal = ScriptedTerminal(serial, clock, script)
        let number = connections.add(1, ordering: .relaxed).newValue
        _ = presence.arrive(
            serial, connection: number, address: "::1", at: clock.now, pulse: terminal.pulse, line: terminal)
        desk.arrived(serial, Registration(serial: serial))
        return terminal
    }

    func disconnect(_ terminal: ScriptedTerminal) {
        if let entry = presence.entry(of: terminal.serial), entry.pulse === terminal.pulse {
            presence.leave(terminal.serial, connection: entry.connection)
        }
        terminal.hangUp()
    }

    func new(
        _ word: String, _ fields: [String: JSONValue] = [:], to serial: SerialNumber = CommandHall.serial,
        lane: CommandLane = .interactive, purpose: String? = nil, expires: Duration = .seconds(86_400)
    ) throws -> NewCommand {
        NewCommand(
            terminal: serial, request: try CommandCatalogue.request(word, fields: fields), lane: lane,
            purpose: purpose, expires: clock.now + expires)
    }

    func record(_ id: Int64) async throws -> CommandRecord? {
        try await store.commands(CommandFilter(ids: [id]), after: 0, limit: 1).first
    }

    /// Waits until all of them have ended; the test's time limit ends the wait.
    @discardableResult
    func ends(of ids: [Int64]) async throws -> [CommandRecord] {
        while true {
            let records = try await store.commands(CommandFilter(ids: Set(ids)), after: 0, limit: ids.count)
            if records.allSatisfy(\.state.isFinal) { return records }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    func told(_ text: String) -> [String] { lines.all.withLock { $0.filter { $0.contains(text) } } }

    func until(_ condition: () async throws -> Bool) async throws {
        while try await !condition() { try await Task.sleep(for: .milliseconds(2)) }
    }
}
