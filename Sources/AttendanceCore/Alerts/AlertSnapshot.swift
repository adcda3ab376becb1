/// What the gateway knows of itself and its surroundings at one moment: all that alert rules look at.
package struct AlertSnapshot: Sendable {
    package struct Terminal: Sendable {
        package var figures: TerminalFigures
        /// As the settings call it.
        package var name: String?
        /// Its own zone: working hours are meant on its wall.
        package var zone: ZoneRules

        package init(_ figures: TerminalFigures, name: String? = nil, zone: ZoneRules) {
            self.figures = figures
            self.name = name
            self.zone = zone
        }

        var serial: SerialNumber { figures.serial }
        /// `Gate 1 (ZX01)`, or the serial number alone.
        var title: String { name.map { "\($0) (\(serial))" } ?? serial.text }
    }

    package struct Sink: Sendable {
        package var name: SinkName
        package var condition: SinkState.Condition
        /// When it last took a punch in this run of the gateway.
        package var lastSuccess: UnixTime?
        package var owed: Int
        /// When the punch was received that has been owed longest.
        package var oldestOwed: UnixTime?
        package var deadLetters: Int
        /// Check-ins that the site stored with a wrong time and that still stand there so, as far as that is known.
        package var wrongCheckins: Int
        /// There may be more: the site was not asked yet.
        package var mayHoldWrongCheckins: Bool

        package init(
            name: SinkName, condition: SinkState.Condition = .running, lastSuccess: UnixTime? = nil,
            owed: Int = 0, oldestOwed: UnixTime? = nil, deadLetters: Int = 0, wrongCheckins: Int = 0,
            mayHoldWrongCheckins: Bool = false
        ) {
            self.mayHoldWrongCheckins = mayHoldWrongCheckins
            self.name = name
            self.condition = condition
            self.lastSuccess = lastSuccess
            self.owed = owed
            self.oldestOwed = oldestOwed
            self.deadLetters = deadLetters
            self.wrongCheckins = wrongCheckins
        }
    }

    package struct Disk: Hashable, Sendable {
        /// Any folder on it.
        package var path: String
        /// What lies there, for the operator: "the journal".
        package var holds: String
        /// Bytes this process may still write, and bytes in all.
        package var free: Int64
        package var total: Int64

        package init(path: String, holds: String, free: Int64, total: Int64) {
            self.path = path
            self.holds = holds
            self.free = free
            self.total = total
        }

        var freeShare: Double { total > 0 ? Double(free) / Double(total) : 1 }
    }

    package struct Certificate: Hashable, Sendable {
        /// `host:port`.
        package var server: String
        /// Nil while it is not known: not looked yet, or the server does not answer.
        package var state: CertificateState?

        package init(server: String, state: CertificateState?) {
            self.server = server
            self.state = state
        }
    }

    package struct Backup: Hashable, Sendable {
        package var last: UnixTime?
        package var due: UnixTime
        package var isOverdue: Bool
        /// Since when and why none could be made.
        package var failingSince: UnixTime?
        package var reason: String

        package init(
            last: UnixTime?, due: UnixTime, isOverdue: Bool, failingSince: UnixTime? = nil,
            reason: String = ""
        ) {
            self.last = last
            self.due = due
            self.isOverdue = isOverdue
            self.failingSince = failingSince
            self.reason = reason
        }
    }

    package enum Journal: Hashable, Sendable {
        case writable
        case failing(since: UnixTime, reason: String)
    }

    package var at: UnixTime
    /// When this run of the gateway began: nobody could be heard before.
    package var started: UnixTime
    package var journal: Journal
    package var terminals: [Terminal]
    package var sinks: [Sink]
    package var disks: [Disk]
    package var certificates: [Certificate]
    package var shifts: [ShiftStanding]
    /// What of terminals somebody should look at, by the registry.
    package var flags: [TerminalFlags]
    /// What may be missing of terminals' logs.
    package var pulls: [PullFlags] = []
    /// Nil where no backups are made by themselves.
    package var backup: Backup?
    /// What happened when the journal was found damaged and rebuilt, for a day.
    package var rebuilt: (at: UnixTime, words: String)?

    package init(
        at: UnixTime, started: UnixTime, journal: Journal = .writable, terminals: [Terminal] = [],
        sinks: [Sink] = [], disks: [Disk] = [], certificates: [Certificate] = [],
        shifts: [ShiftStanding] = [], flags: [TerminalFlags] = []
    ) {
        self.flags = flags
        self.at = at
        self.started = started
        self.journal = journal
        self.terminals = terminals
        self.sinks = sinks
        self.disks = disks
        self.certificates = certificates
        self.shifts = shifts
    }
}

/// What a look at a server's TLS certificate has found.
package enum CertificateState: Hashable, Sendable {
    /// It was verified as a delivery would verify it, and is valid until then.
    case trusted(until: UnixTime)
    /// No delivery goes through. `reason` is what else is known, or nothing.
    case refused(CertificateFault, until: UnixTime?, reason: String)
}

package enum CertificateFault: String, Hashable, Sendable, CaseIterable {
    case expired
    case notYetValid = "not-yet-valid"
    case wrongName = "wrong-name"
    /// Signed by nobody this machine trusts, by itself, or sent without the certificates between.
    case unknownAuthority = "unknown-authority"
}
