import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import Testing

@testable import AttendanceGateway

/// Terminals that nobody has approved yet, and what becomes of their punches.
@Suite struct `Terminals that wait for approval` {
    private static let pending = ["Terminals.Unknown=pending", "Alerts.IntervalSeconds=5"]

    private func punches(_ people: ClosedRange<UInt64>, from second: Int64) -> [SimulatedRecord] {
        people.map { .tfs($0, at: wallNow(second + Int64($0))) }
    }

    private func change(_ gateway: RunningGateway, _ arguments: String...) async throws -> (Int32, String) {
        let config = gateway.folder + "/cli.ini"
        try """
        [Server]
        Host = 127.0.0.1
        [Store]
        Directory = \(gateway.folder)/data
        [Logging]
        LogDirectory = \(gateway.folder)/logs
        [Terminals]
        TimeZone = Asia/Kolkata
        """.write(toFile: config, atomically: true, encoding: .utf8)
        let result = try await GatewayProcess.run(
            ["terminals"] + arguments + ["--config", config], in: try TemporaryFolder())
        return (result.status, result.output)
    }

    @Test(.timeLimit(.minutes(10)))
    func `are served, their punches wait, and approving forwards each of them once and in order`()
        async throws
    {
        try await withERPNext { erp in
            try await withGateway(Self.pending + ["ERP.Concurrency=1"], erp: erp) { gateway in
                let terminal = try await gateway.connect("ZX01")
                #expect(try await terminal.register()["result"] == true)
                for batch in 0..<4 {
                    let records = self.punches(1...5, from: Int64(batch) * 10 - 300)
                    #expect(try await terminal.sendLog(records)["result"] == true)
                }
                #expect(try await gateway.journal().count { $0.state == .held } == 20)
                #expect(erp.checkins.isEmpty)
                let health = try await gateway.health()["terminals"] as? [String: Any]
                #expect(health?["pending"] as? Int == 1)
                #expect((health?["pending_remedy"] as? String)?.contains("terminals approve") == true)
                try await eventually {
                    try self.log(gateway).contains {
                        $0.contains("terminal waits for approval")
                            && $0.contains("attendance-gateway terminals approve ZX01")
                    }
                }
                let listed = try await self.change(gateway, "list", "--pending")
                #expect(listed.0 == 0 && listed.1.contains("pending") && listed.1.contains("ZX01"))
                let shown = try await self.change(gateway, "show", "zx01")
                #expect(shown.1.contains("20 punches wait") && shown.1.contains("people"))

                let approved = try await self.change(
                    gateway, "approve", "ZX01", "--reason", "hangs at the gate")
                #expect(approved.0 == 0 && approved.1.contains("20 punches that waited"))
                try await eventually { erp.checkins.count == 20 }
                try await gateway.outboxIsEmpty()
                #expect(erp.checkins.map(\.time) == erp.checkins.map(\.time).sorted())
                // On the very same connection, and at once.
                #expect(try await terminal.sendLog(self.punches(6...6, from: -10))["result"] == true)
                try await eventually { erp.checkins.count == 21 }
                let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 10)
                #expect(trail.first?.action == "terminals.approve")
                #expect(trail.first?.detail.contains("hangs at the gate") == true)
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `lose nothing and double nothing when punches come while they are approved`() async throws {
        try await withERPNext { erp in
            try await withGateway(Self.pending, erp: erp) { gateway in
                let terminal = try await gateway.connect("ZX01")
                _ = try await terminal.register()
                for batch in 0..<30 {
                    _ = try await terminal.sendLog(self.punches(1...50, from: Int64(batch) * 100 - 90_000))
                }
                async let answer = self.change(gateway, "approve", "ZX01")
                for batch in 30..<60 {
                    let reply = try await terminal.sendLog(
                        self.punches(1...50, from: Int64(batch) * 100 - 90_000))
                    #expect(reply["result"] == true)
                }
                #expect(try await answer.0 == 0)
                try await eventually {
                    try await gateway.gateway.store.terminal(SerialNumber("ZX01")!)?.held == 0
                }
                try await gateway.outboxIsEmpty()
                #expect(erp.checkins.count == 3000)
                #expect(Set(erp.checkins.map { "\($0.person) \($0.time)" }).count == 3000)
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `are cut off at once when they are blocked`() async throws {
        try await withGateway(Self.pending, file: "[Terminal ZX02]\nName = Gate\n") { gateway in
            let stranger = try await gateway.connect("ZX01")
            let own = try await gateway.connect("ZX02")
            for terminal in [stranger, own] { #expect(try await terminal.register()["result"] == true) }
            #expect(try await self.change(gateway, "block", "ZX01", "ZX02").0 == 0)
            _ = await stranger.waitUntilClosed()
            _ = await own.waitUntilClosed()
            let again = try await gateway.connect("ZX02")
            let answer = try await again.register()
            #expect(answer["result"] == false && answer.reason == "Blocked")
            _ = await again.waitUntilClosed()
            // Nor without a registration.
            let quiet = try await gateway.connect("zx01")
            #expect(try await quiet.sendLog(self.punches(1...1, from: 0))["result"] == false)
            #expect(try await gateway.journal().isEmpty)
            // Approved after all, it is served again.
            #expect(try await self.change(gateway, "approve", "ZX02").0 == 0)
            let back = try await gateway.connect("ZX02")
            #expect(try await back.register()["result"] == true)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `keep their punches where that is wished, and are served on the same connection once approved`()
        async throws
    {
        try await withGateway(["Terminals.Unknown=withhold"]) { gateway in
            let terminal = try await gateway.connect("ZX01")
            let answer = try await terminal.register()
            #expect(answer["result"] == false && answer.reason == "Waiting for approval")
            #expect(try await terminal.sendLog(self.punches(1...3, from: 0))["result"] == false)
            #expect(try await gateway.journal().isEmpty)
            try await eventually {
                try await gateway.gateway.store.terminal(SerialNumber("ZX01")!)?.standing == .pending
            }
            #expect(try await self.change(gateway, "approve", "ZX01").0 == 0)
            #expect(try await terminal.register()["result"] == true)
            #expect(try await terminal.sendLog(self.punches(1...3, from: 0))["result"] == true)
            #expect(try await gateway.journal().count == 3)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `find no room when they are invented, and nobody else notices`() async throws {
        try await withGateway(
            Self.pending + ["Terminals.MaxPending=20", "Terminals.MaxPendingPerHour=15"],
            file: "[Terminal ZX01]\nName = Gate\n"
        ) { gateway in
            let real = try await gateway.connect("ZX01")
            _ = try await real.register()
            var admitted = 0
            for number in 0..<60 {
                let fake = try await gateway.connect("FAKE\(number)")
                if try await fake.register()["result"] == true { admitted += 1 }
                if try await fake.sendLog(self.punches(1...1, from: Int64(number)))["result"] == true {
                    #expect(number < 15)
                }
            }
            #expect(admitted == 15)
            #expect(try await real.sendLog(self.punches(1...1, from: 0))["result"] == true)
            try await eventually {
                try await gateway.gateway.store.terminals(after: nil, limit: 100).count == 16
            }
            #expect(try self.log(gateway).count { $0.contains("too many unknown terminals") } == 1)
            #expect(try await gateway.journal().count == 16)
            #expect(try await self.change(gateway, "block", "--all-pending").0 == 0)
            #expect(gateway.gateway.registry.pendingCount == 0)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `come in with their token alone, by path or query, and it stands in no file`() async throws {
        let secret = "s3cret-s3cret-s3cret"
        try await withGateway(
            Self.pending, file: "[Terminal ZX02]\nToken = \(secret)\n"
        ) { gateway in
            #expect(try await self.change(gateway, "approve", "ZX01").0 == 0)
            let made = try await self.change(gateway, "token", "ZX01", "--new", "--format", "json")
            let token = try #require(made.1.split(separator: "\"").first { $0.count == 32 }.map(String.init))
            for (serial, token) in [("ZX01", token), ("ZX02", secret)] {
                let without = try await gateway.connect(serial)
                let answer = try await without.register()
                #expect(answer["result"] == false && answer.reason == "Token required")
                _ = await without.waitUntilClosed()
                let quiet = try await gateway.connect(serial, path: "/pub/chat?token=wrong-wrong-wrong")
                #expect(try await quiet.sendLog(self.punches(1...1, from: 0))["result"] == false)
                for path in ["/pub/chat/\(token)", "/pub/chat?token=\(token)"] {
                    let terminal = try await gateway.connect(serial, path: path)
                    #expect(try await terminal.register()["result"] == true)
                }
            }
            #expect(try await self.change(gateway, "token", "ZX01", "--remove").0 == 0)
            let free = try await gateway.connect("ZX01")
            #expect(try await free.register()["result"] == true)
            // Neither in the log nor in the journal.
            for file in ["/logs/attendance.log", "/data/journal.sqlite", "/data/journal.sqlite-wal"] {
                guard let data = FileManager.default.contents(atPath: gateway.folder + file) else { continue }
                for text in [token, secret] {
                    #expect(data.firstRange(of: Data(text.utf8)) == nil, "\(file)")
                }
            }
            #expect(FileManager.default.fileExists(atPath: gateway.folder + "/logs/attendance.log"))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `say nothing without a registration where that is not trusted`() async throws {
        try await withGateway(["Terminals.WithoutRegistration=refuse"]) { gateway in
            let client = try await gateway.connect("ZX01")
            #expect(try await client.sendLog(self.punches(1...1, from: 0))["result"] == false)
            #expect(try await gateway.journal().isEmpty)
            _ = try await client.register()
            #expect(try await client.sendLog(self.punches(1...1, from: 0))["result"] == true)
        }
        try await withGateway(Self.pending) { gateway in
            let client = try await gateway.connect("ZX01")
            let nameless = SimulatedRecord.tfs(7, at: wallNow()).json
            let answer = try await client.exchange(
                #"{"cmd":"sendlog","count":1,"logindex":0,"record":[\#(nameless)]}"#)
            #expect(answer["result"] == true)
            #expect(try await gateway.gateway.store.terminal(.unknown)?.held == 1)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `are called, grouped and timed by the registry where the file says nothing`() async throws {
        let file = """
            [Group Dubai]
            TimeZone = Asia/Dubai
            Sinks = none
            [Terminal ZX09]
            Name = Gate 9
            Group = none
            """
        try await withGateway(file: file) { gateway in
            let terminal = try await gateway.connect("ZX01")
            let before = try await terminal.register()["cloudtime"]?.text ?? ""
            #expect(abs((WallTime(before)?.seconds ?? 0) - wallNow().seconds) < 60)
            // What counts is the file of the running gateway, not this command's own.
            #expect(try await self.change(gateway, "set-group", "ZX01", "dubai").0 == 0)
            #expect(try await self.change(gateway, "rename", "ZX01", "=Main gate").0 == 0)
            #expect(try await self.change(gateway, "set-location", "ZX01", "Hall").0 == 0)
            let after = try await terminal.register()["cloudtime"]?.text ?? ""
            #expect(abs((WallTime(after)?.seconds ?? 0) - wallNow(-5400).seconds) < 60)
            _ = try await terminal.sendLog(self.punches(1...1, from: 0))
            #expect(try await gateway.journal().map(\.punch.zone) == ["Asia/Dubai"])
            #expect(try await gateway.journal().map(\.state) == [.notOwed])
            #expect(try await self.change(gateway, "set-zone", "ZX01", "Asia/Tokyo").0 == 0)
            let last = try await terminal.register()["cloudtime"]?.text ?? ""
            #expect(abs((WallTime(last)?.seconds ?? 0) - wallNow(12_600).seconds) < 60)
            #expect(try await self.change(gateway, "set-dialect", "ZX01", "aiface-bs").0 == 0)
            let shown = try await self.change(gateway, "show", "ZX01", "--format", "json").1
            for part in [
                "\"name\":\"=Main gate\"", "\"location\":\"Hall\"", "\"group\":\"Dubai\"",
                "\"zone\":\"Asia/Tokyo\"", "\"dialect\":\"aiface-bs\"", "\"is_dialect_guessed\":false",
            ] {
                #expect(shown.contains(part), "\(part)")
            }
            // What the file says wins, and what makes no sense is refused with what would.
            for (arguments, words) in [
                (["rename", "ZX09", "Other"], "change Name in its section [Terminal ZX09]"),
                (["set-group", "ZX09", "Dubai"], "change Group in its section [Terminal ZX09]"),
                (["set-group", "ZX01", "Dubay"], "perhaps Dubai is meant"),
                (["set-zone", "ZX01", "Asia/Kalkutta"], "is no time zone"),
                (["set-dialect", "ZX01", "klingon"], "a dialect is one of"),
                (["rename", "NEVER", "x"], "no terminal NEVER was ever heard of"),
            ] {
                let result = try await self.change(gateway, arguments)
                #expect(result.0 == 1 && result.1.contains(words), "\(arguments) \(result.1)")
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `are let in by a section of their own, and what waited goes out at the next start`() async throws {
        try await withERPNext { erp in
            let folder = try TemporaryFolder()
            try await withGateway(Self.pending, erp: erp, folder: folder) { gateway in
                let terminal = try await gateway.connect("ZX01")
                _ = try await terminal.register()
                _ = try await terminal.sendLog(self.punches(1...3, from: -100))
            }
            let file = "[Terminal zx01]\nName = Gate\n"
            try await withGateway(Self.pending, file: file, erp: erp, folder: folder) { gateway in
                try await eventually { erp.checkins.count == 3 }
                try await eventually { gateway.gateway.registry.pendingCount == 0 }
                let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 10)
                #expect(trail.map(\.author) == [.gateway])
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `are told of by alerts, and so are two that use one serial number`() async throws {
        try await withGateway(Self.pending) { gateway in
            func kinds() -> Set<String> { Set(gateway.gateway.alerts.service.current.map(\.kind)) }
            var terminals: [SimulatedTerminal] = []
            for _ in 0..<7 {
                let terminal = try await gateway.connect("ZX01")
                _ = try await terminal.register()
                terminals.append(terminal)
            }
            try await eventually { kinds() == ["terminal-pending", "serial-contested"] }
            let told = gateway.gateway.alerts.service.current.first { $0.kind == "terminal-pending" }
            #expect(told?.remedy.contains("attendance-gateway terminals approve ZX01") == true)
            #expect(try await self.change(gateway, "show", "ZX01").1.contains("two terminals seem to use"))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `are forgotten when they are gone for good, and are new when they come again`() async throws {
        try await withGateway(Self.pending) { gateway in
            let terminal = try await gateway.connect("ZX01")
            _ = try await terminal.register()
            _ = try await terminal.sendLog(self.punches(1...2, from: -300))
            try await eventually {
                try await self.change(gateway, "show", "ZX01").1.contains("2 punches wait")
            }
            #expect(try await self.change(gateway, "rename", "ZX01", "Gate").0 == 0)
            let connected = try await self.change(gateway, "forget", "ZX01")
            #expect(connected.0 == 1 && connected.1.contains("is connected"))
            try await terminal.close()
            try await eventually { gateway.gateway.presence.count == 0 }
            let held = try await self.change(gateway, "forget", "ZX01")
            #expect(held.0 == 1 && held.1.contains("2 punches of ZX01 wait"))
            #expect(try await self.change(gateway, "approve", "ZX01").0 == 0)
            let serial = try #require(SerialNumber("ZX01"))
            try await eventually { try await gateway.gateway.store.terminal(serial)?.held == 0 }
            let ids = try await gateway.gateway.commands.order(
                [
                    NewCommand(
                        terminal: serial, request: try CommandCatalogue.request("gettime", fields: [:]),
                        expires: Gateway.Surroundings.systemTime() + .seconds(60))
                ], by: Author("ada"))
            let busy = try await self.change(gateway, "forget", "ZX01")
            #expect(busy.0 == 1 && busy.1.contains("commands cancel --terminal ZX01"))
            _ = try await gateway.gateway.commands.cancel(CommandFilter(ids: Set(ids)), by: Author("ada"))

            let forgotten = try await self.change(gateway, "forget", "zx01", "--reason", "burned")
            #expect(forgotten.0 == 0 && forgotten.1.contains("forgotten: zx01"), "\(forgotten.1)")
            #expect(try await self.change(gateway, "list", "--format", "csv").1.contains("ZX01") == false)
            #expect(try await self.change(gateway, "show", "ZX01").0 == 1)
            #expect(try await self.change(gateway, "forget", "ZX01").0 == 1)
            #expect(try await gateway.journal().count == 2)
            let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 99)
            #expect(trail.contains { $0.action == "terminals.forget" && $0.detail == "burned" })

            let again = try await gateway.connect("ZX01")
            _ = try await again.register()
            try await eventually {
                try await gateway.gateway.store.terminal(serial)?.standing == .pending
            }
            let shown = try await self.change(gateway, "show", "ZX01").1
            #expect(shown.contains("pending") && !shown.contains("Gate"))
            #expect(try await again.sendLog(self.punches(1...3, from: -100))["result"] == true)
            try await eventually { try await gateway.gateway.store.terminal(serial)?.held == 3 }
            try await again.close()
        }
    }

    @Test(.timeLimit(.minutes(10))) func `are followed live`() async throws {
        try await withGateway(Self.pending) { gateway in
            let question = AdminQuestion(socket: gateway.folder + "/data/admin.sock")
            let start: TerminalEvents = try #require(try await question.get("/terminals/events"))
            let terminal = try await gateway.connect("ZX01")
            _ = try await terminal.register()
            try await terminal.close()
            try await eventually {
                let page: TerminalEvents? = try await question.get(
                    "/terminals/events", [("after", String(start.next))])
                return page?.events.map(\.event) == ["waiting", "connected", "disconnected"]
            }
        }
    }

    private func change(_ gateway: RunningGateway, _ arguments: [String]) async throws -> (Int32, String) {
        switch arguments.count {
        case 2: try await change(gateway, arguments[0], arguments[1])
        default: try await change(gateway, arguments[0], arguments[1], arguments[2])
        }
    }

    private func log(_ gateway: RunningGateway) throws -> [Substring] {
        try String(contentsOfFile: gateway.folder + "/logs/attendance.log", encoding: .utf8)
            .split(separator: "\n")
    }
}

/// The same against the real program, which is killed, and on a journal that nobody serves.
@Suite struct `Approving a terminal` {
    private func configure(_ folder: TemporaryFolder, port: Int, erp: SimulatedERPNext) throws -> String {
        let path = folder.path + "/config.ini"
        try """
        [Server]
        Host = 127.0.0.1
        Port = \(port)
        [ERP]
        URL = \(erp.url)
        Dialect = hrms
        APIKey = k3y-of-tests
        APISecret = \(erpSecret)
        RetryDelaySec = 1
        AmbiguousWaitSec = 1
        [Terminals]
        TimeZone = Asia/Kolkata
        """.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test(.timeLimit(.minutes(10)))
    func `forwards all that waited once, when the gateway is killed in the middle of it again and again`()
        async throws
    {
        try await withERPNext { erp in
            let folder = try TemporaryFolder()
            let port = try await LoopbackPort.free()
            let config = try self.configure(folder, port: port, erp: erp)
            let seed = UInt64.random(in: 1...1_000_000)
            var random = SeededGenerator(seed: seed)
            let first = try GatewayProcess(["--config", config], port: port)
            try await first.isReady()
            let terminal = try await SimulatedTerminal.connect(port: port, serial: "ZX01")
            _ = try await terminal.register()
            for batch in 0..<120 {
                let records = (1...50).map {
                    SimulatedRecord.tfs(UInt64($0), at: wallNow(Int64(batch) * 100 + Int64($0) - 90_000))
                }
                #expect(try await terminal.sendLog(records)["result"] == true)
            }
            async let approval = GatewayProcess.run(
                ["terminals", "approve", "ZX01", "--config", config], in: folder)
            // At a random moment of it, which is the point.
            try await Task.sleep(for: .milliseconds(Int.random(in: 20...400, using: &random)))
            first.signal(SIGKILL)
            _ = await first.waitUntilEnded()
            // Killed before it was heard, the order was refused: then it is given anew, with nobody running.
            if try await approval.status != 0 {
                let again = try await GatewayProcess.run(
                    ["terminals", "approve", "ZX01", "--config", config], in: folder)
                #expect(again.status == 0, "seed \(seed): \(again.output)")
            }
            for _ in 0..<6 {
                let gateway = try GatewayProcess(["--config", config], port: port)
                try await gateway.isReady()
                let back = try await SimulatedTerminal.connect(port: port, serial: "ZX01")
                _ = try await back.register()
                try await Task.sleep(for: .milliseconds(Int.random(in: 5...150, using: &random)))
                gateway.signal(SIGKILL)
                _ = await gateway.waitUntilEnded()
            }
            let last = try GatewayProcess(["--config", config], port: port)
            try await last.isReady()
            try await eventually { erp.checkins.count >= 6000 }
            try await eventually {
                (try await last.health()["queue"] as? [String: Any])?["owed"] as? Int == 0
            }
            last.signal(SIGTERM)
            #expect(await last.waitUntilEnded() == 0)
            let checkins = erp.checkins.map { "\($0.person) \($0.time)" }
            #expect(checkins.count == 6000 && Set(checkins).count == 6000, "seed \(seed)")
            let reader = try SQLiteReader(folder: folder.path + "/data")
            #expect(try await reader.terminal(SerialNumber("ZX01")!)?.held == 0)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `works on the journal when no gateway runs, and doctor tells who waits`() async throws {
        try await withERPNext { erp in
            let folder = try TemporaryFolder()
            let port = try await LoopbackPort.free()
            let config = try self.configure(folder, port: port, erp: erp)
            let store = try SQLiteStore(
                folder: folder.path + "/data", options: .init(now: Gateway.Surroundings.systemTime),
                logger: .init(label: "test"))
            try await store.note(
                TerminalSighting(
                    serial: SerialNumber("ZX 01")!, at: Gateway.Surroundings.systemTime(),
                    address: "10.0.0.1", standing: .pending))
            await store.close()
            func run(_ arguments: String...) async throws -> (status: Int32, output: String) {
                try await GatewayProcess.run(arguments + ["--config", config], in: folder)
            }
            let doctor = try await run("doctor")
            #expect(doctor.output.contains("attendance-gateway terminals approve 'ZX 01'"))
            #expect(try await run("terminals").output.contains("pending"))
            #expect(try await run("terminals", "approve", "ZX 01", "EARLY").status == 0)
            #expect(try await run("terminals", "rename", "EARLY", "Gate 2").status == 0)
            #expect(try await run("terminals", "rename", "EARLY").status == 64)
            let list = try await run("terminals", "list", "--format", "csv").output
            #expect(list.contains("EARLY,Gate 2,"))
            #expect(!list.contains("pending"))
        }
    }
}
