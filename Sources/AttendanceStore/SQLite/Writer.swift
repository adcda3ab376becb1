import AttendanceCore
import Dispatch
import Foundation
import Logging
import Metrics
import Synchronization

/// Group commit: whatever queued up during the last commit is the next transaction.
///
/// One thread owns the one connection that writes. There is no timer: an operation that finds the thread idle is
/// committed at once, and while a commit runs the next group gathers. Completions are called after the commit that
/// holds them, never before.
///
/// When a group fails because the disk is full, all its waiters are told and the next group tries again. After an
/// I/O error the connection is dropped and the file opened afresh (see `WriterConnection.init`): until that has
/// succeeded every operation fails at once. In both cases the thread tries by itself once per `retryInterval`.
final class Writer: Sendable {
    /// What others may read of the writer without waiting for it.
    struct Published {
        var health = StoreHealth.writable
        /// As of the last commit.
        var state = WriterState()
        /// Set while there is no usable connection: what to answer at once.
        var broken: StoreError?
    }

    private struct Waiting {
        /// Not yet taken by the loop. The figures below include those it has taken and not yet committed.
        var jobs: [Job] = []
        var operations = 0
        var punches = 0
        var bytes = 0
        var isClosed = false
    }

    private let path: String
    /// Held until the connection is closed.
    private let lock: Mutex<LockFile?>
    private let readers: ReaderPool
    private let options: StoreOptions
    private let logger: Logger
    private let published = Mutex(Published())
    private let metDamage = Atomic(false)
    private let waiting = Mutex(Waiting())
    /// Signalled when the first job arrives, and at the end.
    private let wakeUp = DispatchSemaphore(value: 0)
    let feed = PunchFeed()
    /// By when they were committed, which is when they were received but for milliseconds.
    let rates = Mutex(PunchRates())
    /// The newest punch's number when the journal was opened.
    let foundPunches: Int64
    /// Entered while the thread runs.
    private let running = DispatchGroup()

    private let commitSeconds = Recorder(label: "gateway_store_commit_seconds")
    private let groupJobs = Recorder(label: "gateway_store_group_operations")
    private let failedCommits = Counter(label: "gateway_store_failed_commits_total")
    private let reopenings = Counter(label: "gateway_store_reopenings_total")

    /// Opens the database on the caller's thread, so that what is wrong with it is thrown here.
    init(path: String, lock: LockFile, readers: ReaderPool, options: StoreOptions, logger: Logger) throws {
        self.path = path
        self.lock = Mutex(lock)
        self.readers = readers
        self.options = options
        self.logger = logger
        let connection = try WriterConnection(path: path)
        try readers.open()
        published.withLock { $0.state = connection.state }
        foundPunches = Int64(connection.state.punches)
        feed.advance(to: foundPunches)
        let handover = Handover(connection)
        running.enter()
        let thread = Thread { [self] in
            var loop = WriterLoop(writer: self, connection: handover.take())
            loop.run()
            self.lock.withLock { $0 = nil }
            running.leave()
        }
        thread.name = "journal-writer"
        thread.start()
    }

    var snapshot: Published { published.withLock { $0 } }
    var health: StoreHealth { published.withLock { $0.health } }

    var waitingOperations: Int { waiting.withLock { $0.operations } }
    var isClosing: Bool { waiting.withLock { $0.isClosed } }

    // MARK: Submitting

