import AttendanceCore
import AttendanceStore
import Logging
import Synchronization

/// What all terminals of the process are served with, whichever listener they came in by.
package final class TerminalService: Sendable {
    let store: any Store
    package let presence: Presence
    package let registry: TerminalRegistry
    /// To be put into the service group: keeps what terminals say of themselves.
    package let sightings: Sightings
    /// What somebody looks at just now.
    package let tap = FrameTap()
    let logger: Logger
    let metrics: TerminalMetrics
    let now: @Sendable () -> UnixTime
    /// Called after a commit that left something owed.
    private let owing: @Sendable () -> Void
    /// Seals what is secret; nil: it is dropped.
    private let credentials: CredentialIntake?
    private let batches = Mutex<@Sendable (StoredLogs) -> Void>({ _ in })
    private let arrivals = Mutex<@Sendable (SerialNumber, Registration) -> Void>({ _, _ in })
    private let codes = Mutex<(@Sendable (PresentedCode, SerialNumber) async -> Reply)?>(nil)
    private let policy: Mutex<TerminalPolicy>
    private let connections = Atomic<Int64>(0)
    private let resends = Mutex<[SerialNumber: ResendWatch]>([:])

    package init(
        store: any Store, policy: TerminalPolicy, presence: Presence = Presence(),
        registry: TerminalRegistry = TerminalRegistry(), logger: Logger,
        credentials: CredentialIntake? = nil,
        now: @escaping @Sendable () -> UnixTime, owing: @escaping @Sendable () -> Void
    ) {
        self.credentials = credentials
        self.store = store
        self.presence = presence
        self.registry = registry
        sightings = Sightings(store: store, logger: logger)
        self.logger = logger
        self.metrics = TerminalMetrics()
        self.now = now
        self.owing = owing
        self.policy = Mutex(policy)
    }

    /// Reaches each terminal at its next `reg`.
    package func setPolicy(_ new: TerminalPolicy) { policy.withLock { $0 = new } }

    func currentPolicy() -> TerminalPolicy { policy.withLock { $0 } }

    /// Keeps a credential, sealed. Throws when it is not durable.
    func collect(_ enrolment: Enrolment, from serial: SerialNumber) async throws {
        try await credentials?.take(enrolment, from: serial, isPush: true)
    }

    /// A batch whose photos only the vault can open. A photo that cannot be sealed is dropped: no punch waits for it.
    func withSealedPhotos(_ batch: IntakeBatch) -> IntakeBatch {
        guard !batch.photos.isEmpty else { return batch }
        var batch = batch
        do {
            batch.sealedPhotos = try credentials?.sealedPhotos(of: batch) ?? []
        } catch {
            logger.error(
                "photos of punches could not be sealed and were dropped",
                metadata: ["serial": "\(batch.terminal)", "error": "\(error.localizedDescription)"])
        }
        batch.photos = []
        return batch
    }

    func nextConnection() -> Int64 { connections.add(1, ordering: .relaxed).newValue }

    /// Who is told of each registration, also of one on a connection that stands. To be set before anyone connects.
    package func onArrival(_ told: @escaping @Sendable (SerialNumber, Registration) -> Void) {
        arrivals.withLock { $0 = told }
    }

    /// Who is told of each batch of log records that is durable. To be set before anyone connects.
    package func onStored(_ told: @escaping @Sendable (StoredLogs) -> Void) { batches.withLock { $0 = told } }

    func took(_ batch: IntakeBatch, _ receipt: IntakeReceipt, by followUp: TerminalSession.FollowUp?) {
        var pulled: PullScope?
        if let followUp, followUp.isPage { pulled = followUp.isBacklog ? .new : .everything }
        batches.withLock(\.self)(
            StoredLogs(terminal: batch.terminal, receipt: receipt, pulled: pulled, at: batch.received))
    }

    /// Who decides on codes and PINs; without anyone they open nothing. To be set before anyone connects.
    package func onCode(_ decide: @escaping @Sendable (PresentedCode, SerialNumber) async -> Reply) {
        codes.withLock { $0 = decide }
    }

    func admit(_ code: PresentedCode, at serial: SerialNumber) async -> Reply {
        await codes.withLock(\.self)?(code, serial) ?? .declined(word: code.word, keepsDoorShut: true)
    }

    func registered(_ serial: SerialNumber, _ registration: Registration) {
        arrivals.withLock(\.self)(serial, registration)
    }

    /// What a terminal's clock should show at a moment.
    package func wallTime(of serial: SerialNumber, at moment: UnixTime) -> WallTime {
        currentPolicy().zone(of: serial).wallTime(at: moment.seconds)
    }

    /// Counts what a commit has kept, and wakes whoever delivers.
    ///
    /// - Parameter isPulled: nothing is acknowledged.
    func recorded(_ receipt: IntakeReceipt, after latency: Duration, isPulled: Bool = false) {
        if receipt.stored > 0 { metrics.stored.increment(by: receipt.stored) }
        if receipt.repeated > 0 { metrics.repeated.increment(by: receipt.repeated) }
        if receipt.quarantined > 0 { metrics.quarantined.increment(by: receipt.quarantined) }
        if !isPulled { metrics.acknowledgement.recordNanoseconds(latency.nanoseconds) }
        if receipt.owed > 0 { owing() }
    }

    /// How often this terminal has sent this very batch again, without another repeated one in between (quirk Q2).
    /// Asked only for batches of which nothing was new.
    func timesSent(_ batch: IntakeBatch) -> Int {
        guard let first = batch.punches.first, let last = batch.punches.last else { return 1 }
        let fingerprint = ResendWatch.Fingerprint(
            count: batch.punches.count, first: first.time, firstID: first.enrollID, last: last.time,
            lastID: last.enrollID)
        return resends.withLock { resends in
            if resends.count > 100_000 { resends.removeAll() }  // a flood of invented serials
            return resends[batch.terminal, default: ResendWatch()].saw(fingerprint)
        }
    }

    func connectionEnded(_ reason: TerminalFrameHandler.EndReason, address: String) {
        switch reason {
        case .stopping: break
        case .silence(let why):
            logger.info("connection given up", metadata: ["peer": "\(address)", "reason": "\(why.rawValue)"])
        case .tooLarge:
            logger.warning("message too large, connection closed", metadata: ["peer": "\(address)"])
        case .protocolError(let what):
            logger.warning("WebSocket protocol broken", metadata: ["peer": "\(address)", "error": "\(what)"])
        case .memory:
            logger.warning(
                "memory for large messages is used up, connection closed; the terminal will come again",
                metadata: ["peer": "\(address)"])
        }
    }
}

/// A batch of log records that is durable.
package struct StoredLogs: Hashable, Sendable {
    package var terminal: SerialNumber
    package var receipt: IntakeReceipt
    /// `new`: a page of `getnewlog`; `everything`: one of `getalllog`, of whatever days; nil: pushed.
    package var pulled: PullScope?
    package var at: UnixTime
}

/// Notices a terminal that sends one batch over and over.
struct ResendWatch {
    struct Fingerprint: Hashable {
        var count: Int
        var first: WallTime
        var firstID: EnrollID
        var last: WallTime
        var lastID: EnrollID
    }
    private var last: Fingerprint?
    private var times = 0

    mutating func saw(_ fingerprint: Fingerprint) -> Int {
        times = fingerprint == last ? times + 1 : 1
        last = fingerprint
        return times
    }
}
