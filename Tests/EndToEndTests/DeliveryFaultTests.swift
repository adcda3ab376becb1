import AttendanceCore
import AttendanceDelivery
import AttendanceSimulation
import AttendanceStore
import Foundation
import Synchronization
import Testing

@testable import AttendanceGateway

/// A fault of the whole site, and what has to be seen of it from outside.
struct SiteFaultCase: Sendable, CustomTestStringConvertible {
    enum Dialect: String, Sendable { case hrms, custom }

    let name: String
    let fault: ERPNextFault
    /// Of the sink in `/health`.
    let state: String
    /// Must all be found in the sink's `reason` and `remedy`, read as one text.
    let words: [String]
    let dialect: Dialect
    /// Check-ins with a wrong time that the fault may leave behind: one for each request at once.
    let wrongCheckins: ClosedRange<Int>

    init(
        _ name: String, _ fault: ERPNextFault, _ state: String, _ words: [String], dialect: Dialect = .hrms,
        wrongCheckins: ClosedRange<Int> = 0...0
    ) {
        self.name = name
        self.fault = fault
        self.state = state
        self.words = words
        self.dialect = dialect
        self.wrongCheckins = wrongCheckins
    }

    var testDescription: String { "\(name), \(dialect.rawValue)" }

    static let noMethod = "Failed to get method for command hrms.hr.x with No module named 'hrms'"
    static let elsewhere = "https://erp.example.com/elsewhere"

    static let all: [SiteFaultCase] = [
        .init(
            "417 no such method", .refused(exceptionType: "ValidationError", message: noMethod), "paused",
            ["configuration", "APIEndpoint"]),
        .init("401", .unauthorized, "paused", ["authentication", "APIKey", "APISecret"]),
        .init("403", .forbidden, "paused", ["authentication", "HR User"]),
        .init("429 with Retry-After", .rateLimited(retryAfter: 30), "unavailable", ["asks to wait"]),
        .init("429 without Retry-After", .rateLimited(retryAfter: nil), "unavailable", ["asks to wait"]),
        .init("503 maintenance", .maintenance, "unavailable", ["maintenance"]),
        .init("500 of gunicorn", .databaseGone, "unavailable", ["500, no JSON"]),
        .init("502, not stored", .badGateway(stored: false), "unavailable", ["502"]),
        .init("502, stored", .badGateway(stored: true), "unavailable", ["502"]),
        .init("502, stored", .badGateway(stored: true), "unavailable", ["502"], dialect: .custom),
        .init("504, not stored", .gatewayTimeout(stored: false), "unavailable", ["504"]),
        .init("504, stored", .gatewayTimeout(stored: true), "unavailable", ["504"]),
        .init("504, stored", .gatewayTimeout(stored: true), "unavailable", ["504"], dialect: .custom),
        .init("no answer", .hang, "unavailable", ["no answer within 1 s"]),
        .init("frozen, then stored", .frozen, "unavailable", ["no answer within 1 s"]),
        .init("frozen, then stored", .frozen, "unavailable", ["no answer within 1 s"], dialect: .custom),
        .init("closed, not stored", .closed(stored: false), "unavailable", []),
        .init("closed, stored", .closed(stored: true), "unavailable", []),
        .init("closed, stored", .closed(stored: true), "unavailable", [], dialect: .custom),
        .init("redirect", .redirect(to: elsewhere), "paused", [elsewhere, "URL in [ERP]"]),
        .init(
            "wrong time", .wrongTime, "paused", ["wrong-time", "permission level 1"], wrongCheckins: 1...2),
        .init("200 with a page", .page, "paused", ["not JSON", "APIEndpoint"]),
        .init("200 with an endless page", .longPage(bytes: 3 << 20), "paused", ["not JSON"]),
    ]
}

/// The whole gateway between terminals and a site that fails in each way that was recorded (docs/erpnext.md §8).
@Suite struct `A site that fails` {
    /// Pauses of the gateway are 100 times shorter; the longest is that after a wrong time, 15 minutes.
    private static let factor = 100
    private static let token = "a-long-enough-token"

    private func settings(_ erp: SimulatedERPNext, _ dialect: SiteFaultCase.Dialect) -> [String] {
        var settings = [
            "ERP.URL=\(erp.url)", "ERP.Dialect=\(dialect.rawValue)", "ERP.TimeoutSec=1",
            // 0.2 s by the hastened clock.
            "ERP.AmbiguousWaitSec=20", "Security.AuthToken=\(Self.token)",
        ]
        if dialect == .hrms { settings += ["ERP.APIKey=k3y-of-tests", "ERP.APISecret=\(erpSecret)"] }
        return settings
    }

