import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceWeb
import Synchronization

/// Comparing the journal with a site from within the running gateway: one at a time, and not for long, since whoever
/// asks waits for the answer.
final class Comparisons: Sendable {
    /// Below what a proxy before the console waits for.
    private static let patience: Duration = .seconds(50)

    private let settings: Settings
    private let terminals: TerminalsInForce
    private let journal: any JournalReading
    private let client: HTTPClient
    private let isBusy = Mutex(false)

    init(settings: Settings, terminals: TerminalsInForce, journal: any JournalReading, client: HTTPClient) {
        self.settings = settings
        self.terminals = terminals
        self.journal = journal
        self.client = client
    }

    /// Sites with an address.
    var sites: [SinkName] { settings.sites.filter { $0.url != nil }.map(\.name) }

    /// Throws `ComparisonRefusal`, and what the journal throws.
    func run(_ order: ComparisonOrder) async throws -> ComparisonReport {
        guard let site = settings.sites.first(where: { $0.name.text == order.sink }),
            let siteClient = site.client(over: client)
        else { throw ComparisonRefusal.noSuchSite }
        let range = try Self.range(order)
        if let employee = order.employee, employee.isEmpty || !employee.isOneLine(ofAtMost: 140) {
            throw ComparisonRefusal.badEmployee
        }
        let visit = SiteVisit(site: site, reader: SiteReader(client: siteClient, timeout: site.timeout))
        return try await alone { try await self.compare(visit, range, employee: order.employee) }
    }

    /// Check-ins that a site made wrongly, as they stand there now. Throws `ComparisonRefusal`, and what the journal
    /// throws.
    func repairs(at sink: SinkName) async throws -> [RepairReport] {
        guard let site = settings.sites.first(where: { $0.name == sink }),
            let siteClient = site.client(over: client)
        else { throw ComparisonRefusal.noSuchSite }
        let reader = SiteReader(client: siteClient, timeout: site.timeout)
        return try await alone { [journal] in
            try await Repair.all(of: sink, in: journal, reader: reader).map(RepairReport.init)
        }
    }

    /// Does what asks a site much, when nothing else does, and for as long as somebody waits.
    private func alone<Answer: Sendable>(
        _ body: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        let isFree = isBusy.withLock { busy in
            defer { busy = true }
            return !busy
        }
        guard isFree else { throw ComparisonRefusal.busy }
        defer { isBusy.withLock { $0 = false } }
        do {
            return try await withThrowingTaskGroup(of: Answer.self) { tasks in
                tasks.addTask { try await body() }
                tasks.addTask {
                    try await Task.sleep(for: Self.patience)
                    throw ComparisonRefusal.tookTooLong
                }
                defer { tasks.cancelAll() }
                guard let answer = try await tasks.next() else { throw ComparisonRefusal.tookTooLong }
                return answer
            }
        } catch let error as SiteVisit.Unreachable {
            throw ComparisonRefusal.unreachable(error.problem.description)
        }
    }

    private static func range(_ order: ComparisonOrder) throws -> Range<WallTime> {
        func day(_ text: String) throws -> WallTime {
            guard text.utf8.count == 10, let time = WallTime(text + " 00:00:00") else {
                throw ComparisonRefusal.badDays
            }
            return time
        }
        let (first, last) = (try day(order.from), try day(order.to))
        guard first <= last else { throw ComparisonRefusal.badDays }
        let days = (last.seconds - first.seconds) / 86_400 + 1
        guard days <= ComparisonOrder.mostDays else { throw ComparisonRefusal.tooManyDays }
        return first..<WallTime(seconds: last.seconds + 86_400)
    }

    private func compare(
        _ visit: SiteVisit, _ range: Range<WallTime>, employee: String?
    ) async throws -> ComparisonReport {
        let clock = ContinuousClock.now
        var settings = settings
        settings.terminals = terminals.file
        let reconciler = Reconciler(
            journal: journal, visit: visit,
            expected: ExpectedCheckins(
                zone: await visit.zone(),
                people: try await PeopleOfSite(visit.site, settings: settings, journal: journal),
                employee: employee))
        var findings: [ComparisonReport.Finding] = []
        let figures = try await reconciler.run(range) { found in
            for finding in found.prefix(max(0, ComparisonReport.mostFindings - findings.count)) {
                findings.append(.init(finding))
            }
        }
        return ComparisonReport(
            from: range.lowerBound.description, until: range.upperBound.description,
            isAgreed: figures.isAgreed, delivered: figures.delivered, agreeing: figures.agreeing,
            owed: figures.pending, refused: figures.refused, suppressed: figures.suppressed,
            found: figures.found, elsewhere: figures.elsewhere,
            counts: Dictionary(
                figures.findings.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: { $1 }),
            findings: findings, milliseconds: Int((ContinuousClock.now - clock) / .milliseconds(1)))
    }
}

extension ComparisonReport.Finding {
    init(_ finding: ReconciliationFinding) {
        let (sent, found) = (finding.expected, finding.found)
        self.init(kind: finding.kind.rawValue, isMisfiled: finding.misfiledFor != nil)
        punch = sent?.punch ?? finding.misfiledFor
        terminal = sent?.terminal.text ?? found?.deviceID
        enrollID = sent?.enrollID.sent
        name = sent?.name
        employee = sent?.employee
        time = sent?.time.description
        direction = sent?.direction?.rawValue
        checkin = found?.name ?? sent?.reference
        foundEmployee = found?.employee
        foundTime = found?.time.description
        foundDirection = found?.logType
    }
}

extension RepairReport {
    init(_ repair: Repair) {
        var found: String?
        if case .there(let checkin) = repair.standing { found = checkin.time.description }
        let (state, reason, remedy): (State, String, String?) =
            switch repair.verdict {
            case .settled(let words): (.settled, words, nil)
            case .deletable:
                (
                    .deletable, "its punch stands there rightly besides",
                    "attendance-gateway repairs fix \(repair.misfiled.reference) --yes"
                )
            case .byHand(let reason, let remedy): (.open, reason, remedy)
            }
        self.init(
            checkin: repair.misfiled.reference, punch: repair.misfiled.punch, state: state, reason: reason,
            remedy: remedy, foundTime: found)
    }
}
