import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// What the wizard needs of the gateway: its settings as somebody may change them, and a terminal to try them with.
struct SetupParts: Sendable {
    private static let bookmark = "setup"
    /// For the whole of a connection test.
    private static let testTime = Duration.seconds(28)

    /// In force.
    let settings: Settings
    let store: any Store
    let vault: Vault
    let ports: BoundPorts
    let surroundings: Gateway.Surroundings
    let simulator: SetupSimulator
    private let run = UUID().uuidString

    init(
        settings: Settings, store: any Store, vault: Vault, ports: BoundPorts,
        surroundings: Gateway.Surroundings
    ) {
        self.settings = settings
        self.store = store
        self.vault = vault
        self.ports = ports
        self.surroundings = surroundings
        simulator = SetupSimulator(now: surroundings.now)
    }

    var desk: SetupDesk {
        SetupDesk(
            draft: { try await draft() }, keep: { try await keep($0, $1, $2) },
            problems: { await problems(with: $0, at: $1) },
            tryConnection: { await tryConnection($0, $1) },
            machine: {
                SetupMachine(
                    zones: TimeZone.knownTimeZoneIdentifiers.sorted(),
                    addresses: MachineAddresses.ofThisMachine().addresses)
            }, file: { await file($0) }, write: { try await write($0, $1) },
            restart: { try await restart($0) }, run: run, target: { await target() },
            simulate: { try await simulate($0, $1) }, simulation: { [simulator] in simulator.simulation })
    }

    private var listener: Settings.Listener? { settings.listeners.first }
    private var startup: Startup? { surroundings.startup }
    /// What would hold if it were started now: the file may have changed since the start.
    private var present: LoadedSettings? { startup?.loader.load() }

    private func audit(_ action: String, _ subject: String, _ detail: String, by author: Author) async throws
    {
        try await store.audit(
            AuditEntry(
                at: surroundings.now(), author: author, action: action,
                subject: PlainText.line(subject, limit: 200), detail: PlainText.line(detail)))
    }

    // MARK: The draft

    private func draft() async throws -> SetupDraft {
        if let text = try await store.bookmark(named: Self.bookmark), let sealed = Data(base64Encoded: text),
            let draft = opened([UInt8](sealed))
        {
            return draft
        }
        return inForce
    }

    /// Nil for one that cannot be read any more, as after another key file: it is only typed again then.
    private func opened(_ sealed: [UInt8]) -> SetupDraft? {
        guard let bytes = try? vault.open(sealed, for: VaultContext.setup) else { return nil }
        return try? JSONDecoder().decode(SetupDraft.self, from: Data(bytes))
    }

    private func keep(_ draft: SetupDraft?, _ step: SetupStep, _ author: Author) async throws {
        guard let draft else {
            try await store.setBookmark("", named: Self.bookmark)
            return try await audit("setup.finished", "setup", "", by: author)
        }
        let sealed = try vault.seal([UInt8](try JSONEncoder().encode(draft)), for: VaultContext.setup)
        try await store.setBookmark(Data(sealed).base64EncodedString(), named: Self.bookmark)
        try await audit("setup.step", step.rawValue, Self.words(of: draft, at: step), by: author)
    }

    /// Never a secret.
    private static func words(of draft: SetupDraft, at step: SetupStep) -> String {
        switch step {
        case .zone: "zone \(draft.zone)"
        case .erpnext: draft.siteAddress.isEmpty ? "no ERPNext" : "ERPNext at \(draft.siteAddress)"
        case .admission:
            "unknown terminals: \(draft.unknown); \(draft.host) port \(draft.port); networks \(draft.networks)"
                + (draft.secretPath.isEmpty ? "" : "; a secret path")
                + (draft.token.isEmpty ? "" : "; a token")
                + (draft.isWithoutRule ? "; no rule" : "")
        case .account, .write, .terminal, .done: ""
        }
    }

