import Foundation

/// The parts of a Frappe answer that say what happened, of versions 12 to 16 and both API versions. Reads any bytes
/// without failing: what is no JSON, too deep or of another shape is simply not there.
///
/// Where the words are: `_server_messages` (JSON texts in a JSON list in a string), else the messages of `errors` (API
/// version 2), else `messages`, `_error_message`, `exception`, `message`, else the last line of a traceback; some sites
/// send no traceback, and some nothing but the exception's type. Source: docs/erpnext.md §7.
package struct FrappeBody: Hashable, Sendable {
    /// Whether the body is JSON of at most `maximumDepth` levels.
    package let isJSON: Bool
    /// The name of the exception's class without its module, such as `ValidationError`; at most 100 characters.
    package let exceptionType: String?
    /// The texts of `message`, or of API version 2's `data`, when it is an object: for a check-in its fields.
    package let document: [String: String]
    /// One line, no markup, at most 500 characters.
    package let words: String?
    /// The name of the Employee Checkin that the words link to or name.
    package let linkedCheckin: String?
    /// The text of the first link in the words.
    package let linkText: String?
    /// Whether an answer with status 200 tells of a failure, as methods written for one site do.
    package let reportsFailure: Bool
    private let searchable: String

    package static let maximumDepth = 64
    private static let maximumMessages = 16
    /// Characters of the words in which rules are looked for: more than what is kept of them.
    private static let searchedLength = 4000

    package init(_ bytes: [UInt8]) {
        guard !bytes.isEmpty, bytes.count <= ERPNextAnswer.maximumBody,
            Self.depth(of: bytes) <= Self.maximumDepth,
            let value = Self.parse(Data(bytes))
        else {
            isJSON = false
            exceptionType = nil
            document = [:]
            words = nil
            linkedCheckin = nil
            linkText = nil
            reportsFailure = false
            searchable = ""
            return
        }
        let object = value as? [String: Any] ?? [:]
        isJSON = true
        let result = object["message"] ?? object["data"]
        document = (result as? [String: Any] ?? [:]).compactMapValues { $0 as? String }

        let errors = Self.objects(object["errors"])
        let raised = Self.raised(object, errors)
        exceptionType = Self.exceptionType(object, errors, raised)
        // What can be kept or looked for lies near the start.
        let html = (Self.html(of: object, errors) ?? raised).map {
            String($0.unicodeScalars.prefix(16 * 1024))
        }
        words = html.map { PlainText.words(ofHTML: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        let long = html.map { PlainText.words(ofHTML: $0, limit: Self.searchedLength) } ?? ""
        let exception = raised.map { PlainText.words(ofHTML: $0, limit: Self.searchedLength) } ?? ""
        searchable = "\(long) \(exception)".lowercased()
        linkedCheckin = html.flatMap(Self.linkedCheckin) ?? Self.namedCheckin(long)
        linkText = html.flatMap(Self.linkText)
        reportsFailure = Self.reportsFailure(object, words: words)
    }

    /// Whether the words or the exception hold a text, letter case ignored.
    package func says(_ text: String) -> Bool { searchable.contains(text.lowercased()) }

    // MARK: JSON

    private static func parse(_ data: Data) -> Any? {
        // What is no JSON is an answer like any other here, not an error.
        try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
    }

    /// JSON in a text, as deep as a whole answer may be.
    private static func nested(_ text: String) -> Any? {
        let bytes = Array(text.utf8)
        return depth(of: bytes) <= maximumDepth ? parse(Data(bytes)) : nil
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

    private static func objects(_ value: Any?) -> [[String: Any]] {
        (value as? [Any] ?? []).prefix(maximumMessages).compactMap { $0 as? [String: Any] }
    }

    // MARK: Words

    private static func html(of object: [String: Any], _ errors: [[String: Any]]) -> String? {
        if let text = joined(serverMessages(object["_server_messages"])) { return text }
        if let text = joined(errors.map(message)) { return text }
        if let text = joined(objects(object["messages"]).map(message)) { return text }
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
        return object["error"] as? String
    }

    private static func joined(_ messages: [String?]) -> String? {
        let texts = messages.compactMap(\.self).filter { !$0.isEmpty }
        return texts.isEmpty ? nil : texts.joined(separator: "<br>")
    }

    /// The one that was raised comes first: a site may say a lot of other things beside it.
    private static func serverMessages(_ value: Any?) -> [String?] {
        let list = (value as? String).flatMap(nested) as? [Any] ?? value as? [Any] ?? []
        let messages = list.prefix(maximumMessages).map { entry -> (raised: Bool, text: String?) in
            let text = entry as? String
            guard let object = text.flatMap(nested) as? [String: Any] ?? entry as? [String: Any] else {
                return (false, text)
            }
            return ((object["raise_exception"] as? NSNumber)?.boolValue ?? false, message(object) ?? text)
        }
        return messages.filter(\.raised).map(\.text) + messages.filter { !$0.raised }.map(\.text)
    }

    /// A message is a text or a list of texts.
    private static func message(_ entry: [String: Any]) -> String? {
        if let list = entry["message"] as? [Any] {
            return joined(list.prefix(maximumMessages).map { $0 as? String })
        }
        return entry["message"] as? String
    }

    // MARK: The exception

    /// `frappe.exceptions.ValidationError: its words`, from wherever the body has it.
    private static func raised(_ object: [String: Any], _ errors: [[String: Any]]) -> String? {
        if let text = object["exception"] as? String, let line = lastLine(text) { return line }
        if let text = object["exc"] as? String {
            return lastLine((nested(text) as? [Any])?.last as? String ?? text)
        }
        return errors.lazy.compactMap { ($0["exception"] as? String).flatMap(lastLine) }.first
    }

    private static func lastLine(_ traceback: String) -> String? {
        String(traceback.unicodeScalars.suffix(16 * 1024)).split(whereSeparator: \.isNewline)
            .last { !$0.allSatisfy(\.isWhitespace) }.map(String.init)
    }

    private static func exceptionType(
        _ object: [String: Any], _ errors: [[String: Any]], _ raised: String?
    ) -> String? {
        let said = object["exc_type"] as? String ?? errors.lazy.compactMap { $0["type"] as? String }.first
        // Sites before version 13 name the class in the traceback only.
        guard let path = said ?? raised.flatMap({ $0.split(separator: ":").first.map(String.init) }) else {
            return nil
        }
        let name = path.split(separator: ".").last.map { PlainText.line(String($0), limit: 100) } ?? ""
        guard said != nil || name.utf8.allSatisfy(isLetter) && name.first?.isUppercase == true else {
            return nil
        }
        return name.isEmpty ? nil : name
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }

    // MARK: Links

    /// From the address, since a link's text is translated and may be the employee's name:
    /// `/app/Form/Employee Checkin/EMP-CKIN-11-2026-000001`, `/app/employee-checkin/…`, `/desk#Form/Employee%20Checkin/…`.
    private static func linkedCheckin(_ html: String) -> String? {
        for doctype in ["/employee-checkin/", "/Employee Checkin/", "/Employee%20Checkin/"] {
            guard let start = html.range(of: doctype, options: .caseInsensitive)?.upperBound else { continue }
            let text = html[start...].prefix(300).prefix { !"\"'<>?#&\\".contains($0) }
            let name = PlainText.line(String(text).removingPercentEncoding ?? String(text), limit: 140)
            if !name.isEmpty { return name }
        }
        return nil
    }

    /// A name of the usual series, without any link.
    private static func namedCheckin(_ words: String) -> String? {
        guard let start = words.range(of: "EMP-CKIN-")?.lowerBound else { return nil }
        let name = words[start...].prefix(140).prefix {
            $0 == "-" || $0.isASCII && ($0.isLetter || $0.isNumber)
        }
        return name == "EMP-CKIN-" ? nil : String(name)
    }

    /// `<a href=…>EMP-CKIN-11-2026-000001</a>`, with or without the doctype before it.
    private static func linkText(_ html: String) -> String? {
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

    // MARK: A site's own method

    private static func reportsFailure(_ object: [String: Any], words: String?) -> Bool {
        if object["exc_type"] != nil || object["exc"] != nil { return true }
        if let errors = object["errors"] as? [Any], !errors.isEmpty { return true }
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
