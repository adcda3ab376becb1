import AttendanceCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
import Synchronization

@testable import AttendanceSimulation

/// A small server for terminals: acknowledges what they push, remembers it, and passes commands on.
final class ScriptedServer: Sendable {
    private typealias Peer = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    private struct State {
        /// Punches by serial, `enrollid time`, in the order they came; repeated ones again.
        var punches: [String: [String]] = [:]
        var users: [String: Set<UserRow>] = [:]
        var peers: [String: any Channel] = [:]
        var registration = #"{"ret":"reg","result":true,"nosenduser":false}"#
        var acknowledges = true
    }
    /// What is no push: answers to commands.
    let answers = Mailbox<ServerMessage>()
    private let state = Mutex(State())
    private let listener: NIOAsyncChannel<EventLoopFuture<Peer?>, Never>

    private init(_ listener: NIOAsyncChannel<EventLoopFuture<Peer?>, Never>) { self.listener = listener }

    var address: SimulatedTerminal.Address {
        SimulatedTerminal.Address(port: listener.channel.localAddress?.port ?? 0)
    }
    func punches(of serial: String) -> [String] { state.withLock { $0.punches[serial] ?? [] } }
    func users(of serial: String) -> Set<UserRow> { state.withLock { $0.users[serial] ?? [] } }
    var allPunches: Int { state.withLock { $0.punches.values.reduce(0) { $0 + Set($1).count } } }
    /// The answer to `reg` from now on.
    func answerRegistration(_ text: String) { state.withLock { $0.registration = text } }
    func acknowledge(_ isOn: Bool) { state.withLock { $0.acknowledges = isOn } }

    static func with<Result: Sendable>(
        _ body: @escaping @Sendable (ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture { try configure(channel) }
            }
        let server = ScriptedServer(listener)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await server.serve()
                return nil
            }
            group.addTask { try await body(server) }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
    }

    private static func configure(_ channel: any Channel) throws -> EventLoopFuture<Peer?> {
        let upgrader = NIOTypedWebSocketServerUpgrader<Peer?>(
            maxFrameSize: 1 << 22,
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture { try Peer(wrappingChannelSynchronously: channel) }
            })
        let upgrade = NIOTypedHTTPServerUpgradeConfiguration<Peer?>(
            upgraders: [upgrader],
            notUpgradingCompletionHandler: { $0.eventLoop.makeSucceededFuture(nil) })
        return try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
            configuration: .init(upgradeConfiguration: upgrade))
    }

    private func serve() async throws {
        try await listener.executeThenClose { inbound in
            try await withThrowingDiscardingTaskGroup { group in
                for try await upgrade in inbound {
                    group.addTask {
                        // A terminal that goes, however it goes, is the terminal's own affair.
                        guard let peer = try? await upgrade.get() else { return }
                        try? await self.serve(peer)
                    }
                }
            }
        }
    }

    private func serve(_ peer: Peer) async throws {
        try await peer.executeThenClose { inbound, outbound in
            for try await frame in inbound where frame.opcode == .text {
                let text = String(buffer: frame.unmaskedData)
                guard let answer = answer(to: text, from: peer.channel) else { continue }
                try await outbound.write(
                    WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: answer)))
            }
        }
    }

    private func answer(to text: String, from channel: any Channel) -> String? {
        guard let message = try? ServerMessage(text) else { return nil }
        return state.withLock { state in
            let known = state.peers.first { $0.value === channel }?.key
            let serial = message["sn"]?.text ?? known ?? ""
            switch message.command {
            case "reg":
                state.peers[serial] = channel
                return state.registration
            case "sendlog":
                guard state.acknowledges else { return nil }
                guard case .array(let records) = message["record"] else { return nil }
                state.punches[serial, default: []] += records.map(Self.key)
                return #"{"ret":"sendlog","result":true,"count":\#(records.count),"#
                    + #""logindex":\#(message["logindex"]?.integer ?? 0),"mark":true}"#
            case "senduser":
                guard let id = message["enrollid"]?.integer, let slot = message["backupnum"]?.integer else {
                    return nil
                }
                state.users[serial, default: []].insert(UserRow(id: UInt64(id), slot: Int(slot)))
                return #"{"ret":"senduser","result":true}"#
            default:
                answers.put(message)
                return nil
            }
        }
    }

    static func key(_ record: ServerMessage.Value) -> String {
        guard case .object(let record) = record else { return "" }
        return "\(record["enrollid"]?.integer ?? -1) \(record["time"]?.text ?? "")"
    }

    /// Gives a command without waiting for what comes.
    func give(_ text: String, to serial: String) {
        state.withLock { $0.peers[serial] }?
            .writeAndFlush(
                WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: text)), promise: nil)
    }

    /// Gives a command and waits for the next answer of any terminal.
    func ask(_ text: String, of serial: String) async throws -> ServerMessage {
        give(text, to: serial)
        return try await answers.next()
    }

    /// Ends every connection.
    func dropAll() {
        for peer in state.withLock({ $0.peers.values }) { peer.close(promise: nil) }
    }
}
