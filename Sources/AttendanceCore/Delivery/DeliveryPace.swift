/// How many requests at once a site is given, by how fast it answers: one more while its answers come about as fast as
/// the fastest seen, half as many when they do not. A value without a clock.
///
/// ERPNext takes check-ins one after the other (docs/erpnext.md §3), so requests beyond what it works on only wait
/// inside it, and people who work in it wait with them.
package struct DeliveryPace: Hashable, Sendable {
    /// The most there will ever be (`Concurrency`).
    package let ceiling: Int
    /// Requests at once, 1...ceiling.
    package private(set) var limit = 1
    private var recent: [Duration] = []
    private var unjudged = 0
    private var best: Duration?
    private var inSpan = 0

    /// Answers after which the limit is looked at again.
    package static let step = 8
    /// Answers whose median counts.
    package static let memory = 15
    /// Answers after which the best one is forgotten and measured afresh, one request at a time: a site that was fast
    /// once, long ago, is not measured by it for ever, and one that is slow under load not by that.
    package static let span = 1_000
    /// A median beyond twice the best and this is too slow.
    package static let slack: Duration = .milliseconds(50)
    /// After a request for an old punch the next waits this share of the time it took.
    package static let rest = 0.1
    /// A site that answers faster has nothing to rest from.
    package static let restless: Duration = .milliseconds(5)

    package init(ceiling: Int) { self.ceiling = max(1, ceiling) }

    /// The site answered one request after so long.
    package mutating func answered(after latency: Duration) {
        if inSpan >= Self.span {
            self = DeliveryPace(ceiling: ceiling)
        }
        inSpan += 1
        best = min(best ?? latency, latency)
        recent.append(latency)
        if recent.count > Self.memory { recent.removeFirst() }
        unjudged += 1
        guard unjudged >= Self.step else { return }
        unjudged = 0
        if recent.sorted()[recent.count / 2] <= bearable {
            limit = min(ceiling, limit + 1)
        } else {
            limit = max(1, limit / 2)
            // What was measured under the greater load says nothing of the smaller.
            recent = []
        }
    }

    /// The slowest median under which the load still grows.
    private var bearable: Duration { (best ?? .zero) * 2 + Self.slack }

    /// How long the site is left to the people who work in it before the next old punch.
    package static func pause(after latency: Duration) -> Duration {
        latency < restless ? .zero : latency * rest
    }
}

/// How many punches go in one request for many: as many as the site stores in about a second, fewer when it fails, and
/// none together until single ones have shown that all is well. A value without a clock.
package struct BatchPace: Hashable, Sendable {
    /// The most the site takes in one request.
    package let maximum: Int
    private var size: Int
    /// Single deliveries still to succeed before punches go together.
    private var singles = 1
    private var failures = 0

    package static let start = 25
    package static let smallest = 5
    /// Single deliveries that must succeed after a trouble; twice as many after each one that many at once have met.
    package static let trials = 5
    package static let aim: Duration = .seconds(1)

    package init(maximum: Int = 200) {
        self.maximum = max(1, maximum)
        size = min(Self.start, self.maximum)
    }

    /// Punches in the next request.
    package var limit: Int { singles > 0 ? 1 : size }

    /// A single punch was delivered as it should be.
    package mutating func deliveredOne() { singles = max(0, singles - 1) }

    /// A request with so many punches was taken after so long.
    package mutating func delivered(_ count: Int, after latency: Duration) {
        failures = 0
        // A request smaller than allowed says little of how many would fit.
        guard count * 2 > size else { return }
        let factor = min(max(Self.aim / max(latency, .milliseconds(1)), 0.5), 2)
        size = min(max(Int(Double(size) * factor), min(Self.smallest, maximum)), maximum)
    }

    /// A request was refused for one of its punches: with fewer together, fewer are sent in vain.
    package mutating func split() { size = max(min(Self.smallest, maximum), size / 2) }

    /// The site failed a single punch, as it does while it is down or refuses the gateway: a few must succeed again. How
    /// long that went on says nothing of sending many, and the backlog that it has left is what they are for.
    package mutating func failedOne() { singles = max(singles, Self.trials << failures) }

    /// The site failed under a request with many, or lied about one: single punches first, the more the oftener.
    package mutating func failed() {
        failures = min(failures + 1, 10)
        size = max(min(Self.smallest, maximum), size / 4)
        singles = Self.trials << failures
    }
}

/// Whether a site's method for many works at all: when it is refused, the next single punch shows whether that was said
/// of this method, which is then left alone for a while, or of everything. A value without a clock.
package struct BatchTrust: Hashable, Sendable {
    private var since: Duration?
    private var suspicion: String?

    /// So long a method that did not work is left alone: a refusal may also have been a proxy's of one moment.
    package static let rest: Duration = .seconds(3600)

    package init() {}

    package func isOff(at now: Duration) -> Bool { since.map { now - $0 < Self.rest } ?? false }

    /// The method was refused, or did not do what it should.
    package mutating func refused(_ reason: String, at now: Duration) {
        guard !isOff(at: now) else { return }
        since = now
        suspicion = reason
    }

    /// The usual method took a punch. Answers why the other one is off, the first time that this is certain.
    package mutating func tookOne() -> String? { suspicion.take() }

    /// The usual method was refused as well.
    package mutating func refusedOne() {
        if suspicion.take() != nil { since = nil }
    }
}
