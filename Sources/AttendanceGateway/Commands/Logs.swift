import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation

/// `logs pull|status`: records that terminals are asked for.
struct Logs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask terminals for punches that they do not push, and see what came of it.",
        subcommands: [Pull.self, Status.self], defaultSubcommand: Status.self)

    // MARK: pull

    struct Pull: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Ask a terminal for what it counts as unsent, for some days, or for everything it holds.",
            discussion: """
                logs pull AYTI10087992 --wait
                logs pull AYTI10087992 --from 2026-11-01 --to 2026-11-07
                logs pull --all-in-group "Head office" --all
                Days are those of the terminal's own clock. What the journal has already is not doubled; what is new \
                is forwarded as ever, however old it is. With no gateway running it is only kept, and sent once one \
                runs and the terminal is connected.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "Serial numbers.") var terminals: [String] = []
        @Option(help: "All terminals of this group.") var allInGroup: String?
        @Option(help: "First day, YYYY-MM-DD.") var from: String?
        @Option(help: "Last day, YYYY-MM-DD; without it up to the newest record.") var to: String?
        @Flag(help: "Everything that the terminal holds.") var all = false
        @Flag(help: "Also where the terminal's firmware was seen not to know the command.") var force = false
        @Flag(help: "Wait for the end, show how far it is, and what came of it.") var wait = false
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func validate() throws {
            if terminals.isEmpty, allInGroup == nil {
                throw ValidationError("name a terminal, or a group with --all-in-group")
            }
            if all, from != nil || to != nil { throw ValidationError("give --from and --to, or --all") }
            if to != nil, from == nil { throw ValidationError("--to needs --from") }
        }

        func run() async throws {
            let settings = common.settings()
            let order = LogPullOrder(
                terminals: terminals, group: allInGroup, from: from, to: to, isAll: all, isForced: force,
                author: Author.atCommandLine.name)
            let queued = try await QueuedOrder(order, path: "/logs/pull", settings: settings) {
                office, store, now, keep in
                try await office.carryOut(order, in: store, at: now, keep: keep)
            }
            let journal = try common.openJournal()
            let isAwaited = wait && !queued.isKeptOnly
            if isAwaited { try await waitForEnds(of: queued.receipt.ids, in: journal) }
            let list: LogPullList? =
                queued.isKeptOnly
                ? nil : try await AdminQuestion(socket: settings.admin.socketPath).get("/logs/pulls")
            let told = Dictionary(
                (list?.pulls ?? []).map { ($0.command, $0) }, uniquingKeysWith: { $1 })
            let output = Output(format: format)
            output.header(PullRow.columns)
            let rows = try await Self.records(queued.receipt.ids, in: journal)
            for record in rows { output.row(PullRow(record, told[record.id])) }
            output.flush()
            if isAwaited, format == .text,
                let told = list?.pulls.filter({ queued.receipt.ids.contains($0.command) })
            {
                let new = told.reduce(0) { $0 + $1.new }
                let repeated = told.reduce(0) { $0 + $1.repeated }
                let places = rows.count == 1 ? "1 terminal" : "\(rows.count) terminals"
                Screen.note("\(places): \(new) records are new, \(repeated) the journal had already")
            }
            if isAwaited, rows.contains(where: { $0.state != .done }) { throw ExitCode(1) }
        }

        private func waitForEnds(of ids: [Int64], in journal: SQLiteReader) async throws {
            var said: [Int64: String] = [:]
            while true {
                let records = try await Self.records(ids, in: journal)
                for record in records where format == .text && !record.state.isFinal {
                    let words = record.words ?? "\(record.state)"
                    guard said[record.id] != words else { continue }
                    said[record.id] = words
                    Screen.note("\(record.terminal): \(words)")
                }
                if records.allSatisfy(\.state.isFinal) { return }
                try await Task.sleep(for: .milliseconds(500))
            }
        }

        private static func records(_ ids: [Int64], in journal: SQLiteReader) async throws -> [CommandRecord]
        {
            try await journal.commands(CommandFilter(ids: Set(ids)), after: 0, limit: ids.count)
        }
    }

    // MARK: status

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what was last pulled from each terminal, and what may be missing.",
            discussion: "Of the running gateway; there must be one.")
        @OptionGroup var common: CommonOptions
        @Flag(help: "Only terminals of which something may be missing or that have stopped pushing.")
        var problems = false
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let settings = common.settings()
            let asked: LogStandingReport? = try await AdminQuestion(socket: settings.admin.socketPath)
                .get("/logs")
            guard let asked else {
                Screen.fail(
                    "no gateway answers; attendance-gateway commands list --purpose pull shows earlier pulls",
                    code: CommonOptions.unavailable)
            }
            let rows = asked.terminals.filter {
                !problems || $0.missing != nil || $0.stalledSince != nil
            }
            let output = Output(format: format)
            output.header(StandingRow.columns)
            for row in rows { output.row(StandingRow(row)) }
            output.flush()
            guard format == .text else { return }
            if rows.isEmpty {
                Screen.note(problems ? "nothing is missing" : "no terminal has registered yet")
            }
            if rows.contains(where: { $0.gapIsStuck == true }) {
                Screen.note("stuck: the gateway cannot close this gap by itself; logs pull SERIAL --all may")
            }
            if rows.contains(where: { $0.stalledSince != nil }) {
                Screen.note("stalled: restart that terminal")
            }
        }
    }
}

private struct PullRow: OutputRow {
    static let columns = [
        "id", "terminal", "command", "fields", "state", "pages", "entries", "new", "repeated", "words",
    ]
    let values: [OutputValue]

    init(_ record: CommandRecord, _ told: LogPullList.Pull?) {
        values = [
            .number(record.id), .text(record.terminal.text), .text(record.word),
            .text(record.fields == "{}" ? "" : PlainText.line(record.fields, limit: 200)),
            .text("\(record.state)"), .optional(told.map { Int64($0.pages) }),
            .optional(told.map { Int64($0.entries) }), .optional(told.map { Int64($0.new) }),
            .optional(told.map { Int64($0.repeated) }), .text(record.words ?? ""),
        ]
    }
}

private struct StandingRow: OutputRow {
    static let columns = [
        "terminal", "name", "connected", "running", "last_pull", "scope", "complete", "entries", "new",
        "missing", "gap", "stalled",
    ]
    let values: [OutputValue]

    init(_ terminal: LogStandingReport.Terminal) {
        values = [
            .text(terminal.serial), .text(PlainText.line(terminal.name ?? "", limit: 100)),
            .text(terminal.isConnected ? "yes" : "no"), .text(terminal.running ?? ""),
            .text(terminal.lastPull ?? ""), .text(terminal.lastScope ?? ""),
            .text(terminal.lastIsComplete.map { $0 ? "yes" : "no" } ?? ""),
            .optional(terminal.lastEntries.map(Int64.init)), .optional(terminal.lastNew.map(Int64.init)),
            .optional(terminal.missing.map(Int64.init)),
            .text(terminal.missing == nil ? "" : terminal.gapIsStuck == true ? "stuck" : "closing"),
            .text(terminal.stalledSince ?? ""),
        ]
    }
}
