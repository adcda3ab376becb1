import Dispatch

@testable import AttendanceStore

/// Lets a test hold the writer's thread in the middle of a transaction.
final class Held: Sendable {
    private let reached: AsyncStream<Void>
    private let reach: AsyncStream<Void>.Continuation
    private let go = DispatchSemaphore(value: 0)

    init() throws { (reached, reach) = AsyncStream.makeStream() }

    /// On the writer's thread: waits for `release`.
    func hold() {
        reach.finish()
        go.wait()
    }

    /// Returns once the writer is held.
    func isHolding() async { for await _ in reached {} }

    func release() { go.signal() }
}

extension SQLiteStore {
    /// Runs `body` while the writer is held, and lets go of it when `count` operations wait.
    func whileWriterIsHeld(until count: Int, _ body: () async throws -> Void) async throws {
        let held = try Held()
        async let holding: Void = onWriter { _ in held.hold() }
        await held.isHolding()
        async let letGo: Void = {
            while waitingOperations < count + 1 { await Task.yield() }
            held.release()
        }()
        try await body()
        await letGo
        try await holding
    }
}
