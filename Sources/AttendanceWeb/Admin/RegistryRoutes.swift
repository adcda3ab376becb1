import AttendanceCore
import Foundation
import Hummingbird
import Logging

/// What the command line orders of the registry of terminals, and what it looks at there: `POST /terminals/change`,
/// `GET /terminals/one?serial=` and `GET /terminals/events?after=`.
package struct RegistryRoutes: Sendable {
    package let carryOut: @Sendable (TerminalOrder) async throws -> TerminalAnswer
    package let one: @Sendable (_ serial: String) async throws -> TerminalReport?
    package let events: @Sendable (_ after: Int64?) -> TerminalEvents

    /// - Parameters:
    ///   - carryOut: throws `TerminalRefusal` for an order that makes no sense.
    ///   - one: nil for a terminal that nobody has heard of.
    ///   - events: nil asks only where to begin.
    package init(
        carryOut: @escaping @Sendable (TerminalOrder) async throws -> TerminalAnswer,
        one: @escaping @Sendable (_ serial: String) async throws -> TerminalReport?,
        events: @escaping @Sendable (_ after: Int64?) -> TerminalEvents
    ) {
        self.carryOut = carryOut
        self.one = one
        self.events = events
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("terminals/change") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: TerminalOrder) in
                try await carryOut(order)
            }
        }
        router.get("terminals/one") { request, _ in
            let serial = request.uri.queryParameters["serial"].map(String.init) ?? ""
            do {
                // An answer in any case: none at all is what an older gateway gives.
                return try JSONAnswer.response(
                    TerminalPage(terminals: try await one(serial).map { [$0] } ?? [], next: nil))
            } catch {
                logger.error(
                    "administrative request failed", metadata: ["error": "\(error.localizedDescription)"])
                return try JSONAnswer.problem(.internalServerError, error.localizedDescription)
            }
        }
        router.get("terminals/events") { request, _ in
            try JSONAnswer.response(events(request.uri.queryParameters["after"].flatMap { Int64($0) }))
        }
    }
}

/// Body of `POST /terminals/change`.
package struct TerminalOrder: Codable, Sendable, Hashable {
    package enum Verb: String, Codable, Sendable, Hashable {
        case approve, block
        /// Out of every list; its punches stay.
        case forget
        /// `field` becomes `value`, or nothing.
        case set
        /// A new secret, or none with `removes`.
        case token
    }
    package var verb: Verb
    package var serials: [String]
    /// Instead of `serials`: all that wait for approval.
    package var isForAllPending: Bool
    package var field: TerminalField?
    package var value: String?
    package var removes: Bool
    package var reason: String?
    package var author: String

    package init(
        verb: Verb, serials: [String], isForAllPending: Bool = false, field: TerminalField? = nil,
        value: String? = nil, removes: Bool = false, reason: String? = nil, author: String
    ) {
        self.verb = verb
        self.serials = serials
        self.isForAllPending = isForAllPending
        self.field = field
        self.value = value
        self.removes = removes
        self.reason = reason
        self.author = author
    }
}

package struct TerminalAnswer: Codable, Sendable, Hashable {
    /// Terminals that are not as they were.
    package var changed: [String]
    /// Punches that waited and are forwarded now.
    package var released: Int
    /// A new secret: it is told this once and kept nowhere.
    package var token: String?

    package init(changed: [String] = [], released: Int = 0, token: String? = nil) {
        self.changed = changed
        self.released = released
        self.token = token
    }
}

/// An order that cannot be carried out, with the reason and what would help.
package struct TerminalRefusal: RefusedOrder, Hashable {
    package var text: String
    package init(_ text: String) { self.text = text }
    package var errorDescription: String? { text }
}

package struct TerminalEvents: Codable, Sendable, Hashable {
    package struct Event: Codable, Sendable, Hashable {
        /// ISO 8601 in UTC.
        package var at: String
        /// `connected`, `disconnected`, `waiting`, `moved`, `replaced`, `approved`, `blocked` or `refused`.
        package var event: String
        package var serial: String
        package var name: String?
        package var address: String?

        package init(at: String, event: String, serial: String, name: String?, address: String?) {
            self.at = at
            self.event = event
            self.serial = serial
            self.name = name
            self.address = address
        }
    }
    package var events: [Event]
    /// What to ask for `after` the next time.
    package var next: Int64

    package init(events: [Event], next: Int64) {
        self.events = events
        self.next = next
    }
}
