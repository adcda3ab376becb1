import AttendanceCore
import Foundation
import GRDB
import Testing

@testable import AttendanceStore

@Suite(.timeLimit(.minutes(10))) struct CommandRowTests {
    @Test(arguments: CommandState.allCases.filter(\.isFinal))
    func `a command that has ended keeps no secret`(state: CommandState) async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                try await store.note(
                    TerminalSighting(serial: Sample.terminal, at: Sample.now, address: "::1"))
                try await CommandConformance.enqueue(
                    store, [CommandConformance.order("setuserinfo", secrets: [7, 7, 7])])
                let command = try #require(
                    try await store.openCommands(of: Sample.terminal, limit: 1).first?.record)
                switch state {
                case .expired: _ = try await store.expireCommands(at: command.expires, limit: 1)
                case .cancelled:
                    _ = try await store.cancelCommands(
                        CommandFilter(ids: [command.id]), by: .gateway, at: Sample.now)
                default: try await store.settleCommands([.init(id: command.id, state: state)], at: Sample.now)
                }
                let left = try await store.onWriter {
                    try Row.fetchOne($0.db, sql: "SELECT state, secrets FROM command")
                        .map { ($0["state"] as Int, $0["secrets"] as Data?) }
                }
                #expect(left?.0 == state.rawValue && left?.1 == nil)
                try await store.expectConsistent()
            }
        }
    }

    @Test func `looking for work and for what is over goes by an index`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                let plans = try await store.onWriter { connection in
                    try [
                        "SELECT id FROM command WHERE state = 0 AND expires <= 5 ORDER BY expires LIMIT 9",
                        "SELECT id FROM command WHERE terminal = 1 AND state <= 1 ORDER BY lane, id LIMIT 9",
                        "SELECT COUNT(*) FROM command WHERE state = 1",
                        "SELECT terminal, COUNT(*), MIN(id) FROM command WHERE state <= 1 GROUP BY terminal",
                        "SELECT id FROM command WHERE finished IS NOT NULL AND finished < 5 ORDER BY finished LIMIT 9",
                    ].map { sql in
                        try Row.fetchAll(connection.db, sql: "EXPLAIN QUERY PLAN " + sql)
                            .map { $0["detail"] as String }.joined(separator: "; ")
                    }
                }
                let indexes = [
                    "command_expiry", "command_open", "command_sent", "command_open", "command_ended",
                ]
                for (plan, index) in zip(plans, indexes) {
                    #expect(plan.contains(index) && !plan.contains("TEMP B-TREE"), "\(plan)")
                }
            }
        }
    }
}
