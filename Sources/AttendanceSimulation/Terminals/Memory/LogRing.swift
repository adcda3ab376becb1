import AttendanceCore

/// The log of a terminal: a ring of records, each known by its number, each delivered or not.
///
/// When the ring is full the oldest record is overwritten, delivered or not (docs/protocol.md §7, Q30). Numbers begin
/// at 1, never come again, and are the terminal's own: they do not go over the wire.
package struct LogRing: Sendable {
    private struct Entry {
        var log: StoredLog
        var isDelivered = false
        /// Not pushed, only handed out when asked for (Q20).
        var isHeldBack: Bool
    }
    package let capacity: Int
    private var entries: [Entry] = []
    private var head = 0
    /// The number of the first entry of `entries[head...]`.
    private var first = 1
    package private(set) var newCount = 0
    private var heldBackCount = 0
    /// Records that were overwritten before any server had them.
    package private(set) var lost = 0
    /// No undelivered record, and none that may be pushed, lies before these; they only spare looking.
    private var newHint = 1
    private var pushHint = 1

    package init(capacity: Int) { self.capacity = max(1, capacity) }

    package var count: Int { entries.count - head }
    /// Records that may be pushed now.
    package var pushable: Int { newCount - heldBackCount }
    /// The number that the next record gets.
    package var nextNumber: Int { first + count }

    package subscript(number: Int) -> StoredLog? { index(of: number).map { entries[$0].log } }

    package func isDelivered(_ number: Int) -> Bool {
        index(of: number).map { entries[$0].isDelivered } ?? true
    }

    private func index(of number: Int) -> Int? {
        number >= first && number < nextNumber ? head + number - first : nil
    }

    /// All records with their numbers, oldest first.
    package var all: [(number: Int, log: StoredLog)] {
        (first..<nextNumber).map { ($0, entries[head + $0 - first].log) }
    }

    /// Answers the number of the record.
    @discardableResult
    package mutating func append(_ log: StoredLog, heldBack: Bool = false) -> Int {
        if count == capacity { dropOldest() }
        entries.append(Entry(log: log, isHeldBack: heldBack))
        newCount += 1
        if heldBack { heldBackCount += 1 }
        return nextNumber - 1
    }

    private mutating func dropOldest() {
        let old = entries[head]
        if !old.isDelivered {
            lost += 1
            newCount -= 1
            if old.isHeldBack { heldBackCount -= 1 }
        }
        head += 1
        first += 1
        // Moving what is left costs no more than what was dropped since the last time.
        if head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }

    package mutating func markDelivered(_ numbers: some Sequence<Int>) {
        for number in numbers {
            guard let index = index(of: number), !entries[index].isDelivered else { continue }
            entries[index].isDelivered = true
            newCount -= 1
            if entries[index].isHeldBack { heldBackCount -= 1 }
        }
    }

    /// The oldest records that may be pushed, at most `limit`.
    package mutating func nextToPush(_ limit: Int, skipping inFlight: Set<Int> = []) -> [Int] {
        guard pushable > 0 else { return [] }
        pushHint = max(pushHint, first)
        while pushHint < nextNumber, !mayBePushed(pushHint) { pushHint += 1 }
        var numbers: [Int] = []
        var number = pushHint
        while number < nextNumber, numbers.count < limit {
            if mayBePushed(number), !inFlight.contains(number) { numbers.append(number) }
            number += 1
        }
        return numbers
    }

    private func mayBePushed(_ number: Int) -> Bool {
        let entry = entries[head + number - first]
        return !entry.isDelivered && !entry.isHeldBack
    }

    /// The numbers of all undelivered records, oldest first.
    package mutating func undelivered() -> [Int] {
        guard newCount > 0 else { return [] }
        newHint = max(newHint, first)
        while newHint < nextNumber, entries[head + newHint - first].isDelivered { newHint += 1 }
        return (newHint..<nextNumber).filter { !entries[head + $0 - first].isDelivered }
    }

    /// The numbers of all records of a span of the terminal's clock; both ends belong to it.
    package func numbers(from start: WallTime?, through end: WallTime?) -> [Int] {
        (first..<nextNumber).filter { number in
            let time = entries[head + number - first].log.time
            return start.map { time >= $0 } ?? true && end.map { time <= $0 } ?? true
        }
    }

    /// Forgets every record. Numbers go on.
    package mutating func removeAll() {
        first = nextNumber
        entries = []
        head = 0
        newCount = 0
        heldBackCount = 0
    }

    /// Continues with the number `next`, as when a memory is read back whose oldest records are gone.
    mutating func begin(at next: Int) {
        guard count == 0, next > first else { return }
        first = next
    }

    /// Whether `person` has a record on the day of `time` already.
    package func hasPunch(of person: UInt64, onDayOf time: WallTime) -> Bool {
        let day = time.seconds / 86_400
        return entries[head...].contains { $0.log.person == person && $0.log.time.seconds / 86_400 == day }
    }

    package func isHeldBack(_ number: Int) -> Bool {
        index(of: number).map { entries[$0].isHeldBack } ?? false
    }
}
