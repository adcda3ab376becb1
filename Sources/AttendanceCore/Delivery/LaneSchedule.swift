/// Which owed punch goes next: in order within a lane (one person), one at a time per lane, lanes in turn.
///
/// A bounded cache of what the store owes; nothing in it is the only copy. It says what to read (`nextRead`), takes
/// what was read, hands out punches and is told what became of them. A value without a clock: moments are durations
/// since any fixed start.
///
/// Bounds: about `window` punches that may go, at most `perLane` of one lane, and one punch of each lane that waits for
/// its due time (at most `maximumWaiting`). What a lane has beyond its share stays in the store and is read when the
/// lane has run empty (`resume`), so neither a long lane nor many waiting ones keep others from being seen.
package struct LaneSchedule: Sendable {
    /// Rows to ask the store for: numbers greater than `after`, at most `limit`.
    package struct Read: Hashable, Sendable {
        package var after: Int64
        package var limit: Int
        /// The lane it is for; nil for the walk through all that is owed.
        package var lane: String?
    }

    private struct Lane {
        var rows: [OwedPunch] = []
        var inFlight = false
        /// Not before; nil when the lane may go.
        var due: Duration?
        /// Rows of this lane greater than this number were left in the store, up to the frontier.
        var resume: Int64?
        var queued = false
    }

    private let window: Int
    private let perLane: Int
    private let page: Int
    private let maximumWaiting: Int
    private let laneOf: @Sendable (OwedPunch) -> String

    private var lanes: [String: Lane] = [:]
    private var ready: [String] = []
    private var hungry: [String] = []
    private var waiting: [String: Duration] = [:]
    private var loaded = 0
    /// Rows up to this number are in a lane, or their lane knows that it left them.
    private var frontier: Int64 = 0
    private var walkedToTheEnd = false
    /// No waiting lane is due before this moment.
    private var earliestDue: Duration?

    package init(
        window: Int = 512, perLane: Int = 8, page: Int = 256, maximumWaiting: Int = 20_000,
        lane: @escaping @Sendable (OwedPunch) -> String = { $0.lane }
    ) {
        self.window = max(1, window)
        self.perLane = max(1, perLane)
        self.page = max(1, page)
        self.maximumWaiting = maximumWaiting
        laneOf = lane
    }

    /// Punches held here, in whatever state.
    package var count: Int { loaded }
    package var isEmpty: Bool { lanes.isEmpty }
    /// When the next waiting lane may go.
    package var nextDue: Duration? { earliestDue }

    // MARK: Reading

    /// What to read next; nil when enough is here or all was seen.
    package func nextRead() -> Read? {
        if let lane = hungry.first, let resume = lanes[lane]?.resume {
            return Read(after: resume, limit: page, lane: lane)
        }
        guard !walkedToTheEnd, loaded - waiting.count < window, waiting.count < maximumWaiting else {
            return nil
        }
        return Read(after: frontier, limit: page, lane: nil)
    }

    /// Takes rows, by number, as the store gave them for `read`. `wait` says how long a row still waits for its due
    /// time; nought or less when it may go.
    package mutating func take(
        _ rows: [OwedPunch], from read: Read, at now: Duration, wait: (OwedPunch) -> Duration
    ) {
        if let lane = read.lane {
            takePage(rows, of: lane, read: read, now, wait)
        } else {
            for row in rows {
                place(row, now, wait)
                frontier = max(frontier, row.id)
            }
            walkedToTheEnd = rows.count < read.limit
        }
    }

    /// There may be new rows beyond those seen.
    package mutating func wake() { walkedToTheEnd = false }

    /// Rows may have appeared among those seen (dead letters sent again): all that is not on its way is read afresh.
    package mutating func restart() {
        var kept: [String: Lane] = [:]
        for (key, lane) in lanes where lane.inFlight {
            kept[key] = Lane(rows: Array(lane.rows.prefix(1)), inFlight: true)
        }
        lanes = kept
        ready = []
        hungry = []
        waiting = [:]
        earliestDue = nil
        loaded = kept.count
        frontier = 0
        walkedToTheEnd = false
    }

    private mutating func place(_ row: OwedPunch, _ now: Duration, _ wait: (OwedPunch) -> Duration) {
        let key = laneOf(row)
        var lane = lanes[key] ?? Lane()
        defer { lanes[key] = lane }
        if lane.resume != nil || lane.rows.contains(where: { $0.id == row.id }) { return }
        if lane.due != nil || lane.rows.count >= perLane {
            lane.resume = lane.rows.last?.id ?? row.id - 1
            return
        }
        lane.rows.append(row)
        loaded += 1
        guard lane.rows.count == 1 else { return }
        let delay = wait(row)
        if delay > .zero {
            hold(key, &lane, until: now + delay)
        } else {
            enqueue(key, &lane)
        }
    }

    private mutating func takePage(
        _ rows: [OwedPunch], of key: String, read: Read, _ now: Duration, _ wait: (OwedPunch) -> Duration
    ) {
        hungry.removeAll { $0 == key }
        guard var lane = lanes[key], lane.rows.isEmpty, lane.resume == read.after else { return }
        lane.resume = nil
        lanes[key] = lane
        for row in rows where row.id <= frontier && laneOf(row) == key { place(row, now, wait) }
        lane = lanes[key] ?? Lane()
        if lane.resume == nil, rows.count == read.limit, let last = rows.last, last.id < frontier {
            lane.resume = last.id  // more may follow
        }
        if lane.rows.isEmpty {
            if lane.resume != nil { hungry.append(key) } else { return lanes[key] = nil }
        }
        lanes[key] = lane
    }

    // MARK: Handing out

    /// The next punch that may go, marked as on its way; nil when there is none now.
    package mutating func next(at now: Duration) -> OwedPunch? {
        release(at: now)
        while !ready.isEmpty {
            let key = ready.removeFirst()
            guard var lane = lanes[key] else { continue }
            lane.queued = false
            defer { lanes[key] = lane }
            guard !lane.inFlight, lane.due == nil, let row = lane.rows.first else { continue }
            lane.inFlight = true
            return row
        }
        return nil
    }

    /// The punch is no longer owed.
    package mutating func done(_ row: OwedPunch) {
        update(row) { schedule, key, lane in
            lane.rows.removeFirst()
            schedule.loaded -= 1
            schedule.carryOn(key, &lane)
        }
    }

    /// The punch is still owed and goes again in its turn, or not before `due`; its lane waits with it.
    package mutating func again(_ row: OwedPunch, due: Duration?) {
        update(row) { schedule, key, lane in
            lane.rows[0] = row
            if let due {
                if lane.rows.count > 1 || lane.resume != nil { lane.resume = row.id }
                schedule.loaded -= lane.rows.count - 1
                lane.rows = [row]
                schedule.hold(key, &lane, until: due)
            } else {
                schedule.enqueue(key, &lane)
            }
        }
    }

    private mutating func update(_ row: OwedPunch, _ change: (inout Self, String, inout Lane) -> Void) {
        let key = laneOf(row)
        guard var lane = lanes[key], lane.inFlight, lane.rows.first?.id == row.id else { return }
        lane.inFlight = false
        change(&self, key, &lane)
        lanes[key] = lane.rows.isEmpty && lane.resume == nil ? nil : lane
    }

    private mutating func carryOn(_ key: String, _ lane: inout Lane) {
        if !lane.rows.isEmpty {
            enqueue(key, &lane)
        } else if lane.resume != nil {
            hungry.append(key)
        }
    }

    private mutating func enqueue(_ key: String, _ lane: inout Lane) {
        guard !lane.queued else { return }
        lane.queued = true
        ready.append(key)
    }

    private mutating func hold(_ key: String, _ lane: inout Lane, until due: Duration) {
        lane.due = due
        waiting[key] = due
        earliestDue = min(earliestDue ?? due, due)
    }

    private mutating func release(at now: Duration) {
        guard let earliest = earliestDue, earliest <= now else { return }
        let due = waiting.filter { $0.value <= now }.sorted { $0.value < $1.value }
        for (key, _) in due {
            waiting[key] = nil
            guard var lane = lanes[key] else { continue }
            lane.due = nil
            enqueue(key, &lane)
            lanes[key] = lane
        }
        earliestDue = waiting.values.min()
    }
}
