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
    private let waiting = Mutex(Waiting())
    /// Signalled when the first job arrives, and at the end.
    private let wakeUp = DispatchSemaphore(value: 0)
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
    fileprivate func next(into jobs: inout [Job], waitingAtMost limit: Duration?) -> Bool {
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

    fileprivate func finished(_ jobs: ArraySlice<Job>) {
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

    fileprivate func committed(_ state: WriterState, jobs: Int, took duration: Duration, provesRoom: Bool) {
        commitSeconds.record(duration.seconds)
        groupJobs.record(jobs)
        let recovered = published.withLock { published in
            published.state = state
            guard case .failing(_, let reason) = published.health, provesRoom else { return String?.none }
            published.health = .writable
            return reason
        }
        if let recovered { logger.notice("the journal is writable again", metadata: ["was": "\(recovered)"]) }
    }

    fileprivate func failed(_ error: StoreError) {
        failedCommits.increment()
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

    fileprivate func reopened(_ state: WriterState) {
        reopenings.increment()
        published.withLock { published in
            published.broken = nil
            published.state = state
        }
        logger.notice("the journal was opened afresh")
    }

    fileprivate var isFailing: Bool { published.withLock { $0.health != .writable } }
    fileprivate var settings: StoreOptions { options }
    fileprivate func openAfresh() throws -> WriterConnection {
        let connection = try WriterConnection(path: path)
        try readers.open()
        return connection
    }
    fileprivate func closeReaders() { readers.close() }
    fileprivate func translate(_ error: any Error) -> StoreError { StoreError(error, path: path) }
}

/// Carries the connection from the thread that opened it to the one that owns it, and keeps no hold on it.
private final class Handover: @unchecked Sendable {  // given and taken once, the thread's start in between
    private var connection: WriterConnection?

    init(_ connection: WriterConnection) { self.connection = connection }

    func take() -> WriterConnection? {
        defer { connection = nil }
        return connection
    }
}

/// What the writer's thread does. A value on that thread's stack: nobody else can reach it.
private struct WriterLoop {
    let writer: Writer
    /// Nil while the file has to be opened afresh.
    var connection: WriterConnection?
    var lastTry = ContinuousClock.now

    mutating func run() {
        var jobs: [Job] = []
        while writer.next(into: &jobs, waitingAtMost: writer.isFailing ? writer.settings.retryInterval : nil)
        {
            var rest = jobs[...]
            while !rest.isEmpty {
                let group = rest.prefix(groupSize(of: rest))
                rest.removeFirst(group.count)
                commit(group)
            }
            if writer.isFailing, lastTry.duration(to: .now) >= writer.settings.retryInterval { tryAgain() }
        }
        disconnect()
    }

    /// How many of the first jobs go into one transaction: at least one.
    private func groupSize(of jobs: ArraySlice<Job>) -> Int {
        var punches = 0
        var bytes = 0
        var count = 0
        for job in jobs {
            punches += job.punches
            bytes += job.bytes
            if count > 0, punches > writer.settings.groupPunches || bytes > writer.settings.groupBytes {
                break
            }
            count += 1
        }
        return count
    }

    private mutating func commit(_ jobs: ArraySlice<Job>) {
        // Those who wait are told last, when the weight of their jobs is free again.
        guard let connection else {
            writer.finished(jobs)
            let error = writer.snapshot.broken ?? .closed
            for job in jobs { job.fail(error) }
            return
        }
        var answers: [Job.Completion] = []
        answers.reserveCapacity(jobs.count)
        let start = ContinuousClock.now
        let before = connection.state
        var isOwnMistake = false
        do {
            try connection.transaction {
                if let only = jobs.first, jobs.count == 1 {
                    // Alone it needs no savepoint: what undoes it undoes nobody else.
                    isOwnMistake = true
                    answers.append(try only.perform(connection))
                    isOwnMistake = false
                } else {
                    for job in jobs { answers.append(try run(job, on: connection)) }
                }
            }
        } catch {
            let error = writer.translate(error)
            if !isOwnMistake || error.isOfTheStore { fail(error) }
            writer.finished(jobs)
            for job in jobs { job.fail(error) }
            return
        }
        // A commit that only overwrites proves nothing about a full disk: more must have been stored.
        writer.committed(
            connection.state, jobs: jobs.count, took: start.duration(to: .now),
            provesRoom: connection.state.punches > before.punches)
        writer.finished(jobs)
        for answer in answers { answer() }
        checkpoint()
    }

    /// Runs one operation of a group. Its own mistakes are its own answer; what concerns the store is thrown.
    private func run(_ job: Job, on connection: WriterConnection) throws -> Job.Completion {
        do {
            return try connection.savepoint { try job.perform(connection) }
        } catch {
            let error = writer.translate(error)
            guard connection.isInTransaction, !error.isOfTheStore else { throw error }
            return { job.fail(error) }
        }
    }

    /// After the answers have left: nobody waits for it.
    private mutating func checkpoint() {
        guard let connection else { return }
        do {
            try connection.access { try connection.checkpoint(atPages: writer.settings.checkpointPages) }
        } catch {
            fail(writer.translate(error))
        }
    }

    private mutating func fail(_ error: StoreError) {
        writer.failed(error)
        lastTry = .now
        if error.needsReopening { disconnect() }
    }

    /// Readers first: the last connection to close tidies up the log, and only the writer may write.
    private mutating func disconnect() {
        writer.closeReaders()
        connection = nil
    }

    /// Opens the file afresh where that is needed, and proves by commits that it can be written, and that there is
    /// room.
    private mutating func tryAgain() {
        lastTry = .now
        do {
            if connection == nil {
                let fresh = try writer.openAfresh()
                connection = fresh
                writer.reopened(fresh.state)
            }
            guard let connection else { return }
            let start = ContinuousClock.now
            try connection.transaction { try connection.takeRoom() }
            try connection.transaction { try connection.giveRoomBack() }
            writer.committed(connection.state, jobs: 1, took: start.duration(to: .now), provesRoom: true)
        } catch {
            fail(writer.translate(error))
        }
    }
}

extension StoreError {
    /// Whether it says something about the store and not only about the operation that met it.
    fileprivate var isOfTheStore: Bool { needsReopening || isFull }

    private var isFull: Bool {
        if case .full = self { true } else { false }
    }
}

extension Duration {
    var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    fileprivate var dispatchInterval: DispatchTimeInterval {
        let (seconds, attoseconds) = components
        return .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }
}
