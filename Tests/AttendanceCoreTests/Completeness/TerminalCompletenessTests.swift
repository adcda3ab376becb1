import Testing

@testable import AttendanceCore

/// A batch of records with these stamps (seconds since 1970 UTC).
private func batch(_ stamps: [Int64], doubt: TimeDoubt = .none) -> IntakeBatch {
    var batch = IntakeBatch(terminal: SerialNumber("ZX01")!, connection: 1, received: UnixTime(seconds: 0))
    for (index, stamp) in stamps.enumerated() {
        batch.punches.append(
            Punch(
                enrollID: EnrollID("\(index + 1)")!, time: WallTime(seconds: stamp), zone: "UTC",
                instant: stamp,
                kind: .person, doubt: doubt, raw: 0..<0))
    }
    return batch
}

private func at(_ seconds: Int64) -> UnixTime { UnixTime(seconds: seconds) }

@Suite struct `What a terminal has brought` {
    /// 2026-03-01 08:00:00 UTC.
    private let start: Int64 = 1_772_352_000

    private func registered(backlog: Int? = 0, skew: Int? = 0, setsClock: Bool = true) -> TerminalCompleteness
    {
        TerminalCompleteness(
            registeredAt: at(start), backlog: backlog, skew: skew, setsClock: setsClock)
    }

    @Test func `is complete up to a minute before the last sign of life, when nothing is left to send`() {
        var terminal = registered()
        #expect(terminal.completeUntil == nil)
        terminal.heard(at: at(start + 5))
        #expect(terminal.completeUntil == start + 5 - 60)
        terminal.heard(at: at(start + 500))
        #expect(terminal.completeUntil == start + 500 - 60)
        // Offline nothing is heard, and nothing moves; nor does it for a clock of ours that was set back.
        terminal.heard(at: at(start + 100))
        #expect(terminal.completeUntil == start + 500 - 60)
    }

    @Test(arguments: [(skew: 0, behind: 0), (300, 0), (-300, 300), (-1, 1), (86_400, 0)])
    func `takes off what its clock is behind, and adds nothing for one that is ahead`(
        skew: Int, behind: Int64
    ) {
        var terminal = registered(skew: skew)
        terminal.heard(at: at(start + 1000))
        #expect(terminal.completeUntil == start + 1000 - behind - 60)
    }

    @Test func `believes a clock to be right again once a new punch shows it`() {
        var terminal = registered(skew: -300)
        terminal.stored(batch([start + 98]), at: at(start + 100))
        terminal.heard(at: at(start + 100))
        #expect(terminal.lag == 2)
        #expect(terminal.completeUntil == start + 100 - 2 - 60)
    }

    @Test func `finds by its punches that a clock is behind which was not told`() {
        var terminal = registered(skew: nil)
        #expect(terminal.lag == 0)
        terminal.stored(batch([start - 500]), at: at(start + 100))
        terminal.heard(at: at(start + 100))
        #expect(terminal.completeUntil == start - 500 - 60)
    }

    @Test func `claims nothing for a clock that nobody knows and nobody sets`() {
        var terminal = registered(skew: nil, setsClock: false)
        terminal.heard(at: at(start + 1000))
        #expect(terminal.completeUntil == nil)
        // A punch cannot have been made after it came.
        terminal.stored(batch([start + 1090]), at: at(start + 1100))
        terminal.heard(at: at(start + 1100))
        #expect(terminal.completeUntil == start + 1090 - 60)
    }

    @Test func `stands still while records that were counted are still to come`() {
        var terminal = registered(backlog: 5)
        terminal.heard(at: at(start + 1))
        terminal.stored(batch([start - 900, start - 800, start - 700]), at: at(start + 2))
        #expect(terminal.backlog == 2)
        terminal.heard(at: at(start + 3))
        #expect(terminal.completeUntil == nil)
        terminal.stored(batch([start - 600, start - 500]), at: at(start + 4))
        #expect(terminal.backlog == 0)
        // What was punched meanwhile stands behind in its queue: a quiet minute first.
        terminal.heard(at: at(start + 63))
        #expect(terminal.completeUntil == nil)
        terminal.heard(at: at(start + 64))
        #expect(terminal.completeUntil == start + 4)
    }

