import Foundation

/// What the gateway makes of the older service's `config.ini`: it reads the same sections and keys.
struct LegacySettings: Encodable {
    struct Value: Encodable {
        /// `[ERP] URL`
        var key: String
        /// A secret is `redacted`.
        var value: String
    }
    var file: String
    /// Meant here as they were meant there.
    var taken: [Value] = []
    /// Mistakes and warnings, with the remedy.
    var decisions: [String] = []
    /// Where the monthly files are, as far as the file tells; absolute.
    var csvFolder: String?

    /// Reads the file and changes nothing; what cannot be read is among the decisions.
    init(reading path: String) {
        // Neither environment nor --set: only what stands in that file.
        let loaded = SettingsLoader(path: path, environment: [:]).load()
        let file = loaded.file ?? path
        self.file = file
        taken = loaded.values.compactMap { value in
            guard case .file = value.place else { return nil }
            return Value(key: value.title, value: value.shown)
        }
        decisions = loaded.problems.map(\.description)
        guard
            let folder = loaded.values.first(where: { $0.title == "[Logging] LogDirectory" })?.text,
            !folder.isEmpty
        else { return }
        if folder.hasPrefix("/") {
            csvFolder = folder
        } else {
            csvFolder = ((file as NSString).deletingLastPathComponent as NSString)
                .appendingPathComponent(folder)
            decisions.append(
                "\(file): [Logging] LogDirectory \"\(folder)\" is relative: the older service took it from the "
                    + "folder it was started in, the gateway takes it from the folder of the file. Where the CSV "
                    + "files are elsewhere, name them with --csv.")
        }
    }

    /// For a person.
    var lines: [String] {
        var lines = ["\(file):"]
        lines += taken.map { "  taken as it is: \($0.key) = \($0.value)" }
        lines += decisions.map { "  to decide: \($0)" }
        return lines
    }
}
