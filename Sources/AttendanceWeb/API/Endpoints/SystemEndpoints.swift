import AttendanceCore
import AttendanceStore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

extension API {
    static let systemEndpoints: [Endpoint] = [
        Endpoint(
            .get, "health", "getHealth", "Whether punches are safe, and where they are stuck if they are",
            tag: .system, scope: .read
        ) { try await $0.getHealth($1) },
        Endpoint(
            .get, "system", "getSystem", "Version, journal, and what has come in of late", tag: .system,
            scope: .read
        ) { api, _ in await api.getSystem() },
        Endpoint(
            .get, "settings", "getSettings", "Every setting that is in force, and where it comes from",
            "Secrets are never shown. Settings are changed in the file.", tag: .system, scope: .administer,
            traits: [.whole, .tagged]
        ) { api, _ in api.operations.settings?.view() ?? SettingsView(file: nil, lines: []) },
        Endpoint(
            .post, "settings/check", "checkSettings", "Read the settings' file afresh and tell what is wrong",
            "Changes nothing.", tag: .system, scope: .administer, traits: .whole
        ) { try await $0.checkSettings($1) },
        Endpoint(
            .post, "settings/reload", "reloadSettings",
            "Put the settings' file to use, as far as that can be",
            "With any mistake nothing changes.", tag: .system, scope: .administer, traits: .whole,
            touches: Set(LiveHub.Topic.allCases)
        ) { try await $0.reloadSettings($1) },
        Endpoint(
            .get, "log", "getLog", "The last lines of the program's log", tag: .system, scope: .administer,
            [.query("lines", .integer(1...1000), "At most so many; 100 without it.")], traits: .whole
        ) { api, call in
            LogAnswer(lines: api.operations.logTail(call.integer("lines").map { Int($0) } ?? 100))
        },
        Endpoint(
            .post, "backups", "backUp", "Make a copy of the journal now", tag: .system, scope: .administer,
            status: .created, traits: .whole
        ) { try await $0.backUp($1) },
        Endpoint(
            .get, "events", "streamEvents", "What happens from now on, as server-sent events",
            "`changed` names topics of which something has changed; `punches` brings new punches, the latest 50 at a "
                + "time. Whoever does not keep up misses some: ask for what you need. Ends when the right does.",
            tag: .system, scope: .read,
            [.terminal, .query("person", Schema.enrollID, "Only punches of this enroll id.")], traits: .stream
        ) { try await $0.streamEvents($1) },
        Endpoint(
            .get, "openapi.json", "getDocument", "This document", tag: .system, scope: nil, traits: .tagged
        ) { _, _ in DocumentAnswer() },
    ]

    func getHealth(_ call: APICall) async throws -> HealthReport {
        let principal = try call.who()
        var report = await operations.health()
        guard principal.reach != nil else { return report }
        report.sinks = report.sinks.filter { sink in
            SinkName(sink.name).map { principal.reaches(sink: $0) } ?? false
        }
        return report
    }

    func getSystem() async -> SystemAnswer {
        let report = await operations.health()
        let now = operations.now()
        return SystemAnswer(
            version: operations.version, uptimeSeconds: report.uptimeSeconds, now: now.iso8601,
            zone: operations.zone(), store: report.store, connectedTerminals: report.connectedDevices,
            punchesPerMinute: store.rates.perMinute(until: now),
            punchesPerHour: store.rates.perHour(until: now),
            viewers: live.viewers)
    }

    // MARK: Settings and backups

    private func settings() throws -> SettingsControl {
        guard let settings = operations.settings else {
            throw APIProblem(.unavailable, "this gateway was started without a file to read afresh")
        }
        return settings
    }

    func checkSettings(_ call: APICall) async throws -> SettingsCheck { try settings().check() }

    func reloadSettings(_ call: APICall) async throws -> SettingsCheck {
        try await settings().reload(try call.author())
    }

    func backUp(_ call: APICall) async throws -> BackupAnswer {
        guard let backUp = operations.backUp else {
            throw APIProblem(.unavailable, "this gateway makes no backups")
        }
        return BackupAnswer(place: try await backUp(try call.author()))
    }

    // MARK: Events

    func streamEvents(_ call: APICall) async throws -> EventStream {
        let principal = try call.who()
        let terminal = try call.serial()
        let person = try call.value("person", "an enroll id") { EnrollID($0) }
        let response = live.stream(while: { await call.stillHolds() }) {
            try Self.text($0, for: principal, terminal: terminal, person: person)
        }
        guard let response else {
            throw APIProblem(.unavailable, "too many look already", retryAfter: 30)
        }
        return EventStream(response: response)
    }

    private struct Topics: Encodable { var topics: [String] }

