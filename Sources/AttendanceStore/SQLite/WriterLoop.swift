import AttendanceCore
import Dispatch

/// Carries the connection from the thread that opened it to the one that owns it, and keeps no hold on it.
final class Handover: @unchecked Sendable {  // given and taken once, the thread's start in between
    private var connection: WriterConnection?

    init(_ connection: WriterConnection) { self.connection = connection }

    func take() -> WriterConnection? {
        defer { connection = nil }
        return connection
    }
}

/// What the writer's thread does. A value on that thread's stack: nobody else can reach it.
struct WriterLoop {
    let writer: Writer
    /// Nil while the file has to be opened afresh.
    private var connection: WriterConnection?
    private var lastTry = ContinuousClock.now

    init(writer: Writer, connection: WriterConnection?) {
        self.writer = writer
        self.connection = connection
    }

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

    var dispatchInterval: DispatchTimeInterval {
        let (seconds, attoseconds) = components
        return .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }
}