    /// What the settings say, with what this machine suggests where nobody has said anything.
    private var inForce: SetupDraft {
        let present = present
        let settings = present?.settings ?? settings
        let listener = settings.listeners.first
        let host = listener?.host ?? "0.0.0.0"
        let isNew = present?.file == nil
        var draft = SetupDraft(
            zone: settings.terminals.timeZone, host: isNew ? "0.0.0.0" : host,
            port: "\(listener.map { $0.port == 0 ? 8080 : $0.port } ?? 8080)")
        draft.siteAddress = settings.erp.url?.absoluteString ?? ""
        draft.siteKey = settings.erp.apiKey?.reveal() ?? ""
        draft.siteSecret = settings.erp.apiSecret?.reveal() ?? ""
        draft.unknown = settings.terminals.unknown.rawValue
        if let admission = listener?.admission {
            draft.networks = admission.networks.map(\.description).joined(separator: ", ")
            draft.secretPath = admission.secretPath?.reveal() ?? ""
            draft.token = admission.token?.reveal() ?? ""
            draft.isWithoutRule = admission.allowedWithoutRule
        }
        if isNew, draft.networks.isEmpty {
            draft.networks = MachineAddresses.ofThisMachine().networks.joined(separator: ", ")
        }
        if !isNew { draft.reached = .admission }
        return draft
    }

    // MARK: What is wrong

    private func problems(with draft: SetupDraft, at step: SetupStep) async -> [SetupProblem] {
        switch step {
        case .zone:
            return Self.isSound(draft.zone, SettingKind<String>.zone)
                ? [] : [SetupProblem(.zone, "fault_zone", at: .zone)]
        case .erpnext: return siteProblems(draft)
        case .admission: return await admissionProblems(draft)
        case .write:
            var all: [SetupProblem] = []
            for step in [SetupStep.zone, .erpnext, .admission] {
                all += await problems(with: draft, at: step)
            }
            return all
        case .account, .terminal, .done: return []
        }
    }

    private static func isSound<Value>(_ text: String, _ kind: SettingKind<Value>) -> Bool {
        // Why it is not is said by the wizard's own words.
        (try? kind.parse(text)) != nil
    }

    private func siteProblems(_ draft: SetupDraft) -> [SetupProblem] {
        guard !draft.siteAddress.isEmpty else { return [] }
        var problems: [SetupProblem] = []
        if !Self.isSound(draft.siteAddress, SettingKind<URL>.site) {
            problems.append(SetupProblem(.siteAddress, "fault_address", at: .erpnext))
        }
        guard !keepsCustomSite(draft) else { return problems }
        if draft.siteKey.isEmpty || !Self.isSound(draft.siteKey, SettingKind<Secret>.token) {
            problems.append(SetupProblem(.siteKey, "fault_key", at: .erpnext))
        }
        if draft.siteSecret.isEmpty || !Self.isSound(draft.siteSecret, SettingKind<Secret>.token) {
            problems.append(SetupProblem(.siteSecret, "fault_secret", at: .erpnext))
        }
        return problems
    }

    /// A site that is called by a method of its own, as by the older service, and stays so.
    private func keepsCustomSite(_ draft: SetupDraft) -> Bool {
        settings.erp.dialect == .custom && draft.siteKey.isEmpty && draft.siteSecret.isEmpty
            && settings.erp.url?.absoluteString == draft.siteAddress
    }

    private func admissionProblems(_ draft: SetupDraft) async -> [SetupProblem] {
        var problems: [SetupProblem] = []
        func wrong(_ field: SetupProblem.Field, _ word: String) {
            problems.append(SetupProblem(field, word, at: .admission))
        }
        if UnknownTerminals(rawValue: draft.unknown) == nil { wrong(.unknown, "fault_unknown") }
        if !Self.isSound(draft.host, SettingKind<String>.host) { wrong(.host, "fault_host") }
        if !draft.networks.isEmpty,
            !Self.isSound(draft.networks, SettingKind<[NetworkRange]>.networks)
        {
            wrong(.networks, "fault_networks")
        }
        if !draft.secretPath.isEmpty, !Self.isSound(draft.secretPath, SettingKind<Secret>.urlPath) {
            wrong(.secretPath, "fault_path")
        }
        if !draft.token.isEmpty,
            draft.token.utf8.count < 8 || !Self.isSound(draft.token, SettingKind<Secret>.token)
        {
            wrong(.token, "fault_token")
        }
        let isOpen =
            draft.networks.isEmpty && draft.secretPath.isEmpty && draft.token.isEmpty
            && listener?.admission.serials.isEmpty != false
        if isOpen, !draft.isWithoutRule, !Settings.Listener(host: draft.host, port: 0).isLoopback {
            wrong(.rule, "fault_rule")
        }
        guard let port = Int(draft.port), (1...65535).contains(port) else {
            wrong(.port, "fault_port")
            return problems
        }
        if settings.console.isEnabled, await consolePort == port {
            wrong(.port, "fault_port_console")
        } else if problems.isEmpty, let trouble = await troubleBinding(draft.host, port) {
            problems.append(trouble)
        }
        return problems
    }

