import AttendanceCore
import AttendanceStore
import Foundation
import HTTPTypes
import Hummingbird

/// `/people/SPACE/NUMBER`: one person: what is kept of them, where they are, and what can be done.
struct PeopleOnePage: Sendable {
    let console: Console
    let roll: TerminalsRoll

    /// Terminals that hold somebody of which it is told what they hold.
    private static let mostHolders = 20

    func add(to read: RouterGroup<ConsoleContext>) {
        read.get("people/:space/:id") { request, context in
            let key = try key(context)
            let reach = try await PeopleReach(roll, context)
            return try await show(key, reach, Extra(), request, context)
        }
        let change = read.group().add(middleware: Requires(console: console, scope: .people))
        change.post("people/:space/:id/save") { try await save($0, $1) }
        change.post("people/:space/:id/enrol") { try await enrol($0, $1) }
        change.post("people/:space/:id/erase") { try await erase($0, $1) }
        change.post("people/:space/:id/export") { try await export($0, $1) }
        let administer = read.group().add(middleware: Requires(console: console, scope: .administer))
        administer.post("people/:space/:id/code") { try await issue($0, $1) }
        administer.post("people/:space/:id/revoke") { try await revoke($0, $1) }
    }

    func text(_ key: String, _ context: ConsoleContext, _ places: KeyValuePairs<String, String> = [:])
        -> String
    {
        console.text(PeoplePage.words, key, context, places)
    }

    func key(_ context: ConsoleContext) throws -> PersonKey {
        guard let id = EnrollID(try context.part("id")), !id.isDoor, !id.isStranger else {
            throw HTTPError(.notFound)
        }
        return PersonKey(space: PeopleReach.space(slug: try context.part("space")), enrollID: id)
    }

    /// What a form that was sent adds to the page.
    struct Extra {
        var errors: [String: String] = [:]
        var typed: [String: String] = [:]
        /// Shown this once.
        var code: String?
    }
    struct Credential {
        var kind: String
        var slot: Int
        var algorithm: String
        var size: String
        var source: String
        var at: String
    }
    struct Place {
        var terminal: String
        var href: String
        var tags: [TerminalsPage.Tag]
        var alias: String
        var conflict: String
    }
    struct Receipt {
        var number: Int64
        var ordered: String
        var author: String
        var reason: String
        var credentials: Int
        var photos: Int
        var tone: String
        var state: String
        var places: [Proof]
    }
    struct Proof {
        var terminal: String
        var tone: String
        var state: String
        var detail: String
    }
    struct Code {
        var id: Int64
        var kind: String
        var place: String
        var until: String
        var uses: String
        var tone: String
        var state: String
        var isOpen: Bool
    }
    struct Enrolment {
        var tone: String
        var words: String
        var detail: String
    }
    struct Model {
        var path: String
        var heading: String
        var number: String
        var space: String
        var tone: String
        var state: String
        var isThere: Bool
        var isGone: Bool
        var employee: String
        var hasEmployee: Bool
        var source: String
        var changed: String
        var validity: String
        var hasValidity: Bool
        var credentials: [Credential]
        var hasCredentials: Bool
        var places: [Place]
        var hasPlaces: Bool
        var receipts: [Receipt]
        var hasReceipts: Bool
        var enrolments: [Enrolment]
        var collects: Bool
        var terminals: [PageChoice]
        var hasTerminals: Bool
        var slots: [PageChoice]
        var roles: [PageChoice]
        var typedName: String
        var typedEmployee: String
        var typedFrom: String
        var typedUntil: String
        var mayChange: Bool
        /// Everywhere, not only at some terminals of the id space.
        var mayWhole: Bool
        var mayCode: Bool
        var codes: [Code]
        var hasCodes: Bool
        var newCode: String
        var hasNewCode: Bool
        var saveError: String
        var hasSaveError: Bool
        var enrolError: String
        var hasEnrolError: Bool
        var eraseError: String
        var hasEraseError: Bool
        var codeError: String
        var hasCodeError: Bool
        var exportError: String
        var hasExportError: Bool
        var reason: String
        var zone: String
    }

    // MARK: Looking

