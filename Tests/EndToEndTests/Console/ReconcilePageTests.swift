import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `The console's reconciling` {
    private static let file = "[Terminal P1]\nGroup = Plant\n[Group Plant]\nSinks = erpnext\n"

    /// Six punches that were delivered, and the names of their check-ins by time.
    private func withDelivered(
        _ body: @escaping @Sendable (RunningGateway, SimulatedERPNext, [String]) async throws -> Void
    ) async throws {
        try await withERPNext(people: 1...9) { erp in
            try await withGateway(file: Self.file, erp: erp) { gateway in
                try await eventually { try await gateway.sink("erpnext")?.site?.lastRead != nil }
                let terminal = try await gateway.connect("P1")
                try await terminal.register()
                let start = wallNow(-3600)
                _ = try await terminal.sendLog(
                    (1...6).map {
                        .aiFace(UInt64($0), at: WallTime(seconds: start.seconds + Int64($0)), name: "Ada")
                    })
                try await gateway.outboxIsEmpty()
                try await body(gateway, erp, erp.checkins.sorted { $0.time < $1.time }.map(\.name))
            }
        }
    }

    private var days: (from: String, to: String) {
        (String(wallNow(-86_400).description.prefix(10)), String(wallNow(86_400).description.prefix(10)))
    }

    @Test func `finds what was done to the site and queues the missing again`() async throws {
        try await withDelivered { gateway, erp, made in
            let visitor = try await gateway.visitor(.operator)
            let form = try await visitor.get("/deliveries/reconcile")
            #expect(form.status == 200 && form.field("from")?.count == 10)
            let (from, to) = self.days
            let agreed = try await visitor.post(
                "/deliveries/reconcile", ["sink": "erpnext", "from": from, "to": to])
            #expect(agreed.status == 200 && agreed.text.contains("All agree."))
            #expect(agreed.text.contains("Delivered</dt><dd>6"))

            erp.removeCheckin(made[0])
            erp.updateCheckin(made[1]) { $0.time = wallNow(-7200).description }
            erp.updateCheckin(made[2]) { $0.employee = "HR-EMP-9" }
            let found = try await visitor.post(
                "/deliveries/reconcile", ["sink": "erpnext", "from": from, "to": to])
            for words in ["There are differences.", "Missing there: 1", "Other time: 1", "Other employee: 1"]
            {
                #expect(found.text.contains(words), "\(words)")
            }
            #expect(!found.text.contains("kind_") && !found.text.contains("cure_"))
            let punches = try #require(found.field("punches"))
            #expect(punches == "1")
            let queued = try await visitor.post(
                "/deliveries/reconcile/owe", ["sink": "erpnext", "punches": punches])
            #expect(queued.status == 200 && queued.text.contains("Queued again: 1"))
            await erp.checkinCount(reaches: 6)
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 50)
            #expect(trail.contains { $0.author.name == "operator.one" && $0.action == "punches.send-again" })
            let one = try await visitor.post(
                "/deliveries/reconcile",
                ["sink": "erpnext", "from": from, "to": to, "employee": "HR-EMP-4"])
            #expect(one.text.contains("All agree."))
        }
    }

    @Test func `refuses what it cannot compare, beside the field, and keeps what was typed`() async throws {
        try await withDelivered { gateway, erp, _ in
            let visitor = try await gateway.visitor()
            _ = try await visitor.get("/deliveries/reconcile")
            let (from, to) = self.days
            for (fields, words) in [
                (["sink": "erpnext", "from": "x", "to": to], "the earlier one first"),
                (["sink": "erpnext", "from": to, "to": from], "the earlier one first"),
                (["sink": "erpnext", "from": "2026-01-01", "to": "2026-02-28"], "At most 31 days"),
                (
                    [
                        "sink": "erpnext", "from": from, "to": to,
                        "employee": String(repeating: "<script>", count: 1000),
                    ], "A document name"
                ),
            ] as [(KeyValuePairs<String, String>, String)] {
                let refused = try await visitor.post("/deliveries/reconcile", fields)
                #expect(refused.status == 422 && refused.text.contains(words), "\(words)")
                #expect(!refused.text.contains("<script>"))
            }
            for fields: KeyValuePairs<String, String> in [
                ["sink": "nowhere", "from": from, "to": to], ["from": from, "to": to],
            ] {
                #expect(try await visitor.post("/deliveries/reconcile", fields).status == 404)
            }
            for punches in ["", "1,x", (1...1001).map(String.init).joined(separator: ",")] {
                let refused = try await visitor.post(
                    "/deliveries/reconcile/owe", ["sink": "erpnext", "punches": punches])
                #expect(refused.status == 400)
            }
            erp.setCredential("somebody:else")
            let unreachable = try await visitor.post(
                "/deliveries/reconcile", ["sink": "erpnext", "from": from, "to": to])
            #expect(unreachable.status == 422 && unreachable.text.contains("cannot be asked now"))
        }
    }

    @Test func `is for those who may, and shows each his own`() async throws {
        try await withDelivered { gateway, erp, made in
            let viewer = try await gateway.visitor(.viewer, named: "viewer.one")
            #expect(try await viewer.get("/deliveries/reconcile").status == 403)
            erp.removeCheckin(made[0])
            let office = try await gateway.visitor(
                .operator, named: "office.one", reach: try Reach(groups: ["office"], sinks: nil))
            _ = try await office.get("/deliveries/reconcile")
            let (from, to) = self.days
            let nothing = try await office.post(
                "/deliveries/reconcile", ["sink": "erpnext", "from": from, "to": to])
            #expect(nothing.status == 200 && !nothing.text.contains("Missing there"))
            #expect(!nothing.text.contains("Ada") && !nothing.text.contains("<dd>6"))
            let foreign = try await office.post(
                "/deliveries/reconcile/owe", ["sink": "erpnext", "punches": "1"])
            #expect(foreign.status == 404)
            #expect(erp.checkins.count == 5)
        }
    }

    @Test func `asks a site for one comparison at a time`() async throws {
        try await withDelivered { gateway, erp, _ in
            let (from, to) = self.days
            let order = ComparisonOrder(sink: "erpnext", from: from, to: to)
            let routes = gateway.gateway.makeOperations().reconciling
            // Each answer takes its time, so the second one comes while the first is under way.
            erp.setHandlingTime(.milliseconds(300))
            await withTaskGroup(of: ComparisonRefusal?.self) { tasks in
                for _ in 1...2 {
                    tasks.addTask {
                        do {
                            _ = try await routes.compare(order)
                            return nil
                        } catch {
                            return error as? ComparisonRefusal
                        }
                    }
                }
                var refusals: [ComparisonRefusal] = []
                for await refusal in tasks { if let refusal { refusals.append(refusal) } }
                #expect(refusals == [.busy])
            }
            // And the way is free again.
            let later = try await routes.compare(order)
            #expect(later.isAgreed)
        }
    }
}
