import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

@testable import AttendanceGateway

/// Two thousand people, ten terminals, three zones, and a site that fails in every way it can.
///
/// Every run is another day. `ATTENDANCE_DAY_SEED` brings one back, as far as chance is ours: what arrives first where
/// several things happen at once is the machine's.
@Suite struct `A whole day` {
    private static let factor = 400

    private static var seed: UInt64 {
        ProcessInfo.processInfo.environment["ATTENDANCE_DAY_SEED"].flatMap { UInt64($0) }
            ?? UInt64.random(in: 1...999_999_999)
    }

    private static let settings = [
        "ERP.TimeoutSec=1", "ERP.AmbiguousWaitSec=120", "ERP.Concurrency=8", "ERP.BulkAbove=100",
        "ERP.RepeatSeconds=\(DayOffice.repeatWindow)", "ERP.EmployeeSyncMinutes=30",
        // Less often than on a real day, which does not go by in half a minute.
        "Alerts.IntervalSeconds=900",
    ]

    @Test(.timeLimit(.minutes(10)))
    func `reaches ERPNext once, at the right time and in the right direction, however the site fails`()
        async throws
    {
        let seed = Self.seed
        print("whole day: ATTENDANCE_DAY_SEED=\(seed)")
        let start = ContinuousClock.now
        let plan = DayPlan(seed: seed, turns: DayRun.turns)
        let clock = DayClock(from: UnixTime(seconds: DayOffice.midnight), factor: Self.factor)
        let folder = try TemporaryFolder()
        let erp = try SimulatedERPNext(
            employees: DayPerson.all.filter { !$0.isNewcomer }.map(\.employee),
            credential: "k3y-of-tests:\(erpSecret)", zone: DayOffice.siteZone, now: { clock.now })
        erp.add(SimulatedShiftType(name: "Day", start: "08:00", end: "17:00", marksAttendance: false))
        erp.add(SimulatedShiftType(name: "Night", start: "22:00", end: "06:00", marksAttendance: false))
        // Between looking for a repeat and storing: without a pause nothing could ever be stored twice.
        erp.setHandlingTime(.milliseconds(12))
        try await erp.start()
        var report = try await withGateway(
            Self.settings, file: DayOffice.settings, erp: erp, folder: folder, now: { clock.now },
            delivery: clock.timing
        ) { gateway in
            try await eventually { try await gateway.sink("erpnext")?.site?.lastRead != nil }
            let run = DayRun(plan, erp: erp, gateway: gateway, clock: clock)
            let turns = try await run.live()
            let lived = ContinuousClock.now
            var report = try await Self.check(run)
            let longest = turns.sorted { $0.took > $1.took }.prefix(8)
            report.add(
                "longest turns",
                longest.map { "\($0.name): \(Self.seconds($0.took))" }.joined(separator: ", "))
            report.add("looking back", Self.seconds(ContinuousClock.now - lived))
            return report
        }
        try await erp.stop()
        report.add("duration", Self.seconds(ContinuousClock.now - start))
        try Self.addLog(of: folder, to: &report)
        print("whole day \(seed)\n\(report.text)")
    }

    private static func seconds(_ duration: Duration) -> String {
        duration.formatted(.units(allowed: [.seconds, .milliseconds], width: .narrow))
    }

