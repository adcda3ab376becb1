import AttendanceCore
import Foundation
import Hummingbird
import HTTPTypes
import Synchronization

/// Something that takes a while to find out and may be a moment old: whoever asks meanwhile gets the same.
actor Lasting<Key: Hashable & Sendable, Value: Sendable> {
    private let lasting: Duration
    private let mostKeys: Int
    private var kept: [Key: (made: ContinuousClock.Instant, task: Task<Value, any Error>)] = [:]

    /// - Parameter mostKeys: of which something is kept at one time.
    init(for lasting: Duration, mostKeys: Int = 16) {
        self.lasting = lasting
        self.mostKeys = mostKeys
    }

    func value(
        _ key: Key, at now: ContinuousClock.Instant = .now,
        _ find: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        if let (made, task) = kept[key], now - made < lasting { return try await task.value }
        kept = kept.filter { now - $0.value.made < lasting }
        guard kept.count < mostKeys else { return try await find() }
        // A task of its own: several wait for it, and none of them may end it for the others.
        let task = Task { try await find() }
        kept[key] = (now, task)
        do {
            return try await task.value
        } catch {
            kept[key] = nil
            throw error
        }
    }

    func forget() { kept = [:] }
}

/// All terminals as they are told, made for all who look at the list at most once a second.
struct TerminalsRoll: Sendable {
    private static let page = 5_000
    /// More are not listed; a search still cannot find them, which nobody with so many expects of a page.
    private static let maximum = 100_000

    let operations: Operations
    private let recent = Lasting<Int, [TerminalReport]>(for: .seconds(1))

    init(_ operations: Operations) { self.operations = operations }

    /// Within reach, by serial number.
    func all(_ context: ConsoleContext) async throws -> [TerminalReport] {
        let all = try await recent.value(0) { [operations] in
            var all: [TerminalReport] = []
            var next: String?
            repeat {
                let page = try await operations.terminals.terminals(next, Self.page)
                all += page.terminals
                next = page.next
            } while next != nil && all.count < Self.maximum
            return all
        }
        guard context.principal?.reach?.groups != nil else { return all }
        return all.filter { context.principal?.reaches(group: $0.group) ?? false }
    }

    /// After a change that the next look must show.
    func forget() async { await recent.forget() }
}

extension Operations {
    /// A terminal that this visitor may see. Throws `HTTPError` 404 for any other: that it is there is no business of
    /// theirs either.
    func terminal(_ text: String, for context: ConsoleContext) async throws -> TerminalReport {
        guard let serial = SerialNumber(text), let report = try await registry.one(serial.text),
            context.principal?.reaches(group: report.group) ?? false
        else { throw HTTPError(.notFound) }
        return report
    }
}

extension ConsoleContext {
    /// A part of the path as it was meant, such as a serial number with a slash in it. Throws `HTTPError` 404.
    func part(_ name: String) throws -> String {
        guard let text = parameters.get(name)?.removingPercentEncoding, !text.isEmpty else {
            throw HTTPError(.notFound)
        }
        return text
    }

    /// Whether a form's button is to be shown at all.
    func may(_ scope: Scope) -> Bool { principal?.may(scope) ?? false }
}

extension Console {
    /// A path of parts as they are: each may hold anything.
    static func path(_ parts: String...) -> String {
        parts.map { "/" + escaped($0) }.joined()
    }

    /// As a part of a path, or as a value in a query.
    static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    /// RFC 3986 §2.3, without the dot: `..` would be taken for a step up.
    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")
}

/// Used and whole of something, for a `meter`.
struct PageFill {
    var label: String
    /// As a sentence: `1200 of 5000`.
    var amount: String
    var used: Int
    var places: Int
    /// From here on it is worth a look.
    var high: Int

    /// Nil where there is nothing to be told: not fitted, or not said.
    init?(
        _ label: String, _ fill: TerminalReport.Fill?,
        of text: (String, KeyValuePairs<String, String>) -> String
    ) {
        guard let used = fill?.used, let places = fill?.places, places > 0, used >= 0 else { return nil }
        self.label = label
        self.used = used
        self.places = places
        high = places / 10 * 9
        amount = text("fill", ["used": "\(used)", "places": "\(places)"])
    }
}
