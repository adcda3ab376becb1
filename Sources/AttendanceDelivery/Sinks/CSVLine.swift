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

    /// One cell: control characters and line breaks become blanks; what a spreadsheet would take for a formula gets an
    /// apostrophe in front; quoted after RFC 4180 where needed.
    package static func cell(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        // A spreadsheet drops blanks in front before it looks for a formula, so those do not hide one.
        let first = text.unicodeScalars.first { !$0.properties.isWhitespace && !$0.isControl }
        if first.map(opensFormula) ?? false || text.unicodeScalars.first.map(opensFormula) ?? false {
            scalars.append("'")
        }
        for scalar in text.unicodeScalars { scalars.append(scalar.isControl ? " " : scalar) }
        let safe = String(scalars)
        guard
            safe.unicodeScalars.contains(where: { $0 == "," || $0 == "\"" }) || safe.first == " "
                || safe.last == " "
        else { return safe }
        return "\"" + safe.replacing("\"", with: "\"\"") + "\""
    }

    /// Also the full-width forms, which some spreadsheets take for the same.
    private static func opensFormula(_ scalar: Unicode.Scalar) -> Bool {
        ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"].contains(scalar)
    }
}
