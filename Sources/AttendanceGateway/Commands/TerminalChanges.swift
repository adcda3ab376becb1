import ArgumentParser
import AttendanceCore
import AttendanceWeb
import Foundation

// The verbs of `terminals` that change something: through the running gateway, or without one on the journal.

extension Terminals {
    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let terminals in. What they have sent meanwhile is forwarded, in its order.",
            discussion: "A terminal may be approved before it comes for the first time.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Serial numbers.") var serials: [String] = []
        @Flag(help: "All that wait.") var all = false
        @Option(help: "Why; it is kept in the audit trail.") var reason: String?

        func validate() throws { try Terminals.validate(serials, all) }

        func run() async throws {
            let answer = try await Terminals.carryOut(
                TerminalOrder(
                    verb: .approve, serials: serials, isForAllPending: all, reason: reason,
                    author: Author.atCommandLine.name), common)
            let waited = answer.released == 1 ? "1 punch" : "\(answer.released) punches"
            Screen.note(
                answer.changed.isEmpty
                    ? "nothing to approve: it is done already"
                    : "approved: \(answer.changed.map { PlainText.line($0) }.joined(separator: ", "))"
                        + (answer.released > 0 ? "; \(waited) that waited are forwarded" : ""))
        }
    }

    struct Block: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse terminals from now on, also while they are connected.",
            discussion: """
                A blocked terminal keeps its punches. What it has sent before stays in the journal: what was \
                forwarded or is owed stays so, what waited for approval waits until it is approved after all.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "Serial numbers.") var serials: [String] = []
        @Flag(help: "All that wait for approval.") var allPending = false
        @Option(help: "Why; it is kept in the audit trail.") var reason: String?

        func validate() throws { try Terminals.validate(serials, allPending) }

        func run() async throws {
            let answer = try await Terminals.carryOut(
                TerminalOrder(
                    verb: .block, serials: serials, isForAllPending: allPending, reason: reason,
                    author: Author.atCommandLine.name), common)
            Screen.note(
                answer.changed.isEmpty
                    ? "nothing to block: it is done already"
                    : "blocked: \(answer.changed.map { PlainText.line($0) }.joined(separator: ", "))")
        }
    }

    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take terminals that are gone for good out of every list.",
            discussion: """
                Their punches stay, and so does what they owe of an erasure. Refused while a terminal is connected, has \
                commands that have not ended, or punches that wait for approval. One that comes again is new.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "Serial numbers.") var serials: [String]
        @Option(help: "Why; it is kept in the audit trail.") var reason: String?

        func run() async throws {
            let answer = try await Terminals.carryOut(
                TerminalOrder(
                    verb: .forget, serials: serials, reason: reason, author: Author.atCommandLine.name),
                common)
            Screen.note("forgotten: \(answer.changed.map { PlainText.line($0) }.joined(separator: ", "))")
        }
    }

    struct Rename: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say what a terminal is called.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var change: FieldChange
        func validate() throws { try change.validate() }
        func run() async throws { try await change.carryOut(.name, common) }
    }

    struct SetLocation: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say where a terminal hangs.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var change: FieldChange
        func validate() throws { try change.validate() }
        func run() async throws { try await change.carryOut(.location, common) }
    }

    struct SetGroup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a terminal into a group of config.ini, or take it out.",
            discussion: "It takes effect when the terminal registers next, as a reload does.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var change: FieldChange
        func validate() throws { try change.validate() }
        func run() async throws { try await change.carryOut(.group, common) }
    }

    struct SetZone: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say in which time zone a terminal's clock runs, such as Asia/Dubai.",
            discussion: "It takes effect when the terminal registers next, as a reload does.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var change: FieldChange
        func validate() throws { try change.validate() }
        func run() async throws { try await change.carryOut(.zone, common) }
    }

    struct SetDialect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say which spelling of the commands a terminal's firmware understands.",
            discussion: "One of "
                + CommandDialect.allCases.filter { $0 != .unknown }.map(\.rawValue).joined(separator: ", ")
                + ". Without it the gateway guesses it from what the terminal says of itself.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var change: FieldChange
        func validate() throws { try change.validate() }
        func run() async throws { try await change.carryOut(.dialect, common) }
    }

    struct Token: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Give a terminal a secret of its own, without which nobody comes in by its serial number.",
            discussion: """
                The terminal brings it in the path of its server address, as the last part (/pub/chat/SECRET), or as \
                ?token=SECRET. Many models have a fixed path: try it before you rely on it. It is shown once and \
                kept as a hash.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "Serial number.") var serial: String
        @Flag(help: "Make a new one; an earlier one is good no more.") var new = false
        @Flag(help: "Ask for none any more.") var remove = false
        @Option(help: "text or json.") var format: OutputFormat = .text

        func validate() throws {
            guard new != remove else { throw ValidationError("write either --new or --remove") }
        }

        func run() async throws {
            let answer = try await Terminals.carryOut(
                TerminalOrder(
                    verb: .token, serials: [serial], removes: remove, author: Author.atCommandLine.name),
                common)
            guard let token = answer.token else { return Screen.note("the token is removed") }
            let output = Output(format: .text)
            if format == .json {
                output.line("{\"serial\":\(Output.quoted(serial)),\"token\":\(Output.quoted(token))}")
            } else {
                output.line(token)
            }
            output.flush()
            Screen.note("path: /pub/chat/\(token)   or: /pub/chat?token=\(token)")
        }
    }

    /// One terminal and what of it becomes another value.
    struct FieldChange: ParsableArguments {
        @Argument(help: "Serial number.") var serial: String
        @Argument(help: "The new value.") var value: String?
        @Flag(help: "Say nothing of it any more.") var remove = false

        func validate() throws {
            guard (value == nil) == remove else {
                throw ValidationError("write a value, or --remove in place of one")
            }
        }

        func carryOut(_ field: TerminalField, _ common: CommonOptions) async throws {
            _ = try await Terminals.carryOut(
                TerminalOrder(
                    verb: .set, serials: [serial], field: field, value: value, removes: remove,
                    author: Author.atCommandLine.name), common)
            Screen.note(
                "\(field.rawValue) of \(PlainText.line(serial)): "
                    + (value.map { PlainText.line($0) } ?? "as config.ini says, or nothing"))
        }
    }

    static func validate(_ serials: [String], _ all: Bool) throws {
        guard serials.isEmpty == all else { throw ValidationError("name terminals, or all that wait") }
    }

    static func carryOut(_ order: TerminalOrder, _ common: CommonOptions) async throws -> TerminalAnswer {
        let settings = common.settings()
        do {
            return try await JournalChange(settings: settings).run(path: "/terminals/change", order: order) {
                try await RegistryOrders(file: settings.terminals).carryOut(
                    order, on: $0, at: Gateway.Surroundings.systemTime())
            }
        } catch let error as TerminalRefusal {
            Screen.fail(error.text, code: 1)
        }
    }
}

extension TerminalReport {
    /// What `terminals show` tells, a line each.
    var sheet: [(label: String, text: String)] {
        func fill(_ fill: Fill?) -> String? {
            guard let fill, fill.places != 0 else { return fill == nil ? nil : "not fitted" }
            return "\(fill.used.map(String.init) ?? "?") of \(fill.places.map(String.init) ?? "?")"
        }
        var waits: String?
        if standing == "pending" {
            waits =
                "pending; \(held) punches wait"
                + (SerialNumber(serial).map { ": \($0.approval)" } ?? "")
        }
        let lines: [(String, String?)] = [
            ("serial", serial), ("name", name), ("location", location), ("group", group), ("zone", zone),
            ("standing", waits ?? standing), ("state", state.rawValue), ("last heard", lastHeard),
            ("first seen", firstSeen), ("address", address),
            ("address before", previousAddress.map { "\($0)\(moved.map { ", until \($0)" } ?? "")" }),
            (
                "moves in a day",
                movesInDay.flatMap { $0 == 0 ? nil : "\($0), \(networkMovesInDay ?? 0) between networks" }
            ),
            ("contested", isContested == true ? "two terminals seem to use this serial number" : nil),
            ("token", hasToken ? "asked for" : nil), ("model", model), ("firmware", firmware),
            ("dialect", dialect.map { isDialectGuessed ? "\($0) (a guess)" : $0 }),
            ("backlog", backlog.map(String.init)), ("clock", skewSeconds.map { "\($0) s off" }),
            ("complete until", completeUntil),
            ("shifts", shifts.isEmpty ? nil : shifts.joined(separator: ", ")),
            ("people", fill(memory?.users)), ("faces", fill(memory?.faces)),
            ("fingerprints", fill(memory?.fingerprints)), ("palms", fill(memory?.palms)),
            ("cards", fill(memory?.cards)), ("passwords", fill(memory?.passwords)),
            ("logs", fill(memory?.logs)),
        ]
        let steps = (clockSteps ?? []).map { ("clock set", $0.words) }
        return lines.compactMap { label, text in text.map { (label, $0) } } + steps
    }
}

extension TerminalReport.ClockStep {
    fileprivate var words: String {
        var words = "\(at), was \(beforeSeconds) s off"
        words += afterSeconds.map { ", then \($0) s" } ?? ", not read back"
        if overlaps {
            words +=
                "; set back while it held \(unread.map(String.init) ?? "an unknown number of") punches: "
                + "times before and after overlap"
        }
        return words
    }
}
