/// A punch of the journal as the site should show it.
package struct ExpectedCheckin: Hashable, Sendable {
    /// How far the punch has come there.
    package enum Standing: Hashable, Sendable {
        /// The site took it, so it must be there.
        case delivered
        /// Still owed: it may be there already, where an answer was lost.
        case pending
        /// A dead letter, or given up.
        case refused
        /// Kept back as an accidental repeat.
        case suppressed
        /// Not meant for the site, or outside of what is compared: it only explains what is found.
        case notMeant
    }
    /// Number in the journal.
    package var punch: Int64
    package var terminal: SerialNumber
    package var enrollID: EnrollID
    package var name: String?
    package var standing: Standing
    /// The site's own name for the check-in, as it answered.
    package var reference: String?
    /// Document name of the Employee, where it is known.
    package var employee: String?
    /// Whether `employee` is what was sent. Else it is what the directory says today, good for finding and not for
    /// judging.
    package var employeeIsDecided: Bool
    /// The site's own time.
    package var time: WallTime
    /// Nil was left to the site, and is not judged.
    package var direction: Direction?

    package init(
        punch: Int64, terminal: SerialNumber, enrollID: EnrollID, name: String? = nil, standing: Standing,
        reference: String? = nil, employee: String? = nil, employeeIsDecided: Bool = false, time: WallTime,
        direction: Direction? = nil
    ) {
        self.punch = punch
        self.terminal = terminal
        self.enrollID = enrollID
        self.name = name
        self.standing = standing
        self.reference = reference
        self.employee = employee
        self.employeeIsDecided = employeeIsDecided
        self.time = time
        self.direction = direction
    }
}

/// An Employee Checkin as it stands on the site.
package struct FoundCheckin: Hashable, Sendable {
    /// Document name, such as `EMP-CKIN-11-2026-000017`.
    package var name: String
    package var employee: String
    package var time: WallTime
    /// `IN`, `OUT` or nothing.
    package var logType: String
    /// For check-ins of the gateway the terminal's serial number.
    package var deviceID: String

    package init(name: String, employee: String, time: WallTime, logType: String = "", deviceID: String = "")
    {
        self.name = name
        self.employee = employee
        self.time = time
        self.logType = logType
        self.deviceID = deviceID
    }
}

/// One thing on which the journal and the site do not agree.
package struct ReconciliationFinding: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// The site took it, and it is not there now.
        case missing
        /// It bears one of our terminals' serial numbers, and no punch explains it.
        case extra
        /// The same person and second once more.
        case doubled
        case time = "different-time"
        case direction = "different-direction"
        case employee = "different-employee"
    }
    package var kind: Kind
    /// Nil for `extra` only.
    package var expected: ExpectedCheckin?
    /// Nil for `missing` only.
    package var found: FoundCheckin?
    /// The punch for which the site made an extra check-in wrongly, where that is known.
    package var misfiledFor: Int64?

    package init(
        _ kind: Kind, expected: ExpectedCheckin? = nil, found: FoundCheckin? = nil, misfiledFor: Int64? = nil
    ) {
        self.kind = kind
        self.expected = expected
        self.found = found
        self.misfiledFor = misfiledFor
    }
}

/// What a comparison has seen so far.
package struct ReconciliationFigures: Hashable, Sendable {
    /// Punches the site took, and of them those that stand there just as they were sent.
    package var delivered = 0
    package var agreeing = 0
    package var pending = 0
    package var refused = 0
    package var suppressed = 0
    /// Check-ins on the site, and of them those that are none of our terminals'.
    package var found = 0
    package var elsewhere = 0
    package var findings: [ReconciliationFinding.Kind: Int] = [:]

    package init() {}

    package var isAgreed: Bool { findings.values.allSatisfy { $0 == 0 } }
}
