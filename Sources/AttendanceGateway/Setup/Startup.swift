import ServiceLifecycle
import Synchronization

/// How this run of the gateway came about, and how it is begun anew: what only the program's own start knows.
package struct Startup: Sendable {
    package var loader: SettingsLoader
    /// What this run was started with.
    package var loaded: LoadedSettings
    /// Reads the settings afresh, as at a SIGHUP.
    package var reload: @Sendable () -> Void
    /// Ends all services in order and starts them again with the settings that stand in the file then.
    package var restart: @Sendable () -> Void
    /// Shows the one-time setup link to whoever has started the program, and to nobody else: it opens everything.
    /// False where nobody can be shown anything.
    package var invite: @Sendable (_ link: String) -> Bool

    package init(
        loader: SettingsLoader, loaded: LoadedSettings, reload: @escaping @Sendable () -> Void,
        restart: @escaping @Sendable () -> Void, invite: @escaping @Sendable (_ link: String) -> Bool
    ) {
        self.loader = loader
        self.loaded = loaded
        self.reload = reload
        self.restart = restart
        self.invite = invite
    }
}

/// Ends the service group it is in once a restart is asked for: its own end is to be the group's.
package final class RestartRequest: Service {
    private let asked = Mutex(false)
    private let requests: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    package init() { (requests, continuation) = AsyncStream.makeStream() }

    /// Whether the group is to be run again.
    package var wasMade: Bool { asked.withLock(\.self) }

    package func make() {
        asked.withLock { $0 = true }
        continuation.finish()
    }

    package func run() async throws {
        for await _ in requests.cancelOnGracefulShutdown() {}
        guard wasMade else { return }
        // The page that tells of it is still on its way. Whatever ends the wait, the group ends.
        await cancelWhenGracefulShutdown { try? await Task.sleep(for: .milliseconds(300)) }
    }
}
