import AttendanceCore

/// Forgetting what has had its time, in steps so small that nobody waits for one.
package protocol RetentionKeeping: Sendable {
    /// Looks at the next `limit` rows at most and forgets of them what `rules` say, in one commit. Never a punch, never
    /// a row of the audit trail, nothing of what is owed or dead.
    ///
    /// - `place`: where the step before ended; `.start` for the first of a run.
    /// - `limit`: 1 to 1,000.
    func forget(_ rules: RetentionRules, after place: RetentionPlace, atMost limit: Int) async throws
        -> RetentionStep

    /// Makes the file shorter by so many free pages at most. Returns by how many: 0 when there are none, and always for
    /// a journal from before this was possible, which uses its free pages again.
    func giveBack(pages: Int) async throws -> Int
}

package enum RetentionKind: String, Hashable, Sendable, CaseIterable {
    /// Records of punches as the terminals sent them.
    case raw
    /// Earlier attempts at what has ended.
    case attempts
    /// Records in quarantine that somebody has decided about.
    case quarantine
}

/// What is from before which moment goes; nil: nothing.
package struct RetentionRules: Hashable, Sendable {
    /// When this is done: stands in place of what is not kept.
    package var now: UnixTime
    /// By when the punch was received.
    package var raw: UnixTime?
    /// By when the attempt began.
    package var attempts: UnixTime?
    /// By when somebody decided.
    package var quarantine: UnixTime?

    package init(
        now: UnixTime, raw: UnixTime? = nil, attempts: UnixTime? = nil, quarantine: UnixTime? = nil
    ) {
        self.now = now
        self.raw = raw
        self.attempts = attempts
        self.quarantine = quarantine
    }
}

/// How far a run has come.
package struct RetentionPlace: Hashable, Sendable {
    var kind: RetentionKind
    /// Of attempts: the sink and the fate that are looked at, and the attempt looked at last.
    var sink: Int64 = 0
    var fate = 0
    var started = Int64.min
    var punch: Int64 = 0
    var number: Int64 = 0

    package static let start = RetentionPlace(kind: .raw)
}

package struct RetentionStep: Hashable, Sendable {
    package var kind: RetentionKind
    /// Rows that were removed, or whose record was.
    package var removed: Int
    /// Nil: the end of the run.
    package var next: RetentionPlace?
}

/// What stands in place of a record that is not kept any more: `{"not_kept_since":"2026-11-23"}` (UTC).
package enum NotKept {
    static let prefix = #"{"not_kept_since":""#

    static func text(at now: UnixTime) -> String {
        prefix + String(now.iso8601.prefix(10)) + #""}"#
    }

    /// Since which day (YYYY-MM-DD) the record is not kept; nil for one that is.
    package static func since(_ raw: [UInt8]) -> String? {
        let day = raw.dropFirst(prefix.utf8.count).prefix(10)
        guard raw.count == prefix.utf8.count + 12, raw.starts(with: prefix.utf8),
            day.allSatisfy({ $0 == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            )
        else { return nil }
        return String(decoding: day, as: UTF8.self)
    }
}
