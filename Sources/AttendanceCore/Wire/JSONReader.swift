/// A cursor over the bytes of one JSON text: finds where values begin and end, builds nothing.
///
/// Stricter than it must be nowhere, so that one odd field does not cost a batch of punches. Beyond RFC 8259 it takes
/// (docs/protocol.md §4, §7):
/// - extra commas anywhere between, before or after the members of a list or object; two values still need one;
/// - control characters and unknown escapes inside strings (`\'` is `'`);
/// - as a number any run of digits, signs, points and exponents; what is no number has no integer value (`001` has);
/// - `NaN`, `Infinity` and `-Infinity`, which Python writes, as values without meaning.
///
/// Bytes that are no UTF-8 pass inside strings; whoever takes a string out decides what they mean. The borrowed bytes
/// must outlive the reader. Works in one pass and in time linear in the bytes it passes.
struct JSONReader {
    let bytes: UnsafeRawBufferPointer
    private(set) var index: Int
    private let end: Int
    private var depth = 0
    private let maximumDepth: Int

    /// Reads `range` of `bytes`; offsets in results and errors count from the start of `bytes`.
    init(_ bytes: UnsafeRawBufferPointer, range: Range<Int>, maximumDepth: Int) {
        self.bytes = bytes
        index = range.lowerBound
        end = range.upperBound
        self.maximumDepth = maximumDepth
    }

    /// A string as it stands between its quotes.
    struct Text {
        let range: Range<Int>
        /// Holds a backslash.
        let isEscaped: Bool
        /// No byte above 0x7F.
        let isASCII: Bool
    }

    enum Value {
        case text(Text)
        case number(Range<Int>)
        case bool(Bool)
        /// `null`, and numbers that are none.
        case null
        /// An object or a list, brackets included.
        case container(Range<Int>)
    }

    // MARK: Structure

    /// The next byte that is no blank, not consumed; nil at the end.
    mutating func peek() -> UInt8? {
        skipBlanks()
        return index < end ? bytes[index] : nil
    }

    /// Consumes an opening bracket that `peek` has shown.
    mutating func open() throws(FrameError) {
        guard depth < maximumDepth else { throw .tooDeep }
        depth += 1
        index += 1
    }

    /// Goes to the next member of the list or object that was opened last, or closes it and answers false.
    @inline(__always)
    mutating func next(before close: UInt8, isFirst: inout Bool) throws(FrameError) -> Bool {
        skipBlanks()
        var isSeparated = isFirst
        while index < end, bytes[index] == .comma {
            index += 1
            skipBlanks()
            isSeparated = true
        }
        guard index < end else { throw expected("a closing bracket") }
        if bytes[index] == close {
            index += 1
            depth -= 1
            return false
        }
        guard isSeparated else { throw expected("a comma or a closing bracket") }
        isFirst = false
        return true
    }

    /// Consumes a key and its colon.
    @inline(__always)
    mutating func key() throws(FrameError) -> Text {
        guard bytes[index] == .quote else { throw expected("a key in quotes") }
        let key = try text()
        skipBlanks()
        guard index < end, bytes[index] == .colon else { throw expected("a colon") }
        index += 1
        return key
    }

    /// Consumes one value of any kind.
    mutating func value() throws(FrameError) -> Value {
        skipBlanks()
        guard index < end else { throw expected("a value") }
        let start = index
        switch bytes[index] {
        case .quote:
            return .text(try text())
        case .zero ... .nine:
            return number(from: start)
        case .minus:
            index += 1
            guard index < end, bytes[index] == UInt8(ascii: "I") else { return number(from: start) }
            try literal("Infinity")
            return .null
        case .openBrace, .openBracket:
            try container()
            return .container(start..<index)
        case UInt8(ascii: "t"):
            try literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null")
            return .null
        case UInt8(ascii: "N"):
            try literal("NaN")
            return .null
        case UInt8(ascii: "I"):
            try literal("Infinity")
            return .null
        default:
            throw expected("a value")
        }
    }

