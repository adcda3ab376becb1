import AttendanceCore
import AttendanceStore
import Foundation

extension API {
    static let personEndpoints: [Endpoint] = [
        Endpoint(
            .get, "persons", "listPersons", "The roster: whom terminals shall know", tag: .persons,
            scope: .read,
            [.space, .query("gone", .flag, "Also those who shall be on no terminal any more.")],
            traits: .paged
        ) { try await $0.listPersons($1) },
        Endpoint(
            .post, "persons", "importPersons", "Put people into the roster",
            "What is left open stays as it is.",
            tag: .persons, scope: .people, body: .json(PersonsBody.self, upTo: 4 << 20), touches: [.people]
        ) { try await $0.importPersons($1) },
        Endpoint(
            .post, "persons/sync", "syncPersons", "Ask terminals whom they hold, and bring them up to date",
            tag: .persons, scope: .people, body: .json(SyncBody.self, isRequired: false),
            traits: .mayBeMissing, touches: [.people, .commands]
        ) { try await $0.syncPersons($1) },
        Endpoint(
            .get, "persons/{person}", "getPerson", "One person of the roster", tag: .persons, scope: .read,
            [.person, .space], traits: .tagged
        ) { try await $0.getPerson($1) },
        Endpoint(
            .put, "persons/{person}", "putPerson", "Put one person into the roster, or change them",
            "Cards and PINs are kept only with `Collect = yes` in `[People]`.", tag: .persons, scope: .people,
            [.person, .space], body: .json(PersonBody.self), traits: [.guarded, .tagged], touches: [.people]
        ) { try await $0.putPerson($1) },
        Endpoint(
            .post, "persons/{person}/enrol", "enrolPerson", "Have a terminal take a credential of a person",
            tag: .persons, scope: .people, [.person, .space], body: .json(EnrolBody.self), status: .accepted,
            touches: [.commands]
        ) { try await $0.enrolPerson($1) },
        Endpoint(
            .post, "persons/{person}/export", "exportPerson",
            "Everything that is kept of a person, credentials and photos included",
            "Written into the audit trail. Of photos the newest 20.", tag: .persons, scope: .people,
            [.person, .space], traits: [.whole, .secret]
        ) { try await $0.exportPerson($1) },
        Endpoint(
            .post, "persons/{person}/erase", "erasePerson", "Erase a person here and on every terminal",
            "What was deleted does not come back.", tag: .persons, scope: .people, [.person, .space],
            body: .json(EraseBody.self), touches: [.people, .commands]
        ) { try await $0.erasePerson($1) },
        Endpoint(
            .get, "roster-conflicts", "listRosterConflicts", "What terminals refused or hold otherwise",
            tag: .persons, scope: .read
        ) { try await $0.conflicts($1) },
        Endpoint(
            .get, "erasures", "listErasures", "Receipts of what was erased, oldest first", tag: .persons,
            scope: .read, traits: [.whole, .paged]
        ) { try await $0.erasures($1) },
        Endpoint(
            .post, "vault/rotate", "rotateVault", "Seal everything anew with a new key", tag: .persons,
            scope: .administer, traits: .whole
        ) { try await $0.rotateVault($1) },
    ]

    /// Whether whoever asks may see and touch the people of an id space as a whole.
    private func reachesSpace(_ space: String, _ call: APICall) throws -> Bool {
        if call.reachesAllGroups { return true }
        return try !space.isEmpty && call.who().reaches(group: space)
    }

    /// Of the path and query.
    private func key(_ call: APICall) throws -> PersonKey {
        guard let id = call.text("person").flatMap({ EnrollID($0) }), !id.isDoor, !id.isStranger else {
            throw APIProblem.notFound
        }
        return PersonKey(space: call.text("space") ?? "", enrollID: id)
    }

    /// For changes: whole spaces only, since a person of a space stands on all its terminals.
    private func keyToChange(_ call: APICall) throws -> PersonKey {
        let key = try key(call)
        guard try reachesSpace(key.space, call) else { throw APIProblem.notFound }
        return key
    }

