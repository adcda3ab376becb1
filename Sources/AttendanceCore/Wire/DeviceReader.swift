/// Reads what a terminal says of itself at `reg`, from `devinfo` or from the message itself, and writes it anew as
/// strict JSON. A second pass, because registrations are rare and punches are not.
struct DeviceReader {
    private let bytes: UnsafeRawBufferPointer
    private let maximumDepth: Int
    private(set) var registration = Registration()

    /// Device information of more bytes than this is not kept.
    static let maximumInfo = 8 * 1024

    init(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    /// Takes the fields of the object at `range`. `isMessage` leaves out what is no device information: the word, the
    /// serial and `devinfo` itself.
    mutating func read(_ range: Range<Int>, isMessage: Bool) throws(FrameError) {
        var json = JSONReader(bytes, range: range, maximumDepth: maximumDepth)
        guard json.peek() == .openBrace else { return }  // a list under `devinfo` tells nothing
        try json.open()
        var strict: [UInt8] = [.openBrace]
        var isFirst = true
        while try json.next(before: .closeBrace, isFirst: &isFirst) {
            let name = json.string(try json.key()).trimmingBlanks()
            let start = json.peek().map { _ in json.index } ?? range.upperBound
            let value = try json.value()
            if isMessage, ["cmd", "sn", "devinfo"].contains(name) { continue }
            switch name {
            case "modelname": registration.model = text(json, value)
            case "firmware": registration.firmware = text(json, value)
            case "usednewlog": registration.backlog = json.integer(value)
            case "time": registration.clock = json.string(value).flatMap { WallTime($0) }
            default: break
            }
            if strict.count > 1 { strict.append(.comma) }
            strict.append(jsonString: name)
            strict.append(.colon)
            var copy = JSONReader(bytes, range: start..<json.index, maximumDepth: maximumDepth)
            try copy.rewrite(into: &strict)
        }
        strict.append(.closeBrace)
        guard strict.count > 2, strict.count <= Self.maximumInfo else { return }
        registration.deviceInfo = String(decoding: strict, as: UTF8.self)
    }

    private func text(_ json: JSONReader, _ value: JSONReader.Value) -> String? {
        guard let text = json.textOrNumber(value)?.trimmingBlanks(), !text.isEmpty else { return nil }
        return text.prefix(scalars: 256)
    }
}

extension JSONReader {
    /// Writes the value at the cursor as strict JSON: repairs gone, malformed UTF-8 replaced, blanks left out.
    mutating func rewrite(into output: inout [UInt8]) throws(FrameError) {
        guard let next = peek(), next == .openBrace || next == .openBracket else {
            append(try value(), to: &output)
            return
        }
        let close: UInt8 = next == .openBrace ? .closeBrace : .closeBracket
        try open()
        output.append(next)
        var isFirst = true
        var needsComma = false
        while try self.next(before: close, isFirst: &isFirst) {
            if needsComma { output.append(.comma) }
            needsComma = true
            if next == .openBrace {
                output.append(jsonString: string(try key()).trimmingBlanks())
                output.append(.colon)
            }
            try rewrite(into: &output)
        }
        output.append(close)
    }

    private func append(_ value: Value, to output: inout [UInt8]) {
        switch value {
        case .text(let text): output.append(jsonString: string(text))
        case .number(let range):
            // A number with leading zeros and the like is kept as text, digits and all.
            let number = slice(range)
            if number.isStrictNumber {
                output.append(contentsOf: number)
            } else {
                output.append(jsonString: String(decoding: number, as: UTF8.self))
            }
        case .bool(let bool): output.append(contentsOf: bool ? "true".utf8 : "false".utf8)
        case .null, .container: output.append(contentsOf: "null".utf8)
        }
    }
}

extension UnsafeRawBufferPointer {
    /// A number by the grammar of RFC 8259 §6.
    fileprivate var isStrictNumber: Bool {
        var index = first == .minus ? 1 : 0
        func digits() -> Int {
            let start = index
            while index < count, self[index].isDigit { index += 1 }
            return index - start
        }
        let whole = index
        let length = digits()
        guard length == 1 || (length > 1 && self[whole] != .zero) else { return false }
        if index < count, self[index] == .point {
            index += 1
            guard digits() > 0 else { return false }
        }
        if index < count, self[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < count, self[index] == .minus || self[index] == UInt8(ascii: "+") { index += 1 }
            guard digits() > 0 else { return false }
        }
        return index == count
    }
}
