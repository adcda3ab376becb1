/// The commented sample file and the reference, written from the table so that they cannot disagree with it.
enum SettingsReference {
    /// `packaging/config.ini`: every setting commented out at its default, with what it does above it.
    static var sample: String {
        var text = """
            # Settings of attendance-gateway. Every line below is a comment that shows a default or an example:
            # remove the # of a line to change it. `attendance-gateway check-config` tells every mistake.
            #
            # A comment has a line of its own. Values are taken as they stand: no quotes, no escapes, % is a sign
            # like any other. Relative paths are relative to the folder of this file. A list may go on over indented
            # lines. Environment variables such as ATTENDANCE_ERP_URL override this file (docs/settings.md).
            # (Made by: attendance-gateway check-config --print-sample)

            """
        for section in SettingsSection.allCases {
            let rows = SettingsTable.rows(of: section)
            text += "\n" + comment(section.help)
            let heading = section.nameExample.map { "[\(section.rawValue) \($0)]" } ?? section.heading
            // A section with a name would make a listener or a terminal: it is a comment as a whole.
            text += section.nameExample == nil ? "\(heading)\n" : "#\(heading)\n"
            for row in rows {
                text += "\n" + comment(row.help)
                if let words = row.standardInWords { text += comment("Default: \(words).") }
                text += "#\(row.name) = \(row.standard.isEmpty ? row.example ?? "" : row.standard)"
                    .trimmingSuffix(" ")
                text += "\n"
            }
        }
        return text
    }

    private static func comment(_ words: String) -> String {
        var lines = [""]
        for word in words.split(separator: " ") {
            if (lines.last ?? "").count + word.count > 100 { lines.append("") }
            lines[lines.count - 1] += (lines.last ?? "").isEmpty ? word : " \(word)"
        }
        return lines.map { "# \($0)\n" }.joined()
    }

    /// The tables of docs/settings.md.
    static var tables: String {
        var text = ""
        for section in SettingsSection.allCases {
            text += "\n### `\(section.heading)`\n\n\(section.help)\n\n"
            text += "| Key | Value | Default | Reload | What it does |\n|---|---|---|---|---|\n"
            for row in SettingsTable.rows(of: section) {
                let standard =
                    row.standardInWords ?? (row.standard.isEmpty ? "blank" : "`\(row.standard)`")
                let variable = row.variable.map { "<br>`\($0)`" } ?? ""
                let cells = [
                    "`\(row.name)`", row.kind, standard, row.effect == .atReload ? "yes" : "restart",
                    row.help + variable,
                ]
                text += "| \(cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |\n"
            }
        }
        return text
    }

    static let tablesBegin = "<!-- The tables: attendance-gateway check-config --print-reference -->"
    static let tablesEnd = "<!-- End of the tables -->"
}

extension String {
    fileprivate func trimmingSuffix(_ suffix: Character) -> String {
        var text = self[...]
        while text.last == suffix { text.removeLast() }
        return String(text)
    }
}
