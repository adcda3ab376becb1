import AttendanceWeb
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// Serves the console and the API. That its port is taken or its certificate is broken is told, and tried again:
/// terminals must not be turned away because nobody can look at a page.
struct ConsoleServer: Service {
    /// Made anew for each attempt, so that a certificate is read again.
    let application: @Sendable () throws -> any ApplicationProtocol
    let address: String
    let pause: Duration
    let logger: Logger

    init(
        address: String, pause: Duration = .seconds(15), logger: Logger,
        application: @escaping @Sendable () throws -> any ApplicationProtocol
    ) {
        self.address = address
        self.pause = pause
        self.logger = logger
        self.application = application
    }

    func run() async throws {
        var isTold = false
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            do {
                // Ends when the gateway stops.
                try await application().run()
                return
            } catch is CancellationError {
                return
            } catch {
                if !isTold {
                    logger.error(
                        "the console is not served; trying again",
                        metadata: [
                            "address": "\(address)", "error": "\(ConsoleTrouble.words(error))",
                            "every_seconds": "\(pause.components.seconds)",
                        ])
                }
                isTold = true
                // Shutdown and cancellation end the wait, and the loop by its condition.
                await cancelWhenGracefulShutdown { try? await Task.sleep(for: pause) }
            }
        }
    }
}

enum ConsoleTrouble {
    static func words(_ error: any Error) -> String {
        guard let error = error as? IOError else { return error.localizedDescription }
        switch error.errnoCode {
        case EADDRINUSE:
            return "the port is in use by another program; stop it, or set another Port in [Console]"
        case EACCES: return "a port below 1024 needs rights this user does not have; set a Port from 1024 on"
        case EADDRNOTAVAIL: return "this machine does not have the address that Host in [Console] names"
        default: return error.description
        }
    }
}
