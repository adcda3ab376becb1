import AttendanceCore
import Testing

@Suite struct MappingFileTests {
    private func read(_ text: String) throws(MappingFile.Failure) -> [MappingFile.Entry] {
        try MappingFile.parse(Array(text.utf8))
    }

    @Test func `lines name an id space, an id and an employee`() throws {
        let entries = try read(
            "\u{FEFF}id-space,enroll-id,employee\r\n# two of them\r\n\r\n,0042, HR-EMP-00007 \r\n\"DUBAI office\",42,\"Khan, \"\"Q\"\" A\"\r\n"
        )
        #expect(entries.map(\.line) == [4, 5])
        #expect(entries.map(\.mapping.space) == ["", "DUBAI office"])
        #expect(entries.map(\.mapping.enrollID.sent) == ["0042", "42"])
        #expect(entries.map(\.mapping.employee) == ["HR-EMP-00007", "Khan, \"Q\" A"])
        #expect(try read("").isEmpty)
    }

    @Test(arguments: [
        (",42", "there are 2 cells"), (",42,HR-1,extra", "there are 4 cells"),
        (";42;HR-1", "there are 1 cells"),
        (",\"42,HR-1", "quote is not closed"), (",,HR-1", "is no enroll id"), (",0,HR-1", "is no enroll id"),
        (",42,", "there is no employee"),
        (",42,\(String(repeating: "x", count: 141))", "there is no employee"),
        (",42,a\u{1B}[31mb", "there is no employee"), (",0001,HR-1", "mapped in line 1 already"),
    ])
    func `a wrong line is told with its number, and nothing of the file is used`(
        line: String, problem: String
    ) {
        let failure = #expect(throws: MappingFile.Failure.self) { try read(",1,HR-9\n\(line)\n,2,HR-8\n") }
        #expect(failure?.problems.map(\.line) == [2])
        #expect(failure?.problems.allSatisfy { $0.problem.contains(problem) && !$0.remedy.isEmpty } == true)
        #expect(failure?.localizedDescription.contains("\u{1B}") == false)
    }

    @Test func `bytes that are no text, and files without end, are refused`() {
        let broken = #expect(throws: MappingFile.Failure.self) {
            try MappingFile.parse(Array(",1,HR-1\n".utf8) + [0xFF, 0xFE, 0x0A])
        }
        #expect(broken?.problems.map(\.problem) == ["the line is not UTF-8"])
        let large = #expect(throws: MappingFile.Failure.self) {
            try MappingFile.parse([UInt8](repeating: 0x0A, count: MappingFile.maximumBytes + 1))
        }
        #expect(large?.problems.map(\.line) == [0])
        let many = #expect(throws: MappingFile.Failure.self) {
            try read(String(repeating: "x\n", count: 5000))
        }
        #expect(many?.problems.count == MappingFile.maximumProblems && many?.more == 4950)
    }
}
