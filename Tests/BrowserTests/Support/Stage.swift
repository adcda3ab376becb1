import AttendanceCore
import AttendanceSimulation
import AttendanceWeb
import Foundation
import Logging
import ServiceLifecycle
import Testing

@testable import AttendanceGateway

/// Starts the browser before the first test of a suite and ends it after the last.
struct WithBrowser: SuiteTrait, TestScoping {
    @TaskLocal static var browser: Browser?

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let browser = try await Browser.start()
        do {
            try await Self.$browser.withValue(browser) { try await function() }
        } catch {
            await browser.end()
            throw error
        }
        await browser.end()
    }

    /// The suite's browser. Throws outside of such a suite.
    static var running: Browser {
        get throws {
            guard let browser else { throw BrowserError("this suite has no browser") }
            return browser
        }
    }
}

extension Trait where Self == WithBrowser {
    static var browser: Self { Self() }
}

/// A gateway in this process with a console, a simulated ERPNext behind it, and a browser in front of it.
struct Stage: Sendable {
    let gateway: Gateway
    let erp: SimulatedERPNext
    let console: Int
    let terminals: Int
    let browser: Browser

    static let password = "a long and quiet evening"

    /// A new tab at this console, signed in as a new account of that role.
    func signedIn<Result>(
        as role: Role = .administrator, named name: String = "operator.one", reach: Reach? = nil,
        _ body: (Tab) async throws -> Result
    ) async throws -> Result {
        try await account(role, named: name, reach: reach)
        return try await visit { tab in
            try await tab.open("/sign-in")
            try await tab.fill("input[name=name]", name)
            try await tab.fill("input[name=password]", Self.password)
            try await tab.click("main form button")
            try await tab.arrives(at: "/")
            return try await body(tab)
        }
    }

    func account(_ role: Role = .administrator, named name: String = "operator.one", reach: Reach? = nil)
        async throws
    {
        _ = try await gateway.accounts.create(
            name: name, password: Self.password, role: role, reach: reach, by: Author("test"))
    }

    /// A new tab at this console.
    func visit<Result>(_ body: (Tab) async throws -> Result) async throws -> Result {
        try await browser.withTab { tab in
            var tab = tab
            tab.base = "http://127.0.0.1:\(console)"
            return try await body(tab)
        }
    }

    /// A terminal sends punches of these people now and has them acknowledged.
    func punch(_ serial: String = "T1", people: [UInt64]) async throws {
        let terminal = try await SimulatedTerminal.connect(port: terminals, serial: serial)
        _ = try await terminal.register()
        let now = Gateway.Surroundings.systemTime().seconds
        for (number, person) in people.enumerated() {
            _ = try await terminal.sendLog([.tfs(person, at: WallTime(seconds: now + 19_800 - Int64(number)))]
            )
        }
        try await terminal.close()
    }
}

/// Settings as `Section.Key=value`. Unknown terminals are accepted unless they say otherwise; people 1 to 60 are known
/// to ERPNext.
func withStage(
    _ settings: [String] = [], file: String = "", _ body: @escaping @Sendable (Stage) async throws -> Void
) async throws {
    let browser = try WithBrowser.running
    let folder = NSTemporaryDirectory() + "browser-test-gateway-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    // At worst a left-over in the temporary folder.
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let erp = try SimulatedERPNext(
        employees: (1...60).map {
            SimulatedEmployee(name: "HR-EMP-\($0)", deviceID: "\($0)", employeeName: "Person \($0)")
        }, credential: "k3y-of-tests:9f3c1d2e7a")
    try await erp.start()
    do {
        try await play(settings, file: file, folder: folder, erp: erp, browser: browser, body)
        try await erp.stop()
    } catch {
        try await erp.stop()
        throw error
    }
}

private func play(
    _ settings: [String], file: String, folder: String, erp: SimulatedERPNext, browser: Browser,
    _ body: @escaping @Sendable (Stage) async throws -> Void
) async throws {
    try file.write(toFile: folder + "/config.ini", atomically: true, encoding: .utf8)
    var arguments = [
        "Server.Host=127.0.0.1", "Server.Port=0", "Console.Port=0", "Store.Directory=\(folder)/data",
        "Logging.LogDirectory=\(folder)/logs", "Terminals.TimeZone=Asia/Kolkata", "Terminals.Unknown=accept",
        "ERP.URL=\(erp.url)", "ERP.Dialect=hrms", "ERP.APIKey=k3y-of-tests", "ERP.APISecret=9f3c1d2e7a",
        "ERP.RetryDelaySec=1",
    ]
    arguments += settings
    let loaded = SettingsLoader(
        path: folder + "/config.ini", arguments: arguments, environment: [:], workingFolder: folder,
        executableFolder: folder
    ).load()
    let values = try loaded.get()
    let output = LogOutput(.init(directory: values.logging.directory, level: .info, console: false))
    defer { output.close() }
    let logger = Logger(label: "test") { _ in RotatingLogHandler(output: output) }
    var surroundings = Gateway.Surroundings(logger: logger, metrics: PrometheusMetrics(), openFiles: 4096)
    surroundings.accounts.cost = .cheap
    let gateway = try await Gateway(settings: values, surroundings: surroundings)
    let group = ServiceGroup(
        configuration: .init(services: gateway.services, logger: logger.onlyTrouble))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        let terminals = await gateway.ports.all()["Server"] ?? 0
        do {
            var console: Int?
            while console == nil {
                console = await gateway.ports.port(of: ConsoleParts.portName)
                try await Task.sleep(for: .milliseconds(10))
            }
            try await body(
                Stage(
                    gateway: gateway, erp: erp, console: console ?? 0, terminals: terminals,
                    browser: browser))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
    }
}
