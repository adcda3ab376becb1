import Testing

@testable import AttendanceCore

@Suite struct `When logs are pulled` {
    private static let start: Int64 = 1_770_000_000
    private static let rules = GapRules(onRegister: true, every: .seconds(900), stall: .seconds(1800))

    private static func at(_ seconds: Int64) -> UnixTime { UnixTime(seconds: start + seconds) }

    /// One that has registered with these counters at 0.
    private static func book(
        used: Int? = 100, backlog: Int? = 0, rules: GapRules = rules, kept: PullBook.Kept = .init()
    ) -> PullBook {
        var book = PullBook(kept)
        book.registered(
            LogCounters(used: used, backlog: backlog), firmware: "ai518", isNew: true, spread: 0.5,
            at: at(0), rules: rules)
        return book
    }

    /// When the first pull is due, in seconds; looked at every 5.
    private static func firstPull(_ book: PullBook, rules: GapRules = rules, until: Int64 = 90_000) -> Int64?
    {
        var book = book
        return stride(from: Int64(0), through: until, by: 5).first {
            book.next(at: at($0), rules: rules) != nil
        }
    }

    @Test(
        arguments: [
            // used, backlog, OnRegister, EveryMinutes -> seconds
            (100, 0, true, 900, 900), (100, 40, true, 900, 60), (100, nil, true, 900, 60),
            (100, 40, false, 900, 900), (100, 0, true, nil, nil), (100, 40, false, nil, nil),
            (nil, 7, true, nil, 60),
        ] as [(Int?, Int?, Bool, Int64?, Int64?)])
    func `the counters at reg tell when a terminal is first asked`(
        used: Int?, backlog: Int?, onRegister: Bool, every: Int64?, due: Int64?
    ) {
        var rules = Self.rules
        rules.onRegister = onRegister
        rules.every = every.map { .seconds($0) }
        #expect(Self.firstPull(Self.book(used: used, backlog: backlog, rules: rules), rules: rules) == due)
    }

    @Test func `a backlog that is being pushed is not pulled, one that stops shrinking is`() {
        var book = Self.book(backlog: 100)
        for second in stride(from: Int64(10), to: 200, by: 10) {
            book.received(new: 4, repeated: 0, by: nil, at: Self.at(second))
            let scope = book.next(at: Self.at(second + 5), rules: Self.rules)
            #expect(scope == nil, "at \(second)")
        }
        let later = book.next(at: Self.at(190 + 65), rules: Self.rules)
        #expect(later == .new)
        var whole = Self.book(backlog: 20)
        whole.received(new: 20, repeated: 0, by: nil, at: Self.at(5))
        let none = whole.next(at: Self.at(120), rules: Self.rules)
        #expect(none == nil)
    }

    @Test func `looks that bring nothing become rare, one that brings something makes them frequent again`() {
        var book = Self.book()
        var now: Int64 = 0
        var waits: [Int64] = []
        for round in 0..<9 {
            guard
                let due = stride(from: now, to: now + 40_000, by: 5).first(where: { second in
                    var copy = book
                    return copy.next(at: Self.at(second), rules: Self.rules) != nil
                })
            else { break }
            waits.append(due - now)
            now = due
            _ = book.next(at: Self.at(now), rules: Self.rules)
            book.began(.new, at: Self.at(now))
            book.ended(
                .new, .complete(entries: 0), new: round == 6 ? 3 : 0, at: Self.at(now), rules: Self.rules)
        }
        #expect(waits == [900, 1800, 3600, 7200, 14_400, 14_400, 14_400, 900, 1800])
    }

    @Test func `totals that add up are no gap, however the ring and a wiped log make them look`() {
        var book = Self.book(used: 100, backlog: 0)
        let visits: [(used: Int, backlog: Int, received: Int)] = [
            (150, 0, 50), (150, 0, 0), (180, 30, 0), (180, 0, 30),
            // Wiped, then filled anew beyond where it was.
            (0, 0, 0), (500, 0, 500),
            // The ring is full: it holds as many as before, of which more are unsent.
            (500, 40, 0), (500, 0, 40), (500, 0, 12),
        ]
        for (index, visit) in visits.enumerated() {
            book.received(new: visit.received, repeated: 0, by: nil, at: Self.at(Int64(index) * 100 - 50))
            book.registered(
                LogCounters(used: visit.used, backlog: visit.backlog), firmware: "ai518", isNew: true,
                spread: 0, at: Self.at(Int64(index) * 100), rules: Self.rules)
            #expect(book.kept.gap == nil, "\(visit)")
        }
    }

