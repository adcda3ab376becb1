import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import Testing

@testable import AttendanceGateway

/// Terminals, commands, people and accounts, as a program orders them.
@Suite(.timeLimit(.minutes(10))) struct `Orders by the API` {
    @Test func `a terminal is let in, named, and changed by one at a time`() async throws {
        try await withGateway(["Terminals.Unknown=pending"], file: "[Group Pune]\n") { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            _ = try await terminal.sendLog([.tfs(1, at: wallNow(-60))])
            let client = try await gateway.client([.read, .terminals])
            #expect(try await client.get("/terminals?standing=pending").items.count == 1)
            let approved = try await client.post("/terminals/ZX01/approve")
            #expect(approved["changed"]?.array?.count == 1 && approved["released"]?.whole == 1)
            #expect(try await client.get("/terminals?standing=pending").items.isEmpty)

            let before = try await client.get("/terminals/zx01")
            let tag = try #require(before.headers.first(name: "ETag"))
            let change: JSONValue = ["name": "Main <door>", "group": "pune"]
            let changed = try await client.ask(
                .PATCH, "/terminals/ZX01", body: change.json, headers: [("If-Match", tag)])
            #expect(changed.status == 200 && changed["name"]?.string == "Main <door>")
            #expect(changed["group"]?.string == "Pune")
            let late = try await client.ask(
                .PATCH, "/terminals/ZX01", body: #"{"name":"other"}"#, headers: [("If-Match", tag)])
            #expect(late.status == 412 && late.problem == "changed")
            let removed = try await client.ask(.PATCH, "/terminals/ZX01", body: #"{"name":null}"#)
            #expect(removed.status == 200 && removed["name"] == nil)
            let wrong = try await client.ask(.PATCH, "/terminals/ZX01", body: #"{"zone":"Mars/Base"}"#)
            #expect(wrong.faults == ["/zone"])
            let none = try await client.ask(.PATCH, "/terminals/ZX01", body: #"{"group":"None"}"#)
            #expect(none.faults == ["/group"])

            let token = try await client.post("/terminals/ZX01/token")
            #expect(token["token"]?.string?.isEmpty == false)
            #expect(try await client.get("/terminals/ZX01")["has_token"] == .flag(true))
            #expect(try await client.ask(.DELETE, "/terminals/ZX01/token").status == 200)
            #expect(try await client.get("/terminals/NONE").status == 404)
            let start = try await client.get("/terminal-events?after=0")
            #expect(start["events"]?.array?.contains { $0["serial"]?.string == "ZX01" } == true)
            #expect(try await client.get("/shifts").status == 200)
        }
    }

    @Test func `what has not changed is not sent again`() async throws {
        try await withGateway(file: "[Terminal ZX09]\nName = Somewhere\n") { gateway in
            let client = try await gateway.client()
            for path in ["/settings", "/openapi.json", "/terminals/ZX09"] {
                let first = try await client.get(path)
                let tag = try #require(first.headers.first(name: "ETag"), "\(path)")
                let second = try await client.get(path, [("If-None-Match", tag)])
                #expect(second.status == 304 && second.text.isEmpty, "\(path)")
                #expect(try await client.get(path, [("If-None-Match", "\"other\"")]).status == 200)
            }
            #expect(try await client.ask(.HEAD, "/settings").text.isEmpty)
        }
    }

    @Test func `commands are ordered, carried out and taken back`() async throws {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            let client = try await gateway.client([.read, .terminals])
            let order: JSONValue = [
                "terminals": ["ZX01"], "word": "getuserinfo", "fields": ["enrollid": 12, "backupnum": 50],
            ]
            try await eventually { try await client.post("/commands", order).status == 202 }
            let listed = try await client.get("/commands?terminal=ZX01")
            let id = try #require(listed.items.first?["id"]?.whole)
            #expect(try await client.get("/commands/\(id)")["fields"]?["enrollid"] != nil)
            #expect(try await client.get("/commands/4711").status == 404)
            #expect(try await client.post("/commands/\(id)/cancel").status == 200)
            #expect(try await client.get("/command-queue").status == 200)
            #expect(try await client.get("/command-catalogue").items.count > 20)

            let bad = try await client.post("/commands", ["terminals": ["ZX01"], "word": "dance"])
            #expect(bad.status == 422)
            let none = try await client.post("/commands", ["terminals": ["NONE"], "word": "gettime"])
            #expect(none.status == 422)
            // What opens or wipes is for administrators, confirmed and with a reason.
            let open: JSONValue = ["terminals": ["ZX01"], "word": "opendoor", "fields": ["doornum": 1]]
            #expect(try await client.post("/commands", open).status == 403)
            let raw: JSONValue = ["terminals": ["ZX01"], "word": "gettime", "is_raw": true]
            #expect(try await client.post("/commands", raw).status == 403)
            let admin = try await gateway.client()
            #expect(try await admin.post("/commands", open).status == 422)
            let pulled = try await client.post("/pulls", ["terminals": ["ZX01"], "from": "2026-02-30"])
            #expect(pulled.status == 422)
            #expect(try await client.post("/pulls", ["terminals": ["ZX01"]]).status == 202)
            #expect(try await client.get("/pulls").status == 200)
            #expect(try await client.get("/pulls/terminals").status == 200)
        }
    }

    @Test func `people are put, changed, exported and erased`() async throws {
        let file = "[People]\nCollect = yes\n[Group Pune]\nEmployeeField = pune_id\n"
        try await withGateway(file: file) { gateway in
            let client = try await gateway.client([.read, .people])
            let put = try await client.ask(
                .PUT, "/persons/12", body: #"{"name":"<script>","employee":"HR-EMP-12","card":"4711"}"#)
            #expect(put.status == 200 && put["name"]?.string == "<script>")
            #expect(put["credentials"]?.array?.first?["kind"]?.string == "card")
            #expect(!put.text.contains("4711"))
            let tag = try #require(try await client.get("/persons/12").headers.first(name: "ETag"))
            let renamed = try await client.ask(
                .PUT, "/persons/12", body: #"{"name":"Asha"}"#, headers: [("If-Match", tag)])
            #expect(renamed.status == 200)
            let late = try await client.ask(
                .PUT, "/persons/12", body: #"{"name":"Bela"}"#, headers: [("If-Match", tag)])
            #expect(late.status == 412)
            let many = JSONValue.list(
                (100..<1300).map { ["person": .text("\($0)"), "name": .text("P\($0)")] })
            let imported = try await client.post("/persons", ["persons": many])
            #expect(imported["changed"]?.whole == 1200)
            var count = 0
            var cursor = ""
            repeat {
                let page = try await client.get("/persons?limit=500\(cursor)")
                count += page.items.count
                cursor = page["next_cursor"]?.string.map { "&cursor=\($0)" } ?? ""
            } while !cursor.isEmpty
            #expect(count == 1201)
            #expect(try await client.get("/persons?space=Pune").items.isEmpty)
            #expect(try await client.ask(.PUT, "/persons/12?space=None", body: "{}").status == 422)
            #expect(try await client.get("/persons/0").status == 404)

            let export = try await client.post("/persons/12/export")
            #expect(export["person"]?["name"]?.string == "Asha")
            let pune = try await gateway.client([.read, .people], groups: ["pune"])
            #expect(try await pune.get("/persons").items.isEmpty)
            #expect(try await pune.get("/persons/12").status == 404)
            #expect(try await pune.ask(.PUT, "/persons/12", body: "{}").status == 404)
            #expect(try await pune.post("/persons/12/erase", ["reason": "x"]).status == 404)
            #expect(try await pune.ask(.PUT, "/persons/7?space=Pune", body: #"{"name":"Goa"}"#).status == 200)
            #expect(try await pune.get("/persons?space=Pune").items.count == 1)

            #expect(try await client.post("/persons/12/erase", [:]).faults == ["/reason"])
            let erased = try await client.post("/persons/12/erase", ["reason": "has left"])
            let receipt = try #require(erased["number"]?.whole)
            #expect(try await client.get("/erasures").items.first?["id"]?.whole == receipt)
            #expect(try await client.get("/roster-conflicts").items.isEmpty)
            #expect(try await client.post("/persons/sync").status == 200)
        }
    }

    @Test func `a site's employees are listed, checked and mapped`() async throws {
        try await withERPNext(people: 1...5) { erp in
            try await withGateway(erp: erp) { gateway in
                let client = try await gateway.client([.read, .deliveries])
                let synced = try await client.post("/employees/sync", ["site": "erpnext"])
                #expect(synced["employees"]?.whole == 5)
                #expect(try await client.get("/employees?limit=2").items.count == 2)
                #expect(try await client.get("/employee-findings?days=10").status == 200)
                let mapped = try await client.post(
                    "/mappings", ["added": [["person": "77", "employee": "HR-EMP-3"]]])
                #expect(mapped["requeued"]?.whole == 0)
                #expect(try await client.get("/mappings").items.first?["employee"]?.string == "HR-EMP-3")
                let removed: JSONValue = ["removed": [["person": "77", "employee": "HR-EMP-3"]]]
                #expect(try await client.post("/mappings", removed).status == 200)
                #expect(try await client.get("/mappings").items.isEmpty)
                #expect(try await client.post("/mappings", [:]).faults == ["/added"])
                #expect(try await client.get("/mappings?site=none").status == 404)
                #expect(try await client.post("/employees/sync", ["site": "none"]).status == 422)
                let days: JSONValue = ["from": "2026-11-01", "to": "2026-11-02"]
                #expect(try await client.post("/comparisons", days)["is_agreed"] == .flag(true))
                #expect(
                    try await client.post("/comparisons", ["from": "2026-11-02", "to": "2026-11-01"]).status
                        == 422)
                #expect(try await client.get("/repairs").items.isEmpty)
                #expect(try await client.get("/repairs?site=none").status == 404)
                #expect(try await client.get("/misfiled-checkins").items.isEmpty)
                #expect(try await client.get("/late-deliveries").items.isEmpty)
            }
        }
    }

    @Test func `accounts, tokens and codes are made, changed and ended`() async throws {
        try await withGateway { gateway in
            let client = try await gateway.client()
            let new: JSONValue = [
                "name": "asha", "password": "a long and quiet evening", "role": "administrator",
            ]
            let made = try await client.post("/accounts", new)
            let id = try #require(made["id"]?.whole)
            #expect(made.status == 201 && !made.text.contains("quiet"))
            #expect(try await client.post("/accounts", new).problem == "conflict")
            let weak = try await client.post(
                "/accounts", ["name": "bela", "password": "short", "role": "viewer"])
            #expect(weak.faults == ["/password"])
            let viewer = try await client.post(
                "/accounts",
                [
                    "name": "bela", "password": "a long and quiet evening", "role": "viewer",
                    "groups": ["Pune"],
                ])
            let other = try #require(viewer["id"]?.whole)
            #expect(viewer["groups"]?.array == ["pune"])
            let changed = try await client.ask(
                .PATCH, "/accounts/\(other)", body: #"{"role":"operator","reaches_everything":true}"#)
            #expect(changed["role"]?.string == "operator" && changed["groups"] == nil)
            let last = try await client.ask(.PATCH, "/accounts/\(id)", body: #"{"is_disabled":true}"#)
            #expect(last.status == 409)
            #expect(try await client.ask(.DELETE, "/accounts/\(id)").status == 409)
            let password = try await client.post(
                "/accounts/\(other)/password", ["password": "another long evening"])
            #expect(password.status == 204 && password.text.isEmpty)
            #expect(try await client.post("/accounts/\(other)/sign-out")["changed"]?.whole == 0)
            #expect(try await client.get("/accounts/\(other)/sessions").items.isEmpty)
            #expect(try await client.ask(.DELETE, "/accounts/\(other)").status == 204)
            #expect(try await client.get("/accounts/\(other)").status == 404)

            let late = try await client.post(
                "/tokens", ["name": "a", "scopes": ["read"], "expires": "2020-01-01"])
            #expect(late.faults == ["/expires"])
            let token = try await client.post("/tokens", ["name": "a", "scopes": ["read"], "sinks": ["csv"]])
            let number = try #require(token["id"]?.whole)
            let program = APIClient(port: client.port, token: token["token"]?.string)
            #expect(try await program.get("/me")["sinks"]?.array == ["csv"])
            #expect(try await client.ask(.DELETE, "/tokens/\(number)").status == 204)
            #expect(try await client.ask(.DELETE, "/tokens/\(number)").status == 404)
            #expect(try await program.get("/me").status == 401)
            #expect(try await client.get("/tokens").items.count == 1)

            let code = try await client.post(
                "/codes", ["kind": "pin", "person": "12", "terminal": "ZX01", "until": .text("2020-01-01")])
            #expect(code.status == 422)
            let tomorrow = (Gateway.Surroundings.systemTime() + .seconds(86_400)).iso8601
            let pin = try await client.post(
                "/codes", ["kind": "pin", "person": "12", "terminal": "ZX01", "until": .text(tomorrow)])
            #expect(pin.status == 201 && pin["code"]?.string?.count == 6)
            let codes = try await client.get("/codes")
            #expect(codes.items.count == 1 && codes.items.first?["code"] == nil)
            let codeID = try #require(pin["id"]?.whole)
            #expect(try await client.ask(.DELETE, "/codes/\(codeID)").status == 204)
            #expect(try await client.ask(.DELETE, "/codes/\(codeID)").status == 404)
        }
    }

    @Test func `alerts, settings, the log and backups are at hand`() async throws {
        try await withGateway { gateway in
            let client = try await gateway.client()
            #expect(try await client.get("/alerts").status == 200)
            #expect(try await client.post("/alerts/test")["channels"]?.array?.isEmpty == true)
            #expect(try await client.get("/settings").status == 200)
            #expect(try await client.post("/settings/check").status == 503)
            #expect(try await client.get("/log?lines=5").status == 200)
            #expect([201, 503].contains(try await client.post("/backups").status))
            let rotated = try await client.post("/vault/rotate")
            #expect(rotated.status == 200)
        }
    }
}
