import Foundation

/// A file of mappings: a line for each, `id-space,enroll-id,employee`.
///
/// The id space is the name of a group of terminals, or empty for all of them; the employee is a document name. The
/// first line may be that header. Blank lines and lines beginning with `#` mean nothing. A cell may stand in double
/// quotes, with a double quote doubled; blanks around a cell mean nothing. UTF-8, with or without a byte order mark;
/// lines end in LF or CRLF.
package enum MappingFile {
    package static let maximumBytes = 16 << 20
    package static let maximumLines = 200_000
    /// Mistakes told of one file; the rest are counted.
    package static let maximumProblems = 50

    /// A mapping and where it stands.
    package struct Entry: Hashable, Sendable {
        /// From 1.
        package var line: Int
        package var mapping: EmployeeMapping
    }

    package struct Problem: Hashable, Sendable, CustomStringConvertible {
        /// From 1; 0 for the file as a whole.
        package var line: Int
        package var problem: String
        package var remedy: String

        package init(line: Int, problem: String, remedy: String) {
            self.line = line
            self.problem = problem
            self.remedy = remedy
        }

        package var description: String {
            line == 0 ? "\(problem). \(remedy)" : "line \(line): \(problem). \(remedy)"
        }
    }

    /// Every mistake of a file: of one that has any, nothing is used.
    package struct Failure: LocalizedError, Hashable, Sendable {
        package var problems: [Problem]
        /// Mistakes beyond `problems`.
        package var more: Int

        package var errorDescription: String? {
            (problems.map(\.description) + (more > 0 ? ["and \(more) more"] : [])).joined(separator: "; ")
        }
    }

    package static func parse(_ bytes: [UInt8]) throws(Failure) -> [Entry] {
        guard bytes.count <= maximumBytes else {
            throw Failure(whole: "the file is larger than 16 MiB", "Map by another EmployeeField instead")
        }
        var rest = bytes[...]
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        let lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.count <= maximumLines + 1 else {
            throw Failure(
                whole: "the file has more than \(maximumLines) lines", "Map by another EmployeeField instead")
        }
        var reading = Reading()
        for (index, line) in lines.enumerated() { reading.take(line, number: index + 1) }
        guard reading.problems.isEmpty else {
            throw Failure(problems: reading.problems, more: reading.more)
        }
        return reading.entries
    }

    private struct Key: Hashable {
        var space: String
        var id: String
    }

    private struct Reading {
        var entries: [Entry] = []
        var problems: [Problem] = []
        var more = 0
        private var seen: [Key: Int] = [:]
        private var mayBeHeader = true

        mutating func take(_ line: ArraySlice<UInt8>, number: Int) {
            var line = line
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            guard let text = String(validating: line, as: UTF8.self) else {
                return tell(number, "the line is not UTF-8", "Save the file as UTF-8")
            }
            let content = text.trimmingBlanks()
            if content.isEmpty || content.hasPrefix("#") { return }
            guard let cells = CSVCells.of(content) else {
                return tell(
                    number, "a double quote is not closed, or stands within a cell",
                    "Double it, or quote the cell")
            }
            defer { mayBeHeader = false }
            if mayBeHeader, Self.isHeader(cells) { return }
            guard cells.count == 3 else {
                return tell(
                    number, "there are \(cells.count) cells instead of 3",
                    "Write id-space,enroll-id,employee, separated by commas; the first may be empty")
            }
            guard cells[0].isOneLine(ofAtMost: 64) else {
                return tell(number, "the id space is too long", "Write the name of a [Group], or nothing")
            }
            guard let id = EnrollID(cells[1]), !id.isDoor, !id.isStranger else {
                return tell(
                    number, "“\(PlainText.line(cells[1], limit: 64))” is no enroll id",
                    "Write the person's number on the terminals")
            }
            guard !cells[2].isEmpty, cells[2].isOneLine(ofAtMost: 140) else {
                return tell(number, "there is no employee", "Write the document name, such as HR-EMP-00007")
            }
            let key = Key(space: cells[0].lowercased(), id: id.canonical.lowercased())
            if let first = seen[key] {
                return tell(
                    number,
                    "\(id) is mapped in line \(first) already"
                        + (cells[0].isEmpty ? "" : " for this id space"),
                    "Keep one of the two lines; 0012 and 12 are one id")
            }
            seen[key] = number
            entries.append(
                Entry(
                    line: number,
                    mapping: EmployeeMapping(space: cells[0], enrollID: id, employee: cells[2])))
        }

        private mutating func tell(_ line: Int, _ problem: String, _ remedy: String) {
            guard problems.count < MappingFile.maximumProblems else { return more += 1 }
            problems.append(Problem(line: line, problem: problem, remedy: remedy))
        }

        private static func isHeader(_ cells: [String]) -> Bool {
            cells.count == 3 && cells[2].lowercased() == "employee"
                && ["id", "enroll-id", "enroll_id", "enrollid"].contains(cells[1].lowercased())
        }
    }
}

extension MappingFile.Failure {
    fileprivate init(whole problem: String, _ remedy: String) {
        self.init(problems: [.init(line: 0, problem: problem, remedy: remedy)], more: 0)
    }
}
