import Synchronization

/// Tells one waiting service that there is work. Rings are coalesced: any number of them before the service looks is
/// one. Made by the composition root; whoever records or settles rings, exactly one service listens.
package final class WakeUp: Sendable {
    /// For the one listener.
    package let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let requeued = Atomic(false)

    package init() {
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// New punches (or outcomes) may be there.
    package func ring() { continuation.yield() }

    /// Punches may be owed again that the listener has already walked past: dead letters sent again.
    package func ringForRequeued() {
        requeued.store(true, ordering: .releasing)
        continuation.yield()
    }

    func takeRequeued() -> Bool { requeued.exchange(false, ordering: .acquiringAndReleasing) }
}
