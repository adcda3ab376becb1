/// How far a fleet has come.
package struct FleetSnapshot: Sendable {
    package var elapsed: Duration = .zero
    package var terminals = 0
    package var connected = 0
    /// Punches people made.
    package var punches = 0
    /// Of those, acknowledged by the server.
    package var acknowledged = 0
    /// Punches sent again although they were acknowledged, as after a lost answer.
    package var repeated = 0
    /// Batches answered with anything but an acknowledgement that echoes both numbers.
    package var refused = 0
    /// Batches that got no answer in the time a terminal waits.
    package var unanswered = 0
    package var oddFrames = 0
    /// Connections cut by the terminal's own will.
    package var outages = 0
    /// Connections that could not be made or ended otherwise.
    package var failures = 0
    /// Punches lost because a terminal's memory was full.
    package var lost = 0
    /// The last thing that went wrong, in words.
    package var lastFailure: String?
    /// From sending a batch to its acknowledgement.
    package var latencyMedian: Duration = .zero
    package var latency99: Duration = .zero
    package var latencyMaximum: Duration = .zero

    /// Punches still in the terminals' memories.
    package var pending: Int { punches - acknowledged - lost }
    package var everyPunchAcknowledged: Bool { punches == acknowledged }
}
