import AttendanceCore
import AttendanceStore
import HTTPTypes
import Hummingbird

/// `/punches`: what came in, the newest first, and any of it found again. `/punches.csv`: the same as a file.
struct PunchesPage: Sendable {
    let console: Console
    private let exports = PunchExports()
    private static let pageSize = 50

    init(console: Console) { self.console = console }

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("punches") { request, context in
            let query = try await query(request, context)
            return try await show(query, request: request, context: context)
        }
        router.get("punches.csv") { request, context in
            let query = try await query(request, context)
            guard query.faults.isEmpty, let principal = context.principal else {
                return try await show(query, request: request, context: context)
            }
            guard let slot = exports.take() else {
                let notice = PageNotice(.bad, console.text("punches", "exports_busy", context))
                return try await show(
                    query, notice: notice, status: .serviceUnavailable, request: request, context: context)
            }
            let export = PunchExport(console: console, query: query, author: principal.author, slot: slot)
            return try await export.response()
        }
    }

    private func query(_ request: Request, _ context: ConsoleContext) async throws -> PunchQuery {
        guard let principal = context.principal else { throw HTTPError(.unauthorized) }
        return try await PunchQuery(try request.search(), console: console, principal: principal)
    }

    // MARK: What the template shows

    struct Fault {
        var text: String
    }
    struct Match {
        var link: String
        var who: String
        var numbers: String
    }
    struct Row {
        var link: String
        var time: String
        var zone: String
        var person: String
        var name: String
        var kind: String?
        var doubt: String?
        var terminal: String
        var direction: String
        var state: String?
        var tone: String
    }
    struct Model {
        var person: String
        var personFault: Fault?
        var from: String
        var fromFault: Fault?
        var to: String
        var toFault: Fault?
        var terminal: String
        var terminalFault: Fault?
        /// Nothing: there are too many to choose from.
        var terminals: [PageChoice]
        var hasChoice: Bool
        var groups: [PageChoice]
        var groupFault: Fault?
        var hasGroups: Bool
        var states: [PageChoice]
        var stateFault: Fault?
        var kinds: [PageChoice]
        var kindFault: Fault?
        var doubts: [PageChoice]
        var doubtFault: Fault?
        var sinks: [PageChoice]
        var sinkFault: Fault?
        var hasSinks: Bool
        var orders: [PageChoice]
        var orderFault: Fault?
        /// Whether the fields that are seldom used are filled.
        var isDetailed: Bool
        var isFiltered: Bool
        var matches: [Match]
        var hasMatches: Bool
        var nobody: String?
        var caption: String
        var hasState: Bool
        var rows: [Row]
        var isEmpty: Bool
        /// Topics at which the rows are read again; nil for a page of the past.
        var topics: String?
        var isStream: Bool
        var searchedBack: String?
        var goOn: String?
        var older: String?
        var newest: String?
        var file: String?
        var fileHint: String
    }

    private func show(
        _ query: PunchQuery, notice: PageNotice? = nil, status: HTTPResponse.Status = .ok,
        request: Request, context: ConsoleContext
    ) async throws -> Response {
        let found =
            query.faults.isEmpty
            ? try await console.operations.store.latestPunches(
                query.search, before: query.before, limit: Self.pageSize)
            : Page(items: [], next: nil)
        let status = status == .ok && !query.faults.isEmpty ? .unprocessableContent : status
        return console.render(
            "punches", model(query, found, context), at: .punches, notice: notice, status: status,
            request: request, context: context)
    }

    private func model(
        _ query: PunchQuery, _ found: Page<JournalEntry, PunchCursor>, _ context: ConsoleContext
    ) -> Model {
        func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
            console.text("punches", key, context, places)
        }
        func fault(_ field: PunchQuery.Field) -> Fault? { query.faults[field].map { Fault(text: text($0)) } }
        func typed(_ field: PunchQuery.Field) -> String { query.typed[field] ?? "" }
        func choices(_ field: PunchQuery.Field, _ values: [String], _ prefix: String) -> [PageChoice] {
            [PageChoice(value: "", label: text("any"), isChosen: typed(field).isEmpty)]
                + values.map {
                    PageChoice(value: $0, label: text(prefix + $0), isChosen: typed(field) == $0)
                }
        }
        let sink = query.sink
        let zoneName = console.operations.zone()
        let searchedBack = found.searchedBackTo.map {
            text(
                "searched_back",
                ["moment": Moments.text($0, in: ZoneRules(identifier: zoneName)), "zone": zoneName])
        }
        let older = found.next.map { query.address(before: $0) }
        return Model(
            person: typed(.person), personFault: fault(.person), from: typed(.from), fromFault: fault(.from),
            to: typed(.to), toFault: fault(.to), terminal: typed(.terminal), terminalFault: fault(.terminal),
            terminals: terminalChoices(query, text("any")),
            hasChoice: query.terminals.count <= PunchQuery.mostChoices,
            groups: [PageChoice(value: "", label: text("any"), isChosen: typed(.group).isEmpty)]
                + query.groups.prefix(PunchQuery.mostChoices).map {
                    PageChoice(
                        value: $0, label: $0, isChosen: Reach.folded($0) == Reach.folded(typed(.group)))
                },
            groupFault: fault(.group), hasGroups: !query.groups.isEmpty || query.typed[.group] != nil,
            states: choices(.state, PunchSearch.State.allCases.map(\.rawValue), "state_"),
            stateFault: fault(.state),
            kinds: choices(.kind, PunchKind.allCases.map(\.word), "kind_"), kindFault: fault(.kind),
            doubts: choices(.doubtful, ["yes", "no"], "doubtful_"), doubtFault: fault(.doubtful),
            sinks: query.sinks.map { PageChoice(value: $0.text, label: $0.text, isChosen: $0 == sink) },
            sinkFault: fault(.sink), hasSinks: query.sinks.count > 1 || query.faults[.sink] != nil,
            orders: PunchSearch.Order.allCases.map {
                // Nothing in the address means the usual.
                PageChoice(
                    value: $0 == .arrival ? "" : $0.rawValue, label: text("order_\($0.rawValue)"),
                    isChosen: $0 == query.search.order)
            },
            orderFault: fault(.order),
            isDetailed: [.group, .kind, .doubtful, .order].contains { query.typed[$0] != nil }
                || query.sinks.first != sink,
            isFiltered: !query.typed.isEmpty,
            matches: matches(query), hasMatches: query.people.count > 1,
            nobody: query.faults[.person] == nil && query.search.people != nil && query.people.isEmpty
                && found.items.isEmpty
                ? text("nobody", ["text": typed(.person)]) : nil,
            caption: sink.map { text("caption", ["sink": $0.text]) } ?? text("caption_plain"),
            hasState: sink != nil, rows: found.items.map { row($0, query, text) },
            isEmpty: found.items.isEmpty && query.faults.isEmpty,
            topics: query.isOfNow ? (query.takesAllOfNow ? "deliveries" : "punches deliveries") : nil,
            isStream: query.takesAllOfNow, searchedBack: searchedBack,
            goOn: searchedBack == nil ? nil : older, older: searchedBack == nil ? older : nil,
            newest: query.before == nil ? nil : query.address(),
            file: query.faults.isEmpty ? query.address("/punches.csv") : nil,
            fileHint: text("file_hint", ["rows": "\(PunchExport.mostRows)"]))
    }

    private func terminalChoices(_ query: PunchQuery, _ any: String) -> [PageChoice] {
        guard query.terminals.count <= PunchQuery.mostChoices else { return [] }
        let chosen = query.typed[.terminal] ?? ""
        let isOne = { (terminal: ReachableTerminal) in
            terminal.serial == SerialNumber(chosen) || terminal.title.lowercased() == chosen.lowercased()
        }
        var choices = [PageChoice(value: "", label: any, isChosen: chosen.isEmpty)]
        // What was typed stays, so that one sees what is wrong with it.
        if !chosen.isEmpty, !query.terminals.contains(where: isOne) {
            choices.append(PageChoice(value: chosen, label: chosen, isChosen: true))
        }
        return choices
            + query.terminals.map { terminal in
                PageChoice(
                    value: terminal.serial.text,
                    label: terminal.title == terminal.serial.text
                        ? terminal.title : "\(terminal.title) (\(terminal.serial))",
                    isChosen: !chosen.isEmpty && isOne(terminal))
            }
    }

    private func matches(_ query: PunchQuery) -> [Match] {
        query.people.prefix(12).filter { !$0.enrollIDs.isEmpty }.map { match in
            Match(
                link: query.address(with: [.person: match.enrollIDs.first?.sent ?? ""]),
                who: PlainText.line(match.name, limit: 80),
                numbers: match.enrollIDs.prefix(3).map(\.sent).joined(separator: ", "))
        }
    }

    private func row(
        _ entry: JournalEntry, _ query: PunchQuery,
        _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> Row {
        let punch = entry.punch
        let place = console.operations.place(entry.terminal)
        let isShown = query.sink != nil
        let (state, tone) = isShown ? PunchState.shown(entry.state, text) : ("", "")
        let doubt: String? =
            switch entry.correction?.ruling {
            case .time(let time, _): text("corrected_to", ["time": time.description])
            case .rejected: text("time_rejected", [:])
            case nil: punch.doubt.isDoubtful ? text("doubtful_yes", [:]) : nil
            }
        let name = (isShown ? entry.employeeName : nil) ?? punch.name ?? ""
        return Row(
            link: "/punches/\(entry.id)", time: punch.time.description, zone: punch.zone,
            person: punch.kind == .person ? punch.enrollID.sent : "",
            name: punch.kind == .person ? PlainText.line(name, limit: 80) : "",
            kind: punch.kind == .person ? nil : text("kind_\(punch.kind.word)", [:]), doubt: doubt,
            terminal: place.name ?? entry.terminal.text,
            direction: isShown
                ? entry.decision?.direction.map { text("direction_\($0.rawValue)", [:]) } ?? "" : "",
            state: isShown ? state : nil, tone: tone)
    }
}

/// A delivery state as a tag.
enum PunchState {
    /// The word, and `good`, `warning`, `bad` or nothing.
    static func shown(
        _ state: DeliveryState, _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> (word: String, tone: String) {
        switch state {
        case .owed(0): (text("state_owed", [:]), "")
        case .owed(let attempts): (text("owed_again", ["count": "\(attempts)"]), "warning")
        case .delivered: (text("state_delivered", [:]), "good")
        case .dead: (text("state_dead", [:]), "bad")
        case .discarded: (text("state_discarded", [:]), "")
        case .suppressed: (text("state_suppressed", [:]), "")
        case .held: (text("state_held", [:]), "warning")
        case .notOwed: (text("state_not-owed", [:]), "")
        }
    }
}
