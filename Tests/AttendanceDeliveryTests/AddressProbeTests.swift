import AttendanceCore
import AttendanceDelivery
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@Suite(.timeLimit(.minutes(10))) struct `Looking at an address` {
    private static let now = UnixTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))

    private func probe(
        _ address: String, limit: Duration = .seconds(10), trusting: [NIOSSLCertificate] = []
    ) throws -> AddressProbe {
        let url = try #require(URL(string: address))
        return try #require(AddressProbe(url, limit: limit, trusting: trusting))
    }

    @Test(arguments: ["ftp://erp.test", "https://", "erp.test", "mailto:a@b"])
    func `is none`(_ address: String) {
        #expect(URL(string: address).flatMap { AddressProbe($0) } == nil)
    }

    @Test func `names are resolved, or the reason is told`() async throws {
        #expect(try await probe("http://127.0.0.1:8080").addresses().get() == ["127.0.0.1"])
        #expect(try await probe("https://[::1]").addresses().get() == ["::1"])
        let missing = await (try probe("https://no-such-host.invalid")).addresses()
        guard case .failure(let failure) = missing else { throw Unexpected() }
        #expect(failure.reason.contains("no-such-host.invalid cannot be resolved"))
    }

    @Test func `a port that is closed refuses, one that is open is connected to`() async throws {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = server.localAddress?.port ?? 0
        #expect(try await probe("http://127.0.0.1:\(port)").connect().get() == "127.0.0.1")
        try await server.close()
        let closed = await (try probe("http://127.0.0.1:\(port)")).connect()
        guard case .failure(let failure) = closed else { throw Unexpected() }
        #expect(failure.reason.contains("refused"))
    }

    @Test func `a certificate that has ended is told with its day, whoever signed it`() async throws {
        try await withServer(.init(from: "20200101000000Z", until: "20210101000000Z")) { port, authority in
            let certificate = try await probe("https://127.0.0.1:\(port)", trusting: authority)
                .certificate(now: Self.now).get()
            #expect(certificate.trouble == .expired)
            #expect(WallTime(seconds: certificate.notAfter.seconds) == WallTime("2021-01-01 00:00:00"))
            #expect(certificate.names == ["erp.test", "127.0.0.1"])
            // The same server at a time when its certificate held, and before that.
            let then = try await probe("https://127.0.0.1:\(port)", trusting: authority)
                .certificate(now: UnixTime(seconds: 0)).get()
            #expect(then.trouble == .notYetValid)
        }
    }

    @Test func `a certificate nobody has signed is untrusted, and trusted by whoever knows it`() async throws
    {
        try await withServer(.init()) { port, authority in
            let stranger = try await probe("https://127.0.0.1:\(port)").certificate(now: Self.now).get()
            guard case .untrusted = stranger.trouble else { throw Unexpected() }
            let known = try await probe("https://127.0.0.1:\(port)", trusting: authority)
                .certificate(now: Self.now).get()
            #expect(known.trouble == nil)
        }
    }

    @Test func `a certificate for another name is told as such`() async throws {
        try await withServer(.init(names: "DNS:other.test")) { port, authority in
            let certificate = try await probe("https://localhost:\(port)", trusting: authority)
                .certificate(now: Self.now).get()
            #expect(certificate.trouble == .otherName)
            #expect(certificate.names == ["other.test"])
        }
    }

    @Test func `a server that speaks no TLS, or nothing at all, ends the look`() async throws {
        for words in ["HTTP/1.1 400 Bad Request\r\n\r\n", ""] {
            let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Greeter(words: words))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let port = server.localAddress?.port ?? 0
            let probe = try probe("https://127.0.0.1:\(port)", limit: .milliseconds(300))
            let answer = await probe.certificate(now: Self.now)
            guard case .failure(let failure) = answer else { throw Unexpected() }
            #expect(failure.reason.contains("TLS handshake"))
            try await server.close()
        }
    }

    // MARK: A server

    private struct Unexpected: Error {}

    private struct Wanted {
        var names = "DNS:erp.test,IP:127.0.0.1"
        var from = "20240101000000Z"
        var until = "20990101000000Z"
    }

    /// A TLS server with a certificate of its own, made by openssl; `body` gets its port and the certificate.
    private func withServer(
        _ wanted: Wanted, _ body: (Int, [NIOSSLCertificate]) async throws -> Void
    ) async throws {
        let folder = NSTemporaryDirectory() + "probe-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        // A left-over in the temporary folder is no reason to fail a test.
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await Self.makeCertificate(in: folder, wanted)
        let chain = try NIOSSLCertificate.fromPEMFile(folder + "/certificate.pem")
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: folder + "/key.pem", format: .pem))))
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(server.localAddress?.port ?? 0, chain)
            try await server.close()
        } catch {
            try await server.close()
            throw error
        }
    }

    private static func makeCertificate(in folder: String, _ wanted: Wanted) async throws {
        let configuration = """
            [ca]
            default_ca = own
            [own]
            database = \(folder)/index.txt
            new_certs_dir = \(folder)
            serial = \(folder)/serial
            default_md = sha256
            policy = any
            x509_extensions = server
            [any]
            commonName = supplied
            [server]
            subjectAltName = \(wanted.names)
            basicConstraints = critical, CA:TRUE
            [req]
            distinguished_name = name
            [name]
            """
        for (file, text) in [("openssl.cnf", configuration), ("index.txt", ""), ("serial", "01\n")] {
            try text.write(toFile: "\(folder)/\(file)", atomically: true, encoding: .utf8)
        }
        try await openssl([
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            "\(folder)/key.pem", "-out", "\(folder)/request.pem", "-subj", "/CN=erp.test", "-config",
            "\(folder)/openssl.cnf",
        ])
        try await openssl([
            "ca", "-batch", "-selfsign", "-config", "\(folder)/openssl.cnf", "-keyfile", "\(folder)/key.pem",
            "-in", "\(folder)/request.pem", "-out", "\(folder)/certificate.pem", "-notext", "-startdate",
            wanted.from, "-enddate", wanted.until,
        ])
    }

    private static func openssl(_ arguments: [String]) async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        let status = try await withCheckedThrowingContinuation {
            (end: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { end.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { end.resume(throwing: error) }
        }
        try #require(status == 0)
    }
}

/// Says something to whoever connects, and nothing more.
private final class Greeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let words: String
    init(words: String) { self.words = words }

    func channelActive(context: ChannelHandlerContext) {
        if !words.isEmpty {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: words)), promise: nil)
        }
        context.fireChannelActive()
    }
}
