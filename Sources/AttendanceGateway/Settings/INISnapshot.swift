import AttendanceCore
import Configuration

/// A `config.ini`, read as far as it can be, with the line of each key and all that is wrong with its form.
///
/// What is read (docs/settings.md tells it to the operator):
/// - UTF-8 with or without a byte order mark, lines ended by LF or CR LF, at most 1 MiB;
/// - `[Section]` or `[Section name]`; section and key names in any letter case;
/// - `key = value` or `key: value`, separated at the first `=` or `:`; blanks around both are dropped;
/// - a line whose first visible character is `#` or `;` is a comment. A comment behind a value is part of the value,
///   as it was for the older service;
/// - a line indented deeper than its key continues the value (only lists may be that long);
/// - the value is taken as it stands: `%`, `@`, quotes and backslashes mean themselves;
/// - a key or a section that stands twice is a mistake.
package struct INISnapshot: FileConfigSnapshot {
    package struct ParsingOptions: FileParsingOptions {
        package static let `default` = ParsingOptions()
        /// Keys (`section.key` in lower case) whose values must not be shown.
        package var secrets: Set<String> = []
    }

    /// A key with its value.
    struct Entry: Hashable, Sendable {
        var key: String
        var line: Int
        /// The value and its continuation lines, trimmed, each with its line number.
        var lines: [Line]

        var value: String { lines.map(\.text).joined(separator: "\n").trimmingBlanks() }
    }
    struct Line: Hashable, Sendable {
        var number: Int
        var text: String
    }
    struct Section: Hashable, Sendable {
        /// `[Listener front door]` has the words `Listener` and `front door`.
        var kind: String
        var name: String?
        var line: Int
        var entries: [Entry] = []

        var title: String { name.map { "\(kind) \($0)" } ?? kind }
    }
    /// Something wrong with the form of the file.
    struct Fault: Hashable, Sendable, Error {
        /// Nil for the file as a whole.
        var line: Int?
        var problem: String
        var remedy: String
    }

    package let providerName: String
    private(set) var sections: [Section] = []
    private(set) var faults: [Fault] = []
    private var index: [[String]: Entry] = [:]
    private let secrets: Set<String>

    static let maximumBytes = 1 << 20

    /// The package's own way in; refuses a file with any fault of form.
    package init(data: RawSpan, providerName: String, parsingOptions: ParsingOptions) throws {
        let bytes = data.withUnsafeBytes { [UInt8]($0) }
        self.init(bytes: bytes, providerName: providerName, parsingOptions: parsingOptions)
        if let fault = faults.first { throw fault }
    }

    /// Reads what can be read; `faults` tells the rest.
    init(
        bytes: [UInt8], providerName: String = "INI", parsingOptions: ParsingOptions = .default
    ) {
        self.providerName = providerName
        secrets = parsingOptions.secrets
        read(bytes)
        for section in sections {
            for entry in section.entries {
                let path = Self.path(section, key: entry.key)
                if index[path] == nil { index[path] = entry }  // the second of a duplicate is only a fault
            }
        }
    }

    func entry(for key: AbsoluteConfigKey) -> Entry? { index[key.components.map { $0.lowercased() }] }

    package func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
        let encoded = key.components.map { $0.lowercased() }.joined(separator: ".")
        guard let entry = entry(for: key) else { return LookupResult(encodedKey: encoded, value: nil) }
        // Every value is text here: types, ranges and their messages are the settings table's business.
        guard type == .string else {
            throw Fault(
                line: entry.line, problem: "\(entry.key) was asked for as \(type)",
                remedy: "Ask for it as text")
        }
        return LookupResult(
            encodedKey: encoded, value: ConfigValue(.string(entry.value), isSecret: secrets.contains(encoded))
        )
    }

    package var description: String { "\(providerName)[\(index.count) values]" }
    package var debugDescription: String { description }

    private static func path(_ section: Section, key: String) -> [String] {
        ([section.kind] + [section.name].compactMap(\.self) + [key]).map { $0.lowercased() }
    }
}

// MARK: - Reading

