import AttendanceCore
import Synchronization
import Testing

/// A store of owed rows, as far as the schedule sees it.
private struct Owed {
    var rows: [Int64: OwedPunch] = [:]

    init(_ lanes: [(Int64, String)]) {
        for (id, person) in lanes { add(id, person) }
    }

    /// - Parameter late: arrived so long after it happened that it is old at once.
    mutating func add(_ id: Int64, _ person: String, due: Int64? = nil, late: Bool = false) {
        rows[id] = OwedPunch(
            id: id, terminal: .unknown, enrollID: EnrollID(person)!, time: WallTime(seconds: id), zone: "UTC",
            instant: id, received: UnixTime(seconds: id + (late ? 901 : 900)),
            due: due.map { UnixTime(seconds: $0) })
    }

    func page(_ read: LaneSchedule.Read) -> [OwedPunch] {
        Array(rows.values.filter { $0.id > read.after }.sorted { $0.id < $1.id }.prefix(read.limit))
    }

    /// Reads all the schedule asks for. Returns how many pages.
    @discardableResult func feed(_ queue: inout DeliveryQueue, at now: Duration = .zero) -> Int {
        var pages = 0
        while let read = queue.nextRead(), pages < 10_000 {
            pages += 1
            queue.take(page(read.rows), from: read, at: now) { .seconds($0.due?.seconds ?? 0) - now }
        }
        return pages
    }
}

extension DeliveryQueue {
    fileprivate mutating func one(at now: Duration) -> OwedPunch? { next(at: now)?.punches.first }

    fileprivate init(window: Int = 512, perLane: Int = 8, page: Int = 256, floor: Int64 = 0) {
        self.init(floor: floor, window: window, perLane: perLane, page: page, lane: { $0.lane })
    }
}

@Suite struct DeliveryQueueTests {
    @Test func `hands out one punch per lane, lanes in turn, each lane in order`() {
        let owed = Owed([(1, "a"), (2, "a"), (3, "b"), (4, "b"), (5, "c")])
        var queue = DeliveryQueue()
        owed.feed(&queue)
        var first: [OwedPunch] = []
        while let row = queue.one(at: .zero) { first.append(row) }
        #expect(first.map(\.id) == [1, 3, 5])
        for row in first { queue.done(row) }
        let second = [queue.one(at: .zero)?.id, queue.one(at: .zero)?.id]
        #expect(second == [2, 4])
        #expect(queue.one(at: .zero) == nil)
    }

    @Test func `a waiting lane blocks only itself`() {
        let owed = Owed([(1, "a"), (2, "b"), (3, "a")])
        var queue = DeliveryQueue()
        owed.feed(&queue)
        let row = queue.one(at: .zero)!
        queue.again(row, due: .seconds(5))
        #expect(queue.nextDue == .seconds(5))
        #expect(queue.one(at: .seconds(4))?.id == 2)
        #expect(queue.one(at: .seconds(4)) == nil)
        #expect(queue.one(at: .seconds(5))?.id == 1)
        #expect(queue.nextDue == nil)
    }

    @Test func `a punch that goes again at once goes to the end of the line`() {
        let owed = Owed([(1, "a"), (2, "b")])
        var queue = DeliveryQueue()
        owed.feed(&queue)
        queue.again(queue.one(at: .zero)!, due: nil)
        let order = [queue.one(at: .zero)?.id, queue.one(at: .zero)?.id]
        #expect(order == [2, 1])
    }

    @Test func `a row not yet due waits from the start`() {
        var owed = Owed([(2, "b")])
        owed.add(1, "a", due: 30)
        var queue = DeliveryQueue()
        owed.feed(&queue)
        #expect(queue.one(at: .zero)?.id == 2)
        #expect(queue.one(at: .seconds(29)) == nil)
        #expect(queue.one(at: .seconds(30))?.id == 1)
    }

    @Test func `a long lane does not hide the others, and is still served in order`() {
        var lanes = (1...2_000).map { (Int64($0), "long") }
        lanes.append((2_001, "late"))
        var owed = Owed(lanes)
        var queue = DeliveryQueue(window: 64, perLane: 8, page: 32)
        owed.feed(&queue)
        #expect(queue.count <= 9)
        var served: [Int64] = []
        while let row = queue.one(at: .zero) {
            served.append(row.id)
            owed.rows[row.id] = nil
            queue.done(row)
            owed.feed(&queue)
        }
        #expect(served.firstIndex(of: 2_001) == 1)
        #expect(served.filter { $0 != 2_001 } == Array(1...2_000))
        #expect(queue.isEmpty)
    }

    @Test func `many waiting lanes do not fill the window`() {
        let count = 1_000
        var owed = Owed([])
        for id in 1...Int64(count) { owed.add(id, "w\(id)", due: 1_000) }
        for id in 1...Int64(count) { owed.add(Int64(count) + id, "w\(id)") }
        owed.add(Int64(3 * count), "free")
        var queue = DeliveryQueue(window: 16, perLane: 4, page: 16)
        owed.feed(&queue)
        #expect(queue.one(at: .zero)?.enrollID.sent == "free")
        #expect(queue.count == count + 1)
    }

