import AsyncHTTPClient
import AttendanceCore
import Foundation
import NIOHTTP1

/// Posts alerts to a chat service, a push service or a program of one's own.
package struct WebhookChannel: AlertChannel, CustomStringConvertible, CustomReflectable {
    /// Where to, and in which form. Addresses are whole `http(s)` URLs.
    package enum Target: Sendable {
        /// JSON of our own (docs/alerts.md), with a bearer token if there is one.
        case json(url: String, token: String?)
        /// Slack's incoming webhook, and what takes the same: Mattermost, Rocket.Chat, Discord's `/slack`.
        case slack(url: String)
        /// - server: nil is Telegram's own.
        case telegram(server: String?, token: String, chat: String)
        /// - url: with the topic.
        case ntfy(url: String, token: String?)
    }

    package let name: String
    private let target: Target
    private let post: AlertPost
    private let userAgent: String

    /// - `client`: set up as `SiteClient.configuration` does; shared with whoever uses it too.
    package init(
        name: String, target: Target, client: HTTPClient, userAgent: String, timeout: Duration = .seconds(15)
    ) {
        self.name = name
        self.target = target
        self.userAgent = userAgent
        post = AlertPost(client: client, timeout: timeout)
    }

    package var kind: String {
        switch target {
        case .json: "json"
        case .slack: "slack"
        case .telegram: "telegram"
        case .ntfy: "ntfy"
        }
    }

    /// The address may be the secret.
    package var description: String { "WebhookChannel(\(kind) \(name))" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    package func send(_ message: AlertMessage) async -> AlertSending {
        let request: Request
        do {
            request = try self.request(message)
        } catch {
            return .failed(reason: "the message cannot be written as JSON: \(error)", mayHelp: false)
        }
        let result = await post.send(
            to: request.url, headers: request.headers, body: request.body, secrets: request.secrets)
        switch result {
        case .failed(let reason, let mayHelp): return .failed(reason: reason, mayHelp: mayHelp)
        case .answered(let status, let retryAfter, let body):
            return judge(status, retryAfter, body, request.secrets)
        }
    }

    // MARK: Asking

    private struct Request {
        var url: String
        var headers: HTTPHeaders
        var body: [UInt8]
        /// What must not come back in any text.
        var secrets: [String]
    }

    private func request(_ message: AlertMessage) throws -> Request {
        var headers: HTTPHeaders = [
            "User-Agent": userAgent, "Content-Type": "application/json; charset=utf-8",
        ]
        func bearer(_ token: String?) {
            if let token { headers.add(name: "Authorization", value: "Bearer \(token)") }
        }
        switch target {
        case .json(let url, let token):
            bearer(token)
            return Request(
                url: url, headers: headers, body: try Self.json(JSONForm(message)),
                secrets: secrets(url, token))
        case .slack(let url):
            let text = message.text(heading: "\(message.mark) *\(message.title)*", limit: 3500)
            return Request(
                url: url, headers: headers, body: try Self.json(["text": Self.slackText(text)]),
                secrets: secrets(url, nil))
        case .telegram(let server, let token, let chat):
            var server = server ?? "https://api.telegram.org"
            while server.hasSuffix("/") { server.removeLast() }
            // The bot's number, a colon and letters; whatever else it may be, it stays within the path.
            let path = SiteClient.encoded(token).replacing("%3A", with: ":")
            let text = message.text(heading: "\(message.mark) \(message.title)", limit: 4000)
            return Request(
                url: "\(server)/bot\(path)/sendMessage", headers: headers,
                body: try Self.json(TelegramForm(chat_id: chat, text: text)),
                secrets: [token, path])
        case .ntfy(let url, let token):
            bearer(token)
            headers.replaceOrAdd(name: "Content-Type", value: "text/plain; charset=utf-8")
            headers.add(name: "Title", value: EncodedWords.header(message.title))
            headers.add(
                name: "Priority",
                value: message.notice.event != .recovered
                    && message.notice.severity == .critical ? "5" : "3")
            headers.add(name: "Tags", value: message.tags)
            // 4,096 bytes: what is longer becomes a file.
            let lines = AlertMessage.cut(
                (message.lines + ["Gateway: \(message.gateway)"]).joined(separator: "\n"), bytes: 4000)
            return Request(url: url, headers: headers, body: Array(lines.utf8), secrets: secrets(url, token))
        }
    }

    /// The address, its path, and what of the path looks like a key by itself.
    private func secrets(_ url: String, _ token: String?) -> [String] {
        let path = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).dropFirst(3)
            .joined()
        let parts = path.split { "/?&=".contains($0) }.map(String.init).filter { $0.utf8.count >= 8 }
        return [url, path, token].compactMap(\.self) + parts
    }

    private static func json(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    /// Slack's three characters; and no name on a terminal calls a whole channel to its phones.
    private static func slackText(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("@", with: "@\u{200B}")
    }

    // MARK: Judging

    private func judge(
        _ status: Int, _ retryAfter: Duration?, _ body: [UInt8], _ secrets: [String]
    ) -> AlertSending {
        var said = AlertPost.hide(
            secrets, in: PlainText.words(ofHTML: String(decoding: body, as: UTF8.self), limit: 200))
        var retryAfter = retryAfter
        var isTaken = (200..<300).contains(status)
        if case .telegram = target {
            // What is no JSON is no answer of Telegram's.
            let answer = try? JSONDecoder().decode(TelegramAnswer.self, from: Data(body))
            isTaken = isTaken && answer?.ok == true
            if let description = answer?.description {
                said = AlertPost.hide(secrets, in: PlainText.line(description, limit: 200))
            }
            if let seconds = answer?.parameters?.retry_after { retryAfter = .seconds(max(0, seconds)) }
        }
        if isTaken { return .taken }
        let reason: String
        switch status {
        case 300..<400: reason = "\(status): it redirects elsewhere. Write the address it leads to"
        default: reason = said.isEmpty ? "\(status)" : "\(status): \(said)"
        }
        let mayHelp = status >= 500 || [408, 425, 429].contains(status)
        return .failed(reason: reason, mayHelp: mayHelp, retryAfter: retryAfter)
    }
}

private struct TelegramForm: Encodable {
    var chat_id: String
    var text: String
    var disable_web_page_preview = true
}

private struct TelegramAnswer: Decodable {
    struct Parameters: Decodable { var retry_after: Int64? }
    var ok: Bool
    var description: String?
    var parameters: Parameters?
}

/// What a `json` channel posts; described in docs/alerts.md.
private struct JSONForm: Encodable {
    struct Alert: Encodable {
        var kind, subject, severity, title, detail, remedy, since: String
        var until: String?
    }
    var version = 1
    var gateway, event, kind, severity, title, text, at: String
    var count: Int
    var alerts: [Alert]

    init(_ message: AlertMessage) {
        let notice = message.notice
        gateway = message.gateway
        event = notice.event.rawValue
        kind = notice.kindWord
        severity = notice.severity.rawValue
        title = message.title
        text = message.lines.joined(separator: "\n")
        at = notice.at.iso8601
        count = notice.alerts.count
        alerts = notice.alerts.prefix(AlertNotice.written).map {
            Alert(
                kind: $0.kind, subject: $0.subject, severity: $0.severity.rawValue, title: $0.title,
                detail: $0.detail, remedy: $0.remedy, since: $0.since.iso8601, until: $0.clearSince?.iso8601)
        }
    }
}

extension AlertMessage {
    /// ntfy's names of emojis, and ours to filter by.
    fileprivate var tags: String {
        let sign =
            switch notice.event {
            case .raised: notice.severity == .critical ? "rotating_light" : "warning"
            case .worsened: "rotating_light"
            case .recovered: "white_check_mark"
            case .test: "test_tube"
            }
        return "\(sign),\(notice.kindWord)"
    }

    static func cut(_ text: String, bytes: Int) -> String {
        guard text.utf8.count > bytes else { return text }
        var cut = ""
        var length = 0
        for character in text {
            length += character.utf8.count
            guard length <= bytes - 3 else { break }
            cut.append(character)
        }
        return cut + "…"
    }
}
