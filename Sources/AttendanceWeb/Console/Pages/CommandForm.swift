import AttendanceCore

/// A form for one word of the catalogue: its fields as a browser asks for them, and back.
struct CommandForm {
    struct Field {
        /// Of the form's field.
        var name: String
        var label: String
        var isRequired: Bool
        var isChoice: Bool
        var choices: [PageChoice]
        var isLong: Bool
        /// Of an `input`.
        var kind: String
        var value: String
        var low: String
        var hasLow: Bool
        var high: String
        var hasHigh: Bool
        /// What is allowed, and what else is to be known; English, as the catalogue is.
        var hint: String
        var isSecret: Bool
        var hasError: Bool
        var error: String
    }

    private static let prefix = "f."
    /// Lines `key=value`, of words whose fields no document tells.
    static let others = "others"

    let word: CommandWord

    /// What was typed, as `key=value`; empty fields are left out, since all words read them as not given.
    func texts(of form: FormFields) -> [String] {
        var texts = word.parameters.compactMap { parameter in
            form[Self.prefix + parameter.key].map { "\(parameter.key)=\($0)" }
        }
        if word.takesOthers {
            texts += (form[Self.others] ?? "").split(whereSeparator: \.isNewline).prefix(200).compactMap {
                let line = $0.trimmingBlanks()
                return line.isEmpty ? nil : line
            }
        }
        return texts
    }

    /// - Parameters:
    ///   - form: what was typed; secrets are not repeated.
    ///   - problems: what was wrong with it.
    func fields(_ form: FormFields?, problems: [CommandProblem]) -> [Field] {
        word.parameters.map { parameter in
            // A problem may be of a place within it: `dayzone[2].day[1]`.
            let own = problems.filter {
                let key = $0.field.prefix { $0 != "[" && $0 != "." }
                return key == parameter.key || parameter.aliases.contains(String(key))
            }
            let value = parameter.isSecret ? "" : form?[Self.prefix + parameter.key] ?? ""
            var field = Field(
                name: Self.prefix + parameter.key, label: parameter.key, isRequired: parameter.isRequired,
                isChoice: false, choices: [], isLong: parameter.kind.isLong, kind: "text", value: value,
                low: "", hasLow: false, high: "", hasHigh: false, hint: Self.hint(parameter),
                isSecret: parameter.isSecret, hasError: !own.isEmpty,
                error: own.map { "\($0.found); \($0.allowed)" }.joined(separator: ". "))
            shape(&field, parameter)
            return field
        }
    }

    /// Problems that belong to no field of the form.
    func rest(of problems: [CommandProblem]) -> [CommandProblem] {
        problems.filter { problem in
            let key = problem.field.prefix { $0 != "[" && $0 != "." }
            return !word.parameters.contains { $0.key == key || $0.aliases.contains(String(key)) }
        }
    }

    private static func hint(_ parameter: CommandParameter) -> String {
        var parts: [String] = []
        // Choices stand in the field itself.
        switch parameter.kind {
        case .choice, .flag, .bit: break
        default: parts.append(parameter.kind.allowed)
        }
        if let note = parameter.note { parts.append(note) }
        if parameter.isSecret { parts.append("secret: kept encrypted, never shown") }
        return parts.joined(separator: " · ")
    }

    private func shape(_ field: inout Field, _ parameter: CommandParameter) {
        if parameter.isSecret { field.kind = "password" }
        func choices(_ all: [(String, String)]) {
            field.isChoice = true
            field.choices = all.map { .init(value: $0.0, label: $0.1, isChosen: $0.0 == field.value) }
        }
        switch parameter.kind {
        case .choice(let all): choices(all.map { ("\($0.value)", "\($0.value) · \($0.meaning)") })
        case .flag: choices([("true", "true"), ("false", "false")])
        case .bit: choices([("1", "1 · yes"), ("0", "0 · no")])
        case .integer(let range, _):
            field.kind = "number"
            (field.low, field.hasLow) = ("\(range.lowerBound)", true)
            (field.high, field.hasHigh) = ("\(range.upperBound)", true)
        case .slot: field.kind = "number"
        case .day: field.kind = "date"
        default: break
        }
    }
}

extension ParameterKind {
    /// Written over several lines.
    fileprivate var isLong: Bool { isStructured || self == .credential }
}
