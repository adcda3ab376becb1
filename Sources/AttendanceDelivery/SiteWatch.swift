import AttendanceCore
import Logging
import Metrics
import Synchronization

/// What all attempts at one sink together tell of it: whether it takes punches, how many at once, and how it fares.
///
/// Shared between attempts that run at once and whoever asks for `state`, hence the mutex; it is never held across a
/// wait.
final class SiteWatch: Sendable {
    /// Why nothing can be sent although the site may be well.
    struct Hold: Hashable, Sendable {
        var fault: SiteFault
        var reason: String
        var remedy: String
    }

    private struct Shared {
        var breaker: SiteBreaker
        var pace: DeliveryPace
        var suspects = Suspects()
        var answered = 0
        /// Requests on their way with more than one punch.
        var batches = 0
        var figures = SinkState()
        var troubleSince: UnixTime?
        var hold: (hold: Hold, since: UnixTime, told: Bool)?
        var recovered = false
    }

    /// So long something may be unknown before it is called a pause: every start takes a moment.
    static let patience: Duration = .seconds(30)
    /// What came in during a trouble that lasted longer is old when it ends.
    static let longTrouble: Duration = .seconds(60)

    private let timing: DeliveryTiming
    private let logger: Logger
    private let shared: Mutex<Shared>
    private let counters: [AnswerClass: Counter]
    private let timer: Metrics.Timer

    init(sink: SinkName, concurrency: Int, timing: DeliveryTiming, logger: Logger) {
        self.timing = timing
        self.logger = logger
        shared = Mutex(
            Shared(
                breaker: SiteBreaker(concurrency: concurrency), pace: DeliveryPace(ceiling: concurrency)))
        counters = Dictionary(
            uniqueKeysWithValues: AnswerClass.allCases.map { answer in
                let dimensions = [("sink", sink.text), ("class", answer.rawValue)]
                return (answer, Counter(label: "gateway_erp_answers_total", dimensions: dimensions))
            })
        timer = Metrics.Timer(label: "gateway_delivery_seconds", dimensions: [("sink", sink.text)])
    }

    // MARK: State

    var state: SinkState {
        let moment = timing.moment()
        let now = timing.now()
        return shared.withLock { shared in
            var state = shared.figures
            guard let trouble = shared.breaker.trouble else {
                if let hold = shared.hold, hold.told {
                    state.condition = .paused(
                        fault: hold.hold.fault, since: hold.since, reason: hold.hold.reason,
                        remedy: hold.hold.remedy)
                }
                return state
            }
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
    /// Why the site takes nothing now.
    var trouble: String? { shared.withLock { $0.breaker.trouble?.reason } }

    /// What to do now, with no more requests than the site bears.
    func step() -> (SiteBreaker.Step, epoch: Int) {
        let moment = timing.moment()
        return shared.withLock { shared in
            let step = shared.breaker.step(at: moment)
            guard case .send(let allowed) = step else { return (step, shared.breaker.epoch) }
            return (.send(upTo: min(allowed, shared.pace.limit)), shared.breaker.epoch)
        }
    }

    /// Whether a long trouble has ended since this was asked last.
    func takeRecovery() -> Bool {
        shared.withLock { shared in
            defer { shared.recovered = false }
            return shared.recovered
        }
    }

    // MARK: Attempts

    func began() { shared.withLock { $0.figures.inFlight += 1 } }
    func ended() { shared.withLock { $0.figures.inFlight -= 1 } }

    /// Times one request with so many punches, and learns from it how many at once the site bears.
    func request(of count: Int, _ deliver: () async -> BatchAnswer) async -> (BatchAnswer, took: Duration) {
        if count > 1 { shared.withLock { $0.batches += 1 } }
        let clock = timing.moment()
        let answer = await deliver()
        let took = timing.moment() - clock
        timer.recordNanoseconds(took.nanoseconds)
        shared.withLock { shared in
            if count > 1 {
                shared.batches -= 1
            } else if shared.batches == 0, case .each(let deliveries) = answer,
                deliveries.first?.status != nil
            {
                // Beside a great request a small one waits, which says nothing of the number of small ones.
                shared.pace.answered(after: took)
            }
        }
        return (answer, took)
    }

    /// Something is not known without which nothing can be sent; nil when it is known.
    func hold(_ hold: Hold?) {
        let now = timing.now()
        let (told, ended) = shared.withLock { shared -> (Hold?, Bool) in
            guard let hold else {
                defer { shared.hold = nil }
                return (nil, shared.hold?.told ?? false)
            }
            var held = shared.hold ?? (hold, now, false)
            // Another cause is told anew; who waits for it has waited since the first.
            if held.hold != hold { held.told = false }
            held.hold = hold
            let isLong = now - held.since >= Self.patience
            defer { shared.hold = held }
            guard isLong, !held.told else { return (nil, false) }
            held.told = true
            return (hold, false)
        }
        if let told {
            logger.warning(
                "nothing can be sent yet",
                metadata: [
                    "fault": "\(told.fault.rawValue)", "reason": "\(told.reason)", "remedy": "\(told.remedy)",
                ])
        }
        if ended { logger.notice("what was missing is known; punches are sent") }
    }

    // MARK: Judging

    /// Counts what one request meant, and tells the breaker what it says of the site. Returns whether the punch itself
    /// is to blame for what looks like the site's trouble; that is told of single ones only.
    func judge(_ punches: [OwedPunch], _ deliveries: [Delivery], epoch: Int) -> Bool {
        let now = timing.now()
        for delivery in deliveries { counters[delivery.answer]?.increment() }
        let trouble = deliveries.lazy.map { ($0.outcome.sign, $0) }.filter { $0.0 != .answers }
            .first
        let blamed = shared.withLock { shared in
            for delivery in deliveries {
                shared.figures.answers[delivery.answer, default: 0] += 1
                if [.delivered, .alreadyThere].contains(delivery.answer) { shared.figures.lastSuccess = now }
            }
            guard let (_, delivery) = trouble else {
                shared.answered += deliveries.count
                for punch in punches { shared.suspects.cleared(punch.id) }
                return false
            }
            // A limit on the rate and a wrong key are never one punch's doing, and a wrong time is the role's.
            guard punches.count == 1, delivery.answer != .rateLimited, delivery.status != 401 else {
                return false
            }
            if case .siteMisconfigured(.wrongTime, _, _) = delivery.outcome { return false }
            return shared.suspects.failed(punches[0].id, answered: shared.answered)
        }
        if !blamed { note(trouble?.0 ?? .answers, epoch) }
        return blamed
    }

    /// Counts what one of our own decisions meant, which says nothing of the site.
    func count(_ answer: AnswerClass) {
        counters[answer]?.increment()
        shared.withLock { $0.figures.answers[answer, default: 0] += 1 }
    }

    func probed(_ answers: Bool) {
        let (moment, random) = (timing.moment(), timing.random())
        shared.withLock { $0.breaker.probed(answers: answers, at: moment, random: random) }
    }

    func note(_ sign: SiteBreaker.Sign, _ epoch: Int) {
        let (moment, now, random) = (timing.moment(), timing.now(), timing.random())
        let change = shared.withLock { shared in
            let change = shared.breaker.noted(sign, epoch: epoch, at: moment, random: random)
            switch change {
            case .trouble: shared.troubleSince = shared.troubleSince ?? now
            case .recovered(_, let after):
                shared.troubleSince = nil
                if after > Self.longTrouble { shared.recovered = true }
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
}
