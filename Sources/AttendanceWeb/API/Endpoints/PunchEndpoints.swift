import AttendanceCore
import AttendanceStore
import Foundation

extension API {
    static let punchEndpoints: [Endpoint] = [
        Endpoint(
            .get, "punches", "listPunches", "Search punches, newest first",
            "Punches of people, strangers and doors as terminals sent them, with what has become of them at one sink.",
            tag: .punches, scope: .read,
            [
                .query(
                    "person", .list(Schema.enrollID, 0...PunchSearch.mostPeople), "Enroll ids; any of them."),
                .query(
                    "name", Schema.line(1...100), "Whoever bears these words in a name, or this number."),
                .terminal, .group,
                .query(
                    "day", Schema.day, "One day of the terminals' clocks, in place of `from` and `until`."),
                .query("from", Schema.wallOrDay, "First moment, by the terminals' clocks."),
                .query("until", Schema.wallOrDay, "First moment that is no longer wanted."),
                .query("kind", .words(PunchKind.allCases.map(\.apiWord)), "Only of this kind."),
                .query("doubtful", .flag, "Only those whose time could not be believed, or only others."),
                .query("state", .words(PunchSearch.State.allCases.map(\.rawValue)), "At the sink."),
                .sink("Whose delivery is told; without it the first within reach."),
                .query(
                    "order", .words(PunchSearch.Order.allCases.map(\.rawValue)),
                    "`arrival`, as without it: as they came here. `time`: by the terminals' clocks."),
            ], traits: .paged
        ) { try await $0.listPunches($1) },
        Endpoint(
            .get, "punches/{id}", "getPunch", "One punch", tag: .punches, scope: .read,
            [.id, .sink("Whose delivery is told; without it the first within reach.")]
        ) { try await $0.getPunch($1) },
        Endpoint(
            .get, "punches/{id}/explanation", "explainPunch",
            "Everything known of one punch: from the record as sent to each attempt at each sink",
            tag: .punches, scope: .read, [.id]
        ) { try await $0.explainPunch($1) },
        Endpoint(
            .post, "punches/send-again", "sendPunchesAgain",
            "Send punches again, also those that a sink took",
            "Only punches that are forwarded at all, and are neither owed nor dead there, become owed.",
            tag: .punches, scope: .deliveries, body: .json(SendAgainBody.self), traits: .mayBeMissing,
            touches: [.deliveries, .punches]
        ) { try await $0.sendAgain($1) },
        Endpoint(
            .get, "people", "findPeople", "Find people by name or number",
            "Of rosters, of the sites' employees, of mappings and as terminals sent them; those first whose name begins "
                + "so. Give their `persons` to the search of punches.",
            tag: .punches, scope: .read,
            [
                .query("text", Schema.line(1...100), "Words of a name, or a number.", isRequired: true),
                .query("limit", .integer(1...50), "At most so many; 20 without it."),
            ]
        ) { try await $0.findPeople($1) },
    ]

    // MARK: Searching

    func listPunches(_ call: APICall) async throws -> PageAnswer<PunchAnswer> {
        let principal = try call.who()
        let sink = try call.sink(of: self) ?? call.firstSink(of: self)
        var search = PunchSearch(sink: sink ?? .erpnext)
        search.order = call.text("order").flatMap { PunchSearch.Order(rawValue: $0) } ?? .arrival
        search.terminals = try await reach.terminals(
            for: principal, terminal: try call.serial(), group: call.text("group"))
        if let day = try call.wall("day") {
            guard call.text("from") == nil, call.text("until") == nil else {
                throw APIProblem.parameter("day", "stands in place of from and until")
            }
            search.from = day
            search.until = WallTime(seconds: day.seconds + 86_400)
        } else {
            search.from = try call.wall("from")
            search.until = try call.wall("until")
        }
        if let kind = call.text("kind") {
            search.kinds = Set(PunchKind.allCases.filter { $0.apiWord == kind })
        }
        search.isDoubtful = call.flag("doubtful")
        search.state = call.text("state").flatMap { PunchSearch.State(rawValue: $0) }
        guard sink != nil || search.state == nil else { return PageAnswer([], next: nil) }
        let ids = try call.texts("person").map { text in
            guard let id = EnrollID(text) else {
                throw APIProblem.parameter("person", "must be an enroll id")
            }
            return id
        }
        if !ids.isEmpty { search.people = ids }
        if let name = call.text("name") {
            let found = Set(try await store.people(matching: name, limit: 50).flatMap(\.enrollIDs))
            search.people = ids.isEmpty ? Array(found) : ids.filter(found.contains)
        }
        // Nobody, or no terminal: nothing to look for.
        if search.people?.isEmpty == true || search.terminals?.isEmpty == true {
            return PageAnswer([], next: nil)
        }
        let page = try await store.latestPunches(
            search, before: try Self.cursor(call.cursor), limit: call.limit)
        return PageAnswer(
            page.items.map { PunchAnswer($0, at: operations.place($0.terminal), sink: sink) },
            next: page.next.map { PageCursor.text(["\($0.time.seconds)", "\($0.id)"]) },
            searchedBackTo: page.searchedBackTo)
    }

