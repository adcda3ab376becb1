import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

/// The promise itself, against the real program as a process of its own.
@Suite struct `A gateway that is killed` {
    private static let rounds = 30

    @Test(.timeLimit(.minutes(20)))
    func `loses nothing acknowledged and doubles nothing, at thirty random moments under load`() async throws
    {
        let seed = UInt64.random(in: 1...1_000_000)
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let acknowledged = folder.path + "/acknowledged"
        let erp = try SimulatedERPNext(registersUnknown: true, credential: "k3y-of-tests:\(erpSecret)")
        erp.setHandlingTime(.milliseconds(3))
        try await erp.start()
        let config = folder.path + "/config.ini"
        try """
        [Server]
        Host = 127.0.0.1
        Port = \(port)
        [ERP]
        URL = \(erp.url)
        Dialect = hrms
        APIKey = k3y-of-tests
        APISecret = \(erpSecret)
        Concurrency = 8
        RetryDelaySec = 1
        AmbiguousWaitSec = 1
        [Terminals]
        TimeZone = Asia/Kolkata
        Unknown = accept
        """.write(toFile: config, atomically: true, encoding: .utf8)
        let output = folder.path + "/output"
        let isOver = Flag()

        var options = TerminalFleet.Options()
        options.port = port
        options.terminals = 20
        options.people = 500
        options.rate = 600
        options.seed = seed
        options.acknowledgedFile = acknowledged
        options.habits.batchSize = 3
        options.habits.duplicates = 0.1
        options.habits.oddFrames = 0.05
        options.habits.outages = 0.02
        options.habits.longestOutage = .milliseconds(300)
        options.habits.retryWait = .milliseconds(50)
        options.habits.patience = .seconds(5)
        options.zone = "Asia/Kolkata"
        let fleet = TerminalFleet(options)

        let kills = try await withThrowingTaskGroup(of: Int?.self) { group in
            group.addTask {
                // Until it is cancelled: the killing decides how long it lasts.
                try await fleet.run()
                return nil
            }
            group.addTask {
                var random = SeededGenerator(seed: seed)
                var kills = 0
                for _ in 0..<Self.rounds {
                    let gateway = try GatewayProcess(
                        ["serve", "--config", config], port: port, output: output)
                    try await gateway.isReady()
                    // A random moment, which is the point of it.
                    try await Task.sleep(for: .milliseconds(Int.random(in: 20...700, using: &random)))
                    gateway.signal(SIGKILL)
                    #expect(await gateway.waitUntilEnded() == 128 + SIGKILL)
                    kills += 1
                }
                isOver.set()
                return kills
            }
            var kills = 0
            while let result = try await group.next() {
                guard let result else { continue }
                kills = result
                group.cancelAll()
            }
            return kills
        }
        #expect(kills == Self.rounds)
        #expect(isOver.isSet)

        // Once more, to bring out what is owed, and an end in order.
        let last = try GatewayProcess(["serve", "--config", config], port: port, output: output)
        try await last.isReady()
        try await eventually { (try await last.health()["queue"] as? [String: Any])?["owed"] as? Int == 0 }
        last.signal(SIGTERM)
        #expect(await last.waitUntilEnded() == 0)

        let promised = try String(contentsOfFile: acknowledged, encoding: .utf8).split(separator: "\n").map(
            String.init)
        var journal: Set<String> = []
        var people: [String] = []
        var moments: Set<String> = []
        let reader = try SQLiteReader(folder: folder.path + "/data")
        var cursor: PunchCursor?
        var count = 0
        while true {
            let page = try await reader.punches(PunchFilter(), after: cursor, limit: 1000)
            guard let end = page.last else { break }
            cursor = PunchCursor(time: end.punch.time, id: end.id)
            count += page.count
            for entry in page {
                journal.insert("\(entry.terminal),\(entry.punch.enrollID),\(entry.punch.time)")
                if entry.punch.isForwarded {
                    people.append("\(entry.punch.enrollID),\(entry.punch.time),\(entry.terminal)")
                    // What ERPNext knows a check-in by: two terminals in one second are one to it.
                    moments.insert("\(entry.punch.enrollID),\(entry.punch.time)")
                }
            }
        }
        let lost = Set(promised).subtracting(journal)
        let checkins = erp.checkins.map { "\($0.person),\($0.time)" }
        print(
            "crash test: seed \(seed), \(kills) kills, \(promised.count) punches acknowledged, \(count) in the journal, "
                + "\(checkins.count) check-ins, \(erp.overlaps) overlaps")
        #expect(promised.count > 500)
        #expect(lost.isEmpty, "acknowledged and not in the journal: \(lost.sorted().prefix(5))")
        // Door events of one second differ only by their event, which the key printed here leaves out.
        #expect(Set(people).count == people.count)
        #expect(Set(checkins).count == checkins.count, "doubled in ERPNext")
        let (missing, extra) = (moments.subtracting(checkins), Set(checkins).subtracting(moments))
        #expect(missing.isEmpty, "in the journal and not in ERPNext: \(missing.sorted().prefix(5))")
        #expect(extra.isEmpty, "in ERPNext and not in the journal: \(extra.sorted().prefix(5))")
        #expect(erp.overlaps == 0)
        let csv = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/logs")
            .filter { $0.hasSuffix("-attendance.csv") }
            .flatMap {
                try String(contentsOfFile: folder.path + "/logs/" + $0, encoding: .utf8).split(
                    separator: "\n"
                ).dropFirst()
            }
            .filter { $0.hasSuffix(",Success") }
        #expect(csv.count == people.count, "one Success line for each punch delivered")
        #expect(Set(csv).count == csv.count)
        try await erp.stop()
    }

    @Test(.timeLimit(.minutes(10))) func `comes back beside its own left-over socket and lock`() async throws
    {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let config = folder.path + "/config.ini"
        try "[Server]\nHost = 127.0.0.1\nPort = \(port)\n[Terminals]\nTimeZone = UTC\n"
            .write(toFile: config, atomically: true, encoding: .utf8)
        for _ in 0..<2 {
            let gateway = try GatewayProcess(["--config", config], port: port)
            try await gateway.isReady()
            gateway.signal(SIGKILL)
            _ = await gateway.waitUntilEnded()
        }
        let gateway = try GatewayProcess(["--config", config], port: port)
        try await gateway.isReady()
        gateway.signal(SIGTERM)
        #expect(await gateway.waitUntilEnded() == 0)
    }
}
