/// What differs between two loads, for the log of a reload. Never shows a secret.
package struct SettingsDifference: Hashable, Sendable {
    package struct Change: Hashable, Sendable, CustomStringConvertible {
        /// `[Section] Key`
        package let title: String
        package let before: String
        package let after: String
        package let takesEffectAtReload: Bool

        package var description: String { "\(title): \(before) -> \(after)" }
    }
    /// By title.
    package let changes: [Change]

    package var now: [Change] { changes.filter(\.takesEffectAtReload) }
    package var afterRestart: [Change] { changes.filter { !$0.takesEffectAtReload } }
    package var isEmpty: Bool { changes.isEmpty }

    package init(from old: LoadedSettings, to new: LoadedSettings) {
        let before = Self.byTitle(old.values)
        let after = Self.byTitle(new.values)
        changes = Set(before.keys).union(after.keys).sorted()
            .compactMap { title in
                let (was, now) = (before[title], after[title])
                guard was?.text != now?.text, let row = (now ?? was)?.row else { return nil }
                // A listener or a sink that appears or vanishes is more than its keys.
                let isWholeSection = row.section.needsRestart && (was == nil || now == nil)
                return Change(
                    title: title, before: was?.shown ?? "(not there)", after: now?.shown ?? "(not there)",
                    takesEffectAtReload: row.effect == .atReload && !isWholeSection)
            }
    }

    private static func byTitle(_ values: [EffectiveSetting]) -> [String: EffectiveSetting] {
        // A secret from a file of its own stands twice, the later one being the secret itself.
        Dictionary(values.map { ($0.title, $0) }) { $1 }
    }
}
