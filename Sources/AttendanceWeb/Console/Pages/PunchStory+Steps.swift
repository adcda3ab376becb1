import AttendanceCore
import AttendanceStore
import Foundation

// From the terminal to the journal: what is the same for every sink.

extension PunchStory {
    var steps: [Step] {
        [recorded, timed, arrived, kept, held, decided].compactMap(\.self)
    }

    // MARK: At the terminal

    private var recorded: Step {
        let punch = entry.punch
        let key =
            switch punch.kind {
            case .person: "recorded_person"
            case .stranger: "recorded_stranger"
            case .doorEvent: "recorded_door"
            }
        var step = Step(heading: text("recorded"), moment: punch.time.description)
        step.lines = [
            text(
                key,
                ["terminal": terminalTitle, "number": punch.enrollID.sent, "time": punch.time.description])
        ]
        func add(_ key: String, _ value: String?) {
            if let value, !value.isEmpty { step.facts.append(Fact(label: text(key), value: value)) }
        }
        if punch.kind == .person {
            add("name_sent", punch.name.map { PlainText.line($0, limit: 100) })
            add("alias", punch.alias)
        }
        add("mode", punch.mode.map { "\($0)" })
        add("inout", punch.inOut.map { "\($0)" })
        add("event", punch.event.map { "\($0)" })
        add("verify_mode", punch.verifyMode.map { "\($0)" })
        add("temperature", punch.temperature.map { "\($0 / 100).\(($0 % 100).padded(2)) °C" })
        add("photo", self.punch.photoBytes.map { text("photo_bytes", ["bytes": "\($0)"]) })
        if let day = NotKept.since(entry.raw) {
            step.lines.append(text("record_gone", ["day": day]))
        } else {
            step.summary = text("record")
            step.raw = Self.shown(entry.raw)
        }
        return step
    }

    /// The record as it came; where it holds what nobody may read, without that and with its keys in order.
    static func shown(_ raw: [UInt8]) -> String {
        let text = String(decoding: raw, as: UTF8.self)
        guard let value = JSONValue(parsing: text) else { return "{\"unreadable\":\"\(raw.count) bytes\"}" }
        let masked = value.masked
        return String((masked == value ? text : masked.json).prefix(20_000))
    }

    private var timed: Step {
        let punch = entry.punch
        var step = Step(heading: text("timed"))
        let utc = WallTime(seconds: punch.instant).description
        step.lines = [text("timed_text", ["zone": punch.zone, "utc": utc])]
        switch punch.doubt {
        case .none: break
        case .tooOld:
            step.tone = "warning"
            step.lines.append(text("doubt_old"))
        case .inFuture:
            step.tone = "warning"
            step.lines.append(text("doubt_future"))
        }
        if let clock = self.punch.clock {
            step.facts.append(
                Fact(
                    label: text("clock"),
                    value: text("clock_text", ["time": moment(clock.at), "skew": skew(clock.skew)])))
        }
        if let set = self.punch.clockStep {
            step.facts.append(
                Fact(
                    label: text("clock_set"),
                    value: set.after.map {
                        text(
                            "clock_set_text",
                            ["time": moment(set.at), "before": skew(set.before), "after": skew($0)])
                    } ?? text("clock_set_once", ["time": moment(set.at), "before": skew(set.before)])))
            if set.crossesUnread {
                step.tone = "warning"
                step.lines.append(text("clock_crosses"))
            }
        }
        return step
    }

    private func skew(_ seconds: Int) -> String {
        if seconds.magnitude < 2 { return text("skew_right") }
        let span = Moments.span(seconds: Int(clamping: seconds.magnitude))
        return text(seconds > 0 ? "skew_ahead" : "skew_behind", ["span": span])
    }

    // MARK: In the journal

    private var arrived: Step {
        var step = Step(heading: text("arrived"), moment: moment(entry.received))
        if let made = punch.resolution {
            step.lines = [
                text(
                    "made_by_hand",
                    [
                        "number": "\(made.record)", "author": made.made.author.name,
                        "time": moment(made.made.at),
                    ])
            ]
            step.quotes = [made.made.basis]
            return step
        }
        let delay = Int(clamping: entry.received.seconds - entry.punch.instant)
        let isOld = !entry.punch.doubt.isDoubtful && delay > 900
        step.lines = [
            entry.punch.doubt.isDoubtful
                ? text("arrived_text") : text("arrived_after", ["span": Moments.span(seconds: delay)])
        ]
        if isOld {
            step.tone = "warning"
            step.lines.append(text("arrived_late"))
        }
        step.facts = [Fact(label: text("connection"), value: "\(entry.connection)")]
        if let address = punch.terminal.address {
            step.facts.append(Fact(label: text("address"), value: address))
        }
        return step
    }

    private var kept: Step {
        var step = Step(tone: "good", heading: text("kept"), moment: moment(entry.received))
        step.lines = [text("kept_text", ["number": "\(entry.id)"]), text("kept_meaning")]
        return step
    }

    private var held: Step? {
        guard punch.sinks.contains(where: { $0.state == .held }) else { return nil }
        var step = Step(tone: "warning", heading: text("held"))
        step.lines = [text("held_text", ["terminal": terminalTitle])]
        step.facts = [
            Fact(
                label: text("terminal"), value: terminalTitle,
                href: "/terminals/\(entry.terminal.text.escapedForAddress)")
        ]
        return step
    }

    private var decided: Step? {
        guard let correction = entry.correction else {
            guard entry.punch.doubt.isDoubtful, entry.punch.kind == .person else { return nil }
            return Step(tone: "warning", heading: text("undecided"), lines: [text("undecided_text")])
        }
        var step = Step(heading: text("decided"), moment: moment(correction.at))
        switch correction.ruling {
        case .time(let time, _):
            step.lines = [
                text("decided_time", ["author": correction.author.name, "time": time.description])
            ]
        case .rejected: step.lines = [text("decided_rejected", ["author": correction.author.name])]
        }
        step.quotes = [correction.basis]
        return step
    }
}
