import AttendanceCore
import AttendanceSimulation
import Foundation
import NIOCore
import Testing

@Suite struct `The wire` {
    @Test(
        .timeLimit(.minutes(10)),
        arguments: [(bytes: 300, fragments: 1), (300, 7), (100_000, 50), (8_000_000, 1), (8_000_000, 2000)])
    func `messages up to the limit come through, whole or in fragments`(bytes: Int, fragments: Int)
        async throws
    {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            let text = Self.log(photo: bytes)
            try await terminal.send(
                Array(text.utf8), opcode: fragments % 2 == 0 ? .text : .binary, fragments: fragments)
            #expect(try await terminal.answer(to: "sendlog").isSuccess)
            #expect(try await gateway.journal().count == 1)
            #expect(try await gateway.journal().first?.raw.count ?? 0 < 400)
        }
    }

    @Test(.timeLimit(.minutes(10)), arguments: [1, 20])
    func `a message over the limit is closed with 1009`(fragments: Int) async throws {
        try await withGateway(["Server.MaxMessageBytes=64 KiB"]) { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            // The gateway may hang up before all of it is written.
            try? await terminal.send(Array(Self.log(photo: 70_000).utf8), fragments: fragments)
            #expect(await terminal.waitUntilClosed() == 1009)
            #expect(try await gateway.journal().isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `more fragments than the limit are closed with 1009`() async throws {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try? await terminal.send(Array(Self.log(photo: 10_000).utf8), fragments: 5000)
            #expect(await terminal.waitUntilClosed() == 1009)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `unmasked frames are taken unless the settings refuse them`()
        async throws
    {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.sendUnmasked(#"{"cmd":"reg","sn":"ZX01"}"#)
            #expect(try await terminal.answer(to: "reg").isSuccess)
        }
        try await withGateway(["Server.AcceptUnmaskedFrames=no"]) { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.sendUnmasked(#"{"cmd":"reg","sn":"ZX01"}"#)
            #expect(await terminal.waitUntilClosed() == 1002)
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (name: "reserved bit", bytes: [0xC1, 0x80, 0, 0, 0, 0] as [UInt8]),
            ("reserved opcode", [0x83, 0x80, 0, 0, 0, 0]),
            ("continuation of nothing", [0x80, 0x80, 0, 0, 0, 0]),
            ("fragmented ping", [0x09, 0x80, 0, 0, 0, 0]),
        ])
    func `frames against the standard are closed with 1002`(name: String, bytes: [UInt8]) async throws {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try await terminal.sendRaw(bytes)
            #expect(await terminal.waitUntilClosed() == 1002, "\(name)")
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `bytes that are no UTF-8 are closed with 1007, in a name they are forgiven`() async throws {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            var good = Array(#"{"cmd":"sendlog","record":[{"enrollid":7,"name":"Jos"#.utf8)
            good += [0xC3] + Array(#"","time":"\#(wallNow(-60))"}]}"#.utf8)
            try await terminal.send(good)
            #expect(try await terminal.answer(to: "sendlog").isSuccess)
            try await terminal.send([0x7B, 0xC3, 0x28, 0x7D])
            #expect(await terminal.waitUntilClosed() == 1007)
            #expect(try await gateway.gateway.store.quarantine(after: 0, limit: 10).count == 1)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `pings are answered with their payload`() async throws {
        try await withGateway { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.ping(Array("payload".utf8))
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a silent terminal is pinged, and one that does not answer is dropped`() async throws {
        try await withGateway(["Server.PingSeconds=1", "Server.SilenceSeconds=5"]) { gateway in
            let alive = try await gateway.connect("ZX01")
            try await alive.register()
            let dead = try await gateway.connect("ZX02")
            try await dead.register()
            try await dead.goSilent()
            try await eventually { gateway.gateway.presence.count == 1 }
            #expect(alive.pingsAnswered >= 1)
            #expect(try await alive.ask("checklive").isSuccess)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `who never says a word is dropped`() async throws {
        try await withGateway(["Server.FirstMessageSeconds=1", "Server.HandshakeSeconds=1"]) { gateway in
            let mute = try await gateway.connect("ZX01")
            #expect(await mute.waitUntilClosed() == 1001)
            let idle = try await RawConnection.open(port: gateway.port)
            #expect(try await idle.waitUntilClosed())
            let slow = try await RawConnection.open(port: gateway.port)
            try await slow.write("GET /pub/chat HTTP/1.1\r\nHost: x\r\nUpgr")
            #expect(try await slow.waitUntilClosed())
        }
    }

    @Test(.timeLimit(.minutes(10))) func `the newest connection of a serial wins`() async throws {
        try await withGateway { gateway in
            let old = try await gateway.connect("ZX01")
            try await old.register()
            let new = try await gateway.connect("zx01")
            try await new.register()
            #expect(await old.waitUntilClosed() == 1000)
            #expect(try await new.ask("checklive").isSuccess)
            #expect(gateway.gateway.presence.count == 1)
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a graceful stop says 1001 to terminals and loses nothing acknowledged`() async throws {
        let folder = try TemporaryFolder()
        let terminal = try await withGateway(folder: folder) { gateway in
            let terminal = try await gateway.connect("ZX01")
            try await terminal.register()
            try await terminal.sendLog([.tfs(1, at: wallNow(-60))])
            return terminal
        }
        #expect(await terminal.waitUntilClosed() == 1001)
        try await withGateway(folder: folder) { gateway in
            let kept = try await gateway.journal().count
            #expect(kept == 1)
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            "GET /pub/chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
            "GET /pub/chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            "POST /pub/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            "NONSENSE\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "y", count: 9_000))\r\n\r\n",
        ])
    func `malformed handshakes get a clear answer and cost nothing`(request: String) async throws {
        try await withGateway { gateway in
            let connection = try await RawConnection.open(port: gateway.port)
            try await connection.write(request)
            let answer = try await connection.readUntilClosed()
            #expect(
                answer.hasPrefix("HTTP/1.1 400") || answer.hasPrefix("HTTP/1.1 431"), "\(answer.prefix(80))")
            #expect(try await gateway.http("/health").status == 200)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a body over the limit ends the connection`() async throws {
        try await withGateway { gateway in
            let connection = try await RawConnection.open(port: gateway.port)
            try await connection.write(
                "POST /pub/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")
            // The gateway may hang up before all of it is written.
            for _ in 0..<100 { try? await connection.write(String(repeating: "x", count: 10_000)) }
            await #expect(throws: Never.self) {
                do { _ = try await connection.readUntilClosed() } catch is IOError {}
            }
            #expect(try await gateway.http("/health").status == 200)
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a secret path stands in no log, however it is asked for`()
        async throws
    {
        try await withGateway(["Server.SecretPath=/gate-8f3ka02m"]) { gateway in
            try await gateway.connect("ZX01", path: "/gate-8f3ka02m").register()
            _ = try await gateway.http("/gate-8f3ka02m")
            try await eventually {
                try String(contentsOfFile: gateway.folder + "/logs/attendance.log", encoding: .utf8)
                    .contains("terminal registered")
            }
            let log = try String(contentsOfFile: gateway.folder + "/logs/attendance.log", encoding: .utf8)
            #expect(log.contains("terminal connected"))
            #expect(!log.contains("8f3ka02m"))
        }
    }

    @Test(.timeLimit(.minutes(10))) func `header names in any letter case and any path upgrade`() async throws
    {
        try await withGateway { gateway in
            let connection = try await RawConnection.open(port: gateway.port)
            try await connection.write(
                "GET /ws/tm20/?a=b HTTP/1.1\r\nHOST: x\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n"
                    + "sec-websocket-version: 13\r\nSEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            #expect(try await connection.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101"))
        }
    }

    /// A punch with a photo of so many bytes.
    private static func log(photo bytes: Int) -> String {
        let photo = String(repeating: "QUJD", count: max(0, bytes - 200) / 4)
        return
            #"{"cmd":"sendlog","sn":"ZX01","count":1,"logindex":0,"record":[{"enrollid":7,"time":"\#(wallNow(-60))","image":"\#(photo)"}]}"#
    }
}
