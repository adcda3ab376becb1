import AttendanceCore
import Foundation
import Logging

/// Everything the gateway is told from outside, checked and with defaults filled in. Made by `SettingsLoader`.
///
/// All paths are absolute. What each setting means stands in `SettingsTable`, from which docs/settings.md is made.
package struct Settings: Hashable, Sendable {
    /// At least one; the first is the `[Server]` section's.
    package var listeners: [Listener]
    package var connections: Connections
    /// The site of `[ERP]`, which is always there, be it without an address.
    package var erp: ERP
    /// The sites of `[Site NAME]`, in the file's order.
    package var furtherSites: [ERP]
    /// In the file's order.
    package var webhooks: [Webhook]
    package var terminals: Terminals
    package var people: People
    package var alerts: Alerts
    package var commands: Commands
    package var pull: Pull
    package var console: Console
    package var logging: Logging
    package var csv: CSV
    package var store: Store
    package var backup: Backup
    package var retention: Retention
    package var admin: Admin

    /// One port with its rules of admission. All rules that are set must hold.
    package struct Listener: Hashable, Sendable {
        /// Nil for the `[Server]` section.
        package var name: String?
        package var host: String
        /// 0 takes a free port.
        package var port: Int
        package var admission: Admission
        /// Nil: terminals speak without TLS.
        package var certificate: CertificateFiles?

        package init(
            name: String? = nil, host: String, port: Int, admission: Admission = Admission(),
            certificate: CertificateFiles? = nil
        ) {
            self.certificate = certificate
            self.name = name
            self.host = host
            self.port = port
            self.admission = admission
        }

        /// Reachable from this machine only.
        package var isLoopback: Bool {
            host.lowercased() == "localhost" || NetworkAddress(host)?.isLoopback == true
        }
    }

    package struct Admission: Hashable, Sendable {
        /// Bearer token; nil asks for none.
        package var token: Secret?
        /// Empty admits every serial.
        package var serials: Set<SerialNumber>
        /// Empty admits every address.
        package var networks: [NetworkRange]
        /// The only path that upgrades; nil admits any path. Begins with a slash.
        package var secretPath: Secret?
        /// Written out by an operator who wants a listener without any rule.
        package var allowedWithoutRule: Bool

        package init(
            token: Secret? = nil, serials: Set<SerialNumber> = [], networks: [NetworkRange] = [],
            secretPath: Secret? = nil, allowedWithoutRule: Bool = false
        ) {
            self.token = token
            self.serials = serials
            self.networks = networks
            self.secretPath = secretPath
            self.allowedWithoutRule = allowedWithoutRule
        }

        package var hasRule: Bool {
            token != nil || !serials.isEmpty || !networks.isEmpty || secretPath != nil
        }
    }

    /// Limits that hold for every listener.
    package struct Connections: Hashable, Sendable {
        package var maximum: Int
        package var maximumPerAddress: Int
        package var maximumMessageBytes: Int
        package var pingInterval: Duration
        /// A terminal from which nothing at all came for so long is gone. Always greater than `pingInterval`.
        package var silence: Duration
        package var handshake: Duration
        package var firstMessage: Duration
        package var acceptsUnmaskedFrames: Bool
    }

    package struct Logging: Hashable, Sendable {
        package var directory: String
        package var level: Logger.Level
        /// Files of past days that are kept.
        package var keep: Int
        package var console: Bool
        /// Nil: what standard error is decides.
        package var consoleForm: ConsoleLogForm?
    }

    package struct CSV: Hashable, Sendable {
        package var isEnabled: Bool
        package var directory: String
    }

    package struct Store: Hashable, Sendable {
        package var directory: String
        /// Of the vault's keys.
        package var keyFile: String
    }

    package struct People: Hashable, Sendable {
        package var collects: Bool
        package var givesNames: Bool
        package var removesLeavers: Bool
        /// Nil: credentials stay.
        package var keep: Duration?
        package var keepPhotos: Duration
    }

    package struct Admin: Hashable, Sendable {
        /// Unix socket on which command-line verbs reach the running gateway; at most 107 bytes.
        package var socketPath: String
    }
}
