import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// `/people` and a person's own page, as a browser sees them.
@Suite(.timeLimit(.minutes(10))) struct `The console's people` {
    private static let office = """
        [People]
        Collect = yes

        [Group office]
        ShareCredentials = yes
        [Group plant]
        EmployeeField = custom_plant_id

        [Terminal A1]
        Name = Front door
        Group = office
        [Terminal A2]
        Group = office
        [Terminal P1]
        Group = plant
        """

    private func faithful(_ serial: String, _ gateway: RunningGateway) throws -> FaithfulTerminal {
        var options = FaithfulTerminal.Options(serial: serial)
        options.zone = "Asia/Kolkata"
        return try FaithfulTerminal(options, address: .init(port: gateway.port))
    }

    private func alive(_ terminals: [FaithfulTerminal], _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for terminal in terminals { tasks.addTask { try await terminal.run() } }
            for terminal in terminals { try await terminal.wait { $0.isRegistered } }
            try await body()
            tasks.cancelAll()
        }
    }

    @Test func `whoever is enrolled is in the roster, with where, and never with what`() async throws {
        try await withGateway(file: Self.office) { gateway in
            let first = try faithful("A1", gateway)
            let second = try faithful("A2", gateway)
            try await alive([first, second]) {
                let finger = SimulatedCredential.finger(seed: 1)
                first.act {
                    $0.enrol(
                        7, name: "<b>Ada</b>",
                        credentials: [
                            StoredCredential(slot: 0, record: finger),
                            StoredCredential(slot: 10, record: "83649217"),
                        ], at: $1)
                }
                try await second.wait { $0.content.users[7]?.credentials.count == 2 }
                let visitor = try await gateway.visitor(.operator)
                try await eventually {
                    let list = try await visitor.get("/people").text
                    return list.contains("Front door") && list.contains("A2")
                }
                let list = try await visitor.get("/people")
                #expect(list.text.contains("&lt;b&gt;Ada") && !list.text.contains("<b>Ada"))
                #expect(list.text.contains("Fingerprint, PIN"))
                #expect(try await visitor.get("/people?q=ada").text.contains("/people/-/7"))
                let hostile = try await visitor.get(
                    "/people?q=" + String(repeating: "%3Cscript", count: 1_000))
                #expect(hostile.status == 200 && hostile.text.contains("Nobody of that name"))
                let person = try await visitor.get("/people/-/7")
                #expect(person.status == 200 && person.text.contains("as in the roster"))
                #expect(!person.text.contains("83649217"))
                #expect(!person.text.contains(finger.dropFirst(20).prefix(24)))
                for path in ["/people/-/8", "/people/nosuch/7", "/people/-/0", "/people/-/99999999"] {
                    #expect(try await visitor.get(path).status == 404, "\(path)")
                }
                let export = try await visitor.post("/people/-/7/export", [:])
                #expect(
                    export.headers.first(name: "Content-Disposition")
                        == "attachment; filename=\"person-7.json\"")
                #expect(export.text.contains("\"enroll_id\":\"7\"") && !export.text.contains("83649217"))
                let whole = try await visitor.post("/people/-/7/export", ["whole": "on"])
                #expect(whole.text.contains("83649217"))
                let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 50)
                #expect(trail.contains { $0.action == "people.export" && $0.author.name == "operator.one" })
            }
        }
    }

    @Test func `somebody is added, enrolled at a terminal step by step, and erased with a receipt`()
        async throws
    {
        try await withGateway(file: Self.office) { gateway in
            let terminal = try faithful("A1", gateway)
            try await alive([terminal]) {
                let visitor = try await gateway.visitor(.operator)
                let wrong = try await visitor.post(
                    "/people", ["space": "", "id": "not a number!", "name": "Ada", "role": "user"])
                #expect(wrong.status == 422 && wrong.text.contains("value=\"Ada\""))
                let added = try await visitor.post(
                    "/people", ["space": "", "id": "42", "name": "Ada", "role": "user"])
                #expect(added.path.hasPrefix("/people/-/42") && added.text.contains("Saved."))
                let begun = try await visitor.post("/people/-/42/enrol", ["terminal": "A1", "slot": "0"])
                #expect(begun.path.contains("command="))
                try await eventually {
                    try await visitor.get(begun.path).text.contains("Front door waits for the person")
                }
                terminal.act {
                    $0.enrol(
                        42, name: "Ada",
                        credentials: [StoredCredential(slot: 0, record: SimulatedCredential.finger(seed: 3))],
                        at: $1)
                }
                try await eventually {
                    try await visitor.get(begun.path).text.contains("Taken and kept: Fingerprint.")
                }
                let unsure = try await visitor.post("/people/-/42/erase", ["reason": "left"])
                #expect(unsure.status == 422 && unsure.text.contains("value=\"left\""))
                let mute = try await visitor.post("/people/-/42/erase", ["confirm": "on"])
                #expect(mute.status == 422 && mute.text.contains("Say why"))
                let erased = try await visitor.post(
                    "/people/-/42/erase", ["reason": "left", "confirm": "on"])
                #expect(erased.text.contains("Receipt 1") && erased.text.contains("Erased here."))
                try await eventually {
                    try await visitor.get("/people/-/42").text.contains("Proven everywhere on")
                }
                #expect(terminal.content.users[42] == nil)
            }
        }
    }

    @Test func `only administrators issue codes, which are shown once`() async throws {
        try await withGateway(file: Self.office) { gateway in
            try await gateway.connect("A1").register()
            try await eventually { try await !gateway.gateway.store.terminals(after: nil, limit: 1).isEmpty }
            let visitor = try await gateway.visitor(.operator)
            _ = try await visitor.post(
                "/people", ["space": "", "id": "900", "name": "Guest", "role": "user"])
            #expect(
                try await visitor.post("/people/-/900/code", ["terminal": "A1", "kind": "pin"]).status == 403)
            let chief = try await gateway.visitor(named: "chief.one")
            _ = try await chief.get("/people/-/900")
            let issued = try await chief.post(
                "/people/-/900/code", ["terminal": "A1", "kind": "pin", "span": "8h", "uses": "3"])
            let pin = try #require(issued.text.firstMatch(of: /<pre id="code">(\d{8})<\/pre>/)?.1)
            let page = try await chief.get("/people/-/900")
            #expect(!page.text.contains(pin) && page.text.contains("0 / 3"))
            let wrong = try await chief.post(
                "/people/-/900/code", ["terminal": "A1", "kind": "pin", "uses": "0"])
            #expect(wrong.status == 422)
            let revoked = try await chief.post("/people/-/900/revoke", ["id": "1"])
            #expect(revoked.text.contains("Revoked"))
            #expect(try await chief.post("/people/-/901/revoke", ["id": "1"]).status == 404)
        }
    }

    @Test func `nobody sees a person out of reach, by list, by search or by number`() async throws {
        try await withGateway(file: Self.office) { gateway in
            for serial in ["A1", "P1"] {
                let terminal = try await gateway.connect(serial)
                try await terminal.register()
                try await terminal.send(
                    #"{"cmd":"senduser","sn":"\#(serial)","enrollid":\#(serial == "A1" ? 7 : 8),"name":"Person \#(serial)","backupnum":10,"admin":0,"record":4711}"#
                )
                _ = try await terminal.receiveMessage()
            }
            let all = try await gateway.visitor()
            let first = try await all.get("/people")
            #expect(first.text.contains("Person A1") && first.text.contains("Person P1"))
            #expect(try await all.get("/people/plant/8").status == 200)
            #expect(try await all.get("/people/-/8").status == 404)
            let plant = try await gateway.visitor(
                .operator, named: "plant.one", reach: try Reach(groups: ["Plant"], sinks: nil))
            let list = try await plant.get("/people")
            #expect(list.text.contains("Person P1") && !list.text.contains("Person A1"))
            #expect(!(try await plant.get("/people?q=person").text.contains("Person A1")))
            #expect(try await plant.get("/people/-/7").status == 404)
            #expect(try await plant.get("/people/plant/8").status == 200)
            #expect(
                try await plant.post("/people/-/7/erase", ["reason": "x", "confirm": "on"]).status == 404)
            #expect(try await plant.post("/people", ["space": "", "id": "9", "role": "user"]).status == 403)
            #expect(try await plant.post("/people/sync", ["terminal": "A1"]).status == 404)
            #expect(try await plant.post("/people/sync", [:]).status == 403)
            // Of a numbering that is shared with others they see whom their terminals hold, and change nobody.
            let office = try await gateway.visitor(
                .operator, named: "office.one", reach: try Reach(groups: ["office"], sinks: nil))
            let theirs = try await office.get("/people")
            #expect(theirs.text.contains("Person A1") && !theirs.text.contains("Person P1"))
            #expect(try await office.get("/people/-/7").status == 200)
            #expect(try await office.post("/people/-/7/export", [:]).status == 403)
            let viewer = try await gateway.visitor(.viewer, named: "viewer.one")
            #expect(try await viewer.get("/people/plant/8").status == 200)
            #expect(try await viewer.post("/people/plant/8/export", [:]).status == 403)
            #expect(try await viewer.post("/people/plant/8/save", ["name": "x"]).status == 403)
        }
    }

    @Test func `numbers that are nobody's are told, and mapped`() async throws {
        try await withERPNext(people: 1...5) { erp in
            try await withGateway(erp: erp) { gateway in
                let terminal = try await gateway.connect("T1")
                try await terminal.register()
                _ = try await terminal.sendLog([.tfs(77, at: wallNow(-60)), .tfs(3, at: wallNow(-50))])
                try await eventually { try await gateway.gateway.store.status().queues[.erpnext]?.dead == 1 }
                let visitor = try await gateway.visitor(.operator)
                let read = try await visitor.post("/people/employees", ["site": "erpnext"])
                #expect(read.text.contains("Employees known: 5."))
                let found = try await visitor.get("/people/unmatched?kind=unknown-id")
                #expect(found.text.contains("Number is nobody’s") && found.text.contains("<bdi>77</bdi>"))
                #expect(found.text.contains("map=77"))
                let stranger = try await visitor.post(
                    "/people/map", ["site": "erpnext", "space": "", "id": "77", "employee": "HR-EMP-99"])
                #expect(stranger.status == 422 && stranger.text.contains("erpnext has no such employee"))
                #expect(stranger.text.contains("value=\"HR-EMP-99\""))
                let mapped = try await visitor.post(
                    "/people/map", ["site": "erpnext", "space": "", "id": "77", "employee": "HR-EMP-4"])
                #expect(mapped.text.contains("Refused punches sent again: 1."))
                await erp.checkinCount(reaches: 2)
                #expect(
                    mapped.text.contains("made here") && !mapped.text.contains("Number is nobody’s</span>"))
                let removed = try await visitor.post(
                    "/people/map",
                    ["site": "erpnext", "space": "", "id": "77", "employee": "HR-EMP-4", "verb": "remove"])
                #expect(removed.text.contains("The mapping is removed."))
                #expect(try await visitor.post("/people/map", ["site": "nosuch"]).status == 404)
                let viewer = try await gateway.visitor(.viewer, named: "viewer.one")
                #expect(try await viewer.get("/people/unmatched").status == 200)
                #expect(try await viewer.post("/people/map", ["site": "erpnext"]).status == 403)
            }
        }
    }
}