    @Test func `a lost acknowledgement is no gap, neither at once nor when the batch came again`() {
        var book = Self.book(used: 100, backlog: 0)
        book.received(new: 20, repeated: 0, by: nil, at: Self.at(10))
        book.registered(
            LogCounters(used: 120, backlog: 20), firmware: nil, isNew: true, spread: 0, at: Self.at(20),
            rules: Self.rules)
        book.received(new: 0, repeated: 20, by: nil, at: Self.at(21))
        book.registered(
            LogCounters(used: 120, backlog: 0), firmware: nil, isNew: true, spread: 0, at: Self.at(40),
            rules: Self.rules)
        #expect(book.kept.gap == nil)
    }

    /// A terminal that has delivered 30 records since 0, of which 20 came, at 4,000 s.
    private static func gapped(isOurs: Bool = false) -> PullBook {
        var kept = PullBook.Kept()
        kept.isOurs = isOurs
        kept.mark = .init(delivered: 100, at: start)
        var book = book(used: 100, backlog: 0, kept: kept)
        book.received(new: 20, repeated: 0, by: nil, at: at(100))
        book.registered(
            LogCounters(used: 130, backlog: 0), firmware: "ai518", isNew: true, spread: 0, at: at(4_000),
            rules: rules)
        return book
    }

    /// Runs what is due with these ends; answers the scopes.
    private static func close(
        _ book: inout PullBook, _ ends: [PullEnd], new: [Int]
    ) -> [PullScope] {
        var scopes: [PullScope] = []
        var second: Int64 = 4_000
        for (end, new) in zip(ends, new) {
            var scope: PullScope?
            while scope == nil, second < 200_000 {
                second += 5
                scope = book.next(at: at(second), rules: rules)
            }
            guard let scope, book.kept.gap != nil else { break }
            scopes.append(scope)
            book.began(scope, at: at(second))
            book.received(new: new, repeated: 0, by: scope, at: at(second))
            book.ended(scope, end, new: new, at: at(second), rules: rules)
        }
        return scopes
    }

    @Test func `a gap is closed by the days since, when they list all that was made`() throws {
        var book = Self.gapped()
        let gap = try #require(book.kept.gap)
        #expect(gap.made == 30 && gap.missing == 10 && gap.from == Self.start)
        let scopes = Self.close(&book, [.complete(entries: 0), .complete(entries: 30)], new: [0, 10])
        #expect(scopes == [.new, .range])
        #expect(book.kept.gap == nil && book.kept.mark?.delivered == 130)
        // And it is not suspected again.
        book.registered(
            LogCounters(used: 130, backlog: 0), firmware: "ai518", isNew: true, spread: 0, at: Self.at(9_000),
            rules: Self.rules)
        #expect(book.kept.gap == nil)
    }

    @Test func `two punches of one second are explained by the list, though nothing new comes`() {
        var book = Self.gapped()
        _ = Self.close(&book, [.complete(entries: 0), .complete(entries: 30)], new: [0, 0])
        #expect(book.kept.gap == nil)
    }

    @Test(arguments: [true, false])
    func `everything is asked for only where all it ever delivered came here`(isOurs: Bool) {
        var book = Self.gapped(isOurs: isOurs)
        let ends: [PullEnd] = [.complete(entries: 0), .complete(entries: 5), .complete(entries: 130)]
        let scopes = Self.close(&book, ends, new: [0, 0, 10])
        if isOurs {
            #expect(scopes == [.new, .range, .everything] && book.kept.gap == nil)
        } else {
            #expect(scopes.prefix(2) == [.new, .range] && book.kept.gap?.isStuck == true)
            // Somebody orders it.
            book.ended(
                .everything, .complete(entries: 130), new: 10, isOrdered: true, at: Self.at(90_000),
                rules: Self.rules)
            #expect(book.kept.gap == nil && book.kept.isOurs)
        }
    }

