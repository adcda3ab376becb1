import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// `completeness`: up to when everything is there, what keeps the rest, and what came too late.
struct CompletenessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completeness",
        abstract: "Show up to when terminals and shifts are complete, and punches that came too late.",
        discussion: """
            A shift is complete up to the moment up to which all its terminals are, and all they brought has come to \
            the site. As far as that goes last_sync_of_checkin is moved where LastSync = yes, so that ERPNext marks \
            attendance. Without an option shows shifts, then terminals.
            --late lists punches that reached the site after their shift was marked: ERPNext does not count them by \
            itself.
            """)

    @OptionGroup var common: CommonOptions
    @Flag(help: "Only shifts.") var shifts = false
    @Flag(help: "Only terminals.") var terminals = false
    @Flag(help: "Only punches that came after their shift was marked.") var late = false
    @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

    func validate() throws {
        let count = [shifts, terminals, late].count { $0 }
        if count > 1 { throw ValidationError("--shifts, --terminals and --late exclude each other") }
        if count == 0, format != .text {
            throw ValidationError("--format \(format.rawValue) needs --shifts, --terminals or --late")
        }
    }

    func run() async throws {
        let settings = common.settings()
        let all = !shifts && !terminals && !late
        var isLive = true
        if shifts || all { isLive = try await showShifts(settings) }
        if terminals || all { isLive = try await showTerminals(settings) && isLive }
        if late {
            let count = try await showLate(settings)
            if format == .text {
                Screen.note(count == 0 ? "no punch came too late" : "\(count) punches came too late")
            }
        } else if format == .text {
            if !isLive { Screen.note(TerminalList.byJournal) }
            let count = try await countLate(settings)
            if count > 0 { Screen.note("\(count) punches came too late for their shift; see --late") }
        }
    }

    private func showShifts(_ settings: Settings) async throws -> Bool {
        let output = Output(format: format)
        // The rest stands below the table, where there is room for it.
        let isBrief = format == .text
        output.header(isBrief ? ShiftRow.brief : ShiftRow.columns)
        let told: ShiftList? = try await AdminQuestion(socket: settings.admin.socketPath).get("/shifts")
        let list: ShiftList
        if let told { list = told } else { list = try await CompletenessDesk(journalOf: settings).shifts() }
        for shift in list.shifts { output.row(ShiftRow(shift, isBrief: isBrief)) }
        output.flush()
        guard format == .text else { return told != nil }
        if list.shifts.isEmpty { Screen.note("no terminal names a shift; see Shifts in the settings") }
        for shift in list.shifts {
            if let remark = shift.remark { output.remark("\(shift.shift): \(remark)") }
            for holder in shift.heldBackBy { output.remark("\(shift.shift) waits for \(holder)") }
            if let end = shift.openEnd { output.remark("\(shift.shift) ended \(end) and is not complete") }
        }
        if !terminals, !shifts { output.remark("") }
        output.flush()
        return told != nil
    }

    private func showTerminals(_ settings: Settings) async throws -> Bool {
        let output = Output(format: format)
        output.header(TerminalProgressRow.columns)
        let isLive = try await TerminalList(settings: settings).each { output.row(TerminalProgressRow($0)) }
        output.flush()
        return isLive
    }

    // MARK: Late

    private func showLate(_ settings: Settings) async throws -> Int {
        let output = Output(format: format)
        output.header(LateRow.columns)
        let count = try await eachLate(settings) { output.row(LateRow($1, at: $0)) }
        output.flush()
        return count
    }

    private func countLate(_ settings: Settings) async throws -> Int {
        try await eachLate(settings) { _, _ in }
    }

    private func eachLate(_ settings: Settings, _ body: (SinkName, LateDelivery) -> Void) async throws -> Int
    {
        let journal = try CommonOptions.journal(of: settings)
        var count = 0
        for sink in settings.sites.map(\.name) {
            var last: Int64 = 0
            while true {
                let page = try await journal.lateDeliveries(at: sink, after: last, limit: 500)
                for entry in page { body(sink, entry) }
                count += page.count
                guard let end = page.last else { break }
                last = end.punch
            }
        }
        return count
    }
}

struct ShiftRow: OutputRow {
    static let columns = [
        "site", "shift", "state", "terminals", "complete_until", "site_has", "open_end", "held_back_by",
        "remark",
    ]
    static let brief = Array(columns.prefix(6))
    let values: [OutputValue]

    init(_ shift: ShiftReport, isBrief: Bool) {
        let all: [OutputValue] = [
            .text(shift.sink), .text(shift.shift), .text(shift.state), .number(Int64(shift.terminals)),
            .text(shift.completeUntil ?? ""), .text(shift.siteHas ?? ""), .text(shift.openEnd ?? ""),
            .text(shift.heldBackBy.joined(separator: "; ")), .text(shift.remark ?? ""),
        ]
        values = isBrief ? Array(all.prefix(Self.brief.count)) : all
    }
}

struct TerminalProgressRow: OutputRow {
    static let columns = [
        "serial", "name", "state", "last_heard", "backlog", "skew_seconds", "complete_until", "zone",
        "shifts",
    ]
    let values: [OutputValue]

    init(_ terminal: TerminalReport) {
        values = [
            .text(terminal.serial), .text(terminal.name ?? ""), .text(terminal.state.rawValue),
            .text(terminal.lastHeard ?? ""), .optional(terminal.backlog.map(Int64.init)),
            .optional(terminal.skewSeconds.map(Int64.init)), .text(terminal.completeUntil ?? ""),
            .text(terminal.zone), .text(terminal.shifts.joined(separator: ", ")),
        ]
    }
}

/// A late punch, with what HR has to do about it.
struct LateRow: OutputRow {
    static let columns = [
        "site", "punch", "terminal", "enroll_id", "name", "employee", "time", "shift", "shift_end", "checkin",
        "delivered", "what_to_do",
    ]
    let values: [OutputValue]

    init(_ late: LateDelivery, at sink: SinkName) {
        let end = late.shiftEnd.description
        values = [
            .text(sink.text), .number(late.punch), .text(late.terminal.text), .text(late.enrollID.sent),
            .text(late.name ?? ""), .text(late.employee ?? ""), .text(late.time.description),
            .text(late.shift), .text(end), .text(late.reference ?? ""), .text(late.delivered.iso8601),
            .text(
                "late for shift \(late.shift) that ended \(end): cancel the Attendance of that day in ERPNext and "
                    + "mark it again"),
        ]
    }
}
