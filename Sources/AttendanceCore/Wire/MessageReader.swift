/// Gathers the fields of one message while the cursor passes over it, then decides what the message is: the word may
/// stand behind the records.
struct MessageReader {
    private var json: JSONReader
    private let range: Range<Int>
    private let maximumDepth: Int

    private var cmd: String?
    private var ret: String?
    private var serial: SerialNumber?
    private var count: Int64?
    private var logIndex: Int64?
    private var from: Int64?
    private var to: Int64?
    private var result: Bool?
    private var reason: String?
    private var text: String?
    private var backupNumber: Int64?
    private var deviceInfo: Range<Int>?
    private var list = LogMessage.List.missing
    private var records: [LogRecord] = []
    /// Fields of a record that stood in the message itself.
    private var flat = LogRecord()

    init(_ bytes: UnsafeRawBufferPointer, range: Range<Int>, maximumDepth: Int) {
        json = JSONReader(bytes, range: range, maximumDepth: maximumDepth)
        self.range = range
        self.maximumDepth = maximumDepth
    }

    mutating func read() throws(FrameError) -> FrameDecoder.Frame {
        guard json.peek() == .openBrace else {
            _ = try json.value()
            guard json.peek() == nil else { throw json.expected("the end of the message") }
            throw .notAnObject
        }
        let start = json.index
        try json.open()
        var isFirst = true
        while try json.next(before: .closeBrace, isFirst: &isFirst) {
            let key = try json.key()
            if let field = try json.field(key) {
                try take(field)
            } else {
                _ = try json.value()
            }
        }
        flat.raw = start..<json.index
        let rest = try self.rest()
        return FrameDecoder.Frame(message: try message(), rest: rest)
    }

    // MARK: Fields

    /// Each field is set anew, also to nil: the last of duplicate keys wins.
    private mutating func take(_ field: WireField) throws(FrameError) {
        switch field {
        case .record:
            try takeRecords()
        case .cmd:
            cmd = try word(try json.value())
        case .ret:
            ret = try word(try json.value())
        case .sn:
            serial = try serial(try json.value())
        case .count: count = json.integer(try json.value())
        case .logIndex: logIndex = json.integer(try json.value())
        case .from: from = json.integer(try json.value())
        case .to: to = json.integer(try json.value())
        case .result: result = json.bool(try json.value())
        case .reason: reason = json.textOrNumber(try json.value())
        case .msg: text = json.textOrNumber(try json.value())
        case .backupNumber: backupNumber = json.integer(try json.value())
        case .deviceInfo:
            if case .container(let range) = try json.value() { deviceInfo = range } else { deviceInfo = nil }
        case .firmware, .modelName, .usedNewLog:
            _ = try json.value()  // `DeviceReader` looks again when the message is a registration
        case .enrollID, .aliasID, .name, .time, .mode, .inOut, .event, .verifyMode, .temp, .image, .secret:
            try json.take(field, into: &flat)
        }
    }

    /// A command word: trimmed, lower case, at most 64 characters; nil when empty or no string.
    private func word(_ value: JSONReader.Value) throws(FrameError) -> String? {
        guard case .text(let text) = value else { return nil }
        var word = try json.identifier(text).trimmingBlanks()
        if !word.utf8.allSatisfy({ (0x61...0x7A).contains($0) }) { word = word.lowercased() }
        if word.utf8.count > 64 { word = String(word.prefix(scalars: 64)) }
        return word.isEmpty ? nil : word
    }

    private func serial(_ value: JSONReader.Value) throws(FrameError) -> SerialNumber? {
        if case .text(let text) = value { return SerialNumber(try json.identifier(text)) }
        return json.textOrNumber(value).flatMap { SerialNumber($0) }
    }

    // MARK: Records

    private mutating func takeRecords() throws(FrameError) {
        records.removeAll()
        switch json.peek() {
        case UInt8.openBrace:
            records.append(try json.record())
            list = .records
        case UInt8.openBracket:
            try json.open()
            var isFirst = true
            while try json.next(before: .closeBracket, isFirst: &isFirst) {
                guard records.count < FrameDecoder.maximumRecords else {
                    try skipEntries()
                    break
                }
                if json.peek() == .openBrace {
                    records.append(try json.record())
                } else {
                    let start = json.index
                    _ = try json.value()
                    records.append(LogRecord(raw: start..<json.index, isObject: false))
                }
            }
            list = records.isEmpty ? .empty : .records
        default:
            _ = try json.value()
            list = .missing
        }
    }

    /// The rest of a list that is longer than any real one, as a single entry.
    private mutating func skipEntries() throws(FrameError) {
        let start = json.index
        var end = start
        var isFirst = true
        repeat {
            _ = try json.value()
            end = json.index
            isFirst = false
        } while try json.next(before: .closeBracket, isFirst: &isFirst)
        records.append(LogRecord(raw: start..<end, isObject: false))
    }

    // MARK: The whole

    /// Another object may follow (quirk Q33); anything else behind the first is a mistake.
    private mutating func rest() throws(FrameError) -> Range<Int>? {
        guard let next = json.peek() else { return nil }
        guard next == .openBrace else { throw json.expected("the end of the message") }
        let rest = json.index..<range.upperBound
        if let offset = json.slice(rest).firstMalformedUTF8 {
            throw .notUTF8(offset: rest.lowerBound + offset)
        }
        return rest
    }

    private mutating func message() throws(FrameError) -> TerminalMessage {
        if let word = cmd {
            switch word {
            case "sendlog", "getnewlog", "getalllog":
                return .log(log(.cmd, word))
            case "sendrtlog", "rtlog", "pushlog":
                // "Like one record of sendlog" may mean that its fields stand in the message itself.
                if list == .missing, flat.enrollID != nil || flat.time != .missing {
                    records = [flat]
                    list = .records
                }
                return .log(log(.cmd, word))
            case "reg":
                return .registration(try registration())
            default:
                return .request(
                    Request(
                        word: word, serial: serial, enrollID: flat.enrollID.flatMap { Int64($0) },
                        backupNumber: backupNumber))
            }
        }
        guard let word = ret else { return .wordless }
        if word == "getnewlog" || word == "getalllog" { return .log(log(.ret, word)) }
        return .answer(Answer(word: word, serial: serial, result: result, reason: reason, message: text))
    }

    private func log(_ key: LogMessage.Key, _ word: String) -> LogMessage {
        LogMessage(
            key: key, word: word, serial: serial, count: count, logIndex: logIndex, list: list,
            records: records,
            from: from, to: to, result: result)
    }

    private func registration() throws(FrameError) -> Registration {
        var device = DeviceReader(json.bytes, maximumDepth: maximumDepth)
        // The same keys at top level on some firmwares; what `devinfo` says counts more.
        try device.read(flat.raw, isMessage: true)
        if let deviceInfo { try device.read(deviceInfo, isMessage: false) }
        var registration = device.registration
        registration.serial = serial
        return registration
    }
}

extension String {
    /// The first `count` Unicode scalars: unlike characters these are bounded in bytes.
    func prefix(scalars count: Int) -> String {
        utf8.count <= count ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(count)))
    }
}
