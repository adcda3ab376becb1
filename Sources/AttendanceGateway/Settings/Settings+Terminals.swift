import AttendanceCore

extension Settings {
    /// In the file's order.
    package var groups: [Terminals.Group] { terminals.groups }

    /// How a punch gets its direction.
    package enum DirectionSetting: String, Hashable, Sendable {
        /// Left to ERPNext.
        case unspecified = "none"
        case incoming = "in"
        case outgoing = "out"
        /// From the terminal's own codes, by its profile.
        case terminal
        /// By turns for each person and shift day.
        case alternate
        /// By the time of day.
        case hours
    }

    package enum DayStart: Hashable, Sendable, CustomStringConvertible {
        /// From the employee's default shift, where ERPNext tells it; else 04:00.
        case auto
        /// By the terminal's clock.
        case at(TimeOfDay)

        package var description: String {
            switch self {
            case .auto: "auto"
            case .at(let time): time.description
            }
        }
    }

    /// A table that reads a direction from a terminal's own codes.
    package enum Profile: Hashable, Sendable, CustomStringConvertible {
        case standard
        case turnstile
        /// A `[Profile NAME]`. The texts are lists as in `inout 0, event 1`, on one line; none stands in both. At least one is not blank.
        case table(name: String, incoming: String, outgoing: String)

        package var description: String {
            switch self {
            case .standard: "standard"
            case .turnstile: "turnstile"
            case .table(let name, _, _): name
            }
        }
    }

    /// Degrees, north and east positive.
    package struct Coordinates: Hashable, Sendable {
        /// -90 to 90
        package var latitude: Double
        /// -180 to 180
        package var longitude: Double

        package init(latitude: Double, longitude: Double) {
            self.latitude = latitude
            self.longitude = longitude
        }
    }

    /// What `Sinks` says, before it is known which sinks there are.
    enum SinkList: Hashable, Sendable {
        case everywhere, nowhere
        case these(Set<SinkName>)
    }

