import Foundation
import Hummingbird
import Logging

/// `POST /logs/pull`, `GET /logs` and `GET /logs/pulls`: records that terminals are asked for.
package struct LogRoutes: Sendable {
    package let pull: @Sendable (LogPullOrder) async throws -> CommandReceipt
    package let standing: @Sendable () async throws -> LogStandingReport
    package let pulls: @Sendable () async throws -> LogPullList

    /// - `pull`: throws `CommandOrderRefusal` for an order that makes no sense or may not be.
    package init(
        pull: @escaping @Sendable (LogPullOrder) async throws -> CommandReceipt,
        standing: @escaping @Sendable () async throws -> LogStandingReport,
        pulls: @escaping @Sendable () async throws -> LogPullList
    ) {
        self.pull = pull
        self.standing = standing
        self.pulls = pulls
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("logs/pull") { request, _ in
            try await AdminOrder.answer(request, logger: logger, upTo: 4 << 20) { (order: LogPullOrder) in
                try await pull(order)
            }
        }
        router.get("logs") { _, _ in try JSONAnswer.response(try await standing()) }
        router.get("logs/pulls") { _, _ in try JSONAnswer.response(try await pulls()) }
    }
}

/// Body of `POST /logs/pull`. Without days and without `isAll`: what terminals count as unsent.
package struct LogPullOrder: Codable, Sendable, Hashable {
    /// Serial numbers.
    package var terminals: [String]
    /// All terminals of a group, in place of or beside `terminals`.
    package var group: String?
    /// Days, `YYYY-MM-DD`, on the terminal's own clock, both included. Without `to` up to the newest.
    package var from: String?
    package var to: String?
    package var isAll: Bool
    /// Also where the firmware was seen not to know the command.
    package var isForced: Bool
    package var author: String

    package init(
        terminals: [String], group: String? = nil, from: String? = nil, to: String? = nil,
        isAll: Bool = false, isForced: Bool = false, author: String
    ) {
        self.terminals = terminals
        self.group = group
        self.from = from
        self.to = to
        self.isAll = isAll
        self.isForced = isForced
        self.author = author
    }
}

/// Answer to `GET /logs/pulls`: those under way, and the last that have ended, in no order.
package struct LogPullList: Codable, Sendable, Hashable {
    package struct Pull: Codable, Sendable, Hashable {
        /// Number of its command.
        package var command: Int64
        package var serial: String
        package var state: String
        package var pages: Int
        package var entries: Int
        /// Records that the journal did not have, and those that it had.
        package var new: Int
        package var repeated: Int

        package init(
            command: Int64, serial: String, state: String, pages: Int, entries: Int, new: Int, repeated: Int
        ) {
            self.command = command
            self.serial = serial
            self.state = state
            self.pages = pages
            self.entries = entries
            self.new = new
            self.repeated = repeated
        }
    }
    package var pulls: [Pull]
    package init(pulls: [Pull]) { self.pulls = pulls }
}

/// Answer to `GET /logs`. Moments are ISO 8601 in UTC.
package struct LogStandingReport: Codable, Sendable, Hashable {
    package struct Terminal: Codable, Sendable, Hashable {
        package var serial: String
        package var name: String?
        package var isConnected: Bool
        /// `new`, `range` or `everything` while a pull of the gateway's own runs or waits.
        package var running: String?
        package var lastPull: String?
        package var lastScope: String?
        /// Nil before the first pull.
        package var lastIsComplete: Bool?
        package var lastEntries: Int?
        package var lastNew: Int?
        /// Records that are missing by the terminal's own count; nil: none.
        package var missing: Int?
        package var gapSince: String?
        package var gapIsStuck: Bool?
        package var stalledSince: String?

        package init(serial: String, name: String? = nil, isConnected: Bool) {
            self.serial = serial
            self.name = name
            self.isConnected = isConnected
        }
    }
    package var terminals: [Terminal]
    package init(terminals: [Terminal]) { self.terminals = terminals }
}
