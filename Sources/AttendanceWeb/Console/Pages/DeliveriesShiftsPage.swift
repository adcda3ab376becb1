import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/deliveries/shifts`: up to when attendance is complete, check-ins that came too late for their shift, and those
/// that a site made wrongly.
struct DeliveriesShiftsPage: Sendable {
    let console: Console

    private static let page = 100

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("deliveries/shifts") { request, context in
            try await show(nil, request: request, context: context)
        }
        // Asking a site is none of a link's business, though nothing is changed by it.
        router.group().add(middleware: Requires(console: console, scope: .deliveries))
            .post("deliveries/shifts/ask") { request, context in
                let form = try await console.form(request, context)
                let reach = try await DeliveriesReach(context, console.operations)
                guard let sink = try reach.sink(form["sink"], among: console.operations.reconciling.sites)
                else { throw HTTPError(.notFound) }
                do {
                    let repairs = try await console.operations.reconciling.repairs(sink)
                    return try await show(
                        .init(sink: sink, repairs: repairs), request: request, context: context)
                } catch let error as ComparisonRefusal {
                    return try await show(
                        .init(sink: sink, error: error), request: request, context: context)
                }
            }
    }

    /// What a site has answered when it was asked for the check-ins it made wrongly.
    private struct Asked {
        var sink: SinkName
        var repairs: [RepairReport] = []
        var error: ComparisonRefusal?
    }

    struct Shift {
        var shiftSink: String
        var shift: String
        var tone: String
        var stateText: String
        var remark: String?
        var terminals: Int
        var completeUntil: String?
        var siteHas: String?
        var openEnd: String?
        var holders: [String]
    }
    struct Late {
        var href: String
        var person: String
        var personName: String?
        var employee: String?
        var time: String
        var shift: String
        var shiftEnd: String
        var delivered: String
        var device: String
    }
    struct Wrong {
        var checkin: String
        var href: String
        var punch: Int64
        var person: String
        var personName: String?
        var device: String
        var sent: String?
        var found: String?
        var made: String
        var tone: String
        var stateText: String
        var reason: String?
        var cure: String?
    }
    struct Model {
        var tabs: [DeliveriesTab.Link]
        var zone: String
        var shifts: [Shift]
        var sinks: [SearchChoice]
        var sink: String
        var hasSites: Bool
        var mayAsk: Bool
        var late: [Late]
        var moreLateHref: String?
        var wrong: [Wrong]
        var hasWrong: Bool
        var moreWrongHref: String?
        var askError: String?
        var asked: String?
    }

    private func show(_ asked: Asked?, request: Request, context: ConsoleContext) async throws -> Response {
        let search = try request.search()
        let operations = console.operations
        let reach = try await DeliveriesReach(context, operations)
        let sites = operations.reconciling.sites.filter(reach.holds)
        let sink = try asked?.sink ?? reach.sink(search["sink"], among: sites) ?? sites.first
        let zoneName = operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        var late: [LateDelivery] = []
        var misfiled: [MisfiledCheckin] = []
        if let sink {
            late = try await operations.store.lateDeliveries(
                at: sink, after: search["late"].flatMap { Int64($0) } ?? 0, limit: Self.page)
            misfiled = try await operations.store.misfiled(
                at: sink, after: search["wrong"].flatMap { Int64($0) } ?? 0, limit: Self.page)
        }
        let repairs = Dictionary(
            (asked?.repairs ?? []).map { ($0.checkin, $0) }, uniquingKeysWith: { first, _ in first })
        let wrong = misfiled.filter { reach.holds($0.terminal) }.map {
            self.wrong($0, asked == nil || asked?.error != nil ? nil : repairs[$0.reference], zone, context)
        }
        func link(_ name: String, _ last: Int64?, _ count: Int) -> String? {
            guard count == Self.page, let last else { return nil }
            return SearchLink.to(
                DeliveriesTab.shifts.path, [("sink", sink?.text), (name, "\(last)")]) + "#\(name)"
        }
        let model = Model(
            tabs: DeliveriesTab.links(.shifts, console, context), zone: zoneName,
            shifts: try await shifts(reach, zone, context),
            sinks: sites.map {
                SearchChoice(choice: $0.text, choiceLabel: $0.text, isPicked: $0 == sink)
            }, sink: sink?.text ?? "", hasSites: sink != nil,
            mayAsk: context.principal?.may(.deliveries) == true && !misfiled.isEmpty,
            late: late.filter { reach.holds($0.terminal) }.map { self.late($0, zone) },
            moreLateHref: link("late", late.last?.punch, late.count), wrong: wrong,
            hasWrong: !wrong.isEmpty,
            moreWrongHref: link("wrong", misfiled.last?.punch, misfiled.count),
            askError: asked?.error.map { ReconcilePage.words(of: $0, console, context) },
            asked: asked.flatMap { $0.error == nil ? Moments.text(operations.now(), in: zone) : nil })
        return console.render(
            "deliveries-shifts", model, at: .deliveries,
            status: asked?.error == nil ? .ok : .unprocessableContent, request: request, context: context)
    }

    private func shifts(
        _ reach: DeliveriesReach, _ zone: ZoneRules?, _ context: ConsoleContext
    ) async throws -> [Shift] {
        try await console.operations.terminals.shifts().shifts.filter {
            SinkName($0.sink).map(reach.holds) ?? false
        }.map { report in
            // Terminals of other groups are not told of by name.
            let holders =
                reach.terminals == nil || report.heldBackBy.isEmpty
                ? report.heldBackBy
                : [
                    console.text(
                        "deliveries-shifts", "held_by_count", context, ["count": "\(report.heldBackBy.count)"]
                    )
                ]
            let isWell = report.state == "followed" || report.state == "waiting"
            return Shift(
                shiftSink: report.sink, shift: PlainText.line(report.shift, limit: 140),
                tone: report.openEnd != nil || !isWell ? "warning" : "good",
                stateText: console.text(
                    "deliveries-shifts", "shift_" + report.state.replacing("-", with: "_"), context),
                remark: report.remark, terminals: report.terminals,
                completeUntil: Moments.text(iso8601: report.completeUntil, in: zone),
                siteHas: report.siteHas, openEnd: report.openEnd, holders: holders)
        }
    }

    private func late(_ late: LateDelivery, _ zone: ZoneRules?) -> Late {
        Late(
            href: "/punches/\(late.punch)", person: late.enrollID.sent,
            personName: late.name.map { PlainText.line($0, limit: 80) }, employee: late.employee,
            time: late.time.description, shift: PlainText.line(late.shift, limit: 140),
            shiftEnd: late.shiftEnd.description, delivered: Moments.text(late.delivered, in: zone),
            device: console.operations.place(late.terminal).name ?? late.terminal.text)
    }

    private func wrong(
        _ misfiled: MisfiledCheckin, _ repair: RepairReport?, _ zone: ZoneRules?, _ context: ConsoleContext
    ) -> Wrong {
        let state = repair?.state.rawValue ?? "unasked"
        return Wrong(
            checkin: PlainText.line(misfiled.reference, limit: 140), href: "/punches/\(misfiled.punch)",
            punch: misfiled.punch,
            person: misfiled.enrollID.sent, personName: misfiled.name.map { PlainText.line($0, limit: 80) },
            device: console.operations.place(misfiled.terminal).name ?? misfiled.terminal.text,
            sent: misfiled.decision?.time.description, found: repair?.foundTime,
            made: Moments.text(misfiled.at, in: zone),
            tone: repair?.state == .settled ? "good" : "warning",
            stateText: console.text("deliveries-shifts", "wrong_\(state)", context),
            reason: repair?.reason ?? misfiled.words.map { PlainText.line($0, limit: 300) },
            cure: repair?.remedy)
    }
}
