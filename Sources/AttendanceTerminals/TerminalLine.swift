import NIOCore
import NIOWebSocket

/// The way to one connected terminal, for whoever has something to say that the terminal did not ask for.
protocol TerminalLine: Sendable {
    /// Hands one JSON message over. `written` is called once it has left this process, or never will. False when the
    /// line is closed or full; then nothing was handed over, and `written` is not called.
    func send(_ bytes: [UInt8], written: @escaping @Sendable () -> Void) -> Bool
    /// Ends the connection in order: another one has registered with the same serial, or it is wanted no more.
    func replaced()
    /// Ends it at once.
    func hangUp()
}

struct ChannelLine: TerminalLine {
    let channel: any Channel

    func send(_ bytes: [UInt8], written: @escaping @Sendable () -> Void) -> Bool {
        guard channel.isActive, channel.isWritable else { return false }
        channel.writeAndFlush(OutboundMessage.text(ByteBuffer(bytes: bytes))).whenComplete { _ in written() }
        return true
    }

    func replaced() { channel.writeAndFlush(OutboundMessage.close(.normalClosure), promise: nil) }

    func hangUp() { channel.close(promise: nil) }
}
