import AttendanceCore
import Configuration
import Foundation

/// Finds `config.ini`, puts environment and command line over it and makes one `Settings` of it all, or tells every
/// mistake at once. Reads files; changes nothing.
package struct SettingsLoader: Sendable {
    /// `--config`; nil looks in the usual places.
    package var path: String?
    /// `--set Section.Key=value`, or `Section.Name.Key=value`.
    package var arguments: [String]
    package var environment: [String: String]
    package var workingFolder: String
    /// Folder of the executable; nil where it is not known.
    package var executableFolder: String?
    /// IANA name of the machine's own zone.
    package var machineTimeZone: String
    /// Read instead of what stands in the file at `path`, which need not be there.
    package var content: [UInt8]?
    /// Hold instead of defaults where there is no file: text by section and key in lower case.
    package var standIns: [[String]: String] = [:]

    package init(
        path: String? = nil, arguments: [String] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment,
        workingFolder: String = FileManager.default.currentDirectoryPath,
        executableFolder: String? = Self.folderOfThisExecutable,
        machineTimeZone: String = TimeZone.current.identifier
    ) {
        self.path = path
        self.arguments = arguments
        self.environment = environment
        self.workingFolder = workingFolder
        self.executableFolder = executableFolder
        self.machineTimeZone = machineTimeZone
    }

    /// Source: proc(5), `/proc/self/exe`.
    package static var folderOfThisExecutable: String? {
        // Without /proc there is one place less to look in.
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
            .map { ($0 as NSString).deletingLastPathComponent }
    }

    /// Where the file is looked for when no path is given, in order.
    package var searchPath: [String] {
        var folders = [workingFolder]
        if let executableFolder, executableFolder != workingFolder { folders.append(executableFolder) }
        folders += ["/etc/attendance-gateway", "/etc/attendance-system"]
        return folders.map { $0 + "/config.ini" }
    }

    /// Never throws: what cannot be read is among the problems.
    package func load() -> LoadedSettings {
        var problems: [SettingsProblem] = []
        let file = locate(&problems)
        var layers = SettingsLayers()
        layers.layers.append(argumentLayer(&problems))
        layers.layers.append(SettingsLayers.environment(environment, folder: workingFolder))
        layers.layers.append(credentialLayer(&problems))
        var baseFolder = workingFolder
        if let file, let bytes = content ?? read(file, &problems) {
            baseFolder = (file as NSString).deletingLastPathComponent
            let snapshot = INISnapshot(
                bytes: bytes, providerName: file,
                parsingOptions: .init(
                    secrets: Set(
                        SettingsTable.rows.filter(\.isSecret).map {
                            "\($0.section.rawValue).\($0.name)".lowercased()
                        })))
            problems += snapshot.faults.map { fault in
                SettingsProblem(
                    severity: .mistake,
                    place: fault.line.map { .file(path: file, line: $0) } ?? .wholeFile(path: file),
                    key: nil, problem: fault.problem, remedy: fault.remedy)
            }
            layers.file = snapshot
            layers.layers.append(SettingsLayers.file(snapshot, path: file, folder: baseFolder))
        }
        if file == nil, !standIns.isEmpty {
            layers.layers.append(
                SettingsLayers.values(
                    standIns.mapValues { ($0, .standard) }, name: "first start", folder: workingFolder))
        }
        problems += unknownVariables()
        var builder = SettingsBuilder(
            layers: layers, path: file, baseFolder: baseFolder, environment: environment,
            machineTimeZone: machineTimeZone)
        let settings = builder.build()
        problems += builder.problems
        problems = Self.inOrder(problems, of: file)
        let failed = problems.contains { $0.severity == .mistake }
        return LoadedSettings(
            settings: failed ? nil : settings, problems: problems, values: builder.values, file: file)
    }

    private func locate(_ problems: inout [SettingsProblem]) -> String? {
        if let path { return absolute(path, in: workingFolder) }
        // A file that exists and cannot be read is this one as well: reading it then says why.
        if let found = searchPath.first(where: { FileManager.default.fileExists(atPath: $0) }) {
            return found
        }
        problems.append(
            SettingsProblem(
                severity: .warning, place: .standard, key: nil,
                problem: "there is no settings file (looked for \(searchPath.joined(separator: ", ")))",
                remedy:
                    "Give one with --config; attendance-gateway check-config --print-sample writes a sample"))
        return nil
    }

    private func read(_ path: String, _ problems: inout [SettingsProblem]) -> [UInt8]? {
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }  // opened for reading: nothing can be lost
            // One byte more than allowed, so that the snapshot sees that it is too large.
            return [UInt8](try handle.read(upToCount: INISnapshot.maximumBytes + 1) ?? Data())
        } catch {
            problems.append(
                SettingsProblem(
                    severity: .mistake, place: .wholeFile(path: path), key: nil,
                    problem: "the file cannot be read (\(Self.words(error)))",
                    remedy: "Check the path and its permissions"))
            return nil
        }
    }

    private func argumentLayer(_ problems: inout [SettingsProblem]) -> SettingsLayers.Layer {
        var values: [[String]: (text: String, place: SettingPlace)] = [:]
        for argument in arguments {
            let name = argument.prefix { $0 != "=" }
            let place = SettingPlace.argument(name: String(name))
            func mistake(_ problem: String, _ remedy: String) {
                problems.append(
                    SettingsProblem(
                        severity: .mistake, place: place, key: nil, problem: problem, remedy: remedy))
            }
            guard name.endIndex < argument.endIndex else {
                mistake("there is no value", "Write --set Section.Key=value")
                continue
            }
            var words = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard words.count >= 2, let first = words.first, let last = words.last else {
                mistake("the name has no section", "Write --set Section.Key=value")
                continue
            }
            guard let section = SettingsSection.named(first),
                (words.count > 2) == (section.nameExample != nil)
            else {
                mistake(
                    "there is no section \(quoted(words.dropLast().joined(separator: ".")))",
                    SettingsBuilder.sectionRemedy(first))
                continue
            }
            guard let row = SettingsTable.row(last, in: section) else {
                mistake("there is no such key", SettingsBuilder.keyRemedy(last, in: section))
                continue
            }
            words = [section.rawValue, words.dropFirst().dropLast().joined(separator: "."), row.configKey]
                .filter { !$0.isEmpty }
            let value = String(argument[argument.index(after: name.endIndex)...])
            values[words.map { $0.lowercased() }] = (value, place)
        }
        return SettingsLayers.values(values, name: "arguments", folder: workingFolder)
    }

    /// systemd hands secrets over as files in `$CREDENTIALS_DIRECTORY`. A file named `section.key` in lower case, such
    /// as `security.authtoken`, is that setting's value; other files are not ours. Only secrets are looked for.
    private func credentialLayer(_ problems: inout [SettingsProblem]) -> SettingsLayers.Layer {
        var values: [[String]: (text: String, place: SettingPlace)] = [:]
        if let folder = environment["CREDENTIALS_DIRECTORY"], folder.hasPrefix("/") {
            let names: [String]
            do {
                names = try FileManager.default.contentsOfDirectory(atPath: folder)
            } catch {
                names = []
                problems.append(
                    SettingsProblem(
                        severity: .mistake, place: .wholeFile(path: folder), key: nil,
                        problem: "the credentials cannot be listed (\(Self.words(error)))",
                        remedy: "Check LoadCredential= in the unit"))
            }
            for name in names.sorted() {
                var words = name.split(separator: ".").map { $0.lowercased() }
                guard words.count >= 2, let section = SettingsSection.named(words.removeFirst()),
                    let row = SettingsTable.row(words.removeLast(), in: section), row.isSecret,
                    words.isEmpty == (section.nameExample == nil)
                else { continue }
                do {
                    let text = try SecretFile.read(folder + "/" + name)
                    let key = [section.rawValue, words.joined(separator: "."), row.configKey]
                    values[key.filter { !$0.isEmpty }.map { $0.lowercased() }] = (
                        text, .secretFile(path: folder + "/" + name)
                    )
                } catch {
                    problems.append(
                        SettingsProblem(
                            severity: .mistake, place: .secretFile(path: folder + "/" + name),
                            key: row.title, problem: error.problem, remedy: error.remedy))
                }
            }
        }
        return SettingsLayers.values(values, name: "credentials", folder: workingFolder)
    }

    /// A misspelt variable would be ignored silently. Only a warning: others may use the prefix as well.
    private func unknownVariables() -> [SettingsProblem] {
        let known = SettingsTable.rows.compactMap(\.variable)
        // Variables of named sections are known only together with the file: their prefix has to do.
        let prefixes = SettingsSection.allCases.filter { $0.namePlaceholder != nil }
            .map { "ATTENDANCE_\($0.rawValue.uppercased())_" }
        return environment.keys.sorted().compactMap { name in
            guard name.hasPrefix("ATTENDANCE_"), !known.contains(name),
                !prefixes.contains(where: { name.hasPrefix($0) })
            else { return nil }
            return SettingsProblem(
                severity: .warning, place: .environment(variable: name), key: nil,
                problem: "there is no setting of this name",
                remedy: Suggestion.nearest(to: name, among: known).map { "Perhaps \($0) is meant" }
                    ?? "Remove it if it was meant for the gateway")
        }
    }

    /// By place (line of the file first), so that a reader can go through the file once.
    private static func inOrder(_ problems: [SettingsProblem], of file: String?) -> [SettingsProblem] {
        func rank(_ problem: SettingsProblem) -> (Int, Int) {
            switch problem.place {
            case .wholeFile(file): (0, 0)
            case .file(file, let line): (1, line)
            // Another file, which the settings name.
            case .file(_, let line): (2, line)
            case .wholeFile: (2, .max)
            case .secretFile: (3, 0)
            case .environment: (4, 0)
            case .argument: (5, 0)
            case .standard: (6, 0)
            }
        }
        return problems.enumerated()
            .sorted { a, b in
                let (left, right) = (rank(a.element), rank(b.element))
                return left == right ? a.offset < b.offset : left < right
            }
            .map(\.element)
    }

    /// An error of Foundation in the words of the system (`No such file or directory`).
    static func words(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
        if let code = (underlying as? NSError)?.code, (underlying as? NSError)?.domain == NSPOSIXErrorDomain {
            return String(cString: strerror(Int32(code)))
        }
        return error.localizedDescription
    }
}

