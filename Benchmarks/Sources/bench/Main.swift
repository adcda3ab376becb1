import Foundation

/// `bench [--gateway PROGRAM] [--quick] [--runs N] [--only NAME,…] [--folder FOLDER]`
///
/// Prints one JSON object a line for each figure. Status 0 also when an aim is missed: a benchmark tells, it does not
/// judge. Everything is single-threaded on purpose: the C programs ask the kernel to end them with the thread that
/// started them.
@main
struct Main {
    static func main() {
        let arguments = Arguments(CommandLine.arguments.dropFirst())
        let folder = URL(fileURLWithPath: arguments["folder"] ?? NSTemporaryDirectory())
            .appending(path: "attendance-bench-\(getpid())")
        let watchers = endOnSignal(cleaning: folder)
        defer { withExtendedLifetime(watchers) {} }
        do {
            try run(arguments, folder: folder)
            clean(folder)
        } catch {
            clean(folder)
            say("bench: \(error.localizedDescription)")
            exit(1)
        }
    }

    private static func run(_ arguments: Arguments, folder: URL) throws {
        let tools = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent()
        let program = URL(
            fileURLWithPath: arguments["gateway"]
                ?? ProcessInfo.processInfo.environment["ATTENDANCE_GATEWAY"]
                ?? "../.build/release/attendance-gateway")
        guard FileManager.default.isExecutableFile(atPath: program.path) else {
            throw BenchError(
                "no program at \(program.path): build it (swift build -c release), or name it by --gateway")
        }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var bench = Bench(
            gateway: program, tools: tools, folder: folder, isQuick: arguments.has("quick"),
            runs: arguments["runs"].flatMap(Int.init))
        let names = arguments["only"].map { $0.split(separator: ",").map(String.init) } ?? Bench.names
        var failures = 0
        for name in names {
            do {
                for figure in try bench.measure(name) {
                    FileHandle.standardOutput.write(Data(figure.line.utf8))
                }
            } catch {
                // One figure that cannot be had does not take the others with it.
                say("bench: \(name): \(error.localizedDescription)")
                failures += 1
            }
        }
        if failures > 0 { throw BenchError("\(failures) of \(names.count) could not be measured") }
    }

    /// Ends everything on Ctrl-C, and after ten minutes whatever happens.
    private static func endOnSignal(cleaning folder: URL) -> [any DispatchSourceProtocol] {
        let queue = DispatchQueue(label: "end")
        let end: @Sendable () -> Void = {
            clean(folder)
            exit(130)
        }
        let signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler(handler: end)
            source.resume()
            return source as any DispatchSourceProtocol
        }
        let limit = DispatchSource.makeTimerSource(queue: queue)
        limit.schedule(deadline: .now() + 600)
        limit.setEventHandler(handler: end)
        limit.resume()
        return signals + [limit]
    }

    private static func clean(_ folder: URL) {
        Child.killAll()
        // Nothing more can be done about a folder that will not go.
        try? FileManager.default.removeItem(at: folder)
    }

    private static func say(_ words: String) { FileHandle.standardError.write(Data((words + "\n").utf8)) }
}

/// `--name value` and `--flag`.
struct Arguments {
    private let words: [String]
    init(_ words: some Sequence<String>) { self.words = Array(words) }
    func has(_ name: String) -> Bool { words.contains("--" + name) }
    subscript(name: String) -> String? {
        guard let index = words.firstIndex(of: "--" + name), index + 1 < words.count else { return nil }
        return words[index + 1]
    }
}
