import AttendanceCore
import Foundation

/// A punch as a webhook gets it. Its keys are part of what docs/webhook.md promises.
struct SentPunch: Codable, Hashable, Sendable {
    struct Terminal: Codable, Hashable, Sendable {
        var serial: String
        var name: String?
    }
    struct Codes: Codable, Hashable, Sendable {
        var `inout`: Int64?
        var event: Int64?
        var mode: Int64?
        var verify_mode: Int64?
    }
    struct Person: Codable, Hashable, Sendable {
        var id: String
        var name: String
    }

    var number: Int64
    var terminal: Terminal
    var enroll_id: String
    var alias: String?
    var name: String?
    var time: String
    var zone: String
    var instant: String
    var direction: String?
    var codes: Codes
    var received: String
    var employee: Person?

    init(_ punch: OwedPunch, terminalName: String?, direction: Direction?, employee: Employee?) {
        number = punch.id
        terminal = Terminal(serial: punch.terminal.text, name: terminalName)
        enroll_id = punch.enrollID.sent
        alias = punch.alias
        name = punch.name ?? employee?.fullName
        time = punch.time.description
        zone = punch.zone
        instant = WallTime(seconds: punch.instant).iso + "Z"
        self.direction = direction?.rawValue
        codes = Codes(
            `inout`: punch.inOut, event: punch.event, mode: punch.mode, verify_mode: punch.verifyMode)
        let milliseconds = punch.received.milliseconds
        let fraction = String(1_000 + Int(milliseconds - milliseconds.flooredSeconds * 1_000)).dropFirst()
        received = "\(WallTime(seconds: milliseconds.flooredSeconds).iso).\(fraction)Z"
        self.employee = employee.map { Person(id: $0.name, name: $0.fullName) }
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }

    /// Whether the text was frozen for a webhook.
    static func isOne(_ frozen: String) -> Bool {
        // Text of another kind of sink is decided anew.
        (try? JSONDecoder().decode(SentPunch.self, from: Data(frozen.utf8))) != nil
    }
}

extension WallTime {
    /// `YYYY-MM-DDTHH:MM:SS`
    fileprivate var iso: String { description.replacing(" ", with: "T") }
}

extension Int64 {
    /// Whole seconds of milliseconds, downwards.
    fileprivate var flooredSeconds: Int64 { self >= 0 ? self / 1_000 : (self - 999) / 1_000 }
}
