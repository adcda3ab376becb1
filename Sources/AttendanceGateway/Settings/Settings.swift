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
    package var erp: ERP
    package var terminals: Terminals
    package var logging: Logging
    package var csv: CSV
    package var store: Store
    package var admin: Admin

    /// One port with its rules of admission. All rules that are set must hold.
    package struct Listener: Hashable, Sendable {
        /// Nil for the `[Server]` section.
        package var name: String?
        package var host: String
        /// 0 takes a free port.
        package var port: Int
        package var admission: Admission

        package init(name: String? = nil, host: String, port: Int, admission: Admission = Admission()) {
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

    package struct ERP: Hashable, Sendable {
        package enum Dialect: String, Hashable, Sendable { case custom, hrms }
        package enum PersonID: String, Hashable, Sendable { case enrollID = "enrollid", alias }
        /// Ends in a slash. Nil: punches are kept and owed until there is one.
        package var url: URL?
        package var dialect: Dialect
        /// Path of the custom method, without a leading slash.
        package var endpoint: String
        /// After so many attempts a punch is reported as failed so far; it is tried again for ever.
        package var maximumRetries: Int
        package var retryDelay: Duration
        /// The whole value of an `Authorization` header; excludes a key and secret.
        package var authorization: Secret?
        /// Both or neither.
        package var apiKey: Secret?
        package var apiSecret: Secret?
        package var employeeField: String
        package var personID: PersonID
        /// IANA zone of the site's own clock; nil sends each terminal's wall time as it is.
        package var siteTimeZone: String?
        package var concurrency: Int
        package var timeout: Duration
        /// How long a punch whose answer is missing waits before it is sent again.
        package var ambiguousWait: Duration

        /// What stands behind `Authorization:` in a request; nil sends none.
        package var authorizationHeader: Secret? {
            if let authorization { return authorization }
            guard let apiKey, let apiSecret else { return nil }
            return Secret("token \(apiKey.reveal()):\(apiSecret.reveal())")
        }
    }

    package struct Terminals: Hashable, Sendable {
        /// IANA zone of terminals that have none of their own.
        package var timeZone: String
        package var sendsClock: Bool
        /// Whether terminals are asked to push their users (`nosenduser:false`).
        package var asksForUsers: Bool
        package var keepsPhotos: Bool
        package var earliestYear: Int
        package var futureTolerance: Duration
        package var overrides: [SerialNumber: Override]

        package struct Override: Hashable, Sendable {
            package var timeZone: String?
            package var name: String?
        }

        package func timeZone(of serial: SerialNumber) -> String { overrides[serial]?.timeZone ?? timeZone }
        package func name(of serial: SerialNumber) -> String? { overrides[serial]?.name }
    }

    package struct Logging: Hashable, Sendable {
        package var directory: String
        package var level: Logger.Level
        /// Files of past days that are kept.
        package var keep: Int
        package var console: Bool
    }

    package struct CSV: Hashable, Sendable {
        package var isEnabled: Bool
        package var directory: String
    }

    package struct Store: Hashable, Sendable {
        package var directory: String
    }

    package struct Admin: Hashable, Sendable {
        /// Unix socket on which command-line verbs reach the running gateway; at most 107 bytes.
        package var socketPath: String
    }
}
