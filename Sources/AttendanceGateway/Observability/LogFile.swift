import AttendanceCore
import Foundation

/// `attendance.log` in a folder: a file a day, renamed to `attendance.log.YYYY-MM-DD` when its day is over.
///
/// Not thread-safe: `LogOutput`'s thread alone uses it. Every failure is returned, none is fatal; the next write opens
/// the file again.
struct LogFile: ~Copyable {
    let directory: String
    /// Files of past days that are kept, 1 or more.
    var keep: Int
    private var descriptor: Int32 = -1
    /// Days since 1970 of the lines in the open file.
    private var day: Int64 = 0
    private var size: off_t = 0

    static let name = "attendance.log"
    private var path: String { directory + "/" + Self.name }

    init(directory: String, keep: Int) {
        self.directory = directory
        self.keep = keep
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Why a write failed, in the system's words.
    struct Failure: Error, Hashable { var reason: String }

    /// Appends whole lines that all belong to one local day, rotating first when that day is a later one. Either all
    /// of it stands in the file afterwards, or none.
    ///
    /// `localDay` turns the time at which the file was last written into a local day.
    mutating func append(_ bytes: [UInt8], day newDay: Int64, localDay: (Int64) -> Int64) throws(Failure) {
        // Somebody else moved or deleted the file: write where people look.
        if descriptor >= 0, !isStillOurs { closeFile() }
        if descriptor < 0 { try open(day: newDay, localDay) }
        // A clock set back over midnight goes on in the file it has: days never run backwards in a name.
        if newDay > day { try rotate(to: newDay) }
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes {
                write(descriptor, $0.baseAddress! + written, $0.count - written)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                let failure = Failure(reason: Self.words(errno))
                // A torn line would look like another record. Where even this fails, the tear stays.
                _ = ftruncate(descriptor, size)
                closeFile()
                throw failure
            }
            written += count
        }
        size += off_t(written)
    }

    private var isStillOurs: Bool {
        var mine = stat()
        var there = stat()
        return fstat(descriptor, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino
            && mine.st_dev == there.st_dev
    }

    private mutating func open(day newDay: Int64, _ localDay: (Int64) -> Int64) throws(Failure) {
        if mkdir(directory, 0o750) != 0, errno == ENOENT {
            do {
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: true)
            } catch {
                throw Failure(reason: SettingsLoader.words(error))
            }
        }
        var before = stat()
        let existed = stat(path, &before) == 0 && before.st_size > 0
        try openFile()
        day = existed ? min(localDay(Int64(before.st_mtim.tv_sec)), newDay) : newDay
        removeOldFiles()
    }

    private mutating func openFile() throws(Failure) {
        descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw Failure(reason: Self.words(errno)) }
        var now = stat()
        size = fstat(descriptor, &now) == 0 ? now.st_size : 0
    }

    private mutating func closeFile() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    private mutating func rotate(to newDay: Int64) throws(Failure) {
        if size > 0 {
            let dated = path + "." + WallTime(seconds: day * 86_400).description.prefix(10)
            var target = dated
            var number = 1
            // Only after a clock went back: the day's file is there already, and is not overwritten.
            while access(target, F_OK) == 0 {
                number += 1
                target = "\(dated).\(number)"
            }
            // Where renaming fails the lines go on in the same file: better than no lines.
            if rename(path, target) == 0 {
                closeFile()
                try openFile()
            }
        }
        day = newDay
        removeOldFiles()
    }

    /// Keeps the newest `keep` files of past days. Names alone decide, so foreign files are safe.
    mutating func removeOldFiles() {
        // A folder that cannot be listed cannot be cleared either; the next rotation tries again.
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory) else { return }
        let old = names.filter(Self.isDated).sorted()
        for name in old.dropLast(keep) { unlink(directory + "/" + name) }
    }

    private static func isDated(_ name: String) -> Bool {
        guard name.hasPrefix(Self.name + ".") else { return false }
        let parts = name.dropFirst(Self.name.count + 1).split(
            separator: ".", omittingEmptySubsequences: false)
        guard let date = parts.first, parts.count <= 2, date.utf8.count == 10,
            WallTime(date + " 00:00:00") != nil
        else { return false }
        return parts.count == 1 || Int(parts[1]) != nil
    }

    static func words(_ code: Int32) -> String { String(cString: strerror(code)) }
}
