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
