import Foundation
import Logging
import Synchronization
import Testing

@testable import AttendanceGateway

@Suite struct SettingsReloadTests {
    private func load(_ text: String) -> LoadedSettings {
        do {
            let folder = try TemporaryFolder()
            return SettingsLoader(
                path: try folder.write(text, to: "config.ini"), environment: [:], workingFolder: folder.path,
                executableFolder: nil, machineTimeZone: "Asia/Kolkata"
            ).load()
        } catch {
            return LoadedSettings(problems: [], values: [])
        }
    }
    private let before =
        "[Security]\nAuthToken = old-token-1\n[Server]\nPort = 1\n[Terminal A]\nName = Gate\n"

    @Test func `the difference says what takes effect and what waits`() {
        let difference = SettingsDifference(
            from: load(before),
            to: load(
                "[Security]\nAuthToken = new-token-2\n[Server]\nPort = 2\n[Logging]\nLogLevel = DEBUG\n"
                    + "[Listener b]\nPort = 3\nAuthToken = third-token-3\n"))
        #expect(difference.now.map(\.title).contains("[Logging] LogLevel"))
        #expect(difference.now.map(\.description).contains("[Security] AuthToken: redacted -> redacted"))
        #expect(difference.now.map(\.description).contains("[Terminal A] Name: Gate -> (not there)"))
        #expect(difference.afterRestart.map(\.description).contains("[Server] Port: 1 -> 2"))
        #expect(difference.afterRestart.map(\.title).contains("[Listener b] Port"))
        #expect(!difference.now.contains { $0.title.hasPrefix("[Listener b]") })
        #expect(SettingsDifference(from: load(before), to: load(before)).isEmpty)
    }

    @Test(.timeLimit(.minutes(10)))
    func `a reload applies sound settings, refuses broken ones and names what waits for a restart`()
        async throws
    {
        let folder = try TemporaryFolder()
        let output = LogOutput(.init(directory: folder.path, console: false))
        let texts = Mutex([
            before.replacing("Port = 1", with: "Port = x"),
            before.replacing("Port = 1", with: "Port = 2"),
            before.replacing("Port = 1", with: "Port = 2") + "[Logging]\nLogLevel = DEBUG\n",
        ])
        let applied = Mutex<[Settings]>([])
        let (requests, continuation) = AsyncStream.makeStream(of: Void.self)
        for _ in 1...3 { continuation.yield() }
        continuation.finish()
        let reload = SettingsReload(
            requests: { requests }, started: load(before),
            logger: Logger(label: "test") { _ in RotatingLogHandler(output: output) },
            load: { load(texts.withLock { $0.removeFirst() }) },
            apply: { settings in applied.withLock { $0.append(settings) } })
        try await reload.run()
        output.close()
        #expect(applied.withLock { $0.map { $0.listeners[0].port } } == [2, 2])
        let log = try folder.read("attendance.log").split(separator: "\n")
        #expect(
            log.filter { $0.contains("ERROR - settings refused") && $0.contains("config.ini:4: ") }.count == 1
        )
        #expect(log.filter { $0.contains("the old settings stay in force mistakes=1") }.count == 1)
        // Still waiting at the second sound reload.
        #expect(
            log.filter { $0.contains("setting needs a restart change=\"[Server] Port: 1 -> 2\"") }.count == 2)
        #expect(
            log.filter { $0.contains("setting changed change=\"[Logging] LogLevel: INFO -> DEBUG\"") }.count
                == 1)
        #expect(!log.joined().contains("old-token-1"))
    }

    @Test(.timeLimit(.minutes(10))) func `a hang-up is a request`() async {
        let hangups = await SettingsReload.hangups()
        kill(getpid(), SIGHUP)
        var iterator = hangups.makeAsyncIterator()
        #expect(await iterator.next() != nil)
    }
}
