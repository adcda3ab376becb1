import AttendanceCore
import GRDB

/// Answers one `PunchSearch`: see `ConsoleReading.latestPunches`.
///
/// What is asked of the punch itself is looked up in `PunchColumns`, and where these do not reach, row by row; what is
/// asked of its state, in the key of the table that holds what is in that state. Both run down from the newest number
/// and leap over what the other lacks. What passes is a candidate: its row is read, and decides.
struct PunchFinder {
    struct Limits: Sendable {
        /// Rows of keys that one question looks at: about 50 ms of a slow core.
        var rows = 60_000
        /// Candidates by time that are looked up at once.
        var batch = 1_500
        /// Candidates by time that are taken out of memory at once.
        var kept = 6_000
        /// A larger share of the journal than this is looked for along its key.
        var common = 0.02
        /// As many numbers in a state are read at once where that finds all of them.
        var rare = 4_000
        /// Terminals whose held punches are looked at one terminal after the other.
        var held = 200
    }

    private let db: Database
    private let search: PunchSearch
    private let limits: Limits
    private let snapshot: PunchColumns.Snapshot
    /// Rows of `terminal`; nil for all.
    private let terminals: Set<Int64>?
    private let test: PunchTest
    private let sink: Int64?
    private var budget: SearchBudget

    /// - Parameter limit: 1 or more.
    static func page(
        _ db: Database, _ search: PunchSearch, before: PunchCursor?, limit: Int, columns: PunchColumns,
        limits: Limits = Limits()
    ) throws -> Page<JournalEntry, PunchCursor> {
        guard var finder = try PunchFinder(db, search, columns, limits) else {
            return Page(items: [], next: nil)
        }
        switch search.order {
        case .arrival: return try finder.byArrival(before: before, limit: limit)
        case .time: return try finder.byTime(before: before, limit: limit)
        }
    }

    /// Nil where nothing can be found.
    private init?(
        _ db: Database, _ search: PunchSearch, _ columns: PunchColumns, _ limits: Limits
    ) throws {
        guard search.people?.isEmpty != true, !search.kinds.isEmpty, !search.walls.isEmpty else { return nil }
        terminals = try search.terminals.map { try Queries.terminalRows(db, $0) }
        guard terminals?.isEmpty != true else { return nil }
        sink = try Queries.sinkRow(db, search.sink)
        if sink == nil, let state = search.state, state != .held, state != .notOwed { return nil }
        self.db = db
        self.search = search
        self.limits = limits
        test = PunchTest(search, terminals: terminals)
        // What asks nothing of the punch needs no memory; nor does a stretch of time in the order of time.
        let isSelective =
            search.people != nil || search.terminals != nil || search.kinds != Set(PunchKind.allCases)
            || search.isDoubtful == false
        let isNeeded = isSelective || search.order == .arrival && !search.asksNothingOfPunch
        if isNeeded {
            snapshot = try columns.snapshot(db)
        } else {
            columns.expectSearch()
            snapshot = .empty(newest: try Queries.newestPunch(db))
        }
        budget = SearchBudget(rows: limits.rows)
    }

    // MARK: By arrival

    private enum Step {
        case candidate(Int64)
        /// Everything above this number was looked at.
        case stopped(Int64)
        case end
    }

    private mutating func byArrival(before: PunchCursor?, limit: Int) throws -> Page<
        JournalEntry, PunchCursor
    > {
        var found: [JournalEntry] = []
        var states = States(search: search, sink: sink, terminals: try heldTerminals())
        var source = NumberStream(Self.rowByRow(conditions.sql(from: 3)), conditions.arguments)
        var upTo = min(snapshot.newest, max(before?.id ?? .max, 1) - 1)
        var end: Step?
        // One more than is wanted tells whether there is more.
        while found.count <= limit, end == nil {
            var candidates: [Int64] = []
            while found.count + candidates.count <= limit, end == nil {
                switch try step(upTo: upTo, &source, &states) {
                case .candidate(let number):
                    candidates.append(number)
                    upTo = number - 1
                    // Its row costs as much as many of a key.
                    budget.spend(25)
                case let step: end = step
                }
            }
            found += try entries(candidates)
        }
        guard found.count <= limit else {
            let items = Array(found.prefix(limit))
            return Page(items: items, next: items.last?.cursor)
        }
        guard case .stopped(let number) = end else { return Page(items: found, next: nil) }
        let reached = try place(of: min(number + 1, snapshot.newest))
        return Page(
            items: found, next: PunchCursor(time: reached.time, id: number + 1),
            searchedBackTo: reached.received)
    }

