import AsyncHTTPClient
import AttendanceCore
import AttendanceDelivery
import AttendanceStore
import AttendanceWeb
import Foundation

/// Looks at the whole chain from the settings to the sites, one thing after the other, and says of each how it is.
///
/// Changes nothing, unless it is asked for a trial check-in.
package struct Doctor: Sendable {
    package struct Options: Sendable {
        /// Only this site's checks; nil: of every site.
        package var site: SinkName?
        /// Employee for whom a trial check-in is made, at the sites that are looked at.
        package var trialEmployee: String?
        /// Longest look at anything; nil leaves each check its own limit, 10 s for nearly all.
        package var limit: Duration?
        package var now: @Sendable () -> UnixTime = Gateway.Surroundings.systemTime
        /// Writes into the audit trail before something is changed on a site.
        package var audit: @Sendable (AuditOrder) async throws -> Void = { _ in }

        package init() {}
    }

    let loaded: LoadedSettings
    let options: Options

    package init(_ loaded: LoadedSettings, options: Options = Options()) {
        self.loaded = loaded
        self.options = options
    }

    /// Results as they come. Ends by itself; leaving the loop early stops the rest.
    package func run() -> AsyncStream<CheckResult> {
        AsyncStream { continuation in
            // The stream is the task's only reader, and its end is the task's.
            let task = Task {
                await examine { continuation.yield($0) }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    private func examine(_ tell: (CheckResult) -> Void) async {
        for result in settingsResults() { tell(result) }
        guard let settings = loaded.settings else {
            tell(.skipped("everything else", "the settings have mistakes"))
            return
        }
        let client = SiteClient.makeHTTPClient(concurrency: 2)
        let journal = JournalView(folder: settings.store.directory)
        for check in checks(settings, journal, client) {
            if Task.isCancelled { break }
            for result in await check.run() { tell(result) }
        }
        journal.close()
        do {
            try await client.shutdown()
        } catch {
            tell(.warning("doctor", "the HTTP client did not close (\(error))", "none; this has no effect"))
        }
    }

    private func checks(
        _ settings: Settings, _ journal: JournalView, _ client: HTTPClient
    ) -> [DoctorCheck] {
        var checks = FolderChecks(settings: settings).all
        checks += JournalChecks(journal: journal, now: options.now).all
        checks += MachineChecks(settings: settings, client: client, now: options.now).all
        checks += [TerminalChecks(settings: settings, journal: journal, now: options.now).check]
        for site in settings.sites where options.site == nil || options.site == site.name {
            checks +=
                SiteChecks(
                    site: site, settings: settings, journal: journal, client: client, options: options
                ).all
        }
        if options.site == nil {
            for webhook in settings.webhooks {
                let address = AddressChecks(
                    title: "webhook \(webhook.name)", url: webhook.url.reveal(),
                    certificateDays: settings.alerts.certificateDays, now: options.now)
                checks += address.all
            }
        }
        return checks.map { check in
            var check = check
            if let limit = options.limit { check.limit = min(check.limit, limit) }
            return check
        }
    }

    // MARK: Settings

    private func settingsResults() -> [CheckResult] {
        var results = loaded.problems.map { problem in
            let key = problem.key.map { "\($0): " } ?? ""
            let place = problem.place == .standard ? "" : "\(problem.place.description): "
            let words = place + key + problem.problem
            return switch problem.severity {
            case .mistake: CheckResult.failure("settings", words, problem.remedy)
            case .warning: CheckResult.warning("settings", words, problem.remedy)
            }
        }
        if loaded.mistakes.isEmpty {
            let own = loaded.values.filter { $0.place != .standard && !$0.text.isEmpty }.count
            results.append(
                .ok(
                    "settings",
                    "\(loaded.file ?? "no file: defaults, environment and --set"), "
                        + "\(Spoken.count(own, "value")) set by you"))
        }
        return results
    }
}

/// The journal of an installation, opened once for all checks.
final class JournalView: Sendable {
    let folder: String
    let reader: Result<SQLiteReader, StoreError>

    init(folder: String) {
        self.folder = folder
        do {
            reader = .success(try SQLiteReader(folder: folder))
        } catch let error as StoreError {
            reader = .failure(error)
        } catch {
            reader = .failure(.other(detail: "\(error)"))
        }
    }

    /// Nil where there is none, or none that can be read.
    var open: SQLiteReader? { try? reader.get() }  // why not is told by the journal's own check

    var exists: Bool { FileManager.default.fileExists(atPath: folder + "/journal.sqlite") }

    func close() { open?.close() }
}
