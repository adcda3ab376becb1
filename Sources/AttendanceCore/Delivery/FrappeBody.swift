import Foundation

/// The parts of a Frappe answer that say what happened. Reads any bytes without failing: what is no JSON, too deep
/// or of another shape is simply not there.
///
/// Where the words are: `_server_messages` (JSON texts in a JSON list in a string), else `_error_message`, else
/// `exception`, else `message`, else the last line of the traceback in `exc`; some sites send no traceback at all.
/// Source: docs/erpnext.md §7.
package struct FrappeBody: Hashable, Sendable {
    /// Whether the body is JSON of at most `maximumDepth` levels.
    package let isJSON: Bool
    package let exceptionType: String?
    /// The scalars of `message` when it is an object: for a check-in its fields.
    package let document: [String: String]
    /// One line, no markup, at most 500 characters.
    package let words: String?
    /// The name in the first link of the words: the check-in that was there already.
    package let linkedName: String?
    /// Whether an answer with status 200 tells of a failure, as methods written for one site do.
    package let reportsFailure: Bool
    private let searchable: String

    package static let maximumDepth = 64
    private static let maximumMessages = 16

    package init(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count <= ERPNextAnswer.maximumBody,
            Self.depth(of: bytes) <= Self.maximumDepth,
            let value = Self.parse(Data(bytes))
        else {
            isJSON = false
            exceptionType = nil
            document = [:]
            words = nil
            linkedName = nil
            reportsFailure = false
            searchable = ""
            return
        }
        let object = value as? [String: Any] ?? [:]
        isJSON = true
        exceptionType = (object["exc_type"] as? String).map { PlainText.line($0, limit: 100) }
        let message = object["message"]
        document = (message as? [String: Any] ?? [:]).compactMapValues { $0 as? String }

        let html = Self.html(of: object)
        words = html.map { PlainText.words(ofHTML: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        linkedName = html.flatMap(Self.linkedName)
        let exception = (object["exception"] as? String).map { PlainText.words(ofHTML: $0) } ?? ""
        searchable = "\(words ?? "") \(exception) \(Self.lastLine(of: object["exc"]) ?? "")".lowercased()
        reportsFailure = Self.reportsFailure(object, words: words)
    }

    /// Whether the words, the exception or the end of the traceback hold a text, letter case ignored.
    package func says(_ text: String) -> Bool { searchable.contains(text.lowercased()) }

    private static func parse(_ data: Data) -> Any? {
        // What is no JSON is an answer like any other here, not an error.
        try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
    }

    /// Deepest nesting of brackets outside of strings: looked at before a recursive parser is let loose on it.
    package static func depth(of bytes: [UInt8]) -> Int {
        var depth = 0
        var deepest = 0
        var inString = false
        var escaped = false
        for byte in bytes {
            if inString {
                if escaped {
                    escaped = false
                } else if byte == UInt8(ascii: "\\") {
                    escaped = true
                } else if byte == UInt8(ascii: "\"") {
                    inString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): inString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                deepest = max(deepest, depth)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
        }
        return deepest
    }

    private static func html(of object: [String: Any]) -> String? {
        if let messages = serverMessages(object["_server_messages"]) { return messages }
        for key in ["_error_message", "exception"] {
            if let text = object[key] as? String, !text.isEmpty { return text }
        }
        switch object["message"] {
        case let text as String where !text.isEmpty: return text
        case let inner as [String: Any]:
            for key in ["message", "error", "msg", "reason", "status"] {
                if let text = inner[key] as? String, !text.isEmpty { return text }
            }
        default: break
        }
        return lastLine(of: object["exc"]) ?? (object["error"] as? String)
    }

    private static func serverMessages(_ value: Any?) -> String? {
        guard let text = value as? String, let list = nested(text) as? [Any] else { return nil }
        let messages = list.prefix(maximumMessages).compactMap { entry -> String? in
            guard let text = entry as? String else { return (entry as? [String: Any])?["message"] as? String }
            return (nested(text) as? [String: Any])?["message"] as? String ?? text
        }
        let joined = messages.filter { !$0.isEmpty }.joined(separator: "<br>")
        return joined.isEmpty ? nil : joined
    }

    private static func nested(_ text: String) -> Any? {
        let bytes = Array(text.utf8)
        return depth(of: bytes) <= maximumDepth ? parse(Data(bytes)) : nil
    }

    private static func lastLine(of exc: Any?) -> String? {
        guard let text = exc as? String else { return nil }
        let traceback = (nested(text) as? [Any])?.last as? String ?? text
        return traceback.split(whereSeparator: \.isNewline).last.map { PlainText.line(String($0)) }
    }

    /// `<a href=...>Employee Checkin EMP-CKIN-11-2026-000001</a>`, with or without the doctype in it.
    private static func linkedName(_ html: String) -> String? {
        guard let anchor = html.range(of: "<a ", options: .caseInsensitive),
            let open = html[anchor.upperBound...].firstIndex(of: ">"),
            let close = html.range(
                of: "</a>", options: .caseInsensitive, range: html.index(after: open)..<html.endIndex)
        else { return nil }
        var name = PlainText.words(
            ofHTML: String(html[html.index(after: open)..<close.lowerBound]), limit: 140)
        if name.hasPrefix("Employee Checkin ") { name.removeFirst("Employee Checkin ".count) }
        return name.isEmpty ? nil : name
    }

    private static func reportsFailure(_ object: [String: Any], words: String?) -> Bool {
        if object["exc_type"] != nil || object["exc"] != nil { return true }
        for scope in [object, object["message"] as? [String: Any] ?? [:]] {
            if let status = scope["status"] as? String,
                ["error", "failed", "fail", "failure"].contains(status.lowercased())
            {
                return true
            }
            if let success = scope["success"] as? Bool, !success { return true }
            if let error = scope["error"], !isNothing(error) { return true }
        }
        guard object["message"] is String, let words = words?.lowercased() else { return false }
        return [
            "not found", "does not exist", "no employee", "error", "failed", "invalid", "already has a log",
        ]
        .contains { words.contains($0) }
    }

    /// `"error": null`, `false`, `0` and `""` tell of no failure.
    private static func isNothing(_ value: Any) -> Bool {
        switch value {
        case is NSNull: true
        case let text as String: text.isEmpty
        case let number as NSNumber: number.doubleValue == 0
        default: false
        }
    }
}
