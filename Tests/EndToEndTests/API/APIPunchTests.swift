import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import NIOCore
import AsyncHTTPClient
import Testing

@testable import AttendanceGateway

/// Punches, deliveries and what happens, as a program sees them.
@Suite(.timeLimit(.minutes(10))) struct `Punches by the API` {
    private static let groups = """
        [Group Pune]
        [Group Goa]
        [Terminal ZX01]
        Name = Main <door>
        Group = Pune
        [Terminal ZX02]
        Group = Goa
        """

    /// Two terminals of two groups with `count` punches each, all of known people but number 77.
    private static func punched(
        _ count: UInt64 = 3,
        _ body: @escaping @Sendable (RunningGateway, SimulatedERPNext) async throws -> Void
    ) async throws {
        try await withERPNext(people: 1...20) { erp in
            try await withGateway(file: groups, erp: erp) { gateway in
                for serial in ["ZX01", "ZX02"] {
                    let terminal = try await gateway.connect(serial)
                    try await terminal.register()
                    _ = try await terminal.sendLog(
                        (1...count).map { .tfs($0, at: wallNow(-600 + Int64($0))) }
                            + [.tfs(77, at: wallNow(-60))])
                }
                try await gateway.outboxIsEmpty()
                try await body(gateway, erp)
            }
        }
    }

    @Test func `are listed newest first, page by page, and found by what is asked for`() async throws {
        try await Self.punched { gateway, _ in
            let client = try await gateway.client([.read])
            let all = try await client.get("/punches")
            #expect(
                all.items.count == 8 && all["next_cursor"] == nil && all.headers.first(name: "Link") == nil)
            #expect(all.items.map { $0["id"]?.whole } == (1...8).reversed().map { Int64($0) })
            let first = try #require(all.items.last)
            #expect(first["terminal_name"]?.string == "Main <door>" && first["group"]?.string == "Pune")
            #expect(first["state"]?.string == "delivered" && first["zone"]?.string == "Asia/Kolkata")

            var ids: [Int64] = []
            var path: String? = "/punches?limit=3&kind=person"
            while let next = path {
                let page = try await client.get(next)
                #expect(page.items.count <= 3)
                ids += page.items.compactMap { $0["id"]?.whole }
                path = page.headers.first(name: "Link").map { link in
                    #expect(link.hasSuffix("rel=\"next\"") && link.contains("kind=person"))
                    return String(link.dropFirst("<\(API.root)".count).prefix { $0 != ">" })
                }
            }
            #expect(ids == (1...8).reversed().map { Int64($0) })

            func count(_ query: String) async throws -> Int {
                try await client.get("/punches?" + query).items.count
            }
            #expect(try await count("terminal=zx01") == 4)
            #expect(try await count("group=goa") == 4)
            #expect(try await count("person=1&person=2") == 4)
            #expect(try await count("person=0001") == 2)
            #expect(try await count("state=dead") == 2)
            #expect(try await count("state=owed") == 0)
            #expect(try await count("kind=door") == 0)
            #expect(try await count("terminal=NONE") == 0)
            #expect(try await count("day=\(String(wallNow().description.prefix(10)))&order=time") == 8)
            #expect(try await count("until=2020-01-01") == 0)
            #expect(try await count("name=nobody%20of%20this%20name") == 0)
            let people = try await client.get("/people?text=77")
            #expect(people.status == 200)
        }
    }

    @Test func `are explained from the record to each attempt`() async throws {
        try await Self.punched(1) { gateway, _ in
            let client = try await gateway.client([.read])
            let dead = try #require(try await client.get("/punches?state=dead").items.first?["id"]?.whole)
            let told = try await client.get("/punches/\(dead)/explanation")
            #expect(told["raw"]?.string?.contains("77") == true)
            let sink = try #require(told["sinks"]?.array?.first)
            #expect(
                sink["state"]?.string == "dead" && sink["dead_letter"]?["cause"]?.string == "unknown-employee"
            )
            #expect(sink["attempts"]?.array?.count == 1)
            #expect(try await client.get("/punches/\(dead)?sink=erpnext")["state"]?.string == "dead")
            #expect(try await client.get("/punches/99/explanation").status == 404)
        }
    }

    @Test func `of another's reach are nowhere`() async throws {
        try await Self.punched { gateway, _ in
            let pune = try await gateway.client([.read, .deliveries, .terminals, .people], groups: ["pune"])
            let mine = try await pune.get("/punches").items.compactMap { $0["id"]?.whole }
            #expect(Set(mine) == [1, 2, 3, 4])
            #expect(try await pune.get("/punches?terminal=ZX02").items.isEmpty)
            #expect(try await pune.get("/punches?group=Goa").items.isEmpty)
            #expect(try await pune.get("/punches/5").status == 404)
            #expect(try await pune.get("/punches/5/explanation").status == 404)
            #expect(try await pune.get("/terminals").items.map { $0["serial"]?.string } == ["ZX01"])
            #expect(try await pune.get("/terminals/ZX02").status == 404)
            #expect(try await pune.post("/terminals/ZX02/block", [:]).status == 404)
            #expect(try await pune.get("/dead-letters").items.count == 1)
            #expect(try await pune.get("/dead-letters/groups").items.first?["count"]?.whole == 1)
            #expect(try await pune.get("/attempts").items.allSatisfy { $0["terminal"]?.string == "ZX01" })
            #expect(
                try await pune.post("/punches/send-again", ["sink": "erpnext", "punches": [1, 5]]).status
                    == 404)
            let order: JSONValue = ["terminals": ["ZX02"], "word": "gettime"]
            #expect(try await pune.post("/commands", order).faults == ["/terminals/0"])
            #expect(try await pune.post("/commands", ["group": "Goa", "word": "gettime"]).status == 422)
            #expect(try await pune.post("/pulls", ["terminals": ["ZX02"]]).status == 422)
            #expect(try await pune.get("/employees").status == 403)
            // Retrying all means all of theirs.
            #expect(try await pune.post("/dead-letters/retry", ["all": true])["changed"]?.whole == 1)
            try await gateway.outboxIsEmpty()

            let nothing = try await gateway.client([.read], sinks: ["csv"])
            #expect(try await nothing.get("/sinks").items.compactMap { $0["name"]?.string } == ["csv"])
            #expect(try await nothing.get("/punches?sink=erpnext").status == 422)
            let bare = try #require(try await nothing.get("/punches").items.first)
            #expect(bare["state"] == nil && bare["employee"] == nil && bare["sink"] == nil)
            #expect(try await nothing.get("/punches/1/explanation")["sinks"]?.array?.isEmpty == true)
            #expect(try await nothing.get("/dead-letters").items.isEmpty)
            #expect(try await nothing.get("/employees").status == 404)
        }
    }

    @Test func `that died are grouped, sent again and given up, under the asker's name`() async throws {
        try await Self.punched { gateway, erp in
            let client = try await gateway.client([.read, .deliveries])
            let group = try #require(try await client.get("/dead-letters/groups").items.first)
            #expect(group["cause"]?.string == "unknown-employee" && group["count"]?.whole == 2)
            #expect(try await client.post("/dead-letters/retry", [:]).faults == ["/filter"])
            #expect(
                try await client.post("/dead-letters/retry", ["filter": ["cause": "boredom"]]).status == 422)
            let retried = try await client.post("/dead-letters/retry", ["filter": ["terminal": "ZX01"]])
            #expect(retried["changed"]?.whole == 1)
            try await gateway.outboxIsEmpty()
            let letter = try #require(try await client.get("/dead-letters?terminal=ZX02").items.first)
            let id = try #require(letter["id"])
            let given = try await client.post(
                "/dead-letters/discard", ["filter": ["ids": .list([id])], "reason": "a <visitor>"])
            #expect(given["changed"]?.whole == 1)
            let punch = try #require(letter["punch"]?.whole)
            #expect(try await client.get("/punches/\(punch)")["state"]?.string == "discarded")
            let audit = try await client.get("/audit?action=dead-letters.&limit=1")
            #expect(audit.items.first?["author"]?.string?.hasPrefix("token program") == true)
            #expect(audit.items.first?["detail"]?.string?.contains("a <visitor>") == true)
            #expect(try await client.get("/audit?from=2020-01-01&until=2020-01-02").items.isEmpty)

            let before = erp.checkins.count
            let again = try await client.post("/punches/send-again", ["sink": "erpnext", "punches": [1]])
            #expect(again["changed"]?.whole == 1)
            try await gateway.outboxIsEmpty()
            #expect(erp.checkins.count == before)
            #expect(try await client.get("/attempts?limit=2").items.count == 2)
            #expect(try await client.get("/sinks").items.first?["state"]?.string == "running")
            #expect(try await client.get("/health")["status"]?.string != nil)
            #expect(try await client.get("/system")["store"]?["punches"]?.whole == 8)
        }
    }

    @Test func `with a time that cannot be right are decided on`() async throws {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            let lost = try #require(WallTime("2000-01-01 00:03:11"))
            _ = try await terminal.sendLog([.tfs(1, at: lost), .tfs(2, at: lost)])
            let client = try await gateway.client([.read, .deliveries])
            let cases = try await client.get("/corrections")
            #expect(cases.items.compactMap { $0["id"]?.string } == ["P2", "P1"])
            #expect(try await client.get("/corrections?kind=records").items.isEmpty)
            let accepted = try await client.post("/corrections", ["ids": ["P1"], "ruling": "accept"])
            #expect(accepted["changed"]?.whole == 1)
            let refused = try await client.post("/corrections", ["ids": ["P2"], "ruling": "reject"])
            #expect(refused["refused"]?.array?.count == 1)
            #expect(try await client.post("/corrections", ["ids": ["X1"], "ruling": "accept"]).status == 422)
            #expect(try await client.get("/corrections").items.count == 1)
            #expect(try await client.get("/corrections?all=true").items.count == 2)
            #expect(try await client.get("/punches/1")["correction"]?["time"]?.string != nil)
            #expect(try await client.get("/quarantine?open=true").items.isEmpty)
        }
    }

    @Test func `are streamed as they come in, within reach`() async throws {
        try await withGateway(file: Self.groups) { gateway in
            let client = try await gateway.client([.read], groups: ["pune"])
            var request = HTTPClientRequest(url: "http://127.0.0.1:\(client.port)\(API.root)/events")
            for (name, value) in client.headers { request.headers.add(name: name, value: value) }
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(50))
            #expect(response.status == .ok)
            #expect(response.headers.first(name: "Content-Type") == "text/event-stream")
            let first = try await gateway.connect("ZX01")
            try await first.register()
            let second = try await gateway.connect("ZX02")
            try await second.register()
            // Whoever has an answer is told of everything from then on.
            _ = try await second.sendLog([.tfs(2, at: wallNow(-20))])
            _ = try await first.sendLog([.tfs(1, at: wallNow(-10))])
            // Without an end of its own: something passes every quarter of a minute, whatever happens.
            var text = ""
            let clock = ContinuousClock()
            let end = clock.now + .seconds(60)
            for try await chunk in response.body {
                text += String(buffer: chunk)
                if text.contains("event: punches") || clock.now > end { break }
            }
            let line = try #require(text.split(separator: "\n").first { $0.contains("\"person\"") })
            let rows = try #require(JSONValue(parsing: String(line.dropFirst("data: ".count)))?.array)
            #expect(rows.allSatisfy { $0["terminal"]?.string == "Main <door>" } && !rows.isEmpty)
        }
    }
}
