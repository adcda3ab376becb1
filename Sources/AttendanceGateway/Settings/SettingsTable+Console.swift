import AttendanceCore
import AttendanceWeb
import Foundation

extension SettingsTable {
    // MARK: [Console]

    static let consoleEnabled = Setting<Bool>(
        .console, "Enabled", .flag, default: "yes", "Serve the console and the API.")
    static let consoleHost = Setting<String>(
        .console, "Host", .host, default: "127.0.0.1",
        "Address to listen on. 127.0.0.1 is only the machine itself; 0.0.0.0 is every IPv4 address, for which a "
            + "certificate is wanted below.")
    static let consolePort = Setting<Int>(
        .console, "Port", .integer(0...65535), default: "8090",
        "Port of the console and the API. 0 takes a free one.")
    static let consoleCertificate = Setting<String?>(
        .console, "TLSCertificateFile", .optional(.folder), example: "/etc/attendance-gateway/console.crt",
        "Certificate chain (PEM), the server's own first. With it the console speaks TLS alone. Read anew when it "
            + "changes.")
    static let consoleKey = Setting<String?>(
        .console, "TLSKeyFile", .optional(.folder), example: "/etc/attendance-gateway/console.key",
        "Private key (PEM, without a password) of the certificate.")
    static let consolePlain = Setting<Bool>(
        .console, "AllowWithoutTLS", .flag, default: "no",
        "A console that is reachable from elsewhere and has no certificate is refused, unless yes is written here: "
            + "passwords would go over the network as they are. For a proxy that speaks TLS on another machine."
    )
    static let consoleIdle = Setting<Duration>(
        .console, "SessionIdleHours", .hours(1...720), default: "12", changes: .atReload,
        "Somebody who has not used the console for so long is signed out.")
    static let consoleLifetime = Setting<Duration>(
        .console, "SessionDays", .days(1...365), default: "30", changes: .atReload,
        "Everybody signs in afresh after so long.")
    static let apiRate = Setting<Int>(
        .console, "RequestsPerMinute", .integer(10...1_000_000), default: "600", changes: .atReload,
        "Calls of the API by one token or account; more are answered with 429.")

    static let consoleRows: [SettingRow] = [
        consoleEnabled.row, consoleHost.row, consolePort.row, consoleCertificate.row, consoleKey.row,
        consolePlain.row, consoleIdle.row, consoleLifetime.row, apiRate.row,
    ]
}

extension Settings {
    /// `[Console]`
    package struct Console: Hashable, Sendable {
        package var isEnabled: Bool
        package var host: String
        /// 0 takes a free port.
        package var port: Int
        /// Nil: no TLS.
        package var certificate: CertificateFiles?
        package var sessionIdle: Duration
        package var sessionLifetime: Duration
        /// Of one token or account.
        package var requestsPerMinute: Int

        var limits: Accounts.Limits {
            .init(idle: sessionIdle, absolute: sessionLifetime, requestsPerMinute: requestsPerMinute)
        }
    }

    /// PEM files, absolute paths.
    package struct CertificateFiles: Hashable, Sendable {
        package var chain: String
        package var key: String

        package init(chain: String, key: String) {
            self.chain = chain
            self.key = key
        }
    }
}

extension SettingsBuilder {
    mutating func console() -> Settings.Console {
        let console = Settings.Console(
            isEnabled: value(SettingsTable.consoleEnabled), host: value(SettingsTable.consoleHost),
            port: value(SettingsTable.consolePort),
            certificate: certificate(SettingsTable.consoleCertificate, SettingsTable.consoleKey),
            sessionIdle: value(SettingsTable.consoleIdle),
            sessionLifetime: value(SettingsTable.consoleLifetime),
            requestsPerMinute: value(SettingsTable.apiRate))
        let mayBePlain = value(SettingsTable.consolePlain)
        let isLoopback = Settings.Listener(host: console.host, port: 0).isLoopback
        if console.isEnabled, !isLoopback, console.certificate == nil, !mayBePlain,
            isSound(SettingsTable.consoleCertificate.row), isSound(SettingsTable.consoleKey.row)
        {
            report(
                .mistake, SettingsTable.consoleHost.row,
                "the console would be reachable from other machines without TLS, so that passwords could be read on the way",
                "Set TLSCertificateFile and TLSKeyFile, or Host = 127.0.0.1 (and reach it over ssh -L or a proxy), or AllowWithoutTLS = yes"
            )
        }
        return console
    }

    /// Both files or none; that they can be read and belong together is looked at when they are used.
    mutating func certificate(
        _ chain: Setting<String?>, _ key: Setting<String?>, name: String? = nil
    ) -> Settings.CertificateFiles? {
        switch (folder(chain, name: name), folder(key, name: name)) {
        case (let chain?, let key?): return .init(chain: chain, key: key)
        case (nil, nil): return nil
        case (.some, nil):
            report(
                .mistake, key.row, name: name, "a certificate needs its private key",
                "Set \(key.row.name) as well")
        case (nil, .some):
            report(
                .mistake, chain.row, name: name, "a private key needs its certificate",
                "Set \(chain.row.name) as well")
        }
        return nil
    }
}
