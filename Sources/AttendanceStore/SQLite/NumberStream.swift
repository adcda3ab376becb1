import AttendanceCore
import GRDB

/// What one question may still look at, in rows of a key; finding a place costs as much as some rows.
struct SearchBudget {
    private static let seek = 12
    private(set) var rows: Int
    init(rows: Int) { self.rows = rows }

    var isSpent: Bool { rows <= 0 }
    mutating func spend(_ rows: Int) { self.rows -= rows }
    mutating func spendSeek(rows: Int) { self.rows -= rows + Self.seek }
}

/// Numbers of punches from the highest to the lowest, out of one of the journal's keys. Only goes down.
///
/// Who leaps ahead reads a few rows there; who asks for many of the numbers reads ever longer blocks. So two streams, or
/// one and what is in memory, are compared in few steps, whichever of them is the longer one.
struct NumberStream {
    /// Gives numbers up to `?1`, the highest first, at most `?2` of them, and whether each counts. The same number may
    /// come more than once.
    private let sql: String
    private let arguments: StatementArguments
    /// Those that count, between the places of `covered`.
    private var block: [Int64] = []
    private var place = 0
    /// Everything the key has from here to there is in `block`.
    private var covered: ClosedRange<Int64>?
    private var size = Self.smallest
    /// How often the block was asked.
    private var asked = 0

    private static let smallest = 8
    private static let largest = 4_096

    /// - Parameter arguments: for `?3` and so on.
    init(_ sql: String, _ arguments: StatementArguments) {
        self.sql = sql
        self.arguments = arguments
    }

    /// The highest number up to `number`; nil when there is none at all.
    ///
    /// When the budget is spent afterwards, what is told only says that there is none above it.
    mutating func next(_ db: Database, upTo number: Int64, _ budget: inout SearchBudget) throws -> Int64? {
        var number = number
        var isNothing = false
        asked += 1
        while number >= 1 {
            if let covered, covered.contains(number) {
                while place < block.count, block[place] > number { place += 1 }
                if place < block.count { return block[place] }
                number = covered.lowerBound - 1
                isNothing = true
                continue
            }
            if budget.isSpent { return number }
            try read(db, upTo: number, growing: isNothing, &budget)
        }
        return nil
    }

    /// Whether this very number counts; at most one block is read for it.
    mutating func contains(_ db: Database, _ number: Int64, _ budget: inout SearchBudget) throws -> Bool {
        asked += 1
        if covered?.contains(number) != true { try read(db, upTo: number, growing: false, &budget) }
        while place < block.count, block[place] > number { place += 1 }
        return place < block.count && block[place] == number
    }

    private mutating func read(
        _ db: Database, upTo number: Int64, growing: Bool, _ budget: inout SearchBudget
    ) throws {
        // A block of which little was asked was too long already.
        size = growing || asked * 16 > size ? min(size * 4, Self.largest) : Self.smallest
        asked = 0
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: sql), arguments: StatementArguments([number, Int64(size)]) + arguments)
        block.removeAll(keepingCapacity: true)
        place = 0
        var count = 0
        var last: Int64 = 1
        while let row = try rows.next() {
            count += 1
            last = row[0]
            if row[1] { block.append(last) }
        }
        budget.spendSeek(rows: count)
        covered = (count < size ? min(1, number) : last)...number
    }
}

/// Several streams as one.
struct NumberStreams {
    private var streams: [NumberStream]
    init(_ streams: [NumberStream]) { self.streams = streams }

    mutating func next(_ db: Database, upTo number: Int64, _ budget: inout SearchBudget) throws -> Int64? {
        var highest: Int64?
        for index in streams.indices {
            let next = try streams[index].next(db, upTo: number, &budget)
            highest = max(highest, next)
            if highest == number { break }
        }
        return highest
    }

    mutating func contains(_ db: Database, _ number: Int64, _ budget: inout SearchBudget) throws -> Bool {
        for index in streams.indices where try streams[index].contains(db, number, &budget) { return true }
        return false
    }

    private func max(_ a: Int64?, _ b: Int64?) -> Int64? {
        guard let a, let b else { return a ?? b }
        return Swift.max(a, b)
    }
}
