import AttendanceCore
import Synchronization
import Testing

@testable import AttendanceTerminals

@Suite struct PresenceTests {
    private let presence = Presence()
    private let serial = SerialNumber("ZX01")!
    private let told = Told()

    /// Numbers of the connections that were told to close, in order.
    private final class Told: Sendable {
        let numbers = Mutex<[Int64]>([])
    }

    @discardableResult
    private func arrive(_ serial: SerialNumber, _ connection: Int64) -> Int64? {
        presence.arrive(
            serial, connection: connection, address: "10.0.0.1", at: UnixTime(seconds: 0),
            pulse: TerminalPulse(now: { UnixTime(seconds: 0) }),
            line: ToldLine { [told] in told.numbers.withLock { $0.append(connection) } }
        )?.connection
    }

    @Test func `the newest connection of a serial wins, whatever the letter case`() {
        #expect(arrive(serial, 1) == nil)
        #expect(arrive(SerialNumber("zx01")!, 2) == 1)
        #expect(told.numbers.withLock { $0 } == [1])
        #expect(presence.count == 1)
        #expect(presence.connected.map(\.connection) == [2])
    }

    @Test func `a replaced connection that ends leaves the new one in its place`() {
        arrive(serial, 1)
        arrive(serial, 2)
        presence.leave(serial, connection: 1)
        #expect(presence.connected.map(\.connection) == [2])
        presence.leave(serial, connection: 2)
        #expect(presence.count == 0)
    }

    @Test func `reg again on the same connection replaces nothing`() {
        arrive(serial, 1)
        #expect(arrive(serial, 1) == nil)
        #expect(told.numbers.withLock { $0 }.isEmpty)
        #expect(presence.count == 1)
    }

    /// A `reg` that waited unread behind a slow commit on the connection that was replaced meanwhile.
    @Test func `an older connection does not come back over a newer one`() {
        arrive(serial, 1)
        arrive(serial, 2)
        #expect(arrive(serial, 1) == nil)
        #expect(told.numbers.withLock { $0 } == [1, 1])
        #expect(presence.connected.map(\.connection) == [2])
    }

    @Test func `different serials do not touch each other`() {
        arrive(serial, 1)
        arrive(SerialNumber("ZX02")!, 2)
        presence.leave(serial, connection: 2)
        #expect(presence.count == 2)
        #expect(told.numbers.withLock { $0 }.isEmpty)
    }
}

/// A line that nobody is at the other end of.
struct ToldLine: TerminalLine {
    var isReplaced: @Sendable () -> Void = {}
    func send(_ bytes: [UInt8], written: @escaping @Sendable () -> Void) -> Bool { false }
    func replaced() { isReplaced() }
    func hangUp() {}
}

@Suite struct ResendWatchTests {
    private func fingerprint(_ count: Int, _ id: String = "7") -> ResendWatch.Fingerprint {
        let time = WallTime("2026-03-01 08:00:00")!
        return .init(count: count, first: time, firstID: EnrollID(id)!, last: time, lastID: EnrollID(id)!)
    }

    @Test func `counts the same batch in a row, and begins anew with another`() {
        var watch = ResendWatch()
        #expect((1...3).map { _ in watch.saw(fingerprint(2)) } == [1, 2, 3])
        #expect(watch.saw(fingerprint(3)) == 1)
        #expect(watch.saw(fingerprint(3, "8")) == 1)
        #expect(watch.saw(fingerprint(2)) == 1)
        #expect(watch.saw(fingerprint(2)) == 2)
    }
}
