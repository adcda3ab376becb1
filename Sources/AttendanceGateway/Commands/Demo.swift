import ArgumentParser
import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Logging
import Metrics
import ServiceLifecycle

/// `demo`: the whole journey in one process, for someone who sees it for the first time.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Show the gateway at work: simulated terminals, a simulated ERPNext, and what lies between.",
        discussion: """
            Everything is real but the terminals and the ERP: sockets on 127.0.0.1, the journal on disk, the CSV. \
            In the middle ERPNext goes away for ten seconds. Nothing leaves this machine.
            """)

    @Option(help: "Port for the gateway; 0 takes a free one.") var port = 8080
    @Option(help: "Folder for the journal, the log and the CSV; a temporary one by default.") var folder:
        String?
    @Flag(help: "Go on until Ctrl-C instead of ending after about 40 seconds.") var stay = false

    func validate() throws {
        guard (0...65535).contains(port) else { throw ValidationError("--port is 0 to 65535") }
    }

    func run() async throws {
        let folder = self.folder ?? NSTemporaryDirectory() + "attendance-demo-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // People 1 to 60 are employees; 61 is not, and becomes a dead letter with its remedy.
        let employees = (1...60).map { SimulatedEmployee(name: "HR-EMP-\($0)", deviceID: "\($0)") }
        let erp = try SimulatedERPNext(employees: employees, credential: "demo-key:demo-secret")
        try await erp.start()
        try await CommandInterrupt.stopping { [self] in
            try await play(erp, in: folder)
        }
        try await erp.stop()
    }

    private func play(_ erp: SimulatedERPNext, in folder: String) async throws {
        let settings = try settings(erp: erp, in: folder)
        let output = LogOutput(.init(directory: settings.logging.directory, level: .info, console: false))
        defer { output.close() }
        let logger = Logger(label: "demo") { _ in RotatingLogHandler(output: output) }
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        let gateway: Gateway
        do {
            gateway = try await Gateway(
                settings: settings,
                surroundings: .init(logger: logger, metrics: metrics, openFiles: OpenFiles.raiseLimit()))
        } catch {
            let failure = StartFailure(error, settings: settings)
            Screen.fail(failure.text, code: failure.code)
        }
        let group = ServiceGroup(
            configuration: .init(services: gateway.services, logger: logger.onlyTrouble))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                do {
                    try await group.run()
                } catch {
                    let failure = StartFailure(error, settings: settings)
                    Screen.fail(failure.text + ". --port 0 takes a free one", code: failure.code)
                }
            }
            let bound = await gateway.ports.all()["Server"] ?? port
            introduce(port: bound, folder: folder, erp: erp)
            try await story(gateway, erp, port: bound, csv: settings.csv.directory)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        if self.folder == nil { Screen.note("Journal, log and CSV are in \(folder)") }
    }

    private func settings(erp: SimulatedERPNext, in folder: String) throws -> Settings {
        let loaded = SettingsLoader(
            path: nil,
            arguments: [
                "Server.Host=127.0.0.1", "Server.Port=\(port)", "ERP.URL=\(erp.url)", "ERP.Dialect=hrms",
                "ERP.APIKey=demo-key", "ERP.APISecret=demo-secret", "ERP.RetryDelaySec=1",
                "Terminals.Unknown=accept", "Store.Directory=\(folder)/data",
                "Logging.LogDirectory=\(folder)/logs",
            ],
            // The demonstration must not pick up the settings of a real installation.
            environment: [:], workingFolder: folder, executableFolder: folder
        ).load()
        return try loaded.get()
    }

    private func introduce(port: Int, folder: String, erp: SimulatedERPNext) {
        Screen.note(
            """

              Attendance Gateway \(Version.current), a demonstration

              12 simulated terminals  --ws://127.0.0.1:\(port)/pub/chat-->  gateway  -->  simulated ERPNext (\(erp.url))
              journal, log and CSV:   \(folder)
              look while it runs:     curl http://127.0.0.1:\(port)/health    curl http://127.0.0.1:\(port)/metrics

            """)
    }

    /// About 40 seconds: a quiet start, ERPNext gone for ten seconds, back again, everything there.
    private func story(_ gateway: Gateway, _ erp: SimulatedERPNext, port: Int, csv: String) async throws {
        var options = TerminalFleet.Options()
        options.port = port
        options.terminals = 12
        options.people = 61
        options.rate = 20
        options.duration = stay ? nil : .seconds(30)
        options.seed = UInt64(UInt32(bitPattern: getpid()))
        options.habits.duplicates = 0.1
        options.habits.oddFrames = 0.05
        options.habits.outages = 0.02
        options.habits.retryWait = .milliseconds(500)
        let fleet = TerminalFleet(options)
        let result = try await fleet.run(every: .seconds(1)) { snapshot in
            let second = Int(snapshot.elapsed.components.seconds)
            if second == 10 {
                Screen.note("      >>> ERPNext goes away. Terminals notice nothing:")
                // The port is closed: connections are refused. If that fails the demonstration just has no outage.
                do { try await erp.stop() } catch { Screen.note("      (it could not be stopped: \(error))") }
            }
            if second == 20 {
                Screen.note(
                    "      >>> ERPNext is back. What was owed arrives within ten seconds, each punch once:")
                do { try await erp.start() } catch {
                    Screen.note("      (it could not be started: \(error))")
                }
            }
            await Self.tell(second, snapshot, gateway, erp)
        }
        var second = Int(result.elapsed.components.seconds)
        for _ in 0..<15 {
            let queue = await gateway.reporter.report().queue
            if queue.owed == 0 { break }
            try await Task.sleep(for: .seconds(1))
            second += 1
            await Self.tell(second, result, gateway, erp)
        }
        try await conclude(result, gateway, erp, csv: csv)
    }

    private static func tell(
        _ second: Int, _ fleet: FleetSnapshot, _ gateway: Gateway, _ erp: SimulatedERPNext
    ) async {
        let health = await gateway.reporter.report()
        let state = health.sinks.first?.state ?? "-"
        Screen.note(
            "\(pad(second, 4)) s  punched \(pad(fleet.punches, 4))  acknowledged \(pad(fleet.acknowledged, 4))  "
                + "in journal \(pad(health.store.punches, 4))  in ERPNext \(pad(erp.checkins.count, 4))  "
                + "owed \(pad(health.queue.owed, 3))  dead \(pad(health.queue.deadLetters, 2))  ERP: \(state)"
        )
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: " ", count: max(0, width - digits.count)) + digits
    }

    private func conclude(
        _ fleet: FleetSnapshot, _ gateway: Gateway, _ erp: SimulatedERPNext, csv: String
    ) async throws {
        let health = await gateway.reporter.report()
        let checkins = erp.checkins
        let doubled = checkins.count - Set(checkins.map { "\($0.person)|\($0.time)|\($0.deviceID)" }).count
        let dead = try await gateway.store.deadLetters(DeadLetterFilter(), after: 0, limit: 1)
        let entries = try await gateway.store.punches(PunchFilter(), after: nil, limit: 100_000)
        let forwarded = entries.filter(\.punch.isForwarded)
        let moments = Set(forwarded.map { "\($0.punch.enrollID) \($0.punch.time)" })
        Screen.note("\n      \(FleetText.summary(fleet))")
        Screen.note(
            "      Journal: \(entries.count) punches, \(entries.count - forwarded.count) of them not for ERPNext "
                + "(strangers, doors, lost clocks).")
        Screen.note(
            "      ERPNext: \(checkins.count) check-ins, \(doubled) doubled; \(forwarded.count - moments.count) punches were "
                + "of a person at two terminals in one second, which is one check-in to ERPNext.")
        Screen.note(
            "      Still owed: \(health.queue.owed). Dead letters: \(health.queue.deadLetters).")
        if let letter = dead.first {
            Screen.note("      A dead letter: person \(letter.enrollID): \(letter.reason)")
            Screen.note("      Its remedy: \(letter.cause.remedy)")
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: csv).filter({ $0.hasSuffix(".csv") })
            .sorted()
        {
            let text = try String(contentsOfFile: csv + "/" + name, encoding: .utf8)
            let lines = text.split(separator: "\n")
            Screen.note("\n      The last lines of \(csv)/\(name) (\(lines.count - 1) lines):")
            for line in lines.suffix(4) { Screen.note("        \(line)") }
        }
        Screen.note("")
        if doubled > 0 || health.queue.owed > 0 || !fleet.everyPunchAcknowledged { throw ExitCode(1) }
    }
}
