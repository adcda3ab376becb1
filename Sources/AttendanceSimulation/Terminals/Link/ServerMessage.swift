import Foundation

/// A message of the server as a terminal reads it: a strict JSON object.
///
/// `message["count"] == 3` and `message["result"] == true` compare with plain literals; a missing key is nil.
package struct ServerMessage: Sendable, CustomStringConvertible {
    package let text: String
    package let fields: [String: Value]

    /// Throws `TerminalError.notJSON` for anything but one strict JSON object.
    package init(_ text: String) throws {
        guard text.utf8.first == UInt8(ascii: "{"), !Self.hasTrailingComma(text) else {
            throw TerminalError.notJSON(text)
        }
        do {
            fields = try JSONDecoder().decode([String: Value].self, from: Data(text.utf8))
        } catch {
            throw TerminalError.notJSON(text)
        }
        self.text = text
    }

    /// Foundation's decoder lets a comma pass before a closing bracket; a terminal's may not.
    private static func hasTrailingComma(_ text: String) -> Bool {
        var isInString = false
        var isEscaped = false
        var isAfterComma = false
        for byte in text.utf8 {
            if isInString {
                if !isEscaped, byte == UInt8(ascii: "\"") { isInString = false }
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
            } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                if isAfterComma { return true }
            } else if byte > 0x20 {
                isInString = byte == UInt8(ascii: "\"")
                isAfterComma = byte == UInt8(ascii: ",")
            }
        }
        return false
    }

    package subscript(key: String) -> Value? { fields[key] }
    package var description: String { text }

    /// The word under `ret`: what this answers.
    package var answeredWord: String? { fields["ret"]?.text }
    /// The word under `cmd`: what the server asks for.
    package var command: String? { fields["cmd"]?.text }
    package var isSuccess: Bool { fields["result"] == true }
    package var reason: String? { fields["reason"]?.text }
    package var cloudTime: String? { fields["cloudtime"]?.text }

    /// Whether a terminal may forget the batch: success, and both numbers echoed (docs/protocol.md §5.2, quirk Q1).
    package func acknowledges(count: Int, logIndex: Int) -> Bool {
        answeredWord == "sendlog" && isSuccess && fields["count"] == .integer(Int64(count))
            && fields["logindex"] == .integer(Int64(logIndex))
    }

    /// A JSON value.
    package enum Value: Hashable, Sendable, Decodable {
        case null
        case bool(Bool)
        case integer(Int64)
        case number(Double)
        case text(String)
        case array([Value])
        case object([String: Value])

        package init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            // Each `try?` asks whether the value is of that kind; the order keeps 1 and true apart.
            if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let bool = try? container.decode(Bool.self) {
                self = .bool(bool)
            } else if let integer = try? container.decode(Int64.self) {
                self = .integer(integer)
            } else if let number = try? container.decode(Double.self) {
                self = .number(number)
            } else if let array = try? container.decode([Value].self) {
                self = .array(array)
            } else if container.decodeNil() {
                self = .null
            } else {
                self = .object(try container.decode([String: Value].self))
            }
        }

        package var text: String? { if case .text(let text) = self { text } else { nil } }
        package var integer: Int64? { if case .integer(let integer) = self { integer } else { nil } }
    }
}

extension ServerMessage.Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByBooleanLiteral
{
    package init(stringLiteral value: String) { self = .text(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
}
