import AttendanceCore
import AttendanceStore
import Logging
import Synchronization

/// Attempts at one sink: decide, look where an answer is missing, begin durably, send, judge, settle durably.
///
/// An attempt is made for one punch, or for several that share a request.
struct DeliveryAttempts: Sendable {
    /// How an attempt left its punches.
    struct Result: Sendable {
        var ended: [Ended] = []
        /// Punches that go again as the same request, and whether the sink gave an answer to it.
        var together: (punches: [OwedPunch], isAnswered: Bool)?
        /// How long the last request took; nil when none was made.
        var latency: Duration?
        /// Nothing can be sent to this sink for the moment.
        var hold: SiteWatch.Hold?
    }

    struct Ended: Sendable {
        enum Next: Sendable {
            case done
            /// Still owed; nought or less when it may go at once.
            case again(delay: Duration)
        }
        var punch: OwedPunch
        var next: Next
    }

    let sink: any Sink
    let store: any Store
    let rules: SettlementRules
    let reported: WakeUp?
    let strangers: WakeUp?
    let timing: DeliveryTiming
    let watch: SiteWatch
    let logger: Logger
    private let deaths = DeathsTold()

    init(
        sink: any Sink, store: any Store, rules: SettlementRules, reported: WakeUp?, strangers: WakeUp?,
        timing: DeliveryTiming, watch: SiteWatch, logger: Logger
    ) {
        self.sink = sink
        self.store = store
        self.rules = rules
        self.reported = reported
        self.strangers = strangers
        self.timing = timing
        self.watch = watch
        self.logger = logger
    }

    func ringReported() { reported?.ring() }

    func probe() async { watch.probed(await sink.probe()) }

    /// - Parameters:
    ///   - punches: each of another lane, never none.
    ///   - sharing: most of them that a request may hold.
    func attempt(_ punches: [OwedPunch], sharing: Int, epoch: Int) async -> Result {
        watch.began()
        defer { watch.ended() }
        var result = Result()
        let decided = await decide(punches, &result)
        let unsent = await look(for: decided, sharing: sharing, epoch, &result)
        await send(unsent, epoch, &result)
        return result
    }

    // MARK: Deciding

    private func decide(_ punches: [OwedPunch], _ result: inout Result) async -> [FrozenPunch] {
        var decided: [FrozenPunch] = []
        var finished: [(OwedPunch, Settlement)] = []
        for punch in punches {
            if let frozen = punch.frozen, sink.canSend(frozen) {
                decided.append(FrozenPunch(punch: punch, frozen: frozen))
                continue
            }
            let started = timing.now()
            let clock = timing.moment()
            let decision: SinkDecision
            do {
                decision = try await sink.decide(punch)
            } catch let error as StoreError {
                logger.warning("a punch cannot be decided on; trying again", metadata: ["error": "\(error)"])
                result.ended.append(Ended(punch: punch, next: .again(delay: .seconds(1))))
                continue
            } catch is CancellationError {
                result.ended.append(Ended(punch: punch, next: .again(delay: .zero)))
                continue
            } catch {
                decision = .reject(
                    cause: .invalidData, reason: "it cannot be written as a request: \(error)")
            }
            let took = timing.moment() - clock
            switch decision {
            case .send(let frozen, let facts):
                var punch = punch
                punch.frozen = frozen
                decided.append(FrozenPunch(punch: punch, frozen: frozen, decision: facts))
            case .suppress(let reason):
                let attempt = Attempt(started: started, duration: took, answer: .suppressed)
                finished.append(
                    (
                        punch,
                        Settlement(
                            punch: punch.id, attempt: attempt, fate: .suppressed(reason: reason), report: nil)
                    ))
            case .reject(let cause, let reason):
                let attempt = Attempt(started: started, duration: took, answer: .rejected, words: reason)
                finished.append(
                    (
                        punch,
                        Settlement(
                            punch: punch.id, attempt: attempt, fate: .dead(cause: cause, reason: reason),
                            report: .failed)
                    ))
            case .wait(let reason, let remedy, let fault):
                result.hold = SiteWatch.Hold(fault: fault, reason: reason, remedy: remedy)
                result.ended.append(Ended(punch: punch, next: .again(delay: .zero)))
            }
        }
        guard !finished.isEmpty else { return decided }
        for (punch, settlement) in finished {
            watch.count(settlement.attempt.answer)
            tell(
                punch, Delivery(outcome: .alreadyThere(reference: nil), answer: settlement.attempt.answer),
                settlement.fate)
            result.ended.append(Ended(punch: punch, next: .done))
        }
        await settle(finished.map(\.1))
        ringReported()
        return decided
    }

