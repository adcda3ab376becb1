/// The languages of the console. English comes first: it is what all else falls back to.
package enum Language: String, CaseIterable, Codable, Sendable {
    case english = "en"
    case arabic = "ar"
    case spanish = "es"
    case french = "fr"
    case hindi = "hi"
    case portuguese = "pt"

    /// What its speakers call it.
    package var ownName: String {
        switch self {
        case .english: "English"
        case .arabic: "العربية"
        case .spanish: "Español"
        case .french: "Français"
        case .hindi: "हिन्दी"
        case .portuguese: "Português"
        }
    }

    /// `dir` of the page.
    package var direction: String { self == .arabic ? "rtl" : "ltr" }

    /// The best of an `Accept-Language` header; of a hostile one at most 20 entries are read.
    package init?(accepted header: String) {
        var best: (language: Self, weight: Double)?
        for entry in header.split(separator: ",", maxSplits: 20).prefix(20) {
            let parts = entry.split(separator: ";")
            guard let tag = parts.first?.trimmingBlanks().split(separator: "-").first,
                let language = Self(rawValue: tag.lowercased())
            else { continue }
            let quality = parts.dropFirst().lazy.map { $0.trimmingBlanks() }.first { $0.hasPrefix("q=") }
            let weight = quality.flatMap { Double($0.dropFirst(2)) } ?? 1
            if weight > best?.weight ?? 0 { best = (language, weight) }
        }
        guard let best else { return nil }
        self = best.language
    }
}
