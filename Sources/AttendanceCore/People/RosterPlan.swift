/// What must be known of a terminal to tell what it can hold.
package struct RosterTerminal: Hashable, Sendable {
    package var serial: SerialNumber
    /// `fpalgo`; nil when not known, and then it gets no templates.
    package var algorithm: String?
    /// Digits of its longest number (quirk Q25).
    package var enrollIDDigits: Int
    /// Places by what they hold (0: not fitted); what is missing is not known, and then not counted.
    package var places: [CredentialKind: Int]
    /// Places for people; nil when not known.
    package var people: Int?
    /// Its clock.
    package var time: WallTime
    /// Whether people without a credential for it are given by name.
    package var takesNames: Bool
    /// Whether its firmware takes a name by itself, apart from a credential.
    package var canBeNamed: Bool
    /// Whether it gets credentials that others have taken.
    package var takesCredentials: Bool

    package init(
        serial: SerialNumber, algorithm: String?, enrollIDDigits: Int = 18,
        places: [CredentialKind: Int] = [:],
        people: Int? = nil, time: WallTime, takesNames: Bool = false, canBeNamed: Bool = true,
        takesCredentials: Bool = true
    ) {
        self.serial = serial
        self.algorithm = algorithm
        self.enrollIDDigits = enrollIDDigits
        self.places = places
        self.people = people
        self.time = time
        self.takesNames = takesNames
        self.canBeNamed = canBeNamed
        self.takesCredentials = takesCredentials
    }
}

/// What a terminal was last seen to hold.
package struct HeldPerson: Hashable, Sendable {
    package struct Credential: Hashable, Sendable {
        /// Of what was read back; nil as long as it was not read.
        package var digest: [UInt8]?
        /// Of a card by its number alone.
        package var cardDigest: [UInt8]?
        /// Of what it was given last, when what was read back since then is what it made of it: some terminals keep a
        /// photo in another size than it came in.
        package var given: [UInt8]?
        /// Of what it refused last.
        package var refused: [UInt8]?

        package init(
            digest: [UInt8]? = nil, cardDigest: [UInt8]? = nil, given: [UInt8]? = nil, refused: [UInt8]? = nil
        ) {
            self.digest = digest
            self.cardDigest = cardDigest
            self.given = given
            self.refused = refused
        }

        package func holds(_ wanted: [UInt8]) -> Bool { digest == wanted || given == wanted }
    }
    /// False where only refusals are known.
    package var isThere: Bool
    /// Nil when it was not read.
    package var name: String?
    package var role: PersonRole?
    /// By slot; also slots that are empty and whose content was refused.
    package var credentials: [Int: Credential]
    /// Slots that hold something.
    package var filled: Set<Int>

    package init(
        isThere: Bool = true, name: String? = nil, role: PersonRole? = nil,
        credentials: [Int: Credential] = [:], filled: Set<Int>? = nil
    ) {
        self.isThere = isThere
        self.name = name
        self.role = role
        self.credentials = credentials
        self.filled = filled ?? Set(credentials.keys)
    }
}

/// Something that cannot be brought about at a terminal, for a person to look at.
package struct RosterConflict: Hashable, Sendable {
    package enum Cause: Hashable, Sendable {
        /// The terminal knows the number under another name, and nothing shows that it is the same person.
        case otherName(there: String)
        /// Two people have one card: neither gets it.
        case sharedCard(with: EnrollID)
        case noPlace(CredentialKind)
        case noPlaceForPeople
        case otherAlgorithm(has: String?, takes: String?)
        case tooLong(digits: Int)
        /// The terminal has refused this very content.
        case refused
    }
    package var terminal: SerialNumber
    package var person: EnrollID
    /// Nil where it is about the person as a whole.
    package var slot: Int?
    package var cause: Cause

    package init(terminal: SerialNumber, person: EnrollID, slot: Int? = nil, cause: Cause) {
        self.terminal = terminal
        self.person = person
        self.slot = slot
        self.cause = cause
    }

    package var words: String {
        switch cause {
        case .otherName(let there):
            "the terminal knows \(person) as “\(PlainText.line(there, limit: 64))”: give one of both another number, "
                + "or rename with: people import"
        case .sharedCard(let other):
            "\(person) and \(other) have one card number: only one of both may have it"
        case .noPlace(let kind): "no place is left for a \(kind.rawValue)"
        case .noPlaceForPeople: "no place is left for another person"
        case .otherAlgorithm(let has, let takes):
            "a template of \(has ?? "an unknown algorithm") means nothing to a terminal of \(takes ?? "an unknown one"): "
                + "enrol there too"
        case .tooLong(let digits):
            "\(person) is not a number of at most \(digits) digits, which is what the terminal takes"
        case .refused:
            "the terminal refused it; it is tried again when it changes, or by: people sync --again"
        }
    }
}

