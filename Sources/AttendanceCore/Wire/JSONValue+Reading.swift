extension JSONValue {
    /// JSON that a person or a program of ours wrote: nothing may stand behind it. Nil for anything else, and for more
    /// than 100,000 values. Takes what `JSONReader` takes.
    package init?(parsing text: String, maximumDepth: Int = 64) {
        var text = text
        let value: JSONValue? = text.withUTF8 { bytes in
            let bytes = UnsafeRawBufferPointer(bytes)
            var reader = JSONReader(bytes, range: bytes.indices, maximumDepth: maximumDepth)
            var budget = 100_000
            // Why it is no JSON helps nobody who wrote one value on a command line.
            guard let value = try? reader.tree(&budget), reader.peek() == nil else { return nil }
            return value
        }
        guard let value else { return nil }
        self = value
    }

    /// How many objects and lists stand within each other; 0 for a value that is neither.
    package var depth: Int {
        switch self {
        case .list(let values): 1 + (values.map(\.depth).max() ?? 0)
        case .object(let fields): 1 + (fields.values.map(\.depth).max() ?? 0)
        default: 0
        }
    }

    /// A whole number, or a text that is one.
    package var wholeNumber: Int64? {
        switch self {
        case .integer(let number): return number
        case .number(let number): return Int64(exactly: number)
        case .text(let text):
            let digits = text.trimmingBlanks()
            guard digits.utf8.count <= 20 else { return nil }
            return Int64(digits)
        default: return nil
        }
    }

    /// A text, or the digits of a number.
    package var plainText: String? {
        switch self {
        case .text(let text): text
        case .integer(let number): String(number)
        case .number(let number): String(number)
        default: nil
        }
    }

    /// True and false, also as 1, 0 and text.
    package var truth: Bool? {
        switch self {
        case .flag(let flag): return flag
        case .text(let text):
            switch text.trimmingBlanks().lowercased() {
            case "true", "yes", "on": return true
            case "false", "no", "off": return false
            default: return wholeNumber.map { $0 != 0 }
            }
        default: return wholeNumber.map { $0 != 0 }
        }
    }

    /// Strict JSON with sorted keys, safe in one line of any output.
    package var strictText: String {
        var output: [UInt8] = []
        output.append(json: self)
        return String(decoding: output, as: UTF8.self)
    }

    /// What stands in place of a value that nobody may read.
    package var removed: JSONValue {
        let size: Int
        switch self {
        case .text(let text): size = text.utf8.count
        case .null, .flag: return self
        default: size = strictText.utf8.count
        }
        return .text("removed, \(size) bytes")
    }
}

extension JSONReader {
    /// Consumes the value at the cursor, whatever it is, as long as it has at most `budget` values, which is lowered.
    ///
    /// The last of duplicate keys wins; keys lose the blanks around them; a number that is none (leading zeros, 30
    /// digits) becomes a text.
    mutating func tree(_ budget: inout Int) throws(FrameError) -> JSONValue {
        budget -= 1
        guard budget >= 0 else { throw expected("fewer values") }
        switch peek() {
        case UInt8.openBrace:
            var fields: [String: JSONValue] = [:]
            try open()
            var isFirst = true
            while try next(before: .closeBrace, isFirst: &isFirst) {
                let key = string(try key()).trimmingBlanks()
                fields[key] = try tree(&budget)
            }
            return .object(fields)
        case UInt8.openBracket:
            var values: [JSONValue] = []
            try open()
            var isFirst = true
            while try next(before: .closeBracket, isFirst: &isFirst) { values.append(try tree(&budget)) }
            return .list(values)
        default:
            return scalar(try value())
        }
    }

    private func scalar(_ value: Value) -> JSONValue {
        switch value {
        case .text(let text): return .text(string(text))
        case .bool(let flag): return .flag(flag)
        case .null, .container: return .null
        case .number(let range):
            let digits = String(decoding: slice(range), as: UTF8.self)
            let isWhole = digits.utf8.allSatisfy(\.isDigit)
            if isWhole, digits.utf8.count > 1, digits.hasPrefix("0") { return .text(digits) }
            if let number = integer(value) { return .integer(number) }
            // A floating-point number would not have all digits of an id.
            if !isWhole, let number = number(value)?.double, number.isFinite { return .number(number) }
            return .text(digits)
        }
    }
}

extension [UInt8] {
    /// Appends strict JSON with sorted keys.
    package mutating func append(json value: JSONValue) {
        switch value {
        case .null: append(contentsOf: "null".utf8)
        case .flag(let flag): append(contentsOf: flag ? "true".utf8 : "false".utf8)
        case .integer(let number): append(contentsOf: String(number).utf8)
        case .number(let number):
            if let whole = Int64(exactly: number) {
                append(contentsOf: String(whole).utf8)
            } else {
                append(contentsOf: number.isFinite ? "\(number)".utf8 : "null".utf8)
            }
        case .text(let text): append(jsonString: text)
        case .list(let values):
            append(.openBracket)
            for (index, value) in values.enumerated() {
                if index > 0 { append(.comma) }
                append(json: value)
            }
            append(UInt8(ascii: "]"))
        case .object(let fields):
            append(.openBrace)
            for (index, key) in fields.keys.sorted().enumerated() {
                if index > 0 { append(.comma) }
                append(jsonString: key)
                append(.colon)
                append(json: fields[key] ?? .null)
            }
            append(.closeBrace)
        }
    }
}
