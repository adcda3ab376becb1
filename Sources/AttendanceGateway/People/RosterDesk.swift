import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation

/// Carries out what somebody asks of the roster: in the running gateway, or on a journal that none has open.
struct RosterDesk: Sendable {
    let store: any Store
    let vault: Vault
    let terminals: Settings.Terminals
    /// Whether credentials may be kept at all.
    let collects: Bool
    let now: @Sendable () -> UnixTime
    /// Nil without a running gateway: what is to be done at terminals is done when one runs.
    var sync: RosterSync?
    /// Orders commands; nil without a running gateway.
    var desk: CommandDesk?

    func carryOut(_ order: PeopleOrder) async throws -> PeopleAnswer {
        let author = Author(order.author)
        switch order.verb {
        case .put: return try await put(order, author)
        case .show: return try await show(try person(order), order, author)
        case .erase: return try await erase(try person(order), order, author)
        case .sync: return try await begin(order, author)
        case .enrol: return try await enrol(try person(order), order, author)
        case .conflicts:
            let conflicts = sync?.conflicts ?? []
            return PeopleAnswer(
                words: "\(conflicts.count) conflicts", changed: conflicts.count,
                conflicts: conflicts.map { PeopleAnswer.Conflict($0) })
        case .rotate:
            return try await VaultRotation(vault: vault, store: store).run(by: author, at: now)
        }
    }

    private func person(_ order: PeopleOrder) throws -> PersonKey {
        guard let id = order.id.flatMap({ EnrollID($0) }), !id.isDoor, !id.isStranger else {
            throw PeopleRefusal(text: "“\(PlainText.line(order.id ?? "", limit: 64))” is no person's number")
        }
        return PersonKey(space: try space(order.space ?? ""), enrollID: id)
    }

    private func space(_ name: String) throws -> String {
        guard let space = terminals.spaceNames.first(where: { $0.lowercased() == name.lowercased() }) else {
            throw PeopleRefusal(text: "“\(PlainText.line(name, limit: 64))” is no id space")
        }
        return space
    }

    private func terminal(_ order: PeopleOrder) throws -> SerialNumber? {
        guard let text = order.terminal else { return nil }
        guard let serial = SerialNumber(text) else {
            throw PeopleRefusal(text: "“\(PlainText.line(text, limit: 64))” is no serial number")
        }
        return serial
    }

    // MARK: Putting

    private func put(_ order: PeopleOrder, _ author: Author) async throws -> PeopleAnswer {
        let entries = order.entries ?? []
        guard entries.count <= PeopleOrder.maximumEntries else {
            throw PeopleRefusal(text: "at most \(PeopleOrder.maximumEntries) people in one order")
        }
        let now = now()
        var people: [Person] = []
        var credentials: [SealedCredential] = []
        let seal = CredentialSeal(vault: vault)
        for entry in entries {
            let read = try self.entry(entry, at: now)
            let person = try await merged(read.person)
            people.append(person)
            guard collects || read.contents.isEmpty else {
                throw PeopleRefusal(
                    text: "cards and PINs are kept only with Collect = yes in [People]; \(person.key) has one"
                )
            }
            for content in read.contents {
                credentials.append(
                    try seal.seal(content, of: person.key, algorithm: nil, from: nil, at: now))
            }
        }
        try await store.putPeople(people, credentials: credentials, by: author, at: now)
        sync?.changed()
        return PeopleAnswer(words: "\(people.count) people are in the roster", changed: people.count)
    }

