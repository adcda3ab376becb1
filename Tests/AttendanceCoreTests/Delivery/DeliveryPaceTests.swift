import AttendanceCore
import Testing

@Suite struct DeliveryPaceTests {
    /// A site that works on `workers` check-ins at once and makes others wait.
    private func latency(_ pace: DeliveryPace, workers: Int, each: Duration = .milliseconds(40)) -> Duration {
        each * Double(max(pace.limit, workers)) / Double(workers)
    }

    @Test func `grows by one at a time up to the ceiling while answers come quickly`() {
        var pace = DeliveryPace(ceiling: 4)
        #expect(pace.limit == 1)
        var limits: [Int] = []
        for _ in 0..<48 {
            pace.answered(after: .milliseconds(40))
            limits.append(pace.limit)
        }
        #expect(limits.max() == 4)
        #expect(zip(limits, limits.dropFirst()).allSatisfy { $1 - $0 <= 1 })
        #expect(limits.firstIndex(of: 2) == 7)
    }

    @Test func `halves when answers take more than twice the best and 50 ms`() {
        var pace = DeliveryPace(ceiling: 8)
        for _ in 0..<80 { pace.answered(after: .milliseconds(40)) }
        #expect(pace.limit == 8)
        for _ in 0..<8 { pace.answered(after: .milliseconds(129)) }
        #expect(pace.limit == 8)
        for _ in 0..<8 { pace.answered(after: .milliseconds(131)) }
        #expect(pace.limit == 4)
        for _ in 0..<7 { pace.answered(after: .seconds(3)) }
        #expect(pace.limit == 4)
        for _ in 0..<100 { pace.answered(after: .seconds(3)) }
        #expect(pace.limit == 1)
    }

    @Test(arguments: [1, 2, 4]) func `settles near what a site can work on at once`(workers: Int) {
        var pace = DeliveryPace(ceiling: 64)
        var highest = 0
        for step in 0..<4_000 {
            pace.answered(after: latency(pace, workers: workers))
            if step > 1_000 { highest = max(highest, pace.limit) }
        }
        #expect((workers...workers * 4).contains(highest))
    }

    @Test func `a single fast answer of long ago does not slow it down for ever`() {
        var pace = DeliveryPace(ceiling: 4)
        pace.answered(after: .milliseconds(1))
        for _ in 0..<100 { pace.answered(after: .milliseconds(200)) }
        #expect(pace.limit == 1)
        var highest = 0
        for _ in 0..<1_000 {
            pace.answered(after: .milliseconds(200))
            highest = max(highest, pace.limit)
        }
        #expect(highest == 4)
    }

    @Test func `after an old punch a site rests a tenth of the time it took, unless that was nothing`() {
        #expect(DeliveryPace.pause(after: .milliseconds(50)) == .milliseconds(5))
        #expect(DeliveryPace.pause(after: .seconds(3)) == .milliseconds(300))
        #expect(DeliveryPace.pause(after: .milliseconds(4)) == .zero)
    }

    @Test func `many go together only after a single one, and then as many as fit into a second`() {
        var pace = BatchPace()
        #expect(pace.limit == 1)
        pace.deliveredOne()
        #expect(pace.limit == 25)
        // 15 ms for each document, as a live site took
        for _ in 0..<10 { pace.delivered(pace.limit, after: .milliseconds(15) * pace.limit) }
        #expect((60...70).contains(pace.limit))
        for _ in 0..<10 { pace.delivered(pace.limit, after: .milliseconds(1) * pace.limit) }
        #expect(pace.limit == 200)
        for _ in 0..<10 { pace.delivered(pace.limit, after: .seconds(60)) }
        #expect(pace.limit == BatchPace.smallest)
        pace.delivered(2, after: .milliseconds(1))
        #expect(pace.limit == BatchPace.smallest)
    }

    @Test func `refused for the sake of one, fewer go together; after a failure single ones go first`() {
        var pace = BatchPace()
        pace.deliveredOne()
        pace.split()
        #expect(pace.limit == 12)
        pace.failed()
        #expect(pace.limit == 1)
        for _ in 0..<9 { pace.deliveredOne() }
        #expect(pace.limit == 1)
        pace.deliveredOne()
        #expect(pace.limit == BatchPace.smallest)
        pace.failed()
        for _ in 0..<20 { pace.deliveredOne() }
        #expect(pace.limit > 1)
    }

    @Test func `after a night of single failures a few that succeed are enough`() {
        var pace = BatchPace()
        pace.deliveredOne()
        for _ in 0..<1_000 { pace.failedOne() }
        for _ in 0..<BatchPace.trials - 1 { pace.deliveredOne() }
        #expect(pace.limit == 1)
        pace.deliveredOne()
        #expect(pace.limit == BatchPace.start)
        pace.failed()
        pace.failedOne()
        for _ in 0..<2 * BatchPace.trials { pace.deliveredOne() }
        #expect(pace.limit > 1)
    }

    @Test func `a method that is refused where single punches are taken rests for an hour`() {
        var trust = BatchTrust()
        trust.refused("403", at: .seconds(10))
        #expect(trust.isOff(at: .seconds(10)))
        trust.refused("404", at: .seconds(11))
        #expect(trust.tookOne() == "403")
        #expect(trust.tookOne() == nil)
        trust.refusedOne()
        #expect(trust.isOff(at: .seconds(3609)))
        #expect(!trust.isOff(at: .seconds(3610)))
        trust.refused("403", at: .seconds(3610))
        #expect(trust.tookOne() == "403")
    }

    @Test func `what was refused while everything was is no fault of the method`() {
        var trust = BatchTrust()
        trust.refused("404", at: .zero)
        trust.refusedOne()
        #expect(!trust.isOff(at: .zero))
        #expect(trust.tookOne() == nil)
    }
}
