import AttendanceCore

/// The members of a message in the order in which the firmware writes them.
package struct AnswerFields: Hashable, Sendable {
    private var members: [String] = []

    package init() {}

    package mutating func set(_ key: String, _ value: Int) { set(key, json: String(value)) }
    package mutating func set(_ key: String, _ value: UInt64) { set(key, json: String(value)) }
    package mutating func set(_ key: String, _ value: Bool) { set(key, json: value ? "true" : "false") }
    package mutating func set(_ key: String, _ value: String) { set(key, json: quoted(value)) }
    package mutating func set(_ key: String, json: String) { members.append("\(quoted(key)):\(json)") }

    package mutating func append(_ other: AnswerFields) { members += other.members }

    package var json: String { "{" + members.joined(separator: ",") + "}" }
}

/// What a firmware makes of a command.
package enum CommandReply: Hashable, Sendable {
    case success(AnswerFields)
    /// `result:false`; the message only goes out where the firmware explains itself.
    case failure(reason: Int, message: String)
    /// Without `result`, as `gettime` is documented.
    case plain(AnswerFields)
    /// No answer at all: `reboot`.
    case none

    static var success: CommandReply { .success(AnswerFields()) }
    static func success(_ fill: (inout AnswerFields) -> Void) -> CommandReply {
        var fields = AnswerFields()
        fill(&fields)
        return .success(fields)
    }
    static let missing = CommandReply.failure(reason: 1, message: "parameter missing")
    static let noUser = CommandReply.failure(reason: 1, message: "can not find the user")
    static let unknownWord = CommandReply.failure(reason: 1, message: "can not find this command")
    static func refused(_ message: String, reason: Int = 1) -> CommandReply {
        .failure(reason: reason, message: message)
    }

    var isSuccess: Bool? {
        switch self {
        case .success, .plain: true
        case .failure: false
        case .none: nil
        }
    }
}

/// A command of the server, its fields read as firmwares read them: numbers also from text, flags also from 0 and 1.
package struct CommandOrder: Sendable {
    package let word: String
    let fields: [String: ServerMessage.Value]

    init(word: String, fields: [String: ServerMessage.Value]) {
        self.word = word
        self.fields = fields
    }

    func has(_ key: String) -> Bool { fields[key].map { $0 != .null } ?? false }
    func integer(_ key: String) -> Int64? { fields[key]?.wholeNumber }
    func int(_ key: String) -> Int? { integer(key).flatMap { Int(exactly: $0) } }
    func text(_ key: String) -> String? { fields[key]?.scalarText }
    func flag(_ key: String) -> Bool? { fields[key]?.truth }
    func list(_ key: String) -> [ServerMessage.Value]? {
        if case .array(let list) = fields[key] { list } else { nil }
    }

    /// The fields as JSON with sorted keys, secrets replaced by their length and a checksum, so that two commands can be
    /// told apart and nobody can read them.
    var fingerprint: String {
        var shown: [String: JSONValue] = [:]
        for (key, value) in fields where key != "cmd" && key != "sn" {
            if ["record", "card", "pwd", "pin"].contains(key) {
                let text = value.json.json
                shown[key] = .text("\(text.utf8.count) bytes \(String(text.checksum, radix: 16))")
            } else {
                shown[key] = value.json
            }
        }
        return JSONValue.object(shown).json
    }
}

extension ServerMessage.Value {
    var wholeNumber: Int64? {
        switch self {
        case .integer(let number): number
        case .text(let text): Int64(text)
        case .number(let number): Int64(exactly: number)
        default: nil
        }
    }
    var scalarText: String? {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        default: nil
        }
    }
    var truth: Bool? {
        switch self {
        case .bool(let flag): flag
        case .integer(let number): number == 1 ? true : number == 0 ? false : nil
        case .text(let text):
            text == "1" || text == "true" ? true : text == "0" || text == "false" ? false : nil
        default: nil
        }
    }
    var members: [String: ServerMessage.Value]? {
        if case .object(let members) = self { members } else { nil }
    }

    package var json: JSONValue {
        switch self {
        case .null: .null
        case .bool(let flag): .flag(flag)
        case .integer(let number): .integer(number)
        case .number(let number): .number(number)
        case .text(let text): .text(text)
        case .array(let list): .list(list.map(\.json))
        case .object(let members): .object(members.mapValues(\.json))
        }
    }
}

extension String {
    /// FNV-1a, 64 bits: tells texts apart, hides nothing from someone who can guess.
    var checksum: UInt64 {
        utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
