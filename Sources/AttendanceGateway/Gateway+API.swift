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
                return try await people.findings(
                    in: store, days: days, fields: settings.keyFields(of: site),
                    now: now()
                ).map { EmployeeFinding($0) }
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

extension PeopleOfSite {
    /// People of one terminal, of which at most so many are looked at.
    private static let maximumSeen = 500_000

    /// Where terminals that send to this site, and its employees, do not fit together.
    func findings(in journal: any JournalReading, days: Int, fields: [String], now: UnixTime) async throws
        -> [EmployeePreview.Finding]
    {
        guard !employees.isEmpty else { return [] }
        let start = WallTime(seconds: now.seconds - Int64(days) * 86_400)
        let seen = try await journal.seenPeople(from: start, limit: Self.maximumSeen)
        let relevant = seen.filter {
            terminals.isServed($0.terminal) && terminals.sinks(of: $0.terminal).contains(site.name)
        }
        return preview(of: relevant, fields: fields).findings
    }
}
