/// One line of a file of cells with commas between, as people and spreadsheets write them: a cell may stand in double
/// quotes, with a double quote doubled; blanks around a cell mean nothing.
package enum CSVCells {
    /// Nil where quotes do not pair up.
    package static func of(_ line: String) -> [String]? {
        var cells: [String] = []
        var rest = Substring(line)
        while true {
            rest = rest.drop { $0 == " " || $0 == "\t" }
            var cell = ""
            if rest.first == "\"" {
                rest.removeFirst()
                while true {
                    guard let end = rest.firstIndex(of: "\"") else { return nil }
                    cell += rest[..<end]
                    rest = rest[rest.index(after: end)...]
                    guard rest.first == "\"" else { break }
                    cell += "\""
                    rest.removeFirst()
                }
                rest = rest.drop { $0 == " " || $0 == "\t" }
                guard rest.isEmpty || rest.first == "," else { return nil }
            } else {
                let end = rest.firstIndex(of: ",") ?? rest.endIndex
                cell = String(rest[..<end])
                guard !cell.contains("\"") else { return nil }
                rest = rest[end...]
            }
            cells.append(cell.trimmingBlanks())
            guard rest.first == "," else { return cells }
            rest.removeFirst()
        }
    }

    /// One cell of a line that we write: control characters and line breaks become blanks; what a spreadsheet would take
    /// for a formula gets an apostrophe in front; quoted after RFC 4180 where needed.
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
