/// A set of terminals that share one numbering of people.
package struct IDSpace: Hashable, Sendable {
    /// Name of a group of terminals, as mappings write it; empty for terminals without a group.
    package var name: String
    /// The Employee column their ids are looked up in.
    package var field: String

    package init(name: String = "", field: String) {
        self.name = name
        self.field = field
    }
}

/// Who is who on one site: from the key a terminal sends to an Employee.
///
/// The rule, in this order:
/// 1. an operator's mapping for this id space (letter case apart), else one for all of them (`""`): that employee,
///    whatever the key fields say; ids are compared without leading zeros, as they are told apart on a terminal;
/// 2. the employee whose key field equals what was sent, compared as ERPNext compares: upper and lower case alike,
///    blanks at the end ignored;
/// 3. with `LeadingZeros.ignored`, where both are decimal digits: equal without leading zeros.
/// Several employees at one step are no answer: then nobody is guessed.
package struct EmployeeDirectory: Sendable {
    package enum LeadingZeros: Hashable, Sendable {
        /// "0012" and "12" are two people, as in ERPNext itself.
        case exact
        /// "0012" finds "12" where no employee is "0012".
        case ignored
    }

    package enum Resolution: Hashable, Sendable {
        case employee(Employee)
        /// Document names, sorted.
        case several([String])
        /// No employee has this id, or the mapping names one that is not there (its name is in `mapped`).
        case unknown(mapped: String?)
    }

    private struct Key: Hashable {
        var space: String
        var id: String
    }

    private let employees: [String: Employee]
    private let zeros: LeadingZeros
    private let mapped: [Key: String]
    /// By field, then by the compared form.
    private let exact: [String: [String: [String]]]
    private let withoutZeros: [String: [String: [String]]]

    /// Later mappings win over earlier ones.
    package init(
        employees: [Employee], mappings: [EmployeeMapping] = [], leadingZeros: LeadingZeros = .ignored
    ) {
        self.employees = Dictionary(employees.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        zeros = leadingZeros
        mapped = Dictionary(
            mappings.map { mapping in
                let id = mapping.enrollID.canonical.lowercased()
                return (Key(space: mapping.space.lowercased(), id: id), mapping.employee)
            },
            uniquingKeysWith: { $1 })
        var exact: [String: [String: [String]]] = [:]
        var withoutZeros: [String: [String: [String]]] = [:]
        for employee in employees {
            for (field, value) in employee.keys where field != Employee.relievingDateField {
                let form = Self.comparable(value)
                guard !form.isEmpty else { continue }
                exact[field, default: [:]][form, default: []].append(employee.name)
                if let digits = Self.digits(form) {
                    withoutZeros[field, default: [:]][digits, default: []].append(employee.name)
                }
            }
        }
        self.exact = exact
        self.withoutZeros = withoutZeros
    }

    package var count: Int { employees.count }
    package var all: [Employee] { employees.values.sorted { $0.name < $1.name } }
    package func employee(named name: String) -> Employee? { employees[name] }

    /// - Parameters:
    ///   - key: what would be sent: the enroll id as the terminal sent it, or the alias.
    ///   - enrollID: what mappings go by.
    ///   - field: the Employee column the key is looked up in.
    ///   - space: the id space, the name of a group of terminals, or "".
    package func resolve(key: String, enrollID: EnrollID, field: String, space: String) -> Resolution {
        let id = enrollID.canonical.lowercased()
        if let name = mapped[Key(space: space.lowercased(), id: id)] ?? mapped[Key(space: "", id: id)] {
            return employees[name].map { .employee($0) } ?? .unknown(mapped: name)
        }
        let form = Self.comparable(key)
        var names = exact[field]?[form] ?? []
        if names.isEmpty, zeros == .ignored, let digits = Self.digits(form) {
            names = withoutZeros[field]?[digits] ?? []
        }
        switch names.count {
        case 0: return .unknown(mapped: nil)
        case 1: return employees[names[0]].map { .employee($0) } ?? .unknown(mapped: nil)
        default: return .several(names.sorted())
        }
    }

    /// Ids of several employees, by field and id; with `LeadingZeros.ignored` also those that differ in leading zeros
    /// alone, since an id with another number of zeros then fits both.
    package var duplicates: [Duplicate] {
        let ids = zeros == .ignored ? exact.merging(withoutZeros) { $0.merging($1) { $0 + $1 } } : exact
        var found: Set<Duplicate> = []
        for (field, people) in ids {
            for names in people.values where Set(names).count > 1 {
                let employees = Set(names).sorted()
                let id = employees.first.flatMap { self.employees[$0]?.keys[field] } ?? ""
                found.insert(Duplicate(field: field, id: id, employees: employees))
            }
        }
        return found.sorted { ($0.field, $0.id, $0.employees[0]) < ($1.field, $1.id, $1.employees[0]) }
    }

    /// As MariaDB's usual collation compares: case apart, blanks at the end apart.
    private static func comparable(_ text: String) -> String {
        var text = text[...]
        while text.last == " " { text.removeLast() }
        return text.lowercased()
    }

    /// Decimal digits without leading zeros; nil for anything else.
    private static func digits(_ text: String) -> String? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        let digits = text.drop { $0 == "0" }
        return digits.isEmpty ? "0" : String(digits)
    }
}
