import AttendanceCore
import Logging

/// How one record becomes one line: `2026-11-22 08:01:09,042 - INFO - message key=value`.
enum LogLine {
    /// The names the older service's logs have; two of swift-log's levels share a name with a neighbour.
    static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "DEBUG"
        case .info, .notice: "INFO"
        case .warning: "WARNING"
        case .error: "ERROR"
        case .critical: "CRITICAL"
        }
    }

    /// One line without its line end. `local` is the wall time that `time` has in the machine's zone.
    static func format(
        time: UnixTime, local: WallTime, level: Logger.Level, message: String, metadata: Logger.Metadata,
        error: (any Error)? = nil
    ) -> String {
        let fraction = Int(time.milliseconds - time.seconds * 1000)
        var line = local.description
        line += fraction < 10 ? ",00\(fraction)" : fraction < 100 ? ",0\(fraction)" : ",\(fraction)"
        line += " - \(name(of: level)) - "
        return line + words(message, metadata, error)
    }

    /// Message and values.
    static func words(_ message: String, _ metadata: Logger.Metadata, _ error: (any Error)?) -> String {
        var line = ""
        append(message, quoting: false, to: &line)
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            appendPair(key, shown(value, of: key), to: &line)
        }
        if let error { appendPair("error", "\(error)", to: &line) }
        return line
    }

    static func shown(_ value: Logger.MetadataValue, of key: String) -> String {
        isSecretKey(key) ? "redacted" : text(of: value)
    }

    private static func appendPair(_ key: String, _ value: String, to line: inout String) {
        line += " "
        append(key.replacing(" ", with: "_"), quoting: false, to: &line)
        line += "="
        append(value, quoting: needsQuotes(value), to: &line)
    }

    /// Nested values on one line, secrets redacted at every depth.
    private static func text(of value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array(let values): "[" + values.map(text(of:)).joined(separator: ", ") + "]"
        case .dictionary(let pairs):
            "{"
                + pairs.sorted { $0.key < $1.key }
                .map { "\($0.key): \(isSecretKey($0.key) ? "redacted" : text(of: $0.value))" }
                .joined(separator: ", ") + "}"
        }
    }

    // MARK: One record, one line

    /// Longer values are cut: a log line is no place for a message of eight megabytes.
    static let maximumScalars = 2000

    private static func needsQuotes(_ value: String) -> Bool {
        value.isEmpty
            || value.unicodeScalars.contains {
                $0 == "\"" || $0 == "=" || $0 == "\\" || $0.properties.isWhitespace || mustEscape($0)
            }
    }

    /// Control characters, line and paragraph separators, and what turns the direction of the text around it.
    private static func mustEscape(_ scalar: Unicode.Scalar) -> Bool {
        scalar.isControl || (0x202A...0x202E).contains(scalar.value)
            || (0x2066...0x2069).contains(scalar.value)
    }

    private static func append(_ text: String, quoting: Bool, to line: inout String) {
        if quoting { line += "\"" }
        var count = 0
        for scalar in text.unicodeScalars {
            count += 1
            if count > maximumScalars {
                line += "…"
                break
            }
            switch scalar {
            case "\n": line += "\\n"
            case "\r": line += "\\r"
            case "\t": line += "\\t"
            case "\"" where quoting: line += "\\\""
            case "\\" where quoting: line += "\\\\"
            case _ where mustEscape(scalar): line += "\\u{\(String(scalar.value, radix: 16))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
        if quoting { line += "\"" }
    }

    // MARK: Secrets

    /// Whether the name of a value says that it must not be written. By words, so that `discarded`, `ping` and
    /// `mapping` are none.
    static func isSecretKey(_ key: String) -> Bool {
        var words: [String] = [""]
        var previous: Character = "_"
        for character in key {
            if !character.isLetter {
                words.append("")
            } else {
                if previous.isLowercase && character.isUppercase { words.append("") }
                words[words.count - 1] += character.lowercased()
            }
            previous = character
        }
        let joined = words.joined()
        return words.contains(where: secretWords.contains)
            || secretParts.contains(where: joined.contains)
    }

    private static let secretWords: Set<String> = [
        "pin", "pins", "card", "cards", "cardno", "cardnumber", "image", "images", "photo", "photos",
        "picture",
        "pwd", "cookie", "cookies", "auth", "face", "finger",
    ]
    private static let secretParts = [
        "token", "authorization", "secret", "password", "passwd", "template", "credential", "apikey",
        "pincode",
    ]
}
