extension JSONReader {
    /// Which of the fields we read a key names; nil for any other.
    @inline(__always)
    func field(_ key: Text) throws(FrameError) -> WireField? {
        if key.isASCII && !key.isEscaped { return WireField(slice(trimmed(key.range))) }
        return try unusualField(key)
    }

    private func unusualField(_ key: Text) throws(FrameError) -> WireField? {
        var text = try identifier(key).trimmingBlanks()
        return text.withUTF8 { WireField(UnsafeRawBufferPointer($0)) }
    }

    /// Consumes one object of a list of log records.
    mutating func record() throws(FrameError) -> LogRecord {
        let start = index
        var record = LogRecord()
        try open()
        var isFirst = true
        while try next(before: .closeBrace, isFirst: &isFirst) {
            let key = try key()
            if let field = try field(key) {
                try take(field, into: &record)
            } else {
                _ = try value()
            }
        }
        record.raw = start..<index
        return record
    }

    /// Consumes the value of one field of a record. Set anew also to nil: the last of duplicate keys wins.
    @inline(__always)
    mutating func take(_ field: WireField, into record: inout LogRecord) throws(FrameError) {
        _ = peek()
        let start = index
        let value = try value()
        switch field {
        case .enrollID: record.enrollID = enrollID(value)
        case .aliasID: record.alias = textOrNumber(value)
        case .name: record.name = string(value)
        case .time: record.time = time(value)
        case .mode: record.mode = integer(value)
        case .inOut: record.inOut = integer(value)
        case .event: record.event = integer(value)
        case .verifyMode: record.verifyMode = integer(value)
        case .temp: record.temperature = temperature(value)
        // Inside a log record a `record` can only be a template, a PIN or a card.
        case .image, .secret, .record:
            record.images.append(start..<index)
            if field == .image, case .text(let text) = value { record.photo = text.range }
        default: break
        }
    }

    /// A string as it is, the digits of a whole number as they stand (leading zeros too), `7.0` and `1e2` as 7 and 100.
    private func enrollID(_ value: Value) -> String? {
        switch value {
        case .text(let text):
            return exactString(text)
        case .number(let range):
            let digits = slice(range)
            if digits.allSatisfy(\.isDigit) { return String(decoding: digits, as: UTF8.self) }
            guard let number = integer(value), number >= 0 else { return nil }
            return String(number)
        default:
            return nil
        }
    }

    private func time(_ value: Value) -> LogRecord.Time {
        if case .text(let text) = value, !text.isEscaped, let time = WallTime(bytes: slice(text.range)) {
            return .valid(time)
        }
        guard let text = textOrNumber(value) else { return .missing }
        if let time = WallTime(text) { return .valid(time) }
        return .invalid(text.prefix(scalars: 64))
    }

    /// Hundredths of a degree. 36.5, 365 and 3650 are the same temperature; 0 is none (quirk Q15).
    private func temperature(_ value: Value) -> Int? {
        guard let number = number(value)?.double, number > 0, number < 10_000 else { return nil }
        let degrees = number >= 1000 ? number / 100 : number >= 100 ? number / 10 : number
        let hundredths = Int((degrees * 100).rounded())
        return hundredths > 0 ? hundredths : nil
    }
}
