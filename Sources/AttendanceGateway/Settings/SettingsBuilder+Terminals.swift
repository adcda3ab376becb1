import AttendanceCore
import Foundation

extension SettingsBuilder {
    mutating func terminals(sinks: [SinkName]) -> Settings.Terminals {
        let profiles = profiles()
        var traits = traits(SettingsTable.terminalsTraits, name: nil, sinks: sinks, profiles: profiles)
        if traits.sinks == nil { traits.sinks = Set(sinks) }
        checkHours(traits, inherited: [], SettingsTable.terminalsTraits, name: nil)
        var groups: [Settings.Terminals.Group] = []
        for name in names(of: .group) {
            if name.lowercased() == "none" {
                report(
                    .mistake, section: .group, name: name, "the name none means no group",
                    "Give the group another name")
            }
            let group = Settings.Terminals.Group(
                name: name, timeZone: value(SettingsTable.groupTimeZone, name: name),
                traits: self.traits(SettingsTable.groupTraits, name: name, sinks: sinks, profiles: profiles),
                sharesCredentials: value(SettingsTable.groupShareCredentials, name: name))
            checkHours(group.traits, inherited: [traits], SettingsTable.groupTraits, name: name)
            groups.append(group)
        }
        let zone = zone()
        var terminals = Settings.Terminals(
            timeZone: zone, sendsClock: value(SettingsTable.sendClock),
            asksForUsers: value(SettingsTable.sendUsers), keepsPhotos: value(SettingsTable.keepPhotos),
            earliestYear: value(SettingsTable.earliestYear),
            futureTolerance: value(SettingsTable.futureToleranceHours),
            clockLimit: value(SettingsTable.clockLimitSeconds), traits: traits, groups: groups,
            overrides: [:], unknown: value(SettingsTable.unknownTerminals),
            trustsUnregistered: value(SettingsTable.withoutRegistration),
            maximumPending: value(SettingsTable.maxPending),
            maximumPendingPerHour: value(SettingsTable.maxPendingPerHour),
            maximumPendingPunches: value(SettingsTable.maxPendingPunches))
        for name in names(of: .terminal) {
            guard let serial = SerialNumber(name) else {
                report(
                    .mistake, SettingsTable.terminalName.row, name: name,
                    "\(quoted(name)) is no serial number", "Write it as the terminal shows it")
                continue
            }
            let group = group(of: name, among: groups)
            let own = Settings.Terminals.Override(
                timeZone: value(SettingsTable.terminalTimeZone, name: name),
                name: value(SettingsTable.terminalName, name: name), group: group,
                traits: self.traits(
                    SettingsTable.terminalTraits, name: name, sinks: sinks, profiles: profiles),
                standsAlone: value(SettingsTable.terminalGroup, name: name)?.lowercased() == "none",
                token: secret(SettingsTable.terminalToken, name: name))
            checkHours(
                own.traits, inherited: [group?.traits, traits].compactMap(\.self),
                SettingsTable.terminalTraits, name: name)
            terminals.overrides[serial] = own
        }
        checkMembers(terminals)
        return terminals
    }

    private mutating func zone() -> String {
        let (own, found) = found(SettingsTable.timeZone)
        let zone = own ?? machineTimeZone
        let isMachines = found?.text.isEmpty ?? true
        if isMachines, ZoneRules(identifier: zone) == nil {
            report(
                .mistake, SettingsTable.timeZone.row,
                "the machine's own time zone \(quoted(zone)) is no IANA name",
                "Write the terminals' time zone, such as Asia/Kolkata")
            return "UTC"
        }
        if isMachines, ["UTC", "GMT", "Etc/UTC", "Etc/GMT"].contains(zone) {
            report(
                .warning, SettingsTable.timeZone.row,
                "no time zone is set and the machine runs in \(zone): terminals would be told that time",
                "Write the zone in which the terminals hang, such as Asia/Kolkata")
        }
        return zone
    }

    // MARK: Groups

    private mutating func group(
        of terminal: String, among groups: [Settings.Terminals.Group]
    ) -> Settings.Terminals.Group? {
        let setting = SettingsTable.terminalGroup
        guard let wanted = value(setting, name: terminal), wanted.lowercased() != "none" else { return nil }
        if let group = groups.first(where: { $0.name.lowercased() == wanted.lowercased() }) { return group }
        let near = Suggestion.nearest(to: wanted, among: groups.map(\.name))
        report(
            .mistake, setting.row, name: terminal, "there is no section [Group \(wanted)]",
            near.map { "Perhaps \($0) is meant" }
                ?? (groups.isEmpty
                    ? "Write such a section, or remove the line"
                    : "The groups are \(groups.map(\.name).joined(separator: ", "))"))
        return nil
    }

    /// Groups without terminals, and terminals that were probably forgotten when groups were made.
    private mutating func checkMembers(_ terminals: Settings.Terminals) {
        let row = SettingsTable.terminalGroup.row
        let isSound = !problems.contains { $0.severity == .mistake && $0.key?.hasSuffix("] Group") == true }
        guard !terminals.groups.isEmpty, isSound else { return }
        let members = Set(terminals.overrides.values.compactMap { $0.group?.name })
        for group in terminals.groups where !members.contains(group.name) {
            report(
                .warning, section: .group, name: group.name, "no terminal is in this group",
                "Write Group = \(group.name) into the [Terminal SERIAL] of each of its terminals, or put them into it with "
                    + "attendance-gateway terminals set-group")
        }
        for name in names(of: .terminal) where layers.find(row, name: name)?.text.isEmpty ?? true {
            report(
                .warning, section: .terminal, name: name, "the terminal is in no group",
                "Write Group = and the group's name, or Group = none if it stands alone")
        }
    }

