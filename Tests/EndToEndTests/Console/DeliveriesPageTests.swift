import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `The console's deliveries` {
    private static let groups = """
        [Group Plant]
        Sinks = erpnext
        [Group Office]
        Sinks = erpnext
        [Terminal P1]
        Group = Plant
        [Terminal O1]
        Group = Office
        Name = Front <b>door</b>
        """

    private func dead(_ gateway: RunningGateway, is count: Int) async throws {
        try await eventually {
            let queue = try await gateway.gateway.store.status().queues[.erpnext]
            return queue?.dead == count && queue?.owed == 0
        }
    }

    /// Two of person 3, one of person 4, refused in the words of the site; one of somebody nobody knows.
    private func withRefused(
        _ body: @escaping @Sendable (RunningGateway, SimulatedERPNext) async throws -> Void
    ) async throws {
        try await withERPNext(people: 1...9) { erp in
            for person in ["3", "4"] {
                erp.inject(
                    .refused(exceptionType: "ValidationError", message: "The <b>gate</b> is closed."),
                    person: person)
            }
            try await withGateway(file: Self.groups, erp: erp) { gateway in
                try await eventually { try await gateway.sink("erpnext")?.site?.lastRead != nil }
                for (serial, first) in [("P1", 3), ("O1", 4)] {
                    let terminal = try await gateway.connect(serial)
                    try await terminal.register()
                    _ = try await terminal.sendLog([
                        .aiFace(UInt64(first), at: wallNow(-600), name: "<script>alert(1)</script>"),
                        .tfs(UInt64(first) - 2, at: wallNow(-500)),
                    ])
                }
                let terminal = try await gateway.connect("P1")
                try await terminal.register()
                _ = try await terminal.sendLog([.tfs(3, at: wallNow(-400)), .tfs(77, at: wallNow(-300))])
                try await self.dead(gateway, is: 4)
                try await body(gateway, erp)
            }
        }
    }

    @Test func `tell how each sink fares and what was refused, in the reader's language`() async throws {
        try await withRefused { gateway, _ in
            let visitor = try await gateway.visitor()
            let page = try await visitor.get("/deliveries")
            #expect(page.status == 200)
            #expect(page.text.contains("A rule of the site refuses it"))
            #expect(page.text.contains("No employee has this id"))
            #expect(page.text.contains("change the rule on the site"))
            #expect(page.text.contains("The gate is closed."))
            #expect(page.text.contains("Employees known</dt><dd>9"))
            #expect(page.text.contains("&lt;script&gt;alert(1)") && !page.text.contains("<script>alert"))
            #expect(page.text.contains("Front &lt;b&gt;door"))
            #expect(page.text.utf8.count < 100_000)
            // Every word is there: a missing one would stand as its key.
            #expect(!page.text.contains("cause_") && !page.text.contains("state_"))
            visitor.language = "ar"
            let arabic = try await visitor.get("/deliveries")
            #expect(arabic.text.contains("قاعدة في الموقع ترفضها"))
            let narrowed = try await visitor.get("/deliveries?cause=unknown-employee&sink=erpnext")
            #expect(narrowed.text.contains(">77<") && !narrowed.text.contains("gate is closed.</span></td>"))
            let person = try await visitor.get("/deliveries?person=4")
            #expect(person.text.contains("<bdi>4</bdi>") && !person.text.contains("<bdi>77</bdi>"))
            let day = String(wallNow().description.prefix(10))
            #expect(try await visitor.get("/deliveries?from=\(day)&to=\(day)&terminal=P1").status == 200)
        }
    }

    @Test func `are sent again and given up by group, by tick and by search`() async throws {
        try await withRefused { gateway, erp in
            let visitor = try await gateway.visitor(.operator)
            let page = try await visitor.get("/deliveries")
            #expect(page.text.contains("value=\"retry\""))
            // Nothing ticked, and no reason: told beside the field, and nothing has changed.
            let none = try await visitor.post(
                "/deliveries/dead-letters", ["scope": "ticked", "action": "retry"])
            #expect(none.status == 422 && none.text.contains("Tick at least one."))
            let letters = try await gateway.gateway.store.deadLetters(DeadLetterFilter(), after: 0, limit: 10)
            let stranger = try #require(letters.first { $0.enrollID.sent == "77" })
            let reasonless = try await visitor.post(
                "/deliveries/dead-letters",
                ["scope": "ticked", "letter": "\(stranger.id)", "action": "discard", "reason": "  "])
            #expect(reasonless.status == 422 && reasonless.text.contains("Giving up needs a reason."))
            #expect(
                reasonless.text.contains(
                    "value=\"\(stranger.id)\" aria-label=\"Tick \(stranger.id)\" checked"))
            let groupless = try await visitor.post(
                "/deliveries/dead-letters",
                ["scope": "group", "sink": "erpnext", "cause": "refused-by-rule", "action": "discard"])
            #expect(groupless.status == 422 && groupless.text.contains("<details open>"))
            #expect(try await gateway.gateway.store.status().queues[.erpnext]?.dead == 4)

            let given = try await visitor.post(
                "/deliveries/dead-letters",
                [
                    "scope": "ticked", "letter": "\(stranger.id)", "action": "discard",
                    "reason": "a visitor", "back": "cause=unknown-employee",
                ])
            #expect(given.status == 200 && given.text.contains("Given up: 1"))
            #expect(given.path.contains("cause=unknown-employee"))
            // The site is mended.
            erp.clearFaults()
            let found = try await visitor.post(
                "/deliveries/dead-letters", ["scope": "found", "action": "retry", "back": "person=4"])
            #expect(found.text.contains("Sent again: 1"))
            let group = try await visitor.post(
                "/deliveries/dead-letters",
                ["scope": "group", "sink": "erpnext", "cause": "refused-by-rule", "action": "retry"])
            #expect(group.text.contains("Sent again: 2"))
            try await self.dead(gateway, is: 0)
            #expect(erp.checkins.count == 5)
            let again = try await visitor.post(
                "/deliveries/dead-letters",
                ["scope": "group", "sink": "erpnext", "cause": "refused-by-rule", "action": "retry"])
            #expect(again.text.contains("None was there any more."))
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 50)
            #expect(
                trail.contains { $0.author.name == "operator.one" && $0.action == "dead-letters.discard" })
            #expect(try await visitor.get("/deliveries").text.contains("There are no dead letters."))
        }
    }

    @Test func `show each his own, and change nothing for those who may only look`() async throws {
        try await withRefused { gateway, erp in
            let viewer = try await gateway.visitor(.viewer, named: "viewer.one")
            let page = try await viewer.get("/deliveries")
            #expect(page.status == 200 && !page.text.contains("name=\"action\""))
            #expect(!page.text.contains("/deliveries/reconcile"))
            for path in [
                "/deliveries/dead-letters", "/deliveries/read", "/deliveries/shifts/ask",
                "/deliveries/reconcile/owe",
            ] {
                let refused = try await viewer.post(path, ["scope": "ticked", "action": "retry"])
                #expect(refused.status == 403, "\(path)")
            }

            let office = try await gateway.visitor(
                .operator, named: "office.one", reach: try Reach(groups: ["office"], sinks: nil))
            let mine = try await office.get("/deliveries")
            #expect(mine.text.contains("<bdi>4</bdi>"))
            #expect(
                !mine.text.contains("<bdi>3</bdi>") && !mine.text.contains("No employee has this id</h3>"))
            let attempts = try await office.get("/deliveries/attempts")
            #expect(attempts.text.contains("<bdi>4</bdi>") && !attempts.text.contains("<bdi>3</bdi>"))
            #expect(try await office.get("/deliveries?terminal=P1").text.contains("None found."))
            erp.clearFaults()
            let letters = try await gateway.gateway.store.deadLetters(DeadLetterFilter(), after: 0, limit: 10)
            let other = try #require(letters.first { $0.enrollID.sent == "3" })
            let foreign = try await office.post(
                "/deliveries/dead-letters",
                ["scope": "ticked", "letter": "\(other.id)", "action": "retry"])
            #expect(foreign.text.contains("None was there any more."))
            let group = try await office.post(
                "/deliveries/dead-letters",
                ["scope": "group", "sink": "erpnext", "cause": "refused-by-rule", "action": "retry"])
            #expect(group.text.contains("Sent again: 1"))
            try await self.dead(gateway, is: 3)

            let elsewhere = try await gateway.visitor(
                .operator, named: "elsewhere.one", reach: try Reach(groups: nil, sinks: ["branch"]))
            let empty = try await elsewhere.get("/deliveries")
            #expect(empty.status == 200 && !empty.text.contains("<bdi>3</bdi>"))
            #expect(!empty.text.contains("gate is closed"))
            for path in ["/deliveries?sink=erpnext", "/deliveries/attempts?sink=erpnext"] {
                #expect(try await elsewhere.get(path).status == 404)
            }
            #expect(try await elsewhere.post("/deliveries/read", ["sink": "erpnext"]).status == 404)
        }
    }

    @Test func `withstand whatever stands in the address or in a form`() async throws {
        try await withGateway { gateway in
            let visitor = try await gateway.visitor()
            let long = String(repeating: "x", count: 6_000)
            for (path, status) in [
                ("/deliveries?sink=nowhere", 404), ("/deliveries?cause=boredom", 404),
                ("/deliveries?sink=%3Cscript%3E", 404), ("/deliveries?from=2026-13-01", 422),
                ("/deliveries?from=2026-03-02&to=2026-03-01", 422), ("/deliveries?before=abc", 200),
                ("/deliveries/attempts?before=1-2", 200), ("/deliveries?sink=csv", 200),
                ("/deliveries/attempts?sink=nowhere", 404),
                ("/deliveries/shifts?late=x&wrong=-1", 200), ("/deliveries/shifts?sink=nowhere", 404),
                ("/deliveries/nothing", 404), ("/deliveries?terminal=\(long)", 422),
            ] {
                let page = try await visitor.get(path)
                #expect(page.status == status, "\(path.prefix(60)): \(page.status)")
                #expect(!page.text.contains("<script>"))
            }
            let person = try await visitor.get("/deliveries?person=\(long)")
            #expect(person.status == 422 && person.text.contains("cannot be an enroll id"))
            // One that is longer than an address may be never comes as far as a page.
            #expect(
                (400..<500).contains(try await visitor.get("/deliveries?person=\(long)\(long)\(long)").status)
            )
            #expect(try await visitor.post("/deliveries/read", ["sink": "erpnext"]).status == 404)
            for fields: KeyValuePairs<String, String> in [
                ["scope": "ticked", "letter": "1"], ["scope": "found", "action": "retry"],
                ["scope": "group", "action": "retry"], ["action": "retry", "back": "%zz"],
            ] {
                #expect(try await visitor.post("/deliveries/dead-letters", fields).status == 400, "\(fields)")
            }
            #expect(
                try await visitor.post(
                    "/deliveries/dead-letters", ["scope": "ticked", "action": "retry"], token: "guessed"
                ).status == 400)
        }
    }

    @Test func `show the latest attempts, only failed ones too, and read a site at once`() async throws {
        try await withRefused { gateway, erp in
            let visitor = try await gateway.visitor()
            let all = try await visitor.get("/deliveries/attempts?sink=erpnext")
            #expect(all.text.contains("Delivered</span>") && all.text.contains("The gate is closed."))
            let failed = try await visitor.get("/deliveries/attempts?failed=1")
            #expect(!failed.text.contains("Delivered</span>") && failed.text.contains("The gate is closed."))
            erp.add(SimulatedEmployee(name: "HR-EMP-10", deviceID: "10"))
            let read = try await visitor.post("/deliveries/read", ["sink": "erpnext"])
            #expect(read.text.contains("Employees read: 10"))
            erp.setCredential("somebody:else")
            let unread = try await visitor.post("/deliveries/read", ["sink": "erpnext"])
            #expect(unread.text.contains("The site could not be read"))
        }
    }

    @Test func `show shifts, late check-ins and those that the site made wrongly`() async throws {
        let folder = try TemporaryFolder()
        let bench = try await JournalBench(folder: folder.path + "/data")
        let time = wallNow(-7200)
        let late = try await bench.record("4", time)
        let wrong = try await bench.record("5", time)
        try await bench.store.begin(
            [
                AttemptStart(
                    punch: late, frozen: "{}",
                    decision: Decision(person: "4", employee: "HR-EMP-4", time: time))
            ],
            for: .erpnext, at: JournalBench.now())
        try await bench.store.settle(
            [
                Settlement(
                    punch: late,
                    attempt: Attempt(
                        started: JournalBench.now(), duration: .milliseconds(5), status: 200,
                        answer: .delivered, reference: "EMP-CKIN-1"), fate: .delivered, report: .success,
                    missedShift: .init(shift: "Night <i>shift</i>", end: wallNow(-3600)))
            ], for: .erpnext)
        try await bench.misfile(
            wrong, decision: Decision(person: "5", employee: "HR-EMP-5", time: time), reference: "EMP-CKIN-2")
        await bench.store.close()
        let file = "[Terminal GATE-1]\nShifts = Day Shift\nGroup = Plant\n[Group Plant]\nSinks = erpnext\n"
        try await withERPNext(people: 1...9) { erp in
            try await withGateway(file: file, erp: erp, folder: folder) { gateway in
                let visitor = try await gateway.visitor()
                let page = try await visitor.get("/deliveries/shifts")
                #expect(page.text.contains("Night &lt;i&gt;shift") && page.text.contains("EMP-CKIN-2"))
                #expect(page.text.contains("Day Shift") && page.text.contains("GATE-1 ("))
                #expect(!page.text.contains("shift_") && !page.text.contains("wrong_"))
                let asked = try await visitor.post("/deliveries/shifts/ask", ["sink": "erpnext"])
                #expect(asked.status == 200 && asked.text.contains("no longer there"))
                let other = try await gateway.visitor(
                    .viewer, named: "other.one", reach: try Reach(groups: ["elsewhere"], sinks: nil))
                let little = try await other.get("/deliveries/shifts")
                #expect(!little.text.contains("EMP-CKIN") && !little.text.contains("GATE-1"))
            }
        }
    }
}
