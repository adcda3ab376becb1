import AttendanceCore
import AttendanceStore
import Logging
import Metrics
import ServiceLifecycle
import Synchronization

/// Has the journal forget what has had its time, once an hour, in small steps with pauses, so that intake and delivery
/// come in between.
package final class RetentionService: Service {
    /// Rows of one commit.
    package static let step = 500
    /// Free pages that one commit gives back.
    static let pages = 200
    private static let pause = Duration.milliseconds(50)
    private static let interval = Duration.seconds(3_600)
    /// After the start terminals have most to send.
    private static let firstAfter = Duration.seconds(600)

    private let store: any RetentionKeeping & Store
    private let now: @Sendable () -> UnixTime
    private let sleep: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let settings: Mutex<Settings.Retention>
    private let counters = Dictionary(
        uniqueKeysWithValues: RetentionKind.allCases.map {
            ($0, Counter(label: "gateway_retention_removed_total", dimensions: [("kind", $0.rawValue)]))
        })

    init(
        settings: Settings.Retention, store: any RetentionKeeping & Store,
        now: @escaping @Sendable () -> UnixTime, sleep: @escaping @Sendable (Duration) async throws -> Void,
        logger: Logger
    ) {
        self.settings = Mutex(settings)
        self.store = store
        self.now = now
        self.sleep = sleep
        self.logger = logger
    }

    /// Takes over what may change while running.
    func apply(_ new: Settings.Retention) { settings.withLock { $0 = new } }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            do {
                try await self.sleep(Self.firstAfter)
                while true {
                    do {
                        _ = try await self.forget()
                    } catch let error as StoreError {
                        self.logger.warning(
                            "retention could not be finished, and is tried again in an hour",
                            metadata: ["error": "\(error)"])
                    }
                    try await self.sleep(Self.interval)
                }
            } catch is CancellationError {
                return  // the end; what was begun goes on from there after the next start
            } catch {
                self.logger.error("retention has ended", metadata: ["error": "\(error)"])
            }
        }
    }

    /// One run. Returns what was removed. Throws `StoreError`, and `CancellationError` between two steps; what was done
    /// until then is written down all the same.
    package func forget() async throws -> [RetentionKind: Int] {
        let rules = rules(at: now())
        guard rules.raw != nil || rules.attempts != nil || rules.quarantine != nil else { return [:] }
        var removed: [RetentionKind: Int] = [:]
        do {
            var place: RetentionPlace? = .start
            while let after = place {
                let step = try await store.forget(rules, after: after, atMost: Self.step)
                if step.removed > 0 {
                    removed[step.kind, default: 0] += step.removed
                    counters[step.kind]?.increment(by: step.removed)
                }
                place = step.next
                if place != nil { try await sleep(Self.pause) }
            }
        } catch {
            try await tell(removed, pages: 0)
            throw error
        }
        var pages = 0
        // Also what earlier runs and other concerns left free.
        while true {
            let given = try await store.giveBack(pages: Self.pages)
            pages += given
            guard given > 0 else { break }
            try await sleep(Self.pause)
        }
        try await tell(removed, pages: pages)
        return removed
    }

    private func rules(at now: UnixTime) -> RetentionRules {
        let settings = settings.withLock { $0 }
        func moment(_ days: Int) -> UnixTime? {
            days > 0 ? UnixTime(milliseconds: now.milliseconds - Int64(days) * 86_400_000) : nil
        }
        return RetentionRules(
            now: now, raw: moment(settings.raw), attempts: moment(settings.attempts),
            quarantine: moment(settings.quarantine))
    }

    private func tell(_ removed: [RetentionKind: Int], pages: Int) async throws {
        guard !removed.isEmpty else { return }
        let counts = RetentionKind.allCases.compactMap { kind in removed[kind].map { (kind.rawValue, $0) } }
        var metadata = Logger.Metadata(uniqueKeysWithValues: counts.map { ($0.0, "\($0.1)") })
        metadata["pages"] = "\(pages)"
        logger.notice("forgotten what is not kept any longer", metadata: metadata)
        try await store.audit(
            AuditEntry(
                at: now(), author: .gateway, action: "journal.retention", subject: "journal",
                detail: counts.map { "\($0.0): \($0.1)" }.joined(separator: ", ")))
    }
}
