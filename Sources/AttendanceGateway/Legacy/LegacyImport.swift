import AttendanceCore
import AttendanceStore
import Foundation

/// Brings the older service's CSV files into a journal: file by file, in batches, in bounded memory.
struct LegacyImport {
    let store: any ImportKeeping
    let sink: SinkName
    let policy: TerminalPolicy
    /// With which a terminal that was never heard of is made known.
    let standing: @Sendable (SerialNumber) -> TerminalStanding
    let now: @Sendable () -> UnixTime

    /// Punches per commit.
    static let batch = 2_000
    /// Terminals and months that are counted one by one; further ones only in the total.
    static let maximumKeys = 5_000

    /// Never throws for what stands in the files, only where the journal fails; what was imported by then stays.
    func run(_ files: [String], into report: inout LegacyReport) async throws {
        for path in files {
            var file = LegacyReport.File(name: path)
            do {
                let handle = try FileHandle(forReadingFrom: URL(filePath: path))
                defer { try? handle.close() }  // opened for reading: nothing can be lost
                try await run(handle, (path as NSString).lastPathComponent, &file, &report)
            } catch let error as StoreError {
                report.add(file)
                throw error
            } catch {
                file.add(
                    LegacyDefect(
                        line: nil, problem: "it cannot be read (\(error.localizedDescription))",
                        remedy: "Check its permissions and run this again"))
            }
            report.add(file)
        }
    }

    private func run(
        _ handle: FileHandle, _ name: String, _ file: inout LegacyReport.File, _ report: inout LegacyReport
    ) async throws {
        var reader = LegacyCSV()
        var rows: [LegacyCSV.Row] = []
        var batch = ImportBatch(sink: sink, at: now())
        var isAtEnd = false
        while !isAtEnd {
            if let chunk = try handle.read(upToCount: 128 << 10), !chunk.isEmpty {
                reader.feed(chunk) { rows.append($0) }
            } else {
                reader.finish { rows.append($0) }
                isAtEnd = true
            }
            for row in rows {
                switch row {
                case .bad(let defect):
                    file.add(defect)
                    if let status = defect.status {
                        LegacyReport.count(&report.unknownStatuses, status, limit: 50)
                    }
                case .punch(let punch):
                    file.add(punch)
                    LegacyReport.count(&report.months, punch.time.month, punch, limit: Self.maximumKeys)
                    LegacyReport.count(&report.terminals, punch.terminal.text, punch, limit: Self.maximumKeys)
                    append(punch, from: name, to: &batch)
                    if batch.punches.count == Self.batch { try await send(&batch, &file) }
                }
            }
            rows.removeAll(keepingCapacity: true)
            if reader.refusal != nil { isAtEnd = true }
        }
        try await send(&batch, &file)
        if let refusal = reader.refusal { file.add(refusal) }
        file.notUTF8 = reader.foreignLines
        file.lacksHeader = reader.lacksHeader
    }

    private func append(_ punch: LegacyPunch, from name: String, to batch: inout ImportBatch) {
        let start = batch.raw.count
        batch.raw.append(contentsOf: #"{"imported_from":"#.utf8)
        batch.raw.append(jsonString: PlainText.line(name, limit: 100))
        batch.raw.append(
            contentsOf:
                #","line":\#(punch.line),"status":"\#(punch.isDelivered ? "Success" : "ERP_Failed")"}"#
                .utf8)
        batch.punches.append(
            ImportedPunch(
                terminal: punch.terminal, standing: standing(punch.terminal),
                punch: punch.punch(
                    zone: policy.zone(of: punch.terminal), limits: policy.limits, received: batch.at,
                    raw: start..<batch.raw.count),
                isDelivered: punch.isDelivered))
    }

    private func send(_ batch: inout ImportBatch, _ file: inout LegacyReport.File) async throws {
        if !batch.punches.isEmpty { file.result += try await store.importPunches(batch) }
        batch = ImportBatch(sink: sink, at: now())
    }
}

/// What an import found and did, or would do.
struct LegacyReport: Encodable {
    struct Counts: Encodable, Hashable {
        var success = 0
        var erpFailed = 0

