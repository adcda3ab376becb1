/// Checks the fields of one command against the table and gathers everything that is wrong.
struct CommandCheck {
    let word: CommandWord
    let traits: TerminalTraits
    private(set) var problems: [CommandProblem] = []

    init(word: CommandWord, traits: TerminalTraits) {
        self.word = word
        self.traits = traits
    }

    mutating func refuse(_ field: String, _ found: String, _ allowed: String) {
        guard problems.count < CommandRefusal.maximumProblems else { return }
        problems.append(CommandProblem(field: field, found: found, allowed: allowed))
    }

    /// The fields as they are to be sent. Only to be used when there are no problems.
    mutating func fields(_ given: [String: JSONValue]) -> [String: JSONValue] {
        var checked: [String: JSONValue] = [:]
        for key in given.keys.sorted() {
            guard let value = given[key] else { continue }
            guard let parameter = word.parameter(key) else {
                takeUnlisted(key, value, into: &checked)
                continue
            }
            if checked[parameter.key] != nil {
                refuse(key, "given besides \(parameter.key)", "one of them")
            } else if parameter.kind == .credential {
                checked[parameter.key] = value  // once all fields are known
            } else if let value = self.value(
                value, parameter.kind, at: key, isSecret: parameter.isSecret)
            {
                checked[parameter.key] = value
            }
        }
        for parameter in word.parameters where parameter.isRequired {
            let isGiven = ([parameter.key] + parameter.aliases).contains { given[$0] != nil }
            if !isGiven { refuse(parameter.key, "missing", parameter.kind.allowed) }
        }
        applyRule(&checked)
        return checked
    }

    private mutating func takeUnlisted(
        _ key: String, _ value: JSONValue, into checked: inout [String: JSONValue]
    ) {
        let name = CommandCatalogue.shown(key)
        if ["cmd", "ret", "sn"].contains(key) || word.constants[key] != nil {
            refuse(name, "a field that the gateway writes itself", "other fields")
        } else if word.answer.isPaged, ["stn", "page", "pagesize"].contains(key) {
            refuse(name, "the gateway asks for all pages itself", "no paging, or raw mode")
        } else if word.takesOthers, !key.isEmpty, key.isOneLine(ofAtMost: 64) {
            if value.depth > CommandCatalogue.maximumDepth {
                refuse(name, "\(value.depth) levels", "at most \(CommandCatalogue.maximumDepth) levels")
            }
            checked[key] = value
        } else {
            let known = word.parameters.map(\.key)
            refuse(
                name, "\(word.name) has no such field",
                known.isEmpty ? "no fields" : known.joined(separator: ", "))
        }
    }

    // MARK: Across fields

    private mutating func applyRule(_ fields: inout [String: JSONValue]) {
        switch word.rule {
        case .none, .clock: break
        case .range:
            if case .text(let from) = fields["from"], case .text(let to) = fields["to"],
                let first = Self.moment(from), let last = Self.moment(to, isEnd: true), first > last
            {
                refuse("to", "\(to) is before \(from)", "a day that is not before from")
            }
        case .counted:
            guard case .list(let rows) = fields["record"] else { break }
            if let count = fields["count"]?.wholeNumber, count != rows.count {
                refuse("count", "\(count), with \(rows.count) entries", "the number of entries, or nothing")
            }
            fields["count"] = .integer(Int64(rows.count))
        case .anything:
            if fields.isEmpty, problems.isEmpty {
                refuse(
                    "fields", "none", "at least one of \(word.parameters.map(\.key).joined(separator: ", "))")
            }
        case .credential:
            window(fields, at: "")
            guard let value = fields["record"], let slot = fields["backupnum"]?.wholeNumber else { break }
            fields["record"] = credential(value, slot: slot)
        case .window: window(fields, at: "")
        case .questionnaire: questionnaire(fields)
        }
    }

    mutating func window(_ fields: [String: JSONValue], at path: String) {
        if case .text(let start) = fields["starttime"], case .text(let end) = fields["endtime"],
            let first = WallTime(start), let last = WallTime(end), first >= last
        {
            refuse(path + "endtime", "\(end) is not after \(start)", "a time after starttime")
        }
    }

