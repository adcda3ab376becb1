import AttendanceCore
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import AttendanceTerminals

/// The gate between a decoder and an upgrader that both are this test.
private final class Desk {
    let channel: EmbeddedChannel
    private let heard = Heard()

    /// Paths for which the rules were asked.
    var asked: [String] { heard.asked.withLock { $0 } }
    var malformed: Int { heard.malformed.withLock { $0 } }

    private final class Heard: Sendable {
        let asked = Mutex<[String]>([])
        let malformed = Mutex(0)
    }

    init(_ verdict: AdmissionRules.Verdict = .admitted) throws {
        channel = EmbeddedChannel()
        let gate = UpgradeGate(
            admit: { [heard] head in
                heard.asked.withLock { $0.append(head.uri) }
                return verdict
            }, malformed: { [heard] in heard.malformed.withLock { $0 += 1 } })
        try channel.pipeline.syncOperations.addHandler(gate)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    deinit { _ = try? channel.finish(acceptAlreadyClosed: true) }  // whatever a test left in it is no matter

    func send(_ head: HTTPRequestHead) throws -> HTTPRequestHead? {
        try channel.writeInbound(HTTPServerRequestPart.head(head))
        guard case .head(let passed) = try channel.readInbound(as: HTTPServerRequestPart.self) else {
            return nil
        }
        return passed
    }
}

private func handshake(
    _ method: HTTPMethod = .GET, version: HTTPVersion = .http1_1, uri: String = "/pub/chat",
    with changes: [(String, String?)] = []
) -> HTTPRequestHead {
    var headers: HTTPHeaders = [
        "Host": "x", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ]
    for (name, value) in changes {
        if let value { headers.add(name: name, value: value) } else { headers.remove(name: name) }
    }
    return HTTPRequestHead(version: version, method: method, uri: uri, headers: headers)
}

@Suite struct UpgradeGateTests {
    @Test(
        arguments: [
            [],
            [("Upgrade", nil), ("UPGRADE", "WebSocket")],
            [("Upgrade", nil), ("upgrade", "h2c"), ("Upgrade", "websocket")],
            [("Upgrade", nil), ("upgrade", "h2c, websocket")],
            [("Connection", nil), ("connection", "keep-alive, UPGRADE")],
            [("Connection", nil), ("Connection", "keep-alive"), ("Connection", "upgrade")],
            [("Sec-WebSocket-Protocol", "chat"), ("Sec-WebSocket-Extensions", "permessage-deflate")],
        ] as [[(String, String?)]])
    func `a well-formed handshake passes as it is, in any letter case`(changes: [(String, String?)]) throws {
        let desk = try Desk()
        let sent = handshake(with: changes)
        #expect(try desk.send(sent) == sent)
        #expect(desk.asked == ["/pub/chat"])
        #expect(desk.malformed == 0)
    }

    @Test(arguments: [
        handshake(.POST), handshake(.HEAD), handshake(version: .http1_0),
        handshake(with: [("Sec-WebSocket-Key", nil)]), handshake(with: [("Sec-WebSocket-Key", "second")]),
        handshake(with: [("Sec-WebSocket-Version", nil)]), handshake(with: [("Sec-WebSocket-Version", "13")]),
        handshake(with: [("Sec-WebSocket-Version", nil), ("Sec-WebSocket-Version", "8")]),
        handshake(with: [("Connection", nil)]),
        handshake(with: [("Connection", nil), ("Connection", "close")]),
    ])
    func `a malformed one becomes a plain request with the reason, and is counted`(sent: HTTPRequestHead)
        throws
    {
        let desk = try Desk()
        let passed = try #require(try desk.send(sent))
        #expect(!passed.headers.contains(name: "upgrade"))
        #expect(passed.headers["connection"] == ["close"])
        #expect(passed.headers[UpgradeGate.refusalHeader].map { $0.prefix(4) } == ["400 "])
        #expect(desk.malformed == 1)
        #expect(desk.asked.isEmpty)
    }

