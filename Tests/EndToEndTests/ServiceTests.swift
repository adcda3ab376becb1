import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

/// The real program as systemd and an administrator know it: signals, the notify socket, its log.
@Suite struct `The program as a service` {
    private static let firstToken = "the-first-long-token"
    private static let secondToken = "the-second-long-token"

    /// Replaces the whole `config.ini`. A section named twice in `more` is a mistake like any other.
    @discardableResult
    private func configure(
        _ folder: TemporaryFolder, port: Int, erp: SimulatedERPNext? = nil, token: String? = nil,
        server: [String] = [], more: [String] = []
    ) throws -> String {
        var lines = ["[Server]", "Host = 127.0.0.1", "Port = \(port)"] + server
        if let token { lines += ["[Security]", "AuthToken = \(token)"] }
        if let erp {
            lines += [
                "[ERP]", "URL = \(erp.url)", "Dialect = hrms", "APIKey = k3y-of-tests",
                "APISecret = \(erpSecret)", "RetryDelaySec = 1", "AmbiguousWaitSec = 1",
            ]
        }
        lines += ["[Terminals]", "TimeZone = Asia/Kolkata", "Unknown = accept"] + more
        let path = folder.path + "/config.ini"
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func log(_ folder: TemporaryFolder) throws -> [Substring] {
        try String(contentsOfFile: folder.path + "/logs/attendance.log", encoding: .utf8).split(
            separator: "\n")
    }

    private func connect(_ serial: String, port: Int, token: String) async throws -> SimulatedTerminal {
        try await SimulatedTerminal.connect(
            port: port, headers: [("Authorization", "Bearer \(token)")], serial: serial)
    }

    private func isRefused(port: Int, token: String) async throws -> Bool {
        do {
            _ = try await connect("ZX99", port: port, token: token)
            return false
        } catch TerminalError.refused(let status, _) {
            return status == 401
        }
    }

    private func queue(_ gateway: GatewayProcess, _ key: String) async throws -> Int? {
        (try await gateway.health()["queue"] as? [String: Any])?[key] as? Int
    }

    // MARK: Stopping

    @Test(.timeLimit(.minutes(10)))
    func `SIGTERM under load, while the ERP answers nothing, ends it with 0 within 5 s`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let acknowledged = folder.path + "/acknowledged"
        try await withERPNext { erp in
            let path = try configure(folder, port: port, erp: erp)
            let gateway = try GatewayProcess(["--config", path], port: port)
            try await gateway.isReady()
            // Nothing is sent before the site's own time zone is known.
            try await eventually {
                let sinks = try await gateway.health()["sinks"] as? [[String: Any]]
                return (sinks?.first?["site"] as? [String: Any])?["time_zone"] != nil
            }
            erp.inject(.hang)
            var options = TerminalFleet.Options()
            options.port = port
            options.terminals = 20
            options.rate = 600
            options.zone = "Asia/Kolkata"
            options.acknowledgedFile = acknowledged
            options.habits.retryWait = .milliseconds(100)
            let fleet = TerminalFleet(options)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await fleet.run() }
                await erp.checkinRequestCount(reaches: 1)
                try await eventually { try await queue(gateway, "owed") ?? 0 > 300 }
                let asked = ContinuousClock.now
                gateway.signal(SIGTERM)
                #expect(await gateway.waitUntilEnded() == 0)
                // What it takes on a quiet machine, `bench --only stop` tells; the service manager waits 90 s.
                #expect(ContinuousClock.now - asked < .seconds(45))
                group.cancelAll()
            }
            let log = try log(folder)
            #expect(log.last?.hasSuffix("stopped") == true)
            #expect(!log.contains { $0.contains(" - CRITICAL - ") })

