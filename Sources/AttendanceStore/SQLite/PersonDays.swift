import AttendanceCore
import GRDB
import Synchronization

/// Finds a person's punches of some hours in a journal whose key begins with the time.
///
/// Keeps in memory which punches belong to whom, for the hours that were asked for last; a row that was found so is
/// read from the journal, which alone says what is in it. Punches are never changed or removed, so what is kept stays
/// right, and what has come since is read by its number. An index on disk would cost every punch a page of its own
/// (docs/decisions/0031).
final class PersonDays: Sendable {
    struct Limits: Sendable {
        /// Punches kept in mind: about 25 bytes each.
        var punches = 3_000_000
        /// When more than so many have come unread, the hours are read anew.
        var unread = 200_000
        /// Seconds of a question that is answered from memory.
        var span: Int64 = 4 * 86_400
    }

    private let limits: Limits
    private let index = Mutex(Index())

    init(limits: Limits = Limits()) { self.limits = limits }

    /// See `JournalReading.dayPunches`. The first question about some hours reads the keys of everybody's punches then.
    func punches(
        _ db: Database, of ids: [String], from: Int64, until: Int64, limit: Int
    ) throws -> [DayPunch] {
        // Beyond every time that a journal holds; with room for arithmetic.
        let from = max(from, -1 << 40)
        let until = min(until, 1 << 40)
        guard from < until, !ids.isEmpty else { return [] }
        // Held while reading, so that the snapshots come one after the other.
        let candidates: Queries.DayCandidates = try index.withLock { index in
            let walls = try index.walls(db, from: from, until: until, limits)
            let numbers = try index.numbers(db, of: ids, walls: walls, limits)
            return numbers.map { .numbers($0) } ?? .walls(walls)
        }
        return try Queries.dayPunches(
            db, among: candidates, of: ids, from: from, until: until, limit: limit)
    }

    /// Punches kept in mind; for tests.
    var count: Int { index.withLock { $0.count } }

    /// A stretch of wall time: four and a half hours, so that its number is found by a shift.
    private struct Bucket {
        static func number(of wall: Int64) -> Int64 { wall >> 14 }
        static func walls(of number: Int64) -> Range<Int64> { number << 14..<(number + 1) << 14 }

        var numbers: [Int64] = []
        /// For each of `numbers` the place of the same person's one before it; -1 for none.
        private var previous: [Int32] = []
        /// The place of a person's last one, by the hash of their id: two people who share one only cost a look.
        private var last: [Int: Int32] = [:]
        var used = 0

        mutating func add(_ number: Int64, of person: Int) {
            let place = Int32(numbers.count)
            numbers.append(number)
            previous.append(last.updateValue(place, forKey: person) ?? -1)
        }

        func collect(_ person: Int, into found: inout [Int64]) {
            var place = last[person] ?? -1
            while place >= 0 {
                found.append(numbers[Int(place)])
                place = previous[Int(place)]
            }
        }
    }

    private struct Index {
        private var buckets: [Int64: Bucket] = [:]
        private(set) var count = 0
        /// Every punch with a number up to here that belongs into one of `buckets` is there.
        private var through: Int64 = 0
        private var uses = 0
        private var zones: [String: ZoneRules] = [:]

        /// The wall times that punches of these instants may have, by the zones that are in use.
        mutating func walls(
            _ db: Database, from: Int64, until: Int64, _ limits: Limits
        ) throws -> Range<Int64> {
            // No zone is further than a day from UTC.
            let widest = from - 86_400..<until + 86_400
            guard until - from <= limits.span else { return widest }
            var offsets: ClosedRange<Int64>?
            for name in try String.fetchAll(db.cachedStatement(sql: "SELECT name FROM zone")) {
                guard let zone = zones[name] ?? ZoneRules(identifier: name) else {
                    return widest  // the machine's zone data has lost it
                }
                zones[name] = zone
                // No zone changes twice within a day.
                for instant in stride(from: from - 86_400, through: until + 86_400, by: 86_400) {
                    let offset = zone.offset(at: instant)
                    offsets =
                        min(
                            offsets?.lowerBound ?? offset, offset)...max(
                            offsets?.upperBound ?? offset, offset)
                }
            }
            // An hour more on each side, should the zone data have been another when the punch came.
            guard let offsets else { return from..<from }
            return from + offsets.lowerBound - 3_600..<until + offsets.upperBound + 3_600
        }

        /// Numbers of punches among which are all of these people at these times; nil where that is more than is kept
        /// in mind.
        mutating func numbers(
            _ db: Database, of ids: [String], walls: Range<Int64>, _ limits: Limits
        ) throws -> [Int64]? {
            guard !walls.isEmpty else { return [] }
            guard walls.upperBound - walls.lowerBound <= limits.span + 4 * 86_400 else { return nil }
            uses += 1
            try catchUp(db, limits)
            let wanted = Bucket.number(of: walls.lowerBound)...Bucket.number(of: walls.upperBound - 1)
            for key in wanted { buckets[key]?.used = uses }
            for key in wanted where buckets[key] == nil {
                guard try load(db, key, limits) else { return nil }
            }
            var found: [Int64] = []
            for id in Set(ids) {
                for key in wanted { buckets[key]?.collect(id.hashValue, into: &found) }
            }
            return found
        }

        /// Takes in what has come since the last question.
        private mutating func catchUp(_ db: Database, _ limits: Limits) throws {
            let statement = try db.cachedStatement(sql: "SELECT MAX(id) FROM punch")
            let newest = try Int64.fetchOne(statement) ?? 0
            guard newest != through else { return }
            // Fewer than before: another journal has been put in its place.
            if newest < through || newest - through > Int64(limits.unread) { forget() }
            if !buckets.isEmpty {
                let rows = try Row.fetchCursor(
                    db.cachedStatement(sql: "SELECT id, wall, enroll FROM punch WHERE id > ? AND id <= ?"),
                    arguments: [through, newest])
                while let row = try rows.next() {
                    let key = Bucket.number(of: row[1])
                    guard buckets[key] != nil else { continue }
                    buckets[key]?.add(row[0], of: (row[2] as String).hashValue)
                    count += 1
                }
            }
            through = newest
            while count > limits.punches, evict() {}
        }

        /// Reads a stretch, from the key alone; false where they do not fit.
        private mutating func load(_ db: Database, _ key: Int64, _ limits: Limits) throws -> Bool {
            var bucket = Bucket()
            bucket.used = uses
            let walls = Bucket.walls(of: key)
            let rows = try Row.fetchCursor(
                db.cachedStatement(
                    sql: "SELECT id, enroll FROM punch WHERE wall >= ? AND wall < ? AND id <= ?"),
                arguments: [walls.lowerBound, walls.upperBound, through])
            while let row = try rows.next() {
                while count + bucket.numbers.count >= limits.punches {
                    guard evict() else { return false }
                }
                bucket.add(row[0], of: (row[1] as String).hashValue)
            }
            count += bucket.numbers.count
            buckets[key] = bucket
            return true
        }

        /// Forgets the hours that were longest not asked for, and not just now; false where there are none.
        private mutating func evict() -> Bool {
            guard let oldest = buckets.min(by: { $0.value.used < $1.value.used }), oldest.value.used < uses
            else {
                return false
            }
            count -= oldest.value.numbers.count
            buckets[oldest.key] = nil
            return true
        }

        private mutating func forget() {
            buckets = [:]
            count = 0
        }
    }
}
