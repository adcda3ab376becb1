import Foundation
import Logging
import ServiceLifecycle

/// Tells systemd how the service is, by datagrams to `$NOTIFY_SOCKET`. Without systemd every call does nothing.
///
/// Source: sd_notify(3). A path that begins with `@` is an abstract socket.
package struct SystemdNotifier: Sendable {
    /// Nil when nobody listens.
    package let socketPath: String?
    /// How often `Watchdog` must be heard of; nil when systemd asks for no watchdog of this process.
    package let watchdogLimit: Duration?

    /// Use `fromEnvironment` in the program.
    package init(environment: [String: String], process: Int32 = getpid()) {
        let path = environment["NOTIFY_SOCKET"]
        socketPath = path.flatMap {
            ($0.hasPrefix("/") || $0.hasPrefix("@")) && $0.utf8.count >= 2 ? $0 : nil
        }
        let isOurs = environment["WATCHDOG_PID"].map { $0 == String(process) } ?? true
        watchdogLimit = environment["WATCHDOG_USEC"].flatMap { Int64($0) }
            .flatMap { $0 > 0 && isOurs ? .microseconds($0) : nil }
    }

    /// Reads the variables and removes them, so that no child process speaks in our name. Call it before there are
    /// other threads: changing the environment is not safe beside readers of it.
    package static func fromEnvironment(_ environment: [String: String]) -> SystemdNotifier {
        let notifier = SystemdNotifier(environment: environment)
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] { unsetenv(name) }
        return notifier
    }

    /// The service takes terminals now.
    @discardableResult
    package func ready(status: String) -> Bool { send("READY=1\nSTATUS=\(oneLine(status))") }
    /// One sentence for `systemctl status`.
    @discardableResult
    package func status(_ text: String) -> Bool { send("STATUS=\(oneLine(text))") }
    /// A reload begins; `ready` ends it.
    @discardableResult
    package func reloading() -> Bool {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        let microseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
        return send("RELOADING=1\nMONOTONIC_USEC=\(microseconds)")
    }
    @discardableResult
    package func stopping() -> Bool { send("STOPPING=1") }
    @discardableResult
    package func alive() -> Bool { send("WATCHDOG=1") }

    /// False when there is nobody to tell, or the datagram could not be sent. Never blocks.
    private func send(_ message: String) -> Bool {
        guard let socketPath else { return false }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        let path = Array(socketPath.utf8)
        guard path.count < capacity, let offset = MemoryLayout.offset(of: \sockaddr_un.sun_path) else {
            return false
        }
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            bytes.copyBytes(from: path)
            if path.first == UInt8(ascii: "@") { bytes[0] = 0 }
        }
        let type = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let length = socklen_t(offset + path.count)
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        let bytes = Array(message.utf8)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, flags, $0, length) == bytes.count
            }
        }
    }

    private func oneLine(_ text: String) -> String { text.replacing("\n", with: " ") }
}

/// Feeds systemd's watchdog as long as a proof of life succeeds, and only then: a gateway whose journal no longer
/// commits is restarted, although its timers still run.
package struct Watchdog: Service {
    private let notifier: SystemdNotifier
    private let logger: Logger
    private let prove: @Sendable () async throws -> Void
    private let pause: @Sendable (Duration) async throws -> Void

    /// `prove` may take as long as it likes: what does not return in time is not fed.
    package init(
        notifier: SystemdNotifier, logger: Logger,
        pause: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        prove: @escaping @Sendable () async throws -> Void
    ) {
        self.notifier = notifier
        self.logger = logger
        self.pause = pause
        self.prove = prove
    }

    package func run() async throws {
        guard let limit = notifier.watchdogLimit else {
            try await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown { await feed(every: limit / 2) }
    }

    /// Until it is cancelled.
    private func feed(every interval: Duration) async {
        var failing = false
        while !Task.isCancelled {
            do {
                try await prove()
                if failing { logger.notice("the proof of life succeeds again") }
                failing = false
                notifier.alive()
            } catch is CancellationError {
                return
            } catch {
                if !failing {
                    logger.critical(
                        "the proof of life failed; systemd will restart the gateway unless it recovers",
                        metadata: ["reason": "\(error.localizedDescription)"])
                }
                failing = true
            }
            do { try await pause(interval) } catch { return }  // cancelled: the group is stopping
        }
    }
}
