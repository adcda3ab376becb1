import ArgumentParser
import AttendanceCore
import AttendanceStore
import Foundation

/// `punches`: what the journal holds, for eyes and scripts.
struct Punches: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show punches of the journal by person, terminal and day.",
        discussion: """
            Times are those of the terminal's own clock. Works beside a running gateway and without one.
            The state is that of the delivery to ERPNext, or to another sink with --sink: owed, delivered, dead, \
            discarded, suppressed (an accidental repeat, or in shadow mode the request that was not sent), or \
            "not owed" for strangers, door events and punches with an implausible time. A name that no terminal sent is that of \
            the employee; employee and direction are what was decided at the first attempt. clock: the terminal's clock \
            was set back over this time, which may not tell the order.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var selection: PunchSelection
    @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text
    @Option(help: "At most so many, oldest first.") var limit = 1000

    func validate() throws {
        guard (1...10_000_000).contains(limit) else { throw ValidationError("--limit is 1 to 10000000") }
    }

    func run() async throws {
        let journal = try common.openJournal()
        let settings = common.settings()
        let output = Output(format: format)
        output.header(PunchRow.columns)
        var people: PeopleOfSite?
        var clocks = ClockNotes(journal: journal)
        let count = try await selection.forEachPage(of: journal, limit: limit) { entry in
            var entry = entry
            if entry.isNameless {
                // Read only where a terminal sent no name and no decision tells one either.
                if people == nil {
                    people = try await PeopleOfSite(settings.erp, settings: settings, journal: journal)
                }
                let punch = entry.punch
                entry.employeeName =
                    people?.employee(punch.enrollID, alias: punch.alias, at: entry.terminal)?.fullName
            }
            output.row(PunchRow(entry, clock: try await clocks.note(on: entry)))
        }
        output.flush()
        if format == .text {
            Screen.note(
                count == limit ? "\(count) punches shown; there may be more, see --limit" : "\(count) punches"
            )
        }
    }
}

/// Which punches a command is about.
struct PunchSelection: ParsableArguments {
    @Option(help: "Enroll id of the person.") var person: String?
    @Option(help: "Serial number of the terminal.") var terminal: String?
    @Option(help: "One day, YYYY-MM-DD; instead of --from and --until.") var day: String?
    @Option(help: "First moment, YYYY-MM-DD or \"YYYY-MM-DD HH:MM:SS\".") var from: String?
    @Option(help: "First moment that is no longer wanted, in the same forms.") var until: String?
    @Flag(help: "Only people: no strangers, no door events.") var people = false
    @Option(help: "Whose delivery state is shown: erpnext, or a site's or webhook's name in lower case.")
    var sink = SinkName.erpnext.text

    func validate() throws { _ = try filter() }

    func filter() throws -> PunchFilter {
        var filter = PunchFilter()
        if let person {
            guard let id = EnrollID(person) else {
                throw ValidationError("--person: “\(person)” is no enroll id")
            }
            filter.person = id
        }
        if let terminal {
            guard let serial = SerialNumber(terminal) else {
                throw ValidationError("--terminal: “\(terminal)” is no serial number")
            }
            filter.terminal = serial
        }
        if let day {
            guard from == nil, until == nil else {
                throw ValidationError("--day excludes --from and --until")
            }
            let start = try TimeArgument.parse(day, "--day")
            filter.from = start
            filter.until = WallTime(seconds: start.seconds + 86_400)
        } else {
            filter.from = try from.map { try TimeArgument.parse($0, "--from") }
            filter.until = try until.map { try TimeArgument.parse($0, "--until") }
        }
        if people { filter.kinds = [.person] }
        guard let sink = SinkName(sink) else {
            throw ValidationError("--sink: “\(PlainText.line(self.sink, limit: 40))” is no name of a sink")
        }
        filter.sink = sink
        return filter
    }

    /// What is asked for, for the audit trail.
    var words: String {
        let parts: [(String, String?)] = [
            ("person", person), ("terminal", terminal), ("day", day), ("from", from), ("until", until),
            ("sink", sink == SinkName.erpnext.text ? nil : sink),
        ]
        let chosen = parts.compactMap { name, value in value.map { "\(name) \($0)" } }
        let all = chosen + (people ? ["only people"] : [])
        return all.isEmpty ? "everything" : all.joined(separator: ", ")
    }

    /// Page by page, so that no read of the database lasts while a slow terminal window takes the lines.
    func forEachPage(
        of journal: any JournalReading, limit: Int, _ body: (JournalEntry) async throws -> Void
    ) async throws -> Int {
        let filter = try filter()
        var cursor: PunchCursor?
        var count = 0
        while count < limit {
            let page = try await journal.punches(filter, after: cursor, limit: min(500, limit - count))
            guard let last = page.last else { break }
            for entry in page { try await body(entry) }
            count += page.count
            cursor = PunchCursor(time: last.punch.time, id: last.id)
        }
        return count
    }
}

enum TimeArgument {
    /// A day means its beginning.
    static func parse(_ text: String, _ option: String) throws -> WallTime {
        if let time = WallTime(text) ?? WallTime(text + " 00:00:00") { return time }
        throw ValidationError("\(option): “\(text)” is no time; write YYYY-MM-DD or \"YYYY-MM-DD HH:MM:SS\"")
    }

    /// A day means its end.
    static func parseEnd(_ text: String, _ option: String) throws -> WallTime {
        if let day = WallTime(text + " 00:00:00") { return WallTime(seconds: day.seconds + 86_400) }
        return try parse(text, option)
    }
}

/// Which punches stand where the clock of their terminal was set back.
struct ClockNotes {
    let journal: any JournalReading
    private var steps: [SerialNumber: [ClockStep]] = [:]

    /// Of one terminal; older ones are no longer told of.
    private static let limit = 1_000

    init(journal: any JournalReading) { self.journal = journal }

    /// Empty where nothing is to be said.
    mutating func note(on entry: JournalEntry) async throws -> String {
        let known: [ClockStep]
        if let read = steps[entry.terminal] {
            known = read
        } else {
            known = try await journal.clockSteps(of: entry.terminal, limit: Self.limit)
            steps[entry.terminal] = known
        }
        guard
            let step = known.first(where: {
                $0.obscures(instant: entry.punch.instant, received: entry.received)
            })
        else { return "" }
        return "set back \(step.before) s at \(step.at.iso8601)"
    }
}

/// A punch as a line of output.
struct PunchRow: OutputRow {
    static let columns = [
        "id", "time", "zone", "terminal", "enroll_id", "name", "kind", "mode", "inout", "event", "employee",
        "direction", "state", "detail",
        "received", "clock",
    ]
    let values: [OutputValue]

    init(_ entry: JournalEntry, clock: String = "") {
        let punch = entry.punch
        let (state, detail) = Self.describe(entry.state, punch)
        let name =
            entry.isNameless ? "" : punch.name.flatMap { $0.isEmpty ? nil : $0 } ?? entry.employeeName ?? ""
        values = [
            .number(entry.id), .text(punch.time.description), .text(punch.zone), .text(entry.terminal.text),
            .text(punch.enrollID.sent), .text(name), .text("\(punch.kind.word)"),
            .optional(punch.mode), .optional(punch.inOut), .optional(punch.event),
            .text(entry.decision?.employee ?? ""), .text(entry.decision?.direction?.rawValue ?? ""),
            .text(state), .text(detail),
            .text(entry.received.iso8601), .text(clock),
        ]
    }

    static func describe(_ state: DeliveryState, _ punch: Punch) -> (state: String, detail: String) {
        switch state {
        case .owed(let attempts): ("owed", attempts == 0 ? "" : "\(attempts) attempts so far")
        case .delivered(_, let reference): ("delivered", reference ?? "")
        case .dead(let cause, let reason): ("dead", "\(cause.rawValue): \(reason)")
        case .discarded(let reason): ("discarded", reason)
        case .suppressed(let reason): ("suppressed", reason)
        case .held: ("held", "its terminal waits for approval (terminals approve)")
        case .notOwed:
            switch punch.doubt {
            case .tooOld: ("not owed", "the terminal's clock was lost")
            case .inFuture: ("not owed", "the time lies in the future")
            case .none: ("not owed", "")
            }
        }
    }
}

extension JournalEntry {
    /// Nobody has said yet what the person is called.
    fileprivate var isNameless: Bool {
        punch.kind == .person && employeeName == nil && punch.name?.isEmpty != false
    }
}

extension PunchKind {
    var word: String {
        switch self {
        case .person: "person"
        case .stranger: "stranger"
        case .doorEvent: "door"
        }
    }
}