    /// Runs `body` in the writer's next transaction and returns after the commit that holds it.
    ///
    /// Not interrupted by cancellation: what was handed over is decided by the writer alone.
    /// - Parameters:
    ///   - isBounded: Whether it is refused with `StoreError.overloaded` when too much waits already. Only for what
    ///     terminals send; everyone else awaits one operation before the next and so bounds itself.
    func submit<Value: Sendable>(
        punches: Int = 1, bytes: Int = 0, isBounded: Bool = false,
        _ body: @escaping @Sendable (WriterConnection) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let job = Job(
                punches: max(punches, 1), bytes: bytes,
                perform: { connection in
                    let value = try body(connection)
                    return { continuation.resume(returning: value) }
                },
                fail: { continuation.resume(throwing: $0) })
            if let refusal = enqueue(job, isBounded: isBounded) { continuation.resume(throwing: refusal) }
        }
    }

    private func enqueue(_ job: Job, isBounded: Bool) -> StoreError? {
        if let broken = published.withLock({ $0.broken }) { return broken }
        let (refusal, isFirst): (StoreError?, Bool) = waiting.withLock { waiting in
            if waiting.isClosed { return (.closed, false) }
            if isBounded, waiting.punches > 0 {
                guard waiting.punches + job.punches <= options.maximumWaitingPunches,
                    waiting.bytes + job.bytes <= options.maximumWaitingBytes
                else { return (.overloaded(waiting: waiting.operations), false) }
            }
            waiting.jobs.append(job)
            waiting.operations += 1
            waiting.punches += job.punches
            waiting.bytes += job.bytes
            return (nil, waiting.jobs.count == 1)
        }
        if isFirst { wakeUp.signal() }
        return refusal
    }

    /// Refuses new operations, lets the writer finish those that wait, and closes the connection.
    func close() async {
        stop()
        await withCheckedContinuation { continuation in
            running.notify(queue: .global()) { continuation.resume() }
        }
    }

    /// The same without waiting for the end.
    func stop() {
        waiting.withLock { $0.isClosed = true }
        wakeUp.signal()
    }

    // MARK: For the loop

    /// All that waits, emptied into `jobs`, after waiting for something at most `limit`. False when it is the end:
    /// closed, and nothing left.
    func next(into jobs: inout [Job], waitingAtMost limit: Duration?) -> Bool {
        jobs.removeAll(keepingCapacity: true)
        func take() -> Bool {
            waiting.withLock { waiting in
                swap(&jobs, &waiting.jobs)
                return waiting.isClosed
            }
        }
        // A signal may be left over from jobs that were taken with an earlier one: then there is nothing to take.
        if take(), jobs.isEmpty { return false }
        guard jobs.isEmpty else { return true }
        if let limit {
            // Dispatch's own time stands still for no one and jumps for no one: it is the monotonic clock.
            _ = wakeUp.wait(timeout: .now() + limit.dispatchInterval)
        } else {
            wakeUp.wait()
        }
        if take(), jobs.isEmpty { return false }
        return true
    }

    func finished(_ jobs: ArraySlice<Job>) {
        var punches = 0
        var bytes = 0
        for job in jobs {
            punches += job.punches
            bytes += job.bytes
        }
        waiting.withLock { waiting in
            waiting.operations -= jobs.count
            waiting.punches -= punches
            waiting.bytes -= bytes
        }
    }

    func committed(_ state: WriterState, jobs: Int, took duration: Duration, provesRoom: Bool) {
        commitSeconds.record(duration.seconds)
        groupJobs.record(jobs)
        let (recovered, new) = published.withLock { published in
            let new = state.punches - published.state.punches
            published.state = state
            guard case .failing(_, let reason) = published.health, provesRoom else {
                return (String?.none, new)
            }
            published.health = .writable
            return (reason, new)
        }
        if new > 0 {
            rates.withLock { $0.add(new, at: options.now()) }
            feed.advance(to: Int64(state.punches))
        }
        if let recovered { logger.notice("the journal is writable again", metadata: ["was": "\(recovered)"]) }
    }

    func failed(_ error: StoreError) {
        failedCommits.increment()
        if case .damaged = error { metDamage.store(true, ordering: .relaxed) }
        let reason = error.errorDescription ?? "\(error)"
        let since = options.now()
        let isNew = published.withLock { published in
            published.broken = error.needsReopening ? error : published.broken
            if case .failing(let since, let old) = published.health {
                published.health = .failing(since: since, reason: reason)
                return old != reason
            }
            published.health = .failing(since: since, reason: reason)
            return true
        }
        if isNew { logger.critical("the journal cannot be written", metadata: ["reason": "\(reason)"]) }
    }

    func reopened(_ state: WriterState) {
        reopenings.increment()
        published.withLock { published in
            published.broken = nil
            published.state = state
        }
        feed.advance(to: Int64(state.punches))
        logger.notice("the journal was opened afresh")
    }

    /// Whether it has come upon a page that cannot be right.
    var hasMetDamage: Bool { metDamage.load(ordering: .relaxed) }
    var isFailing: Bool { published.withLock { $0.health != .writable } }
    var settings: StoreOptions { options }
    func openAfresh() throws -> WriterConnection {
        let connection = try WriterConnection(path: path)
        try readers.open()
        return connection
    }
    func closeReaders() { readers.close() }
    func translate(_ error: any Error) -> StoreError { StoreError(error, path: path) }
}
