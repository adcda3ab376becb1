import AttendanceCore
import Testing

/// A terminal's memory, as far as a plan can change it.
private struct Memory {
    var people: [EnrollID: (name: String, role: PersonRole, slots: [Int: [UInt8]])] = [:]

    var held: [EnrollID: HeldPerson] {
        people.mapValues { person in
            HeldPerson(
                name: person.name.isEmpty ? nil : person.name, role: person.role,
                credentials: person.slots.mapValues {
                    HeldPerson.Credential(digest: $0, cardDigest: nil)
                })
        }
    }

    mutating func apply(_ plan: RosterPlan, of roster: [RosterEntry]) {
        for step in plan.steps {
            switch step {
            case .remove(let id): people[id] = nil
            case .name(let id, let name): people[id, default: ("", .user, [:])].name = name
            case .give(let id, let slot, let name, let role):
                let entry = roster.first { $0.person.key.enrollID == id }
                let digest = entry?.credentials.first { $0.slot == slot }?.digest
                people[id, default: ("", .user, [:])].slots[slot] = digest
                people[id]?.name = name
                people[id]?.role = role
            }
        }
    }
}

@Suite struct RosterPlanTests {
    static let noon = WallTime(year: 2026, month: 3, day: 2, hour: 12)!
    static let serial = SerialNumber("T1")!

    static func terminal(
        algorithm: String? = "thbio3.0", digits: Int = 18, places: [CredentialKind: Int] = [:],
        people: Int? = nil, names: Bool = true, canBeNamed: Bool = true
    ) -> RosterTerminal {
        RosterTerminal(
            serial: serial, algorithm: algorithm, enrollIDDigits: digits, places: places, people: people,
            time: noon, takesNames: names, canBeNamed: canBeNamed)
    }

    static func facts(_ slot: Int, _ digest: UInt8, card: [UInt8]? = nil, algorithm: String? = "thbio3.0")
        -> CredentialFacts
    {
        let kind = CredentialKind(slot: slot)!
        return CredentialFacts(
            slot: slot, kind: kind, algorithm: kind.isTemplate ? algorithm : nil, digest: [digest],
            cardDigest: card, size: 10, source: nil, at: UnixTime(seconds: 0))
    }

    static func entry(
        _ id: String, _ name: String = "Ada", state: PersonState = .active, _ credentials: CredentialFacts...
    ) -> RosterEntry {
        RosterEntry(
            person: Person(
                key: PersonKey(enrollID: EnrollID(id)!), name: name, state: state, source: .command,
                changed: UnixTime(seconds: 0)), credentials: credentials)
    }

    static func plan(
        _ wanted: [RosterEntry], _ held: [String: HeldPerson] = [:], _ terminal: RosterTerminal = terminal()
    ) -> RosterPlan {
        RosterPlan(
            terminal, wanted: wanted,
            held: Dictionary(uniqueKeysWithValues: held.map { (EnrollID($0)!, $1) }))
    }

