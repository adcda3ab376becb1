/// An alert as the journal keeps it, so that a restart neither repeats nor forgets one.
package struct AlertRecord: Hashable, Sendable {
    package enum Severity: String, Hashable, Sendable, CaseIterable {
        case warning
        case critical
    }
    /// The rule's name, such as `site-paused`.
    package var kind: String
    /// What it is about: a serial number, a sink's name; empty where there is only one.
    package var subject: String
    package var severity: Severity
    package var title: String
    package var detail: String
    package var remedy: String
    /// When the condition began.
    package var since: UnixTime
    /// When it was told; nil as long as it was not.
    package var told: UnixTime?
    /// Since when the condition is gone; the alert ends when it stays gone.
    package var clearSince: UnixTime?

    package init(
        kind: String, subject: String, severity: Severity, title: String, detail: String, remedy: String,
        since: UnixTime, told: UnixTime? = nil, clearSince: UnixTime? = nil
    ) {
        self.kind = kind
        self.subject = subject
        self.severity = severity
        self.title = title
        self.detail = detail
        self.remedy = remedy
        self.since = since
        self.told = told
        self.clearSince = clearSince
    }
}
