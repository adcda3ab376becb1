import AttendanceCore
import Foundation

/// A terminal's flash memory: a file of changes, one JSON a line, or the same in this process where no file is given.
///
/// What is written durably is there after a power cut. What is written lazily (that a record was delivered) is kept back
/// until so many changes have gathered, and is gone when the power goes before: the records are then sent again, as
/// real terminals do. A line that was cut by the power is dropped when the memory is read back.
package final class Flash {
    /// Lazy changes held back before they are written.
    package static let laziness = 8

    private enum Medium {
        case memory([UInt8])
        case file(FileHandle, path: String)
    }
    private var medium: Medium
    private var lazy: [FlashEntry] = []
    /// Lines on the medium; when they are many more than the content needs, it is rewritten at the next start.
    private var lines = 0
    private let logCapacity: Int
    /// The power goes after this many bytes of the next durable change.
    private var tearsAfter: Int?

    /// Opens the file `path` and makes it where it is missing. Throws what the file system says.
    package init(path: String?, logCapacity: Int) throws {
        self.logCapacity = logCapacity
        guard let path else {
            medium = .memory([])
            return
        }
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
        }
        medium = .file(FileHandle(fileDescriptor: descriptor, closeOnDealloc: true), path: path)
    }

    /// Reads the content back. Whole lines count; the rest of a line that was cut is removed.
    package func load() throws -> DeviceContent {
        var content = DeviceContent(logCapacity: logCapacity)
        let bytes: Data
        switch medium {
        case .memory(let held): bytes = Data(held)
        case .file(let file, _):
            try file.seek(toOffset: 0)
            bytes = try file.readToEnd() ?? Data()
        }
        let decoder = JSONDecoder()
        lines = 0
        var whole = 0
        for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            guard line.endIndex < bytes.endIndex else { break }
            // A line that is cut in the middle although others follow it: the power went while it was written.
            if let entry = try? decoder.decode(FlashEntry.self, from: line) { content.apply(entry) }
            whole = line.endIndex - bytes.startIndex + 1
            lines += 1
        }
        if whole < bytes.count { try truncate(to: whole) }
        let entries = content.entries
        if lines > 1000, lines > 2 * entries.count { try rewrite(entries) }
        return content
    }

    /// Writes a change. False: the power went in the middle of it.
    package func write(_ entry: FlashEntry) throws -> Bool {
        let line = try Self.line(entry)
        if let bytes = tearsAfter {
            tearsAfter = nil
            try append(Array(line.prefix(min(bytes, line.count - 1))))
            return false
        }
        try append(line)
        lines += 1
        if case .clearedLogs = entry { lazy.removeAll { if case .delivered = $0 { true } else { false } } }
        return true
    }

    /// Writes a change when it suits.
    package func writeLazily(_ entry: FlashEntry) throws {
        lazy.append(entry)
        if lazy.count >= Self.laziness { try settle() }
    }

    /// Writes what was held back: an orderly shutdown.
    package func settle() throws {
        let lines = try lazy.flatMap(Self.line)
        self.lines += lazy.count
        lazy = []
        if !lines.isEmpty { try append(lines) }
    }

    /// The power goes: what was held back is lost.
    package func powerCut() {
        lazy = []
        tearsAfter = nil
    }

    package func tearNextWrite(after bytes: Int) { tearsAfter = max(0, bytes) }

    private static func line(_ entry: FlashEntry) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        return try Array(encoder.encode(entry)) + [UInt8(ascii: "\n")]
    }

    private func append(_ bytes: [UInt8]) throws {
        switch medium {
        case .memory(var held):
            // Taken out first, so that appending does not copy what is there.
            medium = .memory([])
            held += bytes
            medium = .memory(held)
        case .file(let file, _): try file.write(contentsOf: Data(bytes))
        }
    }

    private func truncate(to count: Int) throws {
        switch medium {
        case .memory(let held): medium = .memory(Array(held.prefix(count)))
        case .file(let file, _): try file.truncate(atOffset: UInt64(count))
        }
    }

    private func rewrite(_ entries: [FlashEntry]) throws {
        let bytes = try entries.flatMap(Self.line)
        lines = entries.count
        switch medium {
        case .memory: medium = .memory(bytes)
        case .file(_, let path):
            let fresh = path + ".new"
            try Data(bytes).write(to: URL(fileURLWithPath: fresh))
            guard rename(fresh, path) == 0 else {
                throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
            }
            let descriptor = open(path, O_RDWR | O_APPEND | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw CocoaError(.fileReadUnknown, userInfo: [NSFilePathErrorKey: path])
            }
            medium = .file(FileHandle(fileDescriptor: descriptor, closeOnDealloc: true), path: path)
        }
    }
}
