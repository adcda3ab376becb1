import AttendanceCore
import AttendanceStore
import Foundation

/// What the journal knows of a punch, told to somebody who asks where it is: one sentence first, then step by step.
struct PunchStory {
    /// By what a number was found to be an employee's.
    enum EmployeeSource {
        case mapping, field, withoutZeros, alias
        /// Nothing says so any more.
        case unknown
    }

    struct Fact {
        var label: String
        var value: String
        /// Nil for a plain text.
        var href: String?
        /// Of another server: opened beside this page.
        var isForeign = false
    }
    struct Step {
        /// `good`, `warning`, `bad` or nothing.
        var tone = ""
        var heading: String
        var moment: String?
        var lines: [String] = []
        /// What others said, in their own words.
        var quotes: [String] = []
        var facts: [Fact] = [] { didSet { hasFacts = !facts.isEmpty } }
        /// Stored, since templates see nothing else.
        var hasFacts = false
        var summary: String?
        var raw: String?
    }
    struct AttemptRow {
        var number: Int
        var began: String
        var took: String
        var httpStatus: String
        var answer: String
        var answerTone: String
        var outcome: String
        var words: String
    }
    struct SinkCard {
        var sink: String
        var state: String
        var stateTone: String
        var steps: [Step]
        var attempts: [AttemptRow]
        var hasAttempts: Bool
        var canSend: Bool
    }
    struct AuditRow {
        var at: String
        var author: String
        var action: String
        var detail: String
    }
    struct CorrectionForm {
        var ruling: CorrectionOrder.Ruling
        var time = ""
        var timeFault: String?
        var reason = ""
        var reasonFault: String?
    }
    struct Correction {
        var proposed: String
        var basis: String
        /// For the field.
        var time: String
        var timeFault: String?
        var setReason: String
        var setFault: String?
        var rejectReason: String
        var rejectFault: String?
        var isOpen: Bool
    }
    struct Model {
        var number: String
        var who: String
        var time: String
        var zone: String
        var tone: String
        var verdict: String
        var facts: [Fact]
        var steps: [Step]
        var correction: Correction?
        var sinks: [SinkCard]
        var audit: [AuditRow]
        var hasAudit: Bool
        var isAuditOpen: Bool
    }

    let console: Console
    let context: ConsoleContext
    let punch: PunchExplanation
    let report: HealthReport
    let sources: [SinkName: EmployeeSource]

    var entry: JournalEntry { punch.entry }
    var zone: ZoneRules? { ZoneRules(identifier: entry.punch.zone) }
    var place: TerminalPlace { console.operations.place(entry.terminal) }
    var terminalTitle: String { place.name ?? entry.terminal.text }
    var name: String? {
        let told = punch.sinks.lazy.compactMap(\.employeeName).first ?? entry.punch.name
        return told.map { PlainText.line($0, limit: 80) }
    }
    /// `Asha Rao (1001)`
    var who: String {
        let number = entry.punch.enrollID.sent
        switch entry.punch.kind {
        case .person: return name.map { "\($0) (\(number))" } ?? number
        case .stranger: return text("who_stranger")
        case .doorEvent: return text("who_door")
        }
    }

    func text(_ key: String, _ places: KeyValuePairs<String, String> = [:]) -> String {
        console.text("explain", key, context, places)
    }
    func moment(_ moment: UnixTime) -> String { Moments.text(moment, in: zone) }

    // MARK: All of it

    func model(form: CorrectionForm?) -> Model {
        let (tone, verdict) = verdict
        let isPerson = entry.punch.kind == .person
        var facts: [Fact] = []
        if isPerson {
            let number = entry.punch.enrollID.sent
            facts.append(
                Fact(label: text("person"), value: who, href: "/punches?person=\(number.escapedForAddress)"))
        }
        facts.append(
            Fact(
                label: text("terminal"),
                value: place.name.map { "\($0) (\(entry.terminal))" } ?? entry.terminal.text,
                href: "/terminals/\(entry.terminal.text.escapedForAddress)"))
        if let group = place.group { facts.append(Fact(label: text("group"), value: group)) }
        return Model(
            number: "\(entry.id)", who: who, time: entry.punch.time.description, zone: entry.punch.zone,
            tone: tone, verdict: verdict, facts: facts, steps: steps, correction: correction(form),
            sinks: punch.sinks.filter(isTold).map(card),
            audit: punch.audit.map {
                AuditRow(
                    at: moment($0.at), author: $0.author.name, action: $0.action,
                    detail: $0.detail.isEmpty ? $0.subject : $0.detail)
            },
            hasAudit: !punch.audit.isEmpty, isAuditOpen: punch.audit.count <= 5)
    }

    /// A sink that never had to do with it is told of only where none had.
    private func isTold(_ sink: PunchExplanation.AtSink) -> Bool {
        sink.state != .notOwed || !sink.attempts.isEmpty
            || entry.punch.isForwarded && punch.sinks.allSatisfy { $0.state == .notOwed }
    }

    // MARK: The sentence

