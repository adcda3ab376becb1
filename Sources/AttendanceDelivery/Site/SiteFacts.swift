import AttendanceCore
import AttendanceStore
import Foundation

/// What is kept of a site in the journal's facts beside its employees, so that a restart knows it before the site
/// answers.
struct SiteFacts {
    enum Name {
        static let timeZone = "time_zone"
        /// JSON object, app to version.
        static let versions = "versions"
        /// JSON list.
        static let shifts = "shift_types"
        /// The site's own time of the last reading of employees.
        static let cursor = "employees_modified"
        /// When the whole list was last read: milliseconds since 1970 UTC.
        static let wholeList = "employees_listed"
        /// Key fields that the kept employees were read with, joined by commas.
        static let fields = "employees_fields"
    }

    private struct Shift: Codable {
        var name: String
        var start: Int
        var end: Int
        var allowsCheckOutAfter: Int
        var marksAttendance: Bool
        var movesLastSyncItself: Bool
        var lastSync: Int64?
        var countsFrom: Int64?
    }

    static func encode(_ shifts: [ShiftType]) throws -> String {
        try text(
            shifts.map {
                Shift(
                    name: $0.name, start: $0.start, end: $0.end, allowsCheckOutAfter: $0.allowsCheckOutAfter,
                    marksAttendance: $0.marksAttendance, movesLastSyncItself: $0.movesLastSyncItself,
                    lastSync: $0.lastSync?.seconds, countsFrom: $0.countsFrom?.seconds)
            })
    }

    static func shifts(_ text: String) throws -> [ShiftType] {
        try JSONDecoder().decode([Shift].self, from: Data(text.utf8)).map {
            ShiftType(
                name: $0.name, start: $0.start, end: $0.end, allowsCheckOutAfter: $0.allowsCheckOutAfter,
                marksAttendance: $0.marksAttendance, lastSync: $0.lastSync.map { WallTime(seconds: $0) },
                movesLastSyncItself: $0.movesLastSyncItself,
                countsFrom: $0.countsFrom.map { WallTime(seconds: $0) })
        }
    }

    static func encode(_ versions: [String: String]) throws -> String { try text(versions) }

    static func versions(_ text: String) throws -> [String: String] {
        try JSONDecoder().decode([String: String].self, from: Data(text.utf8))
    }

    private static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
