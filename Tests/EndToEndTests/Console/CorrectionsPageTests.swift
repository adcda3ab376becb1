import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite(.timeLimit(.minutes(10))) struct `The console's corrections` {
    private static let ahead: Int64 = 30 * 86_400

    /// P1 to P3 from a clock 30 days ahead, P4 believed; R1 without a time, R2 of nobody. All of terminal P1, which is of
    /// the plant.
    private func withCases(
        _ body: @escaping @Sendable (RunningGateway, SimulatedERPNext) async throws -> Void
    ) async throws {
        let file = "[Terminal P1]\nGroup = Plant\n[Group Plant]\nSinks = erpnext\n"
        try await withERPNext(people: 1...9) { erp in
            try await withGateway(file: file, erp: erp) { gateway in
                let terminal = try await gateway.connect("P1")
                try await terminal.register(deviceInfo: TerminalWords.deviceInfo(clock: wallNow(Self.ahead)))
                try await terminal.sendLog(
                    (1...3).map { .tfs(UInt64($0), at: wallNow(Self.ahead - 600 + 60 * Int64($0))) } + [
                        .tfs(4, at: wallNow(-60)), .init(enrollID: .number(5), time: "<i>soon</i>"),
                        .init(enrollID: .number(0), time: "never", mode: 0, event: 1),
                    ])
                await erp.checkinCount(reaches: 1)
                try await gateway.outboxIsEmpty()
                try await body(gateway, erp)
            }
        }
    }

    @Test func `are shown with what is proposed, accepted, set and rejected`() async throws {
        try await withCases { gateway, erp in
            let visitor = try await gateway.visitor(.operator)
            let page = try await visitor.get("/deliveries/corrections")
            #expect(page.status == 200)
            for id in ["P1", "P2", "P3", "R1", "R2"] { #expect(page.text.contains("value=\"\(id)\"")) }
            #expect(!page.text.contains("value=\"P4\""))
            #expect(page.text.contains(" ahead at its registration"))
            #expect(page.text.contains("&lt;i&gt;soon") && !page.text.contains("<i>soon"))
            #expect(page.text.contains("it can only be rejected"))
            #expect(page.text.contains("Asia/Kolkata"))

            // What is wrong is told beside the field, with the ticks kept.
            let form = "/deliveries/corrections"
            for (fields, words) in [
                (["action": "accept"], "Tick at least one case."),
                (["action": "reject", "case": "P1"], "This needs a reason."),
                (["action": "time", "case": "P1", "time": "8 o'clock", "reason": "x"], "A date and a time"),
                (
                    [
                        "action": "time", "case": "P1", "case": "P2", "time": "2026-01-01T08:00",
                        "reason": "x",
                    ],
                    "Tick just one case"
                ),
                (["action": "accept", "case": "R2"], "it can only be rejected"),
                (["action": "accept", "case": "P4"], "its time is believed"),
                (["action": "accept", "case": "P99"], "there is no such case"),
            ] as [(KeyValuePairs<String, String>, String)] {
                let refused = try await visitor.post(form, fields)
                #expect(refused.status == 422 && refused.text.contains(words), "\(words)")
            }
            let ticked = try await visitor.post(form, ["action": "reject", "case": "P2"])
            #expect(ticked.text.contains("value=\"P2\" aria-label=\"Tick P2\" checked"))
            #expect(erp.checkins.count == 1)

            let accepted = try await visitor.post(form, ["action": "accept", "case": "P1", "case": "R1"])
            #expect(accepted.status == 200 && accepted.text.contains("Decided: 2"))
            let time = wallNow(-3600).description
            let set = try await visitor.post(
                form,
                [
                    "action": "time", "case": "P2", "time": time.replacing(" ", with: "T"),
                    "reason": "seen on the camera",
                ])
            #expect(set.text.contains("Decided: 1"))
            // One can be decided on and the other was already: both are told.
            let mixed = try await visitor.post(
                form, ["action": "reject", "case": "P1", "case": "R2", "reason": "nobody was there"])
            #expect(mixed.status == 422 && mixed.text.contains("Decided: 1"))
            #expect(mixed.text.contains("P1: it was decided on before"))
            await erp.checkinCount(reaches: 4)
            #expect(erp.checkins.first { $0.person == "2" }?.time == time)
            #expect(try await visitor.get(form).text.contains("value=\"P3\""))
            let all = try await visitor.post(form, ["action": "accept-all"])
            #expect(all.text.contains("Decided: 1") && all.text.contains("Nothing to decide on."))
            let decided = try await visitor.get(form + "?all=1")
            #expect(decided.text.contains("by operator.one: seen on the camera"))
            #expect(!decided.text.contains("value=\"P1\""))
        }
    }

    @Test func `are decided on by those who may, of their own terminals`() async throws {
        try await withCases { gateway, _ in
            let viewer = try await gateway.visitor(.viewer, named: "viewer.one")
            let page = try await viewer.get("/deliveries/corrections")
            #expect(page.text.contains(">P1<") && !page.text.contains("name=\"action\""))
            let refused = try await viewer.post(
                "/deliveries/corrections", ["action": "accept", "case": "P1"])
            #expect(refused.status == 403)
            let office = try await gateway.visitor(
                .operator, named: "office.one", reach: try Reach(groups: ["office"], sinks: nil))
            let nothing = try await office.get("/deliveries/corrections")
            #expect(nothing.text.contains("Nothing to decide on.") && !nothing.text.contains(">P1<"))
            for fields: KeyValuePairs<String, String> in [
                ["action": "accept", "case": "P1"], ["action": "accept", "case": "R1"],
                ["action": "accept-all"], ["action": "accept", "case": "P999"],
            ] {
                #expect(try await office.post("/deliveries/corrections", fields).status == 404, "\(fields)")
            }
            let plant = try await gateway.visitor(
                .operator, named: "plant.one", reach: try Reach(groups: ["plant"], sinks: nil))
            _ = try await plant.get("/deliveries/corrections")
            let mine = try await plant.post("/deliveries/corrections", ["action": "accept", "case": "P1"])
            #expect(mine.text.contains("Decided: 1"))
            #expect(try await plant.post("/deliveries/corrections", ["action": "fly"]).status == 400)
        }
    }

    @Test func `come in pages, those decided on left out`() async throws {
        let folder = try TemporaryFolder()
        let bench = try await JournalBench(folder: folder.path + "/data")
        await bench.store.close()
        try await withGateway(folder: folder) { gateway in
            let terminal = try await gateway.connect("T1")
            try await terminal.register(deviceInfo: TerminalWords.deviceInfo(clock: wallNow(Self.ahead)))
            try await terminal.sendLog(
                (1...100).map { .tfs(UInt64($0), at: wallNow(Self.ahead - 6000 + 10 * Int64($0))) })
            let visitor = try await gateway.visitor()
            let first = try await visitor.get("/deliveries/corrections")
            #expect(first.text.contains("value=\"P100\"") && !first.text.contains("value=\"P60\""))
            #expect(first.text.contains("href=\"/deliveries/corrections?punches=61#punches\""))
            #expect(first.text.utf8.count < 100_000)
            let second = try await visitor.get("/deliveries/corrections?punches=61")
            #expect(second.text.contains("value=\"P60\"") && !second.text.contains("value=\"P61\""))
            _ = try await visitor.post("/deliveries/corrections", ["action": "accept", "case": "P100"])
            let next = try await visitor.get("/deliveries/corrections")
            #expect(next.text.contains("value=\"P60\"") && !next.text.contains("value=\"P100\""))
        }
    }
}
