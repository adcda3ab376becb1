import AttendanceCore
import Testing

/// A store of owed rows, as far as the schedule sees it.
private struct Owed {
    var rows: [Int64: OwedPunch] = [:]

    init(_ lanes: [(Int64, String)]) {
        for (id, person) in lanes { add(id, person) }
    }

    mutating func add(_ id: Int64, _ person: String, due: Int64? = nil) {
        rows[id] = OwedPunch(
            id: id, terminal: .unknown, enrollID: EnrollID(person)!, time: WallTime(seconds: id), zone: "UTC",
            instant: id, received: UnixTime(seconds: 0), due: due.map { UnixTime(seconds: $0) })
    }

    func page(_ read: LaneSchedule.Read) -> [OwedPunch] {
        Array(rows.values.filter { $0.id > read.after }.sorted { $0.id < $1.id }.prefix(read.limit))
    }

    /// Reads all the schedule asks for. Returns how many pages.
    @discardableResult func feed(_ schedule: inout LaneSchedule, at now: Duration = .zero) -> Int {
        var pages = 0
        while let read = schedule.nextRead(), pages < 10_000 {
            pages += 1
            schedule.take(page(read), from: read, at: now) { .seconds($0.due?.seconds ?? 0) - now }
        }
        return pages
    }
}

@Suite struct LaneScheduleTests {
    @Test func `hands out one punch per lane, lanes in turn, each lane in order`() {
        let owed = Owed([(1, "a"), (2, "a"), (3, "b"), (4, "b"), (5, "c")])
        var schedule = LaneSchedule()
        owed.feed(&schedule)
        var first: [OwedPunch] = []
        while let row = schedule.next(at: .zero) { first.append(row) }
        #expect(first.map(\.id) == [1, 3, 5])
        for row in first { schedule.done(row) }
        let second = [schedule.next(at: .zero)?.id, schedule.next(at: .zero)?.id]
        #expect(second == [2, 4])
        #expect(schedule.next(at: .zero) == nil)
    }

    @Test func `a waiting lane blocks only itself`() {
        let owed = Owed([(1, "a"), (2, "b"), (3, "a")])
        var schedule = LaneSchedule()
        owed.feed(&schedule)
        let row = schedule.next(at: .zero)!
        schedule.again(row, due: .seconds(5))
        #expect(schedule.nextDue == .seconds(5))
        #expect(schedule.next(at: .seconds(4))?.id == 2)
        #expect(schedule.next(at: .seconds(4)) == nil)
        #expect(schedule.next(at: .seconds(5))?.id == 1)
        #expect(schedule.nextDue == nil)
    }

    @Test func `a punch that goes again at once goes to the end of the line`() {
        let owed = Owed([(1, "a"), (2, "b")])
        var schedule = LaneSchedule()
        owed.feed(&schedule)
        schedule.again(schedule.next(at: .zero)!, due: nil)
        let order = [schedule.next(at: .zero)?.id, schedule.next(at: .zero)?.id]
        #expect(order == [2, 1])
    }

    @Test func `a row not yet due waits from the start`() {
        var owed = Owed([(2, "b")])
        owed.add(1, "a", due: 30)
        var schedule = LaneSchedule()
        owed.feed(&schedule)
        #expect(schedule.next(at: .zero)?.id == 2)
        #expect(schedule.next(at: .seconds(29)) == nil)
        #expect(schedule.next(at: .seconds(30))?.id == 1)
    }

    @Test func `a long lane does not hide the others, and is still served in order`() {
        var lanes = (1...2_000).map { (Int64($0), "long") }
        lanes.append((2_001, "late"))
        var owed = Owed(lanes)
        var schedule = LaneSchedule(window: 64, perLane: 8, page: 32)
        owed.feed(&schedule)
        #expect(schedule.count <= 9)
        var served: [Int64] = []
        while let row = schedule.next(at: .zero) {
            served.append(row.id)
            owed.rows[row.id] = nil
            schedule.done(row)
            owed.feed(&schedule)
        }
        #expect(served.firstIndex(of: 2_001) == 1)
        #expect(served.filter { $0 != 2_001 } == Array(1...2_000))
        #expect(schedule.isEmpty)
    }

    @Test func `many waiting lanes do not fill the window`() {
        let count = 1_000
        var owed = Owed([])
        for id in 1...Int64(count) { owed.add(id, "w\(id)", due: 1_000) }
        for id in 1...Int64(count) { owed.add(Int64(count) + id, "w\(id)") }
        owed.add(Int64(3 * count), "free")
        var schedule = LaneSchedule(window: 16, perLane: 4, page: 16)
        owed.feed(&schedule)
        #expect(schedule.next(at: .zero)?.enrollID.sent == "free")
        #expect(schedule.count == count + 1)
    }

    @Test func `random orders of events lose nothing, double nothing and keep every lane's order`() {
        var random = SplitMix(state: 42)
        for _ in 0..<20 {
            var owed = Owed([])
            var nextID: Int64 = 0
            func add(_ count: Int) {
                for _ in 0..<count {
                    nextID += Int64.random(in: 1...3, using: &random)
                    owed.add(
                        nextID,
                        "p\(Int.random(in: 0...6, using: &random) * Int.random(in: 0...6, using: &random))")
                }
            }
            add(60)
            var schedule = LaneSchedule(window: 8, perLane: 3, page: 4)
            var now = Duration.zero
            var flying: [OwedPunch] = []
            var served: [String: [Int64]] = [:]
            var steps = 0
            while !owed.rows.isEmpty, steps < 20_000 {
                steps += 1
                owed.feed(&schedule, at: now)
                switch Int.random(in: 0...9, using: &random) {
                case 0 where steps < 300:
                    add(3)
                    schedule.wake()
                case 1 where steps < 300: schedule.restart()
                case 2...5:
                    guard let row = schedule.next(at: now) else {
                        now += .seconds(1)
                        continue
                    }
                    #expect(!flying.contains { $0.lane == row.lane })
                    flying.append(row)
                default:
                    guard !flying.isEmpty else { continue }
                    var row = flying.remove(at: Int.random(in: flying.indices, using: &random))
                    switch Int.random(in: 0...5, using: &random) {
                    case 0:
                        row.due = UnixTime(seconds: now.components.seconds + 3)
                        owed.rows[row.id] = row
                        schedule.again(row, due: now + .seconds(3))
                    case 1: schedule.again(row, due: nil)
                    default:
                        served[row.lane, default: []].append(row.id)
                        owed.rows[row.id] = nil
                        schedule.done(row)
                    }
                }
            }
            #expect(owed.rows.isEmpty)
            for ids in served.values { #expect(ids == ids.sorted()) }
        }
    }

    @Test func `what becomes owed again among the seen is found after a restart`() {
        var owed = Owed([(5, "a"), (6, "b")])
        var schedule = LaneSchedule()
        owed.feed(&schedule)
        let row = schedule.next(at: .zero)!
        owed.add(2, "c")
        schedule.wake()
        owed.feed(&schedule)
        #expect(schedule.count == 2)
        schedule.restart()
        owed.feed(&schedule)
        #expect(schedule.count == 3)
        schedule.done(row)
        let order = [schedule.next(at: .zero)?.id, schedule.next(at: .zero)?.id]
        #expect(order == [2, 6])
    }
}

/// A small generator with a seed, so that a failing order can be played again.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
