import AttendanceCore
import Testing

@Suite struct PeopleFileTests {
    static let now = UnixTime(seconds: 1_772_438_400)

    static func parse(_ text: String) throws(MappingFile.Failure) -> [PeopleFile.Entry] {
        try PeopleFile.parse(Array(text.utf8), spaces: ["", "Dubai"], at: now)
    }

    @Test func `a line needs no more than a number`() throws {
        let entries = try Self.parse(
            "# people\nid-space,enroll-id\n,0012\r\nDUBAI,12,Ben,Super-User,HR-2,7,0042\n")
        #expect(entries.map(\.line) == [3, 4])
        #expect(entries[0].person.key == PersonKey(enrollID: EnrollID("12")!) && entries[0].person.name == "")
        #expect(entries[1].person.key.space == "Dubai" && entries[1].person.role == .superUser)
        #expect(entries[1].contents.map(\.text) == ["7", "42"])
    }

    @Test(arguments: ["enroll-id,name\n1,Ada", "id-space,name,enroll-id\n,Ada,1", "name\nAda"])
    func `a header with other columns is told as such`(text: String) throws {
        let failure = #expect(throws: MappingFile.Failure.self) { try Self.parse(text) }
        let first = try #require(failure?.problems.first)
        #expect(
            first.line == 1 && first.problem.contains("header") && first.remedy.contains("id-space,enroll-id")
        )
    }

    @Test func `what is written is read again as it was`() throws {
        let person = Person(
            key: PersonKey(space: "Dubai", enrollID: EnrollID("0012")!), name: "Ada, \"the first\"",
            role: .administrator, employee: "HR-EMP-1", source: .file,
            validFrom: WallTime(year: 2026, month: 1, day: 1),
            validUntil: WallTime(year: 2027, month: 1, day: 1, hour: 8), changed: Self.now)
        let line = PeopleFile.cells(person).map { "\"" + $0.replacing("\"", with: "\"\"") + "\"" }
        #expect(try Self.parse(line.joined(separator: ",")).map(\.person) == [person])
        #expect(try Self.parse(",1,'=1+1").first?.person.name == "=1+1")
        #expect(try Self.parse(",1,'tHart").first?.person.name == "'tHart")
    }

    @Test func `every mistake is told with its line and without secrets`() throws {
        let failure = #expect(throws: MappingFile.Failure.self) {
            try Self.parse(
                """
                Paris,1
                ,E7
                ,99999999
                ,5,Ada,boss
                ,6,,,,98765432109
                ,8,,,,,123456789
                ,9,,,,,,soon
                ,10,,,,,,2026-02-02,2026-02-01
                ,11,"x
                ,12
                ,012
                """)
        }
        let problems = try #require(failure?.problems)
        #expect(problems.map(\.line) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11])
        #expect(!problems.contains { "\($0)".contains("98765432109") || "\($0)".contains("123456789") })
    }
}

@Suite struct EmployeeRosterTests {
    static let now = UnixTime(seconds: 0)

    static func employee(_ number: Int, id: String, status: String = "Active", relieved: String? = nil)
        -> Employee
    {
        var keys = ["attendance_device_id": id]
        keys[Employee.relievingDateField] = relieved
        return Employee(name: "HR-\(number)", fullName: "Person \(number)", status: status, keys: keys)
    }

    static func person(
        _ id: String, name: String, state: PersonState = .active, source: PersonSource = .erpnext
    )
        -> Person
    {
        Person(
            key: PersonKey(enrollID: EnrollID(id)!), name: name, state: state, employee: "HR-\(id)",
            source: source, changed: now)
    }

    static func roster(_ employees: [Employee], _ people: [Person]) -> EmployeeRoster {
        EmployeeRoster(
            employees: employees, field: "attendance_device_id", space: "", roster: people,
            today: "2026-03-02", givesNames: true, removesLeavers: true, at: now)
    }

    @Test func `new and renamed employees come in, names given by hand stay`() {
        let due = Self.roster(
            [Self.employee(1, id: "1"), Self.employee(2, id: "2"), Self.employee(3, id: "3")],
            [Self.person("2", name: "Old"), Self.person("3", name: "By hand", source: .file)])
        #expect(due.changed.map(\.name) == ["Person 1", "Person 2"] && due.leavers.isEmpty)
    }

    @Test func `who has left goes, unless another active employee has the number`() {
        let people = ["1", "2", "3", "4"].map { Self.person($0, name: "Person \($0)") }
        let due = Self.roster(
            [
                Self.employee(1, id: "1", status: "Left"),
                Self.employee(2, id: "2", relieved: "2026-03-01"),
                Self.employee(3, id: "3", relieved: "2026-03-02"),
                Self.employee(4, id: "4", status: "Left"), Self.employee(40, id: "4"),
                Self.employee(5, id: "5", status: "Left"),
            ], people)
        #expect(due.leavers.map(\.employee) == ["HR-1", "HR-2"])
        #expect(due.changed.map(\.employee) == ["HR-40"])
    }

    @Test func `nobody is guessed or brought back`() {
        let twins = [Self.employee(1, id: "7"), Self.employee(2, id: "7")]
        #expect(Self.roster(twins, []) == Self.roster([], []))
        let erased = Self.person("9", name: "", state: .gone)
        #expect(Self.roster([Self.employee(9, id: "9")], [erased]).changed.isEmpty)
        let other = Self.roster([Self.employee(10, id: "9")], [erased])
        #expect(other.changed.map(\.state) == [.active])
        #expect(Self.roster([], [Self.person("1", name: "Person 1")]).leavers.isEmpty)
    }
}
