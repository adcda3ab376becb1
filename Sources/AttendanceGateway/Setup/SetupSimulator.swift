import AttendanceCore
import AttendanceSimulation
import AttendanceWeb
import ServiceLifecycle
import Synchronization

/// One simulated terminal inside of the gateway, which comes when it is asked to, over the port of real ones, and sends
/// one punch. Its serial number says what it is.
final class SetupSimulator: Service {
    static let serial = "SIM000001"
    /// For how long it tries.
    private static let patience = Duration.seconds(120)
    private static let pause = Duration.seconds(3)

    struct Order: Sendable {
        var person: UInt64
        var address: SimulatedTerminal.Address
        /// IANA
        var zone: String
    }

    private let orders: AsyncStream<Order>
    private let continuation: AsyncStream<Order>.Continuation
    private let current = Mutex(SetupSimulation(state: .none, serial: SetupSimulator.serial))
    private let now: @Sendable () -> UnixTime

    init(now: @escaping @Sendable () -> UnixTime) {
        (orders, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.now = now
    }

    var simulation: SetupSimulation { current.withLock(\.self) }

    /// Throws `SetupRefusal` while it is at work.
    func order(_ order: Order) throws {
        let isFree = current.withLock { current in
            guard current.state != .running, current.state != .waiting else { return false }
            current = SetupSimulation(state: .running, serial: Self.serial)
            return true
        }
        guard isFree else { throw SetupRefusal("\(Self.serial) is at work already") }
        continuation.yield(order)
    }

    func run() async throws {
        for await order in orders.cancelOnGracefulShutdown() {
            await cancelWhenGracefulShutdown { await self.play(order) }
        }
    }

    private func tell(_ state: SetupSimulation.State, _ detail: String? = nil) {
        current.withLock { $0 = SetupSimulation(state: state, serial: Self.serial, detail: detail) }
    }

    private func play(_ order: Order) async {
        let end = ContinuousClock.now + Self.patience
        var trouble = "it was not approved within \(Self.patience.components.seconds) s"
        while ContinuousClock.now < end, !Task.isCancelled {
            do {
                if try await punch(order) {
                    tell(.sent)
                    return
                }
                tell(.waiting)
            } catch {
                trouble = error.localizedDescription
                // Nothing that waiting would mend.
                if case TerminalError.refused = error { break }
            }
            // Cancelled: the gateway stops, and the loop ends by its condition.
            try? await Task.sleep(for: Self.pause)
        }
        tell(.failed, PlainText.line(trouble))
    }

    /// Whether the punch was taken; false where the terminal is not served yet.
    private func punch(_ order: Order) async throws -> Bool {
        let terminal = try await SimulatedTerminal.connect(to: order.address, serial: Self.serial)
        do {
            var isTaken = false
            if try await terminal.register().isSuccess {
                let seconds = now().seconds
                let time =
                    ZoneRules(identifier: order.zone)?.wallTime(at: seconds) ?? WallTime(seconds: seconds)
                isTaken = try await terminal.sendLog([.tfs(order.person, at: time)]).isSuccess
            }
            try await terminal.close()
            return isTaken
        } catch {
            await terminal.abort()
            throw error
        }
    }
}
