import ArgumentParser
import AttendanceCore
import AttendanceWeb
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

    @Flag(name: .customLong("print-commands"), help: .hidden)
    package var printsCommands = false

    @Flag(name: .customLong("print-api"), help: .hidden)
    package var printsAPI = false

    package init() {}

    package func run() throws {
        if printsCommands {
            Self.write(CommandCatalogue.reference)
            return
        }
        if printsAPI {
            Self.write(APIReference.text)
            return
        }
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
