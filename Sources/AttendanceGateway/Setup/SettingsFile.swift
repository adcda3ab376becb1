import AttendanceCore
import Foundation
import SystemPackage

/// Replaces a settings file so that it is whole at every moment, that only its owner reads it, and that the old one is
/// not lost.
struct SettingsFile {
    let path: String

    private var folder: String { (path as NSString).deletingLastPathComponent }

    /// Nil when it can be written; else why not, in words.
    var obstacle: String? {
        access(folder, W_OK | X_OK) == 0 ? nil : String(cString: strerror(errno))
    }

    /// What stands in it; nil where there is none. Throws for one that cannot be read.
    func read() throws -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return [UInt8](try Data(contentsOf: URL(filePath: path)))
    }

    /// Returns where the old file is kept; nil where there was none. Throws `Errno` or an error of Foundation.
    func write(_ text: String, at moment: UnixTime) throws -> String? {
        let kept = try keep(at: moment)
        let new = path + ".new-\(getpid())"
        do {
            // One that a crash has left behind would be in the way.
            if access(new, F_OK) == 0 { try FileManager.default.removeItem(atPath: new) }
            let file = try FileDescriptor.open(
                FilePath(new), .writeOnly, options: [.create, .exclusiveCreate],
                permissions: [.ownerReadWrite])
            try file.closeAfter {
                try file.writeAll(text.utf8)
                guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
            }
            guard rename(new, path) == 0 else { throw Errno(rawValue: errno) }
        } catch {
            try? FileManager.default.removeItem(atPath: new)  // the first error is the one to tell
            throw error
        }
        syncFolder()
        return kept
    }

    /// The name must outlive a power cut too.
    private func syncFolder() {
        // At worst the old file is there after a power cut, and is whole.
        guard let handle = try? FileDescriptor.open(FilePath(folder), .readOnly) else { return }
        _ = fsync(handle.rawValue)
        try? handle.close()  // opened for reading: nothing can be lost
    }

    private func keep(at moment: UnixTime) throws -> String? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let digits = WallTime(seconds: moment.seconds).description.filter(\.isNumber)
        var name = "\(path).\(digits)"
        var number = 1
        while FileManager.default.fileExists(atPath: name), number < 100 {
            number += 1
            name = "\(path).\(digits)-\(number)"
        }
        // Another name for the same file: at no moment is it neither here nor there.
        if link(path, name) != 0 { try FileManager.default.copyItem(atPath: path, toPath: name) }
        return name
    }
}
