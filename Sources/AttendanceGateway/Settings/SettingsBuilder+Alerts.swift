import Foundation

extension SettingsBuilder {
    mutating func alerts() -> Settings.Alerts {
        Settings.Alerts(
            workingHours: value(SettingsTable.workingHours), offline: value(SettingsTable.offlineMinutes),
            owed: value(SettingsTable.owedMinutes), paused: value(SettingsTable.pausedMinutes),
            unavailable: value(SettingsTable.unavailableMinutes), shift: value(SettingsTable.shiftMinutes),
            deadLetters: value(SettingsTable.deadLetters),
            diskFreePercent: value(SettingsTable.diskFreePercent),
            clockDrift: value(SettingsTable.clockDriftSeconds),
            memoryPercent: value(SettingsTable.memoryPercent), resendTimes: value(SettingsTable.resendTimes),
            networkMoves: value(SettingsTable.networkMoves),
            certificateDays: value(SettingsTable.certificateDays),
            interval: value(SettingsTable.intervalSeconds),
            channels: names(of: .alert).compactMap { channel($0) })
    }

    /// Nil where something is wrong with it, which is then reported.
    private mutating func channel(_ name: String) -> Settings.Alerts.Channel? {
        let kind = value(SettingsTable.alertKind, name: name)
        let url = value(SettingsTable.alertURL, name: name)
        let token = secret(SettingsTable.alertToken, name: name)
        let chat = value(SettingsTable.alertChat, name: name)
        let to = value(SettingsTable.alertTo, name: name)
        let from = value(SettingsTable.alertFrom, name: name)
        let program = value(SettingsTable.alertSendmail, name: name)
        guard let kind else {
            if isSound(SettingsTable.alertKind.row, name: name) {
                report(
                    .mistake, SettingsTable.alertKind.row, name: name, "the channel has no Kind",
                    "Write Kind = json, slack, telegram, ntfy or mail")
            }
            return nil
        }
        warnOfUnused(by: kind, name: name)
        var target: Settings.Alerts.Target?
        switch kind {
        case .json:
            if let url { target = .json(url, token: token) }
        case .slack:
            target = url.map { .slack($0) }
        case .ntfy:
            if let url { target = .ntfy(url, token: token) }
        case .telegram:
            if let token, let chat { target = .telegram(server: url, token: token, chat: chat) }
            if token == nil { require(SettingsTable.alertToken.value.row, of: kind, name: name) }
            if chat == nil { require(SettingsTable.alertChat.row, of: kind, name: name) }
        case .mail:
            if to.isEmpty {
                require(SettingsTable.alertTo.row, of: kind, name: name)
            } else {
                target = .mail(to: to, from: from, program: program)
            }
            if isSound(SettingsTable.alertSendmail.row, name: name),
                !FileManager.default.isExecutableFile(atPath: program)
            {
                report(
                    .warning, SettingsTable.alertSendmail.row, name: name,
                    "there is no program \(quoted(program)) that could be run",
                    "Install one that takes mail as sendmail does (msmtp-mta, postfix), or write its path")
            }
        }
        if target == nil, [.json, .slack, .ntfy].contains(kind) {
            require(SettingsTable.alertURL.row, of: kind, name: name)
        }
        if let url, token != nil, !url.isEncrypted, !Self.isLoopback(url.host) {
            report(
                .warning, SettingsTable.alertURL.row, name: name,
                "the token goes over the network unencrypted", "Use https")
        }
        return target.map { Settings.Alerts.Channel(name: name, target: $0) }
    }

    private mutating func require(_ row: SettingRow, of kind: Settings.Alerts.Kind, name: String) {
        guard isSound(row, name: name) else { return }
        report(
            .mistake, SettingsTable.alertKind.row, name: name,
            "a channel of the kind \(kind.rawValue) needs \(row.name)",
            "Write \(row.name) = \(row.example ?? "and its value")")
    }

    /// What was written and is not read for this kind.
    private mutating func warnOfUnused(by kind: Settings.Alerts.Kind, name: String) {
        let token = SettingsTable.alertToken.rows
        let (url, chat) = (SettingsTable.alertURL.row, SettingsTable.alertChat.row)
        let mail = [SettingsTable.alertTo.row, SettingsTable.alertFrom.row, SettingsTable.alertSendmail.row]
        let unused: [SettingRow] =
            switch kind {
            case .json, .ntfy: [chat] + mail
            case .slack: token + [chat] + mail
            case .telegram: mail
            case .mail: [url] + token + [chat]
            }
        for row in unused where layers.find(row, name: name)?.text.isEmpty == false {
            report(
                .warning, row, name: name,
                "\(row.name) means nothing for a channel of the kind \(kind.rawValue)", "Remove the line")
        }
    }
}
