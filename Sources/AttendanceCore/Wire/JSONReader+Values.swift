/// Taking values out of what the cursor found. None of it fails a message: a value of the wrong kind is nil.
extension JSONReader {
    /// The string with escapes resolved; malformed UTF-8 and lone surrogates become U+FFFD.
    func string(_ text: Text) -> String {
        guard text.isEscaped else { return String(decoding: slice(text.range), as: UTF8.self) }
        return String(decoding: unescaped(text.range), as: UTF8.self)
    }

    /// The string with escapes resolved; nil when it holds malformed UTF-8.
    func exactString(_ text: Text) -> String? {
        if text.isASCII { return string(text) }
        guard String(validating: slice(text.range), as: UTF8.self) != nil else { return nil }
        return string(text)
    }

    /// The string with escapes resolved, where malformed UTF-8 is not forgiven.
    func identifier(_ text: Text) throws(FrameError) -> String {
        if let string = exactString(text) { return string }
        throw .notUTF8(offset: text.range.lowerBound + (slice(text.range).firstMalformedUTF8 ?? 0))
    }

    /// The text of a string; nil for every other kind.
    func string(_ value: Value) -> String? {
        if case .text(let text) = value { string(text) } else { nil }
    }

    /// The text of a string or the digits of a number as they were written; nil for every other kind.
    func textOrNumber(_ value: Value) -> String? {
        switch value {
        case .text(let text): string(text)
        case .number(let range): String(decoding: slice(range), as: UTF8.self)
        default: nil
        }
    }

    /// A whole number, or a string that holds one. `7.0` and `1e2` are whole; nil beyond 64 bits.
    func integer(_ value: Value) -> Int64? {
        switch value {
        case .number(let range): return WireNumber(slice(range))?.integer
        case .text(let text):
            guard text.isASCII, !text.isEscaped else { return nil }
            return WireNumber(slice(trimmed(text.range)))?.integer
        default: return nil
        }
    }

    /// `true` and `false`, also as strings; numbers other than 0 are true.
    func bool(_ value: Value) -> Bool? {
        if case .bool(let bool) = value { return bool }
        if case .text(let text) = value {
            let word = slice(trimmed(text.range))
            if word == "true" || word == "True" || word == "TRUE" { return true }
            if word == "false" || word == "False" || word == "FALSE" { return false }
        }
        return integer(value).map { $0 != 0 }
    }

    /// A number or a string that holds one; nil otherwise.
    func number(_ value: Value) -> WireNumber? {
        switch value {
        case .number(let range): WireNumber(slice(range))
        case .text(let text) where text.isASCII && !text.isEscaped: WireNumber(slice(trimmed(text.range)))
        default: nil
        }
    }

    @inline(__always)
    func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }

    /// Without blanks, control characters and NUL at both ends.
    @inline(__always)
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (first, last) = (range.lowerBound, range.upperBound)
        while first < last, bytes[first] <= 0x20 { first += 1 }
        while first < last, bytes[last - 1] <= 0x20 { last -= 1 }
        return first..<last
    }

    /// The bytes of a string after its escapes; an escape that is none stands for the character behind the backslash.
    func unescaped(_ range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var at = range.lowerBound
        while at < range.upperBound {
            let byte = bytes[at]
            at += 1
            guard byte == .backslash, at < range.upperBound else {
                result.append(byte)
                continue
            }
            let escape = bytes[at]
            at += 1
            switch escape {
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "u"):
                let scalar = unicodeEscape(at: &at, until: range.upperBound)
                result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            default: result.append(escape)
            }
        }
        return result
    }

    /// What follows `\u`: one unit, or two that make a pair. U+FFFD for a lone half and for what is no hexadecimal.
    private func unicodeEscape(at index: inout Int, until end: Int) -> Unicode.Scalar {
        guard let unit = hexadecimal(at: index, until: end) else { return "\u{FFFD}" }
        index += 4
        if let scalar = Unicode.Scalar(unit) { return scalar }
        guard unit < 0xDC00, index + 2 <= end, bytes[index] == .backslash,
            bytes[index + 1] == UInt8(ascii: "u"), let low = hexadecimal(at: index + 2, until: end),
            (0xDC00...0xDFFF).contains(low)
        else { return "\u{FFFD}" }
        index += 6
        return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}"
    }

    private func hexadecimal(at start: Int, until end: Int) -> UInt32? {
        guard start + 4 <= end else { return nil }
        var value: UInt32 = 0
        for index in start..<start + 4 {
            switch bytes[index] {
            case let byte where byte.isDigit: value = value << 4 | UInt32(byte - .zero)
            case let byte where (0x61...0x66).contains(byte | 0x20):
                value = value << 4 | UInt32((byte | 0x20) - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }
}
