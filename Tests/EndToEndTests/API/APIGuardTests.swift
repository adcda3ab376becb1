import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation
import Testing

@testable import AttendanceGateway

/// Who may do what by the API, and what it says to the rest.
@Suite(.timeLimit(.minutes(10))) struct `The doors of the API` {
    /// A path that fits the template.
    private static func path(_ endpoint: Endpoint) -> String {
        "/"
            + endpoint.path.replacing("{id}", with: "1").replacing("{serial}", with: "ZX01")
            .replacing("{person}", with: "12")
    }

    @Test func `without a token nothing is told but the document`() async throws {
        try await withGateway { gateway in
            let nobody = APIClient(port: try await gateway.consolePort())
            for endpoint in API.endpoints {
                let answer = try await nobody.ask(
                    .init(rawValue: endpoint.method.rawValue), Self.path(endpoint),
                    body: endpoint.body?.example.json)
                if endpoint.scope == nil {
                    #expect(answer.status == 200)
                } else {
                    #expect(answer.status == 401, "\(endpoint.operation)")
                    #expect(answer.headers.first(name: "WWW-Authenticate")?.hasPrefix("Bearer") == true)
                }
            }
            for header in ["Bearer agw_" + String(repeating: "x", count: 43), "Basic dTpw", "Bearer", ""] {
                let answer = try await nobody.get("/health", [("Authorization", header)])
                #expect(answer.status == 401 && answer.problem == "unauthenticated", "\(header)")
            }
        }
    }

    @Test func `a right that is missing is 403, and stands in the audit trail`() async throws {
        try await withGateway { gateway in
            for scope in Scope.allCases {
                let client = try await gateway.client([scope])
                for endpoint in API.endpoints {
                    guard let wanted = endpoint.scope, wanted != scope else { continue }
                    let answer = try await client.ask(
                        .init(rawValue: endpoint.method.rawValue), Self.path(endpoint),
                        body: endpoint.body?.example.json)
                    #expect(answer.status == 403 && answer.problem == "forbidden", "\(endpoint.operation)")
                }
            }
            let trail = try await gateway.gateway.store.auditTrail(
                AuditSearch(action: "access.refused"), before: nil, limit: 100)
            #expect(
                trail.items.contains {
                    $0.subject == "PATCH /api/v1/accounts/1" && $0.detail.contains("administer")
                })
        }
    }

    @Test func `whoever is limited gets nothing that is not for them`() async throws {
        try await withGateway { gateway in
            let limited = try await gateway.client(
                [.read, .deliveries, .terminals, .people], groups: ["pune"])
            for endpoint in API.endpoints
            where endpoint.traits.contains(.whole) && endpoint.scope != .administer {
                let answer = try await limited.ask(
                    .init(rawValue: endpoint.method.rawValue), Self.path(endpoint))
                #expect(answer.status == 403, "\(endpoint.operation)")
            }
        }
    }

    @Test func `a session may look by its cookie, and change with its form token alone`() async throws {
        try await withGateway { gateway in
            let visitor = try await gateway.visitor(.operator)
            let me = try await visitor.ask(.GET, "/api/v1/me", body: nil)
            #expect(me.status == 200)
            let token = try #require(JSONValue(parsing: me.text)?["form_token"]?.string)
            let body = #"{"reason":"by hand"}"#
            let json = ("Content-Type", "application/json")
            let without = try await visitor.ask(
                .POST, "/api/v1/terminals/ZX01/approve", body: body, headers: [json])
            #expect(without.status == 403 && without.text.contains("form-token"))
            let wrong = try await visitor.ask(
                .POST, "/api/v1/terminals/ZX01/approve", body: body,
                headers: [json, ("X-Form-Token", "guessed")])
            #expect(wrong.status == 403)
            let right = try await visitor.ask(
                .POST, "/api/v1/terminals/ZX01/approve", body: body, headers: [json, ("X-Form-Token", token)])
            #expect(right.status == 200 && right.text.contains("ZX01"))
            let accounts = try await visitor.ask(.GET, "/api/v1/accounts", body: nil)
            #expect(accounts.status == 403)
        }
    }

    @Test func `what there is not, what does not fit and what is too much is told as a problem`() async throws
    {
        try await withGateway { gateway in
            let client = try await gateway.client()
            for path in ["", "/", "/nothing", "/punches/1/2/3", "/%2e%2e/x", "/punches/x/explanation/"] {
                #expect(try await client.get(path).status == 404, "\(path)")
            }
            let method = try await client.ask(.DELETE, "/punches")
            #expect(method.status == 405 && method.headers.first(name: "Allow") == "GET, HEAD")
            let strange = try await client.ask(.RAW(value: "PROPFIND"), "/terminals/ZX01")
            #expect(
                strange.status == 405 && strange.headers.first(name: "Allow") == "DELETE, GET, HEAD, PATCH")
            #expect(try await client.ask(.GET, "/punches/send-again").headers.first(name: "Allow") == "POST")

            let query = try await client.get(
                "/punches?limit=0&limt=5&state=lost&day=yesterday&doubtful=maybe")
            #expect(query.status == 422)
            #expect(Set(query.faults) == ["limit", "limt", "state", "day", "doubtful"])
            #expect(try await client.get("/punches?limit=5&limit=6").faults == ["limit"])
            #expect(try await client.get("/punches?day=2026-02-30").faults == ["day"])
            #expect(try await client.get("/punches?cursor=nonsense").faults == ["cursor"])
            #expect(try await client.get("/punches?name=%ff").problem == "malformed")
            #expect(
                try await client.get("/people?text=" + String(repeating: "x", count: 10_000)).status == 422)
            for id in ["0", "-1", "x", "99999999999999999999", "4711"] {
                #expect(try await client.get("/punches/\(id)").status == 404, "\(id)")
            }

            let type = try await client.ask(
                .POST, "/punches/send-again", body: "sink=erpnext", headers: [("Content-Type", "text/plain")])
            #expect(type.status == 415)
            let broken = try await client.ask(.POST, "/punches/send-again", body: #"{"sink": "#)
            #expect(broken.status == 400)
            let deep = String(repeating: #"{"a":"#, count: 500) + "1" + String(repeating: "}", count: 500)
            #expect(try await client.ask(.POST, "/punches/send-again", body: deep).status == 400)
            let large = try await client.ask(
                .POST, "/punches/send-again", body: String(repeating: " ", count: 70_000))
            #expect(large.status == 413)
            let fields = try await client.post(
                "/punches/send-again", ["sink": "ERP", "punches": [0], "all": true])
            #expect(fields.status == 422 && Set(fields.faults) == ["/sink", "/punches/0", "/all"])
            // What the page behind it would answer is never seen.
            let page = APIClient(port: client.port)
            #expect(try await page.ask(.GET, "/../../").status != 200)
        }
    }

    @Test func `too many requests are told when to come back, each asker for themselves`() async throws {
        try await withGateway(["Console.RequestsPerMinute=10"]) { gateway in
            let one = try await gateway.client([.read])
            let other = try await gateway.client([.read])
            var answer = try await one.get("/me")
            var count = 0
            // A slow machine earns some more meanwhile.
            while answer.status == 200 {
                count += 1
                answer = try await one.get("/me")
            }
            #expect(count >= 10)
            #expect(answer.status == 429 && answer.headers.first(name: "Retry-After") == "6")
            #expect(try await other.get("/me").status == 200)
            let nobody = APIClient(port: one.port)
            answer = try await nobody.get("/me")
            while answer.status == 401 { answer = try await nobody.get("/me") }
            #expect(answer.status == 429 && answer.problem == "too-many-requests")
            // Nobody who guesses keeps those out who are known.
            #expect(try await other.get("/me").status == 200)
            try gateway.reload("[Console]\nRequestsPerMinute = 100\n[Terminals]\nTimeZone = Asia/Kolkata\n")
        }
    }

    @Test func `revoking a token holds from the next request on`() async throws {
        try await withGateway { gateway in
            let client = try await gateway.client([.read])
            #expect(try await client.get("/me").status == 200)
            let tokens = try await gateway.gateway.store.apiTokens(after: 0, limit: 10)
            try await gateway.gateway.accounts.revokeTokens(tokens.map(\.id), by: Author("test"))
            #expect(try await client.get("/me").status == 401)
        }
    }

    @Test func `the same request is carried out once, whatever comes after it`() async throws {
        try await withGateway { gateway in
            let client = try await gateway.client()
            let key = ("Idempotency-Key", "7d6c2b0e-1")
            let body: JSONValue = ["name": "asha", "password": "a long and quiet evening", "role": "viewer"]
            let first = try await client.post("/accounts", body, [key])
            #expect(first.status == 201 && first.headers.first(name: "Idempotency-Replayed") == nil)
            let second = try await client.post("/accounts", body, [key])
            #expect(second.status == 201 && second.text == first.text)
            #expect(second.headers.first(name: "Idempotency-Replayed") == "true")
            #expect(try await client.get("/accounts").items.count == 1)
            let other = try await client.post(
                "/accounts", ["name": "bela", "password": "a long and quiet evening", "role": "viewer"], [key]
            )
            #expect(other.status == 422 && other.problem == "key-used")
            // Another asker has keys of their own.
            let program = try await gateway.client()
            #expect(try await program.post("/accounts", body, [key]).status == 409)

            // What was refused was not carried out: the key is free.
            let again = ("Idempotency-Key", "7d6c2b0e-2")
            #expect(
                try await client.post("/tokens", ["name": "", "scopes": ["read"]], [again]).status == 422)
            let token: JSONValue = ["name": "payroll", "scopes": ["read"]]
            let issued = try await client.post("/tokens", token, [again])
            #expect(issued.status == 201 && issued["token"]?.string?.hasPrefix("agw_") == true)
            // A secret is shown once.
            let repeated = try await client.post("/tokens", token, [again])
            #expect(repeated.status == 409 && repeated.problem == "answer-not-kept")
            #expect(!repeated.text.contains("agw_"))
            let long = ("Idempotency-Key", String(repeating: "k", count: 201))
            #expect(try await client.post("/tokens", token, [long]).faults == ["Idempotency-Key"])
        }
    }

    @Test func `one that is under way is not begun a second time`() async throws {
        try await withGateway { gateway in
            let client = try await gateway.client()
            let me = try await client.get("/me")
            #expect(me.status == 200)
            let id = try #require(try await gateway.gateway.store.apiTokens(after: 0, limit: 1).first?.id)
            // As if another connection were carrying it out.
            let request = "DELETE /api/v1/tokens/99\n"
            _ = try await gateway.gateway.store.beginRequest(
                IdempotentRequest(asker: "token:\(id)", key: "slow", hash: TerminalToken.digest(of: request)),
                at: Gateway.Surroundings.systemTime())
            let answer = try await client.ask(.DELETE, "/tokens/99", headers: [("Idempotency-Key", "slow")])
            #expect(answer.status == 409 && answer.problem == "under-way")
            #expect(answer.headers.first(name: "Retry-After") == "2")
        }
    }
}
