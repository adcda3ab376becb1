import AttendanceCore

/// What the doctor found at one thing.
package struct CheckResult: Hashable, Sendable, Codable {
    package enum Outcome: String, Hashable, Sendable, Codable, CaseIterable {
        case ok
        /// It works, probably not as meant.
        case warning = "warn"
        case failure = "FAIL"
        /// Not looked at, and why.
        case skipped = "skip"
    }
    package var outcome: Outcome
    /// Such as `journal` or `erpnext credentials`.
    package var check: String
    /// One line; whatever came from outside is in it as plain text.
    package var seen: String
    package var remedy: String?

    init(_ outcome: Outcome, _ check: String, _ seen: String, _ remedy: String? = nil) {
        self.outcome = outcome
        self.check = PlainText.line(check, limit: 120)
        self.seen = PlainText.line(seen)
        self.remedy = remedy.map { PlainText.line($0) }
    }

    static func ok(_ check: String, _ seen: String) -> Self { Self(.ok, check, seen) }
    static func warning(_ check: String, _ seen: String, _ remedy: String) -> Self {
        Self(.warning, check, seen, remedy)
    }
    static func failure(_ check: String, _ seen: String, _ remedy: String) -> Self {
        Self(.failure, check, seen, remedy)
    }
    static func skipped(_ check: String, _ why: String) -> Self { Self(.skipped, check, why) }
}

/// One thing the doctor looks at.
struct DoctorCheck: Sendable {
    var title: String
    var limit: Duration = .seconds(10)
    /// One or more results, under `title` or titles that say more.
    var look: @Sendable () async -> [CheckResult]
    /// What it means when the look did not end in time, and what to do then.
    var late: CheckResult.Outcome = .failure
    var lateRemedy = "look at what stands between this machine and it, and run this again"
    /// Told when the look did not end in time.
    var gaveUp: @Sendable () async -> Void = {}

    /// Never longer than `limit`, as far as what is looked at can be interrupted.
    func run() async -> [CheckResult] {
        let results = await withTaskGroup(of: [CheckResult]?.self) { group in
            group.addTask { await look() }
            group.addTask {
                // Woken early only when all is over anyway.
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        if let results { return results }
        await gaveUp()
        return [CheckResult(late, title, "no result within \(limit.components.seconds) s", lateRemedy)]
    }
}

/// Figures in words.
enum Spoken {
    /// The two largest units at most: `45 s`, `3 min`, `5 h`, `3 days`.
    static func duration(_ duration: Duration) -> String {
        let seconds = abs(duration.components.seconds)
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        default: return "\(seconds / 86_400) days"
        }
    }

    static func bytes(_ bytes: Int64) -> String {
        switch bytes {
        case ..<(1 << 20): "\(bytes >> 10) KiB"
        case ..<(10 << 30): "\(bytes >> 20) MiB"
        default: "\(bytes >> 30) GiB"
        }
    }

    static func count(_ count: Int, _ one: String, _ many: String? = nil) -> String {
        "\(count) \(count == 1 ? one : many ?? one + "s")"
    }

    /// The first few of a list.
    static func some(_ texts: [String], of limit: Int = 5) -> String {
        let shown = texts.prefix(limit).map { PlainText.line($0, limit: 60) }.joined(separator: ", ")
        return texts.count > limit ? "\(shown), … (\(texts.count) in all)" : shown
    }
}
