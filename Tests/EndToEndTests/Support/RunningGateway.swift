import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging
import NIOCore
import ServiceLifecycle

@testable import AttendanceGateway

/// A folder of its own for a test, gone afterwards.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "gateway-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    // What cannot be removed is a left-over in the temporary folder, and no reason to fail a test.
    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The whole gateway in this process: real store in a temporary folder, real sockets on port 0.
struct RunningGateway: Sendable {
    let gateway: Gateway
    let port: Int
    let ports: [String: Int]
    let folder: String
    /// What it was started with beside its `config.ini`, each as `Section.Key=value`.
    let values: [String]

    func connect(
        _ serial: String, path: String = "/pub/chat", headers: [(String, String)] = [],
        listener: String? = nil
    ) async throws -> SimulatedTerminal {
        try await SimulatedTerminal.connect(
            port: listener.flatMap { ports[$0] } ?? port, path: path, headers: headers, serial: serial)
    }

    /// Status, body and headers of a plain HTTP request.
    func http(
        _ path: String, method: String = "GET", listener: String? = nil
    ) async throws -> (status: Int, body: String, headers: [String: String]) {
        var request = HTTPClientRequest(
            url: "http://127.0.0.1:\(listener.flatMap { ports[$0] } ?? port)\(path)")
        request.method = .RAW(value: method)
        let answer = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        let body = try await answer.body.collect(upTo: 1 << 20)
        let headers = Dictionary(answer.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first
        }
        return (Int(answer.status.code), String(buffer: body), headers)
    }

    /// Runs a command as a person beside this gateway would: what it changes, it changes through the admin socket.
    func command(_ arguments: [String]) async throws -> (status: Int32, output: String) {
        let source = ["--config", folder + "/config.ini"] + values.flatMap { ["--set", $0] }
        return try await GatewayProcess.run(arguments + source, in: TemporaryFolder())
    }

    /// What a command printed as JSON, an object a line; its notes are left out.
    func rows(_ arguments: [String]) async throws -> [[String: Any]] {
        let output = try await command(arguments + ["--format", "json"]).output
        return try output.split(separator: "\n").filter { $0.hasPrefix("{") }.map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
        }
    }

    /// Writes another `config.ini` and takes it over, as at a SIGHUP.
    func reload(_ file: String) throws {
        let config = folder + "/config.ini"
        try file.write(toFile: config, atomically: true, encoding: .utf8)
        let loader = SettingsLoader(
            path: config, arguments: values, environment: [:], workingFolder: folder, executableFolder: folder
        )
        gateway.apply(try loader.load().get())
    }

    func health() async throws -> [String: Any] {
        let body = try await http("/health").body
        return try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any] ?? [:]
    }

    func journal(_ filter: PunchFilter = PunchFilter()) async throws -> [JournalEntry] {
        var entries: [JournalEntry] = []
        var cursor: PunchCursor?
        while true {
            let page = try await gateway.store.punches(filter, after: cursor, limit: 1000)
            guard let last = page.last else { return entries }
            entries += page
            cursor = PunchCursor(time: last.punch.time, id: last.id)
        }
    }

    /// Waits until nothing is owed. Returns at once when the task is cancelled, so that a time limit ends it.
    func outboxIsEmpty() async throws {
        try await eventually { try await gateway.store.status().queues[.erpnext]?.owed == 0 }
    }

    /// Lines of all CSV files of the gateway, headers left out.
    func csvLines() throws -> [String] {
        let folder = self.folder + "/logs"
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter {
            $0.hasSuffix("-attendance.csv")
        }
        .sorted()
        .flatMap {
            try String(contentsOfFile: folder + "/" + $0, encoding: .utf8).split(separator: "\n").dropFirst()
                .map(String.init)
        }
    }
}

/// Asks again until it holds. For what only a look from outside can tell; a test's time limit is its end.
func eventually(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(10)) }
}

