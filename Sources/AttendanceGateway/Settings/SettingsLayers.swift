import AttendanceCore
import Configuration

/// Where settings are looked for, the strongest first: `--set`, environment, credentials, file.
///
/// Each layer is a snapshot of swift-configuration. They are asked one by one, and not through a `ConfigReader`,
/// because each message must name the place a value came from.
struct SettingsLayers {
    struct Layer {
        var snapshot: any ConfigSnapshot
        /// Where the value of a key stands, given the layer's own name for the key.
        var place: @Sendable (AbsoluteConfigKey, _ encoded: String) -> SettingPlace
        /// Relative paths are relative to this folder.
        var folder: String
    }
    struct Found {
        var text: String
        var place: SettingPlace
        var folder: String
        /// Number of the layer, 0 the strongest.
        var rank: Int
    }
    var layers: [Layer] = []
    /// The layer that is the file, which also knows continuation lines.
    var file: INISnapshot?

    /// The strongest value of a setting; nil when nobody set it.
    func find(_ row: SettingRow, name: String?) -> Found? {
        let key = AbsoluteConfigKey([row.section.rawValue] + [name].compactMap(\.self) + [row.configKey])
        for (rank, layer) in layers.enumerated() {
            // Asking for text cannot fail: every layer here holds text.
            guard let result = try? layer.snapshot.value(forKey: key, type: .string),
                case .string(let text)? = result.value?.content
            else { continue }
            return Found(
                text: text.trimmingBlanks(), place: layer.place(key, result.encodedKey), folder: layer.folder,
                rank: rank)
        }
        return nil
    }
}

extension SettingsLayers {
    static func environment(_ variables: [String: String], folder: String) -> Layer {
        // Only our own: the provider's description counts what it holds.
        let own = variables.filter { $0.key.hasPrefix("ATTENDANCE_") }
        let provider = EnvironmentVariablesProvider(environmentVariables: own).prefixKeys(with: "attendance")
        return Layer(
            snapshot: provider.snapshot(), place: { _, encoded in .environment(variable: encoded) },
            folder: folder)
    }

    static func file(_ snapshot: INISnapshot, path: String, folder: String) -> Layer {
        Layer(
            snapshot: snapshot,
            place: { key, _ in
                snapshot.entry(for: key).map { .file(path: path, line: $0.line) } ?? .wholeFile(path: path)
            }, folder: folder)
    }

    /// Values keyed by their lower-case components.
    static func values(
        _ values: [[String]: (text: String, place: SettingPlace)], name: String, folder: String
    ) -> Layer {
        let contents = Dictionary(
            uniqueKeysWithValues: values.map {
                (AbsoluteConfigKey($0.key), ConfigValue(.string($0.value.text), isSecret: true))
            })
        let places = values.mapValues(\.place)
        return Layer(
            snapshot: CaseInsensitiveSnapshot(
                base: InMemoryProvider(name: name, values: contents).snapshot()),
            place: { key, _ in places[key.components.map { $0.lowercased() }] ?? .standard }, folder: folder)
    }
}

/// Looks keys up in lower case.
private struct CaseInsensitiveSnapshot: ConfigSnapshot {
    var base: any ConfigSnapshot
    var providerName: String { base.providerName }

    func value(forKey key: AbsoluteConfigKey, type: ConfigType) throws -> LookupResult {
        try base.value(forKey: AbsoluteConfigKey(key.components.map { $0.lowercased() }), type: type)
    }
}
