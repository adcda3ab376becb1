import Glibc

/// How full the disk is that a folder lies on. Source: statvfs(3).
package struct DiskSpace: Hashable, Sendable {
    /// Bytes this process may still write, and bytes in all.
    package var free: Int64
    package var total: Int64
    /// The same for all folders of one file system.
    package var device: UInt64

    /// Nil when the folder is not there or its file system does not tell.
    package init?(of path: String) {
        var figures = statvfs()
        var status = stat()
        guard statvfs(path, &figures) == 0, stat(path, &status) == 0, figures.f_blocks > 0 else { return nil }
        free = Self.bytes(UInt64(figures.f_bavail), UInt64(figures.f_frsize))
        total = Self.bytes(UInt64(figures.f_blocks), UInt64(figures.f_frsize))
        device = UInt64(status.st_dev)
    }

    /// Some network file systems claim more than there can be.
    private static func bytes(_ blocks: UInt64, _ size: UInt64) -> Int64 {
        let (bytes, overflows) = blocks.multipliedReportingOverflow(by: size)
        return overflows ? .max : Int64(clamping: bytes)
    }
}
