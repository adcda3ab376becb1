import AttendanceCore
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Synchronization
import Testing

@testable import AttendanceTerminals

/// The pipeline of a terminal with hand-moved time: raw bytes of the peer in, frames out.
private final class Wire {
    let channel = EmbeddedChannel()
    let limits: ConnectionLimits
    private let reasons = Reasons()

    private final class Reasons: Sendable {
        let texts = Mutex<[String]>([])
    }

    /// Why we ended the connection, as often as it was said.
    var ended: [String] { reasons.texts.withLock { $0 } }

    init(
        memory: Int = 1 << 20, messageBytes: Int = 1 << 20, wantsMask: Bool = false, deaf: DeafPeer? = nil
    ) throws {
        limits = ConnectionLimits(.init(total: 1, messageMemory: memory))
        let state = FrameState(limits: limits, now: channel.eventLoop.now.uptime)
        let pipeline = channel.pipeline.syncOperations
        if let deaf { try pipeline.addHandler(deaf) }
        try pipeline.addHandler(RawInboundHandler(state: state))
        try pipeline.addHandler(
            ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: messageBytes)))
        try pipeline.addHandler(FrameRules(state: state, wantsMask: wantsMask))
        try pipeline.addHandler(
            NIOWebSocketFrameAggregator(
                minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 100,
                maxAccumulatedFrameSize: messageBytes))
        try pipeline.addHandler(
            TerminalFrameHandler(state: state, settings: .init(liveness: .init())) { [reasons] reason in
                reasons.texts.withLock { $0.append("\(reason)") }
            })
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    // Whatever a test left in the pipeline is no matter.
    deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }

    func send(_ bytes: [UInt8]) throws { try channel.writeInbound(ByteBuffer(bytes: bytes)) }

    /// Frames since the last call, `opcode:payload` in hexadecimal, a close frame's code in decimal.
    func sent() throws -> [String] {
        var frames: [String] = []
        while let frame = try channel.readOutbound(as: WebSocketFrame.self) {
            var data = frame.data
            switch frame.opcode {
            case .connectionClose:
                frames.append("close \(data.readInteger(as: UInt16.self).map(String.init) ?? "-")")
            case .ping: frames.append("ping")
            case .pong: frames.append("pong \(String(buffer: data))")
            default: frames.append(String(buffer: data))
            }
        }
        return frames
    }

    /// Whole messages since the last call. Their leases go with them.
    func messages() throws -> [String] {
        var messages: [String] = []
        while let message = try channel.readInbound(as: InboundMessage.self) {
            messages.append(String(buffer: message.bytes))
        }
        return messages
    }

    func wait(_ seconds: Int64) { channel.embeddedEventLoop.advanceTime(by: .seconds(seconds)) }
}

/// A peer that does not read: what is written stays where it is.
private final class DeafPeer: ChannelOutboundHandler {
    typealias OutboundIn = WebSocketFrame
    private var promises: [EventLoopPromise<Void>] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if let promise { promises.append(promise) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        for promise in promises { promise.fail(ChannelError.ioOnClosedChannel) }
        promises = []
    }
}

