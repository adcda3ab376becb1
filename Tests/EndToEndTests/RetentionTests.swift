import AttendanceCore
import AttendanceSimulation
import AttendanceStore
import Foundation
import Logging
import Synchronization
import Testing

@testable import AttendanceGateway

@Suite struct `Keeping no longer than wanted` {
    private func batch(_ numbers: Range<Int>, received: UnixTime) -> IntakeBatch {
        var batch = IntakeBatch(terminal: SerialNumber("T1")!, connection: 1, received: received)
        for number in numbers {
            let time = WallTime(seconds: received.seconds + Int64(number))
            let text = Array(#"{"enrollid":12,"time":"\#(time)"}"#.utf8)
            batch.punches.append(
                Punch(
                    enrollID: EnrollID("12")!, alias: nil, name: nil, time: time, zone: "UTC",
                    instant: time.seconds, kind: .person, doubt: .none, mode: 8, inOut: 0, event: nil,
                    raw: batch.raw.count..<batch.raw.count + text.count))
            batch.raw += text
        }
        return batch
    }

    @Test(.timeLimit(.minutes(10)))
    func `a run goes in small steps, and punches are taken between any two of them`() async throws {
        let folder = try TemporaryFolder()
        let start = UnixTime(seconds: 1_772_438_400)
        let store = try SQLiteStore(
            folder: folder.path + "/data", options: StoreOptions(now: { start }),
            logger: Logger(label: "test"))
        _ = try await store.record(batch(0..<1_700, received: start))
        let today = start + .seconds(31 * 86_400)
        let left = Mutex([Int]())
        let service = RetentionService(
            settings: .init(raw: 30, attempts: 0, quarantine: 0), store: store, now: { today },
            sleep: { _ in
                let pause = left.withLock { $0.count }
                let receipt = try await store.record(
                    self.batch(pause * 10..<pause * 10 + 10, received: today))
                #expect(receipt.stored == 10)
                let kept = try await store.punches(PunchFilter(), after: nil, limit: 5_000)
                    .count { NotKept.since($0.raw) == nil && $0.received == start }
                left.withLock { $0.append(kept) }
            }, logger: Logger(label: "test"))
        #expect(try await service.forget() == [.raw: 1_700])
        let steps = left.withLock { [1_700] + $0 }
        #expect(steps.count >= 4 && steps.contains(0))
        for (before, after) in zip(steps, steps.dropFirst()) {
            #expect((0...RetentionService.step).contains(before - after))
        }
        let trail = try await store.auditTrail(after: 0, limit: 10)
        #expect(trail.map(\.action) == ["journal.retention"])
        #expect(trail.first?.detail == "raw: 1700")
        // Nothing to do is nothing to tell.
        #expect(try await service.forget().isEmpty)
        await store.close()
    }

    @Test(.timeLimit(.minutes(10)))
    func `what a terminal sent goes, and everything that shows punches copes`() async throws {
        try await withGateway(["Retention.RawDays=1"]) { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            let time = wallNow(-60)
            let answer = try await terminal.sendLog([.tfs(1, at: time)], logIndex: 0)
            #expect(answer.isSuccess)
            let inTwoDays = RetentionService(
                settings: .init(raw: 1, attempts: 1, quarantine: 1), store: gateway.gateway.store,
                now: { UnixTime(seconds: wallNow().seconds + 2 * 86_400) }, sleep: { _ in },
                logger: Logger(label: "test"))
            #expect(try await inTwoDays.forget() == [.raw: 1])
            for verb in [["export", "--format", "json"], ["export"], ["verify"], ["audit", "verify"]] {
                let done = try await gateway.command(verb)
                #expect(done.status == 0, "\(verb): \(done.output)")
            }
            let page = try await gateway.visitor().get("/punches/1")
            #expect(page.status == 200)
            #expect(page.text.contains("no longer kept since"))
            let again = try await terminal.sendLog([.tfs(1, at: time)], logIndex: 0)
            #expect(again.isSuccess)
            let punches = try await gateway.journal()
            #expect(punches.count == 1)
            #expect(punches.allSatisfy { NotKept.since($0.raw) != nil })
        }
    }
}
