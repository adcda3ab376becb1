import AttendanceCore
import AttendanceStore

/// One line of the audit CSV. The same outcome always gives the same bytes: recovery after a crash rests on it.
package struct CSVLine: Hashable, Sendable {
    /// Columns as the older service's users know them.
    package static let header = Array("Timestamp,Enroll ID,Name,Device ID,ERP Status\n".utf8)

    package let text: String
    package var bytes: [UInt8] { Array(text.utf8) }

    package init(_ outcome: ReportedOutcome) {
        let cells = [
            outcome.time.description, outcome.enrollID.sent, outcome.name ?? "", outcome.terminal.text,
            outcome.status.text,
        ]
        text = cells.map(Self.cell).joined(separator: ",") + "\n"
    }

    /// The month of the punch decides, not that of its delivery.
    package static func fileName(_ outcome: ReportedOutcome) -> String {
        "\(outcome.time.month)-attendance.csv"
    }

    package static func cell(_ text: String) -> String { CSVCells.cell(text) }
}
