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
}
