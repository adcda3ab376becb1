/// Remembers what was told: a finding that lasts long enough is told once, however it flaps, and its end once.
///
/// A value without a clock. Many at once of one kind are told together: more than `Grouping.perRound` in one look, or
/// more than `Grouping.perKind` in all, become one message, and further ones of that kind wait until `pause` has
/// passed since.
package struct AlertBook: Sendable {
    package struct Grouping: Hashable, Sendable {
        package var perRound = 5
        package var perKind = 20
        package var pause: Duration = .seconds(600)

        package init() {}
    }

    private struct Entry {
        var record: AlertRecord
        /// Whether its beginning was handed out as a notice in this run, or told in an earlier one.
        var isAnnounced: Bool
        /// It was announced as a warning, is critical now, and that was not announced.
        var worsens = false
    }

    /// Alerts at one time; findings beyond it are left out.
    package static let maximum = 5000

    package var thresholds: AlertThresholds
    private let grouping: Grouping
    private var entries: [AlertID: Entry]
    /// Over and handed out as such, and not confirmed yet.
    private var leaving: [AlertID: AlertRecord] = [:]
    private var nextTogether: [AlertKind: UnixTime] = [:]

    /// - `records`: what `records` gave in an earlier run.
    package init(thresholds: AlertThresholds, grouping: Grouping = Grouping(), records: [AlertRecord] = []) {
        self.thresholds = thresholds
        self.grouping = grouping
        entries = Dictionary(
            // A record of a rule that this version does not have is let go of.
            records.prefix(Self.maximum).compactMap { record in
                record.id.map { ($0, Entry(record: record, isAnnounced: record.told != nil)) }
            }, uniquingKeysWith: { first, _ in first })
    }

    /// Alerts that began and are not over, in order of severity, kind and subject.
    package var current: [AlertRecord] {
        entries.values.filter(\.isAnnounced).map(\.record).sorted(by: Self.order)
    }

    /// What has to be kept: what is current, and what is over while nobody was told so. One for each id.
    package var records: [AlertRecord] {
        (current + leaving.filter { entries[$0.key]?.isAnnounced != true }.values).sorted(by: Self.order)
    }

    // MARK: Looking

    /// Takes in one look and returns what people have to be told now.
    package mutating func update(_ findings: AlertFindings, at now: UnixTime) -> [AlertNotice] {
        let present = Dictionary(
            findings.firm.map { ($0.id, $0) }, uniquingKeysWith: { $0.severity < $1.severity ? $1 : $0 })
        // A rule that was switched off is neither broken nor well.
        entries = entries.filter { !thresholds.silenced.contains($0.key.kind) }
        for id in Array(entries.keys) { revisit(id, present[id], findings.lingering.contains(id), now) }
        for finding in findings.firm.sorted(by: {
            ($1.severity, $0.id.subject) < ($0.severity, $1.id.subject)
        })
        where entries[finding.id] == nil && entries.count < Self.maximum {
            entries[finding.id] = Entry(
                record: AlertRecord(finding, since: min(finding.since ?? now, now)), isAnnounced: false)
        }
        return AlertKind.allCases.flatMap { notices(of: $0, at: now) }
    }

    /// A channel has taken the notice, or all have given it up: it need not be handed out again after a restart.
    package mutating func confirm(_ notice: AlertNotice, at now: UnixTime) {
        for id in notice.ids {
            switch notice.event {
            case .raised, .worsened:
                if entries[id]?.record.told == nil { entries[id]?.record.told = now }
                if leaving[id]?.told == nil { leaving[id]?.told = now }
            case .recovered: leaving[id] = nil
            case .test: break
            }
        }
    }

    /// Brings one known alert up to date.
    private mutating func revisit(_ id: AlertID, _ finding: AlertFinding?, _ lingers: Bool, _ now: UnixTime) {
        guard var entry = entries[id] else { return }
        // A clock that was set back must not make any wait longer than it is.
        entry.record.since = min(entry.record.since, now)
        if let finding {
            entry.record.title = finding.title
            entry.record.detail = finding.detail
            entry.record.remedy = finding.remedy
            entry.record.clearSince = nil
            if finding.severity > entry.record.severity {
                entry.record.severity = finding.severity
                entry.worsens = entry.isAnnounced
            }
        } else if lingers, entry.isAnnounced {
            entry.record.clearSince = nil
        } else if entry.isAnnounced {
            entry.record.clearSince = min(entry.record.clearSince ?? now, now)
        } else {
            entries[id] = nil
            return
        }
        entries[id] = entry
    }

    // MARK: Telling

    private mutating func notices(of kind: AlertKind, at now: UnixTime) -> [AlertNotice] {
        let ofKind = entries.filter { $0.key.kind == kind }.values
        guard !ofKind.isEmpty else { return [] }
        let after = thresholds.after(kind)
        let clearAfter = thresholds.clearAfter(kind)
        let raised = ofKind.filter {
            !$0.isAnnounced && $0.record.clearSince == nil && now - $0.record.since >= after
        }
        let worsened = ofKind.filter { $0.isAnnounced && $0.worsens && $0.record.clearSince == nil }
        let recovered = ofKind.filter { $0.record.clearSince.map { now - $0 >= clearAfter } ?? false }
        let groups: [(AlertNotice.Event, [Entry])] = [
            (.raised, raised), (.worsened, worsened), (.recovered, recovered),
        ]
        guard groups.contains(where: { !$0.1.isEmpty }) else { return [] }

        let announced = ofKind.count { $0.isAnnounced }
        let mayGoOn = nextTogether[kind].map { now >= $0 || $0 - now > grouping.pause } ?? true
        let isCrowded =
            !mayGoOn || announced + raised.count > grouping.perKind
            || groups.contains { $0.1.count > grouping.perRound }
        guard isCrowded else {
            return groups.flatMap { event, group in
                group.map(\.record).sorted(by: Self.order).map { give(event, kind, [$0], at: now) }
            }
        }
        guard mayGoOn else { return [] }
        nextTogether[kind] = now + grouping.pause
        return groups.filter { !$0.1.isEmpty }.map { event, group in
            give(event, kind, group.map(\.record), at: now)
        }
    }

    private mutating func give(
        _ event: AlertNotice.Event, _ kind: AlertKind, _ records: [AlertRecord], at now: UnixTime
    ) -> AlertNotice {
        let notice = AlertNotice(event, kind, records, at: now)
        for (id, record) in zip(notice.ids, notice.alerts) {
            switch event {
            case .raised, .worsened:
                entries[id]?.isAnnounced = true
                entries[id]?.worsens = false
                leaving[id] = nil
            case .recovered:
                entries[id] = nil
                leaving[id] = record
            case .test: break
            }
        }
        return notice
    }

    private static func order(_ a: AlertRecord, _ b: AlertRecord) -> Bool {
        if a.severity != b.severity { return a.severity > b.severity }
        return (a.kind, a.subject) < (b.kind, b.subject)
    }
}
