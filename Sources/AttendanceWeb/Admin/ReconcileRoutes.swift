import AttendanceCore
import AttendanceStore
import Foundation
import Hummingbird
import Logging

/// What `reconcile --fix` and `repairs fix` ask of a running gateway, and comparing with a site as a page does it.
package struct ReconcileRoutes: Sendable {
    /// Sinks whose sites can be compared with the journal, in the order of the settings.
    package let sites: [SinkName]
    /// Throws `ComparisonRefusal`, and what the journal throws.
    package let compare: @Sendable (ComparisonOrder) async throws -> ComparisonReport
    /// Check-ins that a site made wrongly, as they stand there now. Throws like `compare`.
    package let repairs: @Sendable (SinkName) async throws -> [RepairReport]
    private let store: any Store
    private let owing: @Sendable (SinkName) -> Void
    private let now: @Sendable () -> UnixTime

    /// - `owing`: wakes the delivery to a sink after something became owed again.
    /// - `sites`: those that `compare` can ask.
    /// - `compare`: asks a site; bounded in time, and one at a time.
    /// - `repairs`: asks a site likewise.
    package init(
        store: any Store, owing: @escaping @Sendable (SinkName) -> Void,
        now: @escaping @Sendable () -> UnixTime, sites: [SinkName],
        compare: @escaping @Sendable (ComparisonOrder) async throws -> ComparisonReport,
        repairs: @escaping @Sendable (SinkName) async throws -> [RepairReport]
    ) {
        self.sites = sites
        self.compare = compare
        self.repairs = repairs
        self.store = store
        self.owing = owing
        self.now = now
    }

    package func add(to router: Router<BasicRequestContext>, logger: Logger) {
        router.post("punches/owe") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: OweOrder) in
                try await owe(order, logger: logger)
            }
        }
        router.post("audit") { request, _ in
            try await AdminOrder.answer(request, logger: logger) { (order: AuditOrder) in
                try await store.audit(order.entry(at: now()))
                return ChangeCount(changed: 1)
            }
        }
    }

    /// Throws what is wrong with the order, and what the journal throws.
    package func owe(_ order: OweOrder, logger: Logger) async throws -> ChangeCount {
        guard let sink = SinkName(order.sink) else {
            throw BadOrder(text: "sink: “\(order.sink)” is no sink's name")
        }
        guard order.punches.count <= OweOrder.maximum else {
            throw BadOrder(text: "punches: at most \(OweOrder.maximum) in one order")
        }
        let count = try await store.owe(
            order.punches, to: sink, again: true, by: Author(order.author), at: now())
        if count > 0 { owing(sink) }
        logger.notice(
            "punches sent again by an operator", metadata: ["count": "\(count)", "sink": "\(sink)"])
        return ChangeCount(changed: count)
    }
}

/// Body of `POST /punches/owe`: send these again to a sink, also what it took before.
package struct OweOrder: Codable, Sendable {
    package static let maximum = 1000

    package var sink: String
    /// Numbers in the journal, at most `maximum`.
    package var punches: [Int64]
    package var author: String

    package init(sink: SinkName, punches: [Int64], author: Author) {
        self.sink = sink.text
        self.punches = punches
        self.author = author.name
    }
}

/// Body of `POST /audit`: something a person has done outside of the journal.
package struct AuditOrder: Codable, Sendable {
    package var action: String
    package var subject: String
    package var detail: String
    package var author: String

    package init(action: String, subject: String, detail: String, author: Author) {
        self.action = action
        self.subject = subject
        self.detail = detail
        self.author = author.name
    }

    package func entry(at now: UnixTime) -> AuditEntry {
        AuditEntry(
            at: now, author: Author(author), action: PlainText.line(action, limit: 100),
            subject: PlainText.line(subject, limit: 200), detail: PlainText.line(detail))
    }
}

/// What shall be compared: the journal with one site, for some days of the site's own time.
package struct ComparisonOrder: Codable, Sendable, Hashable {
    /// Days of one comparison.
    package static let mostDays: Int64 = 31

    package var sink: String
    /// `YYYY-MM-DD`, the first and the last day.
    package var from: String
    package var to: String
    /// Only one employee, by document name such as `HR-EMP-00007`.
    package var employee: String?

    package init(sink: String, from: String, to: String, employee: String? = nil) {
        self.sink = sink
        self.from = from
        self.to = to
        self.employee = employee
    }
}

