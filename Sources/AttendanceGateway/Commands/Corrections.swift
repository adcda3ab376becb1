import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// `corrections list|accept|set|reject`: times that could not be believed.
struct Corrections: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Decide on punches whose time cannot be right.",
        discussion: """
            A punch from a lost clock (2000-01-01), from the future, or without a readable time is kept and not \
            forwarded. For each there is a proposal: the sent time less the clock's error as measured at the \
            terminal's registration, or else the moment it arrived. Accept it, set another time, or reject it. \
            The punch keeps what the terminal sent; the decision stands beside it, with its author.
            """,
        subcommands: [List.self, Accept.self, Set.self, Reject.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show open cases with their proposals.")
        @OptionGroup var common: CommonOptions
        @Flag(help: "Also those decided on.") var all = false
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let journal = try common.openJournal()
            let output = Output(format: format)
            output.header(CaseRow.columns)
            var count = 0
            try await CorrectionDesk(terminals: common.settings().terminals).each(in: journal, all: all) {
                output.row(CaseRow($0))
                count += 1
            }
            output.flush()
            guard format == .text else { return }
            Screen.note(
                count == 0
                    ? "no open cases"
                    : "\(count) cases; accept what is proposed with: corrections accept CASE, or set, or reject"
            )
        }
    }

    struct Accept: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take the proposed time.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Cases, such as P12 or R3.") var cases: [String] = []
        @Flag(help: "Every open case that has a proposal.") var all = false
        @Option(help: "Why; it is kept with the decision.") var reason: String?

        func validate() throws {
            if cases.isEmpty != all { throw ValidationError("name cases, or say --all, not both") }
        }

        func run() async throws {
            try await Corrections.carryOut(
                CorrectionOrder(
                    ids: cases, ruling: .accept, everyProposal: all, reason: reason,
                    author: Author.atCommandLine.name), common)
        }
    }

    struct Set: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Set another time than the proposed one.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "The case, such as P12.") var id: String
        @Argument(help: "\"YYYY-MM-DD HH:MM:SS\" by the terminal's clock.") var time: String
        @Option(help: "How it is known; it is kept with the decision.") var reason: String

        func run() async throws {
            try await Corrections.carryOut(
                CorrectionOrder(
                    ids: [id], ruling: .time, time: time, reason: reason, author: Author.atCommandLine.name),
                common)
        }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Never forward these punches.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Cases, such as P12 or R3.") var cases: [String]
        @Option(help: "Why; it is kept with the decision.") var reason: String

        func run() async throws {
            try await Corrections.carryOut(
                CorrectionOrder(
                    ids: cases, ruling: .reject, reason: reason, author: Author.atCommandLine.name), common)
        }
    }

    private static func carryOut(_ order: CorrectionOrder, _ common: CommonOptions) async throws {
        let settings = common.settings()
        let result: CorrectionResult
        do {
            result = try await JournalChange(settings: settings).run(path: "/corrections", order: order) {
                let terminals = try await settings.terminals.withRegistry(of: $0)
                return try await CorrectionDesk(terminals: terminals).carryOut(
                    order, on: $0, at: Gateway.Surroundings.systemTime())
            }
        } catch let error as CorrectionRefusal {
            throw ValidationError(error.text)
        }
        for line in result.refused { Screen.note(line) }
        Screen.note("\(result.changed) cases are decided")
        if !result.refused.isEmpty || result.changed == 0 { throw ExitCode(1) }
    }
}

private struct CaseRow: OutputRow {
    static let columns = [
        "case", "terminal", "enroll_id", "name", "sent", "received", "proposed", "because", "decision",
    ]
    let values: [OutputValue]

    init(_ open: CorrectionCase) {
        values = [
            .text(open.id.description), .text(open.terminal.text), .text(open.enrollID?.sent ?? ""),
            .text(open.name ?? ""), .text(open.sent), .text(open.received.iso8601),
            .text(open.proposal?.time.description ?? ""), .text(open.proposal?.basis ?? ""),
            .text(open.decision ?? ""),
        ]
    }
}
