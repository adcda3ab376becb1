import ArgumentParser
import Foundation

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() { FileHandle.standardOutput.write(Data("attendance-gateway \(Version.current)\n".utf8)) }
}
