import AttendanceCore
import AttendanceStore
import Logging
import Metrics
import Synchronization

/// Attempts at one sink: begin durably, send, judge, settle durably; and what all attempts together tell of the site.
///
/// The breaker and the figures are shared between attempts that run at once and whoever asks for `state`, hence the
/// mutex; it is never held across a wait.
final class DeliveryAttempts: Sendable {
    /// How an attempt left its punch.
    struct Ended: Sendable {
        enum Next: Sendable {
            case done
            /// Still owed; nought or less when it may go at once.
            case again(delay: Duration)
        }
        var punch: OwedPunch
        var next: Next
    }

    private struct Shared {
        var breaker: SiteBreaker
        var suspects = Suspects()
        var answered = 0
        var figures = SinkState()
        var troubleSince: UnixTime?
    }

    private let sink: any Sink
    private let store: any Store
    private let rules: SettlementRules
    private let reported: WakeUp?
    private let timing: DeliveryTiming
    private let logger: Logger
    private let shared: Mutex<Shared>
    private let counters: [AnswerClass: Counter]
    private let timer: Metrics.Timer

    init(
        sink: any Sink, store: any Store, rules: SettlementRules, concurrency: Int, reported: WakeUp?,
        timing: DeliveryTiming, logger: Logger
    ) {
        self.sink = sink
        self.store = store
        self.rules = rules
        self.reported = reported
        self.timing = timing
        self.logger = logger
        shared = Mutex(Shared(breaker: SiteBreaker(concurrency: concurrency)))
        counters = Dictionary(
            uniqueKeysWithValues: AnswerClass.allCases.map { answer in
                let dimensions = [("sink", sink.name.text), ("class", answer.rawValue)]
                return (answer, Counter(label: "gateway_erp_answers_total", dimensions: dimensions))
            })
        timer = Metrics.Timer(label: "gateway_delivery_seconds", dimensions: [("sink", sink.name.text)])
    }

    // MARK: The site

    var state: SinkState {
        let moment = timing.moment()
        let now = timing.now()
        return shared.withLock { shared in
            var state = shared.figures
            guard let trouble = shared.breaker.trouble else { return state }
            let since = shared.troubleSince ?? now
            switch trouble.kind {
            case .unavailable:
                let wait = max((shared.breaker.nextTry ?? moment) - moment, .zero)
                state.condition = .unavailable(since: since, reason: trouble.reason, nextTry: now + wait)
            case .misconfigured(let fault):
                state.condition = .paused(
                    fault: fault, since: since, reason: trouble.reason, remedy: trouble.remedy)
            }
            return state
        }
    }

    var isInTrouble: Bool { shared.withLock { $0.breaker.trouble != nil } }
    var nextTry: Duration? { shared.withLock { $0.breaker.nextTry } }

    func step() -> (SiteBreaker.Step, epoch: Int) {
        let moment = timing.moment()
        return shared.withLock { ($0.breaker.step(at: moment), $0.breaker.epoch) }
    }

    func probe() async {
        let answers = await sink.probe()
        let (moment, random) = (timing.moment(), timing.random())
        shared.withLock { $0.breaker.probed(answers: answers, at: moment, random: random) }
    }

    func ringReported() { reported?.ring() }

    // MARK: One attempt