    private func entry(_ call: APICall) async throws -> RosterEntry {
        let key = try key(call)
        guard let entry = try await store.rosterEntry(key) else { throw APIProblem.notFound }
        if try reachesSpace(key.space, call) { return entry }
        // Those of all terminals: whoever was seen at one within reach.
        guard key.space.isEmpty, try await isSeen(key.enrollID, call) else { throw APIProblem.notFound }
        return entry
    }

    private func isSeen(_ id: EnrollID, _ call: APICall) async throws -> Bool {
        let holders = try await store.holders(of: id)
        if holders.contains(where: { reach.contains($0, for: call.principal) }) { return true }
        return try await hasPunched([id], for: try call.who())
    }

    // MARK: Looking

    func listPersons(_ call: APICall) async throws -> PageAnswer<PersonAnswer> {
        let space = call.text("space") ?? ""
        let isWhole = try reachesSpace(space, call)
        guard isWhole || space.isEmpty else { return PageAnswer([], next: nil) }
        let withGone = call.flag("gone") ?? false
        let start = try call.cursor.map { text -> PersonKey in
            guard let id = EnrollID(try PageCursor.parts(text, 1)[0]) else { throw PageCursor.wrong }
            return PersonKey(space: space, enrollID: id)
        }
        let page = try await collect(call.limit, from: start, most: isWhole ? 20 : 1) { after, size in
            try await store.roster(space: space, after: after, limit: size).map { ($0, $0.person.key) }
        } keep: { entry in
            guard withGone || entry.person.state == .active else { return false }
            return isWhole ? true : try await isSeen(entry.person.key.enrollID, call)
        }
        return PageAnswer(
            page.items.map { PersonAnswer($0) },
            next: page.next?.map { PageCursor.text([$0.enrollID.canonical]) } ?? nil)
    }

    func getPerson(_ call: APICall) async throws -> PersonAnswer {
        let entry = try await entry(call)
        var answer = PersonAnswer(entry)
        answer.terminals = try await store.holders(of: entry.person.key.enrollID).filter {
            reach.contains($0, for: call.principal)
        }.map(\.text)
        return answer
    }

    func conflicts(_ call: APICall) async throws -> ListAnswer<ConflictAnswer> {
        let answer = try await operations.people.carryOut(PeopleOrder(.conflicts, author: try call.author()))
        return ListAnswer(
            (answer.conflicts ?? []).filter { conflict in
                SerialNumber(conflict.terminal).map { reach.contains($0, for: call.principal) } ?? false
            }.map { ConflictAnswer(conflict: $0) })
    }

    func erasures(_ call: APICall) async throws -> PageAnswer<ErasureAnswer> {
        let start = try call.cursor.map { try PageCursor.number($0) } ?? 0
        let page = try await store.erasures(after: start, limit: call.limit)
        return PageAnswer(
            page.map { ErasureAnswer($0) },
            next: page.count == call.limit ? page.last.map { PageCursor.text(["\($0.id)"]) } : nil)
    }

    // MARK: Changing

    func importPersons(_ call: APICall) async throws -> PeopleChanged {
        let body = try call.body(PersonsBody.self)
        let author = try call.author()
        for (index, person) in body.persons.enumerated() {
            guard try reachesSpace(person.space ?? "", call) else {
                throw APIProblem.field("/persons/\(index)/space", "is no id space within your reach")
            }
        }
        var changed = 0
        // A repeat changes nothing, so that a part of them may be put although a later one is refused.
        for start in stride(from: 0, to: body.persons.count, by: PeopleOrder.maximumEntries) {
            let end = min(start + PeopleOrder.maximumEntries, body.persons.count)
            let answer = try await operations.people.carryOut(
                PeopleOrder(.put, author: author, entries: body.persons[start..<end].map(\.entry)))
            changed += answer.changed
        }
        return PeopleChanged(words: "\(changed) people are in the roster", changed: changed, number: nil)
    }

    func putPerson(_ call: APICall) async throws -> PersonAnswer {
        let key = try keyToChange(call)
        if call.headers[.ifMatch] != nil {
            guard let entry = try await store.rosterEntry(key) else {
                throw APIProblem(.changed, "there is no such person")
            }
            try call.requireMatch(PersonAnswer(entry).revision)
        }
        let body = try call.body(PersonBody.self)
        _ = try await operations.people.carryOut(
            PeopleOrder(
                .put, author: try call.author(),
                entries: [body.entry(space: key.space, id: key.enrollID.sent)]))
        return try await getPerson(call)
    }

