import ArgumentParser
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceWeb
import Foundation

/// `repairs list|fix`: check-ins that a site made wrongly.
struct Repairs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List check-ins that the site made with a wrong time, and delete those nobody needs.",
        discussion: """
            Where the API user may not write the time of an Employee Checkin (permission level 1), ERPNext takes a \
            punch and stores its own time. The gateway notices, stops, and remembers what was made. Once the role \
            is mended and the punches have been delivered rightly, the wrong ones are left over.
            """,
        subcommands: [List.self, Fix.self], defaultSubcommand: List.self)

    /// EX_UNAVAILABLE where the site cannot be asked.
    fileprivate static func look(
        _ visit: SiteVisit, _ journal: SQLiteReader, offline: Bool
    ) async throws -> [Repair] {
        do {
            return try await Repair.all(
                of: visit.site.name, in: journal, reader: offline ? nil : visit.reader)
        } catch let error as SiteVisit.Unreachable {
            Screen.fail("the site cannot be asked: \(error.problem)", code: CommonOptions.unavailable)
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show them, by punch.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: SiteChoice
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text
        @Flag(help: "Do not ask the site whether they still stand there.") var offline = false
        @Flag(help: "Also those that are gone or set right.") var all = false

        func run() async throws {
            let site = try choice.site(of: common.settings())
            let journal = try common.openJournal()
            let repairs: [Repair] =
                offline
                ? try await Repair.all(of: site.name, in: journal, reader: nil)
                : try await SiteVisit.run(site) { try await Repairs.look($0, journal, offline: false) }
            let output = Output(format: format)
            output.header(RepairRow.columns)
            var open = 0
            for repair in repairs {
                if case .settled = repair.verdict {
                    if all { output.row(RepairRow(repair)) }
                    continue
                }
                open += 1
                output.row(RepairRow(repair))
            }
            output.flush()
            if format == .text {
                Screen.note(
                    repairs.isEmpty
                        ? "the site has made no check-in wrongly"
                        : "\(open) to repair, \(repairs.count - open) gone or set right")
            }
            if open > 0 { throw ExitCode(1) }
        }
    }

    struct Fix: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete wrong check-ins whose punch stands there rightly besides.",
            discussion: """
                Only what is certainly of no use is deleted: still wrong, no Attendance made from it, and the right \
                check-in stands beside it. Everything else is listed with what to do. Each deletion is written into \
                the audit trail before it is made.
                """)
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: SiteChoice
        @Argument(help: "Names of check-ins, or numbers of punches, as the list shows them.") var ids:
            [String] = []
        @Flag(help: "All of them.") var all = false
        @Flag(help: "Delete; without it only what would be deleted is shown.") var yes = false

        func validate() throws {
            if ids.isEmpty != all { throw ValidationError("name check-ins, or say --all, not both") }
        }

        func run() async throws {
            let settings = common.settings()
            let site = try choice.site(of: settings)
            let journal = try common.openJournal()
            let left = try await CommandInterrupt.stopping {
                try await SiteVisit.run(site) { visit in
                    try await repair(visit, try await Repairs.look(visit, journal, offline: false), settings)
                }
            }
            guard let left else { throw ExitCode(130) }
            if left > 0 { throw ExitCode(1) }
        }

        /// How many are left.
        private func repair(_ visit: SiteVisit, _ repairs: [Repair], _ settings: Settings) async throws -> Int
        {
            let chosen = repairs.filter {
                all || ids.contains($0.misfiled.reference) || ids.contains(String($0.misfiled.punch))
            }
            for id in ids
            where !repairs.contains(where: { id == $0.misfiled.reference || id == String($0.misfiled.punch) })
            {
                throw ValidationError("“\(PlainText.line(id, limit: 140))” is none of the list's")
            }
            var left = 0
            for repair in chosen {
                try Task.checkCancellation()
                let title = "\(repair.misfiled.reference) of punch \(repair.misfiled.punch)"
                switch repair.verdict {
                case .settled(let words): Screen.note("\(title): \(words)")
                case .byHand(let reason, let remedy):
                    left += 1
                    Screen.note("\(title): left as it is, \(reason); \(remedy)")
                case .deletable where !yes:
                    left += 1
                    Screen.note("\(title): would be deleted; say --yes to do so")
                case .deletable: if !(try await delete(repair, title, visit, settings)) { left += 1 }
                }
            }
            return left
        }

        private func delete(
            _ repair: Repair, _ title: String, _ visit: SiteVisit, _ settings: Settings
        ) async throws -> Bool {
            guard case .there(let checkin) = repair.standing else { return true }
            let sent = (repair.misfiled.decision?.time).map { "\($0)" } ?? "unknown"
            try await audit(
                "repairs.delete", checkin.name,
                "punch \(repair.misfiled.punch) at \(visit.site.name): stood there with \(checkin.time), sent was \(sent)",
                settings)
            if let problem = await visit.reader.deleteCheckin(named: checkin.name).problem {
                try await audit("repairs.failed", checkin.name, problem.description, settings)
                Screen.note("\(title): not deleted: \(problem)")
                return false
            }
            Screen.note("\(title): deleted")
            return true
        }

        private func audit(
            _ action: String, _ subject: String, _ detail: String, _ settings: Settings
        ) async throws {
            let order = AuditOrder(action: action, subject: subject, detail: detail, author: .atCommandLine)
            _ = try await JournalChange(settings: settings).run(path: "/audit", order: order) {
                try await $0.audit(order.entry(at: Gateway.Surroundings.systemTime()))
                return ChangeCount(changed: 1)
            }
        }
    }
}

private struct RepairRow: OutputRow {
    static let columns = [
        "checkin", "punch", "terminal", "enroll_id", "name", "employee", "sent_time", "found_time", "made",
        "state", "remedy",
    ]
    let values: [OutputValue]

    init(_ repair: Repair) {
        let misfiled = repair.misfiled
        var found = ""
        var employee = misfiled.decision?.employee ?? ""
        if case .there(let checkin) = repair.standing {
            found = checkin.time.description
            employee = checkin.employee
        }
        let (state, remedy) =
            switch repair.verdict {
            case .settled(let words): (words, "")
            case .deletable: ("of no use", "repairs fix \(misfiled.reference) --yes")
            case .byHand(let reason, let remedy): (reason, remedy)
            }
        values = [
            .text(misfiled.reference), .number(misfiled.punch), .text(misfiled.terminal.text),
            .text(misfiled.enrollID.sent), .text(misfiled.name ?? ""), .text(employee),
            .text(misfiled.decision?.time.description ?? ""), .text(found), .text(misfiled.at.iso8601),
            .text(state), .text(remedy),
        ]
    }
}
