import AsyncHTTPClient
import AttendanceCore
import AttendanceWeb
import AttendanceDelivery
import Foundation
import NIOCore
import NIOFoundationCompat

/// What runs on this machine: the gateway, its ports, the clock.
struct MachineChecks: Sendable {
    let settings: Settings
    let client: HTTPClient
    let now: @Sendable () -> UnixTime

    var all: [DoctorCheck] {
        [
            DoctorCheck(title: "gateway") { await gateway() },
            DoctorCheck(title: "clock") { [await clock()] },
            DoctorCheck(title: "time zone") { [zone()] },
        ]
            + settings.listeners.map { listener in
                DoctorCheck(title: "port \(listener.port)") { [await port(listener)] }
            }
    }

    // MARK: The gateway

    private enum Running: Sendable {
        case yes(HealthReport)
        case no
        /// Something has the socket, and does not answer this user.
        case silent(String)
    }

    private func running() async -> Running {
        let socket = settings.admin.socketPath
        guard FileManager.default.fileExists(atPath: socket) else { return .no }
        guard let url = URL(httpURLWithSocketPath: socket, uri: "/health") else {
            return .silent("the socket path cannot be used")
        }
        do {
            guard let report = try await health(at: url.absoluteString) else {
                return .silent("what answers on \(socket) is no gateway")
            }
            return .yes(report)
        } catch {
            // A socket that is left over from a killed process refuses; nobody is there.
            let words = "\(error)"
            if words.contains("ECONNREFUSED") || words.contains("Connection refused")
                || words.contains("errno: 111")
            {
                return .no
            }
            return .silent(PlainText.line(words, limit: 200))
        }
    }

    /// Nil for an answer that is no gateway's.
    private func health(at url: String) async throws -> HealthReport? {
        let answer = try await client.execute(HTTPClientRequest(url: url), timeout: .seconds(8))
        let body = try await answer.body.collect(upTo: 1 << 20)
        guard answer.status.code == 200 || answer.status.code == 503 else { return nil }
        // Another program's answer is no mistake of ours.
        return try? JSONAnswer.decode(HealthReport.self, from: Data(buffer: body))
    }

    private func gateway() async -> [CheckResult] {
        let report: HealthReport
        switch await running() {
        case .yes(let found): report = found
        case .no:
            return [
                .warning(
                    "gateway", "none is running (\(settings.admin.socketPath))",
                    "systemctl start attendance-gateway; terminals keep their punches meanwhile")
            ]
        case .silent(let reason):
            return [
                .failure(
                    "gateway", "it does not answer on \(settings.admin.socketPath): \(reason)",
                    "run this as the user the gateway runs as, and with the same settings")
            ]
        }
        var results: [CheckResult] = []
        let running =
            "version \(report.version), running for \(Spoken.duration(.seconds(report.uptimeSeconds))), "
            + "\(Spoken.count(report.connectedDevices, "terminal")) connected"
        if report.store.status != "writable" {
            results.append(
                .failure(
                    "gateway",
                    "\(running); the journal is \(report.store.status): \(report.store.reason ?? "")",
                    "look at the disk; terminals keep their punches meanwhile"))
        } else if report.version != Version.current {
            results.append(
                .warning(
                    "gateway", "\(running); this program is version \(Version.current)",
                    "systemctl restart attendance-gateway"))
        } else {
            results.append(.ok("gateway", running))
        }
        for sink in report.sinks where sink.state != "running" {
            let seen =
                "\(sink.state)\(sink.since.map { " since \($0)" } ?? ""): \(sink.reason ?? "no reason")"
            results.append(
                .warning(
                    "gateway sink \(sink.name)", seen, sink.remedy ?? "see what is said of it below"))
        }
        return results
    }

    // MARK: The clock

