import AttendanceCore
import AttendanceWeb
import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import ServiceLifecycle

/// What the gateway is made of to be looked at in a browser.
package struct ConsoleParts: Sendable {
    let hub: LiveHub
    private let console: Console
    private let settings: Settings.Console
    private let ports: BoundPorts
    private let surroundings: Gateway.Surroundings
    /// Told where it can be reached from this machine.
    private let served: @Sendable (_ base: String) async -> Void

    /// The name of its port in `BoundPorts`.
    package static let portName = "console"

    init(
        settings: Settings.Console, operations: Operations, accounts: Accounts, templates: ConsoleTemplates,
        ports: BoundPorts, surroundings: Gateway.Surroundings,
        served: @escaping @Sendable (_ base: String) async -> Void
    ) {
        self.settings = settings
        self.ports = ports
        self.surroundings = surroundings
        self.served = served
        hub = LiveHub(operations: operations, logger: surroundings.logger)
        console = Console(
            operations: operations, accounts: accounts, live: hub, templates: templates,
            isSecure: settings.certificate != nil, logger: surroundings.logger)
    }

    var services: [any Service] {
        guard settings.isEnabled else { return [] }
        // The hub stops first: a server waits for its answers to end, and those of the hub end with it.
        return [ConsoleServer(address: address, logger: surroundings.logger, application: application), hub]
    }

    private var address: String { "\(settings.host):\(settings.port)" }

    private func application() throws -> any ApplicationProtocol {
        var services: [any Service] = []
        let server: HTTPServerBuilder
        let stream = HTTP1Channel.Configuration(
            idleTimeout: .seconds(75),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: 20 << 10, maxHeaderListSize: 48 << 10, maxHeaderFieldCount: 100))
        if let files = settings.certificate {
            let certificate = try ServingCertificate(files, logger: surroundings.logger)
            services.append(certificate)
            server = try .http2Upgrade(
                tlsConfiguration: try certificate.configuration(),
                configuration: .init(idleTimeout: .seconds(75), streamConfiguration: stream))
        } else {
            server = .http1(configuration: stream)
        }
        return Application(
            router: console.router(), server: server,
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port), serverName: nil),
            services: services,
            onServerRunning: { [ports, settings, served, logger = surroundings.logger] channel in
                let port = channel.localAddress?.port ?? settings.port
                await ports.bound(Self.portName, port: port)
                let scheme = settings.certificate == nil ? "http" : "https"
                logger.notice(
                    "console is served", metadata: ["address": "\(scheme)://\(settings.host):\(port)/"])
                let isEverywhere = settings.host == "0.0.0.0" || settings.host == "::"
                await served("\(scheme)://\(isEverywhere ? "127.0.0.1" : settings.host):\(port)")
            },
            eventLoopGroupProvider: .shared(surroundings.eventLoops), logger: surroundings.logger.quieter)
    }
}
