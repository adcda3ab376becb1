import AttendanceCore
import Foundation
import Testing

@testable import AttendanceSimulation

/// Whole terminals with sockets and files.
@Suite struct FaithfulTerminalTests {
    private static func key(_ log: StoredLog) -> String { "\(log.person) \(log.timeText)" }

    /// `count` punches, a second apart, by people nobody needs to know.
    private static func punch(_ terminal: FaithfulTerminal, _ count: Int, from second: Int64 = 0) {
        terminal.act { brain, now in
            for number in 0..<Int64(count) {
                let time = WallTime(seconds: Desk.morning.seconds + second + number)
                _ = brain.punch(UInt64(number % 40 + 1), time: time, known: false, at: now)
            }
        }
    }

    private static func withTerminal(
        _ options: FaithfulTerminal.Options = .init(serial: "T1"),
        _ body: @escaping @Sendable (FaithfulTerminal, ScriptedServer) async throws -> Void
    ) async throws {
        try await ScriptedServer.with { server in
            let terminal = try FaithfulTerminal(options, address: server.address)
            try await TerminalPark.with([terminal]) { try await body(terminal, server) }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `what people punched is with the server once, whatever the power did`() async throws {
        let path = NSTemporaryDirectory() + "flash-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        var options = FaithfulTerminal.Options(serial: "T1")
        options.flash = path
        try await Self.withTerminal(options) { terminal, server in
            for round in 0..<5 as Range<Int64> {
                Self.punch(terminal, 100, from: round * 100)
                let marks = Int(round) * 50
                try await terminal.wait { $0.ledger.recordsAcknowledged > marks }
                terminal.powerCut()
                #expect(terminal.act { $0.punch(1, known: false, at: $1) } == .noPower)
                terminal.powerOn()
            }
            try await terminal.wait { $0.content.logs.newCount == 0 }
            let logs = terminal.content.logs.all.map { Self.key($0.log) }
            #expect(logs.count == 500 && terminal.ledger.powerCuts == 5)
            #expect(Set(server.punches(of: "T1")) == Set(logs))
        }
        let file = try Flash(path: path, logCapacity: 500_000).load()
        #expect(file.logs.count == 500)
    }

    @Test(.timeLimit(.minutes(10)))
    func `a power cut in the middle of writing a punch shows no OK and leaves no trace`() async throws {
        try await Self.withTerminal { terminal, server in
            Self.punch(terminal, 3)
            terminal.cutPowerInNextWrite()
            Self.punch(terminal, 1, from: 50)
            #expect(!terminal.brain.hasPower)
            terminal.powerOn()
            try await terminal.wait { $0.isRegistered && $0.content.logs.newCount == 0 }
            #expect(terminal.content.logs.count == 3 && Set(server.punches(of: "T1")).count == 3)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: FirmwareProfile.all)
    func `each firmware takes a user, shows it, restarts and still has it`(
        profile: FirmwareProfile
    ) async throws {
        var options = FaithfulTerminal.Options(serial: "T1")
        options.profile = profile
        try await Self.withTerminal(options) { terminal, server in
            try await terminal.wait { $0.isRegistered }
            let done = try await server.ask(
                #"{"cmd":"setuserinfo","enrollid":5,"name":"Ann","backupnum":11,"admin":0,"record":4711}"#,
                of: "T1")
            #expect(done.isSuccess)
            server.give(#"{"cmd":"reboot"}"#, to: "T1")
            try await terminal.wait { $0.ledger.registrations == 2 }
            let user = try await server.ask(#"{"cmd":"getuserinfo","enrollid":5,"backupnum":11}"#, of: "T1")
            #expect(user["record"] == 4711 && user["name"] == "Ann")
            #expect(terminal.act { $0.punch(5, at: $1) } == .accepted(1))
            try await terminal.wait { $0.content.logs.newCount == 0 }
            #expect(server.punches(of: "T1").count == 1)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `dials again when the server goes, and through a stall that leaves the old link half open`()
        async throws
    {
        var options = FaithfulTerminal.Options(serial: "T1")
        options.habits.patience = .milliseconds(300)
        try await Self.withTerminal(options) { terminal, server in
            try await terminal.wait { $0.isRegistered }
            server.dropAll()
            try await terminal.wait { $0.ledger.registrations == 2 }
            await terminal.stallWiFi(true)
            Self.punch(terminal, 2)
            try await terminal.wait { !$0.isConnected }
            #expect(server.punches(of: "T1").isEmpty)
            await terminal.stallWiFi(false)
            try await terminal.wait { $0.content.logs.newCount == 0 }
            #expect(terminal.ledger.connections == 3 && server.punches(of: "T1").count == 2)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `ten thousand logs are pulled while more are pushed`() async throws {
        var options = FaithfulTerminal.Options(serial: "T1")
        // The push without an answer must not end the link in the middle of the pages, however slow the machine.
        options.habits.patience = .seconds(3600)
        try await Self.withTerminal(options) { terminal, server in
            try await terminal.wait { $0.isRegistered }
            server.acknowledge(false)
            Self.punch(terminal, 10_000)
            var pulled: Set<String> = []
            var isFirst = true
            while true {
                let page = try await server.ask(#"{"cmd":"getnewlog","stn":\#(isFirst)}"#, of: "T1")
                guard case .array(let records) = page["record"], !records.isEmpty else { break }
                pulled.formUnion(records.map(ScriptedServer.key))
                if isFirst { server.acknowledge(true) }
                isFirst = false
                if pulled.count == 5000 { Self.punch(terminal, 10, from: 20_000) }
            }
            #expect(pulled.count == 10_000)
            terminal.act { $0.dropLink(at: $1) }
            try await terminal.wait { $0.content.logs.newCount == 0 }
            #expect(Set(server.punches(of: "T1")).union(pulled).count == 10_010)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `fifty terminals with five hundred people each are light, and all of their punches arrive`()
        async throws
    {
        try await ScriptedServer.with { server in
            server.answerRegistration(#"{"ret":"reg","result":true,"nosenduser":true}"#)
            let people = (1...500).map { id in
                var user = StoredUser(name: "Person \(id)")
                user.credentials = [
                    StoredCredential(slot: 11, record: "\(id)", isAcknowledged: true),
                    StoredCredential(
                        slot: 50, record: SimulatedCredential.photo(seed: UInt64(id)), isAcknowledged: true),
                ]
                return (UInt64(id), user)
            }
            let terminals = try (1...50).map { number in
                try FaithfulTerminal(.init(serial: "T\(number)"), address: server.address)
            }
            try await TerminalPark.with(terminals) {
                for terminal in terminals {
                    terminal.act { brain, _ in brain.load(people) }
                    terminal.act { brain, now in
                        for person in 1...20 as ClosedRange<UInt64> { _ = brain.punch(person, at: now) }
                    }
                }
                for terminal in terminals { try await terminal.wait { $0.content.logs.newCount == 0 } }
            }
            #expect(server.allPunches == 1000)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `whoever waits is told when the task ends, and when the flash fails`() async throws {
        let terminal = try FaithfulTerminal(.init(serial: "T1"), address: .init(port: 1))
        let waiting = Task { try await terminal.wait { $0.isRegistered } }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(throws: (any Error).self) {
            var options = FaithfulTerminal.Options(serial: "T1")
            options.flash = "/nowhere/at/all"
            _ = try FaithfulTerminal(options, address: .init(port: 1))
        }
    }
}