/// What is to be done so that a terminal holds what it shall: computed from what is wanted and what is there, and
/// from nothing else.
///
/// Nobody whom the roster does not know is touched, and nothing is taken from a terminal but people who are gone. A
/// credential that a terminal has and the roster has not stays there.
package struct RosterPlan: Hashable, Sendable {
    package enum Step: Hashable, Sendable {
        /// The whole person, with everything.
        case remove(EnrollID)
        /// Adds or replaces one credential.
        case give(EnrollID, slot: Int, name: String, role: PersonRole)
        case name(EnrollID, name: String)

        package var person: EnrollID {
            switch self {
            case .remove(let id), .give(let id, _, _, _), .name(let id, _): id
            }
        }
    }

    /// In the order in which they are to be carried out: removals make room for the rest.
    package private(set) var steps: [Step] = []
    package private(set) var conflicts: [RosterConflict] = []

    /// - `wanted`: the people of the terminal's id space, also those that are gone.
    /// - `held`: what it was last seen to hold, everybody.
    package init(
        _ terminal: RosterTerminal, wanted: [RosterEntry], held: [EnrollID: HeldPerson]
    ) {
        var plan = Planning(terminal, wanted: wanted, held: held)
        plan.removeThoseGone()
        for entry in plan.due { plan.provide(entry) }
        steps = plan.removals + plan.gifts + plan.names
        conflicts = plan.conflicts
    }

    package var isEmpty: Bool { steps.isEmpty }
}

private struct Planning {
    let terminal: RosterTerminal
    let wanted: [RosterEntry]
    let held: [EnrollID: HeldPerson]
    var removals: [RosterPlan.Step] = []
    var gifts: [RosterPlan.Step] = []
    var names: [RosterPlan.Step] = []
    var conflicts: [RosterConflict] = []
    private var used: [CredentialKind: Int] = [:]
    private var people: Int
    /// Who has a card, on the terminal or by the roster.
    private var shared: [[UInt8]: Set<EnrollID>] = [:]

    init(_ terminal: RosterTerminal, wanted: [RosterEntry], held: [EnrollID: HeldPerson]) {
        self.terminal = terminal
        self.wanted = wanted.sorted { $0.person.key < $1.person.key }
        self.held = held
        people = held.values.count(where: \.isThere)
        for person in held.values {
            for slot in person.filled {
                if let kind = CredentialKind(slot: slot) { used[kind, default: 0] += 1 }
            }
        }
    }

    var due: [RosterEntry] { wanted.filter { $0.person.isDue(at: terminal.time) } }

    mutating func removeThoseGone() {
        var leaving: Set<EnrollID> = []
        for entry in wanted where !entry.person.isDue(at: terminal.time) {
            let id = entry.person.key.enrollID
            guard let there = held[id], there.isThere else { continue }
            leaving.insert(id)
            removals.append(.remove(id))
            people -= 1
            for slot in there.filled {
                if let kind = CredentialKind(slot: slot) { used[kind, default: 0] -= 1 }
            }
        }
        for (id, person) in held where !leaving.contains(id) {
            for case .some(let card) in person.credentials.values.map(\.cardDigest) {
                shared[card, default: []].insert(id)
            }
        }
        for entry in due {
            for case .some(let card) in entry.credentials.map(\.cardDigest) {
                shared[card, default: []].insert(entry.person.key.enrollID)
            }
        }
    }

