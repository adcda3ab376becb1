/// Where the people of the terminals and the employees of a site do not fit together: what would become a dead letter,
/// before it does.
package struct EmployeePreview: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        /// An id of a terminal that is nobody's.
        case unknownID = "unknown-id"
        /// An id of a terminal that several employees have.
        case severalEmployees = "several-employees"
        /// Somebody punches whose check-ins the site refuses.
        case inactiveEmployee = "inactive-employee"
        /// A mapping that names nobody.
        case mappingToNobody = "mapping-to-nobody"
        /// Several employees have one id, whether anybody has punched with it or not.
        case duplicateID = "duplicate-id"
        /// An active employee without an id: nobody's mistake, where not everybody uses a terminal.
        case employeeWithoutID = "employee-without-id"

        /// Whether somebody has to do something.
        package var needsWork: Bool { self != .employeeWithoutID }
    }

    package struct Finding: Hashable, Sendable {
        package var kind: Kind
        /// The id space; empty where there is only one.
        package var space: String
        /// As a terminal sent it, or as an employee's field holds it.
        package var id: String?
        /// Document names.
        package var employees: [String]
        /// Of the person on the terminal, else of the employee.
        package var name: String?
        package var terminals: [SerialNumber]
        package var punches: Int
        package var lastPunch: WallTime?
        package var remedy: String
    }

    /// In the order of `Kind`, then of ids.
    package let findings: [Finding]
    package var needsWork: Bool { findings.contains { $0.kind.needsWork } }

    /// - `seen`: whom the terminals have seen lately.
    /// - `space`: of a terminal.
    /// - `key`: what is looked up for a person.
    /// - `mappings`: all of them, as the directory was made with.
    /// - `fields`: the key fields of all id spaces.
    package init(
        directory: EmployeeDirectory, seen: [SeenPerson], mappings: [EmployeeMapping], fields: Set<String>,
        space: (SerialNumber) -> IDSpace, key: (SeenPerson) -> String
    ) {
        var findings = Self.people(directory, seen, space, key)
        findings += mappings.filter { directory.employee(named: $0.employee) == nil }.map { mapping in
            Finding(
                kind: .mappingToNobody, space: mapping.space, id: mapping.enrollID.sent,
                employees: [mapping.employee],
                name: nil, terminals: [], punches: 0, lastPunch: nil,
                remedy: "map the id to an employee that exists, or remove the mapping")
        }
        findings += directory.duplicates.map { duplicate in
            Finding(
                kind: .duplicateID, space: "", id: duplicate.id, employees: duplicate.employees, name: nil,
                terminals: [], punches: 0, lastPunch: nil,
                remedy: "give each of them an id of their own in \(duplicate.field)")
        }
        let mapped = Set(mappings.map(\.employee))
        findings += directory.all.filter { employee in
            employee.status == "Active" && !mapped.contains(employee.name)
                && !fields.contains { employee.keys[$0]?.isEmpty == false }
        }.map { employee in
            Finding(
                kind: .employeeWithoutID, space: "", id: nil, employees: [employee.name],
                name: employee.fullName,
                terminals: [], punches: 0, lastPunch: nil, remedy: "set their id, if they use a terminal")
        }
        let order = Dictionary(uniqueKeysWithValues: Kind.allCases.enumerated().map { ($1, $0) })
        self.findings = findings.enumerated().sorted { a, b in
            (order[a.element.kind] ?? 0, a.offset) < (order[b.element.kind] ?? 0, b.offset)
        }.map(\.element)
    }

    private struct Person: Hashable {
        var space: IDSpace
        var id: String
        var key: String
    }

    /// One finding for each person of an id space, over all its terminals.
    private static func people(
        _ directory: EmployeeDirectory, _ seen: [SeenPerson], _ space: (SerialNumber) -> IDSpace,
        _ key: (SeenPerson) -> String
    ) -> [Finding] {
        var rows: [Person: [SeenPerson]] = [:]
        var order: [Person] = []
        for row in seen {
            let person = Person(space: space(row.terminal), id: row.enrollID.canonical, key: key(row))
            if rows[person] == nil { order.append(person) }
            rows[person, default: []].append(row)
        }
        // Only where a name fits is there a suggestion, so they are looked up once.
        var byName: [String: [Employee]] = [:]
        for employee in directory.all { byName[employee.fullName.lowercased(), default: []].append(employee) }
        return order.compactMap { person in
            guard let rows = rows[person], let newest = rows.max(by: { $0.lastPunch < $1.lastPunch }) else {
                return nil
            }
            let resolution = directory.resolve(
                key: person.key, enrollID: newest.enrollID, field: person.space.field,
                space: person.space.name)
            var finding = Finding(
                kind: .unknownID, space: person.space.name, id: person.key, employees: [], name: newest.name,
                terminals: rows.map(\.terminal), punches: rows.reduce(0) { $0 + $1.punches },
                lastPunch: newest.lastPunch, remedy: "")
            switch resolution {
            case .employee(let employee):
                guard !employee.takesCheckins else { return nil }
                finding.kind = .inactiveEmployee
                finding.employees = [employee.name]
                finding.name = finding.name ?? employee.fullName
                finding.remedy = "set the employee Active, or take the person off the terminals"
            case .several(let names):
                finding.kind = .severalEmployees
                finding.employees = names
                finding.remedy =
                    "leave the id with one of them, or map it: employees map \(person.key) EMPLOYEE"
            case .unknown(let mapped):
                finding.employees = mapped.map { [$0] } ?? []
                finding.remedy = remedy(person, newest.name.flatMap { byName[$0.lowercased()] } ?? [])
            }
            return finding
        }
    }

    private static func remedy(_ person: Person, _ namesakes: [Employee]) -> String {
        let group = person.space.name.isEmpty ? "" : " --group \(person.space.name)"
        if namesakes.count == 1 {
            return "\(namesakes[0].name) has this name: set \(person.space.field) there, or "
                + "employees map \(person.key) \(namesakes[0].name)\(group)"
        }
        return "set \(person.space.field) of the employee, or employees map \(person.key) EMPLOYEE\(group)"
    }
}

extension EmployeeDirectory {
    /// Several employees who share an id in one key field.
    package struct Duplicate: Hashable, Sendable {
        package var field: String
        /// As the first of them has it.
        package var id: String
        package var employees: [String]
    }
}
