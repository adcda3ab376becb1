import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

/// The commands as a person types them, beside a running gateway with two sites, and without one.
@Suite struct `Dead letters on the command line` {
    private func settings(_ port: Int, _ first: SimulatedERPNext, _ second: SimulatedERPNext) -> String {
        """
        [Server]
        Host = 127.0.0.1
        Port = \(port)
        [ERP]
        URL = \(first.url)
        Dialect = hrms
        APIKey = k3y-of-tests
        APISecret = \(erpSecret)
        [Site Branch]
        URL = \(second.url)
        Dialect = hrms
        APIKey = k3y-of-tests
        APISecret = \(erpSecret)
        [Terminals]
        TimeZone = Asia/Kolkata
        Unknown = accept
        """
    }

    private func objects(_ output: String) throws -> [[String: Any]] {
        try output.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `groups, retry by every choice, discard with a reason, and the trail of it`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        try await withERPNext(people: 1...9) { first in
            try await withERPNext(people: 1...9) { second in
                // Each is refused once; by and by the site takes them.
                for person in ["3", "4", "5"] {
                    first.inject(
                        .refused(exceptionType: "ValidationError", message: "The <b>gate</b> is closed."),
                        times: 1,
                        person: person)
                }
                second.inject(.userPermission, times: 2, person: "3")
                let path = folder.path + "/config.ini"
                try settings(port, first, second).write(toFile: path, atomically: true, encoding: .utf8)
                @Sendable func run(_ words: String...) async throws -> (status: Int32, output: String) {
                    try await GatewayProcess.run(["dead-letters"] + words + ["--config", path], in: folder)
                }
                let gateway = try GatewayProcess(["serve", "--config", path], port: port)
                try await gateway.isReady()
                @Sendable func dead(is count: Int) async throws {
                    try await eventually {
                        let queue = try await gateway.health()["queue"] as? [String: Any]
                        return queue?["dead_letters"] as? Int == count && queue?["owed"] as? Int == 0
                    }
                }
                let terminal = try await SimulatedTerminal.connect(port: port, serial: "ZX01")
                try await terminal.register()
                let time = wallNow(-60)
                let day = String(time.description.prefix(10))
                _ = try await terminal.sendLog(
                    (UInt64(1)...6).map { .tfs($0, at: time) } + [.tfs(66, at: time)])
                try await dead(is: 6)

                let groups = try await run()
                #expect(groups.status == 0)
                #expect(groups.output.contains("erpnext  refused-by-rule  3 punches of 3 people, \(time) to"))
                #expect(groups.output.contains("    The gate is closed."))
                #expect(groups.output.contains("    → a rule of the site refused it"))
                #expect(groups.output.contains("retry --sink branch --cause not-permitted"))
                #expect(groups.output.contains("6 dead letters"))
                let branch = try objects(try await run("--sink", "branch", "--json").output)
                #expect(branch.map { $0["cause"] as? String } == ["not-permitted", "unknown-employee"])
                #expect(branch.map { $0["punches"] as? Int } == [1, 1])
                let three = try objects(try await run("list", "--enroll", "3", "--json").output)
                #expect(three.map { $0["sink"] as? String } == ["erpnext", "branch"])

                // One by number, at one site.
                let number = try #require(three.first?["id"] as? Int)
                let one = try await run("retry", "\(number)")
                #expect(one.status == 0)
                #expect(one.output.contains("1 dead letter: sent again"))
                try await dead(is: 5)
                #expect(first.checkins.count { $0.person == "3" } == 1)
                // By filter: another day, another terminal, then this one.
                for other in [["--from", "2020-01-01", "--to", "2020-01-31"], ["--terminal", "ZX02"]] {
                    let result = try await GatewayProcess.run(
                        ["dead-letters", "retry", "--enroll", "4", "--config", path] + other, in: folder)
                    #expect(result.status == 1)
                    #expect(result.output.contains("no dead letter is meant by that"))
                }
                let filtered = try await run(
                    "retry", "--enroll", "4", "--terminal", "ZX01", "--from", day, "--to", day, "--json")
                #expect(try objects(filtered.output).first?["changed"] as? Int == 1)
                #expect(try objects(filtered.output).first?["gateway_running"] as? Bool == true)
                try await dead(is: 4)
                // A group of one sink leaves that of another alone.
                #expect(try await run("retry", "--cause", "refused-by-rule", "--sink", "branch").status == 1)
                let group = try await run("retry", "--cause", "refused-by-rule", "--sink", "erpnext")
                #expect(group.status == 0)
                try await dead(is: 3)
                #expect(first.checkins.count == 6)

                for wrong in [
                    ["retry"], ["retry", "--all", "--sink", "erpnext"], ["discard", "--all"],
                    ["discard", "--all", "--reason", " "], ["retry", "--cause", "bad-luck"],
                    ["retry", "--from", "yesterday"], ["--format", "csv", "--json"],
                    ["list", "--from", "2026-02-02", "--to", "2026-02-01"],
                ] {
                    let result = try await GatewayProcess.run(
                        ["dead-letters"] + wrong + ["--config", path], in: folder)
                    #expect(result.status == 64, "\(wrong)")
                }

                let given = try await run("discard", "--sink", "branch", "--enroll", "66", "--reason", "left")
                #expect(given.output.contains("1 dead letter: given up"))
                gateway.signal(SIGTERM)
                #expect(await gateway.waitUntilEnded() == 0)

                // With none running, and both at once.
                let rest = try await run("discard", "--sink", "erpnext", "--reason", "a visitor", "--json")
                #expect(try objects(rest.output).first?["gateway_running"] as? Bool == false)
                let all = try await run("retry", "--all")
                #expect(all.output.contains("1 dead letter: owed again; no gateway is running"))
                #expect(try await run().output.contains("no dead letters"))
                let again = try GatewayProcess(["serve", "--config", path], port: port)
                try await again.isReady()
                await second.checkinCount(reaches: 6)
                again.signal(SIGTERM)
                #expect(await again.waitUntilEnded() == 0)

                let audit = try await GatewayProcess.run(
                    ["audit", "--action", "dead-letters", "--format", "json", "--config", path], in: folder)
                let trail = try objects(audit.output)
                #expect(
                    trail.map { $0["action"] as? String } == [
                        "dead-letters.retry", "dead-letters.retry", "dead-letters.retry",
                        "dead-letters.discard", "dead-letters.discard", "dead-letters.retry",
                    ])
                #expect(trail.allSatisfy { ($0["author"] as? String)?.hasSuffix("(command line)") == true })
                #expect(
                    trail[1]["subject"] as? String
                        == "person 4, terminal ZX01, from \(day) 00:00:00, until \(nextDay(day)) 00:00:00")
                #expect((trail[3]["detail"] as? String)?.hasSuffix("; left") == true)
            }
        }
    }

    private func nextDay(_ day: String) -> String {
        String(WallTime(seconds: (WallTime(day + " 00:00:00")?.seconds ?? 0) + 86_400).description.prefix(10))
    }
}
