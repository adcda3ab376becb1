import ArgumentParser
import AttendanceCore
import AttendanceWeb
import Foundation

/// `terminals`: who is there, who is let in, and what is said of each.
struct Terminals: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show terminals, let them in, and say what they are called and where they hang.",
        discussion: """
            What config.ini says of a terminal wins: a verb that would change it is refused and names the section.
            """,
        subcommands: [
            List.self, Show.self, Approve.self, Block.self, Rename.self, SetLocation.self, SetGroup.self,
            SetZone.self, SetDialect.self, Token.self, Forget.self, Watch.self,
        ], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show terminals: approval, connection, backlog, clock, memory.",
            discussion: """
                Of a running gateway as it is at this moment; without one as the journal knows it.
                standing: pending terminals wait for approval, their punches (held) with them. backlog: records that \
                a terminal has yet to bring, by its own count. skew_seconds: its clock minus ours when it last \
                registered. users and logs: how many it holds, of how many places. resends: how often in a row it \
                has sent the same batch.
                """)

        @OptionGroup var common: CommonOptions
        @Flag(help: "Only those that are not connected.") var offline = false
        @Flag(help: "Only those that wait for approval.") var pending = false
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let output = Output(format: format)
            output.header(TerminalRow.columns)
            var counts: [TerminalReport.State: Int] = [:]
            var waiting: [String] = []
            let isLive = try await TerminalList(settings: common.settings()).each { terminal in
                counts[terminal.state, default: 0] += 1
                if terminal.standing == "pending" { waiting.append(terminal.serial) }
                if (!offline || terminal.state != .online) && (!pending || terminal.standing == "pending") {
                    output.row(TerminalRow(terminal))
                }
            }
            output.flush()
            guard format == .text else { return }
            Screen.note(
                "\(counts[.online] ?? 0) online, \(counts[.offline] ?? 0) offline, \(counts[.never] ?? 0) never heard of"
            )
            if let first = waiting.first.flatMap({ SerialNumber($0) }) {
                Screen.note("\(waiting.count) wait for approval: \(first.approval)")
            }
            if !isLive { Screen.note(TerminalList.byJournal) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show all that is known of one terminal.")
        @OptionGroup var common: CommonOptions
        @Argument(help: "Serial number.") var serial: String
        @Option(help: "text or json.") var format: OutputFormat = .text

        func run() async throws {
            let settings = common.settings()
            let question = AdminQuestion(socket: settings.admin.socketPath)
            let live: TerminalPage? = try await question.get("/terminals/one", [("serial", serial)])
            let found: TerminalReport?
            if let live {
                found = live.terminals.first
            } else {
                found = try await CompletenessDesk(journalOf: settings).terminal(serial)
                if format == .text { Screen.note(TerminalList.byJournal) }
            }
            guard let terminal = found else {
                Screen.fail("no terminal \(PlainText.line(serial)) was ever heard of", code: 1)
            }
            let output = Output(format: .text)
            if format == .json {
                output.line(String(decoding: try JSONAnswer.encode(terminal), as: UTF8.self))
            } else {
                for (label, text) in terminal.sheet {
                    let gap = String(repeating: " ", count: max(1, 18 - label.count))
                    output.line("\(label)\(gap)\(PlainText.line(text))")
                }
            }
            output.flush()
        }
    }

    struct Watch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Follow what happens at a running gateway: who comes, goes, waits, moves or is refused.",
            discussion: "Ends with Ctrl-C.")
        @OptionGroup var common: CommonOptions
        @Option(help: "text or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let question = AdminQuestion(socket: common.settings().admin.socketPath)
            let output = Output(format: .text)
            var place: Int64?
            while true {
                let page: TerminalEvents? = try await question.get(
                    "/terminals/events", place.map { [("after", String($0))] } ?? [])
                guard let page else {
                    Screen.fail("no running gateway answers", code: CommonOptions.unavailable)
                }
                if place == nil, format == .text { Screen.note("watching; Ctrl-C ends it") }
                for event in page.events { output.line(try line(event)) }
                output.flush()
                // Numbers begin anew when the gateway was started anew.
                place = page.next
                try await Task.sleep(for: .seconds(1))
            }
        }

        private func line(_ event: TerminalEvents.Event) throws -> String {
            if format == .json { return String(decoding: try JSONAnswer.encode(event), as: UTF8.self) }
            let name = event.name.map { " (\($0))" } ?? ""
            let place = event.address.map { " from \($0)" } ?? ""
            var text = "\(event.at)  \(event.event)  \(event.serial)\(name)\(place)"
            if event.event == "waiting", let serial = SerialNumber(event.serial) {
                text += ": \(serial.approval)"
            }
            return PlainText.line(text)
        }
    }
}

/// All terminals, page by page: from the running gateway, or from the journal where none answers.
struct TerminalList {
    static let byJournal = "no running gateway answers; this is what the journal knows"
    let settings: Settings

    /// Answers whether it was a gateway that told.
    func each(_ body: (TerminalReport) -> Void) async throws -> Bool {
        let question = AdminQuestion(socket: settings.admin.socketPath)
        var desk: CompletenessDesk?
        var after: String?
        repeat {
            var page: TerminalPage?
            if desk == nil {
                page = try await question.get("/terminals", after.map { [("after", $0)] } ?? [])
            }
            if page == nil {
                if desk == nil { desk = try await CompletenessDesk(journalOf: settings).figuresOnce() }
                page = try await desk?.terminals(after: after, limit: TerminalRoutes.pageSize)
            }
            page?.terminals.forEach(body)
            after = page?.next
        } while after != nil
        return desk == nil
    }
}

extension CompletenessDesk {
    /// With all figures read now and not again for each page.
    fileprivate func figuresOnce() async throws -> CompletenessDesk {
        let known = try await figures()
        var desk = self
        desk.figures = { known }
        return desk
    }

    /// Beside a gateway that does not answer, or without one. Ends the process where there is no journal.
    init(journalOf settings: Settings) throws {
        self.init(
            settings: settings, journal: try CommonOptions.journal(of: settings),
            now: Gateway.Surroundings.systemTime)
    }
}

struct TerminalRow: OutputRow {
    static let columns = [
        "serial", "name", "group", "model", "firmware", "address", "state", "last_heard", "backlog",
        "skew_seconds", "users", "user_places", "logs", "log_places", "resends", "complete_until", "zone",
        "shifts", "standing", "held", "location", "dialect",
    ]
    let values: [OutputValue]

    init(_ terminal: TerminalReport) {
        func number(_ value: Int?) -> OutputValue { .optional(value.map(Int64.init)) }
        values = [
            .text(terminal.serial), .text(terminal.name ?? ""), .text(terminal.group ?? ""),
            .text(terminal.model ?? ""), .text(terminal.firmware ?? ""), .text(terminal.address ?? ""),
            .text(terminal.state.rawValue), .text(terminal.lastHeard ?? ""), number(terminal.backlog),
            number(terminal.skewSeconds), number(terminal.users), number(terminal.userPlaces),
            number(terminal.logs), number(terminal.logPlaces), number(terminal.resends),
            .text(terminal.completeUntil ?? ""), .text(terminal.zone),
            .text(terminal.shifts.joined(separator: ", ")), .text(terminal.standing),
            .number(Int64(terminal.held)), .text(terminal.location ?? ""), .text(terminal.dialect ?? ""),
        ]
    }
}
