import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging

/// `import-legacy`: takes over what the older Python service has delivered and what it has not.
struct ImportLegacy: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import-legacy",
        abstract: "Take over the older Python service's settings and monthly CSV files.",
        discussion: """
            Tells what it would do and changes nothing, unless --apply is given. Lines with Success are recorded as \
            delivered, so that a terminal that sends them again is recognised; ERP_Failed without a Success of the \
            same punch becomes owed and is sent at the next start. Can be repeated. The gateway must not be \
            running for --apply. Ends with 0, or with 1 when lines or files were not taken over.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: ArgumentHelp("The older service's config.ini.", valueName: "path")) var from: String?
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "CSV files, or folders of them; without it, LogDirectory of --from.", valueName: "path"))
    var csv: [String] = []
    @Option(help: "The sink that the older service delivered to.") var sink = SinkName.erpnext.text
    @Flag(help: "Do it.") var apply = false
    @Flag(help: "Only tell what would be done, as without --apply.") var dryRun = false
    @Option(help: "text or json (one object).") var format: OutputFormat = .text

    func validate() throws {
        if from == nil, csv.isEmpty { throw ValidationError("name the older config.ini (--from) or --csv") }
        if apply, dryRun { throw ValidationError("--apply and --dry-run say the opposite") }
        if format == .csv { throw ValidationError("--format is text or json") }
    }

    func run() async throws {
        let settings = common.settings()
        guard let sink = settings.sinks.first(where: { $0.text == sink.lowercased() }) else {
            throw ValidationError("--sink \(PlainText.line(sink)) is not in the settings")
        }
        var report = LegacyReport(applied: apply, journal: settings.store.directory, sink: sink)
        report.settings = from.map(LegacySettings.init(reading:))
        let files = try find(&report)
        if apply {
            try await importing(files, settings, sink, into: settings.store.directory, &report)
        } else {
            // The same work on a journal that is thrown away: so it tells exactly what would be done, and needs no
            // memory for years of lines.
            let folder = FileManager.default.temporaryDirectory
                .appending(path: "attendance-import-\(UUID().uuidString)").path
            defer { try? FileManager.default.removeItem(atPath: folder) }  // a leftover harms nobody
            try await importing(files, settings, sink, into: folder, &report)
        }
        let output = Output(format: format)
        if format == .json {
            output.line(String(decoding: try JSONAnswer.encode(report), as: UTF8.self))
        } else {
            report.lines.forEach(output.line)
        }
        output.flush()
        if report.bad > 0 { throw ExitCode(1) }
    }

    private func importing(
        _ files: [String], _ settings: Settings, _ sink: SinkName, into folder: String,
        _ report: inout LegacyReport
    ) async throws {
        let terminals = try await terminals(settings)
        let store: SQLiteStore
        do {
            var logger = Logger(label: "attendance-gateway")
            logger.logLevel = .critical
            store = try SQLiteStore(
                folder: folder, options: StoreOptions(now: Gateway.Surroundings.systemTime), logger: logger)
        } catch StoreError.locked {
            Screen.fail(
                "the gateway is running; stop it for the import and start it afterwards",
                code: CommonOptions.unavailable)
        } catch let error as StoreError {
            Screen.fail(error.localizedDescription, code: CommonOptions.unavailable)
        }
        let now = Gateway.Surroundings.systemTime
        let policy = try terminals.policy()
        let accepts = terminals.unknown == .accept
        let named = Set(terminals.overrides.keys)
        let work = LegacyImport(
            store: store, sink: sink, policy: policy,
            standing: { accepts || named.contains($0) ? .approved : .pending }, now: now)
        do {
            try await audit("begun: \(Spoken.count(files.count, "file"))", in: store)
            try await work.run(files, into: &report)
            try await audit(
                "\(report.total.added) new, \(report.total.delivered) delivered, \(report.total.owed) owed, "
                    + "\(report.total.settled) owed no more, \(report.bad) not taken over", in: store)
        } catch {
            await store.close()
            Screen.fail(
                "the import stopped: \(error.localizedDescription). What was imported stays; run it again",
                code: 74)
        }
        await store.close()
    }

    private func audit(_ detail: String, in store: SQLiteStore) async throws {
        try await store.audit(
            AuditEntry(
                at: Gateway.Surroundings.systemTime(), author: .atCommandLine,
                action: "journal.import-legacy", subject: PlainText.line(from ?? csv[0], limit: 200),
                detail: detail))
    }

    /// With the zones that the registry has, where there is a journal already.
    private func terminals(_ settings: Settings) async throws -> Settings.Terminals {
        guard FileManager.default.fileExists(atPath: settings.store.directory + "/journal.sqlite") else {
            return settings.terminals
        }
        let journal = try CommonOptions.journal(of: settings)
        return try await settings.terminals.withRegistry(of: journal)
    }

    /// Files in the order of their months; EX_NOINPUT where there are none.
    private func find(_ report: inout LegacyReport) throws -> [String] {
        let places = csv.isEmpty ? [report.settings?.csvFolder].compactMap(\.self) : csv
        var files: [String] = []
        for place in places {
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder) else {
                Screen.fail("\(PlainText.line(place)) is not there", code: CommonOptions.noInput)
            }
            guard isFolder.boolValue else {
                files.append(place)
                continue
            }
            for name in try FileManager.default.contentsOfDirectory(atPath: place).sorted()
            where name.lowercased().hasSuffix(".csv") {
                let path = (place as NSString).appendingPathComponent(name)
                if name.wholeMatch(of: /[0-9]{4}-[0-9]{2}-attendance\.csv/) != nil {
                    files.append(path)
                } else {
                    report.leftOut.append(path)
                }
            }
        }
        if files.isEmpty {
            let words = places.isEmpty ? "no folder is named (--csv)" : places.joined(separator: ", ")
            report.settings?.lines.forEach(Screen.note)
            Screen.fail("no monthly CSV file was found: \(words)", code: CommonOptions.noInput)
        }
        return files
    }
}
