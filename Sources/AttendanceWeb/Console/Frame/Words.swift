import Foundation

/// The console's texts in every language: one file `NAME.words.json` a page, `{"key": {"en": "…", "ar": "…", …}}`.
///
/// A text may hold places, `{name}`, that the code fills. Whatever a page shows must come from here, from the journal or
/// from the gateway's own reports (those speak English, like its log).
package struct Words: Sendable {
    private var texts: [Language: [String: String]]

    /// Throws where a text lacks a language, has different places in two of them, or is already there.
    init(_ files: [(name: String, content: Data)]) throws {
        texts = Dictionary(uniqueKeysWithValues: Language.allCases.map { ($0, [:]) })
        for (name, content) in files {
            let read = try JSONDecoder().decode([String: [String: String]].self, from: content)
            for (key, translations) in read {
                for language in Language.allCases {
                    guard let text = translations[language.rawValue], !text.isEmpty else {
                        throw WordsError(text: "\(name): “\(key)” has no text in “\(language.rawValue)”")
                    }
                    guard Self.places(of: text) == Self.places(of: translations["en"] ?? "") else {
                        throw WordsError(
                            text:
                                "\(name): “\(key)” has other places in “\(language.rawValue)” than in English"
                        )
                    }
                    guard texts[language, default: [:]].updateValue(text, forKey: key) == nil else {
                        throw WordsError(text: "\(name): “\(key)” is there twice")
                    }
                }
                if let extra = translations.keys.first(where: { Language(rawValue: $0) == nil }) {
                    throw WordsError(
                        text: "\(name): “\(key)” has a text in “\(extra)”, which is no language here")
                }
            }
        }
    }

    /// Of several files: those of the frame and those of a page.
    func joined(_ other: Words) -> Words {
        var all = self
        for (language, more) in other.texts { all.texts[language, default: [:]].merge(more) { $1 } }
        return all
    }

    /// What templates call `t`.
    func all(in language: Language) -> [String: String] { texts[language] ?? [:] }

    /// `key` itself where there is no such text: seen at once, and by a test.
    package func callAsFunction(
        _ key: String, in language: Language, _ places: KeyValuePairs<String, String> = [:]
    ) -> String {
        Self.filled(texts[language]?[key] ?? key, places)
    }

    static func filled(_ text: String, _ places: KeyValuePairs<String, String>) -> String {
        places.reduce(text) { $0.replacingOccurrences(of: "{\($1.key)}", with: $1.value) }
    }

    /// Some ten thousand texts are looked at at each start: an expression would be read anew for each of them.
    private static func places(of text: String) -> Set<String> {
        Set(
            text.split(separator: "{", omittingEmptySubsequences: false).dropFirst().compactMap { part in
                guard let end = part.firstIndex(of: "}"), end > part.startIndex else { return nil }
                let name = part[..<end]
                return name.allSatisfy { ("a"..."z").contains($0) } ? String(name) : nil
            })
    }
}

struct WordsError: LocalizedError {
    let text: String
    var errorDescription: String? { text }
}
