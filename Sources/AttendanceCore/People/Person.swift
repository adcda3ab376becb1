/// What a person may do at a terminal (`admin`). The numbers are the vendor's (docs/protocol.md §6.6).
package enum PersonRole: Int, Codable, CaseIterable, Hashable, Sendable {
    case user = 0
    case administrator = 1
    /// May enrol and download.
    case superUser = 2

    package var name: String {
        switch self {
        case .user: "user"
        case .administrator: "administrator"
        case .superUser: "super-user"
        }
    }

    package init?(named name: String) {
        guard let found = Self.allCases.first(where: { $0.name == name.lowercased() }) else { return nil }
        self = found
    }
}

/// The numbers stand in the journal and never change.
package enum PersonState: Int, Codable, CaseIterable, Hashable, Sendable {
    /// Shall be on the terminals of their group.
    case active = 0
    /// Shall be on no terminal.
    case gone = 1
}

/// Where the roster has somebody from. The raw values stand in the journal.
package enum PersonSource: String, Hashable, Sendable {
    case terminal, erpnext, file, command
}

/// Somebody whom terminals shall know.
package struct Person: Hashable, Sendable {
    package var key: PersonKey
    /// As terminals show it; "" where nobody has told.
    package var name: String
    package var role: PersonRole
    package var state: PersonState
    /// Document name of the Employee; nil where none is known.
    package var employee: String?
    package var source: PersonSource
    /// On terminals only from then on and until then, by the terminals' clocks; nil: without limit.
    package var validFrom: WallTime?
    package var validUntil: WallTime?
    package var changed: UnixTime

    package static let maximumName = 64

    package init(
        key: PersonKey, name: String, role: PersonRole = .user, state: PersonState = .active,
        employee: String? = nil, source: PersonSource, validFrom: WallTime? = nil,
        validUntil: WallTime? = nil,
        changed: UnixTime
    ) {
        self.key = key
        self.name = name
        self.role = role
        self.state = state
        self.employee = employee
        self.source = source
        self.validFrom = validFrom
        self.validUntil = validUntil
        self.changed = changed
    }

    /// Whether terminals shall know them at a moment of their clocks.
    package func isDue(at now: WallTime) -> Bool {
        state == .active && validFrom.map { $0 <= now } ?? true && validUntil.map { now < $0 } ?? true
    }

    /// A name as it may stand on a terminal and in a list: one line, cut.
    package static func usableName(_ text: String) -> String { PlainText.line(text, limit: maximumName - 1) }
}

/// A person with what the roster knows of their credentials.
package struct RosterEntry: Hashable, Sendable {
    package var person: Person
    /// By slot.
    package var credentials: [CredentialFacts]

    package init(person: Person, credentials: [CredentialFacts] = []) {
        self.person = person
        self.credentials = credentials
    }
}
