import AttendanceCore
import AttendanceStore
import Foundation

/// A search for punches as it stands in an address: what was typed, what it means within the reach of whoever asks, and
/// what is wrong with it.
struct PunchQuery: Sendable {
    enum Field: String, CaseIterable {
        case person, terminal, group, from, to, state, sink, kind, doubtful, order
    }

    /// Longer texts are no search.
    static let longestText = 100
    /// So many terminals are offered as a choice; of more, one is typed.
    static let mostChoices = 300

    /// As it was typed, cut.
    private(set) var typed: [Field: String] = [:]
    private(set) var search = PunchSearch()
    /// Words that tell what is wrong with a field.
    private(set) var faults: [Field: String] = [:]
    private(set) var before: PunchCursor?
    /// Whose states may be seen, in the order of the settings.
    private(set) var sinks: [SinkName] = []
    /// Within reach, by what they are called.
    private(set) var terminals: [ReachableTerminal] = []
    /// Whom the words found.
    private(set) var people: [PersonMatch] = []

    var groups: [String] { Set(terminals.compactMap(\.group)).sorted() }
    /// Nil where no sink is within reach: then no state is told.
    var sink: SinkName? { sinks.contains(search.sink) ? search.sink : nil }
    /// Whether what is not asked for is asked for by nobody else either: nothing but order and sink is chosen.
    var isEverything: Bool { typed.keys.allSatisfy { $0 == .sink || $0 == .order } }
    /// Whether punches that come in now may stand at its top.
    var isOfNow: Bool { before == nil && search.until == nil && search.order == .arrival && faults.isEmpty }
    /// Whether each punch that comes in now and passes `terminal=` and `group=` stands at its top.
    var takesAllOfNow: Bool {
        isOfNow && typed.keys.allSatisfy { [.terminal, .group, .sink, .order].contains($0) }
    }

    init(_ fields: FormFields, console: Console, principal: Principal) async throws {
        sinks = console.operations.sinks.filter { principal.reaches(sink: $0) }
        search.sink = sinks.first ?? .erpnext
        for field in Field.allCases {
            guard let text = fields[field.rawValue] else { continue }
            typed[field] = PlainText.line(text, limit: Self.longestText)
            if text.count > Self.longestText { faults[field] = "too_long" }
        }
        readChoices()
        readDays()
        terminals = try await ReachableTerminal.all(console, principal)
        chooseTerminals(isLimited: principal.reach?.groups != nil)
        if let text = typed[.person], faults[.person] == nil {
            try await choosePeople(text, console: console, principal: principal)
        }
        before = fields["before"].flatMap(Self.cursor)
    }

    private mutating func readChoices() {
        if let text = typed[.state] {
            search.state = PunchSearch.State(rawValue: text)
            if search.state == nil || sinks.isEmpty { faults[.state] = "no_choice" }
        }
        if let text = typed[.sink] {
            if let sink = SinkName(text), sinks.contains(sink) {
                search.sink = sink
            } else {
                faults[.sink] = "no_choice"
            }
        }
        if let text = typed[.kind] {
            if let kind = PunchKind.allCases.first(where: { $0.word == text }) {
                search.kinds = [kind]
            } else {
                faults[.kind] = "no_choice"
            }
        }
        if let text = typed[.doubtful] {
            switch text {
            case "yes": search.isDoubtful = true
            case "no": search.isDoubtful = false
            default: faults[.doubtful] = "no_choice"
            }
        }
        if let text = typed[.order] {
            if let order = PunchSearch.Order(rawValue: text) {
                search.order = order
            } else {
                faults[.order] = "no_choice"
            }
        }
    }

    private mutating func readDays() {
        if let text = typed[.from] {
            search.from = WallTime(text + " 00:00:00")
            if search.from == nil { faults[.from] = "no_day" }
        }
        if let text = typed[.to] {
            search.until = WallTime(text + " 00:00:00").map { WallTime(seconds: $0.seconds + 86_400) }
            if search.until == nil { faults[.to] = "no_day" }
        }
        if let from = search.from, let until = search.until, until <= from { faults[.to] = "ends_early" }
    }

