/// What is known of one terminal's log by its counters and by what came of it, and what to pull next.
///
/// Totals: at each `reg` a terminal says how many records it holds and how many of them are unsent; the difference is
/// what it thinks was delivered. How much that grew since the last `reg` whose totals added up must have come here,
/// by push or by `getnewlog`. More is a gap. It is closed by asking for what is unsent, then for the days since, then
/// for everything; a list of these days with at least as many entries as were made explains the gap, whether they were
/// new here or not: two punches of one person in one second are one in the journal. Everything is asked for only where
/// all that the terminal ever delivered came here, so that years of another server's punches are never forwarded by
/// themselves. The whole rule and its reasons: docs/pulling-logs.md.
///
/// A value without a clock. `kept` outlives the process.
package struct PullBook: Hashable, Sendable {
    /// Totals that added up.
    package struct Mark: Codable, Hashable, Sendable {
        package var delivered: Int
        /// Seconds since 1970 UTC.
        package var at: Int64

        package init(delivered: Int, at: Int64) {
            self.delivered = delivered
            self.at = at
        }
    }

    package struct Gap: Codable, Hashable, Sendable {
        /// Seconds since 1970 UTC: when it was first suspected, and from when on records may be missing.
        package var since: Int64
        package var from: Int64
        /// Records that the terminal delivered since `from` by its own count, and how many of them never came.
        package var made: Int
        package var missing: Int
        package var next: PullScope
        /// Pulls in a row that came to nothing.
        package var failures = 0
        /// Nothing that the gateway may do by itself closes it.
        package var isStuck = false
    }

    /// Pushes have stopped while the connection lives.
    package struct Stall: Codable, Hashable, Sendable {
        package var since: Int64
        /// Records that came by pulling alone.
        package var pulled: Int
        /// It does not answer either.
        package var isDeaf: Bool

        package init(since: Int64, pulled: Int, isDeaf: Bool) {
            self.since = since
            self.pulled = pulled
            self.isDeaf = isDeaf
        }
    }

    package struct Last: Codable, Hashable, Sendable {
        package var at: Int64
        package var scope: PullScope
        package var isComplete: Bool
        package var entries: Int
        package var new: Int
    }

    package struct Kept: Codable, Hashable, Sendable {
        package var mark: Mark?
        /// New records since `mark`, by push or by `getnewlog`.
        package var received = 0
        /// All that the terminal counts as delivered came here.
        package var isOurs = false
        package var gap: Gap?
        package var stall: Stall?
        package var last: Last?
        /// Words that the firmware does not know.
        package var unknown: Set<String> = []
        package var firmware: String?
        /// No pull for a gap before this moment; and when each of the last day began.
        package var gapNotBefore: Int64 = 0
        package var gapPulls: [Int64] = []

        package init() {}
    }

    package private(set) var kept: Kept
    /// What its last `reg` said, with what came since.
    private var counters = LogCounters()
    private var counted: Int64 = 0
    private var receivedSince = 0
    private var pushedSince = 0
    private var arrived: UnixTime?
    private var lastPush: UnixTime?
    private var lastRecord: UnixTime?
    private var lastPull: UnixTime?
    private var nextLook: UnixTime?
    /// `nextLook` is for what it has counted, and may be put off while that is coming.
    private var isForBacklog = false
    private var wait: Duration?
    private var silentPulls = 0
    private var isSuspected = false
    /// Records of others of its group since its own last one.
    private var others = 0
    package private(set) var running: PullScope?

    package init(_ kept: Kept = Kept()) {
        self.kept = kept
    }

    /// Nothing is known that a restart would have to know.
    package var isPlain: Bool { kept == Kept() }

    // MARK: What happens

    /// - `isNew`: a connection that was not there before.
    /// - `spread`: 0..<1, the same for a terminal: so that not all are asked at the same moment.
    package mutating func registered(
        _ said: LogCounters, firmware: String?, isNew: Bool, spread: Double, at now: UnixTime, rules: GapRules
    ) {
        if let firmware, firmware != kept.firmware {
            kept.firmware = firmware
            kept.unknown = []
        }
        let before = counters.backlog.map { max(0, $0 - receivedSince) }
        if isNew {
            arrived = now
            silentPulls = 0
            isSuspected = false
            lastRecord = now
            others = 0
        }
        if rules.closesGaps { judge(said, at: now) }
        counters = said
        counted = now.seconds
        receivedSince = 0
        pushedSince = 0
        let backlog = said.backlog
        let grows = !isNew && (backlog ?? 0) > (before ?? .max)
        if rules.onRegister, isNew ? backlog != 0 : grows {
            isForBacklog = true
            nextLook = earlier(nextLook.map { isNew ? now + rules.settle : $0 }, now + rules.settle)
        } else if isNew, let every = rules.every {
            wait = every
            nextLook = now + every * (0.5 + spread)
            isForBacklog = false
        }
    }

    private func earlier(_ a: UnixTime?, _ b: UnixTime) -> UnixTime { a.map { min($0, b) } ?? b }

    /// Records that came, stored and to be acknowledged.
    ///
    /// - `new`: that the journal did not have.
    /// - `repeated`: that it had. Beside new ones they are second punches of one second, and count too.
    /// - `scope`: nil: pushed.
    package mutating func received(new: Int, repeated: Int, by scope: PullScope?, at now: UnixTime) {
        if scope == nil {
            lastPush = now
            silentPulls = 0
            isSuspected = false
            kept.stall = nil
            pushedSince += new + repeated
        }
        if new > 0 {
            lastRecord = now
            others = 0
        }
        if scope == nil || scope == .new {
            let counting = new + (new > 0 ? repeated : 0)
            kept.received += counting
            receivedSince += counting
        }
    }

    /// Another terminal of the same group has brought new records.
    package mutating func othersReceived(_ count: Int) { others += count }

    /// An earlier run of the gateway has ordered one that has not ended.
    package mutating func resumed(_ scope: PullScope) { running = scope }

    package mutating func began(_ scope: PullScope, at now: UnixTime) {
        running = scope
        lastPull = now
        if scope != .new {
            kept.gapPulls =
                kept.gapPulls.filter { now.seconds - $0 < 86_400 && $0 <= now.seconds } + [now.seconds]
        }
    }

    /// - `isOrdered`: somebody asked for it: it says nothing of a schedule.
    /// - `new`: records that the journal did not have.
    package mutating func ended(
        _ scope: PullScope, _ end: PullEnd, new: Int, isOrdered: Bool = false, at now: UnixTime,
        rules: GapRules
    ) {
        if !isOrdered || running == scope { running = nil }
        var isComplete = false
        var entries = 0
        switch end {
        case .complete(let count):
            (isComplete, entries) = (true, count)
            kept.unknown.remove(scope.word)
        case .unsupported: kept.unknown.insert(scope.word)
        case .failed: break
        }
        kept.last = Last(at: now.seconds, scope: scope, isComplete: isComplete, entries: entries, new: new)
        if scope == .new {
            schedule(new: new, at: now, rules: rules)
            watchPushes(end, new: new, at: now, rules: rules)
        }
        if scope == .everything, isComplete { kept.isOurs = true }
        if !isOrdered || scope == .everything { follow(scope, end, new: new, at: now, rules: rules) }
    }

    private mutating func schedule(new: Int, at now: UnixTime, rules: GapRules) {
        isForBacklog = false
        guard let every = rules.every else {
            nextLook = nil
            return
        }
        wait = new > 0 ? every : min(max(every, (wait ?? every) * 2), max(every, rules.longest))
        nextLook = now + (wait ?? every)
    }

    // MARK: What to do

    /// What to pull now; nil: nothing yet.
    ///
    /// - `isWorkingTime`: asked only where it matters.
    package mutating func next(
        at now: UnixTime, rules: GapRules, isWorkingTime: () -> Bool = { true }
    ) -> PullScope? {
        guard running == nil, arrived != nil, lastPull.map({ now - $0 >= rules.spacing }) ?? true else {
            return nil
        }
        suspect(at: now, rules: rules, isWorkingTime: isWorkingTime)
        if let scope = nextForGap(at: now, rules: rules) { return scope }
        guard let look = nextLook, look <= now, !kept.unknown.contains(PullScope.new.word) else { return nil }
        if isForBacklog, let backlog = counters.backlog, !isSuspected {
            if let lastPush, now - lastPush < rules.settle, pushedSince > 0 {
                // It is coming.
                nextLook = lastPush + rules.settle
                return nil
            }
            if pushedSince >= backlog {
                isForBacklog = false
                wait = rules.every
                nextLook = rules.every.map { now + $0 }
                return nil
            }
        }
        return .new
    }

    /// Silent while others are not: looked at once in each such time.
    private mutating func suspect(at now: UnixTime, rules: GapRules, isWorkingTime: () -> Bool) {
        guard let stall = rules.stall, others >= max(1, rules.others), let lastRecord,
            now - lastRecord >= stall, isWorkingTime()
        else { return }
        others = 0
        isSuspected = true
        nextLook = earlier(nextLook, now)
    }

    private mutating func nextForGap(at now: UnixTime, rules: GapRules) -> PullScope? {
        guard rules.closesGaps, let gap = kept.gap, !gap.isStuck else { return nil }
        // A clock that was set back must not make the wait longer than a day.
        guard now.seconds >= kept.gapNotBefore || kept.gapNotBefore - now.seconds > 86_400 else { return nil }
        if gap.next == .new {
            if !kept.unknown.contains(PullScope.new.word) { return .new }
            kept.gap?.next = .range
        }
        guard !kept.unknown.contains(PullScope.range.word) else {
            kept.gap?.isStuck = true
            return nil
        }
        let today = kept.gapPulls.count { now.seconds - $0 < 86_400 && $0 <= now.seconds }
        return today < rules.gapPullsPerDay ? kept.gap?.next : nil
    }

    // MARK: Gaps

    private mutating func judge(_ said: LogCounters, at now: UnixTime) {
        guard let delivered = said.delivered else { return }
        guard let mark = kept.mark, delivered >= mark.delivered else {
            // Never looked at before, or its log was wiped, or its ring goes round: from here on.
            if kept.mark == nil { kept.isOurs = delivered == 0 }
            kept.gap = nil
            settle(delivered, at: now, surplus: 0)
            return
        }
        let made = delivered - mark.delivered
        let missing = made - kept.received
        guard missing > 0 else {
            kept.gap = nil
            // Acknowledgements that were lost: these are here, and the terminal will count them when it has sent
            // them again.
            settle(delivered, at: now, surplus: min(-missing, said.backlog ?? 0))
            return
        }
        var gap = kept.gap ?? Gap(since: now.seconds, from: mark.at, made: made, missing: missing, next: .new)
        if missing > gap.missing || made > gap.made + kept.received {
            // Another one on top of it.
            gap.next = .new
            gap.isStuck = false
        }
        gap.made = made
        gap.missing = missing
        kept.gap = gap
    }

    private mutating func settle(_ delivered: Int, at now: UnixTime, surplus: Int) {
        kept.mark = Mark(delivered: delivered, at: now.seconds)
        kept.received = surplus
    }

    private mutating func follow(
        _ scope: PullScope, _ end: PullEnd, new: Int, at now: UnixTime, rules: GapRules
    ) {
        guard var gap = kept.gap, scope == gap.next || scope == .everything else { return }
        switch end {
        case .complete(let entries):
            gap.failures = 0
            kept.gapNotBefore = 0
            // What `getnewlog` brings counts as unsent, not as delivered: it closes no gap.
            switch scope {
            case .new: gap.next = .range
            case .range where entries >= gap.made || new >= gap.missing: return close()
            case .range:
                gap.missing -= new
                gap.next = .everything
                gap.isStuck = !kept.isOurs
            case .everything: return close()
            }
        case .unsupported:
            gap.isStuck = scope != .new
            if scope == .new { gap.next = .range }
        case .failed:
            // Without an answer to the one, the other is still worth asking for.
            if scope == .new { gap.next = .range }
            gap.failures += 1
            let pause = min(86_400, rules.retry.components.seconds << min(10, gap.failures - 1))
            kept.gapNotBefore = now.seconds + (scope == .new ? 0 : pause)
        }
        kept.gap = gap
    }

    private mutating func close() {
        kept.gap = nil
        guard let delivered = counters.delivered else { return }
        kept.mark = Mark(delivered: delivered, at: counted)
        // What it still owed then and has sent since is counted at its next `reg`.
        kept.received = receivedSince
    }

    // MARK: Pushes

    private mutating func watchPushes(_ end: PullEnd, new: Int, at now: UnixTime, rules: GapRules) {
        guard let stall = rules.stall else { return }
        let isSilent = now - (lastPush ?? arrived ?? now) >= stall
        switch end {
        case .complete where new > 0 && isSilent:
            silentPulls += 1
            // The first may have come between a punch and its push.
            guard silentPulls >= 2 || isSuspected else { break }
            var known = kept.stall ?? Stall(since: now.seconds, pulled: 0, isDeaf: false)
            known.pulled += new
            known.isDeaf = false
            kept.stall = known
        case .complete:
            if kept.stall?.isDeaf == true { kept.stall = nil }
        case .failed where isSuspected && isSilent:
            if kept.stall == nil { kept.stall = Stall(since: now.seconds, pulled: 0, isDeaf: true) }
        case .failed, .unsupported: break
        }
        isSuspected = false
    }
}
