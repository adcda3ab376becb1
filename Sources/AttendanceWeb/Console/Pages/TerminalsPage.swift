import AttendanceCore
import HTTPTypes
import Hummingbird

/// `/terminals`: every terminal, those that wait for approval first.
struct TerminalsPage: Sendable {
    let console: Console
    let roll: TerminalsRoll

    init(console: Console) {
        self.console = console
        roll = TerminalsRoll(console.operations)
    }

    static let words = "terminals"
    private static let rows = 50

    func add(to read: RouterGroup<ConsoleContext>) {
        read.get("terminals") { request, context in
            try await list(request, context, query: try request.search())
        }
        let change = read.group().add(middleware: Requires(console: console, scope: .terminals))
        change.post("terminals/standing") { request, context in try await decide(request, context) }
        TerminalsOnePage(console: console, roll: roll).add(to: read)
        TerminalsCommandPage(console: console).add(to: change)
        TerminalsTrafficPage(console: console).add(to: change)
    }

    func text(_ key: String, _ context: ConsoleContext, _ places: KeyValuePairs<String, String> = [:])
        -> String
    {
        console.text(Self.words, key, context, places)
    }

    // MARK: Looking

    struct Row {
        var serial: String
        var href: String
        var heading: String
        var hasName: Bool
        var isPending: Bool
        var tags: [Tag]
        var group: String
        var location: String
        var zone: String
        var heard: String
        var backlog: String
        var complete: String
        var skew: String
        var isSkewed: Bool
        var fills: [PageFill]
        var shifts: String
        var held: String
    }
    struct Tag {
        var tone: String
        var label: String
    }
    struct Model {
        var q: String
        var states: [PageChoice]
        var standings: [PageChoice]
        var groups: [PageChoice]
        var summary: String
        var rows: [Row]
        var isEmpty: Bool
        var mayChange: Bool
        /// May approve one that was never heard of.
        var mayAnnounce: Bool
        var announceError: String
        var hasAnnounceError: Bool
        var announced: String
        var here: String
        var previous: String
        var hasPrevious: Bool
        var following: String
        var hasFollowing: Bool
    }
    private struct Filter {
        var text: String
        var state: String
        var standing: String
        var group: String
        var page: Int

        init(_ query: FormFields) {
            // What is longer than any name finds nothing, and is not carried about.
            text = String((query["q"] ?? "").prefix(200))
            state = query["state"].flatMap { TerminalReport.State(rawValue: $0)?.rawValue } ?? ""
            standing =
                query["standing"].flatMap { ["pending", "approved", "blocked"].contains($0) ? $0 : nil } ?? ""
            group = String((query["group"] ?? "").prefix(200))
            page = min(max(1, query.number("page") ?? 1), 100_000)
        }

        func takes(_ report: TerminalReport) -> Bool {
            guard state.isEmpty || report.state.rawValue == state,
                standing.isEmpty || report.standing == standing,
                group.isEmpty || report.group?.lowercased() == group.lowercased()
            else { return false }
            guard !text.isEmpty else { return true }
            let wanted = text.lowercased()
            return [
                report.serial, report.name, report.location, report.group, report.model, report.firmware,
                report.address,
            ].contains { $0?.lowercased().contains(wanted) ?? false }
        }

        func address(page: Int) -> String {
            let fields = [
                ("q", text), ("state", state), ("standing", standing), ("group", group),
                ("page", page > 1 ? "\(page)" : ""),
            ].filter { !$0.1.isEmpty }
            guard !fields.isEmpty else { return "/terminals" }
            return "/terminals?" + fields.map { "\($0.0)=\(Console.escaped($0.1))" }.joined(separator: "&")
        }
    }

