import AttendanceCore
import Foundation

extension CheckConfig {
    /// All problems by place, then what would run. No secret is in it.
    package static func report(_ loaded: LoadedSettings) -> String {
        var lines = loaded.problems.map(\.description)
        guard let settings = loaded.settings else {
            let count = loaded.mistakes.count
            lines.append("\(count) mistake\(count == 1 ? "" : "s"): the gateway would not start.")
            return lines.joined(separator: "\n") + "\n"
        }
        lines.append(line("settings", loaded.file ?? "no file: defaults, environment and --set"))
        for listener in settings.listeners {
            let host = listener.host.contains(":") ? "[\(listener.host)]" : listener.host
            let name = listener.name.map { " (\($0))" } ?? ""
            lines.append(line("listen", "\(host):\(listener.port)\(name): \(rules(listener))"))
        }
        lines.append(line("ERP", words(settings.erp)))
        lines += settings.furtherSites.map { line("site", "\($0.name): \(words($0))") }
        lines += settings.webhooks.map { line("webhook", "\($0.name): \(words($0))") }
        lines.append(line("time zone", settings.terminals.timeZone))
        lines += terminals(settings)
        lines += alerts(settings.alerts)
        let console = settings.console
        lines.append(
            line(
                "console",
                console.isEnabled
                    ? "\(console.certificate == nil ? "http" : "https")://\(console.host):\(console.port)/"
                    : "switched off"))
        lines.append(line("journal", settings.store.directory))
        lines.append(line("CSV", settings.csv.isEnabled ? settings.csv.directory : "switched off"))
        lines.append(
            line(
                "log",
                "\(settings.logging.directory), \(LogLine.name(of: settings.logging.level)), "
                    + "\(settings.logging.keep) files kept"))
        let changed = loaded.values.filter { $0.place != .standard && !$0.text.isEmpty }
        if !changed.isEmpty {
            lines.append("set by you")
            lines += changed.map { "  \($0.title) = \($0.shown)  (\($0.place.description))" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func line(_ title: String, _ text: String) -> String {
        title + String(repeating: " ", count: max(1, 12 - title.count)) + text
    }

    private static func rules(_ listener: Settings.Listener) -> String {
        let admission = listener.admission
        var rules: [String] = []
        if admission.token != nil { rules.append("token") }
        if !admission.serials.isEmpty { rules.append("\(admission.serials.count) serial numbers") }
        if !admission.networks.isEmpty {
            rules.append("networks " + admission.networks.map(\.description).joined(separator: " "))
        }
        if admission.secretPath != nil { rules.append("secret path") }
        if !rules.isEmpty { return "admits by " + rules.joined(separator: " and ") }
        return listener.isLoopback ? "this machine only" : "admits everybody, as AllowWithoutAdmission says"
    }

    // MARK: Sinks

    private static func words(_ site: Settings.ERP) -> String {
        guard let url = site.url else { return "none: punches are kept and owed" }
        let target = site.dialect == .custom ? url.absoluteString + site.endpoint : url.absoluteString
        let authorization = site.authorizationHeader == nil ? "without authorization" : "authorization set"
        var words = ["\(target) (\(site.dialect.rawValue), \(authorization))"]
        if site.mode == .shadow { words.append("shadow: sends nothing") }
        if let interval = site.employeeSync {
            words.append("employees by \(site.employeeField) every \(spoken(interval))")
        }
        if let file = site.mappingFile { words.append("\(site.mappings.count) mapped by \(file)") }
        if let window = site.repeatWindow {
            words.append("repeats within \(spoken(window)) are not sent")
        }
        if site.movesLastSync { words.append("last_sync_of_checkin is moved") }
        if site.name != .erpnext { words.append(start(site.startFrom)) }
        return words.joined(separator: "; ")
    }

    private static func words(_ webhook: Settings.Webhook) -> String {
        let signed = webhook.secret == nil ? "not signed" : "signed"
        let statuses = webhook.successStatuses.map {
            $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
        }
        var words = ["\(webhook.url) (\(signed), \(webhook.batchSize) in one request)"]
        if !webhook.headers.isEmpty {
            words.append("headers \(webhook.headers.map(\.name).joined(separator: ", "))")
        }
        let field = webhook.successField.map { " with \($0)" } ?? ""
        words.append("taken at \(statuses.joined(separator: ", "))\(field)")
        words.append(start(webhook.startFrom))
        return words.joined(separator: "; ")
    }

    private static func start(_ start: Settings.StartFrom) -> String {
        switch start {
        case .now: "when new it gets what comes in from then on"
        case .all: "when new it gets the whole journal"
        case .day: "when new it gets all from \(start)"
        }
    }

    // MARK: Terminals

    private static func terminals(_ settings: Settings) -> [String] {
        let terminals = settings.terminals
        let sinks = settings.sinks
        var lines: [String] = []
        let common = words(of: terminals.traits, sinks: sinks)
        if !common.isEmpty { lines.append(line("terminals", common.joined(separator: "; "))) }
        for group in terminals.groups {
            let members = terminals.overrides.values.count { $0.group?.name == group.name }
            let words = [group.timeZone].compactMap(\.self) + words(of: group.traits, sinks: sinks)
            lines.append(
                line(
                    "group",
                    "\(group.name) (\(members) terminal\(members == 1 ? "" : "s")): "
                        + (words.isEmpty ? "as [Terminals]" : words.joined(separator: "; "))))
        }
        for (serial, own) in terminals.overrides.sorted(by: { $0.key.text < $1.key.text }) {
            let name = own.name.map { " (\($0))" } ?? ""
            var words = ["\(serial)\(name): \(terminals.timeZone(of: serial))"]
            if let group = own.group { words.append("group \(group.name)") }
            // All that holds for it, wherever it was said: nobody shall have to look it up in three sections.
            words += self.words(
                of: Settings.Terminals.Traits(
                    sinks: terminals.sinks(of: serial), employeeField: terminals.employeeField(of: serial),
                    direction: terminals.direction(of: serial),
                    directionHours: terminals.directionHours(of: serial),
                    profile: terminals.profile(of: serial), dayStart: terminals.dayStart(of: serial),
                    shifts: terminals.shifts(of: serial), coordinates: terminals.coordinates(of: serial)),
                sinks: sinks)
            lines.append(line("terminal", words.joined(separator: "; ")))
        }
        return lines
    }

    /// Only what is no default.
    private static func words(of traits: Settings.Terminals.Traits, sinks: [SinkName]) -> [String] {
        var words: [String] = []
        if let own = traits.sinks, sinks.count > 1 || own.isEmpty {
            let names = sinks.filter(own.contains).map(\.text).joined(separator: ", ")
            words.append(own.isEmpty ? "to no sink" : "to \(names)")
        }
        if let field = traits.employeeField { words.append("ids in \(field)") }
        switch traits.direction {
        case .terminal?: words.append("direction by the terminal's codes (\(traits.profile ?? .standard))")
        case .hours?: words.append("direction by hours (\(oneLine(traits.directionHours ?? "inherited")))")
        case .incoming?: words.append("direction in")
        case .outgoing?: words.append("direction out")
        case .alternate?: words.append("direction alternating")
        case .unspecified?, nil: break
        }
        if case .at(let time)? = traits.dayStart { words.append("day from \(time)") }
        if let shifts = traits.shifts, !shifts.isEmpty {
            words.append("shifts \(shifts.joined(separator: ", "))")
        }
        if traits.access.isAsked == true { words.append("approval mode") }
        if let place = traits.coordinates { words.append("at \(place.latitude), \(place.longitude)") }
        return words
    }

    // MARK: Alerts

    private static func alerts(_ alerts: Settings.Alerts) -> [String] {
        let hours = alerts.workingHours.map { " (\($0))" } ?? ""
        let rules: [String?] = [
            alerts.offline.map { "offline for \(spoken($0))\(hours)" },
            alerts.owed.map { "owed for \(spoken($0))" }, alerts.paused.map { "paused for \(spoken($0))" },
            alerts.deadLetters.map { "\($0) dead letter\($0 == 1 ? "" : "s")" },
            alerts.diskFreePercent.map { "less than \($0) % of a disk free" },
            alerts.clockDrift.map { "clock wrong by \(spoken($0))" },
            alerts.memoryPercent.map { "memory \($0) % full" },
            alerts.resendTimes.map { "resent \($0) times" },
            alerts.networkMoves.map { "\($0) moves between networks a day" },
            alerts.certificateDays.map { "certificate ends in \($0) days" },
        ]
        let channels = alerts.channels.map { channel in
            line("channel", "\(channel.name): \(words(channel.target))")
        }
        let said = rules.compactMap(\.self).joined(separator: ", ")
        let log = channels.isEmpty ? "; to the log alone" : ""
        return [line("alerts", said.isEmpty ? "none" : said + log)] + channels
    }

    private static func words(_ target: Settings.Alerts.Target) -> String {
        switch target {
        case .json(let url, let token): "json to \(url)\(token == nil ? "" : ", with a token")"
        case .slack(let url): "slack to \(url)"
        case .telegram(let server, _, let chat):
            "telegram to chat \(chat)\(server.map { " by \($0)" } ?? "")"
        case .ntfy(let url, let token): "ntfy to \(url)\(token == nil ? "" : ", with a token")"
        case .mail(let to, let from, let program):
            "mail to \(to.joined(separator: ", "))\(from.map { " from \($0)" } ?? "") by \(program)"
        }
    }

    /// Whole seconds as they were probably written: `90 s`, `10 min`.
    private static func spoken(_ duration: Duration) -> String {
        let seconds = duration.components.seconds
        return seconds % 60 == 0 ? "\(seconds / 60) min" : "\(seconds) s"
    }

    private static func oneLine(_ list: String) -> String {
        SettingKind<String>.listParts(list).joined(separator: ", ")
    }
}
