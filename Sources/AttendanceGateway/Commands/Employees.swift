import ArgumentParser
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging

/// `employees list|check|map|unmap|mappings|sync`: who is who between terminals and a site.
struct Employees: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who is who between terminals and ERPNext, and put right what does not fit.",
        discussion: """
            The gateway keeps a copy of each site's employees. An id of a terminal is an employee by a mapping made \
            here or in MappingFile, else by EmployeeField of the employee, without leading zeros where LeadingZeros \
            is ignore. Dead letters of people who are known by then are sent again by themselves.
            """,
        subcommands: [List.self, Check.self, Mappings.self, Map.self, Unmap.self, Sync.self],
        defaultSubcommand: Check.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the employees of a site as they were last read.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: SiteChoice
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let settings = common.settings()
            let site = try choice.site(of: settings)
            let people = try await PeopleOfSite(site, settings: settings, journal: common.openJournal())
            let fields = settings.keyFields(of: site)
            var mapped: [String: [String]] = [:]
            for (mapping, _) in people.mappingsInForce {
                mapped[mapping.employee, default: []].append(mapping.shown)
            }
            let output = Output(format: format)
            output.header(EmployeeRow.columns)
            for employee in people.employees {
                output.row(EmployeeRow(employee, fields: fields, mapped: mapped[employee.name] ?? []))
            }
            output.flush()
            if format == .text {
                Screen.note(
                    people.employees.isEmpty
                        ? Employees.nobodyKnown(site)
                        : "\(people.employees.count) employees of \(site.name)")
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show where terminals and employees do not fit together.",
            discussion: """
                Ids that terminals have sent and that are nobody's or several employees'; inactive employees who \
                punch; mappings that name nobody; ids that several employees have; and active employees without \
                an id, who may well need none. Ends with 0 when nothing but the last was found, 1 when there is \
                something to do.
                """)
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: SiteChoice
        @Option(help: "How many days back terminals' punches are looked at.") var days = 60
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func validate() throws {
            guard (1...3660).contains(days) else { throw ValidationError("--days is 1 to 3660") }
        }

        func run() async throws {
            let settings = common.settings()
            let site = try choice.site(of: settings)
            let journal = try common.openJournal()
            let people = try await PeopleOfSite(site, settings: settings, journal: journal)
            guard !people.employees.isEmpty else {
                Screen.fail(Employees.nobodyKnown(site), code: CommonOptions.unavailable)
            }
            let check = try await people.check(
                days: days, fields: settings.keyFields(of: site), journal: journal,
                at: Gateway.Surroundings.systemTime())
            let output = Output(format: format)
            output.header(FindingRow.columns)
            for finding in check.preview.findings {
                output.row(FindingRow(finding, terminals: people.terminals))
            }
            output.flush()
            if format == .text { tell(check) }
            if check.isCut { Screen.note("there are more people; ask for fewer --days") }
            if check.preview.needsWork { throw ExitCode(1) }
        }

        private func tell(_ check: EmployeeCheck) {
            let preview = check.preview
            for kind in EmployeePreview.Kind.allCases {
                let count = preview.findings.count { $0.kind == kind }
                if count > 0 { Screen.note("\(count) × \(kind.rawValue)") }
            }
            let verdict = preview.needsWork ? "something is to be done" : "everybody who punches is known"
            Screen.note(
                "\(check.employees) employees, \(check.ids) ids on terminals in \(days) days: \(verdict)")
        }
    }

    struct Mappings: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what ids are mapped to, and by what.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: SiteChoice
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let settings = common.settings()
            let site = try choice.site(of: settings)
            let people = try await PeopleOfSite(site, settings: settings, journal: common.openJournal())
            let output = Output(format: format)
            output.header(MappingRow.columns)
            for (mapping, isFile) in people.mappingsInForce {
                let employee = people.directory.employee(named: mapping.employee)
                output.row(MappingRow(mapping, employee, origin: isFile ? "file" : "command"))
            }
            output.flush()
            if format == .text { Screen.note("\(people.mappingsInForce.count) mappings") }
        }
    }

    struct Map: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that an id of terminals is a certain employee, whatever EmployeeField says.",
            discussion: """
                With --file, everything a CSV file says (group,id,employee on each line) is mapped; nothing of a \
                file with a mistake is. What is mapped here wins over MappingFile.
                """)
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: SiteChoice
        @Argument(help: "The id as terminals send it, such as 0042.") var id: String?
        @Argument(help: "Document name of the Employee, such as HR-EMP-00007.") var employee: String?
        @Option(help: "Only for terminals of this group, which has an EmployeeField of its own.")
        var group: String?
        @Option(help: "CSV file of mappings, instead of one.") var file: String?
        @Flag(help: "Also to employees who are not known yet.") var force = false

        func validate() throws {
            guard (file == nil) == (id != nil && employee != nil), file == nil || id == nil && group == nil
            else {
                throw ValidationError("say an id and an employee, or --file")
            }
        }

        func run() async throws {
            let settings = common.settings()
            let site = try choice.site(of: settings)
            let mappings = try file.map { try Self.read($0, settings) } ?? [one(settings)]
            let people = try await PeopleOfSite(site, settings: settings, journal: common.openJournal())
            let strangers = Set(mappings.map(\.employee)).filter {
                people.directory.employee(named: $0) == nil
            }
            if !strangers.isEmpty, !force {
                let names = strangers.sorted().prefix(5).joined(separator: ", ")
                Screen.fail(
                    PlainText.line(
                        "\(site.name) has no employee \(names)\(strangers.count > 5 ? ", …" : ""), as far as is known. "
                            + "If that is new: employees sync first, or --force"), code: 1)
            }
            let requeued = try await Employees.change(site, settings, added: mappings)
            Screen.note("\(mappings.count) ids mapped; \(requeued) dead letters are sent again")
        }

        private func one(_ settings: Settings) throws -> EmployeeMapping {
            guard let id, let employee, let enrollID = EnrollID(id), !enrollID.isDoor, !enrollID.isStranger
            else {
                throw ValidationError("“\(PlainText.line(id ?? "", limit: 64))” is no id of a person")
            }
            guard !employee.isEmpty, employee.isOneLine(ofAtMost: 140) else {
                throw ValidationError("the employee is a document name such as HR-EMP-00007")
            }
            return EmployeeMapping(
                space: try settings.idSpace(named: group ?? ""), enrollID: enrollID, employee: employee)
        }

        private static func read(_ path: String, _ settings: Settings) throws -> [EmployeeMapping] {
            let bytes: [UInt8]
            do {
                let handle = try FileHandle(forReadingFrom: URL(filePath: path))
                defer { try? handle.close() }  // opened for reading: nothing can be lost
                // One byte more than allowed, so that it is seen that the file is too large.
                bytes = [UInt8](try handle.read(upToCount: MappingFile.maximumBytes + 1) ?? Data())
            } catch {
                Screen.fail(
                    "\(path) cannot be read: \(error.localizedDescription)", code: CommonOptions.noInput)
            }
            do {
                return try MappingFile.parse(bytes).map { entry in
                    var mapping = entry.mapping
                    do {
                        mapping.space = try settings.idSpace(named: mapping.space)
                    } catch {
                        throw ValidationError("\(path): line \(entry.line): \(error)")
                    }
                    return mapping
                }
            } catch let error as MappingFile.Failure {
                Screen.fail(
                    error.problems.map { "\(path): \($0)" }.joined(separator: "\n")
                        + (error.more > 0 ? "\nand \(error.more) more" : ""), code: 65)
            }
        }
    }

    struct Unmap: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take back a mapping that was made by command.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: SiteChoice
        @Argument(help: "The id as terminals send it.") var id: String
        @Option(help: "The group it was mapped for.") var group: String?

        func run() async throws {
            let settings = common.settings()
            let site = try choice.site(of: settings)
            guard let enrollID = EnrollID(id) else {
                throw ValidationError("“\(PlainText.line(id, limit: 64))” is no id of a person")
            }
            let space = group ?? ""
            let mine = try await common.openJournal().mappings(of: site.name).filter {
                $0.enrollID == enrollID && $0.space.lowercased() == space.lowercased()
            }
            guard !mine.isEmpty else {
                let isInFile = site.mappings.contains {
                    $0.enrollID == enrollID && $0.space.lowercased() == space.lowercased()
                }
                Screen.fail(
                    isInFile
                        ? "\(enrollID) is mapped by \(site.mappingFile ?? "MappingFile"); take it out of there"
                        : "\(enrollID) is not mapped; see: employees mappings", code: 1)
            }
            _ = try await Employees.change(site, settings, removed: mine)
            Screen.note("\(enrollID) is no longer mapped to \(mine.map(\.employee).joined(separator: ", "))")
        }
    }

    struct Sync: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read all employees of a site now, without waiting for the next time.")
        @OptionGroup var common: CommonOptions
        @OptionGroup var choice: SiteChoice

        func run() async throws {
            let settings = common.settings()
            let site = try choice.site(of: settings)
            guard site.url != nil, site.dialect == .hrms else {
                Screen.fail(
                    "the employees of \(site.name) are not read: it has no URL, or a method of its own",
                    code: CheckConfig.configurationError)
            }
            let report = try await JournalChange(settings: settings).run(
                path: "/employees/sync", order: EmployeeSyncOrder(site: site.name)
            ) { store in try await Employees.readDirectly(site, settings, store) }
            Screen.note(
                "\(report.employees) employees known: \(report.changed) new or changed, \(report.removed) removed; "
                    + "\(report.requeued) dead letters are sent again")
            if let problem = report.problem {
                Screen.note(
                    PlainText.line("but: \(problem)\(report.remedy.map { "; \($0)" } ?? "")"))
                throw ExitCode(1)
            }
        }
    }

    // MARK: Shared

    private static func nobodyKnown(_ site: Settings.ERP) -> String {
        "no employees of \(site.name) are known yet; read them with: employees sync"
            + (site.name == .erpnext ? "" : " --site \(site.name)")
    }

    /// What the gateway's service would do, in its place for the moment.
    private static func readDirectly(
        _ site: Settings.ERP, _ settings: Settings, _ store: SQLiteStore
    ) async throws -> EmployeeSyncReport {
        let http = SiteClient.makeHTTPClient(concurrency: 2)
        var logger = Logger(label: "attendance-gateway")
        logger.logLevel = .critical
        let report: EmployeeSyncReport
        do {
            let terminals = try await settings.terminals.withRegistry(of: store)
            guard
                let sync = settings.siteSync(
                    of: site, store: store, client: http, directory: SiteDirectory(), strangers: WakeUp(),
                    owing: WakeUp(), terminals: TerminalsInForce(terminals), timing: .live,
                    logger: logger)
            else { throw ValidationError("the site is not read") }
            try await sync.load()
            report = EmployeeSyncReport(await sync.readOnce())
            // What it does not know of as a sink, the journal does not keep.
            if report.employees > 0, try await store.employees(of: site.name, after: "", limit: 1).isEmpty {
                Screen.note(
                    "the journal does not know \(site.name) yet: start the gateway once with this file")
            }
        } catch {
            try await http.shutdown()
            throw error
        }
        try await http.shutdown()
        return report
    }

    /// Answers how many dead letters are sent again; without a running gateway that happens at its next start.
    private static func change(
        _ site: Settings.ERP, _ settings: Settings, added: [EmployeeMapping] = [],
        removed: [EmployeeMapping] = []
    ) async throws -> Int {
        var (added, removed) = (added[...], removed[...])
        var requeued = 0
        repeat {
            let some = added.prefix(MappingOrder.maximum / 2)
            let gone = removed.prefix(MappingOrder.maximum / 2)
            added = added.dropFirst(some.count)
            removed = removed.dropFirst(gone.count)
            let order = MappingOrder(
                site: site.name, added: Array(some), removed: Array(gone),
                hasMore: !added.isEmpty || !removed.isEmpty, author: .atCommandLine)
            requeued += try await JournalChange(settings: settings).run(path: "/employees/map", order: order)
            {
                try await order.carryOut(on: $0, at: Gateway.Surroundings.systemTime())
                return MappingAnswer(requeued: 0)
            }.requeued
        } while !added.isEmpty || !removed.isEmpty
        return requeued
    }
}

