import AttendanceCore
import Foundation
import Logging

/// One row of the table: what a setting is called, what it may be, and what it does.
struct SettingRow: Hashable, Sendable {
    enum Effect: Hashable, Sendable {
        /// At a reload (SIGHUP).
        case atReload
        case atRestart
    }
    var section: SettingsSection
    var name: String
    var kind: String
    /// As it would be written; empty when there is none.
    var standard: String
    /// The default in words, where it is no constant.
    var standardInWords: String?
    var isSecret: Bool
    var isList: Bool
    var effect: Effect
    /// A plausible value for the sample where the default is blank.
    var example: String?
    var help: String

    /// `[ERP] RetryDelaySec`
    var title: String { "\(section.heading) \(name)" }

    /// `retryDelaySec`, from which `ATTENDANCE_ERP_RETRY_DELAY_SEC` is made.
    var configKey: String {
        let upper = name.prefix { $0.isUppercase }
        if upper.count == name.count { return name.lowercased() }
        // Of a run of capitals the last one begins the next word: APIKey is apiKey.
        let head = upper.count > 1 ? upper.dropLast() : upper
        return head.lowercased() + name.dropFirst(head.count)
    }

    /// The name of the environment variable; nil in sections with a name.
    var variable: String? {
        guard section.namePlaceholder == nil else { return nil }
        var words = ""
        var previous: Character = "_"
        for character in configKey {
            if previous.isLowercase && character.isUppercase { words += "_" }
            words += character.uppercased()
            previous = character
        }
        return "ATTENDANCE_\(section.rawValue.uppercased())_\(words)"
    }
}

/// A row of the table with the type its value has in the program.
struct Setting<Value: Sendable>: Sendable {
    var row: SettingRow
    var kind: SettingKind<Value>
    /// `row.standard`, read by `kind`.
    var standard: Value

    init(
        _ section: SettingsSection, _ name: String, _ kind: SettingKind<Value>, default standard: String = "",
        inWords: String? = nil, changes effect: SettingRow.Effect = .atRestart, example: String? = nil,
        _ help: String
    ) {
        row = SettingRow(
            section: section, name: name, kind: kind.name, standard: standard, standardInWords: inWords,
            isSecret: kind.isSecret, isList: kind.isList, effect: effect, example: example, help: help)
        self.kind = kind
        do {
            self.standard = try kind.parse(standard)
        } catch {
            preconditionFailure("the default of \(row.title) is no valid value: \(error)")
        }
    }
}

/// Every setting there is. Parsing, the sample file and docs/settings.md all come from here.
enum SettingsTable {
    /// The keys that every listener has; `[Server]` shares all but the token with `[Listener NAME]`.
    struct ListenerKeys: Sendable {
        var host: Setting<String>
        var port: Setting<Int>
        var token: SecretSetting
        var serials: Setting<[SerialNumber]>
        var networks: Setting<[NetworkRange]>
        var secretPath: Setting<Secret?>
        var allowWithoutAdmission: Setting<Bool>
        var certificate: Setting<String?>
        var certificateKey: Setting<String?>

        init(section: SettingsSection, tokenSection: SettingsSection, port standardPort: String) {
            host = Setting(
                section, "Host", .host, default: "0.0.0.0",
                "Address to listen on. 0.0.0.0 is every IPv4 address of the machine, :: every IPv6 one as well, "
                    + "127.0.0.1 only the machine itself (behind a proxy).")
            port = Setting(
                section, "Port", .integer(0...65535), default: standardPort,
                "Port for terminals and for HTTP (/health, /metrics). 0 takes a free one.")
            token = SecretSetting(
                tokenSection, "AuthToken", .token, changes: .atReload,
                "Terminals must send it as Authorization: Bearer TOKEN. Blank asks for no token: most hardware "
                    + "cannot send one; use the rules below instead.")
            serials = Setting(
                section, "AllowedSerials", .serials, changes: .atReload,
                example: "AYTI10087992, AYTI10087993",
                "Only these terminals are served. Blank admits every serial number. With commas between, also "
                    + "over several indented lines.")
            networks = Setting(
                section, "AllowedNetworks", .networks, changes: .atReload,
                example: "192.168.10.0/24, 2001:db8::/32",
                "Only terminals from these networks may connect. Blank admits every address.")
            secretPath = Setting<Secret?>(
                section, "SecretPath", .optional(.urlPath), changes: .atReload,
                "Only this path may be used by terminals (as in ws://host:port/terminals-8f3ka02m), for hardware "
                    + "that takes a path but no token. Blank admits any path. At least 8 characters behind the slash."
            )
            allowWithoutAdmission = Setting(
                section, "AllowWithoutAdmission", .flag, default: "no", changes: .atReload,
                "A port that is reachable from elsewhere and has no rule at all (token, serials, networks, path) "
                    + "is refused, unless yes is written here.")
            certificate = Setting(
                section, "TLSCertificateFile", .optional(.folder),
                example: "/etc/attendance-gateway/terminals.crt",
                "Certificate chain (PEM), the server's own first. With it this port speaks TLS alone (wss, https); "
                    + "few terminals can. Read anew when it changes.")
            certificateKey = Setting(
                section, "TLSKeyFile", .optional(.folder),
                example: "/etc/attendance-gateway/terminals.key",
                "Private key (PEM, without a password) of the certificate.")
        }

        var rows: [SettingRow] {
            [
                host.row, port.row, serials.row, networks.row, secretPath.row, allowWithoutAdmission.row,
                certificate.row, certificateKey.row,
            ]
        }
    }

    /// A secret that may stand in the file, or in a file of its own named by `NAMEFile`.
    struct SecretSetting: Sendable {
        var value: Setting<Secret?>
        var file: Setting<String?>

