import AttendanceCore
import AttendanceStore
import Foundation
import Logging
import Synchronization
import Testing

@testable import AttendanceWeb

/// Accounts on a real journal, with a clock of their own.
final class Desk: Sendable {
    static let password = "a good long password"
    let store: SQLiteStore
    let vault: Vault
    let accounts: Accounts
    private let clock: Clock

    final class Clock: Sendable {
        private let seconds = Mutex<Int64>(1_790_000_000)
        var now: UnixTime { UnixTime(seconds: seconds.withLock { $0 }) }
        func pass(_ duration: Duration) { seconds.withLock { $0 += duration.milliseconds / 1000 } }
    }

    init(
        _ store: SQLiteStore, _ vault: Vault, _ clock: Clock, cost: PasswordHash.Cost = .cheap
    ) {
        self.store = store
        self.vault = vault
        self.clock = clock
        accounts = Accounts(
            store: store, vault: vault,
            surroundings: .init(
                now: { clock.now }, uptime: { .seconds(clock.now.seconds) }, cost: cost),
            logger: Logger(label: "test"))
    }

    /// The same journal, clock and vault under a program that was started anew.
    func restarted(cost: PasswordHash.Cost = .cheap) -> Desk { Desk(store, vault, clock, cost: cost) }

    var now: UnixTime { clock.now }
    func pass(_ duration: Duration) { clock.pass(duration) }

    @discardableResult
    func add(_ name: String, _ role: Role = .administrator, reach: Reach? = nil) async throws -> Int64 {
        try await accounts.create(
            name: name, password: Self.password, role: role, reach: reach, by: Author("root (command line)"))
    }

    func signIn(
        _ name: String = "ada", _ password: String = Desk.password, code: String? = nil,
        from address: String = "10.0.0.5"
    ) async throws -> SignInResult {
        try await accounts.signIn(
            name: name, password: password, code: code, address: address, userAgent: "Browser 1.0")
    }

    func signedIn(_ name: String = "ada", code: String? = nil, from address: String = "10.0.0.5") async throws
        -> SignedIn
    {
        let result = try await signIn(name, code: code, from: address)
        guard case .signedIn(let signedIn) = result else { throw NotSignedIn(result: result) }
        return signedIn
    }

    struct NotSignedIn: Error { let result: SignInResult }

    func actions() async throws -> [String] {
        try await store.auditTrail(after: 0, limit: 1000).map(\.action)
    }

    /// What is refused, and for which field.
    func refusal(_ body: () async throws -> Void) async -> AccountRefusal? {
        await #expect(throws: AccountRefusal.self) { try await body() }
    }
}

func withDesk(_ body: (Desk) async throws -> Void) async throws {
    let folder = try TemporaryFolder()
    let store = try SQLiteStore(
        folder: folder.path, options: StoreOptions(now: { UnixTime(seconds: 1_790_000_000) }),
        logger: Logger(label: "test"))
    do {
        try await body(Desk(store, Vault(path: folder.path + "/vault.key"), Desk.Clock()))
    } catch {
        await store.close()
        throw error
    }
    await store.close()
    // It takes its files along.
    withExtendedLifetime(folder) {}
}