/// Settings as a person would write them: `Section.Key=value`, and whole sections as the text of a `config.ini`.
/// Unknown terminals are accepted unless `settings` say otherwise.
func withGateway<Result: Sendable>(
    _ settings: [String] = [], file: String = "", erp: SimulatedERPNext? = nil,
    folder: TemporaryFolder? = nil,
    now: @escaping @Sendable () -> UnixTime = Gateway.Surroundings.systemTime, openFiles: Int = 4096,
    delivery: DeliveryTiming = .live, pulls: @escaping @Sendable (GapRules) -> GapRules = { $0 },
    _ body: @escaping @Sendable (RunningGateway) async throws -> Result
) async throws -> Result {
    let folder = try folder ?? TemporaryFolder()
    var arguments = [
        "Server.Host=127.0.0.1", "Server.Port=0", "Console.Port=0", "Store.Directory=\(folder.path)/data",
        "Logging.LogDirectory=\(folder.path)/logs", "Logging.LogLevel=DEBUG",
        "Terminals.TimeZone=Asia/Kolkata",
        "ERP.RetryDelaySec=1",
    ]
    if !settings.contains(where: { $0.hasPrefix("Terminals.Unknown=") }) {
        arguments.append("Terminals.Unknown=accept")
    }
    if let erp {
        arguments += [
            "ERP.URL=\(erp.url)", "ERP.Dialect=hrms", "ERP.APIKey=k3y-of-tests", "ERP.APISecret=\(erpSecret)",
        ]
    }
    let config = folder.path + "/config.ini"
    try file.write(toFile: config, atomically: true, encoding: .utf8)
    arguments += settings
    let loaded = SettingsLoader(
        path: config, arguments: arguments, environment: [:], workingFolder: folder.path,
        executableFolder: folder.path
    ).load()
    let values = try loaded.get()
    let output = LogOutput(.init(directory: values.logging.directory, level: .debug, console: false))
    defer { output.close() }
    let logger = Logger(label: "test") { _ in RotatingLogHandler(output: output) }
    var surroundings = Gateway.Surroundings(
        logger: logger, metrics: PrometheusMetrics(), openFiles: openFiles, now: now, delivery: delivery)
    surroundings.accounts.cost = .cheap
    surroundings.roster.interval = .milliseconds(50)
    surroundings.roster.patience = .seconds(1)
    surroundings.pulls.interval = .milliseconds(50)
    surroundings.pulls.adapt = pulls
    let gateway = try await Gateway(settings: values, surroundings: surroundings)
    let group = ServiceGroup(configuration: .init(services: gateway.services, logger: logger.onlyTrouble))
    return try await withThrowingTaskGroup(of: Void.self) { [arguments] tasks in
        tasks.addTask { try await group.run() }
        let ports = await gateway.ports.all()
        let running = RunningGateway(
            gateway: gateway, port: ports["Server"] ?? 0, ports: ports, folder: folder.path, values: arguments
        )
        do {
            let result = try await body(running)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return result
        } catch {
            await group.triggerGracefulShutdown()
            throw error
        }
    }
}

let erpSecret = "9f3c1d2e7a"

func withERPNext<Result: Sendable>(
    people: ClosedRange<Int> = 1...200, registersUnknown: Bool = false,
    _ body: @escaping @Sendable (SimulatedERPNext) async throws -> Result
) async throws -> Result {
    let erp = try SimulatedERPNext(
        employees: people.map { SimulatedEmployee(name: "HR-EMP-\($0)", deviceID: "\($0)") },
        registersUnknown: registersUnknown, credential: "k3y-of-tests:\(erpSecret)")
    try await erp.start()
    do {
        let result = try await body(erp)
        try await erp.stop()
        return result
    } catch {
        try await erp.stop()
        throw error
    }
}

/// Kolkata wall time of now, shifted, as a terminal's clock would show it.
func wallNow(_ shift: Int64 = 0) -> WallTime {
    WallTime(seconds: Gateway.Surroundings.systemTime().seconds + 19_800 + shift)
}
