import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// Logs that terminals do not push, pulled over real sockets from terminals as they hang on walls.
@Suite(.timeLimit(.minutes(5))) struct `Pulling logs` {
    private static func terminal(
        _ serial: String, _ gateway: RunningGateway, _ profile: FirmwareProfile = .aiFace,
        habits: DeviceHabits = .quick
    ) throws -> FaithfulTerminal {
        var options = FaithfulTerminal.Options(serial: serial)
        options.profile = profile
        options.habits = habits
        options.zone = "Asia/Kolkata"
        return try FaithfulTerminal(options, address: .init(port: gateway.port))
    }

    private static func alive(
        _ terminals: [FaithfulTerminal], _ body: () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for terminal in terminals { tasks.addTask { try await terminal.run() } }
            for terminal in terminals { try await terminal.wait { $0.isRegistered } }
            try await body()
            tasks.cancelAll()
        }
    }

    /// Puts records into the terminal that it takes for delivered, and that came nowhere.
    private static func fill(_ terminal: FaithfulTerminal, _ times: [WallTime]) {
        terminal.act { brain, now in
            brain.stallPushes(true, at: now)
            let numbers = times.enumerated().map { index, time in
                brain.remember(StoredLog(person: UInt64(index % 400 + 1), time: time), at: now)
            }
            brain.markDelivered(numbers)
            brain.stallPushes(false, at: now)
        }
    }

    private static let quick: @Sendable (GapRules) -> GapRules = { given in
        var rules = given
        rules.spacing = .zero
        rules.settle = .milliseconds(300)
        rules.retry = .seconds(1)
        return rules
    }

    @Test func `ten thousand logs are pulled while the terminal keeps pushing, each once`() async throws {
        try await withGateway { gateway in
            let terminal = try Self.terminal("ZX01", gateway)
            try await Self.alive([terminal]) {
                let count = 10_000
                Self.fill(terminal, (0..<count).map { wallNow(-90_000 + Int64($0)) })
                try await eventually {
                    try await !gateway.gateway.store.terminals(after: nil, limit: 1).isEmpty
                }
                async let pulled = gateway.rows(["logs", "pull", "ZX01", "--all", "--wait"])
                try await eventually { terminal.ledger.count("getalllog") > 1 }
                var waits: [Duration] = []
                let clock = ContinuousClock()
                for person in 0..<200 {
                    let began = clock.now
                    let number = terminal.act {
                        $0.remember(StoredLog(person: UInt64(person + 1_000), time: wallNow()), at: $1)
                    }
                    try await terminal.wait { $0.content.logs.isDelivered(number) }
                    waits.append(clock.now - began)
                }
                let row = try #require(try await pulled.first)
                #expect(row["state"] as? String == "done" && (row["new"] as? Int ?? 0) >= count, "\(row)")
                let journal = try await gateway.journal()
                #expect(journal.count == count + 200)
                #expect(Set(journal.map(\.punch)).count == count + 200)
                waits.sort()
                let figures = "median \(waits[100]), p99 \(waits[197]), worst \(waits[199])"
                #expect(waits[197] < .seconds(5), "\(figures)")
                // The one figure of this test that changes with the machine.
                FileHandle.standardError.write(Data("acknowledged while pulling: \(figures)\n".utf8))
                #expect(terminal.ledger.batchesRepeated == 0)
            }
        }
    }

    @Test(arguments: FirmwareProfile.all)
    func `every firmware's pages are understood, and days are those of its clock`(
        profile: FirmwareProfile
    ) async throws {
        try await withGateway(["Pull.Gaps=no", "Pull.OnRegister=no"]) { gateway in
            let terminal = try Self.terminal("ZX01", gateway, profile)
            try await Self.alive([terminal]) {
                // Three days, in Kolkata 18:30 UTC apart; the middle one has 60 records, first and last second among them.
                let midnight = (wallNow().seconds / 86_400 - 3) * 86_400
                let days = [(0..<50).map { $0 * 60 }, (0..<59).map { $0 * 1_400 } + [86_399], [0, 1, 2, 3]]
                let times = days.enumerated().flatMap { day, seconds in
                    seconds.map { WallTime(seconds: midnight + Int64(day) * 86_400 + Int64($0)) }
                }
                Self.fill(terminal, times)
                // One that is asked by page numbers alone must have said that it holds something.
                terminal.act { $0.dropLink(at: $1) }
                try await terminal.wait { $0.isRegistered && $0.ledger.registrations >= 2 }
                let serial = try #require(SerialNumber("ZX01"))
                try await eventually { try await gateway.gateway.store.commandTarget(serial) != nil }
                let day = String(WallTime(seconds: midnight + 86_400).description.prefix(10))
                for (from, expected) in [(day, 60), (nil, times.count)] {
                    let days = from.map { ["--from", $0, "--to", $0] } ?? ["--all"]
                    let rows = try await gateway.rows(["logs", "pull", "ZX01", "--wait"] + days)
                    #expect(rows.first?["state"] as? String == "done", "\(rows)")
                    let journal = try await gateway.journal()
                    #expect(journal.count == expected, "\(profile.name) \(from ?? "all")")
                }
            }
        }
    }

    @Test func `what the journal lacks of what a terminal has delivered is closed by itself`() async throws {
        try await withGateway(["Pull.EveryMinutes=0"], pulls: Self.quick) { gateway in
            let terminal = try Self.terminal("ZX01", gateway)
            try await Self.alive([terminal]) {
                for person in 1...5 {
                    terminal.act {
                        $0.remember(
                            StoredLog(person: UInt64(person), time: wallNow(-600 + Int64(person))), at: $1)
                    }
                }
                try await terminal.wait { $0.content.logs.newCount == 0 }
                // Totals that add up are the mark.
                terminal.act { $0.dropLink(at: $1) }
                try await terminal.wait { $0.isRegistered && $0.ledger.registrations >= 2 }
                let serial = try #require(SerialNumber("ZX01"))
                try await eventually {
                    gateway.gateway.pulls.standings(of: serial).first?.kept.mark?.delivered == 5
                }
                Self.fill(terminal, (0..<120).map { wallNow(-300 + Int64($0)) })
                terminal.act { $0.dropLink(at: $1) }
                try await eventually { try await gateway.journal().count == 125 }
                try await eventually {
                    let kept = gateway.gateway.pulls.standings(of: serial).first?.kept
                    return kept?.gap == nil && kept?.mark?.delivered == 125
                }
                let asked = terminal.ledger.executed.filter { $0.word == "getalllog" }
                #expect(asked.first?.fields.contains("from") == true)
                // Nothing more is asked for.
                terminal.act { $0.dropLink(at: $1) }
                try await terminal.wait { $0.isRegistered && $0.ledger.registrations >= 4 }
                #expect(terminal.ledger.executed.filter { $0.word == "getalllog" }.count == asked.count)
            }
        }
    }

    @Test func `pushes that stall while others go on are pulled, and told of`() async throws {
        let rules: @Sendable (GapRules) -> GapRules = { given in
            var rules = Self.quick(given)
            rules.stall = .milliseconds(500)
            return rules
        }
        try await withGateway(["Pull.EveryMinutes=0"], pulls: rules) { gateway in
            let (stalled, other) = (
                try Self.terminal("ZX01", gateway), try Self.terminal("ZX02", gateway)
            )
            try await Self.alive([stalled, other]) {
                stalled.act { $0.stallPushes(true, at: $1) }
                stalled.act { $0.remember(StoredLog(person: 7, time: wallNow()), at: $1) }
                for person in 1...30 {
                    other.act {
                        $0.remember(StoredLog(person: UInt64(person), time: wallNow(Int64(-person))), at: $1)
                    }
                }
                try await eventually { try await gateway.journal().count == 31 }
                let serial = try #require(SerialNumber("ZX01"))
                try await eventually {
                    gateway.gateway.pulls.standings(of: serial).first?.kept.stall?.pulled == 1
                }
                let flags = gateway.gateway.pulls.flags { _ in "Gate" }
                let snapshot = {
                    var snapshot = AlertSnapshot(at: UnixTime(seconds: 0), started: UnixTime(seconds: 0))
                    snapshot.pulls = flags
                    return snapshot
                }()
                let findings = AlertRules.findings(in: snapshot, thresholds: AlertThresholds()).firm
                #expect(findings.map(\.id) == [AlertID(.pushesStalled, "ZX01")])
                #expect(findings.first?.remedy.contains("Restart the terminal") == true)
                #expect(try await gateway.http("/metrics").body.contains("gateway_pushes_stalled 1\n"))
                // It pushes again.
                stalled.act { $0.stallPushes(false, at: $1) }
                stalled.act { $0.remember(StoredLog(person: 8, time: wallNow()), at: $1) }
                try await eventually { gateway.gateway.pulls.flags { _ in nil }.isEmpty }
            }
        }
    }

    @Test func `a firmware that pushes only the first scan of a day is asked for the others`() async throws {
        let rules: @Sendable (GapRules) -> GapRules = { given in
            var rules = Self.quick(given)
            rules.every = .milliseconds(400)
            rules.longest = .milliseconds(800)
            return rules
        }
        var habits = DeviceHabits.quick
        habits.pushesFirstOfDayOnly = true
        try await withGateway(pulls: rules) { [habits] gateway in
            let terminal = try Self.terminal("ZX01", gateway, habits: habits)
            try await Self.alive([terminal]) {
                let midday = WallTime(seconds: (wallNow().seconds / 86_400 - 1) * 86_400 + 43_200)
                for minute in 0..<4 {
                    terminal.act {
                        $0.remember(
                            StoredLog(
                                person: 7, time: WallTime(seconds: midday.seconds + Int64(minute) * 60)),
                            at: $1)
                    }
                }
                try await eventually { try await gateway.journal().count == 4 }
                #expect(terminal.ledger.count("getnewlog") > 0)
            }
        }
    }

    @Test func `pending terminals are not asked by the gateway, and a bad order is refused in words`()
        async throws
    {
        try await withGateway(["Terminals.Unknown=pending"], pulls: Self.quick) { gateway in
            let terminal = try Self.terminal("ZX01", gateway)
            try await Self.alive([terminal]) {
                try await eventually {
                    try await !gateway.gateway.store.terminals(after: nil, limit: 1).isEmpty
                }
                #expect(gateway.gateway.pulls.standings().isEmpty)
                for arguments in [
                    ["NOBODY"], ["ZX01", "--from", "2026-13-01"],
                    ["ZX01", "--from", "2026-02-02", "--to", "2026-02-01"],
                ] {
                    let refused = try await gateway.command(["logs", "pull"] + arguments)
                    #expect(refused.status == 1, "\(refused.output)")
                }
                let status = try await gateway.rows(["logs", "status"])
                #expect(status.isEmpty && terminal.ledger.count("getnewlog") == 0)
            }
        }
    }
}
