import AttendanceCore
import AttendanceStore
import AttendanceWeb

/// What the API asks of the gateway's parts beside what the console asks of them too.
extension Gateway {
    var apiOperations: APIOperations {
        APIOperations(
            employeeFindings: { [store, settings, now = surroundings.now] sink, days in
                guard let site = settings.sites.first(where: { $0.name == sink }) else { return nil }
                let people = try await PeopleOfSite(site, settings: settings, journal: store)
                guard !people.employees.isEmpty else { return [] }
                return try await people.check(
                    days: days, fields: settings.keyFields(of: site), journal: store, at: now()
                ).preview.findings.map { EmployeeFinding($0) }
            },
            mappings: { [store, settings] sink in
                guard let site = settings.sites.first(where: { $0.name == sink }) else { return nil }
                let people = try await PeopleOfSite(site, settings: settings, journal: store)
                return people.mappingsInForce.map { mapping, isFile in
                    MappingReport(
                        mapping, employee: people.directory.employee(named: mapping.employee),
                        isFromFile: isFile)
                }
            })
    }
}
