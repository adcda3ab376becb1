import AttendanceCore
import AttendanceStore
import Foundation
import Hummingbird
import Logging

/// What `reconcile --fix` and `repairs fix` ask of a running gateway.
package struct ReconcileRoutes: Sendable {
    private let store: any Store
    private let owing: @Sendable (SinkName) -> Void
    private let now: @Sendable () -> UnixTime

    /// - Parameter owing: wakes the delivery to a sink after something became owed again.
    package init(
        store: any Store, owing: @escaping @Sendable (SinkName) -> Void,
        now: @escaping @Sendable () -> UnixTime
    ) {
        self.store = store
        self.owing = owing
        self.now = now
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("punches/owe") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: OweOrder) in
                try await owe(order, logger: logger)
            }
        }
        router.post("audit") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: AuditOrder) in
                try await store.audit(order.entry(at: now()))
                return ChangeCount(changed: 1)
            }
        }
    }

    /// Throws what is wrong with the order, and what the journal throws.
    package func owe(_ order: OweOrder, logger: Logger) async throws -> ChangeCount {
        guard let sink = SinkName(order.sink) else {
            throw BadOrder(text: "sink: “\(order.sink)” is no sink's name")
        }
        guard order.punches.count <= OweOrder.maximum else {
            throw BadOrder(text: "punches: at most \(OweOrder.maximum) in one order")
        }
        let count = try await store.owe(
            order.punches, to: sink, again: true, by: Author(order.author), at: now())
        if count > 0 { owing(sink) }
        logger.notice(
            "punches sent again by an operator", metadata: ["count": "\(count)", "sink": "\(sink)"])
        return ChangeCount(changed: count)
    }
}

/// Body of `POST /punches/owe`: send these again to a sink, also what it took before.
package struct OweOrder: Codable, Sendable {
    package static let maximum = 1000

    package var sink: String
    /// Numbers in the journal, at most `maximum`.
    package var punches: [Int64]
    package var author: String

    package init(sink: SinkName, punches: [Int64], author: Author) {
        self.sink = sink.text
        self.punches = punches
        self.author = author.name
    }
}

/// Body of `POST /audit`: something a person has done outside of the journal.
package struct AuditOrder: Codable, Sendable {
    package var action: String
    package var subject: String
    package var detail: String
    package var author: String

    package init(action: String, subject: String, detail: String, author: Author) {
        self.action = action
        self.subject = subject
        self.detail = detail
        self.author = author.name
    }

    package func entry(at now: UnixTime) -> AuditEntry {
        AuditEntry(
            at: now, author: Author(author), action: PlainText.line(action, limit: 100),
            subject: PlainText.line(subject, limit: 200), detail: PlainText.line(detail))
    }
}
