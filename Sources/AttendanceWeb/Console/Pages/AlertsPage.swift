import AttendanceCore
import Foundation
import Hummingbird

/// `/alerts`: what the gateway calls for help about, and whether its calls arrive.
struct AlertsPage: Sendable {
    let console: Console

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("alerts") { request, context in
            await show(nil, request: request, context: context)
        }
        // Every channel gets a message, of whatever part of the installation.
        router.group().add(middleware: Requires(console: console, scope: .administer))
            .post("alerts/test") { request, context in
                _ = try await console.form(request, context)
                console.logger.notice(
                    "alert channels are tested", metadata: ["author": "\(context.principal?.name ?? "")"])
                let report = await console.operations.alerts.test()
                return await show(report, request: request, context: context)
            }
    }

    struct Alert {
        var tone: String
        var severity: String
        var alertTitle: String
        var detail: String
        var cure: String
        var sinceText: String
        var toldText: String?
        var href: String?
    }
    struct Channel {
        var channel: String
        var kind: String
        var tone: String
        var stateText: String
        var lastSuccess: String?
        var lastFailure: String?
        var reason: String?
        var waiting: Int
    }
    struct Tested {
        var testedChannel: String
        var testedTone: String
        var result: String
        var why: String?
    }
    struct Model {
        var zone: String
        var tone: String
        var verdict: String
        var alerts: [Alert]
        var channels: [Channel]
        var hasChannels: Bool
        var mayTest: Bool
        var showsChannels: Bool
        var tested: [Tested]
        var hasTested: Bool
    }

    private func show(
        _ report: AlertTestReport?, request: Request, context: ConsoleContext
    ) async -> Response {
        func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
            console.text("alerts", key, context, places)
        }
        let zoneName = console.operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        let list = await console.operations.alerts.list()
        let present = list.alerts.filter { isReached($0, context.principal) }
        let isCritical = present.contains { $0.severity == "critical" }
        // Channels tell of everything, so they are shown to those who may see everything.
        let showsChannels = context.principal?.reach == nil
        let model = Model(
            zone: zoneName, tone: isCritical ? "bad" : present.isEmpty ? "good" : "warning",
            verdict: present.isEmpty ? text("none") : text("some", ["count": "\(present.count)"]),
            alerts: present.map { alert in
                Alert(
                    tone: alert.severity == "critical" ? "bad" : "warning",
                    severity: text("severity_\(alert.severity)"), alertTitle: alert.title,
                    detail: alert.detail, cure: alert.remedy,
                    sinceText: Moments.text(iso8601: alert.since, in: zone) ?? alert.since,
                    toldText: Moments.text(iso8601: alert.told, in: zone), href: Self.place(of: alert))
            },
            channels: showsChannels
                ? list.channels.map { channel in
                    let isQuiet = channel.lastSuccess == nil && channel.lastFailure == nil
                    return Channel(
                        channel: channel.name, kind: channel.kind,
                        tone: channel.isFailing ? "bad" : isQuiet ? "" : "good",
                        stateText: text(
                            channel.isFailing
                                ? "channel_failing" : isQuiet ? "channel_unused" : "channel_well"),
                        lastSuccess: Moments.text(iso8601: channel.lastSuccess, in: zone),
                        lastFailure: Moments.text(iso8601: channel.lastFailure, in: zone),
                        reason: channel.reason.map { PlainText.line($0, limit: 300) },
                        waiting: channel.waiting)
                } : [], hasChannels: !list.channels.isEmpty,
            mayTest: showsChannels && !list.channels.isEmpty
                && context.principal?.may(.administer) == true,
            showsChannels: showsChannels,
            tested: (report?.channels ?? []).map { channel in
                Tested(
                    testedChannel: channel.name, testedTone: channel.isTaken ? "good" : "bad",
                    result: text(channel.isTaken ? "test_taken" : "test_failed"),
                    why: channel.reason.map { PlainText.line($0, limit: 300) })
            }, hasTested: report != nil)
        return console.render("alerts", model, at: .alerts, request: request, context: context)
    }

    /// Whether somebody may see what an alert is about.
    private func isReached(_ alert: AlertReport, _ principal: Principal?) -> Bool {
        guard let principal else { return false }
        guard let reach = principal.reach, let kind = AlertKind(rawValue: alert.kind) else {
            return principal.reach == nil
        }
        func sink(_ text: some StringProtocol) -> Bool {
            SinkName(String(text)).map { reach.contains(sink: $0) } ?? false
        }
        switch kind {
        case .journalFailing, .diskLow, .backupFailing, .journalRebuilt: return true
        case .sitePaused, .siteUnavailable, .wrongCheckins, .deadLetters, .oldestOwed:
            return sink(alert.subject)
        // The name of a server, whichever sinks go there; a shift names terminals of any group.
        case .certificateRefused, .certificateExpiry: return reach.sinks == nil
        case .shiftWaits: return reach.groups == nil && sink(alert.subject.prefix { $0 != "/" })
        case .terminalOffline, .terminalFull, .clockDrift, .resendLoop, .terminalPending, .serialMoved,
            .serialContested, .pushesStalled, .gap:
            return SerialNumber(alert.subject).map {
                reach.contains(group: console.operations.place($0).group)
            } ?? false
        }
    }

    /// Where one sees more of it.
    private static func place(of alert: AlertReport) -> String? {
        switch AlertKind(rawValue: alert.kind) {
        case .sitePaused, .siteUnavailable, .deadLetters, .oldestOwed:
            SearchLink.to("/deliveries", [("sink", alert.subject)])
        case .wrongCheckins: SearchLink.to("/deliveries/shifts", [("sink", alert.subject)])
        case .shiftWaits: "/deliveries/shifts"
        case .terminalOffline, .terminalFull, .clockDrift, .resendLoop, .terminalPending, .serialMoved,
            .serialContested, .pushesStalled, .gap:
            // A serial number is of letters that may stand in an address, but who knows what a terminal says.
            SerialNumber(alert.subject).flatMap {
                $0.text.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
            }.map { "/terminals/\($0)" }
        case .journalFailing, .diskLow, .backupFailing, .journalRebuilt: "/system"
        case .certificateRefused, .certificateExpiry, nil: nil
        }
    }
}