    @Test func `whoever is new gets all that fits, the others their names`() {
        let plan = Self.plan([
            Self.entry("2", "Ben"), Self.entry("1", "Ada", Self.facts(50, 1), Self.facts(0, 2)),
        ])
        #expect(
            plan.steps == [
                .give(EnrollID("1")!, slot: 0, name: "Ada", role: .user),
                .give(EnrollID("1")!, slot: 50, name: "Ada", role: .user),
                .name(EnrollID("2")!, name: "Ben"),
            ])
        #expect(plan.conflicts.isEmpty)
        let unnamed = Self.plan([Self.entry("2", "Ben")], [:], Self.terminal(names: false))
        #expect(unnamed.isEmpty)
    }

    @Test func `a firmware that takes no names gets none, also where somebody is called otherwise by now`() {
        let terminal = Self.terminal(canBeNamed: false)
        let there = HeldPerson(name: "Ben", credentials: [0: .init(digest: [2])])
        let person = Self.entry("1", "Ada", Self.facts(0, 2))
        #expect(Self.plan([person, Self.entry("2", "Eve")], ["1": there], terminal).isEmpty)
        // With a credential it comes all the same.
        #expect(Self.plan([person], [:], terminal).steps.count == 1)
    }

    @Test func `templates go to equal algorithms only, photos to all that have faces`() {
        let person = Self.entry("1", "Ada", Self.facts(0, 2, algorithm: "thbio1.0"), Self.facts(50, 1))
        let plan = Self.plan([person])
        #expect(plan.steps == [.give(EnrollID("1")!, slot: 50, name: "Ada", role: .user)])
        #expect(plan.conflicts.map(\.cause) == [.otherAlgorithm(has: "thbio1.0", takes: "thbio3.0")])
        let noFaces = Self.plan([person], [:], Self.terminal(algorithm: nil, places: [.photo: 0]))
        #expect(noFaces.steps == [.name(EnrollID("1")!, name: "Ada")])
        #expect(noFaces.conflicts.map(\.cause) == [.otherAlgorithm(has: "thbio1.0", takes: nil)])
    }

    @Test func `one number under two names is shown and left alone`() {
        let there = HeldPerson(name: "Ben", credentials: [0: .init(digest: [9])])
        let plan = Self.plan([Self.entry("1", "Ada", Self.facts(0, 2))], ["1": there])
        #expect(plan.isEmpty && plan.conflicts.map(\.cause) == [.otherName(there: "Ben")])
        // With a credential in common it is the same person, who has another name now.
        let same = HeldPerson(name: "Ben", credentials: [0: .init(digest: [2])])
        let renamed = Self.plan([Self.entry("1", "Ada", Self.facts(0, 2))], ["1": same])
        #expect(renamed.steps == [.name(EnrollID("1")!, name: "Ada")] && renamed.conflicts.isEmpty)
        let cut = HeldPerson(name: "Augusta A", credentials: [0: .init(digest: [9])])
        let alike = Self.plan([Self.entry("1", "Augusta Ada", Self.facts(0, 2))], ["1": cut])
        #expect(alike.conflicts.isEmpty && alike.steps.count == 1)
    }

    @Test func `a card of two people is given to neither`() {
        let plan = Self.plan([
            Self.entry("1", "Ada", Self.facts(11, 1, card: [7])),
            Self.entry("2", "Ben", Self.facts(11, 2, card: [7])),
        ])
        #expect(plan.steps.allSatisfy { if case .name = $0 { true } else { false } })
        #expect(
            plan.conflicts.map(\.cause) == [
                .sharedCard(with: EnrollID("2")!), .sharedCard(with: EnrollID("1")!),
            ])
        let there = HeldPerson(name: "Eve", credentials: [11: .init(digest: [3], cardDigest: [7])])
        let taken = Self.plan([Self.entry("1", "Ada", Self.facts(11, 1, card: [7]))], ["3": there])
        #expect(taken.conflicts.map(\.cause) == [.sharedCard(with: EnrollID("3")!)])
    }

    @Test func `a full terminal and an id that is too long are told`() {
        let full = Self.plan(
            [Self.entry("1", "Ada", Self.facts(0, 1)), Self.entry("2", "Ben", Self.facts(0, 2))], [:],
            Self.terminal(places: [.fingerprint: 1]))
        #expect(full.conflicts.map(\.cause) == [.noPlace(.fingerprint)])
        let crowded = Self.plan(
            [Self.entry("1"), Self.entry("2", "Ben")], [:], Self.terminal(people: 1))
        #expect(crowded.steps.count == 1 && crowded.conflicts.map(\.cause) == [.noPlaceForPeople])
        let long = Self.plan(
            [Self.entry("1234567890"), Self.entry("E12")], [:], Self.terminal(digits: 9))
        #expect(long.isEmpty && long.conflicts.map(\.cause) == [.tooLong(digits: 9), .tooLong(digits: 9)])
    }

    @Test func `who is gone is removed first, and makes room`() {
        let held = ["1": HeldPerson(name: "Ada", credentials: [0: .init(digest: [1])])]
        let plan = Self.plan(
            [Self.entry("1", "", state: .gone), Self.entry("2", "Ben", Self.facts(0, 2))], held,
            Self.terminal(places: [.fingerprint: 1], people: 1))
        #expect(
            plan.steps == [
                .remove(EnrollID("1")!), .give(EnrollID("2")!, slot: 0, name: "Ben", role: .user),
            ])
        #expect(Self.plan([Self.entry("1", "", state: .gone)]).isEmpty)
    }

    @Test func `somebody is on terminals only while they are valid`() {
        var entry = Self.entry("1", "Ada", Self.facts(0, 1))
        entry.person.validFrom = WallTime(seconds: Self.noon.seconds + 1)
        #expect(Self.plan([entry]).isEmpty)
        entry.person.validFrom = Self.noon
        #expect(Self.plan([entry]).steps.count == 1)
        entry.person.validUntil = Self.noon
        let there = ["1": HeldPerson(name: "Ada", credentials: [0: .init(digest: [1])])]
        #expect(Self.plan([entry], there).steps == [.remove(EnrollID("1")!)])
    }

    @Test func `what was not read yet and what was refused is not given again`() {
        let unread = ["1": HeldPerson(name: "Ada", credentials: [0: .init()])]
        #expect(Self.plan([Self.entry("1", "Ada", Self.facts(0, 1))], unread).isEmpty)
        let refused = ["1": HeldPerson(name: "Ada", credentials: [50: .init(refused: [1])], filled: [])]
        let plan = Self.plan([Self.entry("1", "Ada", Self.facts(50, 1))], refused)
        #expect(plan.isEmpty && plan.conflicts.map(\.cause) == [.refused])
        #expect(Self.plan([Self.entry("1", "Ada", Self.facts(50, 2))], refused).steps.count == 1)
        // A terminal that makes another JPEG of the photo it was given holds it all the same.
        let given = ["1": HeldPerson(name: "Ada", credentials: [50: .init(digest: [8], given: [1])])]
        #expect(Self.plan([Self.entry("1", "Ada", Self.facts(50, 1))], given).isEmpty)
    }

    @Test(arguments: 0..<200) func `carried out, a plan leaves nothing to do and takes nothing else away`(
        seed: UInt64
    ) {
        var random = SplitMix(state: seed)
        let slots = [0, 1, 10, 11, 20, 50]
        var roster: [RosterEntry] = []
        var memory = Memory()
        for id in 1...30 {
            let number = EnrollID(number: UInt64(id))
            let credentials = slots.filter { _ in Bool.random(using: &random) }.map {
                Self.facts($0, UInt8.random(in: 1...3, using: &random))
            }
            if Bool.random(using: &random) {
                roster.append(
                    RosterEntry(
                        person: Person(
                            key: PersonKey(enrollID: number), name: "Person \(id)",
                            state: Int.random(in: 0..<5, using: &random) == 0 ? .gone : .active,
                            source: .command, changed: UnixTime(seconds: 0)), credentials: credentials))
            }
            guard Bool.random(using: &random) else { continue }
            let held = slots.filter { _ in Bool.random(using: &random) }
            memory.people[number] = (
                Bool.random(using: &random) ? "Person \(id)" : "Somebody", .user,
                Dictionary(
                    uniqueKeysWithValues: held.map { ($0, [UInt8.random(in: 1...3, using: &random)]) })
            )
        }
        let terminal = Self.terminal(
            places: [.fingerprint: Int.random(in: 0...60, using: &random)],
            people: Int.random(in: 10...40, using: &random))
        let before = memory
        let plan = RosterPlan(terminal, wanted: roster, held: memory.held)
        memory.apply(plan, of: roster)
        let again = RosterPlan(terminal, wanted: roster, held: memory.held)
        #expect(again.steps.isEmpty, "\(again.steps)")
        #expect(memory.people.count <= max(terminal.people ?? 0, before.people.count))
        let conflicting = Set(plan.conflicts.map(\.person))
        let byID = Dictionary(uniqueKeysWithValues: roster.map { ($0.person.key.enrollID, $0) })
        for (id, person) in before.people {
            guard let entry = byID[id] else {
                #expect(memory.people[id]?.slots == person.slots, "a stranger to the roster was touched")
                continue
            }
            if entry.person.state == .gone {
                #expect(memory.people[id] == nil)
            } else {
                let slots = memory.people[id].map { Set($0.slots.keys) } ?? []
                #expect(slots.isSuperset(of: person.slots.keys))
            }
        }
        for (id, entry) in byID where entry.person.state == .active && !conflicting.contains(id) {
            for credential in entry.credentials where terminal.places[credential.kind] != 0 {
                #expect(memory.people[id]?.slots[credential.slot] == credential.digest)
            }
        }
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
