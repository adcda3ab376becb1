import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation

/// `commands send|list|show|cancel|words`: what is asked of terminals, and what became of it.
struct TerminalCommands: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "commands",
        abstract: "Send commands to terminals, and see what became of them.",
        discussion: """
            A command waits until its terminal is connected, and then for those before it: one at a time. What is \
            lost on the way is sent again where repeating is safe; where it is not, the command ends as unknown.
            """,
        subcommands: [Send.self, List.self, Show.self, Cancel.self, Words.self], defaultSubcommand: List.self)

    // MARK: send

    struct Send: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Order a command for one terminal or more.",
            discussion: """
                commands send AYTI10087992 getuserinfo enrollid=12 backupnum=50
                commands send AYTI10087992 opendoor doornum=1 --confirm --reason "fire drill" --wait
                commands words tells what there is and what each command takes. With no gateway running it is only \
                kept, and sent once one runs and the terminal is connected.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(
            help: ArgumentHelp(
                "Serial number, command, and its fields as key=value. With --all-in-group no serial number.",
                valueName: "arguments")) var arguments: [String]
        @Option(help: "All terminals of this group.") var allInGroup: String?
        @Option(help: "Further terminals by serial number.") var also: [String] = []
        @Option(help: "The fields as a JSON object, in place of key=value; - reads it from standard input.")
        var json: String?
        @Flag(help: "Any command with any fields, also what the catalogue does not have.") var raw = false
        @Flag(help: "Yes, wipe or open. Needed for the commands that do.") var confirm = false
        @Option(help: "Why; it is kept with the command and in the audit trail.") var reason: String?
        @Flag(help: "Also where the terminal's firmware was seen not to know the command.") var force = false
        @Option(help: "How long it may wait, such as 90m, 24h or 7d.") var expires: String?
        @Flag(help: "Wait for the end, and show it.") var wait = false
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        private var needed: Int { allInGroup == nil ? 2 : 1 }

        func validate() throws {
            guard arguments.count >= needed else {
                throw ValidationError(
                    allInGroup == nil
                        ? "name a terminal and a command, such as: commands send AYTI10087992 gettime"
                        : "name a command, such as: commands send --all-in-group \"Head office\" gettime")
            }
            if let expires, DurationText.seconds(expires) == nil {
                throw ValidationError("--expires must look like 90s, 90m, 24h or 7d")
            }
        }

        func run() async throws {
            let settings = common.settings()
            let fields = json == "-" ? String(decoding: try Self.standardInput(), as: UTF8.self) : json
            let order = CommandOrder(
                terminals: (allInGroup == nil ? [arguments[0]] : []) + also, group: allInGroup,
                word: arguments[needed - 1], texts: Array(arguments.dropFirst(needed)), json: fields,
                isRaw: raw,
                isConfirmed: confirm, reason: reason, isForced: force,
                expiresSeconds: expires.flatMap(DurationText.seconds), author: Author.atCommandLine.name)
            let queued = try await QueuedOrder(order, path: "/commands", settings: settings) {
                office, store, now, keep in
                try await office.carryOut(order, in: store, at: now, keep: keep)
            }
            let journal = try common.openJournal()
            let ended = wait && !queued.isKeptOnly
            if ended { try await waitForEnds(of: queued.receipt.ids, in: journal) }
            let output = Output(format: format)
            output.header(CommandRow.columns)
            let rows = try await Self.records(queued.receipt.ids, in: journal)
            for record in rows { output.row(CommandRow(record)) }
            output.flush()
            if ended, rows.contains(where: { $0.state != .done }) { throw ExitCode(1) }
        }

        /// At most what the catalogue takes, and a little more so that it is told so.
        private static func standardInput() throws -> Data {
            try FileHandle.standardInput.read(upToCount: CommandCatalogue.maximumRequest + 1) ?? Data()
        }

        private func waitForEnds(of ids: [Int64], in journal: SQLiteReader) async throws {
            while try await Self.records(ids, in: journal).contains(where: { !$0.state.isFinal }) {
                try await Task.sleep(for: .milliseconds(300))
            }
        }

        private static func records(_ ids: [Int64], in journal: SQLiteReader) async throws -> [CommandRecord]
        {
            try await journal.commands(CommandFilter(ids: Set(ids)), after: 0, limit: ids.count)
        }
    }

    // MARK: list

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show commands, the newest first.")
        @OptionGroup var common: CommonOptions
        @Option(help: "Serial number of the terminal.") var terminal: String?
        @Option(
            help: ArgumentHelp(
                "Only in this state: \(CommandState.allCases.map { "\($0)" }.joined(separator: ", ")). Repeatable."
            ))
        var state: [String] = []
        @Flag(help: "Only those that have not ended.") var open = false
        @Option(help: "Only this command.") var word: String?
        @Option(help: "Only of this part of the gateway, such as people or pull.") var purpose: String?
        @Option(help: "At most so many; 0 for all.") var last = 100
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func validate() throws { _ = try filter() }

        func filter() throws -> CommandFilter {
            var filter = CommandFilter(word: word?.lowercased(), purpose: purpose)
            filter.terminal = try terminal.map { text in
                guard let serial = SerialNumber(text) else {
                    throw ValidationError("--terminal must be a serial number")
                }
                return serial
            }
            filter.states = try Set(
                state.map { name in
                    guard let state = CommandState.allCases.first(where: { "\($0)" == name.lowercased() })
                    else {
                        throw ValidationError(
                            "--state must be one of \(CommandState.allCases.map { "\($0)" }.joined(separator: ", "))"
                        )
                    }
                    return state
                })
            if open { filter.states.formUnion([.waiting, .sent]) }
            if last < 0 { throw ValidationError("--last must be 0 or more") }
            return filter
        }

        func run() async throws {
            let journal = try common.openJournal()
            let filter = try filter()
            let output = Output(format: format)
            output.header(CommandRow.columns)
            var before = Int64.max
            var left = last == 0 ? Int.max : last
            var states: [CommandState: Int] = [:]
            while left > 0 {
                let page = try await journal.latestCommands(filter, before: before, limit: min(left, 500))
                guard let end = page.last else { break }
                for record in page {
                    states[record.state, default: 0] += 1
                    output.row(CommandRow(record))
                }
                before = end.id
                left -= page.count
            }
            output.flush()
            guard format == .text else { return }
            Screen.note(
                states.isEmpty
                    ? "no commands"
                    : CommandState.allCases.compactMap { state in states[state].map { "\($0) \(state)" } }
                        .joined(separator: ", "))
        }
    }

    // MARK: show

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one command with what the terminal answered.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Number of the command.") var id: Int64
        @Option(help: "text, csv or json (one object).") var format: OutputFormat = .text

        func run() async throws {
            let journal = try common.openJournal()
            guard
                let record = try await journal.commands(CommandFilter(ids: [id]), after: 0, limit: 1).first
            else { Screen.fail("there is no command \(id), or it was forgotten (KeepDays)", code: 1) }
            let output = Output(format: format)
            if format == .text {
                for (column, value) in zip(CommandDetail.columns, CommandDetail(record).values) {
                    let text = value.plain
                    guard !text.isEmpty else { continue }
                    // The answer may be long; nothing of it is cut here.
                    output.line("\(column): " + PlainText.line(text, limit: CommandResult.maximumShown))
                }
            } else {
                output.header(CommandDetail.columns)
                output.row(CommandDetail(record))
            }
            output.flush()
        }
    }

    // MARK: cancel

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give up commands that wait, and lists of people or logs that are being read.",
            discussion: """
                A list ends after the page that is under way; what has come of it is kept. Any other command that was \
                sent already cannot be called back.
                """)
        @OptionGroup var common: CommonOptions
        @Argument(help: "Numbers of commands.") var ids: [Int64] = []
        @Option(help: "All of this terminal.") var terminal: String?
        @Option(help: "Only this command.") var word: String?

        func validate() throws {
            if ids.isEmpty, terminal == nil {
                throw ValidationError("name commands by number, or --terminal")
            }
        }

        private var order: CommandCancellation {
            CommandCancellation(ids: ids, terminal: terminal, word: word, author: Author.atCommandLine.name)
        }

        func run() async throws {
            let count: Int
            do {
                count = try await JournalChange(settings: common.settings()).run(
                    path: "/commands/cancel", order: order
                ) {
                    let (filter, now) = (
                        try CommandOffice.filter(of: order), Gateway.Surroundings.systemTime()
                    )
                    let author = Author.atCommandLine
                    // A list that was being read when the gateway stopped is not begun again.
                    let lists = try await CommandDesk.stopLists(filter, by: author, in: $0, at: now)
                    return ChangeCount(
                        changed: try await $0.cancelCommands(filter, by: author, at: now) + lists.count)
                }.changed
            } catch let error as CommandOrderRefusal {
                Screen.fail(error.text, code: 1)
            }
            Screen.note("\(count) commands are cancelled")
            if count == 0 { throw ExitCode(1) }
        }
    }

    // MARK: words

    struct Words: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell which commands there are, or what one takes.")
        @Argument(help: "A command, such as setuserinfo.") var word: String?

        func run() throws {
            let output = Output(format: .text)
            guard let word else {
                output.line(CommandCatalogue.overview)
                output.flush()
                return
            }
            guard let help = CommandCatalogue.help(word) else {
                Screen.fail(
                    "there is no “\(PlainText.line(word, limit: 64))” in the catalogue; commands words lists all",
                    code: 1)
            }
            output.line(help)
            output.flush()
        }
    }
}

/// `90s`, `90m`, `24h`, `7d`.
enum DurationText {
    static func seconds(_ text: String) -> Int? {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = text.last.flatMap({ units[$0] }), let number = Int(text.dropLast()), number > 0
        else {
            return nil
        }
        let (seconds, isTooLarge) = number.multipliedReportingOverflow(by: unit)
        return isTooLarge ? nil : seconds
    }
}

private struct CommandRow: OutputRow {
    static let columns = [
        "id", "terminal", "command", "fields", "state", "ordered", "attempts", "ended", "author", "words",
    ]
    let values: [OutputValue]

    init(_ record: CommandRecord) {
        values = [
            .number(record.id), .text(record.terminal.text), .text(record.word),
            .text(record.fields == "{}" ? "" : PlainText.line(record.fields, limit: 200)),
            .text("\(record.state)"),
            .text(record.queued.iso8601), .number(Int64(record.attempts)),
            .text(record.finished?.iso8601 ?? ""), .text(record.author.name), .text(record.words ?? ""),
        ]
    }
}

private struct CommandDetail: OutputRow {
    static let columns = [
        "id", "terminal", "command", "fields", "state", "words", "result", "ordered", "author", "reason",
        "expires", "attempts", "sent", "ended", "purpose", "reference",
    ]
    let values: [OutputValue]

    init(_ record: CommandRecord) {
        values = [
            .number(record.id), .text(record.terminal.text), .text(record.word), .text(record.fields),
            .text("\(record.state)"), .text(record.words ?? ""), .text(record.result ?? ""),
            .text(record.queued.iso8601), .text(record.author.name), .text(record.reason ?? ""),
            .text(record.expires.iso8601), .number(Int64(record.attempts)),
            .text(record.sent?.iso8601 ?? ""), .text(record.finished?.iso8601 ?? ""),
            .text(record.purpose ?? ""), .text(record.reference ?? ""),
        ]
    }
}
