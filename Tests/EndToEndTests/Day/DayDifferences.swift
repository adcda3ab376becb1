import AttendanceCore
import AttendanceSimulation
import AttendanceStore

/// What stands in ERPNext against what has to stand there.
struct DayDifferences: Sendable {
    /// Wanted and not there, in order of time.
    let missing: [DayCheckin]
    /// There and not wanted, or more often than once.
    let extra: [DayCheckin]
    private let there: [String: [DayCheckin]]

    init(wanted: [DayCheckin], there: [SimulatedCheckin]) {
        let found = there.map {
            DayCheckin(employee: $0.employee, time: $0.time, direction: $0.logType, terminal: $0.deviceID)
        }
        func order(_ one: DayCheckin, _ other: DayCheckin) -> Bool {
            (one.time, one.employee, one.direction) < (other.time, other.employee, other.direction)
        }
        missing = Self.subtract(found, from: wanted).sorted(by: order)
        extra = Self.subtract(wanted, from: found).sorted(by: order)
        self.there = Dictionary(grouping: found, by: \.employee)
    }

    private static func subtract(_ taken: [DayCheckin], from all: [DayCheckin]) -> [DayCheckin] {
        var left: [DayCheckin: Int] = [:]
        for checkin in taken { left[checkin, default: 0] += 1 }
        return all.filter { checkin in
            guard let count = left[checkin], count > 0 else { return true }
            left[checkin] = count - 1
            return false
        }
    }

    var isEmpty: Bool { missing.isEmpty && extra.isEmpty }

    /// The first of them, each with what the site and the journal hold of it.
    func explained(_ plan: DayPlan, _ journal: [JournalEntry], in store: any JournalReading) async throws
        -> String
    {
        var lines = ["seed \(plan.seed): \(missing.count) check-ins missing, \(extra.count) too many"]
        for checkin in (missing.prefix(3) + extra.prefix(3)) {
            let kind = missing.contains(checkin) ? "missing" : "too many"
            lines.append(
                "\(kind): \(checkin.employee) \(checkin.time) \(checkin.direction) \(checkin.terminal)")
            let own = there[checkin.employee, default: []].sorted { $0.time < $1.time }
            lines.append(
                "  site: " + own.map { "\($0.time) \($0.direction) \($0.terminal)" }.joined(separator: "; "))
            let records = plan.records.filter { record in
                record.person.map { DayPerson.all[$0].name } == checkin.employee
            }
            for record in records.sorted(by: { $0.instant < $1.instant }) {
                let sent = record.sent
                let entry = journal.first {
                    $0.terminal.text == record.terminal && $0.punch.enrollID.sent == sent.enrollID.bare
                        && $0.punch.time.description == sent.time
                }
                lines.append(
                    "  punch \(sent.time) at \(record.terminal), wanted \(record.direction ?? "nothing"): "
                        + "number \(entry.map { "\($0.id)" } ?? "none, not in the journal"), "
                        + "\(entry.map { "\($0.state)" } ?? ""), "
                        + "decided \(entry?.decision.map { "\($0.time) \($0.direction?.rawValue ?? "-")" } ?? "nothing")"
                )
                guard let entry else { continue }
                for attempt in try await store.attempts(for: entry.id) where attempt.sink == .erpnext {
                    lines.append(
                        "    \(attempt.number). \(attempt.attempt.started.iso8601) "
                            + "\(attempt.attempt.status.map { "\($0)" } ?? "no status") "
                            + "\(attempt.attempt.answer.rawValue), \(attempt.meaning) "
                            + (attempt.attempt.words ?? ""))
                }
            }
        }
        return lines.joined(separator: "\n")
    }
}