    private mutating func step(
        upTo number: Int64, _ source: inout NumberStream, _ states: inout States
    ) throws -> Step {
        var number = number
        while number >= 1 {
            if budget.isSpent { return .stopped(number) }
            guard let candidate = try next(upTo: number, &source) else { return .end }
            if budget.isSpent { return .stopped(candidate) }
            guard let agreed = try states.next(db, upTo: candidate, isPerson: isPerson(candidate), &budget)
            else { return .end }
            if budget.isSpent { return .stopped(agreed) }
            if agreed == candidate { return .candidate(candidate) }
            number = agreed
        }
        return .end
    }

    /// The highest number up to `number` that the search's own columns let through.
    private mutating func next(upTo number: Int64, _ source: inout NumberStream) throws -> Int64? {
        if search.asksNothingOfPunch && search.isDoubtful != false { return number }
        var number = number
        while number >= 1 {
            if let high = snapshot.stretches.last?.last, snapshot.low <= number {
                if number > high {
                    // Newer than what is in memory.
                    guard let next = try source.next(db, upTo: number, &budget) else { return nil }
                    if next > high || budget.isSpent { return next }
                    number = high
                }
                let next = snapshot.last(upTo: number, test)
                budget.spend(Int((number - (next ?? snapshot.low)) >> 8))
                if let next { return next }
                number = snapshot.low - 1
                continue
            }
            return try source.next(db, upTo: number, &budget)
        }
        return nil
    }

    /// Nil where only the row can tell.
    private func isPerson(_ number: Int64) -> Bool? {
        snapshot.place(of: number).map { stretch, place in
            PunchColumns.Flags(bits: stretch.flags[place]).isPerson
        }
    }

    // MARK: By time

    private mutating func byTime(before: PunchCursor?, limit: Int) throws -> Page<JournalEntry, PunchCursor> {
        let held = try heldTerminals()
        var cursor = before
        if search.state != nil || search.isDoubtful == true {
            var states = States(search: search, sink: sink, terminals: held)
            if let all = try states.all(db, atMost: limits.rare, &budget) {
                return try page(of: all, before: before, limit: limit)
            }
        }
        // Where much of the journal fits, going along its key finds some of it sooner than looking at all of it.
        let isInMemory =
            snapshot.isWhole && (snapshot.stretches.last?.last ?? 0) >= snapshot.newest
            && snapshot.share(test) < limits.common
        var found: [JournalEntry] = []
        var size = search.state == nil ? limit + 1 : 2 * (limit + 1)
        var batch = Batch(places: [], reached: nil)
        var isFirst = true
        while found.count <= limit {
            if !isFirst {
                if batch.places.isEmpty, batch.reached == nil { break }
                if budget.isSpent, let cursor {
                    let reached = try place(of: cursor.id)
                    return Page(
                        items: found, next: cursor, searchedBackTo: UnixTime(seconds: reached.instant))
                }
            }
            if batch.places.isEmpty {
                batch =
                    isInMemory
                    ? latestInMemory(before: cursor, limit: search.state == nil ? size : limits.kept)
                    : try latestByKey(before: cursor, limit: size)
            }
            isFirst = false
            let some = batch.places.prefix(size)
            batch.places.removeFirst(some.count)
            // As many as are wanted first; a few of them may turn out to be something else.
            var numbers = try agreed(some.map(\.id), held)[...]
            while found.count <= limit, !numbers.isEmpty {
                let some = numbers.prefix(limit + 1 - found.count)
                numbers.removeFirst(some.count)
                budget.spend(some.count * 25)
                found += try entries(Array(some))
            }
            cursor = (batch.places.isEmpty ? batch.reached : nil) ?? some.last ?? cursor
            size = max(size, min(size * 4, limits.batch))
        }
        guard found.count <= limit else {
            let items = Array(found.prefix(limit))
            return Page(items: items, next: items.last?.cursor)
        }
        return Page(items: found, next: nil)
    }

