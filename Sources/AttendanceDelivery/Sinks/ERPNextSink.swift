import AsyncHTTPClient
import AttendanceCore
import Foundation
import NIOHTTP1
import Synchronization

/// One ERPNext site, in one of two dialects: HRMS's own method, or the site's method that the older service called.
///
/// What is sent is frozen at the first attempt (docs/erpnext.md §6): only then is a resend the same request, and only
/// then does the site recognise it.
package final class ERPNextSink: Sink {
    /// Which of the terminal's two person keys is sent.
    package enum PersonKey: String, Sendable, CaseIterable {
        /// The enroll id as the terminal sent it.
        case enrollID = "enrollid"
        /// The alphanumeric employee code when the terminal sent one, else the enroll id.
        case aliasFirst = "alias"
    }

    package enum Dialect: Sendable {
        /// - employeeField: the Employee column the person key is looked up in.
        /// - siteZone: the site's zone; with it the punch's instant is shown in that zone, without it the terminal's
        ///   wall time is sent as it is.
        case hrms(employeeField: String, siteZone: ZoneRules?)
        case customMethod
    }

    package struct Settings: Sendable {
        /// `http(s)://host[:port][/prefix]`.
        package var url: String
        /// Path below it, such as `api/method/…`. Slashes at either join do not matter.
        package var endpoint: String
        package var dialect: Dialect
        package var personKey: PersonKey
        package var credential: APICredential?
        /// For each request, from its start to the last byte of its answer.
        package var timeout: Duration
        package var userAgent: String

        package static let hrmsEndpoint =
            "api/method/hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field"

        package init(
            url: String, endpoint: String = Settings.hrmsEndpoint,
            dialect: Dialect = .hrms(employeeField: "attendance_device_id", siteZone: nil),
            personKey: PersonKey? = nil, credential: APICredential? = nil, timeout: Duration = .seconds(30),
            userAgent: String = "attendance-gateway"
        ) {
            self.url = url
            self.endpoint = endpoint
            self.dialect = dialect
            self.credential = credential
            self.timeout = timeout
            self.userAgent = userAgent
            if let personKey {
                self.personKey = personKey
            } else if case .hrms = dialect {
                self.personKey = .aliasFirst
            } else {
                self.personKey = .enrollID
            }
        }
    }

    package let name: SinkName
    private let settings: Settings
    private let site: SiteClient
    /// Answers 200 without JSON, one after the other.
    private let pages = Atomic(0)

    /// - Parameter client: set up by `SiteClient.configuration`, shared by all sinks, shut down by its maker.
    package init(name: SinkName = .erpnext, settings: Settings, client: HTTPClient) {
        self.name = name
        self.settings = settings
        site = SiteClient(
            client: client, base: settings.url, authorization: settings.credential?.authorization,
            userAgent: settings.userAgent)
    }

    package var canLook: Bool {
        if case .hrms = settings.dialect { true } else { false }
    }

    /// The key that is sent, in lower case as the site compares it.
    package func lane(of punch: OwedPunch) -> String {
        switch settings.personKey {
        case .enrollID: punch.enrollID.canonical.lowercased()
        case .aliasFirst: (punch.alias ?? punch.enrollID.canonical).lowercased()
        }
    }

    // MARK: What is sent

    package func freeze(_ punch: OwedPunch) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(fields(of: punch)), as: UTF8.self)
    }

    private func fields(of punch: OwedPunch) -> [String: String] {
        // Text, always: as a number 5555 finds the employee "5555x" (docs/erpnext.md §0, fact 7).
        let person =
            switch settings.personKey {
            case .enrollID: punch.enrollID.sent
            case .aliasFirst: punch.alias ?? punch.enrollID.sent
            }
        switch settings.dialect {
        case .hrms(let employeeField, let siteZone):
            var time = punch.time
            if let zone = siteZone { time = zone.wallTime(at: punch.instant) }
            return [
                "employee_field_value": person, "timestamp": time.description,
                "device_id": punch.terminal.text, "employee_fieldname": employeeField,
            ]
        case .customMethod:
            return [
                "punchingcode": person, "employee_name": punch.name ?? "", "time": punch.time.dayFirst,
                "device_id": punch.terminal.text,
            ]
        }
    }

    /// The frozen fields; those of the other dialect are no use to this one, so they are decided afresh.
    private func thaw(_ frozen: String, _ punch: OwedPunch) -> [String: String] {
        let fresh = fields(of: punch)
        guard let fields = try? JSONDecoder().decode([String: String].self, from: Data(frozen.utf8)),
            Set(fields.keys) == Set(fresh.keys)
        else { return fresh }
        return fields
    }

    // MARK: Delivering

    package func deliver(_ punch: OwedPunch, frozen: String) async -> Delivery {
        let fields = thaw(frozen, punch)
        let dialect: ERPNextAnswer.Dialect
        let body: (type: String, bytes: [UInt8])
        switch settings.dialect {
        case .hrms:
            dialect = .hrms(time: fields["timestamp"] ?? "")
            body = ("application/json", Self.json(fields))
        case .customMethod:
            dialect = .customMethod
            body = ("application/x-www-form-urlencoded", Self.form(fields))
        }
        let exchange = await site.exchange(
            .init(method: .POST, path: settings.endpoint, body: body, timeout: settings.timeout))
        switch exchange {
        case .answer(let answer):
            let context = ERPNextAnswer.Context(
                dialect, attemptsBefore: punch.attempts, pagesBefore: pages.load(ordering: .relaxed))
            let verdict = answer.verdict(context)
            if verdict.isPage { pages.add(1, ordering: .relaxed) } else { pages.store(0, ordering: .relaxed) }
            return Delivery(
                outcome: verdict.outcome, answer: verdict.answer, status: answer.status,
                reference: verdict.reference, words: verdict.words)
        case .notSent(let reason): return Self.silent(reason, ambiguous: false)
        case .noAnswer(let reason): return Self.silent(reason, ambiguous: true)
        case .badAddress(let reason):
            return Delivery(
                outcome: .siteMisconfigured(
                    fault: .configuration, reason: "the site's address cannot be used: \(reason)",
                    remedy: "set URL in [ERP] to https://host"),
                answer: .configuration)
        }
    }

    private static func silent(_ reason: String, ambiguous: Bool) -> Delivery {
        Delivery(
            outcome: .siteUnavailable(reason: reason, retryAfter: nil, ambiguous: ambiguous),
            answer: .transient,
            words: reason)
    }

    private static func json(_ fields: [String: String]) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // A dictionary of texts has no way to fail; an empty body would be refused by the site and told.
        return (try? encoder.encode(fields)).map(Array.init) ?? []
    }

    /// In the order in which the older service sent them.
    private static func form(_ fields: [String: String]) -> [UInt8] {
        let text = ["punchingcode", "employee_name", "time", "device_id"]
            .map { "\($0)=\(SiteClient.encoded(fields[$0] ?? ""))" }.joined(separator: "&")
        return Array(text.utf8)
    }

    // MARK: Looking

    package func look(for punch: OwedPunch, frozen: String) async -> Sighting {
        guard case .hrms = settings.dialect else { return .cannotTell }
        let fields = thaw(frozen, punch)
        guard let person = fields["employee_field_value"], let field = fields["employee_fieldname"],
            let time = fields["timestamp"], let device = fields["device_id"]
        else { return .cannotTell }

        let employees: [String]
        switch await list("Employee", fields: ["name"], filters: [[field, "=", person]]) {
        case .names(let names): employees = names
        case .silent(let sighting): return sighting
        }
        guard !employees.isEmpty else { return .absent }
        let filters: [[Any]] = [
            ["employee", "in", employees], ["time", "=", time], ["device_id", "=", device],
        ]
        switch await list("Employee Checkin", fields: ["name"], filters: filters) {
        case .names(let names): return names.first.map { .present(reference: $0) } ?? .absent
        case .silent(let sighting): return sighting
        }
    }

    private enum Listing {
        case names([String])
        case silent(Sighting)
    }

    private func list(_ doctype: String, fields: [String], filters: [[Any]]) async -> Listing {
        let exchange = await site.exchange(
            .init(
                method: .GET, path: "api/resource/\(SiteClient.encoded(doctype))",
                query: [
                    ("fields", Self.text(fields)), ("filters", Self.text(filters)),
                    ("limit_page_length", "20"),
                ],
                timeout: settings.timeout))
        switch exchange {
        case .answer(let answer):
            if answer.status == 200 {
                guard let names = Self.names(in: answer.body) else {
                    return .silent(
                        .unavailable(reason: "the site answers a search with no list", retryAfter: nil))
                }
                return .names(names)
            }
            let verdict = answer.verdict(.init(.hrms(time: "")))
            if case .siteUnavailable(let reason, let retryAfter, _) = verdict.outcome {
                return .silent(.unavailable(reason: reason, retryAfter: retryAfter))
            }
            if case .retry(let reason, _) = verdict.outcome {
                return .silent(.unavailable(reason: reason, retryAfter: nil))
            }
            // This user may not search; the site's own check for repeats still holds for a later resend.
            return .silent(.cannotTell)
        case .notSent(let reason), .noAnswer(let reason), .badAddress(let reason):
            return .silent(.unavailable(reason: reason, retryAfter: nil))
        }
    }

    private static func text(_ value: Any) -> String {
        // Lists of texts, made here: they cannot fail to be written.
        (try? JSONSerialization.data(withJSONObject: value, options: .withoutEscapingSlashes))
            .map { String(decoding: $0, as: UTF8.self) } ?? "[]"
    }

    private static func names(in body: [UInt8]) -> [String]? {
        struct Page: Decodable {
            struct Row: Decodable { var name: String }
            var data: [Row]
        }
        // Anything that is no such page is told apart by the caller.
        return (try? JSONDecoder().decode(Page.self, from: Data(body)))?.data.map(\.name)
    }

    // MARK: Probing

    package func probe() async -> Bool {
        let exchange = await site.exchange(
            .init(
                method: .GET, path: "api/method/ping",
                timeout: min(settings.timeout, SiteBreaker.probeTimeout)))
        guard case .answer(let answer) = exchange else { return false }
        switch answer.status {
        case 429, 502, 503, 504, 520...527: return false
        default: return true
        }
    }
}

/// An API key with its secret. Does not print itself.
package struct APICredential: Sendable, CustomStringConvertible, CustomReflectable {
    let authorization: String

    package init(key: String, secret: String) { authorization = "token \(key):\(secret)" }

    /// The whole value of the `Authorization` header, for a custom method that wants another scheme.
    package init(authorization: String) { self.authorization = authorization }

    package var description: String { "APICredential(redacted)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
