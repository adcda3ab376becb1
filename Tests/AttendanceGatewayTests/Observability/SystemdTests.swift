import Foundation
import Logging
import Synchronization
import Testing

@testable import AttendanceGateway

/// systemd's end: a datagram socket of its own.
private final class NotifySocket: Sendable {
    private let descriptor: Int32
    let name: String

    /// `name` is a path, or begins with `@` for an abstract socket.
    init(_ name: String) throws {
        self.name = name
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyBytes(from: Array(name.utf8))
            if name.hasPrefix("@") { $0[0] = 0 }
        }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(bound == 0, "\(String(cString: strerror(errno)))")
    }
    deinit { close(descriptor) }

    /// What has arrived already; sending to a local socket is done when `sendto` returns.
    func received() -> [String] {
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return messages }
            messages.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
    }
}

@Suite struct SystemdTests {
    private static func names() throws -> (TemporaryFolder, [String]) {
        let folder = try TemporaryFolder()
        return (folder, [folder.path + "/notify", "@attendance-tests-\(UUID().uuidString)"])
    }

    @Test func `speaks to a path and to an abstract socket`() throws {
        let (folder, names) = try Self.names()
        for name in names {
            let socket = try NotifySocket(name)
            let notifier = SystemdNotifier(environment: ["NOTIFY_SOCKET": name])
            #expect(notifier.ready(status: "serving\nterminals"))
            #expect(notifier.status("5 connected"))
            #expect(notifier.reloading())
            #expect(notifier.stopping())
            let messages = socket.received()
            #expect(messages.count == 4)
            #expect(messages.first == "READY=1\nSTATUS=serving terminals")
            #expect(messages[1] == "STATUS=5 connected")
            #expect(messages[2].wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=\d+/) != nil)
            #expect(messages.last == "STOPPING=1")
        }
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: [
        [:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "relative"], ["NOTIFY_SOCKET": "@"],
        ["NOTIFY_SOCKET": "/nowhere/at/all"], ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 200)],
    ])
    func `without a listener nothing happens`(environment: [String: String]) {
        #expect(!SystemdNotifier(environment: environment).ready(status: "x"))
    }

    @Test func `the variables are gone from the environment afterwards`() async {
        // In a process of its own: this one's environment is read by everything that other tests start.
        await #expect(processExitsWith: .success) {
            setenv("WATCHDOG_USEC", "4000000", 1)
            setenv("NOTIFY_SOCKET", "/run/x", 1)
            let notifier = SystemdNotifier.fromEnvironment([
                "NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "4000000",
            ])
            #expect(notifier.socketPath == "/run/x")
            #expect(notifier.watchdogLimit == .seconds(4))
            #expect(getenv("NOTIFY_SOCKET") == nil && getenv("WATCHDOG_USEC") == nil)
        }
    }

    @Test(arguments: [
        (["WATCHDOG_USEC": "1000000"], Duration.seconds(1)), (["WATCHDOG_USEC": "0"], nil),
        (["WATCHDOG_USEC": "x"], nil),
        (["WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"], nil),
        (["WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "77"], .seconds(1)),
        ([:], nil),
    ])
    func `the watchdog is ours only when systemd says so`(environment: [String: String], limit: Duration?) {
        #expect(SystemdNotifier(environment: environment, process: 77).watchdogLimit == limit)
    }

    @Test(.timeLimit(.minutes(10))) func `the watchdog is fed by proofs and by nothing else`() async throws {
        struct NoCommit: Error {}
        let (folder, names) = try Self.names()
        let socket = try NotifySocket(names[0])
        let notifier = SystemdNotifier(environment: ["NOTIFY_SOCKET": names[0], "WATCHDOG_USEC": "4000000"])
        let proofs = Mutex([true, true, false, false, true])
        let log = try TemporaryFolder()
        let output = LogOutput(.init(directory: log.path, console: false))
        let pauses = Mutex<[Duration]>([])
        let fed = Mutex<[Int]>([])
        let watchdog = Watchdog(
            notifier: notifier, logger: Logger(label: "test") { _ in RotatingLogHandler(output: output) },
            pause: { duration in
                pauses.withLock { $0.append(duration) }
                fed.withLock { $0.append(socket.received().filter { $0 == "WATCHDOG=1" }.count) }
                if proofs.withLock(\.isEmpty) { throw CancellationError() }
            },
            prove: { if !proofs.withLock({ $0.removeFirst() }) { throw NoCommit() } })
        try await watchdog.run()
        output.close()
        #expect(fed.withLock(\.self) == [1, 1, 0, 0, 1])
        #expect(pauses.withLock(\.self).allSatisfy { $0 == .seconds(2) })
        let lines = try log.read("attendance.log").split(separator: "\n")
        #expect(lines.count == 2)  // told once, and once that it is over
        withExtendedLifetime(folder) {}
    }

    @Test func `open files are raised to what is allowed`() {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        #expect(OpenFiles.raiseLimit() == Int(clamping: limit.rlim_max))
    }
}
