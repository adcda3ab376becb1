/// What an alert is about: its rule. The raw value stands in messages, in the journal and in metrics.
package enum AlertKind: String, Sendable, CaseIterable, Codable {
    case journalFailing = "journal-failing"
    case diskLow = "disk-low"
    case sitePaused = "site-paused"
    case siteUnavailable = "site-unavailable"
    case certificateRefused = "certificate-refused"
    case certificateExpiry = "certificate-expiry"
    case wrongCheckins = "wrong-checkins"
    case deadLetters = "dead-letters"
    case oldestOwed = "oldest-owed"
    case terminalOffline = "terminal-offline"
    case terminalFull = "terminal-full"
    case clockDrift = "clock-drift"
    case resendLoop = "resend-loop"
    case shiftWaits = "shift-waits"
    case terminalPending = "terminal-pending"
    case serialMoved = "serial-moved"
    case serialContested = "serial-contested"
    case pushesStalled = "pushes-stalled"
    case gap
    case backupFailing = "backup-failing"
    case journalRebuilt = "journal-rebuilt"

    /// What many of them are called together: "27 terminals are offline".
    package func together(_ count: Int) -> String {
        switch self {
        case .journalFailing: "\(count) journals cannot be written"
        case .diskLow: "\(count) disks are nearly full"
        case .sitePaused: "delivery to \(count) sites is paused"
        case .siteUnavailable: "\(count) sites take no punches"
        case .certificateRefused: "the certificates of \(count) sites are refused"
        case .certificateExpiry: "the certificates of \(count) sites end soon"
        case .wrongCheckins: "\(count) sites hold wrong check-ins"
        case .deadLetters: "\(count) sites refused punches for good"
        case .oldestOwed: "\(count) sites are owed punches for too long"
        case .terminalOffline: "\(count) terminals are offline"
        case .terminalFull: "the memory of \(count) terminals is nearly full"
        case .clockDrift: "the clocks of \(count) terminals are wrong"
        case .resendLoop: "\(count) terminals send the same batch again and again"
        case .shiftWaits: "\(count) shifts wait for terminals"
        case .terminalPending: "\(count) terminals wait for approval"
        case .serialMoved: "\(count) serial numbers jump between networks"
        case .serialContested: "\(count) serial numbers are used by two terminals each"
        case .pushesStalled: "\(count) terminals have stopped pushing punches"
        case .backupFailing: "\(count) backups could not be made"
        case .journalRebuilt: "\(count) journals were rebuilt"
        case .gap: "punches of \(count) terminals may be missing"
        }
    }
}

/// A warning, or critical: punches are not safe, or are not delivered, or are delivered wrongly.
package typealias AlertSeverity = AlertRecord.Severity

extension AlertRecord.Severity: Comparable, Codable {
    package static func < (a: Self, b: Self) -> Bool { a == .warning && b == .critical }
}

/// What tells one alert from another: one rule about one thing.
package struct AlertID: Hashable, Sendable {
    package var kind: AlertKind
    /// A serial number, a sink's name, a host, a folder. At most 128 characters of one line.
    package var subject: String

    package init(_ kind: AlertKind, _ subject: String) {
        self.kind = kind
        self.subject = PlainText.line(subject, limit: 128)
    }
}

extension AlertRecord {
    /// Nil for a rule that this version does not have.
    package var id: AlertID? { AlertKind(rawValue: kind).map { AlertID($0, subject) } }

    init(_ finding: AlertFinding, since: UnixTime) {
        self.init(
            kind: finding.id.kind.rawValue, subject: finding.id.subject, severity: finding.severity,
            title: finding.title, detail: finding.detail, remedy: finding.remedy, since: since)
    }
}

/// A rule that is broken now. Its texts are one line each, whatever a terminal or a site put into them.
package struct AlertFinding: Hashable, Sendable {
    package var id: AlertID
    package var severity: AlertSeverity
    /// A statement, without a full stop: "Terminal Gate 1 (ZX01) is offline". At most 200 characters.
    package var title: String
    /// What is known of it. At most 500 characters.
    package var detail: String
    /// What to do. At most 500 characters.
    package var remedy: String
    /// Since when, where that is known from elsewhere.
    package var since: UnixTime?

    package init(
        _ id: AlertID, _ severity: AlertSeverity, title: String, detail: String, remedy: String,
        since: UnixTime? = nil
    ) {
        self.id = id
        self.severity = severity
        self.title = PlainText.line(title, limit: 200)
        self.detail = PlainText.line(detail)
        self.remedy = PlainText.line(remedy)
        self.since = since
    }
}

/// What one look at the gateway has found.
package struct AlertFindings: Hashable, Sendable {
    /// At most one for each id.
    package var firm: [AlertFinding] = []
    /// Neither broken nor well: between the limit and the margin below it, or not known now. An alert that was told
    /// goes on, and none begins.
    package var lingering: Set<AlertID> = []

    package init(firm: [AlertFinding] = [], lingering: Set<AlertID> = []) {
        self.firm = firm
        self.lingering = lingering
    }
}
