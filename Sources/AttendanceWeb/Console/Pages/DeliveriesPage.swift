import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/deliveries`: how each sink fares, and the punches that none of them takes.
struct DeliveriesPage: Sendable {
    let console: Console

    private static let page = 40

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("deliveries") { request, context in
            let search = try request.search()
            let choice = try DeadLetterChoice(search, console, context)
            return try await show(choice, search, Slip(), request: request, context: context)
        }
        let change = router.group().add(middleware: Requires(console: console, scope: .deliveries))
        change.post("deliveries/read") { request, context in
            try await read(try await console.form(request, context), context)
        }
        change.post("deliveries/dead-letters") { request, context in
            let form = try await console.form(request, context)
            return try await decide(form, request: request, context: context)
        }
    }

    // MARK: Showing

    struct Card {
        var tone: String
        var name: String
        var stateText: String
        var sinceText: String?
        var reason: String?
        var cure: String?
        var owed: Int
        var age: String?
        var dead: Int?
        var lastSuccess: String?
        var employees: Int?
        var lastRead: String?
        var siteZone: String?
        var siteProblem: String?
        var siteCure: String?
        var isRead: Bool
        var hasAttempts: Bool
    }
    struct Group {
        var groupSink: String
        var causeValue: String
        var causeText: String
        var groupCount: Int
        var groupPeople: Int
        var oldest: String
        var newest: String
        var sinceText: String
        var example: String
        var cure: String
        var listHref: String
        /// Its form was sent without a reason.
        var groupError: String?
    }
    struct Letter {
        var number: Int64
        var letterSink: String
        var causeText: String
        var time: String
        var timeZone: String?
        var person: String
        var personName: String?
        var device: String
        var words: String
        var attempts: Int
        var died: String
        var href: String
        var isTicked: Bool
    }
    struct Model {
        var tabs: [DeliveriesTab.Link]
        var zone: String
        var mayAct: Bool
        var chosenSink: String?
        var cards: [Card]
        var groups: [Group]
        var hasLetters: Bool
        var isNarrowed: Bool
        var sinks: [SearchChoice]
        var causes: [SearchChoice]
        var person: String
        var terminal: String
        var from: String
        var to: String
        var personError: String?
        var terminalError: String?
        var dayError: String?
        var letters: [Letter]
        var searched: String?
        var newerHref: String?
        var olderHref: String?
        var back: String
        var reason: String
        var tickError: String?
        var reasonError: String?
    }

    /// What was wrong with a form that was sent.
    private struct Slip {
        var group: (sink: SinkName, cause: RejectionCause)?
        var ticked: Set<Int64> = []
        var reason = ""
        var hasNoneTicked = false
        var lacksReason = false

        var isThere: Bool { hasNoneTicked || lacksReason }
    }

    private func show(
        _ choice: DeadLetterChoice, _ search: FormFields, _ slip: Slip, request: Request,
        context: ConsoleContext
    ) async throws -> Response {
        let reach = try await DeliveriesReach(context, console.operations)
        // The CSV has no dead letters, and is shown all the same.
        let sink = try reach.sink(choice.sink, among: reach.known + [.csv])
        let zoneName = console.operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
            console.text("deliveries", key, context, places)
        }
        let groups = try await reach.groups(DeadLetterFilter(sink: sink))
        var letters = Page<DeadLetter, Int64>(items: [], next: nil)
        if let filter = choice.filter {
            letters = try await reach.letters(filter, before: choice.before, limit: Self.page)
        }
        let model = Model(
            tabs: DeliveriesTab.links(.deliveries, console, context), zone: zoneName,
            mayAct: context.principal?.may(.deliveries) == true, chosenSink: sink?.text,
            cards: await cards(reach, only: sink, groups, zone, context),
            groups: groups.map { group in
                let isMeant = slip.group.map { $0 == (group.sink, group.cause) } ?? false
                return Group(
                    groupSink: group.sink.text, causeValue: group.cause.rawValue,
                    causeText: text(group.cause.word), groupCount: group.count, groupPeople: group.people,
                    oldest: group.first.description, newest: group.last.description,
                    sinceText: Moments.text(group.since, in: zone),
                    example: PlainText.line(group.example, limit: 300), cure: text(group.cause.cureWord),
                    listHref: SearchLink.to(
                        "/deliveries", [("sink", group.sink.text), ("cause", group.cause.rawValue)])
                        + "#letters",
                    groupError: isMeant && slip.lacksReason ? text("reason_missing") : nil)
            },
            hasLetters: !groups.isEmpty, isNarrowed: choice.isNarrowed,
            sinks: reach.known.map {
                SearchChoice(choice: $0.text, choiceLabel: $0.text, isPicked: $0 == sink)
            },
            causes: RejectionCause.allCases.map {
                SearchChoice(
                    choice: $0.rawValue, choiceLabel: text($0.word), isPicked: $0.rawValue == choice.cause)
            },
            person: choice.person ?? "", terminal: choice.terminal ?? "", from: choice.from ?? "",
            to: choice.to ?? "", personError: choice.personError, terminalError: choice.terminalError,
            dayError: choice.dayError, letters: letters.items.map { letter($0, slip, zoneName, zone, text) },
            searched: letters.searchedBackTo.map { text("searched", ["time": Moments.text($0, in: zone)]) },
            newerHref: choice.before == nil ? nil : choice.link(before: nil),
            olderHref: letters.next.map { choice.link(before: $0) }, back: choice.query,
            reason: slip.reason, tickError: slip.hasNoneTicked ? text("none_ticked") : nil,
            reasonError: slip.lacksReason && slip.group == nil ? text("reason_missing") : nil)
        return console.render(
            "deliveries", model, at: .deliveries, notice: notice(search, text),
            status: slip.isThere || choice.isWrong ? .unprocessableContent : .ok, request: request,
            context: context)
    }

    private func cards(
        _ reach: DeliveriesReach, only sink: SinkName?, _ groups: [DeadLetterGroup], _ zone: ZoneRules?,
        _ context: ConsoleContext
    ) async -> [Card] {
        let report = await console.operations.health()
        return report.sinks.compactMap { state in
            guard let name = SinkName(state.name), reach.holds(name), sink == nil || sink == name else {
                return nil
            }
            // Of somebody's own terminals only; that of all of them is none of theirs.
            let dead =
                reach.terminals == nil
                ? state.queue.deadLetters
                : groups.filter { $0.sink == name }.reduce(0) { $0 + $1.count }
            return Card(
                tone: state.state == "running"
                    ? "good" : state.state == "paused" ? "bad" : "warning",
                name: state.name,
                stateText: console.text(
                    "deliveries", "state_" + state.state.replacing(" ", with: "_"), context),
                sinceText: Moments.text(iso8601: state.since, in: zone), reason: state.reason,
                cure: state.remedy, owed: state.queue.owed,
                age: state.queue.oldestAgeSeconds.map { Moments.span(seconds: $0) },
                dead: name == .csv ? nil : dead,
                lastSuccess: Moments.text(iso8601: state.lastSuccess, in: zone),
                employees: state.site?.employees,
                lastRead: Moments.text(iso8601: state.site?.lastRead, in: zone),
                siteZone: state.site?.timeZone, siteProblem: state.site?.problem,
                siteCure: state.site?.remedy, isRead: console.operations.employees.sites.contains(name),
                hasAttempts: name != .csv)
        }
    }

    private func letter(
        _ letter: DeadLetter, _ slip: Slip, _ zoneName: String, _ zone: ZoneRules?,
        _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> Letter {
        let place = console.operations.place(letter.terminal)
        return Letter(
            number: letter.id, letterSink: letter.sink.text, causeText: text(letter.cause.word, [:]),
            time: letter.time.description, timeZone: place.zone == zoneName ? nil : place.zone,
            person: letter.enrollID.sent, personName: letter.name.map { PlainText.line($0, limit: 80) },
            device: place.name ?? letter.terminal.text, words: PlainText.line(letter.reason, limit: 300),
            attempts: letter.attempts, died: Moments.text(letter.died, in: zone),
            href: "/punches/\(letter.punch)", isTicked: slip.ticked.contains(letter.id))
    }

    private func notice(
        _ search: FormFields, _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> PageNotice? {
        let count = "\(max(0, search.number("count") ?? 0))"
        switch search["done"] {
        case "retried": return PageNotice(.good, text("done_retried", ["count": count]))
        case "discarded": return PageNotice(.good, text("done_discarded", ["count": count]))
        case "read": return PageNotice(.good, text("done_read", ["count": count]))
        case "none": return PageNotice(.info, text("done_none", [:]))
        case "unread": return PageNotice(.bad, text("done_unread", [:]))
        default: return nil
        }
    }

    // MARK: Changing

    private func read(_ form: FormFields, _ context: ConsoleContext) async throws -> Response {
        guard let sink = form["sink"].flatMap({ SinkName($0) }),
            console.operations.employees.sites.contains(sink),
            context.principal?.reaches(sink: sink) == true
        else { throw HTTPError(.notFound) }
        let report = try await console.operations.employees.sync(EmployeeSyncOrder(site: sink))
        console.live.changed(.deliveries)
        // What went wrong is told by the sink's own card.
        return console.redirect(
            to: SearchLink.to(
                "/deliveries",
                [
                    ("done", report.problem == nil ? "read" : "unread"), ("count", "\(report.employees)"),
                ]))
    }

    private func decide(
        _ form: FormFields, request: Request, context: ConsoleContext
    ) async throws -> Response {
        guard let search = try? FormFields(query: form["back"]) else { throw HTTPError(.badRequest) }
        let choice = try DeadLetterChoice(search, console, context)
        let reach = try await DeliveriesReach(context, console.operations)
        var slip = Slip()
        slip.reason = form["reason"] ?? ""
        let discards = form["action"] == "discard"
        guard discards || form["action"] == "retry" else { throw HTTPError(.badRequest) }
        let filter: DeadLetterFilter
        switch form["scope"] {
        case "group":
            guard let sink = try reach.sink(form["sink"], among: reach.known),
                let cause = form["cause"].flatMap({ RejectionCause(rawValue: $0) })
            else { throw HTTPError(.badRequest) }
            slip.group = (sink, cause)
            filter = DeadLetterFilter(sink: sink, cause: cause)
        case "found":
            // Without a filter that would be all there are, which nobody has looked at.
            guard choice.isNarrowed, let found = choice.filter else { throw HTTPError(.badRequest) }
            filter = found
        default:
            slip.ticked = Set(form.all("letter").compactMap { Int64($0) })
            slip.hasNoneTicked = slip.ticked.isEmpty
            filter = DeadLetterFilter(ids: slip.ticked.sorted())
        }
        slip.lacksReason = discards && form["reason"] == nil
        guard !slip.isThere else {
            return try await show(choice, search, slip, request: request, context: context)
        }
        let author = context.principal?.author.name ?? ""
        let desk = console.operations.deadLetters
        var count = 0
        for text in try await reach.orders(filter) {
            let order = DeadLetterOrder(filter: text, reason: form["reason"], author: author)
            count += discards ? try await desk.discard(order) : try await desk.retry(order)
        }
        console.live.changed(.deliveries)
        return console.redirect(
            to: choice.link(done: count == 0 ? "none" : discards ? "discarded" : "retried", count: count))
    }
}

/// Which dead letters are looked for, as it stands in the address.
struct DeadLetterChoice: Sendable {
    var sink: String?
    var cause: String?
    var person: String?
    var terminal: String?
    /// `YYYY-MM-DD`, both included.
    var from: String?
    var to: String?
    var before: Int64?
    /// Nil where a field holds what it cannot.
    private(set) var filter: DeadLetterFilter?
    private(set) var personError: String?
    private(set) var terminalError: String?
    private(set) var dayError: String?

    /// Throws `HTTPError` 404 for a sink or cause that there is not.
    init(_ search: FormFields, _ console: Console, _ context: ConsoleContext) throws {
        sink = search["sink"]
        cause = search["cause"]
        person = search["person"]
        terminal = search["terminal"]
        from = search["from"]
        to = search["to"]
        before = search["before"].flatMap { Int64($0) }
        var filter = DeadLetterFilter()
        if let sink {
            guard let name = SinkName(sink) else { throw HTTPError(.notFound) }
            filter.sink = name
        }
        if let cause {
            guard let known = RejectionCause(rawValue: cause) else { throw HTTPError(.notFound) }
            filter.cause = known
        }
        if let person {
            filter.person = EnrollID(person)
            if filter.person == nil { personError = console.text("deliveries", "no_person", context) }
        }
        if let terminal {
            filter.terminal = SerialNumber(terminal)
            if filter.terminal == nil { terminalError = console.text("deliveries", "no_terminal", context) }
        }
        let days = SearchDays(from: from, to: to)
        filter.from = days.from
        filter.until = days.until
        if days.isWrong { dayError = console.text("deliveries", "no_days", context) }
        self.filter = isWrong ? nil : filter
    }

    var isWrong: Bool { personError != nil || terminalError != nil || dayError != nil }
    /// Something beside the sink is asked for.
    var isNarrowed: Bool { [cause, person, terminal, from, to].contains { $0 != nil } }

    private var fields: [(name: String, value: String?)] {
        [
            ("sink", sink), ("cause", cause), ("person", person), ("terminal", terminal), ("from", from),
            ("to", to),
        ]
    }

    /// What stands behind the question mark.
    var query: String { String(SearchLink.to("", fields).drop { $0 == "?" }) }

    func link(before: Int64?) -> String {
        SearchLink.to("/deliveries", fields + [("before", before.map(String.init))]) + "#letters"
    }

    func link(done: String, count: Int) -> String {
        SearchLink.to("/deliveries", fields + [("done", done), ("count", "\(count)")])
    }
}

/// Two days of a search, both included.
struct SearchDays: Sendable {
    private(set) var from: WallTime?
    /// Excluded: the beginning of the day after.
    private(set) var until: WallTime?
    /// One of them is no day, or the last lies before the first.
    private(set) var isWrong = false

    init(from: String?, to: String?) {
        self.from = from.flatMap(Self.day)
        until = to.flatMap(Self.day).map { WallTime(seconds: $0.seconds + 86_400) }
        isWrong = (from != nil && self.from == nil) || (to != nil && until == nil)
        if let first = self.from, let end = until, end <= first { isWrong = true }
    }

    private static func day(_ text: String) -> WallTime? {
        text.utf8.count == 10 ? WallTime(text + " 00:00:00") : nil
    }
}

extension RejectionCause {
    /// Of its name and of what to do in the page's words.
    var word: String { "cause_" + rawValue.replacing("-", with: "_") }
    var cureWord: String { "cure_" + rawValue.replacing("-", with: "_") }
}
