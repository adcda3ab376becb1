import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Makes copies of the journal when it is time, and when somebody orders one; one at a time.
package final class BackupDesk: Service {
    package struct Figures: Hashable, Sendable {
        /// Of those in the folder of the settings; nil when there is none.
        package var last: JournalBackup?
        /// Since when and why none could be made; nil when the last try succeeded.
        package var failure: (since: UnixTime, reason: String)? {
            failingSince.map { ($0, reason) }
        }
        fileprivate var failingSince: UnixTime?
        fileprivate var reason = ""
        /// When the next is due; nil when none are made by themselves.
        package var due: UnixTime?
        /// So long after `due` something is wrong.
        package var patience: Duration = .seconds(2 * 3600)
        package fileprivate(set) var isBusy = false
        package var isScheduled: Bool { due != nil }

        package func isOverdue(at now: UnixTime) -> Bool { due.map { $0 + patience < now } ?? false }
    }

    private struct State {
        var settings: Settings.Backup
        var isRunning = false
        var last: JournalBackup?
        var failingSince: UnixTime?
        var reason = ""
        var notBefore: UnixTime?
    }

    private let store: SQLiteStore
    private let zone: @Sendable () -> String
    private let now: @Sendable () -> UnixTime
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let started: UnixTime
    private let state: Mutex<State>
    /// Between two looks at the clock, and after a failure.
    private static let interval = Duration.seconds(20)
    private static let pause = Duration.seconds(15 * 60)

    init(
        settings: Settings.Backup, store: SQLiteStore, zone: @escaping @Sendable () -> String,
        now: @escaping @Sendable () -> UnixTime, sleep: @escaping @Sendable (Duration) async throws -> Void,
        logger: Logger
    ) {
        self.store = store
        self.zone = zone
        self.now = now
        self.sleep = sleep
        self.logger = logger
        started = now()
        state = Mutex(State(settings: settings))
        let last = settings.directory.flatMap { BackupFolder(path: $0).backups().first }
        state.withLock { $0.last = last }
    }

    /// Takes over what may change while running.
    func apply(_ new: Settings.Backup) {
        state.withLock { state in
            let directory = state.settings.directory
            state.settings = new
            state.settings.directory = directory
        }
    }

    package var figures: Figures {
        let state = state.withLock { $0 }
        var figures = Figures(last: state.last, failingSince: state.failingSince, reason: state.reason)
        figures.isBusy = state.isRunning
        if state.settings.directory != nil { figures.due = due(state) }
        return figures
    }

    package func run() async throws {
        guard state.withLock({ $0.settings.directory }) != nil else {
            try? await gracefulShutdown()  // nothing to do until then; cancellation ends the wait too
            return
        }
        await withGracefulShutdownCancelled {
            repeat {
                let now = self.now()
                let isDue = self.state.withLock { state in
                    self.due(state) <= now && state.notBefore.map { $0 <= now } ?? true
                }
                guard isDue else { continue }
                do {
                    _ = try await self.backUp(to: nil)
                } catch {
                    continue  // it was told, and is tried again
                }
            } while (try? await self.sleep(Self.interval)) != nil  // cancelled: the end
        }
    }

    private func withGracefulShutdownCancelled(_ body: @escaping @Sendable () async -> Void) async {
        await cancelWhenGracefulShutdown { await body() }
    }

    /// When the next copy is to be made.
    private func due(_ state: State) -> UnixTime {
        let last = state.last?.manifest.takenAt
        guard let at = state.settings.at, let zone = ZoneRules(identifier: zone()) else {
            return last.map { $0 + state.settings.every } ?? started
        }
        // The first time of that name after the last copy.
        let from = last ?? started
        let wall = zone.wallTime(at: from.seconds)
        let day = wall.seconds - wall.seconds.quotientAndRemainder(dividingBy: 86_400).remainder
        for ahead in 0...2 {
            let candidate = zone.instant(
                of: WallTime(seconds: day + Int64(ahead) * 86_400 + Int64(at.seconds)))
            if candidate > from.seconds { return UnixTime(seconds: candidate) }
        }
        return from + .seconds(86_400)
    }

    /// Makes a copy now. Throws `BackupRefusal`, `BackupError` or `StoreError`.
    ///
    /// - `folder`: nil for that of the settings, where old ones are removed then.
    package func backUp(to folder: String?) async throws -> JournalBackup {
        let (isFree, settings) = state.withLock { state in
            defer { state.isRunning = true }
            return (!state.isRunning, state.settings)
        }
        guard isFree else { throw BackupRefusal(text: "a backup is being made at this moment") }
        defer { state.withLock { $0.isRunning = false } }
        guard let place = folder ?? settings.directory else {
            throw BackupRefusal(text: "say where to: --to FOLDER, or Directory in [Backup]")
        }
        let isOwn = place == settings.directory
        let begun = now()
        do {
            let made = try await store.backUp(to: place, program: Version.current, at: begun)
            logger.notice(
                "backup made",
                metadata: [
                    "path": "\(made.path)", "punches": "\(made.manifest.punches)",
                    "bytes": "\(made.manifest.bytes)",
                    "seconds": "\((now() - begun).components.seconds)",
                ])
            guard isOwn else { return made }
            let removed = try BackupFolder(path: place).prune(keeping: settings.keep)
            if !removed.isEmpty {
                logger.info("old backups removed", metadata: ["names": "\(removed.joined(separator: ", "))"])
            }
            let wasFailing = state.withLock { state in
                defer {
                    state.last = made
                    state.failingSince = nil
                    state.notBefore = nil
                }
                return state.failingSince != nil
            }
            if wasFailing { logger.notice("backups are made again") }
            return made
        } catch {
            guard isOwn else { throw error }
            let reason = PlainText.line(error.localizedDescription, limit: 500)
            let (moment, isNew) = (now(), state.withLock { $0.failingSince == nil })
            state.withLock { state in
                state.failingSince = state.failingSince ?? moment
                state.reason = reason
                state.notBefore = moment + Self.pause
            }
            if isNew { logger.error("no backup could be made", metadata: ["reason": "\(reason)"]) }
            throw error
        }
    }
}

/// An order for a backup that cannot be carried out as it stands.
struct BackupRefusal: RefusedOrder {
    let text: String
    var errorDescription: String? { text }
}

extension Gateway {
    var backupRoutes: BackupRoutes {
        BackupRoutes { [backups, store, now = surroundings.now] order in
            let made = try await backups.backUp(to: order.folder)
            try await store.audit(.backup(made, by: Author(order.author), at: now()))
            return BackupReceipt(made)
        }
    }

    /// What the console and the API order; nil where no folder is set.
    var backUpNow: (@Sendable (Author) async throws -> String)? {
        guard settings.backup.directory != nil else { return nil }
        return { [backups, store, now = surroundings.now] author in
            let made = try await backups.backUp(to: nil)
            try await store.audit(.backup(made, by: author, at: now()))
            return made.path
        }
    }
}

extension AuditEntry {
    static func backup(_ made: JournalBackup, by author: Author, at now: UnixTime) -> AuditEntry {
        AuditEntry(
            at: now, author: author, action: "journal.backup", subject: PlainText.line(made.path, limit: 200),
            detail: "\(made.manifest.punches) punches, \(made.manifest.bytes) bytes")
    }
}
