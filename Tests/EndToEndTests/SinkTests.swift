import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// So many sites of the same people, each of them a server of its own.
func withSites<Result: Sendable>(
    _ count: Int, _ sites: [SimulatedERPNext] = [],
    _ body: @escaping @Sendable ([SimulatedERPNext]) async throws -> Result
) async throws -> Result {
    guard sites.count < count else { return try await body(sites) }
    return try await withERPNext(people: 1...20) { try await withSites(count, sites + [$0], body) }
}

@Suite(.timeLimit(.minutes(10))) struct `Several sinks` {
    private func site(_ name: String, _ erp: SimulatedERPNext, _ more: String = "") -> String {
        """
        [Site \(name)]
        URL = \(erp.url)
        Dialect = hrms
        APIKey = k3y-of-tests
        APISecret = \(erpSecret)
        \(more)

        """
    }

    /// Persons of the site's check-ins, each as often as there are.
    private func people(_ erp: SimulatedERPNext) -> [String] { erp.checkins.map(\.person).sorted() }

    private func nothingIsOwed(_ gateway: RunningGateway, to sinks: [String]) async throws {
        try await eventually {
            let queues = try await gateway.gateway.store.status().queues
            return sinks.allSatisfy { name in SinkName(name).flatMap { queues[$0]?.owed } == 0 }
        }
    }

    // MARK: StartFrom

    @Test func `a sink made known later begins now, with a day, or with the whole journal`() async throws {
        let folder = try TemporaryFolder()
        let midnight = WallTime(seconds: (wallNow().seconds / 86_400 - 2) * 86_400)
        let day = midnight.description.prefix(10)
        try await withSites(4) { sites in
            try await withGateway(erp: sites[0], folder: folder) { gateway in
                let terminal = try await gateway.connect("T1")
                try await terminal.register(deviceInfo: TerminalWords.deviceInfo(clock: wallNow(40 * 86_400)))
                try await terminal.sendLog([
                    .tfs(1, at: WallTime(seconds: midnight.seconds - 1)), .tfs(2, at: midnight),
                    .tfs(3, at: wallNow(-60)), .stranger(at: wallNow(-50)), .door(event: 1, at: wallNow(-40)),
                    // Doubtful ones: 4 is decided on as of a week ago, 5 as of now, 6 not at all.
                    .tfs(4, at: wallNow(40 * 86_400)),
                    .tfs(5, at: WallTime(seconds: midnight.seconds - 20 * 365 * 86_400)),
                    .tfs(6, at: wallNow(41 * 86_400)),
                ])
                let weekAgo = wallNow(-7 * 86_400).description
                for (id, time) in [("P6", weekAgo), ("P7", wallNow(-30).description)] {
                    let set = try await gateway.command(["corrections", "set", id, time, "--reason", "seen"])
                    #expect(set.status == 0, "\(set.output)")
                }
                await sites[0].checkinCount(reaches: 5)
                try await gateway.outboxIsEmpty()
            }
            #expect(people(sites[0]) == ["1", "2", "3", "4", "5"])

            let file =
                site("Fresh", sites[1], "StartFrom = now") + site("Dated", sites[2], "StartFrom = \(day)")
                + site("Whole", sites[3], "StartFrom = all")
            try await withGateway(file: file, erp: sites[0], folder: folder) { gateway in
                let terminal = try await gateway.connect("T1")
                try await terminal.register()
                try await terminal.sendLog([.tfs(7, at: wallNow(-20))])
                for name in ["fresh", "dated", "whole"] {
                    try await eventually {
                        try await gateway.gateway.store.bookmark(named: "backfill of \(name)") == "done"
                    }
                }
                try await nothingIsOwed(gateway, to: ["erpnext", "fresh", "dated", "whole"])
            }
            #expect(people(sites[1]) == ["7"])
            #expect(people(sites[2]) == ["2", "3", "5", "7"])
            #expect(people(sites[3]) == ["1", "2", "3", "4", "5", "7"])
            #expect(people(sites[0]) == ["1", "2", "3", "4", "5", "7"])
            let whole = Set(sites[3].checkins.map { "\($0.employee) \($0.time)" })
            #expect(whole == Set(sites[0].checkins.map { "\($0.employee) \($0.time)" }))

            // It means nothing for a sink that is known, and what a sink was given is not given twice.
            let changed =
                site("Fresh", sites[1], "StartFrom = all") + site("Dated", sites[2], "StartFrom = all")
                + site("Whole", sites[3], "StartFrom = now")
            try await withGateway(file: changed, erp: sites[0], folder: folder) { gateway in
                let terminal = try await gateway.connect("T1")
                try await terminal.register()
                try await terminal.sendLog([.tfs(8, at: wallNow(-10))])
                for erp in sites.prefix(2) { try await eventually { people(erp).contains("8") } }
                try await nothingIsOwed(gateway, to: ["erpnext", "fresh", "dated", "whole"])
            }
            #expect(sites.map(\.checkins.count) == [7, 2, 5, 7])
        }
    }

    // MARK: Routing

    @Test func `punches go where their terminal, its group or all terminals say, and nowhere else`()
        async throws
    {
        let folder = try TemporaryFolder()
        try await withSites(2) { sites in
            let routes: @Sendable (String) -> String = { nowhere in
                """
                [Terminals]
                Sinks = erpnext
                [Group Plant]
                Sinks = plant
                [Terminal P1]
                Group = Plant
                [Terminal P2]
                Group = Plant
                Sinks = plant, erpnext
                [Terminal A1]
                Sinks = all
                [Terminal N1]
                Sinks = \(nowhere)

                """ + site("Plant", sites[1])
            }
            try await withGateway(file: routes("none"), erp: sites[0], folder: folder) { gateway in
                for (person, serial) in [(1, "T1"), (2, "P1"), (3, "P2"), (4, "A1"), (5, "N1")] {
                    let terminal = try await gateway.connect(serial)
                    try await terminal.register()
                    try await terminal.sendLog([.tfs(UInt64(person), at: wallNow(-60))])
                }
                await sites[0].checkinCount(reaches: 3)
                await sites[1].checkinCount(reaches: 3)
                try await nothingIsOwed(gateway, to: ["erpnext", "plant"])
                #expect(people(sites[0]) == ["1", "3", "4"])
                #expect(people(sites[1]) == ["2", "3", "4"])
                let kept = try await gateway.journal().filter { $0.state == .notOwed }
                #expect(Set(kept.map(\.terminal.text)) == ["P1", "N1"])

                // Routing is decided when punches come in: what came before stays where it was.
                try gateway.reload(routes("plant"))
                let terminal = try await gateway.connect("N1")
                try await terminal.register()
                try await terminal.sendLog([.tfs(6, at: wallNow(-30))])
                await sites[1].checkinCount(reaches: 4)

                // One that is down holds up no other.
                try await sites[1].stop()
                let both = try await gateway.connect("P2")
                try await both.register()
                try await both.sendLog([.tfs(7, at: wallNow(-20))])
                await sites[0].checkinCount(reaches: 4)
                try await sites[1].start()
                await sites[1].checkinCount(reaches: 5)
                try await nothingIsOwed(gateway, to: ["erpnext", "plant"])
                #expect(people(sites[0]) == ["1", "3", "4", "7"])
                #expect(people(sites[1]) == ["2", "3", "4", "6", "7"])
            }
        }
    }

    @Test func `a new sink is given the past of those terminals alone that are routed to it`() async throws {
        let folder = try TemporaryFolder()
        try await withSites(2) { sites in
            try await withGateway(erp: sites[0], folder: folder) { gateway in
                for (person, serial) in [(1, "T1"), (2, "P1"), (3, "P2")] {
                    let terminal = try await gateway.connect(serial)
                    try await terminal.register()
                    try await terminal.sendLog([.tfs(UInt64(person), at: wallNow(-60))])
                }
                await sites[0].checkinCount(reaches: 3)
                try await gateway.outboxIsEmpty()
            }
            let file =
                "[Terminals]\nSinks = erpnext\n[Group Plant]\nSinks = plant, erpnext\n"
                + "[Terminal P1]\nGroup = Plant\n[Terminal P2]\nGroup = Plant\n"
                + site("Plant", sites[1], "StartFrom = all")
            try await withGateway(file: file, erp: sites[0], folder: folder) { gateway in
                await sites[1].checkinCount(reaches: 2)
                try await eventually {
                    try await gateway.gateway.store.bookmark(named: "backfill of plant") == "done"
                }
                try await nothingIsOwed(gateway, to: ["erpnext", "plant"])
            }
            #expect(people(sites[1]) == ["2", "3"])
            #expect(sites[0].checkins.count == 3)
        }
    }

    // MARK: Shadow

    @Test func `a site in shadow mode is sent nothing, and what it would be sent can be seen`() async throws {
        try await withSites(2) { sites in
            sites[1].setZone("Asia/Dubai")
            sites[1].update("HR-EMP-2") { $0.name = "HR-EMP-2" }
            let file = site("Trial", sites[1], "Mode = shadow") + "[Terminal T1]\nDirection = in\n"
            try await withGateway(["ERP.RepeatSeconds=60"], file: file, erp: sites[0]) { gateway in
                for name in ["erpnext", "trial"] {
                    try await eventually { try await gateway.sink(name)?.site?.lastRead != nil }
                }
                let terminal = try await gateway.connect("T1")
                try await terminal.register()
                let time = wallNow(-600)
                try await terminal.sendLog([.tfs(1, at: time), .tfs(999, at: time)])
                await sites[0].checkinCount(reaches: 1)
                try await nothingIsOwed(gateway, to: ["erpnext", "trial"])

                let sent = sites[1].requests.keys.filter { !$0.hasPrefix("GET ") && !$0.hasPrefix("HEAD ") }
                #expect(sent.isEmpty)
                #expect(sites[1].checkins.isEmpty)
                #expect(try await gateway.sink("trial")?.state == "running")
                #expect(try await gateway.gateway.store.status().queues[SinkName.erpnext]?.dead == 1)

                let shown = try await gateway.rows(["punches", "--sink", "trial"])
                #expect(shown.map { $0["state"] as? String } == ["suppressed", "suppressed"])
                let details = shown.compactMap { $0["detail"] as? String }
                // By the site's own clock and for the employee whom it would be for.
                let there = WallTime(seconds: time.seconds - 5400)
                let start =
                    "POST api/method/hrms.hr.doctype.employee_checkin.employee_checkin."
                    + "add_log_based_on_employee_field {"
                #expect(details.allSatisfy { $0.hasPrefix(start) })
                #expect(
                    details.first?.contains(#""employee_field_value":"HR-EMP-1","employee_fieldname":"name""#)
                        == true)
                #expect(
                    details.last?.contains(
                        #""employee_field_value":"999","employee_fieldname":"attendance_device_id""#) == true)
                #expect(details.allSatisfy { $0.contains(#""log_type":"IN","timestamp":"\#(there)""#) })
                // And beside it the site that counts.
                let counted = try await gateway.rows(["punches"])
                #expect(counted.map { $0["state"] as? String } == ["delivered", "dead"])
                let wrong = try await gateway.command(["punches", "--sink", "no sink"])
                #expect(wrong.status == 64 && wrong.output.contains("is no name of a sink"))
            }
        }
    }
}
