/// How a sink fares, for `/health`, the log and the pages. Read at any time, without waiting.
package struct SinkState: Hashable, Sendable {
    package enum Condition: Hashable, Sendable {
        /// Nothing stands in the way.
        case running
        /// Every punch would fail the same way until somebody mends it; one is tried now and then, so that the mended
        /// site is noticed without a restart.
        case paused(fault: SiteFault, since: UnixTime, reason: String, remedy: String)
        /// The site does not take punches now; it is asked again at `nextTry`.
        case unavailable(since: UnixTime, reason: String, nextTry: UnixTime)
    }
    package var condition: Condition
    /// When the sink last took a punch (or had it already) in this run of the gateway.
    package var lastSuccess: UnixTime?
    /// Requests on their way.
    package var inFlight: Int
    /// Answers by class in this run of the gateway.
    package var answers: [AnswerClass: Int]

    package init(
        condition: Condition = .running, lastSuccess: UnixTime? = nil, inFlight: Int = 0,
        answers: [AnswerClass: Int] = [:]
    ) {
        self.condition = condition
        self.lastSuccess = lastSuccess
        self.inFlight = inFlight
        self.answers = answers
    }
}
