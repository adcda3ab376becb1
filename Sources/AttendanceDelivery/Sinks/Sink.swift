import AttendanceCore

/// A place that takes punches one by one. What differs from sink to sink is all here; order, retries, pauses and the
/// record of attempts are the worker's.
package protocol Sink: Sendable {
    var name: SinkName { get }
    /// Whether `look` can ever tell.
    var canLook: Bool { get }
    /// Punches of one lane are delivered in order, one at a time: one person, as this sink knows people.
    func lane(of punch: OwedPunch) -> String
    /// What is decided at the first attempt and never changes afterwards, as JSON text. Pure.
    func freeze(_ punch: OwedPunch) throws -> String
    /// One attempt. Every way it can end is a value; cancelling ends it early, then perhaps with an open outcome.
    func deliver(_ punch: OwedPunch, frozen: String) async -> Delivery
    /// Whether an earlier attempt got through.
    func look(for punch: OwedPunch, frozen: String) async -> Sighting
    /// Whether the site answers at all, without sending it anything that counts.
    func probe() async -> Bool
}

/// How one attempt ended.
package struct Delivery: Hashable, Sendable {
    package var outcome: DeliveryOutcome
    package var answer: AnswerClass
    /// HTTP status; nil when no answer came.
    package var status: Int?
    /// The sink's own name for what it stored.
    package var reference: String?
    /// The sink's own words, one line, at most 500 characters.
    package var words: String?

    package init(
        outcome: DeliveryOutcome, answer: AnswerClass, status: Int? = nil, reference: String? = nil,
        words: String? = nil
    ) {
        self.outcome = outcome
        self.answer = answer
        self.status = status
        self.reference = reference
        self.words = words
    }
}

/// What a look has found.
package enum Sighting: Hashable, Sendable {
    case present(reference: String?)
    case absent
    /// This sink or this user cannot look.
    case cannotTell
    /// The site does not answer such that one could tell; ask again later.
    case unavailable(reason: String, retryAfter: Duration?)
}
