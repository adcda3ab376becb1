/// The log of a terminal: what no server has acknowledged yet, oldest first.
///
/// A ring, as in the device: when it is full the oldest record is lost and counted (quirk Q30).
package struct TerminalMemory: Sendable {
    package let capacity: Int
    package private(set) var lost = 0
    private var records: [SimulatedRecord] = []
    private var head = 0

    package init(_ backlog: [SimulatedRecord] = [], capacity: Int = 500_000) {
        self.capacity = capacity
        for record in backlog { append(record) }
    }

    package var pending: Int { records.count - head }

    package mutating func append(_ record: SimulatedRecord) {
        if pending == capacity {
            lost += 1
            forget(1)
        }
        records.append(record)
    }

    /// At most `limit` records, the oldest first. They stay until they are forgotten.
    package func oldest(_ limit: Int) -> [SimulatedRecord] { Array(records[head...].prefix(limit)) }

    /// The `count` records that came last, as far as they are still there.
    package func newest(_ count: Int) -> [SimulatedRecord] { Array(records[head...].suffix(count)) }

    /// The oldest `count` records are acknowledged.
    package mutating func forget(_ count: Int) {
        head = min(head + count, records.count)
        // Moving what is left costs no more than what was taken since the last time.
        if head * 2 >= records.count {
            records.removeFirst(head)
            head = 0
        }
    }
}
