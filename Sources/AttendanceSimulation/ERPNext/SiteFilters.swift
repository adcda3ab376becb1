import AttendanceCore

/// The filters of a list, as Frappe takes them: `[["status", "=", "Active"]]`, with the doctype in front as a fourth
/// element, or `{"status": "Active", "modified": [">", "…"]}`.
struct SiteFilters: Sendable {
    struct Condition: Sendable {
        var column: String
        var type: SiteTable.Column
        var comparison: Comparison
        /// Values in the form the column's are compared in.
        var values: [String]
        var numbers: [Double]
        /// `values` of texts, for lists of hundreds of names.
        var members: Set<String>
    }

    enum Comparison: String, Sendable {
        case equal = "="
        case unequal = "!="
        case greater = ">"
        case atLeast = ">="
        case less = "<"
        case atMost = "<="
        case isIn = "in"
        case isNotIn = "not in"
        case like
        case notLike = "not like"
        case between
        case isSet = "is set"
        case isNotSet = "is not set"
    }

    private(set) var conditions: [Condition] = []

    init(_ value: FrappeValue?, table: SiteTable, major: Int) throws(SiteError) {
        for entry in try Self.entries(value) {
            guard let type = table.columns[entry.column] else {
                throw SiteError.shown(417, "DataError", .fieldNotPermitted(entry.column))
            }
            conditions.append(
                try Self.condition(entry.column, type, entry.comparison, entry.value, major: major))
        }
    }

    func match(_ row: some SiteDocument) -> Bool {
        conditions.allSatisfy { $0.matches(row.value(of: $0.column)) }
    }

    /// Texts, collated, that a column's are restricted to, so that not each row must be looked at; nil for no such
    /// condition.
    func values(of column: String) -> [String]? {
        conditions.first { $0.column == column && ($0.comparison == .equal || $0.comparison == .isIn) }?
            .values
    }

    // MARK: Reading

    private typealias Entry = (column: String, comparison: String, value: FrappeValue)

    private static func entries(_ value: FrappeValue?) throws(SiteError) -> [Entry] {
        switch value {
        case nil, .null, .text(""): return []
        case .text(let text)?:
            guard let parsed = FrappeValue(json: text.utf8) else {
                throw SiteError.raised(
                    500, "JSONDecodeError", module: "json.decoder",
                    "Expecting value: line 1 column 1 (char 0)")
            }
            return try entries(parsed)
        case .object(let object)?:
            return object.sorted { $0.key < $1.key }.map { pair in
                guard case .list(let list) = pair.value, list.count == 2, let comparison = list[0].string
                else {
                    return (pair.key, "=", pair.value)
                }
                return (pair.key, comparison, list[1])
            }
        case .list(let list)?:
            var entries: [Entry] = []
            for element in list {
                guard case .list(var parts) = element, (2...4).contains(parts.count) else { throw broken }
                if parts.count == 4 { parts.removeFirst() }
                if parts.count == 2 { parts.insert("=", at: 1) }
                guard let column = parts[0].string, let comparison = parts[1].string else { throw broken }
                entries.append((column, comparison, parts[2]))
            }
            return entries
        default: throw broken
        }
    }

    private static let broken = SiteError.shown(
        .untranslated("Filter must have 4 values (doctype, fieldname, operator, value)"))

    private static func condition(
        _ column: String, _ type: SiteTable.Column, _ operation: String, _ value: FrappeValue, major: Int
    ) throws(SiteError) -> Condition {
        var name = operation.lowercased()
        if name == "is" { name += value.string == "set" ? " set" : " not set" }
        if name == "<>" { name = "!=" }
        guard let comparison = Comparison(rawValue: name) else {
            throw SiteError.shown(
                .untranslated(
                    "Operator must be one of =, !=, >, <, >=, <=, like, not like, in, not in, between"))
        }
        var values: [String]
        switch comparison {
        case .isSet, .isNotSet: values = []
        case .isIn, .isNotIn:
            values =
                value.list?.map { $0.string ?? "" }
                ?? (value.string ?? "").split(separator: ",").map { String($0).trimmingBlanks() }
        case .between:
            guard let list = value.list, list.count == 2 else { throw broken }
            values = list.map { $0.string ?? "" }
        default: values = [value.string ?? ""]
        }
        if type == .datetime, comparison != .like, comparison != .notLike {
            values = try times(values, isRange: comparison == .between, major: major)
        } else {
            values = values.map(collated)
        }
        return Condition(
            column: column, type: type, comparison: comparison, values: values,
            numbers: values.map(leadingNumber), members: type == .text ? Set(values) : [])
    }