    /// Throws `HTTPError` 404 for somebody of whom nothing is known, and for those out of reach.
    func show(
        _ key: PersonKey, _ reach: PeopleReach, _ extra: Extra, _ request: Request, _ context: ConsoleContext
    ) async throws -> Response {
        let operations = console.operations
        guard operations.field.spaces().contains(key.space), try await reach.sees(key) else {
            throw HTTPError(.notFound)
        }
        let entry = try await operations.store.rosterEntry(key)
        let holders = try await reach.holders(of: key)
        let receipts = reach.isWhole(key.space) ? try await self.receipts(of: key) : []
        guard entry != nil || !holders.isEmpty || !receipts.isEmpty else { throw HTTPError(.notFound) }
        let zoneName = operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        let person = entry?.person
        let places = try await places(of: key, entry, holders, reach, context)
        let mayCode = context.may(.administer) && reach.isWhole(key.space)
        let codes = mayCode ? try await self.codes(of: key, zone, reach, context) : []
        let query = request.method == .get ? try request.search() : try FormFields(query: nil)
        let model = Model(
            path: PeopleReach.path(key),
            heading: person.flatMap { $0.name.isEmpty ? nil : $0.name } ?? key.enrollID.sent,
            number: key.enrollID.sent, space: key.space,
            tone: person?.state == .active ? "good" : "warning",
            state: text(
                person == nil
                    ? "person_unknown"
                    : person?.state == .active
                        ? "person_active" : holders.isEmpty ? "person_gone" : "person_leaving", context),
            isThere: person != nil, isGone: person?.state == .gone, employee: person?.employee ?? "",
            hasEmployee: person?.employee != nil,
            source: person.map { text("source_\($0.source.rawValue)", context) } ?? "",
            changed: person.map { Moments.text($0.changed, in: zone) } ?? "",
            validity: [person?.validFrom?.description ?? "…", person?.validUntil?.description ?? "…"]
                .joined(separator: " – "),
            hasValidity: person?.validFrom != nil || person?.validUntil != nil,
            credentials: (entry?.credentials ?? []).map { credential($0, zone, reach, context) },
            hasCredentials: entry?.credentials.isEmpty == false, places: places, hasPlaces: !places.isEmpty,
            receipts: receipts.reversed().map { receipt($0, zone, reach, context) },
            hasReceipts: !receipts.isEmpty,
            enrolments: try await enrolment(query, key, entry, reach, context),
            collects: operations.field.collects(), terminals: choices(of: key, reach, extra),
            hasTerminals: !reach.terminals(of: key.space).isEmpty, slots: slots(extra, context),
            roles: PersonRole.allCases.map {
                .init(
                    value: $0.name, label: text("role_there_\($0.rawValue)", context),
                    isChosen: (extra.typed["role"] ?? person?.role.name) == $0.name)
            }, typedName: extra.typed["name"] ?? person?.name ?? "",
            typedEmployee: extra.typed["employee"] ?? person?.employee ?? "",
            typedFrom: extra.typed["from"] ?? person?.validFrom?.description ?? "",
            typedUntil: extra.typed["until"] ?? person?.validUntil?.description ?? "",
            mayChange: context.may(.people), mayWhole: context.may(.people) && reach.isWhole(key.space),
            mayCode: mayCode, codes: codes, hasCodes: !codes.isEmpty, newCode: extra.code ?? "",
            hasNewCode: extra.code != nil, saveError: extra.errors["save"] ?? "",
            hasSaveError: extra.errors["save"] != nil, enrolError: extra.errors["enrol"] ?? "",
            hasEnrolError: extra.errors["enrol"] != nil, eraseError: extra.errors["erase"] ?? "",
            hasEraseError: extra.errors["erase"] != nil, codeError: extra.errors["code"] ?? "",
            hasCodeError: extra.errors["code"] != nil, exportError: extra.errors["export"] ?? "",
            hasExportError: extra.errors["export"] != nil, reason: extra.typed["reason"] ?? "",
            zone: zoneName)
        return console.render(
            "person", model, at: .people, title: model.heading, notice: notice(query, context),
            status: extra.errors.isEmpty ? .ok : .unprocessableContent, request: request, context: context)
    }

    private func notice(_ query: FormFields, _ context: ConsoleContext) -> PageNotice? {
        switch query["done"] {
        case "saved": PageNotice(.good, text("done_saved", context))
        case "erased": PageNotice(.good, text("done_erased", context))
        case "revoked": PageNotice(.good, text("done_revoked", context))
        default: nil
        }
    }

