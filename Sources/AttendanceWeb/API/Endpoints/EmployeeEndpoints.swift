import AttendanceCore
import AttendanceStore
import Foundation

extension API {
    static let employeeEndpoints: [Endpoint] = [
        Endpoint(
            .get, "employees", "listEmployees", "A site's employees as they were last read", tag: .employees,
            scope: .read, [.site], traits: [.paged, .mayBeMissing]
        ) { try await $0.listEmployees($1) },
        Endpoint(
            .post, "employees/sync", "syncEmployees", "Read a site's employees now", tag: .employees,
            scope: .deliveries, body: .json(SiteBody.self, isRequired: false), traits: .mayBeMissing,
            touches: [.people, .deliveries]
        ) { try await $0.syncEmployees($1) },
        Endpoint(
            .get, "employee-findings", "checkEmployees", "Where terminals and employees do not fit together",
            tag: .employees, scope: .read,
            [.site, .query("days", .integer(1...3660), "So far back punches are looked at; 60 without it.")],
            traits: .mayBeMissing
        ) { try await $0.checkEmployees($1) },
        Endpoint(
            .get, "mappings", "listMappings", "What ids are mapped to, and by what", tag: .employees,
            scope: .read,
            [.site], traits: .mayBeMissing
        ) { try await $0.listMappings($1) },
        Endpoint(
            .post, "mappings", "changeMappings",
            "Say that ids of terminals are certain employees, or no longer",
            "Dead letters of people who are known by then are sent again.", tag: .employees,
            scope: .deliveries,
            body: .json(MappingBody.self), traits: .mayBeMissing, touches: [.people, .deliveries]
        ) { try await $0.changeMappings($1) },
    ]

    private func site(_ call: APICall, named name: String?) throws -> SinkName {
        try call.requireAllGroups()
        guard let sink = SinkName(name ?? SinkName.erpnext.text), try call.who().reaches(sink: sink) else {
            throw APIProblem.notFound
        }
        return sink
    }

    func listEmployees(_ call: APICall) async throws -> PageAnswer<EmployeeAnswer> {
        let site = try site(call, named: call.text("site"))
        let start = try call.cursor.map { try PageCursor.parts($0, 1)[0] } ?? ""
        let page = try await store.employees(of: site, after: start, limit: call.limit)
        return PageAnswer(
            page.map { EmployeeAnswer($0) },
            next: page.count == call.limit ? page.last.map { PageCursor.text([$0.name]) } : nil)
    }

    func syncEmployees(_ call: APICall) async throws -> EmployeeSyncReport {
        let site = try site(call, named: try call.body(SiteBody.self).site)
        guard operations.employees.sites.contains(site) else {
            throw APIProblem.field("/site", "is none whose employees are read")
        }
        return try await operations.employees.sync(EmployeeSyncOrder(site: site))
    }

    func checkEmployees(_ call: APICall) async throws -> ListAnswer<EmployeeFinding> {
        let site = try site(call, named: call.text("site"))
        let days = call.integer("days").map { Int($0) } ?? 60
        guard let findings = try await operations.api.employeeFindings(site, days) else {
            throw APIProblem.notFound
        }
        return ListAnswer(findings)
    }

    func listMappings(_ call: APICall) async throws -> ListAnswer<MappingReport> {
        let site = try site(call, named: call.text("site"))
        guard let mappings = try await operations.api.mappings(site) else { throw APIProblem.notFound }
        return ListAnswer(mappings)
    }

    func changeMappings(_ call: APICall) async throws -> MappingAnswer {
        let body = try call.body(MappingBody.self)
        let site = try site(call, named: body.site)
        func read(_ entries: [MappingBody.Entry]?, _ name: String) throws -> [EmployeeMapping] {
            try (entries ?? []).enumerated().map { index, entry in
                guard let id = EnrollID(entry.person), !id.isDoor, !id.isStranger else {
                    throw APIProblem.field("/\(name)/\(index)/person", "is no enroll id of a person")
                }
                return EmployeeMapping(space: entry.space ?? "", enrollID: id, employee: entry.employee)
            }
        }
        let added = try read(body.added, "added")
        let removed = try read(body.removed, "removed")
        guard !added.isEmpty || !removed.isEmpty else {
            throw APIProblem.field("/added", "and removed are both empty")
        }
        return try await operations.employees.map(
            MappingOrder(site: site, added: added, removed: removed, author: try call.author()),
            logger: logger)
    }
}

