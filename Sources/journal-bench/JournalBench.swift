import AttendanceCore
import AttendanceStore
import Foundation
import Logging

/// `journal-bench FOLDER [--punches N] [--rounds N] [--rate N]`
///
/// Makes a journal of a million punches in an empty folder and asks it everything that a console asks, while further
/// punches come in at a steady rate. Prints a JSON object a line for each question: how long the slowest twentieth of its
/// answers took (`p95`, milliseconds), how long the slowest of all (`most`), and how many of them stopped at their bound.
/// Run by `bench --only console` in `Benchmarks/`; no part of what is installed.
@main
struct JournalBench {
    static func main() async throws {
        let words = CommandLine.arguments.dropFirst()
        guard let folder = words.first, !folder.hasPrefix("--") else {
            FileHandle.standardError.write(Data("journal-bench: name an empty folder\n".utf8))
            exit(2)
        }
        func number(_ name: String, _ standard: Int) -> Int {
            guard let index = words.firstIndex(of: name), index + 1 < words.endIndex else { return standard }
            return Int(words[index + 1]) ?? standard
        }
        let sample = SampleJournal(folder: folder, punches: number("--punches", 1_000_000))
        try await sample.make()
        let store = try SQLiteStore(
            folder: folder, options: StoreOptions(now: { SampleJournal.clock() }),
            logger: Logger(label: "journal-bench"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await store.run() }
            group.addTask { try await sample.feed(store, rate: number("--rate", 1_000)) }
            try await ask(store, sample, rounds: number("--rounds", 60))
            group.cancelAll()
            // The feeder ends by being cancelled.
            while let end = await group.nextResult() {
                if case .failure(let error) = end, !(error is CancellationError) { throw error }
            }
        }
    }

    private static func ask(_ store: SQLiteStore, _ sample: SampleJournal, rounds: Int) async throws {
        // The first search begins to read ahead; it is a question like the others, and they follow at once.
        for question in Question.all {
            var times: [Double] = []
            var stopped = 0
            for round in 0..<rounds {
                let start = ContinuousClock.now
                if try await question.ask(store, sample, round) { stopped += 1 }
                times.append(start.duration(to: .now) / .milliseconds(1))
            }
            times.sort()
            let p95 = times[min(times.count - 1, times.count * 95 / 100)]
            let line = """
                {"question":"\(question.name)","p95":\(short(p95)),"median":\(short(times[times.count / 2])),\
                "most":\(short(times[times.count - 1])),"stopped":\(stopped),"rounds":\(rounds)}

                """
            FileHandle.standardOutput.write(Data(line.utf8))
        }
    }

    private static func short(_ number: Double) -> String { String(format: "%.3g", number) }
}
