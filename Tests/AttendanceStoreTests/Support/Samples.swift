import AttendanceCore
import AttendanceStore

/// What tests put into a journal.
enum Sample {
    static let terminal = SerialNumber("T1")!
    static let morning = WallTime(year: 2026, month: 3, day: 2, hour: 8)!
    static let now = UnixTime(seconds: 1_772_438_400)

    /// A batch of punches with raw texts of their own, one after the other.
    static func batch(
        _ punches: [Punch], terminal: SerialNumber = terminal, received: UnixTime = now,
        connection: Int64 = 7,
        quarantined: [(reason: String, raw: [UInt8])] = []
    ) -> IntakeBatch {
        var batch = IntakeBatch(terminal: terminal, connection: connection, received: received)
        for var punch in punches {
            let text = Array(#"{"enrollid":"\#(punch.enrollID.sent)","time":"\#(punch.time)"}"#.utf8)
            punch.raw = batch.raw.count..<batch.raw.count + text.count
            batch.raw += text
            batch.punches.append(punch)
        }
        for record in quarantined {
            let range = batch.raw.count..<batch.raw.count + record.raw.count
            batch.raw += record.raw
            batch.quarantined.append(QuarantinedRecord(reason: record.reason, raw: range))
        }
        return batch
    }

    /// Person `id` at `morning` plus `second` seconds.
    static func punch(
        _ id: String = "12", second: Int64 = 0, kind: PunchKind = .person, doubt: TimeDoubt = .none,
        event: Int64? = nil, name: String? = "Ada"
    ) -> Punch {
        let time = WallTime(seconds: morning.seconds + second)
        return Punch(
            enrollID: EnrollID(id)!, alias: nil, name: name, time: time, zone: "Asia/Kolkata",
            instant: time.seconds - 19_800, kind: kind, doubt: doubt, mode: 8, inOut: 0, event: event,
            raw: 0..<0)
    }

    static func punches(_ count: Int, from second: Int64 = 0) -> [Punch] {
        (0..<Int64(count)).map { punch(String(1000 + $0), second: second + $0) }
    }

    static func attempt(
        _ answer: AnswerClass = .delivered, started: UnixTime = now, reference: String? = nil
    ) -> Attempt {
        Attempt(
            started: started, duration: .milliseconds(250), status: 200, answer: answer, reference: reference)
    }

    static func delivered(_ punch: Int64, reference: String? = nil) -> Settlement {
        Settlement(punch: punch, attempt: attempt(reference: reference), fate: .delivered, report: .success)
    }

    static func dead(_ punch: Int64, _ cause: RejectionCause = .unknownEmployee) -> Settlement {
        Settlement(
            punch: punch, attempt: attempt(.rejected), fate: .dead(cause: cause, reason: "no such employee"),
            report: .failed)
    }

    static func again(
        _ punch: Int64, due: UnixTime = now, counted: Bool = true, mayBeStored: Bool = false,
        report: ReportedStatus? = nil
    ) -> Settlement {
        Settlement(
            punch: punch, attempt: attempt(.transient),
            fate: .again(due: due, counted: counted, mayBeStored: mayBeStored), report: report)
    }
}

extension JournalReading {
    /// The whole journal, page by page.
    func allPunches(_ filter: PunchFilter = PunchFilter(), page: Int = 1_000) async throws -> [JournalEntry] {
        var all: [JournalEntry] = []
        var cursor: PunchCursor?
        while true {
            let next = try await punches(filter, after: cursor, limit: page)
            all += next
            guard next.count == page, let last = next.last else { return all }
            cursor = PunchCursor(time: last.punch.time, id: last.id)
        }
    }
}