    private var consolePort: Int {
        get async { await ports.port(of: ConsoleParts.portName) ?? settings.console.port }
    }

    /// Whether somebody else has the port. Ours is free for us.
    private func troubleBinding(_ host: String, _ port: Int) async -> SetupProblem? {
        for listener in settings.listeners {
            let bound = await ports.port(of: listener.title) ?? listener.port
            if bound == port { return nil }
        }
        do {
            let channel = try await ServerBootstrap(group: surroundings.eventLoops)
                .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).get()
            try await channel.close()
            return nil
        } catch let error as IOError where error.errnoCode == EADDRNOTAVAIL {
            return SetupProblem(.host, "fault_host", at: .admission)
        } catch {
            return SetupProblem(.port, "fault_port_taken", at: .admission)
        }
    }

    // MARK: The file

    private var path: String? {
        startup.map { startup in
            startup.loaded.file
                ?? (startup.loader.path.map {
                    $0.hasPrefix("/") ? $0 : startup.loader.workingFolder + "/" + $0
                } ?? startup.loader.workingFolder + "/config.ini")
        }
    }

    /// What the draft says, by rows of the table; of ERPNext alone for a connection test.
    private func changes(of draft: SetupDraft, siteAlone: Bool = false) -> [SettingsText.Change] {
        var wanted: [(SettingRow, String)] = []
        if !keepsCustomSite(draft) {
            wanted += [
                (SettingsTable.erp.url.row, draft.siteAddress),
                (SettingsTable.erp.apiKey.value.row, draft.siteAddress.isEmpty ? "" : draft.siteKey),
                (SettingsTable.erp.apiSecret.value.row, draft.siteAddress.isEmpty ? "" : draft.siteSecret),
            ]
            if !draft.siteAddress.isEmpty { wanted.append((SettingsTable.erp.dialect.row, "hrms")) }
        }
        if siteAlone {
            // Who may connect is the question of a later step; nobody listens with these.
            wanted.append((SettingsTable.server.host.row, "127.0.0.1"))
        } else {
            let hasRule = !draft.networks.isEmpty || !draft.secretPath.isEmpty || !draft.token.isEmpty
            wanted += [
                (SettingsTable.server.host.row, draft.host), (SettingsTable.server.port.row, draft.port),
                (SettingsTable.server.networks.row, draft.networks),
                (SettingsTable.server.secretPath.row, draft.secretPath),
                (SettingsTable.server.token.value.row, draft.token),
                (
                    SettingsTable.server.allowWithoutAdmission.row,
                    draft.isWithoutRule && !hasRule ? "yes" : "no"
                ),
                (SettingsTable.timeZone.row, draft.zone),
                (SettingsTable.unknownTerminals.row, draft.unknown),
            ]
        }
        let present = present
        let isNew = present?.file == nil
        let before = Dictionary(
            (present?.values ?? []).filter { $0.place != .standard }.map { ($0.title, $0.text) }
        ) { $1 }
        // What was chosen stands in a new file even where it is the default, so that no later default changes it.
        let spoken: Set<SettingRow> = [
            SettingsTable.server.host.row, SettingsTable.server.port.row, SettingsTable.timeZone.row,
            SettingsTable.unknownTerminals.row,
        ]
        return wanted.compactMap { row, value in
            if let text = before[row.title] {
                return text == value ? nil : .init(row: row, value: value)
            }
            if isNew, !siteAlone, spoken.contains(row) { return .init(row: row, value: value) }
            return value.isEmpty || value.lowercased() == row.standard.lowercased()
                ? nil : .init(row: row, value: value)
        }
    }

    private func text(with changes: [SettingsText.Change]) throws -> String {
        let old = try path.flatMap { try SettingsFile(path: $0).read() }
        var text = SettingsText(old.map { String(decoding: $0, as: UTF8.self) } ?? SettingsReference.sample)
        for change in changes { text.apply(change) }
        return text.text
    }

    /// What the gateway would be started with.
    private func candidate(_ text: String) throws -> LoadedSettings {
        guard let startup, let path else { throw Self.notStartedByFile }
        var loader = startup.loader
        loader.path = path
        loader.content = [UInt8](text.utf8)
        return loader.load()
    }

    private static let notStartedByFile = SetupRefusal("this gateway was started without a settings file")

    private func file(_ draft: SetupDraft) async -> SetupFile {
        let changes = changes(of: draft)
        guard let path else {
            return SetupFile(
                path: "config.ini", exists: false, obstacle: Self.notStartedByFile.text,
                changes: changes.map(\.shown), text: "")
        }
        let file = SettingsFile(path: path)
        do {
            let text = try text(with: changes)
            return SetupFile(
                path: path, exists: FileManager.default.fileExists(atPath: path), obstacle: file.obstacle,
                changes: changes.map(\.shown), text: text)
        } catch {
            return SetupFile(
                path: path, exists: true, obstacle: SettingsLoader.words(error),
                changes: changes.map(\.shown), text: "")
        }
    }

    private func write(_ draft: SetupDraft, _ author: Author) async throws -> SetupWritten {
        guard let startup, let path else { throw Self.notStartedByFile }
        let changes = changes(of: draft)
        let new: LoadedSettings
        let kept: String?
        do {
            let text = try text(with: changes)
            new = try candidate(text)
            try Self.refuseMistakes(of: new)
            let isThere = FileManager.default.fileExists(atPath: path)
            kept =
                changes.isEmpty && isThere
                ? nil : try SettingsFile(path: path).write(text, at: surroundings.now())
        } catch let refusal as SetupRefusal {
            throw refusal
        } catch {
            throw SetupRefusal("\(path) cannot be written: \(SettingsLoader.words(error))")
        }
        try await audit(
            "settings.write", path,
            changes.map(\.shown).joined(separator: "; ") + (kept.map { "; the old file is \($0)" } ?? ""),
            by: author)
        surroundings.logger.notice("settings written", metadata: ["file": "\(path)", "by": "\(author)"])
        let difference = SettingsDifference(from: startup.loaded, to: new)
        let needsRestart = startup.loaded.file == nil || !difference.afterRestart.isEmpty
        if !needsRestart, !difference.isEmpty { startup.reload() }
        return SetupWritten(path: path, kept: kept, needsRestart: needsRestart)
    }

    private static func refuseMistakes(of loaded: LoadedSettings) throws {
        guard !loaded.mistakes.isEmpty else { return }
        throw SetupRefusal(loaded.mistakes.prefix(5).map(\.description).joined(separator: " "))
    }

    private func restart(_ author: Author) async throws {
        guard let startup else { throw Self.notStartedByFile }
        // With a mistake in it the gateway would not come back.
        let new = startup.loader.load()
        try Self.refuseMistakes(of: new)
        guard new.file != nil else { throw SetupRefusal("there is no file at \(path ?? "config.ini") yet") }
        try await audit("gateway.restart", "gateway", "by the setup", by: author)
        surroundings.logger.notice("beginning anew with other settings", metadata: ["by": "\(author)"])
        startup.restart()
    }

    // MARK: The connection test

    private func tryConnection(_ draft: SetupDraft, _ author: Author) async -> [SetupCheck] {
        func failure(_ seen: String) -> [SetupCheck] {
            [SetupCheck(outcome: .bad, title: "settings", seen: PlainText.line(seen), remedy: nil)]
        }
        let settings: Settings
        do {
            let loaded = try candidate(try text(with: changes(of: draft, siteAlone: true)))
            guard let found = loaded.settings else {
                return failure(loaded.mistakes.map(\.description).joined(separator: " "))
            }
            settings = found
            try await audit("setup.test", "erpnext", draft.siteAddress, by: author)
        } catch {
            return failure(error.localizedDescription)
        }
        let client = SiteClient.makeHTTPClient(concurrency: 2)
        let journal = JournalView(folder: settings.store.directory)
        var options = Doctor.Options()
        options.limit = .seconds(6)
        options.now = surroundings.now
        let checks = SiteChecks(
            site: settings.erp, settings: settings, journal: journal, client: client, options: options
        ).all
        let results = await Self.run(checks, within: Self.testTime, limit: options.limit)
        journal.close()
        do {
            try await client.shutdown()
        } catch {
            surroundings.logger.debug("a client did not close", metadata: ["error": "\(error)"])
        }
        return results
    }

    private static func run(
        _ checks: [DoctorCheck], within time: Duration, limit: Duration?
    ) async -> [SetupCheck] {
        let end = ContinuousClock.now + time
        var results: [SetupCheck] = []
        for check in checks where !Task.isCancelled {
            var check = check
            let left = end - .now
            guard left > .zero else {
                results.append(
                    SetupCheck(
                        outcome: .skipped, title: check.title, seen: "no time was left for it", remedy: nil))
                continue
            }
            check.limit = min(check.limit, limit ?? check.limit, left)
            // Nobody asked for a trial check-in here.
            results += await check.run().filter { !$0.check.hasSuffix("trial check-in") }.map(Self.check)
        }
        return results
    }

    private static func check(_ result: CheckResult) -> SetupCheck {
        let outcome: SetupCheck.Outcome =
            switch result.outcome {
            case .ok: .good
            case .warning: .warning
            case .failure: .bad
            case .skipped: .skipped
            }
        return SetupCheck(
            outcome: outcome, title: result.check, seen: result.seen, remedy: result.remedy)
    }

    // MARK: The first terminal

    /// The rules may have changed since the start.
    private var admission: Settings.Admission {
        present?.settings?.listeners.first?.admission ?? listener?.admission ?? .init()
    }

    private func target() async -> SetupTarget {
        let host = listener?.host ?? "127.0.0.1"
        let isLocal = listener?.isLoopback != false
        let isEverywhere = host == "0.0.0.0" || host == "::"
        let admission = admission
        return SetupTarget(
            addresses: isLocal ? [] : isEverywhere ? MachineAddresses.ofThisMachine().addresses : [host],
            port: await boundPort, path: admission.secretPath?.reveal(), wantsToken: admission.token != nil,
            networks: admission.networks.map(\.description), unknown: settings.terminals.unknown,
            hasSite: settings.erp.url != nil)
    }

    private var boundPort: Int {
        get async {
            guard let listener else { return 0 }
            return await ports.port(of: listener.title) ?? listener.port
        }
    }

    private func simulate(_ person: UInt64, _ author: Author) async throws {
        let admission = admission
        if let own = SerialNumber(SetupSimulator.serial), !admission.serials.isEmpty,
            !admission.serials.contains(own)
        {
            throw SetupRefusal(
                "AllowedSerials does not name \(SetupSimulator.serial), so it would be refused")
        }
        let host = listener?.host ?? "127.0.0.1"
        let isEverywhere = host == "0.0.0.0" || host == "::"
        // Whom the port lets in goes by addresses: one of this machine's own may be among them.
        let all = isEverywhere ? ["127.0.0.1"] + MachineAddresses.ofThisMachine().addresses : [host]
        guard
            let address = all.first(where: { address in
                admission.networks.isEmpty || admission.networks.contains { $0.contains(address) }
            })
        else {
            throw SetupRefusal(
                "no address of this machine (\(all.joined(separator: ", "))) is in AllowedNetworks, so that a terminal "
                    + "from here would be refused")
        }
        try simulator.order(
            .init(
                person: person,
                address: .init(
                    host: address, port: await boundPort,
                    path: admission.secretPath?.reveal() ?? "/pub/chat",
                    headers: admission.token.map { [("Authorization", "Bearer \($0.reveal())")] } ?? []),
                zone: settings.terminals.timeZone))
        try await audit(
            "setup.simulate", "terminal \(SetupSimulator.serial)", "a punch of person \(person)", by: author)
    }

    // MARK: The link

    /// Called once the console is reached at `base`: while nobody can sign in, says how somebody can.
    func invite(at base: String, accounts: Accounts) async {
        do {
            guard let token = try await accounts.setupToken() else { return }
            let isShown = startup?.invite("\(base)/setup?token=\(token)") ?? false
            surroundings.logger.notice(
                "nobody can sign in to the console yet",
                metadata: [
                    "remedy":
                        "\(isShown ? "open the link that was printed on the terminal, or " : "")make an account: attendance-gateway accounts add NAME --role administrator"
                ])
        } catch {
            surroundings.logger.warning(
                "it is not known whether somebody can sign in to the console",
                metadata: ["error": "\(error.localizedDescription)"])
        }
    }
}
