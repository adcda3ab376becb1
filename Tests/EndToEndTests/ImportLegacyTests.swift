import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

@Suite struct `Moving over from the older service` {
    private struct Place {
        let folder: TemporaryFolder
        let config: String
        let csv: String
    }

    private func makePlace(port: Int, erp: String) throws -> Place {
        let folder = try TemporaryFolder()
        let csv = folder.path + "/logs"
        try FileManager.default.createDirectory(atPath: csv, withIntermediateDirectories: true)
        let config = folder.path + "/config.ini"
        try """
        [Server]
        Host = 127.0.0.1
        Port = \(port)
        [ERP]
        URL = \(erp)
        Dialect = hrms
        APIKey = k3y-of-tests
        APISecret = \(erpSecret)
        [Logging]
        LogDirectory = logs
        [Store]
        Directory = data
        [Terminals]
        TimeZone = Asia/Kolkata
        Unknown = accept
        """.write(toFile: config, atomically: true, encoding: .utf8)
        return Place(folder: folder, config: config, csv: csv)
    }

    private func write(_ bytes: [UInt8], _ name: String, _ place: Place) throws {
        try Data(bytes).write(to: URL(filePath: "\(place.csv)/\(name)"))
    }

    private func totals(_ output: String) throws -> [String: Int] {
        let line = try #require(output.split(separator: "\n").first { $0.hasPrefix("{") })
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return try #require(object?["total"] as? [String: Int])
    }

    @Test(.timeLimit(.minutes(10)))
    func `what was delivered is never sent again, and what failed arrives once`() async throws {
        let port = try await LoopbackPort.free()
        try await withERPNext(people: 1...5) { erp in
            let place = try makePlace(port: port, erp: erp.url)
            let times = (0..<4).map { wallNow(-86_400 + 60 * Int64($0)) }
            var text = "Timestamp,Enroll ID,Name,Device ID,ERP Status\r\n"
            text += "\(times[0]),1,Ada,ZX01,Success\r\n\(times[1]),2,\"=Bo, B\",ZX01,ERP_Failed\r\n"
            text += "\(times[2]),3,Cy,ZX01,ERP_Failed\r\n\(times[2]),3,Cy,ZX01,Success\r\n"
            text += "\(times[1]),2,\"=Bo, B\",ZX01,ERP_Failed\r\nnonsense\r\n"
            try write(Array(text.utf8), "\(times[0].month)-attendance.csv", place)
            try write(Array("a;b".utf8), "people.csv", place)
            let verb = ["import-legacy", "--from", place.config, "--config", place.config]

            let dry = try await GatewayProcess.run(verb, in: place.folder)
            #expect(dry.status == 1)  // the nonsense
            #expect(dry.output.contains("Dry run, nothing was changed"))
            #expect(dry.output.contains("-attendance.csv:7: it has 1 columns in place of 5"))
            #expect(dry.output.contains("people.csv: left out"))
            #expect(dry.output.contains("[ERP] APISecret = redacted"))
            #expect(!dry.output.contains(erpSecret))
            #expect(!FileManager.default.fileExists(atPath: place.folder.path + "/data/journal.sqlite"))

            let first = try await GatewayProcess.run(
                verb + ["--apply", "--format", "json"], in: place.folder)
            #expect(first.status == 1)
            #expect(
                try totals(first.output) == [
                    "added": 3, "known": 2, "delivered": 2, "settled": 1, "owed": 2, "unforwarded": 0,
                ])
            let again = try await GatewayProcess.run(
                verb + ["--apply", "--format", "json"], in: place.folder)
            #expect(
                try totals(again.output) == [
                    "added": 0, "known": 5, "delivered": 0, "settled": 0, "owed": 0, "unforwarded": 0,
                ])

            let gateway = try GatewayProcess(["serve", "--config", place.config], port: port)
            try await gateway.isReady()
            let running = try await GatewayProcess.run(verb + ["--apply"], in: place.folder)
            #expect(running.status == 69)
            #expect(running.output.contains("stop it for the import"))
            // The terminal sends all it has, with what the CSV does not know, and one new punch.
            let terminal = try await SimulatedTerminal.connect(port: port, serial: "zx01")
            try await terminal.register()
            let answer = try await terminal.sendLog([
                .aiFace(1, at: times[0], name: "Ada"), .tfs(2, at: times[1], inOut: 1), .tfs(3, at: times[2]),
                .tfs(4, at: times[3]),
            ])
            #expect(answer.isSuccess)
            try await eventually { erp.checkins.count == 2 }
            try await eventually {
                (try await gateway.health()["queue"] as? [String: Any])?["owed"] as? Int == 0
            }
            #expect(Set(erp.checkins.map(\.employee)) == ["HR-EMP-2", "HR-EMP-4"])
            gateway.signal(SIGTERM)
            #expect(await gateway.waitUntilEnded() == 0)
            let trail = try await GatewayProcess.run(["audit", "--config", place.config], in: place.folder)
            #expect(trail.output.contains("journal.import-legacy"))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `hostile files stop nothing, and are told`() async throws {
        let place = try makePlace(port: 8080, erp: "http://127.0.0.1:9")
        let header = Array("Timestamp,Enroll ID,Name,Device ID,ERP Status\n".utf8)
        let good = Array("2025-01-02 08:00:00,1,A,T1,Success\n".utf8)
        try write([0xEF, 0xBB, 0xBF] + header + good, "2025-01-attendance.csv", place)
        try write(
            header + [UInt8](repeating: 0x78, count: 1 << 20) + [0x0A]
                + Array("2025-02-02 08:00:00,1,\u{0}\u{1B}[31m\",T1,ERP_Failed\n".utf8) + [0xFF, 0x00, 0x22],
            "2025-02-attendance.csv", place)
        try write(Array("who,what\n1,2\n".utf8), "2025-03-attendance.csv", place)
        try write(Array("\u{1B}[31m,\"\n\n".utf8), "2025-04-attendance.csv", place)
        try write([], "2025-05-attendance.csv", place)
        let result = try await GatewayProcess.run(
            ["import-legacy", "--config", place.config, "--csv", place.csv, "--apply"], in: place.folder)
        #expect(result.status == 1)
        #expect(result.output.contains("2 new punches"))
        #expect(result.output.contains("2025-02-attendance.csv:2: the line is longer than 65536 bytes"))
        #expect(result.output.contains("2025-03-attendance.csv:1: the first line is not"))
        #expect(!result.output.unicodeScalars.contains("\u{1B}"))
        let none = try await GatewayProcess.run(
            ["import-legacy", "--config", place.config, "--csv", place.folder.path + "/none"],
            in: place.folder)
        #expect(none.status == 66)
    }

    @Test(.timeLimit(.minutes(10))) func `version tells commit and build, also as JSON`() async throws {
        let folder = try TemporaryFolder()
        let text = try await GatewayProcess.run(["--version"], in: folder).output
        #expect(
            text.contains(
                #/^attendance-gateway \d+\.\d+\.\d+ \(commit (?:[0-9a-f]{12}(?:-modified)?|unknown), /#))
        #expect(try await GatewayProcess.run(["version"], in: folder).output == text)
        let json = try await GatewayProcess.run(["version", "--format", "json"], in: folder).output
        let object = try JSONDecoder().decode([String: String].self, from: Data(json.utf8))
        #expect(Set(object.keys) == ["version", "commit", "mode", "swift", "architecture", "system"])
        #expect(text.contains(try #require(object["commit"])))
    }
}
