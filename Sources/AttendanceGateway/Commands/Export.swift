import ArgumentParser
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation

/// `export`: everything the journal holds of a time, for other programs and for safe-keeping.
struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write punches with all their fields and their raw records to a file.",
        discussion: """
            csv or json (one object a line). Without --output it goes to standard output. The file is complete or \
            not there: it is written as NAME.part and renamed at the end. Who exports what, and how much, is written into \
            the audit trail before anything is handed out.
            """)

    @OptionGroup var common: CommonOptions
    @OptionGroup var selection: PunchSelection
    @Option(help: "csv or json.") var format: OutputFormat = .csv
    @Option(name: .shortAndLong, help: "File to write.") var output: String?
    @Flag(help: "Also what is in quarantine, as objects of their own (json only).") var quarantine = false

    func validate() throws {
        if format == .text { throw ValidationError("--format is csv or json") }
        if quarantine, format != .json { throw ValidationError("--quarantine needs --format json") }
    }

    func run() async throws {
        let journal = try common.openJournal()
        guard let output else {
            // Whoever reads this may stop reading at any line; so it is counted first.
            let count = try await selection.forEachPage(of: journal, limit: .max) { _ in }
            try await audit(count)
            _ = try await write(journal, to: .standardOutput, name: "standard output")
            return
        }
        let partial = output + ".part"
        guard
            FileManager.default.createFile(
                atPath: partial, contents: nil, attributes: [.posixPermissions: 0o600]),
            let handle = FileHandle(forWritingAtPath: partial)
        else { Screen.fail("\(partial) cannot be written", code: 73) }
        let count = try await write(journal, to: handle, name: partial)
        try handle.synchronize()
        try handle.close()
        try await audit(count)
        guard rename(partial, output) == 0 else {
            Screen.fail(
                "\(partial) could not be renamed to \(output): \(String(cString: strerror(errno)))", code: 73)
        }
        Screen.note("\(count) punches written to \(output)")
    }

    private func audit(_ rows: Int) async throws {
        let order = ExportOrder(
            .punches, filter: selection.words + (quarantine ? ", with the quarantine" : ""), rows: rows,
            author: .atCommandLine)
        _ = try await JournalChange(settings: common.settings()).run(path: "/exports", order: order) {
            try await order.carryOut(in: $0, at: Gateway.Surroundings.systemTime())
        }
    }

    private func write(_ journal: SQLiteReader, to handle: FileHandle, name: String) async throws -> Int {
        let rows = Output(format: format, handle: handle, name: name)
        rows.header(ExportRow.columns)
        var clocks = ClockNotes(journal: journal)
        let count = try await selection.forEachPage(of: journal, limit: .max) { entry in
            rows.row(ExportRow(entry, clock: try await clocks.note(on: entry)))
        }
        if quarantine {
            rows.header(QuarantineRow.columns)
            var after: Int64 = 0
            while true {
                let page = try await journal.quarantine(after: after, limit: 500)
                guard let last = page.last else { break }
                for entry in page { rows.row(QuarantineRow(entry)) }
                after = last.id
            }
        }
        rows.flush()
        return count
    }
}

private struct ExportRow: OutputRow {
    static let columns =
        PunchRow.columns + [
            "instant", "enroll_id_canonical", "alias", "verify_mode", "temperature", "connection", "raw",
        ]
    let values: [OutputValue]

    init(_ entry: JournalEntry, clock: String) {
        let punch = entry.punch
        values =
            PunchRow(entry, clock: clock).values + [
                .text(UnixTime(seconds: punch.instant).iso8601), .text(punch.enrollID.canonical),
                .text(punch.alias ?? ""), .optional(punch.verifyMode),
                .text(punch.temperature.map { "\($0 / 100).\(($0 % 100).padded(2))" } ?? ""),
                .number(entry.connection), .text(String(decoding: entry.raw, as: UTF8.self)),
            ]
    }
}

private struct QuarantineRow: OutputRow {
    static let columns = [
        "quarantine_id", "terminal", "reason", "first_received", "last_received", "times", "raw",
    ]
    let values: [OutputValue]

    init(_ entry: QuarantineEntry) {
        values = [
            .number(entry.id), .text(entry.terminal.text), .text(entry.reason),
            .text(entry.firstReceived.iso8601), .text(entry.lastReceived.iso8601),
            .number(Int64(entry.times)),
            .text(String(decoding: entry.raw, as: UTF8.self)),
        ]
    }
}
