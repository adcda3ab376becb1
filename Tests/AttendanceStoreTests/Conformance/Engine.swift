import AttendanceCore
import AttendanceStore
import Logging

/// The engines that the conformance suite is run against. A second engine is one more case here.
enum Engine: CaseIterable, Sendable {
    case sqlite

    /// Gives `body` an empty journal and takes it away again. `reopen` closes the journal and opens it anew.
    func withJournal(_ body: (_ journal: OpenJournal) async throws -> Void) async throws {
        switch self {
        case .sqlite:
            try await withTemporaryFolder { folder in
                let journal = try OpenJournal {
                    let store = try SQLiteStore(
                        folder: folder, options: StoreOptions(now: { Sample.now }),
                        logger: Logger(label: "test"))
                    return (store, { await store.close() })
                }
                do {
                    try await body(journal)
                } catch {
                    await journal.close()
                    throw error
                }
                await journal.close()
            }
        }
    }
}

/// A journal that a test can close and open anew.
final class OpenJournal {
    typealias Opened = (store: any Store & ImportKeeping, close: () async -> Void)

    private let open: () throws -> Opened
    private var opened: Opened

    init(open: @escaping () throws -> Opened) throws {
        self.open = open
        opened = try open()
    }

    var store: any Store & ImportKeeping { opened.store }

    func close() async { await opened.close() }

    func reopen() async throws {
        await close()
        opened = try open()
    }
}