    func expected(_ what: String) -> FrameError { .notJSON(offset: index, expected: what) }

    private mutating func container() throws(FrameError) {
        let isObject = bytes[index] == .openBrace
        try open()
        var isFirst = true
        while try next(before: isObject ? .closeBrace : .closeBracket, isFirst: &isFirst) {
            if isObject { _ = try key() }
            _ = try value()
        }
    }

    private mutating func number(from start: Int) -> Value {
        while index < end, bytes[index].mayStandInNumber { index += 1 }
        return .number(start..<index)
    }

    private mutating func literal(_ word: StaticString) throws(FrameError) {
        let length = word.utf8CodeUnitCount
        guard end - index >= length, UnsafeRawBufferPointer(rebasing: bytes[index..<index + length]) == word
        else { throw expected("a value") }
        index += length
    }

    @inline(__always)
    private mutating func skipBlanks() {
        while index < end, bytes[index].isBlank { index += 1 }
    }

    /// Consumes a string, the cursor standing on its opening quote. Looks at eight bytes at a time: photos are long.
    private mutating func text() throws(FrameError) -> Text {
        index += 1
        let start = index
        var isEscaped = false
        var high: UInt64 = 0
        while index < end {
            if end - index >= 8 {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                let hits = word.bytes(equalTo: .quote) | word.bytes(equalTo: .backslash)
                guard hits != 0 else {
                    high |= word
                    index += 8
                    continue
                }
                // Only what lies before the first hit belongs to the string for certain.
                let clear = hits.trailingZeroBitCount & ~7
                high |= word & ((1 &<< UInt64(clear)) &- 1)
                index += clear / 8
            }
            let byte = bytes[index]
            if byte == .quote {
                let text = Text(
                    range: start..<index, isEscaped: isEscaped, isASCII: high & 0x8080_8080_8080_8080 == 0)
                index += 1
                return text
            }
            if byte == .backslash {
                isEscaped = true
                // The escaped byte cannot end the string; it is looked at again when the string is taken out.
                guard index + 1 < end else { break }
                high |= UInt64(bytes[index + 1])
                index += 2
            } else {
                high |= UInt64(byte)
                index += 1
            }
        }
        index = end
        throw expected("a closing quote")
    }
}

extension UInt8 {
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let comma = UInt8(ascii: ",")
    static let colon = UInt8(ascii: ":")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")
    static let minus = UInt8(ascii: "-")
    static let point = UInt8(ascii: ".")
    static let zero = UInt8(ascii: "0")
    static let nine = UInt8(ascii: "9")

    /// JSON's white space.
    @inline(__always)
    var isBlank: Bool { self == 0x20 || self == 0x0A || self == 0x0D || self == 0x09 }

    @inline(__always)
    var isDigit: Bool { self &- .zero <= 9 }

    var mayStandInNumber: Bool {
        isDigit || self == .point || self == .minus || self == UInt8(ascii: "+") || self == UInt8(ascii: "e")
            || self == UInt8(ascii: "E")
    }
}

extension UInt64 {
    /// The top bit of each byte of `self` that equals `byte`; exact for the lowest such byte and those below it.
    @inline(__always)
    fileprivate func bytes(equalTo byte: UInt8) -> UInt64 {
        let difference = self ^ (UInt64(byte) &* 0x0101_0101_0101_0101)
        return (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    static func == (bytes: UnsafeRawBufferPointer, word: StaticString) -> Bool {
        guard bytes.count == word.utf8CodeUnitCount else { return false }
        let other = word.utf8Start
        for index in 0..<bytes.count where bytes[index] != other[index] { return false }
        return true
    }

    /// Lets a `switch` over bytes name its cases in text.
    @inline(__always)
    static func ~= (word: StaticString, bytes: UnsafeRawBufferPointer) -> Bool { bytes == word }
}
