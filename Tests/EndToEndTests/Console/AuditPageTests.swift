import AttendanceCore
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `The console's audit trail` {
    private func write(
        _ count: Int, _ gateway: RunningGateway, action: String = "test.change", subject: String = "thing"
    ) async throws {
        for number in 0..<count {
            try await gateway.gateway.store.audit(
                AuditEntry(
                    at: Gateway.Surroundings.systemTime(), author: Author("Ada"), action: action,
                    subject: "\(subject) \(number)", detail: "=1+1, \"quoted\" <script>"))
        }
    }

    @Test func `is shown newest first, page by page, and found by what one knows of it`() async throws {
        try await withGateway { gateway in
            try await write(130, gateway)
            try await write(1, gateway, action: "other.change", subject: "<script>alert(1)</script>")
            let visitor = try await gateway.visitor()
            let page = try await visitor.get("/audit")
            #expect(page.status == 200 && !page.text.contains("<script>alert"))
            #expect(page.text.contains("thing 129<") && !page.text.contains("thing 20<"))
            #expect(page.text.utf8.count < 100_000)
            let next = try #require(page.text.firstMatch(of: /href="(\/audit\?before=\d+)"/)).1
            let older = try await visitor.get(String(next))
            #expect(older.text.contains("thing 20<") && !older.text.contains("thing 129<"))

            let action = try await visitor.get("/audit?action=other.")
            #expect(action.text.contains("other.change") && !action.text.contains("thing 129<"))
            let subject = try await visitor.get("/audit?subject=THING+12&author=ada")
            #expect(subject.text.contains("thing 129<") && !subject.text.contains("thing 119<"))
            let day = String(wallNow().description.prefix(10))
            let today = try await visitor.get("/audit?from=\(day)&to=\(day)")
            #expect(today.text.contains("thing 129<"))
            let past = try await visitor.get("/audit?to=2020-01-01")
            #expect(past.status == 200 && past.text.contains("Nothing found."))
            let long = String(repeating: "y", count: 6_000)
            #expect(try await visitor.get("/audit?subject=\(long)&author=%3Cscript%3E").status == 200)
            let bad = try await visitor.get("/audit?from=2026-02-30")
            #expect(bad.status == 422 && bad.text.contains("the earlier one first"))
        }
    }

    @Test func `is checked, against kept hashes too, and shows what was changed`() async throws {
        let folder = try TemporaryFolder()
        try await withGateway(folder: folder) { gateway in
            try await write(20, gateway)
            let visitor = try await gateway.visitor()
            _ = try await visitor.get("/audit")
            let well = try await visitor.post("/audit/verify", ["back": "action=test."])
            #expect(well.status == 200 && well.text.contains("nothing was changed"))
            #expect(well.field("action") == "test.")
            let hash = String(try #require(well.text.firstMatch(of: /<code>([0-9a-f]{64})<\/code>/)).1)
            let kept = try await visitor.post("/audit/verify", ["kept": hash])
            #expect(kept.text.contains("nothing was changed"))
            let unkept = try await visitor.post(
                "/audit/verify", ["kept": "\(String(repeating: "0", count: 64)) \(hash)"])
            #expect(
                unkept.text.contains("The trail was changed: 1")
                    && unkept.text.contains("No row has the hash 000"))
            let bad = try await visitor.post("/audit/verify", ["kept": "<script>"])
            #expect(bad.status == 422 && bad.text.contains("64 hexadecimal digits"))
        }
    }

    @Test func `is exported with its hashes, and the export is written down`() async throws {
        try await withGateway { gateway in
            try await write(3, gateway)
            let visitor = try await gateway.visitor()
            _ = try await visitor.get("/audit")
            let file = try await visitor.post("/audit/export", ["back": "action=test."])
            #expect(file.status == 200)
            #expect(file.headers.first(name: "Content-Type") == "text/csv; charset=utf-8")
            #expect(file.headers.first(name: "Content-Disposition")?.hasSuffix(".csv\"") == true)
            let lines = file.text.split(separator: "\r\n")
            #expect(lines.count == 4)
            #expect(lines.first == "id,at,milliseconds,author,action,subject,detail,previous,hash")
            // What a spreadsheet would take for a formula is marked.
            #expect(lines[1].contains("\"'=1+1, \"\"quoted\"\" <script>\""))
            // Each row names the one before.
            let hashes = lines.dropFirst().map { $0.split(separator: ",").suffix(2).map(String.init) }
            #expect(hashes[1][0] == hashes[0][1] && hashes[2][0] == hashes[1][1])
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 100)
            let export = trail.first { $0.action == "audit.export" }
            #expect(export?.author.name == "operator.one" && export?.detail == "action=test.")
        }
    }

    @Test func `is for administrators`() async throws {
        try await withGateway { gateway in
            let visitor = try await gateway.visitor(.operator)
            #expect(try await visitor.get("/audit").status == 403)
            for path in ["/audit/verify", "/audit/export"] {
                #expect(try await visitor.post(path, [:]).status == 403)
            }
        }
    }
}
