import AttendanceCore
import Synchronization

/// What is known of a channel, for health and pages.
package struct AlertChannelState: Hashable, Sendable {
    package struct Failure: Hashable, Sendable {
        package var at: UnixTime
        /// One line, without any secret.
        package var reason: String

        package init(at: UnixTime, reason: String) {
            self.at = at
            self.reason = reason
        }
    }
    package var name: String
    package var kind: String
    /// Of this run of the gateway.
    package var lastSuccess: UnixTime?
    /// The last failure, whatever came after it.
    package var lastFailure: Failure?
    /// Messages that wait or are being tried.
    package var waiting: Int

    package init(
        name: String, kind: String, lastSuccess: UnixTime? = nil, lastFailure: Failure? = nil,
        waiting: Int = 0
    ) {
        self.name = name
        self.kind = kind
        self.lastSuccess = lastSuccess
        self.lastFailure = lastFailure
        self.waiting = waiting
    }

    /// Whether the last message that was sent did not arrive.
    package var isFailing: Bool {
        guard let lastFailure else { return false }
        return lastSuccess.map { $0 < lastFailure.at } ?? true
    }
}

/// The messages that one channel has still to send, in order. Bounded: the oldest make room.
final class AlertQueue: Sendable {
    struct Job: Sendable {
        /// The notice's number within this run.
        var number: Int
        var notice: AlertNotice
    }

    static let maximum = 100

    let channel: any AlertChannel
    /// For the one task that sends.
    let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let shared: Mutex<(jobs: [Job], state: AlertChannelState)>

    init(_ channel: any AlertChannel) {
        self.channel = channel
        (signals, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        shared = Mutex(([], AlertChannelState(name: channel.name, kind: channel.kind)))
    }

    var state: AlertChannelState {
        shared.withLock { shared in
            var state = shared.state
            state.waiting = shared.jobs.count
            return state
        }
    }

    /// Returns those that had to make room.
    func add(_ jobs: [Job]) -> [Job] {
        let dropped = shared.withLock { shared -> [Job] in
            shared.jobs += jobs
            let dropped = Array(shared.jobs.prefix(max(0, shared.jobs.count - Self.maximum)))
            shared.jobs.removeFirst(dropped.count)
            return dropped
        }
        continuation.yield()
        return dropped
    }

    var next: Job? { shared.withLock { $0.jobs.first } }

    /// It may have made room for others meanwhile; then there is nothing to take out.
    func finished(_ job: Job) {
        shared.withLock { $0.jobs.removeAll { $0.number == job.number } }
    }

    func note(_ sending: AlertSending, at now: UnixTime) {
        shared.withLock { shared in
            switch sending {
            case .taken: shared.state.lastSuccess = now
            case .failed(let reason, _, _): shared.state.lastFailure = .init(at: now, reason: reason)
            }
        }
    }
}
