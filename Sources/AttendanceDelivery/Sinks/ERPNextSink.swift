import AsyncHTTPClient
import AttendanceCore
import Foundation
import Logging
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
        /// - employeeField: the Employee column the person key is looked up in, where `Attribution` names no other.
        /// - siteZone: the site's zone, set by hand. Without it the zone that the directory has learnt is taken; without
        ///   a directory the terminal's wall time is sent as it is.
        case hrms(employeeField: String, siteZone: ZoneRules?)
        case customMethod
    }

    package enum Mode: Sendable {
        case deliver
        /// Everything is decided and rendered, and nothing is sent.
        case shadow
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
        package var mode: Mode
        /// With more punches owed than this, old ones are sent many in one request; nil never does.
        package var bulkAbove: Int?
        /// For a request with many.
        package var bulkTimeout: Duration

        package static let hrmsEndpoint =
            "api/method/hrms.hr.doctype.employee_checkin.employee_checkin.add_log_based_on_employee_field"

        package init(
            url: String, endpoint: String = Settings.hrmsEndpoint,
            dialect: Dialect = .hrms(employeeField: "attendance_device_id", siteZone: nil),
            personKey: PersonKey? = nil, credential: APICredential? = nil, timeout: Duration = .seconds(30),
            userAgent: String = "attendance-gateway", mode: Mode = .deliver, bulkAbove: Int? = nil
        ) {
            self.url = url
            self.endpoint = endpoint
            self.dialect = dialect
            self.credential = credential
            self.timeout = timeout
            bulkTimeout = timeout * 4
            self.userAgent = userAgent
            self.mode = mode
            self.bulkAbove = bulkAbove
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
    let settings: Settings
    let site: SiteClient
    let directory: SiteDirectory?
    let logger: Logger
    private let attribution: Attribution
    let moment: @Sendable () -> Duration
    /// Answers 200 without JSON, one after the other.
    private let pages = Atomic(0)
    private let toldOfZone = Atomic(false)
    /// See `ERPNextSink+Bulk.swift`.
    let bulk = Mutex(Bulk())

    /// - `client`: set up by `SiteClient.configuration`, shared by all sinks, shut down by its maker.
    /// - `directory`: who is who on this site; nil where it is not read.
    /// - `moment`: the monotonic clock, since any fixed start.
    package init(
        name: SinkName = .erpnext, settings: Settings, client: HTTPClient, directory: SiteDirectory? = nil,
        attribution: Attribution = Attribution(),
        moment: @escaping @Sendable () -> Duration = DeliveryTiming.live.moment,
        logger: Logger = Logger(label: "erpnext", factory: { _ in SwiftLogNoOpLogHandler() })
    ) {
        self.name = name
        self.settings = settings
        self.directory = directory
        self.attribution = attribution
        self.moment = moment
        var logger = logger
        logger[metadataKey: "sink"] = "\(name)"
        self.logger = logger
        site = SiteClient(
            client: client, base: settings.url, authorization: settings.credential?.authorization,
            userAgent: settings.userAgent)
    }

    package var canLook: Bool {
        if case .hrms = settings.dialect { true } else { false }
    }

    // MARK: Who

    /// The employee where it is known, else the key that is sent; in lower case, as the site compares it.
    package func lane(of punch: OwedPunch) -> String {
        // What was frozen by name stays with that employee, whoever the id belongs to by now.
        if let frozen = punch.frozen, let fields = CheckinFields(frozen: frozen, holding: CheckinFields.hrms),
            let employee = fields.employee
        {
            return employee.lowercased()
        }
        switch person(of: punch, in: directory?.now) {
        case .employee(let employee): return employee.name.lowercased()
        case .named(let name): return name.lowercased()
        case .key, .several: return key(of: punch, canonical: true).lowercased()
        }
    }

    private func key(of punch: OwedPunch, canonical: Bool = false) -> String {
        let id = canonical ? punch.enrollID.canonical : punch.enrollID.sent
        return switch settings.personKey {
        case .enrollID: id
        case .aliasFirst: punch.alias ?? id
        }
    }

    private enum Person {
        case employee(Employee)
        /// An operator says that it is this one, who is not in the directory.
        case named(String)
        case several([String])
        /// The site shall look for the key that the terminal sent.
        case key
    }

    private func person(of punch: OwedPunch, in contents: SiteDirectory.Contents?) -> Person {
        guard let contents, case .hrms(let field, _) = settings.dialect else { return .key }
        let resolution = contents.employees.resolve(
            key: key(of: punch), enrollID: punch.enrollID,
            field: attribution.employeeField(punch.terminal) ?? field,
            space: attribution.space(punch.terminal))
        switch resolution {
        case .employee(let employee): return .employee(employee)
        case .several(let names): return .several(names)
        case .unknown(let mapped): return mapped.map { .named($0) } ?? .key
        }
    }

    func employee(of punch: OwedPunch, in contents: SiteDirectory.Contents) -> Employee? {
        if case .employee(let employee) = person(of: punch, in: contents) { employee } else { nil }
    }

    // MARK: What is sent

    package func decide(_ punch: OwedPunch) async throws -> SinkDecision {
        let decision =
            switch settings.dialect {
            case .hrms(let field, let zone): try await decideCheckin(punch, field: field, zone: zone)
            case .customMethod: try await decideCustom(punch)
            }
        guard settings.mode == .shadow else { return decision }
        return switch decision {
        case .send(let frozen, _): .suppress(reason: render(frozen))
        case .reject(let cause, let reason): .suppress(reason: "\(cause.rawValue): \(reason)")
        case .suppress, .wait: decision
        }
    }

    private func decideCheckin(_ punch: OwedPunch, field: String, zone: ZoneRules?) async throws
        -> SinkDecision
    {
        let contents = directory?.now
        guard let time = siteTime(of: punch, zone, contents) else {
            return waitForZone(contents?.zoneProblem)
        }
        var fields = CheckinFields([
            "timestamp": time.description, "device_id": punch.terminal.text,
            "employee_fieldname": attribution.employeeField(punch.terminal) ?? field,
            "employee_field_value": key(of: punch),
        ])
        var employee: Employee?
        switch person(of: punch, in: contents) {
        case .employee(let known):
            employee = known
            fields.values["employee_fieldname"] = "name"
            fields.values["employee_field_value"] = known.name
        case .named(let name):
            fields.values["employee_fieldname"] = "name"
            fields.values["employee_field_value"] = name
        case .several(let names):
            return .reject(
                cause: .severalEmployees,
                reason: PlainText.line(
                    "\(names.count) employees have \(fields["employee_fieldname"]) "
                        + "\(fields["employee_field_value"]): \(names.prefix(10).joined(separator: ", "))"))
        case .key: break
        }
        let shift = employee?.defaultShift.flatMap { contents?.shifts[$0] }
        let direction: Direction?
        switch try await attribution.ruling(punch, shift) {
        case .repeats(let earlier, let seconds): return Self.repeated(earlier, after: seconds)
        case .forward(let ruled): direction = ruled
        }
        if let direction { fields.values["log_type"] = direction.rawValue }
        if let place = attribution.coordinates(punch.terminal) {
            fields.values["latitude"] = "\(place.latitude)"
            fields.values["longitude"] = "\(place.longitude)"
        }
        let decision = Decision(
            person: fields["employee_field_value"].lowercased(), employee: fields.employee, time: time,
            direction: direction)
        return .send(frozen: try fields.frozen(), decision: decision)
    }

    private func decideCustom(_ punch: OwedPunch) async throws -> SinkDecision {
        if case .repeats(let earlier, let seconds) = try await attribution.ruling(punch, nil) {
            return Self.repeated(earlier, after: seconds)
        }
        let key = key(of: punch)
        let name = punch.name ?? name(of: punch) ?? ""
        let fields = CheckinFields([
            "punchingcode": key, "employee_name": name, "time": punch.time.dayFirst,
            "device_id": punch.terminal.text,
        ])
        return .send(
            frozen: try fields.frozen(), decision: Decision(person: key.lowercased(), time: punch.time))
    }

    /// The person's name on the site, for a terminal that sends none.
    private func name(of punch: OwedPunch) -> String? {
        guard let contents = directory?.now,
            case .employee(let employee) = contents.employees.resolve(
                key: key(of: punch), enrollID: punch.enrollID,
                field: attribution.employeeField(punch.terminal) ?? "attendance_device_id",
                space: attribution.space(punch.terminal))
        else { return nil }
        return employee.fullName
    }

    private static func repeated(_ earlier: Int64, after seconds: Int) -> SinkDecision {
        .suppress(reason: "it repeats punch \(earlier), \(seconds) s after it")
    }

    private func waitForZone(_ problem: SiteProblem?) -> SinkDecision {
        // A key that the site does not take is the cause; that the zone is unknown is only what follows from it.
        if let problem, let remedy = problem.remedy {
            return .wait(reason: problem.reason, remedy: remedy, fault: problem.fault)
        }
        return .wait(
            reason: "the site's time zone is not known yet" + (problem.map { ": \($0.reason)" } ?? ""),
            remedy: "it is read from the site; if the site cannot tell it, set SiteTimeZone")
    }

    /// Nil as long as the site's zone may still become known.
    private func siteTime(
        of punch: OwedPunch, _ zone: ZoneRules?, _ contents: SiteDirectory.Contents?
    ) -> WallTime? {
        if let zone = zone ?? contents?.zone { return zone.wallTime(at: punch.instant) }
        guard let contents else { return punch.time }
        guard contents.zoneAsked else { return nil }
        if !toldOfZone.exchange(true, ordering: .relaxed) {
            logger.warning(
                "the site does not tell its time zone; the terminals' own times are sent",
                metadata: ["remedy": "set SiteTimeZone"])
        }
        return punch.time
    }

    package func canSend(_ frozen: String) -> Bool { fields(frozen) != nil }

    /// The frozen fields; those of the other dialect are no use to this one.
    func fields(_ frozen: String) -> CheckinFields? {
        switch settings.dialect {
        case .hrms: CheckinFields(frozen: frozen, holding: CheckinFields.hrms)
        case .customMethod: CheckinFields(frozen: frozen, holding: CheckinFields.customMethod)
        }
    }

    /// The request in words, without its headers: what a shadow leaves behind.
    private func render(_ frozen: String) -> String {
        guard let fields = fields(frozen) else { return frozen }
        let body =
            switch settings.dialect {
            case .hrms: fields.json
            case .customMethod: fields.form
            }
        return PlainText.line("POST \(settings.endpoint) \(String(decoding: body, as: UTF8.self))")
    }

    // MARK: Delivering

    package func deliver(_ punches: [FrozenPunch]) async -> BatchAnswer {
        guard let first = punches.first else { return .each([]) }
        return punches.count == 1 ? .each([await deliver(first)]) : await insertMany(punches)
    }

    private func deliver(_ punch: FrozenPunch) async -> Delivery {
        guard let fields = fields(punch.frozen) else {
            return Delivery(
                outcome: .rejected(cause: .invalidData, reason: "what was frozen cannot be read"),
                answer: .rejected)
        }
        let dialect: ERPNextAnswer.Dialect
        let body: (type: String, bytes: [UInt8])
        switch settings.dialect {
        case .hrms:
            dialect = .hrms(time: fields["timestamp"])
            body = ("application/json", fields.json)
        case .customMethod:
            dialect = .customMethod
            body = ("application/x-www-form-urlencoded", fields.form)
        }
        let exchange = await site.exchange(
            .init(method: .POST, path: settings.endpoint, body: body, timeout: settings.timeout))
        guard case .answer(let answer) = exchange else { return Self.silent(exchange) }
        let context = ERPNextAnswer.Context(
            dialect, attemptsBefore: punch.punch.attempts, pagesBefore: pages.load(ordering: .relaxed),
            lookup: fields.lookup)
        var verdict = answer.verdict(context)
        if verdict.isPage { pages.add(1, ordering: .relaxed) } else { pages.store(0, ordering: .relaxed) }
        await confirm(&verdict, time: fields["timestamp"])
        let delivery = Delivery(
            outcome: verdict.outcome, answer: verdict.answer, status: answer.status,
            reference: verdict.reference, words: verdict.words,
            missedShift: missedShift(verdict.shift, endingAt: verdict.shiftActualEnd))
        notePace(delivery)
        return delivery
    }

    /// Where only a link says that the check-in is there: it is the one that was meant if it has the time sent.
    private func confirm(_ verdict: inout ERPNextAnswer.Verdict, time: String) async {
        guard let ifAbsent = verdict.ifAbsent, let reference = verdict.reference, canLook else { return }
        let listing: Listing<CheckinRow> = await list(
            "Employee Checkin", fields: ["name", "time"],
            filters: [.list([.text("name"), .text("="), .text(reference)])], limit: 1)
        switch listing {
        case .rows(let rows) where !rows.contains { $0.time.flatMap { WallTime($0) } == WallTime(time) }:
            verdict.outcome = ifAbsent
            verdict.answer = .rejected
            verdict.reference = nil
        case .silent(.unavailable(let reason, _)):
            verdict.outcome = .retry(reason: reason, counted: false)
            verdict.answer = .transient
            verdict.reference = nil
        case .rows, .silent: break
        }
    }

    /// The check-in will not be counted by itself: the site had marked that shift's attendance already.
    func missedShift(_ shift: String?, endingAt end: WallTime?) -> Settlement.MissedShift? {
        guard let shift, let end, let known = directory?.now.shifts[shift], known.marksAttendance,
            let lastSync = known.lastSync, lastSync > end
        else { return nil }
        return Settlement.MissedShift(shift: shift, end: end)
    }

    /// What an exchange without an answer means for a punch.
    static func silent(_ exchange: SiteClient.Exchange) -> Delivery {
        switch exchange {
        case .notSent(let reason): silent(reason, ambiguous: false)
        case .noAnswer(let reason): silent(reason, ambiguous: true)
        case .badAddress(let reason):
            Delivery(
                outcome: .siteMisconfigured(
                    fault: .configuration, reason: "the site's address cannot be used: \(reason)",
                    remedy: "set URL to https://host"),
                answer: .configuration)
        case .answer(let answer): silent("the site answers \(answer.status)", ambiguous: true)
        }
    }

    static func silent(_ reason: String, ambiguous: Bool) -> Delivery {
        Delivery(
            outcome: .siteUnavailable(reason: reason, retryAfter: nil, ambiguous: ambiguous),
            answer: .transient, words: reason)
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
