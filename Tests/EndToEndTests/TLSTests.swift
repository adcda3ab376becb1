import AsyncHTTPClient
import AttendanceCore
import AttendanceGateway
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// TLS on the console and on terminals' ports, from files that are replaced while it runs.
@Suite(.timeLimit(.minutes(10))) struct TLSTests {
    @Test func `the console speaks TLS and HTTP/2 alone, and marks its cookies secure`() async throws {
        let folder = try TemporaryFolder()
        let files = try Certificate.make("console", in: folder.path)
        try await withGateway(
            ["Console.TLSCertificateFile=\(files.chain)", "Console.TLSKeyFile=\(files.key)"], folder: folder
        ) { gateway in
            let port = try await gateway.consolePort()
            let client = try Certificate.client(trusting: files.chain)
            let response = try await client.execute(
                HTTPClientRequest(url: "https://localhost:\(port)/sign-in"), timeout: .seconds(20))
            #expect(response.status == .ok)
            #expect(response.version == .http2)
            #expect(response.headers.first(name: "Set-Cookie")?.hasSuffix("; Secure") == true)
            #expect(response.headers.contains(name: "Strict-Transport-Security"))
            await #expect(throws: (any Error).self) {
                try await client.execute(
                    HTTPClientRequest(url: "http://localhost:\(port)/sign-in"), timeout: .seconds(20))
            }
            try await client.shutdown()
        }
    }

    @Test func `a terminals' port with a certificate takes terminals over TLS`() async throws {
        let folder = try TemporaryFolder()
        let files = try Certificate.make("terminals", in: folder.path)
        try await withGateway(
            ["Server.TLSCertificateFile=\(files.chain)", "Server.TLSKeyFile=\(files.key)"], folder: folder
        ) { gateway in
            let client = try Certificate.client(trusting: files.chain)
            let response = try await client.execute(
                HTTPClientRequest(url: "https://localhost:\(gateway.port)/health"), timeout: .seconds(20))
            #expect(response.status == .ok)
            try await client.shutdown()
        }
    }

    @Test func `a certificate that is replaced is used by the next connection`() async throws {
        let folder = try TemporaryFolder()
        let files = try Certificate.make("first", in: folder.path)
        let certificate = try ServingCertificate(
            .init(chain: files.chain, key: files.key), every: .milliseconds(20), logger: .init(label: "test"))
        let task = Task { try await certificate.run() }
        defer { task.cancel() }
        let secure = try certificate.handler()
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try secure(channel) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = server.localAddress?.port ?? 0
        let before = try await Certificate.served(at: port)
        let second = try Certificate.make("second", in: folder.path)
        try FileManager.default.removeItem(atPath: files.key)
        try FileManager.default.copyItem(atPath: second.key, toPath: files.key)
        // Only half replaced: the last good pair stays.
        #expect(try await Certificate.served(at: port) == before)
        try FileManager.default.removeItem(atPath: files.chain)
        try FileManager.default.copyItem(atPath: second.chain, toPath: files.chain)
        try await eventually { try await Certificate.served(at: port) != before }
        try await server.close()
    }

    @Test func `a certificate that cannot be read is named, and nothing is started`() async throws {
        let folder = try TemporaryFolder()
        let error = await #expect(throws: CertificateTrouble.self) {
            try await withGateway(
                [
                    "Server.TLSCertificateFile=\(folder.path)/none.crt",
                    "Server.TLSKeyFile=\(folder.path)/none.key",
                ],
                folder: folder
            ) { _ in }
        }
        #expect(error?.localizedDescription.contains("none.crt") == true)
    }
}

private enum Certificate {
    /// A fresh self-signed pair by openssl, which every machine of ours has.
    static func make(_ name: String, in folder: String) throws -> Settings.CertificateFiles {
        let files = Settings.CertificateFiles(chain: "\(folder)/\(name).crt", key: "\(folder)/\(name).key")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
            files.key,
            "-out", files.chain,
        ]
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return files
    }

    static func client(trusting chain: String) throws -> HTTPClient {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.trustRoots = .file(chain)
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: .init(tlsConfiguration: tls))
    }

    /// The certificate that a server shows, as DER.
    static func served(at port: Int) async throws -> [UInt8] {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        let context = try NIOSSLContext(configuration: tls)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        NIOSSLClientHandler(context: context, serverHostname: nil))
                    return channel
                }
            }
        var shown: [UInt8] = []
        // The handshake needs a moment, of which nothing tells but its result.
        try await eventually {
            shown = try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self).peerCertificate?
                    .toDERBytes() ?? []
            }.get()
            return !shown.isEmpty
        }
        try await channel.close()
        return shown
    }
}
