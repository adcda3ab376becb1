import AttendanceCore
import AttendanceStore
import Logging

/// Sends dead letters again or gives them up, for whoever orders it: the command line, a page, a program.
package struct DeadLetterDesk: Sendable {
    private let store: any Store
    private let owing: @Sendable () -> Void
    private let now: @Sendable () -> UnixTime
    private let logger: Logger

    /// - `owing`: wakes the delivery of a sink after something became owed again.
    package init(
        store: any Store, owing: @escaping @Sendable () -> Void, now: @escaping @Sendable () -> UnixTime,
        logger: Logger
    ) {
        self.store = store
        self.owing = owing
        self.now = now
        self.logger = logger
    }

    /// How many are owed again. Throws what is wrong with the order, and what the journal throws.
    package func retry(_ order: DeadLetterOrder) async throws -> Int {
        let count = try await store.retryDeadLetters(
            try order.filter.filter(), by: Author(order.author), at: now())
        if count > 0 { owing() }
        logger.notice("dead letters sent again", metadata: ["count": "\(count)"])
        return count
    }

    /// How many are given up. Throws what is wrong with the order, and what the journal throws.
    package func discard(_ order: DeadLetterOrder) async throws -> Int {
        guard let reason = order.reason?.trimmingBlanks(), !reason.isEmpty else {
            throw BadOrder(text: "discarding needs a reason")
        }
        let count = try await store.discardDeadLetters(
            try order.filter.filter(), reason: String(reason.prefix(500)), by: Author(order.author), at: now()
        )
        logger.notice("dead letters discarded", metadata: ["count": "\(count)", "reason": "\(reason)"])
        return count
    }
}
