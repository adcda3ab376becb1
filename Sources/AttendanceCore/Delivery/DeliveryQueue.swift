/// What one sink is owed, in the order in which it shall get it: live punches before old ones, a person's punches in
/// order within each class, one request for a person at a time over both.
///
/// Live is a punch that arrived after delivery to a healthy site last began (`floor`), and soon after it happened; old
/// is the rest: what an outage has left, and what a terminal held back. The old ones do not starve: of every `share`
/// turns one is theirs. A value without a clock and without a store (docs/decisions/0026-live-before-old.md).
package struct DeliveryQueue: Sendable {
    package enum Age: Hashable, Sendable, CaseIterable {
        case live, old
    }

    /// Rows to ask the store for, and whom they are for.
    package struct Read: Hashable, Sendable {
        package var rows: LaneSchedule.Read
        fileprivate var ages: [Age]
    }

    /// Punches that go in one request, each of another lane.
    package struct Turn: Hashable, Sendable {
        package var age: Age
        /// Never empty.
        package var punches: [OwedPunch]
    }

    /// Who may share a request with a punch whose turn it is.
    package struct Company {
        package var limit: Int
        package var matching: (OwedPunch) -> Bool

        package init(limit: Int, matching: @escaping (OwedPunch) -> Bool = { _ in true }) {
            self.limit = limit
            self.matching = matching
        }

        package static var none: Company { Company(limit: 1) }
    }

    private struct Flight {
        var punch: OwedPunch
        var lane: String
    }

    /// A punch is live as long as it arrived this soon after it happened.
    package static let liveFor: Int64 = 15 * 60
    /// Of every so many turns one is an old punch's, if there is one.
    package static let share = 5

    /// Punches up to this number are old, whenever they happened.
    package private(set) var floor: Int64
    private let laneOf: @Sendable (OwedPunch) -> String
    private var live: LaneSchedule
    private var old: LaneSchedule
    private var flights: [Int64: Flight] = [:]
    /// Lanes with punches on their way, and how many.
    private var busy: [String: Int] = [:]
    private var liveInARow = 0

    /// - `floor`: the highest number recorded when delivery began.
    /// - `window`, `perLane`, `page`, `maximumWaiting`: of each of the two classes (`LaneSchedule`).
    /// - `lane`: one person, as the sink knows people. When its answers change, `restart` must follow.
    package init(
        floor: Int64 = 0, window: Int = 512, perLane: Int = 8, page: Int = 256, maximumWaiting: Int = 20_000,
        lane: @escaping @Sendable (OwedPunch) -> String
    ) {
        self.floor = floor
        laneOf = lane
        live = LaneSchedule(
            window: window, perLane: perLane, page: page, maximumWaiting: maximumWaiting, from: floor,
            lane: lane)
        old = LaneSchedule(
            window: window, perLane: perLane, page: page, maximumWaiting: maximumWaiting, lane: lane)
    }

    package func age(of punch: OwedPunch) -> Age { Self.age(of: punch, floor: floor) }

    private static func age(of punch: OwedPunch, floor: Int64) -> Age {
        punch.id > floor && punch.received.seconds - punch.instant <= liveFor ? .live : .old
    }

    /// Punches held here or on their way.
    package var count: Int { live.count + old.count + flights.count }
    package var isEmpty: Bool { live.isEmpty && old.isEmpty && flights.isEmpty }
    /// Old punches held here.
    package var oldCount: Int { old.count }
    /// When the next waiting punch may go.
    package var nextDue: Duration? {
        guard let first = live.nextDue else { return old.nextDue }
        return min(first, old.nextDue ?? first)
    }

    // MARK: Reading

    /// What to read next; nil when enough is here or all was seen.
    package mutating func nextRead() -> Read? {
        if let read = live.nextRead() {
            // Without a backlog both walks stand at the same place, and one page serves both.
            let isShared = read.lane == nil && live.frontier == old.frontier && old.nextRead() == read
            return Read(rows: read, ages: isShared ? [.live, .old] : [.live])
        }
        return old.nextRead().map { Read(rows: $0, ages: [.old]) }
    }

    /// Takes rows, by number, as the store gave them for `read`. `wait` says how long a row still waits for its due
    /// time; nought or less when it may go.
    package mutating func take(
        _ rows: [OwedPunch], from read: Read, at now: Duration, wait: (OwedPunch) -> Duration
    ) {
        let (flights, floor) = (flights, floor)
        for age in read.ages {
            let accepts = { flights[$0.id] == nil && Self.age(of: $0, floor: floor) == age }
            switch age {
            case .live: live.take(rows, from: read.rows, at: now, accepts: accepts, wait: wait)
            case .old: old.take(rows, from: read.rows, at: now, accepts: accepts, wait: wait)
            }
        }
        guard read.rows.lane == nil, rows.count < read.rows.limit else { return }
        // The other walk has been further, where this one has just found nothing: from here they go on together.
        for age in read.ages {
            switch age {
            case .live: live.skip(to: old.frontier)
            case .old: old.skip(to: live.frontier)
            }
        }
    }

    /// There may be new rows beyond those seen.
    package mutating func wake() {
        live.wake()
        old.wake()
    }

    /// All that is not on its way is read afresh: rows have appeared among those seen (dead letters sent again), lanes
    /// have changed, or with a new floor what was live is old.
    package mutating func restart(floor: Int64? = nil) {
        self.floor = floor ?? self.floor
        live.restart(from: self.floor)
        old.restart()
        busy = [:]
        for (id, flight) in flights {
            let lane = laneOf(flight.punch)
            flights[id]?.lane = lane
            busy[lane, default: 0] += 1
        }
    }

    // MARK: Handing out

    /// The next punches that may go, from now on on their way; nil when there are none now.
    ///
    /// - `mayGo`: whether punches of a class may go now.
    /// - `company`: who may share the request with the punch whose turn it is.
    package mutating func next(
        at now: Duration, mayGo: (Age) -> Bool = { _ in true },
        company: (Age, OwedPunch) -> Company = { _, _ in .none }
    ) -> Turn? {
        let order: [Age] = liveInARow >= Self.share - 1 ? [.old, .live] : [.live, .old]
        for age in order where mayGo(age) {
            guard let first = hand(age, upTo: 1, at: now).first else { continue }
            let company = company(age, first)
            let others =
                company.limit > 1 ? hand(age, upTo: company.limit - 1, at: now, company.matching) : []
            liveInARow = age == .live ? liveInARow + 1 : 0
            return Turn(age: age, punches: [first] + others)
        }
        return nil
    }

    private mutating func hand(
        _ age: Age, upTo limit: Int, at now: Duration, _ matching: (OwedPunch) -> Bool = { _ in true }
    ) -> [OwedPunch] {
        let busy = self.busy
        let isBusy = { (lane: String) in busy[lane] != nil }
        let handed =
            switch age {
            case .live: live.next(upTo: limit, at: now, isBusy: isBusy, matching: matching)
            case .old: old.next(upTo: limit, at: now, isBusy: isBusy, matching: matching)
            }
        for flight in handed {
            flights[flight.punch.id] = Flight(punch: flight.punch, lane: flight.lane)
            self.busy[flight.lane, default: 0] += 1
        }
        return handed.map(\.punch)
    }

    /// The punch is no longer owed.
    package mutating func done(_ punch: OwedPunch) {
        guard let flight = flights.removeValue(forKey: punch.id) else { return }
        free(flight.lane)
    }

    /// The punch is still owed and goes again in its turn, or not before `due`; its lane waits with it.
    package mutating func again(_ punch: OwedPunch, due: Duration?) {
        guard let flight = flights.removeValue(forKey: punch.id) else { return }
        switch age(of: punch) {
        case .live: live.putBack(punch, due: due)
        case .old: old.putBack(punch, due: due)
        }
        free(flight.lane)
    }

    private mutating func free(_ lane: String) {
        let left = busy[lane, default: 1] - 1
        busy[lane] = left > 0 ? left : nil
        guard left <= 0 else { return }
        live.freed(lane)
        old.freed(lane)
    }
}
