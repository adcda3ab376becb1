import AttendanceCore
import Testing

@Suite struct MappingFileTests {
    private func parse(_ text: String) throws(MappingFile.Failure) -> [EmployeeMapping] {
        try MappingFile.parse(Array(text.utf8))
    }

    private func mapping(_ space: String, _ id: String, _ employee: String) throws -> EmployeeMapping {
        EmployeeMapping(space: space, enrollID: try #require(EnrollID(id)), employee: employee)
    }

    @Test func `reads a file as spreadsheets and people write it`() throws {
        let text = [
            "\u{FEFF}ID-Space,Enroll-ID,Employee", "# the new plant", "", "plant, 0012 ,HR-EMP-00007",
            ",12,\"HR-EMP-00008\"", "\"Plant \"\"Nord\"\"\",A-7,\"Lang, Ada\"",
        ].joined(separator: "\r\n")
        let found = try parse(text)
        #expect(
            found == [
                try mapping("plant", "0012", "HR-EMP-00007"), try mapping("", "12", "HR-EMP-00008"),
                try mapping("Plant \"Nord\"", "A-7", "Lang, Ada"),
            ])
        #expect(found[0].enrollID.sent == "0012")
    }

    @Test func `an empty file, and one of comments, map nobody`() throws {
        #expect(try parse("").isEmpty)
        #expect(try parse("# nothing\n\n   \n").isEmpty)
    }

    @Test(arguments: [
        ("12,HR-EMP-1", "2 cells"), ("a,b,c,d", "4 cells"), (",,HR-EMP-1", "no enroll id"),
        (",0,HR-EMP-1", "no enroll id"),
        (",99999999,HR-EMP-1", "no enroll id"), (",12,", "no employee"), (",12,\"HR", "double quote"),
        (",1\"2,HR", "double quote"), (",\"12\"x,HR", "double quote"), (",12,HR\u{7}EMP", "no employee"),
        ("\(String(repeating: "g", count: 65)),12,HR", "id space"),
        (",\(String(repeating: "9", count: 65)),HR", "no enroll id"),
    ])
    func `each mistake is told with its line`(_ line: String, _ words: String) throws {
        let failure = #expect(throws: MappingFile.Failure.self) {
            try MappingFile.parse(Array("# x\n\(line)\n".utf8))
        }
        let problem = try #require(failure?.problems.first)
        #expect(problem.line == 2)
        #expect(problem.problem.contains(words))
        #expect(failure?.localizedDescription.contains("line 2: ") == true)
    }

    @Test func `an id mapped twice in one space is told with both lines`() throws {
        let failure = #expect(throws: MappingFile.Failure.self) {
            try MappingFile.parse(Array("p,12,A\nq,12,B\nP,0012,C\n".utf8))
        }
        #expect(failure?.problems.map(\.line) == [3])
        #expect(failure?.problems.first?.problem.contains("line 1") == true)
    }

    @Test func `bytes that are no text are a mistake of their line`() {
        let failure = #expect(throws: MappingFile.Failure.self) {
            try MappingFile.parse(Array(",1,A\n,2,".utf8) + [0xFF, 0xFE, 0x0A])
        }
        #expect(failure?.problems.map(\.line) == [2])
    }

    @Test func `size, lines and mistakes have a limit`() {
        let large = #expect(throws: MappingFile.Failure.self) {
            try MappingFile.parse([UInt8](repeating: 0x20, count: MappingFile.maximumBytes + 1))
        }
        #expect(large?.problems.first?.line == 0)
        let long = #expect(throws: MappingFile.Failure.self) {
            try MappingFile.parse([UInt8](repeating: 0x0A, count: MappingFile.maximumLines + 1))
        }
        #expect(long?.problems.count == 1)
        let wrong = #expect(throws: MappingFile.Failure.self) {
            try MappingFile.parse(Array(String(repeating: "x\n", count: 1000).utf8))
        }
        #expect(wrong?.problems.count == MappingFile.maximumProblems)
        #expect(wrong?.more == 1000 - MappingFile.maximumProblems)
        #expect(wrong?.localizedDescription.hasSuffix("and 950 more") == true)
    }

    @Test func `any bytes end in mappings or in mistakes`() {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array(",\"\n\r#0129ab ".utf8) + [0xEF, 0xBB, 0xBF, 0x00]
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            do throws(MappingFile.Failure) {
                let mappings = try MappingFile.parse(bytes)
                #expect(mappings.allSatisfy { !$0.employee.isEmpty })
            } catch {
                #expect(!error.problems.isEmpty)
            }
        }
    }
}
