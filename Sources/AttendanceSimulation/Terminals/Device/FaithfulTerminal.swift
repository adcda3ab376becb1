import AttendanceCore
import Foundation
import Synchronization

/// A terminal as it hangs on a wall: a firmware, a flash file, a socket that it dials again for ever.
///
/// `run` keeps it alive until its task is cancelled; everything else may be called from anywhere, at any time, and is
/// done at once. What it did is in `ledger`, what it holds in `content`; `wait(until:)` waits for it without polling.
package final class FaithfulTerminal: Sendable {
    /// What is around a terminal.
    package struct Surroundings: Sendable {
        package var clock: any Clock<Duration>
        /// Since some beginning; has to go on as `clock` does.
        package var elapsed: @Sendable () -> Duration
        /// The true time.
        package var now: @Sendable () -> UnixTime

        package init(
            clock: any Clock<Duration>, elapsed: @escaping @Sendable () -> Duration,
            now: @escaping @Sendable () -> UnixTime
        ) {
            self.clock = clock
            self.elapsed = elapsed
            self.now = now
        }

        /// The clocks of this machine.
        package static var live: Surroundings {
            let start = ContinuousClock.now
            return Surroundings(
                clock: ContinuousClock(), elapsed: { start.duration(to: .now) },
                now: { UnixTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) })
        }
    }

    package struct Options: Sendable {
        package var serial: String
        package var profile = FirmwareProfile.aiFace
        package var habits = DeviceHabits.quick
        /// The flash file; nil: the flash is in this process.
        package var flash: String?
        /// IANA zone of the place where it hangs; its clock shows that time until a server sets it.
        package var zone = "UTC"
        /// Seconds by which its clock is off at the beginning.
        package var clockOffset: Int64 = 0
        package var driftPartsPerMillion = 0.0
        package var seed: UInt64 = 1

        package init(serial: String) { self.serial = serial }
    }

    package let serial: String
    private let surroundings: Surroundings
    private let seed: UInt64
    private let state: Mutex<State>
    /// One for each order to dial.
    private let dialler = Mailbox<Void>()
    private let alarm = Mailbox<Void>()

    private struct State {
        var brain: FirmwareBrain
        let flash: Flash
        var address: SimulatedTerminal.Address
        var connection: SimulatedTerminal?
        /// Connections that were given up during a stall, half open at the server; at most four.
        var abandoned: [SimulatedTerminal] = []
        /// The timer sleeps until then at most; nil: until it is woken.
        var sleepsUntil: Duration?
        var isAwake = true
        var failure: (any Error)?
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
    }
    private struct Waiter {
        var condition: @Sendable (FirmwareBrain) -> Bool
        var continuation: CheckedContinuation<Void, any Error>
    }

    /// Reads its flash file, where there is one. Throws when that cannot be read or made.
    package init(
        _ options: Options, address: SimulatedTerminal.Address, surroundings: Surroundings = .live
    ) throws {
        serial = options.serial
        seed = options.seed
        self.surroundings = surroundings
        let flash = try Flash(path: options.flash, logCapacity: options.profile.capacities.logs)
        let now = surroundings.now()
        let wall = (ZoneRules(identifier: options.zone) ?? ZoneRules(identifier: "UTC"))?.wallTime(
            at: now.seconds)
        let clock = DeviceClock(
            showing: WallTime(seconds: (wall?.seconds ?? now.seconds) + options.clockOffset), at: now,
            driftPartsPerMillion: options.driftPartsPerMillion)
        let brain = FirmwareBrain(
            serial: options.serial, profile: options.profile, content: try flash.load(), clock: clock,
            habits: options.habits, faults: FaultPlan(seed: options.seed))
        state = Mutex(State(brain: brain, flash: flash, address: address))
    }

    // MARK: Looking

    /// Everything the firmware knows, as it is now.
    package var brain: FirmwareBrain { state.withLock(\.brain) }
    package var ledger: DeviceLedger { state.withLock(\.brain.ledger) }
    package var content: DeviceContent { state.withLock(\.brain.content) }
    package var isRegistered: Bool { state.withLock(\.brain.isRegistered) }
    /// What its clock shows.
    package var wallTime: WallTime { state.withLock { $0.brain.wallTime(at: moment()) } }

    /// Waits until `condition` holds; looks after each message, action and timer. Throws when the task is cancelled, and
    /// what made the flash fail.
    package func wait(until condition: @escaping @Sendable (FirmwareBrain) -> Bool) async throws {
        let number = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let end: Result<Void, any Error>? = state.withLock { state in
                    if let failure = state.failure { return .failure(failure) }
                    if condition(state.brain) { return .success(()) }
                    // The cancellation handler may have run before there was anything to cancel.
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[number] = Waiter(condition: condition, continuation: continuation)
                    return nil
                }
                if let end { continuation.resume(with: end) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?
                .continuation.resume(throwing: CancellationError())
        }
    }

    // MARK: Doing

    /// Changes or asks the firmware, and does what it wants done. The one way in.
    @discardableResult
    package func act<Result>(_ body: (inout FirmwareBrain, Moment) -> Result) -> Result {
        let (result, finished) = state.withLock { state in
            let result = body(&state.brain, moment())
            perform(&state)
            return (result, finishedWaiters(&state))
        }
        for (waiter, end) in finished { waiter.continuation.resume(with: end) }
        return result
    }

    private func moment() -> Moment { Moment(elapsed: surroundings.elapsed(), time: surroundings.now()) }

    private func perform(_ state: inout State) {
        effects: for effect in state.brain.takeEffects() {
            do {
                switch effect {
                case .write(let entry):
                    guard try state.flash.write(entry) else {
                        // The power went in the middle of it: nothing that follows happens.
                        try cutPower(&state)
                        break effects
                    }
                case .writeLazily(let entry): try state.flash.writeLazily(entry)
                case .settle: try state.flash.settle()
                case .send(let text): state.connection?.post(text)
                case .dial: dialler.put(())
                case .hangUp:
                    if let connection = state.connection.take() { connection.reset() }
                case .abandon:
                    if let connection = state.connection.take() {
                        state.abandoned.append(connection)
                        if state.abandoned.count > 4 { state.abandoned.removeFirst().reset() }
                    }
                }
            } catch {
                state.failure = error
            }
        }
        let deadline = state.brain.nextDeadline
        if !state.isAwake, let deadline, state.sleepsUntil.map({ deadline < $0 }) ?? true {
            state.isAwake = true
            alarm.put(())
        }
    }

    private func cutPower(_ state: inout State) throws {
        state.flash.powerCut()
        state.connection.take()?.reset()
        state.brain.powerOff(keeping: try state.flash.load())
        _ = state.brain.takeEffects()
    }

    private func finishedWaiters(_ state: inout State) -> [(Waiter, Result<Void, any Error>)] {
        guard !state.waiters.isEmpty else { return [] }
        var finished: [(Waiter, Result<Void, any Error>)] = []
        for (number, waiter) in state.waiters {
            if let failure = state.failure {
                finished.append((waiter, .failure(failure)))
            } else if waiter.condition(state.brain) {
                finished.append((waiter, .success(())))
            } else {
                continue
            }
            state.waiters[number] = nil
        }
        return finished
    }

    /// Where it dials from now on; a living connection stays.
    package func move(to address: SimulatedTerminal.Address) { state.withLock { $0.address = address } }

    /// The plug is out: working memory, and what the flash had not written yet, are gone. `losingClock`: the clock's
    /// battery is flat too, and it begins at 2000-01-01 00:00:00.
    package func powerCut(losingClock: Bool = false) {
        act { _, _ in }
        state.withLock { state in
            do {
                try cutPower(&state)
            } catch {
                state.failure = error
            }
            if losingClock {
                state.brain.setClock(to: WallTime(seconds: 946_684_800), at: moment())
            }
        }
        act { _, _ in }
    }

    /// The plug is in again: boots and dials.
    package func powerOn() { act { $0.powerOn(at: $1) } }

    /// The power goes in the middle of the next write, after so many bytes of it.
    package func cutPowerInNextWrite(after bytes: Int = 10) {
        state.withLock { $0.flash.tearNextWrite(after: bytes) }
    }

    /// Wi-Fi without air: the link lives, nothing moves in either direction, pings are not answered.
    package func stallWiFi(_ isOn: Bool) async {
        let connections = state.withLock { state in
            [state.connection].compactMap(\.self) + (isOn ? [] : state.abandoned)
        }
        for connection in connections {
            // Fails only when the connection is gone, which is silence enough.
            if isOn { try? await connection.goSilent() } else { try? await connection.speakAgain() }
        }
        if !isOn {
            let abandoned = state.withLock { state in
                defer { state.abandoned = [] }
                return state.abandoned
            }
            for connection in abandoned { connection.reset() }
        }
        act { $0.stall(isOn, at: $1) }
    }

    // MARK: Living

    /// Plugs it in and lives until the task is cancelled. Throws when its flash fails.
    package func run() async throws {
        powerOn()
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepTime() }
            // Ends with the task.
            while (try? await dialler.next()) != nil {
                guard let connection = await dial() else { continue }
                // A task of its own: a link that was given up may stay half open for long.
                group.addTask { await self.listen(to: connection) }
            }
            group.cancelAll()
        }
        try state.withLock { state in
            state.connection.take()?.reset()
            for connection in state.abandoned { connection.reset() }
            state.abandoned = []
            if let failure = state.failure { throw failure }
        }
    }

    private func dial() async -> SimulatedTerminal? {
        // An order to dial may be overtaken: by a power cut, or by the connection that an earlier one came to late.
        guard let address = state.withLock({ $0.brain.isDialling ? $0.address : nil }) else { return nil }
        do {
            let connection = try await SimulatedTerminal.connect(to: address, serial: serial, seed: seed)
            var former: SimulatedTerminal?
            let finished = state.withLock { state -> [(Waiter, Result<Void, any Error>)]? in
                guard state.brain.isDialling else { return nil }
                former = state.connection
                state.connection = connection
                state.brain.connected(at: moment())
                perform(&state)
                return finishedWaiters(&state)
            }
            guard let finished else {
                connection.reset()
                return nil
            }
            former?.reset()
            for (waiter, end) in finished { waiter.continuation.resume(with: end) }
            return connection
        } catch {
            act { $0.disconnected(at: $1) }
            return nil
        }
    }

    /// Ends when the connection does, whoever ended it.
    private func listen(to connection: SimulatedTerminal) async {
        while let text = try? await connection.receive() {
            guard isCurrent(connection) else { return }
            act { $0.received(text, at: $1) }
        }
        let isLost = state.withLock { state in
            guard state.connection === connection else { return false }
            state.connection = nil
            return true
        }
        if isLost { act { $0.disconnected(at: $1) } }
    }

    private func isCurrent(_ connection: SimulatedTerminal) -> Bool {
        state.withLock { $0.connection === connection }
    }

    /// Ticks when something is due.
    private func keepTime() async {
        while !Task.isCancelled {
            let wait: Duration? = state.withLock { state in
                state.sleepsUntil = state.brain.nextDeadline
                state.isAwake = false
                return state.sleepsUntil.map { max(.zero, $0 - surroundings.elapsed()) }
            }
            await withTaskGroup(of: Void.self) { [alarm, surroundings] group in
                // Each ends early only when it is cancelled.
                group.addTask { try? await alarm.next() }
                if let wait { group.addTask { try? await surroundings.clock.sleep(for: wait) } }
                await group.next()
                group.cancelAll()
            }
            state.withLock { $0.isAwake = true }
            act { $0.tick(at: $1) }
        }
    }
}