    /// What holds for terminals. The functions answer for any terminal, also one that the file does not name: what its
    /// own section says, else its group's, else that of `[Terminals]`.
    package struct Terminals: Hashable, Sendable {
        /// IANA zone of terminals that have none of their own.
        package var timeZone: String
        package var sendsClock: Bool
        /// Whether terminals are asked to push their users (`nosenduser:false`).
        package var asksForUsers: Bool
        /// Whether what they push of people is kept (`[People] Collect`).
        package var collectsPeople = false
        package var keepsPhotos: Bool
        package var earliestYear: Int
        package var futureTolerance: Duration
        /// A clock that is wrong by more is set by command; nil: none is.
        package var clockLimit: Duration?
        /// What `[Terminals]` says.
        package var traits: Traits
        /// In the file's order.
        package var groups: [Group]
        /// The terminals that the file names.
        package var overrides: [SerialNumber: Override]
        /// Who may come that nobody has approved.
        package var unknown = UnknownTerminals.pending
        /// Whether punches are taken from a connection that has not registered.
        package var trustsUnregistered = true
        package var maximumPending = 1000
        /// From one address.
        package var maximumPendingPerHour = 250
        /// Of one terminal.
        package var maximumPendingPunches = 100_000
        /// What the registry says of terminals; it holds where the file says nothing. Empty as the settings are loaded.
        package var registered: [SerialNumber: TerminalDetails] = [:]

        /// What may be said of all terminals, of a group or of one; nil where nothing is.
        package struct Traits: Hashable, Sendable {
            /// Empty: nowhere. `[Terminals]` always says it.
            package var sinks: Set<SinkName>?
            package var employeeField: String?
            package var direction: DirectionSetting?
            /// Spans as in `04:00-12:00 in, 12:00-04:00 out`, on one line; never two for one minute.
            package var directionHours: String?
            package var profile: Profile?
            package var dayStart: DayStart?
            /// Names of Shift Types. Empty: none, whatever would be inherited.
            package var shifts: [String]?
            package var coordinates: Coordinates?
            package var access = Access()

            package init(
                sinks: Set<SinkName>? = nil, employeeField: String? = nil, direction: DirectionSetting? = nil,
                directionHours: String? = nil, profile: Profile? = nil, dayStart: DayStart? = nil,
                shifts: [String]? = nil, coordinates: Coordinates? = nil
            ) {
                self.sinks = sinks
                self.employeeField = employeeField
                self.direction = direction
                self.directionHours = directionHours
                self.profile = profile
                self.dayStart = dayStart
                self.shifts = shifts
                self.coordinates = coordinates
            }
        }

        /// What is said of approval mode; nil where nothing is.
        package struct Access: Hashable, Sendable {
            package var isAsked: Bool?
            package var allowsWhenUnsure: Bool?
            /// Branches and companies; empty: all.
            package var places: [String]?
            package var hours: WorkingHours?
            package var welcome: String?
            package var refusal: String?
        }

        package struct Group: Hashable, Sendable {
            /// As its section writes it.
            package var name: String
            package var timeZone: String?
            package var traits: Traits
            /// Whether its terminals get each other's credentials.
            package var sharesCredentials = false

            /// Whether the group numbers people by itself.
            package var hasOwnIDs: Bool { traits.employeeField != nil }
        }

        package struct Override: Hashable, Sendable {
            package var timeZone: String?
            package var name: String?
            package var group: Group?
            package var traits = Traits()
            /// `Group = none`, whatever the registry says.
            package var standsAlone = false
            package var token: Secret?
        }

        package func name(of serial: SerialNumber) -> String? {
            overrides[serial]?.name ?? registered[serial]?.name
        }
        package func group(of serial: SerialNumber) -> Group? {
            let own = overrides[serial]
            if let group = own?.group { return group }
            guard own?.standsAlone != true, let name = registered[serial]?.group else { return nil }
            // One whose section is gone shares nothing any more.
            return group(named: name)
        }
        package func group(named name: String) -> Group? {
            groups.first { $0.name.lowercased() == name.lowercased() }
        }

        package func timeZone(of serial: SerialNumber) -> String {
            overrides[serial]?.timeZone ?? registered[serial]?.zone ?? group(of: serial)?.timeZone ?? timeZone
        }

        /// Where the terminal's punches go; empty: nowhere.
        package func sinks(of serial: SerialNumber) -> Set<SinkName> { nearest(serial, \.sinks) ?? [] }
        /// Whose numbering the terminal's ids belong to: the name of its group where that has a field of its own, else
        /// empty, which is the numbering that all other terminals share.
        package func idSpace(of serial: SerialNumber) -> String {
            guard let group = group(of: serial), group.hasOwnIDs else { return "" }
            return group.name
        }
        /// The Employee field in which the terminal's ids are looked up; nil: that of the site.
        package func employeeField(of serial: SerialNumber) -> String? { nearest(serial, \.employeeField) }
        package func direction(of serial: SerialNumber) -> DirectionSetting {
            nearest(serial, \.direction) ?? .unspecified
        }
        /// Never nil where `direction(of:)` is `.hours`.
        package func directionHours(of serial: SerialNumber) -> String? { nearest(serial, \.directionHours) }
        package func profile(of serial: SerialNumber) -> Profile { nearest(serial, \.profile) ?? .standard }
        package func dayStart(of serial: SerialNumber) -> DayStart { nearest(serial, \.dayStart) ?? .auto }
        /// The Shift Types whose people punch there.
        package func shifts(of serial: SerialNumber) -> [String] { nearest(serial, \.shifts) ?? [] }
        package func coordinates(of serial: SerialNumber) -> Coordinates? { nearest(serial, \.coordinates) }

        /// Nil for a terminal that is not in approval mode.
        package func accessPolicy(of serial: SerialNumber) -> AccessPolicy? {
            guard nearest(serial, \.access.isAsked) == true else { return nil }
            return AccessPolicy(
                allowsWhenUnsure: nearest(serial, \.access.allowsWhenUnsure) ?? false,
                places: nearest(serial, \.access.places) ?? [],
                hours: nearest(serial, \.access.hours) ?? .always,
                welcome: nearest(serial, \.access.welcome), refusal: nearest(serial, \.access.refusal))
        }

        /// Whether any terminal may be in approval mode.
        package var asksForApproval: Bool {
            traits.access.isAsked == true || groups.contains { $0.traits.access.isAsked == true }
                || overrides.values.contains { $0.traits.access.isAsked == true }
        }

        /// Every Shift Type that any terminal is mapped to, in order of name.
        package var allShifts: [String] {
            let all =
                [traits.shifts] + overrides.keys.map { shifts(of: $0) }
                + registered.keys.map { shifts(of: $0) }
            return Set(all.compactMap(\.self).joined()).sorted()
        }

        private func nearest<Value>(_ serial: SerialNumber, _ trait: (Traits) -> Value?) -> Value? {
            overrides[serial].flatMap { trait($0.traits) } ?? group(of: serial).flatMap { trait($0.traits) }
                ?? trait(traits)
        }
    }
}