    private static func cursor(_ text: String?) throws -> PunchCursor? {
        guard let text else { return nil }
        let parts = try PageCursor.parts(text, 2)
        guard let seconds = Int64(parts[0]), let id = Int64(parts[1]) else { throw PageCursor.wrong }
        return PunchCursor(time: WallTime(seconds: seconds), id: id)
    }

    func getPunch(_ call: APICall) async throws -> PunchAnswer {
        let sink = try call.sink(of: self) ?? call.firstSink(of: self)
        let found = try await store.punches(numbered: [try call.requiredID()], at: sink ?? .erpnext)
        guard let entry = found.first, reach.contains(entry.terminal, for: call.principal) else {
            throw APIProblem.notFound
        }
        return PunchAnswer(entry, at: operations.place(entry.terminal), sink: sink)
    }

    func explainPunch(_ call: APICall) async throws -> ExplanationAnswer {
        let principal = try call.who()
        guard let found = try await store.explanation(of: try call.requiredID()),
            reach.contains(found.entry.terminal, for: principal)
        else { throw APIProblem.notFound }
        let first = found.sinks.first { principal.reaches(sink: $0.sink) }
        var entry = found.entry
        entry.state = first?.state ?? .notOwed
        entry.decision = first?.decision
        return ExplanationAnswer(
            found,
            punch: PunchAnswer(entry, at: operations.place(entry.terminal), sink: first?.sink),
            sinks: found.sinks.filter { principal.reaches(sink: $0.sink) })
    }

    // MARK: Sending again

    func sendAgain(_ call: APICall) async throws -> ChangeCount {
        let body = try call.body(SendAgainBody.self)
        let principal = try call.who()
        guard let sink = SinkName(body.sink), operations.sinks.contains(sink), principal.reaches(sink: sink)
        else {
            throw APIProblem.field("/sink", "names no sink there is")
        }
        let entries = try await store.punches(numbered: body.punches, at: sink)
        let known = Set(entries.filter { reach.contains($0.terminal, for: principal) }.map(\.id))
        let missing = body.punches.enumerated().filter { !known.contains($0.element) }
        guard missing.isEmpty else {
            throw APIProblem(
                .notFound, "some punches are not there",
                errors: missing.prefix(Schema.mostFaults).map {
                    .init(pointer: "/punches/\($0.offset)", detail: "there is no punch \($0.element)")
                })
        }
        return try await operations.reconciling.owe(
            OweOrder(sink: sink, punches: body.punches, author: principal.author), logger: logger)
    }

    // MARK: People

    func findPeople(_ call: APICall) async throws -> ListAnswer<PersonMatchAnswer> {
        let principal = try call.who()
        let limit = call.integer("limit").map { Int($0) } ?? 20
        let found = try await store.people(matching: call.text("text") ?? "", limit: limit)
        var mine: [PersonMatch] = []
        for match in found {
            if let sink = match.sink, !principal.reaches(sink: sink) { continue }
            if try await isWithinReach(match, of: principal) { mine.append(match) }
        }
        return ListAnswer(mine.map { PersonMatchAnswer($0) })
    }

    /// Whoever is limited to groups finds those who belong to one of these, or have punched there.
    private func isWithinReach(_ match: PersonMatch, of principal: Principal) async throws -> Bool {
        guard principal.reach?.groups != nil else { return true }
        if let space = match.space, !space.isEmpty { return principal.reaches(group: space) }
        guard !match.enrollIDs.isEmpty else { return false }
        return try await hasPunched(match.enrollIDs, for: principal)
    }

