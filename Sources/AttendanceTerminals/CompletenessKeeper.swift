import AttendanceCore
import AttendanceStore
import Logging
import ServiceLifecycle
import Synchronization

/// Knows of every terminal how far its punches are complete, and writes it down once a minute and when one goes: what
/// was known before a restart is known after it.
///
/// Keeps a few hundred bytes for each terminal in memory, so that asking for all of them costs no look at the disk.
package final class CompletenessKeeper: Service {
    package struct Timing: Sendable {
        package var now: @Sendable () -> UnixTime
        package var sleep: @Sendable (Duration) async throws -> Void
        /// Between two writings.
        package var interval: Duration
        /// Every so many of them, terminals are looked up in the journal: those that send punches and never register.
        package var lookUps: Int

        package init(
            now: @escaping @Sendable () -> UnixTime,
            sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
            interval: Duration = .seconds(60), lookUps: Int = 60
        ) {
            self.now = now
            self.sleep = sleep
            self.interval = interval
            self.lookUps = lookUps
        }
    }

    /// Terminals written in one commit.
    static let stretch = 1_000
    /// Beyond so many, further terminals are not kept in memory.
    static let maximumKnown = 200_000

    private let store: any Store
    private let presence: Presence
    private let timing: Timing
    private let logger: Logger
    /// What is known of terminals without their present connections, or as of a minute ago with them.
    private let known = Mutex<[SerialNumber: TerminalFigures]>([:])
    /// What is not yet in the journal.
    private let unwritten = Mutex<[SerialNumber: TerminalProgress]>([:])

    package init(store: any Store, presence: Presence, timing: Timing, logger: Logger) {
        self.store = store
        self.presence = presence
        self.timing = timing
        self.logger = logger
    }

    // MARK: Asking

    /// Of every terminal that is connected or stands in the journal, in no order. Never waits.
    package func figures() -> [SerialNumber: TerminalFigures] {
        for figures in presence.departures() { take(figures) }
        var all = known.withLock { $0 }
        for entry in presence.connected {
            all[entry.serial] = entry.figures.following(all[entry.serial])
        }
        return all
    }

    /// Of one terminal; nil when it was never heard of.
    package func figures(of serial: SerialNumber) -> TerminalFigures? {
        let before = known.withLock { $0[serial] }
        return presence.entry(of: serial)?.figures.following(before) ?? before
    }

    /// A terminal that the journal knows no more.
    package func forget(_ serial: SerialNumber) {
        for figures in presence.departures() { take(figures) }
        known.withLock { $0[serial] = nil }
        unwritten.withLock { $0[serial] = nil }
    }

    // MARK: Keeping

    /// Until the service group shuts down; what is known then is still written.
    package func run() async throws {
        let (turns, turn) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let isDue = Flag()
        await withTaskCancellationOrGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask { [presence] in
                    for await _ in presence.goings { turn.yield() }
                }
                group.addTask { [timing] in
                    // Ends by cancellation.
                    while (try? await timing.sleep(timing.interval)) != nil {
                        isDue.raise()
                        turn.yield()
                    }
                }
                var round = 0
                var hasLooked = await lookUp()
                for await _ in turns {
                    // A terminal on a bad line goes a hundred times a day: that is no reason to write all others.
                    guard isDue.lower() else {
                        await write(all: false)
                        continue
                    }
                    round += 1
                    if !hasLooked || round.isMultiple(of: timing.lookUps) { hasLooked = await lookUp() }
                    await write(all: true)
                }
                group.cancelAll()
            }
        } onCancelOrGracefulShutdown: {
            turn.finish()
        }
        await write(all: true)
    }

    private final class Flag: Sendable {
        private let value = Atomic(false)
        func raise() { value.store(true, ordering: .releasing) }
        func lower() -> Bool { value.exchange(false, ordering: .acquiringAndReleasing) }
    }

    /// Takes over what the journal knows. False when it cannot be read.
    private func lookUp() async -> Bool {
        var last: SerialNumber?
        do {
            repeat {
                let page = try await store.terminals(after: last, limit: Self.stretch)
                known.withLock { known in
                    for record in page where known.count < Self.maximumKnown || known[record.serial] != nil {
                        known[record.serial] =
                            known[record.serial]?.following(TerminalFigures(record))
                            ?? TerminalFigures(record)
                    }
                }
                last = page.count == Self.stretch ? page.last?.serial : nil
            } while last != nil
            return true
        } catch {
            logger.warning(
                "terminals could not be looked up in the journal",
                metadata: ["error": "\(error.localizedDescription)"])
            return false
        }
    }

    /// Takes what is newest into memory, as of a terminal that is not connected. Answers it as it stands there.
    @discardableResult
    private func take(_ newest: TerminalFigures) -> TerminalFigures {
        let figures = known.withLock { known in
            var figures = newest.following(known[newest.serial])
            figures.isConnected = false
            figures.lag = nil
            if known.count < Self.maximumKnown || known[figures.serial] != nil {
                known[figures.serial] = figures
            }
            return figures
        }
        if let heard = figures.lastHeard {
            unwritten.withLock { unwritten in
                guard unwritten.count < Self.maximumKnown else { return }
                unwritten[figures.serial] = TerminalProgress(
                    serial: figures.serial, lastHeard: heard, completeUntil: figures.completeUntil)
            }
        }
        return figures
    }

    private func write(all: Bool) async {
        for figures in presence.departures() { take(figures) }
        if all { for entry in presence.connected { take(entry.figures) } }
        var waiting = Array(unwritten.withLock { $0 }.values)
        while !waiting.isEmpty {
            let stretch = Array(waiting.suffix(Self.stretch))
            waiting.removeLast(stretch.count)
            do {
                try await store.note(stretch)
            } catch {
                // Nothing is lost by it: the next writing says all of it again, and /health tells of the journal.
                logger.debug(
                    "what is known of terminals could not be kept",
                    metadata: ["error": "\(error.localizedDescription)"])
                return
            }
            unwritten.withLock { unwritten in
                for entry in stretch where unwritten[entry.serial] == entry { unwritten[entry.serial] = nil }
            }
        }
    }
}

extension TerminalFigures {
    /// These figures where an earlier connection, or the journal, has known `before`.
    func following(_ before: TerminalFigures?) -> TerminalFigures {
        guard let before else { return self }
        var merged = self
        merged.lastHeard = [before.lastHeard, lastHeard].compactMap(\.self).max()
        merged.completeUntil = [before.completeUntil, completeUntil].compactMap(\.self).max()
        merged.skew = skew ?? before.skew
        if memory == DeviceMemory() { merged.memory = before.memory }
        return merged
    }
}
