extension [UInt8] {
    /// Appends a JSON string, quotes included, that is safe in one line of any output: control characters and the
    /// line separators U+2028 and U+2029 are escaped too.
    package mutating func append(jsonString text: String) {
        append(.quote)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": append(contentsOf: "\\\"".utf8)
            case "\\": append(contentsOf: "\\\\".utf8)
            case "\n": append(contentsOf: "\\n".utf8)
            case "\r": append(contentsOf: "\\r".utf8)
            case "\t": append(contentsOf: "\\t".utf8)
            case _ where scalar.isControl:
                append(contentsOf: "\\u".utf8)
                for shift in stride(from: 12, through: 0, by: -4) {
                    let digit = UInt8(truncatingIfNeeded: scalar.value >> UInt32(shift)) & 0xF
                    append(digit < 10 ? .zero + digit : UInt8(ascii: "a") + digit - 10)
                }
            case _ where scalar.isASCII: append(UInt8(truncatingIfNeeded: scalar.value))
            default: append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        append(.quote)
    }
}
