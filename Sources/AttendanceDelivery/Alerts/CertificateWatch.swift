import AttendanceCore
import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import ServiceLifecycle
import Synchronization

/// Looks once a day, and when asked, whether the TLS certificates of the sites will do: by handshakes of its own, with
/// the verification that a delivery makes.
package final class CertificateWatch: Service {
    /// A server by its address.
    package struct Server: Hashable, Sendable, CustomStringConvertible {
        fileprivate let url: URL
        /// `erp.example.com:443`
        package let description: String

        /// Nil for what is no https address.
        package init?(_ url: URL) {
            guard url.scheme?.lowercased() == "https", let host = url.host(), !host.isEmpty else {
                return nil
            }
            self.url = url
            description = "\(host):\(url.port ?? 443)"
        }

        package static func == (a: Server, b: Server) -> Bool { a.description == b.description }
        package func hash(into hasher: inout Hasher) { hasher.combine(description) }
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

    /// - `trusting`: authorities beside those of the machine.
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

    /// As a delivery would find the server now.
    package func look(at server: Server) async -> Look {
        guard let probe = AddressProbe(server.url, group: group, trusting: trusting) else {
            return .unreachable(reason: "the address cannot be used")
        }
        switch await probe.certificate(now: timing.now()) {
        case .failure(let failure): return .unreachable(reason: failure.reason)
        case .success(let certificate):
            let until = certificate.notAfter
            switch certificate.trouble {
            case nil: return .certificate(.trusted(until: until))
            case .expired: return .certificate(.refused(.expired, until: until, reason: ""))
            case .notYetValid:
                return .certificate(
                    .refused(
                        .notYetValid, until: until, reason: "not before \(certificate.notBefore.iso8601)"))
            case .otherName:
                return .certificate(
                    .refused(
                        .wrongName, until: until,
                        reason: "it is for \(certificate.names.joined(separator: ", "))"))
            case .untrusted(let words):
                // Any other end of the second handshake says nothing of the certificate.
                guard words.contains("CERTIFICATE_VERIFY_FAILED") else { return .unreachable(reason: words) }
                return .certificate(.refused(.unknownAuthority, until: until, reason: ""))
            }
        }
    }
}