    @Test func `a punch that was on its way at a restart hides none that stood before it`() throws {
        var owed = Owed([(1, "p"), (2, "p"), (3, "p"), (4, "p"), (5, "p"), (6, "p")])
        var queue = DeliveryQueue(window: 8, perLane: 2, page: 2, floor: 9)
        func serve() -> Int64? {
            guard let next = queue.one(at: .zero) else { return nil }
            queue.done(next)
            return next.id
        }
        // 5 is on its way when all is read afresh, up to 2 of its lane.
        for id in Int64(1)...4 {
            owed.feed(&queue)
            let next = serve()
            #expect(next == id)
        }
        owed.feed(&queue)
        let flying = queue.one(at: .zero)
        let late = try #require(flying)
        queue.restart()
        owed.feed(&queue)
        queue.again(late, due: nil)
        for id in Int64(1)...2 {
            let next = serve()
            #expect(next == id)
            owed.rows[id] = nil
        }
        // Now 5 goes, and has to wait, before 3 and 4 have been read again.
        let again = queue.one(at: .zero)
        #expect(again?.id == late.id && late.id == 5)
        queue.again(late, due: .seconds(3))
        owed.rows[5]?.due = UnixTime(seconds: 3)
        var served: Set<Int64> = []
        for second in 3...20 {
            owed.feed(&queue, at: .seconds(second))
            guard let next = queue.one(at: .seconds(second)) else { continue }
            served.insert(next.id)
            owed.rows[next.id] = nil
            queue.done(next)
        }
        #expect(served == [3, 4, 5, 6])
    }

