import AttendanceCore

/// Whether a site has the method that the custom dialect posts punches to.
///
/// Asks by GET and without a punch: Frappe answers that much like a POST and rolls everything back, so nothing is
/// stored whatever the method does.
package struct EndpointProbe: Sendable {
    package enum Answer: Hashable, Sendable {
        /// Something answers there. The words are the site's own.
        case there(status: Int, words: String?)
        /// The site does not know the method.
        case missing(words: String)
        /// The site does not let this user, or nobody, call it.
        case denied(status: Int, words: String?)
        case redirected(to: String)
        case unavailable(reason: String)
    }

    private let client: SiteClient
    private let path: String
    private let timeout: Duration

    /// - `path`: such as `api/method/app.module.function`.
    package init(client: SiteClient, path: String, timeout: Duration) {
        self.client = client
        self.path = path
        self.timeout = timeout
    }

    package func ask() async -> Answer {
        let exchange = await client.exchange(.init(method: .GET, path: path, timeout: timeout))
        guard case .answer(let answer) = exchange else {
            return .unavailable(reason: Self.reason(exchange))
        }
        let body = FrappeBody(answer.body)
        let words = body.words.map { PlainText.line($0, limit: 200) }
        switch answer.status {
        case 300...399:
            return .redirected(to: answer.location.map { PlainText.line($0, limit: 200) } ?? "nowhere")
        case 404, 410: return .missing(words: words ?? "not found (\(answer.status))")
        case 417 where body.says("Failed to get method"):
            return .missing(words: words ?? "the method is not there")
        case 401, 403: return .denied(status: answer.status, words: words)
        case 429, 502...504, 520...599:
            return .unavailable(reason: words ?? "the site answers \(answer.status)")
        default: return .there(status: answer.status, words: words)
        }
    }

    private static func reason(_ exchange: SiteClient.Exchange) -> String {
        switch exchange {
        case .notSent(let reason), .noAnswer(let reason), .badAddress(let reason): reason
        case .answer(let answer): "the site answers \(answer.status)"
        }
    }
}
