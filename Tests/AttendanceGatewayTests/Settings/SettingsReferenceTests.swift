import Foundation
import Testing

@testable import AttendanceGateway

/// The files that are made from the table must be what the table says now.
@Suite struct SettingsReferenceTests {
    private static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private func file(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
    }

    @Test func `the sample file is the table's`() throws {
        #expect(
            try file("packaging/config.ini") == SettingsReference.sample,
            "write it anew: attendance-gateway check-config --print-sample > packaging/config.ini")
    }

    @Test func `the reference is the table's`() throws {
        let page = try file("docs/settings.md")
        let begin = try #require(page.range(of: SettingsReference.tablesBegin))
        let end = try #require(page.range(of: SettingsReference.tablesEnd))
        #expect(
            page[begin.upperBound..<end.lowerBound].trimmingCharacters(in: .whitespacesAndNewlines)
                == SettingsReference.tables.trimmingCharacters(in: .whitespacesAndNewlines),
            "write the tables anew: attendance-gateway check-config --print-reference")
    }

    @Test func `every line of the sample means something when its # is removed`() throws {
        let names = Set(SettingsTable.rows.map(\.name))
        var section: SettingsSection?
        var seen: Set<String> = []
        for line in SettingsReference.sample.split(separator: "\n") where !line.hasPrefix("# ") && line != "#"
        {
            let text = line.hasPrefix("#") ? line.dropFirst() : line
            if text.hasPrefix("[") {
                section = SettingsSection.named(text.dropFirst().prefix { $0.isLetter })
                #expect(section != nil)
                continue
            }
            let key = String(text.prefix { $0 != " " })
            #expect(names.contains(key))
            let row = try #require(section.flatMap { SettingsTable.row(key, in: $0) })
            seen.insert(row.title)
        }
        #expect(seen.count == SettingsTable.rows.count)
    }

    @Test func `a name stands once in its section and every help is a sentence`() {
        #expect(Set(SettingsTable.rows.map(\.title)).count == SettingsTable.rows.count)
        for row in SettingsTable.rows { #expect(row.help.hasSuffix("."), "\(row.title)") }
    }
}
