import ArgumentParser
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceWeb
import Foundation

/// `reconcile`: does the site hold what the journal says it took?
struct Reconcile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare the journal with the site's check-ins, and send again what is missing there.",
        discussion: """
            Times are the site's own. Works beside a running gateway and without one; reads, and changes nothing \
            without --fix. Ends with 0 when all agree, 1 when there are differences, 69 when the site cannot be \
            asked.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var choice: SiteChoice
    @Option(help: "First day, YYYY-MM-DD, or moment, \"YYYY-MM-DD HH:MM:SS\".") var from: String
    @Option(help: "Last day, or first moment that is no longer compared; without it: now.") var to: String?
    @Option(help: "Only one employee, by document name such as HR-EMP-00007.") var employee: String?
    @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text
    @Flag(help: "Send the missing ones again (with --yes).") var fix = false
    @Flag(help: "Do so without asking.") var yes = false

    /// Days of one comparison.
    private static let maximumDays: Int64 = 3700

    func validate() throws {
        let start = try Self.start(from)
        if let to, try Self.end(to) <= start { throw ValidationError("--to lies before --from") }
        if let employee, employee.isEmpty || employee.count > 140 {
            throw ValidationError("--employee is a document name such as HR-EMP-00007")
        }
        if yes, !fix { throw ValidationError("--yes belongs to --fix") }
    }

    private static func start(_ text: String) throws -> WallTime { try TimeArgument.parse(text, "--from") }

    private static func end(_ text: String) throws -> WallTime { try TimeArgument.parseEnd(text, "--to") }

    func run() async throws {
        let settings = common.settings()
        let site = try choice.site(of: settings)
        let journal = try common.openJournal()
        let result = try await CommandInterrupt.stopping {
            try await SiteVisit.run(site) { try await compare($0, journal: journal, settings: settings) }
        }
        guard let result else {
            Screen.note("stopped; nothing was changed")
            throw ExitCode(130)
        }
        guard let result = result.report else {
            Screen.fail(
                "the site cannot be asked: \(result.problem?.description ?? "no answer")",
                code: CommonOptions.unavailable)
        }
        if fix, !result.missing.isEmpty { try await sendAgain(result.missing, to: site.name, settings) }
        if !result.figures.isAgreed { throw ExitCode(1) }
    }

    private struct Report: Sendable {
        var figures: ReconciliationFigures
        /// Numbers of punches that are missing there.
        var missing: [Int64]
    }

    private func compare(
        _ visit: SiteVisit, journal: SQLiteReader, settings: Settings
    ) async throws -> (report: Report?, problem: SiteProblem?) {
        let clock = ContinuousClock.now
        let zone = await visit.zone()
        let now = Gateway.Surroundings.systemTime().seconds
        let here = ZoneRules(identifier: settings.terminals.timeZone)
        let start = try Self.start(from)
        let end = try to.map(Self.end) ?? (zone ?? here)?.wallTime(at: now) ?? WallTime(seconds: now)
        guard start < end else {
            throw ValidationError("--from lies after the site's present time, \(end)")
        }
        guard end.seconds - start.seconds <= Self.maximumDays * 86_400 else {
            throw ValidationError("at most \(Self.maximumDays) days at once")
        }
        let reconciler = Reconciler(
            journal: journal, visit: visit,
            expected: ExpectedCheckins(
                zone: zone, people: try await PeopleOfSite(visit.site, settings: settings, journal: journal),
                employee: employee))
        let output = Output(format: format)
        output.header(FindingRow.columns)
        var missing: [Int64] = []
        do {
            let figures = try await reconciler.run(start..<end) { findings in
                for finding in findings {
                    output.row(FindingRow(finding))
                    if finding.kind == .missing, let punch = finding.expected?.punch { missing.append(punch) }
                }
            }
            if format == .json { output.line(Self.json(figures)) }
            output.flush()
            Self.tell(figures, from: start, to: end, took: ContinuousClock.now - clock)
            return (Report(figures: figures, missing: missing), nil)
        } catch let error as SiteVisit.Unreachable {
            output.flush()
            return (nil, error.problem)
        }
    }

    private func sendAgain(_ missing: [Int64], to sink: SinkName, _ settings: Settings) async throws {
        guard yes else {
            Screen.note(
                "\(Spoken.count(missing.count, "missing punch", "missing punches")) would be sent again; say --fix --yes to do so"
            )
            return
        }
        let author = Author.atCommandLine
        var count = 0
        var rest = missing[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(OweOrder.maximum))
            rest = rest.dropFirst(OweOrder.maximum)
            count += try await JournalChange(settings: settings).run(
                path: "/punches/owe", order: OweOrder(sink: sink, punches: some, author: author)
            ) {
                ChangeCount(
                    changed: try await $0.owe(
                        some, to: sink, again: true, by: author, at: Gateway.Surroundings.systemTime()))
            }.changed
        }
        Screen.note(
            "\(Spoken.count(count, "punch is", "punches are")) sent again; compare once more when that is delivered"
        )
    }

    // MARK: Words

    private static func tell(
        _ figures: ReconciliationFigures, from: WallTime, to: WallTime, took: Duration
    ) {
        let kinds = ReconciliationFinding.Kind.allCases.filter { figures.findings[$0, default: 0] > 0 }
        for kind in kinds {
            Screen.note("\(figures.findings[kind, default: 0]) × \(kind.rawValue): \(kind.remedy)")
        }
        let verdict = figures.isAgreed ? "all agree" : "differences found"
        Screen.note(
            """
            \(from) to \(to): \(verdict). \(figures.delivered) delivered, \(figures.agreeing) of them as sent; \
            \(figures.pending) owed, \(figures.refused) refused, \(figures.suppressed) suppressed; the site has \
            \(figures.found) check-ins, \(figures.elsewhere) of them entered elsewhere; \
            \(FleetText.milliseconds(took)) ms
            """)
    }

    private static func json(_ figures: ReconciliationFigures) -> String {
        var fields: [(String, Int)] = [
            ("delivered", figures.delivered), ("as_sent", figures.agreeing), ("owed", figures.pending),
            ("refused", figures.refused), ("suppressed", figures.suppressed), ("found", figures.found),
            ("elsewhere", figures.elsewhere),
        ]
        for kind in ReconciliationFinding.Kind.allCases {
            fields.append(
                (kind.rawValue.replacing("-", with: "_"), figures.findings[kind, default: 0]))
        }
        let members = fields.map { "\(Output.quoted($0)):\($1)" }.joined(separator: ",")
        return "{\"kind\":\"summary\",\"agree\":\(figures.isAgreed),\(members)}"
    }
}

private struct FindingRow: OutputRow {
    static let columns = [
        "kind", "punch", "terminal", "enroll_id", "name", "employee", "sent_time", "sent_direction",
        "checkin",
        "found_employee", "found_time", "found_direction", "found_device", "detail",
    ]
    let values: [OutputValue]

    init(_ finding: ReconciliationFinding) {
        let (sent, found) = (finding.expected, finding.found)
        values = [
            .text(finding.kind.rawValue), .optional(sent?.punch ?? finding.misfiledFor),
            .text(sent?.terminal.text ?? ""), .text(sent?.enrollID.sent ?? ""), .text(sent?.name ?? ""),
            .text(sent?.employee ?? ""), .text(sent?.time.description ?? ""),
            .text(sent?.direction?.rawValue ?? ""), .text(found?.name ?? sent?.reference ?? ""),
            .text(found?.employee ?? ""), .text(found?.time.description ?? ""), .text(found?.logType ?? ""),
            .text(found?.deviceID ?? ""),
            .text(finding.misfiledFor == nil ? "" : "made wrongly by the site, see repairs"),
        ]
    }
}

extension ReconciliationFinding.Kind {
    /// What to do about such a difference.
    var remedy: String {
        switch self {
        case .missing:
            "the site took it and has it no more (deleted, or a backup was restored); reconcile --fix --yes sends "
                + "it again"
        case .extra:
            "no punch of the journal explains it; if nobody can, delete the Employee Checkin in ERPNext, after "
                + "cancelling the Attendance it is linked to. Those the site made wrongly: repairs list"
        case .doubled:
            "the same person and second twice; delete one of the two in ERPNext, rather the one without Attendance"
        case .time:
            "the time was changed in ERPNext (the document's versions tell by whom), or the site's zone was "
                + "another then; set it right there"
        case .direction:
            "the log type was changed in ERPNext; set it right there, or the terminal's Direction here"
        case .employee:
            "it stands under another employee in ERPNext; if that is wrong, delete it there and compare again "
                + "with --fix"
        }
    }
}
