/// One message to people: an alert that began, became worse or is over, or many of one kind together.
package struct AlertNotice: Hashable, Sendable {
    package enum Event: String, Sendable, CaseIterable, Codable {
        case raised
        /// It was a warning and is critical now.
        case worsened
        case recovered
        /// Sent by hand, to see whether a channel works.
        case test
    }

    package var event: Event
    /// Means nothing for a test.
    package var kind: AlertKind
    package var at: UnixTime
    /// At least one, all of `kind`, the most severe first.
    package var alerts: [AlertRecord]

    /// Alerts of one notice that are written out; of the rest only the number is told.
    package static let written = 20

    /// - `alerts`: at least one, all of `kind`.
    package init(_ event: Event, _ kind: AlertKind, _ alerts: [AlertRecord], at now: UnixTime) {
        self.event = event
        self.kind = kind
        self.at = now
        self.alerts = alerts.sorted { ($1.severity, $0.subject) < ($0.severity, $1.subject) }
    }

    package static func test(at now: UnixTime) -> AlertNotice {
        let record = AlertRecord(
            kind: Event.test.rawValue, subject: "test", severity: .warning,
            title: "This is a test of the attendance gateway's alerts",
            detail: "Nothing is wrong. Whoever reads this would have been told.", remedy: "Nothing to do.",
            since: now)
        return AlertNotice(.test, .sitePaused, [record], at: now)
    }

    /// The kind as programs are told it; a test is of none.
    package var kindWord: String { event == .test ? event.rawValue : kind.rawValue }

    var ids: [AlertID] { alerts.map { AlertID(kind, $0.subject) } }

    package var severity: AlertSeverity { alerts.map(\.severity).max() ?? .warning }

    /// One line, at most 220 characters.
    package var title: String {
        guard let first = alerts.first else { return "" }
        let what = alerts.count == 1 ? first.title : kind.together(alerts.count)
        switch event {
        case .raised, .test: return what.capitalizingFirst()
        case .worsened: return "Now critical: \(what)"
        case .recovered: return "Over: \(what)"
        }
    }

    /// What else there is to say, a line each, each at most 520 characters; times as a clock in `zone` shows them.
    package func lines(in zone: ZoneRules) -> [String] {
        func moment(_ time: UnixTime) -> String { "\(zone.wallTime(at: time.seconds)) (\(zone.identifier))" }
        guard let first = alerts.first, alerts.count == 1 else {
            var lines = alerts.prefix(Self.written).map { "• \($0.title)" }
            if alerts.count > Self.written { lines.append("and \(alerts.count - Self.written) more") }
            if event != .recovered, let first = alerts.first { lines.append("What to do: \(first.remedy)") }
            return lines
        }
        switch event {
        case .raised, .worsened:
            return [first.detail, "What to do: \(first.remedy)", "Since \(moment(first.since))"]
        case .recovered:
            let lasted = Words.duration(max(.zero, (first.clearSince ?? at) - first.since))
            return ["It lasted \(lasted), from \(moment(first.since)) to \(moment(first.clearSince ?? at))"]
        case .test: return [first.detail, "Sent at \(moment(at))"]
        }
    }
}

extension String {
    fileprivate func capitalizingFirst() -> String {
        guard let first, first.isLowercase else { return self }
        return first.uppercased() + dropFirst()
    }
}
