import AttendanceCore
import Foundation
import Testing

@Suite(.timeLimit(.minutes(10))) struct AccountPagesTests {
    @Test func `an administrator adds an account, and it may do what its role says`() async throws {
        try await withGateway { gateway in
            let boss = try await gateway.visitor()
            _ = try await boss.get("/settings/accounts")
            let refused = try await boss.post(
                "/settings/accounts/add", ["name": "clerk.one", "password": "short", "role": "viewer"])
            #expect(refused.status == 422)
            #expect(refused.text.contains("fewer than 10 characters"))
            let added = try await boss.post(
                "/settings/accounts/add",
                ["name": "clerk.one", "password": "three quiet rooms", "role": "viewer", "groups": "Dubai"])
            #expect(added.status == 200 && added.text.contains("clerk.one") && added.text.contains("dubai"))
            let clerk = ConsoleVisitor(port: try await gateway.consolePort())
            _ = try await clerk.signIn("clerk.one", "three quiet rooms")
            #expect(try await clerk.get("/").status == 200)
            for path in ["/settings", "/settings/accounts", "/system"] {
                #expect(try await clerk.get(path).status == 403)
            }
            let overview = try await clerk.get("/")
            #expect(!overview.text.contains("href=\"/settings\""))
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 500)
            #expect(trail.contains { $0.action == "access.refused" && $0.author.name == "clerk.one" })
        }
    }

    @Test func `a token is shown once and can be revoked`() async throws {
        try await withGateway { gateway in
            let boss = try await gateway.visitor()
            _ = try await boss.get("/settings/accounts")
            let issued = try await boss.post(
                "/settings/accounts/token", ["name": "payroll <script>", "scope": "read", "days": "30"])
            #expect(issued.text.contains("agw_"))
            #expect(!issued.text.contains("payroll <script>"))
            let again = try await boss.get("/settings/accounts")
            #expect(!again.text.contains("agw_"))
            let id = try #require(try await gateway.gateway.store.apiTokens(after: 0, limit: 1).first?.id)
            _ = try await boss.post("/settings/accounts/revoke", ["id": "\(id)"])
            #expect(try await gateway.gateway.store.apiTokens(after: 0, limit: 1).isEmpty)
        }
    }

    @Test func `a password is changed with the old one only, and other sessions end`() async throws {
        try await withGateway { gateway in
            let one = try await gateway.visitor()
            let other = ConsoleVisitor(port: try await gateway.consolePort())
            _ = try await other.signIn("operator.one", RunningGateway.password)
            _ = try await one.get("/account")
            let wrong = try await one.post(
                "/account/password",
                ["old": "not it at all", "new": "a new long evening", "again": "a new long evening"])
            #expect(wrong.status == 422)
            let changed = try await one.post(
                "/account/password",
                ["old": RunningGateway.password, "new": "a new long evening", "again": "a new long evening"])
            #expect(changed.status == 200 && changed.text.contains("Done."))
            #expect(try await other.get("/").path.hasPrefix("/sign-in"))
            #expect(try await one.get("/").status == 200)
        }
    }

    @Test func `the settings are found by a word, and no secret is shown`() async throws {
        try await withGateway(["Security.AuthToken=a-very-secret-token"]) { gateway in
            let boss = try await gateway.visitor()
            let page = try await boss.get("/settings?search=%3Cscript%3E")
            #expect(page.status == 200 && !page.text.contains("<script>"))
            let long = String(repeating: "x", count: 10_000)
            #expect([200, 400].contains(try await boss.get("/settings?search=\(long)").status))
            #expect(!(try await boss.get("/settings")).text.contains("a-very-secret-token"))
        }
    }
}