    private mutating func questionnaire(_ fields: [String: JSONValue]) {
        if fields.isEmpty, problems.isEmpty { refuse("fields", "none", "at least one field") }
        guard case .list(let items) = fields["items"] else { return }
        let isSingle = fields["radio"]?.truth ?? true
        let limit = isSingle ? 16 : 8
        if items.count > limit {
            refuse(
                "items", "\(items.count) items",
                "at most \(limit) where \(isSingle ? "one" : "several") may be chosen")
        }
        guard case .list(let schedules) = fields["schedules"] else { return }
        for (index, schedule) in schedules.enumerated() {
            guard case .text(let text) = schedule,
                let item = text.split(separator: "*").last.flatMap({ Int($0) }),
                item > items.count
            else { continue }
            refuse(
                "schedules[\(index + 1)]", "item \(item) of \(items.count)",
                "an item from 1 to \(items.count)")
        }
    }

    /// Seconds of a day or a time, in the form that was checked; the last second of a day where it is an end.
    private static func moment(_ text: String, isEnd: Bool = false) -> WallTime? {
        WallTime(text) ?? WallTime(text + (isEnd ? " 23:59:59" : " 00:00:00"))
    }

    // MARK: One value

    /// The value as it is sent; nil, with a problem, when it cannot be.
    mutating func value(_ value: JSONValue, _ kind: ParameterKind, at path: String, isSecret: Bool = false)
        -> JSONValue?
    {
        if let good = take(value, kind, at: path) { return good }
        // Lists tell their own problems, with the place in the list.
        if !kind.isStructured {
            refuse(path, found(value, kind, isSecret: isSecret), kind.allowed(for: traits))
        }
        return nil
    }

    private func found(_ value: JSONValue, _ kind: ParameterKind, isSecret: Bool) -> String {
        if isSecret {
            return "\(value.plainText?.utf8.count ?? value.strictText.utf8.count) bytes of another form"
        }
        if case .text(let limit) = kind, case .text(let text) = value, text.utf8.count > limit {
            return "\(text.utf8.count) bytes"
        }
        switch value {
        case .text(let text): return text.isEmpty ? "nothing" : "\"\(CommandCatalogue.shown(text))\""
        default: return CommandCatalogue.shown(value.strictText)
        }
    }

    private mutating func take(_ value: JSONValue, _ kind: ParameterKind, at path: String) -> JSONValue? {
        switch kind {
        case .enrollID(let allowsZero): return enrollID(value, allowsZero: allowsZero)
        case .integer(let range, _):
            return value.wholeNumber.flatMap { range.contains($0) ? .integer($0) : nil }
        case .choice(let choices):
            return value.wholeNumber.flatMap { number in
                choices.contains { $0.value == number } ? .integer(number) : nil
            }
        case .flag: return value.truth.map { .flag($0) }
        case .bit:
            if let number = value.wholeNumber, number != 0, number != 1 { return nil }
            return value.truth.map { .integer($0 ? 1 : 0) }
        case .text(let limit):
            guard let text = value.plainText, text.utf8.count <= limit,
                !text.unicodeScalars.contains(where: \.isControl)
            else { return nil }
            return .text(text)
        case .slot(let use):
            return value.wholeNumber.flatMap { CredentialSlot($0)?.serves(use) == true ? .integer($0) : nil }
        case .card: return value.wholeNumber.flatMap { Self.cards.contains($0) ? .integer($0) : nil }
        case .pin: return CredentialForm.pin(value)
        case .credential: return value
        case .day: return day(value)
        case .time:
            guard case .text(let text) = value, let time = WallTime(text) else { return nil }
            return .text(time.description)
        case .monthDay:
            guard case .text(let text) = value, let day = MonthDay(text) else { return nil }
            return .text(day.description)
        case .dayZones: return dayZones(value, at: path)
        case .weekZones: return weekZones(value, at: path)
        case .lockGroups: return lockGroups(value, at: path)
        case .normallyOpen: return normallyOpen(value, at: path)
        case .names: return names(value, at: path)
        case .userLocks: return userLocks(value, at: path)
        case .holidays: return holidays(value, at: path)
        case .items: return items(value, at: path)
        case .schedules: return schedules(value, at: path)
        case .any: return value
        }
    }

