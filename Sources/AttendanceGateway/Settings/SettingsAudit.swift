import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging

/// Writes into the audit trail which settings have changed: at a reload, and at a start against those of the last run.
/// Secrets are never shown; whether one was changed while nothing ran cannot be told, only whether it was set.
struct SettingsAudit: Sendable {
    let store: any Store
    let now: @Sendable () -> UnixTime
    let logger: Logger

    static let bookmark = "settings"
    /// Rows of one occasion; the rest is counted.
    static let mostRows = 200
    private static let maximumShown = 500

    private struct Change {
        var title: String
        var before: String
        var after: String
    }

    /// Never throws: settings are in force whether or not that could be written down, which the log tells.
    func started(with loaded: LoadedSettings) async {
        let shown = Self.shown(loaded)
        do {
            let last = try await store.bookmark(named: Self.bookmark)
            if let last, let before = try? JSONAnswer.decode([String: String].self, from: Data(last.utf8)) {
                // One that cannot be read was written by another version: all is new then.
                let changes = Set(before.keys).union(shown.keys).sorted().compactMap { title -> Change? in
                    guard before[title] != shown[title] else { return nil }
                    return Change(
                        title: title, before: before[title] ?? "(not there)",
                        after: shown[title] ?? "(not there)")
                }
                try await write(changes, "found at the start")
            } else {
                try await store.audit(
                    AuditEntry(
                        at: now(), author: .gateway, action: "settings.known", subject: "settings",
                        detail: "\(shown.count) settings at the first start"))
            }
            try await remember(shown)
        } catch {
            tell(error)
        }
    }

    func reloaded(_ difference: SettingsDifference, _ loaded: LoadedSettings) async {
        do {
            try await write(
                difference.now.map { Change(title: $0.title, before: $0.before, after: $0.after) },
                "by a reload")
            try await write(
                difference.afterRestart.map { Change(title: $0.title, before: $0.before, after: $0.after) },
                "by a reload, in force from the next start")
            try await remember(Self.shown(loaded))
        } catch {
            tell(error)
        }
    }

    private func tell(_ error: any Error) {
        logger.error(
            "changes of settings could not be written into the audit trail",
            metadata: ["error": "\(error.localizedDescription)"])
    }

    private func write(_ changes: [Change], _ occasion: String) async throws {
        for change in changes.prefix(Self.mostRows) {
            func line(_ text: String) -> String { PlainText.line(text, limit: Self.maximumShown) }
            try await store.audit(
                AuditEntry(
                    at: now(), author: .gateway, action: "settings.change", subject: line(change.title),
                    detail: "\(line(change.before)) -> \(line(change.after)); \(occasion)"))
        }
        guard changes.count > Self.mostRows else { return }
        try await store.audit(
            AuditEntry(
                at: now(), author: .gateway, action: "settings.change", subject: "settings",
                detail: "\(changes.count - Self.mostRows) more; \(occasion)"))
    }

    private func remember(_ shown: [String: String]) async throws {
        try await store.setBookmark(
            String(decoding: try JSONAnswer.encode(shown), as: UTF8.self), named: Self.bookmark)
    }

    private static func shown(_ loaded: LoadedSettings) -> [String: String] {
        Dictionary(loaded.values.map { ($0.title, $0.shown) }) { $1 }
    }
}