    private static func text(
        _ event: LiveHub.Event, for principal: Principal, terminal: SerialNumber?, person: EnrollID?
    ) throws -> String {
        func line(_ name: String, _ value: some Encodable) throws -> String {
            "event: \(name)\ndata: \(String(decoding: try JSONAnswer.encode(value), as: UTF8.self))\n\n"
        }
        switch event {
        case .alive: return ":\n\n"
        case .changed(let topics):
            return try line("changed", Topics(topics: topics.map(\.rawValue).sorted()))
        case .punches(let all):
            let mine = all.filter {
                principal.reaches(group: $0.group) && (terminal == nil || $0.serial == terminal)
                    && (person == nil || EnrollID($0.person) == person)
            }
            return mine.isEmpty ? "" : try line("punches", mine)
        }
    }
}

/// Events as long as both sides like.
package struct EventStream: Documented {
    let response: Response
    package func encode(to encoder: any Encoder) throws {}
    package static let schema = Schema.nothing
    package static let samples: [EventStream] = []
}

/// The API's own description.
package struct DocumentAnswer: Documented {
    package func encode(to encoder: any Encoder) throws { try OpenAPIDocument.json.encode(to: encoder) }
    package static let schema = Schema.map(.anything)
    package static let samples: [DocumentAnswer] = []
}

package struct SystemAnswer: Documented {
    package var version: String
    package var uptimeSeconds: Int
    package var now: String
    package var zone: String
    package var store: HealthReport.Store
    package var connectedTerminals: Int
    package var punchesPerMinute: [Int]
    package var punchesPerHour: [Int]
    package var viewers: Int

    package static let schema = Schema.named(
        "System",
        .object([
            .init("version", .anyText), .init("uptime_seconds", .count), .init("now", .moment),
            .init("zone", .anyText, "IANA zone of times that belong to no terminal."),
            .init("store", HealthReport.storeSchema), .init("connected_terminals", .count),
            .init("punches_per_minute", .list(.count), "Of the last minutes, the newest last."),
            .init("punches_per_hour", .list(.count), "Of the last hours, the newest last."),
            .init("viewers", .count, "Pages and programs that follow what happens."),
        ]))
    package static let samples = [
        SystemAnswer(
            version: "1.0.0", uptimeSeconds: 3600, now: "2026-11-22T02:31:09.000Z", zone: "Asia/Kolkata",
            store: .init(status: "writable", punches: 4711, quarantined: 2, databaseBytes: 1_400_000),
            connectedTerminals: 3, punchesPerMinute: [0, 3, 1], punchesPerHour: [40, 12], viewers: 1)
    ]
}

extension SettingsView: Documented {
    package static let schema = Schema.named(
        "Settings",
        .object([
            .optional("file", .anyText, "Absent: there is none."),
            .init(
                "lines",
                .list(
                    .object([
                        .init("section", .anyText, "`[ERP]`, `[Terminal AYTI10087992]`."),
                        .init("key", .anyText),
                        .init("value", .anyText, "`redacted` for a secret, `(blank)` for nothing."),
                        .init("is_default", .flag),
                        .init(
                            "origin", .anyText, "File and line, environment variable, argument, or `default`."
                        ),
                        .init("needs_restart", .flag), .init("help", .anyText),
                    ]))),
        ]))
    package static let samples = [
        SettingsView(
            file: "/etc/attendance-gateway/config.ini",
            lines: [
                .init(
                    section: "[Console]", key: "Port", value: "8090", isDefault: true, origin: "default",
                    needsRestart: true, help: "Port of the console and the API.")
            ])
    ]
}

extension SettingsCheck: Documented {
    package static let schema = Schema.named(
        "SettingsCheck",
        .object([
            .init(
                "findings",
                .list(
                    .object([
                        .init("is_mistake", .flag, "It keeps the file from being used."),
                        .init("text", .anyText, "With place and remedy."),
                    ]))),
            .init("changes", .list(.anyText), "`[Section] Key: before -> after`."),
            .init("changes_after_restart", .list(.anyText)),
        ]))
    package static let samples = [
        SettingsCheck(
            findings: [], changes: ["[Logging] LogLevel: info -> debug"], changesAfterRestart: [])
    ]
}

package struct LogAnswer: Documented {
    package var lines: [String]
    package static let schema = Schema.named(
        "Log", .object([.init("lines", .list(.anyText), "The oldest first.")]))
    package static let samples = [LogAnswer(lines: ["2026-11-22T02:31:09.000Z NOTICE console is served"])]
}

package struct BackupAnswer: Documented {
    package var place: String
    package static let schema = Schema.named(
        "Backup", .object([.init("place", .anyText, "Where the copy lies on the gateway's machine.")]))
    package static let samples = [
        BackupAnswer(place: "/var/backups/attendance-gateway/journal-20261122-023000")
    ]
}

