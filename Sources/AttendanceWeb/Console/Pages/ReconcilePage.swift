import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/deliveries/reconcile`: whether a site holds what the journal says it took.
struct ReconcilePage: Sendable {
    let console: Console

    func add(to router: RouterGroup<ConsoleContext>) {
        let pages = router.group("deliveries/reconcile")
            .add(middleware: Requires(console: console, scope: .deliveries))
        pages.get { request, context in
            let search = try request.search()
            var order = today
            if let sink = search["sink"] { order.sink = sink }
            return try await show(order, request: request, context: context, search: search)
        }
        pages.post { request, context in
            try await compare(try await console.form(request, context), request: request, context: context)
        }
        pages.post("owe") { request, context in
            try await owe(try await console.form(request, context), context)
        }
    }

    struct Figure {
        var figureLabel: String
        var figure: Int
    }
    struct Difference {
        var tone: String
        var kindText: String
        var punch: Int64?
        var href: String?
        var person: String?
        var personName: String?
        var device: String?
        var sent: String?
        var checkin: String?
        var found: String?
        var isMisfiled: Bool
    }
    struct Kind {
        var kindLabel: String
        var kindCount: Int
        var cure: String
    }
    struct Outcome {
        var verdictTone: String
        var verdict: String
        var span: String
        var figures: [Figure]
        var kinds: [Kind]
        var differences: [Difference]
        var hasDifferences: Bool
        var untold: String?
        /// Numbers with commas between; nil where none is missing.
        var missing: String?
        var missingCount: Int
    }
    struct Model {
        var tabs: [DeliveriesTab.Link]
        var hasSites: Bool
        var sites: [SearchChoice]
        var sink: String
        var from: String
        var to: String
        var employee: String
        var siteError: String?
        var daysError: String?
        var employeeError: String?
        var error: String?
        /// In the words of whoever tried.
        var errorDetail: String?
        var outcome: Outcome?
    }

    /// Yesterday and today.
    private var today: ComparisonOrder {
        let now = console.operations.now()
        let zone = ZoneRules(identifier: console.operations.zone())
        func day(_ moment: UnixTime) -> String { String(Moments.text(moment, in: zone).prefix(10)) }
        return ComparisonOrder(
            sink: "", from: day(now + .seconds(-86_400)), to: day(now))
    }

    private func show(
        _ order: ComparisonOrder, refusal: ComparisonRefusal? = nil, outcome: Outcome? = nil,
        request: Request, context: ConsoleContext, search: FormFields? = nil
    ) async throws -> Response {
        let reach = try await DeliveriesReach(context, console.operations)
        let sites = console.operations.reconciling.sites.filter(reach.holds)
        let chosen = try reach.sink(order.sink.isEmpty ? nil : order.sink, among: sites) ?? sites.first
        var model = Model(
            tabs: DeliveriesTab.links(.reconcile, console, context), hasSites: !sites.isEmpty,
            sites: sites.map {
                SearchChoice(choice: $0.text, choiceLabel: $0.text, isPicked: $0 == chosen)
            }, sink: chosen?.text ?? "", from: order.from, to: order.to, employee: order.employee ?? "",
            outcome: outcome)
        if let refusal {
            let words = Self.words(of: refusal, console, context)
            switch refusal {
            case .noSuchSite: model.siteError = words
            case .badDays, .tooManyDays: model.daysError = words
            case .badEmployee: model.employeeError = words
            case .busy, .tookTooLong: model.error = words
            case .unreachable(let why):
                model.error = words
                model.errorDetail = PlainText.line(why, limit: 300)
            }
        }
        var notice: PageNotice?
        if search?["done"] == "owed" {
            let count = "\(max(0, search?.number("count") ?? 0))"
            notice = PageNotice(.good, console.text("reconcile", "done_owed", context, ["count": count]))
        }
        return console.render(
            "reconcile", model, at: .deliveries, notice: notice,
            status: refusal == nil ? .ok : .unprocessableContent, request: request, context: context)
    }

    /// In the reader's language, without the words of whoever tried.
    static func words(of refusal: ComparisonRefusal, _ console: Console, _ context: ConsoleContext) -> String
    {
        let key =
            switch refusal {
            case .noSuchSite: "no_site"
            case .badDays: "bad_days"
            case .tooManyDays: "too_many_days"
            case .badEmployee: "bad_employee"
            case .busy: "busy"
            case .tookTooLong: "took_too_long"
            case .unreachable: "unreachable"
            }
        return console.text("reconcile", key, context, ["days": "\(ComparisonOrder.mostDays)"])
    }

    // MARK: Comparing

    private func compare(
        _ form: FormFields, request: Request, context: ConsoleContext
    ) async throws -> Response {
        let order = ComparisonOrder(
            sink: form["sink"] ?? "", from: form["from"] ?? "", to: form["to"] ?? "",
            employee: form["employee"])
        let reach = try await DeliveriesReach(context, console.operations)
        guard try reach.sink(form["sink"], among: console.operations.reconciling.sites) != nil else {
            throw HTTPError(.notFound)
        }
        do {
            let report = try await console.operations.reconciling.compare(order)
            return try await show(
                order, outcome: outcome(report, reach, context), request: request, context: context)
        } catch let error as ComparisonRefusal {
            return try await show(order, refusal: error, request: request, context: context)
        }
    }

    private func outcome(
        _ report: ComparisonReport, _ reach: DeliveriesReach, _ context: ConsoleContext
    ) -> Outcome {
        func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
            console.text("reconcile", key, context, places)
        }
        let findings = report.findings.filter { finding in
            reach.terminals == nil || finding.terminal.flatMap { SerialNumber($0) }.map(reach.holds) == true
        }
        // Counts of all terminals are none of somebody's who may see some of them.
        let counts =
            reach.terminals == nil
            ? report.counts
            : Dictionary(grouping: findings, by: \.kind).mapValues(\.count)
        let isAgreed = counts.values.allSatisfy { $0 == 0 }
        let missing = findings.filter { $0.kind == "missing" }.compactMap(\.punch).prefix(OweOrder.maximum)
        let untold = counts.values.reduce(0, +) - findings.count
        let kinds = [
            "missing", "extra", "doubled", "different-time", "different-direction", "different-employee",
        ]
        return Outcome(
            verdictTone: isAgreed ? "good" : "warning",
            verdict: text(isAgreed ? "agreed" : "differences"),
            span: text(
                "span",
                [
                    "from": report.from, "until": report.until,
                    "seconds": "\((Double(report.milliseconds) / 100).rounded() / 10)",
                ]),
            figures: reach.terminals != nil
                ? []
                : [
                    ("figure_delivered", report.delivered), ("figure_agreeing", report.agreeing),
                    ("figure_owed", report.owed), ("figure_refused", report.refused),
                    ("figure_suppressed", report.suppressed), ("figure_found", report.found),
                    ("figure_elsewhere", report.elsewhere),
                ].map { Figure(figureLabel: text($0), figure: $1) },
            kinds: kinds.compactMap { kind in
                guard let count = counts[kind], count > 0 else { return nil }
                let word = kind.replacing("-", with: "_")
                return Kind(kindLabel: text("kind_\(word)"), kindCount: count, cure: text("cure_\(word)"))
            },
            differences: findings.prefix(200).map { difference($0, text) },
            hasDifferences: !findings.isEmpty,
            untold: untold + max(0, findings.count - 200) > 0
                ? text("untold", ["count": "\(untold + max(0, findings.count - 200))"]) : nil,
            missing: missing.isEmpty ? nil : missing.map(String.init).joined(separator: ","),
            missingCount: missing.count)
    }

    private func difference(
        _ finding: ComparisonReport.Finding,
        _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> Difference {
        func line(_ parts: [String?]) -> String? {
            let known = parts.compactMap { $0 }.filter { !$0.isEmpty }
            return known.isEmpty ? nil : PlainText.line(known.joined(separator: " · "), limit: 300)
        }
        let device = finding.terminal.flatMap { SerialNumber($0) }
        return Difference(
            tone: finding.kind == "missing" ? "bad" : "warning",
            kindText: text("kind_" + finding.kind.replacing("-", with: "_"), [:]), punch: finding.punch,
            href: finding.punch.map { "/punches/\($0)" }, person: finding.enrollID,
            personName: finding.name.map { PlainText.line($0, limit: 80) },
            device: device.map { console.operations.place($0).name ?? $0.text },
            sent: line([finding.time, finding.direction, finding.employee]),
            checkin: finding.checkin.map { PlainText.line($0, limit: 140) },
            found: line([finding.foundTime, finding.foundDirection, finding.foundEmployee]),
            isMisfiled: finding.isMisfiled)
    }

    // MARK: Sending again

    private func owe(_ form: FormFields, _ context: ConsoleContext) async throws -> Response {
        let reach = try await DeliveriesReach(context, console.operations)
        guard let sink = try reach.sink(form["sink"], among: console.operations.reconciling.sites) else {
            throw HTTPError(.notFound)
        }
        let numbers = (form["punches"] ?? "").split(separator: ",").map { Int64($0) }
        let punches = numbers.compactMap { $0 }
        guard !punches.isEmpty, punches.count == numbers.count, punches.count <= OweOrder.maximum else {
            throw HTTPError(.badRequest)
        }
        if reach.terminals != nil {
            let entries = try await console.operations.store.punches(numbered: punches, at: sink)
            guard entries.count == Set(punches).count, entries.allSatisfy({ reach.holds($0.terminal) }) else {
                throw HTTPError(.notFound)
            }
        }
        let author = context.principal?.author ?? .gateway
        let count = try await console.operations.reconciling.owe(
            OweOrder(sink: sink, punches: punches, author: author), logger: console.logger)
        console.live.changed(.deliveries)
        return console.redirect(
            to: SearchLink.to(
                DeliveriesTab.reconcile.path,
                [("sink", sink.text), ("done", "owed"), ("count", "\(count.changed)")]))
    }
}
