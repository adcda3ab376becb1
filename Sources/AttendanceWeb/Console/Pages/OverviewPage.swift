import AttendanceCore
import Hummingbird

/// `/`: whether attendance is safe, and what to do where it is not.
struct OverviewPage: Sendable {
    let console: Console

    func add(to router: RouterGroup<ConsoleContext>) {
        router.get("/") { request, context in
            let report = await console.operations.health()
            let alerts = await console.operations.alerts.list()
            return console.render(
                "overview", model(report, alerts, context), at: .overview, request: request, context: context)
        }
    }

    struct Card {
        /// `bad` or `warning`.
        var tone: String
        var heading: String
        var cause: String?
        var since: String?
        var remedy: String?
        var href: String
        var button: String
    }
    struct Queue {
        var sink: String
        var state: String
        var tone: String
        var owed: Int
        var age: String?
        var dead: Int
        var lastSuccess: String?
    }
    struct Model {
        var tone: String
        var verdict: String
        var zone: String
        var cards: [Card]
        var punches: Int
        var perHour: Int
        var online: Int
        var known: Int
        var owed: Int
        var oldest: String?
        var queues: [Queue]
        var minutes: String
        var hours: String
    }

    private func model(_ report: HealthReport, _ alerts: AlertList, _ context: ConsoleContext) -> Model {
        func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
            console.text("overview", key, context, places)
        }
        let zoneName = console.operations.zone()
        let zone = ZoneRules(identifier: zoneName)
        let cards = cards(report, alerts, zone, text)
        let isBad = cards.contains { $0.tone == "bad" }
        let rates = console.operations.store.rates
        let now = console.operations.now()
        return Model(
            tone: isBad ? "bad" : cards.isEmpty ? "good" : "warning",
            verdict: text(
                report.status == .failing
                    ? "verdict_failing"
                    : isBad ? "verdict_bad" : cards.isEmpty ? "verdict_good" : "verdict_warning"),
            zone: zoneName, cards: cards, punches: report.store.punches,
            perHour: rates.perMinute(until: now).reduce(0, +), online: report.connectedDevices,
            known: report.terminals.known,
            owed: report.queue.owed,
            oldest: report.queue.oldestAgeSeconds.map { text("oldest", ["age": Moments.span(seconds: $0)]) },
            queues: report.sinks.map { sink in
                Queue(
                    sink: sink.name, state: text("state_" + sink.state.replacing(" ", with: "_")),
                    tone: sink.state == "running"
                        ? "good" : sink.state == "not configured" ? "warning" : "bad",
                    owed: sink.queue.owed, age: sink.queue.oldestAgeSeconds.map { Moments.span(seconds: $0) },
                    dead: sink.queue.deadLetters,
                    lastSuccess: Moments.text(iso8601: sink.lastSuccess, in: zone))
            },
            minutes: chart(text("per_minute", [:]), rates.perMinute(until: now), of: 60, until: now, zone),
            hours: chart(text("per_hour", [:]), rates.perHour(until: now), of: 3600, until: now, zone))
    }

    /// Counts of spans of `seconds`, the last of them running now.
    private func chart(
        _ title: String, _ counts: [Int], of seconds: Int64, until now: UnixTime, _ zone: ZoneRules?
    ) -> String {
        let last = now.seconds / seconds
        let bars = counts.enumerated().map { index, count in
            let start = UnixTime(seconds: (last - Int64(counts.count - 1 - index)) * seconds)
            return BarChart.Bar(
                label: String(Moments.text(start, in: zone).dropFirst(11).prefix(5)), count: count)
        }
        return BarChart(title: title, bars: bars).svg
    }

    private func cards(
        _ report: HealthReport, _ alerts: AlertList, _ zone: ZoneRules?,
        _ text: (String, KeyValuePairs<String, String>) -> String
    ) -> [Card] {
        var cards: [Card] = []
        if report.store.status != "writable" {
            cards.append(
                Card(
                    tone: "bad", heading: text("store_failing", [:]), cause: report.store.reason,
                    since: Moments.text(iso8601: report.store.since, in: zone),
                    remedy: text("store_remedy", [:]),
                    href: "/alerts", button: text("look", [:])))
        }
        for sink in report.sinks where sink.state == "paused" || sink.state == "unavailable" {
            cards.append(
                Card(
                    tone: sink.state == "paused" ? "bad" : "warning",
                    heading: text("sink_\(sink.state)", ["sink": sink.name]), cause: sink.reason,
                    since: Moments.text(iso8601: sink.since, in: zone), remedy: sink.remedy,
                    href: "/deliveries?sink=\(sink.name)", button: text("look", [:])))
        }
        for sink in report.sinks where sink.state == "not configured" {
            cards.append(
                Card(
                    tone: "warning", heading: text("sink_nowhere", ["sink": sink.name]),
                    remedy: text("sink_nowhere_remedy", [:]), href: "/deliveries?sink=\(sink.name)",
                    button: text("look", [:])))
        }
        for sink in report.sinks {
            guard let site = sink.site, let problem = site.problem else { continue }
            cards.append(
                Card(
                    tone: "warning", heading: text("site_unread", ["sink": sink.name]), cause: problem,
                    since: Moments.text(iso8601: site.since, in: zone), remedy: site.remedy,
                    href: "/deliveries?sink=\(sink.name)", button: text("look", [:])))
        }
        if report.queue.deadLetters > 0 {
            cards.append(
                Card(
                    tone: "warning", heading: text("dead_letters", ["count": "\(report.queue.deadLetters)"]),
                    remedy: text("dead_letters_remedy", [:]), href: "/deliveries#dead-letters",
                    button: text("look", [:])))
        }
        if report.terminals.pending > 0 {
            cards.append(
                Card(
                    tone: "warning", heading: text("pending", ["count": "\(report.terminals.pending)"]),
                    remedy: text("pending_remedy", [:]), href: "/terminals?standing=pending",
                    button: text("look", [:])))
        }
        // What has a card of its own above is not told twice.
        let told: Set<String> = [
            "journal-failing", "site-paused", "site-unavailable", "dead-letters", "terminal-pending",
        ]
        for alert in alerts.alerts where !told.contains(alert.kind) {
            cards.append(
                Card(
                    tone: alert.severity == "critical" ? "bad" : "warning", heading: alert.title,
                    cause: alert.detail, since: Moments.text(iso8601: alert.since, in: zone),
                    remedy: alert.remedy, href: "/alerts", button: text("look", [:])))
        }
        return cards.filter { $0.tone == "bad" } + cards.filter { $0.tone != "bad" }.prefix(20)
    }
}