    // One after the other: some of them go by a time-out of a second, which two dozen gateways at once would run into.
    @Test(.serialized, .timeLimit(.minutes(10)), arguments: SiteFaultCase.all)
    func `stops no terminal, is told in health, and gets every punch once when it is well again`(
        _ fault: SiteFaultCase
    ) async throws {
        let folder = try TemporaryFolder()
        let secrets = [Self.token, erpSecret]
        try await withERPNext { erp in
            erp.setHandlingTime(.milliseconds(2))
            try await withGateway(
                settings(erp, fault.dialect), folder: folder, delivery: .hastened(by: Self.factor)
            ) { gateway in
                let terminal = try await gateway.connect(
                    "ZX01", headers: [("Authorization", "Bearer \(Self.token)")])
                try await terminal.register()
                let time = wallNow(-60)
                func punch(_ people: ClosedRange<UInt64>) async throws {
                    for person in people {
                        let answer = try await terminal.sendLog(
                            [.tfs(person, at: time)], logIndex: Int(person))
                        #expect(answer.acknowledges(count: 1, logIndex: Int(person)))
                    }
                }

                try await punch(1...3)
                try await gateway.outboxIsEmpty()
                #expect(try await gateway.health()["status"] as? String == "ok")

                erp.inject(fault.fault)
                try await punch(4...9)
                try await eventually { try await gateway.sink("erpnext")?.state == fault.state }
                try await punch(10...15)
                // On a busy machine an answer may be late, so that the reason is a time-out's at first.
                try await eventually {
                    guard let sink = try await gateway.sink("erpnext"), sink.state == fault.state else {
                        return false
                    }
                    let told = "\(sink.reason ?? "") \(sink.remedy ?? "")"
                    return fault.words.allSatisfy { told.contains($0) }
                }
                let sink = try #require(try await gateway.sink("erpnext"))
                #expect(sink.reason?.isEmpty == false && sink.remedy?.isEmpty == false)
                #expect(sink.since != nil)
                let health = try await gateway.http("/health")
                #expect(health.status == 200)
                #expect(health.body.contains(#""status":"degraded""#))
                let metrics = try await gateway.http("/metrics")
                #expect(metrics.body.contains(#"gateway_sink_up{sink="erpnext"} 0"#))
                for secret in secrets {
                    #expect(!health.body.contains(secret) && !metrics.body.contains(secret))
                }

                erp.clearFaults()
                try await gateway.outboxIsEmpty()
                try await eventually { try await gateway.health()["status"] as? String == "ok" }
                let (right, wrong) = erp.checkins.divided { $0.time == time.description }
                #expect(right.map(\.person).sorted() == (1...15).map(String.init).sorted())
                #expect(fault.wrongCheckins.contains(wrong.count))
                #expect(erp.overlaps == 0)
                try await eventually { try gateway.csvLines().count { $0.hasSuffix(",Success") } == 15 }
            }
        }
        let log = try String(contentsOfFile: folder.path + "/logs/attendance.log", encoding: .utf8)
        #expect(
            log.contains(fault.state == "paused" ? "delivery is paused" : "the site takes no punches now"))
        #expect(log.contains("the site takes punches again"))
        for secret in secrets { #expect(!log.contains(secret)) }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (
                exception: "ValidationError", words: "No Employee found for the given employee field value.",
                cause: "unknown-employee"
            ),
            (
                "InactiveEmployeeStatusError",
                "Transactions cannot be created for an Inactive Employee <a>x</a>.",
                "inactive-employee"
            ),
            ("ValidationError", "Checkins of Sundays are not taken here.", "refused-by-rule"),
        ])
    func `a refusal for good is one person's dead letter and nobody else's`(
        exception: String, words: String, cause: String
    ) async throws {
        try await withERPNext { erp in
            erp.inject(.refused(exceptionType: exception, message: words), person: "5")
            try await withGateway(erp: erp) { gateway in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                let time = wallNow(-60)
                let records = (UInt64(1)...10).map { SimulatedRecord.tfs($0, at: time) }
                #expect(try await terminal.sendLog(records).isSuccess)
                try await gateway.outboxIsEmpty()
                #expect(
                    erp.checkins.map(\.person).sorted()
                        == (1...10).filter { $0 != 5 }.map(String.init).sorted())
                let letters = try await gateway.gateway.store.deadLetters(.init(), after: 0, limit: 9)
                #expect(letters.map(\.cause.rawValue) == [cause])
                let health = try await gateway.health()
                #expect(health["status"] as? String == "degraded")
                #expect((health["queue"] as? [String: Any])?["dead_letters"] as? Int == 1)
                #expect(try await gateway.sink("erpnext")?.state == "running")
                try await eventually { try gateway.csvLines().count == 10 }
                #expect(try gateway.csvLines().contains("\(time),5,,ZX01,ERP_Failed"))
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `what the site has already counts as delivered`() async throws {
        try await withERPNext { erp in
            let records = (UInt64(1)...10).map { SimulatedRecord.tfs($0, at: wallNow(-60)) }
            // The second gateway has lost the journal of the first, and the terminal sends its whole memory again.
            for _ in 1...2 {
                try await withGateway(erp: erp) { gateway in
                    let terminal = try await gateway.connect("ZX01")
                    try await terminal.register()
                    #expect(try await terminal.sendLog(records).isSuccess)
                    try await gateway.outboxIsEmpty()
                    #expect(try await gateway.health()["status"] as? String == "ok")
                    try await eventually { try gateway.csvLines().count { $0.hasSuffix(",Success") } == 10 }
                    let entries = try await gateway.journal()
                    #expect(
                        entries.allSatisfy {
                            if case .delivered(_, let reference) = $0.state {
                                reference != nil
                            } else {
                                false
                            }
                        })
                }
            }
            #expect(erp.checkins.count == 10)
            #expect(erp.checkinRequests == 20)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a site that asks to wait is left alone for so long`() async throws {
        try await withERPNext { erp in
            // Of one answer only: whatever comes early would be taken.
            erp.inject(.rateLimited(retryAfter: 200), times: 1)
            try await withGateway(erp: erp, delivery: .hastened(by: Self.factor)) { gateway in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                try await terminal.sendLog((UInt64(1)...10).map { .tfs($0, at: wallNow(-60)) })
                await erp.checkinRequestCount(reaches: 1)
                let refused = ContinuousClock.now
                await erp.checkinCount(reaches: 10)
                // 200 s by the hastened clock, less what passed before it was looked at.
                #expect(ContinuousClock.now - refused > .milliseconds(1900))
                #expect(erp.checkinRequests == 11)
            }
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [-12, 12])
    func `a clock that is set by half a day while a punch waits delays nothing`(hours: Int64) async throws {
        let clock = ShiftedClock()
        var timing = DeliveryTiming.hastened(by: Self.factor)
        let now = timing.now
        timing.now = { clock.shifted(now()) }
        let shifted = timing
        try await withERPNext { erp in
            erp.inject(.serverError(exceptionType: "KeyError", message: "'shift'"), times: 3, person: "1")
            try await withGateway(
                ["ERP.RetryDelaySec=20"], erp: erp,
                now: { clock.shifted(Gateway.Surroundings.systemTime()) }, delivery: shifted
            ) { gateway in
                let terminal = try await gateway.connect("ZX01")
                try await terminal.register()
                try await terminal.sendLog([.tfs(1, at: wallNow(-60)), .tfs(2, at: wallNow(-60))])
                await erp.checkinCount(reaches: 1)
                await erp.checkinRequestCount(reaches: 2)
                clock.set(by: .seconds(hours * 3600))
                #expect(try await terminal.sendLog([.tfs(3, at: wallNow(-50))]).isSuccess)
                await erp.checkinCount(reaches: 3)
                try await gateway.outboxIsEmpty()
                #expect(erp.checkins.map(\.person).sorted() == ["1", "2", "3"])
                try await eventually { try await gateway.health()["status"] as? String == "ok" }
            }
        }
    }
}

/// A wall clock that somebody sets.
private final class ShiftedClock: Sendable {
    private let shift = Mutex(Duration.zero)

    func shifted(_ time: UnixTime) -> UnixTime { time + shift.withLock { $0 } }
    func set(by duration: Duration) { shift.withLock { $0 += duration } }
}

extension Array {
    /// Those that fit and those that do not, each in order.
    func divided(_ fits: (Element) throws -> Bool) rethrows -> (fit: [Element], other: [Element]) {
        (try filter(fits), try filter { try !fits($0) })
    }
}
