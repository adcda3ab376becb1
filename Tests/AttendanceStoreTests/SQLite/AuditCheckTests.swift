import AttendanceCore
import Foundation
import GRDB
import Testing

@testable import AttendanceStore

@Suite struct AuditCheckTests {
    /// Rows 1 to 6 of three months.
    private func rows() -> [AuditRow] {
        var rows: [AuditRow] = []
        var previous = [UInt8](repeating: 0, count: 32)
        for number in 1...6 {
            var row = AuditRow(
                id: Int64(number),
                at: Sample.now + .seconds((number - 1) / 2 * 31 * 86_400 + number), author: "ada",
                action: "a\(number)", subject: "s", detail: "", hash: [])
            row.hash = AuditChain.link(row, to: previous)
            previous = row.hash
            rows.append(row)
        }
        return rows
    }

    private func check(_ rows: [AuditRow], expecting: Set<[UInt8]> = []) -> AuditCheck {
        var check = AuditCheck(expecting: expecting)
        for row in rows { check.take(row) }
        check.finish()
        return check
    }

    private func found(_ rows: [AuditRow]) -> [String] {
        check(rows).findings.map { "\($0.row) \($0.kind.rawValue)" }
    }

    @Test func `an untouched trail is whole, month by month`() {
        let rows = rows()
        let check = check(rows, expecting: [rows[3].hash, [UInt8](repeating: 1, count: 32)])
        #expect(check.findings.isEmpty && check.rows == 6)
        #expect(check.months.map(\.rows) == [2, 2, 2] && check.months.map(\.last) == [2, 4, 6])
        #expect(check.months.map(\.head) == [rows[1].hash, rows[3].hash, rows[5].hash])
        #expect(check.met == [rows[3].hash])
    }

    @Test func `a changed row is found, and no other`() {
        for number in 0..<6 {
            var rows = rows()
            rows[number].detail = "nothing happened"
            #expect(found(rows) == ["\(number + 1) changed"])
        }
    }

    @Test func `a removed row is found, also where the numbers were closed up`() {
        var rows = rows()
        rows.remove(at: 2)
        #expect(found(rows) == ["4 missing"])
        for index in 2..<5 { rows[index].id = Int64(index + 1) }
        #expect(found(rows) == ["3 changed"])
        #expect(found(Array(self.rows().dropFirst())) == ["2 missing"])
    }

    @Test func `a removed end is found by a hash that was kept`() {
        let rows = rows()
        let check = check(rows.dropLast(), expecting: [rows[5].hash])
        #expect(check.findings.isEmpty && check.met.isEmpty)
    }

    @Test func `an inserted row is found, and where it stands`() {
        var rows = rows()
        rows.insert(
            AuditRow(
                id: 0, at: Sample.now, author: "eve", action: "x", subject: "", detail: "",
                hash: [UInt8](repeating: 7, count: 32)), at: 3)
        for index in rows.indices { rows[index].id = Int64(index + 1) }
        #expect(found(rows) == ["4 changed", "5 inserted"])
    }

    @Test func `rows that changed places are found`() {
        var rows = rows()
        rows.swapAt(2, 4)
        for index in rows.indices { rows[index].id = Int64(index + 1) }
        let found = found(rows)
        #expect(found.contains("3 moved") && found.count >= 2)
    }

    @Test(.timeLimit(.minutes(10))) func `rows can only be appended`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                for action in ["one", "two"] {
                    try await store.audit(
                        AuditEntry(at: Sample.now, author: Author("ada"), action: action, subject: "s"))
                }
                for sql in [
                    "UPDATE audit SET detail = 'x' WHERE id = 1", "DELETE FROM audit WHERE id = 2",
                    "REPLACE INTO audit SELECT * FROM audit WHERE id = 2",
                    "INSERT INTO audit VALUES (0, 1, 'a', 'b', 'c', 'd', x'00')",
                    "INSERT INTO audit (at, author, action, subject, detail, chain) VALUES (1, '', '', '', '', x'')",
                ] {
                    let isRefused = try await store.onWriter { connection in
                        do {
                            try connection.db.execute(sql: sql)
                            return false
                        } catch is DatabaseError {
                            return true
                        }
                    }
                    #expect(isRefused, "\(sql)")
                }
                let rows = try await store.auditRows(after: 0, limit: 10)
                #expect(rows.map(\.action) == ["one", "two"] && check(rows).findings.isEmpty)
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `what somebody edits past the triggers shows`() async throws {
        try await withTemporaryFolder { folder in
            try await withSQLiteStore(in: folder) { store in
                for action in ["one", "two", "three"] {
                    try await store.audit(
                        AuditEntry(at: Sample.now, author: Author("ada"), action: action, subject: "s"))
                }
                try await store.onWriter { connection in
                    try connection.db.execute(
                        sql: "DROP TRIGGER audit_rows_stay; UPDATE audit SET author = 'eve' WHERE id = 2")
                }
                let rows = try await store.auditRows(after: 0, limit: 10)
                #expect(
                    check(rows).findings.map(\.words).first?.hasPrefix("row 2 is not what was written")
                        == true)
            }
        }
    }
}