    func attempt(_ owed: OwedPunch, epoch: Int) async -> Ended {
        shared.withLock { $0.figures.inFlight += 1 }
        defer { shared.withLock { $0.figures.inFlight -= 1 } }
        var punch = owed
        let frozen: String
        do {
            frozen = try punch.frozen ?? sink.freeze(punch)
        } catch {
            let delivery = Delivery(
                outcome: .rejected(
                    cause: .invalidData, reason: "it cannot be written as a request: \(error)"),
                answer: .rejected)
            return await conclude(
                punch, delivery, started: timing.now(), took: .zero, epoch: epoch, open: false)
        }
        punch.frozen = frozen

        // An earlier attempt's answer is missing: never send again before having looked, and where nobody can tell,
        // not before that attempt can no longer be at work inside the site.
        if let begun = punch.begun {
            let started = timing.now()
            let clock = timing.moment()
            switch await sink.look(for: punch, frozen: frozen) {
            case .present(let reference):
                let delivery = Delivery(
                    outcome: .alreadyThere(reference: reference), answer: .alreadyThere, reference: reference)
                return await conclude(
                    punch, delivery, started: started, took: timing.moment() - clock, epoch: epoch,
                    open: false)
            case .unavailable(let reason, let retryAfter):
                let delivery = Delivery(
                    outcome: .siteUnavailable(reason: reason, retryAfter: retryAfter, ambiguous: false),
                    answer: retryAfter == nil ? .transient : .rateLimited, words: reason)
                return await conclude(
                    punch, delivery, started: started, took: timing.moment() - clock, epoch: epoch, open: true
                )
            case .absent:
                note(.answers, epoch)
                if let left = quietTimeLeft(begun) { return Ended(punch: punch, next: .again(delay: left)) }
            case .cannotTell:
                if let left = quietTimeLeft(begun) { return Ended(punch: punch, next: .again(delay: left)) }
            }
        }

        let started = timing.now()
        do {
            try await store.begin(
                [AttemptStart(punch: punch.id, frozen: frozen)], for: sink.name, at: started)
        } catch {
            // Nothing was sent, so nothing happened; the journal's own health tells of its trouble.
            logger.warning("an attempt cannot be begun; trying again", metadata: ["error": "\(error)"])
            return Ended(punch: owed, next: .again(delay: .seconds(1)))
        }
        let clock = timing.moment()
        let delivery = await sink.deliver(punch, frozen: frozen)
        return await conclude(
            punch, delivery, started: started, took: timing.moment() - clock, epoch: epoch, open: false)
    }

    private func quietTimeLeft(_ begun: UnixTime) -> Duration? {
        let left = begun + rules.quiet - timing.now()
        return left > .zero ? min(left, rules.quiet) : nil
    }

    /// - Parameter open: whether an earlier attempt's answer is still missing after this one.
    private func conclude(
        _ owed: OwedPunch, _ delivery: Delivery, started: UnixTime, took: Duration, epoch: Int, open: Bool
    ) async -> Ended {
        counters[delivery.answer]?.increment()
        timer.recordNanoseconds(took.nanoseconds)
        // A request that our own stopping cut off says nothing of the site.
        let blamed = Task.isCancelled && delivery.status == nil ? false : judge(owed, delivery, epoch: epoch)
        let now = timing.now()
        let (fate, report) = rules.fate(
            of: delivery.outcome, attemptsBefore: owed.attempts, mayBeStoredBefore: open, blamed: blamed,
            at: now,
            random: timing.random())
        let attempt = Attempt(
            started: started, duration: took, status: delivery.status, answer: delivery.answer,
            reference: delivery.reference, words: delivery.words)
        tell(owed, delivery, fate)
        await settle(Settlement(punch: owed.id, attempt: attempt, fate: fate, report: report))
        if report != nil { ringReported() }

        var punch = owed
        switch fate {
        case .delivered, .dead, .suppressed: return Ended(punch: punch, next: .done)
        case .again(let due, let counted, let mayBeStored):
            punch.attempts += counted ? 1 : 0
            punch.due = due
            punch.begun = mayBeStored ? (open ? owed.begun : now) : nil
            return Ended(punch: punch, next: .again(delay: due - now))
        }
    }

    /// Settling what was already sent must outlive cancellation: else a punch that arrived would be sent again. Hence
    /// the one task outside the structure, awaited at once. When the journal cannot be written it is tried again until
    /// the gateway stops; then the punch stays marked as begun, and the next start looks before it sends.
    private func settle(_ settlement: Settlement) async {
        let (store, name) = (store, sink.name)
        var told = false
        while true {
            do {
                try await Task { try await store.settle([settlement], for: name) }.value
                return
            } catch {
                if !told {
                    logger.warning(
                        "an attempt cannot be settled; trying again",
                        metadata: ["punch": "\(settlement.punch)", "error": "\(error)"])
                }
                told = true
                do { try await timing.sleep(.seconds(1)) } catch { return }
            }
        }
    }

