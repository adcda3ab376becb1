import NIOCore
import NIOPosix

/// A TCP connection and nothing more, for what no well-behaved client would send.
final class RawConnection: Sendable {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private init(_ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>) { self.channel = channel }

    deinit { channel.channel.close(promise: nil) }

    static func open(port: Int) async throws -> RawConnection {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return RawConnection(channel)
    }

    func write(_ text: String) async throws {
        try await channel.channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// What comes until the text has come, or the end.
    func read(until end: String) async throws -> String {
        try await channel.executeThenClose { inbound, _ in
            var text = ""
            for try await buffer in inbound {
                text += String(buffer: buffer)
                if text.contains(end) { break }
            }
            return text
        }
    }

    func readUntilClosed() async throws -> String { try await read(until: "\u{0}\u{0}\u{0}") }

    /// True once the peer has hung up.
    func waitUntilClosed() async throws -> Bool {
        _ = try await readUntilClosed()
        return true
    }
}
