import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// `dead-letters groups|list|retry|discard`: punches that a person has to decide on.
struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "Show punches that a site refused, send them again, or give them up.",
        discussion: """
            A punch becomes a dead letter when trying again cannot help until something is mended: an employee \
            without the terminal's id, an inactive employee, a rule of the site. Mend it, then send it again. \
            Without a verb: by cause, with the remedy of each.
            """,
        subcommands: [Groups.self, List.self, Retry.self, Discard.self], defaultSubcommand: Groups.self)

    struct Groups: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what dead letters died of, with the remedy; the largest group first.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var selection: DeadLetterSelection
        @OptionGroup var choice: DeadLetterFormat

        func validate() throws { _ = try choice.format }

        func run() async throws {
            let settings = common.settings()
            let groups = try await CommonOptions.journal(of: settings).deadLetterGroups(selection.filter())
            let output = Output(format: try choice.format)
            if try choice.format == .text {
                for group in groups {
                    for line in group.lines(isKnown: settings.sinks.contains(group.sink)) {
                        output.line(line)
                    }
                }
            } else {
                output.header(DeadLetterGroupRow.columns)
                for group in groups { output.row(DeadLetterGroupRow(group)) }
            }
            output.flush()
            if try choice.format == .text {
                Screen.note(Spoken.deadLetters(groups.reduce(0) { $0 + $1.count }))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show dead letters, oldest first.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var selection: DeadLetterSelection
        @OptionGroup var choice: DeadLetterFormat

        func validate() throws { _ = try choice.format }

        func run() async throws {
            let journal = try common.openJournal()
            let filter = try selection.filter()
            let output = Output(format: try choice.format)
            output.header(DeadLetterRow.columns)
            var after: Int64 = 0
            var causes: [RejectionCause: Int] = [:]
            while true {
                let page = try await journal.deadLetters(filter, after: after, limit: 500)
                guard let last = page.last else { break }
                for letter in page {
                    causes[letter.cause, default: 0] += 1
                    output.row(DeadLetterRow(letter))
                }
                after = last.id
            }
            output.flush()
            guard try choice.format == .text else { return }
            if causes.isEmpty { Screen.note(Spoken.deadLetters(0)) }
            for (cause, count) in causes.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                Screen.note("\(count) × \(cause.rawValue): \(cause.remedy)")
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send dead letters again, by number or by what they have in common.",
            discussion: """
                Attempts are counted anew, and what is sent is decided anew. Without a running gateway they are \
                sent when it is started. Ends with 1 when there was none.
                """)
        @OptionGroup var common: CommonOptions
        @OptionGroup var selection: DeadLetterSelection
        @Flag(help: "All of them.") var all = false
        @Flag(help: "The result as a JSON object.") var json = false

        func validate() throws { try selection.validateScope(all: all) }

        func run() async throws {
            let filter = try selection.filter()
            let settings = common.settings()
            let author = Author.atCommandLine
            var isRunning = true
            let count = try await JournalChange(settings: settings).run(
                path: "/dead-letters/retry",
                order: DeadLetterOrder(filter: try selection.text, author: author.name)
            ) {
                isRunning = false
                return ChangeCount(
                    changed: try await $0.retryDeadLetters(
                        filter, by: author, at: Gateway.Surroundings.systemTime()))
            }.changed
            try DeadLetters.tell("retried", count, isRunning: isRunning, json: json) {
                if let sink = filter.sink, !settings.sinks.contains(sink) {
                    return
                        "owed to \(sink) again, which the settings do not name: they wait until it is there"
                }
                return isRunning
                    ? "sent again" : "owed again; no gateway is running, so they are sent when it is started"
            }
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give dead letters up. The punches stay in the journal, with the reason.",
            discussion: "Ends with 1 when there was none.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var selection: DeadLetterSelection
        @Flag(help: "All of them.") var all = false
        @Option(help: "Why; it is kept with the punch, at most 500 characters of it.") var reason: String
        @Flag(help: "The result as a JSON object.") var json = false

        func validate() throws {
            try selection.validateScope(all: all)
            if reason.trimmingBlanks().isEmpty { throw ValidationError("--reason must say why") }
        }

        func run() async throws {
            let filter = try selection.filter()
            let reason = String(self.reason.trimmingBlanks().prefix(500))
            let author = Author.atCommandLine
            var isRunning = true
            let count = try await JournalChange(settings: common.settings()).run(
                path: "/dead-letters/discard",
                order: DeadLetterOrder(filter: try selection.text, reason: reason, author: author.name)
            ) {
                isRunning = false
                return ChangeCount(
                    changed: try await $0.discardDeadLetters(
                        filter, reason: reason, by: author, at: Gateway.Surroundings.systemTime()))
            }.changed
            try DeadLetters.tell("discarded", count, isRunning: isRunning, json: json) { "given up" }
        }
    }

    /// What became of an order; ends with 1 where it concerned nothing.
    private static func tell(
        _ action: String, _ count: Int, isRunning: Bool, json: Bool, _ done: () -> String
    ) throws {
        if json {
            let output = Output(format: .json)
            output.line(
                #"{"action":\#(Output.quoted(action)),"changed":\#(count),"gateway_running":\#(isRunning)}"#)
            output.flush()
        } else if count == 0 {
            Screen.note("no dead letter is meant by that")
        } else {
            Screen.note("\(Spoken.deadLetters(count)): \(done())")
        }
        if count == 0 { throw ExitCode(1) }
    }
}

/// Which dead letters.
struct DeadLetterSelection: ParsableArguments {
    @Argument(help: "Numbers of dead letters, as the list shows them.") var ids: [Int64] = []
    @Option(help: "The sink that refused them, such as erpnext.") var sink: String?
    @Option(help: ArgumentHelp("Cause: \(RejectionCause.allCases.map(\.rawValue).joined(separator: ", "))."))
    var cause: String?
    @Option(name: [.long, .customLong("enroll")], help: "Enroll id of the person.") var person: String?
    @Option(help: "Serial number of the terminal.") var terminal: String?
    @Option(
        help: "First day, YYYY-MM-DD, or first punch time, \"YYYY-MM-DD HH:MM:SS\", by the terminal's clock.")
    var from: String?
    @Option(help: "Last day, or first punch time that is no longer meant.") var to: String?
    @Option(help: "First punch time or day that is no longer meant.") var until: String?

    func validate() throws {
        if to != nil, until != nil { throw ValidationError("--to and --until say the same in two ways") }
        let filter = try filter()
        if let from = filter.from, let until = filter.until, until <= from {
            throw ValidationError("the time ends before --from")
        }
    }

    var text: DeadLetterFilterText {
        get throws {
            DeadLetterFilterText(
                sink: sink, ids: ids.isEmpty ? nil : ids, cause: cause, person: person, terminal: terminal,
                from: try from.map { try TimeArgument.parse($0, "--from").description },
                until: try to.map { try TimeArgument.parseEnd($0, "--to").description }
                    ?? until.map { try TimeArgument.parse($0, "--until").description })
        }
    }

    func filter() throws -> DeadLetterFilter {
        do {
            return try text.filter()
        } catch let error as FilterError {
            throw ValidationError("--\(error.localizedDescription)")
        }
    }

    /// An order about everything must be said in so many words, and nothing else with it.
    func validateScope(all: Bool) throws {
        let isEverything =
            [sink, cause, person, terminal, from, to, until].allSatisfy { $0 == nil } && ids.isEmpty
        if isEverything != all {
            throw ValidationError("name dead letters by number or by an option, or say --all, not both")
        }
    }
}

struct DeadLetterFormat: ParsableArguments {
    @Option(name: .customLong("format"), help: "text, csv or json (one object a line).")
    var chosen: OutputFormat?
    @Flag(help: "The same as --format json.") var json = false

    /// Throws `ValidationError` for two different ones.
    var format: OutputFormat {
        get throws {
            if json, let chosen, chosen != .json { throw ValidationError("--json and --format differ") }
            return json ? .json : chosen ?? .text
        }
    }
}

extension Spoken {
    static func deadLetters(_ count: Int) -> String {
        count == 0 ? "no dead letters" : Spoken.count(count, "dead letter")
    }
}

extension DeadLetterGroup {
    /// For a person: what, the words of the newest, and what to do.
    ///
    /// - Parameter isKnown: whether the settings name the sink.
    fileprivate func lines(isKnown: Bool) -> [String] {
        var lines = [
            "\(sink)  \(cause.rawValue)  \(Spoken.count(count, "punch", "punches")) of "
                + "\(Spoken.count(people, "person", "people")), \(first) to \(last), since \(since.iso8601)",
            "    " + PlainText.line(example, limit: 300),
            "    → " + cause.remedy,
        ]
        if !isKnown { lines.append("    The settings do not name \(sink): nothing is sent there.") }
        lines.append("    attendance-gateway dead-letters retry --sink \(sink) --cause \(cause.rawValue)")
        return lines
    }
}

private struct DeadLetterGroupRow: OutputRow {
    static let columns = ["sink", "cause", "punches", "people", "first", "last", "since", "reason", "remedy"]
    let values: [OutputValue]

    init(_ group: DeadLetterGroup) {
        values = [
            .text(group.sink.text), .text(group.cause.rawValue), .number(Int64(group.count)),
            .number(Int64(group.people)), .text(group.first.description), .text(group.last.description),
            .text(group.since.iso8601), .text(group.example), .text(group.cause.remedy),
        ]
    }
}

private struct DeadLetterRow: OutputRow {
    static let columns = [
        "id", "sink", "cause", "time", "terminal", "enroll_id", "name", "attempts", "died", "reason",
    ]
    let values: [OutputValue]

    init(_ letter: DeadLetter) {
        values = [
            .number(letter.id), .text(letter.sink.text), .text(letter.cause.rawValue),
            .text(letter.time.description), .text(letter.terminal.text), .text(letter.enrollID.sent),
            .text(letter.name ?? ""), .number(Int64(letter.attempts)), .text(letter.died.iso8601),
            .text(letter.reason),
        ]
    }
}

extension RejectionCause {
    /// What to do before sending such punches again. Of a webhook, "the site" is the receiver.
    var remedy: String {
        switch self {
        case .unknownEmployee:
            "give the employee this id (Attendance Device ID in ERPNext) or map it (employees map); it is sent again "
                + "by itself once that was read (employees sync)"
        case .severalEmployees:
            "give each employee an id of its own, or map it (employees map); it is sent again by itself then"
        case .directionRequired:
            "set Direction for the terminal or its group; it is sent again by itself at the next start or reload"
        case .coordinatesRequired:
            "set Latitude and Longitude for the terminal or its group; it is sent again by itself then"
        case .inactiveEmployee:
            "set the employee to Active: it is sent again by itself once that was read (employees sync); or discard"
        case .invalidData:
            "read the site's words: a wrong device id or length can be mended, a bad time cannot; then retry, or discard"
        case .refusedByRule:
            "a rule of the site refused it: read its words, change the rule and retry, or discard"
        case .notPermitted:
            "the API user may not write this employee's check-ins: look at its User Permissions, then retry"
        case .serverError:
            "the site failed on this punch again and again: look at its Error Log, then retry"
        }
    }
}
