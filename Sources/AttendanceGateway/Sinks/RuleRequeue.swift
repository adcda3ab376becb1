import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import Logging
import ServiceLifecycle

/// Sends dead letters again that died for want of a rule, once the terminal has one: a direction where the shift is
/// strict about it, coordinates where the site asks for them. Looks at each start and at each reload.
final class RuleRequeue: Service {
    private static let page = 500

    private let store: any Store
    private let sites: [SinkName]
    private let terminals: TerminalsInForce
    private let owing: @Sendable (SinkName) -> Void
    private let now: @Sendable () -> UnixTime
    private let logger: Logger
    private let looks: AsyncStream<Void>
    private let looking: AsyncStream<Void>.Continuation

    /// - Parameter owing: wakes the delivery to a sink.
    init(
        store: any Store, sites: [SinkName], terminals: TerminalsInForce,
        owing: @escaping @Sendable (SinkName) -> Void, now: @escaping @Sendable () -> UnixTime,
        logger: Logger
    ) {
        self.store = store
        self.sites = sites
        self.terminals = terminals
        self.owing = owing
        self.now = now
        self.logger = logger
        (looks, looking) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        looking.yield()
    }

    /// The rules have changed.
    func look() { looking.yield() }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in self.looks {
                do {
                    for sink in self.sites {
                        try await self.send(sink, .directionRequired) { $0.directionRule(of: $1) != .none }
                        try await self.send(sink, .coordinatesRequired) { $0.coordinates(of: $1) != nil }
                    }
                } catch is CancellationError {
                    return
                } catch {
                    self.logger.error(
                        "dead letters could not be looked at after the rules changed",
                        metadata: ["error": "\(error.localizedDescription)"])
                }
            }
        }
    }

    private func send(
        _ sink: SinkName, _ cause: RejectionCause,
        where isMended: (Settings.Terminals, SerialNumber) -> Bool
    ) async throws {
        let settings = terminals.now
        var after: Int64 = 0
        while true {
            let filter = DeadLetterFilter(sink: sink, cause: cause)
            let page = try await store.deadLetters(filter, after: after, limit: Self.page)
            guard let last = page.last else { return }
            after = last.id
            let mended = page.filter { isMended(settings, $0.terminal) }.map(\.id)
            guard !mended.isEmpty else { continue }
            let count = try await store.retryDeadLetters(
                DeadLetterFilter(ids: mended), by: .gateway, at: now())
            owing(sink)
            logger.notice(
                "dead letters are sent again, because their terminal has a rule now",
                metadata: ["sink": "\(sink)", "cause": "\(cause.rawValue)", "count": "\(count)"])
        }
    }
}
