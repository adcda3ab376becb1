import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import Logging
import ServiceLifecycle
import Synchronization

/// Which of the check-ins that sites made wrongly still stand there wrongly. The journal knows that they were made;
/// that somebody has mended them, the site alone knows. A site that made none is never asked.
final class RepairWatch: Service {
    private struct Seen {
        /// Names of check-ins that are gone or set right.
        var settled: Set<String> = []
        /// The site has been asked since the start.
        var isAsked = false
        /// Those that the journal knew when it was first looked at.
        var old: Set<String>?
    }

    private static let interval: Duration = .seconds(600)
    /// After a site did not answer.
    private static let soon: Duration = .seconds(60)

    private let readers: [(site: SinkName, reader: SiteReader)]
    private let journal: any JournalReading
    private let timing: DeliveryTiming
    private let logger: Logger
    private let seen = Mutex<[SinkName: Seen]>([:])

    init(
        sites: [Settings.ERP], journal: any JournalReading, client: HTTPClient, timing: DeliveryTiming,
        logger: Logger
    ) {
        readers = sites.compactMap { site in
            site.client(over: client).map {
                (site.name, SiteReader(client: $0, timeout: site.timeout, now: timing.now))
            }
        }
        self.journal = journal
        self.timing = timing
        self.logger = logger
    }

    /// How many stand there wrongly, and whether that is all: before a site was asked only those count that were made
    /// since the start.
    func standing(at sink: SinkName) async throws -> (count: Int, isAll: Bool) {
        let all = try await Misfiled.all(of: sink, in: journal)
        let seen = seen.withLock { seen in
            var known = seen[sink] ?? Seen()
            known.old = known.old ?? Set(all.map(\.reference))
            seen[sink] = known
            return known
        }
        let left = all.filter { !seen.settled.contains($0.reference) }
        guard !seen.isAsked, let old = seen.old else { return (left.count, true) }
        let fresh = left.count { !old.contains($0.reference) }
        return (fresh, fresh == left.count)
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                var isAnswered = true
                for (site, reader) in self.readers {
                    if await !self.look(at: site, reader) { isAnswered = false }
                }
                do {
                    try await self.timing.sleep(isAnswered ? Self.interval : Self.soon)
                } catch {
                    return  // the gateway stops
                }
            }
        }
    }

    /// False when the site or the journal did not answer.
    private func look(at site: SinkName, _ reader: SiteReader) async -> Bool {
        let settled = seen.withLock { $0[site]?.settled ?? [] }
        do {
            let repairs = try await Repair.all(of: site, in: journal, reader: reader, leavingOut: settled)
            let mended = repairs.filter { if case .settled = $0.verdict { true } else { false } }
            seen.withLock { seen in
                seen[site, default: Seen()].settled.formUnion(mended.map(\.misfiled.reference))
                seen[site, default: Seen()].isAsked = true
            }
            return true
        } catch is CancellationError {
            return true
        } catch {
            let words = (error as? SiteVisit.Unreachable)?.problem.description ?? error.localizedDescription
            logger.debug(
                "wrong check-ins cannot be looked for; it is tried again",
                metadata: ["sink": "\(site)", "reason": "\(PlainText.line(words))"])
            return false
        }
    }
}
