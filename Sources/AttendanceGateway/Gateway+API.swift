import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Synchronization

/// What the API asks of the gateway's parts beside what the console asks of them too.
extension Gateway {
    var apiOperations: APIOperations {
        APIOperations(
            corrections: { [store, terminalsInForce] all, after, limit in
                var place: CaseID?
                if let after {
                    guard let named = CaseID(place: after) else {
                        throw CorrectionRefusal(text: "“\(PlainText.line(after, limit: 40))” is no case")
                    }
                    place = named
                }
                let page = try await CorrectionDesk(terminals: terminalsInForce.now).page(
                    in: store, all: all, after: place, limit: limit)
                return (page.cases.map { CorrectionCase($0) }, page.next?.description)
            },
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
                        mapping, employee: people.directory.employee(named: mapping.employee), isFromFile: isFile)
                }
            },
            settings: { [shownSettings] in shownSettings.now })
    }

    /// What the settings are to be shown as, from now on.
    package func show(_ loaded: LoadedSettings) { shownSettings.take(loaded) }
}

/// Every setting in force as it may be shown: without its secrets.
final class ShownSettings: Sendable {
    private let value = Mutex<[SettingReport]>([])

    var now: [SettingReport] { value.withLock { $0 } }

    func take(_ loaded: LoadedSettings) {
        let reports = loaded.values.map { SettingReport($0) }
        value.withLock { $0 = reports }
    }
}

extension SettingReport {
    init(_ setting: EffectiveSetting) {
        self.init(
            section: setting.row.section.rawValue + (setting.name.map { " \($0)" } ?? ""), key: setting.row.name,
            value: setting.text.isEmpty ? "" : setting.shown, origin: setting.place.description,
            isSecret: setting.row.isSecret, isDefault: setting.place == .standard,
            takesEffectAtReload: setting.takesEffectAtReload, help: setting.row.help)
    }
}

extension CorrectionCase {
    init(_ open: CorrectionDesk.Case) {
        self.init(
            id: open.id.description, terminal: open.terminal.text, person: open.enrollID?.sent, name: open.name,
            sent: open.sent, received: open.received.iso8601, proposed: open.proposal?.time.description,
            basis: open.proposal?.basis, decision: open.decision)
    }
}

extension CaseID {
    /// As a place in the list, where 0 is before the first.
    init?(place: String) {
        if place == "R0" { self = .record(0) } else { self.init(place) }
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
