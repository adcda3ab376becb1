import Foundation
import GRDB
import GRDBSQLite

extension StoreError {
    /// What an error of SQLite means for the store, in words for the operator.
    init(_ error: any Error, path: String) {
        switch error {
        case let error as StoreError: self = error
        case let error as DatabaseError:
            self.init(code: error.extendedResultCode.rawValue, message: error.message ?? "", path: path)
        default: self = .other(detail: "\(error)")
        }
    }

    /// The error that a connection reports now, for calls that went past GRDB.
    init(connection: OpaquePointer?, code: Int32, path: String) {
        var message = sqlite3_errmsg(connection).map { String(cString: $0) } ?? ""
        let systemError = sqlite3_system_errno(connection)
        // SQLite sets it with these two kinds only; beside others an old one would mislead.
        if systemError != 0, [SQLITE_IOERR, SQLITE_CANTOPEN].contains(code & 0xFF) {
            message += ": \(String(cString: strerror(systemError)))"
        }
        self.init(code: code, message: message, path: path)
    }

    private init(code: Int32, message: String, path: String) {
        let detail = "\(message), SQLite code \(code)"
        switch code & 0xFF {
        case SQLITE_FULL: self = .full(detail: detail)
        case SQLITE_CORRUPT, SQLITE_NOTADB: self = .damaged(path: path, detail: detail)
        case SQLITE_IOERR, SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_PROTOCOL, SQLITE_NOLFS:
            self = .io(detail: detail)
        default: self = .other(detail: detail)
        }
    }

    /// Whether the connection cannot be trusted any more: only closing and opening the file afresh goes on from here.
    var needsReopening: Bool {
        switch self {
        case .io, .damaged, .notDurable: true
        case .full, .overloaded, .closed, .newerVersion, .locked, .foreign, .other: false
        }
    }
}