    /// Checked by the very rules of a file, as a line of it.
    private func entry(_ entry: PeopleOrder.Entry, at now: UnixTime) throws -> PeopleFile.Entry {
        let cells = [
            entry.space, entry.id, entry.name, entry.role, entry.employee ?? "", entry.card ?? "",
            entry.pin ?? "", entry.validFrom ?? "", entry.validUntil ?? "",
        ]
        let line = cells.map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }.joined(separator: ",")
        do {
            let read = try PeopleFile.parse(Array(line.utf8), spaces: terminals.spaceNames, at: now)
            guard let first = read.first, read.count == 1 else {
                throw PeopleRefusal(text: "an entry is nobody")
            }
            return first
        } catch let failure as MappingFile.Failure {
            throw PeopleRefusal(text: failure.localizedDescription)
        }
    }

    /// What a file leaves open stays as it is.
    private func merged(_ new: Person) async throws -> Person {
        guard let old = try await store.rosterEntry(new.key)?.person, old.state == .active else { return new }
        var person = new
        if person.name.isEmpty { person.name = old.name }
        if person.employee == nil { person.employee = old.employee }
        return person
    }

    // MARK: Showing

    private func show(_ key: PersonKey, _ order: PeopleOrder, _ author: Author) async throws -> PeopleAnswer {
        guard let entry = try await store.rosterEntry(key) else {
            throw PeopleRefusal(text: "nobody in the roster has the number \(key)")
        }
        // Before anything is opened: a look that is not written down does not happen.
        try await store.audit(
            AuditEntry(
                at: now(), author: author, action: order.isWhole ? "people.export" : "people.show",
                subject: "person \(key)",
                detail: order.isWhole
                    ? "with \(entry.credentials.count) credentials and photos" : "without credentials"))
        let sealed = order.isWhole ? try await store.sealedCredentials(of: key) : []
        var contents: [Int: String] = [:]
        for credential in sealed {
            contents[credential.facts.slot] = try CredentialSeal(vault: vault).open(credential).text
        }
        var serials: [SerialNumber] = []
        while true {
            let page = try await store.terminals(after: serials.last, limit: 500)
            if page.isEmpty { break }
            serials += page.map(\.serial)
        }
        let own = serials.filter { terminals.idSpace(of: $0) == key.space }
        let photos = try await store.photos(of: key.enrollID, at: own, limit: 1_000)
        let receipts = try await Self.receipts(in: store).filter { $0.person == key }
        let holders = try await store.holders(of: key.enrollID).filter(own.contains)
        let person = entry.person
        var fields: [String: JSONValue] = [
            "id_space": .text(key.space), "enroll_id": .text(key.enrollID.sent), "name": .text(person.name),
            "role": .text(person.role.name), "state": .text(person.state == .active ? "active" : "gone"),
            "employee": person.employee.map { .text($0) } ?? .null,
            "source": .text(person.source.rawValue), "changed": .text(person.changed.iso8601),
            "valid_from": person.validFrom.map { .text($0.description) } ?? .null,
            "valid_until": person.validUntil.map { .text($0.description) } ?? .null,
            "terminals": .list(holders.map { .text($0.text) }),
            "receipts": .list(receipts.map { .integer($0.id) }),
        ]
        fields["credentials"] = .list(
            entry.credentials.map { facts in
                var row: [String: JSONValue] = [
                    "slot": .integer(Int64(facts.slot)), "kind": .text(facts.kind.rawValue),
                    "algorithm": facts.algorithm.map { .text($0) } ?? .null,
                    "bytes": .integer(Int64(facts.size)),
                    "source": facts.source.map { .text($0.text) } ?? .null, "at": .text(facts.at.iso8601),
                ]
                row["content"] = contents[facts.slot].map { .text($0) }
                return .object(row)
            })
        var shown: [JSONValue] = []
        for photo in photos {
            var row: [String: JSONValue] = [
                "punch": .integer(photo.punch), "time": .text(photo.time.description),
                "terminal": .text(photo.terminal.text),
            ]
            // An answer has a bound; the newest are shown.
            if order.isWhole, shown.count < 20 {
                row["content"] = .text(
                    Data(try vault.open(photo.sealed, for: photo.context)).base64EncodedString())
            }
            shown.append(.object(row))
        }
        fields["photos"] = .list(shown)
        return PeopleAnswer(words: "\(key)", changed: 1, person: .object(fields))
    }

    static func receipts(in journal: any JournalReading) async throws -> [ErasureReceipt] {
        var all: [ErasureReceipt] = []
        while true {
            let page = try await journal.erasures(after: all.last?.id ?? 0, limit: 500)
            if page.isEmpty { return all }
            all += page
        }
    }

    // MARK: Erasing

    private func erase(_ key: PersonKey, _ order: PeopleOrder, _ author: Author) async throws -> PeopleAnswer
    {
        let reason = PlainText.line(order.reason ?? "", limit: 500)
        guard !reason.isEmpty else { throw PeopleRefusal(text: "erasing needs a reason") }
        let receipt: Int64
        if let sync {
            receipt = try await sync.erase(key, reason: reason, by: author)
        } else {
            receipt = try await RosterErasure(terminals: terminals, store: store).erase(
                key, reason: reason, by: author, employee: nil, at: now())
        }
        let places = try await Self.receipts(in: store).first { $0.id == receipt }?.places ?? []
        return PeopleAnswer(
            words: "receipt \(receipt): erased here, owed to \(places.count) terminals; see people receipts",
            changed: places.count, number: receipt)
    }

    // MARK: Terminals

    private func begin(_ order: PeopleOrder, _ author: Author) async throws -> PeopleAnswer {
        guard let sync else {
            throw PeopleRefusal(text: "no gateway runs; it looks by itself when it starts")
        }
        let terminal = try terminal(order)
        try await store.audit(
            AuditEntry(
                at: now(), author: author, action: "people.sync",
                subject: terminal.map { "terminal \($0)" } ?? "all terminals"))
        try await sync.begin(terminal, again: order.isWhole)
        return PeopleAnswer(words: "terminals are asked whom they hold, as they are connected")
    }

    private func enrol(_ key: PersonKey, _ order: PeopleOrder, _ author: Author) async throws -> PeopleAnswer
    {
        guard let desk else {
            throw PeopleRefusal(text: "no gateway runs; a terminal can only be asked by one")
        }
        guard let serial = try terminal(order) else { throw PeopleRefusal(text: "no terminal is named") }
        guard let slot = order.slot.flatMap({ CredentialSlot(Int64($0)) }) else {
            throw PeopleRefusal(text: "the slot is none that holds a credential")
        }
        guard collects else {
            throw PeopleRefusal(
                text:
                    "what is enrolled is kept only with Collect = yes in [People]; the terminal itself can enrol"
            )
        }
        guard terminals.idSpace(of: serial) == key.space else {
            throw PeopleRefusal(text: "\(serial) numbers its people otherwise than \(key)")
        }
        let known = try await store.rosterEntry(key)?.person
        if known?.state == .gone {
            throw PeopleRefusal(text: "\(key) was erased; put them into the roster first: people import")
        }
        do {
            let request = try CommandRequest.addUser(
                key.enrollID, name: known?.name ?? "", slot: slot, admin: Int64(known?.role.rawValue ?? 0))
            let ids = try await desk.order(
                [
                    NewCommand(
                        terminal: serial, request: request, reason: order.reason,
                        expires: now() + .seconds(120))
                ], by: author)
            return PeopleAnswer(
                words: "the terminal is asked to enrol \(key)", changed: 1, number: ids.first)
        } catch let refusal as CommandRefusal {
            throw PeopleRefusal(text: "\(refusal)")
        } catch let error as CommandNotKnown {
            throw PeopleRefusal(text: error.localizedDescription)
        } catch CommandError.unknownTerminal {
            throw PeopleRefusal(text: "no terminal \(serial) was ever heard of")
        }
    }
}

