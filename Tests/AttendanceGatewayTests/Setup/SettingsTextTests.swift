import Foundation
import Testing

@testable import AttendanceGateway

@Suite struct SettingsTextTests {
    private func changed(_ text: String, _ changes: [(SettingRow, String)]) -> String {
        var text = SettingsText(text)
        for (row, value) in changes { text.apply(.init(row: row, value: value)) }
        return text.text
    }

    private let port = SettingsTable.server.port.row
    private let token = SettingsTable.server.token.value.row
    private let url = SettingsTable.erp.url.row

    @Test func `a value takes the place of the one that stands there, and of nothing else`() {
        let file = "# ours\n[Server]\nHost = 10.0.0.1\nport: 9000\n  # why\n[ERP]\nPort = 1\n"
        #expect(
            changed(file, [(port, "8080")])
                == "# ours\n[Server]\nHost = 10.0.0.1\nPort = 8080\n  # why\n[ERP]\nPort = 1\n")
    }

    @Test func `a value that goes on over indented lines is replaced as a whole`() {
        let networks = SettingsTable.server.networks.row
        let file = "[Server]\nAllowedNetworks = 10.0.0.0/8,\n  # the branch\n  192.168.1.0/24\nPort = 1\n"
        #expect(
            changed(file, [(networks, "172.16.0.0/12")])
                == "[Server]\nAllowedNetworks = 172.16.0.0/12\nPort = 1\n")
    }

    @Test func `a default that stands as a comment becomes the setting, in its own section only`() {
        let file = "[Server]\n#[Listener second]\n#Port = 8081\n[Security]\n#Port = 1\n"
        #expect(
            changed(file, [(port, "9000")])
                == "[Server]\nPort = 9000\n#[Listener second]\n#Port = 8081\n[Security]\n#Port = 1\n")
        // What looks like prose is no default.
        #expect(
            changed("[Server]\n# Port = of the first\n#Port = 8080\n", [(port, "9000")])
                == "[Server]\n# Port = of the first\nPort = 9000\n")
    }

    @Test func `a section that is missing is added, and nothing is written for a blank value`() {
        #expect(
            changed("[Server]\nPort = 1\n\n\n", [(url, "https://erp.example.com"), (token, "")])
                == "[Server]\nPort = 1\n\n[ERP]\nURL = https://erp.example.com\n")
        #expect(changed("[Security]\nAuthToken = old\n", [(token, "")]) == "[Security]\nAuthToken =\n")
    }

    @Test func `line ends stay those of the file, and a byte order mark goes`() {
        #expect(
            changed("\u{FEFF}[Server]\r\nPort = 1\r\nHost = ::\r\n", [(port, "2")])
                == "[Server]\r\nPort = 2\r\nHost = ::\r\n")
    }

    @Test func `every setting of the sample can be set, and is read back`() throws {
        let rows = SettingsTable.rows.filter { $0.section.nameExample == nil }
        for row in rows {
            let text = changed(SettingsReference.sample, [(row, "value-of-\(row.name)")])
            let read = INISnapshot(bytes: [UInt8](text.utf8))
            #expect(read.faults == [])
            let section = try #require(
                read.sections.first { $0.kind == row.section.rawValue && $0.name == nil })
            #expect(section.entries.map(\.key) == [row.name])
            #expect(section.entries.first?.value == "value-of-\(row.name)")
        }
    }

    @Test func `a secret is not shown`() {
        #expect(
            SettingsText.Change(row: token, value: "s3cret").shown == "[Security] AuthToken = (not shown)")
        #expect(SettingsText.Change(row: port, value: "1").shown == "[Server] Port = 1")
    }
}

@Suite struct SettingsFileTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "settings-file-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // At worst a left-over in the temporary folder.
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    @Test func `the old file is kept, and only the owner reads the new one`() throws {
        try withFolder { folder in
            let file = SettingsFile(path: folder + "/config.ini")
            #expect(try file.read() == nil)
            #expect(file.obstacle == nil)
            #expect(try file.write("one", at: .init(milliseconds: 1_700_000_000_000)) == nil)
            let second = try file.write("two", at: .init(milliseconds: 1_700_000_000_000))
            let third = try file.write("three", at: .init(milliseconds: 1_700_000_000_000))
            #expect(second == folder + "/config.ini.20231114221320")
            #expect(third == folder + "/config.ini.20231114221320-2")
            #expect(try String(contentsOfFile: try #require(second), encoding: .utf8) == "one")
            #expect(try String(contentsOfFile: try #require(third), encoding: .utf8) == "two")
            #expect(try file.read() == Array("three".utf8))
            let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 3)
        }
    }

    @Test func `a folder that is not there is told`() {
        #expect(SettingsFile(path: "/no/such/folder/config.ini").obstacle == "No such file or directory")
    }
}

@Suite struct MachineAddressesTests {
    @Test func `tells what terminals can reach, and no network within the machine`() {
        let machine = MachineAddresses([
            .init(name: "lo", address: "127.0.0.1", length: 8),
            .init(name: "docker0", address: "172.17.0.1", length: 16),
            .init(name: "eth0", address: "2001:db8::5", length: nil),
            .init(name: "eth0", address: "fe80::1%eth0", length: nil),
            .init(name: "eth0", address: "192.168.10.5", length: 24),
            .init(name: "wlan0", address: "10.1.2.3", length: 16),
        ])
        #expect(machine.addresses == ["192.168.10.5", "10.1.2.3", "2001:db8::5"])
        #expect(machine.networks == ["192.168.10.0/24", "10.1.0.0/16"])
    }
}
