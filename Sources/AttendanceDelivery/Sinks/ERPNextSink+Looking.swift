import AttendanceCore
import Foundation

// Whether earlier attempts got through (docs/erpnext.md §6).

extension ERPNextSink {
    /// Punches that were sent by employee are looked for together, in one read; the others one by one.
    package func look(for punches: [FrozenPunch]) async -> [Sighting] {
        guard case .hrms = settings.dialect else { return punches.map { _ in .cannotTell } }
        var sightings: [Int64: Sighting] = [:]
        var known: [Sought] = []
        for punch in punches {
            guard let fields = fields(punch.frozen) else {
                sightings[punch.punch.id] = .cannotTell
                continue
            }
            // Decided just now, although it may have been sent before: the direction may have been another one then.
            let isDecidedAnew = punch.decision != nil
            if let sought = Sought(id: punch.punch.id, fields, inAnyDirection: isDecidedAnew) {
                known.append(sought)
            } else {
                sightings[punch.punch.id] = await look(for: fields, inAnyDirection: isDecidedAnew)
            }
        }
        // A request line may be no longer than 4,094 bytes (gunicorn).
        for part in Self.parts(known, by: \.employee) {
            sightings.merge(await look(for: part)) { _, new in new }
        }
        return punches.map { sightings[$0.punch.id] ?? .cannotTell }
    }

    /// A check-in of ours, as the site would hold it.
    private struct Sought {
        var id: Int64
        var employee: String
        var time: WallTime
        var device: String
        var direction: String?

        init?(id: Int64, _ fields: CheckinFields, inAnyDirection: Bool) {
            guard let employee = fields.employee, let time = WallTime(fields["timestamp"]) else { return nil }
            self.id = id
            self.employee = employee
            self.time = time
            device = fields["device_id"]
            direction = inAnyDirection ? nil : fields.values["log_type"]
        }

        func isIn(_ row: CheckinRow) -> Bool {
            row.employee?.lowercased() == employee.lowercased() && row.time.flatMap { WallTime($0) } == time
                && row.device_id == device && (direction == nil || direction == row.log_type)
        }
    }

    private func look(for sought: [Sought]) async -> [Int64: Sighting] {
        guard let first = sought.map(\.time).min(), let last = sought.map(\.time).max() else { return [:] }
        let limit = 1_000
        let listing: Listing<CheckinRow> = await list(
            "Employee Checkin", fields: ["name", "employee", "time", "device_id", "log_type"],
            filters: [
                .list([
                    .text("employee"), .text("in"),
                    .list(Set(sought.map(\.employee)).sorted().map { .text($0) }),
                ]),
                .list([
                    .text("time"), .text("between"),
                    .list([.text(first.description), .text(last.description)]),
                ]),
            ], limit: limit)
        let rows: [CheckinRow]
        switch listing {
        case .rows(let found): rows = found
        case .silent(let sighting): return Dictionary(uniqueKeysWithValues: sought.map { ($0.id, sighting) })
        }
        // There may be more: what was not found is looked for in two smaller spans.
        if rows.count >= limit, sought.count > 1 {
            let byTime = sought.sorted { $0.time < $1.time }
            let half = byTime.count / 2
            let earlier = await look(for: Array(byTime[..<half]))
            return earlier.merging(await look(for: Array(byTime[half...]))) { first, _ in first }
        }
        return Dictionary(
            uniqueKeysWithValues: sought.map { sought in
                let found = rows.first { sought.isIn($0) }
                return (sought.id, found.map { .present(reference: Self.reference($0.name)) } ?? .absent)
            })
    }

    /// One whom the site itself looked up.
    private func look(for fields: CheckinFields, inAnyDirection: Bool) async -> Sighting {
        let who: JSONValue = .list([
            .text(fields["employee_fieldname"]), .text("="), .text(fields["employee_field_value"]),
        ])
        let listing: Listing<NamedRow> = await list("Employee", fields: ["name"], filters: [who], limit: 20)
        let employees: [String]
        switch listing {
        case .rows(let rows): employees = rows.map(\.name)
        case .silent(let sighting): return sighting
        }
        guard !employees.isEmpty else { return .absent }
        var filters: [JSONValue] = [
            .list([.text("employee"), .text("in"), .list(employees.map { .text($0) })]),
            .list([.text("time"), .text("="), .text(fields["timestamp"])]),
            .list([.text("device_id"), .text("="), .text(fields["device_id"])]),
        ]
        if !inAnyDirection, let direction = fields.values["log_type"] {
            filters.append(.list([.text("log_type"), .text("="), .text(direction)]))
        }
        let found: Listing<NamedRow> = await list(
            "Employee Checkin", fields: ["name"], filters: filters, limit: 20)
        switch found {
        case .rows(let rows):
            return rows.first.map { .present(reference: Self.reference($0.name)) } ?? .absent
        case .silent(let sighting): return sighting
        }
    }

    static func reference(_ name: String) -> String { PlainText.line(name, limit: 140) }

    // MARK: Lists

    struct NamedRow: Decodable, Sendable {
        var name: String
    }

    struct CheckinRow: Decodable, Sendable {
        var name: String
        var employee: String?
        var time: String?
        var device_id: String?
        var log_type: String?
        var shift: String?
        var shift_actual_end: String?
    }

    enum Listing<Row: Sendable>: Sendable {
        case rows([Row])
        case silent(Sighting)
    }

    /// Parts whose texts fit into one request's address, at least one item each.
    static func parts<Item>(_ items: [Item], by text: (Item) -> String) -> [[Item]] {
        var parts: [[Item]] = []
        var length = 0
        for item in items {
            let size = SiteClient.encoded(text(item)).utf8.count + 9  // with its quotes and a comma
            if parts.isEmpty || length + size > 3_000 {
                parts.append([])
                length = 0
            }
            length += size
            parts[parts.count - 1].append(item)
        }
        return parts
    }

    func list<Row: Decodable & Sendable>(
        _ doctype: String, fields: [String], filters: [JSONValue], limit: Int
    ) async -> Listing<Row> {
        let exchange = await site.exchange(
            .init(
                method: .GET, path: "api/resource/\(SiteClient.encoded(doctype))",
                query: [
                    ("fields", JSONValue.list(fields.map { .text($0) }).json),
                    ("filters", JSONValue.list(filters).json), ("limit_page_length", String(limit)),
                ],
                timeout: settings.timeout))
        switch exchange {
        case .answer(let answer):
            if answer.status == 200 {
                guard let rows: [Row] = Self.rows(in: answer.body) else {
                    return .silent(
                        .unavailable(reason: "the site answers a search with no list", retryAfter: nil))
                }
                return .rows(rows)
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

    private static func rows<Row: Decodable>(in body: [UInt8]) -> [Row]? {
        // Anything that is no such page is told apart by the caller.
        guard FrappeBody(body).isJSON else { return nil }
        return (try? JSONDecoder().decode(ListPage<Row>.self, from: Data(body)))?.data
    }
}

private struct ListPage<Row: Decodable>: Decodable {
    var data: [Row]
}
