import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb

/// What is told of terminals and people beside the orders of the other desks.
extension Gateway {
    var fieldDesk: FieldDesk {
        let directories = sinks.people.directories
        return FieldDesk(
            settled: { [terminalsInForce] in terminalsInForce.file.settled($0) },
            groups: { [terminalsInForce] in terminalsInForce.file.groups.map(\.name) },
            space: { [terminalsInForce] in terminalsInForce.now.idSpace(of: $0) },
            spaces: { [terminalsInForce] in terminalsInForce.file.spaceNames.sorted() },
            collects: { [roster] in roster.collects },
            traffic: trafficDesk,
            check: { [settings, terminalsInForce, store, now = surroundings.now] sink, days in
                var settings = settings
                settings.terminals = terminalsInForce.now
                guard let site = settings.sites.first(where: { $0.name == sink }) else { return nil }
                let people = try await PeopleOfSite(site, settings: settings, journal: store)
                return try await people.check(
                    days: days, fields: settings.keyFields(of: site), journal: store, at: now())
            },
            employee: { sink, name in directories[sink]?.now.employees.employee(named: name) },
            activity: { [commands, roster, tap = terminals.tap] in
                [.commands: commands.ended, .people: roster.kept, .traffic: tap.seen]
            })
    }

    private var trafficDesk: TrafficDesk {
        TrafficDesk(
            watch: { [tap = terminals.tap, now = surroundings.now] in tap.watch($0, at: now()) },
            stop: { [tap = terminals.tap] in tap.stop($0) },
            report: { [tap = terminals.tap, now = surroundings.now] serial in
                tap.frames(of: serial, at: now()).map { until, frames in
                    TrafficReport(
                        until: until,
                        frames: frames.map {
                            .init(
                                number: $0.number, at: $0.at, isFromTerminal: $0.isFromTerminal,
                                text: $0.text, bytes: $0.bytes)
                        })
                }
            })
    }
}

extension Settings.Terminals {
    /// What the file itself says of a terminal: the registry cannot change it.
    func settled(_ serial: SerialNumber) -> SettledFields {
        var values: [TerminalField: String] = [:]
        let own = overrides[serial]
        values[.name] = own?.name
        values[.group] = own?.group?.name ?? (own?.standsAlone == true ? "" : nil)
        values[.zone] = own?.timeZone
        return SettledFields(
            section: "[Terminal \(serial)]", values: values, hasToken: own?.token != nil)
    }
}
