import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Testing

/// The promise of the issue in real time: ERPNext away for a minute under load, and no terminal notices.
@Suite struct `A site that is away for a minute` {
    private static let outage: Duration = .seconds(60)

    @Test(.timeLimit(.minutes(10)))
    func `is noticed by no terminal, and gets all afterwards, once and in each person's order`() async throws
    {
        try await withERPNext(people: 1...1000) { erp in
            erp.setHandlingTime(.milliseconds(1))
            let folder = try TemporaryFolder()
            // What was on its way when the site went may be sent again by the time the site is back.
            let settings = ["ERP.Concurrency=8", "ERP.MaxRetries=3", "ERP.AmbiguousWaitSec=30"]
            try await withGateway(settings, erp: erp, folder: folder) { gateway in
                // 100 punches a second in all, through the outage and some seconds on both sides of it.
                var options = TerminalFleet.Options()
                options.port = gateway.port
                options.terminals = 50
                options.people = 1000
                options.rate = 120
                options.duration = .seconds(66)
                options.zone = "Asia/Kolkata"
                let fleet = TerminalFleet(options)
                async let fleetResult = fleet.run()

                await erp.checkinCount(reaches: 200)
                try await erp.stop()
                // The one wait by the clock: an outage is a length of time.
                try await Task.sleep(for: Self.outage)
                let before = erp.checkins.count
                let sink = try #require(try await gateway.sink("erpnext"))
                #expect(sink.state == "unavailable")
                #expect(sink.queue.owed > 4000)
                #expect(sink.queue.oldestAgeSeconds ?? 0 >= 55)
                try await erp.start()
                let back = ContinuousClock.now
                await erp.checkinCount(reaches: before + 1)
                let resumed = ContinuousClock.now - back
                // Ten seconds, and as much again for a busy machine.
                #expect(resumed <= .seconds(20))

                let seen = try await fleetResult
                try await gateway.outboxIsEmpty()
                let drained = ContinuousClock.now - back
                #expect(seen.punches > 6000)
                #expect(seen.everyPunchAcknowledged)
                #expect(
                    seen.refused == 0 && seen.unanswered == 0 && seen.failures == 0,
                    "\(seen.lastFailure ?? "")")
                try await eventually { try await gateway.health()["status"] as? String == "ok" }

                let owed = try await gateway.journal().filter(\.punch.isForwarded).sorted { $0.id < $1.id }
                #expect(owed.count == seen.punches)
                try Self.check(erp.checkins, against: owed)
                #expect(erp.overlaps == 0)
                try await eventually {
                    try gateway.csvLines().count { $0.hasSuffix(",Success") } == owed.count
                }
                let reported = try Self.check(csv: try gateway.csvLines(), against: owed)
                print(
                    "outage test: \(seen.punches) punches, acknowledged p99 \(seen.latency99), longest "
                        + "\(seen.latencyMaximum); resumed after \(resumed), drained after \(drained), "
                        + "\(reported) reported as failed so far")
            }
            let log = try String(contentsOfFile: folder.path + "/logs/attendance.log", encoding: .utf8)
            for once in ["the site takes no punches now", "the site takes punches again"] {
                #expect(log.split(separator: "\n").count { $0.contains(once) } == 1, "\(once)")
            }
        }
    }

    /// Each moment of each person once. What came in during the outage arrives in the order in which it came in, and so
    /// does what came in after it, which goes first (docs/decisions/0026). Two terminals in one second are one moment
    /// to ERPNext.
    private static func check(_ checkins: [SimulatedCheckin], against owed: [JournalEntry]) throws {
        let stored = Dictionary(grouping: checkins, by: \.person).mapValues { $0.map(\.time) }
        let wanted = Dictionary(grouping: owed, by: \.punch.enrollID.sent).mapValues { entries in
            var seen: Set<String> = []
            return entries.map(\.punch.time.description).filter { seen.insert($0).inserted }
        }
        #expect(Set(stored.keys) == Set(wanted.keys))
        let wrong = wanted.filter { person, times in
            let place = Dictionary(
                times.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
            let order = stored[person, default: []].map { place[$0] ?? -1 }
            return order.sorted() != Array(times.indices) || !isTwoQueues(order)
        }
        #expect(wrong.isEmpty, "\(wrong.keys.sorted().prefix(5))")
    }

    /// Whether a sequence can be two queues of increasing numbers, one served in between the other.
    private static func isTwoQueues(_ numbers: [Int]) -> Bool {
        // Each number behind the greater of the two ends that it can follow.
        var (low, high) = (-1, -1)
        for number in numbers {
            if number > high {
                high = number
            } else if number > low {
                low = number
            } else {
                return false
            }
        }
        return true
    }

    /// One `Success` line for each punch; before it at most one `ERP_Failed`. Returns how many have that.
    private static func check(csv lines: [String], against owed: [JournalEntry]) throws -> Int {
        let failed = lines.enumerated().filter { $0.element.hasSuffix(",ERP_Failed") }
        let success = lines.enumerated().filter { $0.element.hasSuffix(",Success") }
        #expect(lines.count == failed.count + success.count)
        // Without the status, and without the name, which is only known once the site has been read.
        func key(_ line: String) -> String {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            return [cells[0], cells[1], cells[3]].joined(separator: ",")
        }
        let successes = Dictionary(success.map { (key($0.element), $0.offset) }) { first, _ in
            Issue.record("two lines of success: \(lines[first])")
            return first
        }
        #expect(successes.count == owed.count)
        #expect(Set(failed.map { key($0.element) }).count == failed.count)
        let withoutSuccess = failed.filter { line in
            successes[key(line.element)].map { $0 < line.offset } ?? true
        }
        #expect(withoutSuccess.isEmpty, "\(withoutSuccess.prefix(3))")
        // All of the outage but its last seconds waited longer than three attempts take.
        #expect(failed.count > 4000)
        return failed.count
    }
}
