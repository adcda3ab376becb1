import AttendanceCore

/// The text of a settings file in which single values are changed, so that everything else stays as somebody wrote it.
///
/// Reads lines as `INISnapshot` does: its sections, comments and continuation lines.
struct SettingsText {
    struct Change: Hashable, Sendable {
        let row: SettingRow
        /// One line; blank where nothing is set any more.
        let value: String

        /// `[Section] Key = value`, of a secret without its value.
        var shown: String {
            "\(row.title) = \(row.isSecret && !value.isEmpty ? "(not shown)" : value)".trimmingBlanks()
        }
    }

    private var lines: [String]
    private let lineEnd: String

    init(_ text: String) {
        lineEnd = text.contains("\r\n") ? "\r\n" : "\n"
        let plain = text.replacing("\r\n", with: "\n")
        lines = plain.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        // A byte order mark says nothing in UTF-8, and would stand before the first section's bracket.
        if lines.first?.unicodeScalars.first == "\u{FEFF}" { lines[0].unicodeScalars.removeFirst() }
    }

    var text: String { lines.joined(separator: lineEnd) }

    /// Where the key stands its value is replaced; where only its default stands as a comment, that line becomes the
    /// setting; else a line is added to its section.
    mutating func apply(_ change: Change) {
        let line = "\(change.row.name) = \(change.value)".trimmingBlanks()
        let section = change.row.section.rawValue.lowercased()
        let key = change.row.name.lowercased()
        if let place = active(key, in: section) {
            lines.replaceSubrange(place...endOfValue(at: place), with: [line])
            return
        }
        // Nothing stands there, and nothing is to stand there.
        if change.value.isEmpty { return }
        if let place = commented(key, in: section) {
            lines[place] = line
        } else if let place = heading(of: section) {
            lines.insert(line, at: place + 1)
        } else {
            while lines.last?.trimmingBlanks().isEmpty == true { lines.removeLast() }
            lines += ["", "[\(change.row.section.rawValue)]", line, ""]
        }
    }

    private static func folded(_ text: Substring) -> String { text.trimmingBlanks().lowercased() }

    /// What stands in the brackets of a section's line.
    private static func section(of line: String) -> String? {
        let text = line.trimmingBlanks()
        guard text.hasPrefix("["), text.hasSuffix("]") else { return nil }
        return folded(text.dropFirst().dropLast())
    }

    private static func isComment(_ line: String) -> Bool {
        let text = line.trimmingBlanks()
        return text.isEmpty || text.hasPrefix("#") || text.hasPrefix(";")
    }

    /// The key in `key = value`.
    private static func key(of line: String) -> String? {
        line.firstIndex { $0 == "=" || $0 == ":" }.map { folded(line[..<$0]) }
    }

    private func heading(of section: String) -> Int? {
        lines.indices.first { Self.section(of: lines[$0]) == section }
    }

    private func active(_ key: String, in section: String) -> Int? {
        var here: String?
        var index = 0
        while index < lines.count {
            let line = lines[index]
            if Self.isComment(line) {
                index += 1
            } else if let name = Self.section(of: line) {
                here = name
                index += 1
            } else {
                if here == section, Self.key(of: line) == key { return index }
                index = endOfValue(at: index) + 1
            }
        }
        return nil
    }

    private func commented(_ key: String, in section: String) -> Int? {
        var here: String?
        for (index, line) in lines.enumerated() {
            if let name = Self.section(of: line) {
                here = name
                continue
            }
            let text = line.trimmingBlanks()
            guard text.hasPrefix("#") else { continue }
            let inside = String(text.drop { $0 == "#" })
            // A section that is a comment has the keys below it for its own.
            if let name = Self.section(of: inside) {
                here = name == section ? nil : name
            } else if here == section, inside.first?.isWhitespace == false, Self.key(of: inside) == key {
                return index
            }
        }
        return nil
    }

    /// The last line of the value that begins at `start`: those indented deeper go on with it.
    private func endOfValue(at start: Int) -> Int {
        func indent(_ line: String) -> Int { line.prefix { $0 == " " || $0 == "\t" }.count }
        let own = indent(lines[start])
        var last = start
        for index in lines.indices.dropFirst(start + 1) where !Self.isComment(lines[index]) {
            guard indent(lines[index]) > own else { break }
            last = index
        }
        return last
    }
}
