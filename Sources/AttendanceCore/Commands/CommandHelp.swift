/// Help for a person, written from the catalogue so that it cannot disagree with it.
extension CommandCatalogue {
    /// All words with what they do, by group, for a screen of 80 columns.
    package static var overview: String {
        var text = ""
        for group in CommandGroup.allCases {
            text += text.isEmpty ? "" : "\n"
            text += group.title + "\n"
            for word in words where word.group == group {
                text += "  \(padded(word.name, 18)) \(word.summary)\(word.needsConfirmation ? " (!)" : "")\n"
            }
        }
        return text + "\n(!) wipes or opens: needs a confirmation and a reason.\n"
    }

    /// One word: what it does, its fields and what is allowed in each. Nil for a word that is not in the catalogue.
    package static func help(_ name: String) -> String? {
        guard let word = word(name) else { return nil }
        var text = "\(word.name): \(word.summary)\n"
        for line in remarks(word) { text += "  \(line)\n" }
        guard !word.parameters.isEmpty || word.takesOthers else { return text + "\nNo fields.\n" }
        text += "\nFields:\n"
        for parameter in word.parameters {
            text += "  \(padded(parameter.key, 14)) \(parameter.kind.allowed)\n"
            let remarks = self.remarks(parameter)
            if !remarks.isEmpty { text += "  \(padded("", 14)) \(remarks.joined(separator: "; "))\n" }
        }
        if word.takesOthers { text += "  \(padded("…", 14)) any others: no document tells them\n" }
        return text
    }

    /// The tables of docs/commands.md.
    package static var reference: String {
        var text = ""
        for group in CommandGroup.allCases {
            text += "\n### \(group.title)\n"
            for word in words where word.group == group {
                text += "\n#### `\(word.name)`\n\n\(word.summary)\n"
                for line in remarks(word) { text += "\(line)\n" }
                if word.parameters.isEmpty, !word.takesOthers { continue }
                text += "\n| Field | Value | Remark |\n|---|---|---|\n"
                for parameter in word.parameters {
                    let cells = [
                        "`\(parameter.key)`", parameter.kind.allowed,
                        remarks(parameter).joined(separator: "; "),
                    ]
                    text += "| \(cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |\n"
                }
                if word.takesOthers { text += "| others | any JSON | no document tells them |\n" }
            }
        }
        return text
    }

    /// Between these docs/commands.md holds `reference`.
    package static let referenceBegin =
        "<!-- The commands: attendance-gateway check-config --print-commands -->"
    package static let referenceEnd = "<!-- End of the commands -->"

    private static func remarks(_ word: CommandWord) -> [String] {
        var lines: [String] = []
        if let danger = word.danger { lines.append("Needs a confirmation: this \(danger).") }
        if let note = word.note { lines.append(note) }
        if word.answer == .nothing {
            lines.append("The terminal does not answer.")
        } else {
            lines.append("Answer within \(word.timeOut.components.seconds) s.")
        }
        if word.repeating == .never {
            lines.append("Never sent twice: without an answer nobody knows whether it was carried out.")
        }
        return lines
    }

    private static func remarks(_ parameter: CommandParameter) -> [String] {
        var remarks: [String] = []
        if parameter.isRequired { remarks.append("required") }
        if parameter.isSecret { remarks.append("secret: kept encrypted, never shown") }
        if let note = parameter.note { remarks.append(note) }
        if !parameter.aliases.isEmpty { remarks.append("also \(parameter.aliases.joined(separator: ", "))") }
        return remarks
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
    }
}
