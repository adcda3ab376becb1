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
        let loader = await FirstStart.loader(source.loader)
        let loaded = loader.load()
        let settings = Self.settings(of: loaded, loader)
        let output = LogOutput(
            .init(
                directory: settings.logging.directory, level: settings.logging.level,
                keep: settings.logging.keep,
                console: settings.logging.console,
                consoleForm: settings.logging.consoleForm ?? .fitting()))
        let logger = Logger(label: "attendance-gateway") { _ in RotatingLogHandler(output: output) }
        LoggingSystem.bootstrap { _ in RotatingLogHandler(output: output) }
        let metrics = PrometheusMetrics()
        MetricsSystem.bootstrap(metrics)
        defer { output.close() }
        if loaded.file == nil {
            Screen.note(
                """
                No config.ini was found (looked in: \(loader.searchPath.joined(separator: ", "))).
                This is a first start: terminals are served on this machine only, and the journal is in \
                \(settings.store.directory). Set the gateway up in a browser by the link below, or with
                attendance-gateway check-config --print-sample > config.ini
                """)
        }
        var run = GatewayRun(
            loader: loader, loaded: loaded, settings: settings, output: output, logger: logger,
            metrics: metrics, notifier: SystemdNotifier.fromEnvironment(ProcessInfo.processInfo.environment))
        // The setup begins the gateway anew when what it has written needs that.
        while try await run.once() {
            run.loaded = loader.load()
            run.settings = Self.settings(of: run.loaded, loader)
            output.level = run.settings.logging.level
            output.keep = run.settings.logging.keep
        }
    }

    /// Ends the process where there are none.
    private static func settings(of loaded: LoadedSettings, _ loader: SettingsLoader) -> Settings {
        if let settings = loaded.settings { return settings }
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

    /// Both limits are set: without them a task that ignores its cancellation would keep the process for ever.
    static func runGroup(
        _ services: [any Service], restart: RestartRequest = RestartRequest(), logger: Logger,
        signals: [UnixSignal] = [.sigterm, .sigint]
    ) async throws {
        // Its end, and no other's, is a reason to end the rest in order.
        let last = ServiceGroupConfiguration.ServiceConfiguration(
            service: restart, successTerminationBehavior: .gracefullyShutdownGroup)
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0) } + [last], gracefulShutdownSignals: signals,
            logger: logger.onlyTrouble)
        configuration.maximumGracefulShutdownDuration = .milliseconds(4500)
        configuration.maximumCancellationDuration = .milliseconds(400)
        try await ServiceGroup(configuration: configuration).run()
    }
}

/// The gateway from its start to its end, within a process that may start it again.
private struct GatewayRun {
    let loader: SettingsLoader
    var loaded: LoadedSettings
    var settings: Settings
    let output: LogOutput
    let logger: Logger
    let metrics: PrometheusMetrics
    let notifier: SystemdNotifier

    /// Whether it is to be run again. Throws `ExitCode`.
    func once() async throws -> Bool {
        for warning in loaded.warnings { logger.warning("settings", metadata: ["problem": "\(warning)"]) }
        let openFiles = OpenFiles.raiseLimit()
        logger.notice(
            "starting",
            metadata: [
                "version": "\(Version.current)", "settings": "\(loaded.file ?? "defaults")",
                "journal": "\(settings.store.directory)", "open_files": "\(openFiles)",
            ])
        let restart = RestartRequest()
        do {
            let keeper = SettingsKeeper(
                loaded, load: { [loader] in loader.load() }, reload: { kill(getpid(), SIGHUP) },
                logger: logger)
            var surroundings = Gateway.Surroundings(
                logger: logger, metrics: metrics, openFiles: openFiles, notifier: notifier)
            surroundings.settings = keeper.control
            surroundings.log = output
            surroundings.startup = Startup(
                loader: loader, loaded: loaded, reload: { _ = kill(getpid(), SIGHUP) },
                restart: { restart.make() }, invite: invitation)
            let gateway = try await Gateway(settings: settings, surroundings: surroundings)
            try await Serve.runGroup(
                gateway.services + [await reload(gateway, keeper)], restart: restart, logger: logger)
            logger.notice("stopped")
            return restart.wasMade
        } catch {
            let failure = StartFailure(error, settings: settings)
            logger.critical("not running", metadata: ["reason": "\(failure.text)"])
            output.flush()
            if !settings.logging.console { Screen.note("attendance-gateway: \(failure.text)") }
            throw ExitCode(failure.code)
        }
    }

    private func reload(_ gateway: Gateway, _ keeper: SettingsKeeper) async -> SettingsReload {
        let audit = SettingsAudit(
            store: gateway.store, now: Gateway.Surroundings.systemTime, logger: logger)
        await audit.started(with: loaded)
        return SettingsReload(
            started: loaded, logger: logger, load: { [loader] in loader.load() },
            apply: { [notifier, output] new in
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
    }

    /// To standard error and never into the log. What is no terminal may be a log of somebody else's: there the link is
    /// shown at a first start alone, when nothing is behind it yet.
    private var invitation: @Sendable (String) -> Bool {
        let isFirst = loaded.file == nil
        return { link in
            guard isFirst || isatty(STDERR_FILENO) != 0 else { return false }
            Screen.note(
                "\nNobody can sign in yet. Open this link once, to make the administrator:\n\n    \(link)\n")
            return true
        }
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
