import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging
import Synchronization
import Testing

@testable import AttendanceGateway

/// A wall clock that stands still until a test moves it.
private final class HandClock: Sendable {
    let start = Gateway.Surroundings.systemTime().seconds
    private let second = Mutex<Int64>(0)

    var now: UnixTime { UnixTime(seconds: start + second.withLock { $0 }) }
    func move(to new: Int64) { second.withLock { $0 = new } }
    /// As a terminal in Kolkata shows it, so many seconds after the start.
    func wall(_ second: Int64) -> WallTime { WallTime(seconds: start + second + 19_800) }
}

@Suite struct `Attendance waits for every terminal` {
    private let file = """
        [ERP]
        SiteTimeZone = Asia/Kolkata
        LastSync = yes
        LastSyncMinutes = 1
        [Group gates]
        Shifts = Day
        [Terminal ZX01]
        Name = Gate 1
        Group = gates
        [Terminal ZX02]
        Name = Gate 2
        Group = gates
        """

    @Test(.timeLimit(.minutes(10)))
    func `an offline terminal holds the shift back, and it goes on once all is there, also over a restart`()
        async throws
    {
        let clock = HandClock()
        let folder = try TemporaryFolder()
        try await withERPNext { erp in
            erp.add(SimulatedShiftType(name: "Day", start: "09:00", end: "18:00", processAfter: "2026-01-01"))
            @Sendable func lastSync() -> WallTime? { erp.shiftTypes[0].lastSync.flatMap { WallTime($0) } }
            /// Several looks of the gateway at the site, which have found nothing to do.
            @Sendable func looks() async throws {
                let get = "GET api/resource/Shift Type/Day"
                await erp.requestCount(of: get, reaches: erp.requests[get, default: 0] + 3)
            }
            let reached = try await withGateway(
                file: file, erp: erp, folder: folder, now: { clock.now }, delivery: .hastened(by: 600)
            ) { gateway in
                let (first, second) = (try await gateway.connect("ZX01"), try await gateway.connect("ZX02"))
                try await first.register(deviceInfo: TerminalWords.deviceInfo(clock: clock.wall(0)))
                try await second.register(deviceInfo: TerminalWords.deviceInfo(clock: clock.wall(0)))
                clock.move(to: 600)
                for terminal in [first, second] { try await terminal.ask("heartbeat") }
                try await eventually { lastSync() == clock.wall(540) }

                try await second.close()
                clock.move(to: 4000)
                try await first.ask("heartbeat")
                try await looks()
                #expect(lastSync() == clock.wall(540))
                let health = try await gateway.health()["terminals"] as? [String: Any]
                #expect(health?["known"] as? Int == 2)
                let metrics = try await gateway.http("/metrics").body
                #expect(metrics.contains("\ngateway_shifts_held_back 1\n"))
                // Anybody on the terminals' network may ask: no serial number, no name.
                #expect(!metrics.contains("ZX0") && !metrics.contains("Gate"))
                let completeness = gateway.gateway.completeness
                #expect(completeness.figures().map(\.figures.isConnected) == [true, false])
                let shifts: ShiftList? = try await AdminQuestion(socket: folder.path + "/data/admin.sock")
                    .get("/shifts")
                let shift = try #require(shifts?.shifts.first)
                #expect(shift.completeUntil == clock.wall(540).description)
                #expect(shift.heldBackBy.count == 1)
                #expect(shift.heldBackBy[0].hasPrefix("Gate 2 (ZX02) (not connected, last heard "))

                // It was punched there meanwhile.
                let again = try await gateway.connect("ZX02")
                try await again.register(
                    deviceInfo: TerminalWords.deviceInfo(backlog: 3, clock: clock.wall(4000)))
                clock.move(to: 4200)
                for terminal in [first, again] { try await terminal.ask("heartbeat") }
                try await looks()
                #expect(lastSync() == clock.wall(540))
                let punches = (1...3).map {
                    SimulatedRecord.tfs(UInt64($0), at: clock.wall(Int64($0) * 1000))
                }
                #expect(try await again.sendLog(punches).isSuccess)
                await erp.checkinCount(reaches: 3)
                try await gateway.outboxIsEmpty()
                // After a quiet minute it is known that nothing is behind them.
                clock.move(to: 4300)
                for terminal in [first, again] { try await terminal.ask("heartbeat") }
                try await eventually { lastSync() == clock.wall(4240) }
                return lastSync()
            }
            #expect(reached == clock.wall(4240))

            clock.move(to: 9000)
            try await withGateway(
                file: file, erp: erp, folder: folder, now: { clock.now }, delivery: .hastened(by: 600)
            ) { gateway in
                let first = try await gateway.connect("ZX01")
                try await first.register(deviceInfo: TerminalWords.deviceInfo(clock: clock.wall(9000)))
                try await looks()
                #expect(lastSync() == clock.wall(4240))
                let page: TerminalPage? = try await AdminQuestion(socket: folder.path + "/data/admin.sock")
                    .get("/terminals")
                let gate = try #require(page?.terminals.last)
                #expect(gate.serial == "ZX02" && gate.name == "Gate 2" && gate.group == "gates")
                #expect(gate.state == .offline)
                #expect(gate.completeUntil == clock.wall(4240).description)
                let second = try await gateway.connect("ZX02")
                try await second.register(deviceInfo: TerminalWords.deviceInfo(clock: clock.wall(9000)))
                try await eventually { lastSync() == clock.wall(8940) }
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a pong is a sign of life`()
        async throws
    {
        let clock = HandClock()
        try await withGateway(
            ["Server.PingSeconds=1"], now: { clock.now }, delivery: .hastened(by: 600)
        ) { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            clock.move(to: 1000)
            // Nothing is sent but the answer to the server's ping.
            try await eventually {
                gateway.gateway.completeness.keeper.figures(of: SerialNumber("ZX01")!)?.completeUntil
                    == clock.start + 940
            }
            // Counted by the terminal a moment after it was seen here.
            try await eventually { terminal.pingsAnswered > 0 }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `terminals and completeness work beside a running gateway and without one`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let path = folder.path + "/config.ini"
        try """
        [Server]
        Host = 127.0.0.1
        Port = \(port)
        [Terminals]
        TimeZone = Asia/Kolkata
        Unknown = accept
        [ERP]
        URL = http://127.0.0.1:9
        Dialect = hrms
        APIKey = k3y-of-tests
        APISecret = \(erpSecret)
        SiteTimeZone = Asia/Kolkata
        [Terminal ZX01]
        Name = Gate 1
        Shifts = Day, Night
        [Terminal ZX09]
        Name = =Gate "9"
        Shifts = Night
        """.write(toFile: path, atomically: true, encoding: .utf8)
        try await late(in: folder.path + "/data")
        let gateway = try GatewayProcess(["serve", "--config", path], port: port)
        try await gateway.isReady()
        let terminal = try await SimulatedTerminal.connect(port: port, serial: "ZX01")
        try await terminal.register(deviceInfo: TerminalWords.deviceInfo(backlog: 7, clock: wallNow(-90)))
        let report = try JSONSerialization.data(
            withJSONObject: try await gateway.health()["terminals"] ?? [:])
        #expect(String(decoding: report, as: UTF8.self).contains("\"known\":3"))

        for isRunning in [true, false] {
            if !isRunning {
                gateway.signal(SIGTERM)
                #expect(await gateway.waitUntilEnded() == 0)
            }
            func run(_ arguments: String...) async throws -> String {
                let result = try await GatewayProcess.run(arguments + ["--config", path], in: folder)
                #expect(result.status == 0, "\(arguments)")
                return result.output
            }
            let text = try await run("terminals")
            #expect(
                text.contains(isRunning ? "1 online, 1 offline, 1 never heard of" : "0 online, 2 offline"))
            #expect(text.contains("no running gateway answers") == !isRunning)
            let csv = try await run("terminals", "--format", "csv").split(separator: "\n")
            #expect(csv.count >= 4)
            #expect(csv.contains { $0.hasPrefix("ZX01,Gate 1,,AiFace,ai518_f48v_v1.20,127.0.0.1,") })
            #expect(csv.contains { $0.hasPrefix("ZX09,\"'=Gate \"\"9\"\"\",") })
            let json = try await run("terminals", "--format", "json").split(separator: "\n")
            let first =
                try JSONSerialization.jsonObject(
                    with: Data(try #require(json.first { $0.contains("ZX01") }).utf8)) as? [String: Any]
            #expect(first?["backlog"] as? Int == 7)
            #expect(abs((first?["skew_seconds"] as? Int ?? 0) + 90) <= 3)
            #expect(first?["users"] as? Int == 200 && first?["user_places"] as? Int == 5000)
            #expect(first?["state"] as? String == (isRunning ? "online" : "offline"))

            let all = try await run("completeness")
            #expect(all.contains("Night waits for =Gate \"9\" (ZX09) (never heard of"))
            #expect(
                all.contains(
                    isRunning
                        ? "Day waits for Gate 1 (ZX01) (still has 7 records to send)"
                        : "Day waits for Gate 1 (ZX01) (not connected"))
            #expect(all.contains("1 punches came too late"))
            let shifts = try await run("completeness", "--shifts", "--format", "csv").split(separator: "\n")
            #expect(shifts.filter { $0.hasPrefix("erpnext,") }.count == 2)
            let late = try await run("completeness", "--late", "--format", "csv")
            #expect(late.contains("late for shift Night that ended 2026-11-22 06:00:00"))
            #expect(late.contains("EMP-CKIN-7"))
        }
        let wrong = try await GatewayProcess.run(
            ["completeness", "--format", "csv", "--config", path], in: folder)
        #expect(wrong.status == 64)
    }

    /// A journal with a punch that came after its shift was marked.
    private func late(in folder: String) async throws {
        let store = try SQLiteStore(
            folder: folder, options: StoreOptions(now: Gateway.Surroundings.systemTime),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await store.setSinks([.erpnext])
        let time = WallTime("2026-11-22 05:58:00")!
        var batch = IntakeBatch(
            terminal: SerialNumber("ZX05")!, connection: 1, received: Gateway.Surroundings.systemTime())
        batch.raw = Array("{}".utf8)
        batch.punches = [
            Punch(
                enrollID: EnrollID("7")!, name: "Ada", time: time, zone: "Asia/Kolkata",
                instant: time.seconds - 19_800, kind: .person, raw: 0..<2)
        ]
        let receipt = try await store.record(batch)
        #expect(receipt.owed == 1)
        let now = Gateway.Surroundings.systemTime()
        try await store.begin([AttemptStart(punch: 1, frozen: "{}")], for: .erpnext, at: now)
        try await store.settle(
            [
                Settlement(
                    punch: 1,
                    attempt: Attempt(
                        started: now, duration: .zero, status: 200, answer: .delivered,
                        reference: "EMP-CKIN-7", words: nil),
                    fate: .delivered, report: nil,
                    missedShift: .init(shift: "Night", end: WallTime("2026-11-22 06:00:00")!))
            ], for: .erpnext)
        await store.close()
    }
}