    @Test func `waits anew when something old comes after all`() {
        var terminal = registered(backlog: 1)
        terminal.stored(batch([start - 600]), at: at(start + 4))
        terminal.stored(batch([start - 590]), at: at(start + 50))
        terminal.heard(at: at(start + 109))
        #expect(terminal.completeUntil == nil)
        terminal.heard(at: at(start + 110))
        #expect(terminal.completeUntil == start + 50)
    }

    @Test func `does not count one batch twice, nor punches made since`() {
        var terminal = registered(backlog: 6)
        let (first, second) = (batch([start - 900, start - 800]), batch([start - 700, start - 600]))
        for again in [first, first, first, second, first, second] {
            terminal.stored(again, at: at(start + 9))
        }
        #expect(terminal.backlog == 2)
        terminal.stored(batch([start + 5, start + 6]), at: at(start + 9))
        #expect(terminal.backlog == 2)
        terminal.stored(batch([start - 500, start + 7]), at: at(start + 9))
        #expect(terminal.backlog == 1)
    }

    @Test func `counts records that could not become punches, and such with a lost clock`() {
        var terminal = registered(backlog: 3)
        var odd = batch([946_684_800], doubt: .tooOld)
        odd.quarantined = [QuarantinedRecord(reason: "time is missing", raw: 0..<0)]
        terminal.stored(odd, at: at(start + 1))
        #expect(terminal.backlog == 1)
        terminal.stored(odd, at: at(start + 2))
        #expect(terminal.backlog == 1)
    }

    @Test func `counts from anew at each reg`() {
        var terminal = registered(backlog: 9)
        terminal.registered(at: at(start + 60), backlog: 0, skew: 0, setsClock: true)
        terminal.heard(at: at(start + 61))
        #expect(terminal.completeUntil == start + 1)
        terminal.registered(at: at(start + 90), backlog: 4, skew: 0, setsClock: true)
        terminal.heard(at: at(start + 900))
        #expect(terminal.completeUntil == start + 1)
    }

    @Test func `is taken for empty after five quiet minutes where it does not count`() {
        var terminal = registered(backlog: nil)
        terminal.stored(batch([start - 5000]), at: at(start + 10))
        // Registering every minute, as some do for their heartbeat, does not prolong the wait.
        for second in stride(from: Int64(60), through: 300, by: 60) {
            terminal.registered(at: at(start + second), backlog: nil, skew: 0, setsClock: true)
            terminal.heard(at: at(start + second))
        }
        #expect(terminal.completeUntil == nil)
        terminal.heard(at: at(start + 309))
        #expect(terminal.completeUntil == nil)
        // A punch of this moment does not disturb it.
        terminal.stored(batch([start + 308]), at: at(start + 309))
        terminal.heard(at: at(start + 310))
        #expect(terminal.completeUntil == start + 250)
    }

    @Test func `waits five quiet minutes after a batch that could not be stored`() {
        var terminal = registered()
        terminal.heard(at: at(start + 100))
        terminal.notStored(at: at(start + 100))
        terminal.heard(at: at(start + 399))
        #expect(terminal.completeUntil == start + 40)
        terminal.stored(batch([start + 100]), at: at(start + 399))
        terminal.heard(at: at(start + 500))
        #expect(terminal.completeUntil == start + 40)
        terminal.heard(at: at(start + 699))
        #expect(terminal.completeUntil == start + 639)
    }
}

/// A terminal that does what terminals promise: sends its log oldest first until it is acknowledged, counts what it
/// has left, and never lets its clock fall behind what it has shown while connected.
private struct HonestTerminal {
    var random: SeededGenerator
    let countsBacklog: Bool
    let tellsClock: Bool
    let setsClock: Bool
    var rules = TerminalCompleteness.Rules()
    var now: Int64 = 1_772_352_000
    var skew: Int64
    var queue: [Int64] = []
    var connection: TerminalCompleteness?
    /// The most that any connection has claimed.
    var claimed: Int64 = .min
    var lastOnline: Int64 = 0
    var broken = false
    var checked = 0

    init(seed: UInt64, countsBacklog: Bool, tellsClock: Bool, setsClock: Bool) {
        random = SeededGenerator(seed: seed)
        self.countsBacklog = countsBacklog
        self.tellsClock = tellsClock
        self.setsClock = setsClock
        skew = tellsClock ? Int64.random(in: -7200...7200, using: &random) : 0
    }

