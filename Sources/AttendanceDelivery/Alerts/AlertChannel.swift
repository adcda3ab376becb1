import AttendanceCore

/// A way to reach people. `send` does not throw: every way it can end is a value; it ends by itself within a minute, and
/// early when the task is cancelled.
package protocol AlertChannel: Sendable {
    /// As the settings call it.
    var name: String { get }
    /// `json`, `slack`, `telegram`, `ntfy` or `mail`.
    var kind: String { get }
    func send(_ message: AlertMessage) async -> AlertSending
}

/// How sending one message ended.
package enum AlertSending: Hashable, Sendable {
    case taken
    /// The reason is one line for the operator, without any secret. `mayHelp`: whether trying again can; `retryAfter`:
    /// how long the channel asks to wait.
    case failed(reason: String, mayHelp: Bool, retryAfter: Duration? = nil)
}

/// A notice with what every channel has to say beside it.
package struct AlertMessage: Hashable, Sendable {
    package var notice: AlertNotice
    /// Which gateway speaks: the name of its machine.
    package var gateway: String
    package var title: String
    /// Without line ends.
    package var lines: [String]

    /// - `zone`: in which times are written out.
    package init(_ notice: AlertNotice, gateway: String, zone: ZoneRules) {
        self.notice = notice
        self.gateway = PlainText.line(gateway, limit: 100)
        title = notice.title
        lines = notice.lines(in: zone)
    }

    /// Everything, a line each, at most `limit` UTF-16 units: what chat services count.
    func text(heading: String, limit: Int) -> String {
        let text = ([heading] + lines + ["Gateway: \(gateway)"]).joined(separator: "\n")
        guard text.utf16.count > limit else { return text }
        var cut = ""
        var length = 0
        for character in text {
            length += character.utf16.count
            guard length < limit else { break }
            cut.append(character)
        }
        return cut + "…"
    }

    /// A coloured dot, for channels without colours of their own.
    var mark: String {
        switch notice.event {
        case .raised: notice.severity == .critical ? "🔴" : "🟠"
        case .worsened: "🔴"
        case .recovered: "🟢"
        case .test: "🔵"
        }
    }
}
