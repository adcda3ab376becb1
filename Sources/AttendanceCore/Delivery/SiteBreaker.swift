/// Decides whether a site is sent punches now: none while it is down, one as a trial when it answers again, then more
/// step by step, so that its first minute is not spent under the whole backlog.
///
/// A value without a clock: moments are durations since any fixed start. Only attempts that began in the present
/// `epoch` are listened to, so that a request that was on its way when the site fell over neither closes the breaker
/// nor lengthens the wait.
package struct SiteBreaker: Sendable {
    package enum Step: Hashable, Sendable {
        /// So many punches of the present epoch may be on their way.
        case send(upTo: Int)
        /// Ask now whether the site answers at all, and report to `probed`.
        case probe
        /// Nothing to do before that moment; nil while an answer is awaited.
        case wait(until: Duration?)
    }

    /// What an attempt says of the site.
    package enum Sign: Hashable, Sendable {
        /// It takes punches, whatever became of this one.
        case answers
        case unavailable(reason: String, retryAfter: Duration?)
        case misconfigured(fault: SiteFault, reason: String, remedy: String)
    }

    package enum Kind: Hashable, Sendable {
        case unavailable
        case misconfigured(SiteFault)
    }

    package struct Trouble: Hashable, Sendable {
        package var kind: Kind
        package var reason: String
        package var remedy: String
        package var since: Duration
    }

    /// Something to be told once.
    package enum Change: Hashable, Sendable {
        case trouble(Trouble)
        /// The site takes punches again, after so long.
        case recovered(Trouble, after: Duration)
    }

    private enum Phase {
        case running(allowed: Int)
        case down(until: Duration)
        case probing(since: Duration)
        case paused(until: Duration)
        case trial
    }

    /// Requests at once when all is well.
    package let concurrency: Int
    /// Grows with each time the site was found in trouble.
    package private(set) var epoch = 0
    package private(set) var trouble: Trouble?
    private var phase = Phase.running(allowed: 1)
    private var failures = 0

    /// From the start of one probe to the start of the next; with the probe's own time limit of 4 s, and whatever the
    /// jitter, delivery resumes within 10 s of the site answering again.
    package static let longestProbeInterval: Duration = .milliseconds(9000)
    package static let probeTimeout: Duration = .seconds(4)

    package init(concurrency: Int) { self.concurrency = max(1, concurrency) }

    /// When something is due that no answer brings about.
    package var nextTry: Duration? {
        switch phase {
        case .down(let until), .paused(let until): until
        case .running, .probing, .trial: nil
        }
    }

    package mutating func step(at now: Duration) -> Step {
        switch phase {
        case .running(let allowed): return .send(upTo: allowed)
        case .trial: return .send(upTo: 1)
        case .probing: return .wait(until: nil)
        case .down(let until):
            guard now >= until else { return .wait(until: until) }
            phase = .probing(since: now)
            return .probe
        case .paused(let until):
            guard now >= until else { return .wait(until: until) }
            phase = .trial
            return .send(upTo: 1)
        }
    }

    /// What the probe that `step` asked for has found.
    package mutating func probed(answers: Bool, at now: Duration, random: Double) {
        guard case .probing(let began) = phase else { return }
        if answers {
            phase = .trial
        } else {
            failures += 1
            phase = .down(until: max(now, began + interval(random)))
        }
    }

    /// What an attempt of `epoch` has found.
    package mutating func noted(_ sign: Sign, epoch: Int, at now: Duration, random: Double) -> Change? {
        guard epoch == self.epoch else { return nil }
        switch sign {
        case .answers:
            failures = 0
            switch phase {
            case .running(let allowed): phase = .running(allowed: min(concurrency, allowed + 1))
            default: phase = .running(allowed: min(concurrency, 2))
            }
            guard let past = trouble else { return nil }
            trouble = nil
            return .recovered(past, after: now - past.since)
        case .unavailable(let reason, let retryAfter):
            self.epoch += 1
            failures += 1
            phase = .down(until: now + max(interval(random), retryAfter ?? .zero))
            return note(.unavailable, reason, "", now)
        case .misconfigured(let fault, let reason, let remedy):
            self.epoch += 1
            failures = 0
            phase = .paused(until: now + Self.pace(fault))
            return note(.misconfigured(fault), reason, remedy, now)
        }
    }

    /// Until the next trial of a site that somebody has to mend.
    package static func pace(_ fault: SiteFault) -> Duration {
        switch fault {
        case .configuration: .seconds(10)
        case .authentication: .seconds(30)
        case .wrongTime: .seconds(900)
        }
    }

    private mutating func note(_ kind: Kind, _ reason: String, _ remedy: String, _ now: Duration) -> Change? {
        let known = trouble?.kind == kind
        let new = Trouble(
            kind: kind, reason: reason, remedy: remedy, since: trouble.map(\.since) ?? now)
        trouble = new
        return known ? nil : .trouble(new)
    }

    /// 1, 2, 4, 8 s, +-20 %.
    private func interval(_ random: Double) -> Duration {
        let policy = RetryPolicy(first: .seconds(1), ceiling: .seconds(8))
        return min(policy.delay(afterAttempt: failures, random: random), Self.longestProbeInterval)
    }
}

/// Tells a site's trouble from a punch that troubles the site.
///
/// An answer that looks like the whole site's fault (a firewall's page, a worker that dies) may be one punch's doing.
/// A punch that brings it about again and again, while others got through in between, is to blame itself: then it is
/// treated as its own failure, and blocks nobody. Bounded: forgets the longest-known suspects first.
package struct Suspects: Sendable {
    private struct Record {
        var answered: Int
        var strikes: Int
        var order: Int
    }
    private var records: [Int64: Record] = [:]
    private var order = 0
    package static let maximum = 256
    package static let strikesToBlame = 2

    package init() {}

    /// - `answered`: how many punches the site has taken or judged so far.
    /// - Returns: whether the punch itself is to blame.
    package mutating func failed(_ punch: Int64, answered: Int) -> Bool {
        order += 1
        guard var record = records[punch] else {
            if records.count >= Self.maximum,
                let oldest = records.min(by: { $0.value.order < $1.value.order })
            {
                records[oldest.key] = nil
            }
            records[punch] = Record(answered: answered, strikes: 0, order: order)
            return false
        }
        if answered > record.answered { record.strikes += 1 }
        record.answered = answered
        records[punch] = record
        return record.strikes >= Self.strikesToBlame
    }

    package mutating func cleared(_ punch: Int64) { records[punch] = nil }
}

extension DeliveryOutcome {
    /// What the breaker is told.
    package var sign: SiteBreaker.Sign {
        switch self {
        case .delivered, .alreadyThere, .rejected, .retry: .answers
        case .siteUnavailable(let reason, let retryAfter, _):
            .unavailable(reason: reason, retryAfter: retryAfter)
        case .siteMisconfigured(let fault, let reason, let remedy):
            .misconfigured(fault: fault, reason: reason, remedy: remedy)
        }
    }
}
