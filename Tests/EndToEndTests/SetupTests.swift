import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@Suite(.timeLimit(.minutes(10))) struct SetupTests {
    private static let password = RunningGateway.password

    @Test func `only the link opens the first step, and it works once`() async throws {
        try await withGateway { gateway in
            let visitor = ConsoleVisitor(port: try await gateway.consolePort())
            let token = try #require(try await gateway.gateway.accounts.setupToken())
            let lost = try await visitor.get("/")
            #expect(lost.path == "/setup" && lost.status == 200 && !lost.text.contains("name=\"password\""))
            #expect(try await visitor.get("/setup?token=guessed").status == 403)
            #expect(try await visitor.get("/setup/zone").path.hasPrefix("/setup"))

            let page = try await visitor.get("/setup?token=\(token)")
            #expect(page.status == 200 && page.text.contains("name=\"password\""))
            let forged = try await visitor.post(
                "/setup",
                ["token": "guessed", "name": "ada", "password": Self.password, "again": Self.password])
            #expect(forged.status == 403)
            _ = try await visitor.get("/setup?token=\(token)")
            let made = try await visitor.post(
                "/setup", ["token": token, "name": "ada", "password": Self.password, "again": Self.password])
            #expect(made.path == "/setup/zone" && made.status == 200)

            let other = ConsoleVisitor(port: try await gateway.consolePort())
            #expect(try await other.get("/setup?token=\(token)").path == "/sign-in?to=/setup")
            _ = try await other.get("/sign-in")
            let again = try await other.post(
                "/setup", ["token": token, "name": "eve", "password": Self.password, "again": Self.password])
            #expect(again.status == 403)
            let log = try String(contentsOfFile: gateway.folder + "/logs/attendance.log", encoding: .utf8)
            #expect(!log.contains(token))
        }
    }

    @Test(arguments: [
        ("/setup/zone", ["zone": "<script>alert(1)</script>"], "no time zone"),
        ("/setup/zone", ["zone": ""], "no time zone"),
        ("/setup/erpnext", ["address": "erp", "key": "k", "secret": "s3cret-of-7"], "This is no address"),
        (
            "/setup/erpnext", ["address": "https://erp.example.com", "key": "a b"],
            "API key as ERPNext shows it"
        ),
        ("/setup/erpnext", ["address": ""], "or go on without ERPNext"),
        (
            "/setup/admission",
            ["unknown": "pending", "host": "0.0.0.0", "port": "80a", "networks": "10.0.0.0/8"],
            "from 1 to 65535"
        ),
        (
            "/setup/admission",
            ["unknown": "pending", "host": "0.0.0.0", "port": "8080", "networks": "10.0.0.1/8"],
            "Write networks such as"
        ),
        (
            "/setup/admission",
            ["unknown": "pending", "host": "0.0.0.0", "port": "8080", "path": "short"], "at least 8 letters"
        ),
        (
            "/setup/admission",
            ["unknown": "pending", "host": "0.0.0.0", "port": "8080", "secret": "token"], "At least 8 letters"
        ),
        ("/setup/admission", ["unknown": "pending", "host": "0.0.0.0", "port": "8080"], "Fill in a rule"),
        ("/setup/admission", ["unknown": "all", "host": "0.0.0.0", "port": "8080"], "Choose one"),
    ])
    func `a wrong value is told beside its field, and stays there`(
        path: String, fields: [String: String], words: String
    ) async throws {
        try await withGateway { gateway in
            let visitor = try await gateway.visitor()
            _ = try await visitor.get(path)
            let page = try await visitor.post(form: path, fields)
            #expect(page.status == 422)
            #expect(page.text.contains(words))
            #expect(page.text.contains("aria-invalid=\"true\"") || path == "/setup/admission")
            #expect(!page.text.contains("<script>alert"))
            #expect(!page.text.contains("s3cret-of-7"))
            // Nothing is lost.
            let later = try await visitor.get(path)
            for (name, value) in fields where name != "secret" && name != "unknown" && !value.contains("<") {
                #expect(later.text.contains("value=\"\(value)\""), "\(name) is lost")
            }
        }
    }

    @Test func `whoever may not administer sees no step, and each attempt is written down`() async throws {
        try await withGateway { gateway in
            let visitor = try await gateway.visitor(.operator)
            for path in [
                "/setup", "/setup/zone", "/setup/erpnext", "/setup/admission", "/setup/write",
                "/setup/terminal", "/setup/done", "/setup/run",
            ] { #expect(try await visitor.get(path).status == 403, "\(path)") }
            #expect(
                try await visitor.post("/setup/terminal/simulate", ["person": "1", "sure": "yes"]).status
                    == 403)
        }
    }

    @Test func `a connection is tried with what was typed, and each fault has its remedy`() async throws {
        try await withERPNext { erp in
            try await withGateway { gateway in
                let visitor = try await gateway.visitor()
                _ = try await visitor.get("/setup/erpnext")
                let wrong = try await visitor.post(
                    "/setup/erpnext",
                    ["address": erp.url, "key": "k3y-of-tests", "secret": "wrong-secret", "action": "test"])
                #expect(wrong.text.contains("This does not work yet"))
                // A gateway that was not started by `serve` has no file, and its test says so.
                #expect(wrong.text.contains("started without a settings file"))
            }
        }
    }

    @Test func `a simulated punch is asked for first, is marked, and waits for approval`() async throws {
        try await withGateway(["Terminals.Unknown=pending"]) { gateway in
            let visitor = try await gateway.visitor()
            _ = try await visitor.get("/setup/terminal")
            let unsure = try await visitor.post("/setup/terminal/simulate", ["person": "7"])
            #expect(unsure.status == 422 && unsure.text.contains("Say yes first"))
            let odd = try await visitor.post("/setup/terminal/simulate", ["person": "Ada", "sure": "yes"])
            #expect(odd.status == 422)
            #expect(try await gateway.journal().isEmpty)
            _ = try await visitor.post("/setup/terminal/simulate", ["person": "7", "sure": "yes"])
            try await eventually { try await gateway.journal().count == 1 }
            #expect(try await gateway.journal().first?.terminal.text == "SIM000001")
            let page = try await visitor.get("/setup/terminal")
            #expect(page.text.contains("waits for approval") && page.text.contains("simulated"))
            _ = try await visitor.post("/setup/terminal/approve", ["serial": "SIM000001"])
            try await eventually {
                try await gateway.gateway.store.terminal(try #require(SerialNumber("SIM000001")))?.standing
                    == .approved
            }
            let audit = try await gateway.command(["audit", "--format", "json"]).output
            #expect(audit.contains("setup.simulate") && audit.contains("operator.one"))
        }
    }

    @Test func `a gateway whose settings file got lost does not start as if it were new`() async throws {
        let folder = try TemporaryFolder()
        try await withGateway(folder: folder) { gateway in
            let terminal = try await gateway.connect("T1")
            _ = try await terminal.register()
            _ = try await terminal.sendLog([.tfs(7, at: wallNow())])
            try await terminal.close()
        }
        let run = try await GatewayProcess.run(
            [
                "serve", "--set", "Store.Directory=\(folder.path)/data", "--set",
                "Logging.LogDirectory=\(folder.path)/logs",
            ],
            in: folder)
        #expect(run.status == 78)
        #expect(run.output.contains("no admission rule is set"))
    }

    @Test func `an existing file is changed line by line, and kept as it was`() async throws {
        let folder = try TemporaryFolder()
        let (port, console) = (try await LoopbackPort.free(), try await LoopbackPort.free())
        let config = folder.path + "/config.ini"
        let old = """
            # ours
            [Server]
            Host = 127.0.0.1
            Port = \(port)
            [Console]
            Port = \(console)
            [Terminals]
            TimeZone = Asia/Dubai
            ClockLimitSeconds = 30
            """
        try old.write(toFile: config, atomically: true, encoding: .utf8)
        let process = try GatewayProcess(
            ["serve", "--config", config], port: port, output: folder.path + "/output")
        try await process.isReady()
        let made = try await GatewayProcess.run(
            [
                "accounts", "add", "ada", "--role", "administrator", "--config", config, "--password-file",
                try folder.file("password", Self.password),
            ],
            in: folder)
        #expect(made.status == 0, "\(made.output)")
        let visitor = ConsoleVisitor(port: console)
        #expect(try await visitor.signIn("ada", Self.password).status == 200)
        _ = try await visitor.get("/setup/zone")
        _ = try await visitor.post("/setup/zone", ["zone": "Asia/Kolkata"])
        _ = try await visitor.post("/setup/erpnext", ["action": "skip"])
        let write = try await visitor.post(
            "/setup/admission", ["unknown": "withhold", "host": "127.0.0.1", "port": "\(port)"])
        #expect(write.path == "/setup/write")
        #expect(write.text.contains("[Terminals] TimeZone = Asia/Kolkata"))
        #expect(!write.text.contains("[Server] Port"))
        _ = try await visitor.post("/setup/write", ["action": "next"])
        try await eventually {
            try String(contentsOfFile: config, encoding: .utf8)
                == old.replacing("Asia/Dubai", with: "Asia/Kolkata").replacing(
                    "[Terminals]\n", with: "[Terminals]\nUnknown = withhold\n")
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let kept = try #require(files.first { $0.hasPrefix("config.ini.") })
        #expect(try String(contentsOfFile: folder.path + "/" + kept, encoding: .utf8) == old)
        // Both can be put to work without another start, and the session goes on.
        try await eventually { try await visitor.get("/setup/terminal").status == 200 }
        process.signal(SIGTERM)
        #expect(await process.waitUntilEnded() == 0)
        let log = try String(contentsOfFile: folder.path + "/logs/attendance.log", encoding: .utf8)
        #expect(log.contains("settings written") && log.contains("settings reloaded"))
    }
}

extension ConsoleVisitor {
    fileprivate func post(form path: String, _ fields: [String: String]) async throws -> Page {
        let body = ([("form_token", formToken)] + fields.map { ($0.key, $0.value) })
            .map { "\(Self.escaped($0.0))=\(Self.escaped($0.1))" }.joined(separator: "&")
        return try await ask(
            .POST, path, body: body, headers: [("Content-Type", "application/x-www-form-urlencoded")])
    }
}

extension TemporaryFolder {
    fileprivate func file(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: "\(path)/\(name)", atomically: true, encoding: .utf8)
        return "\(path)/\(name)"
    }
}
