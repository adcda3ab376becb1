import Foundation

/// A value of JSON, as it comes in a request and goes out in an answer.
enum FrappeValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case text(String)
    case list([FrappeValue])
    case object([String: FrappeValue])

    static func text(_ value: String?) -> FrappeValue { value.map { .text($0) } ?? .null }

    /// Python's notion: nothing, zero and empty are false.
    var isTrue: Bool {
        switch self {
        case .null: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .double(let value): value != 0
        case .text(let value): !value.isEmpty
        case .list(let values): !values.isEmpty
        case .object(let values): !values.isEmpty
        }
    }

    /// What Python's `str` makes of it; nil for null.
    var string: String? {
        switch self {
        case .null: nil
        case .bool(let value): value ? "True" : "False"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .text(let value): value
        case .list, .object: json()
        }
    }

    var list: [FrappeValue]? {
        if case .list(let values) = self { values } else { nil }
    }

    var object: [String: FrappeValue]? {
        if case .object(let values) = self { values } else { nil }
    }

    /// Frappe's `cint`: what is no number is 0.
    var integer: Int {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): value
        case .double(let value): Int(exactly: value.rounded(.towardZero)) ?? 0
        case .text(let value):
            Int(value) ?? Double(value).flatMap { Int(exactly: $0.rounded(.towardZero)) } ?? 0
        case .null, .list, .object: 0
        }
    }

    /// Frappe's `flt`: what is no number is 0; nil for null.
    var number: Double? {
        switch self {
        case .null: nil
        case .bool(let value): value ? 1 : 0
        case .int(let value): Double(value)
        case .double(let value): value
        case .text(let value): Double(value) ?? 0
        case .list, .object: 0
        }
    }
}

extension FrappeValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int) { self = .int(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral elements: FrappeValue...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, FrappeValue)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }
    init(nilLiteral: ()) { self = .null }
}

extension FrappeValue: Decodable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        // Each attempt but the right one fails: that is how one learns what there is.
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([String: FrappeValue].self) {
            self = .object(value)
        } else if let value = try? container.decode([FrappeValue].self) {
            self = .list(value)
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .int(value)
        } else {
            self = .double(try container.decode(Double.self))
        }
    }

    /// Nil for what is no JSON.
    init?(json: some Collection<UInt8>) {
        // The caller tells the client what Python says to such a text.
        guard let value = try? JSONDecoder().decode(FrappeValue.self, from: Data(json)) else { return nil }
        self = value
    }
}

extension FrappeValue {
    /// As Python's `json.dumps` writes it: ASCII only; keys in order, so that one answer is always the same bytes.
    func json(compact: Bool = false) -> String {
        var text = ""
        write(to: &text, compact: compact)
        return text
    }

    private func write(to text: inout String, compact: Bool) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .int(let value): text += "\(value)"
        case .double(let value): text += value.isFinite ? "\(value)" : "NaN"
        case .text(let value): Self.write(value, to: &text)
        case .list(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += compact ? "," : ", " }
                value.write(to: &text, compact: compact)
            }
            text += "]"
        case .object(let values):
            text += "{"
            for (index, pair) in values.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { text += compact ? "," : ", " }
                Self.write(pair.key, to: &text)
                text += compact ? ":" : ": "
                pair.value.write(to: &text, compact: compact)
            }
            text += "}"
        }
    }

    private static func write(_ value: String, to text: inout String) {
        text += "\""
        for unit in value.utf16 {
            switch unit {
            case 0x22: text += "\\\""
            case 0x5C: text += "\\\\"
            case 0x0A: text += "\\n"
            case 0x0D: text += "\\r"
            case 0x09: text += "\\t"
            case 0x20..<0x7F: text.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
            default:
                let digits = String(unit, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        text += "\""
    }
}
