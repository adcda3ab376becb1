/// How one Shift Type of one site stands: up to when its check-ins are counted, and what keeps it from more.
package struct ShiftStanding: Hashable, Sendable {
    package enum Condition: Hashable, Sendable {
        /// The site has not been asked yet.
        case waiting
        /// `last_sync_of_checkin` is moved along as its terminals bring punches.
        case followed
        /// The site's value lies beyond now and is left until it has passed.
        case ahead
        /// The site does not mark attendance from this shift's check-ins.
        case notMarked
        /// The site moves the value itself, whether or not all terminals have delivered.
        case leftToSite
        /// No terminal names this shift.
        case unmapped
        /// The site has no such Shift Type.
        case missing
        /// The site's time zone is not known.
        case zoneUnknown
        /// The site will not have it moved until somebody mends something.
        case denied(reason: String, remedy: String)
        /// It could not be done now and is tried again.
        case unavailable(reason: String)
        /// The settings do not ask for it.
        case off
    }

    /// An end of the shift that is past and up to which not everything has come.
    package struct OpenEnd: Hashable, Sendable {
        /// The site's time, with the time in which a check-out still counts.
        package var wall: WallTime
        package var at: UnixTime

        package init(wall: WallTime, at: UnixTime) {
            self.wall = wall
            self.at = at
        }
    }

    package var sink: SinkName
    package var shift: String
    package var condition: Condition
    /// `last_sync_of_checkin` as the site last told it, its own time.
    package var siteValue: WallTime?
    /// Up to this instant (seconds since 1970 UTC) all punches of its terminals have come to the site; nil: of some
    /// terminal nothing is known.
    package var point: Int64?
    /// `point` by the site's clock, where its zone is known.
    package var target: WallTime?
    /// Terminals of the shift.
    package var terminals: Int
    package var holders: [ShiftWatermark.Holder]
    package var openEnd: OpenEnd?
    /// When the value was last moved in this run of the gateway.
    package var moved: UnixTime?

    package init(
        sink: SinkName, shift: String, condition: Condition = .waiting, siteValue: WallTime? = nil,
        point: Int64? = nil, target: WallTime? = nil, terminals: Int = 0,
        holders: [ShiftWatermark.Holder] = [], openEnd: OpenEnd? = nil, moved: UnixTime? = nil
    ) {
        self.sink = sink
        self.shift = shift
        self.condition = condition
        self.siteValue = siteValue
        self.point = point
        self.target = target
        self.terminals = terminals
        self.holders = holders
        self.openEnd = openEnd
        self.moved = moved
    }

    /// Whether some terminal keeps it from being counted up to now.
    package var isHeldBack: Bool { !holders.isEmpty && condition != .unmapped && condition != .notMarked }

    /// Of the holders those that an end of the shift waits for.
    package func waitingFor(_ end: OpenEnd) -> [ShiftWatermark.Holder] {
        holders.filter { ($0.point ?? .min) < end.at.seconds }
    }
}

extension ShiftWatermark {
    /// A shift's end is called open only some time after it: its last punches are on their way.
    package static let endGrace: Int64 = 300

    /// The first end of the shift that is past and not covered; nil when there is none. `shift` as the site has it.
    package func openEnd(of shift: ShiftType, zone: ZoneRules, at now: Int64) -> ShiftStanding.OpenEnd? {
        guard shift.marksAttendance else { return nil }
        let latest = shift.latestEnd(at: zone.wallTime(at: now - Self.endGrace))
        // Where nothing is known, what the site has counted is there; unless it counts without asking.
        let base =
            point.map { zone.settledWallTime(at: min($0, now)) }
            ?? (shift.movesLastSyncItself ? nil : shift.lastSync)
        var first = base.map(shift.nextEnd) ?? latest
        if let from = shift.countsFrom { first = max(first, shift.nextEnd(after: from)) }
        guard first <= latest else { return nil }
        return .init(wall: first, at: UnixTime(seconds: zone.instant(of: first)))
    }
}

// MARK: Words

extension ShiftStanding.Condition {
    /// One word for tables and programs.
    package var word: String {
        switch self {
        case .waiting: "waiting"
        case .followed: "followed"
        case .ahead: "ahead"
        case .notMarked: "not-marked"
        case .leftToSite: "left-to-site"
        case .unmapped: "unmapped"
        case .missing: "missing"
        case .zoneUnknown: "zone-unknown"
        case .denied: "denied"
        case .unavailable: "unavailable"
        case .off: "off"
        }
    }

    /// What it means and what to do about it, for the operator; empty where all is well.
    package var words: String {
        switch self {
        case .waiting, .followed: ""
        case .ahead:
            "last_sync_of_checkin lies in the future: attendance is marked without waiting for anybody. "
                + "Set it back by hand in ERPNext, or wait until it has passed"
        case .notMarked:
            "left alone: ERPNext marks no attendance from this shift's check-ins (Enable Auto Attendance)"
        case .leftToSite:
            "left alone: ERPNext moves last_sync_of_checkin itself (Auto Update Last Sync), without waiting for "
                + "terminals; switch that off there to have them waited for"
        case .unmapped: "left alone: no terminal names this shift; set Shifts of its terminals"
        case .missing: "the site has no such Shift Type; mend Shifts in the settings"
        case .zoneUnknown: "the site's time zone is not known yet; SiteTimeZone sets it"
        case .denied(let reason, let remedy): "\(reason); \(remedy)"
        case .unavailable(let reason): "\(reason); it is tried again"
        case .off: "last_sync_of_checkin is not moved; LastSync = yes moves it"
        }
    }
}

extension HoldReason {
    /// What is the matter with the terminal, and what to do.
    package var words: String {
        switch self {
        case .neverHeard: "never heard of; connect it, or take the shift from its Shifts"
        case .offline(let since): "not connected, last heard \(since.iso8601)"
        case .owed: "its punches wait for the site"
        case .backlog(let count): "still has \(count) records to send"
        case .clockBehind(let seconds): "its clock is \(seconds) s behind; set it"
        case .clockUnknown: "its clock could not be read; it shows with its next punch"
        case .ownClock: "this machine's clock was set back"
        case .settling: "connected, and not yet known to have sent all"
        }
    }
}

extension ShiftWatermark.Holder {
    package var words: String { "\(title) (\(reason.words))" }
}