    mutating func provide(_ entry: RosterEntry) {
        let person = entry.person
        let id = person.key.enrollID
        let there = held[id]
        guard id.canonical.utf8.count <= terminal.enrollIDDigits,
            id.canonical.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return tell(id, nil, .tooLong(digits: terminal.enrollIDDigits)) }
        if let name = there?.name, isSomebodyElse(entry, there) {
            return tell(id, nil, .otherName(there: name))
        }
        var isThere = there?.isThere == true
        var isNamed = false
        if terminal.takesCredentials {
            for credential in entry.credentials.sorted(by: { $0.slot < $1.slot })
            where canGive(credential, to: id, isThere: isThere) {
                gifts.append(.give(id, slot: credential.slot, name: person.name, role: person.role))
                if there?.filled.contains(credential.slot) != true { used[credential.kind, default: 0] += 1 }
                if !isThere { people += 1 }
                isThere = true
                isNamed = true
            }
        }
        guard terminal.canBeNamed, !isNamed, !person.name.isEmpty, there?.name != person.name else { return }
        // Renaming goes for everybody who is there and whose name was read; somebody new only where names are wanted.
        guard isThere ? there?.name != nil : terminal.takesNames else { return }
        if !isThere {
            guard hasRoomForPeople else { return tell(id, nil, .noPlaceForPeople) }
            people += 1
        }
        names.append(.name(id, name: person.name))
    }

    /// Another name with not one credential in common.
    private func isSomebodyElse(_ entry: RosterEntry, _ there: HeldPerson?) -> Bool {
        guard let there, let name = there.name, !name.isEmpty, !entry.person.name.isEmpty,
            !Self.areAlike(name, entry.person.name)
        else { return false }
        if there.filled.isEmpty { return false }  // a name alone is nobody's credential
        return !entry.credentials.contains { there.credentials[$0.slot]?.holds($0.digest) == true }
    }

    /// Terminals cut names and lose letters they cannot show.
    private static func areAlike(_ a: String, _ b: String) -> Bool {
        func letters(_ text: String) -> String { text.lowercased().filter { $0.isLetter || $0.isNumber } }
        let (a, b) = (letters(a), letters(b))
        return a == b || (min(a.count, b.count) >= 8 && (a.hasPrefix(b) || b.hasPrefix(a)))
    }

    private mutating func canGive(_ credential: CredentialFacts, to id: EnrollID, isThere: Bool) -> Bool {
        let there = held[id]?.credentials[credential.slot]
        if there?.holds(credential.digest) == true { return false }
        let isFilled = held[id]?.filled.contains(credential.slot) == true
        // What is there and was not read yet may be the same: read first, then decide.
        if isFilled, there?.digest == nil { return false }
        if terminal.places[credential.kind] == 0 { return false }
        if credential.kind.isTemplate,
            credential.algorithm == nil || credential.algorithm != terminal.algorithm
        {
            tell(id, credential.slot, .otherAlgorithm(has: credential.algorithm, takes: terminal.algorithm))
            return false
        }
        if let card = credential.cardDigest,
            let other = shared[card]?.subtracting([id]).min(by: { $0.canonical < $1.canonical })
        {
            tell(id, credential.slot, .sharedCard(with: other))
            return false
        }
        if there?.refused == credential.digest {
            tell(id, credential.slot, .refused)
            return false
        }
        if !isThere, !hasRoomForPeople {
            tell(id, nil, .noPlaceForPeople)
            return false
        }
        if !isFilled, let places = terminal.places[credential.kind],
            used[credential.kind, default: 0] >= places
        {
            tell(id, credential.slot, .noPlace(credential.kind))
            return false
        }
        return true
    }

    private var hasRoomForPeople: Bool { terminal.people.map { people < $0 } ?? true }

    private mutating func tell(_ id: EnrollID, _ slot: Int?, _ cause: RosterConflict.Cause) {
        let conflict = RosterConflict(terminal: terminal.serial, person: id, slot: slot, cause: cause)
        if conflicts.last != conflict { conflicts.append(conflict) }
    }
}
