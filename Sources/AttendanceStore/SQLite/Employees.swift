import AttendanceCore
import Foundation
import GRDB

// The local copy of a site's people: runs on the writer's thread, inside its transaction.

extension WriterConnection {
    /// See `Store.putEmployees`.
    func putEmployees(_ changed: [Employee], removed: [String], of name: SinkName) throws {
        guard let index = state.index(of: name) else { return }
        let sink = state.sinks[index].id
        let put = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO employee
                    (sink, name, full_name, status, company, branch, default_shift, modified, keys)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """)
        for employee in changed {
            try put.execute(arguments: [
                sink, employee.name, employee.fullName, employee.status, employee.company, employee.branch,
                employee.defaultShift, employee.modified, try JSONText.encode(employee.keys),
            ])
        }
        let remove = try db.cachedStatement(sql: "DELETE FROM employee WHERE sink = ? AND name = ?")
        for name in removed { try remove.execute(arguments: [sink, name]) }
    }

    /// See `Store.setMappings`.
    func setMappings(
        _ added: [EmployeeMapping], removed: [EmployeeMapping], of name: SinkName, by author: Author,
        at now: UnixTime
    ) throws {
        guard let index = state.index(of: name) else { return }
        let sink = state.sinks[index].id
        func tell(_ action: String, _ mapping: EmployeeMapping) throws {
            let space = mapping.space.isEmpty ? "" : " of \(mapping.space)"
            try audit(
                AuditEntry(
                    at: now, author: author, action: action, subject: "\(mapping.enrollID)\(space)",
                    detail: "\(mapping.employee) at \(name)"))
        }
        for mapping in removed {
            try db.cachedStatement(sql: "DELETE FROM mapping WHERE sink = ? AND space = ? AND enroll = ?")
                .execute(arguments: [sink, mapping.space, mapping.enrollID.canonical])
            if changes > 0 { try tell("employees.unmap", mapping) }
        }
        for mapping in added {
            try db.cachedStatement(
                sql: "INSERT OR REPLACE INTO mapping (sink, space, enroll, employee) VALUES (?, ?, ?, ?)"
            ).execute(arguments: [sink, mapping.space, mapping.enrollID.canonical, mapping.employee])
            try tell("employees.map", mapping)
        }
    }

    /// See `Store.setFacts`.
    func setFacts(_ facts: [String: String], of name: SinkName, at now: UnixTime) throws {
        guard let index = state.index(of: name) else { return }
        let statement = try db.cachedStatement(
            sql: "INSERT OR REPLACE INTO site_fact (sink, name, value, at) VALUES (?, ?, ?, ?)")
        for (fact, value) in facts {
            try statement.execute(arguments: [state.sinks[index].id, fact, value, now.milliseconds])
        }
    }
}

/// A column that holds a JSON object of texts.
enum JSONText {
    static func encode(_ value: [String: String]) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    static func decode(_ text: String) throws -> [String: String] {
        try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    }
}

extension JSONText {
    /// A JSON string.
    static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.append(jsonString: text)
        return String(decoding: bytes, as: UTF8.self)
    }
}