    /// One that is out of reach is told of as one that is not there.
    private mutating func chooseTerminals(isLimited: Bool) {
        var chosen = terminals
        if let text = typed[.group] {
            chosen = chosen.filter { $0.group.map(Reach.folded) == Reach.folded(text) }
            if chosen.isEmpty, faults[.group] == nil { faults[.group] = "no_group" }
        }
        if let text = typed[.terminal] {
            let serial = SerialNumber(text)
            let name = text.lowercased()
            if terminals.contains(where: { $0.serial == serial }) {
                chosen = chosen.filter { $0.serial == serial }
            } else {
                chosen = chosen.filter { $0.title.lowercased() == name }
                if chosen.isEmpty, faults[.terminal] == nil { faults[.terminal] = "no_terminal" }
            }
        }
        if isLimited || typed[.group] != nil || typed[.terminal] != nil {
            search.terminals = Set(chosen.map(\.serial))
        }
    }

    private mutating func choosePeople(_ text: String, console: Console, principal: Principal) async throws {
        people = try await console.operations.store.people(matching: text, limit: 50).filter { match in
            match.sink.map { principal.reaches(sink: $0) } != false
                && match.space.map { $0.isEmpty || principal.reaches(group: $0) } != false
        }
        var ids: [EnrollID] = []
        for id in [EnrollID(text)].compactMap(\.self) + people.flatMap(\.enrollIDs) where !ids.contains(id) {
            ids.append(id)
        }
        search.people = Array(ids.prefix(PunchSearch.mostPeople))
    }

    // MARK: As an address

    /// `/punches?…` with what was typed; fields in `changed` instead of theirs, empty ones left out.
    func address(
        _ path: String = "/punches", with changed: [Field: String] = [:], before: PunchCursor? = nil
    ) -> String {
        var parts = Field.allCases.compactMap { field -> String? in
            guard let text = changed[field] ?? typed[field], !text.isEmpty else { return nil }
            return "\(field.rawValue)=\(text.escapedForAddress)"
        }
        if let before { parts.append("before=\(before.time.seconds).\(before.id)") }
        return parts.isEmpty ? path : "\(path)?\(parts.joined(separator: "&"))"
    }

    /// Nil for what no page of ours wrote: then the search begins at the newest.
    private static func cursor(_ text: String) -> PunchCursor? {
        let parts = text.split(separator: ".")
        guard text.utf8.count <= 50, parts.count == 2, let seconds = Int64(parts[0]), let id = Int64(parts[1])
        else { return nil }
        return PunchCursor(time: WallTime(seconds: seconds), id: id)
    }

    /// In words for the audit trail.
    var words: String {
        let parts = Field.allCases.compactMap { field in typed[field].map { "\(field.rawValue) \($0)" } }
        return parts.isEmpty ? "all" : parts.joined(separator: ", ")
    }
}

/// A terminal that somebody may see, as they choose it from a list.
struct ReachableTerminal: Sendable {
    var serial: SerialNumber
    /// Its name, else its serial number.
    var title: String
    var group: String?

    /// More are not listed; an installation has some thousands at most.
    private static let most = 50_000

    /// By title.
    static func all(_ console: Console, _ principal: Principal) async throws -> [ReachableTerminal] {
        var all: [ReachableTerminal] = []
        var last: SerialNumber?
        repeat {
            let page = try await console.operations.store.terminals(after: last, limit: 1000)
            for record in page {
                let place = console.operations.place(record.serial)
                guard principal.reaches(group: place.group) else { continue }
                all.append(
                    ReachableTerminal(
                        serial: record.serial, title: place.name ?? record.serial.text, group: place.group))
            }
            last = page.count == 1000 && all.count < most ? page.last?.serial : nil
        } while last != nil
        return all.sorted {
            ($0.title.lowercased(), $0.serial.folded) < ($1.title.lowercased(), $1.serial.folded)
        }
    }
}

extension PunchKind {
    /// As it stands in an address and in a file.
    var word: String {
        switch self {
        case .person: "person"
        case .stranger: "stranger"
        case .doorEvent: "door"
        }
    }
}

extension String {
    /// As a value in the query of an address, or a part of its path.
    var escapedForAddress: String {
        addingPercentEncoding(
            withAllowedCharacters: CharacterSet(
                charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")) ?? ""
    }
}
