import AttendanceCore

/// Parameters that many calls have, with the words and bounds they share.
extension Endpoint.Parameter {
    static let limit = query("limit", .integer(1...500), "Items of one page; 100 without it.")
    static let cursor = query(
        "cursor", .text(.init(1...500)), "`next_cursor` of the page before, with all else as before.")
    static let page = [limit, cursor]
    static let id = path("id", .id, "Number.")
    static let serial = path("serial", Schema.serial, "Serial number; letter case does not count.")
    static let terminal = query("terminal", Schema.serial, "Serial number of a terminal.")
    static let group = query("group", Schema.line(1...100), "Name of a group of terminals.")
    static let space = query(
        "space", Schema.line(0...100),
        "The id space: name of a group whose terminals number their people by themselves. Without it that of all "
            + "others.")
    static let site = query("site", Schema.sink, "Name of the sink; `erpnext` without it.")

    static func sink(_ help: String) -> Endpoint.Parameter { query("sink", Schema.sink, help) }
}

/// How many rows are changed.
extension ChangeCount: Documented {
    package static let schema = Schema.named(
        "ChangeCount", .object([.init("changed", .count, "How many were changed.")]))
    package static let samples = [ChangeCount(changed: 3)]
}

extension APICall {
    /// A sink that is asked for: one that there is, within reach.
    func sink(_ name: String = "sink", of api: API) throws -> SinkName? {
        guard let sink = try value(name, "a sink's name", { SinkName($0) }) else { return nil }
        guard try who().reaches(sink: sink) else {
            throw APIProblem.parameter(name, "names no sink there is")
        }
        return sink
    }

    /// The first within reach; nil where there is none.
    func firstSink(of api: API) throws -> SinkName? {
        let principal = try who()
        return (api.operations.sinks.isEmpty ? [.erpnext] : api.operations.sinks)
            .first { principal.reaches(sink: $0) }
    }

    /// For what belongs to no terminal: whoever is limited to groups does not see it.
    func requireAllGroups() throws {
        guard !reachesAllGroups else { return }
        throw APIProblem(
            .forbidden, "this concerns all terminals, and you are limited to some groups of them")
    }
}

extension API {
    /// Goes on through pages until enough were kept, or so many pages were looked at.
    ///
    /// - Parameter fetch: the items behind a place, in order, with the place behind each.
    func collect<Item, Place>(
        _ limit: Int, from start: Place, most pages: Int = 20,
        _ fetch: (Place, Int) async throws -> [(item: Item, place: Place)], keep: (Item) async throws -> Bool
    ) async throws -> (items: [Item], next: Place?) {
        var kept: [Item] = []
        var place = start
        for _ in 0..<pages {
            let size = 500
            let page = try await fetch(place, size)
            for (index, entry) in page.enumerated() {
                place = entry.place
                guard try await keep(entry.item) else { continue }
                kept.append(entry.item)
                if kept.count == limit {
                    let isEnd = index == page.count - 1 && page.count < size
                    return (kept, isEnd ? nil : place)
                }
            }
            if page.count < size { return (kept, nil) }
        }
        return (kept, place)
    }
}
