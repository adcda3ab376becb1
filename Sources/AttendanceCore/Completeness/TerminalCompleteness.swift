/// Up to which moment everything a terminal has recorded is known to be in the journal, judged from one connection.
///
/// A claim is made only when the terminal is connected and has nothing left to send: then whatever it records from
/// now on bears a later stamp, as far as its clock may be believed. It is the moment of the last sign of life, minus
/// how far the terminal's clock is behind ours, minus a margin for what is on its way. A clock that is ahead adds
/// nothing. The whole rule and its reasons: docs/completeness.md.
///
/// A value without a clock: times are passed in, whole seconds since 1970 UTC inside. It begins with `registered`;
/// what an earlier connection has claimed stands beside it and is kept by whoever keeps the larger of both.
package struct TerminalCompleteness: Hashable, Sendable {
    /// Seconds.
    package struct Rules: Hashable, Sendable {
        /// For a punch still on its way, and for the clock's drift since it was measured.
        package var margin: Int64
        /// A terminal that has sent all it had counted must have sent nothing old for so long: what people punched
        /// meanwhile stood behind in its queue.
        package var quiet: Int64
        /// The same where the terminal does not count, or was refused a batch.
        package var longQuiet: Int64

        package init(margin: Int64 = 60, quiet: Int64 = 60, longQuiet: Int64 = 300) {
            self.margin = margin
            self.quiet = quiet
            self.longQuiet = longQuiet
        }
    }

    private let rules: Rules
    /// The last moment up to which all is known to be there; nil as long as this connection has shown none.
    package private(set) var completeUntil: Int64?
    /// Records that the terminal has counted as not yet sent and that have not come since; nil when it does not
    /// count, or when that number is no longer to be trusted.
    package private(set) var backlog: Int?
    /// How far behind ours the stamps of its next records may be; never negative. Nil: not known.
    package private(set) var lag: Int64?
    /// With nothing left to send, it counts as empty from then on, unless something old still comes.
    private var emptyFrom: Int64
    /// What its clock showed at `reg`, as an instant: a later stamp was not in the count. Nil: not told.
    private var countedUntil: Int64?
    /// The batch of the newest records that was taken off the count, so that a batch sent over and over is not.
    private var newest: Mark?

    private struct Mark: Hashable, Sendable {
        var instant: Int64
        var fingerprint: Int
    }

    /// - `backlog`: the terminal's own count of records that no server has acknowledged; nil when it tells none.
    /// - `skew`: its clock minus ours, seconds; nil when it tells none.
    /// - `setsClock`: whether the answer sets its clock to ours. Believed only of a terminal whose clock cannot be
    ///   read: one that was behind must first show a punch that is not.
    package init(
        registeredAt now: UnixTime, backlog: Int?, skew: Int?, setsClock: Bool, rules: Rules = Rules()
    ) {
        self.rules = rules
        emptyFrom = now.seconds + rules.longQuiet
        registered(at: now, backlog: backlog, skew: skew, setsClock: setsClock)
    }

    /// The terminal has introduced itself again.
    package mutating func registered(at now: UnixTime, backlog: Int?, skew: Int?, setsClock: Bool) {
        if backlog != nil {
            emptyFrom = now.seconds
        } else if self.backlog != nil {
            emptyFrom = now.seconds + rules.longQuiet
        }  // else its wait goes on: some register every few seconds, as their heartbeat
        self.backlog = backlog.map { max(0, $0) }
        countedUntil = skew.map { now.seconds + Int64(max(0, $0)) }
        newest = nil
        if let skew { lag = Int64(max(0, -skew)) } else if setsClock { lag = lag ?? 0 }
    }

    /// Records of the terminal that are in the journal now and are being acknowledged, new or repeated.
    package mutating func stored(_ batch: IntakeBatch, at now: UnixTime) {
        let stamps = batch.punches.lazy.filter { !$0.doubt.isDoubtful }.map(\.instant)
        let last = stamps.max()
        if let left = backlog, left > 0 {
            let counted = self.counted(in: batch, newest: last)
            backlog = max(0, left - counted)
            if counted >= left { emptyFrom = now.seconds + rules.quiet }
            return
        }
        if isEmpty(at: now), let last { lag = max(0, now.seconds - last) }
        if let first = stamps.min(), first < now.seconds - (lag ?? 0) - rules.margin {
            emptyFrom = max(emptyFrom, now.seconds + (backlog == nil ? rules.longQuiet : rules.quiet))
        }
    }

    /// The terminal was refused a batch and keeps it, and with it everything that stands behind it.
    package mutating func notStored(at now: UnixTime) {
        if backlog == 0 { backlog = nil }
        emptyFrom = now.seconds + rules.longQuiet
    }

    /// A sign of life, up to which everything that came was dealt with. `now` is our clock at that moment.
    package mutating func heard(at now: UnixTime) {
        guard let lag, isEmpty(at: now) else { return }
        completeUntil = max(completeUntil ?? .min, now.seconds - lag - rules.margin)
    }

    /// Whether the terminal has nothing left to send, as far as one can tell.
    package func isEmpty(at now: UnixTime) -> Bool { (backlog ?? 0) == 0 && now.seconds >= emptyFrom }

    /// How many records of the batch were in the terminal's count.
    private mutating func counted(in batch: IntakeBatch, newest last: Int64?) -> Int {
        let mark = Mark(instant: last ?? newest?.instant ?? .min, fingerprint: batch.fingerprint)
        if let newest, newest.fingerprint == mark.fingerprint || mark.instant < newest.instant { return 0 }
        newest = mark
        let late = countedUntil.map { limit in
            batch.punches.count { !$0.doubt.isDoubtful && $0.instant > limit }
        }
        return batch.punches.count + batch.quarantined.count - (late ?? 0)
    }
}

extension IntakeBatch {
    /// Tells two batches of a terminal apart, within one run of the program.
    fileprivate var fingerprint: Int {
        var hasher = Hasher()
        hasher.combine(punches.count)
        hasher.combine(quarantined.count)
        for punch in [punches.first, punches.last] {
            hasher.combine(punch?.enrollID)
            hasher.combine(punch?.time)
        }
        if punches.isEmpty { hasher.combine(raw) }
        return hasher.finalize()
    }
}
