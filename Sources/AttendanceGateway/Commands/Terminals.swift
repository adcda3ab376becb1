import ArgumentParser
import AttendanceCore
import AttendanceWeb
import Foundation

/// `terminals`: who is there, how far behind, how full.
struct Terminals: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show terminals: connection, backlog, clock, memory.",
        discussion: """
            Of a running gateway as it is at this moment; without one as the journal knows it.
            backlog: records that a terminal has yet to bring, by its own count. skew_seconds: its clock minus \
            ours when it last registered. users and logs: how many it holds, of how many places. resends: how often \
            in a row it has sent the same batch.
            """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Only those that are not connected.") var offline = false
    @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

    func run() async throws {
        let output = Output(format: format)
        output.header(TerminalRow.columns)
        var counts: [TerminalReport.State: Int] = [:]
        let isLive = try await TerminalList(settings: common.settings()).each { terminal in
            counts[terminal.state, default: 0] += 1
            if !offline || terminal.state != .online { output.row(TerminalRow(terminal)) }
        }
        output.flush()
        guard format == .text else { return }
        Screen.note(
            "\(counts[.online] ?? 0) online, \(counts[.offline] ?? 0) offline, \(counts[.never] ?? 0) never heard of"
        )
        if !isLive { Screen.note(TerminalList.byJournal) }
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
        "shifts",
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
            .text(terminal.shifts.joined(separator: ", ")),
        ]
    }
}
