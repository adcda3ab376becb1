/// What is known of a person who stands before a terminal that lets the server decide.
package enum AccessPerson: Hashable, Sendable {
    /// Known and active; `places` are the branch and the company, where the site tells them.
    case active(places: [String])
    /// Known, and not to pass: has left, is suspended, was erased, or is not yet or no longer valid.
    case inactive
    case unknown
    /// Nobody can tell: several have the number, or people were not read yet.
    case unsure
}

/// By which rule a terminal in approval mode is answered. Of one terminal, a value.
///
/// 1 only for a single, fresh punch of a person who is known and active, of an allowed place, within the allowed hours.
/// Never for strangers, door events, doubtful times, records older than a minute, batches, or a terminal that is not
/// approved, whatever the settings say. Source: docs/protocol.md §5.2, quirk Q9; docs/decisions/0035-approval-mode.md.
package struct AccessPolicy: Hashable, Sendable {
    /// Whether to let in whom nobody can tell.
    package var allowsWhenUnsure: Bool
    /// Branches and companies, compared without letter case; empty: all.
    package var places: [String]
    package var hours: WorkingHours
    /// Shown on the screen; nil: nothing is.
    package var welcome: String?
    /// Shown to whoever is refused; nil: the reason in a few words.
    package var refusal: String?

    /// A record may be so much older or newer than our clock.
    package static let freshness = Duration.seconds(60)
    /// Of a text for the screen.
    package static let maximumText = 64

    package init(
        allowsWhenUnsure: Bool = false, places: [String] = [], hours: WorkingHours = .always,
        welcome: String? = nil, refusal: String? = nil
    ) {
        self.allowsWhenUnsure = allowsWhenUnsure
        self.places = places
        self.hours = hours
        self.welcome = welcome
        self.refusal = refusal
    }

    /// Why somebody is refused.
    package enum Refusal: String, Hashable, Sendable, CaseIterable {
        case terminalNotApproved = "Terminal not approved"
        case batch = "Not a live record"
        case notAPerson = "Not recognised"
        case stale = "Record too old"
        case clock = "Check the clock"
        case unknown = "Not known"
        case inactive = "Not active"
        case place = "Not for this door"
        case hours = "Outside of hours"
        case unsure = "Cannot check now"
    }

    package enum Verdict: Hashable, Sendable {
        case open
        case refuse(Refusal)
    }

    /// What a message of records is about, as far as a door is concerned.
    package struct Occasion: Hashable, Sendable {
        /// Records in the message, also those that could not be read.
        package var records: Int
        /// The only one, where it could be read.
        package var punch: Punch?
        /// Whether the terminal is one of ours.
        package var isApproved: Bool
        package var received: UnixTime

        package init(records: Int, punch: Punch?, isApproved: Bool, received: UnixTime) {
            self.records = records
            self.punch = punch
            self.isApproved = isApproved
            self.received = received
        }

        package init(_ batch: IntakeBatch) {
            self.init(
                records: batch.punches.count + batch.quarantined.count, punch: batch.punches.first,
                isApproved: !batch.isHeld, received: batch.received)
        }
    }

    /// - `zone`: of the terminal's clock.
    /// - `person`: looks somebody up; asked only when everything else lets them pass.
    package func verdict(
        on occasion: Occasion, in zone: ZoneRules, person: (Punch) -> AccessPerson
    ) -> Verdict {
        guard occasion.isApproved else { return .refuse(.terminalNotApproved) }
        guard occasion.records == 1, let punch = occasion.punch else { return .refuse(.batch) }
        guard punch.kind == .person, !punch.enrollID.isDoor, !punch.enrollID.isStranger else {
            return .refuse(.notAPerson)
        }
        let age = occasion.received - UnixTime(seconds: punch.instant)
        guard !punch.doubt.isDoubtful, age <= Self.freshness else { return .refuse(.stale) }
        guard age >= .zero - Self.freshness else { return .refuse(.clock) }
        guard hours.contains(occasion.received, in: zone) else { return .refuse(.hours) }
        switch person(punch) {
        case .active(let found):
            guard !places.isEmpty else { return .open }
            let allowed = Set(places.map { $0.lowercased() })
            return found.contains { allowed.contains($0.lowercased()) } ? .open : .refuse(.place)
        case .inactive: return .refuse(.inactive)
        case .unknown: return .refuse(.unknown)
        case .unsure: return allowsWhenUnsure ? .open : .refuse(.unsure)
        }
    }

    package func answer(_ verdict: Verdict) -> Reply.Approval {
        switch verdict {
        case .open: Reply.Approval(opens: true, message: welcome)
        case .refuse(let why): Reply.Approval(opens: false, message: refusal ?? why.rawValue)
        }
    }
}

extension AccessPerson {
    /// One answer out of what several sources know: the sites in force, and the roster.
    ///
    /// Whoever is inactive anywhere is refused everywhere; else whoever is active anywhere is known; else who cannot be
    /// told is unsure.
    package static func combined(_ all: [AccessPerson]) -> AccessPerson {
        var places: [String] = []
        var isActive = false
        var isUnsure = false
        for one in all {
            switch one {
            case .inactive: return .inactive
            case .active(let found):
                isActive = true
                places += found
            case .unsure: isUnsure = true
            case .unknown: break
            }
        }
        if isActive { return .active(places: places) }
        return isUnsure ? .unsure : .unknown
    }

    /// - `today`: date, `YYYY-MM-DD`.
    package init(_ resolution: EmployeeDirectory.Resolution, today: String) {
        switch resolution {
        case .employee(let employee):
            self =
                employee.status == "Active" && !employee.hasLeft(on: today)
                ? .active(places: [employee.branch, employee.company].compactMap(\.self)) : .inactive
        case .several: self = .unsure
        case .unknown: self = .unknown
        }
    }
}
