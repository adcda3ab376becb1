import AttendanceCore

/// The settings in force as they are shown, and what can be done with the file they came from. None of it holds a
/// secret.
package struct SettingsControl: Sendable {
    package var view: @Sendable () -> SettingsView
    /// Reads everything afresh and tells what is wrong; changes nothing.
    package var check: @Sendable () -> SettingsCheck
    /// Reads afresh and puts to use what may change while running; with any mistake nothing changes.
    package var reload: @Sendable (_ author: Author) async -> SettingsCheck

    package init(
        view: @escaping @Sendable () -> SettingsView, check: @escaping @Sendable () -> SettingsCheck,
        reload: @escaping @Sendable (Author) async -> SettingsCheck
    ) {
        self.view = view
        self.check = check
        self.reload = reload
    }
}

package struct SettingsView: Codable, Sendable, Hashable {
    package struct Line: Codable, Sendable, Hashable {
        /// `[ERP]`, `[Terminal AYTI10087992]`
        package var section: String
        package var key: String
        /// A secret is `redacted`, nothing is `(blank)`.
        package var value: String
        package var isDefault: Bool
        /// Where it came from: a file with its line, an environment variable, an argument, `default`.
        package var origin: String
        package var needsRestart: Bool
        package var help: String

        package init(
            section: String, key: String, value: String, isDefault: Bool, origin: String, needsRestart: Bool,
            help: String
        ) {
            self.section = section
            self.key = key
            self.value = value
            self.isDefault = isDefault
            self.origin = origin
            self.needsRestart = needsRestart
            self.help = help
        }
    }
    /// Nil when the gateway runs without one.
    package var file: String?
    /// In the order of the reference.
    package var lines: [Line]

    package init(file: String?, lines: [Line]) {
        self.file = file
        self.lines = lines
    }
}

package struct SettingsCheck: Codable, Sendable, Hashable {
    package struct Finding: Codable, Sendable, Hashable {
        /// A mistake keeps the file from being used; a warning does not.
        package var isMistake: Bool
        /// With place and remedy.
        package var text: String

        package init(isMistake: Bool, text: String) {
            self.isMistake = isMistake
            self.text = text
        }
    }
    package var findings: [Finding]
    /// What differs from the settings in force, `[Section] Key: before -> after`.
    package var changes: [String]
    package var changesAfterRestart: [String]
    package var isUsable: Bool { !findings.contains(where: \.isMistake) }

    package init(findings: [Finding], changes: [String], changesAfterRestart: [String]) {
        self.findings = findings
        self.changes = changes
        self.changesAfterRestart = changesAfterRestart
    }
}
