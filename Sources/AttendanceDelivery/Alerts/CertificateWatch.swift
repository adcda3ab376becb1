import AttendanceCore
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import ServiceLifecycle
import Synchronization

/// Looks once a day, and when asked, whether the TLS certificates of the sites will do: a handshake of its own, with
/// the verification that a delivery makes.
package final class CertificateWatch: Service {
    /// A server by its address, as a URL names it.
    package struct Server: Hashable, Sendable, CustomStringConvertible {
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        /// Nil for what is no https address.
        package init?(_ url: URL) {
            guard url.scheme?.lowercased() == "https", let host = url.host(), !host.isEmpty else {
                return nil
            }
            self.init(host: host, port: url.port ?? 443)
        }

        package var description: String { "\(host):\(port)" }
    }

    /// What a look has found.
    package enum Look: Hashable, Sendable {
        case certificate(CertificateState)
        /// There was no TLS to look at.
        case unreachable(reason: String)
    }

    /// Between two looks; between two tries where the server did not answer.
    static let interval = Duration.seconds(86_400)
    static let retryInterval = Duration.seconds(600)

    private let servers: [Server]
    private let group: any EventLoopGroup
    private let trusting: [NIOSSLCertificate]
    private let timing: DeliveryTiming
    private let logger: Logger
    private let found = Mutex<[Server: CertificateState]>([:])

    /// - Parameter trusting: authorities beside those of the machine.
    package init(
        servers: [Server], group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        trusting: [NIOSSLCertificate] = [], timing: DeliveryTiming = .live, logger: Logger
    ) {
        // Several sites of one server are one certificate.
        self.servers = servers.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        self.group = group
        self.trusting = trusting
        self.timing = timing
        self.logger = logger
    }

    /// Each server with what is known of its certificate; nil as long as nothing is.
    package var states: [(server: Server, state: CertificateState?)] {
        let found = found.withLock { $0 }
        return servers.map { ($0, found[$0]) }
    }

    /// Until the service group shuts down.
    package func run() async throws {
        guard !servers.isEmpty else {
            try? await gracefulShutdown()  // cancellation ends the wait too
            return
        }
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            let isComplete = await look()
            // Ended by cancellation or by the shutdown, which the loop's condition sees.
            try? await cancelWhenGracefulShutdown {
                try await self.timing.sleep(isComplete ? Self.interval : Self.retryInterval)
            }
        }
    }

    /// Looks at all now. Returns whether each has answered and is trusted; what a server that does not answer showed
    /// earlier stays.
    @discardableResult
    package func look() async -> Bool {
        var isComplete = true
        for server in servers {
            switch await self.look(at: server) {
            case .certificate(let state):
                found.withLock { $0[server] = state }
                // Refused today may be renewed in a minute.
                if case .refused = state { isComplete = false }
            case .unreachable(let reason):
                isComplete = false
                logger.debug(
                    "certificate not seen", metadata: ["server": "\(server)", "reason": "\(reason)"])
            }
        }
        return isComplete
    }

    // MARK: One look

    /// Two handshakes: one that takes any certificate and reads it, one that verifies as a delivery does.
    package func look(at server: Server) async -> Look {
        let shown: NIOSSLCertificate
        switch await handshake(server, verification: .none) {
        case .failure(let failure): return .unreachable(reason: failure.reason)
        case .success(nil): return .unreachable(reason: "it showed no certificate")
        case .success(let certificate?): shown = certificate
        }
        let until = UnixTime(seconds: Int64(shown.notValidAfter))
        let now = timing.now()
        switch await handshake(server, verification: .fullVerification) {
        case .success: return .certificate(.trusted(until: until))
        case .failure(let failure):
            guard !failure.isNetwork else { return .unreachable(reason: failure.reason) }
            let fault: CertificateFault
            if until < now {
                fault = .expired
            } else if UnixTime(seconds: Int64(shown.notValidBefore)) > now {
                fault = .notYetValid
            } else {
                fault = failure.fault
            }
            return .certificate(.refused(fault, until: until, reason: failure.reason))
        }
    }

    private struct Failure: Error {
        var reason: String
        var fault: CertificateFault = .other
        /// Nothing is said of the certificate.
        var isNetwork = false
    }

    private static let timeout = TimeAmount.seconds(10)

    private func handshake(
        _ server: Server, verification: CertificateVerification
    ) async -> Result<NIOSSLCertificate?, Failure> {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = verification
        if !trusting.isEmpty { configuration.additionalTrustRoots = [.certificates(trusting)] }
        // An address is no name to ask for; then it is the address that is verified.
        let name = NetworkAddress(server.host[...]) == nil ? server.host : nil
        let outcome = group.any().makePromise(of: NIOSSLCertificate?.self)
        let channel: any Channel
        do {
            let context = try NIOSSLContext(configuration: configuration)
            channel = try await ClientBootstrap(group: group).connectTimeout(Self.timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let operations = channel.pipeline.syncOperations
                        try operations.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
                        try operations.addHandler(HandshakeWatch(outcome: outcome, timeout: Self.timeout))
                    }
                }
                .connect(host: server.host, port: server.port).get()
        } catch {
            outcome.fail(error)  // where the channel never came to be; a second answer is none
            return .failure(Failure(reason: SiteClient.words(of: error), isNetwork: true))
        }
        defer { channel.close(promise: nil) }
        do {
            return .success(
                try await withTaskCancellationHandler {
                    try await outcome.futureResult.get()
                } onCancel: {
                    channel.close(promise: nil)
                })
        } catch {
            return .failure(Self.failure(error))
        }
    }

    private static func failure(_ error: any Error) -> Failure {
        let reason = PlainText.line(String(describing: error), limit: 300)
        switch error {
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            return Failure(reason: reason, fault: .wrongName)
        case NIOSSLError.unableToValidateCertificate:
            return Failure(reason: reason, fault: .wrongName)
        case NIOSSLError.handshakeFailed(let inner):
            // The library has no code for it that could be compared, only its words.
            return String(describing: inner).contains("CERTIFICATE_VERIFY_FAILED")
                ? Failure(reason: reason, fault: .unknownAuthority) : Failure(reason: reason)
        default: return Failure(reason: reason, isNetwork: true)
        }
    }
}

/// Completes with the server's certificate once the handshake is done, and with the error that ended it otherwise.
private final class HandshakeWatch: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private struct ClosedTooSoon: Error, CustomStringConvertible {
        let description = "the server closed the connection within the handshake"
    }
    private struct TooLate: Error, CustomStringConvertible {
        let description = "the handshake did not end in time"
    }

    private var outcome: EventLoopPromise<NIOSSLCertificate?>?
    private let timeout: TimeAmount
    private var alarm: Scheduled<Void>?

    init(outcome: EventLoopPromise<NIOSSLCertificate?>, timeout: TimeAmount) {
        self.outcome = outcome
        self.timeout = timeout
    }

    private func end(_ result: Result<NIOSSLCertificate?, any Error>) {
        alarm?.cancel()
        alarm = nil
        // Only the first one tells what happened; what follows is the closing.
        outcome?.completeWith(result)
        outcome = nil
    }

    func handlerAdded(context: ChannelHandlerContext) {
        alarm = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { self.end(.failure(TooLate())) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event {
            end(Result { try context.pipeline.syncOperations.nioSSL_peerCertificate() })
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(.failure(error))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.failure(ClosedTooSoon()))
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { end(.failure(ClosedTooSoon())) }
}