extension Settings.Terminals {
    /// Names of the id spaces; "" is that of all terminals without one of their own.
    var spaceNames: Set<String> { Set([""] + groups.filter(\.hasOwnIDs).map(\.name)) }
}

/// Seals everything anew: a new key, page by page, and the old one dropped when nothing needs it any more. Killed
/// anywhere, the next one goes on where it was.
struct VaultRotation {
    let vault: Vault
    let store: any Store
    /// What was sealed with the old key a moment ago may still be on its way into the journal.
    var settling: Duration = .seconds(3)
    static let page = 200

    func run(by author: Author, at now: @Sendable () -> UnixTime) async throws -> PeopleAnswer {
        let begun: (key: VaultKeyID, older: Int)
        do {
            try vault.check(holding: try await store.sealedKeys())
            begun = try vault.beginRotation()
        } catch let error as VaultError {
            throw PeopleRefusal(text: error.localizedDescription)
        }
        try await store.audit(
            AuditEntry(at: now(), author: author, action: "vault.rotate", subject: "key \(begun.key)"))
        let seal = CredentialSeal(vault: vault)
        var count = 0
        for pass in 0..<2 {
            if pass == 1 { try await Task.sleep(for: settling) }
            while true {
                let rows = try await store.sealedOtherwise(than: begun.key, limit: Self.page)
                if rows.isEmpty { break }
                do {
                    try await store.reseal(try rows.map { try seal.resealed($0) })
                } catch let error as VaultError {
                    throw PeopleRefusal(text: error.localizedDescription)
                }
                count += rows.count
            }
        }
        try await store.forgetDigests(otherThan: begun.key)
        let dropped: Int
        do {
            dropped = try vault.finishRotation()
        } catch {
            throw PeopleRefusal(text: error.localizedDescription)
        }
        try await store.audit(
            AuditEntry(
                at: now(), author: author, action: "vault.rotated", subject: "key \(begun.key)",
                detail: "\(count) rows sealed anew, \(dropped) older keys dropped"))
        return PeopleAnswer(
            words:
                "\(count) rows are sealed with the new key \(begun.key), \(dropped) older keys are dropped",
            changed: count)
    }
}