extension HealthReport: Documented {
    static let queueSchema = Schema.object([
        .init("owed", .count), .optional("oldest_age_seconds", .count), .init("dead_letters", .count),
    ])
    static let storeSchema = Schema.object([
        .init("status", .anyText), .optional("since", .moment), .optional("reason", .anyText),
        .init("punches", .count), .init("quarantined", .count), .init("database_bytes", .count),
        .optional("rebuilt", .anyText),
    ])

    package static let schema = Schema.named(
        "Health",
        .object([
            .init("status", .words(["ok", "degraded", "failing"]), "`failing`: punches cannot be stored."),
            .init("version", .anyText), .init("uptime_seconds", .count),
            .init("connected_devices", .count, "Terminals."), .init("connections", .count),
            .init("store", storeSchema), .init("queue", queueSchema),
            .init("sinks", .list(SinkAnswer.schema)),
            .init(
                "terminals",
                .object([
                    .init("known", .count), .init("offline", .count), .init("largest_backlog", .anyInteger),
                    .init("largest_skew_seconds", .anyInteger), .init("shifts_held_back", .count),
                    .init("pending", .count), .optional("pending_remedy", .anyText),
                ])),
            .init(
                "commands",
                .object([
                    .init("waiting", .count), .init("in_flight", .count), .init("terminals", .count),
                    .optional("oldest_age_seconds", .count),
                ])),
            .init(
                "pulls", .object([.init("running", .count), .init("gaps", .count), .init("stalled", .count)])),
            .init(
                "people",
                .object([
                    .init("people", .count), .init("terminals_behind", .count), .init("conflicts", .count),
                ])),
            .init(
                "alerts",
                .list(
                    .object([
                        .init("kind", .anyText), .init("severity", .words(["warning", "critical"])),
                        .init("count", .count), .init("since", .moment),
                    ]))),
            .optional(
                "backup",
                .object([
                    .init("state", .words(["made", "overdue", "failing"])),
                    .optional("last_success", .moment),
                    .optional("last_bytes", .count), .optional("due", .moment), .optional("since", .moment),
                    .optional("reason", .anyText),
                ])),
        ]))
    package static let samples = [
        HealthReport(
            status: .ok, version: "1.0.0", uptimeSeconds: 3600, connectedDevices: 3, connections: 3,
            store: .init(status: "writable", punches: 4711, quarantined: 2, databaseBytes: 1_400_000),
            queue: .init(owed: 2, oldestAgeSeconds: 3, deadLetters: 1), sinks: SinkAnswer.samples.map(\.sink),
            terminals: .init(known: 4, offline: 1, pending: 1))
    ]
}

// MARK: - Alerts

extension API {
    static let alertEndpoints: [Endpoint] = [
        Endpoint(
            .get, "alerts", "listAlerts", "What the gateway calls for help about, the worst first",
            tag: .alerts,
            scope: .read, traits: .whole
        ) { api, _ in await api.operations.alerts.list() },
        Endpoint(
            .post, "alerts/test", "testAlerts", "Send a message through every channel", tag: .alerts,
            scope: .administer, traits: .whole
        ) { api, _ in await api.operations.alerts.test() },
    ]
}

extension AlertList: Documented {
    package static let schema = Schema.named(
        "AlertList",
        .object([
            .init(
                "alerts",
                .list(
                    .object([
                        .init("kind", .anyText), .init("subject", .anyText),
                        .init("severity", .words(["warning", "critical"])), .init("title", .anyText),
                        .init("detail", .anyText), .init("remedy", .anyText), .init("since", .moment),
                        .optional("told", .moment, "Absent while no channel has taken it."),
                    ]))),
            .init(
                "channels",
                .list(
                    .object([
                        .init("name", .anyText), .init("kind", .anyText), .init("is_failing", .flag),
                        .optional("last_success", .moment), .optional("last_failure", .moment),
                        .optional("reason", .anyText), .init("waiting", .count),
                    ]))),
        ]))
    package static let samples = [
        AlertList(
            alerts: [
                AlertReport(
                    kind: "terminal-offline", subject: "AYTI10087992", severity: "warning",
                    title: "Main door is offline", detail: "nothing was heard of it for 20 min",
                    remedy: "look at its power and network", since: "2026-11-22T02:31:09.000Z", told: nil)
            ], channels: [AlertChannelReport(name: "operators", kind: "ntfy", isFailing: false)])
    ]
}

extension AlertTestReport: Documented {
    package static let schema = Schema.named(
        "AlertTest",
        .object([
            .init(
                "channels",
                .list(
                    .object([
                        .init("name", .anyText), .init("kind", .anyText), .init("is_taken", .flag),
                        .optional("reason", .anyText),
                    ])))
        ]))
    package static let samples = [
        AlertTestReport(channels: [.init(name: "operators", kind: "ntfy", isTaken: true, reason: nil)])
    ]
}