extension INISnapshot {
    private mutating func read(_ bytes: [UInt8]) {
        guard bytes.count <= Self.maximumBytes else {
            faults.append(
                Fault(
                    line: nil, problem: "the file is larger than 1 MiB",
                    remedy: "Check that this is the settings file"))
            return
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            faults.append(
                Fault(line: 1, problem: "the file is in UTF-16", remedy: "Save it as UTF-8"))
            return
        }
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        var reader = LineReader()
        for (offset, slice) in text.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let content = slice.last == 0x0D ? slice.dropLast() : slice
            read(content, number: offset + 1, &reader)
        }
    }

    /// What is carried from one line to the next.
    private struct LineReader {
        /// Indentation of the last key's line; nil when there is none to continue.
        var keyIndent: Int?
        /// The section was refused: its keys are looked at for their form and then dropped.
        var skipping = false
        var linesOfKeys: [[String]: Int] = [:]
        var linesOfSections: [String: Int] = [:]
    }

    private mutating func read(_ bytes: ArraySlice<UInt8>, number: Int, _ reader: inout LineReader) {
        func fault(_ problem: String, _ remedy: String) -> Fault {
            Fault(line: number, problem: problem, remedy: remedy)
        }
        guard let line = String(validating: bytes, as: UTF8.self) else {
            faults.append(fault("the line is not UTF-8", "Save the file as UTF-8"))
            return
        }
        let text = line.trimmingBlanks()
        if text.isEmpty || text.hasPrefix("#") || text.hasPrefix(";") { return }
        if text.unicodeScalars.contains(where: { $0.isControl && $0 != "\t" }) {
            faults.append(
                fault("the line holds a control character", "Write the line again by hand"))
            return
        }
        let indent = line.prefix { $0 == " " || $0 == "\t" }.count
        if let keyIndent = reader.keyIndent, indent > keyIndent {
            if !reader.skipping { continueLastEntry(Line(number: number, text: text)) }
            return
        }
        reader.keyIndent = nil
        if text.hasPrefix("[") {
            readSection(text, number: number, &reader)
            return
        }
        guard let separator = text.firstIndex(where: { $0 == "=" || $0 == ":" }) else {
            faults.append(
                fault(
                    "the line is neither a [section], nor a comment, nor key = value",
                    "Write key = value, or put # before a comment"))
            return
        }
        let key = text[..<separator].trimmingBlanks()
        guard !key.isEmpty else {
            faults.append(fault("a value without a key", "Write key = value"))
            return
        }
        reader.keyIndent = indent
        if reader.skipping { return }
        guard let section = sections.last else {
            faults.append(
                fault(
                    "\"\(key)\" stands before the first section",
                    "Put it below a line such as [Server]"))
            return
        }
        let path = Self.path(section, key: key)
        if let earlier = reader.linesOfKeys[path] {
            faults.append(
                fault("[\(section.title)] \(key) stands already at line \(earlier)", "Keep one of the two"))
        }
        reader.linesOfKeys[path] = number
        let value = text[text.index(after: separator)...].trimmingBlanks()
        sections[sections.count - 1].entries.append(
            Entry(key: key, line: number, lines: [Line(number: number, text: value)]))
    }

    private mutating func readSection(_ text: String, number: Int, _ reader: inout LineReader) {
        reader.skipping = true
        guard let end = text.firstIndex(of: "]"), text.index(after: end) == text.endIndex else {
            faults.append(
                Fault(
                    line: number, problem: "a section line must be [name] and nothing else",
                    remedy: "Write for example [Server]; a comment has its own line"))
            return
        }
        let words = text[text.index(after: text.startIndex)..<end]
            .split(maxSplits: 1, whereSeparator: \.isWhitespace)
        guard let kind = words.first else {
            faults.append(
                Fault(
                    line: number, problem: "a section without a name",
                    remedy: "Write for example [Server]"))
            return
        }
        let name = words.count == 2 ? words[1].trimmingBlanks() : ""
        let section = Section(kind: String(kind), name: name.isEmpty ? nil : name, line: number)
        if let earlier = reader.linesOfSections[section.title.lowercased()] {
            faults.append(
                Fault(
                    line: number, problem: "section [\(section.title)] stands already at line \(earlier)",
                    remedy: "Put the keys of both together"))
        } else {
            reader.linesOfSections[section.title.lowercased()] = number
        }
        reader.skipping = false
        sections.append(section)
    }

    private mutating func continueLastEntry(_ line: Line) {
        guard let section = sections.indices.last, let entry = sections[section].entries.indices.last else {
            return
        }
        sections[section].entries[entry].lines.append(line)
    }
}
