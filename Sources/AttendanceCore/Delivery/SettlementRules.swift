/// What an attempt's outcome means for the punch: pure, without a clock.
package struct SettlementRules: Hashable, Sendable {
    package var retry: RetryPolicy
    /// Counted failures after which a punch is reported as failed so far (`MaxRetries`). Nothing is given up by it.
    package var maxRetries: Int
    /// Counted failures after which a punch becomes a dead letter.
    package var maxAttempts: Int
    /// How long a request whose answer is missing may still be at work inside the site (gunicorn's limit is 120 s).
    package var quiet: Duration
    /// Whether the sink can be asked if it has a punch already.
    package var canLook: Bool
    /// Whether the sink itself knows a request that comes again, so that a missing answer is no reason to wait.
    package var isIdempotent: Bool

    package init(
        retry: RetryPolicy = RetryPolicy(), maxRetries: Int = 3, maxAttempts: Int = 8,
        quiet: Duration = .seconds(120), canLook: Bool = true, isIdempotent: Bool = false
    ) {
        self.isIdempotent = isIdempotent
        self.retry = retry
        self.maxRetries = max(1, maxRetries)
        self.maxAttempts = max(1, maxAttempts)
        self.quiet = quiet
        self.canLook = canLook
    }

    /// What becomes of the punch, and what there is to report. The journal reports a failure of a punch only once.
    ///
    /// - `attemptsBefore`: counted attempts before this one.
    /// - `mayBeStoredBefore`: whether an earlier attempt's answer is still missing.
    /// - `blamed`: whether the punch itself brings the site's trouble about (`Suspects`).
    /// - `random`: -1...1, for the jitter.
    package func fate(
        of outcome: DeliveryOutcome, attemptsBefore: Int, mayBeStoredBefore: Bool = false,
        blamed: Bool = false,
        at now: UnixTime, random: Double
    ) -> (fate: Settlement.Fate, report: ReportedStatus?) {
        switch outcome {
        case .delivered, .alreadyThere:
            return (.delivered, .success)
        case .rejected(let cause, let reason):
            return (.dead(cause: cause, reason: reason), .failed)
        case .retry(let reason, let counted):
            guard counted else {
                let due = now + retry.delay(afterAttempt: 1, random: random)
                return (.again(due: due, counted: false, mayBeStored: mayBeStoredBefore), nil)
            }
            return failure(reason, attemptsBefore, mayBeStored: mayBeStoredBefore, now, random)
        case .siteUnavailable(let reason, _, let ambiguous):
            let mayBeStored = (ambiguous || mayBeStoredBefore) && !isIdempotent
            if blamed { return failure(reason, attemptsBefore, mayBeStored: mayBeStored, now, random) }
            // The breaker holds everything back, so the punch itself may go at once; one that may be there already
            // is looked for, or where nobody can look, left alone until no earlier request can be at work.
            let due = mayBeStored && ambiguous && !canLook ? now + quiet : now
            return (.again(due: due, counted: false, mayBeStored: mayBeStored), nil)
        case .siteMisconfigured(_, let reason, _):
            if blamed { return failure(reason, attemptsBefore, mayBeStored: mayBeStoredBefore, now, random) }
            return (.again(due: now, counted: false, mayBeStored: mayBeStoredBefore), nil)
        }
    }

    /// No punch waits longer than this after so many counted attempts, whatever its due time says: that is a time of the
    /// wall clock, which may have been set back since.
    package func longestWait(afterAttempts attempts: Int) -> Duration {
        max(retry.delay(afterAttempt: max(1, attempts), random: 1), quiet)
    }

    private func failure(
        _ reason: String, _ attemptsBefore: Int, mayBeStored: Bool, _ now: UnixTime, _ random: Double
    ) -> (fate: Settlement.Fate, report: ReportedStatus?) {
        let attempts = attemptsBefore + 1
        if attempts >= maxAttempts {
            return (.dead(cause: .serverError, reason: reason), .failed)
        }
        let delay = retry.delay(afterAttempt: attempts, random: random)
        let due = now + (mayBeStored && !canLook ? max(delay, quiet) : delay)
        return (
            .again(due: due, counted: true, mayBeStored: mayBeStored), attempts >= maxRetries ? .failed : nil
        )
    }
}