        mutating func add(_ punch: LegacyPunch) {
            if punch.isDelivered { success += 1 } else { erpFailed += 1 }
        }
    }
    struct Defect: Encodable, Hashable {
        var line: Int?
        var problem: String
        var remedy: String
    }
    struct File: Encodable {
        var name: String
        var lines = Counts()
        var bad = 0
        /// The first ones.
        var defects: [Defect] = []
        var notUTF8 = 0
        var lacksHeader = false
        var result = ImportReceipt()

        init(name: String) { self.name = name }

        static let maximumDefects = 100

        mutating func add(_ punch: LegacyPunch) { lines.add(punch) }
        mutating func add(_ defect: LegacyDefect) {
            bad += 1
            guard defects.count < Self.maximumDefects else { return }
            defects.append(
                Defect(line: defect.line, problem: defect.problem, remedy: defect.remedy))
        }
    }

    var applied: Bool
    var journal: String
    var sink: String
    var settings: LegacySettings?
    var files: [File] = []
    /// CSV files of the folders that are none of the older service's months.
    var leftOut: [String] = []
    var months: [String: Counts] = [:]
    var terminals: [String: Counts] = [:]
    var unknownStatuses: [String: Int] = [:]
    var total = ImportReceipt()
    var bad = 0

    init(applied: Bool, journal: String, sink: SinkName) {
        self.applied = applied
        self.journal = journal
        self.sink = sink.text
    }

    mutating func add(_ file: File) {
        files.append(file)
        total += file.result
        bad += file.bad
    }

    static func count(_ counts: inout [String: Counts], _ key: String, _ punch: LegacyPunch, limit: Int) {
        guard counts[key] != nil || counts.count < limit else { return }
        counts[key, default: Counts()].add(punch)
    }

    static func count(_ counts: inout [String: Int], _ key: String, limit: Int) {
        guard counts[key] != nil || counts.count < limit else { return }
        counts[key, default: 0] += 1
    }

    /// For a person.
    var lines: [String] {
        var lines: [String] = []
        if let settings { lines += settings.lines + [""] }
        for file in files {
            lines.append(
                "\(PlainText.line(file.name)): \(file.lines.success) Success, \(file.lines.erpFailed) ERP_Failed"
                    + (file.bad > 0 ? ", \(file.bad) bad" : "")
                    + (file.notUTF8 > 0 ? ", \(file.notUTF8) not UTF-8 (read as Latin-1)" : "")
                    + (file.lacksHeader ? ", without a header" : ""))
            for defect in file.defects {
                let place = defect.line.map { ":\($0)" } ?? ""
                lines.append(
                    "  \(PlainText.line(file.name))\(place): \(defect.problem). \(defect.remedy).")
            }
            if file.bad > file.defects.count {
                lines.append("  and \(file.bad - file.defects.count) more")
            }
        }
        for name in leftOut {
            lines.append("\(PlainText.line(name)): left out, its name is not YYYY-MM-attendance.csv")
        }
        func table(_ title: String, _ counts: [String: Counts]) {
            guard !counts.isEmpty else { return }
            lines.append("\(title):")
            for (key, count) in counts.sorted(by: { $0.key < $1.key }) {
                lines.append(
                    "  \(PlainText.line(key)): \(count.success) Success, \(count.erpFailed) ERP_Failed")
            }
        }
        table("By month", months)
        table("By terminal", terminals)
        for (status, count) in unknownStatuses.sorted(by: { $0.key < $1.key }) {
            lines.append("Unknown status \"\(status)\": \(Spoken.count(count, "line"))")
        }
        lines.append("")
        lines.append(
            applied ? "Imported into \(journal):" : "Dry run, nothing was changed. Into an empty journal:")
        lines.append(
            "  \(Spoken.count(total.added, "new punch", "new punches")), \(total.known) repeated or there before"
        )
        lines.append("  \(total.delivered) recorded as delivered to \(sink), never sent again")
        if total.settled > 0 {
            lines.append("  \(total.settled) of them were owed until a line said Success")
        }
        lines.append("  \(total.owed) made owed to \(sink)")
        if total.unforwarded > 0 {
            lines.append(
                "  \(total.unforwarded) kept and not sent: strangers, door events or doubtful times")
        }
        lines.append("  \(Spoken.count(bad, "line or file", "lines or files")) not taken over")
        if !applied { lines.append("Run it again with --apply to do it.") }
        return lines
    }
}
