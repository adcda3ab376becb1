import ArgumentParser
import AttendanceCore
import AttendanceStore

/// `audit`: who changed what.
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who changed what: retries, discards, corrections, mappings, repairs.",
        discussion: """
            Every change by a person or by a rule of the gateway is written down in the same commit as the change. \
            Each row holds a hash of itself and of the row before it.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Only rows with a higher number.") var after: Int64 = 0
    @Option(help: "Only this action, such as dead-letters.retry, or all that begin so.") var action: String?
    @Option(help: "text, csv or json (one object a line).") var format: OutputFormat = .text

    func run() async throws {
        let journal = try common.openJournal()
        let output = Output(format: format)
        output.header(AuditRow.columns)
        var place = after
        while true {
            let page = try await journal.auditTrail(after: place, limit: 500)
            guard let last = page.last else { break }
            for entry in page where action.map({ entry.action.hasPrefix($0) }) ?? true {
                output.row(AuditRow(entry))
            }
            place = last.id
        }
        output.flush()
    }
}

private struct AuditRow: OutputRow {
    static let columns = ["id", "at", "author", "action", "subject", "detail"]
    let values: [OutputValue]

    init(_ entry: AuditEntry) {
        values = [
            .number(entry.id), .text(entry.at.iso8601), .text(entry.author.name), .text(entry.action),
            .text(entry.subject), .text(entry.detail),
        ]
    }
}