package struct SiteBody: Codable, Documented {
    package var site: String?
    package static let schema = Schema.named(
        "SiteChoice",
        .object([.optional("site", Schema.sink, "Name of the sink; `erpnext` without it.")]))
    package static let samples = [SiteBody(site: "erpnext")]
}

package struct MappingBody: Codable, Documented {
    package struct Entry: Codable, Sendable {
        package var space: String?
        package var person: String
        package var employee: String
    }
    package var site: String?
    package var added: [Entry]?
    package var removed: [Entry]?

    private static let entry = Schema.object([
        .optional("space", Schema.line(0...64), "Id space; that of all others without it."),
        .init("person", Schema.enrollID, "Enroll id."),
        .init("employee", Schema.line(1...140), "Document name."),
    ])
    package static let schema = Schema.named(
        "MappingChange",
        .object([
            .optional("site", Schema.sink, "Name of the sink; `erpnext` without it."),
            .optional("added", .list(entry, 0...500), "Added, or put in place of others."),
            .optional("removed", .list(entry, 0...500)),
        ]))
    package static let samples = [
        MappingBody(site: "erpnext", added: [Entry(person: "12", employee: "HR-EMP-00012")])
    ]
}

extension MappingAnswer: Documented {
    package static let schema = Schema.named(
        "MappingChanged", .object([.init("requeued", .count, "Dead letters that are sent again.")]))
    package static let samples = [MappingAnswer(requeued: 2)]
}

extension EmployeeSyncReport: Documented {
    package static let schema = Schema.named(
        "EmployeeSync",
        .object([
            .init("employees", .count), .init("changed", .count), .init("removed", .count),
            .init("requeued", .count, "Dead letters that are sent again."), .optional("problem", .anyText),
            .optional("remedy", .anyText),
        ]))
    package static let samples = [EmployeeSyncReport(employees: 120, changed: 2, removed: 0, requeued: 1)]
}

extension EmployeeFinding: Documented {
    package static let schema = Schema.named(
        "EmployeeFinding",
        .object([
            .init("finding", .words(EmployeePreview.Kind.allCases.map(\.rawValue))),
            .init("needs_work", .flag), .init("space", .anyText), .optional("id", .anyText),
            .optional("name", .anyText), .init("employees", .list(.anyText), "Document names."),
            .init("terminals", .list(.anyText)), .init("punches", .count), .optional("last_punch", .anyText),
            .init("remedy", .anyText),
        ]))
    package static let samples = [
        EmployeeFinding(
            finding: .unknownID, space: "", id: "77", name: nil, employees: [], terminals: ["AYTI10087992"],
            punches: 4, lastPunch: "2026-11-22 08:01:09", remedy: "set the id of an employee")
    ]
}

extension MappingReport: Documented {
    package static let schema = Schema.named(
        "Mapping",
        .object([
            .init("space", .anyText), .init("id", .anyText, "Enroll id."), .init("employee", .anyText),
            .optional("name", .anyText), .optional("status", .anyText), .init("is_from_file", .flag),
        ]))
    package static var samples: [MappingReport] {
        guard let id = EnrollID("12") else { return [] }
        return [
            MappingReport(
                EmployeeMapping(enrollID: id, employee: "HR-EMP-00012"),
                employee: Employee(name: "HR-EMP-00012", fullName: "Asha Rao"), isFromFile: false)
        ]
    }
}

package struct EmployeeAnswer: Documented {
    package var employee: String
    package var name: String
    package var status: String
    package var company: String?
    package var branch: String?
    package var defaultShift: String?
    package var modified: String
    package var keys: [String: String]

    init(_ employee: Employee) {
        self.employee = employee.name
        name = employee.fullName
        status = employee.status
        company = employee.company
        branch = employee.branch
        defaultShift = employee.defaultShift
        modified = employee.modified
        keys = employee.keys
    }

    package static let schema = Schema.named(
        "Employee",
        .object([
            .init("employee", .anyText, "Document name."), .init("name", .anyText), .init("status", .anyText),
            .optional("company", .anyText), .optional("branch", .anyText),
            .optional("default_shift", .anyText), .init("modified", .anyText, "As the site writes it."),
            .init("keys", .map(.anyText), "Fields that hold ids of terminals."),
        ]))
    package static let samples = [
        EmployeeAnswer(
            Employee(
                name: "HR-EMP-00012", fullName: "Asha Rao", company: "Example",
                modified: "2026-11-20 10:00:00",
                keys: ["attendance_device_id": "12"]))
    ]
}
