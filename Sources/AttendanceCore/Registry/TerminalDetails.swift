/// What people have said of a terminal, and whether it is one of ours: the registry's part, beside the settings file.
package struct TerminalDetails: Hashable, Sendable {
    package var standing: TerminalStanding
    package var name: String?
    package var location: String?
    /// Name of a group of the settings.
    package var group: String?
    /// IANA name.
    package var zone: String?
    /// Raw value of a `CommandDialect`.
    package var dialect: String?

    package init(
        standing: TerminalStanding = .approved, name: String? = nil, location: String? = nil,
        group: String? = nil, zone: String? = nil, dialect: String? = nil
    ) {
        self.standing = standing
        self.name = name
        self.location = location
        self.group = group
        self.zone = zone
        self.dialect = dialect
    }

    /// An approved terminal of which nothing is said.
    package var isPlain: Bool { self == TerminalDetails() }

    package subscript(field: TerminalField) -> String? {
        get {
            switch field {
            case .name: name
            case .location: location
            case .group: group
            case .zone: zone
            case .dialect: dialect
            }
        }
        set {
            switch field {
            case .name: name = newValue
            case .location: location = newValue
            case .group: group = newValue
            case .zone: zone = newValue
            case .dialect: dialect = newValue
            }
        }
    }
}

/// What may be said of a terminal in the registry.
package enum TerminalField: String, CaseIterable, Hashable, Sendable, Codable {
    case name, location, group, zone, dialect

    /// Unicode scalars of a value.
    package static let maximumLength = 100

    /// One line without blanks at its ends; nil when nothing is left or it is too long.
    package static func value(_ text: String) -> String? {
        let trimmed = text.trimmingBlanks()
        return !trimmed.isEmpty && trimmed.isOneLine(ofAtMost: maximumLength) ? trimmed : nil
    }
}

extension TerminalDetails {
    package init(_ record: TerminalRecord) {
        self.init(
            standing: record.standing, name: record.name, location: record.location, group: record.group,
            zone: record.zone, dialect: record.dialect)
    }
}

extension SerialNumber {
    /// The serial as one word of a command line, whatever a terminal has put into it.
    package var shellWord: String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: ":"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        if isPlain, !text.hasPrefix("-") { return text }
        let quoted = "'" + PlainText.line(text).replacing("'", with: "'\\''") + "'"
        return text.hasPrefix("-") ? "-- \(quoted)" : quoted
    }

    /// The command that lets this terminal in.
    package var approval: String { "attendance-gateway terminals approve \(shellWord)" }
}
