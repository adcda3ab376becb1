import Testing

@testable import AttendanceTerminals

@Suite struct ConnectionLimitsTests {
    @Test func `places are counted in all and for each address, and come back`() {
        let limits = ConnectionLimits(.init(total: 3, perAddress: 2))
        #expect(limits.acquire("10.0.0.1"))
        #expect(limits.acquire("10.0.0.1"))
        #expect(!limits.acquire("10.0.0.1"))
        #expect(limits.open == 2)  // a refused one takes no place
        #expect(limits.acquire("10.0.0.2"))
        #expect(!limits.acquire("10.0.0.3"))
        limits.release("10.0.0.1")
        #expect(limits.acquire("10.0.0.3"))
        #expect(!limits.acquire("10.0.0.1"))
        for address in ["10.0.0.1", "10.0.0.2", "10.0.0.3"] { limits.release(address) }
        #expect(limits.open == 0)
        #expect(limits.acquire("10.0.0.1") && limits.acquire("10.0.0.1"))
    }

    @Test func `one address may have all places unless the operator says otherwise`() {
        let limits = ConnectionLimits(.init(total: 100))
        #expect((0..<100).allSatisfy { _ in limits.acquire("10.0.0.1") })
        #expect(!limits.acquire("10.0.0.1"))
    }

    @Test func `a lowered bound takes nobody's place and lets nobody in`() {
        let limits = ConnectionLimits(.init(total: 3))
        #expect(limits.acquire("a") && limits.acquire("b"))
        limits.bounds = .init(total: 1)
        #expect(limits.open == 2)
        limits.release("a")
        #expect(!limits.acquire("c"))
        limits.release("b")
        #expect(limits.acquire("c"))
    }

    @Test func `refusals are told at once, and then in sums`() {
        let limits = ConnectionLimits(.init(total: 1))
        #expect(limits.acquire("a"))
        #expect(limits.refusalsToTell(at: .zero) == nil)
        #expect(!limits.acquire("b"))
        #expect(limits.refusalsToTell(at: .seconds(1)) == 1)
        for second in 2...10 {
            #expect(!limits.acquire("b"))
            #expect(limits.refusalsToTell(at: .seconds(second)) == nil)
        }
        #expect(limits.refusalsToTell(at: .seconds(11)) == 9)
        #expect(limits.refusalsToTell(at: .seconds(100)) == nil)
    }

    @Test func `memory is lent up to the bound and given back with the lease`() throws {
        let limits = ConnectionLimits(.init(total: 1, messageMemory: 1000))
        var first = limits.lease(600)
        #expect(first != nil)
        #expect(limits.lease(401) == nil)
        #expect(limits.leasedMemory == 600)  // what was refused is not counted
        let second = try #require(limits.lease(400))
        #expect(!limits.grow(second, to: 401))
        #expect(limits.leasedMemory == 1000)
        first = nil
        #expect(first == nil && limits.leasedMemory == 400)
        #expect(limits.grow(second, to: 1000))
        #expect(limits.grow(second, to: 10))  // a lease never shrinks
        #expect(limits.leasedMemory == 1000)
        withExtendedLifetime(second) {}
    }

    @Test func `many threads can neither overdraw the memory nor lose any of it`() async {
        let limits = ConnectionLimits(.init(total: 1, messageMemory: 64_000))
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask {
                    var neverOver = true
                    for round in 1...200 {
                        guard let lease = limits.lease(round) else { continue }
                        _ = limits.grow(lease, to: round * (number + 1))
                        neverOver = neverOver && limits.leasedMemory <= 64_000 + 64 * 200 * 64
                        withExtendedLifetime(lease) {}
                    }
                    return neverOver
                }
            }
            for await neverOver in group { #expect(neverOver) }
        }
        #expect(limits.leasedMemory == 0)
    }
}
