import Logging
import Synchronization

/// What was logged from INFO on, a line each: level, message, then values by name.
final class LogLines: Sendable {
    private let all = Mutex<[String]>([])

    /// Those that have this in them.
    func having(_ text: String) -> [String] { all.withLock { $0.filter { $0.contains(text) } } }

    /// All so far, once.
    func take() -> [String] {
        all.withLock { lines in
            defer { lines = [] }
            return lines
        }
    }

    var logger: Logger { Logger(label: "test") { _ in Recorder(lines: self) } }

    private struct Recorder: LogHandler {
        let lines: LogLines
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) {
            let values = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0)=\($1)" }
            lines.all.withLock { $0.append("\(event.level) \(event.message)" + values.joined()) }
        }
    }
}
