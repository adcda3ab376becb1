/// Every command that can be given to a terminal: what there is, what it needs, and whether a given one may be sent.
///
/// Made from `CommandTable`; the help and docs/commands.md are written from the same table.
package enum CommandCatalogue {
    /// In the order of docs/protocol.md §8.
    package static let words: [CommandWord] = CommandTable.words

    /// Nil for a word that is not in the catalogue. Letter case does not count.
    package static func word(_ name: String) -> CommandWord? { byName[name.lowercased()] }

    /// What is to be known of the word of a request; of one that is not in the catalogue only what its name tells.
    package static func word(of request: CommandRequest) -> CommandWord {
        word(request.word) ?? unlisted(request.word)
    }

    private static let byName = Dictionary(uniqueKeysWithValues: words.map { ($0.name, $0) })

    /// Of a user's name, in bytes of UTF-8.
    package static let maximumName = 64
    /// Of one request as it is sent: a photo of 150 kB in base64 fits several times.
    package static let maximumRequest = 1 << 20
    /// Objects and lists within each other in a request.
    package static let maximumDepth = 16

    // MARK: Requests

    /// A request from JSON fields, such as `{"enrollid": 12, "backupnum": 13}`; or everything that is wrong with it.
    ///
    /// Numbers may come as texts; aliases become the key of the table; dates get their zeros; photos lose their
    /// `data:` prefix.
    package static func request(
        _ name: String, fields: [String: JSONValue] = [:], for traits: TerminalTraits = TerminalTraits()
    ) throws(CommandRefusal) -> CommandRequest {
        guard let word = word(name) else {
            throw CommandRefusal(
                word: shown(name),
                problems: [
                    CommandProblem(
                        field: "the command", found: "\"\(shown(name))\" is not in the catalogue",
                        allowed: "a word of the catalogue, or raw mode")
                ])
        }
        var check = CommandCheck(word: word, traits: traits)
        let checked = check.fields(fields)
        guard check.problems.isEmpty else {
            throw CommandRefusal(word: word.name, problems: check.problems)
        }
        return try bounded(CommandRequest(word: word.name, fields: checked))
    }

    /// A request from `key=value` texts of a command line. Lists are written as JSON.
    package static func request(
        _ name: String, texts: [String], for traits: TerminalTraits = TerminalTraits()
    ) throws(CommandRefusal) -> CommandRequest {
        try request(name, fields: fields(of: name, texts: texts), for: traits)
    }

    /// Any word with any fields, as they stand: for what no document tells. Only the form is checked.
    package static func raw(_ name: String, fields: [String: JSONValue] = [:]) throws(CommandRefusal)
        -> CommandRequest
    {
        var problems: [CommandProblem] = []
        let lower = name.lowercased()
        if !isWord(lower) {
            problems.append(
                CommandProblem(
                    field: "the command", found: "\"\(shown(name))\"",
                    allowed: "1 to 64 letters, digits, _ and -, a letter first"))
        }
        for key in fields.keys.sorted() {
            if ["cmd", "ret", "sn"].contains(key) {
                problems.append(
                    CommandProblem(
                        field: key, found: "a field that the gateway writes itself", allowed: "other fields"))
            } else if key.isEmpty || !key.isOneLine(ofAtMost: 64) {
                problems.append(
                    CommandProblem(
                        field: shown(key), found: "no name of a field",
                        allowed: "1 to 64 characters without control characters"))
            } else if let value = fields[key], value.depth > maximumDepth {
                problems.append(
                    CommandProblem(
                        field: key, found: "\(value.depth) levels", allowed: "at most \(maximumDepth) levels")
                )
            }
        }
        guard problems.isEmpty else {
            throw CommandRefusal(
                word: shown(lower), problems: Array(problems.prefix(CommandRefusal.maximumProblems)))
        }
        return try bounded(CommandRequest(word: lower, fields: fields))
    }

    /// Raw mode from `key=value` texts: what reads as JSON is JSON, everything else is text.
    package static func raw(_ name: String, texts: [String]) throws(CommandRefusal) -> CommandRequest {
        try raw(name, fields: fields(of: name, texts: texts, isRaw: true))
    }

    private static func fields(of name: String, texts: [String], isRaw: Bool = false) throws(CommandRefusal)
        -> [String: JSONValue]
    {
        let word = isRaw ? nil : word(name)
        var fields: [String: JSONValue] = [:]
        var problems: [CommandProblem] = []
        for text in texts.prefix(1000) {
            guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
                // It may be a secret that was put into the wrong place: only its length is told.
                problems.append(
                    CommandProblem(
                        field: "field \(texts.firstIndex(of: text).map { $0 + 1 } ?? 0)",
                        found: "\(text.count) characters without a key", allowed: "key=value"))
                continue
            }
            let key = text[..<equals].trimmingBlanks()
            let value = String(text[text.index(after: equals)...])
            if fields[key] != nil {
                problems.append(
                    CommandProblem(field: shown(key), found: "given twice", allowed: "each field once"))
            }
            guard isRaw || word?.parameter(key)?.kind.isStructured ?? (word?.takesOthers ?? false) else {
                fields[key] = .text(value)
                continue
            }
            if let parsed = JSONValue(parsing: value, maximumDepth: maximumDepth) {
                fields[key] = parsed
            } else if isRaw || word?.parameter(key) == nil {
                fields[key] = .text(value)
            } else {
                problems.append(
                    CommandProblem(
                        field: key, found: "no JSON", allowed: word?.parameter(key)?.kind.allowed ?? ""))
            }
        }
        guard problems.isEmpty else { throw CommandRefusal(word: shown(name), problems: problems) }
        return fields
    }

    private static func bounded(_ request: CommandRequest) throws(CommandRefusal) -> CommandRequest {
        let size = request.encoded(for: .unknown, at: nil).count
        guard size <= maximumRequest else {
            throw CommandRefusal(
                word: request.word,
                problems: [
                    CommandProblem(
                        field: "the command", found: "\(size) bytes",
                        allowed: "at most \(maximumRequest) bytes")
                ])
        }
        return request
    }

    // MARK: Words that are not in the catalogue

    static func isWord(_ name: String) -> Bool {
        guard let first = name.utf8.first, (0x61...0x7A).contains(first), name.utf8.count <= 64 else {
            return false
        }
        return name.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_")
                || $0 == UInt8(ascii: "-")
        }
    }

    /// Reading words begin with `get` or `check`; of any other nobody knows what it does.
    private static func unlisted(_ name: String) -> CommandWord {
        let reads = name.hasPrefix("get") || name.hasPrefix("check")
        return CommandWord(
            name, .newer, "A word that is not in the catalogue.", answer: .other,
            repeating: reads ? .safe : .never,
            danger: reads ? nil : "is a word that is not in the catalogue: what it does is not known",
            timeOut: CommandWord.longTimeOut, takesOthers: true, isRaw: true)
    }

    /// Foreign text in a message for a person.
    static func shown(_ text: String) -> String { PlainText.line(text, limit: 64) }
}

extension CommandRequest {
    /// What is to be known of its word.
    package var catalogueWord: CommandWord { CommandCatalogue.word(of: self) }

    /// How long its answer may take (docs/protocol.md §8).
    package var timeOut: Duration {
        let word = catalogueWord
        if word.name == "setuserinfo", let slot = fields["backupnum"]?.wholeNumber, slot >= 20 {
            return CommandWord.longTimeOut
        }
        return word.timeOut
    }

    /// May be sent again when it is not known whether it was carried out. A clock that is set to a moment written
    /// down before is set wrong the second time.
    package var isRepeatable: Bool {
        let word = catalogueWord
        if word.rule == .clock {
            return word.parameters.allSatisfy { fields[$0.key] == nil } && fields["time"] == nil
        }
        return word.repeating == .safe
    }
}
