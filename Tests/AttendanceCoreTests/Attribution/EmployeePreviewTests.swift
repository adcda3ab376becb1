import AttendanceCore
import Testing

@Suite struct EmployeePreviewTests {
    private let field = EmployeeDirectoryTests.field

    private func seen(
        _ id: String, name: String? = nil, at serial: String = "T1", alias: String? = nil, punches: Int = 1
    )
        throws -> SeenPerson
    {
        SeenPerson(
            enrollID: try #require(EnrollID(id)), alias: alias, name: name,
            terminal: try #require(SerialNumber(serial)), punches: punches,
            lastPunch: try #require(WallTime(year: 2026, month: 11, day: 22, hour: 8, minute: punches)))
    }

    private func preview(
        _ employees: [Employee], _ seen: [SeenPerson], mappings: [EmployeeMapping] = [],
        space: (SerialNumber) -> IDSpace = { _ in IDSpace(field: EmployeeDirectoryTests.field) }
    ) -> EmployeePreview {
        EmployeePreview(
            directory: EmployeeDirectory(employees: employees, mappings: mappings), seen: seen,
            mappings: mappings,
            fields: [field], space: space, key: { $0.alias ?? $0.enrollID.sent })
    }

    @Test func `people who fit give no finding`() throws {
        let preview = preview(
            [EmployeeDirectoryTests.employee("A", "12")], [try seen("12"), try seen("0012", at: "T2")])
        #expect(preview.findings.isEmpty)
        #expect(!preview.needsWork)
    }

    @Test func `an unknown id is one finding over all terminals, with the namesake as a hint`() throws {
        let preview = preview(
            [EmployeeDirectoryTests.employee("A", nil)],
            [
                try seen("9", name: "person a", punches: 3),
                try seen("9", name: "person a", at: "T2", punches: 4),
            ])
        let finding = try #require(preview.findings.first)
        #expect(finding.kind == .unknownID)
        #expect(finding.terminals.map(\.text) == ["T1", "T2"])
        #expect(finding.punches == 7)
        #expect(finding.lastPunch?.components.minute == 4)
        #expect(finding.remedy.contains("employees map 9 A"))
        #expect(preview.findings.map(\.kind) == [.unknownID, .employeeWithoutID])
        #expect(preview.needsWork)
    }

    @Test func `employees without an id are told and are nobody's mistake`() {
        let preview = preview(
            [
                EmployeeDirectoryTests.employee("A", nil),
                EmployeeDirectoryTests.employee("B", nil, status: "Left"),
            ], [])
        #expect(preview.findings.map(\.employees) == [["A"]])
        #expect(!preview.needsWork)
    }

    @Test func `inactive people who punch, ids of several, mappings to nobody and duplicates are found`()
        throws
    {
        let mapping = EmployeeMapping(space: "plant", enrollID: try #require(EnrollID("5")), employee: "GONE")
        let preview = preview(
            [
                EmployeeDirectoryTests.employee("A", "1", status: "Inactive"),
                EmployeeDirectoryTests.employee("B", "12"), EmployeeDirectoryTests.employee("C", "0012"),
            ], [try seen("1"), try seen("012")], mappings: [mapping])
        #expect(
            preview.findings.map(\.kind) == [
                .severalEmployees, .inactiveEmployee, .mappingToNobody, .duplicateID,
            ])
        #expect(preview.findings[0].employees == ["B", "C"])
        #expect(preview.findings[2].employees == ["GONE"])
        #expect(preview.findings[3].employees == ["B", "C"])
    }

    @Test func `one number in two id spaces is two people`() throws {
        let preview = preview(
            [EmployeeDirectoryTests.employee("A", "1")], [try seen("1"), try seen("1", at: "P1")],
            space: { $0.text == "P1" ? IDSpace(name: "plant", field: "plant_id") : IDSpace(field: field) })
        #expect(preview.findings.map(\.space) == ["plant"])
        #expect(preview.findings.first?.remedy.contains("--group plant") == true)
    }
}
