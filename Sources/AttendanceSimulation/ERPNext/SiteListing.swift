/// `GET /api/resource/<doctype>`: which columns of which rows, in which order.
struct SiteListing: Sendable {
    let filters: SiteFilters
    private let columns: [String]
    private let order: [(column: String, isAscending: Bool)]
    private let start: Int
    /// 0 for all.
    private let length: Int

    init(_ arguments: [String: FrappeValue], table: SiteTable, major: Int) throws(SiteError) {
        columns = try Self.columns(arguments["fields"], table)
        filters = try SiteFilters(arguments["filters"], table: table, major: major)
        let order = try Self.order(arguments["order_by"]?.string ?? "", table)
        let usual = major >= 16 ? ("creation", false) : ("modified", table.isAscending)
        self.order = order.isEmpty ? [usual] : order
        start = max(0, arguments["limit_start"]?.integer ?? 0)
        let limit = arguments["limit_page_length"] ?? arguments["limit"]
        length = limit.map { $0 == .text("") ? 20 : max(0, $0.integer) } ?? 20
    }

    func rows(_ all: [some SiteDocument]) -> [FrappeValue] {
        var found = all.filter(filters.match).enumerated().map { $0 }
        found.sort { a, b in
            for (column, isAscending) in order {
                let first = Self.key(a.element.value(of: column))
                let second = Self.key(b.element.value(of: column))
                if first != second { return (first < second) == isAscending }
            }
            return a.offset < b.offset
        }
        let page = found.dropFirst(start).prefix(length == 0 ? Int.max : length)
        return page.map { row in
            .object(Dictionary(uniqueKeysWithValues: columns.map { ($0, row.element.value(of: $0)) }))
        }
    }

    func count(_ all: [some SiteDocument]) -> Int { all.count { filters.match($0) } }

    /// Numbers before texts, nothing before both.
    private static func key(_ value: FrappeValue) -> SortKey {
        switch value {
        case .null: SortKey(number: -.infinity, text: "")
        case .int, .double, .bool: SortKey(number: value.number ?? 0, text: "")
        default: SortKey(number: 0, text: collated(value.string ?? ""))
        }
    }

    private struct SortKey: Comparable {
        var number: Double
        var text: String

        static func < (a: SortKey, b: SortKey) -> Bool { (a.number, a.text) < (b.number, b.text) }
    }

    private static func columns(_ value: FrappeValue?, _ table: SiteTable) throws(SiteError) -> [String] {
        var wanted: [String] = []
        switch value {
        case nil, .null?: return ["name"]
        case .list(let list)?: wanted = list.compactMap(\.string)
        case .some(let other):
            guard let list = FrappeValue(json: (other.string ?? "").utf8)?.list else {
                throw SiteError.raised(
                    500, "JSONDecodeError", module: "json.decoder",
                    "Expecting value: line 1 column 1 (char 0)")
            }
            wanted = list.compactMap(\.string)
        }
        if wanted.isEmpty { return ["name"] }
        var columns: [String] = []
        for field in wanted {
            if field == "*" {
                columns += table.columns.keys
                continue
            }
            let column = bare(field)
            guard table.columns[column] != nil else {
                throw SiteError.shown(417, "DataError", .fieldNotPermitted(column))
            }
            columns.append(column)
        }
        return Array(Set(columns))
    }

    /// `` `tabEmployee`.`name` `` is `name`.
    private static func bare(_ field: String) -> String {
        String(field.split(separator: ".").last ?? "").filter { $0 != "`" && $0 != " " }
    }

    private static func order(
        _ text: String, _ table: SiteTable
    ) throws(SiteError) -> [(column: String, isAscending: Bool)] {
        var order: [(column: String, isAscending: Bool)] = []
        for part in text.split(separator: ",") {
            let words = part.split(separator: " ")
            guard let first = words.first else { continue }
            let column = bare(String(first))
            guard table.columns[column] != nil else {
                throw SiteError.database(1054, "Unknown column '\(column)' in 'order clause'")
            }
            order.append((column, words.count < 2 || words[1].lowercased() != "desc"))
        }
        return order
    }
}
