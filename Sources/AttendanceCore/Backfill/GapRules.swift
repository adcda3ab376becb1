/// When logs are pulled from a terminal by the gateway itself, and how often at most.
package struct GapRules: Hashable, Sendable {
    /// Whether what a terminal counts as unsent at its `reg`, and does not push, is pulled.
    package var onRegister: Bool
    /// Between two looks for what is not pushed; nil: none. Doubles up to `longest` while nothing new comes.
    package var every: Duration?
    package var longest: Duration
    /// How long a terminal may take to begin, and to go on, pushing what it has counted.
    package var settle: Duration
    /// So long without a record, while others of its group bring `others` of them in working hours, is a suspicion;
    /// nil: never.
    package var stall: Duration?
    package var others: Int
    /// Whether totals are compared, and what is missing is pulled.
    package var closesGaps: Bool
    /// Pulls of a range or of everything in 24 hours, for one terminal.
    package var gapPullsPerDay: Int
    /// Between two pulls of one terminal.
    package var spacing: Duration
    /// After a pull for a gap that came to nothing; doubles with each, up to a day.
    package var retry: Duration

    package init(
        onRegister: Bool = true, every: Duration? = .seconds(900), longest: Duration = .seconds(4 * 3600),
        settle: Duration = .seconds(60), stall: Duration? = .seconds(1800), others: Int = 10,
        closesGaps: Bool = true, gapPullsPerDay: Int = 4, spacing: Duration = .seconds(60),
        retry: Duration = .seconds(3600)
    ) {
        self.onRegister = onRegister
        self.every = every
        self.longest = longest
        self.settle = settle
        self.stall = stall
        self.others = others
        self.closesGaps = closesGaps
        self.gapPullsPerDay = gapPullsPerDay
        self.spacing = spacing
        self.retry = retry
    }
}

/// How much of a terminal's log is pulled. The raw values stand in the journal.
package enum PullScope: String, Codable, Hashable, Sendable, CaseIterable {
    /// What it counts as not sent.
    case new
    /// Some days.
    case range
    /// All it holds.
    case everything

    package var word: String { self == .new ? "getnewlog" : "getalllog" }
}

/// How a pull ended.
package enum PullEnd: Hashable, Sendable {
    /// To the end of its list, of so many entries.
    case complete(entries: Int)
    /// The firmware does not know the word.
    case unsupported
    /// Refused, given up, expired, or cut off after too many pages.
    case failed
}

/// What a terminal counts, as it says at `reg`. Nil where it does not say.
package struct LogCounters: Hashable, Sendable {
    /// `usedlog`: records it holds.
    package var used: Int?
    /// `usednewlog`: of these, records that no server has acknowledged.
    package var backlog: Int?

    package init(used: Int? = nil, backlog: Int? = nil) {
        self.used = used
        self.backlog = backlog
    }

    /// Records that it thinks a server has.
    var delivered: Int? {
        guard let used, let backlog, used >= 0, backlog >= 0 else { return nil }
        return max(0, used - backlog)
    }
}
