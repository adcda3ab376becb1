@preconcurrency import Dispatch  // sources are thread-safe and not marked so
import Foundation
import Logging
import ServiceLifecycle

/// Loads the settings afresh at each SIGHUP and applies what may change while running.
///
/// All or nothing: a file with any mistake is refused, every mistake is logged, and the old settings stay. What needs a
/// restart is named at every reload until it happened.
package struct SettingsReload: Service {
    private let requests: @Sendable () async -> AsyncStream<Void>
    private let started: LoadedSettings
    private let logger: Logger
    private let load: @Sendable () -> LoadedSettings
    private let apply: @Sendable (Settings) async -> Void
    private let changed: @Sendable (SettingsDifference, LoadedSettings) async -> Void

    /// `started` is what the gateway was started with. `apply` is given whole settings and takes from them what its
    /// rows in the table call a reload; it is called also when only a restart would show a difference. `changed` is told
    /// what differs, after that.
    package init(
        requests: @escaping @Sendable () async -> AsyncStream<Void> = { await hangups() },
        started: LoadedSettings, logger: Logger, load: @escaping @Sendable () -> LoadedSettings,
        apply: @escaping @Sendable (Settings) async -> Void,
        changed: @escaping @Sendable (SettingsDifference, LoadedSettings) async -> Void = { _, _ in }
    ) {
        self.requests = requests
        self.started = started
        self.logger = logger
        self.load = load
        self.apply = apply
        self.changed = changed
    }

    package func run() async throws {
        var current = started
        for await _ in await requests().cancelOnGracefulShutdown() {
            let new = load()
            for warning in new.warnings {
                logger.warning("settings", metadata: ["problem": "\(warning)"])
            }
            guard let settings = new.settings else {
                for mistake in new.mistakes {
                    logger.error("settings refused", metadata: ["problem": "\(mistake)"])
                }
                logger.error(
                    "the old settings stay in force", metadata: ["mistakes": "\(new.mistakes.count)"])
                continue
            }
            let difference = SettingsDifference(from: current, to: new)
            await apply(settings)
            await changed(difference, new)
            for change in difference.now {
                logger.notice("setting changed", metadata: ["change": "\(change)"])
            }
            for change in SettingsDifference(from: started, to: new).afterRestart {
                logger.warning("setting needs a restart", metadata: ["change": "\(change)"])
            }
            logger.notice("settings reloaded", metadata: ["changes": "\(difference.changes.count)"])
            current = new
        }
    }

    /// One element for each SIGHUP, several that come at once being one. From its return on the signal no longer ends
    /// the process.
    package static func hangups() async -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // A dispatch source sees the signal only when its usual action, ending the process, is off.
        signal(SIGHUP, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGHUP)
        source.setEventHandler { continuation.yield() }
        continuation.onTermination = { _ in source.cancel() }
        // Registering goes on in another thread; a signal before its end would be lost.
        await withCheckedContinuation { registered in
            source.setRegistrationHandler { registered.resume() }
            source.activate()
        }
        return stream
    }
}
