import AttendanceCore
import Foundation

/// Reads every setting of the table out of the layers, checks what one value cannot tell alone, and collects what is
/// wrong instead of stopping at the first mistake.
struct SettingsBuilder {
    let layers: SettingsLayers
    let path: String?
    let baseFolder: String
    let environment: [String: String]
    let machineTimeZone: String
    var problems: [SettingsProblem] = []
    private(set) var values: [EffectiveSetting] = []
    private var known: Set<String> = []

    init(
        layers: SettingsLayers, path: String?, baseFolder: String, environment: [String: String],
        machineTimeZone: String
    ) {
        self.layers = layers
        self.path = path
        self.baseFolder = baseFolder
        self.environment = environment
        self.machineTimeZone = machineTimeZone
    }

    /// Defaults stand in for whatever is wrong, so the result is of use only without mistakes.
    mutating func build() -> Settings {
        checkNames()
        let store = folder(
            SettingsTable.storeDirectory, systemFolder: "STATE_DIRECTORY", standard: "data")
        let logs = folder(SettingsTable.logDirectory, systemFolder: "LOGS_DIRECTORY", standard: "logs")
        let listeners = listeners()
        let connections = connections()
        let erp = erp()
        let sites = furtherSites()
        let webhooks = webhooks(besides: sites.map(\.name))
        let sinks = [erp.name] + sites.map(\.name) + webhooks.map(\.name)
        var terminals = terminals(sinks: sinks)
        let people = people()
        terminals.collectsPeople = people.collects
        var settings = Settings(
            listeners: listeners, connections: connections, erp: erp, furtherSites: sites, webhooks: webhooks,
            terminals: terminals, people: people, alerts: alerts(), commands: commands(), pull: pull(),
            console: console(),
            logging: Settings.Logging(
                directory: logs, level: value(SettingsTable.logLevel), keep: value(SettingsTable.logKeep),
                console: value(SettingsTable.logConsole),
                consoleForm: value(SettingsTable.logConsoleForm)),
            csv: Settings.CSV(
                isEnabled: value(SettingsTable.csvEnabled),
                directory: folder(SettingsTable.csvDirectory) ?? logs),
            store: Settings.Store(
                directory: store, keyFile: folder(SettingsTable.storeKeyFile) ?? store + "/vault.key"),
            backup: backup(), retention: retention(),
            admin: Settings.Admin(
                socketPath: folder(SettingsTable.adminSocket) ?? store + "/admin.sock"))
        readMappings(&settings)
        checkRouting(settings)
        checkLastSync(settings)
        // sockaddr_un has 108 bytes, one of them for the NUL (unix(7)).
        if settings.admin.socketPath.utf8.count > 107 {
            report(
                .mistake, SettingsTable.adminSocket.row,
                "the socket's path \(quoted(settings.admin.socketPath)) is longer than 107 bytes",
                "Write a shorter one into [Admin] Socket")
        }
        warnOfForm()
        return settings
    }

    // MARK: Looking up

    /// The value of a setting; a wrong one is reported and the default stands in.
    mutating func value<Value>(_ setting: Setting<Value>, name: String? = nil) -> Value {
        found(setting, name: name).value
    }

    mutating func found<Value>(
        _ setting: Setting<Value>, name: String? = nil
    ) -> (value: Value, found: SettingsLayers.Found?) {
        guard let found = layers.find(setting.row, name: name) else {
            remember(setting.row, name, setting.row.standard, .standard)
            return (setting.standard, nil)
        }
        remember(setting.row, name, found.text, found.place)
        do throws(ValueFault) {
            if case .file = found.place, found.text.contains("\n"), !setting.row.isList {
                throw ValueFault(
                    problem: "the next line is indented and so continues this value",
                    remedy: "Remove the blanks at the start of the next line")
            }
            return (try setting.kind.parse(found.text), found)
        } catch {
            let mistake = SettingsProblem(
                severity: .mistake, place: found.place, key: Self.title(setting.row, name),
                problem: error.problem, remedy: hint(found.text, row: setting.row) ?? error.remedy)
            if !problems.contains(mistake) { problems.append(mistake) }
            return (setting.standard, found)
        }
    }

