/// Lists within a request: time zones, holidays, locks, names.
extension CommandCheck {
    // MARK: Zones

    /// 1-based day zones, each a list of sections of the day.
    mutating func dayZones(_ value: JSONValue, at path: String) -> JSONValue? {
        list(value, ofAtMost: 8, at: path) { check, zone, path in
            guard let sections = check.member("day", of: zone, at: path) else { return nil }
            var taken: [(ClosedRange<Int>, String)] = []
            let checked = check.list(sections, ofAtMost: 5, at: path + ".day") { check, section, path in
                guard case .text(let text)? = check.member("section", of: section, at: path) else {
                    return nil
                }
                guard let range = MinuteRange(text, separator: "~") else {
                    check.refuse(
                        path + ".section", "\"\(CommandCatalogue.shown(text))\"", MinuteRange.allowed)
                    return nil
                }
                if !range.isNothing {
                    if let other = taken.first(where: { $0.0.overlaps(range.minutes) }) {
                        check.refuse(
                            path + ".section", "\(range.description("~")) overlaps \(other.1)",
                            "sections that do not overlap")
                        return nil
                    }
                    taken.append((range.minutes, range.description("~")))
                }
                return .object(["section": .text(range.description("~"))])
            }
            return checked.map { .object(["day": $0]) }
        }
    }

    /// 1-based weeks of seven days each, Monday first, each day naming a day zone.
    mutating func weekZones(_ value: JSONValue, at path: String) -> JSONValue? {
        list(value, ofAtMost: 8, at: path) { check, zone, path in
            guard let week = check.member("week", of: zone, at: path) else { return nil }
            return check.sevenDays(week, at: path + ".week").map { .object(["week": $0]) }
        }
    }

    mutating func normallyOpen(_ value: JSONValue, at path: String) -> JSONValue? {
        sevenDays(value, at: path)
    }

    private mutating func sevenDays(_ value: JSONValue, at path: String) -> JSONValue? {
        if case .list(let days) = value, days.count != 7 {
            refuse(path, "\(days.count) days", "7 days, Monday first")
            return nil
        }
        return list(value, ofAtMost: 7, at: path) { check, day, path in
            guard let zone = check.member("day", of: day, at: path) else { return nil }
            return check.value(zone, .integer(0...8, unit: nil), at: path + ".day").map {
                .object(["day": $0])
            }
        }
    }

    /// Groups whose members open the door together, read digit by digit.
    mutating func lockGroups(_ value: JSONValue, at path: String) -> JSONValue? {
        list(value, ofAtMost: 5, at: path) { check, entry, path in
            guard let group = check.member("group", of: entry, at: path) else { return nil }
            guard let number = group.wholeNumber, (0...999_999_999).contains(number) else {
                check.refuse(path + ".group", CommandCatalogue.shown(group.strictText), "up to 9 digits")
                return nil
            }
            return .object(["group": .integer(number)])
        }
    }

    // MARK: Users

    mutating func names(_ value: JSONValue, at path: String) -> JSONValue? {
        rows(value, upTo: 50, at: path) { check, fields, path in
            check.row(
                fields, at: path, required: ["enrollid", "name"],
                [
                    "enrollid": .enrollID(allowsZero: false),
                    "name": .text(maximumBytes: CommandCatalogue.maximumName),
                ])
        }
    }

    mutating func userLocks(_ value: JSONValue, at path: String) -> JSONValue? {
        rows(value, upTo: 40, at: path) { check, fields, path in
            let zone = ParameterKind.integer(0...8, unit: nil)
            let row = check.row(
                fields, at: path, required: ["enrollid"],
                [
                    "enrollid": .enrollID(allowsZero: false), "weekzone": zone, "weekzone2": zone,
                    "weekzone3": zone, "weekzone4": zone, "group": .integer(0...9, unit: nil),
                    "starttime": .time,
                    "endtime": .time,
                ])
            check.window(row, at: path + ".")
            return row
        }
    }

    /// Rows of one user each, and no user twice.
    private mutating func rows(
        _ value: JSONValue, upTo limit: Int, at path: String,
        _ check: (inout CommandCheck, [String: JSONValue], String) -> [String: JSONValue]
    ) -> JSONValue? {
        if case .list(let rows) = value, rows.isEmpty {
            refuse(path, "an empty list", "1 to \(limit) entries")
            return nil
        }
        var seen: Set<JSONValue> = []
        return list(value, ofAtMost: limit, at: path) { own, row, path in
            guard case .object(let fields) = row else {
                own.refuse(path, CommandCatalogue.shown(row.strictText), "an object")
                return nil
            }
            let checked = check(&own, fields, path)
            if let id = checked["enrollid"], !seen.insert(id).inserted {
                own.refuse(
                    path + ".enrollid", "\(id.strictText) stands in an earlier entry", "each user once")
            }
            return .object(checked)
        }
    }

    // MARK: Holidays

    mutating func holidays(_ value: JSONValue, at path: String) -> JSONValue? {
        var taken: [(range: ClosedRange<Int>, words: String)] = []
        return list(value, ofAtMost: 30, at: path) { check, entry, path in
            guard case .object(let fields) = entry else {
                check.refuse(path, CommandCatalogue.shown(entry.strictText), "an object")
                return nil
            }
            let row = check.row(
                fields, at: path, required: ["startday", "endday"],
                [
                    "name": .text(maximumBytes: 64), "startday": .monthDay, "endday": .monthDay,
                    "shift": .integer(0...255, unit: nil), "dayzone": .integer(0...8, unit: nil),
                ])
            guard case .text(let first)? = row["startday"], case .text(let last)? = row["endday"],
                let start = MonthDay(first), let end = MonthDay(last)
            else { return nil }
            // 12-30 to 01-02 goes over the end of the year.
            let parts =
                start.number <= end.number
                ? [start.number...end.number] : [start.number...1231, 101...end.number]
            for part in parts {
                if let other = taken.first(where: { $0.range.overlaps(part) }) {
                    check.refuse(
                        path, "\(start) to \(end) overlaps \(other.words)", "holidays that do not overlap")
                    break
                }
            }
            taken += parts.map { ($0, "\(start) to \(end)") }
            return .object(row)
        }
    }

