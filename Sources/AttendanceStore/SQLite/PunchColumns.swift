import AttendanceCore
import GRDB
import GRDBSQLite
import Synchronization

/// What a search asks of each punch — who, where, when and what kind — of the newest few million, in memory.
///
/// The journal's key begins with the time, and an index for persons or terminals would cost the intake most of its rate
/// (docs/decisions/0031). Numbers of punches have no gaps, so fifteen bytes for each in plain arrays do the same: a
/// million are looked through in a few milliseconds. What is found so are candidates; the journal alone says what is
/// in it. Nothing is kept before somebody looks at punches; then a stretch is read at each search that needs one, and the
/// rest in between (`wanted`).
final class PunchColumns: Sendable {
    struct Limits: Sendable {
        /// Punches kept in memory, the newest.
        var punches = 3_000_000
        /// Punches in a stretch: as many are read at one question.
        var stretch: Int64 = 65_536
        /// Names kept that terminals have sent.
        var names = 100_000
    }

    let limits: Limits
    /// One element when there is less in memory than a search could use; for one who then calls `readAhead`.
    let wanted: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation
    private let kept = Mutex(Kept())

    init(limits: Limits = Limits()) {
        self.limits = limits
        (wanted, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    deinit { signal.finish() }

    private struct Kept {
        /// The oldest first, without gaps.
        var stretches: [Stretch] = []
        /// Canonical enroll id to the name that was last sent for it.
        var names: [String: String] = [:]

        var low: Int64 { stretches.first?.first ?? 1 }
        var high: Int64 { stretches.last?.last ?? 0 }
        var count: Int { stretches.reduce(0) { $0 + $1.count } }
    }

    // MARK: Keeping

    /// What is known of the journal as `db` shows it, after catching up with it and one step further into its past.
    func snapshot(_ db: Database) throws -> Snapshot {
        let newest = try Queries.newestPunch(db)
        let isAll = try catchUp(db, newest) <= limits.stretch / 2 && !loadOlder(db)
        let snapshot = kept.withLock { kept in
            Snapshot(stretches: kept.stretches, newest: newest)
        }
        if !isAll { signal.yield() }
        return snapshot
    }

    /// Whoever looks at the newest punches searches next: what a search needs is read while they look.
    func expectSearch() {
        if kept.withLock({ $0.stretches.isEmpty }) { signal.yield() }
    }

    /// Reads what has come since, then one older stretch. False when there is nothing more to be read, or no more is to
    /// be kept.
    func readAhead(_ db: Database) throws -> Bool {
        if kept.withLock({ $0.stretches.isEmpty }) { _ = try catchUp(db, Queries.newestPunch(db)) }
        return try loadOlder(db)
    }

    /// Reads one older stretch. False when there is nothing more to be read, or no more is to be kept.
    func loadOlder(_ db: Database) throws -> Bool {
        let (low, count) = kept.withLock { ($0.low, $0.count) }
        guard low > 1, count + Int(limits.stretch) <= limits.punches else { return false }
        // Read without the lock: should another have been faster, this was for nothing.
        let (stretch, names) = try read(db, stretchStart(low - 1)...low - 1)
        kept.withLock { kept in
            guard kept.low == low, !kept.stretches.isEmpty else { return }
            kept.stretches.insert(stretch, at: 0)
            add(names, to: &kept, isNewer: false)
        }
        return true
    }

    /// Names that terminals have sent, as far as punches were read, by canonical enroll id.
    var names: [String: String] { kept.withLock { $0.names } }
    /// Punches kept; for tests.
    var count: Int { kept.withLock { $0.count } }

    /// Takes in what has come since the last question. Returns how much that was.
    private func catchUp(_ db: Database, _ newest: Int64) throws -> Int64 {
        let high = kept.withLock { kept in
            // After a long time without a question it begins again with what is newest.
            if newest - kept.high > limits.stretch { kept = Kept() }
            return kept.high
        }
        // Another question may have seen more already, which does no harm here.
        guard newest > high else { return 0 }
        let first = high == 0 ? stretchStart(newest) : high + 1
        var reading = first
        while reading <= newest {
            let last = min(newest, stretchStart(reading) + limits.stretch - 1)
            let (stretch, names) = try read(db, reading...last)
            kept.withLock { kept in
                guard kept.high == reading - 1 || kept.stretches.isEmpty && reading == first else { return }
                if let end = kept.stretches.indices.last, stretchStart(reading) != reading {
                    kept.stretches[end].append(stretch)
                } else {
                    kept.stretches.append(stretch)
                }
                add(names, to: &kept, isNewer: true)
                while kept.count > limits.punches, kept.stretches.count > 1 { kept.stretches.removeFirst() }
            }
            reading = last + 1
        }
        return newest - first + 1
    }

    private func stretchStart(_ number: Int64) -> Int64 {
        (number - 1) / limits.stretch * limits.stretch + 1
    }

    private func add(_ names: [String: String], to kept: inout Kept, isNewer: Bool) {
        kept.names.merge(names) { isNewer ? $1 : $0 }
        guard kept.names.count > limits.names else { return }
        // Any of them: a journal with so many names is asked for them by its rosters.
        for key in kept.names.keys.prefix(kept.names.count - limits.names) { kept.names[key] = nil }
    }

    private func read(_ db: Database, _ numbers: ClosedRange<Int64>) throws -> (Stretch, [String: String]) {
        let statement = try db.cachedStatement(
            sql: """
                SELECT id, wall, terminal, kind, doubt, enroll, name FROM punch
                WHERE id BETWEEN ? AND ? ORDER BY id
                """)
        try statement.setArguments([numbers.lowerBound, numbers.upperBound])
        // By SQLite's own interface: GRDB's rows take three times as long here.
        let pointer = statement.sqliteStatement
        defer { sqlite3_reset(pointer) }
        var stretch = Stretch(first: numbers.lowerBound, capacity: numbers.count)
        var names: [String: String] = [:]
        while true {
            let code = sqlite3_step(pointer)
            if code == SQLITE_DONE { break }
            guard code == SQLITE_ROW else {
                throw StoreError(connection: db.sqliteConnection, code: code, path: "")
            }
            let enroll = UnsafeRawBufferPointer(
                start: sqlite3_column_text(pointer, 5), count: Int(sqlite3_column_bytes(pointer, 5)))
            let kind = sqlite3_column_int64(pointer, 3)
            stretch.add(
                sqlite3_column_int64(pointer, 0), wall: sqlite3_column_int64(pointer, 1),
                terminal: sqlite3_column_int64(pointer, 2), person: Self.hash(enroll),
                flags: Flags(kind: kind, doubt: sqlite3_column_int64(pointer, 4)))
            if kind == PunchKind.person.rawValue, sqlite3_column_type(pointer, 6) == SQLITE_TEXT,
                let name = sqlite3_column_text(pointer, 6)
            {
                names[String(decoding: enroll, as: UTF8.self)] = String(cString: name)
            }
        }
        stretch.fill(through: numbers.upperBound)
        return (stretch, names)
    }

    // MARK: Values

    /// FNV-1a. Two people who share one cost a look into the journal.
    static func hash(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var hash: UInt32 = 0x811C_9DC5
        for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return hash
    }

    /// Kind and doubt in one byte.
    struct Flags: Hashable {
        let bits: UInt8
        /// A number without a punch.
        static let none = Flags(bits: 0xFF)

        init(bits: UInt8) { self.bits = bits }
        init(kind: Int64, doubt: Int64) {
            bits = UInt8(truncatingIfNeeded: min(max(kind, 0), 7) | (doubt == 0 ? 0 : 8))
        }

        var isPerson: Bool { bits & 7 == UInt8(PunchKind.person.rawValue) }
    }

    /// Punches with numbers one after the other.
    struct Stretch: Sendable {
        let first: Int64
        private(set) var walls: [Int64] = []
        private(set) var people: [UInt32] = []
        /// Rows of `terminal`; `UInt16.max` for those from there on.
        private(set) var terminals: [UInt16] = []
        private(set) var flags: [UInt8] = []

        init(first: Int64, capacity: Int) {
            self.first = first
            walls.reserveCapacity(capacity)
            people.reserveCapacity(capacity)
            terminals.reserveCapacity(capacity)
            flags.reserveCapacity(capacity)
        }

        var count: Int { walls.count }
        var last: Int64 { first + Int64(walls.count) - 1 }

        mutating func add(_ number: Int64, wall: Int64, terminal: Int64, person: UInt32, flags: Flags) {
            fill(through: number - 1)
            walls.append(wall)
            people.append(person)
            terminals.append(UInt16(clamping: terminal))
            self.flags.append(flags.bits)
        }

        /// Numbers have no gaps in a sound journal; in any other one they find nothing.
        mutating func fill(through number: Int64) {
            while last < number {
                walls.append(0)
                people.append(0)
                terminals.append(0)
                flags.append(Flags.none.bits)
            }
        }

        mutating func append(_ other: Stretch) {
            walls += other.walls
            people += other.people
            terminals += other.terminals
            flags += other.flags
        }
    }

    /// What was in memory at one moment.
    struct Snapshot: Sendable {
        /// The oldest first, without gaps.
        let stretches: [Stretch]
        /// The journal's newest number.
        let newest: Int64

        /// Nothing in memory: everything is read from the journal.
        static func empty(newest: Int64) -> Snapshot { Snapshot(stretches: [], newest: newest) }

        /// The lowest number kept, and one above the newest without any.
        var low: Int64 { stretches.first?.first ?? newest + 1 }
        var isWhole: Bool { low <= 1 }

        /// Of a number that is kept.
        func place(of number: Int64) -> (Stretch, Int)? {
            guard let index = index(of: number) else { return nil }
            return (stretches[index], Int(number - stretches[index].first))
        }

        /// About which share of all punches the test lets through: of some here and there.
        func share(_ test: PunchTest) -> Double {
            var (all, fitting) = (0, 0)
            for stretch in stretches {
                for place in Swift.stride(from: 0, to: stretch.count, by: 257) {
                    all += 1
                    if test.fits(stretch, place) { fitting += 1 }
                }
            }
            return all == 0 ? 0 : Double(fitting) / Double(all)
        }

        private func index(of number: Int64) -> Int? {
            stretches.lastIndex { $0.first <= number && number <= $0.last }
        }

        /// The highest number up to `number` whose punch `test` lets through; nil below the lowest that is kept.
        func last(upTo number: Int64, _ test: PunchTest) -> Int64? {
            // Newer than what was kept when the snapshot was made; the journal's snapshot may hold none such.
            guard let high = stretches.last?.last else { return nil }
            let number = min(number, high)
            guard var index = index(of: number) else { return nil }
            var upper = number
            while true {
                let stretch = stretches[index]
                if let place = test.last(in: stretch, upTo: Int(upper - stretch.first)) {
                    return stretch.first + Int64(place)
                }
                guard index > 0 else { return nil }
                index -= 1
                upper = stretches[index].last
            }
        }
    }
}

/// What a search asks, as far as the columns can tell: lets through everything that it finds, and now and then more.
struct PunchTest: Sendable {
    private let walls: Range<Int64>
    private let people: Set<UInt32>?
    /// The only one of `people`.
    private let person: UInt32?
    private let terminals: Bits?
    private let flags: Bits

    /// - Parameter terminals: rows of `terminal`; nil for all.
    init(_ search: PunchSearch, terminals: Set<Int64>?) {
        walls = search.walls
        let people = search.people.map { people in
            Set(people.prefix(PunchSearch.mostPeople).map { PunchColumns.hash($0.canonical.utf8) })
        }
        person = people?.count == 1 ? people?.first : nil
        self.people = people
        self.terminals = terminals.map { rows in
            // The last place stands for all rows that have no place of their own.
            var bits = Bits(count: Int(UInt16.max) + 1)
            for row in rows { bits.insert(Int(UInt16(clamping: row))) }
            return bits
        }
        var flags = Bits(count: 256)
        for kind in search.kinds {
            for doubt in [false, true] where search.isDoubtful ?? doubt == doubt {
                flags.insert(Int(PunchColumns.Flags(kind: Int64(kind.rawValue), doubt: doubt ? 1 : 0).bits))
            }
        }
        self.flags = flags
    }

    /// The last place up to `place` that it lets through.
    func last(in stretch: PunchColumns.Stretch, upTo place: Int) -> Int? {
        var place = place
        if let person {
            // The common question, as tight as it gets.
            while place >= 0 {
                if stretch.people[place] == person, fits(stretch, place) { return place }
                place -= 1
            }
            return nil
        }
        while place >= 0 {
            if fits(stretch, place) { return place }
            place -= 1
        }
        return nil
    }

    func fits(_ stretch: PunchColumns.Stretch, _ place: Int) -> Bool {
        guard flags.contains(Int(stretch.flags[place])), walls.contains(stretch.walls[place]) else {
            return false
        }
        if let terminals, !terminals.contains(Int(stretch.terminals[place])) { return false }
        if let people, !people.contains(stretch.people[place]) { return false }
        return true
    }

    private struct Bits: Sendable {
        private var words: [UInt64]

        init(count: Int) { words = Array(repeating: 0, count: (count + 63) / 64) }
        mutating func insert(_ bit: Int) { words[bit >> 6] |= 1 << UInt64(bit & 63) }
        func contains(_ bit: Int) -> Bool { words[bit >> 6] & 1 << UInt64(bit & 63) != 0 }
    }
}

extension PunchSearch {
    /// Beyond every time that a journal holds where it names none.
    var walls: Range<Int64> {
        let from = from?.seconds ?? .min
        return from..<max(until?.seconds ?? .max, from)
    }

    /// Whether it asks nothing of the punch itself.
    var asksNothingOfPunch: Bool {
        people == nil && terminals == nil && from == nil && until == nil
            && kinds == Set(PunchKind.allCases)
    }
}