    private func title(of serial: SerialNumber, _ reach: PeopleReach) -> String {
        reach.terminals.first { $0.serial == serial.text }?.name ?? serial.text
    }

    private func credential(
        _ facts: CredentialFacts, _ zone: ZoneRules?, _ reach: PeopleReach, _ context: ConsoleContext
    ) -> Credential {
        Credential(
            kind: text(facts.kind.word, context), slot: facts.slot, algorithm: facts.algorithm ?? "",
            size: "\(facts.size) B",
            source: facts.source.map { reach.reaches($0) ? title(of: $0, reach) : text("elsewhere", context) }
                ?? text("source_file", context), at: Moments.text(facts.at, in: zone))
    }

    private func places(
        of key: PersonKey, _ entry: RosterEntry?, _ holders: [SerialNumber], _ reach: PeopleReach,
        _ context: ConsoleContext
    ) async throws -> [Place] {
        let conflicts =
            try await console.operations.people.carryOut(
                PeopleOrder(.conflicts, author: context.principal?.author ?? .gateway)
            ).conflicts ?? []
        var own: [SerialNumber: [String]] = [:]
        for conflict in conflicts where EnrollID(conflict.person) == key.enrollID {
            guard let serial = SerialNumber(conflict.terminal), reach.space(of: serial) == key.space else {
                continue
            }
            own[serial, default: []].append(conflict.words)
        }
        var places: [Place] = []
        let rest = own.keys.filter { !holders.contains($0) }.sorted { $0.folded < $1.folded }
        for (index, serial) in (holders + rest).enumerated() {
            var tags: [TerminalsPage.Tag] = []
            var alias = ""
            if index < Self.mostHolders,
                let there = try await console.operations.store.held(by: serial)[key.enrollID]
            {
                tags = self.tags(there, entry, context)
                if let name = there.name, name != entry?.person.name { alias = name }
            }
            places.append(
                Place(
                    terminal: title(of: serial, reach), href: Console.path("terminals", serial.text),
                    tags: tags, alias: alias, conflict: (own[serial] ?? []).joined(separator: "; ")))
        }
        return places
    }

    /// What a terminal holds, against what the roster has.
    private func tags(
        _ there: HeldPerson, _ entry: RosterEntry?, _ context: ConsoleContext
    ) -> [TerminalsPage.Tag] {
        let kept = Dictionary(
            (entry?.credentials ?? []).map { ($0.slot, $0.digest) }, uniquingKeysWith: { first, _ in first })
        return Set(there.filled).union(there.credentials.keys).sorted().map { slot in
            let kind = CredentialKind(slot: slot).map { text($0.word, context) } ?? ""
            let held = there.credentials[slot]
            let state: (tone: String, word: String)
            if let wanted = kept[slot], held?.holds(wanted) == true {
                state = ("good", "held_same")
            } else if held?.refused != nil {
                state = ("bad", "held_refused")
            } else if held?.digest == nil {
                state = ("", "held_unread")
            } else {
                state = ("warning", kept[slot] == nil ? "held_only_there" : "held_other")
            }
            return TerminalsPage.Tag(
                tone: state.tone, label: "\(kind) \(slot): \(text(state.word, context))")
        }
    }

    private func receipts(of key: PersonKey) async throws -> [ErasureReceipt] {
        var all: [ErasureReceipt] = []
        var last: Int64 = 0
        while true {
            let page = try await console.operations.store.erasures(after: last, limit: 500)
            guard let newest = page.last else { return all }
            all += page.filter { $0.person == key }
            last = newest.id
        }
    }

    private func receipt(
        _ receipt: ErasureReceipt, _ zone: ZoneRules?, _ reach: PeopleReach, _ context: ConsoleContext
    ) -> Receipt {
        Receipt(
            number: receipt.id, ordered: Moments.text(receipt.ordered, in: zone),
            author: receipt.author.name, reason: receipt.reason, credentials: receipt.credentials,
            photos: receipt.photos, tone: receipt.finished == nil ? "warning" : "good",
            state: receipt.finished.map {
                text("receipt_finished", context, ["time": Moments.text($0, in: zone)])
            } ?? text("receipt_open", context),
            places: receipt.places.prefix(200).map { place in
                Proof(
                    terminal: title(of: place.terminal, reach),
                    tone: place.verified == nil ? "warning" : "good",
                    state: place.verified.map { Moments.text($0, in: zone) } ?? text("proof_owed", context),
                    detail: place.words ?? "")
            })
    }