    // MARK: Looking

    /// An earlier attempt's answer is missing: never send again before having looked, and where nobody can tell, not
    /// before that attempt can no longer be at work inside the site. Returns what is to be sent now, which is one
    /// request's worth where anything was looked for.
    private func look(
        for punches: [FrozenPunch], sharing: Int, _ epoch: Int, _ result: inout Result
    ) async -> [FrozenPunch] {
        let open = punches.filter { $0.punch.begun != nil }
        guard !open.isEmpty, !sink.isIdempotent else { return punches }
        let started = timing.now()
        let clock = timing.moment()
        let sightings = await sink.look(for: open)
        let took = timing.moment() - clock
        var unsent = punches.filter { $0.punch.begun == nil }
        var found: [(FrozenPunch, Delivery)] = []
        var silent: [(FrozenPunch, Delivery)] = []
        for (punch, sighting) in zip(open, sightings) {
            switch sighting {
            case .present(let reference):
                let outcome = DeliveryOutcome.alreadyThere(reference: reference)
                found.append((punch, Delivery(outcome: outcome, answer: .alreadyThere, reference: reference)))
            case .unavailable(let reason, let retryAfter):
                let outcome = DeliveryOutcome.siteUnavailable(
                    reason: reason, retryAfter: retryAfter, ambiguous: false)
                let answer: AnswerClass = retryAfter == nil ? .transient : .rateLimited
                silent.append((punch, Delivery(outcome: outcome, answer: answer, words: reason)))
            case .absent, .cannotTell:
                if let begun = punch.punch.begun, let left = quietTimeLeft(begun) {
                    result.ended.append(Ended(punch: punch.punch, next: .again(delay: left)))
                } else {
                    unsent.append(punch)
                }
            }
        }
        if sightings.contains(.absent) { watch.note(.answers, epoch) }
        await conclude(found, started: started, took: took, epoch: epoch, open: false, &result)
        await conclude(silent, started: started, took: took, epoch: epoch, open: true, &result)

        let first = Array(unsent.prefix(sharing > 1 ? sharing : 1))
        for later in unsent.dropFirst(first.count) {
            var punch = later.punch
            punch.begun = nil  // it was looked for, and is not there
            result.ended.append(Ended(punch: punch, next: .again(delay: .zero)))
        }
        return first
    }

    private func quietTimeLeft(_ begun: UnixTime) -> Duration? {
        let left = begun + rules.quiet - timing.now()
        return left > .zero ? min(left, rules.quiet) : nil
    }

    // MARK: Sending

    private func send(_ punches: [FrozenPunch], _ epoch: Int, _ result: inout Result) async {
        guard !punches.isEmpty else { return }
        let starts = punches.map {
            AttemptStart(punch: $0.punch.id, frozen: $0.frozen, decision: $0.decision)
        }
        do {
            try await store.begin(starts, for: sink.name, at: timing.now())
        } catch {
            // Nothing was sent, so nothing happened; the journal's own health tells of its trouble.
            logger.warning("an attempt cannot be begun; trying again", metadata: ["error": "\(error)"])
            for punch in punches {
                result.ended.append(Ended(punch: punch.punch, next: .again(delay: .seconds(1))))
            }
            return
        }
        await transmit(punches[...], epoch, &result)
    }

