import Hummingbird
import Logging

/// `GET /alerts` and `POST /alerts/test`: what a running gateway calls for help about, and whether its calls arrive.
package struct AlertRoutes: Sendable {
    package let list: @Sendable () async -> AlertList
    package let test: @Sendable () async -> AlertTestReport

    /// - `test`: sends one message through every channel; may take as long as the slowest of them.
    package init(
        list: @escaping @Sendable () async -> AlertList, test: @escaping @Sendable () async -> AlertTestReport
    ) {
        self.list = list
        self.test = test
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.get("alerts") { _, _ in try JSONAnswer.response(await list()) }
        router.post("alerts/test") { _, _ in
            logger.notice("alert channels are tested")
            return try JSONAnswer.response(await test())
        }
    }
}

/// Answer to `GET /alerts`. Moments are ISO 8601 in UTC.
package struct AlertList: Codable, Sendable, Hashable {
    /// The worst first.
    package var alerts: [AlertReport]
    package var channels: [AlertChannelReport]

    package init(alerts: [AlertReport], channels: [AlertChannelReport]) {
        self.alerts = alerts
        self.channels = channels
    }
}

package struct AlertReport: Codable, Sendable, Hashable {
    package var kind: String
    package var subject: String
    /// `warning` or `critical`.
    package var severity: String
    package var title: String
    package var detail: String
    package var remedy: String
    package var since: String
    /// Nil while no channel has taken it.
    package var told: String?

    package init(
        kind: String, subject: String, severity: String, title: String, detail: String, remedy: String,
        since: String, told: String?
    ) {
        self.kind = kind
        self.subject = subject
        self.severity = severity
        self.title = title
        self.detail = detail
        self.remedy = remedy
        self.since = since
        self.told = told
    }
}

package struct AlertChannelReport: Codable, Sendable, Hashable {
    package var name: String
    package var kind: String
    /// Whether its last message did not arrive.
    package var isFailing: Bool
    package var lastSuccess: String?
    package var lastFailure: String?
    /// Of the last failure.
    package var reason: String?
    /// Messages that wait to be sent.
    package var waiting: Int

    package init(
        name: String, kind: String, isFailing: Bool, lastSuccess: String? = nil, lastFailure: String? = nil,
        reason: String? = nil, waiting: Int = 0
    ) {
        self.name = name
        self.kind = kind
        self.isFailing = isFailing
        self.lastSuccess = lastSuccess
        self.lastFailure = lastFailure
        self.reason = reason
        self.waiting = waiting
    }
}

/// Answer to `POST /alerts/test`.
package struct AlertTestReport: Codable, Sendable, Hashable {
    package struct Channel: Codable, Sendable, Hashable {
        package var name: String
        package var kind: String
        package var isTaken: Bool
        /// Why not.
        package var reason: String?

        package init(name: String, kind: String, isTaken: Bool, reason: String?) {
            self.name = name
            self.kind = kind
            self.isTaken = isTaken
            self.reason = reason
        }
    }
    /// In the order of the settings.
    package var channels: [Channel]

    package init(channels: [Channel]) { self.channels = channels }
}
