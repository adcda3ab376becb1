import ArgumentParser
import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceWeb
import Foundation
import NIOCore
import NIOFoundationCompat

/// `health`: what a running gateway says of itself, with an exit code for whatever restarts, routes or watches it.
struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask the running gateway how it is.",
        discussion: """
            Over the admin socket of the settings file, or over HTTP with --url. Exit code 0: all is well (without an \
            option also when something but the journal needs a look); 1: it is not; 69: no gateway answers. \
            --live is for what restarts the gateway, --ready for what routes to it.
            """)

    @OptionGroup var source: SettingsOptions
    @Flag(help: "Only whether it lives: the journal's writer answers.") var live = false
    @Flag(help: "Only whether punches can be stored now.") var ready = false
    @Option(help: "Of a gateway elsewhere, such as http://gateway.example:8080; no settings are read then.")
    var url: String?
    @Option(help: "text or json (the answer as it came).") var format: OutputFormat = .text

    private static let maximumAnswer = 4 << 20

    func validate() throws {
        if live, ready { throw ValidationError("--live or --ready, not both") }
        if format == .csv { throw ValidationError("--format is text or json") }
        if let url {
            let parts = URLComponents(string: url)
            guard ["http", "https"].contains(parts?.scheme), parts?.host?.isEmpty == false else {
                throw ValidationError("--url must look like http://host:8080")
            }
        }
    }

    func run() async throws {
        let path = live ? "/health/live" : ready ? "/health/ready" : "/health"
        let (status, body) = try await ask(path)
        guard [200, 503].contains(status) else {
            Screen.fail(
                status == 404
                    ? "what answers there does not know \(path): an older gateway, or none"
                    : "what answers there is no gateway (status \(status))", code: CommonOptions.unavailable)
        }
        let isWell: Bool
        let lines: [String]
        do {
            if live || ready {
                let probe = try JSONAnswer.decode(HealthProbe.self, from: Data(buffer: body))
                (isWell, lines) = (probe.ok, [words(probe)])
            } else {
                let report = try JSONAnswer.decode(HealthReport.self, from: Data(buffer: body))
                (isWell, lines) = (report.status != .failing, Self.lines(report))
            }
        } catch {
            Screen.fail("what answers there is no gateway of this version", code: CommonOptions.unavailable)
        }
        let output = Output(format: .text)
        for line in format == .json ? [String(buffer: body)] : lines { output.line(line) }
        output.flush()
        if !isWell { throw ExitCode(1) }
    }

    private func words(_ probe: HealthProbe) -> String {
        let name = live ? "live" : "ready"
        guard !probe.ok else { return name }
        let since = probe.since.map { " since \($0)" } ?? ""
        return PlainText.line("not \(name)\(since): \(probe.reason ?? "no reason given")")
    }

    private static func lines(_ report: HealthReport) -> [String] {
        func state(_ word: String, _ since: String?, _ reason: String?) -> String {
            word + (since.map { " since \($0)" } ?? "") + (reason.map { ": \($0)" } ?? "")
        }
        let (store, queue) = (report.store, report.queue)
        var lines: [(String, String)] = [
            ("status", report.status.rawValue),
            ("version", "\(report.version), up \(Spoken.duration(.seconds(report.uptimeSeconds)))"),
            (
                "journal",
                state(store.status, store.since, store.reason)
                    + "; \(Spoken.count(store.punches, "punch", "punches"))"
            ),
            (
                "terminals",
                "\(report.connectedDevices) connected, \(report.terminals.offline) of "
                    + "\(report.terminals.known) offline, \(report.terminals.pending) wait for approval"
            ),
            (
                "owed",
                "\(queue.owed)"
                    + (queue.oldestAgeSeconds.map { ", the oldest for \(Spoken.duration(.seconds($0)))" }
                        ?? "")
                    + "; \(Spoken.count(queue.deadLetters, "dead letter"))"
            ),
        ]
        if let rebuilt = report.store.rebuilt { lines.append(("rebuilt", rebuilt)) }
        if let backup = report.backup {
            lines.append(
                (
                    "backup",
                    state(
                        "\(backup.state), last \(backup.lastSuccess ?? "never")", backup.since, backup.reason)
                ))
        }
        for sink in report.sinks {
            lines.append(("sink", state("\(sink.name) \(sink.state)", sink.since, sink.reason)))
            if let remedy = sink.remedy { lines.append(("", remedy)) }
        }
        for alert in report.alerts {
            lines.append(
                ("alert", "\(alert.kind) (\(alert.severity)), \(alert.count), since \(alert.since)"))
        }
        return lines.map { label, text in
            label + String(repeating: " ", count: max(1, 12 - label.count)) + PlainText.line(text)
        }
    }

    /// Ends the process where nobody answers.
    private func ask(_ path: String) async throws -> (status: Int, body: ByteBuffer) {
        let address: String
        let place: String
        if let url {
            address = (url.hasSuffix("/") ? String(url.dropLast()) : url) + path
            place = url
        } else {
            let loaded = source.loader.load()
            guard let settings = loaded.settings else {
                Screen.fail(
                    (["the settings have mistakes:"] + loaded.mistakes.map(\.description)).joined(
                        separator: "\n"),
                    code: CheckConfig.configurationError)
            }
            place = settings.admin.socketPath
            guard let socket = URL(httpURLWithSocketPath: place, uri: path) else {
                Screen.fail("the socket path \(place) cannot be used", code: CheckConfig.configurationError)
            }
            address = socket.absoluteString
        }
        let client = SiteClient.makeHTTPClient(concurrency: 1)
        do {
            let answer = try await client.execute(HTTPClientRequest(url: address), timeout: .seconds(10))
            let body = try await answer.body.collect(upTo: Self.maximumAnswer)
            try await client.shutdown()
            return (Int(answer.status.code), body)
        } catch {
            // The process ends: nothing else is to be kept tidy.
            try? await client.shutdown()
            Screen.fail(
                "no gateway answers at \(PlainText.line(place)) (\(PlainText.line("\(error)", limit: 200)))",
                code: CommonOptions.unavailable)
        }
    }
}
