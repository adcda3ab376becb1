import AttendanceCore
import Foundation
import Logging
import Synchronization

/// Where log lines go: a file a day and the console, written by a thread of its own.
///
/// Callers format their line and put it into a bounded buffer under a short lock. They never wait for a disk or a
/// reader of the console: most of them run on event loops that serve thousands of terminals. What finds no room or
/// cannot be written is counted, and told in a line as soon as writing works again. The price: a killed process
/// loses the lines of its last milliseconds.
package final class LogOutput: Sendable {
    package struct Options: Sendable {
        /// Folder of `attendance.log`; nil writes no file.
        package var directory: String?
        package var level: Logger.Level
        package var keep: Int
        package var console: Bool
        package var consoleForm: ConsoleLogForm

        package init(
            directory: String?, level: Logger.Level = .info, keep: Int = 30, console: Bool = true,
            consoleForm: ConsoleLogForm = .text
        ) {
            self.directory = directory
            self.level = level
            self.keep = keep
            self.console = console
            self.consoleForm = consoleForm
        }
    }

    /// A line, and the local day it belongs to.
    private struct Line {
        var bytes: [UInt8]
        /// What the console gets, where that is something else.
        var console: [UInt8]?
        var size: Int { bytes.count + (console?.count ?? 0) }
        var day: Int64
    }
    private struct State {
        var lines: [Line] = []
        var bytes = 0
        var dropped = 0
        var keep: Int
        /// Numbers of lines, so that `flush` knows when all before it are done.
        var accepted = 0
        var finished = 0
        var stopping = false
    }

    private let state: Mutex<State>
    private let wake = DispatchSemaphore(value: 0)
    private let done = NSCondition()
    private let leastLevel: Atomic<Int>
    private let now: @Sendable () -> UnixTime
    /// Seconds east of UTC at an instant, in the machine's zone.
    private let localOffset: @Sendable (Int64) -> Int64
    private let maximumBytes: Int
    private let retryDelay: Duration
    private let directory: String?
    /// Nil: the console gets none, or the file's.
    private let consoleForm: ConsoleLogForm?

    /// `console` is the descriptor that the console's lines go to; `retryDelay` is how long a failing file is left alone.
    /// The thread lives until `close`.
    package init(
        _ options: Options, console: Int32 = STDERR_FILENO, maximumBufferedBytes: Int = 8 << 20,
        retryDelay: Duration = .seconds(1),
        now: @escaping @Sendable () -> UnixTime = LogOutput.systemTime,
        localOffset: @escaping @Sendable (Int64) -> Int64 = LogOutput.machineOffset
    ) {
        state = Mutex(State(keep: options.keep))
        leastLevel = Atomic(Self.rank(options.level))
        maximumBytes = maximumBufferedBytes
        self.retryDelay = retryDelay
        directory = options.directory
        consoleForm = options.console && options.consoleForm != .text ? options.consoleForm : nil
        self.now = now
        self.localOffset = localOffset
        let thread = Thread { [self] in
            var writer = Writer(
                file: options.directory.map { LogFile(directory: $0, keep: options.keep) },
                console: options.console ? Console(descriptor: console) : nil)
            run(&writer)
        }
        thread.name = "log"
        thread.start()
    }

    /// The least level that is written, for every logger that has none of its own.
    package var level: Logger.Level {
        get { Self.levels[leastLevel.load(ordering: .relaxed)] }
        set { leastLevel.store(Self.rank(newValue), ordering: .relaxed) }
    }

    /// Files of past days that are kept, from the next rotation on.
    package var keep: Int {
        get { state.withLock(\.keep) }
        set { state.withLock { $0.keep = newValue } }
    }

    /// The last lines of today's file, the oldest first; at most those in its last 64 KiB.
    package func tail(_ lines: Int) -> [String] {
        guard let directory else { return [] }
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: directory + "/attendance.log"))
            defer { try? file.close() }  // opened for reading: nothing can be lost
            let size = try file.seekToEnd()
            let start = size > 65_536 ? size - 65_536 : 0
            try file.seek(toOffset: start)
            let text = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
            let all = text.split(separator: "\n", omittingEmptySubsequences: true)
            // The first of a cut file is a piece of a line.
            return all.dropFirst(start > 0 ? 1 : 0).suffix(max(0, lines)).map {
                PlainText.line(String($0), limit: 2000)
            }
        } catch {
            return ["attendance.log cannot be read: \(error.localizedDescription)"]
        }
    }

    /// Lines that could not be buffered since the last one that told of it.
    package var dropped: Int { state.withLock(\.dropped) }

    /// Kept, because it is looked into for every call that logs.
    private static let levels = Logger.Level.allCases
    private static func rank(_ level: Logger.Level) -> Int {
        levels.firstIndex(of: level) ?? 0
    }

    func write(
        level: Logger.Level, message: String, metadata: Logger.Metadata, error: (any Error)? = nil
    ) {
        let line = self.line(level: level, message: message, metadata: metadata, error: error)
        let isFirst = state.withLock { state in
            guard state.bytes + line.size <= maximumBytes, !state.stopping else {
                state.dropped += 1
                return false
            }
            state.lines.append(line)
            state.bytes += line.size
            state.accepted += 1
            return state.lines.count == 1
        }
        if isFirst { wake.signal() }
    }

    private func line(
        level: Logger.Level, message: String, metadata: Logger.Metadata, error: (any Error)? = nil
    ) -> Line {
        let time = now()
        let local = WallTime(seconds: time.seconds + localOffset(time.seconds))
        let text = LogLine.format(
            time: time, local: local, level: level, message: message, metadata: metadata, error: error)
        let other =
            switch consoleForm {
            case nil, .text: String?.none
            case .journal: LogLine.journal(level: level, message: message, metadata: metadata, error: error)
            case .json:
                LogLine.json(time: time, level: level, message: message, metadata: metadata, error: error)
            }
        return Line(
            bytes: Array("\(text)\n".utf8), console: other.map { Array("\($0)\n".utf8) },
            day: Self.day(local.seconds))
    }

    /// Waits until everything logged before this call was written or given up. Blocks the calling thread for as long:
    /// meant for the end of the program.
    package func flush() {
        let (target, stopped) = state.withLock { ($0.accepted, $0.stopping) }
        if stopped { return }
        done.lock()
        while state.withLock({ $0.finished }) < target { done.wait() }
        done.unlock()
    }

    /// Writes what is left and ends the thread. Later lines are dropped.
    package func close() {
        flush()
        state.withLock { $0.stopping = true }
        wake.signal()
    }

    // MARK: The thread

    private struct Writer: ~Copyable {
        var file: LogFile?
        var console: Console?
        /// Lines that were taken from the buffer and could not be written to the file.
        var lost = 0
        var reason: String?
        /// Not before this moment is a failing file tried again.
        var retry: ContinuousClock.Instant?
    }

    private func run(_ writer: inout Writer) {
        while true {
            wake.wait()
            let (lines, accepted, keep, dropped, stopping) = state.withLock { state in
                defer {
                    state.lines.removeAll()
                    state.bytes = 0
                    state.dropped = 0
                }
                return (state.lines, state.accepted, state.keep, state.dropped, state.stopping)
            }
            writer.file?.keep = keep
            writer.lost += dropped
            // Lines of one day are written at once; a batch over midnight is two.
            var rest = lines[...]
            while let first = rest.first {
                let sameDay = rest.prefix { $0.day == first.day }
                writer.console?.write(sameDay.flatMap { $0.console ?? $0.bytes })
                write(sameDay.flatMap(\.bytes), count: sameDay.count, day: first.day, &writer)
                rest = rest.dropFirst(sameDay.count)
            }
            done.lock()
            state.withLock { $0.finished = accepted }
            done.broadcast()
            done.unlock()
            if stopping { return }
        }
    }

    private func write(_ bytes: [UInt8], count: Int, day: Int64, _ writer: inout Writer) {
        guard writer.file != nil else { return reportLoss(&writer, day: day, toFile: false) }
        if let retry = writer.retry, ContinuousClock.now < retry {
            writer.lost += count
            return
        }
        do throws(LogFile.Failure) {
            let localDay = { [localOffset] (seconds: Int64) in Self.day(seconds + localOffset(seconds)) }
            try writer.file?.append(bytes, day: day, localDay: localDay)
            writer.retry = nil
            reportLoss(&writer, day: day, toFile: true)
        } catch {
            writer.lost += count
            writer.retry = ContinuousClock.now + retryDelay
            if writer.reason != error.reason {
                let notice = line(
                    level: .error, message: "the log file cannot be written",
                    metadata: ["reason": .string(error.reason)])
                writer.console?.write(notice.console ?? notice.bytes)
            }
            writer.reason = error.reason
        }
    }

    /// Tells of lines that are missing, as soon as there is a place to tell it.
    private func reportLoss(_ writer: inout Writer, day: Int64, toFile: Bool) {
        guard writer.lost > 0 else { return }
        var metadata: Logger.Metadata = ["lines": .stringConvertible(writer.lost)]
        if let reason = writer.reason { metadata["reason"] = .string(reason) }
        let notice = line(level: .warning, message: "log lines are missing here", metadata: metadata)
        writer.console?.write(notice.console ?? notice.bytes)
        if toFile {
            do throws(LogFile.Failure) {
                try writer.file?.append(notice.bytes, day: max(day, notice.day)) { $0 / 86_400 }
            } catch {
                writer.reason = error.reason
                return  // still owed to the file
            }
        }
        writer.lost = 0
        writer.reason = nil
    }

    // MARK: Time

    static func day(_ localSeconds: Int64) -> Int64 {
        localSeconds >= 0 ? localSeconds / 86_400 : (localSeconds - 86_399) / 86_400
    }

    package static let systemTime: @Sendable () -> UnixTime = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UnixTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    package static let machineOffset: @Sendable (Int64) -> Int64 = { instant in
        var time = time_t(instant)
        var parts = tm()
        return localtime_r(&time, &parts) == nil ? 0 : Int64(parts.tm_gmtoff)
    }
}

/// A descriptor that may be a terminal, a file, a pipe or journald's socket, whose reader may have stopped reading.
private struct Console {
    let descriptor: Int32

    /// Gives up what is left when the reader takes nothing for 100 ms: the file has it.
    func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard Glibc.poll(&poll, 1, 100) > 0 else { return }
            // poll(2) promises room for PIPE_BUF bytes and no more.
            let chunk = rest.prefix(4096)
            let count = chunk.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
