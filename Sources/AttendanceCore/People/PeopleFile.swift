import Foundation

/// A file of people: a line for each, `id-space,enroll-id,name,role,employee,card,pin,valid-from,valid-until`.
///
/// Only the number is needed; cells at the end may be left out. Role: `user`, `administrator`, `super-user`. Card and
/// PIN are taken where they are given and never written. Times are `YYYY-MM-DD` or `YYYY-MM-DD HH:MM:SS` by the
/// terminals' clocks. Other rules as in `MappingFile`.
package enum PeopleFile {
    package static let columns = [
        "id-space", "enroll-id", "name", "role", "employee", "card", "pin", "valid-from", "valid-until",
    ]
    package static let maximumBytes = 16 << 20
    package static let maximumLines = 200_000

    /// A person as a line tells. Secret where it has a card or a PIN.
    package struct Entry: Hashable, Sendable {
        /// From 1.
        package var line: Int
        package var person: Person
        package var contents: [CredentialContent]
    }

    /// Throws every mistake with its line: of a file that has any, nothing is used.
    ///
    /// - `spaces`: the id spaces there are, in any letter case.
    package static func parse(_ bytes: [UInt8], spaces: Set<String>, at now: UnixTime)
        throws(MappingFile.Failure) -> [Entry]
    {
        func whole(_ problem: String) -> MappingFile.Failure {
            MappingFile.Failure(
                problems: [.init(line: 0, problem: problem, remedy: "Import it in parts")], more: 0)
        }
        guard bytes.count <= maximumBytes else { throw whole("the file is larger than 16 MiB") }
        var rest = bytes[...]
        if rest.starts(with: [0xEF, 0xBB, 0xBF]) { rest = rest.dropFirst(3) }
        let lines = rest.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.count <= maximumLines + 1 else {
            throw whole("the file has more than \(maximumLines) lines")
        }
        let known = Dictionary(spaces.map { ($0.lowercased(), $0) }, uniquingKeysWith: { $1 })
        var reading = Reading(spaces: known, now: now)
        for (index, line) in lines.enumerated() { reading.take(line, number: index + 1) }
        guard reading.problems.isEmpty else {
            throw MappingFile.Failure(problems: reading.problems, more: reading.more)
        }
        return reading.entries
    }

    /// The cells of somebody, as they are read again.
    package static func cells(_ person: Person) -> [String] {
        [
            person.key.space, person.key.enrollID.sent, person.name, person.role.name, person.employee ?? "",
            "", "", person.validFrom?.description ?? "", person.validUntil?.description ?? "",
        ]
    }

    private struct Reading {
        let spaces: [String: String]
        let now: UnixTime
        var entries: [Entry] = []
        var problems: [MappingFile.Problem] = []
        var more = 0
        private var seen: [PersonKey: Int] = [:]
        private var mayBeHeader = true

        init(spaces: [String: String], now: UnixTime) {
            self.spaces = spaces
            self.now = now
        }

        mutating func take(_ line: ArraySlice<UInt8>, number: Int) {
            var line = line
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            guard let text = String(validating: line, as: UTF8.self) else {
                return tell(number, "the line is not UTF-8", "Save the file as UTF-8")
            }
            let content = text.trimmingBlanks()
            if content.isEmpty || content.hasPrefix("#") { return }
            guard var cells = CSVCells.of(content)?.map(Self.withoutGuard) else {
                return tell(
                    number, "a double quote is not closed, or stands within a cell",
                    "Double it, or quote the cell")
            }
            defer { mayBeHeader = false }
            if mayBeHeader, isHeader(cells) { return checkHeader(cells, number) }
            guard (2...PeopleFile.columns.count).contains(cells.count) else {
                return tell(
                    number, "there are \(cells.count) cells instead of 2 to \(PeopleFile.columns.count)",
                    "Write \(PeopleFile.columns.joined(separator: ","))")
            }
            cells += Array(repeating: "", count: PeopleFile.columns.count - cells.count)
            read(cells, number)
        }

        /// A line that names columns, and nobody's number.
        private func isHeader(_ cells: [String]) -> Bool {
            cells.contains { PeopleFile.columns.contains($0.lowercased()) }
                && !cells.contains { cell in
                    !cell.isEmpty && cell.utf8.allSatisfy { (0x30...0x39).contains($0) }
                }
        }

        private mutating func checkHeader(_ cells: [String], _ number: Int) {
            let isInOrder = cells.map { $0.lowercased() } == Array(PeopleFile.columns.prefix(cells.count))
            if isInOrder, cells.count > 1 { return }
            tell(
                number, "the header names other columns, or in another order",
                "Write \(PeopleFile.columns.joined(separator: ",")); columns at the end may be left out, others left blank"
            )
        }

        /// An export puts an apostrophe before what a spreadsheet would take for a formula.
        private static func withoutGuard(_ cell: String) -> String {
            guard cell.first == "'", let next = cell.dropFirst().first(where: { $0 != " " }),
                "=+-@＝＋－＠".contains(next)
            else { return cell }
            return String(cell.dropFirst())
        }

        private mutating func read(_ cells: [String], _ number: Int) {
            let before = problems.count + more
            guard let space = spaces[cells[0].lowercased()] else {
                return tell(
                    number, "“\(PlainText.line(cells[0], limit: 64))” is no id space",
                    "Write the name of a [Group] with an EmployeeField, or nothing")
            }
            guard let id = EnrollID(cells[1]), !id.isDoor, !id.isStranger,
                id.canonical.utf8.count <= 18, id.canonical.utf8.allSatisfy({ (0x30...0x39).contains($0) })
            else {
                return tell(
                    number, "“\(PlainText.line(cells[1], limit: 64))” is no enroll id",
                    "Write the person's number on the terminals: 1 to 18 digits")
            }
            let key = PersonKey(space: space, enrollID: id)
            if let first = seen[key] {
                return tell(number, "\(id) stands in line \(first) already", "Keep one of the two lines")
            }
            seen[key] = number
            let name = Person.usableName(cells[2])
            if name != PlainText.line(cells[2]) {
                tell(
                    number, "the name is longer than \(Person.maximumName - 1) characters",
                    "Write it as it shall stand on the terminals")
            }
            let role = cells[3].isEmpty ? PersonRole.user : PersonRole(named: cells[3])
            if role == nil {
                tell(
                    number, "“\(PlainText.line(cells[3], limit: 40))” is no role",
                    "Write user, administrator or super-user")
            }
            var contents: [CredentialContent] = []
            for (slot, cell, what) in [(11, cells[5], "card"), (10, cells[6], "pin")] where !cell.isEmpty {
                do throws(CredentialDefect) {
                    contents.append(try CredentialContent(slot: slot, record: cell))
                } catch {
                    tell(number, "\(what): \(error.found)", "Allowed: \(error.allowed)")
                }
            }
            let from = time(cells[7], "valid-from", number)
            let until = time(cells[8], "valid-until", number)
            if let from, let until, until <= from {
                tell(number, "valid-until is not after valid-from", "Write a later time")
            }
            guard problems.count + more == before, let role else { return }
            entries.append(
                Entry(
                    line: number,
                    person: Person(
                        key: key, name: name, role: role, employee: cells[4].isEmpty ? nil : cells[4],
                        source: .file, validFrom: from, validUntil: until, changed: now),
                    contents: contents))
        }

        private mutating func time(_ cell: String, _ column: String, _ number: Int) -> WallTime? {
            if cell.isEmpty { return nil }
            if let time = WallTime(cell.utf8.count == 10 ? cell + " 00:00:00" : cell) { return time }
            tell(
                number, "\(column): “\(PlainText.line(cell, limit: 40))” is no time",
                "Write YYYY-MM-DD or YYYY-MM-DD HH:MM:SS")
            return nil
        }

        private mutating func tell(_ line: Int, _ problem: String, _ remedy: String) {
            guard problems.count < MappingFile.maximumProblems else { return more += 1 }
            problems.append(.init(line: line, problem: problem, remedy: remedy))
        }
    }
}
