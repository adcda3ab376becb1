import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// The real program as a child process, for tests that kill it.
final class GatewayProcess: Sendable {
    let port: Int
    private let arguments: [String]
    private let process: Mutex<Process>
    /// Of the process, and the last signal that it was sent.
    private let pid: Int32
    private let lastSignal = Mutex<Int32>(0)
    private let ended: AsyncStream<Int32>

    /// Where `swift build` put the program: beside the tests' own executable.
    static var executable: String {
        let tests = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        return tests.appendingPathComponent("attendance-gateway").path
    }

    init(_ arguments: [String], port: Int = 0, output: String? = nil, environment: [String: String] = [:])
        throws
    {
        self.port = port
        self.arguments = arguments
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.executable)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        if let output {
            if !FileManager.default.fileExists(atPath: output) {
                _ = FileManager.default.createFile(atPath: output, contents: nil)
            }
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: output))
            try handle.seekToEnd()
            process.standardOutput = handle
            process.standardError = handle
        } else {
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        ended = stream
        process.terminationHandler = { ended in
            continuation.yield(
                ended.terminationReason == .exit ? ended.terminationStatus : 128 + ended.terminationStatus)
            continuation.finish()
        }
        try process.run()
        pid = process.processIdentifier
        self.process = Mutex(process)
    }

    deinit { signal(SIGKILL) }

    /// Foundation does not always notice that a child is gone.
    private var isAlive: Bool { process.withLock(\.isRunning) && kill(pid, 0) == 0 }

    func signal(_ number: Int32) {
        lastSignal.withLock { $0 = number }
        process.withLock { if $0.isRunning { kill($0.processIdentifier, number) } }
    }

    /// The exit status; 128 and the signal's number when a signal ended it.
    func waitUntilEnded() async -> Int32 {
        await withTaskGroup(of: Int32.self) { group in
            group.addTask {
                for await status in self.ended { return status }
                return -1
            }
            group.addTask {
                // Cancelled when the other one has heard of it, which it has some time for.
                while self.isAlive {
                    guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { break }
                }
                try? await Task.sleep(for: .seconds(5))
                let signal = self.lastSignal.withLock { $0 }
                return signal == SIGKILL ? 128 + SIGKILL : -1
            }
            defer { group.cancelAll() }
            return await group.next() ?? -1
        }
    }

    /// Waits until `/health` answers. Throws when the program has ended instead, or is not ready for too long.
    func isReady(within limit: Duration = .seconds(120)) async throws {
        let end = ContinuousClock.now + limit
        try await eventually {
            guard isAlive, ContinuousClock.now < end else {
                throw NotReady(arguments: arguments, isAlive: isAlive)
            }
            return (try? await self.health()) != nil
        }
    }

    struct NotReady: Error {
        let arguments: [String]
        let isAlive: Bool
    }

    func health() async throws -> [String: Any] {
        let answer = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: "http://127.0.0.1:\(port)/health"), timeout: .seconds(5))
        let body = try await answer.body.collect(upTo: 1 << 20)
        return try JSONSerialization.jsonObject(with: Data(buffer: body)) as? [String: Any] ?? [:]
    }

    func metrics() async throws -> String {
        let answer = try await HTTPClient.shared.execute(
            HTTPClientRequest(url: "http://127.0.0.1:\(port)/metrics"), timeout: .seconds(5))
        return String(buffer: try await answer.body.collect(upTo: 4 << 20))
    }

    /// Runs the program to its end and answers what it printed.
    static func run(
        _ arguments: [String], in folder: TemporaryFolder, environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String) {
        let file = folder.path + "/output-\(UUID().uuidString)"
        let process = try GatewayProcess(arguments, output: file, environment: environment)
        let status = await process.waitUntilEnded()
        return (status, try String(contentsOfFile: file, encoding: .utf8))
    }
}
