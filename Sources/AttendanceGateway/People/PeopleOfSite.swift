import AttendanceCore
import AttendanceStore
import AttendanceWeb

/// Who is who on one site as the journal and the settings say, without asking the site: for the command line.
struct PeopleOfSite {
    let site: Settings.ERP
    let terminals: Settings.Terminals
    let employees: [Employee]
    /// Of the file, then of the journal: the later ones win.
    let mappings: [EmployeeMapping]
    /// How many of `mappings` are the file's.
    let fromFile: Int
    let directory: EmployeeDirectory

    init(_ site: Settings.ERP, settings: Settings, journal: any JournalReading) async throws {
        self.site = site
        terminals = try await settings.terminals.withRegistry(of: journal)
        var employees: [Employee] = []
        while true {
            let page = try await journal.employees(
                of: site.name, after: employees.last?.name ?? "", limit: 1000)
            if page.isEmpty { break }
            employees += page
        }
        self.employees = employees
        fromFile = site.mappings.count
        mappings = site.mappings + (try await journal.mappings(of: site.name))
        directory = EmployeeDirectory(
            employees: employees, mappings: mappings, leadingZeros: site.zeros)
    }

    /// Mappings that hold: without those of the file that a command has replaced.
    var mappingsInForce: [(mapping: EmployeeMapping, isFile: Bool)] {
        struct Key: Hashable {
            var space: String
            var id: String
        }
        var found: [Key: Int] = [:]
        for (index, mapping) in mappings.enumerated() {
            found[Key(space: mapping.space.lowercased(), id: mapping.enrollID.canonical.lowercased())] = index
        }
        return found.values.sorted().map { (mappings[$0], $0 < fromFile) }
    }

    /// Whom the terminal's person is taken for; nil where nobody is known.
    func employee(_ enrollID: EnrollID, alias: String?, at terminal: SerialNumber) -> Employee? {
        let space = terminals.idSpace(of: terminal, at: site)
        let resolution = directory.resolve(
            key: site.personKey.key(enrollID, alias: alias), enrollID: enrollID, field: space.field,
            space: space.name)
        if case .employee(let employee) = resolution { return employee }
        return nil
    }

    /// People of one terminal, of which at most so many are looked at.
    static let maximumSeen = 500_000

    /// Where the punches of so many days do not fit the employees, and who was seen.
    func check(
        days: Int, fields: [String], journal: any JournalReading, at now: UnixTime
    ) async throws -> EmployeeCheck {
        let start = WallTime(seconds: now.seconds - Int64(days) * 86_400)
        let seen = try await journal.seenPeople(from: start, limit: Self.maximumSeen)
        // Punches of terminals that do not send to this site are none of its business.
        let relevant = seen.filter {
            terminals.isServed($0.terminal) && terminals.sinks(of: $0.terminal).contains(site.name)
        }
        return EmployeeCheck(
            employees: employees.count, ids: Set(relevant.map(\.enrollID)).count,
            preview: preview(of: relevant, fields: fields), mappings: mappingsInForce,
            isCut: seen.count == Self.maximumSeen)
    }

    func preview(of seen: [SeenPerson], fields: [String]) -> EmployeePreview {
        EmployeePreview(
            directory: directory, seen: seen, mappings: mappingsInForce.map(\.mapping), fields: Set(fields),
            space: { terminals.idSpace(of: $0, at: site) },
            key: { site.personKey.key($0.enrollID, alias: $0.alias) })
    }
}
