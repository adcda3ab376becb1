import Foundation
import Testing

@testable import AttendanceGateway

@Suite struct MappingFileSettingsTests {
    @Test(arguments: [
        ("Dubai ofice,42,HR-1", "no section [Group Dubai ofice]", "Perhaps Dubai office is meant"),
        ("Gate,42,HR-1", "has the ids that all terminals have", "EmployeeField"),
    ])
    func `a group that is none, or none of its own, is told`(line: String, problem: String, remedy: String)
        throws
    {
        let folder = try TemporaryFolder()
        let path = try folder.write(",1,HR-9\n\(line)\n", to: "etc/mapping.csv")
        let loaded = try loadSettings(
            soundSettings
                + "MappingFile = mapping.csv\n[Group Dubai office]\nEmployeeField = custom_id\n[Group Gate]\nShifts = Day\n",
            folder: folder)
        let mistake = try #require(loaded.mistakes.first)
        #expect(mistake.place == .file(path: path, line: 2))
        #expect(mistake.problem.contains(problem) && mistake.remedy.contains(remedy))
    }

    @Test func `its mistakes stand among those of the settings, behind them, and not too many`() throws {
        let folder = try TemporaryFolder()
        let lines = ["\(String(repeating: "bad line\n", count: 24)),1,HR-1"]
        let path = try folder.write(lines.joined(separator: "\n"), to: "etc/mapping.csv")
        let loaded = try loadSettings(
            soundSettings + "MappingFile = mapping.csv\n[Server]\nPort = x\n", folder: folder)
        #expect(loaded.settings == nil)
        #expect(loaded.mistakes.first?.key == "[Server] Port")
        #expect(
            loaded.mistakes.dropFirst().first?.description
                == "\(path):1: there are 1 cells instead of 3. Write id-space,enroll-id,employee, separated by commas; "
                + "the first may be empty.")
        #expect(loaded.mistakes.count == 22)
        #expect(loaded.mistakes.last?.problem == "4 more lines are wrong")
    }
}
