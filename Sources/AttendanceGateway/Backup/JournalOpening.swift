import AttendanceCore
import AttendanceStore
import AttendanceTerminals
import AttendanceWeb
import Foundation
import Logging
import ServiceLifecycle

/// Opens the journal for serving. One that is damaged is set aside and made anew from what is left of it.
enum JournalOpening {
    /// Throws `StoreError`, also where the damage cannot be dealt with: no room, no permission. Nothing is set aside
    /// for a disk that is full or a folder that may not be written: those are no damage.
    static func open(_ settings: Settings, _ surroundings: Gateway.Surroundings) throws -> SQLiteStore {
        let logger = surroundings.logger
        var options = surroundings.store
        options.checkAfterCrash = surroundings.checkAfterCrash
        let folder = settings.store.directory
        do {
            return try SQLiteStore(folder: folder, options: options, logger: logger)
        } catch StoreError.damaged(let path, let detail) {
            logger.critical(
                "the journal is damaged; it is set aside and made anew from what can be read",
                metadata: ["path": "\(path)", "detail": "\(PlainText.line(detail, limit: 500))"])
            let rescue = JournalRescue(
                folder: folder, backups: settings.backup.directory,
                csv: settings.csv.isEnabled ? settings.csv.directory : nil, zone: settings.terminals.timeZone,
                logger: logger)
            let report = try rescue.run(reason: PlainText.line(detail, limit: 300), at: surroundings.now())
            logger.critical(
                "the journal was rebuilt",
                metadata: [
                    "result": "\(report.words)", "damaged_files": "\(report.setAside)",
                    "backup": "\(report.backup ?? "none")", "owed": "\(report.owed)",
                ])
            options.checkAfterCrash = nil
            return try SQLiteStore(folder: folder, options: options, logger: logger)
        }
    }
}

/// After a restore or a rebuilding: asks every approved terminal once for what it still holds from before.
struct MissingPunches: Service {
    let store: SQLiteStore
    let pull: @Sendable (LogPullOrder) async throws -> CommandReceipt
    let isApproved: @Sendable (SerialNumber) -> Bool
    let wallTime: @Sendable (SerialNumber, UnixTime) -> WallTime
    let logger: Logger

    func run() async throws {
        do {
            try await ask()
        } catch {
            logger.error(
                "terminals could not be asked for what is missing; logs pull asks them",
                metadata: ["error": "\(error.localizedDescription)"])
        }
        try? await gracefulShutdown()  // cancellation ends the wait too, and there is nothing left to do
    }

    private func ask() async throws {
        guard let since = try await store.missingSince() else { return }
        var (asked, last) = (0, SerialNumber?.none)
        repeat {
            let page = try await store.terminals(after: last, limit: 1_000)
            for terminal in page where isApproved(terminal.serial) {
                // A day more, since clocks may be wrong; without any punch everything is asked for.
                let from = wallTime(terminal.serial, since + .seconds(-86_400))
                let day = String(from.description.prefix(10))
                do {
                    _ = try await pull(
                        LogPullOrder(
                            terminals: [terminal.serial.text], from: since.milliseconds > 0 ? day : nil,
                            isAll: since.milliseconds <= 0, author: Author.gateway.name))
                    asked += 1
                } catch let error as CommandOrderRefusal {
                    logger.warning(
                        "a terminal cannot be asked for what is missing",
                        metadata: [
                            "terminal": "\(terminal.serial)", "reason": "\(error.localizedDescription)",
                        ])
                }
            }
            last = page.count == 1_000 ? page.last?.serial : nil
        } while last != nil
        try await store.missingWasAskedFor()
        logger.notice(
            "terminals are asked for what may be missing",
            metadata: ["since": "\(since.iso8601)", "terminals": "\(asked)"])
    }
}