    func enrolPerson(_ call: APICall) async throws -> PeopleChanged {
        let body = try call.body(EnrolBody.self)
        let key = try key(call)
        guard let serial = SerialNumber(body.terminal), reach.contains(serial, for: call.principal) else {
            throw APIProblem.field("/terminal", "is no terminal within your reach")
        }
        return PeopleChanged(
            try await operations.people.carryOut(
                PeopleOrder(
                    .enrol, author: try call.author(), space: key.space, id: key.enrollID.sent,
                    terminal: serial.text, reason: body.reason, slot: body.slot)))
    }

    func exportPerson(_ call: APICall) async throws -> PersonExport {
        let key = try keyToChange(call)
        guard try await store.rosterEntry(key) != nil else { throw APIProblem.notFound }
        let answer = try await operations.people.carryOut(
            PeopleOrder(
                .show, author: try call.author(), space: key.space, id: key.enrollID.sent, isWhole: true))
        return PersonExport(person: answer.person ?? [:])
    }

    func erasePerson(_ call: APICall) async throws -> PeopleChanged {
        let key = try keyToChange(call)
        let body = try call.body(EraseBody.self)
        guard try await store.rosterEntry(key) != nil else { throw APIProblem.notFound }
        return PeopleChanged(
            try await operations.people.carryOut(
                PeopleOrder(
                    .erase, author: try call.author(), space: key.space, id: key.enrollID.sent,
                    reason: body.reason)))
    }

    func syncPersons(_ call: APICall) async throws -> PeopleChanged {
        let body = try call.body(SyncBody.self)
        if let text = body.terminal {
            guard let serial = SerialNumber(text), reach.contains(serial, for: call.principal) else {
                throw APIProblem.notFound
            }
        } else {
            try call.requireAllGroups()
        }
        return PeopleChanged(
            try await operations.people.carryOut(
                PeopleOrder(
                    .sync, author: try call.author(), terminal: body.terminal, isWhole: body.isWhole ?? false)
            ))
    }

    func rotateVault(_ call: APICall) async throws -> PeopleChanged {
        PeopleChanged(try await operations.people.carryOut(PeopleOrder(.rotate, author: try call.author())))
    }
}

extension Endpoint.Parameter {
    static let person = path("person", Schema.enrollID, "Enroll id.")
}

// MARK: - What is sent and answered

package struct PersonBody: Codable, Documented {
    package var name: String?
    package var role: String?
    package var employee: String?
    package var card: String?
    package var pin: String?
    package var validFrom: String?
    package var validUntil: String?

    func entry(space: String, id: String) -> PeopleOrder.Entry {
        PeopleOrder.Entry(
            space: space, id: id, name: name ?? "", role: role ?? PersonRole.user.name, employee: employee,
            card: card, pin: pin, validFrom: validFrom, validUntil: validUntil)
    }

    static let properties: [Schema.Property] = [
        .optional("name", Schema.line(0...Person.maximumName), "As terminals show it."),
        .optional("role", .words(PersonRole.allCases.map(\.name)), "`user` without it."),
        .optional("employee", Schema.line(1...140), "Document name of the Employee."),
        .optional("card", .text(.init(1...20, pattern: "^[0-9]+$")), "Number of a card. Secret."),
        .optional("pin", .text(.init(1...8, pattern: "^[0-9]+$")), "Secret."),
        .optional("valid_from", Schema.wall, "On terminals only from then on, by their clocks."),
        .optional("valid_until", Schema.wall),
    ]
    package static let schema = Schema.named("PersonChange", .object(properties))
    package static let samples = [PersonBody(name: "Asha Rao", role: "user", employee: "HR-EMP-00012")]
}