    /// A secret from the setting itself or from the file that its `…File` names, whichever stands in the stronger layer.
    mutating func secret(_ setting: SettingsTable.SecretSetting, name: String? = nil) -> Secret? {
        let direct = layers.find(setting.value.row, name: name)
        let file = found(setting.file, name: name)
        guard let path = file.value, let place = file.found else { return value(setting.value, name: name) }
        if let direct, direct.rank < place.rank { return value(setting.value, name: name) }
        if let direct, direct.rank == place.rank, !direct.text.isEmpty {
            report(
                .mistake, setting.file.row, name: name,
                "\(setting.value.row.name) is set as well", "Keep one of the two")
            return nil
        }
        let secretPath = absolute(path, in: place.folder)
        do throws(ValueFault) {
            let text = try SecretFile.read(secretPath)
            remember(setting.value.row, name, text, .secretFile(path: secretPath))
            return try setting.value.kind.parse(text)
        } catch {
            problems.append(
                SettingsProblem(
                    severity: .mistake, place: place.place, key: Self.title(setting.file.row, name),
                    problem: error.problem, remedy: error.remedy))
            return nil
        }
    }

    /// A path relative to the folder of the file that holds it (the working folder for environment and arguments).
    mutating func folder(_ setting: Setting<String?>, name: String? = nil) -> String? {
        let (path, found) = found(setting, name: name)
        return path.map { absolute($0, in: found?.folder ?? baseFolder) }
    }

    /// What was written; else the folder that systemd made for the service; else one beside the file.
    private mutating func folder(
        _ setting: Setting<String?>, systemFolder: String, standard: String
    ) -> String {
        if let written = folder(setting) { return written }
        // systemd.exec(5): several folders stand with colons between.
        if let made = environment[systemFolder]?.split(separator: ":").first, made.hasPrefix("/") {
            return absolute(String(made), in: "/")
        }
        return absolute(standard, in: baseFolder)
    }

    private mutating func remember(_ row: SettingRow, _ name: String?, _ text: String, _ place: SettingPlace)
    {
        // Some are asked for by more than one part; a secret from a file of its own stands twice, once as the file.
        let setting = EffectiveSetting(row: row, name: name, text: text, place: place)
        if known.insert("\(setting.title) \(place.description)").inserted { values.append(setting) }
    }

    // MARK: Reporting

    static func title(_ row: SettingRow, _ name: String?) -> String {
        "[\(row.section.rawValue)\(name.map { " \($0)" } ?? "")] \(row.name)"
    }

    mutating func report(
        _ severity: SettingsProblem.Severity, _ row: SettingRow, name: String? = nil, _ problem: String,
        _ remedy: String
    ) {
        problems.append(
            SettingsProblem(
                severity: severity, place: place(of: row, name: name), key: Self.title(row, name),
                problem: problem, remedy: remedy))
    }

    /// For a section as a whole, at the line of its heading.
    mutating func report(
        _ severity: SettingsProblem.Severity, section: SettingsSection, name: String?, _ problem: String,
        _ remedy: String
    ) {
        problems.append(
            SettingsProblem(
                severity: severity, place: place(of: section, name: name),
                key: "[\(section.rawValue)\(name.map { " \($0)" } ?? "")]", problem: problem, remedy: remedy))
    }

    /// Where a setting stands; where it does not, the line of its section, else the file.
    private func place(of row: SettingRow, name: String?) -> SettingPlace {
        layers.find(row, name: name)?.place ?? place(of: row.section, name: name)
    }

    private func place(of section: SettingsSection, name: String?) -> SettingPlace {
        guard let path, let file = layers.file else { return .standard }
        let found = file.sections.first {
            SettingsSection.named($0.kind) == section && $0.name?.lowercased() == name?.lowercased()
        }
        return found.map { .file(path: path, line: $0.line) } ?? .wholeFile(path: path)
    }

    /// The names of a kind of section, each once: one that stands twice is a fault of the file's form.
    func names(of section: SettingsSection) -> [String] {
        var seen: Set<String> = []
        return (layers.file?.sections ?? []).compactMap { found in
            guard SettingsSection.named(found.kind) == section, let name = found.name,
                seen.insert(name.lowercased()).inserted
            else { return nil }
            return name
        }
    }

