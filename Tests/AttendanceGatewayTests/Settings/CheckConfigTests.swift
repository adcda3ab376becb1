import Foundation
import Testing

@testable import AttendanceGateway

@Suite struct CheckConfigTests {
    /// The code blocks behind a heading of docs/settings.md.
    private func blocks(below heading: String) throws -> [String] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: "docs/settings.md"), encoding: .utf8)
        let start = try #require(page.range(of: "\n## \(heading)\n"))
        let section = page[start.upperBound...]
        let end = section.range(of: "\n## ")?.lowerBound ?? section.endIndex
        let parts = section[..<end].components(separatedBy: "```")
        return stride(from: 1, to: parts.count, by: 2).map { index in
            String(parts[index].drop { $0 != "\n" }.dropFirst())
        }
    }

    @Test func `the full example of the documentation runs as the transcript below it says`() throws {
        let blocks = try blocks(below: "A full example")
        try #require(blocks.count == 3)
        let folder = try TemporaryFolder()
        try folder.write(blocks[1], to: "etc/mapping.csv")
        let loaded = try loadSettings(blocks[0], folder: folder)
        let report = CheckConfig.report(loaded).replacing(
            folder.path + "/etc", with: "/etc/attendance-gateway")
        let shown = report.components(separatedBy: "set by you\n")[0]
        let transcript = blocks[2].components(separatedBy: "set by you\n")[0]
        #expect(shown == transcript.split(separator: "\n").dropFirst().joined(separator: "\n") + "\n")
        #expect(report.contains("  [Webhook payroll] URL = redacted  (/etc/attendance-gateway/config.ini:"))
    }

    /// Longer than any name and number, with a letter that no key takes.
    private let bad = String(repeating: "\u{E9} ", count: 150) + "x"

    /// Keys for which every text is sound.
    private let free: Set<String> = [
        "[Backup] Directory",
        "[Store] Directory", "[Store] KeyFile", "[CSV] Directory", "[Logging] LogDirectory",
        "[Terminal SERIAL] Name", "[Console] TLSCertificateFile", "[Console] TLSKeyFile",
        "[Server] TLSCertificateFile", "[Server] TLSKeyFile", "[Listener NAME] TLSCertificateFile",
        "[Listener NAME] TLSKeyFile",
    ]

    @Test func `every key's bad value is a mistake that names file, line and remedy`() throws {
        for row in SettingsTable.rows where !free.contains(row.title) {
            let name = row.section.nameExample.map { " \($0)" } ?? ""
            var text = "[\(row.section.rawValue)\(name)]\n\(row.name) = \(bad)\n"
            if row.section != .security { text += "[Security]\nAuthToken = 3f9c1e0b7a52d844\n" }
            let loaded = try loadSettings(text)
            let found = loaded.mistakes.first {
                $0.line == 2 && $0.key == "[\(row.section.rawValue)\(name)] \(row.name)"
            }
            #expect(found != nil, "\(row.title): \(loaded.problems.map(\.description))")
            #expect(found?.file?.hasSuffix("/etc/config.ini") == true)
            #expect(Set(loaded.problems).count == loaded.problems.count, "\(row.title) is told twice")
            let places = loaded.values.map { "\($0.title) \($0.place.description)" }
            #expect(Set(places).count == places.count, "\(row.title) is listed twice")
            #expect(found?.remedy.isEmpty == false)
            if row.isSecret { #expect(found?.description.contains("\u{E9}") == false, "\(row.title)") }
            #expect((found?.description.count ?? 0) < 700, "\(row.title)")
        }
    }
}
