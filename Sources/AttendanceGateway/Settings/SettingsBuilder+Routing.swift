import AttendanceCore
import Foundation

/// What sinks and terminals say together.
extension SettingsBuilder {
    /// Sinks to which nobody sends, and punches that wait for an address.
    mutating func checkRouting(_ settings: Settings) {
        var used = settings.terminals.traits.sinks ?? []
        for serial in settings.terminals.overrides.keys {
            used.formUnion(settings.terminals.sinks(of: serial))
        }
        let url = SettingsTable.erp.url.row
        let others = settings.furtherSites.count + settings.webhooks.count
        if settings.erp.url == nil, isSound(url), used.contains(.erpnext) {
            report(
                .warning, url, "there is no ERP",
                others == 0
                    ? "Punches are kept, and owed until an address is set"
                    : "Punches are owed to it until an address is set; [Terminals] Sinks can name the other sinks alone"
            )
        }
        // With a mistake in a list nobody can tell where punches were to go.
        let isSound = !problems.contains { $0.severity == .mistake && $0.key?.hasSuffix("] Sinks") == true }
        guard isSound else { return }
        func warn(_ section: SettingsSection, _ name: String?, _ sink: SinkName) {
            guard !used.contains(sink) else { return }
            report(
                .warning, section: section, name: name, "no terminal's punches go to \(sink)",
                "Name it in [Terminals] Sinks, or in those of a group or a terminal")
        }
        if settings.erp.url != nil { warn(.erp, nil, .erpnext) }
        warnOfTwins(settings)
        for section in [SettingsSection.site, .webhook] {
            for name in names(of: section) {
                if let sink = SinkName(name.lowercased()), settings.sinks.contains(sink) {
                    warn(section, name, sink)
                }
            }
        }
    }

    /// Sites of one address that would get the same punches.
    private mutating func warnOfTwins(_ settings: Settings) {
        let routes =
            [settings.terminals.traits.sinks ?? []]
            + settings.terminals.overrides.keys.map { settings.terminals.sinks(of: $0) }
        for (index, site) in settings.furtherSites.enumerated() where site.mode == .deliver {
            let twin = settings.sites.prefix(index + 1).first { other in
                other.mode == .deliver && other.url != nil
                    && other.url?.absoluteString.lowercased() == site.url?.absoluteString.lowercased()
                    && routes.contains { $0.contains(site.name) && $0.contains(other.name) }
            }
            guard let twin, let name = names(of: .site).first(where: { $0.lowercased() == site.name.text })
            else { continue }
            report(
                .warning, SettingsTable.site.url.row, name: name,
                "\(twin.name) has the same address, and punches go to both",
                "Write Mode = shadow, or let each have terminals of its own (Sinks)")
        }
    }

    /// Reads the sites' mapping files, which name groups. Every wrong line is told at its own place, up to a number.
    mutating func readMappings(_ settings: inout Settings) {
        let spaces = Dictionary(
            settings.groups.map { ($0.name.lowercased(), $0.hasOwnIDs ? $0.name : nil) },
            uniquingKeysWith: { $1 })
        settings.erp.mappings = mappings(of: settings.erp, SettingsTable.erp, name: nil, spaces)
        for name in names(of: .site) {
            guard let index = settings.furtherSites.firstIndex(where: { $0.name.text == name.lowercased() })
            else { continue }
            settings.furtherSites[index].mappings = mappings(
                of: settings.furtherSites[index], SettingsTable.site, name: name, spaces)
        }
    }

    private static let toldFaults = 20

    private mutating func mappings(
        of site: Settings.ERP, _ keys: SettingsTable.SiteKeys, name: String?, _ spaces: [String: String?]
    ) -> [EmployeeMapping] {
        guard let path = site.mappingFile else { return [] }
        let bytes: [UInt8]
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }  // opened for reading: nothing can be lost
            // One byte more than allowed, so that it is seen that the file is too large.
            bytes = [UInt8](try handle.read(upToCount: MappingFile.maximumBytes + 1) ?? Data())
        } catch {
            report(
                .mistake, keys.mappingFile.row, name: name,
                "\(path) cannot be read (\(SettingsLoader.words(error)))",
                "Check the path, and that the gateway's user may read it")
            return []
        }
        var mappings: [EmployeeMapping] = []
        var faults: [MappingFile.Problem] = []
        var more = 0
        do {
            for entry in try MappingFile.parse(bytes) {
                do throws(ValueFault) {
                    var mapping = entry.mapping
                    mapping.space = try Self.idSpace(named: mapping.space, among: spaces)
                    mappings.append(mapping)
                } catch {
                    faults.append(.init(line: entry.line, problem: error.problem, remedy: error.remedy))
                }
            }
        } catch {
            faults = error.problems
            more = error.more
        }
        for fault in faults.prefix(Self.toldFaults) {
            problems.append(
                SettingsProblem(
                    severity: .mistake,
                    place: fault.line > 0 ? .file(path: path, line: fault.line) : .wholeFile(path: path),
                    key: nil, problem: fault.problem, remedy: fault.remedy))
        }
        more += max(0, faults.count - Self.toldFaults)
        if more > 0 {
            problems.append(
                SettingsProblem(
                    severity: .mistake, place: .wholeFile(path: path), key: nil,
                    problem: "\(more) more lines are wrong",
                    remedy: "Mend those that are told, and check again"))
        }
        return mappings
    }

    /// The id space that a line of a mapping file names: a group that numbers people by itself.
    private static func idSpace(named name: String, among spaces: [String: String?]) throws(ValueFault)
        -> String
    {
        if name.isEmpty { return "" }
        let shown = PlainText.line(name, limit: 64)
        guard let known = spaces[name.lowercased()] else {
            throw ValueFault(
                problem: "there is no section [Group \(shown)]",
                remedy: Suggestion.nearest(to: name, among: spaces.values.compactMap(\.self))
                    .map { "Perhaps \($0) is meant" }
                    ?? "Write the name of a group, or nothing for all terminals")
        }
        guard let known else {
            throw ValueFault(
                problem: "[Group \(shown)] has the ids that all terminals have",
                remedy: "Leave the first field blank, or write EmployeeField into the group's section")
        }
        return known
    }

    mutating func checkLastSync(_ settings: Settings) {
        guard settings.terminals.allShifts.isEmpty else { return }
        func warn(_ keys: SettingsTable.SiteKeys, _ name: String?) {
            report(
                .warning, keys.lastSync.row, name: name, "LastSync moves nothing: no terminal has Shifts",
                "Write the Shift Types into [Terminals], [Group NAME] or [Terminal SERIAL]")
        }
        if settings.erp.movesLastSync { warn(SettingsTable.erp, nil) }
        for name in names(of: .site) {
            let site = settings.furtherSites.first { $0.name.text == name.lowercased() }
            if site?.movesLastSync == true { warn(SettingsTable.site, name) }
        }
    }
}
