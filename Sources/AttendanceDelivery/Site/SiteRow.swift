import AttendanceCore
import Foundation

/// One object of a site's answer, read leniently: a field that is not there, is null or of another kind is nil.
struct SiteRow: Sendable {
    private enum Value: Sendable {
        case nothing
        case text(String)
        /// Its digits; a Boolean is 1 or 0.
        case number(String)
        case list([Value])
        case object([String: Value])

        init(_ json: Any) {
            switch json {
            case let text as String: self = .text(text)
            case let number as NSNumber: self = .number(number.stringValue)
            case let list as [Any]: self = .list(list.map(Value.init))
            case let object as [String: Any]: self = .object(object.mapValues(Value.init))
            default: self = .nothing
            }
        }
    }

    private let fields: [String: Value]

    /// The object an answer is, if it is one and not too deep for a recursive parser.
    init?(json body: [UInt8]) {
        guard FrappeBody.depth(of: body) <= FrappeBody.maximumDepth,
            // Anything else than JSON is told apart by the caller.
            let json = try? JSONSerialization.jsonObject(with: Data(body))
        else { return nil }
        self.init(Value(json))
    }

    private init?(_ value: Value?) {
        guard case .object(let fields) = value else { return nil }
        self.fields = fields
    }

    /// Whether the field is there at all, be it null.
    func has(_ key: String) -> Bool { fields[key] != nil }

    var keys: [String] { fields.keys.sorted() }

    func row(_ key: String) -> SiteRow? { SiteRow(fields[key]) }

    /// The objects of a list; whatever else is in it is left out.
    func rows(_ key: String) -> [SiteRow]? {
        guard case .list(let values) = fields[key] else { return nil }
        return values.compactMap { SiteRow($0) }
    }

    /// Text as it is; a number as its digits, since a customised site may keep ids as numbers. Not empty.
    func text(_ key: String) -> String? {
        switch fields[key] {
        case .text(let text): text.isEmpty ? nil : text
        case .number(let digits): digits
        default: nil
        }
    }

    /// For eyes: one line of at most `limit` characters.
    func line(_ key: String, limit: Int = 140) -> String? {
        guard let line = text(key).map({ PlainText.line($0, limit: limit) }), !line.isEmpty else {
            return nil
        }
        return line
    }

    /// What is sent back to the site as it came: a line of at most 140 characters, or nothing.
    func identifier(_ key: String) -> String? {
        text(key).flatMap { $0.isOneLine(ofAtMost: 140) ? $0 : nil }
    }

    func number(_ key: String) -> Int? {
        switch fields[key] {
        case .text(let text), .number(let text): Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
        default: nil
        }
    }

    /// Frappe's Check, 0 or 1; also a Boolean.
    func flag(_ key: String) -> Bool { number(key).map { $0 != 0 } ?? (text(key) == "true") }

    /// A Datetime in the site's own time, or a Date as its midnight.
    func time(_ key: String) -> WallTime? {
        text(key).flatMap { $0.utf8.count <= 32 ? WallTime($0) ?? WallTime($0 + " 00:00:00") : nil }
    }

    /// A Time such as `9:00:00`: seconds of the day.
    func timeOfDay(_ key: String) -> Int? {
        guard let text = text(key), text.utf8.count <= 16 else { return nil }
        let parts = (text.split(separator: ".").first ?? "").split(separator: ":").map { Int($0) }
        guard (2...3).contains(parts.count), let hour = parts[0], let minute = parts[1],
            let second = parts.count > 2 ? parts[2] : 0, (0...23).contains(hour), (0...59).contains(minute),
            (0...59).contains(second)
        else { return nil }
        return hour * 3600 + minute * 60 + second
    }
}