    private func list(
        _ request: Request, _ context: ConsoleContext, query: FormFields, announced: String = "",
        error: String? = nil
    ) async throws -> Response {
        func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
            self.text(key, context, places)
        }
        let filter = Filter(query)
        let all = try await roll.all(context)
        // By serial number already; a stable sort would be needed only for what is not.
        let found = all.filter(filter.takes)
        let sorted = found.filter { $0.standing == "pending" } + found.filter { $0.standing != "pending" }
        let start = (filter.page - 1) * Self.rows
        let page = sorted.dropFirst(start).prefix(Self.rows)
        var zones: [String: ZoneRules] = [:]
        let rows = page.map { report in
            if zones[report.zone] == nil { zones[report.zone] = ZoneRules(identifier: report.zone) }
            return row(report, zones[report.zone], text)
        }
        func choices(_ values: [String], _ chosen: String, _ prefix: String) -> [PageChoice] {
            values.map { .init(value: $0, label: text(prefix + $0), isChosen: $0 == chosen) }
        }
        let groups = Set(all.compactMap(\.group)).union(
            console.operations.field.groups().filter { context.principal?.reaches(group: $0) ?? false })
        let model = Model(
            q: filter.text, states: choices(["online", "offline", "never"], filter.state, "state_"),
            standings: choices(["pending", "approved", "blocked"], filter.standing, "standing_"),
            groups: groups.sorted().prefix(500).map {
                .init(value: $0, label: $0, isChosen: $0.lowercased() == filter.group.lowercased())
            },
            summary: text(
                "summary",
                [
                    "count": "\(found.count)", "all": "\(all.count)",
                    "online": "\(found.count { $0.state == .online })",
                ]), rows: rows, isEmpty: rows.isEmpty,
            mayChange: context.may(.terminals),
            mayAnnounce: context.may(.terminals) && context.principal?.reach?.groups == nil,
            announceError: error ?? "", hasAnnounceError: error != nil, announced: announced,
            here: filter.address(page: filter.page),
            previous: filter.address(page: filter.page - 1), hasPrevious: filter.page > 1,
            following: filter.address(page: filter.page + 1), hasFollowing: sorted.count > start + Self.rows)
        return console.render(
            "terminals", model, at: .terminals, notice: notice(query, context),
            status: error == nil ? .ok : .unprocessableContent, request: request, context: context)
    }

    private func notice(_ query: FormFields, _ context: ConsoleContext) -> PageNotice? {
        let count = "\(query.number("count") ?? 0)"
        switch query["done"] {
        case "approve":
            return PageNotice(
                .good,
                text(
                    "done_approved", context,
                    ["count": count, "released": "\(query.number("released") ?? 0)"]))
        case "block": return PageNotice(.good, text("done_blocked", context, ["count": count]))
        case "none": return PageNotice(.bad, text("none_ticked", context))
        default: return nil
        }
    }

    private func row(
        _ report: TerminalReport, _ zone: ZoneRules?,
        _ text: @escaping (String, KeyValuePairs<String, String>) -> String
    ) -> Row {
        Row(
            serial: report.serial, href: Console.path("terminals", report.serial),
            heading: report.name ?? report.serial, hasName: report.name != nil,
            isPending: report.standing == "pending", tags: Self.tags(of: report, text),
            group: report.group ?? "", location: report.location ?? "", zone: report.zone,
            heard: Moments.text(iso8601: report.lastHeard, in: zone) ?? "",
            backlog: report.backlog.map(String.init) ?? "",
            complete: report.completeUntil ?? "",
            skew: report.skewSeconds.map { Self.skew($0) } ?? "",
            isSkewed: abs(report.skewSeconds ?? 0) > 60,
            fills: [
                PageFill(text("people_there", [:]), report.memory?.users, of: text),
                PageFill(text("logs_there", [:]), report.memory?.logs, of: text),
            ].compactMap(\.self), shifts: report.shifts.joined(separator: ", "),
            held: report.held > 0 ? text("held", ["count": "\(report.held)"]) : "")
    }

    /// `+12 s`, `-3 min`
    static func skew(_ seconds: Int) -> String {
        guard abs(seconds) >= 60 else { return (seconds > 0 ? "+" : "") + "\(seconds) s" }
        return (seconds < 0 ? "-" : "+") + Moments.span(seconds: abs(seconds))
    }

    /// What is to be seen of a terminal at a glance, in words.
    static func tags(
        of report: TerminalReport, _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> [Tag] {
        var tags: [Tag] = []
        if report.standing != "approved" {
            tags.append(
                Tag(
                    tone: report.standing == "pending" ? "warning" : "bad",
                    label: text("standing_\(report.standing)", [:])))
        }
        tags.append(
            Tag(
                tone: report.state == .online ? "good" : "warning",
                label: text("state_\(report.state.rawValue)", [:])))
        if report.isContested == true { tags.append(Tag(tone: "bad", label: text("contested", [:]))) }
        if let moves = report.networkMovesInDay, moves > 0 {
            tags.append(Tag(tone: "warning", label: text("moved_networks", ["count": "\(moves)"])))
        } else if let moves = report.movesInDay, moves > 0 {
            tags.append(Tag(tone: "warning", label: text("moved_often", ["count": "\(moves)"])))
        }
        if report.resends >= 3 {
            tags.append(Tag(tone: "warning", label: text("resends", ["count": "\(report.resends)"])))
        }
        return tags
    }

    // MARK: Deciding

    private func decide(_ request: Request, _ context: ConsoleContext) async throws -> Response {
        let form = try await console.form(request, context)
        let back =
            form["back"].flatMap { $0.hasPrefix("/terminals") && Console.isOwn($0) ? $0 : nil }
            ?? "/terminals"
        func done(_ query: String) -> Response {
            let base = back.prefix { $0 != "#" }
            return console.redirect(to: "\(base)\(base.contains("?") ? "&" : "?")\(query)")
        }
        var verb = form["verb"].flatMap { TerminalOrder.Verb(rawValue: $0) }
        var serials = form.all("serial")
        var isNew = false
        if let one = form["approve"] {
            (verb, serials) = (.approve, [one])
        } else if let one = form["block"] {
            (verb, serials) = (.block, [one])
        } else if verb == nil {
            // The form for one that has not come yet.
            (verb, serials, isNew) = (.approve, [form["announce"] ?? ""], true)
        }
        guard let verb, verb == .approve || verb == .block else { throw HTTPError(.badRequest) }
        guard !serials.isEmpty else { return done("done=none") }
        if isNew {
            guard context.principal?.reach?.groups == nil else { throw HTTPError(.forbidden) }
        } else {
            for serial in serials { _ = try await console.operations.terminal(serial, for: context) }
        }
        do {
            let answer = try await console.operations.registry.carryOut(
                TerminalOrder(
                    verb: verb, serials: serials, reason: form["reason"],
                    author: context.principal?.author.name ?? ""))
            await roll.forget()
            console.live.changed(.terminals)
            return done("done=\(verb.rawValue)&count=\(answer.changed.count)&released=\(answer.released)")
        } catch let refusal as any RefusedOrder {
            return try await list(
                request, context, query: try FormFields(query: nil), announced: serials.first ?? "",
                error: refusal.localizedDescription)
        }
    }
}
