/// A terminal's answer to a command, read from the bytes of its message.
///
/// Read with all the tolerance of `JSONReader`, and bounded: at most 8 MiB, 64 levels and 300,000 values. Records of a
/// page of logs are not read here (`LogMessage` has them).
package struct CommandAnswer: Hashable, Sendable {
    /// Whether the word stood under `ret` or, as some firmwares have it (quirk Q22), under `cmd`.
    package enum Key: Hashable, Sendable { case ret, cmd }

    package var key: Key
    /// Trimmed, lower case.
    package var word: String
    package var serial: SerialNumber?
    /// Nil where the answer does not say, as that of `gettime`.
    package var result: Bool?
    /// `reason`, number or text, and `msg`.
    package var reason: String?
    package var message: String?
    /// All other fields.
    package var fields: [String: JSONValue]

    package init(
        key: Key = .ret, word: String, serial: SerialNumber? = nil, result: Bool? = nil,
        reason: String? = nil,
        message: String? = nil, fields: [String: JSONValue] = [:]
    ) {
        self.key = key
        self.word = word
        self.serial = serial
        self.result = result
        self.reason = reason
        self.message = message
        self.fields = fields
    }

    package static let maximumBytes = 8 << 20
    package static let maximumValues = 300_000

    /// Nil when it is no JSON object, has no word, or is larger than any answer.
    package init?(reading bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= Self.maximumBytes else { return nil }
        var start = 0
        var end = bytes.count
        if end >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { start = 3 }
        while end > start, bytes[end - 1].isBlank || bytes[end - 1] == 0 { end -= 1 }
        var reader = JSONReader(bytes, range: start..<end, maximumDepth: 64)
        var budget = Self.maximumValues
        guard reader.peek() == .openBrace else { return nil }
        // What is wrong with it the session has already told: it reads every message first.
        guard let tree = try? reader.tree(&budget), case .object(var fields) = tree else { return nil }
        func word(_ key: String) -> String? {
            guard case .text(let text)? = fields[key] else { return nil }
            let word = text.trimmingBlanks().lowercased().prefix(scalars: 64)
            return word.isEmpty ? nil : word
        }
        // A message with both asks for something: `cmd` counts, as in `FrameDecoder`.
        if let asked = word("cmd") {
            self.init(key: .cmd, word: asked)
        } else if let answered = word("ret") {
            self.init(key: .ret, word: answered)
        } else {
            return nil
        }
        serial = fields["sn"]?.plainText.flatMap { SerialNumber($0) }
        result = fields["result"]?.truth
        reason = fields["reason"]?.plainText.map { PlainText.line($0, limit: 200) }
        message = fields["msg"]?.plainText.map { PlainText.line($0, limit: 200) }
        for key in ["cmd", "ret", "sn", "result", "reason", "msg"] { fields[key] = nil }
        self.fields = fields
    }

    package init?(reading bytes: [UInt8]) {
        guard let answer = bytes.withUnsafeBytes({ CommandAnswer(reading: $0) }) else { return nil }
        self = answer
    }

    /// The terminal says no.
    package var isRefusal: Bool {
        // Without `result`, a reason is one for a refusal.
        result.map(!) ?? (reason != nil && fields.isEmpty)
    }

    /// Why, where it says no.
    package var failure: CommandFailure? {
        isRefusal ? CommandFailure(word: word, reason: reason, message: message) : nil
    }

    /// The user it is about, where it says so.
    package var enrollID: EnrollID? { fields["enrollid"]?.plainText.flatMap { EnrollID($0) } }
}
