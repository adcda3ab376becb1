import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/punches/NUMBER`: where one punch is, and everything that has happened to it.
struct ExplainPage: Sendable {
    let console: Console

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("punches/:number") { request, context in
            guard let punch = try await punch(context) else { return missing(request, context) }
            let done = try request.search()["done"].flatMap { Done(rawValue: $0) }
            let notice = done.map {
                PageNotice(.good, console.text("explain", "done_\($0.rawValue)", context))
            }
            return try await show(punch, notice: notice, request: request, context: context)
        }
        let change = router.group().add(middleware: Requires(console: console, scope: .deliveries))
        change.post("punches/:number/send") { request, context in
            let form = try await console.form(request, context)
            guard let punch = try await punch(context) else { return missing(request, context) }
            return try await send(punch, form, request: request, context: context)
        }
        change.post("punches/:number/correction") { request, context in
            let form = try await console.form(request, context)
            guard let punch = try await punch(context) else { return missing(request, context) }
            return try await correct(punch, form, request: request, context: context)
        }
    }

    private enum Done: String {
        case sent, corrected, rejected
    }

    /// Nil for one that there is not, or that is out of reach: nobody is told which of the two.
    private func punch(_ context: ConsoleContext) async throws -> PunchExplanation? {
        guard let principal = context.principal, let text = context.parameters.get("number"),
            text.utf8.count <= 18, let number = Int64(text), number > 0,
            var punch = try await console.operations.store.explanation(of: number),
            principal.reaches(group: console.operations.place(punch.entry.terminal).group)
        else { return nil }
        punch.sinks.removeAll { !principal.reaches(sink: $0.sink) }
        // Its rows tell of every sink and of other punches.
        if principal.reach != nil, !principal.may(.administer) { punch.audit = [] }
        return punch
    }

    private func missing(_ request: Request, _ context: ConsoleContext) -> Response {
        let number = PlainText.line(context.parameters.get("number") ?? "", limit: 20)
        return console.render(
            "explain",
            ["missing": console.text("explain", "missing", context, ["number": number])], at: .punches,
            title: console.text("explain", "missing_title", context), status: .notFound, request: request,
            context: context)
    }

    private func show(
        _ punch: PunchExplanation, form: PunchStory.CorrectionForm? = nil, notice: PageNotice? = nil,
        status: HTTPResponse.Status = .ok, request: Request, context: ConsoleContext
    ) async throws -> Response {
        var sources: [SinkName: PunchStory.EmployeeSource] = [:]
        for sink in punch.sinks {
            if let employee = sink.decision?.employee {
                sources[sink.sink] = try await source(of: employee, at: sink.sink, punch)
            }
        }
        let story = PunchStory(
            console: console, context: context, punch: punch, report: await console.operations.health(),
            sources: sources)
        return console.render(
            "explain", story.model(form: form), at: .punches, notice: notice, status: status,
            request: request, context: context)
    }

    /// By what the number is that employee's now. The rule of the time itself is not kept.
    private func source(
        of employee: String, at sink: SinkName, _ punch: PunchExplanation
    ) async throws -> PunchStory.EmployeeSource {
        let id = punch.entry.punch.enrollID
        let group = console.operations.place(punch.entry.terminal).group ?? ""
        let store = console.operations.store
        let isMapped = try await store.mappings(of: sink).contains {
            $0.employee == employee && $0.enrollID.canonical.lowercased() == id.canonical.lowercased()
                && ($0.space.isEmpty || $0.space.lowercased() == group.lowercased())
        }
        if isMapped { return .mapping }
        let ids = try await store.people(matching: employee, limit: 20)
            .filter { $0.employee == employee && $0.sink == sink && $0.source == .employee }
            .flatMap(\.enrollIDs)
        if ids.contains(where: { $0.sent.lowercased() == id.sent.lowercased() }) { return .field }
        if let alias = punch.entry.punch.alias?.lowercased(),
            ids.contains(where: { $0.sent.lowercased() == alias })
        {
            return .alias
        }
        return ids.contains(id) ? .withoutZeros : .unknown
    }

    // MARK: Changing

    private func send(
        _ punch: PunchExplanation, _ form: FormFields, request: Request, context: ConsoleContext
    ) async throws -> Response {
        guard let author = context.principal?.author,
            let sink = punch.sinks.first(where: { $0.sink.text == form["sink"] })
        else { throw HTTPError(.notFound) }
        var count = 0
        if let letter = sink.deadLetter {
            var filter = DeadLetterFilterText()
            filter.sink = sink.sink.text
            filter.ids = [letter.id]
            count = try await console.operations.deadLetters.retry(
                DeadLetterOrder(filter: filter, author: author.name))
        } else if sink.discarded != nil {
            count = try await console.operations.reconciling.owe(
                OweOrder(sink: sink.sink, punches: [punch.entry.id], author: author), logger: console.logger
            ).changed
        }
        guard count > 0 else {
            // Somebody was quicker, or it was sent by itself.
            let notice = PageNotice(.info, console.text("explain", "nothing_to_send", context))
            return try await show(
                punch, notice: notice, status: .conflict, request: request, context: context)
        }
        console.live.changed(.deliveries)
        return console.redirect(to: "/punches/\(punch.entry.id)?done=\(Done.sent.rawValue)")
    }

    private func correct(
        _ punch: PunchExplanation, _ fields: FormFields, request: Request, context: ConsoleContext
    ) async throws -> Response {
        guard let author = context.principal?.author,
            let ruling = fields["ruling"].flatMap({ CorrectionOrder.Ruling(rawValue: $0) })
        else { throw HTTPError(.badRequest) }
        var form = PunchStory.CorrectionForm(ruling: ruling)
        form.time = String((fields["time"] ?? "").prefix(40))
        form.reason = String((fields["reason"] ?? "").prefix(500))
        func word(_ key: String) -> String { console.text("explain", key, context) }
        if ruling != .accept, form.reason.isEmpty { form.reasonFault = word("reason_missing") }
        if ruling == .time {
            let zone = ZoneRules(identifier: punch.entry.punch.zone)
            if let time = WallTime(form.time) {
                if let zone, zone.instant(of: time) > console.operations.now().seconds {
                    form.timeFault = word("time_to_come")
                }
            } else {
                form.timeFault = word("time_unreadable")
            }
        }
        guard form.reasonFault == nil, form.timeFault == nil else {
            return try await show(
                punch, form: form, status: .unprocessableContent, request: request, context: context)
        }
        let refusal: String?
        do {
            let result = try await console.operations.corrections.carryOut(
                CorrectionOrder(
                    ids: ["P\(punch.entry.id)"], ruling: ruling,
                    time: WallTime(form.time)?.description, reason: form.reason, author: author.name))
            refusal = result.changed > 0 ? nil : result.refused.first ?? word("nothing_changed")
        } catch let error as CorrectionRefusal {
            refusal = error.text
        }
        if let refusal {
            return try await show(
                punch, form: form, notice: PageNotice(.bad, refusal), status: .unprocessableContent,
                request: request, context: context)
        }
        console.live.changed(.deliveries)
        let done: Done = ruling == .reject ? .rejected : .corrected
        return console.redirect(to: "/punches/\(punch.entry.id)?done=\(done.rawValue)")
    }
}