    mutating func happens(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &random) < share }

    /// Up to ten seconds of its life. Answers stamps that came although everything up to them was claimed.
    mutating func step() -> [Int64] {
        now += Int64.random(in: 1...10, using: &random)
        if happens(0.3) { queue.append(now + skew + Int64.random(in: -5...5, using: &random)) }
        broken = happens(broken ? 0.8 : 0.01)
        if connection == nil {
            if happens(0.05) { connect() }
        } else if happens(0.005) {
            connection = nil
            lastOnline = now
        } else if happens(0.01) {
            register()
        }
        guard connection != nil else { return [] }
        let wrong = happens(0.7) ? send() : []
        connection?.heard(at: at(now))
        let claim = connection?.completeUntil ?? .min
        if claim > now { return [claim] }
        claimed = max(claimed, claim)
        return wrong
    }

    private mutating func connect() {
        // Without power its clock may have stood still, or somebody has set it.
        if tellsClock, happens(0.3) {
            skew = max(lastOnline - now, Int64.random(in: -7200...7200, using: &random))
        }
        register()
    }

    private mutating func register() {
        let (backlog, told) = (countsBacklog ? queue.count : nil, tellsClock ? Int(skew) : nil)
        if connection == nil {
            connection = TerminalCompleteness(
                registeredAt: at(now), backlog: backlog, skew: told, setsClock: setsClock, rules: rules)
        } else {
            connection?.registered(at: at(now), backlog: backlog, skew: told, setsClock: setsClock)
        }
        if setsClock { skew = 0 }
    }

    private mutating func send() -> [Int64] {
        let records = Array(queue.prefix(10))
        guard !records.isEmpty else { return [] }
        guard !broken else {
            connection?.notStored(at: at(now))
            return []
        }
        connection?.stored(batch(records), at: at(now))
        // Now and then the acknowledgement is lost: the same again, later.
        if !happens(0.05) { queue.removeFirst(records.count) }
        checked += records.count
        return records.filter { $0 <= claimed }
    }
}

@Suite struct `The promise of completeness` {
    @Test(arguments: [
        (counts: true, tells: true, sets: true), (true, true, false), (true, false, true),
        (false, true, true),
        (false, true, false), (false, false, true),
    ])
    func `nothing comes that was claimed to be there`(counts: Bool, tells: Bool, sets: Bool) {
        for seed in 1...40 as ClosedRange<UInt64> {
            var terminal = HonestTerminal(
                seed: seed, countsBacklog: counts, tellsClock: tells, setsClock: sets)
            var broken: [Int64] = []
            for _ in 0..<3000 where broken.isEmpty { broken = terminal.step() }
            #expect(broken.isEmpty, "seed \(seed): claimed \(terminal.claimed)")
            // The promise is not kept by never making one.
            #expect(terminal.claimed > 1_772_352_000, "seed \(seed)")
            #expect(terminal.checked > 300)
        }
    }

    /// So that a terminal is simulated that makes the waiting necessary.
    @Test(arguments: [
        TerminalCompleteness.Rules(margin: -10), .init(quiet: 0), .init(quiet: 0, longQuiet: 0),
    ])
    func `without the margin and the quiet it would be broken`(rules: TerminalCompleteness.Rules) {
        var broken = 0
        for seed in 1...40 as ClosedRange<UInt64> where broken == 0 {
            var terminal = HonestTerminal(
                seed: seed, countsBacklog: seed.isMultiple(of: 2), tellsClock: true, setsClock: true)
            terminal.rules = rules
            for _ in 0..<3000 where terminal.step() != [] { broken += 1 }
        }
        #expect(broken > 0)
    }
}

@Suite struct `The memory of a terminal` {
    @Test func `is read from what it says of itself`() {
        let memory = DeviceMemory(
            deviceInfo:
                #"{"useduser":200,"usersize":"5000","usedlog":12,"logsize":500000,"x":{"useduser":1}}"#)
        #expect(memory == DeviceMemory(users: 200, userPlaces: 5000, logs: 12, logPlaces: 500_000))
    }

    @Test(arguments: [nil, "", "[]", "{", #"{"useduser":-3,"usersize":"many","logsize":null}"#])
    func `tells nothing where it cannot be read`(info: String?) {
        #expect(DeviceMemory(deviceInfo: info) == DeviceMemory())
    }
}