    func hasPunched(_ ids: [EnrollID], for principal: Principal) async throws -> Bool {
        let terminals = try await reach.terminals(for: principal)
        if terminals?.isEmpty == true { return false }
        let search = PunchSearch(people: ids, terminals: terminals)
        return try await !store.latestPunches(search, before: nil, limit: 1).items.isEmpty
    }
}

// MARK: - What is sent and answered

package struct SendAgainBody: Codable, Documented {
    package var sink: String
    package var punches: [Int64]

    package static let schema = Schema.named(
        "SendAgain",
        .object([
            .init("sink", Schema.sink),
            .init("punches", .list(.id, 1...OweOrder.maximum), "Numbers of punches."),
        ]))
    package static let samples = [SendAgainBody(sink: "erpnext", punches: [4711, 4712])]
}

/// A punch as programs get it.
package struct PunchAnswer: Documented {
    package var id: Int64
    package var terminal: String
    package var terminalName: String?
    package var group: String?
    package var person: String
    package var name: String?
    package var alias: String?
    package var time: String
    package var zone: String
    package var instant: String
    package var received: String
    package var kind: String
    package var doubt: String?
    package var mode: Int64?
    package var inOut: Int64?
    package var event: Int64?
    package var verifyMode: Int64?
    package var temperature: Double?
    package var sink: String?
    package var state: String?
    package var stateDetail: String?
    package var employee: String?
    package var direction: String?
    package var siteTime: String?
    package var correction: CorrectionFact?

    package struct CorrectionFact: Encodable, Sendable {
        /// Nil: rejected.
        package var time: String?
        package var author: String
        package var at: String
        package var basis: String
    }

    init(_ entry: JournalEntry, at place: TerminalPlace, sink: SinkName?) {
        let punch = entry.punch
        id = entry.id
        terminal = entry.terminal.text
        terminalName = place.name
        group = place.group
        person = punch.enrollID.sent
        name = punch.name ?? (sink == nil ? nil : entry.employeeName)
        alias = punch.alias
        time = punch.time.description
        zone = punch.zone
        instant = UnixTime(seconds: punch.instant).iso8601
        received = entry.received.iso8601
        kind = punch.kind.apiWord
        doubt = punch.doubt.apiWord
        mode = punch.mode
        inOut = punch.inOut
        event = punch.event
        verifyMode = punch.verifyMode
        temperature = punch.temperature.map { Double($0) / 100 }
        correction = entry.correction.map { correction in
            var time: String?
            if case .time(let wall, _) = correction.ruling { time = wall.description }
            return CorrectionFact(
                time: time, author: correction.author.name, at: correction.at.iso8601, basis: correction.basis
            )
        }
        guard let sink else { return }
        self.sink = sink.text
        state = entry.state.kind.rawValue
        stateDetail = entry.state.apiDetail
        employee = entry.decision?.employee
        direction = entry.decision?.direction?.rawValue.lowercased()
        siteTime = entry.decision?.time.description
    }

    package static let schema = Schema.named(
        "Punch",
        .object([
            .init("id", .id, "Its number in the journal."),
            .init("terminal", .anyText, "Serial number."),
            .optional("terminal_name", .anyText),
            .optional("group", .anyText, "The terminal's group, now."),
            .init("person", .anyText, "Enroll id as the terminal sent it."),
            .optional("name", .anyText, "As the terminal sent it, else the employee's."),
            .optional("alias", .anyText, "Alphanumeric code that some firmwares send beside the number."),
            .init("time", .anyText, "The terminal's own clock, `YYYY-MM-DD HH:MM:SS`."),
            .init("zone", .anyText, "IANA zone of that clock when the punch arrived."),
            .init("instant", .moment, "The same as a moment."),
            .init("received", .moment),
            .init("kind", .words(PunchKind.allCases.map(\.apiWord))),
            .optional(
                "doubt", .words(TimeDoubt.allCases.compactMap(\.apiWord)), "Why its time is not believed."),
            .optional("mode", .anyInteger, "Raw code of the terminal."),
            .optional("in_out", .anyInteger, "Raw code of the terminal."),
            .optional("event", .anyInteger, "Raw code of the terminal."),
            .optional("verify_mode", .anyInteger, "Raw code of the terminal."),
            .optional("temperature", .number, "Degrees Celsius."),
            .optional("sink", .anyText, "Whose delivery is told; absent where you may see none."),
            .optional("state", .words(PunchSearch.State.allCases.map(\.rawValue))),
            .optional("state_detail", .anyText, "The sink's reference, or why not, in words."),
            .optional("employee", .anyText, "Document name, as decided at the first attempt."),
            .optional("direction", .words(["in", "out"]), "As decided at the first attempt."),
            .optional("site_time", .anyText, "The site's own time, as decided at the first attempt."),
            .optional(
                "correction",
                .object([
                    .optional("time", .anyText, "What was decided; absent: it is never forwarded."),
                    .init("author", .anyText), .init("at", .moment), .init("basis", .anyText),
                ])),
        ]))

    package static var samples: [PunchAnswer] {
        guard let id = EnrollID("12"), let time = WallTime("2026-11-22 08:01:09"),
            let serial = SerialNumber("AYTI10087992")
        else { return [] }
        let punch = Punch(
            enrollID: id, name: "Asha Rao", time: time, zone: "Asia/Kolkata", instant: time.seconds - 19_800,
            kind: .person, mode: 8, inOut: 0, temperature: 3650, raw: 0..<0)
        let received = UnixTime(seconds: time.seconds - 19_799)
        var entry = JournalEntry(
            id: 4711, terminal: serial, punch: punch, received: received, connection: 1, raw: [],
            state: .delivered(at: received, reference: "EMP-CKIN-11-2026-000012"),
            decision: Decision(person: "hr-emp-00012", employee: "HR-EMP-00012", time: time))
        let place = TerminalPlace(name: "Main door", group: "Pune", zone: "Asia/Kolkata")
        let first = PunchAnswer(entry, at: place, sink: .erpnext)
        entry.punch.doubt = .tooOld
        entry.state = .notOwed
        entry.decision = nil
        entry.correction = Correction(
            ruling: .time(time, instant: punch.instant), author: Author("asha"), at: received, basis: "seen")
        return [first, PunchAnswer(entry, at: place, sink: nil)]
    }
}

