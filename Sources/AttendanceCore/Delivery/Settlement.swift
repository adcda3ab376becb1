/// What the audit CSV and the older service's users call the result for a punch so far.
package enum ReportedStatus: Int, Sendable, CaseIterable {
    case success = 0
    case failed = 1

    /// As it stands in the CSV's `ERP Status` column.
    package var text: String {
        switch self {
        case .success: "Success"
        case .failed: "ERP_Failed"
        }
    }
}

/// One attempt, for the record: when, how long, with what answer.
package struct Attempt: Hashable, Sendable {
    package var started: UnixTime
    package var duration: Duration
    /// HTTP status; nil when no answer came.
    package var status: Int?
    package var answer: AnswerClass
    /// The sink's own name for what it stored (for ERPNext the Employee Checkin's).
    package var reference: String?
    /// The sink's own words, tags stripped, at most 500 characters.
    package var words: String?

    package init(
        started: UnixTime, duration: Duration, status: Int? = nil, answer: AnswerClass,
        reference: String? = nil,
        words: String? = nil
    ) {
        self.started = started
        self.duration = duration
        self.status = status
        self.answer = answer
        self.reference = reference
        self.words = words
    }
}

/// What an attempt means for the punch that was tried.
package struct Settlement: Hashable, Sendable {
    package enum Fate: Hashable, Sendable {
        /// The sink has it; nothing is owed any more.
        case delivered
        /// Still owed, not before `due`. `counted` says whether it used up an attempt: faults of the site do not.
        /// `mayBeStored` keeps the mark that an answer is missing, so that the next attempt looks first.
        case again(due: UnixTime, counted: Bool, mayBeStored: Bool)
        /// A dead letter, until someone sends it again or discards it.
        case dead(cause: RejectionCause, reason: String)
        /// Not sent and no longer owed: an accidental repeat, or a sink that only renders. The reason is kept.
        case suppressed(reason: String)
    }
    /// The shift a check-in was counted into although it had been marked already.
    package struct MissedShift: Hashable, Sendable {
        package var shift: String
        /// The site's own time.
        package var end: WallTime

        package init(shift: String, end: WallTime) {
            self.shift = shift
            self.end = end
        }
    }
    package var punch: Int64
    package var attempt: Attempt
    package var fate: Fate
    /// Written to the outcome log that the CSV follows; nil when there is nothing new to report.
    package var report: ReportedStatus?
    /// Set when the check-in came too late to be counted by itself.
    package var missedShift: MissedShift?

    package init(
        punch: Int64, attempt: Attempt, fate: Fate, report: ReportedStatus?, missedShift: MissedShift? = nil
    ) {
        self.missedShift = missedShift
        self.punch = punch
        self.attempt = attempt
        self.fate = fate
        self.report = report
    }
}
