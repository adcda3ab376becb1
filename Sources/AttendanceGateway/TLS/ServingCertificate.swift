import Foundation
import Logging
import NIOCore
import NIOCertificateReloading
import NIOSSL
import ServiceLifecycle

/// A certificate with its key from files, read anew when they change: new connections get the new one, nobody is cut
/// off. Files that cannot be read, or do not belong together, leave the last good pair in place.
package struct ServingCertificate: Service {
    private let reloader: TimedCertificateReloader

    /// Throws an error that tells what is wrong with the files.
    package init(_ files: Settings.CertificateFiles, every interval: Duration = .seconds(30), logger: Logger)
        throws
    {
        let configuration = TimedCertificateReloader.Configuration(
            refreshInterval: interval,
            certificateSource: .init(location: .file(path: files.chain), format: .pem),
            privateKeySource: .init(location: .file(path: files.key), format: .pem)
        ) {
            $0.onCertificateLoaded = { change in
                guard change.previousCertificateChain != nil else { return }
                logger.notice("certificate replaced", metadata: ["file": "\(files.chain)"])
            }
            $0.onCertificateLoadFailed = { failure in
                logger.error(
                    "certificate files cannot be read; the last good ones stay in use",
                    metadata: ["file": "\(files.chain)", "error": "\(failure.error)"])
            }
        }
        do {
            reloader = try TimedCertificateReloader.makeReloaderValidatingSources(
                configuration: configuration)
        } catch {
            throw CertificateTrouble(
                text: "the certificate \(files.chain) with the key \(files.key) cannot be used: \(error)")
        }
    }

    /// TLS 1.2 and 1.3.
    package func configuration() throws -> TLSConfiguration {
        var configuration = try TLSConfiguration.makeServerConfiguration(certificateReloader: reloader)
        configuration.minimumTLSVersion = .tlsv12
        return configuration
    }

    /// Puts TLS into the pipeline of a new connection.
    package func handler() throws -> @Sendable (any Channel) throws -> Void {
        let context = try NIOSSLContext(configuration: try configuration())
        return { try $0.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context)) }
    }

    package func run() async throws { try await reloader.run() }
}

package struct CertificateTrouble: LocalizedError {
    let text: String
    package var errorDescription: String? { text }
}