extension Settings {
    /// The group that numbers people by itself; empty for an empty name. Throws `ValidationError`.
    func idSpace(named name: String) throws -> String {
        if name.isEmpty { return "" }
        let shown = PlainText.line(name, limit: 64)
        guard let group = groups.first(where: { $0.name.lowercased() == name.lowercased() }) else {
            throw ValidationError("there is no section [Group \(shown)]")
        }
        guard group.hasOwnIDs else {
            throw ValidationError(
                "[Group \(shown)] has the ids that all terminals have: leave the group out, or give it an EmployeeField"
            )
        }
        return group.name
    }
}

// MARK: - Lines of output

extension EmployeeMapping {
    fileprivate var shown: String { space.isEmpty ? enrollID.sent : "\(space):\(enrollID.sent)" }
}

private struct EmployeeRow: OutputRow {
    static let columns = [
        "employee", "name", "status", "ids", "mapped", "company", "branch", "default_shift", "modified",
    ]
    let values: [OutputValue]

    init(_ employee: Employee, fields: [String], mapped: [String]) {
        let ids = fields.compactMap { field in
            employee.keys[field].map { fields.count == 1 ? $0 : "\(field)=\($0)" }
        }
        values = [
            .text(employee.name), .text(employee.fullName), .text(employee.status),
            .text(ids.joined(separator: " ")), .text(mapped.joined(separator: " ")),
            .text(employee.company ?? ""), .text(employee.branch ?? ""), .text(employee.defaultShift ?? ""),
            .text(employee.modified),
        ]
    }
}

