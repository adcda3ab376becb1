import AttendanceCore
import Foundation

/// A whole terminal: people punch, it remembers, it sends what is not acknowledged, and dials again for ever.
///
/// A batch leaves the memory only when the server acknowledged it with both numbers echoed; until then it is sent again,
/// also over the next connection. Commands of the server are obeyed as its firmware would, or, where it has none, answered
/// as by one that knows none of them. With memory on disk, approval and faults: `FaithfulTerminal`.
/// Source: docs/protocol.md §1, §3.4, §3.5.
package struct AutonomousTerminal: Sendable {
    /// How a terminal behaves beyond sending its log.
    package struct Habits: Sendable {
        /// Records in a message, at most.
        package var batchSize = 1
        /// Share of batches, 0 to 1, that are sent a second time after they were acknowledged.
        package var duplicates = 0.0
        /// Share of batches written oddly.
        package var oddFrames = 0.0
        /// Share of batches after which the terminal drops its connection without waiting for the answer.
        package var outages = 0.0
        /// The longest time it then stays away; the average is half of it.
        package var longestOutage: Duration = .seconds(5)
        /// Waits this long for an answer before it cuts the connection.
        package var patience: Duration = .seconds(20)
        /// Waits this long before it dials again or sends a refused batch again.
        package var retryWait: Duration = .seconds(2)
        /// Sends `heartbeat` after this long without anything else; nil: never.
        package var heartbeat: Duration?

        package init() {}
    }

    package let serial: String
    private let address: SimulatedTerminal.Address
    private let habits: Habits
    private let ledger: FleetLedger
    private let clock: any Clock<Duration>
    private let elapsed: @Sendable () -> Duration
    private let wallClock: @Sendable () -> WallTime
    private let duty: CommandDuty?
    private var schedule: PunchSchedule
    private var memory: TerminalMemory
    private var generator: SeededGenerator
    /// What the server's `cloudtime` made of the terminal's clock, in seconds.
    private var clockOffset: Int64 = 0

    init(
        serial: String, address: SimulatedTerminal.Address, habits: Habits, schedule: PunchSchedule,
        memory: TerminalMemory = TerminalMemory(), seed: UInt64, ledger: FleetLedger,
        clock: any Clock<Duration>, elapsed: @escaping @Sendable () -> Duration,
        wallClock: @escaping @Sendable () -> WallTime, duty: CommandDuty? = nil
    ) {
        self.serial = serial
        self.address = address
        self.habits = habits
        self.schedule = schedule
        self.memory = memory
        self.ledger = ledger
        self.clock = clock
        self.elapsed = elapsed
        self.wallClock = wallClock
        self.duty = duty
        generator = SeededGenerator(seed: seed)
    }

    private struct Outage: Error {}

    /// Runs until every punch of the schedule is acknowledged, or until the task is cancelled. Throws only when the
    /// acknowledged punches cannot be written down.
    package mutating func run() async throws {
        while !Task.isCancelled, !isDone {
            var pause = habits.retryWait
            do {
                let connection = try await SimulatedTerminal.connect(
                    to: address, serial: serial, seed: generator.next())
                ledger.note { $0.connected += 1 }
                defer { ledger.note { $0.connected -= 1 } }
                try await serve(connection)
                // Everything is acknowledged: how the connection ends is of no interest.
                try? await connection.sendClose()
            } catch is Outage {
                ledger.note { $0.outages += 1 }
                pause = habits.longestOutage * Double.random(in: 0...1, using: &generator)
            } catch is CancellationError {
                return
            } catch let error as LedgerError {
                throw error.cause
            } catch {
                ledger.note {
                    $0.failures += 1
                    $0.lastFailure = error.localizedDescription
                }
            }
            if isDone { return }
            // People go on punching meanwhile; cancellation ends the loop at its head.
            try? await clock.sleep(for: pause)
        }
    }

    private var isDone: Bool { memory.pending == 0 && schedule.isOver(at: elapsed()) }

    private var terminalClock: WallTime { WallTime(seconds: wallClock().seconds + clockOffset) }

    private mutating func serve(_ connection: SimulatedTerminal) async throws {
        try await register(connection)
        while !Task.isCancelled {
            let now = elapsed()
            let lost = memory.lost
            let made = schedule.fill(&memory, at: now, clock: terminalClock, using: &generator)
            if made > 0 {
                duty?.remember(memory.newest(made))
                let newlyLost = memory.lost - lost
                ledger.note {
                    $0.punches += made
                    $0.lost += newlyLost
                }
            }
            if memory.pending > 0 {
                try await deliver(memory.oldest(habits.batchSize), over: connection)
            } else if let wait = schedule.wait(at: now) {
                try await idle(for: wait, on: connection)
            } else {
                return
            }
        }
    }

    private mutating func register(_ connection: SimulatedTerminal) async throws {
        let info =
            duty?.connected(clock: terminalClock)
            ?? TerminalWords.deviceInfo(backlog: memory.pending, clock: terminalClock)
        try await connection.send(TerminalWords.registration(serial: serial, deviceInfo: info))
        let answer = try await answer(to: "reg", on: connection)
        guard answer.isSuccess else { throw TerminalError.unanswered("reg (\(answer.reason ?? "refused"))") }
        if let time = answer.cloudTime.flatMap({ WallTime($0) }) {
            clockOffset = time.seconds - wallClock().seconds
        }
    }

    private mutating func deliver(_ batch: [SimulatedRecord], over connection: SimulatedTerminal) async throws
    {
        let index = connection.nextLogIndex()
        var frames = [
            Array(TerminalWords.log(serial: serial, logIndex: index, records: batch.map(\.json)).utf8)
        ]
        var count = batch.count
        if generator.happens(habits.oddFrames), let odd = OddFrame.allCases.randomElement(using: &generator) {
            (frames, count) = odd.frames(serial: serial, logIndex: index, records: batch)
            ledger.note { $0.oddFrames += 1 }
        }
        let start = ContinuousClock.now
        for frame in frames { try await connection.send(frame) }
        if generator.happens(habits.outages) { try await breakDown(connection) }
        let answer = try await answer(to: "sendlog", on: connection)
        let latency = start.duration(to: .now)
        guard answer.acknowledges(count: count, logIndex: index) else {
            ledger.note {
                $0.refused += 1
                $0.lastFailure = "refused: \(answer.text)"
            }
            return try await idle(for: habits.retryWait, on: connection)
        }
        memory.forget(batch.count)
        duty?.acknowledged(batch.count)
        do {
            try ledger.acknowledged(batch, serial: serial, after: latency)
        } catch {
            throw LedgerError(cause: error)
        }
        if generator.happens(habits.duplicates) { try await repeatBatch(batch, over: connection) }
    }

    private struct LedgerError: Error { let cause: any Error }

    /// As a terminal does whose answer got lost: the server has to acknowledge the batch again.
    private func repeatBatch(_ batch: [SimulatedRecord], over connection: SimulatedTerminal) async throws {
        let index = connection.nextLogIndex()
        try await connection.send(
            TerminalWords.log(serial: serial, logIndex: index, records: batch.map(\.json)))
        let answer = try await answer(to: "sendlog", on: connection)
        let isAcknowledged = answer.acknowledges(count: batch.count, logIndex: index)
        ledger.note {
            $0.repeated += batch.count
            if !isAcknowledged { $0.refused += 1 }
        }
    }

    /// The batch is on its way and its answer will not be heard: a reset, a polite end, or nothing at all.
    private mutating func breakDown(_ connection: SimulatedTerminal) async throws {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: await connection.abort()
        case 1: try await connection.sendClose()
        default:
            try await connection.goSilent()
            try await clock.sleep(for: habits.longestOutage * 0.5)
        }
        throw Outage()
    }

    /// Waits for the answer to `word` as long as a terminal does, and answers the server's own commands meanwhile.
    private func answer(to word: String, on connection: SimulatedTerminal) async throws -> ServerMessage {
        let answer = try await within(habits.patience) { () -> ServerMessage in
            while true {
                let message = try await connection.receiveMessage()
                if message.answeredWord == word { return message }
                try await serveCommand(message, on: connection)
            }
        }
        guard let answer else {
            ledger.note { $0.unanswered += 1 }
            throw TerminalError.unanswered(word)
        }
        return answer
    }

    /// Lets time pass, answering the server's commands and sending heartbeats. Throws when the connection ends.
    private func idle(for duration: Duration, on connection: SimulatedTerminal) async throws {
        var left = duration
        while left > .zero {
            let step = min(left, habits.heartbeat ?? left)
            _ = try await within(step) { () -> Bool in
                while true { try await serveCommand(try await connection.receiveMessage(), on: connection) }
            }
            left -= step
            if left > .zero, habits.heartbeat != nil { try await connection.sendHeartbeat() }
        }
    }

    private func serveCommand(_ message: ServerMessage, on connection: SimulatedTerminal) async throws {
        guard let command = message.command else { return }
        if let duty {
            let (texts, hangsUp) = duty.answers(to: message)
            for text in texts { try await connection.send(text) }
            if hangsUp {
                await connection.abort()
                throw Outage()
            }
            return
        }
        try await connection.send(
            command == "gettime"
                ? TerminalWords.time(terminalClock, serial: serial)
                : TerminalWords.unknownCommand(command, serial: serial))
    }

    /// What `body` answers, or nil when it takes longer than `limit`.
    private func within<Answer: Sendable>(
        _ limit: Duration, _ body: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer? {
        try await withThrowingTaskGroup(of: Answer?.self) { [clock] group in
            group.addTask { try await body() }
            group.addTask {
                try await clock.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }
}
