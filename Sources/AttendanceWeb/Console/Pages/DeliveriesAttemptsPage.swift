import AttendanceCore
import AttendanceStore
import Hummingbird

/// `/deliveries/attempts`: the latest attempts at one sink, with its own words.
struct DeliveriesAttemptsPage: Sendable {
    let console: Console

    private static let page = 100

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("deliveries/attempts") { request, context in
            try await show(request: request, context: context)
        }
    }

    struct Row {
        var started: String
        var href: String
        var person: String
        var personName: String?
        var time: String
        var timeZone: String?
        var device: String
        var tone: String
        var answer: String
        var status: Int?
        var took: String
        var reference: String?
        var words: String?
    }
    struct Model {
        var tabs: [DeliveriesTab.Link]
        var zone: String
        var sinks: [SearchChoice]
        var hasSink: Bool
        var failed: Bool
        var rows: [Row]
        var searched: String?
        var newestHref: String?
        var olderHref: String?
    }

    private func show(request: Request, context: ConsoleContext) async throws -> Response {
        let search = try request.search()
        let reach = try await DeliveriesReach(context, console.operations)
        let reached = reach.known
        let sink = try reach.sink(search["sink"], among: reached) ?? reached.first
        let isFailed = search.isTicked("failed")
        let zoneName = console.operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        var found = Page<LatestAttempt, AttemptCursor>(items: [], next: nil)
        if let sink {
            found = try await console.operations.store.latestAttempts(
                AttemptSearch(
                    sink: sink,
                    meanings: isFailed ? [.again, .dead] : Set(RecordedAttempt.Meaning.allCases),
                    terminals: reach.terminals),
                before: search["before"].flatMap { AttemptCursor(text: $0) }, limit: Self.page)
        }
        func link(_ before: AttemptCursor?) -> String {
            SearchLink.to(
                DeliveriesTab.attempts.path,
                [("sink", sink?.text), ("failed", isFailed ? "1" : nil), ("before", before?.text)])
        }
        let model = Model(
            tabs: DeliveriesTab.links(.attempts, console, context), zone: zoneName,
            sinks: reached.map {
                SearchChoice(choice: $0.text, choiceLabel: $0.text, isPicked: $0 == sink)
            }, hasSink: sink != nil, failed: isFailed,
            rows: found.items.map { row($0, zoneName, zone, context) },
            searched: found.searchedBackTo.map {
                console.text("deliveries", "searched", context, ["time": Moments.text($0, in: zone)])
            }, newestHref: search["before"] == nil ? nil : link(nil), olderHref: found.next.map(link))
        return console.render(
            "deliveries-attempts", model, at: .deliveries, request: request, context: context)
    }

    private func row(
        _ attempt: LatestAttempt, _ zoneName: String, _ zone: ZoneRules?, _ context: ConsoleContext
    ) -> Row {
        let place = console.operations.place(attempt.terminal)
        let made = attempt.recorded.attempt
        return Row(
            started: Moments.text(made.started, in: zone), href: "/punches/\(attempt.punch)",
            person: attempt.enrollID.sent, personName: attempt.name.map { PlainText.line($0, limit: 80) },
            time: attempt.time.description, timeZone: place.zone == zoneName ? nil : place.zone,
            device: place.name ?? attempt.terminal.text, tone: Self.tone(attempt.recorded.meaning),
            answer: console.text("deliveries-attempts", "answer_\(made.answer.rawValue)", context),
            status: made.status,
            took: "\(Int(made.duration / .milliseconds(1))) ms",
            reference: made.reference.map { PlainText.line($0, limit: 140) },
            words: made.words.map { PlainText.line($0, limit: 500) })
    }

    private static func tone(_ meaning: RecordedAttempt.Meaning) -> String {
        switch meaning {
        case .delivered: "good"
        case .again: "warning"
        case .dead: "bad"
        case .suppressed: ""
        }
    }
}

extension AttemptCursor {
    /// As it stands in an address: milliseconds, punch and number.
    init?(text: String) {
        let parts = text.split(separator: "-", maxSplits: 3).map { Int64($0) }
        guard parts.count == 3, let started = parts[0], let punch = parts[1],
            let number = parts[2].flatMap({ Int(exactly: $0) })
        else { return nil }
        self.init(started: UnixTime(milliseconds: started), punch: punch, number: number)
    }

    var text: String { "\(started.milliseconds)-\(punch)-\(number)" }
}