    private func codes(
        of key: PersonKey, _ zone: ZoneRules?, _ reach: PeopleReach, _ context: ConsoleContext
    ) async throws -> [Code] {
        let now = console.operations.now()
        var own: [AccessCodeRecord] = []
        var last: Int64 = 0
        while true {
            let page = try await console.operations.store.accessCodes(after: last, limit: 500)
            guard let newest = page.last else { break }
            own += page.filter { $0.code.person == key }
            last = newest.id
        }
        return own.suffix(20).reversed().map { record in
            let place: String =
                switch record.code.scope {
                case .terminal(let serial): title(of: serial, reach)
                case .group(let name): name
                }
            let isOver = record.code.ends <= now || record.used >= record.code.uses
            return Code(
                id: record.id, kind: record.code.kind == .pin ? "PIN" : "QR", place: place,
                until: Moments.text(record.code.ends, in: zone), uses: "\(record.used) / \(record.code.uses)",
                tone: record.revoked != nil ? "warning" : isOver ? "" : "good",
                state: text(
                    record.revoked != nil ? "code_revoked" : isOver ? "code_over" : "code_open", context),
                isOpen: record.revoked == nil && !isOver)
        }
    }

    // MARK: Choices

    /// Where one can be enrolled or pass: online ones first.
    private func choices(of key: PersonKey, _ reach: PeopleReach, _ extra: Extra) -> [PageChoice] {
        let all = reach.terminals(of: key.space).filter { $0.standing == "approved" }
        let sorted = all.filter { $0.state == .online } + all.filter { $0.state != .online }
        return sorted.prefix(2_000).map {
            .init(
                value: $0.serial, label: ($0.name ?? $0.serial) + ($0.state == .online ? " ●" : ""),
                isChosen: extra.typed["terminal"] == $0.serial)
        }
    }

    private func slots(_ extra: Extra, _ context: ConsoleContext) -> [PageChoice] {
        let slots: [(Int, String)] =
            [
                (50, text("kind_face", context)), (11, text("kind_card", context)),
                (10, text("kind_pin", context)),
            ]
            + [(30, text("kind_palm", context))]
            + (0...9).map { ($0, text("finger", context, ["number": "\($0 + 1)"])) }
        return slots.map {
            .init(value: "\($0.0)", label: $0.1, isChosen: extra.typed["slot"] == "\($0.0)")
        }
    }

    // MARK: Enrolling

    /// How far an enrolment has come that was ordered on this page; its command's number stands in the address.
    private func enrolment(
        _ query: FormFields, _ key: PersonKey, _ entry: RosterEntry?, _ reach: PeopleReach,
        _ context: ConsoleContext
    ) async throws -> [Enrolment] {
        guard let number = query["command"].flatMap({ Int64($0) }),
            let command = try await console.operations.store.commands(
                CommandFilter(ids: [number]), after: 0, limit: 1
            ).first, command.word == "adduser", reach.space(of: command.terminal) == key.space,
            case .object(let fields)? = JSONValue(parsing: command.fields),
            fields["enrollid"]?.plainText.flatMap({ EnrollID($0) }) == key.enrollID
        else { return [] }
        let place = title(of: command.terminal, reach)
        let taken = entry?.credentials.first { $0.at >= command.queued && $0.source == command.terminal }
        if let taken {
            return [
                Enrolment(
                    tone: "good",
                    words: text("enrol_taken", context, ["kind": text(taken.kind.word, context)]), detail: "")
            ]
        }
        switch command.state {
        case .waiting, .sent:
            return [
                Enrolment(
                    tone: "info", words: text("enrol_waiting", context, ["terminal": place]), detail: "")
            ]
        case .done:
            return [
                Enrolment(tone: "info", words: text("enrol_ready", context, ["terminal": place]), detail: "")
            ]
        case .refused, .failed, .expired, .cancelled, .unknown:
            return [
                Enrolment(
                    tone: "bad", words: text("enrol_failed", context, ["terminal": place]),
                    detail: command.words ?? "")
            ]
        }
    }
}
