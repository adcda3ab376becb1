import AttendanceCore

/// What becomes of a text that is sent as a time: recorded on a live site (docs/erpnext.md §2, §8).
enum FrappeTimestamp: Hashable, Sendable {
    /// `text` is what the database holds: `YYYY-MM-DD HH:MM:SS`, with `.ffffff` unless that is zero. `wall` is nil for
    /// 0000-00-00, which is stored all the same.
    case stored(text: String, wall: WallTime?)
    /// Python reads it and MariaDB does not: the day first. `swapped` is what Python takes it for.
    case dayFirst(swapped: WallTime)
    /// Ends in `Z` or an offset.
    case zoned
    case unreadable

    init(_ text: String) {
        if text.hasPrefix("0000-00-00") {
            self = .stored(text: "0000-00-00 00:00:00", wall: nil)
            return
        }
        var rest = Substring(text)
        if let zoned = Self.withoutZone(rest) {
            self = Self.moment(zoned) == nil ? .unreadable : .zoned
        } else if let (wall, fraction) = Self.moment(rest) {
            self = .stored(text: "\(wall)\(fraction)", wall: wall)
        } else if let swapped = Self.dayFirst(&rest) {
            self = .dayFirst(swapped: swapped)
        } else {
            self = .unreadable
        }
    }

    /// The text without its zone; nil if it has none.
    private static func withoutZone(_ text: Substring) -> Substring? {
        if text.hasSuffix("Z") { return text.dropLast() }
        let tail = text.suffix(6)
        guard tail.count == 6, let sign = tail.first, sign == "+" || sign == "-",
            tail.dropFirst(3).first == ":", text.count > 16
        else { return nil }
        return text.dropLast(6)
    }

    /// Year first; a date alone is its midnight.
    private static func moment(_ text: Substring) -> (WallTime, fraction: String)? {
        let isDate = !text.contains { $0 == " " || $0 == "T" }
        // Only what names a date: a number alone is none.
        guard text.count >= 8, let wall = WallTime(isDate ? "\(text) 00:00:00" : String(text)) else {
            return nil
        }
        guard let point = text.lastIndex(of: "."), !isDate, text[point...].count <= 7 else {
            return (wall, "")
        }
        let digits = text[text.index(after: point)...]
        guard digits.contains(where: { $0 != "0" }), digits.allSatisfy(\.isWholeNumber) else {
            return (wall, "")
        }
        return (wall, "." + digits + String(repeating: "0", count: 6 - digits.count))
    }

    /// `05-06-2025 08:00:00`: month first to Python, unless there is no such month.
    private static func dayFirst(_ text: inout Substring) -> WallTime? {
        let parts = text.split(whereSeparator: { $0 == " " || $0 == "T" })
        let date = (parts.first ?? "").split(whereSeparator: { "-/.".contains($0) })
        guard parts.count <= 2, date.count == 3, date[0].count <= 2, date[2].count == 4 else { return nil }
        let time = parts.count == 2 ? String(parts[1]) : "00:00:00"
        return WallTime("\(date[2])-\(date[0])-\(date[1]) \(time)")
            ?? WallTime("\(date[2])-\(date[1])-\(date[0]) \(time)")
    }
}
