import ArgumentParser
import AttendanceCore
import AttendanceStore
import Foundation

/// `audit list|verify|export`: who changed what, and that nobody has changed that.
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who changed what, and check that nobody has changed that.",
        discussion: """
            Every change by a person or by a rule of the gateway is written down in the same commit as the change. \
            Each row holds a hash of itself and of the row before it; audit verify finds rows that were changed, taken \
            out, put in or moved.
            """,
        subcommands: [List.self, Verify.self, AuditExport.self], defaultSubcommand: List.self)

    // MARK: list

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Show who changed what: retries, corrections, commands, approvals, settings (the default).")
        @OptionGroup var common: CommonOptions
        @Option(help: "Only rows with a higher number.") var after: Int64 = 0
        @Option(help: "Only this action, such as dead-letters.retry, or all that begin so.")
        var action: String?
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func run() async throws {
            let journal = try common.openJournal()
            let output = Output(format: format)
            output.header(ListedAuditRow.columns)
            var place = after
            while true {
                let page = try await journal.auditTrail(after: place, limit: 500)
                guard let last = page.last else { break }
                for entry in page where action.map({ entry.action.hasPrefix($0) }) ?? true {
                    output.row(ListedAuditRow(entry))
                }
                place = last.id
            }
            output.flush()
        }
    }

    // MARK: verify

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check the whole trail, and show each month with the hash of its last row.",
            discussion: """
                Keep the hashes somewhere else: whoever can write the database can also write a new trail that fits. \
                With --expect the trail must still hold the rows with hashes that were kept. Exit code 1 where \
                something is wrong.
                """)
        @OptionGroup var common: CommonOptions
        @Option(help: "Tell only of this month (YYYY-MM, UTC).") var month: String?
        @Option(help: "A hash of a month that was kept, in hexadecimal. Repeatable.") var expect: [String] =
            []
        @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

        func validate() throws {
            if let month, !AuditMonth.isMonth(month) {
                throw ValidationError("--month must look like 2026-11")
            }
            for text in expect where AuditMonth.hash(text) == nil {
                throw ValidationError("--expect must be 64 hexadecimal digits")
            }
        }

        func run() async throws {
            let journal = try common.openJournal()
            let expected = Set(expect.compactMap { AuditMonth.hash($0) })
            var check = AuditCheck(expecting: expected)
            var place: Int64 = 0
            while true {
                let page = try await journal.auditRows(after: place, limit: 1000)
                guard let last = page.last else { break }
                for row in page { check.take(row) }
                place = last.id
            }
            check.finish()
            let output = Output(format: format)
            output.header(VerifiedMonth.columns)
            let findings = check.findings.filter { month == nil || $0.month == month }
            for found in check.months where month == nil || found.name == month {
                output.row(VerifiedMonth(found, findings.count { $0.month == found.name }))
            }
            output.flush()
            for finding in findings {
                Screen.note("\(finding.month): \(finding.kind.rawValue): \(finding.words)")
            }
            if check.untold > 0 { Screen.note("and \(check.untold) more") }
            let unmet = expected.subtracting(check.met)
            for hash in unmet.map(AuditChain.text).sorted() {
                Screen.note(
                    "no row has the hash \(hash): rows were taken out at the end, or all was written anew")
            }
            if !findings.isEmpty || check.untold > 0 || !unmet.isEmpty {
                Screen.fail("the audit trail was changed", code: 1)
            }
            if format == .text { Screen.note("\(check.rows) rows, nothing was changed") }
        }
    }
}

/// `audit export`: the rows of some time, with what is needed to check them elsewhere.
struct AuditExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print rows with their hashes, for somebody who shall check them.",
        discussion: """
            How a hash is made stands in docs/operating.md. For checking take --format json: csv marks texts that a \
            spreadsheet would take for formulas.
            """)
    @OptionGroup var common: CommonOptions
    @Option(help: "This month (YYYY-MM, UTC).") var month: String?
    @Option(help: "From this day on (YYYY-MM-DD, UTC).") var from: String?
    @Option(help: "Up to and with this day (YYYY-MM-DD, UTC).") var to: String?
    @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

    func validate() throws {
        if let month {
            guard AuditMonth.isMonth(month) else { throw ValidationError("--month must look like 2026-11") }
            guard from == nil, to == nil else {
                throw ValidationError("give --month, or --from and --to")
            }
        }
        for day in [from, to].compactMap(\.self) where AuditMonth.day(day) == nil {
            throw ValidationError("--from and --to must look like 2026-11-22")
        }
    }

    private func takes(_ row: AuditRow) -> Bool {
        if let month { return row.month == month }
        let day = String(row.at.iso8601.prefix(10))
        return (from.map { $0 <= day } ?? true) && (to.map { day <= $0 } ?? true)
    }

    func run() async throws {
        let journal = try common.openJournal()
        let output = Output(format: format)
        output.header(ExportedAuditRow.columns)
        var place: Int64 = 0
        var previous = [UInt8](repeating: 0, count: 32)
        while true {
            let page = try await journal.auditRows(after: place, limit: 1000)
            guard let last = page.last else { break }
            for row in page {
                if takes(row) { output.row(ExportedAuditRow(row, previous: previous)) }
                previous = row.hash
            }
            place = last.id
        }
        output.flush()
    }
}

private enum AuditMonth {
    static func isMonth(_ text: String) -> Bool { day(text + "-01") != nil }

    static func day(_ text: String) -> WallTime? {
        text.utf8.count == 10 ? WallTime(text + " 00:00:00") : nil
    }

    static func hash(_ text: String) -> [UInt8]? {
        let digits = text.compactMap(\.hexDigitValue)
        guard digits.count == 64, text.utf8.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

private struct ListedAuditRow: OutputRow {
    static let columns = ["id", "at", "author", "action", "subject", "detail"]
    let values: [OutputValue]

    init(_ entry: AuditEntry) {
        values = [
            .number(entry.id), .text(entry.at.iso8601), .text(entry.author.name), .text(entry.action),
            .text(entry.subject), .text(entry.detail),
        ]
    }
}

private struct VerifiedMonth: OutputRow {
    static let columns = ["month", "rows", "first", "last", "findings", "hash"]
    let values: [OutputValue]

    init(_ month: AuditCheck.Month, _ findings: Int) {
        values = [
            .text(month.name), .number(Int64(month.rows)), .number(month.first), .number(month.last),
            .number(Int64(findings)), .text(AuditChain.text(month.head)),
        ]
    }
}

private struct ExportedAuditRow: OutputRow {
    static let columns = [
        "id", "at", "milliseconds", "author", "action", "subject", "detail", "previous", "hash",
    ]
    let values: [OutputValue]

    init(_ row: AuditRow, previous: [UInt8]) {
        values = [
            .number(row.id), .text(row.at.iso8601), .number(row.at.milliseconds), .text(row.author),
            .text(row.action), .text(row.subject), .text(row.detail), .text(AuditChain.text(previous)),
            .text(AuditChain.text(row.hash)),
        ]
    }
}
