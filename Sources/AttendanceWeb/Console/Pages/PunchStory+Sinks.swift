import AttendanceCore
import AttendanceStore
import Foundation

// What became of it at one sink.

extension PunchStory {
    func card(_ sink: PunchExplanation.AtSink) -> SinkCard {
        let (state, tone) = PunchState.shown(sink.state) { console.text("punches", $0, context, $1) }
        return SinkCard(
            sink: sink.sink.text, state: state, stateTone: tone,
            steps: [mapped(sink), directed(sink), frozen(sink), now(sink)].compactMap(\.self),
            attempts: sink.attempts.map(row), hasAttempts: !sink.attempts.isEmpty,
            canSend: context.principal?.may(.deliveries) == true && sink.isActive
                && (sink.deadLetter != nil || sink.discarded != nil))
    }

    // MARK: What was decided

    private func mapped(_ sink: PunchExplanation.AtSink) -> Step? {
        guard let decision = sink.decision else { return nil }
        var step = Step(heading: text("mapped"))
        if let employee = decision.employee {
            let name = sink.employeeName.map { "\($0) (\(employee))" } ?? employee
            step.lines = [text("mapped_to", ["employee": name])]
            let number = entry.punch.enrollID.sent
            switch sources[sink.sink] ?? .unknown {
            case .mapping: step.lines.append(text("mapped_by_mapping", ["number": number]))
            case .field: step.lines.append(text("mapped_by_field", ["number": number]))
            case .withoutZeros: step.lines.append(text("mapped_without_zeros", ["number": number]))
            case .alias: step.lines.append(text("mapped_by_alias", ["alias": entry.punch.alias ?? ""]))
            case .unknown: step.lines.append(text("mapped_then"))
            }
            if let address = console.operations.addresses[sink.sink] {
                step.facts.append(
                    Fact(
                        label: text("employee"), value: employee,
                        href: "\(address)app/employee/\(employee.escapedForAddress)", isForeign: true))
            }
        } else {
            step.lines = [text("mapped_there", ["sink": sink.sink.text, "key": decision.person])]
        }
        if decision.time != (entry.believedTime?.wall ?? entry.punch.time) {
            step.facts.append(Fact(label: text("site_time"), value: decision.time.description))
        }
        return step
    }

    private func directed(_ sink: PunchExplanation.AtSink) -> Step? {
        guard let decision = sink.decision else { return nil }
        guard let direction = decision.direction else {
            return Step(heading: text("directed"), lines: [text("directed_there", ["sink": sink.sink.text])])
        }
        let word = console.text("punches", "direction_\(direction.rawValue)", context)
        let why: String
        switch place.direction {
        case .none: why = text("directed_then")
        case .fixed(let fixed): why = text(fixed == direction ? "directed_fixed" : "directed_then")
        case .terminal:
            let codes = [
                ("event", entry.punch.event), ("inout", entry.punch.inOut), ("mode", entry.punch.mode),
            ].compactMap { name, code in code.map { "\(name) \($0)" } }
            why = text("directed_terminal", ["codes": codes.joined(separator: ", ")])
        case .alternate: why = text("directed_alternate")
        case .hours:
            why = text("directed_hours", ["time": String(entry.punch.time.description.dropFirst(11))])
        }
        return Step(heading: text("directed"), lines: [text("directed_as", ["direction": word]), why])
    }

    private func frozen(_ sink: PunchExplanation.AtSink) -> Step? {
        guard let frozen = sink.owed?.frozen else { return nil }
        var step = Step(heading: text("frozen"), lines: [text("frozen_text")])
        step.summary = text("request")
        step.raw = JSONValue(parsing: frozen).map { $0.masked.json } ?? PlainText.line(frozen, limit: 2_000)
        return step
    }

    // MARK: Attempts

    private func row(_ recorded: RecordedAttempt) -> AttemptRow {
        let attempt = recorded.attempt
        let tone =
            switch attempt.answer {
            case .delivered, .alreadyThere: "good"
            case .rejected, .authentication, .configuration: "bad"
            case .transient, .rateLimited: "warning"
            case .suppressed: ""
            }
        let outcome =
            switch recorded.meaning {
            case .delivered: "then_delivered"
            case .again: "then_again"
            case .dead: "then_dead"
            case .suppressed: "then_suppressed"
            }
        return AttemptRow(
            number: recorded.number, began: moment(attempt.started), took: Self.span(attempt.duration),
            httpStatus: attempt.status.map { "\($0)" } ?? "–",
            answer: text("answer_\(attempt.answer.rawValue)"),
            answerTone: tone, outcome: text(outcome),
            words: [attempt.reference, attempt.words].compactMap(\.self).joined(separator: " · "))
    }