        init(
            _ section: SettingsSection, _ name: String, _ kind: SettingKind<Secret>,
            changes effect: SettingRow.Effect = .atRestart, example: String? = nil, _ help: String
        ) {
            value = Setting(section, name, .optional(kind), changes: effect, example: example, help)
            file = Setting(
                section, name + "File", .optional(.folder), changes: effect,
                example: "/etc/attendance-gateway/\(name.lowercased())",
                "File that holds \(name), instead of writing it here.")
        }
        var rows: [SettingRow] { [value.row, file.row] }
    }

    static let server = ListenerKeys(section: .server, tokenSection: .security, port: "8080")
    static let listener = ListenerKeys(section: .listener, tokenSection: .listener, port: "8081")

    // MARK: [Server]

    static let maxConnections = Setting<Int>(
        .server, "MaxConnections", .integer(1...1_000_000), default: "20000",
        "Connections at one time, over all ports. Also bounded by the process's open-file limit.")
    static let maxConnectionsPerAddress = Setting<Int>(
        .server, "MaxConnectionsPerAddress", .integer(1...1_000_000), default: "12000",
        "Connections at one time from one address. High, because a router may stand before a whole site.")
    static let maxMessageBytes = Setting<Int>(
        .server, "MaxMessageBytes", .bytes(64 << 10...64 << 20), default: "8 MiB",
        "Longest message of a terminal; a longer one closes its connection.")
    static let pingSeconds = Setting<Duration>(
        .server, "PingSeconds", .seconds(1...3600), default: "20",
        "A terminal from which nothing came for so long is asked whether it is there.")
    static let silenceSeconds = Setting<Duration>(
        .server, "SilenceSeconds", .seconds(2...7200), default: "90",
        "A terminal that does not answer for so long is taken for gone. More than PingSeconds.")
    static let handshakeSeconds = Setting<Duration>(
        .server, "HandshakeSeconds", .seconds(1...300), default: "10",
        "A new connection must send its first request within this time.")
    static let firstMessageSeconds = Setting<Duration>(
        .server, "FirstMessageSeconds", .seconds(1...3600), default: "60",
        "A terminal must send its first message within this time.")
    static let acceptUnmaskedFrames = Setting<Bool>(
        .server, "AcceptUnmaskedFrames", .flag, default: "yes",
        "Take WebSocket frames without a mask, which some old firmwares send against the standard.")

    // MARK: Folders

    static let storeDirectory = Setting<String?>(
        .store, "Directory", .optional(.folder),
        inWords: "data beside this file; under systemd the state folder",
        example: "/var/lib/attendance-gateway",
        "Folder of the journal, on a local disk. Paths in this file are relative to the file's own folder.")
    static let csvEnabled = Setting<Bool>(
        .csv, "Enabled", .flag, default: "yes", "Write the audit files.")
    static let csvDirectory = Setting<String?>(
        .csv, "Directory", .optional(.folder), inWords: "LogDirectory",
        example: "/var/lib/attendance-gateway/csv",
        "Folder of the audit files.")
    static let logDirectory = Setting<String?>(
        .logging, "LogDirectory", .optional(.folder),
        inWords: "logs beside this file; under systemd the log folder",
        example: "/var/log/attendance-gateway",
        "Folder of attendance.log.")
    static let logLevel = Setting<Logger.Level>(
        .logging, "LogLevel", .level, default: "INFO", changes: .atReload, "Least level that is written.")
    static let logKeep = Setting<Int>(
        .logging, "Keep", .integer(1...3650), default: "30", changes: .atReload,
        "Files of past days that are kept; the log is rotated at local midnight.")
    static let logConsole = Setting<Bool>(
        .logging, "Console", .flag, default: "yes", "Write the log to standard error as well.")
    static let logConsoleForm = Setting<ConsoleLogForm?>(
        .logging, "ConsoleFormat", .choice(["auto": nil, "text": .text, "journal": .journal, "json": .json]),
        default: "auto",
        """
        How it looks there: text as in the file; journal without time, the level as syslog's priority; json one object a \
        line. auto is journal where standard error is journald's, else text.
        """)
    static let adminSocket = Setting<String?>(
        .admin, "Socket", .optional(.folder), inWords: "admin.sock in the folder of [Store]",
        example: "/run/attendance-gateway/admin.sock",
        "Unix socket on which commands such as dead-letters reach the running gateway.")

    /// In the order of the sample and the reference.
    static let rows: [SettingRow] = [
        server.rows, serverLimits, server.token.rows,
        [listener.host.row, listener.port.row], listener.token.rows, Array(listener.rows.dropFirst(2)),
        erp.rows, site.rows, webhookRows, terminalRows, peopleRows, alertRows, commandRows, pullRows,
        consoleRows,
        folderRows, backupRows, retentionRows, fileRows,
    ].flatMap(\.self)

    private static let serverLimits: [SettingRow] = [
        maxConnections.row, maxConnectionsPerAddress.row, maxMessageBytes.row, pingSeconds.row,
        silenceSeconds.row, handshakeSeconds.row, firstMessageSeconds.row, acceptUnmaskedFrames.row,
    ]
    private static let folderRows: [SettingRow] = [
        storeDirectory.row, storeKeyFile.row,
    ]
    private static let fileRows: [SettingRow] = [
        csvEnabled.row, csvDirectory.row, logDirectory.row,
        logLevel.row, logKeep.row,
        logConsole.row, logConsoleForm.row, adminSocket.row,
    ]

    static func rows(of section: SettingsSection) -> [SettingRow] { rows.filter { $0.section == section } }

    static func row(_ name: String, in section: SettingsSection) -> SettingRow? {
        rows.first { $0.section == section && $0.name.lowercased() == name.lowercased() }
    }
}
