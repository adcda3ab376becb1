import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import Logging
import ServiceLifecycle

/// Makes earlier punches owed to a sink that is new, from the day that its `StartFrom` names. Goes through the journal
/// page by page beside everything else, remembers its place, and goes on after a restart.
final class Backfill: Service {
    private static let page = 500

    private let store: any Store
    private let sinks: [(name: SinkName, startFrom: Settings.StartFrom)]
    private let isRouted: @Sendable (SinkName, SerialNumber) -> Bool
    private let owing: @Sendable (SinkName) -> Void
    private let now: @Sendable () -> UnixTime
    private let logger: Logger

    /// - Parameters:
    ///   - isRouted: whether a terminal's punches go to a sink.
    ///   - owing: wakes the delivery to a sink.
    init(
        store: any Store, sinks: [(name: SinkName, startFrom: Settings.StartFrom)],
        isRouted: @escaping @Sendable (SinkName, SerialNumber) -> Bool,
        owing: @escaping @Sendable (SinkName) -> Void, now: @escaping @Sendable () -> UnixTime,
        logger: Logger
    ) {
        self.store = store
        self.sinks = sinks
        self.isRouted = isRouted
        self.owing = owing
        self.now = now
        self.logger = logger
    }

    /// Makes the sinks known, and writes down which of the new ones are owed the past. Before anything is recorded.
    func registerSinks() async throws {
        let new = try await store.setSinks(sinks.map(\.name))
        let hasPast = try await store.status().punches > 0
        for (name, startFrom) in sinks where new.contains(name) && hasPast {
            switch startFrom {
            case .now: break
            case .all: try await store.setBookmark("0 0", named: Self.bookmark(name))
            case .day(let day): try await store.setBookmark("\(day.seconds) 0", named: Self.bookmark(name))
            }
        }
    }

    func run() async throws {
        // Ends in the middle of the journal when the gateway stops; the place is kept.
        await cancelWhenGracefulShutdown {
            for (name, _) in self.sinks {
                do {
                    try await self.fill(name)
                } catch is CancellationError {
                    return
                } catch {
                    self.logger.error(
                        "earlier punches could not be given to a new sink; it is tried again at the next start",
                        metadata: ["sink": "\(name)", "error": "\(error.localizedDescription)"])
                }
            }
        }
        // Stays, because a service that ends would end the others.
        try? await gracefulShutdown()  // cancellation ends the wait too, and there is nothing else to do
    }

    private func fill(_ sink: SinkName) async throws {
        guard
            var place = try await store.bookmark(named: Self.bookmark(sink)).flatMap(
                PunchCursor.init(backfill:))
        else { return }
        logger.notice("a new sink is given earlier punches", metadata: ["sink": "\(sink)"])
        var owed = 0
        while true {
            try Task.checkCancellation()
            let filter = PunchFilter(kinds: [.person], sink: sink)
            let page = try await store.punches(filter, after: place, limit: Self.page)
            guard let last = page.last else { break }
            let ids = page.filter { $0.state == .notOwed && isRouted(sink, $0.terminal) }.map(\.id)
            let count = try await store.owe(ids, to: sink, again: false, by: nil, at: now())
            owed += count
            place = PunchCursor(time: last.punch.time, id: last.id)
            try await store.setBookmark("\(place.time.seconds) \(place.id)", named: Self.bookmark(sink))
            if count > 0 { owing(sink) }
        }
        try await store.setBookmark("done", named: Self.bookmark(sink))
        logger.notice(
            "a new sink was given earlier punches", metadata: ["sink": "\(sink)", "punches": "\(owed)"])
    }

    /// A name that no sink can have.
    private static func bookmark(_ sink: SinkName) -> String { "backfill of \(sink)" }
}

extension PunchCursor {
    /// `wall-seconds number`; nil for anything else, such as `done`.
    fileprivate init?(backfill text: String) {
        let parts = text.split(separator: " ").compactMap { Int64($0) }
        guard parts.count == 2 else { return nil }
        self.init(time: WallTime(seconds: parts[0]), id: parts[1])
    }
}