    /// Sends in one request, or in halves of it where it is refused for the sake of one of its punches. Returns whether
    /// the site takes more.
    @discardableResult
    private func transmit(_ punches: ArraySlice<FrozenPunch>, _ epoch: Int, _ result: inout Result) async
        -> Bool
    {
        let started = timing.now()
        let (answer, took) = await watch.request(of: punches.count) { await sink.deliver(Array(punches)) }
        result.latency = took
        switch answer {
        case .each(let deliveries):
            let outcomes = Array(zip(punches, deliveries))
            await conclude(outcomes, started: started, took: took, epoch: epoch, open: false, &result)
            return !deliveries.contains { $0.outcome.stopsTheSite }
        case .split(let reason) where punches.count > 1:
            logger.debug(
                "a request is sent again in halves",
                metadata: ["punches": "\(punches.count)", "reason": "\(reason)"])
            let half = punches.startIndex + punches.count / 2
            guard await transmit(punches[..<half], epoch, &result), !Task.isCancelled else {
                let reason = watch.trouble ?? "the gateway is stopping"
                let unsent = Delivery(
                    outcome: .siteUnavailable(reason: reason, retryAfter: nil, ambiguous: false),
                    answer: .transient, words: reason)
                let outcomes = punches[half...].map { ($0, unsent) }
                await conclude(
                    outcomes, started: timing.now(), took: .zero, epoch: epoch, open: false, judges: false,
                    &result)
                return false
            }
            return await transmit(punches[half...], epoch, &result)
        case .split(let reason):
            let delivery = Delivery(
                outcome: .retry(reason: reason, counted: true), answer: .transient, words: reason)
            await conclude(
                punches.map { ($0, delivery) }, started: started, took: took, epoch: epoch, open: false,
                &result)
            return true
        }
    }

    // MARK: Settling

    /// - Parameters:
    ///   - open: whether an earlier attempt's answer is still missing after this one.
    ///   - judges: whether the site has said this, rather than we ourselves.
    private func conclude(
        _ outcomes: [(FrozenPunch, Delivery)], started: UnixTime, took: Duration, epoch: Int, open: Bool,
        judges: Bool = true, _ result: inout Result
    ) async {
        guard !outcomes.isEmpty else { return }
        // A request that our own stopping cut off says nothing of the site.
        let isCutOff = Task.isCancelled && outcomes.contains { $0.1.status == nil }
        let blamed =
            judges && !isCutOff
            ? watch.judge(outcomes.map(\.0.punch), outcomes.map(\.1), epoch: epoch) : false
        let now = timing.now()
        var settlements: [Settlement] = []
        var together: [OwedPunch] = []
        tellWrongTimes(outcomes)
        for (frozen, delivery) in outcomes {
            let owed = frozen.punch
            let (fate, report) = rules.fate(
                of: delivery.outcome, attemptsBefore: owed.attempts, mayBeStoredBefore: open, blamed: blamed,
                at: now, random: timing.random())
            let attempt = Attempt(
                started: started, duration: took, status: delivery.status, answer: delivery.answer,
                reference: delivery.reference, words: delivery.words)
            tell(owed, delivery, fate)
            var settlement = Settlement(punch: owed.id, attempt: attempt, fate: fate, report: report)
            var punch = owed
            switch fate {
            case .delivered:
                settlement.missedShift = delivery.missedShift
                result.ended.append(Ended(punch: punch, next: .done))
            case .dead, .suppressed:
                result.ended.append(Ended(punch: punch, next: .done))
            case .again(let due, let counted, let mayBeStored):
                punch.attempts += counted ? 1 : 0
                punch.due = due
                punch.begun = mayBeStored ? (open ? owed.begun : now) : nil
                if case .siteUnavailable(_, _, true) = delivery.outcome, sink.isIdempotent, !blamed {
                    together.append(punch)
                } else {
                    result.ended.append(Ended(punch: punch, next: .again(delay: due - now)))
                }
            }
            settlements.append(settlement)
        }
        if !together.isEmpty { result.together = (together, outcomes.contains { $0.1.status != nil }) }
        await settle(settlements)
        if settlements.contains(where: { $0.report != nil }) { ringReported() }
    }

    /// Settling what was already sent must outlive cancellation: else a punch that arrived would be sent again. Hence
    /// the one task outside the structure, awaited at once. When the journal cannot be written it is tried again until
    /// the gateway stops; then the punches stay marked as begun, and the next start looks before it sends.
    private func settle(_ settlements: [Settlement]) async {
        let (store, name) = (store, sink.name)
        var told = false
        while true {
            do {
                try await Task { try await store.settle(settlements, for: name) }.value
                if settlements.contains(where: \.fate.diedOfItsPerson) { strangers?.ring() }
                return
            } catch {
                if !told {
                    logger.warning(
                        "an attempt cannot be settled; trying again",
                        metadata: [
                            "punch": "\(settlements.first?.punch ?? 0)", "punches": "\(settlements.count)",
                            "error": "\(error)",
                        ])
                }
                told = true
                do { try await timing.sleep(.seconds(1)) } catch { return }
            }
        }
    }

    // MARK: Telling