package struct PersonsBody: Codable, Documented {
    package struct Entry: Codable, Sendable {
        package var space: String?
        package var person: String
        package var name: String?
        package var role: String?
        package var employee: String?
        package var card: String?
        package var pin: String?
        package var validFrom: String?
        package var validUntil: String?

        var entry: PeopleOrder.Entry {
            PersonBody(
                name: name, role: role, employee: employee, card: card, pin: pin, validFrom: validFrom,
                validUntil: validUntil
            ).entry(space: space ?? "", id: person)
        }
    }
    package var persons: [Entry]

    private static let key: [Schema.Property] = [
        .optional("space", Schema.line(0...100), "Id space; that of all others without it."),
        .init("person", Schema.enrollID, "Enroll id."),
    ]
    package static let schema = Schema.named(
        "PersonImport",
        .object([.init("persons", .list(.object(key + PersonBody.properties), 1...5000))]))
    package static let samples = [PersonsBody(persons: [Entry(person: "12", name: "Asha Rao")])]
}

package struct EnrolBody: Codable, Documented {
    package var terminal: String
    package var slot: Int
    package var reason: String?

    package static let schema = Schema.named(
        "EnrolOrder",
        .object([
            .init("terminal", Schema.serial),
            .init(
                "slot", .integer(0...51),
                "0 to 9 a finger, 10 the PIN, 11 a card, 20 to 27 a face, 30 to 37 a palm, 50 a photo."),
            .optional("reason", .text(.init(0...500))),
        ]))
    package static let samples = [EnrolBody(terminal: "AYTI10087992", slot: 20)]
}

package struct EraseBody: Codable, Documented {
    package var reason: String
    package static let schema = Schema.named(
        "EraseOrder",
        .object([.init("reason", .text(.init(1...500)), "Why; it is kept with the receipt.")]))
    package static let samples = [EraseBody(reason: "has left the company")]
}

package struct SyncBody: Codable, Documented {
    package var terminal: String?
    package var isWhole: Bool?
    package static let schema = Schema.named(
        "SyncOrder",
        .object([
            .optional("terminal", Schema.serial, "All of them without it."),
            .optional("is_whole", .flag, "Also what was refused before."),
        ]))
    package static let samples = [SyncBody(terminal: "AYTI10087992")]
}

package struct PeopleChanged: Documented {
    package var words: String
    package var changed: Int
    package var number: Int64?

    init(words: String, changed: Int, number: Int64?) {
        self.words = words
        self.changed = changed
        self.number = number
    }

    init(_ answer: PeopleAnswer) {
        self.init(words: answer.words, changed: answer.changed, number: answer.number)
    }

    package static let schema = Schema.named(
        "PeopleChanged",
        .object([
            .init("words", .anyText, "One sentence, in English."),
            .init("changed", .count, "How many people, rows or terminals it was about."),
            .optional("number", .id, "Receipt of an erasure, or number of a command."),
        ]))
    package static let samples = [PeopleChanged(words: "1 people are in the roster", changed: 1, number: nil)]
}

package struct PersonExport: Documented {
    package var person: JSONValue
    package static let schema = Schema.named(
        "PersonExport", .object([.init("person", .map(.anything), "Whatever there is.")]))
    package static let samples = [PersonExport(person: ["enroll_id": "12", "name": "Asha Rao"])]
}

package struct ConflictAnswer: Documented {
    package var conflict: PeopleAnswer.Conflict
    package func encode(to encoder: any Encoder) throws { try conflict.encode(to: encoder) }

    package static let schema = Schema.named(
        "RosterConflict",
        .object([
            .init("terminal", .anyText), .init("person", .anyText), .optional("slot", .anyInteger),
            .init("words", .anyText),
        ]))
    package static var samples: [ConflictAnswer] {
        guard let serial = SerialNumber("AYTI10087992"), let id = EnrollID("12") else { return [] }
        return [
            ConflictAnswer(
                conflict: .init(
                    RosterConflict(terminal: serial, person: id, slot: 20, cause: .refused)))
        ]
    }
}

