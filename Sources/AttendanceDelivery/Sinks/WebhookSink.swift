import AsyncHTTPClient
import AttendanceCore
import Crypto
import Foundation
import NIOHTTP1

/// Any receiver of punches as JSON over HTTP: several in one request, signed, and recognisable when they come again
/// (docs/webhook.md).
///
/// The receiver must be idempotent: a request without an answer is sent again as it was, with the same key.
package final class WebhookSink: Sink {
    /// What an answer must be for the punches to be taken.
    package struct SuccessRule: Sendable {
        package enum Body: Hashable, Sendable {
            /// The value at the end of the path of keys has this text (`true`, `0`, `ok`); nil: it is anything but null
            /// and false.
            case field(path: [String], value: String?)
            /// The body, as UTF-8, contains this text.
            case contains(String)
        }
        /// Never empty.
        package var statuses: [ClosedRange<Int>]
        package var body: Body?

        package init(statuses: [ClosedRange<Int>] = [200...299], body: Body? = nil) {
            self.statuses = statuses
            self.body = body
        }
    }

    package struct Settings: Sendable {
        /// The whole address. It may hold a secret, and is never logged.
        package var url: HiddenText
        /// Key of the signature; nil: requests are not signed.
        package var secret: HiddenText?
        /// Sent as they are, beside our own.
        package var headers: [(name: String, value: HiddenText)]
        /// Most punches in one request, at least 1.
        package var batchSize: Int
        package var timeout: Duration
        package var success: SuccessRule
        package var userAgent: String

        package init(
            url: HiddenText, secret: HiddenText? = nil, headers: [(name: String, value: HiddenText)] = [],
            batchSize: Int = 100, timeout: Duration = .seconds(30), success: SuccessRule = SuccessRule(),
            userAgent: String = "attendance-gateway"
        ) {
            self.url = url
            self.secret = secret
            self.headers = headers
            self.batchSize = max(1, batchSize)
            self.timeout = timeout
            self.success = success
            self.userAgent = userAgent
        }
    }

    /// What the gateway knows of people and terminals; the answers may change while it runs.
    package struct Names: Sendable {
        package var terminal: @Sendable (SerialNumber) -> String?
        package var employee: @Sendable (OwedPunch) -> Employee?

        package init(
            terminal: @escaping @Sendable (SerialNumber) -> String? = { _ in nil },
            employee: @escaping @Sendable (OwedPunch) -> Employee? = { _ in nil }
        ) {
            self.terminal = terminal
            self.employee = employee
        }
    }

    package let name: SinkName
    package let canLook = false
    package let isIdempotent = true
    private let settings: Settings
    private let attribution: Attribution
    private let names: Names
    private let receiver: SiteClient
    private let now: @Sendable () -> UnixTime

    /// - `client`: set up by `SiteClient.configuration`, shared by all sinks, shut down by its maker.
    /// - `now`: the wall clock, for the signature.
    package init(
        name: SinkName, settings: Settings, client: HTTPClient, attribution: Attribution = Attribution(),
        names: Names = Names(), now: @escaping @Sendable () -> UnixTime = DeliveryTiming.live.now
    ) {
        self.name = name
        self.settings = settings
        self.attribution = attribution
        self.names = names
        self.now = now
        receiver = SiteClient(client: client, exactly: settings.url.text, userAgent: settings.userAgent)
    }

    package func lane(of punch: OwedPunch) -> String {
        attribution.space(punch.terminal) + "/" + punch.enrollID.canonical.lowercased()
    }

    package func batchLimit(_ situation: BatchSituation) -> Int { settings.batchSize }

    // MARK: What is sent

    package func decide(_ punch: OwedPunch) async throws -> SinkDecision {
        let direction: Direction?
        switch try await attribution.ruling(punch, nil) {
        case .repeats(let earlier, let seconds):
            return .suppress(reason: "it repeats punch \(earlier), \(seconds) s after it")
        case .forward(let ruled): direction = ruled
        }
        let employee = names.employee(punch)
        let sent = SentPunch(
            punch, terminalName: names.terminal(punch.terminal), direction: direction, employee: employee)
        let decision = Decision(
            person: lane(of: punch), employee: employee?.name, time: punch.time, direction: direction)
        return .send(frozen: try sent.json(), decision: decision)
    }

    package func canSend(_ frozen: String) -> Bool { SentPunch.isOne(frozen) }

    static func body(_ punches: [FrozenPunch]) -> [UInt8] {
        Array((#"{"punches":["# + punches.map(\.frozen).joined(separator: ",") + "]}").utf8)
    }

    /// Names the request by its content: the same punches have the same key, whenever they are sent.
    static func key(_ body: [UInt8]) -> String { hex(SHA256.hash(data: body)) }

    /// `t=<unix seconds>,v1=<hex of HMAC-SHA256 over "t.body">`
    static func signature(_ body: [UInt8], secret: String, at time: UnixTime) -> String {
        var code = HMAC<SHA256>(key: SymmetricKey(data: Array(secret.utf8)))
        code.update(data: Array("\(time.seconds).".utf8))
        code.update(data: body)
        return "t=\(time.seconds),v1=\(hex(code.finalize()))"
    }

    private static func hex(_ bytes: some Sequence<UInt8>) -> String {
        bytes.reduce(into: "") { text, byte in
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }

    // MARK: Delivering

    package func deliver(_ punches: [FrozenPunch]) async -> BatchAnswer {
        let body = Self.body(punches)
        var headers = settings.headers.map { ($0.name, $0.value.text) }
        headers.append(("Idempotency-Key", Self.key(body)))
        headers.append(("X-Attendance-Delivery", UUID().uuidString.lowercased()))
        if let secret = settings.secret?.text {
            headers.append(("X-Attendance-Signature", Self.signature(body, secret: secret, at: now())))
        }
        let exchange = await receiver.exchange(
            .init(
                method: .POST, path: "", body: ("application/json", body), headers: headers,
                timeout: settings.timeout))
        let delivery: Delivery
        switch exchange {
        case .answer(let answer):
            switch judge(answer, count: punches.count) {
            case .split(let reason): return .split(reason: reason)
            case .all(var judged):
                judged.status = answer.status
                delivery = judged
            }
        case .notSent, .noAnswer: delivery = ERPNextSink.silent(exchange)
        case .badAddress(let reason):
            delivery = Self.paused(
                .configuration, "the webhook's address cannot be used: \(reason)",
                "set URL to https://host/path")
        }
        return .each(punches.map { _ in delivery })
    }

    package func look(for punches: [FrozenPunch]) async -> [Sighting] { punches.map { _ in .cannotTell } }

    /// Whether anybody answers there: a HEAD, which does nothing.
    package func probe() async -> Bool {
        let exchange = await receiver.exchange(
            .init(
                method: .HEAD, path: "", headers: settings.headers.map { ($0.name, $0.value.text) },
                timeout: min(settings.timeout, SiteBreaker.probeTimeout)))
        guard case .answer(let answer) = exchange else { return false }
        switch answer.status {
        case 429, 502, 503, 504, 520...527: return false
        default: return true
        }
    }

    // MARK: Judging

    private enum Judgement {
        case all(Delivery)
        case split(String)
    }

    private func judge(_ answer: ERPNextAnswer, count: Int) -> Judgement {
        let words = Self.words(answer)
        let said = words.isEmpty ? "" : ": \(words)"
        if settings.success.statuses.contains(where: { $0.contains(answer.status) }) {
            if settings.success.takes(answer.body) {
                return .all(Delivery(outcome: .delivered(reference: nil), answer: .delivered))
            }
            if count > 1 { return .split("the answer does not say that they were taken") }
            return .all(
                Delivery(
                    outcome: .retry(
                        reason: PlainText.line("the answer does not say that it was taken\(said)"),
                        counted: true),
                    answer: .transient, words: words))
        }
        switch answer.status {
        case 413 where count > 1, 400 where count > 1, 409 where count > 1, 422 where count > 1:
            return .split("the receiver answers \(answer.status)\(said)")
        case 400, 409, 413, 422:
            let reason = PlainText.line("the receiver answers \(answer.status)\(said)")
            return .all(
                Delivery(
                    outcome: .rejected(
                        cause: answer.status == 413 ? .invalidData : .refusedByRule, reason: reason),
                    answer: .rejected, words: words))
        case 401, 403, 407:
            return .all(
                Self.paused(
                    .authentication, "the receiver refuses us (\(answer.status))\(said)",
                    "check Secret and the headers of this webhook"))
        case 408, 425: return .all(Self.unavailable("the receiver answers \(answer.status)", words))
        case 429, 503: return .all(Self.limited(answer, words))
        case 500...599: return .all(Self.unavailable("the receiver answers \(answer.status)\(said)", words))
        case 300...399:
            let place = answer.location.map { " to \(PlainText.line($0, limit: 200))" } ?? ""
            return .all(
                Self.paused(
                    .configuration,
                    "the receiver redirects\(place) (\(answer.status)), which is not followed",
                    "set URL to the final address"))
        case 200...299:
            return .all(
                Self.paused(
                    .configuration,
                    "the receiver answers \(answer.status), which the settings do not call a success",
                    "add it to SuccessStatus, or check URL"))
        default:
            return .all(
                Self.paused(
                    .configuration, "the receiver answers \(answer.status)\(said)",
                    "check URL of this webhook"))
        }
    }

    private static func words(_ answer: ERPNextAnswer) -> String {
        PlainText.words(ofHTML: String(decoding: answer.body.prefix(16 * 1024), as: UTF8.self), limit: 200)
    }

    private static func paused(_ fault: SiteFault, _ reason: String, _ remedy: String) -> Delivery {
        let reason = PlainText.line(reason)
        return Delivery(
            outcome: .siteMisconfigured(fault: fault, reason: reason, remedy: remedy),
            answer: fault == .authentication ? .authentication : .configuration, words: reason)
    }

    /// It may have been taken all the same, so what goes again is the same request.
    private static func unavailable(_ reason: String, _ words: String) -> Delivery {
        Delivery(
            outcome: .siteUnavailable(reason: PlainText.line(reason), retryAfter: nil, ambiguous: true),
            answer: .transient, words: words)
    }

    private static func limited(_ answer: ERPNextAnswer, _ words: String) -> Delivery {
        var retryAfter: Duration?
        if case .siteUnavailable(_, let wait, _) = answer.verdict(.init(.customMethod)).outcome {
            retryAfter = wait
        }
        return Delivery(
            outcome: .siteUnavailable(
                reason: "the receiver asks to wait (\(answer.status))", retryAfter: retryAfter,
                ambiguous: true),
            answer: answer.status == 429 || retryAfter != nil ? .rateLimited : .transient, words: words)
    }
}

extension WebhookSink.SuccessRule {
    func takes(_ body: [UInt8]) -> Bool {
        switch self.body {
        case nil: true
        case .contains(let text): String(decoding: body, as: UTF8.self).contains(text)
        case .field(let path, let wanted):
            if let found = Self.text(body, at: path) {
                wanted.map { $0 == found } ?? (found != "false")
            } else {
                false
            }
        }
    }

    /// The value there as text; nil where there is none, or null.
    private static func text(_ body: [UInt8], at path: [String]) -> String? {
        // What is no JSON has no fields.
        guard FrappeBody(body).isJSON, var value = try? JSONDecoder().decode(JSONValue.self, from: Data(body))
        else { return nil }
        for key in path {
            guard case .object(let fields) = value, let next = fields[key] else { return nil }
            value = next
        }
        return switch value {
        case .text(let text): text
        case .flag(let flag): flag ? "true" : "false"
        case .integer(let number): String(number)
        case .number(let number): String(number)
        case .null: nil
        case .list, .object: "present"
        }
    }
}

/// Text that does not print itself.
package struct HiddenText: Sendable, CustomStringConvertible, CustomReflectable {
    let text: String

    package init(_ text: String) { self.text = text }

    package var description: String { "HiddenText(redacted)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
