import AttendanceCore
import AttendanceStore
import Foundation

/// Everything known of one punch.
package struct ExplanationAnswer: Documented {
    package struct Sink: Encodable, Sendable {
        package var sink: String
        package var isActive: Bool
        package var state: String
        package var stateDetail: String?
        package var employee: String?
        package var employeeName: String?
        package var direction: String?
        package var siteTime: String?
        package var attemptsCounted: Int?
        package var due: String?
        package var frozen: String?
        package var underWaySince: String?
        package var deadLetter: DeadLetterAnswer?
        package var discarded: Discarded?
        package var missedShift: LateDeliveryAnswer?
        package var attempts: [AttemptAnswer]

        init(_ sink: PunchExplanation.AtSink) {
            self.sink = sink.sink.text
            isActive = sink.isActive
            state = sink.state.kind.rawValue
            stateDetail = sink.state.apiDetail
            employee = sink.decision?.employee
            employeeName = sink.employeeName
            direction = sink.decision?.direction?.rawValue.lowercased()
            siteTime = sink.decision?.time.description
            attemptsCounted = sink.owed?.attempts
            due = sink.owed?.due?.iso8601
            frozen = sink.owed?.frozen
            underWaySince = sink.owed?.begun?.iso8601
            deadLetter = sink.deadLetter.map { DeadLetterAnswer($0) }
            discarded = sink.discarded.map {
                Discarded(cause: $0.cause.rawValue, reason: $0.reason, at: $0.at.iso8601)
            }
            missedShift = sink.missedShift.map { LateDeliveryAnswer($0) }
            attempts = sink.attempts.map { AttemptAnswer($0) }
        }
    }
    package struct Discarded: Encodable, Sendable {
        package var cause: String
        package var reason: String
        package var at: String
    }
    package struct Clock: Encodable, Sendable {
        package var at: String
        package var skewSeconds: Int
    }

    package var punch: PunchAnswer
    package var connection: Int64
    /// The record's own text.
    package var raw: String
    package var clock: Clock?
    package var clockStep: ClockStepAnswer?
    package var madeFromRecord: Int64?
    package var photoBytes: Int?
    package var sinks: [Sink]
    package var audit: [AuditAnswer]

    init(_ found: PunchExplanation, punch: PunchAnswer, sinks: [PunchExplanation.AtSink]) {
        self.punch = punch
        connection = found.entry.connection
        raw = String(decoding: found.entry.raw, as: UTF8.self)
        clock = found.clock.map { Clock(at: $0.at.iso8601, skewSeconds: $0.skew) }
        clockStep = found.clockStep.map { ClockStepAnswer($0) }
        madeFromRecord = found.resolution?.record
        photoBytes = found.photoBytes
        self.sinks = sinks.map { Sink($0) }
        audit = found.audit.map { AuditAnswer($0) }
    }

    package static let schema = Schema.named(
        "Explanation",
        .object([
            .init("punch", PunchAnswer.schema),
            .init("connection", .anyInteger, "Number of the terminal's connection, as in the log."),
            .init("raw", .anyText, "The record as the terminal sent it, without its photo."),
            .optional(
                "clock", .object([.init("at", .moment), .init("skew_seconds", .anyInteger)]),
                "The terminal's clock minus ours, at its registration before."),
            .optional("clock_step", ClockStepAnswer.schema, "The last time its clock was set before."),
            .optional("made_from_record", .id, "The quarantined record it was made of by hand."),
            .optional("photo_bytes", .count, "Of the photo that is kept."),
            .init(
                "sinks",
                .list(
                    .object([
                        .init("sink", .anyText),
                        .init("is_active", .flag, "Whether new punches are owed to it now."),
                        .init("state", .words(PunchSearch.State.allCases.map(\.rawValue))),
                        .optional("state_detail", .anyText), .optional("employee", .anyText),
                        .optional("employee_name", .anyText), .optional("direction", .anyText),
                        .optional("site_time", .anyText),
                        .optional("attempts_counted", .count),
                        .optional("due", .moment, "Not tried before."),
                        .optional("frozen", .anyText, "Fields of the request, as decided: JSON text."),
                        .optional("under_way_since", .moment),
                        .optional("dead_letter", DeadLetterAnswer.schema),
                        .optional(
                            "discarded",
                            .object([
                                .init("cause", .anyText), .init("reason", .anyText), .init("at", .moment),
                            ])),
                        .optional("missed_shift", LateDeliveryAnswer.schema),
                        .init("attempts", .list(AttemptAnswer.schema), "The latest 100."),
                    ]))),
            .init("audit", .list(AuditAnswer.schema), "What people did to it, the newest first."),
        ]))

    package static var samples: [ExplanationAnswer] {
        guard let serial = SerialNumber("AYTI10087992"), let punch = PunchAnswer.samples.first,
            let id = EnrollID("12"), let time = WallTime("2026-11-22 08:01:09")
        else { return [] }
        let moment = UnixTime(seconds: time.seconds - 19_799)
        let raw = Array(#"{"enrollid":12,"time":"2026-11-22 08:01:09","mode":8,"inout":0}"#.utf8)
        let entry = JournalEntry(
            id: 4711, terminal: serial,
            punch: Punch(
                enrollID: id, time: time, zone: "Asia/Kolkata", instant: moment.seconds, kind: .person,
                raw: 0..<raw.count), received: moment, connection: 3, raw: raw,
            state: .delivered(at: moment, reference: nil))
        var sink = PunchExplanation.AtSink(
            sink: .erpnext, isActive: true,
            state: .delivered(at: moment, reference: "EMP-CKIN-11-2026-000012"))
        sink.attempts = [
            RecordedAttempt(
                sink: .erpnext, number: 1,
                attempt: Attempt(
                    started: moment, duration: .milliseconds(84), status: 200, answer: .delivered,
                    reference: "EMP-CKIN-11-2026-000012"), meaning: .delivered)
        ]
        var found = PunchExplanation(
            entry: entry, terminal: TerminalRecord(serial: serial, firstSeen: moment, lastSeen: moment),
            sinks: [sink])
        found.clock = ClockReading(at: moment, skew: 2)
        return [ExplanationAnswer(found, punch: punch, sinks: [sink])]
    }
}

/// One attempt at a sink.
package struct AttemptAnswer: Documented {
    package var sink: String
    package var number: Int
    package var started: String
    package var durationMilliseconds: Int64
    package var status: Int?
    package var answer: String
    package var meaning: String
    package var reference: String?
    package var words: String?
    package var punch: Int64?
    package var terminal: String?
    package var person: String?
    package var name: String?
    package var time: String?

    init(_ recorded: RecordedAttempt) {
        sink = recorded.sink.text
        number = recorded.number
        started = recorded.attempt.started.iso8601
        durationMilliseconds = recorded.attempt.duration.milliseconds
        status = recorded.attempt.status
        answer = recorded.attempt.answer.rawValue
        meaning = recorded.meaning.apiWord
        reference = recorded.attempt.reference
        words = recorded.attempt.words
    }

    init(_ latest: LatestAttempt) {
        self.init(latest.recorded)
        punch = latest.punch
        terminal = latest.terminal.text
        person = latest.enrollID.sent
        name = latest.name
        time = latest.time.description
    }

    package static let schema = Schema.named(
        "Attempt",
        .object([
            .init("sink", .anyText), .init("number", .count, "1 for the first at that sink."),
            .init("started", .moment), .init("duration_milliseconds", .anyInteger),
            .optional("status", .anyInteger, "Of HTTP; absent: no answer came."),
            .init("answer", .words(AnswerClass.allCases.map(\.rawValue))),
            .init(
                "meaning", .words(RecordedAttempt.Meaning.allCases.map(\.apiWord)),
                "What it meant for the punch."),
            .optional("reference", .anyText, "The sink's own name for what it stored."),
            .optional("words", .anyText, "The sink's own words."),
            .optional("punch", .id), .optional("terminal", .anyText), .optional("person", .anyText),
            .optional("name", .anyText), .optional("time", .anyText),
        ]))
    package static var samples: [AttemptAnswer] {
        [
            AttemptAnswer(
                RecordedAttempt(
                    sink: .erpnext, number: 1,
                    attempt: Attempt(
                        started: UnixTime(seconds: 1_795_228_270), duration: .milliseconds(84), status: 417,
                        answer: .rejected, words: "No Employee found"), meaning: .dead))
        ]
    }
}

extension RecordedAttempt.Meaning {
    package var apiWord: String {
        switch self {
        case .delivered: "delivered"
        case .again: "again"
        case .dead: "dead"
        case .suppressed: "suppressed"
        }
    }
}

extension ClockStep {
    fileprivate static let sample = ClockStep(
        terminal: .unknown, at: UnixTime(seconds: 1_795_228_000), before: 92, after: 0, unread: 0)
}

package struct ClockStepAnswer: Documented {
    package var terminal: String
    package var at: String
    package var beforeSeconds: Int
    package var afterSeconds: Int?
    package var unread: Int?

    init(_ step: ClockStep) {
        terminal = step.terminal.text
        at = step.at.iso8601
        beforeSeconds = step.before
        afterSeconds = step.after
        unread = step.unread
    }

    package static let schema = Schema.named(
        "ClockStep",
        .object([
            .init("terminal", .anyText), .init("at", .moment),
            .init("before_seconds", .anyInteger, "Its clock minus ours before it was set."),
            .optional("after_seconds", .anyInteger, "And after it, as far as it told."),
            .optional("unread", .anyInteger, "Punches it had not sent then."),
        ]))
    package static let samples = [ClockStepAnswer(.sample)]
}

package struct LateDeliveryAnswer: Documented {
    package var punch: Int64
    package var terminal: String
    package var person: String
    package var name: String?
    package var time: String
    package var employee: String?
    package var reference: String?
    package var shift: String
    package var shiftEnd: String
    package var delivered: String

    init(_ late: LateDelivery) {
        punch = late.punch
        terminal = late.terminal.text
        person = late.enrollID.sent
        name = late.name
        time = late.time.description
        employee = late.employee
        reference = late.reference
        shift = late.shift
        shiftEnd = late.shiftEnd.description
        delivered = late.delivered.iso8601
    }

    package static let schema = Schema.named(
        "LateDelivery",
        .object([
            .init("punch", .id), .init("terminal", .anyText), .init("person", .anyText),
            .optional("name", .anyText), .init("time", .anyText, "Site time of the check-in."),
            .optional("employee", .anyText), .optional("reference", .anyText), .init("shift", .anyText),
            .init("shift_end", .anyText, "Site time."), .init("delivered", .moment),
        ]))
    package static var samples: [LateDeliveryAnswer] {
        guard let id = EnrollID("12"), let time = WallTime("2026-11-22 18:01:09") else { return [] }
        return [
            LateDeliveryAnswer(
                LateDelivery(
                    punch: 4711, terminal: .unknown, enrollID: id, name: "Asha Rao", time: time,
                    employee: "HR-EMP-00012", reference: "EMP-CKIN-11-2026-000012", shift: "Day",
                    shiftEnd: time,
                    delivered: UnixTime(seconds: time.seconds)))
        ]
    }
}

package struct AuditAnswer: Documented {
    package var id: Int64
    package var at: String
    package var author: String
    package var action: String
    package var subject: String
    package var detail: String

    init(_ entry: AuditEntry) {
        id = entry.id
        at = entry.at.iso8601
        author = entry.author.name
        action = entry.action
        subject = entry.subject
        detail = entry.detail
    }

    package static let schema = Schema.named(
        "AuditEntry",
        .object([
            .init("id", .id), .init("at", .moment),
            .init(
                "author", .anyText, "An account, `token NAME`, whoever sat at the command line, or `gateway`."
            ),
            .init("action", .anyText, "Such as `dead-letters.retry`."), .init("subject", .anyText),
            .init("detail", .anyText),
        ]))
    package static let samples = [
        AuditAnswer(
            AuditEntry(
                id: 12, at: UnixTime(seconds: 1_795_228_270), author: Author("asha"),
                action: "dead-letters.retry", subject: "punch 4711", detail: "erpnext"))
    ]
}
