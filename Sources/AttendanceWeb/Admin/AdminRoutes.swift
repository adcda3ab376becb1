import AttendanceCore
import AttendanceStore
import Foundation
import HTTPTypes
import Hummingbird
import Logging

/// What the command line asks of a running gateway, over a Unix socket in the store's folder. Whoever may open the
/// socket may do all of it: the folder's permissions are the guard.
package struct AdminRoutes: Sendable {
    package var health: @Sendable () async -> HealthReport
    package var deadLetters: DeadLetterDesk
    package var logger: Logger
    /// Routes of other concerns, each added by its own type.
    package var others: [@Sendable (Router<BasicRequestContext>, Logger) -> Void]

    package init(
        health: @escaping @Sendable () async -> HealthReport, deadLetters: DeadLetterDesk, logger: Logger,
        others: [@Sendable (Router<BasicRequestContext>, Logger) -> Void] = []
    ) {
        self.others = others
        self.health = health
        self.deadLetters = deadLetters
        self.logger = logger
    }

    package func router() -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: RequestLog(logger: logger))
        router.get("health") { _, _ in try JSONAnswer.response(await health()) }
        router.post("dead-letters/retry") { request, _ in
            try await change(request) { try await deadLetters.retry($0) }
        }
        router.post("dead-letters/discard") { request, _ in
            try await change(request) { try await deadLetters.discard($0) }
        }
        for add in others { add(router, logger) }
        return router
    }

    private func change(
        _ request: Request, _ body: @Sendable (DeadLetterOrder) async throws -> Int
    ) async throws -> Response {
        try await AdminOrder.answer(request, logger: logger) { (order: DeadLetterOrder) in
            ChangeCount(changed: try await body(order))
        }
    }
}

/// An order that makes no sense, with what would.
struct BadOrder: LocalizedError {
    let text: String
    var errorDescription: String? { text }
}

/// Body of `POST /dead-letters/retry` and `/dead-letters/discard`.
package struct DeadLetterOrder: Codable, Sendable {
    package var filter: DeadLetterFilterText
    package var reason: String?
    /// Who orders it, as they say: whoever may open the socket is trusted with their name.
    package var author: String

    package init(filter: DeadLetterFilterText, reason: String? = nil, author: String) {
        self.filter = filter
        self.reason = reason
        self.author = author
    }
}

/// How many rows an order has changed.
package struct ChangeCount: Codable, Sendable {
    package var changed: Int

    package init(changed: Int) { self.changed = changed }
}

/// `DeadLetterFilter` as texts, the way it travels and the way a person types it.
package struct DeadLetterFilterText: Codable, Sendable, Hashable {
    package var sink: String?
    package var ids: [Int64]?
    package var cause: String?
    package var person: String?
    package var terminal: String?
    /// `YYYY-MM-DD HH:MM:SS`, included.
    package var from: String?
    /// `YYYY-MM-DD HH:MM:SS`, excluded.
    package var until: String?

    package init(
        sink: String? = nil, ids: [Int64]? = nil, cause: String? = nil, person: String? = nil,
        terminal: String? = nil, from: String? = nil, until: String? = nil
    ) {
        self.sink = sink
        self.ids = ids
        self.cause = cause
        self.person = person
        self.terminal = terminal
        self.from = from
        self.until = until
    }

    private enum CodingKeys: String, CodingKey, CaseIterable {
        case sink, ids, cause, person, terminal, from, until
    }

    /// Refuses a field it does not know, as a newer or a mistyping client may send: left out, it would widen the
    /// filter.
    package init(from decoder: any Decoder) throws {
        let known = Set(CodingKeys.allCases.map(\.rawValue))
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue)
        {
            throw FilterError(
                field: "filter", text: key.stringValue,
                allowed: "one of \(known.sorted().joined(separator: ", "))")
        }
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        sink = try fields.decodeIfPresent(String.self, forKey: .sink)
        ids = try fields.decodeIfPresent([Int64].self, forKey: .ids)
        cause = try fields.decodeIfPresent(String.self, forKey: .cause)
        person = try fields.decodeIfPresent(String.self, forKey: .person)
        terminal = try fields.decodeIfPresent(String.self, forKey: .terminal)
        from = try fields.decodeIfPresent(String.self, forKey: .from)
        until = try fields.decodeIfPresent(String.self, forKey: .until)
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        let intValue: Int? = nil
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Throws an error that names the field and what it may be. A filter that is not understood must never become
    /// one that asks for nothing: that would mean all dead letters.
    package func filter() throws -> DeadLetterFilter {
        func parse<Value>(_ text: String?, _ field: String, _ allowed: String, _ read: (String) -> Value?)
            throws -> Value?
        {
            guard let text else { return nil }
            guard let value = read(text) else {
                throw FilterError(field: field, text: text, allowed: allowed)
            }
            return value
        }
        let causes = RejectionCause.allCases.map(\.rawValue).joined(separator: ", ")
        return DeadLetterFilter(
            sink: try parse(sink, "sink", "a sink's name, such as erpnext") { SinkName($0) }, ids: ids,
            cause: try parse(cause, "cause", causes) { RejectionCause(rawValue: $0) },
            person: try parse(person, "person", "an enroll id") { EnrollID($0) },
            terminal: try parse(terminal, "terminal", "a serial number") { SerialNumber($0) },
            from: try parse(from, "from", "YYYY-MM-DD HH:MM:SS") { WallTime($0) },
            until: try parse(until, "until", "YYYY-MM-DD HH:MM:SS") { WallTime($0) })
    }
}

package struct FilterError: LocalizedError {
    let field: String
    let text: String
    let allowed: String
    package var errorDescription: String? { "\(field): “\(text)” is not \(allowed)" }
}
