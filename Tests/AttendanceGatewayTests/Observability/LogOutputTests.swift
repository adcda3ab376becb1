import AttendanceCore
import Foundation
import Logging
import Synchronization
import Testing

@testable import AttendanceGateway

/// A clock that moves when it is told to.
private final class HandClock: Sendable {
    private let value: Mutex<Int64>
    init(_ text: String) { value = Mutex(WallTime(text)?.seconds ?? 0) }
    var now: UnixTime { UnixTime(seconds: value.withLock(\.self)) }
    func set(_ text: String) { value.withLock { $0 = WallTime(text)?.seconds ?? 0 } }
}

@Suite struct LogOutputTests {
    /// `zone` in seconds east of UTC.
    private func output(
        _ folder: String, _ clock: HandClock, keep: Int = 30, zone: Int64 = 0, maximumBytes: Int = 1 << 20
    ) -> LogOutput {
        LogOutput(
            .init(directory: folder, keep: keep, console: false), maximumBufferedBytes: maximumBytes,
            now: { clock.now }, localOffset: { _ in zone })
    }
    private func logger(_ output: LogOutput) -> Logger {
        Logger(label: "test") { _ in RotatingLogHandler(output: output) }
    }

    @Test(.timeLimit(.minutes(10))) func `rotates at local midnight`() throws {
        let folder = try TemporaryFolder()
        let clock = HandClock("2026-11-22 18:29:59")
        let output = output(folder.path, clock, zone: 19_800)  // Kolkata: midnight is 18:30 UTC
        let logger = logger(output)
        logger.info("one")
        clock.set("2026-11-22 18:30:00")
        logger.info("two")
        logger.info("three")
        clock.set("2026-11-25 01:00:00")
        logger.info("four")
        output.close()
        #expect(
            try folder.names() == [
                "attendance.log", "attendance.log.2026-11-22", "attendance.log.2026-11-23",
            ])
        #expect(try folder.read("attendance.log.2026-11-22") == "2026-11-22 23:59:59,000 - INFO - one\n")
        #expect(
            try folder.read("attendance.log.2026-11-23")
                == "2026-11-23 00:00:00,000 - INFO - two\n2026-11-23 00:00:00,000 - INFO - three\n")
        #expect(try folder.read("attendance.log") == "2026-11-25 06:30:00,000 - INFO - four\n")
    }

    @Test(.timeLimit(.minutes(10))) func `keeps so many files of past days and no foreign one is touched`()
        throws
    {
        let folder = try TemporaryFolder()
        for name in [
            "attendance.log.old", "attendance.log.2026-11-1", "notes.txt", "attendance.log.2020-01-01.gz",
        ] {
            try folder.write("x", to: name)
        }
        try folder.write("x", to: "attendance.log.2020-01-01")
        let clock = HandClock("2026-11-01 12:00:00")
        let output = output(folder.path, clock, keep: 3)
        for day in 1...9 {
            clock.set("2026-11-0\(day) 12:00:00")
            logger(output).info("day \(day)")
        }
        output.close()
        #expect(
            try folder.names()
                == [
                    "attendance.log", "attendance.log.2020-01-01.gz", "attendance.log.2026-11-06",
                    "attendance.log.2026-11-07", "attendance.log.2026-11-08", "attendance.log.2026-11-1",
                    "attendance.log.old", "notes.txt",
                ].sorted())
    }

    @Test(.timeLimit(.minutes(10))) func `a start on a later day rotates what it finds`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("before\n", to: "attendance.log")
        let modified = Date(
            timeIntervalSince1970: TimeInterval(try #require(WallTime("2026-11-20 10:00:00")).seconds))
        try FileManager.default.setAttributes([.modificationDate: modified], ofItemAtPath: path)
        let output = output(folder.path, HandClock("2026-11-22 08:00:00"))
        logger(output).info("after")
        output.close()
        #expect(try folder.read("attendance.log.2026-11-20") == "before\n")
        #expect(try folder.read("attendance.log").hasSuffix("after\n"))
    }

    @Test(.timeLimit(.minutes(10))) func `a clock set back overwrites nothing`() throws {
        let folder = try TemporaryFolder()
        try folder.write("kept\n", to: "attendance.log.2026-11-22")
        let clock = HandClock("2026-11-22 10:00:00")
        let output = output(folder.path, clock)
        logger(output).info("one")
        clock.set("2026-11-21 10:00:00")
        logger(output).info("two")
        clock.set("2026-11-23 10:00:00")
        logger(output).info("three")
        output.close()
        #expect(try folder.read("attendance.log.2026-11-22") == "kept\n")
        #expect(try folder.read("attendance.log.2026-11-22.2").split(separator: "\n").count == 2)
    }

    @Test(.timeLimit(.minutes(10))) func `goes on in a new file when the old one is moved away`() throws {
        let folder = try TemporaryFolder()
        let output = output(folder.path, HandClock("2026-11-22 10:00:00"))
        logger(output).info("one")
        output.flush()
        try FileManager.default.moveItem(
            atPath: folder.path + "/attendance.log", toPath: folder.path + "/moved")
        logger(output).info("two")
        output.close()
        #expect(try folder.read("moved").hasSuffix("one\n"))
        #expect(try folder.read("attendance.log").hasSuffix("two\n"))
    }

    @Test func `a full disk is told in the system's words, and the file is opened afresh`() throws {
        let folder = try TemporaryFolder()
        // Every write to /dev/full fails with ENOSPC, as on a full disk: full(4).
        var file = LogFile(directory: folder.path, keep: 1)
        symlink("/dev/full", folder.path + "/attendance.log")
        var failure: LogFile.Failure?
        do throws(LogFile.Failure) {
            try file.append(Array("lost\n".utf8), day: 1) { $0 }
        } catch { failure = error }
        #expect(failure == LogFile.Failure(reason: "No space left on device"))
        unlink(folder.path + "/attendance.log")
        try file.append(Array("kept\n".utf8), day: 1) { $0 }
        #expect(try folder.read("attendance.log") == "kept\n")
    }

    @Test(.timeLimit(.minutes(10))) func `lines that could not be written are counted and told`() throws {
        let folder = try TemporaryFolder()
        symlink("/dev/full", folder.path + "/attendance.log")
        let clock = HandClock("2026-11-22 10:00:00")
        let output = LogOutput(
            .init(directory: folder.path, console: false), retryDelay: .zero, now: { clock.now },
            localOffset: { _ in 0 })
        for number in 1...3 { logger(output).info("lost \(number)") }
        output.flush()
        unlink(folder.path + "/attendance.log")
        logger(output).info("kept")
        output.close()
        #expect(
            try folder.read("attendance.log").split(separator: "\n") == [
                "2026-11-22 10:00:00,000 - INFO - kept",
                "2026-11-22 10:00:00,000 - WARNING - log lines are missing here lines=3 "
                    + "reason=\"No space left on device\"",
            ])
    }

    @Test func `what finds no room in the buffer is dropped and counted`() throws {
        let folder = try TemporaryFolder()
        let output = output(folder.path, HandClock("2026-11-22 10:00:00"), maximumBytes: 10)
        logger(output).info("longer than the whole buffer")
        #expect(output.dropped == 1)
        output.close()
    }

    @Test(arguments: [ConsoleLogForm.text, .journal, .json])
    func `the console may have a form of its own, the file has not`(form: ConsoleLogForm) throws {
        let folder = try TemporaryFolder()
        let pipe = Pipe()
        let output = LogOutput(
            .init(directory: folder.path, consoleForm: form),
            console: pipe.fileHandleForWriting.fileDescriptor)
        output.write(level: .warning, message: "a", metadata: ["b": "c"])
        output.close()
        try pipe.fileHandleForWriting.close()
        let shown = String(
            decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let kept = try folder.read("attendance.log")
        #expect(kept.hasSuffix(" - WARNING - a b=c\n"))
        switch form {
        case .text: #expect(shown == kept)
        case .journal: #expect(shown == "<4>a b=c\n")
        case .json:
            #expect(shown.hasPrefix(#"{"fields":{"b":"c"},"level":"warning","message":"a","time":""#))
            #expect(shown.hasSuffix("\"}\n"))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `writes the console too, and does not wait for a reader that stopped`() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let folder = try TemporaryFolder()
        let output = LogOutput(.init(directory: folder.path), console: ends[1])
        for _ in 1...2000 {
            logger(output).info("a line that fills the pipe after a while, which nobody reads")
        }
        output.close()
        var start = [UInt8](repeating: 0, count: 200)
        #expect(read(ends[0], &start, start.count) == 200)
        #expect(String(decoding: start, as: UTF8.self).contains(" - INFO - a line that fills the pipe"))
        #expect(try folder.read("attendance.log").split(separator: "\n").count == 2000)
    }

    @Test(.timeLimit(.minutes(10))) func `the level of all loggers changes at once`() throws {
        let folder = try TemporaryFolder()
        let output = LogOutput(.init(directory: folder.path, level: .warning, console: false))
        var early = logger(output)
        let late = logger(output)
        early[metadataKey: "own"] = "1"
        early.info("hidden")
        output.level = .debug
        early.debug("seen")
        late.debug("seen", metadata: ["more": "2"])
        var own = logger(output)
        own.logLevel = .error
        own.warning("hidden")
        output.close()
        let log = try folder.read("attendance.log")
        #expect(log.split(separator: "\n").count == 2)
        #expect(log.contains("DEBUG - seen own=1\n") && log.contains("DEBUG - seen more=2\n"))
    }

    @Test(.timeLimit(.minutes(10))) func `lines of many threads arrive whole`() async throws {
        let folder = try TemporaryFolder()
        let output = LogOutput(.init(directory: folder.path, console: false))
        let logger = logger(output)
        await withTaskGroup { group in
            for task in 1...8 {
                group.addTask {
                    for line in 1...500 {
                        logger.info("m", metadata: ["task": "\(task)", "line": "\(line)"])
                    }
                }
            }
        }
        output.close()
        let lines = try folder.read("attendance.log").split(separator: "\n")
        #expect(lines.count == 4000)
        #expect(lines.allSatisfy { $0.contains(" - INFO - m line=") })
        for task in 1...8 {
            let own = lines.filter { $0.hasSuffix("task=\(task)") }
            #expect(
                own.compactMap { $0.firstMatch(of: /line=(\d+)/).flatMap { Int($0.1) } } == Array(1...500))
        }
    }
}
