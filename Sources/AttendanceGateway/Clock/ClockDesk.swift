import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceTerminals
import Foundation
import Logging
import ServiceLifecycle
import Synchronization

/// Sets clocks of terminals that are wrong by more than they may, and reads them back.
///
/// Looks at each `reg`, decides by `ClockRule`, and orders `settime` and behind it `gettime`. Each step is written down
/// before it is ordered, so that the journal tells why times of a terminal jump.
final class ClockDesk: Service {
    static let purpose = "clock"
    /// Terminals that are remembered as wrong; others are looked at when they register again.
    private static let most = 100_000
    /// Longer than that a command to set the clock waits for nothing.
    private static let expiry = Duration.seconds(900)

    private struct Wrong {
        var since: UnixTime
        var readings: Int
        var last: UnixTime
        var useless = 0
    }
    private struct Reading: Sendable {
        var terminal: SerialNumber
        var skew: Int
        var unread: Int?
        var at: UnixTime
    }
    private struct State {
        var rule: ClockRule
        var wrong: [SerialNumber: Wrong] = [:]
    }

    private let store: any Store
    private let desk: CommandDesk
    private let isApproved: @Sendable (SerialNumber) -> Bool
    private let wallTime: @Sendable (SerialNumber, UnixTime) -> WallTime
    private let now: @Sendable () -> UnixTime
    private let logger: Logger
    private let state: Mutex<State>
    private let readings: AsyncStream<Reading>
    private let reading: AsyncStream<Reading>.Continuation

    init(
        rule: ClockRule, store: any Store, desk: CommandDesk,
        isApproved: @escaping @Sendable (SerialNumber) -> Bool,
        wallTime: @escaping @Sendable (SerialNumber, UnixTime) -> WallTime,
        now: @escaping @Sendable () -> UnixTime, logger: Logger
    ) {
        self.store = store
        self.desk = desk
        self.isApproved = isApproved
        self.wallTime = wallTime
        self.now = now
        self.logger = logger
        state = Mutex(State(rule: rule))
        // After a power cut all terminals come at once; who finds no place is looked at when it registers again.
        (readings, reading) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(10_000))
        desk.handle(purpose: Self.purpose) { [weak self] event in try await self?.took(event) }
    }

    var rule: ClockRule {
        get { state.withLock { $0.rule } }
        set { state.withLock { $0.rule = newValue } }
    }

    /// A terminal has registered. Never waits.
    func arrived(_ serial: SerialNumber, _ registration: Registration) {
        guard let clock = registration.clock else { return }
        let now = now()
        let skew = Int(clock.seconds - wallTime(serial, now).seconds)
        let isWanted = state.withLock { state -> Bool in
            guard state.rule.isWrong(skew) else {
                state.wrong[serial] = nil
                return false
            }
            guard var known = state.wrong[serial] else {
                guard state.wrong.count < Self.most else { return false }
                state.wrong[serial] = Wrong(since: now, readings: 1, last: now)
                return true
            }
            // Some register again and again as their heartbeat; the answer before needs a moment to be taken.
            if now - known.last >= .seconds(10) { known.readings += 1 }
            known.last = now
            state.wrong[serial] = known
            return true
        }
        guard isWanted, isApproved(serial) else { return }
        reading.yield(
            Reading(
                terminal: serial, skew: skew, unread: registration.backlog.map(Int.init(clamping:)), at: now))
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await reading in self.readings {
                do {
                    try await self.look(at: reading)
                } catch is CancellationError {
                    return
                } catch {
                    self.logger.warning(
                        "a wrong clock could not be dealt with; it is looked at when the terminal registers again",
                        metadata: [
                            "serial": "\(reading.terminal)", "error": "\(error.localizedDescription)",
                        ])
                }
            }
        }
    }

    private func look(at reading: Reading) async throws {
        let serial = reading.terminal
        guard let wrong = state.withLock({ $0.wrong[serial] }) else { return }
        let last = try await store.clockSteps(of: serial, limit: 1).first?.at
        let verdict = rule.verdict(
            .init(
                skew: reading.skew, unread: reading.unread, wrongSince: wrong.since,
                wrongReadings: wrong.readings, lastStep: last, uselessSteps: wrong.useless), at: reading.at)
        switch verdict {
        case .leave, .watch, .rest: return
        case .waitForPunches:
            logger.info(
                "a clock is ahead and not set back yet: the terminal holds punches",
                metadata: ["serial": "\(serial)", "skew_seconds": "\(reading.skew)"])
        case .set(let crosses): try await set(reading, crosses: crosses)
        }
    }

    private func set(_ reading: Reading, crosses: Bool) async throws {
        let serial = reading.terminal
        guard
            let step = try await store.noteClockStep(
                ClockStep(
                    terminal: serial, at: now(), before: reading.skew, unread: reading.unread))
        else { return }
        let words =
            "clock wrong by \(reading.skew) s"
            + (crosses
                ? "; set back across punches it has not sent (\(reading.unread.map(String.init) ?? "unknown"))"
                : "")
        let expires = now() + Self.expiry
        _ = try await desk.order(
            [
                NewCommand(
                    terminal: serial, request: .setTime, lane: .background, purpose: Self.purpose,
                    reference: "set \(step)", reason: words, expires: expires),
                NewCommand(
                    terminal: serial, request: .getTime, lane: .background, purpose: Self.purpose,
                    reference: "read \(step)", expires: expires),
            ], by: .gateway)
        logger.notice(
            "clock of a terminal is being set",
            metadata: [
                "serial": "\(serial)", "skew_seconds": "\(reading.skew)",
                "unread": "\(reading.unread.map(String.init) ?? "unknown")",
            ])
    }

    private func took(_ event: CommandDesk.Event) async throws {
        guard case .ended(let record, let settlement) = event, let reference = record.reference,
            reference.hasPrefix("read "), let step = Int64(reference.dropFirst(5))
        else { return }
        let now = now()
        guard settlement.state == .done, case .time(let clock)? = settlement.result else {
            state.withLock { $0.wrong[record.terminal]?.useless += 1 }
            logger.info(
                "whether a clock was set is not known",
                metadata: ["serial": "\(record.terminal)", "words": "\(settlement.words ?? "-")"])
            return
        }
        let after = Int(clock.seconds - wallTime(record.terminal, now).seconds)
        try await store.settleClockStep(step, after: after)
        let isWrong = state.withLock { state -> Bool in
            guard state.rule.isWrong(after) else {
                state.wrong[record.terminal] = nil
                return false
            }
            state.wrong[record.terminal]?.useless += 1
            return true
        }
        logger.log(
            level: isWrong ? .warning : .notice,
            isWrong ? "a clock was set and is still wrong" : "clock of a terminal was set",
            metadata: ["serial": "\(record.terminal)", "skew_seconds": "\(after)"])
    }
}
