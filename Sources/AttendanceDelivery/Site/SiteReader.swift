import AsyncHTTPClient
import AttendanceCore
import Foundation
import NIOHTTP1

/// Reads one ERPNext site, and makes the few small changes that are no delivery of a punch.
///
/// Each call is one request (`list` calls: one page) over the same client as deliveries: no redirect is followed, no
/// cookie kept, at most 1 MiB of an answer read, every wait has an end. Nothing throws, whatever comes back. Times are
/// the site's own. Source: docs/erpnext.md §4.
package struct SiteReader: Sendable {
    /// Rows of one page: with the longest values that ERPNext's fields hold in practice well below 1 MiB.
    package static let pageSize = 500

    private let client: SiteClient
    private let timeout: Duration
    private let now: @Sendable () -> UnixTime

    /// - `timeout`: for each request, from its start to the last byte of its answer.
    /// - `now`: the wall clock, for the skew only.
    package init(
        client: SiteClient, timeout: Duration = .seconds(30),
        now: @escaping @Sendable () -> UnixTime = DeliveryTiming.live.now
    ) {
        self.client = client
        self.timeout = timeout
        self.now = now
    }

    /// For the site that a sink of these settings delivers to.
    package init(
        settings: ERPNextSink.Settings, client: HTTPClient,
        now: @escaping @Sendable () -> UnixTime = DeliveryTiming.live.now
    ) {
        self.init(
            client: SiteClient(
                client: client, base: settings.url, authorization: settings.credential?.authorization,
                userAgent: settings.userAgent),
            timeout: settings.timeout, now: now)
    }

    // MARK: The site itself

    /// Whether the site answers, which needs no rights.
    package func ping() async -> SiteAnswer<SitePing> {
        let started = ContinuousClock.now
        let asked = now()
        let exchange = await client.exchange(
            .init(method: .GET, path: "api/method/ping", timeout: min(timeout, .seconds(10))))
        let roundTrip = ContinuousClock.now - started
        guard case .answer(let answer) = exchange else { return silent(exchange, changing: false) }
        return read(answer, of: "the site") { row in
            guard row.text("message") == "pong" else {
                return .unreadable(reason: "the answer to ping is not ERPNext's")
            }
            // The site wrote its date, in whole seconds, about half-way.
            let skew = answer.date.flatMap { UnixTime(httpDate: $0) }.map {
                asked + roundTrip / 2 - $0 - .milliseconds(500)
            }
            return .value(SitePing(clockSkew: skew, roundTrip: roundTrip))
        }
    }

    /// The user whose key is sent.
    package func loggedUser() async -> SiteAnswer<String> {
        await get("api/method/frappe.auth.get_logged_user", of: "the API user") { row in
            guard let user = row.line("message") else {
                return .unreadable(reason: "the site does not name the API user")
            }
            guard user != "Guest" else {
                return .denied(
                    reason: "the site takes the gateway for a guest",
                    remedy:
                        "set APIKey and APISecret, and check that a proxy passes the Authorization header on",
                    fault: .authentication)
            }
            return .value(user)
        }
    }

    /// The IANA name in the site's System Settings; `.missing` on sites that are too old to tell it.
    package func timeZone() async -> SiteAnswer<String> {
        await get("api/method/frappe.client.get_time_zone", of: "the site's time zone") { row in
            guard let name = row.row("message")?.line("time_zone") ?? row.line("message") else {
                return .unreadable(reason: "the site does not name its time zone")
            }
            return .value(name)
        }
    }

    /// Version of each installed app, such as `hrms`: `15.33.0`.
    package func versions() async -> SiteAnswer<[String: String]> {
        await get("api/method/frappe.utils.change_log.get_versions", of: "the site's versions") { row in
            guard let apps = row.row("message") else {
                return .unreadable(reason: "the site does not list its apps")
            }
            var versions: [String: String] = [:]
            for app in apps.keys.sorted().prefix(100) where app.isOneLine(ofAtMost: 64) {
                versions[app] = apps.row(app)?.line("version", limit: 64)
            }
            return .value(versions)
        }
    }

    /// Whether the API user has a right (`read`, `write`, `create`, …) on a document. Says nothing of permission
    /// levels.
    package func hasPermission(_ right: String, on doctype: String, named name: String) async -> SiteAnswer<
        Bool
    > {
        let query = [("doctype", doctype), ("docname", name), ("perm_type", right)]
        return await get("api/method/frappe.client.has_permission", query: query, of: "permissions") { row in
            guard let message = row.row("message"), message.has("has_permission") else {
                return .unreadable(reason: "the site does not tell permissions")
            }
            return .value(message.flag("has_permission"))
        }
    }

    // MARK: Employees

    /// Fields read of every employee beside its key fields. The first four are in every ERPNext.
    package static let employeeFields = [
        "name", "employee_name", "status", "modified", "company", "branch", "default_shift",
    ]

    /// Employees by document name.
    ///
    /// - `keyFields`: columns that hold ids of terminals, such as `attendance_device_id`.
    /// - `modifiedSince`: only those changed at this moment or later, as the site writes moments.
    /// - `name`: only this one.
    /// - `after`: `EmployeePage.next`.
    /// - `leavingOut`: fields that the site does not have; an unknown one makes the whole answer `.missing`.
    package func employees(
        keyFields: [String], modifiedSince: String? = nil, named name: String? = nil, after: String? = nil,
        leavingOut: Set<String> = [], limit: Int = pageSize
    ) async -> SiteAnswer<EmployeePage> {
        let fields = (Self.employeeFields + keyFields.filter { !Self.employeeFields.contains($0) })
            .filter { !leavingOut.contains($0) }
        var filters: [[String]] = []
        if let modifiedSince { filters.append(["modified", ">=", modifiedSince]) }
        if let name { filters.append(["name", "=", name]) }
        if let after { filters.append(["name", ">", after]) }
        let answer = await list("Employee", fields, filters, order: "name asc", limit: limit)
        return answer.flatMap { found in
            let employees = found.rows.compactMap { Self.employee($0, keyFields: keyFields) }
            // A row without a usable name at the end: on from the one before it, which is progress as well.
            let last = found.rows.last?.identifier("name") ?? employees.last?.name
            if found.isFull, last == nil {
                return .unreadable(reason: "the site lists employees without names")
            }
            return .value(
                EmployeePage(
                    employees: employees, next: found.isFull ? last : nil,
                    unreadable: found.rows.count - employees.count,
                    shownFields: Set(keyFields.filter { field in found.rows.contains { $0.has(field) } })))
        }
    }

    /// Whether a doctype has a field that this user may search by.
    package func hasField(_ field: String, of doctype: String) async -> SiteAnswer<Bool> {
        let answer = await list(doctype, ["name", field], [], order: "name asc", limit: 1)
        if case .missing = answer { return .value(false) }
        return answer.map { _ in true }
    }

    private static func employee(_ row: SiteRow, keyFields: [String]) -> Employee? {
        guard let name = row.identifier("name") else { return nil }
        var keys: [String: String] = [:]
        for field in keyFields { keys[field] = row.identifier(field) }
        return Employee(
            name: name, fullName: row.line("employee_name") ?? "", status: row.line("status") ?? "Active",
            company: row.line("company"), branch: row.line("branch"),
            defaultShift: row.identifier("default_shift"), modified: row.line("modified", limit: 32) ?? "",
            keys: keys)
    }

    // MARK: Shift types

    /// All of them, at most `pageSize`. Sites from before 2025 do not know `auto_update_last_sync`; there it is false.
    package func shiftTypes() async -> SiteAnswer<[ShiftType]> {
        let fields = [
            "name", "start_time", "end_time", "enable_auto_attendance", "process_attendance_after",
            "last_sync_of_checkin", "allow_check_out_after_shift_end_time", "auto_update_last_sync",
        ]
        var answer = await list("Shift Type", fields, [], order: "name asc", limit: Self.pageSize)
        if case .missing = answer {
            answer = await list("Shift Type", fields.dropLast(), [], order: "name asc", limit: Self.pageSize)
        }
        return answer.map { $0.rows.compactMap(Self.shiftType) }
    }

    /// One Shift Type, as it is now.
    package func shiftType(named name: String) async -> SiteAnswer<ShiftType> {
        await get("api/resource/Shift%20Type/\(SiteClient.encoded(name))", of: "Shift Type \(shown(name))") {
            row in
            guard let shift = row.row("data").flatMap(Self.shiftType) else {
                return .unreadable(reason: "the site does not show Shift Type \(shown(name))")
            }
            return .value(shift)
        }
    }

    /// Writes `last_sync_of_checkin` of one Shift Type. Answers what the site holds then.
    package func setLastSync(of shift: String, to time: WallTime) async -> SiteAnswer<WallTime> {
        let answer = await change(
            .PUT, "api/resource/Shift%20Type/\(SiteClient.encoded(shift))",
            ["last_sync_of_checkin": time.description], of: "Shift Type \(shown(shift))")
        return answer.flatMap { row in
            guard let stored = row.row("data")?.time("last_sync_of_checkin") else {
                return .unreadable(reason: "the site does not say what last_sync_of_checkin is now")
            }
            return .value(stored)
        }
    }

    private static func shiftType(_ row: SiteRow) -> ShiftType? {
        guard let name = row.identifier("name"), let start = row.timeOfDay("start_time"),
            let end = row.timeOfDay("end_time")
        else { return nil }
        return ShiftType(
            name: name, start: start, end: end,
            allowsCheckOutAfter: max(0, min(row.number("allow_check_out_after_shift_end_time") ?? 0, 1440))
                * 60,
            marksAttendance: row.flag("enable_auto_attendance"), lastSync: row.time("last_sync_of_checkin"),
            movesLastSyncItself: row.flag("auto_update_last_sync"),
            countsFrom: row.time("process_attendance_after"))
    }

    // MARK: Check-ins

    private static let checkinFields = [
        "name", "employee", "time", "log_type", "device_id", "attendance", "shift", "skip_auto_attendance",
    ]

    /// Check-ins with a time in `from..<until`, by (time, name). A check-in that is made or removed between two pages
    /// neither doubles nor hides another.
    ///
    /// - `employees`: document names, at most 100; empty: of everybody.
    /// - `after`: `CheckinPage.next`.
    package func checkins(
        from: WallTime, until: WallTime, employees: [String] = [], after: CheckinPlace? = nil,
        limit: Int = pageSize
    ) async -> SiteAnswer<CheckinPage> {
        var filters: [[Any]] = []
        if !employees.isEmpty { filters.append(["employee", "in", Array(employees.prefix(100))]) }
        let order: String
        switch after ?? .from(time: from.description) {
        case .from(let time):
            filters += [["time", ">=", time], ["time", "<", until.description]]
            order = "time asc, name asc"
        case .after(let time):
            filters += [["time", ">", time], ["time", "<", until.description]]
            order = "time asc, name asc"
        case .within(let time, let name):
            filters += [["time", "=", time], ["name", ">", name]]
            order = "name asc"
        }
        let answer = await list("Employee Checkin", Self.checkinFields, filters, order: order, limit: limit)
        return answer.flatMap { found in
            Self.page(found.rows, isFull: found.isFull, place: after ?? .from(time: from.description))
        }
    }

    /// A full page ends before its last moment, which may go on in the next one; one that holds a single moment goes
    /// on by name.
    private static func page(
        _ rows: [SiteRow], isFull: Bool, place: CheckinPlace
    ) -> SiteAnswer<CheckinPage> {
        var checkins: [(time: String, checkin: SiteCheckin)] = []
        for row in rows {
            guard let checkin = checkin(row), let time = row.text("time") else {
                return .unreadable(
                    reason:
                        "the site lists a check-in without name, employee or time (\(row.line("name") ?? "no name"))"
                )
            }
            checkins.append((time, checkin))
        }
        var next: CheckinPlace?
        if let first = checkins.first, let last = checkins.last, isFull {
            switch place {
            case .within(let time, _): next = .within(time: time, name: last.checkin.name)
            case .from, .after:
                if first.time == last.time {
                    next = .within(time: last.time, name: last.checkin.name)
                } else {
                    checkins.removeAll { $0.time == last.time }
                    next = .from(time: last.time)
                }
            }
        } else if case .within(let time, _) = place {
            next = .after(time: time)
        }
        return .value(CheckinPage(checkins: checkins.map(\.checkin), next: next))
    }

    /// One check-in by its document name.
    package func checkin(named name: String) async -> SiteAnswer<SiteCheckin> {
        await get(
            "api/resource/Employee%20Checkin/\(SiteClient.encoded(name))", of: "check-in \(shown(name))"
        ) { row in
            guard let checkin = row.row("data").flatMap(Self.checkin) else {
                return .unreadable(reason: "the site does not show check-in \(shown(name))")
            }
            return .value(checkin)
        }
    }

    /// Check-ins by their document names, at most 100; those that are not there are left out.
    package func checkins(named names: [String]) async -> SiteAnswer<[SiteCheckin]> {
        guard !names.isEmpty else { return .value([]) }
        let filters: [[Any]] = [["name", "in", Array(names.prefix(100))]]
        return await list("Employee Checkin", Self.checkinFields, filters, order: "name asc", limit: 101)
            .map { $0.rows.compactMap(Self.checkin) }
    }

    private static func checkin(_ row: SiteRow) -> SiteCheckin? {
        guard let name = row.identifier("name"), let employee = row.identifier("employee"),
            let time = row.time("time")
        else { return nil }
        return SiteCheckin(
            name: name, employee: employee, time: time,
            direction: row.text("log_type").flatMap { Direction(rawValue: $0) },
            deviceID: row.line("device_id"),
            attendance: row.identifier("attendance"), shift: row.identifier("shift"),
            skipsAttendance: row.flag("skip_auto_attendance"))
    }

    /// Makes a check-in that attendance leaves out (`skip_auto_attendance`), by the method that delivers punches, to
    /// prove the way. The answer is what the site echoes: a `time` other than the one sent tells that the API user
    /// lacks permission level 1.
    ///
    /// - `endpoint`: path of `add_log_based_on_employee_field`.
    package func insertTrialCheckin(
        employee: String, time: WallTime, deviceID: String, direction: Direction? = nil,
        endpoint: String = ERPNextSink.Settings.hrmsEndpoint
    ) async -> SiteAnswer<SiteCheckin> {
        var fields = [
            "employee_field_value": employee, "employee_fieldname": "name", "timestamp": time.description,
            "device_id": deviceID, "skip_auto_attendance": "1",
        ]
        fields["log_type"] = direction?.rawValue
        let answer = await change(.POST, endpoint, fields, of: "Employee Checkin")
        return answer.flatMap { row in
            guard let checkin = row.row("message").flatMap(Self.checkin) else {
                return .unreadable(reason: "the site answered without naming the check-in it made")
            }
            return .value(checkin)
        }
    }

    package func deleteCheckin(named name: String) async -> SiteAnswer<Void> {
        let answer = await change(
            .DELETE, "api/resource/Employee%20Checkin/\(SiteClient.encoded(name))", nil,
            of: "check-in \(shown(name))")
        return answer.map { _ in }
    }

    // MARK: Asking

    private struct Rows: Sendable {
        var rows: [SiteRow]
        /// As many as were asked for: there may be more.
        var isFull: Bool
    }

    /// Fewer rows, should so many of them not fit into an answer.
    private func list(
        _ doctype: String, _ fields: some Collection<String>, _ filters: [[Any]], order: String, limit: Int
    ) async -> SiteAnswer<Rows> {
        var limit = limit
        while true {
            let query = [
                ("fields", Self.json(Array(fields))), ("filters", Self.json(filters)), ("order_by", order),
                ("limit_start", "0"), ("limit_page_length", String(limit)),
            ]
            let path = "api/resource/\(SiteClient.encoded(doctype))"
            let exchange = await client.exchange(
                .init(method: .GET, path: path, query: query, timeout: timeout))
            guard case .answer(let answer) = exchange else { return silent(exchange, changing: false) }
            if answer.status == 200, answer.body.count >= ERPNextAnswer.maximumBody, limit > 20 {
                limit /= 4
                continue
            }
            return read(answer, of: doctype) { row in
                guard let rows = row.rows("data") else {
                    return .unreadable(reason: "the site answers a search for \(doctype) without a list")
                }
                return .value(Rows(rows: rows, isFull: rows.count >= limit))
            }
        }
    }

    private func get<Value: Sendable>(
        _ path: String, query: [(String, String)] = [], of subject: String,
        _ body: (SiteRow) -> SiteAnswer<Value>
    ) async -> SiteAnswer<Value> {
        let exchange = await client.exchange(
            .init(method: .GET, path: path, query: query, timeout: timeout))
        guard case .answer(let answer) = exchange else { return silent(exchange, changing: false) }
        return read(answer, of: subject, body)
    }

    private func change(
        _ method: HTTPMethod, _ path: String, _ fields: [String: String]?, of subject: String
    ) async -> SiteAnswer<SiteRow> {
        let body = fields.map { (type: "application/json", bytes: Array(Self.json($0).utf8)) }
        let exchange = await client.exchange(.init(method: method, path: path, body: body, timeout: timeout))
        guard case .answer(let answer) = exchange else { return silent(exchange, changing: true) }
        return read(answer, of: subject) { .value($0) }
    }

    private func silent<Value>(_ exchange: SiteClient.Exchange, changing: Bool) -> SiteAnswer<Value> {
        switch exchange {
        case .noAnswer(let reason) where changing:
            .unavailable(reason: "\(reason); it may have been done all the same", retryAfter: nil)
        case .noAnswer(let reason), .notSent(let reason): .unavailable(reason: reason, retryAfter: nil)
        case .badAddress(let reason):
            .denied(
                reason: "the site's address cannot be used: \(reason)", remedy: "set URL to https://host")
        case .answer: .unreadable(reason: "no answer")
        }
    }

    private func read<Value>(
        _ answer: ERPNextAnswer, of subject: String, _ body: (SiteRow) -> SiteAnswer<Value>
    ) -> SiteAnswer<Value> {
        guard (200...202).contains(answer.status) else {
            return SiteRefusal(answer, subject: subject).verdict()
        }
        guard answer.body.count < ERPNextAnswer.maximumBody else {
            return .unreadable(reason: "the site's answer about \(subject) is longer than 1 MiB")
        }
        guard let row = SiteRow(json: answer.body) else {
            return .unreadable(
                reason:
                    "the site answers \(answer.status) with something that is not ERPNext's (a login or proxy page?)"
            )
        }
        return body(row)
    }

    private func shown(_ name: String) -> String { PlainText.line(name, limit: 140) }

    private static func json(_ value: Any) -> String {
        // Lists and dictionaries of texts, made here: they cannot fail to be written.
        (try? JSONSerialization.data(withJSONObject: value, options: [.withoutEscapingSlashes, .sortedKeys]))
            .map { String(decoding: $0, as: UTF8.self) } ?? "[]"
    }
}
