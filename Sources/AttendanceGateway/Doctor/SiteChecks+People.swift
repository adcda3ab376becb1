import AttendanceCore
import AttendanceDelivery
import AttendanceStore

/// Whether the people of the terminals are employees of the site.
extension SiteChecks {
    // MARK: People

    /// Read at most; beyond, the rest is not looked at.
    private static let maximumEmployees = 20_000

    private var keyFields: [String] { settings.keyFields(of: site) }

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
        return [.ok(title, seen)]
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
        let terminals: Settings.Terminals
        let mappings: [EmployeeMapping]
        do {
            terminals = try await settings.terminals.withRegistry(of: reader)
            people = try await reader.seenPeople(
                from: WallTime(seconds: now.seconds - Self.lately), limit: 50_000)
            mappings = site.mappings + (try await reader.mappings(of: site.name))
        } catch {
            return [.skipped(title, error.localizedDescription)]
        }
        let preview = EmployeePreview(
            directory: EmployeeDirectory(
                employees: employees, mappings: mappings, leadingZeros: site.zeros),
            seen: people.filter {
                terminals.isServed($0.terminal) && terminals.sinks(of: $0.terminal).contains(site.name)
            },
            mappings: mappings, fields: Set(keyFields),
            space: { terminals.idSpace(of: $0, at: site) },
            key: { site.personKey.key($0.enrollID, alias: $0.alias) })
        let groups = Dictionary(grouping: preview.findings.filter(\.kind.needsWork), by: \.kind)
        let results = EmployeePreview.Kind.allCases.compactMap { kind in
            groups[kind].map { result(title, kind, $0) }
        }
        if !results.isEmpty { return results }
        return [
            people.isEmpty
                ? .skipped(title, "nobody has punched in the last 30 days")
                : .ok(
                    title, "all \(Spoken.count(people.count, "id")) of the last 30 days have their employee")
        ]
    }

    private func result(
        _ title: String, _ kind: EmployeePreview.Kind, _ findings: [EmployeePreview.Finding]
    ) -> CheckResult {
        let labels = Spoken.some(
            findings.map { finding in
                let employees =
                    finding.employees.isEmpty ? nil : "(\(finding.employees.joined(separator: " ")))"
                return [finding.id, finding.name, employees].compactMap(\.self).joined(separator: " ")
            })
        let words =
            switch kind {
            case .unknownID: "no employee for \(labels)"
            case .severalEmployees: "several employees for \(labels)"
            case .inactiveEmployee: "inactive employees punch: \(labels)"
            case .mappingToNobody: "mapped to employees that are not there: \(labels)"
            case .duplicateID: "one id, several employees: \(labels)"
            case .employeeWithoutID: "employees without an id: \(labels)"
            }
        return .warning(
            title, words,
            findings.count == 1 ? findings[0].remedy : "employees check tells what to do with each")
    }
}
