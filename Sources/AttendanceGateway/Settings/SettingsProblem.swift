import Foundation

/// Where a value of a setting came from; what a message about it names.
package enum SettingPlace: Hashable, Sendable {
    /// Nobody set it.
    case standard
    case file(path: String, line: Int)
    /// The file as a whole.
    case wholeFile(path: String)
    case environment(variable: String)
    /// `--set Section.Key=value`; without the value, which may be a secret.
    case argument(name: String)
    /// A file of `$CREDENTIALS_DIRECTORY` or one named by a `…File` key.
    case secretFile(path: String)

    package var description: String {
        switch self {
        case .standard: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .wholeFile(let path), .secretFile(let path): path
        case .environment(let variable): "environment variable \(variable)"
        case .argument(let name): "--set \(name)"
        }
    }
}

/// One thing that is wrong with the settings: where, what, and what to do about it. Never holds a secret.
package struct SettingsProblem: Hashable, Sendable, CustomStringConvertible {
    package enum Severity: Hashable, Sendable {
        /// The gateway does not start (or keeps its old settings at a reload).
        case mistake
        /// The gateway runs, probably not as meant.
        case warning
    }
    package var severity: Severity
    package var place: SettingPlace
    /// `[Section] Key` as the documentation writes it; nil where no key is concerned.
    package var key: String?
    /// Without a full stop.
    package var problem: String
    /// A sentence, without a full stop.
    package var remedy: String

    package var file: String? {
        switch place {
        case .file(let path, _), .wholeFile(let path), .secretFile(let path): path
        case .standard, .environment, .argument: nil
        }
    }
    package var line: Int? {
        if case .file(_, let line) = place { line } else { nil }
    }

    /// `config.ini:7: [Server] Port: "80a" is no whole number. Write one from 0 to 65535.`
    package var description: String {
        let prefix = place == .standard ? "settings" : place.description
        let mark = severity == .warning ? "warning: " : ""
        return "\(prefix): \(mark)\(key.map { "\($0): " } ?? "")\(problem). \(remedy)."
    }
}

/// Thrown where settings are needed and there are mistakes. An operator reads it: a line for each problem.
package struct SettingsError: LocalizedError {
    package let problems: [SettingsProblem]

    package init(problems: [SettingsProblem]) { self.problems = problems }
    package var errorDescription: String? { problems.map(\.description).joined(separator: "\n") }
}
