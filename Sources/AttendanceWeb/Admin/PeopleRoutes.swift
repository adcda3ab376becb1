import AttendanceCore
import Foundation
import Hummingbird
import Logging

/// `POST /people`: what `people` and `vault` ask of a running gateway.
package struct PeopleRoutes: Sendable {
    package let carryOut: @Sendable (PeopleOrder) async throws -> PeopleAnswer

    /// - Parameter carryOut: throws `PeopleRefusal` for an order that makes no sense.
    package init(_ carryOut: @escaping @Sendable (PeopleOrder) async throws -> PeopleAnswer) {
        self.carryOut = carryOut
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("people") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: PeopleOrder) in
                try await carryOut(order)
            }
        }
    }
}

/// Body of `POST /people`. Secret where it puts people with cards or PINs.
package struct PeopleOrder: Codable, Sendable {
    package enum Verb: String, Codable, Sendable {
        case put, show, sync, enrol, erase, conflicts, rotate
    }

    package struct Entry: Codable, Sendable {
        package var space: String
        package var id: String
        package var name: String
        package var role: String
        package var employee: String?
        package var card: String?
        package var pin: String?
        /// `YYYY-MM-DD HH:MM:SS`
        package var validFrom: String?
        package var validUntil: String?

        package init(
            space: String, id: String, name: String, role: String, employee: String?, card: String? = nil,
            pin: String? = nil, validFrom: String? = nil, validUntil: String? = nil
        ) {
            self.space = space
            self.id = id
            self.name = name
            self.role = role
            self.employee = employee
            self.card = card
            self.pin = pin
            self.validFrom = validFrom
            self.validUntil = validUntil
        }
    }

    package static let maximumEntries = 500

    package var verb: Verb
    package var author: String
    /// Whom it is about.
    package var space: String?
    package var id: String?
    package var terminal: String?
    /// `put`: at most `maximumEntries`.
    package var entries: [Entry]?
    package var reason: String?
    /// `enrol`: the slot.
    package var slot: Int?
    /// `sync`: also what was refused; `show`: what is sealed too.
    package var isWhole: Bool

    package init(
        _ verb: Verb, author: Author, space: String? = nil, id: String? = nil, terminal: String? = nil,
        entries: [Entry]? = nil, reason: String? = nil, slot: Int? = nil, isWhole: Bool = false
    ) {
        self.verb = verb
        self.author = author.name
        self.space = space
        self.id = id
        self.terminal = terminal
        self.entries = entries
        self.reason = reason
        self.slot = slot
        self.isWhole = isWhole
    }
}

package struct PeopleAnswer: Codable, Sendable {
    package struct Conflict: Codable, Sendable {
        package var terminal: String
        package var person: String
        package var slot: Int?
        package var words: String

        package init(_ conflict: RosterConflict) {
            terminal = conflict.terminal.text
            person = conflict.person.sent
            slot = conflict.slot
            words = conflict.words
        }
    }

    /// One sentence for the one who asked.
    package var words: String
    /// How many people, rows or terminals it was about.
    package var changed: Int
    /// Receipt of an erasure, or number of a command.
    package var number: Int64?
    package var conflicts: [Conflict]?
    /// Everything about one person, as strict JSON.
    package var person: JSONValue?

    package init(
        words: String, changed: Int = 0, number: Int64? = nil, conflicts: [Conflict]? = nil,
        person: JSONValue? = nil
    ) {
        self.words = words
        self.changed = changed
        self.number = number
        self.conflicts = conflicts
        self.person = person
    }
}

/// An order that makes no sense, with what would.
package struct PeopleRefusal: RefusedOrder, Sendable {
    package let text: String
    package init(text: String) { self.text = text }
    package var errorDescription: String? { text }
}
