import AttendanceCore
import Testing

@testable import AttendanceGateway

@Suite struct ListenerReloadTests {
    private let start = """
        [Security]
        AuthToken = token-of-the-server
        [Listener gate]
        Host = 192.0.2.1
        Port = 9001
        AuthToken = token-of-the-gate
        [Listener desk]
        Host = 127.0.0.1
        Port = 9002

        """

    private func load(_ text: String) throws -> LoadedSettings {
        let folder = try TemporaryFolder()
        return SettingsLoader(
            path: try folder.write(text, to: "config.ini"), environment: [:], workingFolder: folder.path,
            executableFolder: nil, machineTimeZone: "Asia/Kolkata"
        ).load()
    }

    /// The tokens that the listeners of `start` have after a reload of `text`; "kept" where they keep their rules.
    private func tokens(after text: String) throws -> [String?] {
        let running = try load(start).get()
        let new = try load(text).get()
        return running.listeners.map { listener in
            guard let rules = new.rules(for: listener) else { return "kept" }
            return rules.token
        }
    }

    @Test func `a new token reaches its listener`() throws {
        #expect(try tokens(after: start) == ["token-of-the-server", "token-of-the-gate", nil])
        let changed = start.replacing("token-of-the-gate", with: "another-token")
        #expect(try tokens(after: changed) == ["token-of-the-server", "another-token", nil])
    }

    @Test func `the order of the sections means nothing, and a listener that vanishes keeps its rules`()
        throws
    {
        let gate = "[Listener gate]\nHost = 192.0.2.1\nPort = 9001\nAuthToken = token-of-the-gate\n"
        let desk = "[Listener desk]\nHost = 127.0.0.1\nPort = 9002\n"
        let server = "[Security]\nAuthToken = token-of-the-server\n"
        #expect(
            try tokens(after: server + desk + gate) == ["token-of-the-server", "token-of-the-gate", nil])
        #expect(try tokens(after: server + desk) == ["token-of-the-server", "kept", nil])
    }

    @Test func `rules that were checked for another address wait with it for the restart`() throws {
        let moved = start.replacing("192.0.2.1", with: "127.0.0.1").replacing(
            "AuthToken = token-of-the-gate\n", with: "")
        #expect(try tokens(after: moved) == ["token-of-the-server", "kept", nil])
        let port = start.replacing("9001", with: "9003")
        #expect(try tokens(after: port) == ["token-of-the-server", "kept", nil])
    }

    @Test(arguments: ["Server", "server", "GATE"])
    func `two listeners cannot have one name`(name: String) throws {
        let loaded = try load(start + "[Listener \(name)]\nHost = 127.0.0.1\nPort = 9004\n")
        #expect(loaded.settings == nil)
        #expect(loaded.mistakes.contains { $0.problem.contains("is the name of the listener") })
    }
}
