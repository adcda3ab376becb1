import AttendanceCore
import Foundation

/// A site's `MappingFile`: CSV in UTF-8, on each line a group of terminals (blank for all), an id as terminals send it,
/// and the document name of an Employee.
///
/// Blank lines, lines that begin with `#`, a first line of column names and a byte order mark are skipped; a field may
/// stand in double quotes. At most 16 MiB and 200,000 lines with something on them.
struct MappingFile {
    struct Fault: Hashable {
        /// Nil for the file as a whole.
        var line: Int?
        var problem: String
        var remedy: String
    }

    private(set) var mappings: [EmployeeMapping] = []
    private(set) var faults: [Fault] = []

    static let maximumBytes = 16 << 20
    static let maximumLines = 200_000
    private static let example =
        "Write group,id,employee, such as ,0042,HR-EMP-00007 (no group: all terminals)"

    /// - Parameter spaces: groups that number people by themselves, by their names in lower case; nil for those that
    ///   do not.
    init(bytes: [UInt8], spaces: [String: String?]) {
        guard bytes.count <= Self.maximumBytes else {
            faults = [
                Fault(problem: "the file is larger than 16 MiB", remedy: "Check that it is the right file")
            ]
            return
        }
        let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        var lines: [EmployeeMapping.Key: Int] = [:]
        for (offset, slice) in text.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            let number = offset + 1
            do throws(ValueFault) {
                guard let mapping = try Self.mapping(slice, isFirst: lines.isEmpty, spaces: spaces) else {
                    continue
                }
                if lines.count == Self.maximumLines {
                    throw ValueFault(
                        problem: "the file has more than \(Self.maximumLines) lines",
                        remedy: "Let EmployeeField hold the ids, and map what differs")
                }
                let key = EmployeeMapping.Key(mapping)
                if let earlier = lines[key] {
                    throw ValueFault(
                        problem: "the id \(quoted(mapping.enrollID.sent)) stands already at line \(earlier)",
                        remedy: "Keep one of the two")
                }
                lines[key] = number
                mappings.append(mapping)
            } catch {
                faults.append(Fault(line: number, problem: error.problem, remedy: error.remedy))
                // Whoever has that many has another file in mind.
                if lines.count == Self.maximumLines || faults.count == 1000 { return }
            }
        }
    }

    /// Nil for a line that says nothing.
    private static func mapping(
        _ bytes: ArraySlice<UInt8>, isFirst: Bool, spaces: [String: String?]
    ) throws(ValueFault) -> EmployeeMapping? {
        guard let line = String(validating: bytes, as: UTF8.self) else {
            throw ValueFault(problem: "the line is not UTF-8", remedy: "Save the file as UTF-8")
        }
        let text = line.trimmingBlanks()
        if text.isEmpty || text.hasPrefix("#") { return nil }
        guard let fields = fields(of: text) else {
            throw ValueFault(problem: "a double quote is not closed", remedy: example)
        }
        guard fields.count == 3 else {
            throw ValueFault(
                problem: "the line has \(fields.count) field\(fields.count == 1 ? "" : "s") instead of 3",
                remedy: example)
        }
        if isFirst, fields[2].lowercased() == "employee" { return nil }
        var space = ""
        if !fields[0].isEmpty {
            guard let known = spaces[fields[0].lowercased()] else {
                throw ValueFault(
                    problem: "there is no section [Group \(PlainText.line(fields[0], limit: 64))]",
                    remedy: Suggestion.nearest(to: fields[0], among: spaces.values.compactMap(\.self))
                        .map { "Perhaps \($0) is meant" }
                        ?? "Write the name of a group, or nothing for all terminals")
            }
            guard let known else {
                throw ValueFault(
                    problem:
                        "[Group \(PlainText.line(fields[0], limit: 64))] has the ids that all terminals have",
                    remedy: "Leave the first field blank, or write EmployeeField into the group's section")
            }
            space = known
        }
        guard let id = EnrollID(fields[1]) else {
            throw ValueFault(
                problem: "\(quoted(PlainText.line(fields[1]))) is no id of a person", remedy: example)
        }
        // The length of a document's name in Frappe.
        guard !fields[2].isEmpty, fields[2].count <= 140,
            !fields[2].unicodeScalars.contains(where: \.isControl)
        else {
            throw ValueFault(
                problem: "\(quoted(PlainText.line(fields[2]))) is no name of an Employee", remedy: example)
        }
        return EmployeeMapping(space: space, enrollID: id, employee: fields[2])
    }

    /// Without blanks around them; nil when a quote is not closed. Source: RFC 4180, section 2.
    private static func fields(of line: String) -> [String]? {
        var fields = [""]
        var isQuoted = false
        var rest = line[...]
        while let character = rest.popFirst() {
            switch character {
            case "\"" where isQuoted && rest.first == "\"":
                rest.removeFirst()
                fields[fields.count - 1].append("\"")
            case "\"" where isQuoted: isQuoted = false
            case "\"" where fields[fields.count - 1].trimmingBlanks().isEmpty: isQuoted = true
            case "," where !isQuoted: fields.append("")
            default: fields[fields.count - 1].append(character)
            }
        }
        return isQuoted ? nil : fields.map { $0.trimmingBlanks() }
    }
}

extension EmployeeMapping {
    /// What may stand once: ids that differ only in leading zeros or letter case are one, as the directory has it.
    fileprivate struct Key: Hashable {
        var space: String
        var id: String

        init(_ mapping: EmployeeMapping) {
            space = mapping.space
            id = mapping.enrollID.canonical.lowercased()
        }
    }
}