    @Test
    func `random orders of events lose nothing, double nothing, keep every lane's order and starve nobody`() {
        var random = SplitMix(state: 42)
        for round in 0..<40 {
            var owed = Owed([])
            var nextID: Int64 = 0
            func add(_ count: Int) {
                for _ in 0..<count {
                    nextID += Int64.random(in: 1...3, using: &random)
                    owed.add(
                        nextID,
                        "p\(Int.random(in: 0...6, using: &random) * Int.random(in: 0...6, using: &random))",
                        late: Int.random(in: 0...3, using: &random) == 0)
                }
            }
            add(60)
            var queue = DeliveryQueue(window: 8, perLane: 3, page: 4, floor: nextID / 2)
            var now = Duration.zero
            var flying: [OwedPunch] = []
            var served: [String: [DeliveryQueue.Age: [Int64]]] = [:]
            var refloored = false
            var steps = 0
            var liveInARow = 0
            let batch = round % 3 + 1
            while !owed.rows.isEmpty, steps < 20_000 {
                steps += 1
                owed.feed(&queue, at: now)
                switch Int.random(in: 0...9, using: &random) {
                case 0 where steps < 300:
                    add(3)
                    queue.wake()
                case 1 where steps < 300:
                    let new = Bool.random(using: &random) ? nextID : nil
                    if new != nil { refloored = true }
                    queue.restart(floor: new)
                case 2...5:
                    guard let turn = queue.next(at: now, company: { _, _ in .init(limit: batch) }) else {
                        now += .seconds(1)
                        continue
                    }
                    // An old one may be ready and not go only when four live ones have not gone yet.
                    liveInARow = turn.age == .live ? liveInARow + 1 : 0
                    if liveInARow > 4 { #expect(queue.next(at: now, mayGo: { $0 == .old }) == nil) }
                    #expect((1...batch).contains(turn.punches.count))
                    for punch in turn.punches {
                        #expect(queue.age(of: punch) == turn.age)
                        #expect(!flying.contains { $0.lane == punch.lane })
                        flying.append(punch)
                    }
                default:
                    guard !flying.isEmpty else { continue }
                    var row = flying.remove(at: Int.random(in: flying.indices, using: &random))
                    switch Int.random(in: 0...5, using: &random) {
                    case 0:
                        row.due = UnixTime(seconds: now.components.seconds + 3)
                        owed.rows[row.id] = row
                        queue.again(row, due: now + .seconds(3))
                    case 1: queue.again(row, due: nil)
                    default:
                        served[row.lane, default: [:]][queue.age(of: row), default: []].append(row.id)
                        owed.rows[row.id] = nil
                        queue.done(row)
                    }
                }
            }
            #expect(owed.rows.isEmpty)
            #expect(queue.isEmpty)
            for ids in served.values.flatMap(\.values) where !refloored { #expect(ids == ids.sorted()) }
        }
    }

    @Test func `what becomes owed again among the seen is found after a restart`() {
        var owed = Owed([(5, "a"), (6, "b")])
        var queue = DeliveryQueue()
        owed.feed(&queue)
        let row = queue.one(at: .zero)!
        owed.add(2, "c")
        queue.wake()
        owed.feed(&queue)
        #expect(queue.count == 2)
        queue.restart()
        owed.feed(&queue)
        #expect(queue.count == 3)
        queue.done(row)
        let order = [queue.one(at: .zero)?.id, queue.one(at: .zero)?.id]
        #expect(order == [2, 6])
    }

    @Test func `live punches go first, and of five turns one is an old punch's`() {
        var owed = Owed([])
        for id in 1...Int64(100) { owed.add(id, "o\(id)") }
        for id in 101...Int64(200) { owed.add(id, "l\(id)") }
        owed.add(201, "late", late: true)
        var queue = DeliveryQueue(floor: 100)
        owed.feed(&queue)
        var turns: [DeliveryQueue.Turn] = []
        while let turn = queue.next(at: .zero) { turns.append(turn) }
        #expect(
            turns.prefix(10).map(\.age) == [
                .live, .live, .live, .live, .old, .live, .live, .live, .live, .old,
            ])
        #expect(turns.filter { $0.age == .live }.flatMap(\.punches).map(\.id) == Array(101...200))
        #expect(turns.filter { $0.age == .old }.flatMap(\.punches).map(\.id) == Array(1...100) + [201])
    }

    @Test func `one person is never on the way twice, over both classes`() {
        var owed = Owed([(1, "a"), (2, "a"), (3, "a")])
        owed.add(4, "a", late: true)
        var queue = DeliveryQueue(floor: 1)
        owed.feed(&queue)
        let live = queue.next(at: .zero)
        #expect(live?.punches.map(\.id) == [2])
        #expect(queue.next(at: .zero) == nil)
        queue.done(live!.punches[0])
        #expect(queue.one(at: .zero)?.id == 3)
        #expect(queue.next(at: .zero) == nil)
        queue.again(owed.rows[3]!, due: .seconds(9))
        #expect(queue.one(at: .zero)?.id == 1)
        queue.done(owed.rows[1]!)
        #expect(queue.one(at: .zero)?.id == 4)
    }

    @Test func `a new floor makes old what was live, also what is on its way`() {
        let owed = Owed([(1, "a"), (2, "b"), (3, "c")])
        var queue = DeliveryQueue()
        owed.feed(&queue)
        let first = queue.next(at: .zero)!
        #expect(first.age == .live)
        queue.restart(floor: 2)
        owed.feed(&queue)
        queue.again(first.punches[0], due: nil)
        let turns = [queue.next(at: .zero), queue.next(at: .zero), queue.next(at: .zero)].map { $0! }
        #expect(turns.map(\.age) == [.live, .old, .old])
        #expect(turns.flatMap(\.punches).map(\.id).sorted() == [1, 2, 3])
        #expect(queue.next(at: .zero) == nil)
    }

    @Test func `who may share a request goes together, each of another lane; the others keep their turn`() {
        let owed = Owed([(1, "a"), (2, "a"), (3, "alone"), (4, "b"), (5, "c"), (6, "d")])
        var queue = DeliveryQueue(floor: 6)
        owed.feed(&queue)
        let together = { (_: DeliveryQueue.Age, punch: OwedPunch) in
            punch.lane == "alone"
                ? DeliveryQueue.Company.none : .init(limit: 3, matching: { $0.lane != "alone" })
        }
        let turns = (1...4).map { _ in queue.next(at: .zero, company: together)?.punches.map(\.id) }
        #expect(turns == [[1, 4, 5], [3], [6], nil])
        queue.done(owed.rows[1]!)
        #expect(queue.next(at: .zero, mayGo: { $0 == .live }) == nil)
        #expect(queue.one(at: .zero)?.id == 2)
    }

    @Test func `a page serves both classes as long as there is no backlog`() {
        var owed = Owed((1...600).map { (Int64($0), "p\($0)") })
        var queue = DeliveryQueue(window: 100, page: 50, floor: 600)
        owed.feed(&queue)
        #expect(queue.oldCount == 100)
        for id in 601...Int64(610) { owed.add(id, "n\(id)") }
        queue.wake()
        #expect(owed.feed(&queue) == 1)
        while let punch = queue.one(at: .zero) {
            owed.rows[punch.id] = nil
            queue.done(punch)
            owed.feed(&queue)
        }
        #expect(owed.rows.isEmpty)
        for id in 611...Int64(620) { owed.add(id, "n\(id)") }
        queue.wake()
        #expect(owed.feed(&queue) == 1)
        #expect(queue.count == 10)
    }

    @Test func `when lanes change, a person on their way stays one`() {
        final class Names: Sendable { let known = Atomic(false) }
        let names = Names()
        var owed = Owed([(1, "5"), (2, "5")])
        var queue = DeliveryQueue(lane: { names.known.load(ordering: .relaxed) ? "HR-EMP-5" : $0.lane })
        owed.feed(&queue)
        let first = queue.one(at: .zero)!
        names.known.store(true, ordering: .relaxed)
        owed.add(3, "E5")
        queue.restart()
        owed.feed(&queue)
        #expect(queue.next(at: .zero) == nil)
        queue.again(first, due: nil)
        let order = (1...3).map { _ in
            let punch = queue.one(at: .zero)!
            queue.done(punch)
            return punch.id
        }
        #expect(order == [1, 2, 3])
        #expect(queue.isEmpty)
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
