import AttendanceSimulation
import Foundation
import Testing

@Suite struct `The command line` {
    private func config(_ text: String, in folder: TemporaryFolder) throws -> String {
        let path = folder.path + "/config.ini"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test(.timeLimit(.minutes(10)))
    func `a wrong config ends serve and check-config with 78 and every mistake`() async throws {
        let folder = try TemporaryFolder()
        let path = try config(
            "[Server]\nHost = 0.0.0.0\nPort = eighty\n[ERP]\nURLL = http://erp.example.com\nMaxRetries = -1\n",
            in: folder)
        for verb in ["serve", "check-config"] {
            let result = try await GatewayProcess.run([verb, "--config", path], in: folder)
            #expect(result.status == 78)
            #expect(result.output.contains("config.ini:3:"))
            #expect(result.output.contains("config.ini:5:"))
            #expect(result.output.contains("config.ini:6:"))
            #expect(result.output.contains("URL"))
        }
    }

    @Test(.timeLimit(.minutes(10))) func `serve without a config says how to begin`() async throws {
        let folder = try TemporaryFolder()
        let result = try await GatewayProcess.run(
            ["serve", "--config", folder.path + "/none.ini"], in: folder)
        #expect(result.status == 78)
        #expect(result.output.contains("none.ini"))
    }

    @Test(.timeLimit(.minutes(10))) func `a taken port and a taken journal are told with 69`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let path = try config(
            "[Server]\nHost = 127.0.0.1\nPort = \(port)\n[Terminals]\nTimeZone = UTC\n", in: folder)
        let first = try GatewayProcess(["serve", "--config", path], port: port)
        try await first.isReady()
        let sameJournal = try await GatewayProcess.run(["serve", "--config", path], in: folder)
        #expect(sameJournal.status == 69)
        #expect(sameJournal.output.contains("in use by another attendance-gateway"))
        let samePort = try await GatewayProcess.run(
            ["serve", "--config", path, "--set", "Store.Directory=\(folder.path)/other"], in: folder)
        #expect(samePort.status == 69)
        #expect(samePort.output.contains("port is in use"))
        first.signal(SIGTERM)
        #expect(await first.waitUntilEnded() == 0)
    }

    @Test(.timeLimit(.minutes(10)))
    func `punches, export and dead-letters work beside a running gateway and without one`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        try await withERPNext(people: 1...5) { erp in
            let path = try config(
                """
                [Server]
                Host = 127.0.0.1
                Port = \(port)
                [ERP]
                URL = \(erp.url)
                Dialect = hrms
                APIKey = k3y-of-tests
                APISecret = \(erpSecret)
                [Terminals]
                TimeZone = Asia/Kolkata
                Unknown = accept
                """, in: folder)
            let gateway = try GatewayProcess(["serve", "--config", path], port: port)
            try await gateway.isReady()
            let terminal = try await SimulatedTerminal.connect(port: port, serial: "ZX01")
            try await terminal.register()
            let time = wallNow(-60)
            try await terminal.sendLog([
                .aiFace(5, at: time, name: "=Ada, \"A\""), .tfs(66, at: time), .door(event: 1, at: time),
            ])
            try await eventually {
                (try await gateway.health()["queue"] as? [String: Any])?["dead_letters"] as? Int == 1
            }
            try await eventually {
                (try await gateway.health()["queue"] as? [String: Any])?["owed"] as? Int == 0
            }

            for isRunning in [true, false] {
                if !isRunning {
                    gateway.signal(SIGTERM)
                    #expect(await gateway.waitUntilEnded() == 0)
                }
                let text = try await GatewayProcess.run(["punches", "--config", path], in: folder)
                #expect(text.status == 0)
                #expect(text.output.contains("3 punches"))
                let csv = try await GatewayProcess.run(
                    ["punches", "--config", path, "--person", "5", "--format", "csv"], in: folder)
                #expect(csv.output.contains("\"'=Ada, \"\"A\"\"\""))
                let json = try await GatewayProcess.run(
                    [
                        "export", "--config", path, "--format", "json", "--day",
                        String(time.description.prefix(10)),
                    ], in: folder)
                let lines = json.output.split(separator: "\n")
                #expect(lines.count == 3)
                for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
                let list = try await GatewayProcess.run(
                    ["dead-letters", "list", "--config", path], in: folder)
                #expect(list.output.contains("unknown-employee"))
                #expect(list.output.contains("1 × unknown-employee"))
                let nothing = try await GatewayProcess.run(
                    ["dead-letters", "retry", "--config", path, "--person", "5"], in: folder)
                #expect(nothing.status == 1)
                let vague = try await GatewayProcess.run(
                    ["dead-letters", "retry", "--config", path], in: folder)
                #expect(vague.status == 64)
            }
            let again = try await GatewayProcess.run(
                ["dead-letters", "retry", "--config", path, "--all"], in: folder)
            #expect(again.status == 0)
            #expect(again.output.contains("1 dead letter: owed again; no gateway is running"))
        }
    }

    @Test(.timeLimit(.minutes(10))) func `simulate against serve ends with 0 when all is acknowledged`()
        async throws
    {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let path = try config(
            "[Server]\nHost = 127.0.0.1\nPort = \(port)\n[Terminals]\nTimeZone = UTC\n", in: folder)
        let gateway = try GatewayProcess(["serve", "--config", path], port: port)
        try await gateway.isReady()
        let good = try await GatewayProcess.run(
            [
                "simulate", "--port", "\(port)", "--terminals", "5", "--rate", "0", "--total", "200", "--odd",
                "0.1", "--duplicates", "0.1",
            ],
            in: folder)
        #expect(good.status == 0)
        #expect(good.output.contains("Every punch was acknowledged"))
        gateway.signal(SIGTERM)
        #expect(await gateway.waitUntilEnded() == 0)
        let alone = try await GatewayProcess.run(
            ["simulate", "--port", "\(port)", "--terminals", "1", "--seconds", "1"], in: folder)
        #expect(alone.status == 1)
    }

    @Test(.timeLimit(.minutes(10))) func `version and help are there`() async throws {
        let folder = try TemporaryFolder()
        #expect(try await GatewayProcess.run(["version"], in: folder).output.hasPrefix("attendance-gateway "))
        let help = try await GatewayProcess.run(["--help"], in: folder)
        for verb in [
            "serve", "check-config", "simulate", "demo", "dead-letters", "punches", "export", "version",
        ] {
            #expect(help.output.contains(verb))
        }
    }
}
