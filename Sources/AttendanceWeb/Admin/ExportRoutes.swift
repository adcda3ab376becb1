import AttendanceCore
import AttendanceStore
import Foundation
import Hummingbird
import Logging

/// `POST /exports`: writes into the audit trail that somebody takes data of many people out of the journal.
package struct ExportRoutes: Sendable {
    private let store: any Store
    private let now: @Sendable () -> UnixTime

    package init(store: any Store, now: @escaping @Sendable () -> UnixTime) {
        self.store = store
        self.now = now
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("exports") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: ExportOrder) in
                try await order.carryOut(in: store, at: now())
            }
        }
    }
}

/// Body of `POST /exports`: who takes what, and how much of it.
package struct ExportOrder: Codable, Sendable {
    package enum Kind: String, Codable, Sendable {
        case punches, people
    }

    package var kind: Kind
    /// What was asked for, in words.
    package var filter: String
    package var rows: Int
    package var author: String

    package init(_ kind: Kind, filter: String, rows: Int, author: Author) {
        self.kind = kind
        self.filter = filter
        self.rows = rows
        self.author = author.name
    }

    /// Answers how many rows were written down.
    package func carryOut(in store: any Store, at now: UnixTime) async throws -> ChangeCount {
        try await store.audit(
            AuditEntry(
                at: now, author: Author(author), action: "\(kind.rawValue).export",
                subject: kind == .people ? "roster" : "punches",
                detail: "\(rows) rows; \(PlainText.line(filter, limit: 300))"))
        return ChangeCount(changed: 1)
    }
}