extension PunchKind {
    package var apiWord: String {
        switch self {
        case .person: "person"
        case .stranger: "stranger"
        case .doorEvent: "door"
        }
    }
}

extension TimeDoubt {
    package var apiWord: String? {
        switch self {
        case .none: nil
        case .tooOld: "too-old"
        case .inFuture: "in-future"
        }
    }
}

extension DeliveryState {
    package var apiDetail: String? {
        switch self {
        case .owed(let attempts): attempts == 0 ? nil : "\(attempts) attempts so far"
        case .delivered(_, let reference): reference
        case .dead(let cause, let reason): "\(cause.rawValue): \(reason)"
        case .discarded(let reason), .suppressed(let reason): reason
        case .held, .notOwed: nil
        }
    }
}

package struct PersonMatchAnswer: Documented {
    package var name: String
    package var persons: [String]
    package var employee: String?
    package var sink: String?
    package var space: String?
    package var source: String

    init(_ match: PersonMatch) {
        name = match.name
        persons = match.enrollIDs.map(\.sent)
        employee = match.employee
        sink = match.sink?.text
        space = match.space
        source = match.source.rawValue
    }

    package static let schema = Schema.named(
        "PersonMatch",
        .object([
            .init("name", .anyText), .init("persons", .list(.anyText), "Enroll ids they punch under."),
            .optional("employee", .anyText, "Document name of the Employee."),
            .optional("sink", .anyText, "The site whose employee it is."),
            .optional("space", .anyText, "Id space of the roster or mapping."),
            .init("source", .words(PersonMatch.Source.allCases.map(\.rawValue))),
        ]))
    package static var samples: [PersonMatchAnswer] {
        [
            PersonMatchAnswer(
                PersonMatch(
                    name: "Asha Rao", enrollIDs: EnrollID("12").map { [$0] } ?? [], employee: "HR-EMP-00012",
                    sink: .erpnext, source: .employee))
        ]
    }
}