    @Test func `a firmware that cannot list its log is asked once, and again with another firmware`() {
        var book = Self.gapped()
        let scopes = Self.close(&book, [.unsupported, .unsupported, .unsupported], new: [0, 0, 0])
        #expect(scopes == [.new, .range] && book.kept.gap?.isStuck == true)
        #expect(book.kept.unknown == ["getnewlog", "getalllog"])
        book.registered(
            LogCounters(used: 131, backlog: 0), firmware: "ai519", isNew: true, spread: 0, at: Self.at(9_000),
            rules: Self.rules)
        #expect(book.kept.unknown == [])
    }

    @Test
    func `pushes that stop while others go on are pulled at once, and told of when pulls bring punches`() {
        var book = Self.book()
        var rules = Self.rules
        rules.every = .seconds(36_000)
        rules.longest = .seconds(36_000)
        book = Self.book(rules: rules)
        book.received(new: 5, repeated: 0, by: nil, at: Self.at(100))
        book.othersReceived(9)
        let tooFew = book.next(at: Self.at(5_000), rules: rules)
        #expect(tooFew == nil)
        book.othersReceived(1)
        let atNight = book.next(at: Self.at(5_000), rules: rules, isWorkingTime: { false })
        #expect(atNight == nil)
        let due = book.next(at: Self.at(5_000), rules: rules)
        #expect(due == .new)
        book.began(.new, at: Self.at(5_000))
        book.received(new: 3, repeated: 0, by: .new, at: Self.at(5_001))
        book.ended(.new, .complete(entries: 3), new: 3, at: Self.at(5_001), rules: rules)
        #expect(book.kept.stall == PullBook.Stall(since: Self.start + 5_001, pulled: 3, isDeaf: false))
        book.received(new: 1, repeated: 0, by: nil, at: Self.at(6_000))
        #expect(book.kept.stall == nil)
    }

    /// Random visits: a terminal that loses nothing is never suspected, and one that loses is, each time.
    @Test(arguments: 0..<50) func `what is lost is always noticed, and nothing else`(seed: UInt64) {
        var random = Seeded(state: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        var (used, backlog) = (Int.random(in: 0...500, using: &random), 0)
        var book = Self.book(used: used, backlog: 0)
        var now: Int64 = 0
        for _ in 0..<60 {
            now += Int64.random(in: 60...90_000, using: &random)
            let made = Int.random(in: 0...40, using: &random)
            used += made
            backlog += made
            let sent = Int.random(in: 0...backlog, using: &random)
            backlog -= sent
            let lost = Int.random(in: 0...9, using: &random) == 0 ? min(sent, 3) : 0
            book.received(new: sent - lost, repeated: 0, by: nil, at: Self.at(now - 30))
            book.registered(
                LogCounters(used: used, backlog: backlog), firmware: "x", isNew: true, spread: 0,
                at: Self.at(now), rules: Self.rules)
            #expect((book.kept.gap?.missing ?? 0) == lost)
            guard lost > 0 else { continue }
            for scope in [PullScope.new, .range] {
                book.ended(
                    scope, .complete(entries: 10_000), new: scope == .range ? lost : 0, at: Self.at(now),
                    rules: Self.rules)
            }
            #expect(book.kept.gap == nil)
        }
    }

    private struct Seeded: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }
    }

    @Test func `never more than the day allows, and never two at once`() {
        var rules = Self.rules
        rules.gapPullsPerDay = 2
        var book = Self.gapped(isOurs: true)
        var ranges = 0
        for second in stride(from: Int64(4_000), to: 90_000, by: 5) {
            guard let scope = book.next(at: Self.at(second), rules: rules) else { continue }
            book.began(scope, at: Self.at(second))
            let again = book.next(at: Self.at(second + 3_600), rules: rules)
            #expect(again == nil)
            if scope != .new { ranges += 1 }
            book.ended(scope, .failed, new: 0, at: Self.at(second + 1), rules: rules)
        }
        #expect(ranges == 2)
    }
}
