import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// Whether the people of the terminals are employees of the site.
extension SiteChecks {
    // MARK: People

    /// Read at most; beyond, the rest is not looked at.
    private static let maximumEmployees = 20_000

    private var keyFields: [String] {
        let own =
            settings.terminals.groups.compactMap(\.traits.employeeField)
            + settings.terminals.overrides.values.compactMap(\.traits.employeeField)
            + [settings.terminals.traits.employeeField].compactMap(\.self)
        return Array(Set(own + [site.employeeField])).sorted()
    }

    func employees(_ reader: SiteReader, _ title: String) async -> [CheckResult] {
        var all: [Employee] = []
        var shown: Set<String> = []
        var after: String?
        repeat {
            let answer = await reader.employees(keyFields: keyFields, after: after)
            guard let page = answer.value else { return [unread(answer, title)] }
            all += page.employees
            shown.formUnion(page.shownFields)
            after = page.next
        } while after != nil && all.count < Self.maximumEmployees
        if all.isEmpty {
            return [
                .warning(
                    title, "the API user sees no employee",
                    "make employees, or take User Permissions (Employee, Company) away from the API user")
            ]
        }
        await found.keep(employees: all)
        let hidden = keyFields.filter { !shown.contains($0) }
        if !hidden.isEmpty {
            return [
                .failure(
                    title, "the API user does not see the field \(Spoken.some(hidden)) of Employee",
                    "look at EmployeeField, and at the permission level of that field")
            ]
        }
        let active = all.filter { $0.status == "Active" }
        let keyed = active.filter { employee in keyFields.contains { employee.keys[$0] != nil } }
        let seen =
            "\(Spoken.count(all.count, "employee")), \(active.count) active, \(keyed.count) of them with "
            + keyFields.joined(separator: " or ")
        if keyed.isEmpty {
            return [
                .warning(
                    title, seen,
                    "give employees the number they have on the terminals (\(site.employeeField)), or map them "
                        + "(employees map)")
            ]
        }
        var results: [CheckResult] = [.ok(title, seen)]
        for field in keyFields {
            let held = Dictionary(grouping: all.filter { $0.keys[field] != nil }) {
                ($0.keys[field] ?? "").lowercased()
            }
            let doubled = held.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
            if !doubled.isEmpty {
                results.append(
                    .warning(
                        title,
                        "\(field) is held by several: "
                            + Spoken.some(
                                doubled.map {
                                    "\($0.key) (\($0.value.map(\.name).joined(separator: " "))" + ")"
                                }),
                        "give each employee an id of its own: punches with these wait as dead letters"))
            }
        }
        return results
    }

    private func unread(_ answer: SiteAnswer<EmployeePage>, _ title: String) -> CheckResult {
        let reason = answer.problem?.reason ?? "no answer"
        if case .missing = answer {
            return .failure(
                title, "Employee has no field \(keyFields.joined(separator: " or ")) (\(reason))",
                "correct EmployeeField, or make the custom field on Employee")
        }
        let remedy = answer.problem?.remedy ?? "look at the site's Error Log"
        // HRMS's own method looks people up by itself, without a right to read them.
        return site.employeeSync == nil
            ? .warning(title, "\(reason); punches are delivered all the same", remedy)
            : .failure(title, reason, remedy)
    }

    /// How far back people are looked for.
    private static let lately: Int64 = 30 * 86_400

    func ids(_ title: String) async -> [CheckResult] {
        guard let employees = await found.employees else {
            return [.skipped(title, "the site's employees were not read")]
        }
        guard let reader = journal.open else {
            return [.skipped(title, "there is no journal that can be read")]
        }
        let people: [SeenPerson]
        let mappings: [EmployeeMapping]
        do {
            people = try await reader.seenPeople(
                from: WallTime(seconds: now.seconds - Self.lately), limit: 50_000)
            mappings = try await reader.mappings(of: site.name)
        } catch {
            return [.skipped(title, error.localizedDescription)]
        }
        let directory = EmployeeDirectory(
            employees: employees, mappings: mappings,
            leadingZeros: site.leadingZeros == .exact ? .exact : .ignored)
        var unknown: [String] = []
        var several: [String] = []
        var inactive: [String] = []
        for person in people where settings.terminals.sinks(of: person.terminal).contains(site.name) {
            let label = "\(person.enrollID.sent)\(person.name.map { " \($0)" } ?? "") at \(person.terminal)"
            switch resolve(person, in: directory) {
            case .employee(let employee):
                if !employee.takesCheckins { inactive.append("\(label) (\(employee.name))") }
            case .several: several.append(label)
            case .unknown: unknown.append(label)
            }
        }
        var results: [CheckResult] = []
        if !unknown.isEmpty {
            results.append(
                .warning(
                    title, "no employee for \(Spoken.some(unknown))",
                    "set \(site.employeeField) of the employee to exactly that id, or map it; the punches go then by "
                        + "themselves"))
        }
        if !several.isEmpty {
            results.append(
                .warning(
                    title, "several employees for \(Spoken.some(several))",
                    "give each an id of its own, or map it"))
        }
        if !inactive.isEmpty {
            results.append(
                .warning(
                    title, "inactive employees punch: \(Spoken.some(inactive))",
                    "ERPNext refuses them; set them Active, or take them out of the terminals"))
        }
        if results.isEmpty {
            results.append(
                people.isEmpty
                    ? .skipped(title, "nobody has punched in the last 30 days")
                    : .ok(
                        title,
                        "all \(Spoken.count(people.count, "id")) of the last 30 days have their employee"))
        }
        return results
    }

    private func resolve(_ person: SeenPerson, in directory: EmployeeDirectory)
        -> EmployeeDirectory.Resolution
    {
        let group = settings.terminals.group(of: person.terminal)
        return directory.resolve(
            key: site.personID == .alias ? person.alias ?? person.enrollID.sent : person.enrollID.sent,
            enrollID: person.enrollID,
            field: settings.terminals.employeeField(of: person.terminal) ?? site.employeeField,
            space: group?.traits.employeeField == nil ? "" : group?.name ?? "")
    }
}
