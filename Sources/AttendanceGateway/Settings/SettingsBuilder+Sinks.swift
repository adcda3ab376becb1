import AttendanceCore
import Foundation

extension SettingsBuilder {
    mutating func erp() -> Settings.ERP { site(SettingsTable.erp, name: nil, sink: .erpnext) }

    mutating func furtherSites() -> [Settings.ERP] {
        var sites: [Settings.ERP] = []
        for name in names(of: .site) {
            let sink = sinkName(name, in: .site, taken: sites.map(\.name))
            // Read also when its name is wrong, so that every mistake is told at once.
            let site = site(SettingsTable.site, name: name, sink: sink ?? .erpnext)
            let url = SettingsTable.site.url.row
            if site.url == nil, isSound(url, name: name) {
                report(
                    .mistake, url, name: name, "the site has no address",
                    "Write URL = and the site's address, such as https://erp.example.com")
            }
            if sink != nil { sites.append(site) }
        }
        return sites
    }

    mutating func webhooks(besides sites: [SinkName]) -> [Settings.Webhook] {
        var webhooks: [Settings.Webhook] = []
        for name in names(of: .webhook) {
            let sink = sinkName(name, in: .webhook, taken: sites + webhooks.map(\.name))
            let row = SettingsTable.webhookURL.row
            let url = value(SettingsTable.webhookURL, name: name)
            if url == nil, isSound(row, name: name) {
                report(
                    .mistake, row, name: name, "the webhook has no address",
                    "Write URL = and the address, such as https://payroll.example.com/punches")
            }
            let webhook = Settings.Webhook(
                name: sink ?? .erpnext, url: url ?? SecretURL(URL(filePath: "/")),
                secret: secret(SettingsTable.webhookSecret, name: name),
                headers: value(SettingsTable.webhookHeaders, name: name),
                batchSize: value(SettingsTable.webhookBatchSize, name: name),
                concurrency: value(SettingsTable.webhookConcurrency, name: name),
                timeout: value(SettingsTable.webhookTimeoutSec, name: name),
                retryDelay: value(SettingsTable.webhookRetryDelaySec, name: name),
                successStatuses: value(SettingsTable.webhookSuccessStatus, name: name),
                successField: value(SettingsTable.webhookSuccessField, name: name),
                startFrom: value(SettingsTable.webhookStartFrom, name: name))
            if let url, !url.isEncrypted, !Self.isLoopback(url.host), !webhook.headers.isEmpty {
                report(
                    .warning, row, name: name, "the headers go over the network unencrypted", "Use https")
            }
            if let key = webhook.secret?.reveal(), key.utf8.count < 16 {
                report(
                    .warning, SettingsTable.webhookSecret.value.row, name: name,
                    "the key of the signature is short enough to be guessed",
                    "Take a longer one (openssl rand -hex 24 makes one)")
            }
            if sink != nil, url != nil { webhooks.append(webhook) }
        }
        return webhooks
    }

    /// Nil, and reported, where a section's name cannot be a sink's.
    private mutating func sinkName(
        _ name: String, in section: SettingsSection, taken: [SinkName]
    ) -> SinkName? {
        guard let sink = SinkName(name.lowercased()) else {
            report(
                .mistake, section: section, name: name, "\(quoted(name)) cannot be the name of a sink",
                "Take 1 to 32 letters of a to z, digits, - and _")
            return nil
        }
        if sink == .erpnext || sink == .csv || ["all", "none"].contains(sink.text) {
            report(
                .mistake, section: section, name: name, "the name \(sink) is taken by the gateway itself",
                "Give the section another name")
            return nil
        }
        if taken.contains(sink) {
            report(
                .mistake, section: section, name: name, "another sink is called \(sink) as well",
                "Give each [Site NAME] and [Webhook NAME] a name of its own")
            return nil
        }
        return sink
    }

    static func isLoopback(_ host: String?) -> Bool {
        guard let host else { return false }
        return host.lowercased() == "localhost" || NetworkAddress(host)?.isLoopback == true
    }
}

// MARK: - One ERPNext site

