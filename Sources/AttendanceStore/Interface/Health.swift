import AttendanceCore

/// Figures for `/health` and `/metrics`.
package struct StoreStatus: Sendable {
    package struct Queue: Sendable {
        package var owed: Int
        /// When the punch was received that has been owed longest.
        package var oldest: UnixTime?
        package var dead: Int

        package init(owed: Int = 0, oldest: UnixTime? = nil, dead: Int = 0) {
            self.owed = owed
            self.oldest = oldest
            self.dead = dead
        }
    }
    package var punches: Int
    package var quarantined: Int
    package var queues: [SinkName: Queue]
    package var databaseBytes: Int64

    package init(punches: Int, quarantined: Int, queues: [SinkName: Queue], databaseBytes: Int64) {
        self.punches = punches
        self.quarantined = quarantined
        self.queues = queues
        self.databaseBytes = databaseBytes
    }
}

package enum StoreHealth: Hashable, Sendable {
    case writable
    /// Since when and why nothing can be made durable, in words for the operator.
    case failing(since: UnixTime, reason: String)
}