    private func tell(_ punch: OwedPunch, _ delivery: Delivery, _ fate: Settlement.Fate) {
        var metadata: Logger.Metadata = [
            "punch": "\(punch.id)", "enrollid": "\(punch.enrollID)", "terminal": "\(punch.terminal)",
            "answer": "\(delivery.answer.rawValue)",
        ]
        if let status = delivery.status { metadata["status"] = "\(status)" }
        switch fate {
        case .delivered:
            if let reference = delivery.reference { metadata["reference"] = "\(reference)" }
            if let missed = delivery.missedShift {
                metadata["shift"] = "\(PlainText.line(missed.shift, limit: 140))"
                return logger.notice(
                    "punch came after its shift was counted; HR must mark it again", metadata: metadata)
            }
            logger.debug("punch delivered", metadata: metadata)
        case .dead(let cause, let reason):
            metadata["cause"] = "\(cause.rawValue)"
            metadata["reason"] = "\(reason)"
            // Whoever is unknown punches four times a day: the first tells what there is to mend.
            let isNews = deaths.isNews(cause, of: punch.enrollID, at: timing.moment())
            logger.log(level: isNews ? .warning : .info, "punch became a dead letter", metadata: metadata)
        case .suppressed(let reason):
            metadata["reason"] = "\(reason)"
            logger.debug("punch is not sent", metadata: metadata)
        case .again(_, let counted, _):
            guard counted else { return logger.debug("punch waits for the site", metadata: metadata) }
            if case .retry(let reason, _) = delivery.outcome { metadata["reason"] = "\(reason)" }
            metadata["attempts"] = "\(punch.attempts + 1)"
            logger.info("punch is tried again later", metadata: metadata)
        }
    }

    /// One line for all that one request left on the site with a wrong time; `repairs` lists every one of them.
    private func tellWrongTimes(_ outcomes: [(FrozenPunch, Delivery)]) {
        let wrong = outcomes.compactMap { frozen, delivery -> (punch: OwedPunch, reference: String)? in
            guard case .siteMisconfigured(.wrongTime, _, _) = delivery.outcome,
                let reference = delivery.reference
            else { return nil }
            return (frozen.punch, reference)
        }
        guard let first = wrong.first else { return }
        guard wrong.count > 1 else {
            return logger.error(
                "the site stored a wrong time; correct this check-in",
                metadata: [
                    "punch": "\(first.punch.id)", "enrollid": "\(first.punch.enrollID)",
                    "terminal": "\(first.punch.terminal)", "reference": "\(first.reference)",
                ])
        }
        logger.error(
            "the site stored wrong times; correct these check-ins (repairs lists them)",
            metadata: [
                "count": "\(wrong.count)",
                "punches": "\(Self.firstFew(wrong.map { String($0.punch.id) }))",
                "references": "\(Self.firstFew(wrong.map(\.reference)))",
            ])
    }

    private static func firstFew(_ words: [String]) -> String {
        words.prefix(5).joined(separator: ", ") + (words.count > 5 ? ", …" : "")
    }
}

/// Which causes of death were told of whom: once a day each is a warning.
private final class DeathsTold: Sendable {
    private struct Key: Hashable {
        var cause: RejectionCause
        var person: EnrollID
    }

    /// More than all strangers of a large site; beyond it they are told anew.
    private static let limit = 4096
    private static let lasting = Duration.seconds(86_400)

    private let told = Mutex<[Key: Duration]>([:])

    func isNews(_ cause: RejectionCause, of person: EnrollID, at moment: Duration) -> Bool {
        told.withLock { told in
            let key = Key(cause: cause, person: person)
            if let before = told[key], moment - before < Self.lasting { return false }
            if told.count >= Self.limit { told = told.filter { moment - $0.value < Self.lasting } }
            if told.count >= Self.limit { told = [:] }
            told[key] = moment
            return true
        }
    }
}

extension Settlement.Fate {
    /// Whether it may go once it is known otherwise who is who.
    fileprivate var diedOfItsPerson: Bool {
        if case .dead(let cause, _) = self { cause.isAboutPerson } else { false }
    }
}

extension DeliveryOutcome {
    /// Whether the site would treat every other punch the same way.
    var stopsTheSite: Bool {
        switch self {
        case .siteUnavailable, .siteMisconfigured: true
        case .delivered, .alreadyThere, .rejected, .retry: false
        }
    }
}