extension SettingsBuilder {
    private mutating func site(
        _ keys: SettingsTable.SiteKeys, name: String?, sink: SinkName
    ) -> Settings.ERP {
        var mode = Settings.ERP.Mode.deliver
        let url = value(keys.url, name: name)
        if let setting = keys.mode { mode = value(setting, name: name) }
        let drains = value(keys.bulk, name: name)
        let drainsAbove = value(keys.bulkAbove, name: name)
        var site = Settings.ERP(
            name: sink, mode: mode, url: url, dialect: value(keys.dialect, name: name),
            endpoint: value(keys.apiEndpoint, name: name), maximumRetries: value(keys.maxRetries, name: name),
            retryDelay: value(keys.retryDelaySec, name: name),
            authorization: secret(keys.authorization, name: name),
            apiKey: secret(keys.apiKey, name: name), apiSecret: secret(keys.apiSecret, name: name),
            employeeField: value(keys.employeeField, name: name), personID: value(keys.personID, name: name),
            employeeSync: value(keys.employeeSyncMinutes, name: name),
            leadingZeros: value(keys.leadingZeros, name: name),
            mappingFile: folder(keys.mappingFile, name: name), mappings: [],
            repeatWindow: value(keys.repeatSeconds, name: name),
            siteTimeZone: value(keys.siteTimeZone, name: name),
            movesLastSync: value(keys.lastSync, name: name),
            lastSyncInterval: value(keys.lastSyncMinutes, name: name),
            concurrency: value(keys.concurrency, name: name), bulkAbove: nil,
            timeout: value(keys.timeoutSec, name: name),
            ambiguousWait: value(keys.ambiguousWaitSec, name: name),
            startFrom: value(keys.startFrom, name: name))
        if drains, site.dialect == .hrms { site.bulkAbove = drainsAbove }
        checkRights(of: &site, keys, name: name)
        if drains, site.dialect == .custom, isWritten(keys.bulk.row, name: name) {
            report(
                .warning, keys.bulk.row, name: name, "Bulk means nothing in the custom dialect",
                "Remove it, or write Dialect = hrms")
        }
        return site
    }

    /// The keys by which the gateway makes itself known, and what needs them.
    private mutating func checkRights(
        of site: inout Settings.ERP, _ keys: SettingsTable.SiteKeys, name: String?
    ) {
        let apiKey = keys.apiKey.value.row
        let apiSecret = keys.apiSecret.value.row
        let authorization = keys.authorization.value.row
        // What a wrong one of these was to say, nobody can tell.
        let rows = [apiKey, apiSecret, authorization, keys.dialect.row, keys.mode?.row].compactMap(\.self)
        let mayTell = rows.allSatisfy { isSound($0, name: name) }
        if isSound(apiKey, name: name), isSound(apiSecret, name: name) {
            if site.apiKey != nil, site.apiSecret == nil {
                report(
                    .mistake, apiKey, name: name, "APIKey is set and APISecret is not", "Set both or neither")
            }
            if site.apiKey == nil, site.apiSecret != nil {
                report(
                    .mistake, apiSecret, name: name, "APISecret is set and APIKey is not",
                    "Set both or neither")
            }
            if site.authorization != nil, site.apiKey != nil || site.apiSecret != nil {
                report(
                    .mistake, authorization, name: name, "Authorization and APIKey or APISecret are set",
                    "Keep one of the two ways")
            }
        }
        let hasNoRights = site.apiKey == nil && site.apiSecret == nil && site.authorization == nil
        if mayTell, hasNoRights, site.url != nil {
            let remedy = "Set APIKey and APISecret (User > Settings > API Access on the site)"
            if site.dialect == .hrms, site.mode == .deliver {
                report(
                    .mistake, keys.dialect.row, name: name, "the hrms dialect needs the rights of a user",
                    remedy)
            } else if site.movesLastSync {
                report(.mistake, keys.lastSync.row, name: name, "LastSync needs the rights of a user", remedy)
            } else if site.employeeSync != nil, isWritten(keys.employeeSyncMinutes.row, name: name) {
                report(
                    .warning, keys.employeeSyncMinutes.row, name: name,
                    "employees can be read with the rights of a user only", remedy)
            }
        }
        if hasNoRights { site.employeeSync = nil }
        if let url = site.url, url.scheme?.lowercased() == "http", site.authorizationHeader != nil,
            !Self.isLoopback(url.host())
        {
            report(
                .warning, keys.url.row, name: name,
                "the secret of the ERP user goes over the network unencrypted",
                "Use https")
        }
    }

    /// Whether somebody set it, be it to its default.
    func isWritten(_ row: SettingRow, name: String?) -> Bool { layers.find(row, name: name) != nil }
}

// MARK: - Sinks and terminals together

