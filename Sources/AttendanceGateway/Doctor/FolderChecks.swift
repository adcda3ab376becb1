import AttendanceCore
import Foundation

/// The folders the gateway writes to, and the room there is.
struct FolderChecks: Sendable {
    let settings: Settings

    var all: [DoctorCheck] {
        var folders = [
            ("journal folder", settings.store.directory), ("log folder", settings.logging.directory),
        ]
        if settings.csv.isEnabled, settings.csv.directory != settings.logging.directory {
            folders.append(("CSV folder", settings.csv.directory))
        }
        return [DoctorCheck(title: "user") { [user()] }]
            + folders.map { title, path in DoctorCheck(title: title) { [folder(title, path)] } }
    }

    /// What root may write says nothing of what the gateway's own user may.
    private func user() -> CheckResult {
        let name = NSUserName()
        guard geteuid() == 0, let owner = Self.owner(of: settings.store.directory), owner != "root" else {
            return .ok("user", "run as \(name)")
        }
        return .warning(
            "user", "run as root, while \(settings.store.directory) belongs to \(owner)",
            "run it as the user of the gateway: sudo -u \(owner) attendance-gateway doctor")
    }

    private static func owner(of path: String) -> String? {
        var info = stat()
        guard stat(path, &info) == 0, let entry = getpwuid(info.st_uid), let name = entry.pointee.pw_name
        else { return nil }
        return String(cString: name)
    }

    private func folder(_ title: String, _ path: String) -> CheckResult {
        var info = stat()
        guard stat(path, &info) == 0 else {
            let reason = errno
            guard reason == ENOENT else {
                return .failure(
                    title, "\(path): \(Self.words(reason))", "correct the path or its permissions")
            }
            let parent = Self.existingParent(of: path)
            if let trouble = Self.trouble(writingTo: parent) {
                return .failure(
                    title, "\(path) does not exist, and \(parent) is not writable (\(trouble))",
                    "create it for the user of the gateway, or set another folder")
            }
            return .warning(
                title, "\(path) does not exist yet", "none: the gateway creates it when it starts")
        }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            return .failure(title, "\(path) is no folder", "remove the file, or set another folder")
        }
        if let trouble = Self.trouble(writingTo: path) {
            return .failure(
                title, "\(path) is not writable for \(NSUserName()) (\(trouble))",
                "give it to the user of the gateway (chown, and ReadWritePaths in the systemd unit)")
        }
        return room(title, path)
    }

    private func room(_ title: String, _ path: String) -> CheckResult {
        var info = statvfs()
        guard statvfs(path, &info) == 0, info.f_blocks > 0 else {
            return .ok(title, "\(path), writable; its disk does not tell how full it is")
        }
        let free = Int64(
            clamping: UInt64(info.f_bavail).multipliedReportingOverflow(by: UInt64(info.f_frsize))
                .partialValue)
        let percent = Int(Double(info.f_bavail) / Double(info.f_blocks) * 100)
        let seen = "\(path), writable, \(Spoken.bytes(free)) free (\(percent) %)"
        let remedy = "make room: what terminals send cannot be kept on a full disk"
        if free < 64 << 20 { return .failure(title, seen, remedy) }
        if free < 1 << 30 || percent < settings.alerts.diskFreePercent ?? 0 {
            return .warning(title, seen, remedy)
        }
        return .ok(title, seen)
    }

    private static func existingParent(of path: String) -> String {
        var parent = (path as NSString).deletingLastPathComponent
        while !parent.isEmpty, parent != "/", !FileManager.default.fileExists(atPath: parent) {
            parent = (parent as NSString).deletingLastPathComponent
        }
        return parent.isEmpty ? "." : parent
    }

    /// Nil when this process may make files there.
    private static func trouble(writingTo path: String) -> String? {
        faccessat(AT_FDCWD, path, R_OK | W_OK | X_OK, AT_EACCESS) == 0 ? nil : words(errno)
    }

    private static func words(_ code: Int32) -> String { String(cString: strerror(code)) }
}
