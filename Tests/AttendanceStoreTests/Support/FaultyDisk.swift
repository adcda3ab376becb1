import Foundation
import GRDBSQLite
import Synchronization

/// A folder on a disk that fails on request, and that can tell what a crash would leave of its files.
///
/// SQLite itself is the real one: a VFS of ours sits between it and its own one for Unix, passes every call on, and
/// keeps two pictures of each file. What is *visible* is what any process would read: it survives `kill -9`. What is
/// *durable* is what survives a power cut: writes get there by a sync that succeeds. A failed sync loses the writes
/// since the last one for good, while they stay visible: that is what Linux does with pages whose writing failed.
final class FaultyDisk: Sendable {
    fileprivate enum Change {
        case write(offset: Int, bytes: [UInt8])
        case truncate(size: Int)
    }

    fileprivate struct File {
        var visible: [UInt8] = []
        var durable: [UInt8] = []
        var unsynced: [Change] = []
    }

    struct Faults {
        /// Syncs of files whose name ends so fail, until taken away.
        var syncsFail: String?
        /// Writes to files whose name ends so fail with this SQLite code, until taken away.
        var writes: (suffix: String, code: Int32)?
    }

    fileprivate struct State {
        var files: [String: File] = [:]
        var faults = Faults()
        var failedSyncs = 0
    }

    let folder: String
    fileprivate let state = Mutex(State())

    init(folder: String) {
        self.folder = folder
        FaultyVFS.install()
        FaultyVFS.disks.withLock { $0.append(self) }
    }

    func eject() { FaultyVFS.disks.withLock { $0.removeAll { $0 === self } } }

    func set(_ change: (inout Faults) -> Void) { state.withLock { change(&$0.faults) } }

    var failedSyncs: Int { state.withLock { $0.failedSyncs } }

    /// The disk as it would be found after the process was killed now: a new folder with the visible files. It knows
    /// which of their bytes are not durable.
    func killed(into folder: String) throws -> FaultyDisk {
        let files = state.withLock { $0.files }
        let disk = FaultyDisk(folder: folder)
        for (name, file) in files {
            try Data(file.visible).write(to: URL(fileURLWithPath: folder + "/" + name))
            // Nobody knows any more which writes are unsynced, so a sync alone no longer makes them durable.
            disk.state.withLock { $0.files[name] = File(visible: file.visible, durable: file.durable) }
        }
        return disk
    }

    /// The same after a power cut: durable bytes, and of the unsynced writes whichever `survives` says.
    func powerCut(into folder: String, survives: () -> Bool = { false }) throws {
        let files = state.withLock { $0.files }
        for (name, file) in files {
            var bytes = file.durable
            for change in file.unsynced where survives() { change.apply(to: &bytes) }
            try Data(bytes).write(to: URL(fileURLWithPath: folder + "/" + name))
        }
    }
}

extension FaultyDisk.Change {
    fileprivate func apply(to bytes: inout [UInt8]) {
        switch self {
        case .write(let offset, let new):
            if bytes.count < offset + new.count {
                bytes += [UInt8](repeating: 0, count: offset + new.count - bytes.count)
            }
            bytes.replaceSubrange(offset..<offset + new.count, with: new)
        case .truncate(let size):
            if size < bytes.count { bytes.removeLast(bytes.count - size) }
        }
    }
}

extension FaultyDisk {
    fileprivate func willWrite(_ name: String) -> Int32 {
        state.withLock { state in
            guard let fault = state.faults.writes, name.hasSuffix(fault.suffix) else { return SQLITE_OK }
            return fault.code
        }
    }

    fileprivate func did(_ change: Change, _ name: String) {
        state.withLock { state in
            change.apply(to: &state.files[name, default: File()].visible)
            state.files[name, default: File()].unsynced.append(change)
        }
    }

    fileprivate func sync(_ name: String) -> Int32 {
        state.withLock { state in
            guard var file = state.files[name] else { return SQLITE_OK }
            defer { state.files[name] = file }
            if let suffix = state.faults.syncsFail, name.hasSuffix(suffix) {
                state.failedSyncs += 1
                file.unsynced = []
                return SQLITE_IOERR_FSYNC
            }
            for change in file.unsynced { change.apply(to: &file.durable) }
            file.unsynced = []
            return SQLITE_OK
        }
    }

    fileprivate func delete(_ name: String) { state.withLock { $0.files[name] = nil } }
}

