import AttendanceCore
import AttendanceStore
import Foundation
import Hummingbird

/// What of the deliveries somebody may see and touch: sinks, and terminals by their groups.
struct DeliveriesReach: Sendable {
    /// Nil: those of all terminals.
    let terminals: Set<SerialNumber>?
    /// Those of the settings in their order, and those that the journal still holds something for.
    let known: [SinkName]
    private let principal: Principal
    private let operations: Operations

    /// Reads all terminals where the reach is limited to groups. Throws `HTTPError` 401, and what the journal throws.
    init(_ context: ConsoleContext, _ operations: Operations) async throws {
        guard let principal = context.principal else { throw HTTPError(.unauthorized) }
        self.principal = principal
        self.operations = operations
        let kept = Set(try await operations.store.status().queues.keys).subtracting(operations.sinks)
        known = (operations.sinks + kept.sorted()).filter { principal.reaches(sink: $0) }
        guard principal.reach?.groups != nil else {
            terminals = nil
            return
        }
        var reached: Set<SerialNumber> = []
        var last: SerialNumber?
        repeat {
            let page = try await operations.store.terminals(after: last, limit: 1000)
            for record in page where principal.reaches(group: operations.place(record.serial).group) {
                reached.insert(record.serial)
            }
            last = page.count == 1000 ? page.last?.serial : nil
        } while last != nil
        terminals = reached
    }

    func holds(_ sink: SinkName) -> Bool { principal.reaches(sink: sink) }
    func holds(_ terminal: SerialNumber) -> Bool { terminals?.contains(terminal) ?? true }

    /// Nil: all of them.
    var sinks: Set<SinkName>? { principal.reach?.sinks }

    /// The sink that a page was asked for; nil for none. Throws `HTTPError` 404 for one out of reach or that is none.
    func sink(_ text: String?, among known: [SinkName]) throws -> SinkName? {
        guard let text else { return nil }
        guard let sink = SinkName(text), known.contains(sink), holds(sink) else { throw HTTPError(.notFound) }
        return sink
    }

    // MARK: Dead letters

    /// Dead letters that are grouped one by one for somebody who may not see all: those of more are left out.
    private static let mostGrouped = 20_000

    /// By sink and cause, the largest first.
    func groups(_ filter: DeadLetterFilter) async throws -> [DeadLetterGroup] {
        guard terminals != nil else {
            return try await operations.store.deadLetterGroups(filter).filter { holds($0.sink) }
        }
        struct Key: Hashable {
            var sink: SinkName
            var cause: RejectionCause
        }
        var groups: [Key: DeadLetterGroup] = [:]
        var people: [Key: Set<EnrollID>] = [:]
        try await each(filter, atMost: Self.mostGrouped) { letter in
            let key = Key(sink: letter.sink, cause: letter.cause)
            people[key, default: []].insert(letter.enrollID)
            var group =
                groups[key]
                ?? DeadLetterGroup(
                    sink: letter.sink, cause: letter.cause, count: 0, people: 0, first: letter.time,
                    last: letter.time, since: letter.died, example: letter.reason)
            group.count += 1
            group.people = people[key]?.count ?? 0
            group.first = min(group.first, letter.time)
            group.last = max(group.last, letter.time)
            group.since = min(group.since, letter.died)
            groups[key] = group
        }
        return groups.values.sorted {
            ($1.count, $0.sink.text, $0.cause.rawValue) < ($0.count, $1.sink.text, $1.cause.rawValue)
        }
    }

    /// A page of dead letters within reach, the newest first.
    func letters(
        _ filter: DeadLetterFilter, before: Int64?, limit: Int
    ) async throws -> Page<DeadLetter, Int64> {
        try await operations.store.latestDeadLetters(
            DeadLetterSearch(filter, terminals: terminals, sinks: sinks), before: before, limit: limit)
    }

    private func each(
        _ filter: DeadLetterFilter, atMost limit: Int, _ body: (DeadLetter) -> Void
    ) async throws {
        var before: Int64?
        var left = limit
        repeat {
            let page = try await letters(filter, before: before, limit: 500)
            for letter in page.items.prefix(left) { body(letter) }
            left -= page.items.count
            before = page.next
        } while before != nil && left > 0
    }

    /// The orders that together concern what a filter means within reach: the filter itself where nothing limits
    /// it, else numbers, at most 1,000 in one.
    func orders(_ filter: DeadLetterFilter) async throws -> [DeadLetterFilterText] {
        if terminals == nil, sinks == nil || filter.sink.map(holds) == true {
            return [DeadLetterFilterText(filter)]
        }
        var numbers: [Int64] = []
        try await each(filter, atMost: .max) { numbers.append($0.id) }
        return stride(from: 0, to: numbers.count, by: 1000).map {
            DeadLetterFilterText(ids: Array(numbers[$0..<min($0 + 1000, numbers.count)]))
        }
    }
}

extension DeadLetterFilterText {
    /// The same in texts.
    init(_ filter: DeadLetterFilter) {
        self.init(
            sink: filter.sink?.text, ids: filter.ids, cause: filter.cause?.rawValue,
            person: filter.person?.sent, terminal: filter.terminal?.text, from: filter.from?.description,
            until: filter.until?.description)
    }
}

/// Addresses of this console with a search in them.
enum SearchLink {
    /// - Parameter fields: those without a value are left out.
    static func to(_ path: String, _ fields: [(name: String, value: String?)]) -> String {
        let query = fields.compactMap { field in
            field.value.map { "\(field.name)=\(escaped($0))" }
        }.joined(separator: "&")
        return query.isEmpty ? path : "\(path)?\(query)"
    }

    private static let plain = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    private static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}

/// The pages that lie under Deliveries.
enum DeliveriesTab: String, CaseIterable {
    case deliveries, attempts, shifts, corrections, reconcile

    struct Link {
        var tabHref: String
        var tabLabel: String
        var isHereTab: Bool
    }

    var path: String { self == .deliveries ? "/deliveries" : "/deliveries/\(rawValue)" }

    /// What `principal` may see of them.
    static func links(_ here: DeliveriesTab, _ console: Console, _ context: ConsoleContext) -> [Link] {
        allCases.filter { $0 != .reconcile || context.principal?.may(.deliveries) == true }.map {
            Link(
                tabHref: $0.path, tabLabel: console.text("deliveries", "tab_\($0.rawValue)", context),
                isHereTab: $0 == here)
        }
    }
}

/// One choice of a list to choose from.
struct SearchChoice {
    var choice: String
    var choiceLabel: String
    var isPicked: Bool
}
