import AttendanceCore
import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// Who answers at an address, one step at a time: the name, the connection, the certificate. Sends nothing but a TLS
/// handshake.
package struct AddressProbe: Sendable {
    /// Why a step failed: one line for an operator.
    package struct Failure: Error, Hashable, Sendable {
        package var reason: String
    }

    /// A server's certificate, and whether a client would trust it.
    package struct Certificate: Hashable, Sendable {
        package enum Trouble: Hashable, Sendable {
            case expired
            case notYetValid
            /// It is made out to other names.
            case otherName
            /// Nobody this machine trusts has signed it; the text is the library's.
            case untrusted(String)
        }
        package var notBefore: UnixTime
        package var notAfter: UnixTime
        /// DNS names and addresses it is made out to, at most 20.
        package var names: [String]
        /// Nil when a client would accept it now.
        package var trouble: Trouble?

        package init(
            notBefore: UnixTime, notAfter: UnixTime, names: [String] = [], trouble: Trouble? = nil
        ) {
            self.notBefore = notBefore
            self.notAfter = notAfter
            self.names = names
            self.trouble = trouble
        }
    }

    package let host: String
    package let port: Int
    package let isEncrypted: Bool
    private let limit: TimeAmount
    private let group: any EventLoopGroup
    private let trusting: [NIOSSLCertificate]

    /// Nil for an address that is neither `http` nor `https` or has no host.
    ///
    /// - `limit`: for each step.
    /// - `trusting`: authorities beside those of the machine.
    package init?(
        _ url: URL, limit: Duration = .seconds(10),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, trusting: [NIOSSLCertificate] = []
    ) {
        guard let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https",
            let host = url.host(percentEncoded: false), !host.isEmpty
        else { return nil }
        isEncrypted = scheme == "https"
        // A literal IPv6 address stands in brackets in some versions of Foundation.
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = url.port ?? (isEncrypted ? 443 : 80)
        self.limit = TimeAmount(limit)
        self.group = group
        self.trusting = trusting
    }

    /// Numeric addresses of the host, at most 20, as this machine resolves it now.
    package func addresses() async -> Result<[String], Failure> {
        let promise = group.next().makePromise(of: [String].self)
        let host = self.host
        // The resolver cannot be interrupted: whoever waits no longer leaves its thread to finish by itself.
        NIOThreadPool.singleton.submit { state in
            guard case .active = state else { return promise.fail(CancellationError()) }
            promise.completeWith(Self.resolve(host))
        }
        return await within(promise, else: "the name \(shown) was not resolved within \(words(limit))")
    }

    /// Connects and hangs up again. Answers the address that took the connection.
    package func connect() async -> Result<String, Failure> {
        do {
            let channel = try await bootstrap().connect(host: host, port: port).get()
            let address = channel.remoteAddress?.ipAddress ?? host
            channel.close(promise: nil)
            return .success(address)
        } catch {
            return .failure(Failure(reason: words(of: error)))
        }
    }

    /// The certificate that the server shows, and what a client thinks of it.
    package func certificate(now: UnixTime) async -> Result<Certificate, Failure> {
        let shown: NIOSSLCertificate
        switch await leaf() {
        case .success(let certificate): shown = certificate
        case .failure(let failure): return .failure(failure)
        }
        var certificate = Certificate(
            notBefore: UnixTime(seconds: Int64(shown.notValidBefore)),
            notAfter: UnixTime(seconds: Int64(shown.notValidAfter)), names: Self.names(of: shown))
        if now > certificate.notAfter {
            certificate.trouble = .expired
        } else if now < certificate.notBefore {
            certificate.trouble = .notYetValid
        } else {
            switch await handshake() {
            case .success: break
            case .failure(let trouble): certificate.trouble = trouble
            }
        }
        return .success(certificate)
    }

    // MARK: Steps

    private static func resolve(_ host: String) -> Result<[String], any Error> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else {
            let why = gai_strerror(status).map { String(cString: $0) } ?? "error \(status)"
            return .failure(
                Failure(reason: "the name \(PlainText.line(host, limit: 200)) cannot be resolved (\(why))"))
        }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let entry = next?.pointee, addresses.count < 20 {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            if getnameinfo(
                entry.ai_addr, entry.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            {
                let address = String(
                    decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !addresses.contains(address) { addresses.append(address) }
            }
            next = entry.ai_next
        }
        return .success(addresses)
    }

    private func bootstrap() -> ClientBootstrap { ClientBootstrap(group: group).connectTimeout(limit) }

    /// A handshake that accepts any certificate and keeps it.
    private func leaf() async -> Result<NIOSSLCertificate, Failure> {
        let promise = group.next().makePromise(of: NIOSSLCertificate.self)
        return await secured(promise) { context in
            try NIOSSLClientHandler(context: context, serverHostname: serverName) { chain, verdict in
                if let leaf = chain.first {
                    promise.succeed(leaf)
                } else {
                    promise.fail(Failure(reason: "\(self.shown) shows no certificate"))
                }
                verdict.succeed(.certificateVerified)
            }
        }
    }

    private enum Handshake {
        case success
        case failure(Certificate.Trouble)
    }

    /// A handshake as the delivery makes it.
    private func handshake() async -> Handshake {
        let promise = group.next().makePromise(of: Void.self)
        let answer = await secured(
            promise, whenSecured: { promise.succeed() }, words: { self.trouble($0) },
            handler: { try NIOSSLClientHandler(context: $0, serverHostname: serverName) })
        switch answer {
        case .success: return .success
        case .failure(let failure) where failure.reason == Self.otherName: return .failure(.otherName)
        case .failure(let failure): return .failure(.untrusted(failure.reason))
        }
    }

    private static let otherName = "other name"

    private func trouble(_ error: any Error) -> String {
        if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
            return Self.otherName
        }
        return words(of: error)
    }

    /// Connects, puts a TLS handler in front, and waits for the promise, which an error fails.
    private func secured<Value: Sendable>(
        _ promise: EventLoopPromise<Value>, whenSecured: @escaping @Sendable () -> Void = {},
        words: (@Sendable (any Error) -> String)? = nil,
        handler: @escaping @Sendable (NIOSSLContext) throws -> NIOSSLClientHandler
    ) async -> Result<Value, Failure> {
        let words = words ?? { self.words(of: $0) }
        let connected = bootstrap().channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                var configuration = TLSConfiguration.makeClientConfiguration()
                if !trusting.isEmpty { configuration.additionalTrustRoots = [.certificates(trusting)] }
                let context = try NIOSSLContext(configuration: configuration)
                try channel.pipeline.syncOperations.addHandler(try handler(context))
                try channel.pipeline.syncOperations.addHandler(
                    HandshakeWatcher(
                        secured: whenSecured, failed: { promise.fail(Failure(reason: words($0))) }))
            }
        }.connect(host: host, port: port)
        connected.whenFailure { promise.fail(Failure(reason: words($0))) }
        let answer = await within(
            promise, else: "\(shown) made no TLS handshake within \(self.words(limit))")
        connected.whenSuccess { $0.close(promise: nil) }
        return answer
    }

    /// What became of the promise, at most `limit` from now.
    private func within<Value: Sendable>(
        _ promise: EventLoopPromise<Value>, else reason: String
    ) async -> Result<Value, Failure> {
        let timeout = promise.futureResult.eventLoop.scheduleTask(in: limit) {
            promise.fail(Failure(reason: reason))
        }
        defer { timeout.cancel() }
        do {
            return .success(
                try await withTaskCancellationHandler {
                    try await promise.futureResult.get()
                } onCancel: {
                    promise.fail(Failure(reason: "stopped"))
                })
        } catch let failure as Failure {
            return .failure(failure)
        } catch {
            return .failure(Failure(reason: words(of: error)))
        }
    }

    // MARK: Words

    private var shown: String { PlainText.line(host, limit: 200) }

    /// Not for addresses: they may not stand in a handshake's server name.
    private var serverName: String? {
        (try? SocketAddress(ipAddress: host, port: port)) == nil ? host : nil  // an error means: a name
    }

    private func words(_ limit: TimeAmount) -> String { "\(limit.nanoseconds / 1_000_000_000) s" }

    private func words(of error: any Error) -> String {
        switch error {
        case let failure as Failure: failure.reason
        case is NIOSSLError: PlainText.line("no TLS handshake with \(shown):\(port) (\(error))", limit: 300)
        default: SiteClient.words(of: error)
        }
    }

    private static func names(of certificate: NIOSSLCertificate) -> [String] {
        certificate._subjectAlternativeNames().prefix(20).compactMap { name in
            let bytes = name.contents.withUnsafeBufferPointer { Array($0) }
            switch name.nameType {
            case .dnsName: return PlainText.line(String(decoding: bytes, as: UTF8.self), limit: 200)
            case .ipAddress where bytes.count == 4: return bytes.map(String.init).joined(separator: ".")
            default: return nil
            }
        }
    }
}

/// Tells when a handshake is over, and what went wrong before.
private final class HandshakeWatcher: ChannelInboundHandler {
    typealias InboundIn = Never
    private let secured: @Sendable () -> Void
    private let failed: @Sendable (any Error) -> Void

    init(secured: @escaping @Sendable () -> Void, failed: @escaping @Sendable (any Error) -> Void) {
        self.secured = secured
        self.failed = failed
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { secured() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failed(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        failed(AddressProbe.Failure(reason: "the connection was closed during the TLS handshake"))
        context.fireChannelInactive()
    }
}