private struct MappingRow: OutputRow {
    static let columns = ["group", "id", "employee", "name", "status", "by"]
    let values: [OutputValue]

    init(_ mapping: EmployeeMapping, _ employee: Employee?, origin: String) {
        values = [
            .text(mapping.space), .text(mapping.enrollID.sent), .text(mapping.employee),
            .text(employee?.fullName ?? ""), .text(employee?.status ?? "not there"), .text(origin),
        ]
    }
}

private struct FindingRow: OutputRow {
    static let columns = [
        "finding", "id", "name", "employees", "group", "terminals", "punches", "last_punch", "remedy",
    ]
    let values: [OutputValue]

    init(_ finding: EmployeePreview.Finding, terminals: Settings.Terminals) {
        var places = finding.terminals.prefix(5).map { terminals.title(of: $0) }
        if finding.terminals.count > 5 { places.append("… \(finding.terminals.count) in all") }
        values = [
            .text(finding.kind.rawValue), .text(finding.id ?? ""), .text(finding.name ?? ""),
            .text(finding.employees.joined(separator: " ")), .text(finding.space),
            .text(places.joined(separator: ", ")),
            finding.terminals.isEmpty ? .none : .number(Int64(finding.punches)),
            .text(finding.lastPunch?.description ?? ""), .text(finding.remedy),
        ]
    }
}
