import Foundation

/// Keeps a second process from opening the same store for writing: SQLite's own locks would let two gateways take
/// turns, and two connections that checkpoint at once can damage the file (SQLite before 3.51.3).
///
/// The lock is the kernel's, on an open file: it ends with the process, however that ends. The file stays.
final class LockFile: Sendable {
    private let descriptor: Int32

    /// Takes the lock or throws `StoreError.locked` with the number of the process that has it.
    init(path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError.io(detail: "\(path): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            defer { close(descriptor) }
            guard reason == EWOULDBLOCK else {
                throw StoreError.io(detail: "\(path): \(String(cString: strerror(reason)))")
            }
            throw StoreError.locked(path: path, holder: Self.holder(descriptor))
        }
        self.descriptor = descriptor
        let text = Array("\(getpid())\n".utf8)
        // The number is a courtesy to whoever finds the store locked: a full disk must not keep it from opening.
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, text, text.count, 0) }
    }

    deinit { close(descriptor) }

    private static func holder(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 20)
        let count = pread(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { return nil }
        let digits = buffer[..<count].prefix { (0x30...0x39).contains($0) }
        return digits.isEmpty ? nil : String(decoding: digits, as: UTF8.self)
    }
}
