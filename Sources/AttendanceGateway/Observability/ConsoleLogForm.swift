import AttendanceCore
import Foundation
import Glibc
import Logging

/// How log lines look on standard error. The file always has the older service's form.
package enum ConsoleLogForm: Hashable, Sendable {
    /// As in the file: time, level, message, values.
    case text
    /// For journald, which keeps time and level itself: `<6>message key=value`. The number is syslog's priority
    /// (sd-daemon(3)).
    case journal
    /// One object a line: `time` (UTC, RFC 3339), `level`, `message`, `fields`.
    case json

    /// What standard error is: journald's own stream, or anything else.
    ///
    /// - `environment`: `JOURNAL_STREAM` is the device and inode of the stream that systemd gave to the service;
    ///   it may have been redirected since (systemd.exec(5)).
    package static func fitting(
        _ environment: [String: String] = ProcessInfo.processInfo.environment,
        descriptor: Int32 = STDERR_FILENO
    ) -> ConsoleLogForm {
        var file = stat()
        guard let stream = environment["JOURNAL_STREAM"], fstat(descriptor, &file) == 0,
            stream == "\(file.st_dev):\(file.st_ino)"
        else { return .text }
        return .journal
    }
}

extension LogLine {
    static func priority(of level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }

    /// One line for journald, without its line end.
    static func journal(
        level: Logger.Level, message: String, metadata: Logger.Metadata, error: (any Error)? = nil
    ) -> String {
        "<\(priority(of: level))>" + words(message, metadata, error)
    }

    private struct Record: Encodable {
        let time: String
        let level: String
        let message: String
        let fields: [String: String]
    }

    /// One object, without its line end. Values are text, cut and redacted as in the file.
    static func json(
        time: UnixTime, level: Logger.Level, message: String, metadata: Logger.Metadata,
        error: (any Error)? = nil
    ) -> String {
        var fields = metadata.reduce(into: [:]) { fields, pair in
            fields[pair.key] = cut(shown(pair.value, of: pair.key))
        }
        if let error { fields["error"] = cut("\(error)") }
        let record = Record(
            time: time.iso8601, level: "\(level)", message: cut(message), fields: fields)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(record), as: UTF8.self)
        } catch {
            // Texts alone: there is nothing in it that JSON cannot hold.
            return #"{"level":"error","message":"a log line could not be written as JSON"}"#
        }
    }

    private static func cut(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard scalars.count > maximumScalars else { return text }
        return String(String.UnicodeScalarView(scalars.prefix(maximumScalars))) + "…"
    }
}
