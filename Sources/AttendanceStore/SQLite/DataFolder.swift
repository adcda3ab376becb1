import Foundation

/// The folder that holds the journal, and the names of the files in it.
struct DataFolder: Sendable {
    let path: String

    var database: String { path + "/journal.sqlite" }
    var lock: String { path + "/journal.lock" }

    /// Creates the folder where it is missing, for its owner alone. One that exists keeps its permissions: the
    /// operator's choice.
    func create() throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw StoreError.io(detail: "\(path) cannot be created: \(error.localizedDescription)")
        }
    }

    /// Creates an empty database where it is missing, for its owner alone; SQLite gives the files beside it the same
    /// permissions. Under the lock, and before SQLite opens it: closing a file drops all of the process's locks on it.
    func createDatabase() throws {
        let descriptor = open(database, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            close(descriptor)
        } else if errno != EEXIST {
            throw StoreError.io(detail: "\(database): \(String(cString: strerror(errno)))")
        }
    }

    /// Bytes that the database and its log take.
    var bytes: Int64 {
        [database, database + "-wal"].reduce(0) { sum, file in
            var info = stat()
            return stat(file, &info) == 0 ? sum + Int64(info.st_size) : sum
        }
    }
}
