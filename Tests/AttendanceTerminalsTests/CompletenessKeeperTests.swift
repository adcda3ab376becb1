import AttendanceCore
import AttendanceStore
import Foundation
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import AttendanceTerminals

/// 2026-03-01 08:00:00 UTC.
private let start: Int64 = 1_772_352_000

/// A clock that is moved by hand, and a keeper's timer that rings when it is told to.
private final class HandClock: Sendable {
    private let seconds = Mutex(start)
    private let rings: AsyncStream<Void>
    private let bell: AsyncStream<Void>.Continuation

    init() { (rings, bell) = AsyncStream.makeStream() }

    var now: UnixTime { UnixTime(seconds: seconds.withLock { $0 }) }
    func move(to second: Int64) { seconds.withLock { $0 = start + second } }
    func ring() { bell.yield() }

    func sleep() async throws {
        var rings = rings.makeAsyncIterator()
        guard await rings.next() != nil else { throw CancellationError() }
    }
}

/// A real journal, a presence, and connections that are only their pulses.
private final class Hall: Sendable {
    let folder = NSTemporaryDirectory() + "keeper-" + UUID().uuidString
    let clock = HandClock()
    let presence = Presence()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let store: SQLiteStore

    init() throws {
        let clock = self.clock
        store = try SQLiteStore(
            folder: folder, options: StoreOptions(now: { clock.now }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    // What is left over harms no later test.
    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func connect(_ serial: String, _ connection: Int64 = 1, backlog: Int? = 0) -> TerminalPulse {
        let clock = self.clock
        let pulse = TerminalPulse(now: { clock.now })
        pulse.messageCame()
        pulse.registered(
            isNew: true, at: clock.now, backlog: backlog, skew: 0, setsClock: true,
            deviceInfo: #"{"useduser":3,"usersize":100}"#)
        _ = presence.arrive(
            SerialNumber(serial)!, connection: connection, address: "10.0.0.1", at: clock.now, pulse: pulse,
            line: ToldLine())
        pulse.messageServed(at: clock.now)
        return pulse
    }

    func note(_ serial: String) async throws {
        try await store.note(
            TerminalSighting(serial: SerialNumber(serial)!, at: clock.now, address: "10.0.0.1"))
    }

    func record(of serial: String) async throws -> TerminalRecord? {
        try await store.terminals(after: nil, limit: 10).first { $0.serial == SerialNumber(serial)! }
    }

    func keeper() -> CompletenessKeeper {
        let clock = self.clock
        return CompletenessKeeper(
            store: store, presence: presence,
            timing: .init(now: { clock.now }, sleep: { _ in try await clock.sleep() }), logger: logger)
    }

    /// Runs a keeper beside `body`, then shuts it down in order.
    func withKeeper(_ body: @escaping @Sendable (CompletenessKeeper) async throws -> Void) async throws {
        let keeper = self.keeper()
        let group = ServiceGroup(configuration: .init(services: [keeper], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            do {
                try await body(keeper)
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}

/// Asks again until it holds; a test's time limit is its end.
private func eventually(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(5)) }
}

@Suite struct `Keeping what terminals have brought` {
    private let serial = SerialNumber("ZX01")!

    @Test(.timeLimit(.minutes(10))) func `is written down each minute, at each going and at the end`()
        async throws
    {
        let hall = try Hall()
        for serial in ["ZX01", "ZX02"] { try await hall.note(serial) }
        try await hall.withKeeper { keeper in
            let first = hall.connect("ZX01")
            let second = hall.connect("ZX02", 2)
            hall.clock.move(to: 600)
            first.beat()
            hall.clock.ring()
            try await eventually { try await hall.record(of: "ZX01")?.completeUntil == start + 540 }
            #expect(try await hall.record(of: "ZX01")?.lastHeard == UnixTime(seconds: start + 600))

            hall.clock.move(to: 700)
            second.beat()
            hall.presence.leave(SerialNumber("ZX02")!, connection: 2)
            try await eventually { try await hall.record(of: "ZX02")?.completeUntil == start + 640 }
            // Only the one that went is written then.
            #expect(try await hall.record(of: "ZX01")?.completeUntil == start + 540)

            hall.clock.move(to: 800)
            first.beat()
            let figures = try #require(keeper.figures()[self.serial])
            #expect(figures.isConnected)
            #expect(figures.completeUntil == start + 740)
            #expect(figures.memory.users == 3)
            #expect(keeper.figures(of: SerialNumber("ZX02")!)?.isConnected == false)
        }
        #expect(try await hall.record(of: "ZX01")?.completeUntil == start + 740)
        await hall.store.close()
    }

    @Test(.timeLimit(.minutes(10))) func `goes on after a restart and never back`() async throws {
        let hall = try Hall()
        try await hall.note("ZX01")
        try await hall.withKeeper { _ in
            hall.clock.move(to: 600)
            hall.connect("ZX01").beat()
        }
        // Its second life begins with what is still to come.
        hall.clock.move(to: 900)
        let pulse = hall.connect("ZX01", 5, backlog: 4)
        pulse.beat()
        try await hall.withKeeper { keeper in
            try await eventually { keeper.figures()[self.serial]?.completeUntil != nil }
            let figures = try #require(keeper.figures(of: self.serial))
            #expect(figures.backlog == 4)
            #expect(figures.isConnected)
            #expect(figures.completeUntil == start + 540)
        }
        #expect(try await hall.record(of: "ZX01")?.completeUntil == start + 540)
        await hall.store.close()
    }

    @Test func `what a replaced connection knew is not lost`() throws {
        let hall = try Hall()
        let keeper = hall.keeper()
        hall.clock.move(to: 600)
        hall.connect("ZX01").beat()
        _ = hall.connect("ZX01", 2, backlog: 7)
        let figures = try #require(keeper.figures()[serial])
        #expect(figures.isConnected)
        #expect(figures.backlog == 7)
        #expect(figures.completeUntil == start + 540)
    }

    @Test func `a sign of life counts only when all that came before it was dealt with`() throws {
        let hall = try Hall()
        let pulse = hall.connect("ZX01")
        func complete() -> Int64? { pulse.figures(of: serial, isConnected: true).completeUntil }
        #expect(complete() == start - 60)
        hall.clock.move(to: 100)
        pulse.messageCame()
        pulse.beat()
        #expect(complete() == start - 60)
        pulse.messageServed(at: hall.clock.now)
        #expect(complete() == start + 40)
    }

    @Test func `another terminal on the same connection begins anew`() throws {
        let hall = try Hall()
        let pulse = hall.connect("ZX01")
        hall.clock.move(to: 100)
        pulse.registered(
            isNew: true, at: hall.clock.now, backlog: 3, skew: nil, setsClock: true, deviceInfo: nil)
        let figures = pulse.figures(of: SerialNumber("ZX02")!, isConnected: true)
        #expect(figures.completeUntil == nil)
        #expect(figures.skew == nil)
        #expect(figures.memory == DeviceMemory())
    }

    @Test func `batches of which nothing was new are counted, and how often one came in a row`() throws {
        let hall = try Hall()
        let pulse = hall.connect("ZX01")
        let batch = IntakeBatch(terminal: serial, connection: 1, received: hall.clock.now)
        pulse.stored(batch, IntakeReceipt(stored: 2), times: 0, at: hall.clock.now)
        for times in 1...3 {
            pulse.stored(batch, IntakeReceipt(repeated: 2), times: times, at: hall.clock.now)
        }
        var figures = pulse.figures(of: serial, isConnected: true)
        #expect(figures.resends == 3 && figures.repeatedBatches == 3 && figures.records == 2)
        pulse.stored(batch, IntakeReceipt(stored: 1), times: 0, at: hall.clock.now)
        figures = pulse.figures(of: serial, isConnected: true)
        #expect(figures.resends == 0 && figures.repeatedBatches == 3 && figures.records == 3)
    }
}
