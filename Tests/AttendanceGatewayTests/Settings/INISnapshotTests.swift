import Configuration
import Testing

@testable import AttendanceGateway

@Suite struct INISnapshotTests {
    private func value(_ text: String, _ key: AbsoluteConfigKey = ["erp", "url"]) -> String? {
        INISnapshot(bytes: Array(text.utf8)).entry(for: key)?.value
    }

    @Test(arguments: [
        ("[ERP]\nURL = https://x/", "https://x/"),
        ("[ERP]\nURL: https://x/", "https://x/"),
        ("[erp]\nurl=https://x/?a=b:c", "https://x/?a=b:c"),
        ("\u{FEFF}[ERP]\r\nURL = x\r\n", "x"),
        ("[ERP]\n\n # note\n; note\nURL = x # still the value", "x # still the value"),
        ("[ERP]\nURL = 100%@%%(a)s", "100%@%%(a)s"),
        ("[ERP]\nURL = \"x\\n\"", "\"x\\n\""),
        ("[ERP]\nURL =", ""),
        ("[ERP]\nURL = a\n  b\n\n  # between\n  c", "a\nb\nc"),
        ("[ERP]\n  Other = a\n  URL = b", "b"),
        ("[ERP]\n\tURL\t=\tx\t", "x"),
        ("  [ERP]\nURL = x", "x"),
        ("[ERP]\nURL = Grüße", "Grüße"),
    ])
    func `reads a value as it stands`(text: String, expected: String) {
        #expect(value(text) == expected)
        #expect(INISnapshot(bytes: Array(text.utf8)).faults.isEmpty)
    }

    @Test(arguments: [
        ("Port = 1", 1, "before the first section"),
        ("[Server]\nnonsense", 2, "neither a [section]"),
        ("[Server\nPort = 1", 1, "must be [name]"),
        ("[Server] # first", 1, "must be [name]"),
        ("[ ]", 1, "without a name"),
        ("[Server]\n= 5", 2, "without a key"),
        ("[Server]\nPort = 1\nport = 2", 3, "stands already at line 2"),
        ("[Server]\n[ERP]\n[server]", 3, "stands already at line 1"),
        ("[Listener a  b]\n[listener A  b]", 2, "stands already at line 1"),
        ("[Server]\nPort = 1\u{0}2", 2, "control character"),
        ("[Server]\nPort = 1\rHost = x", 2, "control character"),
    ])
    func `tells a mistake of form with its line`(text: String, line: Int, words: String) throws {
        let fault = try #require(INISnapshot(bytes: Array(text.utf8)).faults.first)
        #expect(fault.line == line)
        #expect(fault.problem.contains(words))
        #expect(!fault.remedy.isEmpty)
    }

    @Test func `names the line that is not UTF-8 and reads the others`() {
        let bytes = Array("[Server]\nHost = caf".utf8) + [0xE9, 0x0A] + Array("Port = 9000\n".utf8)
        let snapshot = INISnapshot(bytes: bytes)
        #expect(snapshot.faults.map(\.line) == [2])
        #expect(snapshot.entry(for: ["server", "port"])?.value == "9000")
    }

    @Test func `refuses UTF-16 and files beyond 1 MiB`() {
        #expect(
            INISnapshot(bytes: [0xFF, 0xFE, 0x5B, 0x00]).faults.first?.problem.contains("UTF-16") == true)
        let large = Array(repeating: UInt8(ascii: "#"), count: (1 << 20) + 1)
        #expect(INISnapshot(bytes: large).faults.first?.problem.contains("1 MiB") == true)
        #expect(INISnapshot(bytes: Array(large.dropLast())).faults.isEmpty)
    }

    @Test func `keeps the line of every key and every continuation`() throws {
        let snapshot = INISnapshot(bytes: Array("[Server]\n\nAllowedSerials = A,\n  B\n\n  C\n".utf8))
        let entry = try #require(snapshot.entry(for: ["SERVER", "allowedSerials"]))
        #expect(entry.lines.map(\.number) == [3, 4, 6])
        #expect(entry.lines.map(\.text) == ["A,", "B", "C"])
    }

    @Test func `is a snapshot of swift-configuration that marks secrets`() throws {
        let bytes = Array("[Security]\nAuthToken = s3cr3t-s3cr3t\n".utf8)
        let snapshot = try INISnapshot(
            data: bytes.span.bytes, providerName: "test",
            parsingOptions: .init(secrets: ["security.authtoken"]))
        let result = try snapshot.value(forKey: ["security", "authToken"], type: .string)
        #expect(result.value == ConfigValue(.string("s3cr3t-s3cr3t"), isSecret: true))
        #expect(result.value?.description.contains("s3cr3t") == false)
        #expect(throws: INISnapshot.Fault.self) {
            try snapshot.value(forKey: ["security", "authToken"], type: .int)
        }
        let broken = Array("nonsense".utf8)
        #expect(throws: INISnapshot.Fault.self) {
            try INISnapshot(data: broken.span.bytes, providerName: "test", parsingOptions: .default)
        }
    }
}
