import Foundation
import Hummingbird
import Logging

/// `POST /commands`, `POST /commands/cancel` and `GET /commands/standing`: what somebody orders of terminals.
package struct CommandRoutes: Sendable {
    package let send: @Sendable (CommandOrder) async throws -> CommandReceipt
    package let cancel: @Sendable (CommandCancellation) async throws -> Int
    package let standing: @Sendable () async throws -> CommandStandingReport

    /// - `send`, `cancel`: throw `CommandOrderRefusal` for an order that makes no sense or may not be.
    package init(
        send: @escaping @Sendable (CommandOrder) async throws -> CommandReceipt,
        cancel: @escaping @Sendable (CommandCancellation) async throws -> Int,
        standing: @escaping @Sendable () async throws -> CommandStandingReport
    ) {
        self.send = send
        self.cancel = cancel
        self.standing = standing
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("commands") { request, _ in
            try await AdminOrder.answer(request, logger: logger, upTo: 4 << 20) { (order: CommandOrder) in
                try await send(order)
            }
        }
        router.post("commands/cancel") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: CommandCancellation) in
                ChangeCount(changed: try await cancel(order))
            }
        }
        router.get("commands/standing") { _, _ in try JSONAnswer.response(try await standing()) }
    }
}

/// Body of `POST /commands`. Fields are given as texts or as JSON, not both.
package struct CommandOrder: Codable, Sendable, Hashable {
    /// Serial numbers.
    package var terminals: [String]
    /// All terminals of a group, in place of or beside `terminals`.
    package var group: String?
    package var word: String
    /// `key=value`
    package var texts: [String]
    /// A JSON object, as text.
    package var json: String?
    /// Any word with any fields; nothing but the form is checked.
    package var isRaw: Bool
    /// Needed for words that wipe or open; so is `reason`.
    package var isConfirmed: Bool
    package var reason: String?
    /// Also where the firmware was seen not to know the word.
    package var isForced: Bool
    /// Nil: as the settings say.
    package var expiresSeconds: Int?
    package var author: String

    package init(
        terminals: [String], group: String? = nil, word: String, texts: [String] = [], json: String? = nil,
        isRaw: Bool = false, isConfirmed: Bool = false, reason: String? = nil, isForced: Bool = false,
        expiresSeconds: Int? = nil, author: String
    ) {
        self.terminals = terminals
        self.group = group
        self.word = word
        self.texts = texts
        self.json = json
        self.isRaw = isRaw
        self.isConfirmed = isConfirmed
        self.reason = reason
        self.isForced = isForced
        self.expiresSeconds = expiresSeconds
        self.author = author
    }
}

package struct CommandReceipt: Codable, Sendable, Hashable {
    /// Numbers of the commands, by terminal in the order asked for.
    package var ids: [Int64]
    package init(ids: [Int64]) { self.ids = ids }
}

/// Body of `POST /commands/cancel`: at least one of them.
package struct CommandCancellation: Codable, Sendable, Hashable {
    package var ids: [Int64]
    package var terminal: String?
    package var word: String?
    package var author: String

    package init(ids: [Int64], terminal: String? = nil, word: String? = nil, author: String) {
        self.ids = ids
        self.terminal = terminal
        self.word = word
        self.author = author
    }
}

/// Answer to `GET /commands/standing`. Moments are ISO 8601 in UTC.
package struct CommandStandingReport: Codable, Sendable, Hashable {
    package struct Terminal: Codable, Sendable, Hashable {
        package var serial: String
        package var open: Int
        package var oldest: String

        package init(serial: String, open: Int, oldest: String) {
            self.serial = serial
            self.open = open
            self.oldest = oldest
        }
    }
    package var waiting: Int
    package var inFlight: Int
    package var terminals: Int
    /// Those that have waited longest.
    package var longest: [Terminal]

    package init(waiting: Int, inFlight: Int, terminals: Int, longest: [Terminal]) {
        self.waiting = waiting
        self.inFlight = inFlight
        self.terminals = terminals
        self.longest = longest
    }
}

/// An order that makes no sense, or may not be, with what would.
package struct CommandOrderRefusal: RefusedOrder, Sendable {
    package let text: String
    package init(text: String) { self.text = text }
    package var errorDescription: String? { text }
}
