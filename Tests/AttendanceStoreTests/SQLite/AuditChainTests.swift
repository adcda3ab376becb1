import AttendanceCore
import Foundation
import GRDB
import Testing

@testable import AttendanceStore

@Suite struct AuditChainTests {
    @Test(.timeLimit(.minutes(10))) func `each row is chained to the one before it`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                for action in ["one", "two", "three"] {
                    try await store.audit(
                        AuditEntry(at: Sample.now, author: Author("ada\nX"), action: action, subject: "s"))
                }
                let entries = try await store.auditTrail(after: 0, limit: 9)
                #expect(entries.map(\.action) == ["one", "two", "three"] && entries.map(\.id) == [1, 2, 3])
                #expect(entries[0].author.name == "ada X")
                let chain = try await store.onWriter { connection in
                    try Data.fetchAll(connection.db, sql: "SELECT chain FROM audit ORDER BY id")
                }
                var expected = AuditChain.start
                for (entry, link) in zip(entries, chain) {
                    expected = AuditChain.link(entry, to: expected)
                    #expect(link == expected)
                }
            }
        }
    }

    @Test func `no text can slip from one field into the next`() {
        let entry = AuditEntry(
            at: Sample.now, author: Author("a"), action: "bc", subject: "d", detail: "e")
        let moved = AuditEntry(
            at: Sample.now, author: Author("ab"), action: "c", subject: "d", detail: "e")
        #expect(
            AuditChain.link(entry, to: AuditChain.start) != AuditChain.link(moved, to: AuditChain.start))
    }
}