/// What a comparison has found.
package struct ComparisonReport: Codable, Sendable, Hashable {
    /// Differences that are told one by one; further ones are only counted.
    package static let mostFindings = 1000

    package struct Finding: Codable, Sendable, Hashable {
        /// `missing`, `extra`, `doubled`, `different-time`, `different-direction` or `different-employee`.
        package var kind: String
        /// Number in the journal.
        package var punch: Int64?
        /// Our terminal: of the punch, else what the check-in bears.
        package var terminal: String?
        package var enrollID: String?
        package var name: String?
        /// What was sent: document name of the employee, the site's time, `IN` or `OUT`.
        package var employee: String?
        package var time: String?
        package var direction: String?
        /// What stands there.
        package var checkin: String?
        package var foundEmployee: String?
        package var foundTime: String?
        package var foundDirection: String?
        /// The site made it wrongly (`repairs`).
        package var isMisfiled: Bool

        package init(kind: String, isMisfiled: Bool) {
            self.kind = kind
            self.isMisfiled = isMisfiled
        }
    }

    /// By the site's own clock, `until` excluded.
    package var from: String
    package var until: String
    package var isAgreed: Bool
    /// Punches the site took, those of them that stand there as they were sent, and those it did not get or keep.
    package var delivered: Int
    package var agreeing: Int
    package var owed: Int
    package var refused: Int
    package var suppressed: Int
    /// Check-ins on the site, and those of them that are none of our terminals'.
    package var found: Int
    package var elsewhere: Int
    /// How many differences of each kind.
    package var counts: [String: Int]
    /// In the order in which they were found, at most `mostFindings`.
    package var findings: [Finding]
    package var milliseconds: Int

    package init(
        from: String, until: String, isAgreed: Bool, delivered: Int, agreeing: Int, owed: Int, refused: Int,
        suppressed: Int, found: Int, elsewhere: Int, counts: [String: Int], findings: [Finding],
        milliseconds: Int
    ) {
        self.from = from
        self.until = until
        self.isAgreed = isAgreed
        self.delivered = delivered
        self.agreeing = agreeing
        self.owed = owed
        self.refused = refused
        self.suppressed = suppressed
        self.found = found
        self.elsewhere = elsewhere
        self.counts = counts
        self.findings = findings
        self.milliseconds = milliseconds
    }
}

/// A check-in that a site made wrongly, and what is to be done about it.
package struct RepairReport: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable, Hashable {
        /// Gone, or set right.
        case settled
        /// Of no use to anybody: `repairs fix` deletes it.
        case deletable
        /// A person must look.
        case open
    }
    /// The site's name for the check-in.
    package var checkin: String
    package var punch: Int64
    package var state: State
    /// Why, and what to do; nil where nothing is.
    package var reason: String
    package var remedy: String?
    /// With which time it stands there; nil when it does not.
    package var foundTime: String?

    package init(
        checkin: String, punch: Int64, state: State, reason: String, remedy: String?, foundTime: String?
    ) {
        self.checkin = checkin
        self.punch = punch
        self.state = state
        self.reason = reason
        self.remedy = remedy
        self.foundTime = foundTime
    }
}

/// Why nothing was compared.
package enum ComparisonRefusal: RefusedOrder, Hashable {
    case noSuchSite
    /// One of the days is none, or the last lies before the first.
    case badDays
    case tooManyDays
    case badEmployee
    /// Another comparison is under way.
    case busy
    /// The site has not answered in time for so many days.
    case tookTooLong
    /// In the words of whoever tried.
    case unreachable(String)

    package var errorDescription: String? {
        switch self {
        case .noSuchSite: "sink: there is no such site to ask"
        case .badDays: "from and to: two days, YYYY-MM-DD, the earlier one first"
        case .tooManyDays: "at most \(ComparisonOrder.mostDays) days at once"
        case .badEmployee: "employee: a document name such as HR-EMP-00007"
        case .busy: "another comparison is under way; try again when it has ended"
        case .tookTooLong: "the site took too long; choose fewer days"
        case .unreachable(let why): "the site cannot be asked: \(why)"
        }
    }
}
