import ArgumentParser
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceWeb
import Foundation

/// `alerts list|test`: what the gateway calls for help about, and whether its calls arrive.
struct Alerts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what the gateway calls for help about; send a test message to every channel.",
        subcommands: [List.self, Test.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        /// Written out below the table.
        private static let remedies = 20

        static let configuration = CommandConfiguration(
            abstract: "Show present alerts, the worst first.",
            discussion:
                "Of a running gateway as it is at this moment; without one as it last wrote them down.")
        @OptionGroup var common: CommonOptions
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let settings = common.settings()
            let asked: AlertList? = try await AdminQuestion(socket: settings.admin.socketPath).get("/alerts")
            let alerts: [AlertReport]
            if let asked {
                alerts = asked.alerts
            } else {
                alerts = try await CommonOptions.journal(of: settings).alerts().map(AlertReport.init)
            }
            let output = Output(format: format)
            if format == .text {
                output.header(ShortAlertRow.columns)
                for alert in alerts { output.row(ShortAlertRow(alert)) }
            } else {
                output.header(AlertRow.columns)
                for alert in alerts { output.row(AlertRow(alert)) }
            }
            output.flush()
            guard format == .text else { return }
            if alerts.isEmpty { Screen.note("no alerts") }
            var said: Set<String> = []
            for alert in alerts where said.count < Self.remedies {
                let remedy = "\(alert.kind): \(PlainText.line(alert.remedy))"
                if said.insert(remedy).inserted { Screen.note(remedy) }
            }
            if asked == nil { Screen.note(TerminalList.byJournal) }
            for channel in asked?.channels ?? [] where channel.isFailing {
                Screen.note(
                    "channel \(channel.name) (\(channel.kind)) does not work: "
                        + PlainText.line("\(channel.reason ?? "")", limit: 300))
            }
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send one test message to every channel, and tell what became of each.",
            discussion: """
                Through the running gateway, as it would send an alert; without one from here. Exit code 1 when a \
                channel did not take it, or when there is none.
                """)
        @OptionGroup var common: CommonOptions
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let settings = common.settings()
            let question = AdminQuestion(socket: settings.admin.socketPath)
            let asked: AlertTestReport? = try await question.post("/alerts/test")
            let report: AlertTestReport
            if let asked { report = asked } else { report = try await Self.send(settings) }
            let output = Output(format: format)
            output.header(AlertTestRow.columns)
            for channel in report.channels { output.row(AlertTestRow(channel)) }
            output.flush()
            if format == .text {
                if asked == nil { Screen.note("no running gateway answers; sent from here") }
                if report.channels.isEmpty {
                    Screen.note("there is no channel: add a section [Alert NAME] to the settings")
                }
            }
            if report.channels.isEmpty || report.channels.contains(where: { !$0.isTaken }) {
                throw ExitCode(1)
            }
        }

        /// With the rights and the network of whoever runs this.
        private static func send(_ settings: Settings) async throws -> AlertTestReport {
            let client = SiteClient.makeHTTPClient(concurrency: 1)
            let message = AlertMessage(
                .test(at: Gateway.Surroundings.systemTime()), gateway: AlertParts.hostName,
                zone: try Settings.zone(settings.terminals.timeZone))
            let results = await AlertService.send(message, through: settings.alerts.channels(client: client))
            try await client.shutdown()
            return AlertTestReport(results)
        }
    }
}

private struct AlertRow: OutputRow {
    static let columns = ["severity", "kind", "subject", "since", "told", "title", "detail", "remedy"]
    let values: [OutputValue]

    init(_ alert: AlertReport) {
        values = [
            .text(alert.severity), .text(alert.kind), .text(alert.subject), .text(alert.since),
            .text(alert.told ?? ""), .text(alert.title), .text(alert.detail), .text(alert.remedy),
        ]
    }
}

/// What fits on a screen.
private struct ShortAlertRow: OutputRow {
    static let columns = ["severity", "kind", "since", "title", "detail"]
    let values: [OutputValue]

    init(_ alert: AlertReport) {
        values = [
            .text(alert.severity), .text(alert.kind), .text(alert.since), .text(alert.title),
            .text(alert.detail),
        ]
    }
}

private struct AlertTestRow: OutputRow {
    static let columns = ["channel", "kind", "result", "reason"]
    let values: [OutputValue]

    init(_ channel: AlertTestReport.Channel) {
        values = [
            .text(channel.name), .text(channel.kind), .text(channel.isTaken ? "sent" : "failed"),
            .text(channel.reason ?? ""),
        ]
    }
}
