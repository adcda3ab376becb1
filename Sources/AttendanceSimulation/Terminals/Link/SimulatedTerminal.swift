import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization

/// One connection of a terminal to a server: dials, sends masked frames, answers pings, reads what comes.
///
/// For tests it also misbehaves on request: raw bytes, unmasked frames, silence, a reset. What a whole terminal does
/// with its memory is `AutonomousTerminal`. The connection is closed when the last reference goes.
/// Source: docs/protocol.md §1, §3, §5.
package final class SimulatedTerminal: Sendable {
    /// As it goes into messages; anything at all, since a test may want a hostile one.
    package let serial: String
    private let channel: any Channel
    private let link: TerminalLink
    private let state = Mutex(State())

    private struct State {
        /// Messages that came while an answer to something else was awaited.
        var aside: [ServerMessage] = []
        var nextLogIndex = 0
    }

    private init(serial: String, channel: any Channel, link: TerminalLink) {
        self.serial = serial
        self.channel = channel
        self.link = link
    }

    deinit { channel.close(promise: nil) }

    // MARK: Connecting

    /// Where and how a terminal dials.
    package struct Address: Sendable {
        package var host: String
        package var port: Int
        package var path: String
        /// Real terminals send none beside those of the handshake.
        package var headers: [(String, String)]
        /// Own address to dial from, such as `127.3.0.9`; nil lets the system choose.
        package var source: String?

        package init(
            host: String = "127.0.0.1", port: Int, path: String = "/pub/chat",
            headers: [(String, String)] = [], source: String? = nil
        ) {
            self.host = host
            self.port = port
            self.path = path
            self.headers = headers
            self.source = source
        }
    }

    package static func connect(
        host: String = "127.0.0.1", port: Int, path: String = "/pub/chat", headers: [(String, String)] = [],
        serial: String, seed: UInt64 = 1
    ) async throws -> SimulatedTerminal {
        try await connect(
            to: Address(host: host, port: port, path: path, headers: headers), serial: serial, seed: seed)
    }

    /// Dials and upgrades. Throws `TerminalError.unreachable`, or `.refused` when the server answers with another status
    /// than 101. `seed` decides the masking keys. At most `timeout` for each of connecting and upgrading.
    package static func connect(
        to address: Address, serial: String, seed: UInt64 = 1, timeout: Duration = .seconds(10),
        on group: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    ) async throws -> SimulatedTerminal {
        let limit = TimeAmount(timeout)
        var bootstrap = ClientBootstrap(group: group).connectTimeout(limit)
        if let source = address.source {
            bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0))
        }
        let channel: any Channel
        let upgrade: EventLoopFuture<Upgrade>
        do {
            (channel, upgrade) = try await bootstrap.connect(host: address.host, port: address.port) {
                channel in
                channel.eventLoop.makeCompletedFuture {
                    (channel, try Self.configure(channel, address: address, seed: seed))
                }
            }
        } catch {
            throw TerminalError.unreachable(Self.reason(of: error))
        }
        return try await withTaskCancellationHandler {
            let timer = channel.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
            defer { timer.cancel() }
            do {
                switch try await upgrade.get() {
                case .upgraded(let link):
                    return SimulatedTerminal(serial: serial, channel: channel, link: link)
                case .refused(let answer): throw try await answer.get()
                }
            } catch let error as TerminalError {
                channel.close(promise: nil)
                throw error
            } catch {
                // NIO reports a connection that went before it was upgraded as an operation in the wrong state.
                channel.close(promise: nil)
                throw Task.isCancelled ? CancellationError() : TerminalError.closed(code: 1006)
            }
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// What the operating system says, where NIO wraps it.
    private static func reason(of error: any Error) -> String {
        let cause = (error as? NIOConnectionError)?.connectionErrors.first?.error ?? error
        return (cause as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(cause)"
    }

    private enum Upgrade: Sendable {
        case upgraded(TerminalLink)
        case refused(EventLoopFuture<TerminalError>)
    }

    /// The pipeline of a client that asks for WebSocket. Answers what the upgrade came to.
    private static func configure(
        _ channel: any Channel, address: Address, seed: UInt64
    ) throws -> EventLoopFuture<Upgrade> {
        var generator = SeededGenerator(seed: seed)
        let upgrader = NIOTypedWebSocketClientUpgrader<Upgrade>(
            requestKey: NIOWebSocketClientUpgrader.randomRequestKey(using: &generator),
            maxFrameSize: 16 << 20, enableAutomaticErrorHandling: false
        ) { [seed = generator.next()] channel, _ in
            channel.eventLoop.makeCompletedFuture {
                let link = TerminalLink(seed: seed) { channel.read() }
                let pipeline = channel.pipeline.syncOperations
                try pipeline.addHandler(
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 0, maxAccumulatedFrameCount: 1024,
                        maxAccumulatedFrameSize: 16 << 20))
                try pipeline.addHandler(TerminalFrameHandler(link: link))
                return .upgraded(link)
            }
        }
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: address.path)
        head.headers.add(name: "Host", value: "\(address.host):\(address.port)")
        for (name, value) in address.headers { head.headers.add(name: name, value: value) }
        let upgrade = NIOTypedHTTPClientUpgradeConfiguration<Upgrade>(
            upgradeRequestHead: head, upgraders: [upgrader]
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                let refusal = channel.eventLoop.makePromise(of: TerminalError.self)
                try channel.pipeline.syncOperations.addHandler(RefusalReader(refusal: refusal))
                return .refused(refusal.futureResult)
            }
        }
        var pipeline = NIOUpgradableHTTPClientPipelineConfiguration<Upgrade>(upgradeConfiguration: upgrade)
        // A server may send its first frame in the same packet as its answer to the upgrade.
        pipeline.leftOverBytesStrategy = .forwardBytes
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(
            configuration: pipeline)
    }

    // MARK: Sending

    package func send(_ text: String) async throws { try await send(Array(text.utf8)) }

    /// One message, in as many frames as asked for (1 to the number of bytes).
    package func send(_ bytes: [UInt8], opcode: WebSocketOpcode = .text, fragments: Int = 1) async throws {
        let pieces = max(1, min(fragments, bytes.count))
        for piece in 0..<pieces {
            let part = bytes[bytes.count * piece / pieces..<bytes.count * (piece + 1) / pieces]
            let frame = WebSocketFrame(
                fin: piece == pieces - 1, opcode: piece == 0 ? opcode : .continuation,
                maskKey: link.maskKey(),
                data: ByteBuffer(bytes: part))
            try await write(frame)
        }
    }

    /// A frame without a mask, which a client must not send and the vendor's own server takes (docs/protocol.md §3.3).
    package func sendUnmasked(_ text: String) async throws {
        try await write(WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text)))
    }

    /// Bytes as they are, below the WebSocket layer: half frames, reserved bits, nonsense.
    package func sendRaw(_ bytes: [UInt8]) async throws {
        let channel = channel
        let written: EventLoopFuture<Void> = channel.eventLoop.flatSubmit {
            let promise = channel.eventLoop.makePromise(of: Void.self)
            do {
                let context = try channel.pipeline.syncOperations.context(
                    handlerType: WebSocketFrameEncoder.self)
                context.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: promise)
            } catch {
                promise.fail(error)
            }
            return promise.futureResult
        }
        try await closedWhenGone { try await written.get() }
    }

    /// Sends a ping and waits for the pong that carries the same bytes (at most 125).
    package func ping(_ payload: [UInt8] = []) async throws {
        try await write(
            WebSocketFrame(
                fin: true, opcode: .ping, maskKey: link.maskKey(), data: ByteBuffer(bytes: payload)))
        while try await link.pongs.next() != payload {}
    }

    /// How many pings of the server were answered.
    package var pingsAnswered: Int { link.pings }

    private func write(_ frame: WebSocketFrame) async throws {
        try await closedWhenGone { try await channel.writeAndFlush(frame) }
    }

    /// Writing to a connection that is gone says how it went, instead of what the socket thinks of it.
    private func closedWhenGone(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            throw closeCode.map(TerminalError.closed) ?? error
        }
    }

    // MARK: Receiving

    /// The next message, as text (broken UTF-8 replaced). Throws `TerminalError.closed` when there will be none.
    package func receive() async throws -> String {
        if let message = takeAside() { return message.text }
        return try await link.messages.next()
    }

    /// The next message, read. Throws `TerminalError.notJSON` when the server sent anything but a strict object.
    package func receiveMessage() async throws -> ServerMessage {
        if let message = takeAside() { return message }
        return try ServerMessage(try await link.messages.next())
    }

    /// Waits for the answer to `word`. Other messages that come meanwhile are kept for `receive`.
    package func answer(to word: String) async throws -> ServerMessage {
        if let message = takeAside(where: { $0.answeredWord == word }) { return message }
        while true {
            let message = try ServerMessage(try await link.messages.next())
            if message.answeredWord == word { return message }
            state.withLock { $0.aside.append(message) }
        }
    }

    private func takeAside(where matches: (ServerMessage) -> Bool = { _ in true }) -> ServerMessage? {
        state.withLock { state in
            state.aside.firstIndex(where: matches).map { state.aside.remove(at: $0) }
        }
    }

    // MARK: What terminals say

    /// Sends `text` and takes the next message as its answer, whatever it is.
    package func exchange(_ text: String) async throws -> ServerMessage {
        try await send(text)
        return try await receiveMessage()
    }

    /// Sends `reg` and waits for its answer. `deviceInfo` is the `devinfo` object as JSON.
    @discardableResult
    package func register(deviceInfo: String = TerminalWords.deviceInfo()) async throws -> ServerMessage {
        try await send(TerminalWords.registration(serial: serial, deviceInfo: deviceInfo))
        return try await answer(to: "reg")
    }

    /// Sends a batch and waits for its acknowledgement. The batch takes the connection's next `logindex`, from 0 on,
    /// unless one is given.
    @discardableResult
    package func sendLog(_ records: [SimulatedRecord], logIndex: Int? = nil) async throws -> ServerMessage {
        let index = logIndex ?? nextLogIndex()
        try await send(TerminalWords.log(serial: serial, logIndex: index, records: records.map(\.json)))
        return try await answer(to: "sendlog")
    }

    /// Sends a command without further fields (`heartbeat`, `checklive`) and waits for its answer.
    @discardableResult
    package func ask(_ word: String) async throws -> ServerMessage {
        try await send("{\"cmd\":\(quoted(word)),\"sn\":\(quoted(serial))}")
        return try await answer(to: word)
    }

    /// Sends `heartbeat` and does not wait for its answer.
    package func sendHeartbeat() async throws {
        try await send("{\"cmd\":\"heartbeat\",\"sn\":\(quoted(serial))}")
    }

    /// The number the next batch of this connection takes: 0, 1, 2 …
    package func nextLogIndex() -> Int {
        state.withLock { state in
            defer { state.nextLogIndex += 1 }
            return state.nextLogIndex
        }
    }

    // MARK: Ending

    /// Nil while the connection is open; then the close code the server sent, 1005 when its close frame had none, 1006
    /// when the connection ended without one.
    package var closeCode: Int? { link.closeCode }

    /// Sends a close frame and waits until the connection is gone. The server has to hang up.
    package func close(code: Int = 1000) async throws {
        try await sendClose(code: code)
        await waitUntilClosed()
    }

    /// Sends a close frame and does not wait.
    package func sendClose(code: Int = 1000) async throws {
        var data = ByteBuffer()
        data.writeInteger(UInt16(truncatingIfNeeded: code))
        try await write(
            WebSocketFrame(fin: true, opcode: .connectionClose, maskKey: link.maskKey(), data: data))
    }

    /// Waits until the connection is gone and answers its close code. Messages not taken yet stay.
    @discardableResult
    package func waitUntilClosed() async -> Int {
        let gone = channel.eventLoop.makePromise(of: Void.self)
        channel.closeFuture.cascade(to: gone)
        // `closeFuture` never fails; cancelling the wait closes the connection, which ends it.
        await withTaskCancellationHandler {
            _ = try? await gone.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
        return closeCode ?? 1006
    }

    /// Ends the connection by a reset: no close frame, no orderly end of TCP.
    package func abort() async {
        // Both fail only when the connection is already gone, which is what is wanted.
        if let socket = channel as? any SocketOptionProvider {
            try? await socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        }
        try? await channel.close().get()
    }

    /// Sends a message and does not wait until it is out; messages keep their order. Nothing happens when the
    /// connection is gone.
    func post(_ text: String) {
        let frame = WebSocketFrame(
            fin: true, opcode: .text, maskKey: link.maskKey(), data: ByteBuffer(string: text))
        channel.writeAndFlush(frame, promise: nil)
    }

    /// `abort` without waiting for it.
    func reset() {
        let channel = channel
        channel.eventLoop.execute {
            guard let socket = channel as? any SocketOptionProvider else {
                return channel.close(promise: nil)
            }
            socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in
                channel.close(promise: nil)
            }
        }
    }

    /// From now on the terminal neither reads nor answers, and the connection stays: Wi-Fi lost, power cut.
    package func goSilent() async throws {
        try await channel.triggerUserOutboundEvent(TerminalFrameHandler.Silence(isOn: true)).get()
    }

    /// Ends `goSilent`: everything the server sent meanwhile is read.
    package func speakAgain() async throws {
        try await channel.triggerUserOutboundEvent(TerminalFrameHandler.Silence(isOn: false)).get()
    }
}