    private static func check(_ run: DayRun) async throws -> DayReport {
        let (plan, erp, gateway) = (run.plan, run.erp, run.gateway)
        try await run.settle()
        let letters = try await run.deadLetters()
        let again = try await run.sendDeadLettersAgain()
        let (deleted, left) = try await run.repair()
        #expect(left.isEmpty, "seed \(plan.seed): \(left.prefix(3))")
        #expect(deleted > 0, "seed \(plan.seed): nobody has met a wrong time")

        let journal = try await gateway.journal()
        let wanted = plan.records.compactMap(\.wanted)
        let differences = DayDifferences(wanted: wanted, there: erp.checkins)
        if !differences.isEmpty {
            let explanation = try await differences.explained(plan, journal, in: gateway.gateway.store)
            Issue.record("\(explanation)")
        }
        #expect(journal.count == plan.records.count, "seed \(plan.seed)")
        let suppressed = journal.count {
            if case .suppressed = $0.state { true } else { false }
        }
        #expect(suppressed == plan.repeats, "seed \(plan.seed)")
        let statistics = erp.statistics
        let unmet = ERPNextFault.catalogue.filter { statistics.faults[$0.fault] == nil }
        #expect(unmet.isEmpty, "seed \(plan.seed): \(unmet.map(\.name))")
        try await run.soon { try await gateway.health()["status"] as? String == "ok" }
        try await run.soon {
            try gateway.csvLines().count { $0.hasSuffix(",Success") } == wanted.count
        }

        var report = DayReport()
        report.add("seed", plan.seed)
        report.add(
            "people",
            "\(DayPerson.all.count), \(DayPerson.all.count { $0.worksAtNight }) at night, "
                + "\(DayPerson.all.count { $0.isNewcomer }) employees only during the day")
        var sent = DayTerminal.Figures()
        for terminal in run.terminals.values {
            let figures = await terminal.figures
            sent.sent += figures.sent
            sent.again += figures.again
            sent.connections += figures.connections
            sent.unacknowledged += figures.unacknowledged
            sent.slowest = max(sent.slowest, figures.slowest)
        }
        #expect(sent.unacknowledged == 0, "seed \(plan.seed)")
        report.add(
            "punches",
            "\(sent.sent) sent and \(sent.again) of them again over \(sent.connections) connections; "
                + "\(plan.repeats) repeats, \(plan.others) of doors and strangers")
        report.add("acknowledged", "all, the slowest after \(sent.slowest)")
        report.add(
            "check-ins", "\(erp.checkins.count) of \(wanted.count), \(deleted) with a wrong time deleted")
        report.add("suppressed repeats", suppressed)
        let answers = run.worker?.state.answers ?? [:]
        report.add("attempts", answers.values.reduce(0, +))
        report.add("  by class of answer", counts: answers) { $0.rawValue }
        report.add(
            "looked up", "\(statistics.requests["GET api/resource/Employee Checkin", default: 0]) times")
        report.add("  found", answers[.alreadyThere, default: 0])
        report.add(
            "many at once",
            "\(statistics.insertManyCalls) requests, \(statistics.insertManyDocuments) check-ins, "
                + "\(statistics.largestInsertMany) in the largest")
        let requests = statistics.requests.map { request, count in
            // Each deletion has a path of its own.
            (request.hasPrefix("DELETE ") ? "DELETE api/resource/Employee Checkin/…" : request, count)
        }
        report.add("requests", counts: Dictionary(requests, uniquingKeysWith: +)) {
            $0.replacing("hrms.hr.doctype.employee_checkin.employee_checkin.", with: "…")
        }
        report.add("  by status", counts: statistics.answers) { "\($0)" }
        report.add("at once", "\(statistics.maximumParallel), \(statistics.overlaps) of one person")
        let trail = try await gateway.gateway.store.auditTrail(after: 0, limit: 1_000)
        let byItself = trail.filter { $0.author == .gateway && $0.action == "dead-letters.retry" }
            .compactMap { $0.detail.split(separator: " ").first.flatMap { Int($0) } }.reduce(0, +)
        #expect(byItself > 0, "seed \(plan.seed)")
        report.add("dead letters sent again", "\(byItself) by themselves, \(again) by a person")
        report.add("  of the latter", counts: Dictionary(grouping: letters, by: \.cause).mapValues(\.count)) {
            $0.rawValue
        }
        report.add(
            "faults met",
            counts: Dictionary(
                ERPNextFault.catalogue.map { ($0.name, statistics.faults[$0.fault, default: 0]) },
                uniquingKeysWith: { first, _ in first })
        ) { "\($0):" }
        return report
    }

    /// What an operator would have read on that day.
    private static func addLog(of folder: TemporaryFolder, to report: inout DayReport) throws {
        let log = try String(contentsOfFile: folder.path + "/logs/attendance.log", encoding: .utf8)
        var counts: [String: Int] = [:]
        for line in log.split(separator: "\n") where !line.contains(" - DEBUG - ") {
            let words = line.split(separator: " ").dropFirst(3)
            counts[words.prefix { !$0.contains("=") }.joined(separator: " "), default: 0] += 1
        }
        report.add("log", counts: counts) { $0 }
    }
}
