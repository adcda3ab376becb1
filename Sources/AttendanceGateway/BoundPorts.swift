import Logging
import ServiceLifecycle

/// Where the listeners ended up: a port of 0 becomes a real one only when it is bound.
package actor BoundPorts {
    private let expected: Set<String>
    private var ports: [String: Int] = [:]
    private var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    private var nextWaiter = 0

    /// - Parameter expected: those that `all` waits for.
    init(expected: Set<String>) { self.expected = expected }

    func bound(_ name: String, port: Int) {
        ports[name] = port
        guard isComplete else { return }
        for waiter in waiters.values { waiter.resume() }
        waiters = [:]
    }

    /// By listener name, once all are bound; what there is when the task is cancelled before.
    package func all() async -> [String: Int] {
        guard !isComplete, !Task.isCancelled else { return ports }
        let number = nextWaiter
        nextWaiter += 1
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiters[number] = $0 }
        } onCancel: {
            // The one unstructured task here: it only ends a wait that is being cancelled.
            Task { await self.stopWaiting(number) }
        }
        return ports
    }

    /// Nil while it is not bound.
    package func port(of name: String) -> Int? { ports[name] }

    private var isComplete: Bool { expected.isSubset(of: ports.keys) }

    private func stopWaiting(_ number: Int) { waiters.removeValue(forKey: number)?.resume() }
}

/// Says in the log and to systemd that terminals are taken, once every port is bound, and that it is over.
struct Announcement: Service {
    let ports: BoundPorts
    let notifier: SystemdNotifier
    let logger: Logger
    let listeners: [Settings.Listener]

    func run() async throws {
        await cancelWhenGracefulShutdown {
            let bound = await ports.all()
            guard listeners.allSatisfy({ bound[$0.title] != nil }) else { return }
            for listener in listeners {
                logger.notice(
                    "listening for terminals",
                    metadata: [
                        "listener": "\(listener.title)", "address": "\(listener.host)",
                        "port": "\(bound[listener.title] ?? listener.port)",
                    ])
            }
            notifier.ready(status: "taking punches")
        }
        // Cancelled: the group is going down the hard way, which is said just the same.
        try? await gracefulShutdown()
        notifier.stopping()
        logger.notice("stopping")
    }
}