    // MARK: Questionnaire

    mutating func items(_ value: JSONValue, at path: String) -> JSONValue? {
        list(value, ofAtMost: 16, at: path) { check, item, path in
            // Some firmwares want objects here; what is in them no document tells.
            if case .object = item { return item }
            return check.value(item, .text(maximumBytes: 100), at: path)
        }
    }

    mutating func schedules(_ value: JSONValue, at path: String) -> JSONValue? {
        var taken: [(ClosedRange<Int>, String)] = []
        return list(value, ofAtMost: 8, at: path) { check, entry, path in
            let parts = entry.plainText?.split(separator: "*", omittingEmptySubsequences: false) ?? []
            guard parts.count == 2, let range = MinuteRange(String(parts[0]), separator: "-"),
                let item = Int(parts[1].trimmingBlanks()), (1...16).contains(item)
            else {
                check.refuse(
                    path, CommandCatalogue.shown(entry.plainText ?? entry.strictText),
                    "HH:MM-HH:MM*item with an item from 1 to 16, the start before the end")
                return nil
            }
            if let other = taken.first(where: { $0.0.overlaps(range.minutes) }) {
                check.refuse(path, "\(parts[0]) overlaps \(other.1)", "schedules that do not overlap")
                return nil
            }
            taken.append((range.minutes, range.description("-")))
            return .text("\(range.description("-"))*\(item)")
        }
    }

    // MARK: Shapes

    /// A list whose entries are checked one by one; the places in problems count from 1.
    private mutating func list(
        _ value: JSONValue, ofAtMost limit: Int, at path: String,
        _ check: (inout CommandCheck, JSONValue, String) -> JSONValue?
    ) -> JSONValue? {
        guard case .list(let entries) = value else {
            refuse(path, CommandCatalogue.shown(value.strictText), "a list")
            return nil
        }
        guard entries.count <= limit else {
            refuse(path, "\(entries.count) entries", "at most \(limit) entries")
            return nil
        }
        var checked: [JSONValue] = []
        for (index, entry) in entries.enumerated() {
            if let good = check(&self, entry, "\(path)[\(index + 1)]") { checked.append(good) }
        }
        return checked.count == entries.count ? .list(checked) : nil
    }

    private mutating func member(_ key: String, of value: JSONValue, at path: String) -> JSONValue? {
        guard case .object(let fields) = value, let member = fields[key], fields.count == 1 else {
            refuse(path, CommandCatalogue.shown(value.strictText), "an object with the key \(key) alone")
            return nil
        }
        return member
    }

    private mutating func row(
        _ fields: [String: JSONValue], at path: String, required: [String], _ kinds: [String: ParameterKind]
    ) -> [String: JSONValue] {
        var row: [String: JSONValue] = [:]
        for key in fields.keys.sorted() {
            guard let given = fields[key] else { continue }
            guard let kind = kinds[key] else {
                refuse(
                    "\(path).\(CommandCatalogue.shown(key))", "no such field",
                    kinds.keys.sorted().joined(separator: ", "))
                continue
            }
            row[key] = value(given, kind, at: "\(path).\(key)")
        }
        for key in required where fields[key] == nil {
            refuse("\(path).\(key)", "missing", kinds[key]?.allowed ?? "")
        }
        return row
    }
}

/// From one minute of the day to another, as terminals write it: `08:00~12:00`, the end included.
struct MinuteRange: Hashable {
    let start: TimeOfDay
    let end: TimeOfDay

    static let allowed = "HH:MM~HH:MM, the start before the end, or 00:00~00:00 for no access"

    /// Nil for times that no day has, and for a start that is not before its end, save `00:00~00:00`.
    init?(_ text: String, separator: Character) {
        let parts = text.split(separator: separator, omittingEmptySubsequences: false)
        guard parts.count == 2, let start = TimeOfDay(parts[0].trimmingBlanks()),
            let end = TimeOfDay(parts[1].trimmingBlanks()),
            start < end || (start == end && start == .midnight)
        else { return nil }
        self.start = start
        self.end = end
    }

    /// No access at all.
    var isNothing: Bool { start == end }

    /// One section may begin in the minute in which another ends.
    var minutes: ClosedRange<Int> {
        let first = start.seconds / 60
        return first...max(first, end.seconds / 60 - 1)
    }

    func description(_ separator: Character) -> String { "\(start)\(separator)\(end)" }
}

/// A day of any year, `MM-DD`.
struct MonthDay: Hashable, CustomStringConvertible {
    let month: Int
    let day: Int

    /// Nil for a day that no year has. 29 February there is.
    init?(_ text: String) {
        let parts = text.trimmingBlanks().split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ (1...2).contains($0.utf8.count) }),
            parts.allSatisfy({ $0.utf8.allSatisfy(\.isDigit) }), let month = Int(parts[0]),
            let day = Int(parts[1]),
            (1...12).contains(month), day >= 1, day <= WallTime.days(inMonth: month, of: 2024)
        else { return nil }
        self.month = month
        self.day = day
    }

    var number: Int { month * 100 + day }
    var description: String { "\(month.padded(2))-\(day.padded(2))" }
}
