import AttendanceSimulation
import Foundation
import Testing

@Suite struct `Accounts at the command line` {
    private let password = "a good long password"

    @Test(.timeLimit(.minutes(10)))
    func `accounts and tokens are kept through a running gateway and without one`() async throws {
        let folder = try TemporaryFolder()
        let port = try await LoopbackPort.free()
        let config = folder.path + "/config.ini"
        let secret = folder.path + "/password"
        try "[Server]\nHost = 127.0.0.1\nPort = \(port)\n[Terminals]\nTimeZone = UTC\n".write(
            toFile: config, atomically: true, encoding: .utf8)
        try (password + "\r\nnot this\n").write(toFile: secret, atomically: true, encoding: .utf8)
        func run(_ arguments: String...) async throws -> (status: Int32, output: String) {
            try await GatewayProcess.run(arguments + ["--config", config], in: folder)
        }
        let gateway = try GatewayProcess(["serve", "--config", config], port: port)
        try await gateway.isReady()
        for isRunning in [true, false] {
            if !isRunning {
                gateway.signal(SIGTERM)
                #expect(await gateway.waitUntilEnded() == 0)
            }
            let name = isRunning ? "ada" : "bob"
            let made = try await run(
                "accounts", "add", name, "--role", "administrator", "--password-file", secret)
            #expect(made.status == 0 && made.output.contains("\(name) may sign in"))
            let desk = try await run(
                "accounts", "add", "desk", "--role", "operator", "--group", "Plant", "--group", "Office",
                "--password-file", secret, "--format", "json")
            #expect(desk.status == 0 && desk.output.contains("\"name\":\"desk\""))
            let list = try await run("accounts", "--format", "json")
            #expect(list.output.contains("\"role\":\"operator\",\"reach\":\"groups office, plant\""))
            #expect(!list.output.contains("scrypt") && !list.output.contains(password))

            let short = try await run("accounts", "password", "desk", "--password-file", config)
            #expect(short.status == 1 && short.output.contains("at least 10 characters"))
            let none = try await run("accounts", "password", "desk")
            #expect(none.status == 66 && none.output.contains("standard input holds no password"))
            let king = try await run("accounts", "change", "desk", "--role", "king")
            #expect(king.status == 1 && king.output.contains("viewer, operator, administrator"))
            for verb in ["disable", "enable", "sign-out", "remove-codes", "remove"] {
                #expect(try await run("accounts", verb, "desk").status == 0)
            }
            #expect(try await run("accounts", "remove", "desk").output.contains("no such account"))
            if isRunning {
                let last = try await run("accounts", "disable", "ada")
                #expect(last.status == 1 && last.output.contains("last administrator"))
            }

            let issued = try await run("tokens", "issue", "Grafana", "--scope", "read", "--for", "30d")
            let token = try #require(issued.output.split(separator: "\n").first)
            #expect(issued.status == 0 && token.hasPrefix("agw_") && token.count == 47)
            let tokens = try await run("tokens", "list")
            #expect(tokens.output.contains("Grafana") && !tokens.output.contains(token))
            let id = isRunning ? "1" : "2"
            #expect(try await run("tokens", "revoke", id).status == 0)
            #expect(try await run("tokens", "revoke", id).status == 1)
        }
        let audit = try await run("audit", "--action", "accounts")
        #expect(audit.output.contains("accounts.remove") && audit.output.contains("account desk"))
        #expect(try await run("audit", "verify").status == 0)
    }
}
