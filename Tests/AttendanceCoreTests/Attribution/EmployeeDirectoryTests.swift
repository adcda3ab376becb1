import AttendanceCore
import Testing

@Suite struct EmployeeDirectoryTests {
    static let field = "attendance_device_id"

    static func employee(_ name: String, _ id: String?, status: String = "Active", field: String = field)
        -> Employee
    {
        Employee(
            name: name, fullName: "Person \(name)", status: status, modified: "2026-11-22 08:00:00.000000",
            keys: id.map { [field: $0] } ?? [:])
    }

    static func resolve(
        _ directory: EmployeeDirectory, _ id: String, space: String = "", field: String = field
    ) throws -> EmployeeDirectory.Resolution {
        directory.resolve(key: id, enrollID: try #require(EnrollID(id)), field: field, space: space)
    }

    struct ZeroCase: Sendable {
        var ids: [String]
        var sent: String
        /// Index of the employee; nil: nobody; -1: several.
        var ignored: Int?
        var exact: Int?
    }

    @Test(arguments: [
        ZeroCase(ids: ["12"], sent: "12", ignored: 0, exact: 0),
        ZeroCase(ids: ["0012"], sent: "12", ignored: 0, exact: nil),
        ZeroCase(ids: ["12"], sent: "0012", ignored: 0, exact: nil),
        ZeroCase(ids: ["12", "0012"], sent: "12", ignored: 0, exact: 0),
        ZeroCase(ids: ["12", "0012"], sent: "0012", ignored: 1, exact: 1),
        ZeroCase(ids: ["12", "0012"], sent: "012", ignored: -1, exact: nil),
        ZeroCase(ids: ["12A"], sent: "12a", ignored: 0, exact: 0),
        ZeroCase(ids: ["0012A"], sent: "12A", ignored: nil, exact: nil),
        ZeroCase(ids: ["12  "], sent: "12", ignored: 0, exact: 0),
        ZeroCase(ids: [" 12"], sent: "12", ignored: nil, exact: nil),
        ZeroCase(ids: ["000"], sent: "00", ignored: 0, exact: nil),
        ZeroCase(ids: ["12", "12"], sent: "12", ignored: -1, exact: -1),
        ZeroCase(ids: ["120"], sent: "12", ignored: nil, exact: nil),
        ZeroCase(ids: ["Ä1"], sent: "ä1", ignored: 0, exact: 0),
    ])
    func `an exact match comes first, then one without leading zeros, and several are none`(_ row: ZeroCase)
        throws
    {
        let employees = row.ids.enumerated().map { Self.employee("E\($0)", $1) }
        for (zeros, wanted) in [(EmployeeDirectory.LeadingZeros.ignored, row.ignored), (.exact, row.exact)] {
            let directory = EmployeeDirectory(employees: employees, leadingZeros: zeros)
            let resolution = try Self.resolve(directory, row.sent)
            switch wanted {
            case nil: #expect(resolution == .unknown(mapped: nil))
            case .some(-1): #expect(resolution == .several(employees.map(\.name)))
            case .some(let index): #expect(resolution == .employee(employees[index]))
            }
        }
    }

    @Test func `a mapping of the id space beats one for all, which beats the key field`() throws {
        let employees = ["A", "B", "C"].map { Self.employee($0, $0 == "A" ? "7" : nil) }
        let directory = EmployeeDirectory(
            employees: employees,
            mappings: [
                .init(enrollID: try #require(EnrollID("7")), employee: "B"),
                .init(space: "Plant", enrollID: try #require(EnrollID("007")), employee: "C"),
            ])
        #expect(try Self.resolve(directory, "7") == .employee(employees[1]))
        #expect(try Self.resolve(directory, "0007", space: "Office") == .employee(employees[1]))
        #expect(try Self.resolve(directory, "7", space: "plant") == .employee(employees[2]))
    }

    @Test func `a mapping to somebody who is not there finds nobody, not the key field`() throws {
        let directory = EmployeeDirectory(
            employees: [Self.employee("A", "7")],
            mappings: [.init(enrollID: try #require(EnrollID("7")), employee: "GONE")])
        #expect(try Self.resolve(directory, "7") == .unknown(mapped: "GONE"))
    }

    @Test func `each id space has its own field`() throws {
        let employees = [
            Self.employee("A", "7"), Self.employee("B", "7", field: "plant_id"),
        ]
        let directory = EmployeeDirectory(employees: employees)
        #expect(try Self.resolve(directory, "7") == .employee(employees[0]))
        #expect(try Self.resolve(directory, "7", field: "plant_id") == .employee(employees[1]))
        #expect(try Self.resolve(directory, "7", field: "nothing") == .unknown(mapped: nil))
    }

    @Test func `ids of several employees are named, those that differ in zeros only where zeros are ignored`()
    {
        let employees = [
            Self.employee("A", "12"), Self.employee("B", "0012"), Self.employee("C", "x"),
            Self.employee("D", "X"),
            Self.employee("E", "5"),
        ]
        let ignoring = EmployeeDirectory(employees: employees).duplicates
        #expect(ignoring.map(\.employees) == [["A", "B"], ["C", "D"]])
        let exact = EmployeeDirectory(employees: employees, leadingZeros: .exact).duplicates
        #expect(exact.map(\.employees) == [["C", "D"]])
    }
}
