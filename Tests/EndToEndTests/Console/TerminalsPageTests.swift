import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway
@testable import AttendanceTerminals

/// `/terminals` and a terminal's own page, as a browser sees them.
@Suite(.timeLimit(.minutes(10))) struct `The console's terminals` {
    private static let pending = ["Terminals.Unknown=pending"]
    private static let groups = """
        [Group Dubai office]
        TimeZone = Asia/Dubai
        [Group Plant]
        EmployeeField = custom_plant_id

        [Terminal D1]
        Name = Front door
        Group = Dubai office
        [Terminal P1]
        Group = Plant
        """

    private func reach(_ groups: String...) throws -> Reach { try Reach(groups: groups, sinks: nil) }

    private func faithful(_ serial: String, _ gateway: RunningGateway) throws -> FaithfulTerminal {
        var options = FaithfulTerminal.Options(serial: serial)
        options.zone = "Asia/Kolkata"
        return try FaithfulTerminal(options, address: .init(port: gateway.port))
    }

    private func alive(_ terminal: FaithfulTerminal, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await terminal.run() }
            try await terminal.wait { $0.isRegistered }
            try await body()
            tasks.cancelAll()
        }
    }

    private func isKnown(_ serials: String..., in gateway: RunningGateway) async throws {
        try await eventually {
            let known = try await gateway.gateway.store.terminals(after: nil, limit: 100).map(\.serial.text)
            return serials.allSatisfy { known.contains($0) }
        }
    }

    // MARK: The list

    @Test func `those that wait come first, and several are approved at once`() async throws {
        try await withGateway(Self.pending, file: Self.groups) { gateway in
            for serial in ["D1", "AA1", "AA2", "AA3"] {
                let terminal = try await gateway.connect(serial)
                try await terminal.register()
                _ = try await terminal.sendLog([.tfs(7, at: wallNow(-60))])
            }
            try await isKnown("D1", "AA1", "AA2", "AA3", in: gateway)
            let visitor = try await gateway.visitor(.operator)
            let list = try await visitor.get("/terminals")
            #expect(list.status == 200)
            let waiting = try #require(list.text.range(of: "Waits for approval"))
            let approved = try #require(list.text.range(of: "Front door"))
            #expect(waiting.lowerBound < approved.lowerBound)
            #expect(list.text.contains("Asia/Dubai") && list.text.contains("1 punches wait"))
            let none = try await visitor.post("/terminals/standing", ["verb": "approve"])
            #expect(none.text.contains("Tick at least one terminal first"))
            let done = try await visitor.post(
                "/terminals/standing", ["verb": "approve", "serial": "AA1", "serial": "AA2"])
            #expect(done.text.contains("Approved: 2. Punches forwarded that had waited: 2."))
            _ = try await visitor.post(
                "/terminals/standing", ["block": "AA3", "back": "/terminals?standing=blocked"])
            let blocked = try await visitor.get("/terminals?standing=blocked")
            #expect(blocked.text.contains("AA3") && !blocked.text.contains("AA1"))
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 50)
            #expect(trail.count { $0.author.name == "operator.one" && $0.action == "terminals.approve" } == 2)
        }
    }

    @Test func `filters stand in the address, and what is hostile is text`() async throws {
        try await withGateway(file: Self.groups) { gateway in
            for serial in ["<script>alert(1)</script>", "A/B?c=%41#d", "D1"] {
                try await gateway.connect(serial).register()
            }
            try await isKnown("<script>alert(1)</script>", "A/B?c=%41#d", "D1", in: gateway)
            let visitor = try await gateway.visitor()
            let list = try await visitor.get("/terminals?q=script")
            #expect(list.text.contains("&lt;script&gt;alert(1)") && !list.text.contains("<script>alert"))
            #expect(!list.text.contains("Front door"))
            let link = "/terminals/A%2FB%3Fc%3D%2541%23d"
            #expect(try await visitor.get("/terminals").text.contains("href=\"\(link)\""))
            let odd = try await visitor.get(link)
            #expect(odd.status == 200 && odd.text.contains("<bdi>A/B?c=%41#d</bdi>"))
            let long = try await visitor.get("/terminals?q=" + String(repeating: "x", count: 10_000))
            #expect(long.status == 200 && long.text.contains("No terminal fits."))
            #expect(try await visitor.get("/terminals/NOSUCH").status == 404)
            #expect(try await visitor.get("/terminals?group=dubai+office").text.contains("Front door"))
            #expect(try await visitor.get("/terminals?page=99").status == 200)
        }
    }

    @Test func `nobody sees or touches a terminal out of reach`() async throws {
        try await withGateway(file: Self.groups) { gateway in
            for serial in ["D1", "P1", "AA1"] { try await gateway.connect(serial).register() }
            try await isKnown("D1", "P1", "AA1", in: gateway)
            let visitor = try await gateway.visitor(.operator, reach: try reach("dubai office"))
            let list = try await visitor.get("/terminals")
            #expect(list.text.contains("Front door"))
            #expect(!list.text.contains("P1<") && !list.text.contains("AA1") && !list.text.contains("Plant"))
            #expect(try await visitor.get("/terminals/D1").status == 200)
            #expect(try await visitor.get("/terminals/P1").status == 404)
            for path in ["order", "fields", "token", "pull", "cancel", "standing", "traffic", "command"] {
                let answer = try await visitor.post(
                    "/terminals/P1/\(path)", ["word": "gettime", "verb": "block"])
                #expect(answer.status == 404, "\(path)")
            }
            #expect(try await visitor.post("/terminals/standing", ["block": "AA1"]).status == 404)
            #expect(try await visitor.post("/terminals/standing", ["announce": "NEW1"]).status == 403)
            let moved = try await visitor.post(
                "/terminals/D1/fields", ["group": "Plant", "location": "Hall"])
            #expect(moved.status == 200 && moved.text.contains("Hall"))
        }
    }

    @Test func `a viewer sees and changes nothing, and that they tried is written down`() async throws {
        try await withGateway(file: Self.groups) { gateway in
            try await gateway.connect("D1").register()
            try await isKnown("D1", in: gateway)
            let visitor = try await gateway.visitor(.viewer)
            let list = try await visitor.get("/terminals")
            #expect(list.text.contains("Front door") && !list.text.contains("value=\"approve\""))
            let page = try await visitor.get("/terminals/D1")
            #expect(page.status == 200 && !page.text.contains("method=\"post\" action=\"/terminals"))
            #expect(try await visitor.post("/terminals/D1/order", ["word": "gettime"]).status == 403)
            #expect(try await visitor.get("/terminals/D1/traffic").status == 403)
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 50)
            #expect(trail.contains { $0.action == "access.refused" })
        }
    }

    // MARK: One terminal

    @Test func `a command goes out by a button and its answer is shown`() async throws {
        try await withGateway { gateway in
            let terminal = try faithful("ZX01", gateway)
            try await alive(terminal) {
                try await isKnown("ZX01", in: gateway)
                let visitor = try await gateway.visitor(.operator)
                let ordered = try await visitor.post("/terminals/ZX01/order", ["word": "gettime"])
                #expect(ordered.status == 200 && ordered.text.contains("Ordered. Its result appears below."))
                try await eventually { try await visitor.get("/terminals/ZX01").text.contains(">Done<") }
                let page = try await visitor.get("/terminals/ZX01")
                #expect(page.text.contains("{&quot;time&quot;:"))
                #expect(page.text.contains("operator.one") && page.text.contains("<meter"))
                // What wipes or opens is for administrators, who say why.
                #expect(!page.text.contains("opendoor"))
                #expect(
                    try await visitor.post(
                        "/terminals/ZX01/order", ["word": "opendoor", "reason": "x", "confirm": "on"]
                    ).status == 403)
                #expect(try await visitor.get("/terminals/ZX01/command?word=opendoor").status == 403)
                #expect(try await visitor.get("/terminals/ZX01/command?raw=1").status == 403)
                #expect(
                    try await visitor.post("/terminals/ZX01/command", ["raw": "1", "word": "opendoor"]).status
                        == 403)
                let chief = try await gateway.visitor(named: "chief.one")
                let refused = try await chief.post("/terminals/ZX01/order", ["word": "opendoor"])
                #expect(refused.status == 422)
                #expect(refused.text.contains("Say why") && refused.text.contains("Tick this to go on"))
                let opened = try await chief.post(
                    "/terminals/ZX01/order", ["word": "opendoor", "reason": "fire drill", "confirm": "on"])
                #expect(opened.status == 200 && opened.text.contains("fire drill"))
            }
        }
    }

    @Test func `any word of the catalogue has a form, and its mistakes stand beside the fields`() async throws
    {
        try await withGateway { gateway in
            try await gateway.connect("ZX01").register()
            try await isKnown("ZX01", in: gateway)
            let visitor = try await gateway.visitor()
            for word in CommandCatalogue.words {
                let form = try await visitor.get("/terminals/ZX01/command?word=\(word.name)")
                #expect(form.status == 200, "\(word.name)")
                for parameter in word.parameters {
                    #expect(
                        form.text.contains("name=\"f.\(parameter.key)\""), "\(word.name).\(parameter.key)")
                }
            }
            #expect(try await visitor.get("/terminals/ZX01/command?word=nosuch").status == 404)
            let wrong = try await visitor.post(
                "/terminals/ZX01/command",
                [
                    "word": "setuserinfo", "f.enrollid": "<b>", "f.backupnum": "77", "f.record": "9988776655",
                    "f.name": "Ada",
                ])
            #expect(wrong.status == 422)
            #expect(
                wrong.text.contains("id=\"f.enrollid-error\"") && wrong.text.contains("value=\"&lt;b&gt;\""))
            #expect(wrong.text.contains("value=\"Ada\"") && !wrong.text.contains("9988776655"))
            let sent = try await visitor.post(
                "/terminals/ZX01/command", ["word": "getusername", "f.enrollid": "7"])
            #expect(sent.status == 200 && sent.text.contains("getusername"))
            let raw = try await visitor.post(
                "/terminals/ZX01/command",
                ["raw": "1", "word": "getweather", "json": "{\"x\":1}", "reason": "trial", "confirm": "on"])
            #expect(raw.status == 200 && raw.text.contains("getweather"))
            let broken = try await visitor.post(
                "/terminals/ZX01/command",
                ["raw": "1", "word": "getweather", "json": "{", "reason": "trial", "confirm": "on"])
            #expect(broken.status == 422 && broken.text.contains("no JSON object"))
        }
    }

    @Test func `what waits can be cancelled, and logs are pulled`() async throws {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try await isKnown("ZX01", in: gateway)
            try await terminal.close()
            try await eventually { try await gateway.health()["connected_devices"] as? Int == 0 }
            let visitor = try await gateway.visitor(.operator)
            _ = try await visitor.post("/terminals/ZX01/order", ["word": "gettime"])
            let id = try #require(
                try await gateway.gateway.store.latestCommands(.init(), before: .max, limit: 1).first?.id)
            let cancelled = try await visitor.post("/terminals/ZX01/cancel", ["id": "\(id)"])
            #expect(cancelled.text.contains("Cancelled: it is not sent."))
            let late = try await visitor.post("/terminals/ZX01/cancel", ["id": "\(id)"])
            #expect(late.text.contains("cannot be called back"))
            let unset = try await visitor.post("/terminals/ZX01/pull", ["what": "range"])
            #expect(unset.status == 422 && unset.text.contains("Choose the first day."))
            let wrong = try await visitor.post(
                "/terminals/ZX01/pull", ["what": "range", "from": "2026-02-31", "to": "x"])
            #expect(wrong.status == 422)
            let pulled = try await visitor.post(
                "/terminals/ZX01/pull", ["what": "range", "from": "2026-02-01", "to": "2026-02-03"])
            #expect(pulled.text.contains("getalllog"))
        }
    }

    @Test func `name, place and token are set here unless the file says them`() async throws {
        try await withGateway(file: Self.groups) { gateway in
            for serial in ["D1", "AA1"] { try await gateway.connect(serial).register() }
            try await isKnown("D1", "AA1", in: gateway)
            let visitor = try await gateway.visitor(.operator)
            let settled = try await visitor.get("/terminals/D1")
            #expect(
                settled.text.contains("[Terminal D1]") && settled.text.contains("The settings file says so"))
            #expect(!settled.text.contains("<input name=\"name\""))
            let wrong = try await visitor.post(
                "/terminals/AA1/fields", ["name": "<i>Gate</i>", "zone": "Mars/Base", "location": "Hall"])
            #expect(wrong.status == 422 && wrong.text.contains("id=\"zone-error\""))
            #expect(wrong.text.contains("value=\"Mars/Base\"") && wrong.text.contains("&lt;i&gt;Gate"))
            let saved = try await visitor.post(
                "/terminals/AA1/fields", ["name": "Gate", "zone": "Asia/Dubai", "group": "Plant"])
            #expect(saved.status == 200 && saved.text.contains("Saved."))
            let record = try await gateway.gateway.store.terminal(try #require(SerialNumber("AA1")))
            #expect(record?.name == "Gate" && record?.location == "Hall" && record?.group == "Plant")
            let token = try await visitor.post("/terminals/AA1/token", ["verb": "new"])
            let shown = token.text.matches(of: /<pre id="token">([a-z0-9]{32})<\/pre>/).first?.1
            let secret = try #require(shown.map(String.init))
            #expect(try await !visitor.get("/terminals/AA1").text.contains(secret))
            let removed = try await visitor.post("/terminals/AA1/token", ["verb": "remove"])
            #expect(removed.text.contains("No token is asked for."))
        }
    }

    // MARK: Traffic

    @Test func `messages are shown while somebody looks, without what nobody may read`() async throws {
        let file = "[People]\nCollect = yes\n"
        try await withGateway(file: file) { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try await isKnown("ZX01", in: gateway)
            let visitor = try await gateway.visitor(.operator)
            let off = try await visitor.get("/terminals/ZX01/traffic")
            #expect(off.text.contains("Begin to look"))
            _ = try await terminal.sendLog([.tfs(7, at: wallNow(-90))])
            _ = try await visitor.post("/terminals/ZX01/traffic", ["verb": "start"])
            let finger = SimulatedCredential.finger(seed: 5, length: 300)
            try await terminal.send(
                #"{"cmd":"senduser","sn":"ZX01","enrollid":7,"name":"Ada","backupnum":0,"admin":0,"record":"\#(finger)"}"#
            )
            _ = try await terminal.receiveMessage()
            try await terminal.send(
                #"{"cmd":"senduser","sn":"ZX01","enrollid":7,"name":"Ada","backupnum":10,"admin":0,"record":83649217}"#
            )
            _ = try await terminal.receiveMessage()
            try await terminal.send("what is this 83649217")
            _ = try await terminal.sendLog([.tfs(8, at: wallNow(-60))])
            let on = try await visitor.get("/terminals/ZX01/traffic")
            #expect(on.text.contains("from the terminal") && on.text.contains("to the terminal"))
            #expect(on.text.contains("removed, ") && on.text.contains("21 bytes that are no JSON"))
            #expect(!on.text.contains("83649217") && !on.text.contains(finger.dropFirst(20).prefix(24)))
            #expect(on.text.contains(wallNow(-60).description.prefix(15)))
            // Other terminals cost and show nothing.
            let other = try await gateway.connect("ZX02")
            try await other.register()
            try await isKnown("ZX02", in: gateway)
            #expect(try await visitor.get("/terminals/ZX02/traffic").text.contains("Begin to look"))
            _ = try await visitor.post("/terminals/ZX01/traffic", ["verb": "stop"])
            #expect(try await visitor.get("/terminals/ZX01/traffic").text.contains("Begin to look"))
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 50)
            #expect(trail.count { $0.action == "terminals.watch" && $0.subject == "terminal ZX01" } == 1)
        }
    }

    @Test(arguments: ["ar", "hi", "fr"])
    func `pages are there in every language`(language: String) async throws {
        try await withGateway { gateway in
            try await gateway.connect("ZX01").register()
            try await isKnown("ZX01", in: gateway)
            let visitor = try await gateway.visitor()
            visitor.language = language
            for path in [
                "/terminals", "/terminals/ZX01", "/terminals/ZX01/traffic", "/people", "/people/unmatched",
            ] {
                let page = try await visitor.get(path)
                #expect(page.status == 200)
                #expect(page.text.contains("lang=\"\(language)\""))
                #expect(page.text.utf8.count < 100_000, "\(path)")
            }
        }
    }
}
