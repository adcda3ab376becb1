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
        let status = try await store.status()
        // First what they are owed: a sink that is known is new no more, should the gateway end in between.
        for (name, startFrom) in sinks where status.queues[name] == nil {
            switch startFrom {
            case .all where status.punches > 0: try await keep(Place(from: WallTime(seconds: 0)), of: name)
            case .day(let day) where status.punches > 0: try await keep(Place(from: day), of: name)
            case .all, .day, .now: try await store.setBookmark(Self.done, named: Self.bookmark(name))
            }
        }
        try await store.setSinks(sinks.map(\.name))
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
            var place = try await store.bookmark(named: Self.bookmark(sink)).flatMap(Place.init(text:))
        else { return }
        logger.notice("a new sink is given earlier punches", metadata: ["sink": "\(sink)"])
        var owed = 0
        while true {
            try Task.checkCancellation()
            let filter = PunchFilter(kinds: [.person], sink: sink)
            let page = try await store.punches(filter, after: place.cursor, limit: Self.page)
            guard let last = page.last else { break }
            owed += try await owe(page.filter { $0.state == .notOwed }, to: sink, from: place.from)
            place.cursor = PunchCursor(time: last.punch.time, id: last.id)
            try await keep(place, of: sink)
        }
        // What somebody corrected belongs to another time than the clock that was wrong.
        var after: Int64 = 0
        while true {
            try Task.checkCancellation()
            let page = try await store.doubtful(after: after, limit: Self.page)
            guard let last = page.last else { break }
            owed += try await owe(page, to: sink, from: place.from)
            after = last.id
        }
        try await store.setBookmark(Self.done, named: Self.bookmark(sink))
        logger.notice(
            "a new sink was given earlier punches", metadata: ["sink": "\(sink)", "punches": "\(owed)"])
    }

    /// Those of them that the sink shall have and was not given yet. Answers how many.
    private func owe(_ entries: [JournalEntry], to sink: SinkName, from: WallTime) async throws -> Int {
        let ids = entries.filter { entry in
            entry.believedTime.map { $0.wall >= from } ?? false && isRouted(sink, entry.terminal)
        }.map(\.id)
        guard !ids.isEmpty else { return 0 }
        let count = try await store.owe(ids, to: sink, again: false, by: nil, at: now())
        if count > 0 { owing(sink) }
        return count
    }

    private func keep(_ place: Place, of sink: SinkName) async throws {
        try await store.setBookmark(place.text, named: Self.bookmark(sink))
    }

    private static let done = "done"

    /// A name that no sink can have.
    private static func bookmark(_ sink: SinkName) -> String { "backfill of \(sink)" }
}

/// How far a sink has been given the past.
private struct Place {
    /// Nothing before this wall time.
    var from: WallTime
    var cursor: PunchCursor

    init(from: WallTime) {
        self.from = from
        cursor = PunchCursor(time: from, id: 0)
    }

    /// Three numbers; nil for anything else, such as `done`.
    init?(text: String) {
        let parts = text.split(separator: " ").compactMap { Int64($0) }
        guard parts.count == 3 else { return nil }
        from = WallTime(seconds: parts[0])
        cursor = PunchCursor(time: WallTime(seconds: parts[1]), id: parts[2])
    }

    var text: String { "\(from.seconds) \(cursor.time.seconds) \(cursor.id)" }
}
