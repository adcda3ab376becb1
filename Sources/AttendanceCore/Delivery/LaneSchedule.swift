/// Which owed punch goes next: in order within a lane (one person), lanes in turn.
///
/// A bounded cache of what the store owes; nothing in it is the only copy. It says what to read (`nextRead`), takes
/// what was read, and hands punches out. Who is on their way, and that a lane has only one of them, is known to its
/// owner (`DeliveryQueue`). A value without a clock: moments are durations since any fixed start.
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

    /// A punch on its way out, with the lane it came from.
    package struct Handed: Hashable, Sendable {
        package var punch: OwedPunch
        package var lane: String
    }

    private struct Lane {
        /// By number.
        var rows: [OwedPunch] = []
        /// Not before; nil when the lane may go.
        var due: Duration?
        /// Rows of this lane greater than this number were left in the store, up to the frontier.
        var resume: Int64?
        /// Whether it stands in `ready`.
        var queued = false

        var isSpent: Bool { rows.isEmpty && resume == nil }
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
    package private(set) var frontier: Int64
    private var walkedToTheEnd = false
    /// No waiting lane is due before this moment.
    private var earliestDue: Duration?

    /// - `start`: the walk begins with numbers greater than this one.
    package init(
        window: Int = 512, perLane: Int = 8, page: Int = 256, maximumWaiting: Int = 20_000,
        from start: Int64 = 0,
        lane: @escaping @Sendable (OwedPunch) -> String
    ) {
        self.window = max(1, window)
        self.perLane = max(1, perLane)
        self.page = max(1, page)
        self.maximumWaiting = maximumWaiting
        frontier = start
        laneOf = lane
    }

    /// Punches held here, in whatever state.
    package var count: Int { loaded }
    package var isEmpty: Bool { lanes.isEmpty }
    /// When the next waiting lane may go.
    package var nextDue: Duration? { earliestDue }

    // MARK: Reading

    /// What to read next; nil when enough is here or all was seen.
    package mutating func nextRead() -> Read? {
        while let lane = hungry.first {
            if let resume = lanes[lane]?.resume, lanes[lane]?.rows.isEmpty == true {
                return Read(after: resume, limit: page, lane: lane)
            }
            hungry.removeFirst()
        }
        guard !walkedToTheEnd, loaded - waiting.count < window, waiting.count < maximumWaiting else {
            return nil
        }
        return Read(after: frontier, limit: page, lane: nil)
    }

    /// Takes rows, by number, as the store gave them for `read`.
    ///
    /// - `accepts`: rows for which it says no are passed over, as if they were not owed.
    /// - `wait`: how long a row still waits for its due time; nought or less when it may go.
    package mutating func take(
        _ rows: [OwedPunch], from read: Read, at now: Duration, accepts: (OwedPunch) -> Bool = { _ in true },
        wait: (OwedPunch) -> Duration
    ) {
        if let lane = read.lane {
            takePage(rows, of: lane, read: read, now, accepts, wait)
        } else {
            for row in rows {
                if accepts(row) { place(row, now, wait) }
                frontier = max(frontier, row.id)
            }
            walkedToTheEnd = rows.count < read.limit
        }
    }

    /// Rows up to this number are known not to be for this schedule, or to be here.
    package mutating func skip(to number: Int64) { frontier = max(frontier, number) }

    /// There may be new rows beyond those seen.
    package mutating func wake() { walkedToTheEnd = false }

    /// Rows may have appeared among those seen, or lanes have changed: all is read afresh.
    package mutating func restart(from start: Int64 = 0) {
        lanes = [:]
        ready = []
        hungry = []
        waiting = [:]
        earliestDue = nil
        loaded = 0
        frontier = start
        walkedToTheEnd = false
    }

    private mutating func place(_ row: OwedPunch, _ now: Duration, _ wait: (OwedPunch) -> Duration) {
        let key = laneOf(row)
        var lane = lanes[key] ?? Lane()
        defer { lanes[key] = lane }
        if lane.rows.contains(where: { $0.id == row.id }) { return }
        let leads = lane.rows.first.map { row.id < $0.id } ?? true
        if !leads || lane.rows.isEmpty,
            lane.resume != nil || lane.due != nil || lane.rows.count >= perLane
        {
            lane.resume = min(lane.resume ?? .max, lane.rows.last?.id ?? .max, row.id - 1)
            return
        }
        insert(row, into: &lane)
        guard leads else { return }
        let delay = wait(row)
        if delay > .zero { hold(key, &lane, until: now + delay) } else { letGo(key, &lane) }
    }

    private mutating func takePage(
        _ rows: [OwedPunch], of key: String, read: Read, _ now: Duration, _ accepts: (OwedPunch) -> Bool,
        _ wait: (OwedPunch) -> Duration
    ) {
        hungry.removeAll { $0 == key }
        guard var lane = lanes[key], lane.rows.isEmpty, lane.resume == read.after else { return }
        lane.resume = nil
        lanes[key] = lane
        for row in rows where row.id <= frontier && laneOf(row) == key && accepts(row) {
            place(row, now, wait)
        }
        lane = lanes[key] ?? Lane()
        if lane.resume == nil, rows.count == read.limit, let last = rows.last, last.id < frontier {
            lane.resume = last.id  // more may follow
        }
        if lane.rows.isEmpty, lane.resume != nil { hungry.append(key) }
        lanes[key] = lane.isSpent ? nil : lane
    }

    // MARK: Handing out

    /// The next punches that may go, each of another lane. They are no longer held here.
    ///
    /// - `isBusy`: lanes that must wait until `freed` is told of them.
    /// - `matching`: a lane whose next punch does not match keeps its turn.
    package mutating func next(
        upTo limit: Int, at now: Duration, isBusy: (String) -> Bool,
        matching: (OwedPunch) -> Bool = { _ in true }
    ) -> [Handed] {
        release(at: now)
        var handed: [Handed] = []
        var passedOver: [String] = []
        var index = 0
        while index < ready.count, handed.count < limit {
            let key = ready[index]
            index += 1
            guard var lane = lanes[key] else { continue }
            defer { lanes[key] = lane.isSpent ? nil : lane }
            guard lane.due == nil, let row = lane.rows.first, !isBusy(key) else {
                lane.queued = false
                continue
            }
            guard matching(row) else {
                passedOver.append(key)
                continue
            }
            lane.queued = false
            lane.rows.removeFirst()
            loaded -= 1
            if lane.rows.isEmpty, lane.resume != nil { hungry.append(key) }
            handed.append(Handed(punch: row, lane: key))
        }
        ready.replaceSubrange(0..<index, with: passedOver)
        return handed
    }

    /// None of this lane is on its way any more.
    package mutating func freed(_ key: String) {
        guard var lane = lanes[key], lane.due == nil, !lane.rows.isEmpty else { return }
        enqueue(key, &lane)
        lanes[key] = lane
    }

    /// A punch that was handed out is still owed and goes again in its turn, or not before `due`; its lane waits with
    /// it.
    package mutating func putBack(_ row: OwedPunch, due: Duration?) {
        let key = laneOf(row)
        var lane = lanes[key] ?? Lane()
        defer { lanes[key] = lane }
        lane.rows.removeAll { held in
            if held.id == row.id { loaded -= 1 }
            return held.id == row.id
        }
        guard lane.rows.first.map({ row.id < $0.id }) ?? true else { return insert(row, into: &lane) }
        guard let due else {
            insert(row, into: &lane)
            return letGo(key, &lane)
        }
        // After a restart the lane may have been read up to a row before this one, which was on its way then.
        if !lane.isSpent { lane.resume = min(lane.resume ?? .max, row.id) }
        loaded -= lane.rows.count
        lane.rows = []
        insert(row, into: &lane)
        hold(key, &lane, until: due)
    }

    private mutating func insert(_ row: OwedPunch, into lane: inout Lane) {
        let place = lane.rows.lastIndex { $0.id < row.id }.map { $0 + 1 } ?? 0
        lane.rows.insert(row, at: place)
        loaded += 1
    }

    private mutating func enqueue(_ key: String, _ lane: inout Lane) {
        guard !lane.queued else { return }
        lane.queued = true
        ready.append(key)
    }

    private mutating func letGo(_ key: String, _ lane: inout Lane) {
        if lane.due != nil {
            lane.due = nil
            waiting[key] = nil
        }
        enqueue(key, &lane)
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
