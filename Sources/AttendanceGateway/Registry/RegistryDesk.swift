import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// The registry of a running gateway: takes orders, follows the settings, and forwards what waited for an approval.
///
/// Every change is committed first and taken over in memory after. Forwarding goes page by page beside everything else,
/// and where it was interrupted it goes on: what waits stands in the journal until it is owed.
final class RegistryDesk: Service {
    private struct Unsettled: LocalizedError {
        var errorDescription: String? { "the journal cannot be read" }
    }

    /// Held punches that are made owed in one commit.
    private static let page = 500
    private static let retry = Duration.seconds(5)

    private let registry: TerminalRegistry
    private let store: any Store
    private let presence: Presence
    private let terminals: TerminalsInForce
    private let changed: @Sendable () -> Void
    private let owing: @Sendable () -> Void
    private let timing: DeliveryTiming
    private let now: @Sendable () -> UnixTime
    private let logger: Logger
    private let approvals = Mutex<@Sendable (TerminalRecord) -> Void>({ _ in })
    private let forgettings = Mutex<@Sendable (SerialNumber) -> Void>({ _ in })
    /// Changed in the journal and not yet in memory.
    private let unsettled = Mutex<Set<SerialNumber>>([])
    private let turns: AsyncStream<Void>
    private let turn: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - changed: called after something that is said of terminals has changed.
    ///   - owing: wakes the delivery, after older punches became owed.
    init(
        registry: TerminalRegistry, store: any Store, presence: Presence, terminals: TerminalsInForce,
        changed: @escaping @Sendable () -> Void, owing: @escaping @Sendable () -> Void,
        timing: DeliveryTiming, now: @escaping @Sendable () -> UnixTime, logger: Logger
    ) {
        self.registry = registry
        self.store = store
        self.presence = presence
        self.terminals = terminals
        self.changed = changed
        self.owing = owing
        self.timing = timing
        self.now = now
        self.logger = logger
        (turns, turn) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        turn.yield()
    }

    /// Who is told of each terminal that becomes one of ours, also of one that is not connected. To be set before anyone
    /// connects.
    func onApproval(_ told: @escaping @Sendable (TerminalRecord) -> Void) { approvals.withLock { $0 = told } }

    /// Who is told of each terminal that is forgotten. To be set before anyone connects.
    func onForgetting(_ told: @escaping @Sendable (SerialNumber) -> Void) {
        forgettings.withLock { $0 = told }
    }

    /// The rules have changed: some that waited may be let in by them.
    func look() { turn.yield() }

    // MARK: Orders

    func carryOut(_ order: TerminalOrder) async throws -> TerminalAnswer {
        if order.verb == .forget,
            let serial = order.serials.lazy.compactMap({ SerialNumber($0) }).first(where: {
                presence.entry(of: $0) != nil
            })
        {
            throw TerminalRefusal("\(serial) is connected; only who has gone can be forgotten")
        }
        let answer = try await RegistryOrders(file: terminals.file).carryOut(order, on: store, at: now())
        let serials = answer.changed.compactMap { SerialNumber($0) }
        unsettled.withLock { $0.formUnion(serials) }
        // It is committed: what of it cannot be read now is taken over by `run`, and the order was carried out.
        await settle()
        for serial in serials {
            logger.notice(
                "terminal changed in the registry",
                metadata: ["serial": "\(serial)", "verb": "\(order.verb.rawValue)", "by": "\(order.author)"])
        }
        changed()
        turn.yield()
        return answer
    }

    private func settle() async {
        for serial in unsettled.withLock({ $0 }) {
            do {
                try await takeOver(serial)
                unsettled.withLock { _ = $0.remove(serial) }
            } catch {
                logger.warning(
                    "a changed terminal could not be read back yet; it is tried again",
                    metadata: ["serial": "\(serial)", "error": "\(error.localizedDescription)"])
            }
        }
    }

    private func takeOver(_ serial: SerialNumber) async throws {
        guard var record = try await store.terminal(serial) else {
            registry.forget(serial)
            forgettings.withLock(\.self)(serial)
            // One that came while it was forgotten comes once more, and is new.
            _ = presence.dismiss(serial)
            return
        }
        // Another order may be committed between reading and taking over; then that one is what holds.
        while true {
            if registry.take(record, at: now()) { approvals.withLock(\.self)(record) }
            guard let newest = try await store.terminal(serial), !newest.says(theSameAs: record) else {
                break
            }
            record = newest
        }
        if record.standing == .blocked, presence.dismiss(serial) {
            logger.notice("a blocked terminal's connection is closed", metadata: ["serial": "\(serial)"])
        }
    }

    // MARK: Forwarding

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in self.turns {
                do {
                    await self.settle()
                    guard self.unsettled.withLock({ $0.isEmpty }) else { throw Unsettled() }
                    try await self.promote()
                    for serial in self.registry.releasable() { try await self.release(serial) }
                } catch is CancellationError {
                    return
                } catch {
                    self.logger.error(
                        "changed terminals could not be dealt with yet; it is tried again",
                        metadata: ["error": "\(error.localizedDescription)"])
                    // Cancelled while it waits: what is left is done at the next start.
                    guard (try? await self.timing.sleep(Self.retry)) != nil else { return }
                    self.turn.yield()
                }
            }
        }
    }

    /// Lets those in that the settings let in by now.
    private func promote() async throws {
        let serials = registry.promotable()
        for start in stride(from: 0, to: serials.count, by: RegistryOrders.maximum) {
            let some = Array(serials[start..<min(start + RegistryOrders.maximum, serials.count)])
            let approved = try await store.setStanding(
                .approved, of: some, reason: "the settings let it in", by: .gateway, at: now())
            for serial in some { try await takeOver(serial) }
            for serial in approved {
                logger.notice("terminal approved by the settings", metadata: ["serial": "\(serial)"])
            }
        }
        if !serials.isEmpty { changed() }
    }

    private func release(_ serial: SerialNumber) async throws {
        var released = 0
        while true {
            try Task.checkCancellation()
            let stretch = try await store.releaseHeld(
                of: serial, to: terminals.now.sinks(of: serial), limit: Self.page)
            released += stretch.released
            if stretch.released > 0 { owing() }
            if stretch.isDone { break }
        }
        registry.released(serial)
        logger.notice(
            "punches that waited for the terminal's approval are forwarded",
            metadata: ["serial": "\(serial)", "punches": "\(released)"])
    }
}

extension TerminalRecord {
    /// As far as people decide on it.
    fileprivate func says(theSameAs other: TerminalRecord) -> Bool {
        TerminalDetails(self) == TerminalDetails(other) && token == other.token
    }
}

extension Presence.Entry {
    /// What the terminal has said of itself on this connection, as it would say it now.
    ///
    /// - Parameter clock: what its clock should show; nil where the answer to `reg` has told it, so that it may be right by
    ///   now and only the next `reg` tells.
    func registration(_ record: TerminalRecord, clock: WallTime?) -> Registration {
        let figures = figures
        return Registration(
            serial: serial, model: record.model, firmware: record.firmware,
            backlog: figures.backlog.map(Int64.init),
            clock: clock.flatMap { clock in
                figures.skew.map { WallTime(seconds: clock.seconds + Int64($0)) }
            },
            deviceInfo: record.deviceInfo)
    }
}
