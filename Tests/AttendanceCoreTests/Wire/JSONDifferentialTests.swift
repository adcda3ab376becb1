import Foundation
import Testing

@testable import AttendanceCore

/// On valid JSON our reader and Foundation's must agree.
@Suite struct `Against Foundation's JSON` {
    /// What a text means, by either reader.
    private indirect enum Tree: Equatable {
        case null
        case bool(Bool)
        case number(Double)
        case text(String)
        case list([Tree])
        case object([String: Tree])

        init(foundation value: Any) throws {
            switch value {
            case is NSNull: self = .null
            case let text as String: self = .text(text)
            case let list as [Any]: self = .list(try list.map { try Tree(foundation: $0) })
            case let object as [String: Any]:
                self = .object(try object.mapValues { try Tree(foundation: $0) })
            case let number as NSNumber:
                self = isBoolean(number) ? .bool(number.boolValue) : .number(number.doubleValue)
            default: throw CocoaError(.coderInvalidValue)
            }
        }

        init(_ json: inout JSONReader) throws(FrameError) {
            switch json.peek() {
            case UInt8.openBrace:
                var object: [String: Tree] = [:]
                var isFirst = true
                try json.open()
                while try json.next(before: .closeBrace, isFirst: &isFirst) {
                    let key = json.string(try json.key())
                    object[key] = try Tree(&json)
                }
                self = .object(object)
            case UInt8.openBracket:
                var list: [Tree] = []
                var isFirst = true
                try json.open()
                while try json.next(before: .closeBracket, isFirst: &isFirst) { list.append(try Tree(&json)) }
                self = .list(list)
            default:
                let value = try json.value()
                switch value {
                case .bool(let bool): self = .bool(bool)
                case .text(let text): self = .text(json.string(text))
                case .number: self = json.number(value).map { .number($0.double) } ?? .null
                case .null, .container: self = .null
                }
            }
        }

        /// Doubles may differ in the last places: ours are for temperatures.
        func agrees(with other: Tree) -> Bool {
            switch (self, other) {
            case (.number(let a), .number(let b)): abs(a - b) <= max(abs(a), abs(b)) * 1e-13
            case (.list(let a), .list(let b)):
                a.count == b.count && zip(a, b).allSatisfy { $0.agrees(with: $1) }
            case (.object(let a), .object(let b)):
                a.count == b.count && a.allSatisfy { key, value in b[key].map(value.agrees(with:)) ?? false }
            default: self == other
            }
        }
    }

    private static func isBoolean(_ number: NSNumber) -> Bool {
        // A boolean is the one number whose Objective-C type is a C boolean.
        String(cString: number.objCType) == "c" || String(cString: number.objCType) == "B"
    }

