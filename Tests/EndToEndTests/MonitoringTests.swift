import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// What others watch the gateway by: metrics, probes, exit codes.
@Suite(.timeLimit(.minutes(10))) struct `What watches the gateway` {
    private static let packaging = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(
            "packaging/monitoring")

    /// Names in a file of rules or panels; a histogram is asked for by its buckets, sum and count.
    private static func names(in file: String) throws -> Set<String> {
        let text = try String(contentsOf: packaging.appendingPathComponent(file), encoding: .utf8)
        let found = text.matches(of: /\b(gateway|process)_[a-z_]*[a-z]/).map { String($0.output.0) }
        return Set(
            found.map { name in
                for suffix in ["_seconds_bucket", "_seconds_sum", "_seconds_count"]
                where name.hasSuffix(suffix) {
                    return String(name.dropLast(suffix.count)) + "_seconds"
                }
                return name
            })
    }

    @Test func `asks for metrics that there are`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        try await withERPNext(people: 1...5) { erp in
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
            [Terminals]
            TimeZone = Asia/Kolkata
            Unknown = accept
            [Alert monitor]
            Kind = json
            URL = \(erp.url)/alerts
            """.write(toFile: path, atomically: true, encoding: .utf8)
            let gateway = try GatewayProcess(["serve", "--config", path], port: port)
            try await gateway.isReady()
            let exported = try await gateway.metrics().split(separator: "\n").compactMap { line -> String? in
                line.hasPrefix("# TYPE ")
                    ? line.split(separator: " ").dropFirst(2).first.map(String.init) : nil
            }
            for file in ["alerts.yml", "alerts.test.yml", "dashboard.json"] {
                let asked = try Self.names(in: file)
                #expect(asked.count > 5, "\(file)")
                let missing = asked.subtracting(exported)
                #expect(missing.isEmpty, "\(file) asks for \(missing.sorted())")
            }
            gateway.signal(SIGTERM)
            #expect(await gateway.waitUntilEnded() == 0)
        }
    }

    @Test func `hears by probe and exit code that it lives and that it can store`() async throws {
        try await withGateway { gateway in
            for (path, words) in [("live", "live"), ("ready", "ready")] {
                #expect(try await gateway.http("/health/\(path)").status == 200)
                let asked = try await gateway.command(["health", "--\(path)"])
                #expect(asked.status == 0 && asked.output == words + "\n")
            }
            let whole = try await gateway.command(["health"])
            #expect(whole.status == 0 && whole.output.contains("journal     writable"))
            let elsewhere = try await GatewayProcess.run(
                ["health", "--ready", "--url", "http://127.0.0.1:\(gateway.port)", "--format", "json"],
                in: TemporaryFolder())
            #expect(elsewhere.status == 0 && elsewhere.output.contains(#""ok":true"#))

            // The disk is full: nothing can be stored, and a restart would not help.
            try await gateway.gateway.store.setPageQuota(1)
            let terminal = try await gateway.connect("ZX01")
            _ = try await terminal.register()
            try await eventually {
                _ = try await terminal.sendLog((0..<200).map { .tfs($0 + 1, at: wallNow(-Int64($0))) })
                return try await gateway.http("/health/ready").status == 503
            }
            #expect(try await gateway.http("/health").status == 503)
            #expect(try await gateway.http("/health/live").status == 200)
            #expect(try await gateway.command(["health", "--live"]).status == 0)
            let full = try await gateway.command(["health", "--ready"])
            #expect(full.status == 1 && full.output.hasPrefix("not ready"))
            #expect(try await gateway.command(["health"]).status == 1)
            try await gateway.gateway.store.setPageQuota(1 << 20)
            try await eventually { try await gateway.http("/health/ready").status == 200 }
        }
    }

    @Test func `hears by another exit code that nobody answers`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let away = try await GatewayProcess.run(
            ["health", "--live", "--url", "http://127.0.0.1:\(port)"], in: folder)
        #expect(away.status == 69 && away.output.contains("no gateway answers"))
        let config = folder.path + "/config.ini"
        try "[Server]\nHost = 127.0.0.1\n[Terminals]\nTimeZone = UTC\n".write(
            toFile: config, atomically: true, encoding: .utf8)
        #expect(try await GatewayProcess.run(["health", "--config", config], in: folder).status == 69)
        for wrong in [["--url", "gateway:8080"], ["--live", "--ready"], ["--format", "csv"]] {
            #expect(try await GatewayProcess.run(["health"] + wrong, in: folder).status == 64)
        }
    }
}