    @Test(arguments: AdmissionRules.Refusal.allCases)
    func `a refused one carries its status to the router`(refusal: AdmissionRules.Refusal) throws {
        let desk = try Desk(.refused(refusal))
        let passed = try #require(try desk.send(handshake()))
        #expect(!passed.headers.contains(name: "upgrade"))
        #expect(
            passed.headers[UpgradeGate.refusalHeader].map { $0.prefix(4) } == ["\(refusal.status) "])
    }

    @Test(arguments: [nil, "WebSocket"] as [String?])
    func `nobody can forge the header of a refusal`(upgrade: String?) throws {
        let desk = try Desk()
        let passed = try #require(
            try desk.send(
                handshake(with: [
                    ("Upgrade", nil), ("Upgrade", upgrade), ("X-Gateway-Refusal", "200 ok"),
                    ("x-gateway-refusal", "404"),
                ])))
        #expect(!passed.headers.contains(name: UpgradeGate.refusalHeader))
    }

    @Test(arguments: ["h2c", "xwebsocket", "websocket/13", ""])
    func `what only resembles a handshake is a plain request`(upgrade: String) throws {
        let desk = try Desk()
        let passed = try #require(
            try desk.send(handshake(with: [("Upgrade", nil), ("Upgrade", upgrade)])))
        #expect(!passed.headers.contains(name: "upgrade"))
        #expect(!passed.headers.contains(name: UpgradeGate.refusalHeader))
        // And its body is one of a plain request.
        try desk.channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(string: "x")))
        #expect(desk.channel.isActive)
    }

    @Test func `a connection that began with a plain request is never upgraded`() throws {
        let desk = try Desk()
        let plain = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/health", headers: ["Host": "x"])
        #expect(try desk.send(plain) == plain)
        let passed = try #require(try desk.send(handshake()))
        #expect(!passed.headers.contains(name: "upgrade"))
        #expect(passed.headers[UpgradeGate.refusalHeader].first?.hasPrefix("400") == true)
        #expect(desk.asked.isEmpty)
    }

    @Test func `a body behind an accepted handshake ends the connection`() throws {
        let desk = try Desk()
        _ = try desk.send(handshake())
        try desk.channel.writeInbound(HTTPServerRequestPart.body(ByteBuffer(string: "x")))
        #expect(try desk.channel.readInbound(as: HTTPServerRequestPart.self) == nil)
        #expect(!desk.channel.isActive)
    }

    @Test func `bytes that are no HTTP get 400 before anything else was said`() throws {
        let desk = try Desk()
        desk.channel.pipeline.fireErrorCaught(HTTPParserError.invalidMethod)
        guard case .head(let head) = try desk.channel.readOutbound(as: HTTPServerResponsePart.self) else {
            Issue.record("no answer")
            return
        }
        #expect(head.status == .badRequest && head.headers["connection"] == ["close"])
        #expect(!desk.channel.isActive)
    }
}

@Suite struct FirstRequestGuardTests {
    private func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(handler: FirstRequestGuard(patience: .seconds(10)))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return channel
    }

    @Test func `who asks for nothing is dropped when patience ends, not before`() throws {
        let channel = try channel()
        channel.embeddedEventLoop.advanceTime(by: .seconds(9))
        #expect(channel.isActive)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive)
    }

    @Test func `once the protocol is settled it is gone`() throws {
        let channel = try channel()
        let guardian = try channel.pipeline.syncOperations.handler(type: FirstRequestGuard.self)
        channel.pipeline.syncOperations.removeHandler(guardian, promise: nil)
        channel.embeddedEventLoop.advanceTime(by: .hours(1))
        #expect(channel.isActive)
        _ = try channel.finish()
    }

    @Test func `a stopping server and a peer that hangs up end the wait at once`() throws {
        let stopping = try channel()
        stopping.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(!stopping.isActive)
        let hungUp = try channel()
        hungUp.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!hungUp.isActive)
    }
}