    @Test func `any valid text means the same, also when written anew`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<1500 {
            var text = ""
            Self.write(depth: 0, to: &text, &random)
            let bytes = Array(text.utf8)
            let foundation = try Tree(
                foundation: JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed))
            var strict: [UInt8] = []
            let ours = try bytes.withUnsafeBytes { buffer in
                var copy = JSONReader(buffer, range: 0..<buffer.count, maximumDepth: 64)
                try copy.rewrite(into: &strict)
                var json = JSONReader(buffer, range: 0..<buffer.count, maximumDepth: 64)
                return try Tree(&json)
            }
            try #require(ours.agrees(with: foundation), "seed \(seed): \(text)")
            let again = try Tree(
                foundation: JSONSerialization.jsonObject(with: Data(strict), options: .fragmentsAllowed))
            try #require(again.agrees(with: foundation), "seed \(seed): \(text)")
        }
    }

    @Test func `records written by Foundation are read field by field`() throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let records = (0..<Int.random(in: 0...5, using: &random)).map { _ in
                (
                    id: Int64.random(in: 0...999_999_999_999, using: &random),
                    name: Self.text(&random),
                    time: WallTime(seconds: Int64.random(in: 0...4_000_000_000, using: &random)),
                    mode: Int64.random(in: Int64.min...Int64.max, using: &random),
                    note: Self.text(&random)
                )
            }
            let object: [String: Any] = [
                "cmd": "sendlog", "count": records.count,
                "record": records.map {
                    [
                        "enrollid": $0.id, "name": $0.name, "time": $0.time.description, "mode": $0.mode,
                        "note": ["msg": $0.note, "list": [1, 2.5, NSNull(), true]],
                    ] as [String: Any]
                },
            ]
            let options: JSONSerialization.WritingOptions = Bool.random(using: &random) ? .prettyPrinted : []
            let bytes = [UInt8](try JSONSerialization.data(withJSONObject: object, options: options))
            let log = try #require(try FrameDecoder().decode(bytes).log)
            let expected = records.map {
                LogRecord(enrollID: String($0.id), name: $0.name, time: .valid($0.time), mode: $0.mode)
            }
            let found = try #require(TerminalMessage.log(log).withoutPlaces.log)
            try #require(found.records == expected, "seed \(seed)")
            try #require(log.count == Int64(records.count), "seed \(seed)")
        }
    }

    // MARK: Making texts

    private static func write(depth: Int, to text: inout String, _ random: inout SeededGenerator) {
        let blanks = ["", "", "", " ", "\n", "\t\r "]
        func blank(_ random: inout SeededGenerator) -> String { blanks.randomElement(using: &random)! }
        text += blank(&random)
        switch Int.random(in: 0..<(depth < 5 ? 9 : 6), using: &random) {
        case 0: text += ["null", "true", "false"].randomElement(using: &random)!
        case 1: text += String(Int64.random(in: Int64.min...Int64.max, using: &random))
        case 2: text += String(Int.random(in: -100...100, using: &random))
        case 3:
            text += String(Int.random(in: -999...999, using: &random)) + "."
            text += String(Int.random(in: 0...99_999, using: &random))
            if Bool.random(using: &random) {
                text += ["e", "E", "e+", "e-"].randomElement(using: &random)!
                text += String(Int.random(in: 0...20, using: &random))
            }
        case 4, 5: text += quoted(self.text(&random), &random)
        case 6:
            text += "["
            for index in 0..<Int.random(in: 0...5, using: &random) {
                if index > 0 { text += "," }
                write(depth: depth + 1, to: &text, &random)
            }
            text += "]"
        default:
            text += "{"
            var names: Set<String> = []
            while names.count < 4, Int.random(in: 0..<5, using: &random) > 0 {
                // Foundation compares keys as characters, so keys differ in more than how they are composed; they
                // end in no blank, because written anew they are trimmed.
                let name = "\(names.count)" + self.text(&random) + "."
                if !names.isEmpty { text += "," }
                names.insert(name)
                text += blank(&random) + quoted(name, &random) + blank(&random) + ":"
                write(depth: depth + 1, to: &text, &random)
            }
            text += blank(&random) + "}"
        }
        text += blank(&random)
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        let telling: [Unicode.Scalar] = [
            "\"", "\\", "/", "\u{0}", "\u{1F}", "\u{7F}", "\u{2028}", "ü", "张", "😀", "{", ",",
        ]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...20, using: &random) {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: scalars.append(telling.randomElement(using: &random)!)
            case 1: scalars.append(Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &random)) ?? "x")
            default: scalars.append(Unicode.Scalar(UInt8.random(in: 0x20..<0x7F, using: &random)))
            }
        }
        return String(scalars)
    }

    /// In quotes, escaped in one of the ways that JSON allows.
    private static func quoted(_ text: String, _ random: inout SeededGenerator) -> String {
        let short: [Unicode.Scalar: String] = [
            "\"": "\\\"", "\\": "\\\\", "/": "\\/", "\u{8}": "\\b", "\u{C}": "\\f", "\n": "\\n", "\r": "\\r",
            "\t": "\\t",
        ]
        var result = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if let escape = short[scalar], mustEscape || Bool.random(using: &random) {
                result += escape
            } else if mustEscape || Int.random(in: 0..<4, using: &random) == 0 {
                for unit in UTF16.encode(scalar)! {
                    let digits = String(unit, radix: 16, uppercase: Bool.random(using: &random))
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