    /// Those that may be in the state that is asked for, in the same order.
    private mutating func agreed(_ numbers: [Int64], _ held: [Int64]?) throws -> [Int64] {
        var states = States(search: search, sink: sink, terminals: held)
        var agreed: Set<Int64> = []
        // The streams only go down.
        for number in numbers.sorted(by: >)
        where try states.contains(db, number, isPerson: isPerson(number), &budget) {
            agreed.insert(number)
        }
        return numbers.filter(agreed.contains)
    }

    /// Some of the places next behind a cursor, the latest first; all that fit, down to `reached` (nil: to the end).
    private struct Batch {
        var places: ArraySlice<PunchCursor>
        var reached: PunchCursor?
    }

    private mutating func latestInMemory(before: PunchCursor?, limit: Int) -> Batch {
        var latest = LatestPlaces(limit: limit)
        for stretch in snapshot.stretches.reversed() {
            var upTo = stretch.count - 1
            while let place = test.last(in: stretch, upTo: upTo) {
                upTo = place - 1
                let cursor = PunchCursor(
                    time: WallTime(seconds: stretch.walls[place]), id: stretch.first + Int64(place))
                if let before, !(cursor < before) { continue }
                latest.insert(cursor)
            }
        }
        budget.spend(Int(snapshot.newest >> 8))
        let places = latest.sorted
        return Batch(places: places[...], reached: places.count < limit ? nil : places.last)
    }

    private mutating func latestByKey(before: PunchCursor?, limit: Int) throws -> Batch {
        // A journal holds no time beyond these.
        let last = min(before?.time.seconds ?? .max, search.walls.upperBound - 1, 1 << 40)
        let first = max(search.walls.lowerBound, -1 << 40)
        let conditions = conditions
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: Self.byKey(conditions.sql(from: 5))),
            arguments: StatementArguments([
                last, Int64(limit), before.map { $0.time.seconds == last ? $0.id : .max } ?? .max, first,
            ])
                + conditions.arguments)
        var places: [PunchCursor] = []
        var reached: PunchCursor?
        var count = 0
        while let row = try rows.next() {
            count += 1
            let place = PunchCursor(time: WallTime(seconds: row[0]), id: row[1])
            if row[2] { places.append(place) }
            reached = place
        }
        budget.spendSeek(rows: count)
        return Batch(places: places[...], reached: count < limit ? nil : reached)
    }

    /// Of all the punches that can be meant, and these are few, those behind the cursor.
    private mutating func page(of numbers: [Int64], before: PunchCursor?, limit: Int) throws -> Page<
        JournalEntry, PunchCursor
    > {
        let conditions = conditions
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: Self.numbered(conditions.sql(from: 2))),
            arguments: StatementArguments([Queries.list(numbers)]) + conditions.arguments)
        var latest: [PunchCursor] = []
        while let row = try rows.next() {
            let place = PunchCursor(time: WallTime(seconds: row[0]), id: row[1])
            if before.map({ place < $0 }) != false { latest.append(place) }
        }
        latest.sort(by: >)
        var found: [JournalEntry] = []
        var rest = latest[...]
        while found.count <= limit, !rest.isEmpty {
            let some = rest.prefix(limit + 1 - found.count)
            rest.removeFirst(some.count)
            found += try entries(some.map(\.id))
        }
        let items = Array(found.prefix(limit))
        return Page(items: items, next: found.count > limit ? items.last?.cursor : nil)
    }

    // MARK: The journal

    /// What the search asks of the punch itself.
    private var conditions: Conditions {
        var conditions = Conditions()
        if let people = search.people {
            let list = people.prefix(PunchSearch.mostPeople).map { JSONText.quoted($0.canonical) }
            conditions.add(
                "p.enroll IN (SELECT value FROM json_each(?))", "[" + list.joined(separator: ",") + "]")
        }
        if let terminals {
            conditions.add("p.terminal IN (SELECT value FROM json_each(?))", Queries.list(terminals.sorted()))
        }
        if let from = search.from { conditions.add("p.wall >= ?", from.seconds) }
        if let until = search.until { conditions.add("p.wall < ?", until.seconds) }
        if search.kinds != Set(PunchKind.allCases) {
            let kinds = search.kinds.map { String($0.rawValue) }.sorted().joined(separator: ", ")
            conditions.add("p.kind IN (\(kinds))")
        }
        if let isDoubtful = search.isDoubtful { conditions.add("(p.doubt <> 0) = ?", isDoubtful) }
        return conditions
    }

    /// Row by row from `?1` down, and whether each is meant.
    static func rowByRow(_ conditions: String) -> String {
        "SELECT p.id, (\(conditions)) FROM punch p WHERE p.id <= ?1 ORDER BY p.id DESC LIMIT ?2"
    }

    /// The key from the time `?1` down to `?4`, there only numbers below `?3`.
    static func byKey(_ conditions: String) -> String {
        """
        SELECT p.wall, p.id, (\(conditions)) FROM punch p
        WHERE p.wall <= ?1 AND p.wall >= ?4 AND (p.wall < ?1 OR p.id < ?3)
        ORDER BY p.wall DESC, p.id DESC LIMIT ?2
        """
    }

    static func numbered(_ conditions: String) -> String {
        """
        SELECT p.wall, p.id FROM json_each(?1) n CROSS JOIN punch p ON p.id = n.value WHERE \(conditions)
        """
    }

    /// Terminals that have punches that wait, as far as they are asked for; nil where these are too many to look at each.
    private func heldTerminals() throws -> [Int64]? {
        guard search.state == .held || search.state == .notOwed else { return [] }
        let all = try Int64.fetchAll(
            db.cachedStatement(
                sql: "SELECT t.id FROM terminal t WHERE EXISTS (SELECT 1 FROM held h WHERE h.terminal = t.id)"
            ))
        let asked = all.filter { terminals?.contains($0) != false }
        return asked.count <= limits.held ? asked : nil
    }

    /// In the order of `numbers`, and only those that are what was asked for.
    private func entries(_ numbers: [Int64]) throws -> [JournalEntry] {
        guard !numbers.isEmpty else { return [] }
        let rows = try Queries.punches(db, numbered: numbers, at: search.sink).filter(isMeant)
        let found = Dictionary(rows.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        return numbers.compactMap { found[$0] }
    }

    private func isMeant(_ entry: JournalEntry) -> Bool {
        search.walls.contains(entry.punch.time.seconds) && search.kinds.contains(entry.punch.kind)
            && search.people?.prefix(PunchSearch.mostPeople).contains(entry.punch.enrollID) != false
            && search.terminals?.contains(entry.terminal) != false
            && (search.isDoubtful ?? entry.punch.doubt.isDoubtful) == entry.punch.doubt.isDoubtful
            && (search.state ?? entry.state.kind) == entry.state.kind
    }

    private func place(of number: Int64) throws -> (time: WallTime, instant: Int64, received: UnixTime) {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT wall, instant, received FROM punch WHERE id = ?"),
            arguments: [number])
        guard let row else { throw StoreError.other(detail: "punch \(number) is not there") }
        return (WallTime(seconds: row[0]), row[1], UnixTime(milliseconds: row[2]))
    }
}

