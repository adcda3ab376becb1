import Foundation
import Synchronization

/// A process this program started. Every one of them is ended by its id before this program ends, however it ends.
final class Child {
    private static let running = Mutex<Set<Int32>>([])

    let process = Process()
    private let output = Pipe()
    private let input = Pipe()
    private var buffered = Data()

    /// Starts `executable`. Its standard error goes into the file `errors`, or where ours goes.
    init(_ executable: URL, _ arguments: [String], errors: URL? = nil) throws {
        process.executableURL = executable
        process.arguments = arguments
        process.standardOutput = output
        process.standardInput = input
        if let errors {
            _ = FileManager.default.createFile(atPath: errors.path, contents: nil)
            process.standardError = try FileHandle(forWritingTo: errors)
        }
        try process.run()
        let id = process.processIdentifier
        Self.running.withLock { _ = $0.insert(id) }
    }

    deinit { kill() }

    /// The next line of its standard output; nil when it ended.
    func line() -> String? {
        while true {
            if let end = buffered.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffered[..<end], as: UTF8.self)
                buffered.removeSubrange(...end)
                return line
            }
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { return nil }
            buffered.append(more)
        }
    }

    /// Its first line as a port.
    func port() throws -> Int {
        guard let port = line().flatMap(Int.init) else { throw BenchError("a process did not say its port") }
        return port
    }

    /// Everything it still prints, then its end.
    func finish() throws -> String {
        var lines: [String] = []
        while let line = line() { lines.append(line) }
        try waitForEnd(seconds: 30)
        guard process.terminationStatus == 0 else {
            let name = process.executableURL?.lastPathComponent ?? "a process"
            throw BenchError("\(name) ended with status \(process.terminationStatus)")
        }
        return lines.joined(separator: "\n")
    }

    func closeInput() throws { try input.fileHandleForWriting.close() }

    /// Asks it to end (SIGTERM) and answers how long that took, in seconds.
    @discardableResult
    func terminate(within limit: Double = 15) throws -> Double {
        let start = monotonic()
        Foundation.kill(process.processIdentifier, SIGTERM)
        try waitForEnd(seconds: limit)
        return monotonic() - start
    }

    func kill() {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
        forget()
    }

    /// KiB of resident memory.
    func residentMemory() throws -> Double {
        let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        for line in status.split(separator: "\n") where line.hasPrefix("VmRSS:") {
            if let number = Double(line.filter(\.isNumber)) { return number }
        }
        throw BenchError("no VmRSS in /proc")
    }

    static func killAll() {
        for id in running.withLock({ $0 }) { Foundation.kill(id, SIGKILL) }
    }

    private func waitForEnd(seconds: Double) throws {
        let end = monotonic() + seconds
        while process.isRunning {
            guard monotonic() < end else {
                kill()
                throw BenchError("process \(process.processIdentifier) did not end within \(seconds) s")
            }
            usleep(500)
        }
        forget()
    }

    private func forget() {
        let id = process.processIdentifier
        Self.running.withLock { _ = $0.remove(id) }
    }
}

struct BenchError: LocalizedError {
    let errorDescription: String?
    init(_ words: String) { errorDescription = words }
}

func monotonic() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}
