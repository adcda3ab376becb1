import AttendanceCore

/// A place that takes punches. What differs from sink to sink is all here; order, retries, pauses and the record of
/// attempts are the worker's.
package protocol Sink: Sendable {
    var name: SinkName { get }
    /// Whether `look` can ever tell.
    var canLook: Bool { get }
    /// Whether the receiver itself knows a request that comes again: one without an answer is then sent again as it was.
    var isIdempotent: Bool { get }
    /// Punches of one lane are delivered in order, one at a time: one person, as this sink knows people. Cheap. When
    /// its answers have changed, the worker is told by `WakeUp.ringForRequeued`.
    func lane(of punch: OwedPunch) -> String
    /// What to do with a punch that was never tried. What it says to send is frozen then and there.
    func decide(_ punch: OwedPunch) async throws -> SinkDecision
    /// Whether what was frozen earlier can still be sent; else it is decided anew.
    func canSend(_ frozen: String) -> Bool
    /// Most punches that a request may hold now, at least 1; nought to send none of this age for the moment.
    func batchLimit(_ situation: BatchSituation) -> Int
    /// Whether this punch may share a request with others. Cheap.
    func mayShare(_ punch: OwedPunch) -> Bool
    /// One request with these punches, never none, each of another lane. Every way it can end is a value; cancelling
    /// ends it early, then perhaps with an open outcome.
    func deliver(_ punches: [FrozenPunch]) async -> BatchAnswer
    /// Whether earlier attempts got through, for each of these punches.
    func look(for punches: [FrozenPunch]) async -> [Sighting]
    /// Whether the site answers at all, without sending it anything that counts.
    func probe() async -> Bool
}

extension Sink {
    package var isIdempotent: Bool { false }
    package func canSend(_ frozen: String) -> Bool { true }
    package func batchLimit(_ situation: BatchSituation) -> Int { 1 }
    package func mayShare(_ punch: OwedPunch) -> Bool { true }
}

/// A punch with what is sent for it.
package struct FrozenPunch: Hashable, Sendable {
    package var punch: OwedPunch
    /// Fields of the request as JSON text.
    package var frozen: String
    /// The same as facts, where it was decided just now.
    package var decision: Decision?

    package init(punch: OwedPunch, frozen: String, decision: Decision? = nil) {
        self.punch = punch
        self.frozen = frozen
        self.decision = decision
    }
}

/// What a sink makes of a punch that was never tried there.
package enum SinkDecision: Hashable, Sendable {
    /// `frozen` is what every attempt sends from now on; `decision` is the same as facts.
    case send(frozen: String, decision: Decision?)
    /// Nothing is sent: an accidental repeat, or a sink that only renders. The reason is kept.
    case suppress(reason: String)
    /// A dead letter without any attempt.
    case reject(cause: RejectionCause, reason: String)
    /// Something is not known yet without which nothing can be sent to this sink at all.
    case wait(reason: String, remedy: String, fault: SiteFault = .configuration)
}

/// What a sink is told to say how many punches go together.
package struct BatchSituation: Hashable, Sendable {
    package var age: DeliveryQueue.Age
    /// Punches owed to this sink, as of a few seconds ago.
    package var owed: Int
    /// Requests on their way with more than one punch.
    package var batches: Int

    package init(age: DeliveryQueue.Age, owed: Int, batches: Int) {
        self.age = age
        self.owed = owed
        self.batches = batches
    }
}

/// How a request ended.
package enum BatchAnswer: Hashable, Sendable {
    /// What became of each punch, in the order of the request.
    case each([Delivery])
    /// None was taken, for the sake of one or of their number: they are sent again in two halves. Only for two or more.
    case split(reason: String)
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
    /// Set when the sink took it and will not count it by itself.
    package var missedShift: Settlement.MissedShift?

    package init(
        outcome: DeliveryOutcome, answer: AnswerClass, status: Int? = nil, reference: String? = nil,
        words: String? = nil, missedShift: Settlement.MissedShift? = nil
    ) {
        self.outcome = outcome
        self.answer = answer
        self.status = status
        self.reference = reference
        self.words = words
        self.missedShift = missedShift
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
