import AttendanceCore
import AttendanceSimulation
import AttendanceStore

/// The figures of a day, as a table.
struct DayReport: Sendable {
    private var rows: [(name: String, value: String)] = []

    mutating func add(_ name: String, _ value: some CustomStringConvertible) {
        rows.append((name, value.description))
    }

    /// Counts by name, the largest first.
    mutating func add<Name>(_ name: String, counts: [Name: Int], _ text: (Name) -> String) {
        let parts = counts.map { (text($0.key), $0.value) }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
        add(name, parts.map { "\($0.0) \($0.1)" }.joined(separator: ", "))
    }

    var text: String {
        let width = rows.map(\.name.count).max() ?? 0
        return rows.map { row in
            var value = ""
            var line = 0
            for word in row.value.split(separator: " ") {
                if line > 0, line + word.count > 90 {
                    value += "\n" + String(repeating: " ", count: width + 5)
                    line = 0
                }
                value += line > 0 ? " \(word)" : "\(word)"
                line += word.count + 1
            }
            return "  " + row.name.padding(to: width) + " | " + value
        }.joined(separator: "\n")
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
