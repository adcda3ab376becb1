import Foundation
import Subprocess
import SystemPackage

/// Runs a program to its end with something on its standard input. Without a shell and without a search: what is given
/// is what runs.
///
/// Standard input and error are files without a name rather than pipes: a mailer that leaves a helper behind would keep
/// a pipe open, and its end would not be seen.
enum ChildProcess {
    enum Ending: Hashable, Sendable {
        /// With what it said on standard error, cut off.
        case exited(status: Int32, said: String)
        case killed(signal: Int32, said: String)
        /// It had not ended in time, and was killed with all it had started. With what it said until then.
        case tooLate(said: String)
        case notStarted(reason: String)
    }

    /// So much of standard error is kept, in bytes.
    private static let keptWords = 2048

    /// - Parameters:
    ///   - environment: all that the program gets of ours, which may hold secrets.
    ///   - limit: on its time.
    static func run(
        _ program: String, _ arguments: [String], input: [UInt8], environment: [String: String],
        limit: Duration
    ) async -> Ending {
        let (stdin, stderr): (FileDescriptor, FileDescriptor)
        do {
            stdin = try namelessFile()
        } catch {
            return .notStarted(reason: "no temporary file: \(error)")
        }
        defer { close(stdin) }
        do {
            try stdin.writeAll(input)
            try stdin.seek(offset: 0, from: .start)
            stderr = try namelessFile()
        } catch {
            return .notStarted(reason: "no temporary file: \(error)")
        }
        defer { close(stderr) }

        var options = PlatformOptions()
        // A session of its own, so that its helpers can be ended with it.
        options.createSession = true
        options.teardownSequence = [
            .send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
        ]
        let configuration = Configuration(
            executable: .path(FilePath(program)), arguments: Arguments(arguments),
            environment: .custom(
                Dictionary(uniqueKeysWithValues: environment.map { (Environment.Key(stringLiteral: $0), $1) })
            ),
            platformOptions: options)
        let ending = await withTaskGroup(of: Ending?.self) { group in
            group.addTask {
                do {
                    let result = try await Subprocess.run(
                        configuration, input: .fileDescriptor(stdin, closeAfterSpawningProcess: false),
                        output: .discarded, error: .fileDescriptor(stderr, closeAfterSpawningProcess: false))
                    switch result.terminationStatus {
                    case .exited(let status): return .exited(status: status, said: words(stderr))
                    case .signaled(let signal): return .killed(signal: signal, said: words(stderr))
                    }
                } catch {
                    return .notStarted(reason: String(describing: error))
                }
            }
            group.addTask {
                // Woken early only by cancellation, which means the same: no more waiting.
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        return ending ?? .tooLate(said: words(stderr))
    }

    private static func namelessFile() throws -> FileDescriptor {
        let path = FileManager.default.temporaryDirectory.appending(path: "attendance-\(UUID().uuidString)")
            .path
        let file = try FileDescriptor.open(
            FilePath(path), .readWrite, options: [.create, .exclusiveCreate, .closeOnExec],
            permissions: .ownerReadWrite)
        // It was made a moment ago, under a name that nobody guesses; what cannot be removed is an empty file.
        try? FileManager.default.removeItem(atPath: path)
        return file
    }

    private static func words(_ file: FileDescriptor) -> String {
        var buffer = [UInt8](repeating: 0, count: keptWords)
        // Words that cannot be read back are missing in a message, and nothing else.
        let count =
            (try? buffer.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }) ?? 0
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    private static func close(_ file: FileDescriptor) {
        // Nothing is left to be written.
        try? file.close()
    }
}
