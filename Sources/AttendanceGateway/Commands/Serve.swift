import ArgumentParser
import AttendanceCore
import AttendanceStore
import Foundation
import Logging
import Metrics
import NIOCore
import ServiceLifecycle
import UnixSignals

/// `serve`: the gateway itself.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the gateway (the default).",
        discussion: """
            SIGTERM and Ctrl-C end it in order; SIGHUP loads the settings afresh. Exit code 78: mistakes in the \
            settings; 69: the journal or a port cannot be used.
            """)

    @OptionGroup var source: SettingsOptions

    func run() async throws {
        // Until `SettingsReload` listens a hang-up has nothing to say: the settings are being read anyway. Its usual
        // action would end the process, as when systemd is asked for a reload right after the start.
        signal(SIGHUP, SIG_IGN)
        let notifier = SystemdNotifier.fromEnvironment(ProcessInfo.processInfo.environment)
        let loader = source.loader
        let loaded = loader.load()
        guard let settings = loaded.settings else {
            if loaded.file == nil {
                Screen.note(
                    """
                    No config.ini was found (looked in: \(loader.searchPath.joined(separator: ", "))).
                    Begin with: attendance-gateway check-config --print-sample > config.ini
                    Without one the defaults hold, and with them:
                    """)
            }
            Screen.note(loaded.mistakes.map(\.description).joined(separator: "\n"))
            Screen.fail("not started", code: CheckConfig.configurationError)
        }
        let output = LogOutput(
            .init(
                directory: settings.logging.directory, level: settings.logging.level,
                keep: settings.logging.keep,
                console: settings.logging.console))
        let logger = Logger(label: "attendance-gateway") { _ in RotatingLogHandler(output: output) }
        LoggingSystem.bootstrap { _ in RotatingLogHandler(output: output) }
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        defer { output.close() }
        for warning in loaded.warnings { logger.warning("settings", metadata: ["problem": "\(warning)"]) }
        let openFiles = OpenFiles.raiseLimit()
        logger.notice(
            "starting",
            metadata: [
                "version": "\(Version.current)", "settings": "\(loaded.file ?? "defaults")",
                "journal": "\(settings.store.directory)", "open_files": "\(openFiles)",
            ])
        do {
            let keeper = SettingsKeeper(
                loaded, load: { loader.load() }, reload: { kill(getpid(), SIGHUP) }, logger: logger)
            var surroundings = Gateway.Surroundings(
                logger: logger, metrics: metrics, openFiles: openFiles, notifier: notifier)
            surroundings.settings = keeper.control
            surroundings.log = output
            let gateway = try await Gateway(settings: settings, surroundings: surroundings)
            let audit = SettingsAudit(
                store: gateway.store, now: Gateway.Surroundings.systemTime, logger: logger)
            await audit.started(with: loaded)
            let reload = SettingsReload(
                started: loaded, logger: logger, load: { loader.load() },
                apply: { new in
                    notifier.reloading()
                    output.level = new.logging.level
                    output.keep = new.logging.keep
                    gateway.apply(new)
                    notifier.ready(status: "taking punches")
                },
                changed: {
                    keeper.took($1)
                    await audit.reloaded($0, $1)
                })
            try await Self.runGroup(gateway.services + [reload], logger: logger)
            logger.notice("stopped")
        } catch {
            let failure = StartFailure(error, settings: settings)
            logger.critical("not running", metadata: ["reason": "\(failure.text)"])
            output.flush()
            if !settings.logging.console { Screen.note("attendance-gateway: \(failure.text)") }
            throw ExitCode(failure.code)
        }
    }

    /// Both limits are set: without them a task that ignores its cancellation would keep the process for ever.
    static func runGroup(
        _ services: [any Service], logger: Logger, signals: [UnixSignal] = [.sigterm, .sigint]
    )
        async throws
    {
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: signals, logger: logger.onlyTrouble)
        configuration.maximumGracefulShutdownDuration = .milliseconds(4500)
        configuration.maximumCancellationDuration = .milliseconds(400)
        try await ServiceGroup(configuration: configuration).run()
    }
}

extension Logger {
    /// The service group tells each start and stop at debug and info; what matters of it we say ourselves.
    var onlyTrouble: Logger {
        var copy = self
        copy.logLevel = .warning
        return copy
    }
}

/// Why the gateway does not run, for a person, and the exit code that scripts read.
struct StartFailure {
    let text: String
    let code: Int32

    init(_ error: any Error, settings: Settings) {
        switch error {
        case let error as StoreError:
            text = error.localizedDescription
            code = CommonOptions.unavailable
        case let error as SettingsError:
            text = error.localizedDescription
            code = CheckConfig.configurationError
        case let error as CertificateTrouble:
            text = error.localizedDescription
            code = CheckConfig.configurationError
        case let error as IOError where error.errnoCode == EADDRINUSE:
            let ports = settings.listeners.map { "\($0.host):\($0.port)" }.joined(separator: ", ")
            text =
                "a port is in use by another program (\(ports)). Stop that program, or set another Port; "
                + "ss -ltnp shows who holds it"
            code = CommonOptions.unavailable
        case let error as IOError
        where error.errnoCode == EACCES && !settings.listeners.contains { (1..<1024).contains($0.port) }:
            text =
                "the socket \(settings.admin.socketPath) cannot be made: permission denied. Give the user of the gateway "
                + "the folder, or set Socket in the section [Admin]"
            code = CommonOptions.unavailable
        case let error as IOError where error.errnoCode == EACCES:
            text = "a port below 1024 needs rights this user does not have. Set a Port from 1024 on"
            code = CommonOptions.unavailable
        case let error as IOError where error.errnoCode == EADDRNOTAVAIL:
            text = "Host names an address that this machine does not have. 0.0.0.0 listens on all it has"
            code = CheckConfig.configurationError
        case let error as IOError:
            text =
                "a port (\(settings.listeners.map { "\($0.host):\($0.port)" }.joined(separator: ", "))) or the socket "
                + "\(settings.admin.socketPath) cannot be opened: \(String(cString: strerror(error.errnoCode)))"
            code = CommonOptions.unavailable
        default:
            text = error.localizedDescription
            code = 1
        }
    }
}