/// What came of loading: the settings, unless there is a mistake, and what must be said about them.
package struct LoadedSettings: Sendable {
    /// Nil when any problem is a mistake.
    package var settings: Settings?
    /// By place.
    package var problems: [SettingsProblem]
    /// Every setting that has a value, in the table's order, with where it came from.
    package var values: [EffectiveSetting]
    /// The file that was read, absolute; nil when there is none.
    package var file: String?

    package var mistakes: [SettingsProblem] { problems.filter { $0.severity == .mistake } }
    package var warnings: [SettingsProblem] { problems.filter { $0.severity == .warning } }

    /// The settings, or all mistakes as one error.
    package func get() throws(SettingsError) -> Settings {
        guard let settings else { throw SettingsError(problems: mistakes) }
        return settings
    }
}

extension Settings {
    /// Loads from the usual places; see `SettingsLoader`.
    package static func load(
        path: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment,
        arguments: [String] = []
    ) -> LoadedSettings {
        SettingsLoader(path: path, arguments: arguments, environment: environment).load()
    }
}

/// One setting as it is in force.
package struct EffectiveSetting: Hashable, Sendable {
    let row: SettingRow
    /// What stands behind the section's word: of `[Listener NAME]`, `[Terminal SERIAL]` and the like.
    let name: String?
    /// May be a secret.
    let text: String
    package let place: SettingPlace

    /// `[Listener second] Port`
    package var title: String {
        "[\(row.section.rawValue)\(name.map { " \($0)" } ?? "")] \(row.name)"
    }
    /// For people: a secret is `redacted`, nothing is `(blank)`.
    package var shown: String {
        if text.isEmpty { return "(blank)" }
        if row.isSecret { return "redacted" }
        return text.replacing(",\n", with: ", ").replacing("\n", with: ", ")
    }
    /// Whether a change of it takes effect at a reload.
    package var takesEffectAtReload: Bool { row.effect == .atReload }
}

/// A secret in a file of its own.
enum SecretFile {
    static let maximumBytes = 4096

    /// The file's text without blanks and line ends around it; never empty.
    static func read(_ path: String) throws(ValueFault) -> String {
        let data: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }  // opened for reading: nothing can be lost
            data = try handle.read(upToCount: maximumBytes + 1) ?? Data()
        } catch {
            throw ValueFault(
                problem: "\(path) cannot be read (\(SettingsLoader.words(error)))",
                remedy: "Check the path, and that the gateway's user may read it")
        }
        guard data.count <= maximumBytes, let text = String(validating: data, as: UTF8.self) else {
            throw ValueFault(
                problem: "\(path) holds no secret (at most 4 KiB of text)", remedy: "Check the path")
        }
        let secret = text.trimmingBlanks()
        // Blank would mean "none", and so open what the secret was to close.
        if secret.isEmpty {
            throw ValueFault(problem: "\(path) is empty", remedy: "Write the secret into it, or remove it")
        }
        return secret
    }
}

/// A path made absolute, without `.` and `..`.
func absolute(_ path: String, in folder: String) -> String {
    let joined = path.hasPrefix("/") ? path : folder + "/" + path
    return (joined as NSString).standardizingPath
}
