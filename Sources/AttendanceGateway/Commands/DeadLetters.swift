import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// `dead-letters list|retry|discard`: punches that a person has to decide on.
struct DeadLetters: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dead-letters",
        abstract: "List punches that ERPNext refused, send them again, or give them up.",
        discussion: """
            A punch becomes a dead letter when trying again cannot help until something is mended: an employee \
            without the terminal's id, an inactive employee, a rule of the site. Mend it, then send it again.
            """,
        subcommands: [List.self, Retry.self, Discard.self], defaultSubcommand: List.self)

    /// Which dead letters.
    struct Selection: ParsableArguments {
        @Argument(help: "Numbers of dead letters, as the list shows them.") var ids: [Int64] = []
        @Option(
            help: ArgumentHelp("Cause: \(RejectionCause.allCases.map(\.rawValue).joined(separator: ", "))."))
        var cause: String?
        @Option(help: "Enroll id of the person.") var person: String?
        @Option(help: "Serial number of the terminal.") var terminal: String?
        @Option(help: "First punch time, YYYY-MM-DD or \"YYYY-MM-DD HH:MM:SS\".") var from: String?
        @Option(help: "First punch time that is no longer meant.") var until: String?

        func validate() throws { _ = try filter() }

        var text: DeadLetterFilterText {
            get throws {
                DeadLetterFilterText(
                    ids: ids.isEmpty ? nil : ids, cause: cause, person: person, terminal: terminal,
                    from: try from.map { try TimeArgument.parse($0, "--from").description },
                    until: try until.map { try TimeArgument.parse($0, "--until").description })
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
                ids.isEmpty && cause == nil && person == nil && terminal == nil && from == nil && until == nil
            if isEverything != all {
                throw ValidationError("name dead letters by number or by an option, or say --all, not both")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show dead letters, oldest first.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var selection: Selection
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let journal = try common.openJournal()
            let filter = try selection.filter()
            let output = Output(format: format)
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
            guard format == .text else { return }
            if causes.isEmpty { Screen.note("no dead letters") }
            for (cause, count) in causes.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                Screen.note("\(count) × \(cause.rawValue): \(cause.remedy)")
            }
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send dead letters again, by number or by what they have in common.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var selection: Selection
        @Flag(help: "All of them.") var all = false

        func validate() throws {
            try selection.validateScope(all: all)
        }

        func run() async throws {
            let filter = try selection.filter()
            let author = Author.atCommandLine
            let count = try await JournalChange(settings: common.settings()).run(
                path: "/dead-letters/retry",
                order: DeadLetterOrder(filter: try selection.text, author: author.name)
            ) {
                ChangeCount(
                    changed: try await $0.retryDeadLetters(
                        filter, by: author, at: Gateway.Surroundings.systemTime()))
            }.changed
            Screen.note("\(count) dead letters are sent again")
            if count == 0 { throw ExitCode(1) }
        }
    }

    struct Discard: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give dead letters up. The punches stay in the journal, with the reason.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var selection: Selection
        @Flag(help: "All of them.") var all = false
        @Option(help: "Why; it is kept with the punch.") var reason: String

        func validate() throws {
            try selection.validateScope(all: all)
            if reason.trimmingBlanks().isEmpty { throw ValidationError("--reason must say why") }
        }

        func run() async throws {
            let filter = try selection.filter()
            let reason = String(self.reason.trimmingBlanks().prefix(500))
            let author = Author.atCommandLine
            let count = try await JournalChange(settings: common.settings()).run(
                path: "/dead-letters/discard",
                order: DeadLetterOrder(filter: try selection.text, reason: reason, author: author.name)
            ) {
                ChangeCount(
                    changed: try await $0.discardDeadLetters(
                        filter, reason: reason, by: author, at: Gateway.Surroundings.systemTime()))
            }.changed
            Screen.note("\(count) dead letters are given up")
            if count == 0 { throw ExitCode(1) }
        }
    }
}

private struct DeadLetterRow: OutputRow {
    static let columns = [
        "id", "cause", "time", "terminal", "enroll_id", "name", "attempts", "died", "reason",
    ]
    let values: [OutputValue]

    init(_ letter: DeadLetter) {
        values = [
            .number(letter.id), .text(letter.cause.rawValue), .text(letter.time.description),
            .text(letter.terminal.text), .text(letter.enrollID.sent), .text(letter.name ?? ""),
            .number(Int64(letter.attempts)), .text(letter.died.iso8601), .text(letter.reason),
        ]
    }
}

extension RejectionCause {
    /// What to do before sending such punches again.
    var remedy: String {
        switch self {
        case .unknownEmployee:
            "give the employee this id (Attendance Device ID in ERPNext), then retry --cause \(rawValue)"
        case .severalEmployees:
            "give each employee an id of its own, or map it (employees map), then retry --cause \(rawValue)"
        case .directionRequired:
            "set Direction for the terminal or its group; it is sent again by itself at the next start or reload"
        case .coordinatesRequired:
            "set Latitude and Longitude for the terminal or its group; it is sent again by itself then"
        case .inactiveEmployee: "set the employee to Active, or discard with a reason"
        case .invalidData: "look at the reason; a wrong device id or length can be mended, a bad time cannot"
        case .refusedByRule: "a rule of the site refused it: read the reason, change the rule or discard"
        case .notPermitted:
            "the API user may not write this employee's check-ins: look at its User Permissions"
        case .serverError: "ERPNext failed on this punch again and again: look at its Error Log, then retry"
        }
    }
}
