import AttendanceCore
import Foundation
import Testing

@Suite(.timeLimit(.minutes(10))) struct ConsoleTests {
    @Test func `nobody sees a page before signing in, and comes back to it afterwards`() async throws {
        try await withGateway { gateway in
            _ = try await gateway.visitor()
            let visitor = ConsoleVisitor(port: try await gateway.consolePort())
            let page = try await visitor.get("/?a=1")
            #expect(page.path.hasPrefix("/sign-in?to="))
            #expect(page.field("to") == "/?a=1")
            #expect(!page.text.contains("<nav"))
        }
    }

    @Test func `the overview tells whether attendance is safe`() async throws {
        try await withGateway { gateway in
            let visitor = try await gateway.visitor()
            let page = try await visitor.get("/")
            #expect(page.status == 200)
            #expect(page.text.contains("erpnext has no address yet"))
            #expect(page.text.contains("Asia/Kolkata"))
            let policy = try #require(page.headers.first(name: "Content-Security-Policy"))
            #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe"))
        }
    }

    @Test func `a wrong password, a foreign form and a foreign page get nowhere`() async throws {
        try await withGateway { gateway in
            _ = try await gateway.visitor()
            let other = ConsoleVisitor(port: try await gateway.consolePort())
            let wrong = try await other.signIn("operator.one", "something else")
            #expect(wrong.status == 422)
            #expect(wrong.text.contains("Name or password is wrong"))
            let forged = try await other.post(
                "/sign-in", ["name": "operator.one", "password": "x"], token: "guessed")
            #expect(forged.status == 400)
            let foreign = try await other.ask(
                .POST, "/sign-in", body: "form_token=\(other.formToken)",
                headers: [("Origin", "http://evil.example")])
            #expect(foreign.status == 403)
            #expect(try await other.get("/").path.hasPrefix("/sign-in"))
        }
    }

    @Test func `signing out ends the session on the server too`() async throws {
        try await withGateway { gateway in
            let visitor = try await gateway.visitor()
            _ = try await visitor.get("/")
            _ = try await visitor.post("/sign-out", [:])
            #expect(try await visitor.get("/").path.hasPrefix("/sign-in"))
        }
    }

    @Test(arguments: [
        ("ar", "rtl", "نظرة عامة"), ("hi", "ltr", "सारांश"), ("pt-BR,pt;q=0.9", "ltr", "Visão geral"),
    ])
    func `speaks the browser's language`(accepted: String, direction: String, title: String) async throws {
        try await withGateway { gateway in
            let visitor = try await gateway.visitor()
            visitor.language = accepted
            let page = try await visitor.get("/")
            #expect(page.text.contains("dir=\"\(direction)\""))
            #expect(page.text.contains("<h1>\(title)</h1>"))
        }
    }

    @Test func `an unknown page is told with a way back`() async throws {
        try await withGateway { gateway in
            let visitor = try await gateway.visitor()
            let page = try await visitor.get("/no/such/page")
            #expect(page.status == 404)
            #expect(page.text.contains("Back to the overview"))
        }
    }
}
