import AttendanceCore
import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// The real program in a folder of its own, as somebody starts it for the first time.
final class GatewayProgram: Sendable {
    let folder: String
    private let process: Mutex<Process>
    private let ended: AsyncStream<Int32>

    /// - Parameter arguments: behind `serve`.
    init(_ arguments: [String]) throws {
        folder = NSTemporaryDirectory() + "first-start-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let process = Process()
        // Where `swift build` put the program: beside the tests' own executable.
        process.executableURL = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "attendance-gateway")
        process.arguments = ["serve"] + arguments
        process.currentDirectoryURL = URL(filePath: folder)
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("ATTENDANCE_") }
        process.standardInput = FileHandle.nullDevice
        guard FileManager.default.createFile(atPath: folder + "/output", contents: nil) else {
            throw BrowserError("no file can be made in \(folder)")
        }
        let output = try FileHandle(forWritingTo: URL(filePath: folder + "/output"))
        process.standardOutput = output
        process.standardError = output
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        ended = stream
        process.terminationHandler = {
            continuation.yield($0.terminationStatus)
            continuation.finish()
        }
        try process.run()
        self.process = Mutex(process)
    }

    deinit {
        process.withLock { if $0.isRunning { kill($0.processIdentifier, SIGKILL) } }
        try? FileManager.default.removeItem(atPath: folder)  // at worst a left-over in the temporary folder
    }

    func text(of name: String) throws -> String {
        try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8)
    }

    /// What was printed on the terminal, once it holds the expression.
    func printed(_ expression: Regex<(Substring, Substring)>) async throws -> String {
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            if let match = try text(of: "output").firstMatch(of: expression) { return String(match.1) }
            guard process.withLock(\.isRunning) else { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw BrowserError("not printed: \(try text(of: "output"))")
    }

    /// Ends it in order, and answers its exit status.
    func end() async -> Int32 {
        process.withLock { if $0.isRunning { kill($0.processIdentifier, SIGTERM) } }
        for await status in ended { return status }
        return -1
    }
}