    /// A date alone is its midnight, as the upper end of a range its last moment. Before version 14 a whole day was
    /// added to the upper end of every range.
    private static func times(_ values: [String], isRange: Bool, major: Int) throws(SiteError) -> [String] {
        var times: [String] = []
        for (index, text) in values.enumerated() {
            guard case .stored(let stored, let wall) = FrappeTimestamp(text) else {
                throw SiteError.raised(
                    500, "ParserError", module: "dateutil.parser._parser", "Unknown string format: \(text)")
            }
            var time = stored.paddedTime
            if isRange, index == 1 {
                if major < 14, let wall {
                    time = WallTime(seconds: wall.seconds + 86_400).description.paddedTime
                } else if text.count <= 10 {
                    time = time.prefix(11) + "23:59:59.999999"
                }
            }
            times.append(time)
        }
        return times
    }
}

extension SiteFilters.Condition {
    func matches(_ value: FrappeValue) -> Bool {
        let isEmpty = value == .null || value == .text("")
        switch comparison {
        case .isSet: return !isEmpty
        case .isNotSet: return isEmpty
        // Frappe reads null as an empty text for these two, and for no others.
        case .equal, .unequal:
            let same = value == .null ? values[0].isEmpty : order(value, 0) == .same
            return same == (comparison == .equal)
        case .greater: return value != .null && order(value, 0) == .after
        case .atLeast: return value != .null && order(value, 0) != .before
        case .less: return value != .null && order(value, 0) == .before
        case .atMost: return value != .null && order(value, 0) != .after
        case .isIn: return value != .null && isMember(value)
        case .isNotIn: return value == .null || !isMember(value)
        case .between: return value != .null && order(value, 0) != .before && order(value, 1) != .after
        case .like: return value != .null && like(value)
        case .notLike: return value == .null || !like(value)
        }
    }

    private func isMember(_ value: FrappeValue) -> Bool {
        type == .text
            ? members.contains(collated(value.string ?? ""))
            : values.indices.contains { order(value, $0) == .same }
    }

    private enum Order { case before, same, after }

    private func order(_ value: FrappeValue, _ index: Int) -> Order {
        switch type {
        case .number: return compare(value.number ?? 0, numbers[index])
        case .datetime: return compare((value.string ?? "").paddedTime, values[index])
        case .text, .date, .time: return compare(collated(value.string ?? ""), values[index])
        }
    }

    private func compare<Value: Comparable>(_ a: Value, _ b: Value) -> Order {
        a == b ? .same : a < b ? .before : .after
    }

    /// `%` is any text and `_` any character.
    private func like(_ value: FrappeValue) -> Bool {
        Self.like(Array(collated(value.string ?? "")), Array(values[0]))
    }

    private static func like(_ text: [Character], _ pattern: [Character]) -> Bool {
        // The usual two pointers with one way back, to the last `%`.
        var at = 0
        var next = 0
        var back: (pattern: Int, text: Int)?
        while at < text.count {
            if next < pattern.count, pattern[next] == "%" {
                back = (next, at)
                next += 1
            } else if next < pattern.count, pattern[next] == "_" || pattern[next] == text[at] {
                at += 1
                next += 1
            } else if let (pattern, text) = back {
                back = (pattern, text + 1)
                next = pattern + 1
                at = text + 1
            } else {
                return false
            }
        }
        return pattern[next...].allSatisfy { $0 == "%" }
    }
}

extension String {
    /// A time of the database with its microseconds, so that texts compare as times do.
    var paddedTime: String { count == 19 ? self + ".000000" : self }
}
