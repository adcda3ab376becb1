import Foundation
import Testing

@Suite struct UnitFileTests {
    private static let packaging = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "packaging")

    private func check(_ unit: String) throws -> (status: Int32, output: String) {
        let process = Process()
        process.executableURL = Self.packaging.appending(path: "check-unit.sh")
        process.arguments = [unit]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    private static let hasSystemd = ["/usr/bin", "/bin"].contains {
        FileManager.default.isExecutableFile(atPath: $0 + "/systemd-analyze")
    }

    @Test(.enabled(if: hasSystemd, "systemd-analyze is not installed"), .timeLimit(.minutes(10)))
    func `the unit is sound and well confined, and the check can fail`() throws {
        let path = Self.packaging.appending(path: "attendance-gateway.service").path
        let good = try check(path)
        #expect(good.status == 0, "\(good.output)")

        let folder = try TemporaryFolder()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let unknown = try folder.write(text.replacing("UMask=", with: "Umsk="), to: "unknown.service")
        #expect(try check(unknown).output.contains("Umsk"))
        #expect(try check(unknown).status == 1)
        let bare = try folder.write(
            text.components(separatedBy: "\n").filter { !$0.hasPrefix("Protect") && !$0.hasPrefix("System") }
                .joined(separator: "\n"), to: "bare.service")
        #expect(try check(bare).status == 1)
    }

    @Test func `the unit says what the program counts on`() throws {
        let text = try String(
            contentsOf: Self.packaging.appending(path: "attendance-gateway.service"), encoding: .utf8)
        for line in [
            "Type=notify", "User=attendance-gateway", "StateDirectory=attendance-gateway",
            "LogsDirectory=attendance-gateway",
            "ExecReload=/bin/kill -HUP $MAINPID", "RestartPreventExitStatus=78",
            "WorkingDirectory=/etc/attendance-gateway",
        ] {
            #expect(text.contains("\n\(line)\n"), "\(line)")
        }
        #expect(text.contains("\nWatchdogSec="))
        #expect(text.contains("\nLimitNOFILE="))
    }
}
