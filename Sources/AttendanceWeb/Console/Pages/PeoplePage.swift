import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/people`: the roster, and what could not be brought about at terminals.
struct PeoplePage: Sendable {
    let console: Console
    let roll: TerminalsRoll

    init(console: Console) {
        self.console = console
        roll = TerminalsRoll(console.operations)
    }

    static let words = "people"
    private static let rows = 50
    /// Pages of the roster that are looked through for somebody whom a limited account may see.
    private static let mostPages = 40

    func add(to read: RouterGroup<ConsoleContext>) {
        read.get("people") { try await list($0, $1, Extra()) }
        let change = read.group().add(middleware: Requires(console: console, scope: .people))
        change.post("people") { try await put($0, $1) }
        change.post("people/sync") { try await sync($0, $1) }
        PeopleOnePage(console: console, roll: roll).add(to: read)
        PeopleUnmatchedPage(console: console, roll: roll).add(to: read)
    }

    private func text(_ key: String, _ context: ConsoleContext, _ places: KeyValuePairs<String, String> = [:])
        -> String
    {
        console.text(Self.words, key, context, places)
    }

    private struct Extra {
        var typed: [String: String] = [:]
        var error: String?
    }
    struct Row {
        var href: String
        var number: String
        var space: String
        var person: String
        var role: String
        var employee: String
        var credentials: String
        var holders: String
        var tone: String
        var state: String
        var conflicts: String
        var hasConflicts: Bool
    }
    struct Found {
        var person: String
        var numbers: String
        var employee: String
        var source: String
    }
    struct Conflict {
        var terminal: String
        var href: String
        var person: String
        var slot: String
        var words: String
    }
    struct Model {
        var q: String
        var spaces: [PageChoice]
        var ownSpaces: [PageChoice]
        var hasSpaces: Bool
        var space: String
        var rows: [Row]
        var isEmpty: Bool
        var isSearch: Bool
        var found: [Found]
        var hasFound: Bool
        var following: String
        var hasFollowing: Bool
        var isLater: Bool
        var conflicts: [Conflict]
        var hasConflicts: Bool
        var mayChange: Bool
        var terminals: [PageChoice]
        var mayAll: Bool
        var roles: [PageChoice]
        var typedNumber: String
        var typedName: String
        var typedEmployee: String
        var hasError: Bool
        var error: String
    }

    // MARK: Looking

    private func list(_ request: Request, _ context: ConsoleContext, _ extra: Extra) async throws -> Response
    {
        let query = try request.search()
        let reach = try await PeopleReach(roll, context)
        let visible = reach.visible
        let q = String((query["q"] ?? "").prefix(200))
        // A space that is none, or not theirs, is as if none were chosen.
        var space = query.exactly("space").flatMap { visible.contains($0) ? $0 : nil }
        if visible.count == 1 { space = visible.first }
        let conflicts =
            try await console.operations.people.carryOut(
                PeopleOrder(.conflicts, author: context.principal?.author ?? .gateway)
            ).conflicts ?? []
        let own = conflicts.filter { SerialNumber($0.terminal).map(reach.reaches) ?? false }
        var entries: [RosterEntry] = []
        var found: [Found] = []
        var next: PersonKey?
        if q.isEmpty {
            let after = query["after"].flatMap { EnrollID($0) }.map {
                PersonKey(space: query.exactly("after-space") ?? "", enrollID: $0)
            }
            (entries, next) = try await page(of: space, after: after, reach, visible)
        } else {
            (entries, found) = try await search(q, space, reach, context)
        }
        var rows: [Row] = []
        for entry in entries { rows.append(try await row(entry, reach, own, context)) }
        let model = Model(
            q: q,
            spaces: visible.map {
                .init(
                    value: $0, label: $0.isEmpty ? text("space_shared", context) : $0, isChosen: $0 == space)
            },
            ownSpaces: visible.filter { !$0.isEmpty }.map {
                .init(value: $0, label: $0, isChosen: $0 == space)
            }, hasSpaces: visible.count > 1, space: space ?? "", rows: rows, isEmpty: rows.isEmpty,
            isSearch: !q.isEmpty, found: found, hasFound: !found.isEmpty,
            following: next.map { address(q, space, after: $0) } ?? "", hasFollowing: next != nil,
            isLater: query["after"] != nil,
            conflicts: own.prefix(100).map { conflict in
                Conflict(
                    terminal: name(of: conflict.terminal, reach),
                    href: Console.path("terminals", conflict.terminal), person: conflict.person,
                    slot: conflict.slot.map { slot(slot: $0, context) } ?? "", words: conflict.words)
            }, hasConflicts: !own.isEmpty, mayChange: context.may(.people),
            terminals: reach.terminals.filter { $0.standing == "approved" }.prefix(2_000).map {
                .init(value: $0.serial, label: $0.name ?? $0.serial, isChosen: false)
            }, mayAll: !reach.isLimited,
            roles: PersonRole.allCases.map {
                .init(
                    value: $0.name, label: text("role_there_\($0.rawValue)", context),
                    isChosen: extra.typed["role"] == $0.name)
            }, typedNumber: extra.typed["id"] ?? "", typedName: extra.typed["name"] ?? "",
            typedEmployee: extra.typed["employee"] ?? "", hasError: extra.error != nil,
            error: extra.error ?? "")
        return console.render(
            "people", model, at: .people, notice: notice(query, request, context),
            status: extra.error == nil ? .ok : .unprocessableContent, request: request, context: context)
    }

    private func notice(
        _ query: FormFields, _ request: Request, _ context: ConsoleContext
    ) -> PageNotice? {
        guard request.method == .get, query["done"] == "sync" else { return nil }
        return PageNotice(.good, text("done_sync", context))
    }

    private func address(_ q: String, _ space: String?, after: PersonKey) -> String {
        var fields = [("after", after.enrollID.canonical), ("after-space", after.space)]
        if let space { fields.append(("space", space)) }
        return "/people?" + fields.map { "\($0.0)=\(Console.escaped($0.1))" }.joined(separator: "&")
    }

    /// By space and number; of a limited account only whom it may see.
    private func page(
        of space: String?, after: PersonKey?, _ reach: PeopleReach, _ visible: [String]
    ) async throws -> ([RosterEntry], PersonKey?) {
        guard !visible.isEmpty else { return ([], nil) }
        var entries: [RosterEntry] = []
        var last = after
        for _ in 0..<Self.mostPages {
            let page = try await console.operations.store.roster(
                space: space, after: last, limit: reach.isLimited ? 500 : Self.rows + 1)
            for entry in page {
                if entries.count == Self.rows { return (entries, entries.last?.person.key) }
                if try await reach.sees(entry.person.key) { entries.append(entry) }
                last = entry.person.key
            }
            if page.count < (reach.isLimited ? 500 : Self.rows + 1) { return (entries, nil) }
        }
        return (entries, last)
    }

    private func search(
        _ q: String, _ space: String?, _ reach: PeopleReach, _ context: ConsoleContext
    ) async throws -> ([RosterEntry], [Found]) {
        let matches = try await console.operations.store.people(matching: q, limit: 50)
        var entries: [RosterEntry] = []
        var seen: Set<PersonKey> = []
        var found: [Found] = []
        for match in matches {
            // A name that only a site or a terminal knows may stand for a number of any space.
            let spaces = match.space.map { [$0] } ?? reach.visible
            var isThere = false
            for number in match.enrollIDs {
                for place in spaces where space == nil || place == space {
                    let key = PersonKey(space: place, enrollID: number)
                    if seen.contains(key) {
                        isThere = true
                        continue
                    }
                    guard try await reach.sees(key),
                        let entry = try await console.operations.store.rosterEntry(key)
                    else { continue }
                    seen.insert(key)
                    entries.append(entry)
                    isThere = true
                }
            }
            let isTheirs =
                match.sink.map { context.principal?.reaches(sink: $0) ?? false } ?? true && !reach.isLimited
            guard !isThere, match.source != .roster, isTheirs else { continue }
            found.append(
                Found(
                    person: match.name, numbers: match.enrollIDs.map(\.sent).joined(separator: ", "),
                    employee: match.employee ?? "", source: text("source_\(match.source.rawValue)", context)))
        }
        return (entries, found)
    }

    private func name(of serial: String, _ reach: PeopleReach) -> String {
        reach.terminals.first { $0.serial == serial }?.name ?? serial
    }

    private func slot(slot: Int, _ context: ConsoleContext) -> String {
        CredentialKind(slot: slot).map { text($0.word, context) } ?? "\(slot)"
    }

    private func row(
        _ entry: RosterEntry, _ reach: PeopleReach, _ conflicts: [PeopleAnswer.Conflict],
        _ context: ConsoleContext
    ) async throws -> Row {
        let person = entry.person
        var counts: [CredentialKind: Int] = [:]
        for credential in entry.credentials { counts[credential.kind, default: 0] += 1 }
        let credentials = CredentialKind.allCases.compactMap { kind in
            counts[kind].map { text(kind.word, context) + ($0 > 1 ? " × \($0)" : "") }
        }
        let holders = try await reach.holders(of: person.key)
        var places = holders.prefix(3).map { name(of: $0.text, reach) }
        if holders.count > 3 { places.append(text("and_more", context, ["count": "\(holders.count - 3)"])) }
        let own = conflicts.count { conflict in
            EnrollID(conflict.person) == person.key.enrollID
                && SerialNumber(conflict.terminal).flatMap { reach.space(of: $0) } == person.key.space
        }
        return Row(
            href: PeopleReach.path(person.key), number: person.key.enrollID.sent, space: person.key.space,
            person: person.name.isEmpty ? person.key.enrollID.sent : person.name,
            role: person.role == .user ? "" : text("role_there_\(person.role.rawValue)", context),
            employee: person.employee ?? "", credentials: credentials.joined(separator: ", "),
            holders: places.joined(separator: ", "), tone: person.state == .active ? "good" : "warning",
            state: text(
                person.state == .active
                    ? "person_active" : holders.isEmpty ? "person_gone" : "person_leaving",
                context), conflicts: text("conflict_count", context, ["count": "\(own)"]),
            hasConflicts: own > 0)
    }

    // MARK: Changing

    private func put(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let form = try await console.form(request, context)
        let reach = try await PeopleReach(roll, context)
        let space = form.exactly("space") ?? ""
        guard reach.isWhole(space) else { throw HTTPError(.forbidden) }
        let typed = ["id", "name", "role", "employee"].reduce(into: [String: String]()) {
            $0[$1] = form[$1] ?? ""
        }
        do {
            _ = try await console.operations.people.carryOut(
                PeopleOrder(
                    .put, author: context.principal?.author ?? .gateway,
                    entries: [
                        .init(
                            space: space, id: form["id"] ?? "", name: form["name"] ?? "",
                            role: form["role"] ?? "", employee: form["employee"])
                    ]))
            console.live.changed(.people)
            guard let id = form["id"].flatMap({ EnrollID($0) }) else {
                return console.redirect(to: "/people")
            }
            return console.redirect(
                to: PeopleReach.path(PersonKey(space: space, enrollID: id)) + "?done=saved")
        } catch let refusal as any RefusedOrder {
            return try await list(
                request, context, Extra(typed: typed, error: refusal.localizedDescription))
        }
    }

    private func sync(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let form = try await console.form(request, context)
        let reach = try await PeopleReach(roll, context)
        let terminal = form["terminal"]
        if let terminal {
            guard SerialNumber(terminal).map(reach.reaches) ?? false else { throw HTTPError(.notFound) }
        } else if reach.isLimited {
            throw HTTPError(.forbidden)
        }
        do {
            _ = try await console.operations.people.carryOut(
                PeopleOrder(
                    .sync, author: context.principal?.author ?? .gateway, terminal: terminal,
                    isWhole: form.isTicked("again")))
            console.live.changed(.people)
            return console.redirect(to: "/people?done=sync")
        } catch let refusal as any RefusedOrder {
            return try await list(request, context, Extra(error: refusal.localizedDescription))
        }
    }
}
