import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// Logs that terminals do not push, pulled over real sockets from terminals as they hang on walls.
@Suite(.timeLimit(.minutes(10))) struct `Pulling logs` {
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

    @Test func `all terminals of a group are asked, whoever has put them there`() async throws {
        let file = """
            [Group Head office]
            [Terminal ZX03]
            Group = Head office
            """
        try await withGateway(["Pull.Gaps=no", "Pull.OnRegister=no"], file: file) { gateway in
            let terminals = try ["ZX01", "ZX02", "ZX03"].map { try Self.terminal($0, gateway) }
            try await Self.alive(terminals) {
                for terminal in terminals { Self.fill(terminal, (0..<30).map { wallNow(-300 + Int64($0)) }) }
                try await eventually {
                    try await gateway.gateway.store.terminals(after: nil, limit: 9).count == 3
                }
                let moved = try await gateway.command(["terminals", "set-group", "ZX01", "head office"])
                #expect(moved.status == 0, "\(moved.output)")
                let pulled = try await gateway.command([
                    "logs", "pull", "--all-in-group", "HEAD office", "--all", "--wait",
                ])
                #expect(pulled.status == 0, "\(pulled.output)")
                let lines = pulled.output.split(separator: "\n")
                #expect(lines.contains { $0.hasPrefix("id ") && $0.contains("  repeated  ") })
                for serial in ["ZX01", "ZX03"] {
                    let line = lines.first { $0.contains(serial) && $0.contains("getalllog") }
                    #expect(line?.contains("  done ") == true, "\(pulled.output)")
                }
                #expect(
                    pulled.output.contains("2 terminals: 60 records are new, 0 the journal had already"),
                    "\(pulled.output)")
                #expect(terminals.map { $0.ledger.count("getalllog") > 0 } == [true, false, true])
                #expect(try await gateway.journal().count == 60)
                // The registry's groups outlive their sections.
                let serial = try #require(SerialNumber("ZX02"))
                _ = try await gateway.gateway.store.setField(
                    .group, to: "Depot", of: serial, by: Author("ada"), at: UnixTime(seconds: 1))
                let rows = try await gateway.rows([
                    "commands", "send", "--all-in-group", "depot", "getdevinfo", "--wait",
                ])
                #expect(rows.map { $0["terminal"] as? String } == ["ZX02"])
                let nobody = try await gateway.command(["logs", "pull", "--all-in-group", "attic"])
                #expect(nobody.status == 1 && nobody.output.contains("attic"))
            }
        }
    }

    @Test func `a pull goes on after a kill of the gateway, and nothing of it is missing or doubled`()
        async throws
    {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let config = folder.path + "/config.ini"
        try """
        [Server]
        Host = 127.0.0.1
        Port = \(port)
        [Terminals]
        TimeZone = Asia/Kolkata
        Unknown = accept
        [Pull]
        Gaps = no
        OnRegister = no
        """.write(toFile: config, atomically: true, encoding: .utf8)
        var options = FaithfulTerminal.Options(serial: "ZX01")
        options.profile = .aiFace
        options.zone = "Asia/Kolkata"
        let terminal = try FaithfulTerminal(options, address: .init(port: port))
        let serial = try #require(SerialNumber("ZX01"))
        let count = 3_000
        var gateway = try GatewayProcess(["serve", "--config", config], port: port)
        try await gateway.isReady()
        try await Self.alive([terminal]) {
            Self.fill(terminal, (0..<count).map { wallNow(-90_000 + Int64($0)) })
            let reader = try SQLiteReader(folder: folder.path + "/data")
            try await eventually { try await reader.commandTarget(serial) != nil }
            let ordered = try await GatewayProcess.run(
                ["logs", "pull", "ZX01", "--all", "--config", config], in: folder)
            #expect(ordered.status == 0, "\(ordered.output)")
            for round in 1...2 {
                // In the middle of the pages of this attempt: each begins with the first page.
                let before = terminal.ledger.count("getalllog")
                try await terminal.wait { $0.ledger.count("getalllog") >= before + 5 * round }
                gateway.signal(SIGKILL)
                #expect(await gateway.waitUntilEnded() == 128 + SIGKILL)
                gateway = try GatewayProcess(["serve", "--config", config], port: port)
                try await gateway.isReady()
            }
            var pull: CommandRecord?
            try await eventually {
                pull = try await reader.commands(CommandFilter(word: "getalllog"), after: 0, limit: 9).first
                return pull?.state.isFinal == true
            }
            #expect(pull?.state == .done && pull?.attempts == 3, "\(String(describing: pull))")
            #expect(pull?.words?.hasPrefix("\(count) entries in ") == true)
            var journal: [JournalEntry] = []
            while true {
                let cursor = journal.last.map { PunchCursor(time: $0.punch.time, id: $0.id) }
                let page = try await reader.punches(PunchFilter(), after: cursor, limit: 1_000)
                if page.isEmpty { break }
                journal += page
            }
            #expect(journal.count == count && Set(journal.map(\.punch.time)).count == count)
            gateway.signal(SIGTERM)
            #expect(await gateway.waitUntilEnded() == 0)
        }
    }

    @Test func `a connected terminal that is approved gets what waits for it at once`() async throws {
        try await withGateway(["Terminals.Unknown=pending", "Terminals.SendClock=no"], pulls: Self.quick) {
            gateway in
            var options = FaithfulTerminal.Options(serial: "ZX01")
            options.zone = "Asia/Kolkata"
            options.clockOffset = -600
            let terminal = try FaithfulTerminal(options, address: .init(port: gateway.port))
            terminal.act { brain, now in
                brain.stallPushes(true, at: now)
                for person in 1...3 {
                    brain.remember(
                        StoredLog(person: UInt64(person), time: wallNow(-600 + Int64(person))), at: now)
                }
            }
            try await Self.alive([terminal]) {
                let serial = try #require(SerialNumber("ZX01"))
                try await eventually { try await gateway.gateway.store.commandTarget(serial) != nil }
                let ids = try await gateway.gateway.commands.order(
                    [
                        NewCommand(
                            terminal: serial,
                            request: try CommandCatalogue.request("getdevinfo", fields: [:]),
                            lane: .background, expires: Gateway.Surroundings.systemTime() + .seconds(600))
                    ], by: .gateway)
                // What a person wants goes before: when that is done the other one was looked at too.
                let asked = try await gateway.rows(["commands", "send", "ZX01", "gettime", "--wait"])
                #expect(asked.first?["state"] as? String == "done")
                #expect(terminal.ledger.count("getdevinfo") == 0 && terminal.ledger.count("settime") == 0)
                #expect(try await gateway.command(["terminals", "approve", "ZX01"]).status == 0)
                try await eventually {
                    let record = try await gateway.gateway.store.commands(
                        CommandFilter(ids: Set(ids)), after: 0, limit: 1
                    ).first
                    return record?.state == .done
                }
                try await eventually { try await gateway.journal().count == 3 }
                try await terminal.wait { $0.ledger.count("settime") == 1 }
                #expect(terminal.ledger.count("getnewlog") > 0 && terminal.ledger.registrations == 1)
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
