import AttendanceCore
import Foundation
import Testing

@testable import AttendanceGateway

@Suite struct MappingFileTests {
    private let spaces: [String: String?] = ["dubai office": "Dubai office", "gate": nil]

    private func read(_ text: String) -> MappingFile { MappingFile(bytes: Array(text.utf8), spaces: spaces) }

    @Test func `lines name a group, an id and an employee`() throws {
        let file = read(
            "\u{FEFF}group,id,employee\r\n# two of them\r\n\r\n,0042, HR-EMP-00007 \r\n\"DUBAI office\",42,\"Khan, \"\"Q\"\" A\"\r\n"
        )
        #expect(file.faults.isEmpty)
        #expect(
            file.mappings == [
                EmployeeMapping(enrollID: try #require(EnrollID("0042")), employee: "HR-EMP-00007"),
                EmployeeMapping(
                    space: "Dubai office", enrollID: try #require(EnrollID("42")), employee: "Khan, \"Q\" A"),
            ])
        #expect(file.mappings.map(\.enrollID.sent) == ["0042", "42"])
        #expect(read("").mappings.isEmpty && read("").faults.isEmpty)
    }

    @Test(arguments: [
        (",42", "has 2 fields instead of 3", "Write group,id,employee"),
        (",42,HR-1,extra", "has 4 fields", "Write group,id,employee"),
        (";42;HR-1", "has 1 field instead", "Write group,id,employee"),
        (",\"42,HR-1", "quote is not closed", "Write group,id,employee"),
        (",,HR-1", "is no id of a person", "Write group,id,employee"),
        (",42,", "is no name of an Employee", "Write group,id,employee"),
        (",42,\(String(repeating: "x", count: 141))", "is no name of an Employee", "Write"),
        (",42,a\u{1B}[31mb", "is no name of an Employee", "Write"),
        ("Dubai ofice,42,HR-1", "no section [Group Dubai ofice]", "Perhaps Dubai office is meant"),
        ("Gate,42,HR-1", "has the ids that all terminals have", "EmployeeField"),
        (",0001,HR-1", "stands already at line 1", "Keep one"),
    ])
    func `a wrong line is told with its number and the rest is read`(
        line: String, problem: String, remedy: String
    ) {
        let file = read(",1,HR-9\n\(line)\n,2,HR-8\n")
        #expect(file.mappings.map(\.employee) == ["HR-9", "HR-8"])
        #expect(file.faults.map(\.line) == [2])
        #expect(file.faults.allSatisfy { $0.problem.contains(problem) && $0.remedy.contains(remedy) })
        #expect(!file.faults.map(\.problem).joined().contains("\u{1B}"))
    }

    @Test func `bytes that are no text, and files without end, are refused`() {
        let broken = MappingFile(bytes: Array(",1,HR-1\n".utf8) + [0xFF, 0xFE, 0x0A], spaces: [:])
        #expect(broken.faults.map(\.problem) == ["the line is not UTF-8"])
        let large = MappingFile(
            bytes: [UInt8](repeating: 0x0A, count: MappingFile.maximumBytes + 1), spaces: [:])
        #expect(large.faults.map(\.problem) == ["the file is larger than 16 MiB"])
        let long = (0...MappingFile.maximumLines + 5).map { ",\($0),HR-\($0)" }.joined(separator: "\n")
        let file = read(long)
        #expect(file.mappings.count == MappingFile.maximumLines && file.faults.count == 1)
        #expect(read(String(repeating: "x\n", count: 5000)).faults.count == 1000)
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
                == "\(path):1: the line has 1 field instead of 3. Write group,id,employee, such as "
                + ",0042,HR-EMP-00007 (no group: all terminals).")
        #expect(loaded.mistakes.count == 22)
        #expect(loaded.mistakes.last?.problem == "4 more lines are wrong")
    }
}