    /// `85 ms`, `2.1 s`
    private static func span(_ duration: Duration) -> String {
        let milliseconds = max(0, duration.milliseconds)
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        return "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    }

    // MARK: Where it is now

    private func now(_ sink: PunchExplanation.AtSink) -> Step? {
        switch sink.state {
        case .delivered(let at, let reference): delivered(sink, at, reference)
        case .owed: owed(sink)
        case .dead(let cause, let reason): dead(sink, cause, reason)
        case .discarded(let reason):
            Step(
                heading: text("now_discarded"), moment: sink.discarded.map { moment($0.at) },
                lines: [text("now_discarded_text", ["sink": sink.sink.text])], quotes: [reason])
        case .suppressed(let reason): suppressed(sink, reason)
        case .held: nil
        case .notOwed:
            Step(
                tone: entry.punch.isForwarded ? "warning" : "", heading: text("now_nowhere"),
                lines: [text("now_nowhere_text", ["sink": sink.sink.text])])
        }
    }

    private func delivered(
        _ sink: PunchExplanation.AtSink, _ at: UnixTime, _ reference: String?
    ) -> Step {
        var step = Step(tone: "good", heading: text("now_delivered"), moment: moment(at))
        step.lines = [text("now_delivered_text", ["sink": sink.sink.text])]
        if let reference {
            let address = console.operations.addresses[sink.sink]
            step.facts = [
                Fact(
                    label: text("document"), value: reference,
                    href: address.map { "\($0)app/employee-checkin/\(reference.escapedForAddress)" },
                    isForeign: address != nil)
            ]
        }
        if let late = sink.missedShift {
            step.tone = "warning"
            step.lines.append(
                text("missed_shift", ["shift": late.shift, "time": late.shiftEnd.description]))
        }
        return step
    }

    private func owed(_ sink: PunchExplanation.AtSink) -> Step {
        var step = Step(tone: "warning", heading: text("now_owed"))
        let name = sink.sink.text
        if let begun = sink.owed?.begun {
            step.lines.append(text("owed_begun", ["time": moment(begun)]))
        } else if let due = sink.owed?.due, due > console.operations.now() {
            step.lines.append(text("owed_due", ["time": moment(due)]))
        } else {
            step.lines.append(text("owed_at_once"))
        }
        if !sink.isActive { step.lines.append(text("owed_inactive", ["sink": name])) }
        if let health = report.sinks.first(where: { $0.name == name }), health.state != "running" {
            if health.state == "not configured" { step.lines.append(text("owed_nowhere", ["sink": name])) }
            step.quotes += [health.reason, health.remedy].compactMap(\.self)
        }
        step.lines.append(text("owed_promise"))
        return step
    }

    private func dead(
        _ sink: PunchExplanation.AtSink, _ cause: RejectionCause, _ reason: String
    ) -> Step {
        var step = Step(tone: "bad", heading: text("now_dead"))
        step.moment = sink.deadLetter.map { moment($0.died) }
        step.lines = [
            text("now_dead_text", ["sink": sink.sink.text, "cause": text("cause_\(cause.rawValue)")]),
            text("remedy", ["text": text("fix_\(cause.rawValue)")]),
        ]
        step.quotes = [reason]
        return step
    }

    private func suppressed(_ sink: PunchExplanation.AtSink, _ reason: String) -> Step {
        var step = Step(heading: text("now_suppressed"))
        if let earlier = Self.repeated(reason) {
            step.lines = [
                text("repeat_text", ["number": "\(earlier.punch)", "seconds": "\(earlier.seconds)"])
            ]
            step.facts = [
                Fact(
                    label: text("earlier"), value: "\(earlier.punch)", href: "/punches/\(earlier.punch)")
            ]
        } else {
            step.lines = [text("suppressed_text", ["sink": sink.sink.text])]
            step.quotes = [reason]
        }
        return step
    }
}