extension SettingsBuilder {
    /// Sinks to which nobody sends, and punches that wait for an address.
    mutating func checkRouting(_ settings: Settings) {
        var used = settings.terminals.traits.sinks ?? []
        for serial in settings.terminals.overrides.keys {
            used.formUnion(settings.terminals.sinks(of: serial))
        }
        let url = SettingsTable.erp.url.row
        let others = settings.furtherSites.count + settings.webhooks.count
        if settings.erp.url == nil, isSound(url), used.contains(.erpnext) {
            report(
                .warning, url, "there is no ERP",
                others == 0
                    ? "Punches are kept, and owed until an address is set"
                    : "Punches are owed to it until an address is set; [Terminals] Sinks can name the other sinks alone"
            )
        }
        // With a mistake in a list nobody can tell where punches were to go.
        let isSound = !problems.contains { $0.severity == .mistake && $0.key?.hasSuffix("] Sinks") == true }
        guard isSound else { return }
        func warn(_ section: SettingsSection, _ name: String?, _ sink: SinkName) {
            guard !used.contains(sink) else { return }
            report(
                .warning, section: section, name: name, "no terminal's punches go to \(sink)",
                "Name it in [Terminals] Sinks, or in those of a group or a terminal")
        }
        if settings.erp.url != nil { warn(.erp, nil, .erpnext) }
        for section in [SettingsSection.site, .webhook] {
            for name in names(of: section) {
                if let sink = SinkName(name.lowercased()), settings.sinks.contains(sink) {
                    warn(section, name, sink)
                }
            }
        }
    }

    /// Reads the sites' mapping files, which name groups. Every wrong line is told at its own place, up to a number.
    mutating func readMappings(_ settings: inout Settings) {
        let spaces = Dictionary(
            settings.groups.map { ($0.name.lowercased(), $0.hasOwnIDs ? $0.name : nil) },
            uniquingKeysWith: { $1 })
        settings.erp.mappings = mappings(of: settings.erp, SettingsTable.erp, name: nil, spaces)
        for name in names(of: .site) {
            guard let index = settings.furtherSites.firstIndex(where: { $0.name.text == name.lowercased() })
            else { continue }
            settings.furtherSites[index].mappings = mappings(
                of: settings.furtherSites[index], SettingsTable.site, name: name, spaces)
        }
    }

    private static let toldFaults = 20

    private mutating func mappings(
        of site: Settings.ERP, _ keys: SettingsTable.SiteKeys, name: String?, _ spaces: [String: String?]
    ) -> [EmployeeMapping] {
        guard let path = site.mappingFile else { return [] }
        let bytes: [UInt8]
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }  // opened for reading: nothing can be lost
            // One byte more than allowed, so that it is seen that the file is too large.
            bytes = [UInt8](try handle.read(upToCount: MappingFile.maximumBytes + 1) ?? Data())
        } catch {
            report(
                .mistake, keys.mappingFile.row, name: name,
                "\(path) cannot be read (\(SettingsLoader.words(error)))",
                "Check the path, and that the gateway's user may read it")
            return []
        }
        let file = MappingFile(bytes: bytes, spaces: spaces)
        for fault in file.faults.prefix(Self.toldFaults) {
            problems.append(
                SettingsProblem(
                    severity: .mistake,
                    place: fault.line.map { .file(path: path, line: $0) } ?? .wholeFile(path: path),
                    key: nil, problem: fault.problem, remedy: fault.remedy))
        }
        if file.faults.count > Self.toldFaults {
            problems.append(
                SettingsProblem(
                    severity: .mistake, place: .wholeFile(path: path), key: nil,
                    problem: "\(file.faults.count - Self.toldFaults) more lines are wrong",
                    remedy: "Mend those that are told, and check again"))
        }
        return file.mappings
    }

    mutating func checkLastSync(_ settings: Settings) {
        guard settings.terminals.allShifts.isEmpty else { return }
        func warn(_ keys: SettingsTable.SiteKeys, _ name: String?) {
            report(
                .warning, keys.lastSync.row, name: name, "LastSync moves nothing: no terminal has Shifts",
                "Write the Shift Types into [Terminals], [Group NAME] or [Terminal SERIAL]")
        }
        if settings.erp.movesLastSync { warn(SettingsTable.erp, nil) }
        for name in names(of: .site) {
            let site = settings.furtherSites.first { $0.name.text == name.lowercased() }
            if site?.movesLastSync == true { warn(SettingsTable.site, name) }
        }
    }
}