    // MARK: Judging

    /// Tells the breaker what the outcome says of the site. Returns whether the punch itself is to blame.
    private func judge(_ punch: OwedPunch, _ delivery: Delivery, epoch: Int) -> Bool {
        let sign: SiteBreaker.Sign
        switch delivery.outcome {
        case .delivered, .alreadyThere, .rejected, .retry: sign = .answers
        case .siteUnavailable(let reason, let retryAfter, _):
            sign = .unavailable(reason: reason, retryAfter: retryAfter)
        case .siteMisconfigured(let fault, let reason, let remedy):
            sign = .misconfigured(fault: fault, reason: reason, remedy: remedy)
        }
        let now = timing.now()
        let blamed = shared.withLock { shared in
            shared.figures.answers[delivery.answer, default: 0] += 1
            guard sign != .answers else {
                shared.answered += 1
                shared.suspects.cleared(punch.id)
                if [.delivered, .alreadyThere].contains(delivery.answer) { shared.figures.lastSuccess = now }
                return false
            }
            // A limit on the rate and a wrong key are never one punch's doing, and a wrong time is the role's.
            if delivery.answer == .rateLimited || delivery.status == 401 { return false }
            if case .siteMisconfigured(.wrongTime, _, _) = delivery.outcome { return false }
            return shared.suspects.failed(punch.id, answered: shared.answered)
        }
        if !blamed { note(sign, epoch) }
        return blamed
    }

    private func note(_ sign: SiteBreaker.Sign, _ epoch: Int) {
        let (moment, now, random) = (timing.moment(), timing.now(), timing.random())
        let change = shared.withLock { shared in
            let change = shared.breaker.noted(sign, epoch: epoch, at: moment, random: random)
            switch change {
            case .trouble: shared.troubleSince = shared.troubleSince ?? now
            case .recovered: shared.troubleSince = nil
            case nil: break
            }
            return change
        }
        switch change {
        case .trouble(let trouble):
            switch trouble.kind {
            case .unavailable:
                logger.warning(
                    "the site takes no punches now; they wait", metadata: ["reason": "\(trouble.reason)"])
            case .misconfigured(let fault):
                logger.error(
                    "delivery is paused until this is mended",
                    metadata: [
                        "fault": "\(fault.rawValue)", "reason": "\(trouble.reason)",
                        "remedy": "\(trouble.remedy)",
                    ])
            }
        case .recovered(_, let after):
            logger.notice(
                "the site takes punches again", metadata: ["after_s": "\(after.components.seconds)"])
        case nil: break
        }
    }

    private func tell(_ punch: OwedPunch, _ delivery: Delivery, _ fate: Settlement.Fate) {
        var metadata: Logger.Metadata = [
            "punch": "\(punch.id)", "enrollid": "\(punch.enrollID)", "terminal": "\(punch.terminal)",
            "answer": "\(delivery.answer.rawValue)",
        ]
        if let status = delivery.status { metadata["status"] = "\(status)" }
        switch fate {
        case .delivered:
            if let reference = delivery.reference { metadata["reference"] = "\(reference)" }
            logger.debug("punch delivered", metadata: metadata)
        case .dead(let cause, let reason):
            metadata["cause"] = "\(cause.rawValue)"
            metadata["reason"] = "\(reason)"
            logger.warning("punch became a dead letter", metadata: metadata)
        case .suppressed(let reason):
            metadata["reason"] = "\(reason)"
            logger.info("punch is not sent", metadata: metadata)
        case .again(_, let counted, _):
            if case .siteMisconfigured(.wrongTime, _, _) = delivery.outcome,
                let reference = delivery.reference
            {
                metadata["reference"] = "\(reference)"
                return logger.error("the site stored a wrong time; correct this check-in", metadata: metadata)
            }
            guard counted else { return logger.debug("punch waits for the site", metadata: metadata) }
            if case .retry(let reason, _) = delivery.outcome { metadata["reason"] = "\(reason)" }
            metadata["attempts"] = "\(punch.attempts + 1)"
            logger.info("punch is tried again later", metadata: metadata)
        }
    }
}