/// Which numbers may be in the state that is asked for.
private struct States {
    /// In every one of these.
    private var within: [NumberStreams] = []
    /// In none of these.
    private var without: [NumberStreams] = []
    /// Whatever is no person is owed to nobody, and needs no look.
    private var isNotOwed = false

    /// - Parameter terminals: those that have held punches; nil: many.
    init(search: PunchSearch, sink: Int64?, terminals: [Int64]?) {
        let held = NumberStreams(
            terminals?.map { NumberStream(Self.held, [$0]) } ?? [NumberStream(Self.heldAnywhere, [])])
        func at(_ sql: String) -> NumberStreams { NumberStreams([NumberStream(sql, [sink])]) }
        if search.isDoubtful == true { within.append(NumberStreams([NumberStream(Self.doubtful, [])])) }
        switch search.state {
        case nil: break
        case .owed: within.append(at(Self.owed))
        case .dead: within.append(at(Self.dead))
        case .discarded: within.append(at(Self.discarded))
        case .suppressed: within.append(at(Self.suppressed))
        case .delivered: within.append(at(Self.delivered))
        case .held: within.append(held)
        case .notOwed:
            isNotOwed = true
            without = [held]
            // Nothing is owed to a sink that was never known.
            if sink != nil { without += [Self.ended, Self.owed, Self.dead, Self.discarded].map(at) }
        }
    }

