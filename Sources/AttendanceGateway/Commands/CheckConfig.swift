import ArgumentParser
import Foundation

/// `attendance-gateway check-config`: every mistake in the settings, or what would run.
package struct CheckConfig: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Tell every mistake in the settings, or what would run.",
        discussion: """
            Reads the same file, environment variables and --set values as serve, and changes nothing. Ends with \
            0 when the gateway would start, 78 when it would not.
            """)

    @OptionGroup package var source: SettingsOptions

    @Flag(
        name: .customLong("print-sample"), help: "Write a commented sample of config.ini and do nothing else."
    )
    package var printsSample = false

    @Flag(name: .customLong("print-reference"), help: .hidden)
    package var printsReference = false

    package init() {}

    package func run() throws {
        if printsSample || printsReference {
            Self.write(printsSample ? SettingsReference.sample : SettingsReference.tables)
            return
        }
        let loaded = source.loader.load()
        Self.write(Self.report(loaded))
        if loaded.settings == nil { throw ExitCode(Self.configurationError) }
    }

    /// EX_CONFIG of sysexits.h.
    package static let configurationError: Int32 = 78

    private static func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

    /// All problems by place, then what would run. No secret is in it.
    package static func report(_ loaded: LoadedSettings) -> String {
        var lines = loaded.problems.map(\.description)
        guard let settings = loaded.settings else {
            let count = loaded.mistakes.count
            lines.append("\(count) mistake\(count == 1 ? "" : "s"): the gateway would not start.")
            return lines.joined(separator: "\n") + "\n"
        }
        lines.append("settings    \(loaded.file ?? "no file: defaults, environment and --set")")
        for listener in settings.listeners {
            let host = listener.host.contains(":") ? "[\(listener.host)]" : listener.host
            let name = listener.name.map { " (\($0))" } ?? ""
            lines.append("listen      \(host):\(listener.port)\(name): \(rules(listener))")
        }
        let erp = settings.erp
        if let url = erp.url {
            let authorization = erp.authorizationHeader == nil ? "without authorization" : "authorization set"
            let target = erp.dialect == .custom ? url.absoluteString + erp.endpoint : url.absoluteString
            lines.append("ERP         \(target) (\(erp.dialect.rawValue), \(authorization))")
        } else {
            lines.append("ERP         none: punches are kept and owed")
        }
        lines.append("time zone   \(settings.terminals.timeZone)")
        for (serial, own) in settings.terminals.overrides.sorted(by: { $0.key.text < $1.key.text }) {
            let zone = settings.terminals.timeZone(of: serial)
            lines.append("terminal    \(serial)\(own.name.map { " (\($0))" } ?? ""): \(zone)")
        }
        lines.append("journal     \(settings.store.directory)")
        lines.append("CSV         \(settings.csv.isEnabled ? settings.csv.directory : "switched off")")
        lines.append(
            "log         \(settings.logging.directory), \(LogLine.name(of: settings.logging.level)), "
                + "\(settings.logging.keep) files kept")
        let changed = loaded.values.filter { $0.place != .standard && !$0.text.isEmpty }
        if !changed.isEmpty {
            lines.append("set by you")
            lines += changed.map { "  \($0.title) = \($0.shown)  (\($0.place.description))" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rules(_ listener: Settings.Listener) -> String {
        let admission = listener.admission
        var rules: [String] = []
        if admission.token != nil { rules.append("token") }
        if !admission.serials.isEmpty { rules.append("\(admission.serials.count) serial numbers") }
        if !admission.networks.isEmpty {
            rules.append("networks " + admission.networks.map(\.description).joined(separator: " "))
        }
        if admission.secretPath != nil { rules.append("secret path") }
        if !rules.isEmpty { return "admits by " + rules.joined(separator: " and ") }
        return listener.isLoopback ? "this machine only" : "admits everybody, as AllowWithoutAdmission says"
    }
}

/// The options by which every command finds the settings.
package struct SettingsOptions: ParsableArguments {
    @Option(name: .customLong("config"), help: ArgumentHelp("Path of config.ini.", valueName: "path"))
    package var path: String?

    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: ArgumentHelp(
            "Set one value over file and environment; may be repeated.", valueName: "Section.Key=value"))
    package var values: [String] = []

    package init() {}

    package var loader: SettingsLoader { SettingsLoader(path: path, arguments: values) }
}
