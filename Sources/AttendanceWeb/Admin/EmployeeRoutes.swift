import AttendanceCore
import AttendanceStore
import Hummingbird
import Logging

/// What `employees map`, `unmap` and `sync` ask of a running gateway.
package struct EmployeeRoutes: Sendable {
    private let store: any Store
    /// Sinks whose sites are read.
    package let sites: Set<SinkName>
    private let sync: @Sendable (SinkName) async -> EmployeeSyncReport?
    private let remap: @Sendable (SinkName) async -> Int
    private let now: @Sendable () -> UnixTime

    /// - `sites`: the sinks whose sites are read.
    /// - `sync`: reads a site at once; nil where nobody can.
    /// - `remap`: puts changed mappings to use; answers how many dead letters are sent again.
    package init(
        store: any Store, sites: Set<SinkName>,
        sync: @escaping @Sendable (SinkName) async -> EmployeeSyncReport?,
        remap: @escaping @Sendable (SinkName) async -> Int, now: @escaping @Sendable () -> UnixTime
    ) {
        self.store = store
        self.sites = sites
        self.sync = sync
        self.remap = remap
        self.now = now
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("employees/sync") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: EmployeeSyncOrder) in
                try await sync(order)
            }
        }
        router.post("employees/map") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: MappingOrder) in
                try await map(order, logger: logger)
            }
        }
    }

    /// Throws what is wrong with the order.
    package func sync(_ order: EmployeeSyncOrder) async throws -> EmployeeSyncReport {
        guard let report = await sync(try site(order.site)) else {
            throw BadOrder(text: "the gateway is stopping")
        }
        return report
    }

    /// Throws what is wrong with the order, and what the journal throws.
    package func map(_ order: MappingOrder, logger: Logger) async throws -> MappingAnswer {
        let site = try site(order.site)
        try await order.carryOut(on: store, at: now())
        logger.notice(
            "employees mapped by an operator",
            metadata: [
                "sink": "\(site)", "added": "\(order.added.count)", "removed": "\(order.removed.count)",
            ])
        return MappingAnswer(requeued: order.hasMore ? 0 : await remap(site))
    }

    private func site(_ name: String) throws -> SinkName {
        guard let sink = SinkName(name), sites.contains(sink) else {
            throw BadOrder(text: "site: “\(PlainText.line(name, limit: 64))” is none that is read")
        }
        return sink
    }
}

/// Body of `POST /employees/sync`.
package struct EmployeeSyncOrder: Codable, Sendable {
    /// Name of the sink.
    package var site: String

    package init(site: SinkName) { self.site = site.text }
}

/// What reading a site has brought.
package struct EmployeeSyncReport: Codable, Sendable {
    package var employees: Int
    package var changed: Int
    package var removed: Int
    /// Dead letters that are sent again.
    package var requeued: Int
    package var problem: String?
    package var remedy: String?

    package init(
        employees: Int, changed: Int, removed: Int, requeued: Int, problem: String? = nil,
        remedy: String? = nil
    ) {
        self.employees = employees
        self.changed = changed
        self.removed = removed
        self.requeued = requeued
        self.problem = problem
        self.remedy = remedy
    }
}

/// Body of `POST /employees/map`: mappings to add (or replace) and to take away.
package struct MappingOrder: Codable, Sendable {
    package struct Entry: Codable, Sendable {
        /// The id space; empty for all terminals without one of their own.
        package var space: String
        package var id: String
        package var employee: String

        package init(_ mapping: EmployeeMapping) {
            space = mapping.space
            id = mapping.enrollID.sent
            employee = mapping.employee
        }

        func mapping() throws -> EmployeeMapping {
            guard let enrollID = EnrollID(id), !enrollID.isDoor, !enrollID.isStranger else {
                throw BadOrder(text: "id: “\(PlainText.line(id, limit: 64))” is no enroll id")
            }
            guard space.isOneLine(ofAtMost: 64), employee.isOneLine(ofAtMost: 140), !employee.isEmpty else {
                throw BadOrder(text: "space or employee: no such name")
            }
            return EmployeeMapping(space: space, enrollID: enrollID, employee: employee)
        }
    }

    package static let maximum = 1000

    package var site: String
    /// Of both at most `maximum`.
    package var added: [Entry]
    package var removed: [Entry]
    /// Further orders follow at once, so nothing is sent again yet.
    package var hasMore: Bool
    package var author: String

    package init(
        site: SinkName, added: [EmployeeMapping] = [], removed: [EmployeeMapping] = [], hasMore: Bool = false,
        author: Author
    ) {
        self.site = site.text
        self.added = added.map(Entry.init)
        self.removed = removed.map(Entry.init)
        self.hasMore = hasMore
        self.author = author.name
    }

    /// Throws what is wrong with the order, and what the journal throws.
    package func carryOut(on store: any Store, at now: UnixTime) async throws {
        guard let sink = SinkName(site) else { throw BadOrder(text: "site: “\(site)” is no sink's name") }
        guard added.count + removed.count <= Self.maximum else {
            throw BadOrder(text: "at most \(Self.maximum) mappings in one order")
        }
        try await store.setMappings(
            try added.map { try $0.mapping() }, removed: try removed.map { try $0.mapping() }, of: sink,
            by: Author(author), at: now)
    }
}

/// Answer to `POST /employees/map`.
package struct MappingAnswer: Codable, Sendable {
    /// Dead letters that are sent again.
    package var requeued: Int

    package init(requeued: Int) { self.requeued = requeued }
}
