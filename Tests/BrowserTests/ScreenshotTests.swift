import AttendanceCore
import AttendanceSimulation
import Foundation
import Testing

/// Where the pictures go; nil where nobody wants any.
private let pictures = ProcessInfo.processInfo.environment["ATTENDANCE_SCREENSHOTS"]

extension InBrowser {
    /// `make screenshots`: pictures of the main pages for the documentation, with the demonstration's kind of data.
    @Suite(.enabled(if: pictures != nil, "asked for by make screenshots"))
    struct ScreenshotTests {
        private static let largest = 150 << 10

        private static let settings = (1...6).map { number in
            "[Terminal SIM\(String(repeating: "0", count: 5))\(number)]\nName = "
                + ["Main gate", "Workshop", "Canteen", "Warehouse", "Office, ground floor", "Car park"][
                    number - 1]
        }.joined(separator: "\n")

        @Test func `takes pictures of the main pages`() async throws {
            let folder = try #require(pictures)
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try await withStage(file: Self.settings + "\n") { stage in
                try await stage.signedIn(named: "admin") { tab in
                    try await tab.screen(width: 1280, height: 860)
                    // Before anything has come: what to type into a terminal's menu.
                    try await Self.take("setup", of: "/setup/terminal", tab, into: folder)
                    let terminals = try await Self.punch(stage)
                    try await Self.enrol(tab)
                    for (path, name) in [
                        ("/", "overview"), ("/punches", "punches"), ("/punches/1", "punch"),
                        ("/terminals", "terminals"), ("/terminals/SIM000001", "terminal"),
                        ("/people", "people"), ("/deliveries", "deliveries"),
                    ] { try await Self.take(name, of: path, tab, into: folder) }
                    try await tab.screen(width: 390, height: 844)
                    try await Self.take("overview-phone", of: "/", tab, into: folder)
                    try await tab.screen(width: 1280, height: 860, dark: true)
                    try await Self.take("overview-dark", of: "/", tab, into: folder)
                    try await tab.screen(width: nil)
                    for terminal in terminals { try await terminal.close() }
                }
            }
        }

        /// People as somebody types them in.
        private static func enrol(_ tab: Tab) async throws {
            for number in 1...6 {
                try await tab.open("/people")
                try await tab.fill("form.stack input[name=id]", "\(number)")
                try await tab.fill("form.stack input[name=name]", "Person \(number)")
                try await tab.fill("form.stack input[name=employee]", "HR-EMP-\(number)")
                try await tab.click("form[method=post][action='/people'] button")
                try await tab.sees("Saved")
            }
        }

        /// As in the demonstration: people 1 to 60 are employees, 61 is not. Answers terminals that stay connected.
        private static func punch(_ stage: Stage) async throws -> [SimulatedTerminal] {
            var options = TerminalFleet.Options()
            options.port = stage.terminals
            options.terminals = 6
            options.people = 61
            options.rate = nil
            options.total = 240
            options.zone = "Asia/Kolkata"
            options.seed = 7
            try await TerminalFleet(options).run()
            try await stage.punch("SIM000001", people: [61, 1])
            let end = ContinuousClock.now + .seconds(60)
            while try await stage.gateway.store.status().queues[.erpnext]?.owed != 0,
                ContinuousClock.now < end
            { try await Task.sleep(for: .milliseconds(50)) }
            var terminals: [SimulatedTerminal] = []
            for number in 1...5 {
                let terminal = try await SimulatedTerminal.connect(
                    port: stage.terminals, serial: "SIM00000\(number)")
                _ = try await terminal.register()
                terminals.append(terminal)
            }
            return terminals
        }

        private static func take(
            _ name: String, of path: String, _ tab: Tab, into folder: String
        ) async throws {
            try await tab.open(path)
            let picture = try await tab.picture()
            #expect(picture.count <= largest, "\(name).png has \(picture.count) bytes")
            try picture.write(to: URL(filePath: "\(folder)/\(name).png"))
        }
    }
}
