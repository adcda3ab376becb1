import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

@testable import AttendanceGateway

@Suite struct `Who may connect` {
    private func status(_ body: () async throws -> SimulatedTerminal) async throws -> Int {
        do {
            _ = try await body()
            return 101
        } catch TerminalError.refused(let status, _) {
            return status
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a listener's token is wanted before the upgrade`() async throws {
        try await withGateway(["Security.AuthToken=a-long-enough-token"]) { gateway in
            let good = [("Authorization", "Bearer a-long-enough-token")]
            #expect(try await status { try await gateway.connect("ZX01", headers: good) } == 101)
            #expect(try await status { try await gateway.connect("ZX01") } == 401)
            #expect(
                try await status {
                    try await gateway.connect("ZX01", headers: [("Authorization", "Bearer wrong")])
                } == 401)
            // A header that only the gate may set does not open anything.
            let forged = [("x-gateway-refusal", "200 ok")]
            #expect(try await status { try await gateway.connect("ZX01", headers: forged) } == 401)
            let health = try await gateway.http("/health")
            #expect(health.status == 200)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `each listener has rules of its own, and all of them must hold`()
        async throws
    {
        let file = """
            [Security]
            AuthToken = a-long-enough-token
            [Listener hardware]
            Host = 127.0.0.1
            Port = 0
            SecretPath = /gate-8f3ka02m
            AllowedNetworks = 127.0.0.0/8
            AllowedSerials = ZX01
            [Listener far]
            Host = 127.0.0.1
            Port = 0
            AllowedNetworks = 192.0.2.0/24
            """
        try await withGateway(file: file) { gateway in
            #expect(try await status { try await gateway.connect("ZX01") } == 401)
            #expect(try await status { try await gateway.connect("ZX01", listener: "hardware") } == 404)
            #expect(try await status { try await gateway.connect("ZX01", listener: "far") } == 403)
            let allowed = try await gateway.connect("zx01", path: "/gate-8f3ka02m?x=1", listener: "hardware")
            #expect(try await allowed.register().isSuccess)
            let foreign = try await gateway.connect("ZX02", path: "/gate-8f3ka02m", listener: "hardware")
            let answer = try await foreign.register()
            #expect(answer["result"] == false)
            #expect(await foreign.waitUntilClosed() == 1008)
            #expect(try await gateway.journal().isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `the admin socket is its owner's alone, whatever its folder allows`()
        async throws
    {
        try await withGateway { gateway in
            let path = gateway.folder + "/data/admin.sock"
            try await eventually {
                var found = stat()
                return stat(path, &found) == 0 && found.st_mode & 0o777 == 0o600
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a flood of probes reads the journal a few times a second`()
        async throws
    {
        try await withGateway { gateway in
            let reporter = gateway.gateway.reporter
            let start = ContinuousClock.now
            #expect(await reporter.recentReport(at: start).store.punches == 0)
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try await terminal.sendLog([.tfs(7, at: wallNow(-60))])
            #expect(await reporter.recentReport(at: start + .milliseconds(199)).store.punches == 0)
            #expect(await reporter.recentReport(at: start + .milliseconds(200)).store.punches == 1)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `connections over the limit are closed and the others stay`()
        async throws
    {
        try await withGateway(["Server.MaxConnectionsPerAddress=3"]) { gateway in
            var terminals: [SimulatedTerminal] = []
            for number in 1...3 {
                let terminal = try await gateway.connect("ZX0\(number)")
                try await terminal.register()
                terminals.append(terminal)
            }
            await #expect(throws: (any Error).self) { _ = try await gateway.connect("ZX04") }
            #expect(try await terminals[0].ask("checklive").isSuccess)
            try await terminals[2].close()
            try await eventually { (try? await gateway.connect("ZX05").register().isSuccess) == true }
        }
    }
}
