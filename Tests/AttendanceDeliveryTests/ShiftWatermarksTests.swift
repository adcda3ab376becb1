import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import AttendanceDelivery

/// 2026-03-02 20:00:00 in Kolkata, two hours after the day shift.
private let start: Int64 = 1_772_461_800
private let kolkata = ZoneRules(identifier: "Asia/Kolkata")!

/// A simulated site with shifts, a journal that may owe it punches, terminals whose figures a test sets, and a clock
/// that is moved by hand.
private final class Site: Sendable {
    let folder = NSTemporaryDirectory() + "watermarks-" + UUID().uuidString
    let erp: SimulatedERPNext
    let store: SQLiteStore
    let lines = LogLines()
    private let state = Mutex(State())

    private struct State {
        var second: Int64 = 0
        var terminals: [ShiftWatermarks.Terminal] = []
        var zone: ZoneRules? = kolkata
    }

    init(version: SimulatedSiteVersion = .version15) throws {
        erp = try SimulatedERPNext(credential: "key:secret", version: version)
        store = try SQLiteStore(
            folder: folder, options: StoreOptions(now: { UnixTime(seconds: start) }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    // What is left over harms no later test.
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var now: Int64 { start + state.withLock { $0.second } }

    func move(to second: Int64) { state.withLock { $0.second = second } }
    func setZone(_ zone: ZoneRules?) { state.withLock { $0.zone = zone } }

    /// `complete`: seconds after `start`.
    func set(
        _ serial: String, complete: Int64?, connected: Bool = true, shifts: [String] = ["Day"]
    ) {
        let terminal = ShiftWatermarks.Terminal(
            figures: TerminalFigures(
                serial: SerialNumber(serial)!, isConnected: connected,
                lastHeard: complete.map { UnixTime(seconds: start + $0 + 60) }, backlog: 0, lag: 0,
                completeUntil: complete.map { start + $0 }),
            title: "Gate \(serial)", shifts: shifts)
        state.withLock { state in
            state.terminals.removeAll { $0.figures.serial == terminal.figures.serial }
            state.terminals.append(terminal)
        }
    }

    func watermarks(known: [String: ShiftType] = [:], interval: Duration = .seconds(600)) -> ShiftWatermarks {
        let lines = self.lines
        var timing = DeliveryTiming.live
        timing.now = { UnixTime(seconds: self.now) }
        timing.moment = { .seconds(self.now) }
        return ShiftWatermarks(
            settings: .init(sink: .erpnext, interval: interval),
            site: SiteReader(
                client: SiteClient(
                    client: Self.client, base: erp.url, authorization: "token key:secret", userAgent: "test"),
                timeout: .seconds(5)),
            store: store, zone: { self.state.withLock { $0.zone } }, siteShifts: { known },
            terminals: { self.state.withLock { $0.terminals } }, timing: timing,
            logger: lines.logger)
    }

    static let client = SiteClient.makeHTTPClient(concurrency: 2)

    func lastSync(_ shift: String = "Day") -> String? { erp.shiftTypes.first { $0.name == shift }?.lastSync }

    var writes: Int {
        erp.requests.filter { $0.key.hasPrefix("PUT ") }.values.reduce(0, +)
    }

    static func day(_ name: String = "Day", lastSync: String? = nil, movesItself: Bool = false)
        -> SimulatedShiftType
    {
        SimulatedShiftType(
            name: name, start: "09:00", end: "18:00", allowsAfter: 60, processAfter: "2026-01-01",
            lastSync: lastSync, movesLastSync: movesItself)
    }
}

private func withSite(
    version: SimulatedSiteVersion = .version15, _ body: (Site) async throws -> Void
) async throws {
    let site = try Site(version: version)
    try await site.store.setSinks([.erpnext])
    try await site.erp.start()
    try await body(site)
    try await site.erp.stop()
    await site.store.close()
}

@Suite struct `Moving last_sync_of_checkin` {
    @Test(.timeLimit(.minutes(10))) func `follows the slowest terminal, at most once an interval`()
        async throws
    {
        try await withSite { site in
            site.erp.add(Site.day())
            site.set("A", complete: -60)
            site.set("B", complete: -7200, connected: false)
            let watermarks = site.watermarks()
            await watermarks.look()
            #expect(site.lastSync() == "2026-03-02 18:00:00")
            #expect(watermarks.standings.map(\.condition) == [.followed])
            #expect(watermarks.standings.first?.holders.map(\.title) == ["Gate B"])

            // B comes back; the value waits for its turn.
            site.move(to: 300)
            site.set("A", complete: 240)
            site.set("B", complete: 240)
            await watermarks.look()
            #expect(site.lastSync() == "2026-03-02 18:00:00")
            #expect(watermarks.standings.first?.holders == [])
            site.move(to: 600)
            await watermarks.look()
            #expect(site.lastSync() == "2026-03-02 20:04:00")
            #expect(site.writes == 2)
            #expect(watermarks.standings.first?.moved == UnixTime(seconds: start + 600))

            // Nothing new: nothing is written.
            site.move(to: 1200)
            await watermarks.look()
            #expect(site.writes == 2)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `waits for punches that the site has not taken`() async throws {
        try await withSite { site in
            site.erp.add(Site.day())
            site.set("gate-1", complete: -60)
            var batch = IntakeBatch(
                terminal: SerialNumber("gate-1")!, connection: 1, received: UnixTime(seconds: start))
            let time = kolkata.wallTime(at: start - 9000)
            batch.raw = Array("{}".utf8)
            batch.punches = [
                Punch(
                    enrollID: EnrollID("7")!, time: time, zone: "Asia/Kolkata", instant: start - 9000,
                    kind: .person, raw: 0..<2)
            ]
            let receipt = try await site.store.record(batch)
            #expect(receipt.owed == 1)
            let watermarks = site.watermarks()
            await watermarks.look()
            #expect(site.lastSync() == "2026-03-02 17:29:59")
            #expect(watermarks.standings.first?.holders.map(\.reason) == [.owed(start - 9000)])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `does not go back over a restart, a value set by hand, or a site further west`() async throws {
        try await withSite { site in
            site.erp.add(Site.day(lastSync: "2026-03-02 19:30:00"))
            site.set("A", complete: -3600)
            await site.watermarks().look()
            #expect(site.lastSync() == "2026-03-02 19:30:00")
            site.set("A", complete: -60)
            await site.watermarks().look()
            #expect(site.lastSync() == "2026-03-02 19:59:00")
            site.erp.add(Site.day(lastSync: "2026-04-01 00:00:00"))
            let later = site.watermarks()
            await later.look()
            #expect(site.lastSync() == "2026-04-01 00:00:00")
            #expect(later.standings.map(\.condition) == [.ahead])
            site.erp.add(Site.day(lastSync: "2026-03-02 19:59:00"))
            site.setZone(ZoneRules(identifier: "Europe/Berlin"))
            let west = site.watermarks()
            await west.look()
            #expect(west.standings.map(\.condition) == [.ahead])
            #expect(site.writes == 1)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `leaves alone what is not marked, what nobody names, and what the site moves itself`() async throws {
        try await withSite { site in
            site.erp.add(Site.day("Self", movesItself: true))
            var unmarked = Site.day("Unmarked")
            unmarked.marksAttendance = false
            site.erp.add(unmarked)
            site.set("A", complete: -60, shifts: ["Self", "Unmarked", "Gone"])
            let watermarks = site.watermarks(known: [
                "Forgotten": ShiftType(name: "Forgotten", start: 0, end: 3600, marksAttendance: true)
            ])
            await watermarks.look()
            #expect(
                watermarks.standings.map { "\($0.shift) \($0.condition.word)" } == [
                    "Forgotten unmapped", "Gone missing", "Self left-to-site", "Unmarked not-marked",
                ])
            #expect(site.writes == 0)
            let lines = site.lines.take()
            #expect(
                lines.contains { $0.contains("no terminal names these shifts") && $0.contains("Forgotten") })
            #expect(lines.contains { $0.contains("shift is missing") && $0.contains("shift=Gone") })
            await watermarks.look()
            #expect(site.lines.take() == [])
        }
    }

    @Test(.timeLimit(.minutes(10))) func `tells once that a shift has ended without all of its terminals`()
        async throws
    {
        try await withSite { site in
            // The last check-out of the day shift is at 19:00, an hour ago.
            site.erp.add(Site.day("Day"))
            site.erp.add(Site.day("Self", movesItself: true))
            site.set("A", complete: -60, shifts: ["Day", "Self"])
            site.set("B", complete: -7200, connected: false, shifts: ["Day", "Self"])
            let watermarks = site.watermarks()
            for round in 0..<3 {
                site.move(to: Int64(round) * 600)
                await watermarks.look()
            }
            let warnings = site.lines.take().filter { $0.hasPrefix("warning") }
            #expect(warnings.count == 2)
            #expect(
                warnings.contains {
                    $0.contains("the shift has ended and is not counted") && $0.contains("shift=Day")
                        && $0.contains("shift_end=2026-03-02 19:00:00")
                        && $0.contains("Gate B (not connected")
                        && !$0.contains("Gate A")
                })
            #expect(
                warnings.contains {
                    $0.contains("the site marks the shift although") && $0.contains("shift=Self")
                })
            #expect(
                watermarks.standings.map { $0.openEnd?.wall.description }
                    == Array(
                        repeating: "2026-03-02 19:00:00", count: 2))
            site.set("B", complete: 1100, shifts: ["Day", "Self"])
            site.set("A", complete: 1100, shifts: ["Day", "Self"])
            await watermarks.look()
            #expect(watermarks.standings.allSatisfy { $0.openEnd == nil })
            #expect(site.lines.take().count { $0.contains("all punches of the shift have come") } == 2)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `says what is to be mended, and goes on by itself`() async throws {
        try await withSite { site in
            site.erp.add(Site.day())
            site.set("A", complete: -60)
            let watermarks = site.watermarks()
            func condition() -> ShiftStanding.Condition? { watermarks.standings.first?.condition }

            site.erp.changeRights { $0.writeShiftType = false }
            await watermarks.look()
            guard case .denied(let reason, let remedy)? = condition() else {
                Issue.record("not denied: \(String(describing: condition()))")
                return
            }
            #expect(reason.contains("Shift Type"))
            #expect(remedy.contains("HR Manager"))

            site.erp.changeRights { $0.writeShiftType = true }
            site.erp.inject(.maintenance)
            site.move(to: 600)
            await watermarks.look()
            #expect(condition()?.word == "unavailable")

            site.erp.clearFaults()
            site.setZone(nil)
            site.move(to: 1200)
            await watermarks.look()
            #expect(condition() == .zoneUnknown)
            #expect(site.writes == 1)

            site.setZone(kolkata)
            await watermarks.look()
            #expect(condition() == .followed)
            #expect(site.lastSync() == "2026-03-02 19:59:00")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a site that does not answer is asked once, not for each shift`()
        async throws
    {
        try await withSite { site in
            let names = (0..<20).map { "Shift \($0)" }
            for name in names { site.erp.add(Site.day(name)) }
            site.set("A", complete: -60, shifts: names)
            site.erp.inject(.closed(stored: false))
            let watermarks = site.watermarks()
            await watermarks.look()
            #expect(site.erp.statistics.requests.values.reduce(0, +) == 1)
            #expect(watermarks.standings.count == 20)
            site.erp.clearFaults()
            site.move(to: 600)
            await watermarks.look()
            #expect(names.allSatisfy { site.lastSync($0) == "2026-03-02 19:59:00" })
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `works with sites that know no auto_update_last_sync, and odd names`()
        async throws
    {
        try await withSite(version: .version14) { site in
            let name = "Tag/Nacht & 50% #1?"
            site.erp.add(Site.day(name))
            site.set("A", complete: -60, shifts: [name])
            await site.watermarks().look()
            #expect(site.lastSync(name) == "2026-03-02 19:59:00")
        }
    }

    @Test(.timeLimit(.minutes(10))) func `runs as a service and stops`() async throws {
        try await withSite { site in
            site.erp.add(Site.day())
            site.set("A", complete: -60)
            let watermarks = site.watermarks(interval: .milliseconds(10))
            let group = ServiceGroup(
                configuration: .init(
                    services: [watermarks], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                tasks.addTask { try await group.run() }
                await site.erp.requestCount(of: "PUT api/resource/Shift Type/Day", reaches: 1)
                await group.triggerGracefulShutdown()
                try await tasks.waitForAll()
            }
            #expect(site.lastSync() == "2026-03-02 19:59:00")
        }
    }
}
