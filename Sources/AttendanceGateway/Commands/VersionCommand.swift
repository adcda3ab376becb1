import ArgumentParser
import AttendanceWeb
import Foundation

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version, the commit and the build.")

    @Option(help: "text or json (one object).") var format: OutputFormat = .text

    func validate() throws {
        if format == .csv { throw ValidationError("--format is text or json") }
    }

    func run() throws {
        let output = Output(format: format)
        output.line(
            format == .json
                ? String(decoding: try JSONAnswer.encode(Version.build), as: UTF8.self) : Version.build.line)
        output.flush()
    }
}
