import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Synchronization

/// Gathers what `/health` and `/metrics` tell from the parts. Asks only for what is at hand: a probe every second
/// must cost nothing.
package struct HealthReporter: Sendable {
    let store: SQLiteStore
    let presence: Presence
    let limits: ConnectionLimits
    let sinks: Sinks
    let watch: CompletenessWatch
    let alerts: AlertService
    let commands: CommandDesk
    let pulls: LogPulls
    let roster: RosterSync
    let registry: TerminalRegistry
    let backups: BackupDesk
    let metrics: PrometheusMetrics
    let now: @Sendable () -> UnixTime
    private let started: UnixTime
    private let recent = Recent()

    init(
        store: SQLiteStore, presence: Presence, limits: ConnectionLimits, sinks: Sinks,
        watch: CompletenessWatch, alerts: AlertService, commands: CommandDesk, pulls: LogPulls,
        roster: RosterSync, registry: TerminalRegistry, backups: BackupDesk,
        metrics: PrometheusMetrics,
        now: @escaping @Sendable () -> UnixTime
    ) {
        self.store = store
        self.presence = presence
        self.limits = limits
        self.sinks = sinks
        self.watch = watch
        self.alerts = alerts
        self.commands = commands
        self.pulls = pulls
        self.roster = roster
        self.registry = registry
        self.backups = backups
        self.metrics = metrics
        self.now = now
        started = now()
        Self.describe(in: metrics)
    }

    /// The report of a moment ago, or a new one: however many ask on the terminals' port, the journal is read only
    /// every `lasting`. The readers are few, and delivery needs them too.
    package func recentReport(at now: ContinuousClock.Instant = .now) async -> HealthReport {
        if let (made, report) = recent.value.withLock({ $0 }), now - made < Self.lasting { return report }
        let report = await report()
        recent.value.withLock { $0 = (now, report) }
        return report
    }

    private static let lasting = Duration.milliseconds(200)

    private final class Recent: Sendable {
        let value = Mutex<(made: ContinuousClock.Instant, report: HealthReport)?>(nil)
    }

    package func report() async -> HealthReport {
        let now = self.now()
        let health = store.health
        var status = StoreStatus(punches: 0, quarantined: 0, queues: [:], databaseBytes: 0)
        var unreadable: String?
        do {
            status = try await store.status()
        } catch {
            unreadable = error.localizedDescription
        }
        var journal = HealthReport.Store(
            status: "writable", punches: status.punches, quarantined: status.quarantined,
            databaseBytes: status.databaseBytes)
        if case .failing(let since, let reason) = health {
            journal.status = "failing"
            journal.since = since.iso8601
            journal.reason = reason
        } else if let unreadable {
            journal.status = "unreadable"
            journal.reason = unreadable
        }
        let sinks = self.reports(status, at: now)
        let owed = status.queues.values.reduce(0) { $0 + $1.owed }
        let oldest = status.queues.values.compactMap(\.oldest).min()
        let dead = status.queues.values.reduce(0) { $0 + $1.dead }
        let backup = backupReport(at: now)
        journal.rebuilt = store.rebuilt(at: now)
        let isDegraded =
            dead > 0 || journal.rebuilt != nil || backup.map { $0.state != "made" } ?? false
            || unreadable != nil || sinks.contains { $0.state != "running" }
        var report = HealthReport(
            status: journal.status == "failing" ? .failing : isDegraded ? .degraded : .ok,
            version: Version.current,
            uptimeSeconds: Int((now - started).components.seconds), connectedDevices: presence.count,
            connections: limits.open, store: journal,
            queue: .init(owed: owed, oldestAgeSeconds: oldest.map { age($0, now) }, deadLetters: dead),
            sinks: sinks, terminals: terminals, commands: commandReport(at: now), pulls: pullReport,
            people: peopleReport,
            alerts: HealthReport.Alert.summary(of: alerts.current))
        report.backup = backup
        return report
    }

    private func backupReport(at now: UnixTime) -> HealthReport.Backup? {
        let figures = backups.figures
        guard let due = figures.due else { return nil }
        return .init(
            state: figures.failure != nil ? "failing" : figures.isOverdue(at: now) ? "overdue" : "made",
            lastSuccess: figures.last?.manifest.taken, lastBytes: figures.last?.manifest.bytes,
            due: due.iso8601, since: figures.failure?.since.iso8601,
            // The reason names folders: whoever may see it finds it in the log and in the alert.
            reason: figures.failure.map { _ in "the last try failed; the log and the alert tell why" })
    }

    private var terminals: HealthReport.Terminals {
        let figures = watch.figures()
        return .init(
            known: figures.fleet.known, offline: figures.fleet.offline,
            largestBacklog: figures.fleet.largestBacklog, largestSkewSeconds: figures.fleet.largestSkew,
            shiftsHeldBack: figures.shifts.count { $0.isHeldBack }, pending: registry.pendingCount)
    }

    private func commandReport(at now: UnixTime) -> HealthReport.Commands {
        let standing = commands.standing
        return .init(
            waiting: standing.waiting, inFlight: standing.sent, terminals: standing.terminals,
            oldestAgeSeconds: standing.oldest.map { age($0, now) })
    }

    private var pullReport: HealthReport.Pulls {
        let figures = pulls.figures
        return .init(running: figures.running, gaps: figures.gaps, stalled: figures.stalled)
    }

    private var peopleReport: HealthReport.People {
        let figures = roster.figures
        return .init(
            people: figures.people, terminalsBehind: figures.behind, conflicts: figures.conflicts)
    }

    private func age(_ time: UnixTime, _ now: UnixTime) -> Int {
        max(0, Int((now - time).components.seconds))
    }

    private func reports(_ status: StoreStatus, at now: UnixTime) -> [HealthReport.Sink] {
        var reports = sinks.sites.map { site in
            let owed = status.queues[site.name] ?? .init()
            let queue = HealthReport.Queue(
                owed: owed.owed, oldestAgeSeconds: owed.oldest.map { age($0, now) }, deadLetters: owed.dead)
            guard let worker = site.worker else {
                return HealthReport.Sink(
                    name: site.name.text, state: "not configured",
                    remedy: "Set URL in the section [ERP]; punches are kept and owed until then.",
                    queue: queue)
            }
            var report = entry(site.name, worker.state, queue)
            report.site = sinks.people.health(of: site.name)
            return report
        }
        for webhook in sinks.webhooks {
            let owed = status.queues[webhook.name] ?? .init()
            reports.append(
                entry(
                    webhook.name, webhook.worker.state,
                    .init(
                        owed: owed.owed, oldestAgeSeconds: owed.oldest.map { age($0, now) },
                        deadLetters: owed.dead)))
        }
        // The CSV follows outcomes, not punches: nothing is owed to it in the journal's sense.
        if let csv = sinks.csv {
            reports.append(entry(.csv, csv.state, .init(owed: 0, oldestAgeSeconds: nil, deadLetters: 0)))
        }
        return reports
    }

    private func entry(_ name: SinkName, _ state: SinkState, _ queue: HealthReport.Queue) -> HealthReport.Sink
    {
        var sink = HealthReport.Sink(
            name: name.text, state: "running", lastSuccess: state.lastSuccess?.iso8601, queue: queue)
        switch state.condition {
        case .running: break
        case .paused(let fault, let since, let reason, let remedy):
            sink.state = "paused"
            sink.since = since.iso8601
            sink.reason = "\(fault.rawValue): \(reason)"
            sink.remedy = remedy
        case .unavailable(let since, let reason, _):
            sink.state = "unavailable"
            sink.since = since.iso8601
            sink.reason = reason
            sink.remedy = "Nothing is lost, and it goes on by itself once this is over."
        }
        return sink
    }

    // MARK: Metrics

    package func metricsText() async -> String {
        let report = await recentReport()
        var families = [
            MetricFamily(
                "gateway_terminals_connected", help: "Terminals that have registered.",
                value: Double(report.connectedDevices)),
            MetricFamily(
                "gateway_terminals_pending", help: "Terminals that wait for approval.",
                value: Double(report.terminals.pending)),
            MetricFamily(
                "gateway_connections", help: "Open connections of any kind.",
                value: Double(report.connections)),
            MetricFamily(
                "gateway_store_writable", help: "1 while punches can be made durable.",
                value: report.store.status == "failing" ? 0 : 1),
            MetricFamily(
                "gateway_store_punches", help: "Punches in the journal.", value: Double(report.store.punches)),
            MetricFamily(
                "gateway_store_quarantined", help: "Records in quarantine.",
                value: Double(report.store.quarantined)),
            MetricFamily(
                "gateway_store_bytes", help: "Size of the journal's files.",
                value: Double(report.store.databaseBytes)),
        ]
        families += [
            MetricFamily(
                "gateway_commands_waiting", help: "Commands that wait for their terminals.",
                value: Double(report.commands.waiting)),
            MetricFamily(
                "gateway_commands_in_flight", help: "Commands that were sent and not answered yet.",
                value: Double(report.commands.inFlight)),
            MetricFamily(
                "gateway_commands_oldest_age_seconds",
                help: "Age of the oldest command that has not ended; 0 when there is none.",
                value: Double(report.commands.oldestAgeSeconds ?? 0)),
        ]
        families += [
            MetricFamily(
                "gateway_pulls_running", help: "Terminals whose logs are being pulled, or wait for it.",
                value: Double(report.pulls.running)),
            MetricFamily(
                "gateway_log_gaps", help: "Terminals of which punches may be missing.",
                value: Double(report.pulls.gaps)),
            MetricFamily(
                "gateway_pushes_stalled", help: "Terminals that have stopped pushing punches.",
                value: Double(report.pulls.stalled)),
        ]
        families += [
            MetricFamily(
                "gateway_people", help: "People in the roster.", value: Double(report.people.people)),
            MetricFamily(
                "gateway_people_terminals_behind",
                help: "Terminals that were seen not to hold whom they shall, or what of them.",
                value: Double(report.people.terminalsBehind)),
            MetricFamily(
                "gateway_people_conflicts", help: "What cannot be brought about at terminals.",
                value: Double(report.people.conflicts)),
        ]
        let backup = backups.figures
        if backup.isScheduled {
            families += [
                MetricFamily(
                    "gateway_backup_last_success_timestamp_seconds",
                    help: "When the newest backup was begun, seconds since 1970; 0 when there is none.",
                    value: Double(backup.last?.manifest.takenAt.seconds ?? 0)),
                MetricFamily(
                    "gateway_backup_last_bytes", help: "Size of the newest backup.",
                    value: Double(backup.last?.manifest.bytes ?? 0)),
                MetricFamily(
                    "gateway_backup_up", help: "0 after a backup that could not be made.",
                    value: backup.failure == nil ? 1 : 0),
            ]
        }
        func perSink(_ name: String, _ help: String, _ value: (HealthReport.Sink) -> Double) {
            families.append(
                MetricFamily(
                    name, help: help,
                    samples: report.sinks.map { .init(value($0), labels: [("sink", $0.name)]) }))
        }
        perSink("gateway_queue_owed", "Punches owed to a sink.") { Double($0.queue.owed) }
        perSink(
            "gateway_queue_oldest_age_seconds", "Age of the punch that has been owed longest; 0 when none is."
        ) {
            Double($0.queue.oldestAgeSeconds ?? 0)
        }
        perSink("gateway_queue_dead_letters", "Dead letters of a sink.") { Double($0.queue.deadLetters) }
        let sites = report.sinks.compactMap { sink in sink.site.map { (sink.name, $0) } }
        if !sites.isEmpty {
            families.append(
                MetricFamily(
                    "gateway_site_employees", help: "Employees of a site that are known.",
                    samples: sites.map { .init(Double($1.employees), labels: [("sink", $0)]) }))
            families.append(
                MetricFamily(
                    "gateway_site_read", help: "1 while a site's employees, zone and shifts can be read.",
                    samples: sites.map { .init($1.problem == nil ? 1 : 0, labels: [("sink", $0)]) }))
        }
        perSink("gateway_sink_up", "1 while a sink takes what it is owed.") { $0.state == "running" ? 1 : 0 }
        let present = alerts.current
        families.append(
            MetricFamily(
                "gateway_alerts", help: "Present alerts by kind.",
                samples: AlertKind.allCases.map { kind in
                    .init(
                        Double(present.count { $0.kind == kind.rawValue }), labels: [("kind", kind.rawValue)])
                }))
        let channels = alerts.channelStates
        if !channels.isEmpty {
            families.append(
                MetricFamily(
                    "gateway_alert_channel_up", help: "0 after a message that a channel did not take.",
                    samples: channels.map { .init($0.isFailing ? 0 : 1, labels: [("channel", $0.name)]) }))
        }
        return metrics.exposition(adding: families + watch.families() + ProcessFigures.families())
    }

    private static func describe(in metrics: PrometheusMetrics) {
        metrics.describe("gateway_punches_total", "Punches by what became of them at intake.")
        metrics.describe("gateway_acknowledgement_seconds", "From a batch's arrival to its acknowledgement.")
        metrics.describe(
            "gateway_batches_not_stored_total", "Batches that could not be stored; terminals keep them.")
        metrics.describe("gateway_messages_total", "Messages of terminals.")
        metrics.describe("gateway_registrations_total", "Registrations of terminals.")
        metrics.describe("gateway_connections_refused_total", "Connections refused, by reason.")
        metrics.describe("gateway_erp_answers_total", "Answers of an ERP by class.")
        metrics.describe("gateway_delivery_seconds", "How long an attempt at delivery took.")
        metrics.describe("gateway_alert_messages_total", "Messages to alert channels by what became of them.")
        metrics.describe(
            "gateway_commands_sent_total", "Messages sent to terminals to ask something of them.")
        metrics.describe("gateway_commands_ended_total", "Commands to terminals by how they ended.")
        metrics.describe("gateway_command_seconds", "From sending a command to its end.")
        metrics.describe("gateway_pulls_total", "Pulls of terminals' logs by how they ended.")
        metrics.describe("gateway_pulled_records_total", "Records pulled from terminals.")
        metrics.describe(
            "gateway_retention_removed_total", "What the journal has forgotten as [Retention] says, by kind.")
        metrics.describe("gateway_store_commit_seconds", "How long a commit of the journal took.")
    }
}
