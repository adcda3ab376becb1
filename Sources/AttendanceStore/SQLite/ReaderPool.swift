import GRDB
import Synchronization

/// Read-only connections beside the writer's. They never write and never checkpoint.
final class ReaderPool: Sendable {
    private let path: String
    private let pool = Mutex<DatabasePool?>(nil)

    private let metDamage = Atomic(false)

    init(path: String) { self.path = path }

    /// Whether a read has come upon a page that cannot be right.
    var hasMetDamage: Bool { metDamage.load(ordering: .relaxed) }

    /// Opens it, in place of an older one.
    func open() throws {
        do {
            var configuration = GRDB.Configuration()
            configuration.readonly = true
            configuration.foreignKeysEnabled = false
            configuration.label = "journal.reader"
            configuration.maximumReaderCount = 4
            configuration.busyMode = .timeout(5)
            let fresh = try DatabasePool(path: path, configuration: configuration)
            pool.withLock { $0 = fresh }
        } catch {
            throw StoreError(error, path: path)
        }
    }

    /// Waits for reads under way, and fails later ones with `StoreError.closed`.
    func close() {
        let old = pool.withLock { pool in
            defer { pool = nil }
            return pool
        }
        // An error here means statements in use, which `read` does not let out; letting go of it closes it as well.
        try? old?.close()
    }

    /// The same as `read` for someone who can wait on their thread: while opening.
    func check(_ body: (Database) throws -> Void) throws {
        guard let pool = pool.withLock({ $0 }) else { throw StoreError.closed }
        do { try pool.read(body) } catch { throw StoreError(error, path: path) }
    }

    /// Runs `body` on one snapshot of the database. Throws `StoreError`, or `CancellationError`.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws -> Value {
        guard let pool = pool.withLock({ $0 }) else { throw StoreError.closed }
        do {
            return try await pool.read(body)
        } catch let error as CancellationError {
            throw error
        } catch {
            let told = StoreError(error, path: path)
            if case .damaged = told { metDamage.store(true, ordering: .relaxed) }
            throw told
        }
    }
}