    static let cards: ClosedRange<Int64> = 1...4_294_967_295

    /// Terminals send and take it as a number; leading zeros are not part of it (quirk Q7).
    func enrollID(_ value: JSONValue, allowsZero: Bool) -> JSONValue? {
        guard let text = value.plainText, let id = EnrollID(text), id.canonical.utf8.allSatisfy(\.isDigit),
            id.canonical.utf8.count <= traits.enrollIDDigits, let number = Int64(id.canonical),
            allowsZero || !id.isDoor, !id.isStranger
        else { return nil }
        return .integer(number)
    }

    /// `YYYY-MM-DD` with zeros, or a whole time.
    private func day(_ value: JSONValue) -> JSONValue? {
        guard case .text(let text) = value else { return nil }
        if let time = WallTime(text) { return .text(time.description) }
        guard let day = WallTime(text.trimmingBlanks() + " 00:00:00") else { return nil }
        return .text(String(day.description.prefix(10)))
    }
}

extension ParameterKind {
    /// Written as JSON on a command line.
    package var isStructured: Bool {
        switch self {
        case .dayZones, .weekZones, .lockGroups, .normallyOpen, .names, .userLocks, .holidays, .items,
            .schedules,
            .any:
            true
        default: false
        }
    }

    /// What may stand there, for a person to read.
    package var allowed: String { allowed(for: TerminalTraits()) }

    func allowed(for traits: TerminalTraits) -> String {
        switch self {
        case .enrollID(let allowsZero):
            "a whole number of at most \(traits.enrollIDDigits) digits, "
                + (allowsZero ? "0 included" : "not 0") + ", not 99999999"
        case .integer(let range, let unit):
            "a whole number from \(range.lowerBound) to \(range.upperBound)" + (unit.map { " (\($0))" } ?? "")
        case .choice(let choices):
            choices.map { "\($0.value) (\($0.meaning))" }.joined(separator: ", ")
        case .flag: "true or false"
        case .bit: "1 or 0"
        case .text(let limit): "a text of at most \(limit) bytes, without control characters"
        case .slot(let use): CredentialSlot.allowed(use)
        case .credential: "what backupnum says: a template, a photo, a PIN or a card number"
        case .card: "a whole number from 1 to 4294967295"
        case .pin: "1 to 8 digits"
        case .day: "YYYY-MM-DD or YYYY-MM-DD HH:MM:SS"
        case .time: "YYYY-MM-DD HH:MM:SS"
        case .monthDay: "MM-DD"
        case .dayZones:
            "at most 8 of {\"day\":[{\"section\":\"HH:MM~HH:MM\"}, at most 5]}, which do not overlap"
        case .weekZones: "at most 8 of {\"week\":[{\"day\":1 to 8, 0 for none} for each day, Monday first]}"
        case .lockGroups: "at most 5 of {\"group\": up to 9 digits, each a group}"
        case .normallyOpen: "7 of {\"day\":1 to 8, 0 for none}, Monday first"
        case .names: "1 to 50 of {\"enrollid\", \"name\"}"
        case .userLocks:
            "1 to 40 of {\"enrollid\", \"weekzone\", \"weekzone2\" to \"weekzone4\", \"group\", \"starttime\", "
                + "\"endtime\"}"
        case .holidays:
            "at most 30 of {\"name\", \"startday\":\"MM-DD\", \"endday\":\"MM-DD\", \"shift\", \"dayzone\"}, "
                + "which do not overlap"
        case .items: "a list of texts of at most 100 bytes"
        case .schedules: "at most 8 of \"HH:MM-HH:MM*item\", which do not overlap"
        case .any: "any JSON"
        }
    }
}
