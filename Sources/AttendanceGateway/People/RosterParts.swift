import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Logging
import ServiceLifecycle
import Synchronization

/// The roster's parts, put together: the vault, who takes credentials in, and who brings them to terminals.
package final class RosterParts: Sendable {
    let vault: Vault
    package let sync: RosterSync
    private let desk: CommandDesk
    private let store: any Store
    private let terminals: TerminalsInForce
    private let people: Mutex<Settings.People>
    private let now: @Sendable () -> UnixTime

    /// For the running gateway: one whose key file does not fit serves terminals all the same, and says so. What needs
    /// the vault fails until the file is put right. Throws `StoreError`.
    static func vault(of settings: Settings, store: any Store, logger: Logger) async throws -> Vault {
        let keys = try await store.sealedKeys()
        let vault = Vault(path: settings.store.keyFile, isInUse: !keys.isEmpty)
        do {
            try vault.check(holding: keys)
        } catch {
            logger.error(
                "credentials and photos can neither be read nor kept",
                metadata: ["error": "\(error.localizedDescription)"])
        }
        return vault
    }

    /// Throws `VaultError` where the key file does not fit the journal, and `StoreError`.
    static func vault(of settings: Settings, store: any Store) async throws -> Vault {
        let keys = try await store.sealedKeys()
        let vault = Vault(path: settings.store.keyFile, isInUse: !keys.isEmpty)
        try vault.check(holding: keys)
        return vault
    }

    init(
        settings: Settings, terminals: TerminalsInForce, store: any Store, vault: Vault,
        credentials: RosterIntake, desk: CommandDesk,
        presence: Presence, directories: [SinkName: SiteDirectory],
        isApproved: @escaping @Sendable (SerialNumber) -> Bool, timing: RosterSync.Timing, logger: Logger
    ) {
        self.vault = vault
        self.store = store
        self.desk = desk
        self.terminals = terminals
        people = Mutex(settings.people)
        now = timing.now
        sync = RosterSync(
            store: store, vault: vault, intake: credentials.intake, desk: desk, presence: presence,
            directories: directories, terminals: terminals, isApproved: isApproved,
            rules: .init(people: settings.people, terminals: settings.terminals, sites: settings.sites),
            timing: timing, logger: logger)
        news = credentials.news
        count = credentials.count
    }

    private let news: WakeUp
    private let count: KeptCount

    var services: [any Service] { [sync, News(signals: news, sync: sync)] }

    func apply(_ new: Settings) {
        people.withLock { $0 = new.people }
        sync.rules = .init(people: new.people, terminals: new.terminals, sites: new.sites)
    }

    /// Whether credentials may be kept at all.
    var collects: Bool { people.withLock { $0.collects } }

    /// How often terminals have shown something new since the start.
    var kept: Int { count.now }

    var routes: PeopleRoutes {
        PeopleRoutes { [self] order in
            try await RosterDesk(
                store: store, vault: vault, terminals: terminals.now,
                collects: collects, now: now, sync: sync, desk: desk
            ).carryOut(order)
        }
    }

    /// Tells the roster of what terminals have shown.
    private struct News: Service {
        let signals: WakeUp
        let sync: RosterSync

        func run() async throws {
            for await _ in signals.signals.cancelOnGracefulShutdown() { sync.changed() }
        }
    }
}

/// Who takes credentials in, and who is told of it.
struct RosterIntake: Sendable {
    let intake: CredentialIntake
    let news = WakeUp()
    let count = KeptCount()

    init(vault: Vault, store: any Store, terminals: TerminalsInForce, now: @escaping @Sendable () -> UnixTime)
    {
        intake = CredentialIntake(
            vault: vault, store: store, space: { terminals.now.idSpace(of: $0) }, now: now,
            kept: { [news, count] _, kept in
                count.add()
                if kept != KeptEnrolments() { news.ring() }
            })
    }
}

final class KeptCount: Sendable {
    private let value = Atomic(0)

    func add() { value.add(1, ordering: .relaxed) }
    var now: Int { value.load(ordering: .relaxed) }
}
