/// A terminal's refusal, in words (docs/protocol.md §6.8).
package struct CommandFailure: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// This firmware does not know the word.
        case unsupported
        /// There is no such user or nothing of the kind.
        case notFound
        case other
    }

    package var kind: Kind
    /// For a person to read, one line.
    package var words: String

    package init(kind: Kind, words: String) {
        self.kind = kind
        self.words = words
    }

    package init(word: String, reason: String?, message: String?) {
        let text = message ?? (reason.flatMap { Int64($0) } == nil ? reason : nil)
        kind = Self.kind(of: text ?? "", reason: reason)
        let code = reason.flatMap { Int64($0.trimmingBlanks()) }
        var parts: [String] = []
        switch kind {
        case .unsupported: parts.append("this firmware does not know the command \(word)")
        case .notFound, .other: if let code { parts.append(Self.words(ofCode: code, word: word)) }
        }
        if let text, !text.isEmpty { parts.append("the terminal says: \(PlainText.line(text, limit: 200))") }
        words = parts.isEmpty ? "the terminal refused it without a reason" : parts.joined(separator: "; ")
    }

    private static func kind(of text: String, reason: String?) -> Kind {
        let text = text.lowercased()
        func has(_ words: String...) -> Bool { words.contains { text.contains($0) } }
        if text.contains("command"), has("find", "found", "support", "unknown", "invalid", "exist") {
            return .unsupported
        }
        if has("not support", "unsupported") { return .unsupported }
        if has(
            "can not find", "cannot find", "can't find", "not found", "no such", "have no data", "not exist")
        {
            return .notFound
        }
        return .other
    }

    /// What a number means for a word. Only photos have a table of their own; others are a guess (**C**) and told so.
    private static func words(ofCode code: Int64, word: String) -> String {
        if word == "setuserinfo" {
            switch code {
            case 1: return "refused (code 1): the photo is too large, or a field is missing or wrong"
            case 5: return "there is no face in the photo (code 5)"
            case 6: return "there is more than one face in the photo (code 6)"
            case 7: return "the photo is too wide or too high (code 7)"
            case 8: return "the face is too large in the photo (code 8)"
            case 9: return "the face is too small in the photo (code 9)"
            case 10: return "the photo is of poor quality (code 10)"
            case 11: return "the face is cut or turned away (code 11)"
            case 12: return "this face is already enrolled under another number (code 12)"
            default: return "the photo or template could not be decoded (code \(code))"
            }
        }
        switch code {
        case 1: return "refused (code 1): any fault, or a field is missing"
        case 2: return "a checksum does not fit (code 2)"
        case 3: return "the operation failed (code 3)"
        case 4: return "a field has a wrong form (code 4)"
        case 5: return "not found (code 5)"
        default: return "refused (code \(code))"
        }
    }
}
