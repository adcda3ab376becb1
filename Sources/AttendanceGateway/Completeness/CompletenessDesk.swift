import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation

/// Tells how far terminals and shifts have come: of a running gateway by what it has at hand, without one by the
/// journal.
struct CompletenessDesk: Sendable {
    var terminals: @Sendable () -> Settings.Terminals
    /// Sites that have Shift Types, with whether their `last_sync_of_checkin` is moved.
    var sites: [(name: SinkName, moves: Bool)]
    var journal: any JournalReading
    var figures: @Sendable () async throws -> [SerialNumber: TerminalFigures]
    var standings: @Sendable () -> [ShiftStanding]
    var zone: @Sendable (SinkName) -> ZoneRules?
    var now: @Sendable () -> UnixTime
    /// What the registry of a running gateway has noticed of a terminal.
    var flags: @Sendable (SerialNumber) -> TerminalFlags? = { _ in nil }

    /// Without a running gateway: nobody is connected, and no site is asked.
    init(settings: Settings, journal: any JournalReading, now: @escaping @Sendable () -> UnixTime) {
        let siteZones = Dictionary(
            settings.sites.map { ($0.name, $0.siteTimeZone) }, uniquingKeysWith: { first, _ in first })
        self.init(
            terminals: { settings.terminals }, sites: settings.sitesWithShifts, journal: journal,
            figures: { try await Self.figures(in: journal) }, standings: { [] },
            zone: { sink in (siteZones[sink] ?? nil).flatMap { ZoneRules(identifier: $0) } }, now: now)
    }

    init(
        terminals: @escaping @Sendable () -> Settings.Terminals, sites: [(name: SinkName, moves: Bool)],
        journal: any JournalReading,
        figures: @escaping @Sendable () async throws -> [SerialNumber: TerminalFigures],
        standings: @escaping @Sendable () -> [ShiftStanding],
        zone: @escaping @Sendable (SinkName) -> ZoneRules?, now: @escaping @Sendable () -> UnixTime
    ) {
        self.terminals = terminals
        self.sites = sites
        self.journal = journal
        self.figures = figures
        self.standings = standings
        self.zone = zone
        self.now = now
    }

    /// Nil for one that nobody has heard of and that the settings do not name.
    func terminal(_ text: String) async throws -> TerminalReport? {
        guard let serial = SerialNumber(text) else { return nil }
        let record = try await journal.terminal(serial)
        let figures = try await figures()[serial]
        let settings = merged(terminals(), record.map { [$0] } ?? [])
        guard record != nil || figures != nil || settings.isNamed(serial) else { return nil }
        var report = report(serial, figures ?? record.map { TerminalFigures($0) }, record, settings)
        report.clockSteps = try await journal.clockSteps(of: serial, limit: Self.mostClockSteps).map {
            .init(
                at: $0.at.iso8601, beforeSeconds: $0.before, afterSeconds: $0.after, unread: $0.unread,
                overlaps: $0.crossesUnread)
        }
        return report
    }

    private static let mostClockSteps = 20

    /// With what the journal says of these terminals, which for a gateway that does not run nobody else knows.
    private func merged(_ settings: Settings.Terminals, _ records: [TerminalRecord]) -> Settings.Terminals {
        var settings = settings
        for record in records where settings.registered[record.serial] == nil {
            settings.registered[record.serial] = TerminalDetails(record)
        }
        return settings
    }

    private static func figures(in journal: any JournalReading) async throws -> [SerialNumber:
        TerminalFigures]
    {
        var all: [SerialNumber: TerminalFigures] = [:]
        var last: SerialNumber?
        repeat {
            let page = try await journal.terminals(after: last, limit: 1000)
            for record in page { all[record.serial] = TerminalFigures(record) }
            last = page.last?.serial
        } while last != nil
        return all
    }

    // MARK: Terminals

    /// By serial number, those after `after`, at most `limit`.
    func terminals(after: String?, limit: Int) async throws -> TerminalPage {
        let place = after.flatMap { SerialNumber($0) }
        let records = try await journal.terminals(after: place, limit: limit)
        let settings = merged(terminals(), records)
        // Beyond a full page stand further records, which the next page brings.
        let end = records.count == limit ? records.last?.serial.folded : nil
        let figures = try await figures()
        func isHere(_ serial: SerialNumber) -> Bool {
            serial.folded > place?.folded ?? "" && end.map { serial.folded <= $0 } ?? true
        }
        var byRecord = Dictionary(records.map { ($0.serial, $0) }, uniquingKeysWith: { first, _ in first })
        // Named and never heard of, or heard of a moment ago and not yet written down.
        var serials = Set(byRecord.keys)
        serials.formUnion(settings.overrides.keys.filter(isHere))
        serials.formUnion(figures.keys.filter(isHere))
        let sorted = serials.sorted { $0.folded < $1.folded }
        let page = sorted.prefix(limit)
        return TerminalPage(
            terminals: page.map { serial in
                let record = byRecord.removeValue(forKey: serial)
                let known = figures[serial] ?? record.map { TerminalFigures($0) }
                return report(serial, known, record, settings)
            }, next: end != nil || sorted.count > limit ? page.last?.text : nil)
    }