/// A client's frame, masked.
private func frame(_ opcode: UInt8, _ payload: [UInt8] = [], fin: Bool = true, masked: Bool = true) -> [UInt8]
{
    var bytes: [UInt8] = [(fin ? 0x80 : 0) | opcode]
    let bit: UInt8 = masked ? 0x80 : 0
    switch payload.count {
    case ..<126: bytes.append(bit | UInt8(payload.count))
    case ..<65_536: bytes += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
    default:
        bytes.append(bit | 127)
        bytes += (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
    }
    let key: [UInt8] = [0x11, 0x22, 0x33, 0x44]
    if masked { bytes += key }
    return bytes + payload.enumerated().map { masked ? $1 ^ key[$0 % 4] : $1 }
}
private func text(_ text: String, fin: Bool = true) -> [UInt8] { frame(0x1, Array(text.utf8), fin: fin) }
private func more(_ text: String, fin: Bool = true) -> [UInt8] { frame(0x0, Array(text.utf8), fin: fin) }
private func ping(_ text: String = "") -> [UInt8] { frame(0x9, Array(text.utf8)) }
private func close(_ code: UInt16) -> [UInt8] { frame(0x8, [UInt8(code >> 8), UInt8(code & 0xFF)]) }
/// A text frame of so many bytes, of which only a part comes.
private func part(_ count: Int, of length: Int) -> [UInt8] {
    Array(frame(0x1, [UInt8](repeating: 0x20, count: length)).prefix(count))
}

@Suite struct `Frames of a terminal` {
    @Test func `whole messages pass, fragments are put together, bytes may come singly`() throws {
        let wire = try Wire()
        try wire.send(text("a") + frame(0x2, Array("b".utf8)) + text("c", fin: false) + more("d", fin: false))
        #expect(try wire.messages() == ["a", "b"])
        for byte in more("e") { try wire.send([byte]) }
        #expect(try wire.messages() == ["cde"])
        try wire.send(frame(0x1, Array("f".utf8), masked: false))
        #expect(try wire.messages() == ["f"])
        #expect(try wire.sent().isEmpty && wire.ended.isEmpty)
    }

    @Test func `a ping is answered with its payload, also between fragments`() throws {
        let wire = try Wire()
        try wire.send(text("a", fin: false) + ping("x") + more("b") + ping())
        #expect(try wire.sent() == ["pong x", "pong "])
        #expect(try wire.messages() == ["ab"])
    }

    @Test func `a peer that pings and does not read gets no pile of pongs`() throws {
        let wire = try Wire()
        wire.channel.isWritable = false
        for _ in 1...100 { try wire.send(ping("x")) }
        #expect(try wire.sent().isEmpty)
        wire.channel.isWritable = true
        try wire.send(ping("y"))
        #expect(try wire.sent() == ["pong y"])
    }

    @Test(
        arguments: [
            ("reserved bit", [0xC1, 0x80, 0, 0, 0, 0]),
            ("reserved bit in a fragment", [0x41, 0x80, 0, 0, 0, 0]),
            ("reserved opcode", [0x83, 0x80, 0, 0, 0, 0]),
            ("continuation of nothing", [0x80, 0x80, 0, 0, 0, 0]),
            ("fragmented ping", [0x09, 0x80, 0, 0, 0, 0]),
            ("long ping", [0x89, 0xFE, 0, 126, 0, 0, 0, 0]),
            ("message within a message", text("a", fin: false) + text("b")),
        ] as [(String, [UInt8])])
    func `what breaks the standard is closed with 1002`(name: String, bytes: [UInt8]) throws {
        let wire = try Wire()
        try wire.send(bytes)
        #expect(try wire.sent() == ["close 1002"], "\(name)")
        #expect(wire.ended.count == 1)
        // The peer has two seconds to read it, however much it goes on sending; it is said once.
        for _ in 1...10 { try wire.send([0x83, 0x80, 0, 0, 0, 0]) }
        #expect(wire.channel.isActive && wire.ended.count == 1)
        wire.wait(2)
        #expect(!wire.channel.isActive)
        #expect(try wire.sent().isEmpty)
    }

    @Test func `unmasked frames can be refused, fragments and pings too`() throws {
        for bytes in [
            frame(0x1, [], masked: false), frame(0x1, [], fin: false, masked: false),
            frame(0x9, [], masked: false),
        ] {
            let wire = try Wire(wantsMask: true)
            try wire.send(bytes)
            #expect(try wire.sent() == ["close 1002"])
        }
    }

    @Test(arguments: [
        frame(0x1, [UInt8](repeating: 0x20, count: 1001)),
        Array(frame(0x1, [UInt8](repeating: 0x20, count: 70_000)).prefix(14)),
        text(String(repeating: "x", count: 600), fin: false) + more(String(repeating: "x", count: 401)),
        text("", fin: false) + (1...100).flatMap { _ in more("x", fin: false) },
    ])
    func `what is too long is closed with 1009 before all of it is here`(bytes: [UInt8]) throws {
        let wire = try Wire(messageBytes: 1000)
        try wire.send(bytes)
        #expect(try wire.sent() == ["close 1009"])
        #expect(try wire.messages().isEmpty)
        try wire.send([UInt8](repeating: 0x20, count: 1000))
        #expect(wire.channel.isActive && wire.ended == ["tooLarge"])
    }
}

@Suite struct `Memory of messages` {
    @Test func `small messages cost nothing, a large one is lent for until it is dropped`() throws {
        let wire = try Wire()
        try wire.send(part(60_000, of: 100_000))
        #expect(wire.limits.leasedMemory == 0)
        try wire.send(Array(part(100_014, of: 100_000).dropFirst(60_000).prefix(10_000)))
        #expect(wire.limits.leasedMemory == 70_000)
        try wire.send(Array(part(100_014, of: 100_000).dropFirst(70_000)))
        #expect(wire.limits.leasedMemory == 100_014)
        #expect(try wire.messages().map(\.count) == [100_000])
        #expect(wire.limits.leasedMemory == 0)
    }

    @Test func `when it is used up the terminal is asked to come again, once, and takes no more of it`()
        throws
    {
        let wire = try Wire(memory: 80_000)
        try wire.send(part(70_000, of: 200_000))
        try wire.send([UInt8](repeating: 0, count: 20_000))
        #expect(try wire.sent() == ["close 1013"])
        for _ in 1...10 { try wire.send([UInt8](repeating: 0, count: 20_000)) }
        #expect(wire.ended == ["memory"])
        #expect(wire.limits.leasedMemory == 70_000)
        wire.wait(2)
        #expect(!wire.channel.isActive)
        #expect(wire.limits.leasedMemory == 0)
    }

    @Test func `a connection that ends gives it back`() throws {
        let wire = try Wire()
        try wire.send(part(70_000, of: 100_000))
        #expect(wire.limits.leasedMemory == 70_000)
        try wire.channel.close().wait()
        #expect(wire.limits.leasedMemory == 0)
    }

    @Test func `pings take none of it, whatever their number`() throws {
        let wire = try Wire(memory: 1000)
        for _ in 1...20_000 { try wire.send(ping("still here")) }
        #expect(wire.limits.leasedMemory == 0 && wire.ended.isEmpty && wire.channel.isActive)
    }

    /// Each fragment keeps the buffer that it came in, pings and all.
    @Test func `pings between fragments are counted`() throws {
        let wire = try Wire(memory: 100_000)
        try wire.send(text("a", fin: false))
        for _ in 1...20_000 where wire.ended.isEmpty { try wire.send(ping("still here")) }
        #expect(wire.ended == ["memory"])
    }
}

@Suite struct `Closing a connection` {
    @Test(arguments: [close(1000), close(1001), frame(0x8)])
    func `the peer's close frame is answered with its code`(bytes: [UInt8]) throws {
        let wire = try Wire()
        try wire.send(bytes)
        #expect(
            try wire.sent() == [bytes.count > 6 ? "close \(bytes == close(1000) ? 1000 : 1001)" : "close -"])
        #expect(!wire.channel.isActive)
        #expect(wire.ended.isEmpty)
    }

    @Test func `ours waits for the peer's, two seconds at the most, and nothing follows it`() throws {
        for answers in [true, false] {
            let wire = try Wire()
            try wire.channel.writeOutbound(OutboundMessage.text(ByteBuffer(string: "before")))
            try wire.channel.writeOutbound(OutboundMessage.close(.policyViolation))
            try wire.channel.writeOutbound(OutboundMessage.text(ByteBuffer(string: "after")))
            try wire.channel.writeOutbound(OutboundMessage.close(.normalClosure))
            try wire.send(text("unheard") + ping())
            #expect(try wire.sent() == ["before", "close 1008"])
            #expect(try wire.messages().isEmpty)
            #expect(wire.channel.isActive)
            if answers { try wire.send(close(1008)) } else { wire.wait(2) }
            #expect(!wire.channel.isActive)
        }
    }

    @Test func `a peer that closes and does not read the answer is let go all the same`() throws {
        let wire = try Wire(deaf: DeafPeer())
        try wire.send(close(1000))
        #expect(wire.channel.isActive)
        wire.wait(2)
        #expect(!wire.channel.isActive)
    }

    @Test func `a stopping server says 1001, once`() throws {
        let wire = try Wire()
        wire.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        wire.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(try wire.sent() == ["close 1001"])
        #expect(wire.ended == ["stopping"])
        wire.wait(2)
        #expect(!wire.channel.isActive)
    }

    @Test func `a peer that hung up or was reset has nothing more to hear`() throws {
        let hungUp = try Wire()
        hungUp.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!hungUp.channel.isActive)
        let reset = try Wire()
        reset.channel.pipeline.fireErrorCaught(IOError(errnoCode: 104, reason: "reset"))
        #expect(!reset.channel.isActive)
        #expect(try hungUp.sent().isEmpty && reset.sent().isEmpty)
        #expect(hungUp.ended.isEmpty && reset.ended.isEmpty)
    }
}

