import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/deliveries/corrections`: punches whose time cannot be right and records that could not be read, each with what
/// is proposed.
struct CorrectionsPage: Sendable {
    let console: Console

    private static let page = 40

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("deliveries/corrections") { request, context in
            try await show(try request.search(), Slip(), request: request, context: context)
        }
        router.group().add(middleware: Requires(console: console, scope: .deliveries))
            .post("deliveries/corrections") { request, context in
                let form = try await console.form(request, context)
                return try await decide(form, request: request, context: context)
            }
    }

    struct Case {
        var caseName: String
        /// Of the punch; a record has none.
        var href: String?
        var person: String?
        var personName: String?
        var device: String
        var sent: String
        /// The gateway's own words rather than a time.
        var isWords: Bool
        var caseZone: String
        var received: String
        var proposed: String?
        var because: String?
        var decision: String?
        var isTicked: Bool
    }
    struct List {
        var listID: String
        var caption: String
        var nothing: String
        var cases: [Case]
        var hasCases: Bool
        var searched: String?
        var newestHref: String?
        var olderHref: String?
    }
    struct Model {
        var tabs: [DeliveriesTab.Link]
        var zone: String
        var mayDecide: Bool
        var mayAcceptAll: Bool
        var all: Bool
        var lists: [List]
        var back: String
        var time: String
        var reason: String
        var tickError: String?
        var timeError: String?
        var reasonError: String?
        /// Sentences of the gateway.
        var refused: [String]
        var hasRefused: Bool
    }

    /// What was wrong with a form that was sent.
    private struct Slip {
        var ticked: Set<String> = []
        var time = ""
        var reason = ""
        var tickWord: String?
        var timeWord: String?
        var reasonWord: String?
        var refused: [String] = []
        var changed = 0

        var isThere: Bool { tickWord != nil || timeWord != nil || reasonWord != nil || !refused.isEmpty }
    }

    private func show(
        _ search: FormFields, _ slip: Slip, request: Request, context: ConsoleContext
    ) async throws -> Response {
        func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
            console.text("corrections", key, context, places)
        }
        let reach = try await DeliveriesReach(context, console.operations)
        let isAll = search.isTicked("all")
        let zoneName = console.operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        var lists: [List] = []
        for kind in CorrectionSearch.Kind.allCases {
            let before = search[kind.rawValue].flatMap { Int64($0) }
            let found = try await console.operations.corrections.cases(
                CorrectionSearch(
                    kind, all: isAll, terminals: reach.terminals, before: before, limit: Self.page))
            func link(_ before: Int64?) -> String {
                // The other list stays where it is.
                let fields = CorrectionSearch.Kind.allCases.map {
                    ($0.rawValue, $0 == kind ? before.map(String.init) : search[$0.rawValue])
                }
                return SearchLink.to(
                    DeliveriesTab.corrections.path, [("all", isAll ? "1" : nil)] + fields)
                    + "#\(kind.rawValue)"
            }
            lists.append(
                List(
                    listID: kind.rawValue, caption: text("caption_\(kind.rawValue)"),
                    nothing: text(isAll ? "none_\(kind.rawValue)" : "none_open_\(kind.rawValue)"),
                    cases: found.items.map { self.entry($0, slip, zone) }, hasCases: !found.items.isEmpty,
                    searched: found.searchedBackTo.map {
                        console.text("deliveries", "searched", context, ["time": Moments.text($0, in: zone)])
                    }, newestHref: before == nil ? nil : link(nil), olderHref: found.next.map(link)))
        }
        let mayDecide = context.principal?.may(.deliveries) == true
        let model = Model(
            tabs: DeliveriesTab.links(.corrections, console, context), zone: zoneName, mayDecide: mayDecide,
            mayAcceptAll: mayDecide && reach.terminals == nil, all: isAll, lists: lists,
            back: String(
                SearchLink.to(
                    "",
                    [("all", isAll ? "1" : nil)]
                        + CorrectionSearch.Kind.allCases.map { ($0.rawValue, search[$0.rawValue]) }
                ).drop { $0 == "?" }), time: slip.time, reason: slip.reason,
            tickError: slip.tickWord.map { text($0) }, timeError: slip.timeWord.map { text($0) },
            reasonError: slip.reasonWord.map { text($0) }, refused: slip.refused,
            hasRefused: !slip.refused.isEmpty)
        var notice: PageNotice?
        if slip.changed > 0 {
            notice = PageNotice(.good, text("done_decided", ["count": "\(slip.changed)"]))
        } else if search["done"] == "decided" {
            let count = "\(max(0, search.number("count") ?? 0))"
            notice = PageNotice(.good, text("done_decided", ["count": count]))
        }
        return console.render(
            "corrections", model, at: .deliveries, notice: notice,
            status: slip.isThere ? .unprocessableContent : .ok, request: request, context: context)
    }

    private func entry(_ entry: CorrectionCase, _ slip: Slip, _ zone: ZoneRules?) -> Case {
        var href: String?
        var isWords = true
        if case .punch(let number) = entry.id {
            href = "/punches/\(number)"
            isWords = false
        }
        return Case(
            caseName: entry.id.description, href: href, person: entry.enrollID?.sent,
            personName: entry.name.map { PlainText.line($0, limit: 80) },
            device: console.operations.place(entry.terminal).name ?? entry.terminal.text,
            sent: PlainText.line(entry.sent, limit: 300), isWords: isWords, caseZone: entry.zone,
            received: Moments.text(entry.received, in: zone),
            proposed: entry.proposal?.time.description, because: entry.proposal?.basis,
            decision: entry.decision.map { PlainText.line($0, limit: 300) },
            isTicked: slip.ticked.contains(entry.id.description))
    }

    // MARK: Deciding

    private func decide(
        _ form: FormFields, request: Request, context: ConsoleContext
    ) async throws -> Response {
        guard let search = try? FormFields(query: form["back"]) else { throw HTTPError(.badRequest) }
        let reach = try await DeliveriesReach(context, console.operations)
        var slip = Slip()
        slip.reason = form["reason"] ?? ""
        slip.time = form["time"] ?? ""
        let everything = form["action"] == "accept-all"
        var order = CorrectionOrder(
            ids: [], ruling: .accept, everyProposal: everything, reason: form["reason"],
            author: context.principal?.author.name ?? "")
        switch form["action"] {
        case "accept": break
        case "accept-all":
            // Every proposal there is, of whatever terminal.
            guard reach.terminals == nil else { throw HTTPError(.notFound) }
        case "time":
            order.ruling = .time
            order.time = Self.time(slip.time)
            if order.time == nil { slip.timeWord = "bad_time" }
            if form["reason"] == nil { slip.reasonWord = "reason_missing" }
        case "reject":
            order.ruling = .reject
            if form["reason"] == nil { slip.reasonWord = "reason_missing" }
        default: throw HTTPError(.badRequest)
        }
        if !everything {
            let ids = form.all("case").compactMap { CaseID($0) }
            slip.ticked = Set(ids.map(\.description))
            order.ids = slip.ticked.sorted()
            if ids.isEmpty {
                slip.tickWord = "none_ticked"
            } else if order.ruling == .time, slip.ticked.count != 1 {
                slip.tickWord = "one_ticked"
            }
            try await check(ids, reach)
        }
        guard !slip.isThere else {
            return try await show(search, slip, request: request, context: context)
        }
        do {
            let result = try await console.operations.corrections.carryOut(order)
            console.live.changed(.deliveries)
            console.live.changed(.store)
            guard !result.refused.isEmpty else {
                return console.redirect(
                    to: SearchLink.to(
                        DeliveriesTab.corrections.path,
                        [
                            ("all", search.isTicked("all") ? "1" : nil), ("done", "decided"),
                            ("count", "\(result.changed)"),
                        ]))
            }
            slip.changed = result.changed
            slip.refused = Array(result.refused.prefix(100))
        } catch let error as CorrectionRefusal {
            slip.refused = [error.text]
        }
        return try await show(search, slip, request: request, context: context)
    }

    /// `2026-03-01T08:15` as a browser's field gives it, with or without seconds, or as a person types it.
    private static func time(_ text: String) -> String? {
        var text = text.replacing("T", with: " ")
        if text.utf8.count == 16 { text += ":00" }
        return WallTime(text)?.description
    }

    /// Throws `HTTPError` 404 where a case is of a terminal out of reach.
    private func check(_ ids: [CaseID], _ reach: DeliveriesReach) async throws {
        guard reach.terminals != nil else { return }
        for id in ids {
            let terminal: SerialNumber?
            switch id {
            case .punch(let number):
                terminal = try await console.operations.store.punches(numbered: [number], at: .erpnext)
                    .first?.terminal
            case .record(let number):
                terminal = try await console.operations.store.quarantine(after: number - 1, limit: 1)
                    .first { $0.id == number }?.terminal
            }
            guard let terminal, reach.holds(terminal) else { throw HTTPError(.notFound) }
        }
    }
}