/// SQLITE_IOERR | (4 << 8): a C macro that Swift does not import.
let SQLITE_IOERR_FSYNC: Int32 = 10 | (4 << 8)
/// SQLITE_IOERR | (3 << 8)
let SQLITE_IOERR_WRITE: Int32 = 10 | (3 << 8)

/// The VFS: the Unix one with four calls intercepted. It becomes the process's default and leaves files outside of the
/// registered folders alone.
private enum FaultyVFS {
    static let disks = Mutex<[FaultyDisk]>([])

    /// An open file of one of the disks, and the functions of SQLite's own VFS for it.
    struct Open: @unchecked Sendable {  // the table is constant
        let disk: FaultyDisk
        let name: String
        let methods: UnsafePointer<sqlite3_io_methods>
    }

    struct Tables: @unchecked Sendable {  // written under the lock, constant from then on
        var open: [UnsafeMutablePointer<sqlite3_file>: Open] = [:]
        /// Our table for each of SQLite's: they differ by how a file is locked.
        var ours: [UnsafePointer<sqlite3_io_methods>: UnsafePointer<sqlite3_io_methods>] = [:]
    }
    static let tables = Mutex(Tables())

    struct Original: @unchecked Sendable { let vfs: UnsafeMutablePointer<sqlite3_vfs> }

    /// SQLite's own VFS, found once; ours is registered by the same look.
    static let original: Original = {
        sqlite3_initialize()
        let original = sqlite3_vfs_find(nil)!
        let ours = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        ours.initialize(to: original.pointee)
        ours.pointee.pNext = nil
        ours.pointee.zName = UnsafePointer(strdup("faulty"))
        ours.pointee.xOpen = { _, path, file, flags, outFlags in
            FaultyVFS.open(path, file, flags, outFlags)
        }
        ours.pointee.xDelete = { _, path, syncFolder in
            let code = FaultyVFS.original.vfs.pointee.xDelete(FaultyVFS.original.vfs, path, syncFolder)
            if code == SQLITE_OK, let path, let (disk, name) = FaultyVFS.disk(of: String(cString: path)) {
                disk.delete(name)
            }
            return code
        }
        sqlite3_vfs_register(ours, 1)
        return Original(vfs: original)
    }()

    static func install() { _ = original }

    static func disk(of path: String) -> (FaultyDisk, name: String)? {
        disks.withLock { disks in
            disks.lazy.compactMap { disk in
                path.hasPrefix(disk.folder + "/")
                    ? (disk, String(path.dropFirst(disk.folder.count + 1))) : nil
            }.first
        }
    }

    static func open(
        _ path: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
        _ outFlags: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        let code = original.vfs.pointee.xOpen(original.vfs, path, file, flags, outFlags)
        guard code == SQLITE_OK, let path, let file, let methods = file.pointee.pMethods,
            let (disk, name) = disk(of: String(cString: path))
        else { return code }
        tables.withLock { tables in
            tables.open[file] = Open(disk: disk, name: name, methods: methods)
            if tables.ours[methods] == nil { tables.ours[methods] = table(after: methods) }
            file.pointee.pMethods = tables.ours[methods]
        }
        return code
    }

    static func known(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Open {
        tables.withLock { $0.open[file!]! }
    }

    static func table(after methods: UnsafePointer<sqlite3_io_methods>) -> UnsafePointer<sqlite3_io_methods> {
        let ours = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        ours.initialize(to: methods.pointee)
        ours.pointee.xWrite = { file, bytes, count, offset in
            let open = FaultyVFS.known(file)
            let refusal = open.disk.willWrite(open.name)
            guard refusal == SQLITE_OK else { return refusal }
            let code = open.methods.pointee.xWrite(file, bytes, count, offset)
            if code == SQLITE_OK {
                let new = [UInt8](UnsafeRawBufferPointer(start: bytes, count: Int(count)))
                open.disk.did(.write(offset: Int(offset), bytes: new), open.name)
            }
            return code
        }
        ours.pointee.xTruncate = { file, size in
            let open = FaultyVFS.known(file)
            let code = open.methods.pointee.xTruncate(file, size)
            if code == SQLITE_OK { open.disk.did(.truncate(size: Int(size)), open.name) }
            return code
        }
        ours.pointee.xSync = { file, _ in
            // Not passed on: what would be durable is kept in the picture, and the tests need no real power cut.
            let open = FaultyVFS.known(file)
            return open.disk.sync(open.name)
        }
        ours.pointee.xClose = { file in
            let open = FaultyVFS.known(file)
            FaultyVFS.tables.withLock { $0.open[file!] = nil }
            return open.methods.pointee.xClose(file)
        }
        return UnsafePointer(ours)
    }
}
