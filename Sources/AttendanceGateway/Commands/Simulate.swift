import ArgumentParser
import AttendanceSimulation
import Foundation
import ServiceLifecycle
import UnixSignals

/// `simulate`: terminals against a gateway, to try an installation before the first real terminal hangs on a wall.
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run simulated terminals against a gateway.",
        discussion: """
            The terminals register, punch, keep what is not acknowledged and send it again, as real ones do. Their \
            punches are real to the gateway: use it against a test installation. Unless it accepts unknown terminals, \
            they wait for approval (terminals approve --all). Up to 100 of them are whole terminals (aiface, see \
            --firmware), which hold people and logs and obey commands; more only punch, unless --firmware names one. \
            Ends with 0 when every punch was acknowledged.
            """)

    @Option(help: "Address of the gateway.") var host = "127.0.0.1"
    @Option(help: "Port of the gateway.") var port = 8080
    @Option(help: "Path that the terminals ask for.") var path = "/pub/chat"
    @Option(help: "Bearer token, as clients of the older service send it.") var token: String?
    @Option(help: "Number of terminals, 1 to 10000.") var terminals = 10
    @Option(help: "Serial numbers begin with this.") var prefix = "SIM"
    @Option(help: "People, numbered from 1; each may punch at any terminal.") var people = 200
    @Option(help: "Punches a minute and terminal; 0: as fast as they are acknowledged.") var rate = 6.0
    @Option(help: "End after so many punches in all.") var total: Int?
    @Option(help: "End after so many seconds (default 60 without --total).") var seconds: Int?
    @Option(help: "Records in one message, 1 to 1000.") var batch = 1
    @Option(help: "Share of batches sent twice, 0 to 1.") var duplicates = 0.0
    @Option(help: "Share of batches written oddly, as some firmwares do, 0 to 1.") var odd = 0.0
    @Option(help: "Share of batches after which the connection is cut, 0 to 1.") var outages = 0.0
    @Option(help: "Bytes of the photo sent with a punch; 0: none.") var photo = 0
    @Option(
        help: ArgumentHelp(
            """
            Hold people and logs, and obey commands, as this firmware does: \
            \(FirmwareProfile.all.map(\.name).joined(separator: ", ")); none: answer every command with “can not find \
            this command”, which costs least.
            """, valueName: "firmware"))
    var firmware: String?
    @Option(help: "Random numbers begin here: equal seeds, equal punches.") var seed: UInt64 = 1
    @Option(help: "File that gets a line for each acknowledged punch: serial,enrollid,time.")
    var acknowledged: String?

    func validate() throws {
        guard (1...65535).contains(port) else { throw ValidationError("--port is 1 to 65535") }
        guard (1...10_000).contains(terminals) else { throw ValidationError("--terminals is 1 to 10000") }
        guard (1...1000).contains(batch) else { throw ValidationError("--batch is 1 to 1000") }
        guard people > 0, rate >= 0, total.map({ $0 > 0 }) ?? true, seconds.map({ $0 > 0 }) ?? true,
            (0...2_000_000).contains(photo)
        else {
            throw ValidationError("--people, --total and --seconds are greater than 0, --photo up to 2000000")
        }
        if let firmware, firmware != Self.light, FirmwareProfile.named(firmware) == nil {
            let names = FirmwareProfile.all.map(\.name).joined(separator: ", ")
            throw ValidationError("--firmware is one of \(names), or none")
        }
        for (name, share) in [("duplicates", duplicates), ("odd", odd), ("outages", outages)]
        where !(0...1).contains(share) {
            throw ValidationError("--\(name) is 0 to 1")
        }
    }

    private static let light = "none"
    /// So many terminals are whole ones where nobody says which they are; larger fleets are there for their load.
    static let mostWhole = 100

    /// What the terminals are; nil: nothing but punches.
    private var profile: FirmwareProfile? {
        if let firmware { return FirmwareProfile.named(firmware) }
        return terminals <= Self.mostWhole ? .aiFace : nil
    }

    var options: TerminalFleet.Options {
        var options = TerminalFleet.Options()
        options.host = host
        options.port = port
        options.path = path
        if let token { options.headers = [("Authorization", "Bearer \(token)")] }
        options.terminals = terminals
        options.serialPrefix = prefix
        options.people = people
        options.rate = rate == 0 ? nil : rate
        options.total = total
        options.duration = (seconds ?? (total == nil ? 60 : nil)).map { .seconds($0) }
        options.photoBytes = photo
        options.seed = seed
        options.firmware = profile
        options.acknowledgedFile = acknowledged
        options.habits.batchSize = batch
        options.habits.duplicates = duplicates
        options.habits.oddFrames = odd
        options.habits.outages = outages
        return options
    }

    func run() async throws {
        OpenFiles.raiseLimit()
        let fleet = TerminalFleet(options)
        Screen.note("\(terminals) terminals against ws://\(host):\(port)\(path); Ctrl-C ends it")
        let result = try await CommandInterrupt.stopping {
            try await fleet.run(every: .seconds(1)) { Screen.note(FleetText.line($0)) }
        }
        guard let result else { throw ExitCode(130) }
        Screen.note(FleetText.summary(result))
        if !result.everyPunchAcknowledged || result.punches == 0 { throw ExitCode(1) }
    }
}

/// Ctrl-C and SIGTERM for commands that are no service: the work is cancelled and can clean up.
enum CommandInterrupt {
    /// Nil when it was interrupted.
    static func stopping<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result? {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                do {
                    return try await body()
                } catch is CancellationError {
                    return nil
                }
            }
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sigint, .sigterm) { return nil }
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}

enum FleetText {
    static func line(_ fleet: FleetSnapshot) -> String {
        let seconds = Int(fleet.elapsed.components.seconds)
        var text =
            "\(seconds) s: \(fleet.connected)/\(fleet.terminals) connected, \(fleet.punches) punches, "
            + "\(fleet.acknowledged) acknowledged, p99 \(milliseconds(fleet.latency99)) ms"
        if fleet.pending > 0 { text += ", \(fleet.pending) still in the terminals" }
        if fleet.refused > 0 { text += ", \(fleet.refused) batches refused" }
        if let failure = fleet.lastFailure, fleet.connected < fleet.terminals { text += " (\(failure))" }
        return text
    }

    static func summary(_ fleet: FleetSnapshot) -> String {
        let verdict =
            fleet.punches == 0
            ? "No punch was made."
            : fleet.everyPunchAcknowledged
                ? "Every punch was acknowledged." : "\(fleet.pending) punches were NOT acknowledged."
        return """
            \(verdict) \(fleet.punches) punches, \(fleet.repeated) sent again, \(fleet.oddFrames) odd messages, \
            \(fleet.outages) outages, \(fleet.failures) failed connections; acknowledgement median \
            \(milliseconds(fleet.latencyMedian)) ms, p99 \(milliseconds(fleet.latency99)) ms, longest \
            \(milliseconds(fleet.latencyMaximum)) ms.
            """
    }

    static func milliseconds(_ duration: Duration) -> String {
        let tenths = Int64((duration / .milliseconds(1) * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}