    /// What systemd says of the clock; other machines do not tell.
    private func clock() async -> CheckResult {
        guard let text = await ChildProcess.output(of: "timedatectl", ["show"]) else {
            return .skipped("clock", "this machine does not say whether its clock is set (no timedatectl)")
        }
        let fields = Dictionary(
            text.split(separator: "\n").compactMap { line -> (String, String)? in
                let sides = line.split(separator: "=", maxSplits: 1)
                return sides.count == 2 ? (String(sides[0]), String(sides[1])) : nil
            }, uniquingKeysWith: { first, _ in first })
        switch fields["NTPSynchronized"] {
        case "yes": return .ok("clock", "synchronised with a time server")
        case "no":
            return .warning(
                "clock", "not synchronised with a time server (NTP \(fields["NTP"] == "yes" ? "on" : "off"))",
                "timedatectl set-ntp true, and let this machine reach a time server: terminals get their time from it"
            )
        default: return .skipped("clock", "timedatectl does not say whether it is set")
        }
    }

    private func zone() -> CheckResult {
        let name = settings.terminals.timeZone
        guard let zone = ZoneRules(identifier: name) else {
            return .failure(
                "time zone", "“\(name)” is no zone this machine knows",
                "write an IANA name such as Asia/Kolkata, and install tzdata")
        }
        let others = Set(settings.terminals.overrides.keys.map { settings.terminals.timeZone(of: $0) })
            .subtracting([name]).sorted()
        let also = others.isEmpty ? "" : "; some terminals: \(Spoken.some(others))"
        return .ok("time zone", "\(name), where it is \(zone.wallTime(at: now().seconds)) now\(also)")
    }

    // MARK: Ports

    private func port(_ listener: Settings.Listener) async -> CheckResult {
        let name = listener.name.map { " (\($0))" } ?? ""
        let title = "port \(listener.port)\(name)"
        guard listener.port > 0 else {
            return .skipped(title, "a free port is taken at each start")
        }
        let host =
            switch listener.host {
            case "0.0.0.0": "127.0.0.1"
            case "::", "[::]": "[::1]"
            case let host where host.contains(":") && !host.hasPrefix("["): "[\(host)]"
            case let host: host
            }
        let isRunning = if case .yes = await running() { true } else { false }
        do {
            let report = try await health(at: "http://\(host):\(listener.port)/health")
            switch (report, isRunning) {
            case (.some, true): return .ok(title, "\(host):\(listener.port) answers")
            case (.some, false):
                return .failure(
                    title,
                    "a gateway answers at \(host):\(listener.port), and it is not that of these settings",
                    "stop the other one, or set another Port")
            case (nil, _):
                return .failure(
                    title, "another program answers at \(host):\(listener.port)",
                    "stop it (ss -ltnp shows who it is), or set another Port")
            }
        } catch {
            if isRunning {
                return .failure(
                    title,
                    "\(host):\(listener.port) does not answer (\(PlainText.line("\(error)", limit: 150)))",
                    "look at Host and Port; settings that changed since the start need a restart")
            }
            if await AddressInUse.isTaken(host: host, port: listener.port) {
                return .failure(
                    title, "another program holds \(host):\(listener.port), and speaks no HTTP",
                    "stop it (ss -ltnp shows who it is), or set another Port")
            }
            return .skipped(title, "no gateway is running; the port is free")
        }
    }
}

/// Whether somebody listens on a port, whatever they speak.
enum AddressInUse {
    static func isTaken(host: String, port: Int) async -> Bool {
        guard let url = URL(string: "http://\(host):\(port)"),
            let probe = AddressProbe(url, limit: .seconds(2))
        else { return false }
        if case .success = await probe.connect() { return true }
        return false
    }
}

/// A program run to its end for what it prints.
enum ChildProcess {
    /// Nil when there is no such program, or when it fails. A cancelled task ends it.
    static func output(of program: String, _ arguments: [String]) async -> String? {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        let ended = AsyncStream<Int32>.makeStream()
        process.terminationHandler = { process in
            ended.continuation.yield(process.terminationStatus)
            ended.continuation.finish()
        }
        do {
            try process.run()
        } catch {
            return nil  // no /usr/bin/env: nothing can be said
        }
        let number = process.processIdentifier
        return await withTaskCancellationHandler {
            // It prints a few hundred bytes, which a pipe holds: nobody has to read while it runs.
            for await status in ended.stream where status == 0 {
                // What cannot be read has said nothing.
                let data = (try? pipe.fileHandleForReading.read(upToCount: 64 << 10)) ?? Data()
                return String(decoding: data, as: UTF8.self)
            }
            return nil
        } onCancel: {
            kill(number, SIGKILL)
        }
    }
}
