import AttendanceCore
import AttendanceWeb
import Foundation
import Logging
import Synchronization

/// The settings in force, for whoever looks at them or wants them loaded afresh.
package final class SettingsKeeper: Sendable {
    private let current: Mutex<LoadedSettings>
    private let started: LoadedSettings
    private let load: @Sendable () -> LoadedSettings
    private let reload: @Sendable () -> Void
    private let logger: Logger

    /// - `reload`: asks `SettingsReload` to do its work; it tells `took` afterwards.
    package init(
        _ started: LoadedSettings, load: @escaping @Sendable () -> LoadedSettings,
        reload: @escaping @Sendable () -> Void, logger: Logger
    ) {
        current = Mutex(started)
        self.started = started
        self.load = load
        self.reload = reload
        self.logger = logger
    }

    /// Other settings are in force.
    package func took(_ new: LoadedSettings) { current.withLock { $0 = new } }

    package var control: SettingsControl {
        SettingsControl(
            view: { self.view }, check: { self.check(self.load()) },
            reload: { author in
                let check = self.check(self.load())
                guard check.isUsable else { return check }
                self.logger.notice("settings are loaded afresh", metadata: ["by": "\(author)"])
                self.reload()
                return check
            })
    }

    private var view: SettingsView {
        let loaded = current.withLock { $0 }
        // A secret from a file of its own stands twice, the later one being the secret itself.
        var seen: [String: Int] = [:]
        var lines: [SettingsView.Line] = []
        for value in loaded.values {
            let line = SettingsView.Line(
                section: "[\(value.row.section.rawValue)\(value.name.map { " \($0)" } ?? "")]",
                key: value.row.name,
                value: PlainText.line(value.shown, limit: 1000), isDefault: value.place == .standard,
                origin: value.place.description, needsRestart: !value.takesEffectAtReload,
                help: value.row.help)
            if let place = seen[value.title] {
                lines[place] = line
            } else {
                seen[value.title] = lines.count
                lines.append(line)
            }
        }
        let order = Dictionary(
            uniqueKeysWithValues: SettingsSection.allCases.enumerated().map { ($1.rawValue, $0) })
        func rank(_ line: SettingsView.Line) -> Int {
            order[String(line.section.dropFirst().prefix { $0 != " " && $0 != "]" })] ?? .max
        }
        let sorted = lines.enumerated().sorted {
            let (a, b) = (rank($0.element), rank($1.element))
            if a != b { return a < b }
            if $0.element.section != $1.element.section { return $0.element.section < $1.element.section }
            return $0.offset < $1.offset
        }
        return SettingsView(file: loaded.file, lines: sorted.map(\.element))
    }

    private func check(_ new: LoadedSettings) -> SettingsCheck {
        let difference = SettingsDifference(from: current.withLock { $0 }, to: new)
        return SettingsCheck(
            findings: new.problems.map {
                .init(isMistake: $0.severity == .mistake, text: PlainText.line($0.description, limit: 1000))
            },
            changes: difference.now.map { PlainText.line($0.description, limit: 500) },
            changesAfterRestart: SettingsDifference(from: started, to: new).afterRestart.map {
                PlainText.line($0.description, limit: 500)
            })
    }
}