    /// The highest number up to `number` that may be in the state; nil when there is none. With the budget spent: see
    /// `NumberStream.next`.
    mutating func next(
        _ db: Database, upTo number: Int64, isPerson: Bool?, _ budget: inout SearchBudget
    ) throws -> Int64? {
        if isNotOwed, isPerson != false {
            for index in without.indices where try without[index].contains(db, number, &budget) {
                return number - 1
            }
        }
        var number = number
        for index in within.indices {
            guard let next = try within[index].next(db, upTo: number, &budget) else { return nil }
            number = next
        }
        return number
    }

    /// Whether this very number may be in the state.
    mutating func contains(
        _ db: Database, _ number: Int64, isPerson: Bool?, _ budget: inout SearchBudget
    ) throws -> Bool {
        if isNotOwed, isPerson != false {
            for index in without.indices where try without[index].contains(db, number, &budget) {
                return false
            }
        }
        for index in within.indices where try !within[index].contains(db, number, &budget) { return false }
        return true
    }

    /// All numbers, where they are no more than `limit`; nil otherwise.
    mutating func all(_ db: Database, atMost limit: Int, _ budget: inout SearchBudget) throws -> [Int64]? {
        guard !isNotOwed else { return nil }
        var numbers: [Int64] = []
        var rest = SearchBudget(rows: 2 * limit)
        defer { budget.spend(2 * limit - rest.rows) }
        var upTo = Int64.max - 1
        while let number = try next(db, upTo: upTo, isPerson: nil, &rest) {
            if rest.isSpent || numbers.count == limit { return nil }
            if number == upTo || within.count == 1 {
                numbers.append(number)
                upTo = number - 1
            } else {
                // The last stream's word, which the others have not heard.
                upTo = number
            }
        }
        return numbers
    }

    static let owed =
        "SELECT punch, TRUE FROM outbox WHERE sink = ?3 AND punch <= ?1 ORDER BY punch DESC LIMIT ?2"
    static let dead =
        "SELECT punch, TRUE FROM dead_letter WHERE sink = ?3 AND punch <= ?1 ORDER BY punch DESC LIMIT ?2"
    static let discarded =
        "SELECT punch, TRUE FROM discarded WHERE sink = ?3 AND punch <= ?1 ORDER BY punch DESC LIMIT ?2"
    static let held =
        "SELECT punch, TRUE FROM held WHERE terminal = ?3 AND punch <= ?1 ORDER BY punch DESC LIMIT ?2"
    static let heldAnywhere = """
        SELECT p.id, EXISTS (SELECT 1 FROM held h WHERE h.terminal = p.terminal AND h.punch = p.id)
        FROM punch p WHERE p.id <= ?1 ORDER BY p.id DESC LIMIT ?2
        """
    static let suppressed = """
        SELECT punch, TRUE FROM attempt INDEXED BY attempt_suppressed
        WHERE sink = ?3 AND fate = 3 AND punch <= ?1 ORDER BY punch DESC LIMIT ?2
        """
    /// The last attempt of what is delivered delivered it: whatever would come behind makes it owed or dead again.
    static let delivered = """
        SELECT punch, fate = 0 FROM attempt WHERE sink = ?3 AND punch <= ?1
        ORDER BY punch DESC, number DESC LIMIT ?2
        """
    static let ended = """
        SELECT punch, fate IN (0, 3) FROM attempt WHERE sink = ?3 AND punch <= ?1
        ORDER BY punch DESC, number DESC LIMIT ?2
        """
    static let doubtful = """
        SELECT id, TRUE FROM punch INDEXED BY punch_doubtful WHERE doubt <> 0 AND id <= ?1
        ORDER BY id DESC LIMIT ?2
        """
}

/// The latest of many places: as many as are wanted, whatever comes.
private struct LatestPlaces {
    /// A heap with the earliest on top.
    private var heap: [PunchCursor] = []
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var sorted: [PunchCursor] { heap.sorted(by: >) }

    mutating func insert(_ place: PunchCursor) {
        guard heap.count == limit, let first = heap.first else {
            heap.append(place)
            rise()
            return
        }
        guard first < place else { return }
        heap[0] = place
        sink()
    }

    private mutating func rise() {
        var child = heap.count - 1
        while child > 0, heap[child] < heap[(child - 1) / 2] {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}

extension PunchCursor: Comparable {
    package static func < (a: PunchCursor, b: PunchCursor) -> Bool {
        a.time == b.time ? a.id < b.id : a.time < b.time
    }
}

extension JournalEntry {
    /// Its place in either order.
    package var cursor: PunchCursor { PunchCursor(time: punch.time, id: id) }
}
