import AttendanceCore
import AttendanceDelivery
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@Suite struct CertificateWatchTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func openssl(_ arguments: String..., in folder: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments.flatMap { $0.split(separator: " ").map(String.init) }
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments)")
    }

    /// An authority (`ca.pem`) and a certificate of it for localhost and 127.0.0.1 (`server.pem`, `server.key`).
    ///
    /// - Parameter dates: what `openssl ca` takes: `-days 30`, or start and end as YYMMDDHHMMSSZ.
    private func makeCertificates(
        _ dates: String, name: String = "DNS:localhost,IP:127.0.0.1", in folder: String
    ) throws {
        try """
        [ca]
        default_ca = own
        [own]
        database = index.txt
        new_certs_dir = .
        serial = serial
        default_md = sha256
        policy = anything
        x509_extensions = server
        [anything]
        commonName = supplied
        [server]
        subjectAltName = \(name)
        """.write(toFile: folder + "/ca.cnf", atomically: true, encoding: .utf8)
        try "".write(toFile: folder + "/index.txt", atomically: true, encoding: .utf8)
        try "01\n".write(toFile: folder + "/serial", atomically: true, encoding: .utf8)
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        try openssl("req -x509 \(key) -keyout ca.key -out ca.pem -days 30 -subj /CN=Test", in: folder)
        try openssl("req \(key) -keyout server.key -out server.csr -subj /CN=server", in: folder)
        try openssl(
            "ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in server.csr -out server.pem -notext \(dates)",
            in: folder)
    }

    /// A server that shows the certificate, and nothing else.
    private func withServer<Value>(
        in folder: String, _ body: (CertificateWatch.Server) async throws -> Value
    ) async throws -> Value {
        let chain = try NIOSSLCertificate.fromPEMFile(folder + "/server.pem").map {
            NIOSSLCertificateSource.certificate($0)
        }
        let key = try NIOSSLPrivateKey(file: folder + "/server.key", format: .pem)
        let context = try NIOSSLContext(
            configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
        return try await listening(body) { channel in
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }
    }

    private func listening<Value>(
        _ body: (CertificateWatch.Server) async throws -> Value,
        with initializer: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> Value {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try initializer(channel) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(server.localAddress?.port)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(Self.server("localhost", port)))
        } catch {
            result = .failure(error)
        }
        try await server.close().get()
        return try result.get()
    }

    private static func server(_ host: String, _ port: Int) throws -> CertificateWatch.Server {
        let url = try #require(URL(string: "https://\(host):\(port)/"))
        return try #require(CertificateWatch.Server(url))
    }

    private func watch(
        _ servers: [CertificateWatch.Server], trusting folder: String? = nil
    ) throws -> CertificateWatch {
        CertificateWatch(
            servers: servers,
            trusting: try folder.map { try NIOSSLCertificate.fromPEMFile($0 + "/ca.pem") } ?? [],
            logger: Self.logger)
    }

    @Test(.timeLimit(.minutes(10))) func `tells until when a trusted certificate is valid`() async throws {
        try await withFolder { folder in
            try makeCertificates("-days 30", in: folder)
            try await withServer(in: folder) { server in
                let watch = try watch([server, server], trusting: folder)
                #expect(watch.states.count == 1 && watch.states[0].state == nil)
                #expect(await watch.look())
                guard case .trusted(let until) = watch.states[0].state else {
                    Issue.record("\(watch.states)")
                    return
                }
                let left = Double(until.seconds) - Date().timeIntervalSince1970
                #expect((29.9 * 86_400...30.1 * 86_400).contains(left))
                // By its address it is the address that is verified.
                let port = try #require(server.description.split(separator: ":").last.flatMap { Int($0) })
                let byAddress = try Self.server("127.0.0.1", port)
                #expect(await watch.look(at: byAddress) == .certificate(.trusted(until: until)))
            }
        }
    }

    @Test(
        .timeLimit(.minutes(10)),
        arguments: [
            (
                "-startdate 200101000000Z -enddate 210101000000Z", "DNS:localhost", true,
                CertificateFault.expired
            ),
            ("-startdate 400101000000Z -enddate 410101000000Z", "DNS:localhost", true, .notYetValid),
            ("-days 30", "DNS:erp.example.com", true, .wrongName),
            ("-days 30", "DNS:localhost", false, .unknownAuthority),
            ("-startdate 200101000000Z -enddate 210101000000Z", "DNS:localhost", false, .expired),
        ])
    func `tells what is wrong with one that no delivery would accept`(
        dates: String, name: String, isTrusted: Bool, fault: CertificateFault
    ) async throws {
        try await withFolder { folder in
            try makeCertificates(dates, name: name, in: folder)
            try await withServer(in: folder) { server in
                let watch = try watch([server], trusting: isTrusted ? folder : nil)
                #expect(await !watch.look())
                guard case .refused(let found, let until, let reason) = watch.states[0].state else {
                    Issue.record("\(watch.states)")
                    return
                }
                #expect(found == fault)
                #expect(until != nil && (fault != .wrongName || reason.contains("erp.example.com")))
            }
        }
    }

    @Test(.timeLimit(.minutes(10))) func `a server that cannot be reached says nothing of its certificate`()
        async throws
    {
        func itself(_ server: CertificateWatch.Server) -> CertificateWatch.Server { server }
        let nobody = try await listening(itself) { _ in }
        let watch = try watch([nobody])
        guard case .unreachable(let reason) = await watch.look(at: nobody) else {
            Issue.record("reached")
            return
        }
        #expect(!reason.isEmpty)
        // One that hangs up at once.
        let look = try await listening({ server in await watch.look(at: server) }) { channel in
            try channel.pipeline.syncOperations.addHandler(HangUp())
        }
        guard case .unreachable = look else {
            Issue.record("\(look)")
            return
        }
    }

    @Test(.timeLimit(.minutes(10))) func `what was seen stays while the server is away`() async throws {
        try await withFolder { folder in
            try makeCertificates("-days 30", in: folder)
            let watch = try await withServer(in: folder) { server in
                let watch = try self.watch([server], trusting: folder)
                await watch.look()
                return watch
            }
            let state = watch.states[0].state
            #expect(state != nil)
            #expect(await !watch.look())
            #expect(watch.states[0].state == state)
        }
    }

    @Test(arguments: [
        ("https://erp.example.com/x", "erp.example.com:443"),
        ("https://erp.example.com:8443", "erp.example.com:8443"),
        ("http://erp.example.com", nil), ("HTTPS://10.0.0.1", "10.0.0.1:443"),
    ])
    func `only https addresses have one`(url: String, server: String?) throws {
        let address = try #require(URL(string: url))
        #expect(CertificateWatch.Server(address)?.description == server)
    }
}

private final class HangUp: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.close(promise: nil) }
}