package struct PersonAnswer: Documented, Revised {
    package struct Credential: Encodable, Sendable {
        package var slot: Int
        package var kind: String
        package var algorithm: String?
        package var bytes: Int
        package var source: String?
        package var at: String
    }
    package var space: String
    package var person: String
    package var name: String
    package var role: String
    package var state: String
    package var employee: String?
    package var source: String
    package var validFrom: String?
    package var validUntil: String?
    package var changed: String
    package var credentials: [Credential]
    package var terminals: [String]?

    init(_ entry: RosterEntry) {
        let person = entry.person
        space = person.key.space
        self.person = person.key.enrollID.sent
        name = person.name
        role = person.role.name
        state = person.state == .active ? "active" : "gone"
        employee = person.employee
        source = person.source.rawValue
        validFrom = person.validFrom?.description
        validUntil = person.validUntil?.description
        changed = person.changed.iso8601
        credentials = entry.credentials.map {
            Credential(
                slot: $0.slot, kind: $0.kind.rawValue, algorithm: $0.algorithm, bytes: $0.size,
                source: $0.source?.text, at: $0.at.iso8601)
        }
    }

    var revision: String { Data(changed.utf8).base64URL }

    package static let schema = Schema.named(
        "Person",
        .object([
            .init("space", .anyText, "Id space; empty for that of all others."),
            .init("person", .anyText, "Enroll id."), .init("name", .anyText),
            .init("role", .words(PersonRole.allCases.map(\.name))),
            .init("state", .words(["active", "gone"])), .optional("employee", .anyText),
            .init("source", .anyText, "Where the roster has them from."), .optional("valid_from", .anyText),
            .optional("valid_until", .anyText), .init("changed", .moment),
            .init(
                "credentials",
                .list(
                    .object([
                        .init("slot", .anyInteger),
                        .init("kind", .words(CredentialKind.allCases.map(\.rawValue))),
                        .optional("algorithm", .anyText), .init("bytes", .count),
                        .optional("source", .anyText, "Terminal it came from."), .init("at", .moment),
                    ])), "Without their contents."),
            .optional("terminals", .list(.anyText), "Those that were last seen to hold this number."),
        ]))
    package static var samples: [PersonAnswer] {
        guard let id = EnrollID("12") else { return [] }
        return [
            PersonAnswer(
                RosterEntry(
                    person: Person(
                        key: PersonKey(enrollID: id), name: "Asha Rao", employee: "HR-EMP-00012",
                        source: .terminal, changed: UnixTime(seconds: 1_795_228_270)),
                    credentials: [
                        CredentialFacts(
                            slot: 20, kind: .face, algorithm: "thbio3.0", digest: [], size: 2048,
                            source: .unknown,
                            at: UnixTime(seconds: 1_795_228_270))
                    ]))
        ]
    }
}

package struct ErasureAnswer: Documented {
    package struct Place: Encodable, Sendable {
        package var terminal: String
        package var verified: String?
        package var words: String?
    }
    package var id: Int64
    package var space: String
    package var person: String
    package var author: String
    package var reason: String
    package var ordered: String
    package var credentials: Int
    package var photos: Int
    package var finished: String?
    package var places: [Place]

    init(_ receipt: ErasureReceipt) {
        id = receipt.id
        space = receipt.person.space
        person = receipt.person.enrollID.sent
        author = receipt.author.name
        reason = receipt.reason
        ordered = receipt.ordered.iso8601
        credentials = receipt.credentials
        photos = receipt.photos
        finished = receipt.finished?.iso8601
        places = receipt.places.map {
            Place(terminal: $0.terminal.text, verified: $0.verified?.iso8601, words: $0.words)
        }
    }

    package static let schema = Schema.named(
        "Erasure",
        .object([
            .init("id", .id), .init("space", .anyText), .init("person", .anyText), .init("author", .anyText),
            .init("reason", .anyText), .init("ordered", .moment), .init("credentials", .count),
            .init("photos", .count), .optional("finished", .moment, "When the last terminal had proven it."),
            .init(
                "places",
                .list(
                    .object([
                        .init("terminal", .anyText), .optional("verified", .moment),
                        .optional("words", .anyText),
                    ]))),
        ]))
    package static var samples: [ErasureAnswer] {
        guard let id = EnrollID("12") else { return [] }
        let moment = UnixTime(seconds: 1_795_228_270)
        return [
            ErasureAnswer(
                ErasureReceipt(
                    id: 3, person: PersonKey(enrollID: id), author: Author("asha"), reason: "has left",
                    ordered: moment, credentials: 2, photos: 0, finished: nil,
                    places: [.init(terminal: .unknown, verified: nil, words: nil)]))
        ]
    }
}
