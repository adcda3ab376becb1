import AttendanceCore
import Foundation
import Testing

@testable import AttendanceStore

@Suite struct AccessCodeRowTests {
    private func code(uses: Int = 1) -> AccessCode {
        AccessCode(
            kind: .pin, person: PersonKey(enrollID: EnrollID(number: 900)), name: "Guest",
            scope: .terminal(Sample.terminal), starts: Sample.now, ends: Sample.now + .seconds(3600),
            uses: uses)
    }

    private func redeem(_ store: SQLiteStore, _ digest: [UInt8], isActive: Bool = true) async throws
        -> CodeRedemption
    {
        try await store.redeemCode(
            [[9], digest], at: Sample.terminal, of: nil, now: Sample.now + .seconds(1),
            isActive: { _ in isActive })
    }

    @Test(.timeLimit(.minutes(10)))
    func `a code opens as often as it may, however many ask at once`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                let id = try await store.issueCode(
                    code(uses: 3), digest: [1, 2], by: Author("ada"), at: Sample.now)
                #expect(id == 1)
                let again = try await store.issueCode(
                    code(), digest: [1, 2], by: Author("ada"), at: Sample.now)
                #expect(again == nil)
                let opened = try await withThrowingTaskGroup(of: Bool.self) { tasks in
                    for _ in 0..<10 {
                        tasks.addTask {
                            if case .opened = try await self.redeem(store, [1, 2]) { true } else { false }
                        }
                    }
                    return try await tasks.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(opened == 3)
                let row = try #require(try await store.accessCodes(after: 0, limit: 9).first)
                #expect(row.used == 3 && row.code == code(uses: 3) && row.lastTerminal == "T1")
                #expect(try await redeem(store, [7]) == .refused(.unknown, nil))
                let actions = try await store.auditTrail(after: 0, limit: 9).map(\.action)
                #expect(actions == ["codes.issue"])
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a revoked code and one of somebody who is gone open nothing`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                _ = try await store.issueCode(code(), digest: [1], by: Author("ada"), at: Sample.now)
                #expect(try await redeem(store, [1], isActive: false) == .refused(.inactive, code()))
                let revoked = try await store.revokeCodes([1, 2], by: Author("ada"), at: Sample.now)
                #expect(revoked == [1])
                #expect(try await redeem(store, [1]) == .refused(.revoked, code()))
                let twice = try await store.revokeCodes([1], by: Author("ada"), at: Sample.now)
                #expect(twice.isEmpty)
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `steps of a clock are noted and settled once`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                let step = ClockStep(terminal: Sample.terminal, at: Sample.now, before: 90, unread: 4)
                #expect(try await store.noteClockStep(step) == nil)
                try await store.note(
                    TerminalSighting(serial: Sample.terminal, at: Sample.now, address: "10.0.0.1"))
                let id = try #require(try await store.noteClockStep(step))
                try await store.settleClockStep(id, after: 1)
                try await store.settleClockStep(id, after: 2)
                let kept = try await store.clockSteps(of: Sample.terminal, limit: 9)
                #expect(kept.map(\.after) == [1] && kept.first?.crossesUnread == true)
            }
        }
    }
}
