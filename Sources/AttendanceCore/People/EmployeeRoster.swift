/// What a site's employees ask of the roster of one id space: names for those who are new, and goodbye to those who
/// have left. Computed from both and from nothing else.
package struct EmployeeRoster: Hashable, Sendable {
    /// New people, and those whose name or employee has changed.
    package private(set) var changed: [Person] = []
    /// Who has left, with the employee's document name.
    package private(set) var leavers: [Leaver] = []

    package struct Leaver: Hashable, Sendable {
        package var person: PersonKey
        package var employee: String

        package init(person: PersonKey, employee: String) {
            self.person = person
            self.employee = employee
        }
    }

    /// - `today`: date of the site, `YYYY-MM-DD`.
    /// - `givesNames`: whether active employees are brought into the roster.
    package init(
        employees: [Employee], field: String, space: String, roster: [Person], today: String,
        givesNames: Bool, removesLeavers: Bool, at now: UnixTime
    ) {
        var byID: [EnrollID: [Employee]] = [:]
        for employee in employees {
            guard let id = employee.keys[field].flatMap({ EnrollID($0) }), !id.isDoor, !id.isStranger else {
                continue
            }
            byID[id, default: []].append(employee)
        }
        let people = Dictionary(roster.map { ($0.key.enrollID, $0) }, uniquingKeysWith: { $1 })
        for (id, several) in byID.sorted(by: { $0.key.canonical < $1.key.canonical }) {
            let here = several.filter { !$0.hasLeft(on: today) }
            let known = people[id]
            if let employee = here.first {
                // Two active employees of one id: whose it is nobody can tell.
                guard givesNames, here.count == 1, employee.status == "Active" else { continue }
                provide(employee, PersonKey(space: space, enrollID: id), known, now)
            } else if removesLeavers, let known, known.state == .active, let last = several.first {
                leavers.append(Leaver(person: known.key, employee: last.name))
            }
        }
    }

    private mutating func provide(_ employee: Employee, _ key: PersonKey, _ known: Person?, _ now: UnixTime) {
        let name = Person.usableName(employee.fullName)
        guard var person = known else {
            changed.append(
                Person(
                    key: key, name: name, employee: employee.name, source: .erpnext, changed: now))
            return
        }
        // Erased by somebody: an employee who is active all the same comes back only by another employee or by hand.
        if person.state == .gone {
            guard let former = person.employee, former != employee.name else { return }
            person = Person(key: key, name: "", source: .erpnext, changed: now)
        }
        let isTheirs = person.source == .erpnext || person.name.isEmpty
        if (isTheirs && person.name != name) || person.employee != employee.name {
            if isTheirs { person.name = name }
            person.employee = employee.name
            person.changed = now
            changed.append(person)
        }
    }
}

extension Employee {
    /// Column that tells the last day; read only where leavers are removed.
    package static let relievingDateField = "relieving_date"

    /// By status, or by a relieving date before `today` (`YYYY-MM-DD`).
    package func hasLeft(on today: String) -> Bool {
        if status == "Left" { return true }
        guard let day = keys[Self.relievingDateField], day.utf8.count == 10 else { return false }
        return day < today
    }
}