    private func report(
        _ serial: SerialNumber, _ figures: TerminalFigures?, _ record: TerminalRecord?,
        _ settings: Settings.Terminals
    ) -> TerminalReport {
        let zone = settings.timeZone(of: serial)
        var report = TerminalReport(
            serial: (record?.serial ?? serial).text, name: settings.name(of: serial),
            group: settings.group(of: serial)?.name,
            model: record?.model, firmware: record?.firmware, address: record?.address, state: .never,
            zone: zone, shifts: settings.shifts(of: serial))
        tellRegistry(of: serial, record, settings, &report)
        guard let figures else { return report }
        report.state = figures.isConnected ? .online : figures.lastHeard == nil ? .never : .offline
        report.lastHeard = figures.lastHeard?.iso8601
        report.backlog = figures.backlog
        report.skewSeconds = figures.skew
        report.completeUntil = figures.completeUntil.map { instant in
            ZoneRules(identifier: zone)?.wallTime(at: instant).description
                ?? UnixTime(seconds: instant).iso8601
        }
        report.users = figures.memory.users
        report.userPlaces = figures.memory.userPlaces
        report.logs = figures.memory.logs
        report.logPlaces = figures.memory.logPlaces
        report.resends = figures.resends
        return report
    }

    private func tellRegistry(
        of serial: SerialNumber, _ record: TerminalRecord?, _ settings: Settings.Terminals,
        _ report: inout TerminalReport
    ) {
        let said = settings.registered[serial]
        let flags = flags(serial)
        report.standing = (record?.standing ?? said?.standing).map { "\($0)" } ?? report.standing
        report.location = said?.location
        report.isDialectGuessed = said?.dialect == nil
        report.dialect =
            said?.dialect ?? CommandDialect.guess(model: record?.model, firmware: record?.firmware).rawValue
        report.firstSeen = record?.firstSeen.iso8601
        report.previousAddress = flags?.previousAddress ?? record?.previousAddress
        report.moved = (flags?.moved ?? record?.moved)?.iso8601
        report.movesInDay = flags?.moves
        report.networkMovesInDay = flags?.jumps
        report.isContested = flags.map { $0.contest >= SerialWatch.contested }
        report.held = record?.held ?? 0
        report.hasToken = record?.token != nil || settings.overrides[serial]?.token != nil
        report.memory = TerminalReport.Memory(DeviceCapacity(deviceInfo: record?.deviceInfo))
    }

    // MARK: Shifts

    /// By site and name: those that terminals name, and those that none does.
    func shifts() async throws -> ShiftList {
        let moment = now()
        let figures = try await figures()
        let settings = terminals()
        var known = Dictionary(
            standings().map { (Place(sink: $0.sink, shift: $0.shift), $0) },
            uniquingKeysWith: { first, _ in first })
        var reports: [ShiftReport] = []
        for site in sites {
            let mapped = settings.mapped(to: site.name, figures, at: moment)
            let owed = mapped.isEmpty ? [:] : try await journal.oldestOwed(to: site.name)
            var sources: [String: [ShiftWatermark.Source]] = [:]
            for terminal in mapped {
                for shift in Set(terminal.shifts) {
                    sources[shift, default: []].append(
                        .init(
                            figures: terminal.figures, title: terminal.title,
                            oldestOwed: owed[terminal.figures.serial]))
                }
            }
            for shift in sources.keys.sorted() {
                let mark = ShiftWatermark(sources[shift] ?? [], at: moment.seconds)
                var standing =
                    known.removeValue(forKey: Place(sink: site.name, shift: shift))
                    ?? ShiftStanding(sink: site.name, shift: shift, condition: site.moves ? .waiting : .off)
                standing.point = mark.point
                standing.holders = mark.holders
                standing.terminals = sources[shift]?.count ?? 0
                standing.target = nil
                if let zone = zone(site.name) {
                    standing.target = mark.point.map {
                        zone.settledWallTime(at: min($0, moment.seconds))
                    }
                }
                reports.append(ShiftReport(standing, zone: zone(site.name)))
            }
        }
        reports += known.values.filter { $0.condition == .unmapped }.map { ShiftReport($0, zone: nil) }
        return ShiftList(shifts: reports.sorted { ($0.sink, $0.shift) < ($1.sink, $1.shift) })
    }

    private struct Place: Hashable {
        var sink: SinkName
        var shift: String
    }
}

extension ShiftReport {
    init(_ standing: ShiftStanding, zone: ZoneRules?) {
        let remark = standing.condition.words
        let complete = standing.target?.description ?? standing.point.map { UnixTime(seconds: $0).iso8601 }
        self.init(
            sink: standing.sink.text, shift: standing.shift, state: standing.condition.word,
            remark: remark.isEmpty ? nil : remark, terminals: standing.terminals, completeUntil: complete,
            siteHas: standing.siteValue?.description, openEnd: standing.openEnd?.wall.description,
            heldBackBy: standing.holders.map { holder in
                let since = holder.point.map { point in
                    zone?.wallTime(at: point).description ?? UnixTime(seconds: point).iso8601
                }
                return "\(holder.words), complete until \(since ?? "no known moment")"
            })
    }
}

extension Settings {
    /// ERPNext sites that are delivered to with HRMS's own method; only they have Shift Types that are moved.
    var sitesWithShifts: [(name: SinkName, moves: Bool)] {
        sites.filter { $0.url != nil && $0.mode == .deliver && $0.dialect == .hrms }.map {
            ($0.name, $0.movesLastSync)
        }
    }
}

extension TerminalReport.Memory {
    init(_ capacity: DeviceCapacity) {
        func fill(_ store: DeviceCapacity.Store) -> TerminalReport.Fill? {
            store == .init() ? nil : .init(used: store.used, places: store.places)
        }
        self.init(
            users: fill(capacity.users), faces: fill(capacity.faces),
            fingerprints: fill(capacity.fingerprints), palms: fill(capacity.palms),
            cards: fill(capacity.cards), passwords: fill(capacity.passwords), logs: fill(capacity.logs))
    }
}

extension TerminalEvents.Event {
    init(_ event: TerminalRegistry.Event, name: String?) {
        self.init(
            at: event.at.iso8601, event: event.kind.rawValue, serial: event.serial.text, name: name,
            address: event.address)
    }
}
