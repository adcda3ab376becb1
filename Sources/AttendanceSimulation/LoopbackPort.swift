import NIOCore
import NIOPosix
import Synchronization

/// Ports for programs that must be told one: `0` would do for a listener in this process, but not for one that is started
/// again on the same port.
package enum LoopbackPort {
    /// Below those from which Linux takes the ports of outgoing connections (32768 to 60999): among thousands of
    /// connections one of those would now and then be gone before the program has it.
    private static let range = 20_000..<32_000
    private static let next = Mutex(Int.random(in: range))

    /// A port of 127.0.0.1 on which nobody listens, and which no other caller in this process got lately. Throws what
    /// the last try to listen has thrown.
    package static func free() async throws -> Int {
        var failure: (any Error)?
        for _ in 0..<100 {
            let port = next.withLock { next in
                defer { next = next + 1 < range.upperBound ? next + 1 : range.lowerBound }
                return next
            }
            do {
                let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .bind(host: "127.0.0.1", port: port).get()
                try await listener.close()
                return port
            } catch {
                failure = error
            }
        }
        throw failure ?? ChannelError.eof
    }
}