@Suite struct `Time on the wire` {
    @Test func `who says nothing after the handshake is dropped after a minute`() throws {
        let wire = try Wire()
        wire.wait(59)
        for _ in 1...3 { try wire.send(ping()) }
        #expect(wire.channel.isActive && wire.ended.isEmpty)
        wire.wait(11)
        #expect(try wire.sent().last == "close 1001")
        #expect(wire.ended.count == 1)
    }

    @Test func `a silent terminal is pinged, and given up after ninety seconds`() throws {
        let wire = try Wire()
        try wire.send(text("reg"))
        wire.wait(20)
        #expect(try wire.sent() == ["ping"])
        try wire.send(frame(0xA))
        wire.wait(80)
        #expect(try wire.sent() == ["ping", "ping", "ping", "ping"])
        #expect(wire.ended.isEmpty)
        wire.wait(10)
        #expect(try wire.sent() == ["close 1001"])
        wire.wait(2)
        #expect(!wire.channel.isActive)
    }

    @Test func `pongs and pings keep it for ever, and no time is left running afterwards`() throws {
        let wire = try Wire()
        try wire.send(text("reg"))
        for _ in 1...500 {
            wire.wait(20)
            try wire.send(frame(0xA) + ping())
        }
        #expect(wire.channel.isActive && wire.ended.isEmpty)
        try wire.channel.close().wait()
        let before = try wire.sent().count
        wire.wait(1000)
        #expect(before > 0)
        #expect(try wire.sent().isEmpty)
    }

    @Test func `a message that comes byte by byte is given up after five minutes`() throws {
        let wire = try Wire()
        try wire.send(text("reg"))
        for byte in part(320, of: 1000) where wire.ended.isEmpty {
            wire.wait(1)
            try wire.send([byte])
        }
        #expect(wire.ended.count == 1)
        #expect(try wire.sent().last == "close 1001")
    }

    @Test func `so is one in fragments, whatever stands between them`() throws {
        let wire = try Wire()
        try wire.send(text("reg") + text("{", fin: false))
        for _ in 1...20 where wire.ended.isEmpty {
            wire.wait(19)
            try wire.send(ping() + more(" ", fin: false))
        }
        #expect(wire.ended.count == 1)
    }
}
