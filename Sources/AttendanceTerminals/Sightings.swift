import AttendanceStore
import Logging
import ServiceLifecycle

/// Keeps what terminals say of themselves at `reg`, behind their backs: registering must work at once, also while the
/// disk is slow or full, and what is kept here can be said again at the next `reg`.
package final class Sightings: Service {
    /// Beyond so many that wait, the oldest are forgotten. Each may hold 8 KiB of what the terminal said.
    static let waiting = 4_000

    private let store: any Store
    private let logger: Logger
    private let stream: AsyncStream<TerminalSighting>
    private let continuation: AsyncStream<TerminalSighting>.Continuation

    init(store: any Store, logger: Logger) {
        self.store = store
        self.logger = logger
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(Self.waiting))
    }

    func add(_ sighting: TerminalSighting) { continuation.yield(sighting) }

    /// Until the service group shuts down; what waits then is still kept.
    package func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            for await sighting in stream {
                do {
                    try await store.note(sighting)
                } catch {
                    logger.warning(
                        "what the terminal says of itself could not be kept",
                        metadata: ["serial": "\(sighting.serial)", "error": "\(error.localizedDescription)"])
                }
            }
        } onCancelOrGracefulShutdown: { [continuation] in
            continuation.finish()
        }
    }
}
