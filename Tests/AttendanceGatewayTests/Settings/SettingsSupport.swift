import Foundation
import Testing

@testable import AttendanceGateway

/// A `config.ini` in a folder of its own, with nothing of the machine around it.
func loadSettings(
    _ text: String?, environment: [String: String] = [:], arguments: [String] = [],
    zone: String = "Asia/Kolkata", folder: TemporaryFolder? = nil
) throws -> LoadedSettings {
    let folder = try folder ?? TemporaryFolder()
    let path = try text.map { try folder.write($0, to: "etc/config.ini") }
    return SettingsLoader(
        path: path, arguments: arguments, environment: environment, workingFolder: folder.path,
        executableFolder: nil, machineTimeZone: zone
    ).load()
}

/// Enough that nothing is wrong.
let soundSettings = """
    [Security]
    AuthToken = 3f9c1e0b7a52d844
    [ERP]
    URL = https://erp.example.com

    """

/// A piece of a file with one mistake, where it stands, and words of its problem and its remedy.
struct Mistake: Sendable, CustomTestStringConvertible {
    var text: String
    var line: Int
    var problem: String
    var remedy: String
    var testDescription: String { "\(problem) at line \(line)" }

    init(_ text: String, _ line: Int, _ problem: String, _ remedy: String) {
        (self.text, self.line, self.problem, self.remedy) = (text, line, problem, remedy)
    }

    /// Loads the piece with what else a file needs, and expects the mistake and no other.
    func check() throws {
        // Below the mistake, so that it stands at the line the table says; without what the mistake itself sets.
        var rest = "\n"
        if !text.contains("[Security]") { rest += "[Security]\nAuthToken = 3f9c1e0b7a52d844\n" }
        let loaded = try loadSettings(text + rest)
        #expect(loaded.settings == nil)
        let found = try #require(
            loaded.mistakes.first { $0.line == line && $0.problem.contains(problem) },
            "\(loaded.problems.map(\.description))")
        #expect(found.remedy.contains(remedy))
        #expect(found.file?.hasSuffix("/etc/config.ini") == true)
        #expect(loaded.mistakes.count == 1, "\(loaded.problems.map(\.description))")
        #expect(found.description.hasPrefix("\(found.file ?? ""):\(line): "))
        for secret in ["hunter2", "dont-show"] { #expect(!found.description.contains(secret)) }
    }
}