    // MARK: Traits

    private mutating func traits(
        _ keys: SettingsTable.TraitKeys, name: String?, sinks: [SinkName], profiles: [Settings.Profile]
    ) -> Settings.Terminals.Traits {
        let list = value(keys.sinks, name: name)
        var traits = Settings.Terminals.Traits(
            sinks: list.flatMap { resolve($0, among: sinks, keys.sinks.row, name: name) },
            direction: value(keys.direction, name: name),
            directionHours: value(keys.directionHours, name: name),
            profile: profile(keys.profile, name: name, among: profiles),
            dayStart: value(keys.dayStart, name: name), shifts: value(keys.shifts, name: name))
        if let field = keys.employeeField { traits.employeeField = value(field, name: name) }
        traits.access = Settings.Terminals.Access(
            isAsked: value(keys.approval, name: name),
            allowsWhenUnsure: value(keys.whenUnsure, name: name),
            places: value(keys.accessFor, name: name), hours: value(keys.accessHours, name: name),
            welcome: value(keys.accessMessage, name: name), refusal: value(keys.refusalMessage, name: name))
        let latitude = value(keys.latitude, name: name)
        let longitude = value(keys.longitude, name: name)
        if let latitude, let longitude {
            traits.coordinates = Settings.Coordinates(latitude: latitude, longitude: longitude)
        } else if isSound(keys.latitude.row, name: name), isSound(keys.longitude.row, name: name) {
            if latitude != nil {
                report(
                    .mistake, keys.latitude.row, name: name, "Latitude is set and Longitude is not",
                    "Set both or neither")
            }
            if longitude != nil {
                report(
                    .mistake, keys.longitude.row, name: name, "Longitude is set and Latitude is not",
                    "Set both or neither")
            }
        }
        return traits
    }

    private mutating func resolve(
        _ list: Settings.SinkList, among sinks: [SinkName], _ row: SettingRow, name: String?
    ) -> Set<SinkName>? {
        switch list {
        case .everywhere: return Set(sinks)
        case .nowhere: return []
        case .these(let wanted):
            for sink in wanted.sorted() where !sinks.contains(sink) {
                if sink == .csv {
                    report(
                        .mistake, row, name: name, "csv is no sink that punches are routed to",
                        "Remove it: the CSV follows what becomes of punches ([CSV] Enabled switches it)")
                    continue
                }
                let near = Suggestion.nearest(to: sink.text, among: sinks.map(\.text))
                report(
                    .mistake, row, name: name, "there is no sink called \(sink)",
                    near.map { "Perhaps \($0) is meant" }
                        ?? "The sinks are \(sinks.map(\.text).joined(separator: ", "))")
            }
            return wanted
        }
    }

    /// Whether Direction = hours has hours to go by.
    private mutating func checkHours(
        _ own: Settings.Terminals.Traits, inherited: [Settings.Terminals.Traits],
        _ keys: SettingsTable.TraitKeys, name: String?
    ) {
        let all = [own] + inherited
        guard own.direction == .hours, isSound(keys.directionHours.row, name: name),
            !all.contains(where: { $0.directionHours != nil })
        else { return }
        report(
            .mistake, keys.direction.row, name: name, "Direction is hours and there are no DirectionHours",
            "Write DirectionHours, such as 04:00-12:00 in, 12:00-04:00 out")
    }

    // MARK: Profiles

    private static let builtInProfiles = [Settings.Profile.standard, .turnstile]

    private mutating func profiles() -> [Settings.Profile] {
        var profiles = Self.builtInProfiles
        for name in names(of: .profile) {
            if Self.builtInProfiles.contains(where: { $0.description == name.lowercased() }) {
                report(
                    .mistake, section: .profile, name: name, "the profile \(name.lowercased()) is built in",
                    "Give the section another name")
            }
            let incoming = value(SettingsTable.profileIn, name: name)
            let outgoing = value(SettingsTable.profileOut, name: name)
            let (rowIn, rowOut) = (SettingsTable.profileIn.row, SettingsTable.profileOut.row)
            if isSound(rowIn, name: name), isSound(rowOut, name: name) {
                if incoming == nil, outgoing == nil {
                    report(
                        .mistake, section: .profile, name: name, "the profile has no codes",
                        "Write In and Out, such as In = inout 0 and Out = inout 1")
                }
                let both = Self.codes(incoming).intersection(Self.codes(outgoing)).sorted()
                if !both.isEmpty {
                    report(
                        .mistake, rowOut, name: name, "\(both.joined(separator: ", ")) stands in In as well",
                        "Keep each code in one of the two")
                }
            }
            profiles.append(.table(name: name, incoming: incoming ?? "", outgoing: outgoing ?? ""))
        }
        return profiles
    }

    private static func codes(_ text: String?) -> Set<String> {
        // Each list was checked by itself, so it can be read.
        let table = try? CodeTable(incoming: text ?? "", outgoing: "")
        return Set((table?.incoming ?? []).map { "\($0.field.rawValue) \($0.value)" })
    }

    private mutating func profile(
        _ setting: Setting<String?>, name: String?, among profiles: [Settings.Profile]
    ) -> Settings.Profile? {
        guard let wanted = value(setting, name: name) else { return nil }
        if let profile = profiles.first(where: { $0.description.lowercased() == wanted.lowercased() }) {
            return profile
        }
        let names = profiles.map(\.description)
        report(
            .mistake, setting.row, name: name, "there is no profile \(quoted(wanted))",
            Suggestion.nearest(to: wanted, among: names).map { "Perhaps \($0) is meant" }
                ?? "Write a section [Profile \(wanted)], or one of \(names.joined(separator: ", "))")
        return nil
    }
}
