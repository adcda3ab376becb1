import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import Foundation

/// What the alerts' parts are told, made from the settings.
extension Settings.Alerts {
    /// A limit that is nil switches its rule off.
    var thresholds: AlertThresholds {
        var limits = AlertThresholds()
        limits.workingHours = workingHours ?? .always
        func take<Value>(_ value: Value?, _ kind: AlertKind, _ put: (Value) -> Void) {
            if let value { put(value) } else { limits.silenced.insert(kind) }
        }
        take(offline, .terminalOffline) { limits.offline = $0 }
        take(owed, .oldestOwed) { limits.owed = $0 }
        take(paused, .sitePaused) { limits.paused = $0 }
        take(unavailable, .siteUnavailable) { limits.unavailable = $0 }
        take(shift, .shiftWaits) { limits.shift = $0 }
        take(deadLetters, .deadLetters) { limits.deadLetters = $0 }
        take(diskFreePercent, .diskLow) { limits.diskShare = Double($0) / 100 }
        take(clockDrift, .clockDrift) { limits.skew = $0 }
        take(memoryPercent, .terminalFull) { limits.memory = Double($0) / 100 }
        take(resendTimes, .resendLoop) { limits.resends = $0 }
        take(networkMoves, .serialMoved) { limits.moves = $0 }
        take(certificateDays, .certificateExpiry) { limits.certificate = .seconds(Int64($0) * 86_400) }
        return limits
    }

    func channels(client: HTTPClient) -> [any AlertChannel] {
        channels.map { channel in
            func webhook(_ target: WebhookChannel.Target) -> any AlertChannel {
                WebhookChannel(
                    name: channel.name, target: target, client: client,
                    userAgent: "attendance-gateway/\(Version.current)")
            }
            switch channel.target {
            case .json(let url, let token):
                return webhook(.json(url: url.reveal().absoluteString, token: token?.reveal()))
            case .slack(let url): return webhook(.slack(url: url.reveal().absoluteString))
            case .telegram(let server, let token, let chat):
                return webhook(
                    .telegram(server: server?.reveal().absoluteString, token: token.reveal(), chat: chat))
            case .ntfy(let url, let token):
                return webhook(.ntfy(url: url.reveal().absoluteString, token: token?.reveal()))
            case .mail(let to, let from, let program):
                return MailChannel(name: channel.name, to: to, from: from, program: program)
            }
        }
    }
}

extension Settings {
    /// Throws `SettingsError`.
    func alertSettings() throws -> AlertService.Settings {
        AlertService.Settings(
            thresholds: alerts.thresholds, interval: alerts.interval, zone: try Self.zone(terminals.timeZone))
    }
}