    /// Whether nothing was wrong with a setting.
    func isSound(_ row: SettingRow, name: String? = nil) -> Bool {
        let title = Self.title(row, name)
        return !problems.contains {
            $0.severity == .mistake && ($0.key == title || $0.key == title + "File")
        }
    }

    /// What most probably made a value unreadable, where the text shows it.
    private func hint(_ text: String, row: SettingRow) -> String? {
        if text.contains("\n") && !row.isList { return nil }
        if text.contains(" #") || text.contains(" ;") || text.contains("\t#") || text.contains("\t;") {
            return "A comment needs a line of its own; here it is part of the value"
        }
        if let first = text.first, first == "\"" || first == "'", text.last == first {
            return "Remove the quotes; they are part of the value"
        }
        return nil
    }

    static func sectionRemedy(_ word: String) -> String {
        let names = SettingsSection.allCases
        return Suggestion.nearest(to: word, among: names.map(\.rawValue))
            .flatMap { SettingsSection.named($0) }.map { "Perhaps \($0.heading) is meant" }
            ?? "The sections are \(names.map(\.heading).joined(separator: ", "))"
    }

    static func keyRemedy(_ key: String, in section: SettingsSection) -> String {
        let here = SettingsTable.rows(of: section)
        if let near = Suggestion.nearest(to: key, among: here.map(\.name)) {
            return "Perhaps \(near) is meant"
        }
        if let elsewhere = SettingsTable.rows.first(where: { $0.name.lowercased() == key.lowercased() }) {
            return "It belongs into \(elsewhere.section.heading)"
        }
        return "The keys of \(section.heading) are \(here.map(\.name).joined(separator: ", "))"
    }
}

// MARK: - The form of the file

extension SettingsBuilder {
    /// Sections and keys that nobody would ever read.
    private mutating func checkNames() {
        guard let file = layers.file, let path else { return }
        for section in file.sections {
            func mistake(_ line: Int, _ problem: String, _ remedy: String) {
                problems.append(
                    SettingsProblem(
                        severity: .mistake, place: .file(path: path, line: line), key: nil, problem: problem,
                        remedy: remedy))
            }
            guard let known = SettingsSection.named(section.kind) else {
                mistake(
                    section.line, "there is no section [\(section.title)]", Self.sectionRemedy(section.kind))
                continue
            }
            if known.namePlaceholder == nil, section.name != nil {
                mistake(
                    section.line, "the section [\(known.rawValue)] takes no name",
                    known.sibling.map { "Write [\(known.rawValue)], or \($0.heading) if that is meant" }
                        ?? "Write [\(known.rawValue)]")
                continue
            }
            if let placeholder = known.namePlaceholder, section.name == nil {
                let sibling = known.sibling.map { " (or \($0.heading) if that is meant)" } ?? ""
                mistake(
                    section.line, "the section [\(section.kind)] needs a name",
                    "Write [\(known.rawValue) \(placeholder)], such as [\(known.rawValue) \(known.nameExample ?? "")]\(sibling)"
                )
                continue
            }
            if let name = section.name, name.count > 64 {
                mistake(
                    section.line, "the name of the section is longer than 64 characters",
                    "Write a shorter one")
            }
            for entry in section.entries where SettingsTable.row(entry.key, in: known) == nil {
                mistake(
                    entry.line, "there is no key \(quoted(entry.key)) in [\(section.title)]",
                    Self.keyRemedy(entry.key, in: known))
            }
        }
    }

    /// What reads differently than it was probably meant.
    private mutating func warnOfForm() {
        let faulty = Set(problems.map(\.place))
        for value in values where !value.text.isEmpty && !faulty.contains(value.place) {
            guard case .file = value.place else { continue }
            func warn(_ problem: String, _ remedy: String) {
                problems.append(
                    SettingsProblem(
                        severity: .warning, place: value.place, key: value.title, problem: problem,
                        remedy: remedy))
            }
            let text = value.text
            if let remedy = hint(text, row: value.row) {
                warn("the value may hold more than is meant", remedy)
            } else if text.contains("%%") {
                warn(
                    "%% stands for two percent signs (the older service read it as one)",
                    "If one is meant, write one")
            } else if text.contains("%(") {
                warn("%( is taken as it stands; nothing is filled in", "Write the value itself")
            }
        }
    }
}