    private var verdict: (tone: String, text: String) {
        switch entry.punch.kind {
        case .stranger: return ("", text("v_stranger", ["terminal": terminalTitle]))
        case .doorEvent: return ("", text("v_door", ["terminal": terminalTitle]))
        case .person: break
        }
        if entry.punch.doubt.isDoubtful {
            switch entry.correction?.ruling {
            case nil: return ("warning", text("v_doubtful", ["time": entry.punch.time.description]))
            case .rejected:
                return ("", text("v_rejected", ["author": entry.correction?.author.name ?? ""]))
            case .time: break
            }
        }
        let sinks = punch.sinks.filter { $0.state != .notOwed }
        guard let worst = sinks.min(by: { Self.rank($0.state) < Self.rank($1.state) }) else {
            return ("warning", text(punch.sinks.isEmpty ? "v_kept" : "v_not_owed"))
        }
        if sinks.count > 1,
            Self.rank(worst.state) == Self.rank(.delivered(at: entry.received, reference: nil))
        {
            let late = sinks.compactMap(\.missedShift).first
            if late == nil {
                return (
                    "good", text("v_everywhere", ["sinks": sinks.map(\.sink.text).joined(separator: ", ")])
                )
            }
        }
        return verdict(at: worst)
    }

    /// What needs somebody most comes first.
    private static func rank(_ state: DeliveryState) -> Int {
        switch state {
        case .dead: 0
        case .held: 1
        case .owed: 2
        case .discarded: 3
        case .suppressed: 4
        case .delivered: 5
        case .notOwed: 6
        }
    }

    private func verdict(at sink: PunchExplanation.AtSink) -> (tone: String, text: String) {
        let name = sink.sink.text
        switch sink.state {
        case .dead(let cause, _):
            return ("bad", text("v_dead", ["sink": name, "cause": text("cause_\(cause.rawValue)")]))
        case .held: return ("warning", text("v_held", ["terminal": terminalTitle]))
        case .discarded: return ("", text("v_discarded", ["sink": name]))
        case .suppressed(let reason):
            if let earlier = Self.repeated(reason) {
                return (
                    "", text("v_repeat", ["number": "\(earlier.punch)", "seconds": "\(earlier.seconds)"])
                )
            }
            return ("", text("v_suppressed", ["sink": name]))
        case .delivered(let at, let reference):
            if let late = sink.missedShift {
                return ("warning", text("v_late", ["sink": name, "shift": late.shift]))
            }
            return (
                "good",
                reference.map { text("v_delivered_as", ["sink": name, "document": $0, "time": moment(at)]) }
                    ?? text("v_delivered", ["sink": name, "time": moment(at)])
            )
        case .owed(let attempts):
            let health = report.sinks.first { $0.name == name }
            switch health?.state {
            case "paused", "unavailable":
                let since = Moments.text(iso8601: health?.since, in: zone) ?? ""
                return ("warning", text("v_owed_site", ["sink": name, "time": since]))
            case "not configured": return ("warning", text("v_owed_nowhere", ["sink": name]))
            default: break
            }
            guard sink.isActive else { return ("warning", text("v_owed_inactive", ["sink": name])) }
            guard attempts > 0 else { return ("", text("v_owed", ["sink": name])) }
            let due = sink.owed?.due ?? console.operations.now()
            return (
                "warning",
                text("v_owed_again", ["sink": name, "count": "\(attempts)", "time": moment(due)])
            )
        case .notOwed: return ("warning", text("v_not_owed"))
        }
    }

    /// The punch that a suppressed one repeats, by the words that sinks leave behind.
    static func repeated(_ reason: String) -> (punch: Int64, seconds: Int)? {
        guard let match = reason.wholeMatch(of: /it repeats punch (\d{1,18}), (\d{1,9}) s after it/),
            let punch = Int64(match.1), let seconds = Int(match.2)
        else { return nil }
        return (punch, seconds)
    }

    // MARK: Deciding on its time

    private func correction(_ form: CorrectionForm?) -> Correction? {
        guard context.principal?.may(.deliveries) == true, entry.punch.kind == .person,
            entry.punch.doubt.isDoubtful, let zone
        else { return nil }
        let isOpen: Bool
        switch entry.correction?.ruling {
        case nil: isOpen = true
        // May be taken back.
        case .rejected: isOpen = false
        case .time: return nil
        }
        let proposal = CorrectionProposal(
            sent: entry.punch.time, received: entry.received, zone: zone, reading: punch.clock)
        return Correction(
            proposed: proposal.time.description, basis: proposal.basis,
            time: form?.ruling == .time
                ? form?.time ?? "" : proposal.time.description.replacing(" ", with: "T", maxReplacements: 1),
            timeFault: form?.timeFault, setReason: form?.ruling == .time ? form?.reason ?? "" : "",
            setFault: form?.ruling == .time ? form?.reasonFault : nil,
            rejectReason: form?.ruling == .reject ? form?.reason ?? "" : "",
            rejectFault: form?.ruling == .reject ? form?.reasonFault : nil, isOpen: isOpen)
    }
}