            // Nothing acknowledged went with it, also not what was on its way.
            erp.clearFaults()
            let next = try GatewayProcess(["--config", path], port: port)
            try await next.isReady()
            try await eventually { try await queue(next, "owed") == 0 }
            next.signal(SIGTERM)
            #expect(await next.waitUntilEnded() == 0)
            let promised = try String(contentsOfFile: acknowledged, encoding: .utf8).split(separator: "\n")
                .map { line in line.split(separator: ",").dropFirst().joined(separator: ",") }
            let stored = erp.checkins.map { "\($0.person),\($0.time)" }
            #expect(promised.count > 300)
            #expect(Set(promised).subtracting(stored).isEmpty)
            #expect(Set(stored).count == stored.count)
        }
    }

    // MARK: Reloading

    @Test(.timeLimit(.minutes(10)))
    func `SIGHUP takes over what may change, names what needs a restart, and refuses a broken file`()
        async throws
    {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let path = try configure(folder, port: port, token: Self.firstToken)
        let notify = try NotifySocket(in: folder)
        let gateway = try GatewayProcess(
            ["--config", path], port: port, environment: ["NOTIFY_SOCKET": notify.path])
        try await eventually { notify.said("READY") == 1 }
        let old = try await connect("ZX01", port: port, token: Self.firstToken)
        try await old.register()
        #expect(try !log(folder).contains { $0.contains(" - DEBUG - ") })

        try configure(
            folder, port: port, token: Self.secondToken, server: ["PingSeconds = 30"],
            more: ["[Logging]", "LogLevel = DEBUG"])
        gateway.signal(SIGHUP)
        try await eventually { try log(folder).contains { $0.contains("settings reloaded") } }
        #expect(try await isRefused(port: port, token: Self.firstToken))
        let new = try await connect("ZX02", port: port, token: Self.secondToken)
        try await new.register()
        for terminal in [old, new] {
            #expect(try await terminal.sendLog([.tfs(7, at: wallNow(-60))]).isSuccess)
        }
        try await eventually { try log(folder).contains { $0.contains(" - DEBUG - ") } }
        let needsRestart = try log(folder).filter { $0.contains("setting needs a restart") }
        #expect(needsRestart.count == 1)
        #expect(needsRestart.first?.contains("[Server] PingSeconds: 20 -> 30") == true)
        #expect(try log(folder).contains { $0.contains("setting changed") && $0.contains("LogLevel") })

        try configure(
            folder, port: port, token: "the-third-long-token", server: ["PingSecond = 10"],
            more: ["EarliestYear = soon"])
        gateway.signal(SIGHUP)
        try await eventually { try log(folder).contains { $0.contains("the old settings stay in force") } }
        let refused = try log(folder).filter { $0.contains("settings refused") }
        #expect(refused.count == 2)
        #expect(refused.contains { $0.contains("config.ini:4:") && $0.contains("PingSeconds") })
        #expect(refused.contains { $0.contains("config.ini:10:") && $0.contains("EarliestYear") })
        #expect(try await isRefused(port: port, token: "the-third-long-token"))
        _ = try await connect("ZX03", port: port, token: Self.secondToken)
        #expect(try await old.ask("checklive").isSuccess)

        gateway.signal(SIGTERM)
        #expect(await gateway.waitUntilEnded() == 0)
        let all = try log(folder).joined(separator: "\n")
        for token in [Self.firstToken, Self.secondToken, "the-third-long-token"] {
            #expect(!all.contains(token))
        }
    }

    // MARK: systemd

    @Test(.timeLimit(.minutes(10))) func `systemd is told of readiness, life, reloads and the end`()
        async throws
    {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let path = try configure(folder, port: port)
        let notify = try NotifySocket(in: folder)
        let gateway = try GatewayProcess(
            ["--config", path], port: port,
            environment: ["NOTIFY_SOCKET": notify.path, "WATCHDOG_USEC": "200000"])
        try await eventually { notify.said("READY") == 1 }
        // Ready means what it says.
        _ = try await gateway.health()
        let began = ContinuousClock.now
        let before = notify.said("WATCHDOG")
        try await eventually { notify.said("WATCHDOG") >= before + 5 }
        #expect(ContinuousClock.now - began > .milliseconds(300), "fed every half limit, not without pause")
        gateway.signal(SIGHUP)
        try await eventually { notify.said("READY") == 2 }
        #expect(notify.said("RELOADING") == 1)
        #expect(notify.said("STOPPING") == 0)
        gateway.signal(SIGTERM)
        #expect(await gateway.waitUntilEnded() == 0)
        #expect(notify.said("STOPPING") == 1)
        let words = notify.messages().filter { !$0.hasPrefix("WATCHDOG") }.map { $0.prefix { $0 != "=" } }
        #expect(words == ["READY", "RELOADING", "READY", "STOPPING"])
    }

    @Test(.timeLimit(.minutes(10))) func `a hang-up that comes while it starts does not end it`() async throws
    {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let path = try configure(folder, port: port)
        let gateway = try GatewayProcess(["--config", path], port: port)
        try await eventually { (try? log(folder).contains { $0.contains("starting") }) == true }
        gateway.signal(SIGHUP)
        try await gateway.isReady()
        gateway.signal(SIGTERM)
        #expect(await gateway.waitUntilEnded() == 0)
    }

    // MARK: What it writes

    @Test(.timeLimit(.minutes(10)))
    func `no file it writes holds a token, a secret, a photo, a template, a PIN or a card`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let output = folder.path + "/console"
        try await withERPNext(people: 1...20) { erp in
            let path = try configure(
                folder, port: port, erp: erp, token: Self.firstToken, more: ["[Logging]", "LogLevel = DEBUG"])
            let gateway = try GatewayProcess(["--config", path], port: port, output: output)
            try await gateway.isReady()
            #expect(try await isRefused(port: port, token: "a-guess-of-a-token"))
            let terminal = try await connect("ZX01", port: port, token: Self.firstToken)
            try await terminal.register()
            let photo = "/9j/4AAQSkZJRg" + String(repeating: "UGhvdG9z", count: 2000)
            let time = wallNow(-60)
            func record(_ person: UInt64, at time: String, name: String = "") -> SimulatedRecord {
                SimulatedRecord(enrollID: .number(person), time: time, name: name, image: photo)
            }
            let forged = "Ada\n\(time),000 - CRITICAL - forged"
            #expect(
                try await terminal.sendLog([
                    record(7, at: time.description, name: forged), record(8, at: "yesterday"),
                    record(0, at: time.description), record(99, at: time.description),
                ]).isSuccess)
            for credential in [
                #""backupnum":0,"record":"VGVtcGxhdGU\#(String(repeating: "VGVtcGxhdGU", count: 300))""#,
                #""backupnum":50,"record":"\#(photo)""#, #""backupnum":10,"record":83920174"#,
                #""backupnum":11,"record":2352253771"#,
            ] {
                try await terminal.send(
                    #"{"cmd":"senduser","sn":"ZX01","enrollid":7,"name":"Ada",\#(credential)}"#)
                #expect(try await terminal.answer(to: "senduser").isSuccess)
            }
            // What cannot be read is kept, without what is private in it.
            _ = try await terminal.exchange(
                #"{"cmd":"sendlog","sn":"ZX01","record":[{"enrollid":9,"image":"\#(photo)"#)
            await erp.checkinCount(reaches: 1)
            try await eventually { try await queue(gateway, "dead_letters") == 1 }
            try await eventually { try await queue(gateway, "owed") == 0 }
            // The journal has them, in its write-ahead log while it runs.
            #expect(try await (gateway.health()["store"] as? [String: Any])?["punches"] as? Int == 3)

            let hidden = [
                Self.firstToken, "a-guess-of-a-token", erpSecret, "UGhvdG9zUGhvdG9z", "VGVtcGxhdGUVGVt",
                "83920174", "2352253771",
            ]
            try search(folder, for: hidden)
            gateway.signal(SIGTERM)
            #expect(await gateway.waitUntilEnded() == 0)
            let files = try search(folder, for: hidden)
            #expect(files.count { $0.hasSuffix(".log") } == 1)
            #expect(files.count { $0.hasSuffix("-attendance.csv") } == 1)
            #expect(files.count { $0.contains("/data/") } >= 1)

            // And each line of the log is one line of its own making, in the file and on the console alike.
            let form = #/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - (DEBUG|INFO|WARNING|ERROR|CRITICAL) - \S.*/#
            let lines = try log(folder)
            #expect(lines.count > 5)
            for line in lines { #expect(line.wholeMatch(of: form) != nil, "\(line)") }
            #expect(!lines.contains { $0.contains(" - CRITICAL - forged") && $0.hasPrefix("\(time),000") })
            let console = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
            #expect(console == lines)
        }
    }

    /// Looks for each word in every file of the folder but the settings. Returns the files.
    @discardableResult
    private func search(_ folder: TemporaryFolder, for words: [String]) throws -> [String] {
        let all = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        var files: [String] = []
        for name in all where name != "config.ini" {
            let path = folder.path + "/" + name
            // Folders and the socket have no contents to read.
            guard let content = FileManager.default.contents(atPath: path) else { continue }
            files.append(path)
            for word in words {
                #expect(content.range(of: Data(word.utf8)) == nil, "\(word) is in \(name)")
            }
        }
        return files
    }
}