// MARK: - The parts

extension SettingsBuilder {
    private mutating func listeners() -> [Settings.Listener] {
        var listeners = [listener(SettingsTable.server, name: nil)]
        for section in layers.file?.sections ?? [] {
            guard SettingsSection.named(section.kind) == .listener, let name = section.name else { continue }
            let new = listener(SettingsTable.listener, name: name)
            if let other = listeners.first(where: {
                $0.name != name && $0.title.lowercased() == new.title.lowercased()
            }) {
                report(
                    .mistake, SettingsTable.listener.port.row, name: name,
                    "\(quoted(name)) is the name of the listener [\(other.name.map { "Listener \($0)" } ?? "Server")] as well",
                    "Give each listener a name of its own")
            }
            let portIsSound = !problems.contains { $0.key?.hasSuffix("] Port") == true }
            if portIsSound, new.port != 0,
                let other = listeners.first(where: {
                    $0.port == new.port && $0.host.lowercased() == new.host.lowercased()
                })
            {
                report(
                    .mistake, SettingsTable.listener.port.row, name: name,
                    "port \(new.port) is that of [\(other.name.map { "Listener \($0)" } ?? "Server")] as well",
                    "Give each listener a port of its own")
            }
            listeners.append(new)
        }
        return listeners
    }

    private mutating func listener(_ keys: SettingsTable.ListenerKeys, name: String?) -> Settings.Listener {
        let before = problems.count
        let listener = Settings.Listener(
            name: name, host: value(keys.host, name: name), port: value(keys.port, name: name),
            admission: Settings.Admission(
                token: secret(keys.token, name: name), serials: Set(value(keys.serials, name: name)),
                networks: value(keys.networks, name: name), secretPath: value(keys.secretPath, name: name),
                allowedWithoutRule: value(keys.allowWithoutAdmission, name: name)),
            certificate: certificate(keys.certificate, keys.certificateKey, name: name))
        // With another mistake in its rules nobody can tell whether a rule was meant.
        let isSound = !problems[before...].contains { $0.severity == .mistake }
        if isSound, !listener.isLoopback, !listener.admission.hasRule, !listener.admission.allowedWithoutRule
        {
            report(
                .mistake, keys.host.row, name: name,
                "anybody who reaches \(listener.host) port \(listener.port) could send punches: no admission rule is set",
                "Set AuthToken, AllowedSerials, AllowedNetworks or SecretPath, or write AllowWithoutAdmission = yes"
            )
        }
        if let token = listener.admission.token?.reveal() {
            if token.utf8.count < 8 {
                report(
                    .warning, keys.token.value.row, name: name, "the token is short enough to be guessed",
                    "Take a longer one (openssl rand -hex 24 makes one)")
            }
        }
        return listener
    }

    private mutating func connections() -> Settings.Connections {
        let connections = Settings.Connections(
            maximum: value(SettingsTable.maxConnections),
            maximumPerAddress: value(SettingsTable.maxConnectionsPerAddress),
            maximumMessageBytes: value(SettingsTable.maxMessageBytes),
            pingInterval: value(SettingsTable.pingSeconds), silence: value(SettingsTable.silenceSeconds),
            handshake: value(SettingsTable.handshakeSeconds),
            firstMessage: value(SettingsTable.firstMessageSeconds),
            acceptsUnmaskedFrames: value(SettingsTable.acceptUnmaskedFrames))
        if connections.silence <= connections.pingInterval {
            report(
                .mistake, SettingsTable.silenceSeconds.row,
                "SilenceSeconds (\(connections.silence.components.seconds)) is not more than PingSeconds "
                    + "(\(connections.pingInterval.components.seconds)), so live terminals would be cut off",
                "Make it at least twice PingSeconds")
        }
        return connections
    }
}
