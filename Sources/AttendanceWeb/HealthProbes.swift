import Foundation
import Hummingbird
import Logging

/// `GET /health/live` and `GET /health/ready`: what something that restarts or routes asks, and nothing else.
package struct HealthProbes: Sendable {
    /// Whether the process still does its work: a restart may help where it is not so.
    private let live: @Sendable () async -> HealthProbe
    /// Whether punches can be stored now: a restart does not help where it is not so.
    private let ready: @Sendable () async -> HealthProbe

    package init(
        live: @escaping @Sendable () async -> HealthProbe, ready: @escaping @Sendable () async -> HealthProbe
    ) {
        self.live = live
        self.ready = ready
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.get("health/live") { _, _ in try await live().response() }
        router.get("health/ready") { _, _ in try await ready().response() }
    }
}

/// Answer to one probe.
package struct HealthProbe: Codable, Hashable, Sendable {
    package var ok: Bool
    /// Why it is not so; nil where it is.
    package var reason: String?
    /// ISO 8601; nil where it is not known.
    package var since: String?

    package init(ok: Bool, reason: String? = nil, since: String? = nil) {
        self.ok = ok
        self.reason = reason
        self.since = since
    }

    package static let fine = HealthProbe(ok: true)

    fileprivate func response() throws -> Response {
        try JSONAnswer.response(self, status: ok ? .ok : .serviceUnavailable)
    }
}
