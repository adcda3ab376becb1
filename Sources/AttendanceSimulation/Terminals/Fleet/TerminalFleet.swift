import AttendanceCore
import Foundation
import Synchronization

/// Many terminals against one server: a load, a demonstration, or an endurance test with everything that goes wrong.
///
/// Tells itself what was acknowledged, so that whoever runs it can ask the server for each of those punches afterwards.
/// One task a terminal; 1,000 of them need about two cores' worth of event loops only when they send without a pause.
package struct TerminalFleet: Sendable {
    package struct Options: Sendable {
        package var host = "127.0.0.1"
        package var port = 7788
        package var path = "/pub/chat"
        /// Sent with the handshake, such as `Authorization`.
        package var headers: [(String, String)] = []
        package var terminals = 10
        /// Serials are the prefix and a number from 1 on: `SIM000001`.
        package var serialPrefix = "SIM"
        /// Punches a minute and terminal; nil: the next batch as soon as the last is acknowledged.
        package var rate: Double? = 6
        /// People are numbered from 1; each may punch at any terminal.
        package var people = 200
        /// Punches to be made by all together; nil: no bound.
        package var total: Int?
        /// How long punches are made; nil: no bound. With neither bound the fleet runs until it is cancelled.
        package var duration: Duration?
        /// How long unacknowledged punches are still sent after that.
        package var drainLimit: Duration = .seconds(60)
        /// Bytes of the photo in each punch of a face terminal; 0: none.
        package var photoBytes = 0
        package var habits = AutonomousTerminal.Habits()
        /// Gives each terminal an own address 127.x.y.z: thousands of connections from one address meet each other's
        /// TIME_WAIT when they come again. Only for a server on this machine.
        package var distinctSources = false
        /// IANA zone of the terminals' clocks until the server's `cloudtime` sets them.
        package var zone = TimeZone.current.identifier
        package var seed: UInt64 = 1
        /// Commands are obeyed as by this firmware; nil: none is known to the terminals.
        package var firmware: FirmwareProfile?
        /// Each acknowledged punch is appended to this file, `serial,enrollid,time` a line, after its acknowledgement.
        package var acknowledgedFile: String?

        package init() {}
    }

    package let options: Options
    private let clock: any Clock<Duration>
    private let now: @Sendable () -> UnixTime

    package init(
        _ options: Options, clock: any Clock<Duration> = ContinuousClock(),
        now: @escaping @Sendable () -> UnixTime = {
            UnixTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        }
    ) {
        self.options = options
        self.clock = clock
        self.now = now
    }

    /// Runs all terminals until every punch is acknowledged, the time is over, or the task is cancelled, and answers how
    /// it went. `progress` is called about every `interval` and not during the return. Throws when the file of
    /// acknowledged punches cannot be written.
    @discardableResult
    package func run(
        every interval: Duration = .seconds(1),
        progress: @escaping @Sendable (FleetSnapshot) async -> Void = { _ in }
    ) async throws -> FleetSnapshot {
        let ledger = try FleetLedger(terminals: options.terminals, file: options.acknowledgedFile)
        let start = ContinuousClock.now
        let elapsed: @Sendable () -> Duration = { start.duration(to: .now) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await runTerminals(ledger: ledger, elapsed: elapsed)
                return true
            }
            group.addTask {
                while !Task.isCancelled {
                    // Cancelled: the fleet is done, and there is nothing left to report from here.
                    guard (try? await clock.sleep(for: interval)) != nil else { break }
                    await progress(ledger.snapshot(elapsed: elapsed()))
                }
                return false
            }
            if let duration = options.duration {
                group.addTask {
                    // Cancelled: every punch was acknowledged before its time was over.
                    try? await clock.sleep(for: duration + options.drainLimit)
                    return true
                }
            }
            defer { group.cancelAll() }
            while let isOver = try await group.next(), !isOver {}
        }
        return ledger.snapshot(elapsed: elapsed())
    }

    private func runTerminals(ledger: FleetLedger, elapsed: @escaping @Sendable () -> Duration) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for terminal in makeTerminals(ledger: ledger, elapsed: elapsed) {
                group.addTask {
                    var terminal = terminal
                    try await terminal.run()
                }
            }
        }
    }

    private func makeTerminals(
        ledger: FleetLedger, elapsed: @escaping @Sendable () -> Duration
    ) -> [AutonomousTerminal] {
        var generator = SeededGenerator(seed: options.seed)
        let zone = Zone(identifier: options.zone)
        let wallClock: @Sendable () -> WallTime = { [now] in zone.wallTime(at: now().seconds) }
        let content = options.firmware.map { CommandDuty.content(people: options.people, for: $0) }
        return (0..<options.terminals).map { number in
            let share = options.total.map { total in
                total / options.terminals + (number < total % options.terminals ? 1 : 0)
            }
            let digits = String(number + 1)
            let serial =
                options.serialPrefix + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
            let duty = options.firmware.flatMap { firmware in
                content.map {
                    CommandDuty(
                        serial: serial, profile: firmware, content: $0, clock: wallClock(), elapsed: elapsed)
                }
            }
            return AutonomousTerminal(
                serial: serial,
                address: address(of: number), habits: options.habits,
                schedule: PunchSchedule(
                    total: share, rate: options.rate, batch: options.habits.batchSize, people: options.people,
                    photoBytes: options.photoBytes, namesPeople: number % 2 == 0,
                    firstDue: Double.random(in: 0..<1, using: &generator), end: options.duration),
                seed: generator.next(), ledger: ledger, clock: clock, elapsed: elapsed, wallClock: wallClock,
                duty: duty)
        }
    }

    private func address(of number: Int) -> SimulatedTerminal.Address {
        var address = SimulatedTerminal.Address(
            host: options.host, port: options.port, path: options.path, headers: options.headers)
        if options.distinctSources {
            // 127.(1 + seed mod 250).y.z, never .0 or .255.
            address.source = "127.\(options.seed % 250 + 1).\(number / 250 % 256).\(number % 250 + 1)"
        }
        return address
    }
}

/// The zone of all terminals, converted once for all of them. A name nobody knows counts as UTC: `cloudtime` will tell.
private final class Zone: Sendable {
    private let rules: Mutex<ZoneRules?>

    init(identifier: String) { rules = Mutex(ZoneRules(identifier: identifier)) }

    func wallTime(at seconds: Int64) -> WallTime {
        rules.withLock { $0?.wallTime(at: seconds) } ?? WallTime(seconds: seconds)
    }
}
